r"""The `pass.strings` of one language: texts and what they are called there, read and written.

    /* a comment */
    "Points" = "Punkte";

Texts stand in quotes, or bare where they are letters, digits and a few marks;
`"Points";` alone maps a text to itself. Read is UTF-8, and UTF-16 in either order
behind its mark; written is ASCII where that is enough, UTF-16 otherwise.

Source: Apple, Wallet Passes, Creating the Source for a Pass; Property List
Programming Topics for Core Foundation, Strings Files.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from passwright.errors import InvalidInput
from passwright.report import warning
from passwright.schema.formats import is_text
from passwright.strict_json import TolerantResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.report import Finding

__all__ = ["MAX_BYTES", "MAX_TEXTS", "dumps", "loads"]

MAX_BYTES = 512 * 2**10
"""A card holds a page of text: real files have 1 to 20 kB."""

MAX_TEXTS = 2000
"""Texts of one language, those that stand there twice included; real files have up to a hundred."""

# As many repeated texts have a finding of their own; the last of them counts the rest.
_MAX_REPEATED_SHOWN = 10

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Nothing here gives back, so reading takes time in proportion to the file.
_BLANKS = r"(?:[\s\ufeff]++|//[^\n\r\u2028\u2029]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
_WORD = r'(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([A-Za-z0-9_$./:-]++))'
_SKIPPED = re.compile(_BLANKS)
_PAIR = re.compile(rf"{_WORD}{_BLANKS}(?:={_BLANKS}{_WORD}{_BLANKS})?+;{_BLANKS}", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[Uu]([0-9A-Fa-f]{1,4})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def loads(data: bytes, *, name: str) -> TolerantResult:
    """The texts of a strings file called `name`, and a warning for each text that stands there twice.

    Of a text that is there twice the last translation counts.

    Raises:
        InvalidInput: `too-large`, or `bad-strings` with the line.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("too-large", name, f"the file has {len(data)} bytes, at most {MAX_BYTES} are read")
    text = _decode(data, name)
    texts: dict[str, str] = {}
    repeated: list[int] = []
    at = _SKIPPED.match(text).end()  # type: ignore[union-attr]  # it matches nothing as well
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise _error_at(text, at, name, 'this is not "text" = "translation";')
        if len(texts) + len(repeated) == MAX_TEXTS:
            raise _error_at(text, at, name, f"there are more than {MAX_TEXTS} texts")
        key, value = _message(match[1], match[2]), _message(match[3], match[4])
        if not (is_text(key) and is_text(value)):
            raise _error_at(text, at, name, "the text holds NUL or half of a surrogate pair")
        if key in texts:
            repeated.append(at)
        texts[key] = key if match[3] is match[4] is None else value
        at = match.end()
    return TolerantResult(texts, tuple(_warn_of_repeats(text, repeated, name)))


def _warn_of_repeats(text: str, places: list[int], name: str) -> Iterator[Finding]:
    shown = places[:_MAX_REPEATED_SHOWN]
    for at in shown:
        message = "this text was translated before: the last translation counts"
        if at == shown[-1] and len(places) > len(shown):
            message += f", and {len(places) - len(shown)} more after this"
        yield warning("duplicate-translation", _place(text, at, name), message)


def dumps(texts: Mapping[str, str]) -> bytes:
    """The strings file of these texts, sorted: same texts, same bytes.

    Apple asks for UTF-16 as soon as a text is not ASCII; plain ASCII is the same in UTF-8.
    """
    text = "".join(f'"{_quote(key)}" = "{_quote(value)}";\n' for key, value in sorted(texts.items()))
    return text.encode("ascii") if text.isascii() else codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def _decode(data: bytes, name: str) -> str:
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    if data.startswith(b"bplist"):
        raise InvalidInput("bad-strings", name, "this is a binary property list, not a strings file")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        message = "the text is neither UTF-8 nor UTF-16 with a mark at its start"
        raise InvalidInput("bad-strings", name, message) from None
    if "\0" in text:
        raise InvalidInput("bad-strings", name, "the text holds NUL, perhaps it is UTF-16 without a mark")
    return text


def _message(quoted: str | None, bare: str | None) -> str:
    """The text that was written in quotes or without."""
    if quoted is None or "\\" not in quoted:
        return quoted or bare or ""
    text = _ESCAPE.sub(_unescape, quoted)
    # Two escapes may make one character outside the first plane.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _unescape(match: re.Match[str]) -> str:
    if match[1] is not None:
        return chr(int(match[1], 16))
    if match[2] is not None:
        return chr(int(match[2], 8))
    return _ESCAPED.get(match[3], match[3])


def _error_at(text: str, at: int, name: str, message: str) -> InvalidInput:
    return InvalidInput("bad-strings", _place(text, at, name), message)


def _place(text: str, at: int, name: str) -> str:
    line = text.count("\n", 0, at) + 1
    return f"{name}:{line}"
