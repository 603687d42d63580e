"""Rows: what a batch knows about each pass, from CSV, JSON Lines, or a program.

A row is flat. `serial` and the keys of the template's fields are its columns;
what a pass has besides stands under names with an @, which no field can have:

    serial,fullName,points,@email,@learn-more
    M-0001,Jane Smith,120,jane@gmail.com,https://support.example.com/pass-help

An empty cell is not a value. Text is converted to the type of its field.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from passwright import strict_json
from passwright.binding.binding import Binding
from passwright.errors import InvalidInput
from passwright.model.template import Pass
from passwright.report import Finding, error
from passwright.schema.pointers import did_you_mean, join_pointer, quote
from passwright.times import is_aware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

    from passwright.model.template import Template

__all__ = ["BadRow", "Row", "RowParser", "read", "read_csv", "read_json_lines"]

SERIAL = "serial"
NFC, BARCODE, EMAIL, LEARN_MORE, EXPIRES = "@nfc", "@barcode", "@email", "@learn-more", "@expires"
MORE = (NFC, BARCODE, EMAIL, LEARN_MORE, EXPIRES)
_MORE = frozenset(MORE)
# One row is one pass: a few hundred characters.
MAX_ROW_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read at all, with the reasons."""

    findings: tuple[Finding, ...]


Row: TypeAlias = Mapping[str, Any] | BadRow
"""What is known about one pass, or why nothing is."""


def read(path: str | PathLike[str]) -> Iterator[Row]:
    """The rows of a file: JSON Lines when it is called `.jsonl` or `.ndjson`, CSV otherwise.

    Raises:
        InvalidInput: the file's columns can't be used.
        OSError: the file can't be read.
    """
    place = Path(path)
    with place.open("rb") as file:
        try:
            yield from (read_json_lines if place.suffix in (".jsonl", ".ndjson") else read_csv)(file)
        except InvalidInput as exc:
            raise InvalidInput(exc.code, f"{place}: {exc.location}", exc.message) from exc


def read_json_lines(lines: Iterable[bytes]) -> Iterator[Row]:
    """One JSON object a line, UTF-8, read strictly (RFC 8259). Empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = strict_json.loads(line, name=f"line {number}", max_bytes=MAX_ROW_BYTES, max_depth=3)
        except InvalidInput as exc:
            yield BadRow((error(exc.code, exc.location, exc.message),))
            continue
        if isinstance(row, dict):
            yield row
        else:
            yield BadRow((error("wrong-type", f"line {number}", "a row has to be a JSON object"),))


def read_csv(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a CSV file (RFC 4180) in UTF-8, whose first line names the columns.

    Cells may be separated by commas, semicolons or tabs: whichever the first
    line has most of, since spreadsheets write what their country uses.

    Raises:
        InvalidInput: `bad-rows`: there is no column `serial`, or one of them twice;
            `not-utf8`: not even the first line is text in UTF-8.
    """
    text = _RowText(file)
    try:
        header = next(text, "")
    except UnicodeDecodeError:
        raise InvalidInput("not-utf8", "line 1", "this is no text in UTF-8, as CSV has to be") from None
    separator = max(",;\t", key=header.count)
    columns = next(csv.reader([header], delimiter=separator), [])
    columns = [name.strip() for name in columns]
    if SERIAL not in columns:
        raise InvalidInput(
            "bad-rows", "line 1", "there is no column called serial: the first line has to name the columns"
        )
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise InvalidInput("bad-rows", "line 1", f"the column {quote(twice[0])} is there twice")
    rows = csv.reader(text, delimiter=separator, strict=True)
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield BadRow((error("bad-rows", f"line {text.line}", "a quoted cell does not end as CSV asks"),))
            continue
        except UnicodeDecodeError:
            yield BadRow((error("not-utf8", f"line {text.line}", "the line is not UTF-8"),))
            continue
        if not any(cells):
            continue
        if len(cells) > len(columns):
            message = f"the row has {len(cells)} cells for {len(columns)} columns: a separator too many"
            yield BadRow((error("bad-rows", f"line {text.line}", message),))
            continue
        yield {name: cell for name, cell in zip(columns, cells, strict=False) if cell}


class _RowText:
    """The lines of a file as text, one at a time: a line that isn't UTF-8 spoils itself alone."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_ROW_BYTES)
        if not raw:
            raise StopIteration
        self.line += 1
        return raw.decode("utf-8-sig" if self.line == 1 else "utf-8")


class RowParser:
    """Turns rows into passes of one template; what does not change from row to row is looked up once."""

    def __init__(self, template: Template) -> None:
        self._template = template
        # Fields whose values are not text: a text in a row has to be read as one.
        self._parsers: dict[str, Callable[[str], Any]] = {
            key: each.parse for key, each in template.fields.items() if each.type != "text"
        }

    def __call__(self, row: Mapping[str, Any]) -> tuple[Pass, list[Finding]]:
        """The pass of a row, and what is wrong with cells that could not be read as what they should be."""
        values = dict(row)
        findings: list[Finding] = []
        # Not validated yet: the builder names a serial number that is not text.
        serial = values.pop(SERIAL, None) or ""
        more = {} if _MORE.isdisjoint(values) else self._parse_pass_members(values, findings)
        for key, parse in self._parsers.items():
            value = values.get(key)
            if isinstance(value, str):
                try:
                    values[key] = parse(value)
                except ValueError as exc:
                    findings.append(error("wrong-value", join_pointer("pass#/values", key), f"{key} {exc}"))
        return Pass(template=self._template, serial=serial, values=values, **more), findings

    def _parse_pass_members(self, values: dict[str, Any], findings: list[Finding]) -> dict[str, Any]:
        """The members of a pass besides its values, taken out of them."""
        taken = {name: values.pop(name) for name in MORE if values.get(name) not in (None, "")}
        for name in MORE:
            values.pop(name, None)
        more: dict[str, Any] = {}
        if NFC in taken:
            more["nfc"] = taken[NFC]
        if BARCODE in taken:
            more["barcode"] = taken[BARCODE]
        if EMAIL in taken or LEARN_MORE in taken:
            if EMAIL not in taken or LEARN_MORE not in taken:
                missing = EMAIL if EMAIL not in taken else LEARN_MORE
                message = f"a bound pass needs {missing} as well"
                findings.append(error("missing-value", f"pass#/{missing}", message))
            more["binding"] = Binding(email=taken.get(EMAIL, ""), learn_more_url=taken.get(LEARN_MORE, ""))
        if EXPIRES in taken:
            try:
                more["expires"] = _parse_datetime(taken[EXPIRES])
            except ValueError:
                message = "@expires is not a date with time and zone such as 2027-01-31T23:59:59+01:00"
                findings.append(error("wrong-value", "pass#/expires", message))
        return more

    def check_columns(self, names: Iterable[str]) -> list[Finding]:
        """Returns the faults in the names of columns: fields that the template doesn't have."""
        known = (SERIAL, *self._template.fields, *MORE)
        return [
            error(
                "unknown-field",
                f"rows#/{quote(name)}",
                f"the template has no field {quote(name)}",
                did_you_mean(name, known) or f"columns are: {', '.join(known)}",
            )
            for name in names
            if name not in known
        ]


def _parse_datetime(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 -- a value of the row, like any other text that is not a moment
    moment = datetime.fromisoformat(value)
    if not is_aware(moment):
        raise ValueError
    return moment
