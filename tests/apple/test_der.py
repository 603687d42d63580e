"""Elements are written in DER and read in BER, strictly and in bounded time."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.cms import der

LIMIT = 1 << 20


def read(data: bytes) -> der.Node:
    return der.read(data, limit=LIMIT)


@given(st.integers(-(2**200), 2**200))
def test_integers_are_written_as_asn1crypto_writes_them(value: Any) -> None:
    assert der.integer(value) == core.Integer(value).dump()
    assert read(der.integer(value)).integer() == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**40), max_size=8))
def test_object_identifiers_are_written_as_asn1crypto_writes_them(first: Any, second: Any, rest: Any) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.oid(dotted) == core.ObjectIdentifier(dotted).dump()


@given(st.binary(max_size=70_000))
def test_octets_are_written_as_asn1crypto_writes_them(content: Any) -> None:
    written = der.tlv(der.OCTET_STRING, content)
    assert written == core.OctetString(content).dump()
    assert read(written).octet_string() == content


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_sets_are_sorted_by_encoding(values: Any) -> None:
    class Numbers(core.SetOf):  # type: ignore[misc]  # asn1crypto has no types
        _child_spec = core.Integer

    assert der.set_of(*map(der.integer, values)) == Numbers(values).dump(force=True)


TREES = st.recursive(
    st.binary(max_size=300).map(lambda content: der.tlv(der.OCTET_STRING, content)),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: der.sequence(*parts)),
    max_leaves=20,
)


@given(TREES)
def test_whole_trees_are_read_back(tree: Any) -> None:
    def again(node: der.Node) -> bytes:
        if node.tag == der.SEQUENCE:
            return der.sequence(*map(again, node.children()))
        return der.tlv(node.tag, node.content)

    node = read(tree)
    assert node.encoded == tree
    assert again(node) == tree


@given(TREES)
def test_sig_13_open_lengths_say_the_same(tree: Any) -> None:
    """A tree with every length left open has the same tags and contents."""

    def opened(node: der.Node) -> bytes:
        if node.tag == der.SEQUENCE:
            return b"\x30\x80" + b"".join(map(opened, node.children())) + b"\0\0"
        return node.encoded

    def shape(node: der.Node) -> Any:
        return [shape(child) for child in node.children()] if node.tag == der.SEQUENCE else node.content

    ber = opened(read(tree))
    assert shape(read(ber)) == shape(read(tree))
    assert read(ber).indefinite == (tree[0] == der.SEQUENCE)


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(data: Any) -> None:
    """Nothing but DerError, and what is read lies within the octets."""

    def walk(node: der.Node) -> None:
        assert 0 <= node.start < node.body <= node.stop <= node.end <= len(data)
        if node.tag & der.CONSTRUCTED:
            for child in node.children():
                walk(child)

    with contextlib.suppress(der.DerError):
        walk(read(data))


REFUSED = {
    "nothing": "",
    "a tag alone": "30",
    "content cut short": "0403ffff",
    "length cut short": "0482ff",
    "octets after the end": "040100ff",
    "two elements": "04010005 00",
    "length in long form without need": "04817f" + "00" * 127,
    "length with a leading zero": "04820080" + "00" * 128,
    "five length octets": "048500000001000",
    "reserved length": "04ff",
    "high tag number": "1f8101 00",
    "open length of a primitive element": "0480 0000",
    "open length without an end": "3080 0400",
    "open length with half an end": "3080 040000",
    "open length that runs out of its parent": "3004 3080 0400 0000",
    "child longer than its parent": "30030403ffff",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_sig_13_what_is_no_strict_encoding_is_refused(data: Any) -> None:
    octets = bytes.fromhex(data.replace(" ", "") + "0" * (len(data.replace(" ", "")) % 2))
    with pytest.raises(der.DerError):
        read(octets).children()


@pytest.mark.parametrize("value", ["", "0000", "007f", "ffff", "ff80"])
def test_sig_13_integers_in_their_shortest_form_only(value: Any) -> None:
    with pytest.raises(der.DerError, match="shortest"):
        read(der.tlv(der.INTEGER, bytes.fromhex(value))).integer()


@pytest.mark.parametrize(("depth", "fits"), [(32, True), (33, False), (10_000, False)])
@pytest.mark.parametrize("opened", [True, False], ids=["open", "definite"])
def test_sig_13_nesting_is_bounded(depth: Any, fits: Any, opened: Any) -> None:
    data = b""
    if opened:
        data = b"\x30\x80" * depth + b"\x30\x00" + b"\0\0" * depth
    else:
        for _ in range(depth + 1):
            data = der.sequence(data)

    def deepest() -> int:
        node, level = read(data), 0
        while inner := node.children():
            node, level = inner[0], level + 1
        return level

    if fits:
        assert deepest() == depth
    else:
        with pytest.raises(der.DerError, match="deeper"):
            deepest()


def test_segments_of_an_octet_string_are_joined() -> None:
    """BER cuts long strings into pieces, and pieces into pieces."""
    pieces = (
        b"\x24\x80"
        + der.tlv(4, b"ab")
        + b"\x24\x80"
        + der.tlv(4, b"cd")
        + b"\0\0"
        + der.tlv(4, b"e")
        + b"\0\0"
    )
    assert read(pieces).octet_string() == b"abcde"
    assert read(pieces).octet_string() == core.OctetString.load(pieces).native
    with pytest.raises(der.DerError, match="tag"):
        read(b"\x24\x80" + der.integer(1) + b"\0\0").octet_string()


def test_more_than_the_limit_is_not_read() -> None:
    with pytest.raises(der.DerError, match="more than 9"):
        der.read(der.tlv(4, bytes(8)), limit=9)


def test_parts_are_taken_in_their_order() -> None:
    node = read(der.sequence(der.integer(1), der.tlv(der.NULL), der.integer(2)))
    fields = der.Fields(node)
    assert fields.maybe(der.NULL) is None
    assert fields.take(der.INTEGER).integer() == 1
    assert fields.maybe(der.NULL) is not None
    with pytest.raises(der.DerError, match="in its place"):
        fields.take(der.OID)
    with pytest.raises(der.DerError, match="more than belongs"):
        fields.end()
    assert fields.take(der.OID, der.INTEGER).integer() == 2
    fields.end()
    with pytest.raises(der.DerError, match="missing"):
        fields.take(der.INTEGER)


def test_a_primitive_element_has_no_children() -> None:
    with pytest.raises(der.DerError, match="primitive"):
        read(der.integer(1)).children()
    with pytest.raises(der.DerError, match="0x04 belongs"):
        read(der.integer(1)).expect(der.OCTET_STRING)


@pytest.mark.long
def test_reading_takes_linear_time() -> None:
    """Eight times the octets take about eight times as long, whatever they nest."""

    def seconds(count: int) -> float:
        data = b"\x30\x80" * 30 + b"\x04\x00" * count + b"\0\0" * 30
        best = 1.0
        for _ in range(3):
            start = time.process_time()
            node = read(data)
            while node.tag == der.SEQUENCE:
                node = node.children()[0]
            best = min(best, time.process_time() - start)
        return best

    assert seconds(32_000) < 30 * seconds(4_000)
