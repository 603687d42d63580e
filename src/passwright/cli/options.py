"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passwright.cli import files
from passwright.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from passwright.apple.trust.chain import Trust

__all__ = [
    "P12",
    "Account",
    "AccountKey",
    "At",
    "Barcode",
    "Bind",
    "Certificate",
    "Email",
    "EmitTbs",
    "Example",
    "Expires",
    "Inserted",
    "Intermediate",
    "IssuerId",
    "Json",
    "LearnMore",
    "Nfc",
    "Out",
    "Part",
    "PassKey",
    "PassType",
    "PasswordFile",
    "PublicKey",
    "RequiresOut",
    "Restrictions",
    "Roots",
    "SelfContained",
    "Serial",
    "Set",
    "Signature",
    "Strict",
    "StrictKeys",
    "Tbs",
    "Team",
    "TemplateFolder",
    "Unsigned",
    "Values",
    "moment",
]

PASS = "What the pass says"  # noqa: S105 -- the heading of a group of options
SIGN = "Who signs"
OUTPUT = "Output"


class Part(StrEnum):
    """What Google may hold already."""

    CLASS = "class"
    OBJECT = "object"


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
NoBarcode = Annotated[
    bool, typer.Option("--no-barcode", help="Leave the template's barcode off.", rich_help_panel=PASS)
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
EmitTbs = Annotated[
    Path | None,
    typer.Option(
        "--emit-tbs",
        metavar="FILE",
        help="Make nothing yet: write what has to be signed, with SHA-256, for a key elsewhere.",
        rich_help_panel=SIGN,
    ),
]
Signature = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The signature that a key elsewhere made over what --emit-tbs wrote.",
        rich_help_panel=SIGN,
    ),
]
Tbs = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --signature: what --emit-tbs wrote; default the signature's name with .tbs.",
        rich_help_panel=SIGN,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The .pkpass to write; with --unsigned a new folder.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The pass certificate in PEM or DER.", rich_help_panel=SIGN),
]
PassKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The certificate's private key in PEM.", rich_help_panel=SIGN),
]
Intermediate = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Apple's intermediate that issued the certificate, PEM or DER.",
        rich_help_panel=SIGN,
    ),
]
P12 = Annotated[
    Path | None,
    typer.Option(
        "--p12",
        metavar="FILE",
        help="Certificate and key in one PKCS #12 file, as Keychain Access exports them.",
        rich_help_panel=SIGN,
    ),
]
Unsigned = Annotated[
    bool,
    typer.Option(
        "--unsigned",
        help="Sign nothing: write the files of the pass and bundle.json into a new folder.",
        rich_help_panel=SIGN,
    ),
]
PassType = Annotated[
    str | None,
    typer.Option(metavar="ID", help="With --unsigned: the pass type identifier.", rich_help_panel=SIGN),
]
Team = Annotated[
    str | None,
    typer.Option(metavar="ID", help="With --unsigned: the team identifier.", rich_help_panel=SIGN),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse what only some phones refuse, such as NFC without an NFC certificate.",
        rich_help_panel=OUTPUT,
    ),
]
Account = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The service account's JSON file, with its key.", rich_help_panel=SIGN),
]
AccountKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The service account's private key in PEM.", rich_help_panel=SIGN),
]
Email = Annotated[
    str | None,
    typer.Option(
        metavar="EMAIL",
        help="With --key or --public-key: the service account's own address.",
        rich_help_panel=SIGN,
    ),
]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="For a key elsewhere: the service account's public key in PEM or DER.",
        rich_help_panel=SIGN,
    ),
]
IssuerId = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="The issuer id of the Google Pay & Wallet console.", rich_help_panel=SIGN
    ),
]
SelfContained = Annotated[
    bool,
    typer.Option(
        "--self-contained",
        help="Class and object in the link, or no link at all.",
        rich_help_panel=OUTPUT,
    ),
]
Inserted = Annotated[
    list[Part] | None,
    typer.Option(
        help="What Google holds already, so that the link need not carry it; may be repeated.",
        rich_help_panel=OUTPUT,
    ),
]
Restrictions = Annotated[
    bool,
    typer.Option(
        "--restrictions-enabled",
        help="Google has enabled account restricted passes for this issuer.",
        rich_help_panel=SIGN,
    ),
]
RequiresOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the JSON that has to be inserted before the link works.",
        rich_help_panel=OUTPUT,
    ),
]

Roots = Annotated[
    list[Path] | None,
    typer.Option("--root", metavar="FILE", help="Trust this authority too, PEM or DER; may be repeated."),
]
TrustExample = Annotated[bool, typer.Option("--example", help="Trust the example authority too.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="The moment of the verdict, ISO 8601 with a zone; default now."
    ),
]


def trust(roots: Iterable[Path], *, example: bool) -> Trust:
    """Trust in Apple, in these authorities, and in that of the example if so wished.

    Raises:
        KeyMaterialError: one of the files holds no authority.
    """
    from passwright.apple.trust.chain import Trust
    from passwright.testing.authority import example_directory

    made = Trust.apple()
    for path in (*roots, *((example_directory() / "root.pem",) if example else ())):
        with files.naming(path):
            made = made.with_roots(files.read(path, files.MAX_KEY_BYTES))
    return made


def moment(option: str, text: str | None) -> datetime | None:
    """The time that an option gives, or None where it gives none.

    Raises:
        UsageError: no ISO 8601 time, or one without a zone.
    """
    if text is None:
        return None
    example = "2027-01-31T12:00:00+01:00 or 2027-01-31T11:00:00Z"
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not a time: write {example}") from None
    if time.utcoffset() is None:
        raise UsageError(f"{option}: {text!r} has no zone: write {example}")
    return time
