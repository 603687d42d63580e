"""The one reader of JSON from outside, and the one writer.

`loads` takes the JSON of RFC 8259 with the restrictions of I-JSON (RFC 7493):
UTF-8, each key once, numbers that every reader reads alike, strings that are
text. `loads_tolerant` takes in addition what is found in passes that wallets
show, and names each thing it let through. Neither repeats a value from the
document in an error: it may be private.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NoReturn

from passwright.errors import InvalidInput
from passwright.report import Finding, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_BYTES", "MAX_DEPTH", "TolerantResult", "dumps", "loads", "loads_tolerant"]

# A real pass.json has 1 to 40 kB; one of 1 MiB parses in some 20 ms.
MAX_BYTES = 2**20
# A pass goes seven levels deep. The standard library's parser recurses, so depth is counted before it starts.
MAX_DEPTH = 32

# RFC 7493 section 2.2: beyond this, readers that keep numbers as binary64 see another integer.
_MAX_INTEGER = 2**53
_MAX_DIGITS = 16
# Cleaning looks at every piece: a bracket, a comma, a colon, a value, a comment.
_PIECES_PER_ITEM = 8
# So that a document with 10,000 trailing commas does not become 10,000 findings.
_MAX_FINDINGS_OF_A_KIND = 10
_MAX_KEY_SHOWN = 60

# A string that never ends counts as one up to the end: starting again at the
# next quote would make scanning quadratic. The same goes for comments.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_COMMENT = r"//[^\n\r]*+|/\*(?:.*?\*/|.*+)"
_PIECE = re.compile(rf'{_STRING}|{_COMMENT}|[\[\]{{}}:,]|[^\s\[\]{{}}:,"/]++', re.DOTALL)
_BETWEEN_BRACKETS = re.compile(rf'(?:{_STRING}|[^\[\]{{}}"]++)++', re.DOTALL)
_NOT_LINE_END = re.compile(r"[^\n\r]")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TolerantResult:
    """What a tolerant reader read, and a warning for each thing it let through."""

    value: Any
    findings: tuple[Finding, ...] = ()


def loads(
    data: bytes,
    *,
    name: str,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_items: int | None = None,
) -> Any:
    """The value of the JSON document `data`, which is called `name` in errors.

    `max_bytes` and `max_depth` (levels of arrays and objects) bound time and
    memory, `max_items` (commas and opening brackets, None for any number) the work
    of those who look at each item. Integers must lie within ±2**53 (RFC 7493 section 2.2), keys must
    be unique (section 2.3), and strings must be Unicode text (section 2.1)
    without NUL, which neither databases nor wallets carry.

    Raises:
        InvalidInput: with the code too-large, not-utf8, too-deep, bad-json,
            duplicate-key, bad-number or bad-string; `location` is
            `name[:line][#pointer]`.
    """
    text = _decode(data, name, max_bytes)
    _check_items(text, name, max_items)
    return _parse(text, name, max_depth)


def loads_tolerant(
    data: bytes,
    *,
    name: str,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_items: int | None = None,
) -> TolerantResult:
    """The value of a JSON document as people write it, and what had to be let through.

    Tolerated are a byte order mark, UTF-16, trailing commas, comments
    (`//` and `/* */`), and repeated keys, of which the last wins as in
    RFC 8259 section 4's description of common readers. Each is a warning with
    its place; past ten of a kind the rest are only counted. The bounds are those of `loads`.

    Raises:
        InvalidInput: as `loads`, for what no tolerance saves.
    """
    text, findings = _decode_tolerantly(data, name, max_bytes)
    _check_items(text, name, max_items)
    try:
        return TolerantResult(_parse(text, name, max_depth), tuple(findings))
    except InvalidInput:
        text, cleaned = _without_extras(text, max_items and max_items * _PIECES_PER_ITEM)
    value = _parse(text, name, max_depth, repeated_keys=True)
    cleaned += [
        _Found(
            "json-duplicate-key",
            fault.position,
            "the key was there before: its last value counts",
            fault.pointer,
        )
        for fault in _faults(text)
        if fault.code == "duplicate-key"
    ]
    return TolerantResult(value, (*findings, *_as_warnings(cleaned, text, name)))


def dumps(value: Any) -> str:
    """The one compact JSON text of `value`: no spaces, nothing escaped that need not be.

    Keys keep their order.

    Raises:
        ValueError: for NaN, infinities and circular values.
        TypeError: for what JSON has no form for.
    """
    # Most values that are written one by one are texts and whole numbers.
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    return repr(value) if kind is int else _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class _Refused(Exception):
    # Carries a code out of the parser's hooks; never leaves this file.
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused(
            "duplicate-key", "a key stands twice in one object; readers disagree about which counts"
        )
    return members


def _integer(digits: str) -> int:
    # The length first: turning thousands of digits into an int takes quadratic time.
    if len(digits.lstrip("-")) > _MAX_DIGITS or abs(int(digits)) > _MAX_INTEGER:
        raise _Refused("bad-number", "an integer lies outside ±2**53, where readers begin to round")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused("bad-number", "a number is too large for a 64-bit float")
    return number


def _constant(_: str) -> NoReturn:
    raise _Refused("bad-number", "NaN and Infinity are no JSON numbers")


_HOOKS: dict[str, Any] = {"parse_int": _integer, "parse_float": _float, "parse_constant": _constant}
_STRICT = json.JSONDecoder(object_pairs_hook=_object, **_HOOKS)
_LAST_WINS = json.JSONDecoder(**_HOOKS)


def _parse(text: str, name: str, max_depth: int, *, repeated_keys: bool = False) -> Any:
    if _is_deeper(text, max_depth):
        raise InvalidInput(
            "too-deep", name, f"arrays and objects are nested more than {max_depth} levels deep"
        )
    try:
        value = (_LAST_WINS if repeated_keys else _STRICT).decode(text)
    except _Refused as refused:
        place = next((fault.place(text, name) for fault in _faults(text) if fault.code == refused.code), name)
        raise InvalidInput(refused.code, place, refused.message) from None
    except json.JSONDecodeError as error:
        code, reason = _reason(error)
        raise InvalidInput(code, f"{name}:{error.lineno}", f"{reason} (column {error.colno})") from None
    except RecursionError:
        raise InvalidInput("too-deep", name, "arrays and objects are nested too deep to read") from None
    # Without an escape there is nothing to find: NUL must be escaped, and UTF-8 has no surrogates.
    if "\\u" in text:
        _check_strings(value, name)
    return value


def _reason(error: json.JSONDecodeError) -> tuple[str, str]:
    # The parser's own words differ between Python versions, and may quote the document.
    if error.msg.startswith("Invalid control"):
        return "bad-string", "a control character stands in a string without being escaped"
    if error.msg.startswith("Invalid \\"):
        return "bad-string", "a backslash in a string does not begin one of JSON's escapes"
    if error.msg.startswith("Unterminated"):
        return "bad-json", "a string has no end"
    if error.msg.startswith("Extra data"):
        return "bad-json", "something follows the end of the document"
    return "bad-json", "this is not JSON"


def _check_items(text: str, name: str, most: int | None) -> None:
    # Each of them is a character, so most texts need no counting.
    if most is not None and len(text) > most and sum(map(text.count, ",[{")) > most:
        raise InvalidInput("too-large", name, f"the document holds more than {most:,} items")


def _is_deeper(text: str, max_depth: int) -> bool:
    if text.count("[") + text.count("{") <= max_depth:
        return False
    depth = 0
    for bracket in _BETWEEN_BRACKETS.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            return True
    return False


def _check_strings(value: Any, name: str) -> None:
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, dict):
            waiting += [(key, (*path, key)) for key in value]
            waiting += [(item, (*path, key)) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(item, (*path, index)) for index, item in enumerate(value)]
        elif isinstance(value, str) and _NOT_TEXT.search(value):
            place = f"{name}#{_pointer(path)}" if path else name
            raise InvalidInput("bad-string", place, "a string holds NUL or half a surrogate pair")


def _decode(data: bytes, name: str, max_bytes: int) -> str:
    if len(data) > max_bytes:
        raise InvalidInput(
            "too-large", name, f"the document has {len(data)} bytes, at most {max_bytes} are read"
        )
    # RFC 8259 section 8.1: no byte order mark. NUL among the first bytes is
    # UTF-16 or UTF-32 without one, which decodes as UTF-8 without complaint.
    if data.startswith(codecs.BOM_UTF8):
        raise InvalidInput("not-utf8", name, "the document begins with a byte order mark")
    if b"\0" in data[:4]:
        raise InvalidInput("not-utf8", name, "the document is UTF-16 or UTF-32, JSON is UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput("not-utf8", f"{name}:{line}", "the document is not UTF-8") from None


def _decode_tolerantly(data: bytes, name: str, max_bytes: int) -> tuple[str, list[Finding]]:
    start = data[:4]
    if start.isascii() and b"\0" not in start:
        return _decode(data, name, max_bytes), []
    if data.startswith(codecs.BOM_UTF8):
        found = warning("json-bom", name, "the document begins with a byte order mark")
        return _decode(data.removeprefix(codecs.BOM_UTF8), name, max_bytes), [found]
    encoding = _utf16(start)
    if encoding is None or len(data) > max_bytes:
        return _decode(data, name, max_bytes), []
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise InvalidInput("not-utf8", name, "the document is neither UTF-8 nor UTF-16") from None
    return text, [warning("json-utf16", name, "the document is UTF-16, JSON is UTF-8")]


def _utf16(start: bytes) -> str | None:
    # JSON begins with two ASCII characters, so the NULs tell the encoding (RFC 4627 section 3).
    little = start.startswith(codecs.BOM_UTF16_LE) or [byte == 0 for byte in start[:2]] == [False, True]
    big = start.startswith(codecs.BOM_UTF16_BE) or [byte == 0 for byte in start[:2]] == [True, False]
    if b"\0\0" in start or not (little or big):
        return None
    return "utf-16-le" if little else "utf-16-be"


@dataclass(frozen=True, slots=True)
class _Found:
    """Something at a character of the text; `message` is for findings."""

    code: str
    position: int
    message: str = ""
    pointer: str = ""

    def place(self, text: str, name: str) -> str:
        line = text.count("\n", 0, self.position) + 1
        return f"{name}:{line}{'#' * bool(self.pointer)}{self.pointer}"


def _as_warnings(found: list[_Found], text: str, name: str) -> Iterator[Finding]:
    kinds: dict[str, list[_Found]] = {}
    for item in found:
        kinds.setdefault(item.code, []).append(item)
    for code, items in kinds.items():
        left = len(items) - _MAX_FINDINGS_OF_A_KIND
        for number, item in enumerate(items[:_MAX_FINDINGS_OF_A_KIND], start=1):
            more = f", and {left} more after this" if left > 0 and number == _MAX_FINDINGS_OF_A_KIND else ""
            yield warning(code, item.place(text, name), item.message + more)


def _without_extras(text: str, most: int | None) -> tuple[str, list[_Found]]:
    """The text with spaces in place of comments and trailing commas: places stay as they were."""
    found: list[_Found] = []
    blanks: list[tuple[int, int]] = []
    before = "["  # the last piece that is no comment
    comma: int | None = None  # where it is, when it is a comma after a value
    for match in islice(_PIECE.finditer(text), most):
        piece = match.group()
        if piece.startswith("/"):
            if not _is_whole_comment(piece):
                break
            found.append(_Found("json-comment", match.start(), "a comment, which JSON does not have"))
            blanks.append(match.span())
            continue
        if piece in "]}" and comma is not None:
            found.append(_Found("json-trailing-comma", comma, "a comma stands after the last item"))
            blanks.append((comma, comma + 1))
        comma = match.start() if piece == "," and before not in "[{,:" else None
        before = piece
    kept = 0
    parts: list[str] = []
    for start, end in sorted(blanks):
        parts += [text[kept:start], _NOT_LINE_END.sub(" ", text[start:end])]
        kept = end
    return "".join([*parts, text[kept:]]), found


def _is_whole_comment(piece: str) -> bool:
    return piece.startswith("//") or (piece.endswith("*/") and len(piece) >= len("/**/"))


def _faults(text: str) -> Iterator[_Found]:
    """Repeated keys and bad numbers with their places, which the parser's hooks can't tell.

    `text` is JSON at least up to the first of them.
    """
    path: list[str | int | None] = []  # keys and indexes; None while an object waits for its key
    seen: list[set[str]] = []
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in "{[":
            path.append(None if piece == "{" else 0)
            seen.append(set())
        elif piece in "}]":
            path.pop()
            seen.pop()
        elif piece == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif path and path[-1] is None:
            key = path[-1] = str(json.loads(piece))
            if key in seen[-1]:
                yield _Found("duplicate-key", match.start(), pointer=_pointer(path))
            seen[-1].add(key)
        elif _is_bad_number(piece):
            yield _Found("bad-number", match.start(), pointer=_pointer(path))


def _is_bad_number(piece: str) -> bool:
    if piece[0] in '":':
        return False
    try:
        _STRICT.decode(piece)
    except _Refused:
        return True
    return False


def _pointer(path: Sequence[str | int | None]) -> str:
    """A JSON pointer (RFC 6901) that is safe to print: long and unprintable keys are cut and escaped."""
    return "".join(f"/{_shown(part)}" for part in path if part is not None)


def _shown(part: str | int) -> str:
    text = str(part).replace("~", "~0").replace("/", "~1")
    if len(text) > _MAX_KEY_SHOWN:
        text = f"{text[:_MAX_KEY_SHOWN]}…"
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
