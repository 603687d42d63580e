"""Reader of JSON documents from outside, with limits and locations, and writer of compact JSON.

`loads` reads JSON of RFC 8259 with the restrictions of I-JSON (RFC 7493): the encoding is UTF-8, keys
of an object are unique, every reader reads a number alike, and strings are Unicode text.
`loads_tolerant` also reads the deviations of passes that wallets show, and warns about each of them.
Errors never repeat a value of the document, because it may be private.
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

# A genuine pass.json has 1 to 40 kB. 1 MiB is parsed in about 20 ms.
MAX_BYTES = 2**20
# A pass is seven levels deep. The standard library's parser recurses, so levels are counted before it starts.
MAX_DEPTH = 32

# RFC 7493 section 2.2: readers that store numbers as binary64 change larger integers.
_MAX_INTEGER = 2**53
_MAX_DIGITS = 16
# Cleaning visits every lexeme: brackets, commas, colons, values and comments.
_LEXEMES_PER_ITEM = 8
# A document with 10,000 trailing commas must not lead to 10,000 findings.
_MAX_FINDINGS_OF_A_KIND = 10
_MAX_KEY_LENGTH = 60

# A string without an end reaches to the end of the document: to start again at the
# next quote would make scanning quadratic. A comment without an end does as well.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_COMMENT = r"//[^\n\r]*+|/\*(?:.*?\*/|.*+)"
_LEXEME = re.compile(rf'{_STRING}|{_COMMENT}|[\[\]{{}}:,]|[^\s\[\]{{}}:,"/]++', re.DOTALL)
_BETWEEN_BRACKETS = re.compile(rf'(?:{_STRING}|[^\[\]{{}}"]++)++', re.DOTALL)
_NOT_LINE_END = re.compile(r"[^\n\r]")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TolerantResult:
    """The value of a document that was read tolerantly, and a warning for each deviation."""

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
    """Reads the JSON document `data`. Errors call it `name`.

    `max_bytes` and `max_depth` (levels of arrays and objects) limit time and memory. `max_items`
    (commas and opening brackets, None for any number) limits the work of callers that visit each
    item. Integers must lie within ±2**53 (RFC 7493 section 2.2), and keys must be unique (section
    2.3). Strings must be Unicode text (section 2.1) without NUL, because neither databases nor
    wallets store NUL.

    Raises:
        InvalidInput: with the code too-large, not-utf8, too-deep, bad-json, duplicate-key,
            bad-number or bad-string. `location` is `name[:line][#pointer]`.
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
    """Reads a JSON document with the deviations of genuine passes.

    These are a byte order mark, UTF-16, trailing commas, comments (`//` and `/* */`), and repeated
    keys, of which the last counts (RFC 8259 section 4). Each deviation is a warning with its
    location. After ten warnings of a kind the others are only counted. The limits are those of
    `loads`.

    Raises:
        InvalidInput: as `loads`, for every other deviation.
    """
    text, findings = _decode_tolerantly(data, name, max_bytes)
    _check_items(text, name, max_items)
    try:
        return TolerantResult(_parse(text, name, max_depth), tuple(findings))
    except InvalidInput:
        text, cleaned = _remove_deviations(text, max_items and max_items * _LEXEMES_PER_ITEM)
    value = _parse(text, name, max_depth, repeated_keys=True)
    cleaned += [
        _Fault(
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
    """Writes a value as compact JSON: without spaces, and without escapes that are not needed.

    Keys keep their order.

    Raises:
        ValueError: `value` contains NaN or an infinity, or is circular.
        TypeError: `value` contains a type that JSON does not have.
    """
    # Most values that are written one at a time are text and integers.
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    return repr(value) if kind is int else _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class _Refused(Exception):
    # Carries a code out of the hooks of the parser, and is caught in this module.
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
    # The length is tested first, because converting thousands of digits takes quadratic time.
    if len(digits.lstrip("-")) > _MAX_DIGITS or abs(int(digits)) > _MAX_INTEGER:
        raise _Refused("bad-number", "an integer lies outside ±2**53, where readers begin to round")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused("bad-number", "a number is too large for a 64-bit float")
    return number


def _constant(_: str) -> NoReturn:
    raise _Refused("bad-number", "NaN and Infinity are not JSON numbers")


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
        locations = (fault.location(text, name) for fault in _faults(text) if fault.code == refused.code)
        raise InvalidInput(refused.code, next(locations, name), refused.message) from None
    except json.JSONDecodeError as error:
        code, reason = _reason(error)
        raise InvalidInput(code, f"{name}:{error.lineno}", f"{reason} (column {error.colno})") from None
    except RecursionError:
        raise InvalidInput("too-deep", name, "arrays and objects are nested too deep to read") from None
    # Without an escape every string is text: NUL must be escaped, and UTF-8 has no surrogates.
    if "\\u" in text:
        _check_strings(value, name)
    return value


def _reason(error: json.JSONDecodeError) -> tuple[str, str]:
    # The messages of the parser differ between Python versions, and may quote the document.
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
    # An item has at least one character, so most documents need no counting.
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
            location = f"{name}#{_pointer(path)}" if path else name
            raise InvalidInput("bad-string", location, "a string holds NUL or half a surrogate pair")


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
    # JSON begins with two ASCII characters, so the NULs show the encoding (RFC 4627 section 3).
    little = start.startswith(codecs.BOM_UTF16_LE) or [byte == 0 for byte in start[:2]] == [False, True]
    big = start.startswith(codecs.BOM_UTF16_BE) or [byte == 0 for byte in start[:2]] == [True, False]
    if b"\0\0" in start or not (little or big):
        return None
    return "utf-16-le" if little else "utf-16-be"


@dataclass(frozen=True, slots=True)
class _Fault:
    """A fault at a position in the text. `message` is for findings."""

    code: str
    position: int
    message: str = ""
    pointer: str = ""

    def location(self, text: str, name: str) -> str:
        line = text.count("\n", 0, self.position) + 1
        return f"{name}:{line}{'#' * bool(self.pointer)}{self.pointer}"


def _as_warnings(faults: list[_Fault], text: str, name: str) -> Iterator[Finding]:
    by_code: dict[str, list[_Fault]] = {}
    for fault in faults:
        by_code.setdefault(fault.code, []).append(fault)
    for code, group in by_code.items():
        left = len(group) - _MAX_FINDINGS_OF_A_KIND
        for number, fault in enumerate(group[:_MAX_FINDINGS_OF_A_KIND], start=1):
            more = f", and {left} more after this" if left > 0 and number == _MAX_FINDINGS_OF_A_KIND else ""
            yield warning(code, fault.location(text, name), fault.message + more)


def _remove_deviations(text: str, most: int | None) -> tuple[str, list[_Fault]]:
    """Replaces comments and trailing commas by spaces, so that positions stay the same."""
    faults: list[_Fault] = []
    blanks: list[tuple[int, int]] = []
    before = "["  # the last lexeme that is not a comment
    comma: int | None = None  # the position of that lexeme if it is a comma after a value
    for match in islice(_LEXEME.finditer(text), most):
        lexeme = match.group()
        if lexeme.startswith("/"):
            if not _is_closed_comment(lexeme):
                break
            faults.append(_Fault("json-comment", match.start(), "a comment, which JSON does not have"))
            blanks.append(match.span())
            continue
        if lexeme in "]}" and comma is not None:
            faults.append(_Fault("json-trailing-comma", comma, "a comma stands after the last item"))
            blanks.append((comma, comma + 1))
        comma = match.start() if lexeme == "," and before not in "[{,:" else None
        before = lexeme
    copied = 0
    parts: list[str] = []
    for start, end in sorted(blanks):
        parts += [text[copied:start], _NOT_LINE_END.sub(" ", text[start:end])]
        copied = end
    return "".join([*parts, text[copied:]]), faults


def _is_closed_comment(lexeme: str) -> bool:
    return lexeme.startswith("//") or (lexeme.endswith("*/") and len(lexeme) >= len("/**/"))


def _faults(text: str) -> Iterator[_Fault]:
    """Finds the positions of repeated keys and bad numbers, which the hooks of the parser do not know.

    `text` must be JSON up to the first fault.
    """
    path: list[str | int | None] = []  # keys and indexes; None where the key of an object follows
    seen: list[set[str]] = []
    for match in _LEXEME.finditer(text):
        lexeme = match.group()
        if lexeme in "{[":
            path.append(None if lexeme == "{" else 0)
            seen.append(set())
        elif lexeme in "}]":
            path.pop()
            seen.pop()
        elif lexeme == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif path and path[-1] is None:
            key = path[-1] = str(json.loads(lexeme))
            if key in seen[-1]:
                yield _Fault("duplicate-key", match.start(), pointer=_pointer(path))
            seen[-1].add(key)
        elif _is_bad_number(lexeme):
            yield _Fault("bad-number", match.start(), pointer=_pointer(path))


def _is_bad_number(lexeme: str) -> bool:
    if lexeme[0] in '":':
        return False
    try:
        _STRICT.decode(lexeme)
    except _Refused:
        return True
    return False


def _pointer(path: Sequence[str | int | None]) -> str:
    """Returns a JSON pointer (RFC 6901) for a line of text: long or unprintable keys are cut or escaped."""
    return "".join(f"/{_escape(part)}" for part in path if part is not None)


def _escape(part: str | int) -> str:
    text = str(part).replace("~", "~0").replace("/", "~1")
    if len(text) > _MAX_KEY_LENGTH:
        text = f"{text[:_MAX_KEY_LENGTH]}…"
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
