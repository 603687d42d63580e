"""Tag, length, value: DER written, BER read (X.690).

Our own, because a signature is judged over the bytes as found, lengths are
taken strictly, and whatever the bytes say, reading them costs linear time and
bounded depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, UTC_TIME, GENERALIZED_TIME = 0x0C, 0x13, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
TELETEX_STRING, IA5_STRING, BMP_STRING = 0x14, 0x16, 0x1E
STRINGS = (UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING, BMP_STRING)
CONSTRUCTED, CONTEXT = 0x20, 0x80
CONTEXT_0, CONTEXT_1 = 0xA0, 0xA1

# A SignedData with a certificate nests 11 deep; BER in real passes adds two.
MAX_DEPTH = 32
# Four length octets reach 4 GiB, far above any limit of the callers.
MAX_LENGTH_OCTETS = 4

LONG_FORM, LOW_SEVEN = 0x80, 0x7F


class DerError(ValueError):
    """These bytes are not BER, or more than we are willing to read."""


# --- writing ---


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: identifier octet, shortest length, the parts one after the other."""
    content = b"".join(parts)
    return bytes((tag,)) + length(len(content)) + content


def length(size: int) -> bytes:
    """The shortest length octets (X.690 section 10.1)."""
    if size < LONG_FORM:
        return bytes((size,))
    encoded_bytes = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((LONG_FORM | len(encoded_bytes),)) + encoded_bytes


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of elements."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes, tag: int = SET) -> bytes:
    """A SET OF elements in the order of their encodings (X.690 section 11.6)."""
    return tlv(tag, *sorted(parts))


def integer(value: int) -> bytes:
    """An INTEGER in the fewest octets."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        septets = [arc & LOW_SEVEN]
        while arc := arc >> 7:
            septets.append(arc & LOW_SEVEN | LONG_FORM)
        content += bytes(reversed(septets))
    return tlv(OID, bytes(content))


# --- reading ---


class Node(NamedTuple):
    """One element of a document, by its offsets there: nothing is copied until asked for."""

    source: bytes
    tag: int
    start: int  # of the identifier octet
    body: int  # of the first content octet
    stop: int  # after the last content octet
    end: int  # after the element: later than `stop` where two zero octets end it
    depth: int
    found: tuple[Node, ...] | None = None  # the children, where finding the end meant reading them

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self.source[self.body : self.stop]

    @property
    def encoded(self) -> bytes:
        """The element as found, with its header."""
        return self.source[self.start : self.end]

    @property
    def indefinite(self) -> bool:
        """The length was left open, which BER allows and DER doesn't."""
        return self.found is not None

    def children(self) -> tuple[Node, ...]:
        """The elements inside; DerError where this one is primitive or they don't fill it."""
        if self.found is not None:
            return self.found
        if not self.tag & CONSTRUCTED:
            raise DerError(f"octet {self.start}: a primitive element stands where a constructed one belongs")
        return tuple(_elements(self))

    def expect(self, tag: int) -> Node:
        """This element, if it has this identifier octet."""
        if self.tag != tag:
            raise DerError(f"octet {self.start}: tag {self.tag:#04x} stands where {tag:#04x} belongs")
        return self

    def integer(self) -> int:
        """The value of an INTEGER."""
        encoded_bytes = self.expect(INTEGER).content
        # X.690 section 8.3.2: the first nine bits are neither all ones nor all zeros.
        if not encoded_bytes or (
            len(encoded_bytes) > 1
            and encoded_bytes[0] in (0, 0xFF)
            and encoded_bytes[0] >> 7 == encoded_bytes[1] >> 7
        ):
            raise DerError(f"octet {self.start}: an integer is not in its shortest form")
        return int.from_bytes(encoded_bytes, "big", signed=True)

    def octet_string(self) -> bytes:
        """The value of an OCTET STRING; BER may cut it into segments (X.690 section 8.7.3)."""
        if not self.tag & CONSTRUCTED:
            return self.content
        return b"".join(
            child.expect(child.tag & CONSTRUCTED | OCTET_STRING).octet_string() for child in self.children()
        )


class Fields:
    """The children of an element, taken one after the other; DerError where another stands there."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._left = list(reversed(node.children()))

    def take(self, *tags: int) -> Node:
        """The next element, which must be there and have one of these identifier octets."""
        if not self._left or self._left[-1].tag not in tags:
            raise DerError(f"octet {self._node.start}: a part is missing, or another stands in its place")
        return self._left.pop()

    def maybe(self, *tags: int) -> Node | None:
        """The next element if it has one of these identifier octets."""
        return self._left.pop() if self._left and self._left[-1].tag in tags else None

    def end(self) -> None:
        """There must be nothing left."""
        if self._left:
            raise DerError(f"octet {self._left[-1].start}: more than belongs here")


def read(data: bytes, *, limit: int) -> Node:
    """The one element that `data` is.

    Raises:
        DerError: more than `limit` octets, octets left over, cut short, lengths
            longer than need be, deeper than 32, or a tag number above 30.
    """
    if len(data) > limit:
        raise DerError(f"{len(data)} octets are more than {limit}")
    node = _element(data, 0, len(data), 0)
    if node.end != len(data):
        raise DerError(f"{len(data) - node.end} octets follow after the end")
    return node


def _elements(parent: Node) -> Iterator[Node]:
    at = parent.body
    while at < parent.stop:
        node = _element(parent.source, at, parent.stop, parent.depth + 1)
        yield node
        at = node.end


def _element(data: bytes, start: int, bound: int, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise DerError(f"octet {start}: nested deeper than {MAX_DEPTH}")
    if bound - start < 2:  # noqa: PLR2004
        raise DerError(f"octet {start}: cut short")
    tag, first = data[start], data[start + 1]
    if tag & 0x1F == 0x1F:  # noqa: PLR2004
        raise DerError(f"octet {start}: a tag number above 30")
    body = start + 2
    if first == LONG_FORM:
        return _open_ended(data, tag, start, bound, depth)
    size = first
    if first > LONG_FORM:
        encoded_bytes = data[body : min(body + (first & LOW_SEVEN), bound)]
        if len(encoded_bytes) < first & LOW_SEVEN or len(encoded_bytes) > MAX_LENGTH_OCTETS:
            raise DerError(f"octet {start}: cut short")
        size = int.from_bytes(encoded_bytes, "big")
        if size < LONG_FORM or not encoded_bytes[0]:
            raise DerError(f"octet {start}: the length is written longer than need be")
        body += len(encoded_bytes)
    if size > bound - body:
        raise DerError(f"octet {start}: longer than what holds it")
    return Node(data, tag, start, body, body + size, body + size, depth)


def _open_ended(data: bytes, tag: int, start: int, bound: int, depth: int) -> Node:
    """An element of indefinite length: children up to two zero octets (X.690 section 8.1.3.6)."""
    if not tag & CONSTRUCTED:
        raise DerError(f"octet {start}: only constructed elements can leave their length open")
    found: list[Node] = []
    at = start + 2
    while data[at : min(at + 2, bound)] != b"\0\0":
        child = _element(data, at, bound, depth + 1)
        found.append(child)
        at = child.end
    return Node(data, tag, start, start + 2, at, at + 2, depth, tuple(found))
