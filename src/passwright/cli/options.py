"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from passwright.cli.files import WrongUse

__all__ = [
    "Barcode",
    "Bind",
    "Example",
    "Expires",
    "Json",
    "LearnMore",
    "Nfc",
    "PasswordFile",
    "Serial",
    "Set",
    "StrictKeys",
    "TemplateFolder",
    "Values",
    "moment",
]

PASS = "What the pass says"  # noqa: S105 -- the heading of a group of options
SIGN = "Who signs"
OUTPUT = "Output"

TemplateFolder = Annotated[
    Path, typer.Argument(metavar="TEMPLATE", help="The folder that holds template.toml.", show_default=False)
]
Serial = Annotated[
    str,
    typer.Option(
        help="The pass's own number: 1 to 64 letters, digits, dots, dashes, underscores.",
        rich_help_panel=PASS,
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="The value of a field; may be repeated.", rich_help_panel=PASS
    ),
]
Values = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A JSON object with values of fields; --set wins.", rich_help_panel=PASS
    ),
]
Nfc = Annotated[
    str | None,
    typer.Option(metavar="MSG", help="What the pass says to an NFC reader.", rich_help_panel=PASS),
]
Barcode = Annotated[
    str | None,
    typer.Option(
        metavar="VALUE", help="What the barcode says; bound passes have none.", rich_help_panel=PASS
    ),
]
Bind = Annotated[
    str | None,
    typer.Option(
        metavar="EMAIL",
        help="Bind the pass to the person with this address, which is never printed; needs --learn-more.",
        rich_help_panel=PASS,
    ),
]
LearnMore = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Where the person learns what a bound pass is; https.", rich_help_panel=PASS
    ),
]
Expires = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="When the pass ends: ISO 8601 with a zone, 2027-01-31T23:59:59+01:00.",
        rich_help_panel=PASS,
    ),
]
Example = Annotated[
    bool,
    typer.Option(
        "--example",
        help="Sign with the throw-away example keys, and fill fields that are not given with their examples.",
        rich_help_panel=SIGN,
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The first line of this file is the key's password; without it a terminal asks.",
        rich_help_panel=SIGN,
    ),
]
StrictKeys = Annotated[
    bool,
    typer.Option(
        "--strict-keys",
        help="Refuse key files that others may read, instead of warning.",
        rich_help_panel=SIGN,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on one line, and nothing else.", rich_help_panel=OUTPUT
    ),
]


def moment(option: str, text: str | None) -> datetime | None:
    """The time that an option gives, or None where it gives none.

    Raises:
        WrongUse: no ISO 8601 time, or one without a zone.
    """
    if text is None:
        return None
    example = "2027-01-31T12:00:00+01:00 or 2027-01-31T11:00:00Z"
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{option}: {text!r} is not a time: write {example}") from None
    if time.utcoffset() is None:
        raise WrongUse(f"{option}: {text!r} has no zone: write {example}")
    return time
