"""TOML as text (TOML 1.0.0): read with the line of every pointer, and written.

The parser of the standard library tells neither where a value stands nor writes.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from passwright.report import Finding, error
from passwright.schema.pointers import join_pointer, locator, printable
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.pointers import Locator

__all__ = ["format_key", "format_table", "format_value", "read"]

# A key of n dotted parts costs the parser n * n steps, those of its table's name included.
MAX_DOT_STEPS = 2_000_000


def read(data: bytes, name: str) -> tuple[dict[str, Any] | None, Locator, list[Finding]]:
    """The document in the bytes of a TOML file, and what stands where in it.

    The document is None if it can't be read, and the findings say why. A place is
    `name`, the line that a pointer is given in, and the pointer.
    """
    place = locator(name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        return None, place, [error("not-utf8", f"{name}:{line}", "the text is not UTF-8", "save it as UTF-8")]
    if number := _line_over_limit(text):
        message = "there are too many dots up to here, which may be keys"
        return None, place, [error("too-deep", f"{name}:{number}", message, "break long lines up")]
    try:
        return tomllib.loads(text), _make_locator(text, name), []
    except (ValueError, RecursionError) as exc:
        return None, place, [_syntax_finding(exc, name)]


def _line_over_limit(text: str) -> int:
    """The line from which on reading the text costs too much, 0 if there is none."""
    steps = of_table = 0
    for number, line in enumerate(text.split("\n"), 1):
        dots = line.count(".")
        if line.lstrip().startswith("["):
            of_table = dots
        steps += (dots + of_table) ** 2
        if steps > MAX_DOT_STEPS:
            return number
    return 0


def _syntax_finding(exc: Exception, name: str) -> Finding:
    if isinstance(exc, RecursionError):
        return error("too-deep", name, "tables and lists are nested too deep to read")
    if not isinstance(exc, tomllib.TOMLDecodeError):
        return error("bad-toml", name, "this is not TOML: a number has too many digits")
    reason, _, position = str(exc).partition(" (at ")
    line = re.match(r"line (\d+)", position)
    where = f"{name}:{line[1]}" if line else name
    hint = "texts stand in quotes, every key stands once: https://toml.io"
    return error("bad-toml", where, f"this is not TOML: {reason}", hint)


# A line that opens a table, and one that gives a key; enough to find the line of a
# pointer in a text that a real parser has accepted (TOML 1.0.0). The quantifiers never
# give back, so a line takes time in proportion to its length.
_PART = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\]|\\.)*+"|'[^']*+'""")
_DOTTED = rf"(?:{_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_PART.pattern}))*+"
_TABLE = re.compile(rf"[ \t]*+(\[\[?+)[ \t]*+({_DOTTED})[ \t]*+\]")
_KEY = re.compile(rf"[ \t]*+({_DOTTED})[ \t]*+=")


def _make_locator(text: str, name: str) -> Locator:
    """A function from pointers to `template.toml:line#pointer`."""
    lines = dict(_pointer_lines(text))

    def place(pointer: str) -> str:
        known = pointer
        while known and known not in lines:
            known = known.rpartition("/")[0]
        anchor = f"#{printable(pointer)}" if pointer else ""
        return f"{name}:{lines.get(known, 1)}{anchor}"

    return place


def _pointer_lines(text: str) -> Iterator[tuple[str, int]]:
    """The pointer that each line of a TOML text opens, and the line's number."""
    table = ""
    arrays: dict[str, int] = {}
    quotes = ""
    for number, line in enumerate(text.split("\n"), 1):
        if quotes:  # inside a text of several lines nothing is a key
            quotes = "" if quotes in line else quotes
        elif match := _TABLE.match(line):
            *owners, last = _split_key(match[2])
            table = ""
            for part in owners:
                table = join_pointer(table, part)
                # [links.more] belongs to the latest of [[links]].
                table = f"{table}/{arrays[table]}" if table in arrays else table
            table = join_pointer(table, last)
            if match[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
                table = f"{table}/{arrays[table]}"
            yield table, number
        elif match := _KEY.match(line):
            pointer = table
            for part in _split_key(match[1]):
                pointer = join_pointer(pointer, part)
                yield pointer, number
            value = line[match.end() :]
            quotes = next((q for q in ('"""', "'''") if value.count(q) % 2), "")


def _split_key(dotted: str) -> list[str]:
    """The parts of a dotted key: `a."b c".d`."""
    return [_unquote(part) for part in _PART.findall(dotted)]


def _unquote(part: str) -> str:
    if "\\" in part and part.startswith('"'):
        return str(tomllib.loads(f"text = {part}")["text"])
    return part[1:-1] if part[0] in "\"'" else part


def format_table(header: str, members: Mapping[str, Any]) -> str:
    """A table under its header, `[name]` or `[[name]]`; "" for what stands before every table."""
    lines = (f"{format_key(key)} = {format_value(value)}\n" for key, value in members.items())
    return f"{header}\n".lstrip("\n") + "".join(lines)


def format_key(key: str) -> str:
    """One key, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else format_value(key)


def format_value(value: Any) -> str:
    """A value; basic strings of TOML take the escapes of JSON."""
    if isinstance(value, dict):
        members = ", ".join(f"{format_key(key)} = {format_value(each)}" for key, each in value.items())
        return f"{{ {members} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(format_value, value))}]"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(float(value))
    return dumps(value).replace("\x7f", "\\u007f")
