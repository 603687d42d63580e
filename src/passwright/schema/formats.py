"""Formats of single values: JSON's types, dates, colours, URLs, currencies, keys.

Every check here takes time in proportion to its text. `PATTERNS` and `url_pattern` are regular
expressions with the same meaning for JSON Schema, as far as those can express it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "BASE_TYPES",
    "FORMATS",
    "PATTERNS",
    "Format",
    "Pending",
    "describe_type",
    "fits_style",
    "is_date",
    "is_int64",
    "is_number",
    "is_text",
    "is_url",
    "url_pattern",
]

# ISO 8601 in the profile of RFC 3339 section 5.6, seconds optional.
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_MINUTE = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"{_MINUTE}(:[0-5][0-9](\.[0-9]{{1,9}})?)?"
_ZONE = f"(Z|[+-]{_MINUTE})"

# Dates of Apple: hours and minutes needed, seconds optional, a zone needed.
# Apple, Wallet Passes: "a complete date with hours and minutes".
_DATE = re.compile(rf"{_DAY}T{_TIME}{_ZONE}\Z")
_BYTE = r"\s*(?:[01]?\d?\d|2[0-4]\d|25[0-5])\s*"
_RGB = re.compile(rf"rgb\({_BYTE},{_BYTE},{_BYTE}\)\Z", re.ASCII)
_HEX_COLOR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})\Z")
# RFC 3986 section 4.3, in the part that wallets rely on; the schemes of the web name a host.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([^\s\x00-\x20\x7f]+)\Z")
_WEB = frozenset({"http", "https"})
_INT64 = re.compile(r"-?[0-9]{1,19}\Z")
# RFC 7493 section 2.1: neither wallets nor databases store these.
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
# RFC 2978 section 2.3: at most 40 characters. Other text never reaches the search for a codec.
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}\Z")


class Pending:
    """A value that is present but not computed yet. Its content is validated once it is."""

    __slots__ = ()


def is_text(value: str) -> bool:
    """Returns whether a text is Unicode throughout, without NUL or half of a surrogate pair."""
    return value.isprintable() or _NOT_TEXT.search(value) is None


def is_number(value: object) -> bool:
    """Returns whether a value is a number that JSON can represent."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_date(value: object) -> bool:
    """Returns whether a value is text with a date, a time and a zone, as Apple reads it."""
    if not isinstance(value, str) or not _DATE.match(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_url(value: str, schemes: Sequence[str] = ()) -> bool:
    """Returns whether a text is an absolute URL, with one of `schemes` unless that is empty."""
    match = _URL.match(value)
    if match is None:
        return False
    scheme = match[1].lower()
    hosted = scheme not in _WEB or re.match("//[^/?#]", match[2]) is not None
    return hosted and (not schemes or scheme in schemes)


def is_rgb(value: str) -> bool:
    """Returns whether a text is a colour as Apple documents it: rgb(60, 65, 76)."""
    return _RGB.match(value) is not None


def is_hex_color(value: str) -> bool:
    """Returns whether a text is a colour in hexadecimal, as on the web: #3c414c."""
    return _HEX_COLOR.match(value) is not None


def is_int64(value: object) -> bool:
    """Returns whether a value is a whole number of 64 bits, written as text."""
    return isinstance(value, str) and _INT64.match(value) is not None and -(2**63) <= int(value) < 2**63


def fits_style(style: str, value: object) -> bool:
    """Returns whether a field's value can be formatted as a `date` or a `number`; pending values can."""
    if value is None or isinstance(value, Pending):
        return True
    return is_date(value) if style == "date" else is_number(value)


# Base type -> (its description, the test whether a value has it).
BASE_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda v: isinstance(v, str)),
    "localized": ("text", lambda v: isinstance(v, str)),
    "url": ("text with a URL", lambda v: isinstance(v, str)),
    "color": ("text with a colour", lambda v: isinstance(v, str)),
    "date": ("text with a date, a time and a zone", lambda v: isinstance(v, str)),
    "int64": ("a whole number written as text", is_int64),
    "number": ("a number", is_number),
    "integer": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "boolean": ("true or false", lambda v: isinstance(v, bool)),
    "object": ("an object", lambda v: isinstance(v, dict)),
    "any": ("anything", lambda v: v is not None and not isinstance(v, Pending)),
}


def describe_type(value: object) -> str:
    """Describes the type of a value; never the value itself, which may be private."""
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), f"a {type(value).__name__}")


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
    (Decimal, "a Decimal"),
    (dict, "an object"),
    (list, "a list"),
    (tuple, "a list"),
    (datetime, "a date with a time"),
    (date, "a date"),
    (type(None), "null"),
)

# SubjectPublicKeyInfo of a compressed P-256 point, up to the point: RFC 5480 section 2.
_P256_SPKI = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
_POINT_BYTES = 33


def _is_p256_spki(value: str) -> bool:
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    size = len(_P256_SPKI) + _POINT_BYTES
    return len(data) == size and data.startswith(_P256_SPKI) and data[len(_P256_SPKI)] in (2, 3)


def _is_charset(value: str) -> bool:
    import codecs

    if not _CHARSET.match(value):
        return False
    try:
        codecs.lookup(value)
    except LookupError:
        return False
    return True


def _is_zone(value: str) -> bool:
    return value in _zones()


@cache
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


class Format(NamedTuple):
    """A format of text: its description, its test, and its pattern where that expresses all of it."""

    words: str
    fits: Callable[[str], bool]
    pattern: str | None = None


def _pattern(words: str, pattern: str) -> Format:
    compiled = re.compile(pattern, re.ASCII)
    return Format(words, lambda value: compiled.fullmatch(value) is not None, pattern)


# The formats that the keyword `format` of a schema names.
FORMATS: Mapping[str, Format] = {
    "charset": Format("the name of a character set, such as iso-8859-1", _is_charset),
    "currency": _pattern("a currency of three capital letters, such as EUR (ISO 4217)", "[A-Z]{3}"),
    "decimal": _pattern("a decimal number as text, such as 12.50", r"-?[0-9]+(\.[0-9]+)?"),
    "datetime": _pattern("a date with a time, such as 2026-05-01T09:00:00+02:00", f"{_DAY}T{_TIME}{_ZONE}?"),
    "local-datetime": _pattern(
        "a local time without an offset, such as 2026-05-01T09:00:00",
        rf"{_DAY}T{_MINUTE}(:[0-5][0-9](\.[0-9]{{1,3}})?)?",
    ),
    "hex": _pattern("hexadecimal digits, two for each byte", "([0-9A-Fa-f]{2})*"),
    "language": _pattern("a language tag such as en or de-AT (BCP 47)", "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"),
    "p256-spki-base64": Format(
        "the Base64 of a P-256 public key with a compressed point (59 bytes)", _is_p256_spki
    ),
    "time-zone": Format("an IANA time zone, such as Europe/Berlin", _is_zone),
    "uuid": _pattern("a UUID", "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}


def _at_most(bound: str) -> str:
    """Returns the pattern of digits as many as in `bound`, of numbers up to it."""
    lower = [
        f"{bound[:at]}[0-{int(digit) - 1}][0-9]{{{len(bound) - at - 1}}}"
        for at, digit in enumerate(bound)
        if digit != "0"
    ]
    return "|".join((*lower, bound))


# White space and control characters, alike in every dialect of regular expressions.
_BLANKS = r"\u0000-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def url_pattern(schemes: Sequence[str] = ()) -> str:
    """Returns the pattern of texts that `is_url` accepts, without anchors."""
    web = f"//[^/?#{_BLANKS}][^{_BLANKS}]*"
    other = f"[^{_BLANKS}]+"
    if not schemes:
        return f"([Hh][Tt][Tt][Pp][Ss]?:{web}|(?![Hh][Tt][Tt][Pp][Ss]?:)[A-Za-z][A-Za-z0-9+.-]*:{other})"
    each = (f"{_any_case(scheme)}:{web if scheme in _WEB else other}" for scheme in schemes)
    return f"({'|'.join(each)})"


def _any_case(scheme: str) -> str:
    return "".join(f"[{each.upper()}{each}]" if each.isalpha() else re.escape(each) for each in scheme)


_BYTE = "([01]?[0-9]?[0-9]|2[0-4][0-9]|25[0-5])"
_GAP = r"[ \t\n\r\f\v]*"

# Base type written as text -> its pattern, without anchors, in what ECMA-262 and Python share.
PATTERNS: Mapping[str, str] = {
    "text": r"[^\u0000]*",
    "url": url_pattern(),
    "color": rf"(rgb\({_GAP}{f'{_GAP},{_GAP}'.join([_BYTE] * 3)}{_GAP}\)|{_HEX_COLOR.pattern[:-2]})",
    "date": f"{_DAY}T{_TIME}{_ZONE}",
    # From -2**63 up to 2**63 - 1.
    "int64": f"(-?[0-9]{{1,18}}|{_at_most(str(2**63 - 1))}|-({_at_most(str(2**63))}))",
}
