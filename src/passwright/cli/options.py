"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passwright.cli import files
from passwright.errors import UsageError
from passwright.times import is_aware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from passwright.apple.trust.anchors import Trust

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
    """A resource that Google may hold already."""

    CLASS = "class"
    OBJECT = "object"


TemplateFolder = Annotated[
    Path,
    typer.Argument(metavar="TEMPLATE", help="The folder that contains template.toml.", show_default=False),
]
Serial = Annotated[
    str,
    typer.Option(
        help="The serial number: 1 to 64 letters, digits, dots, dashes, underscores.",
        rich_help_panel=PASS,
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="The value of a field; repeatable.", rich_help_panel=PASS
    ),
]
Values = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A JSON object with values of fields; --set overrides it.", rich_help_panel=PASS
    ),
]
Nfc = Annotated[
    str | None,
    typer.Option(metavar="MSG", help="The message for an NFC reader.", rich_help_panel=PASS),
]
Barcode = Annotated[
    str | None,
    typer.Option(
        metavar="VALUE", help="The message of the barcode; not for bound passes.", rich_help_panel=PASS
    ),
]
NoBarcode = Annotated[
    bool, typer.Option("--no-barcode", help="Omit the barcode of the template.", rich_help_panel=PASS)
]
Bind = Annotated[
    str | None,
    typer.Option(
        metavar="EMAIL",
        help="Bind the pass to this email address, which is never printed; requires --learn-more.",
        rich_help_panel=PASS,
    ),
]
LearnMore = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="The https page that explains the binding to the holder.", rich_help_panel=PASS
    ),
]
Expires = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="The expiry date: ISO 8601 with a time zone, 2027-01-31T23:59:59+01:00.",
        rich_help_panel=PASS,
    ),
]
Example = Annotated[
    bool,
    typer.Option(
        "--example",
        help="Sign with the throw-away example keys, and fill missing fields with their examples.",
        rich_help_panel=SIGN,
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file whose first line is the password of the key. Default: ask on the terminal.",
        rich_help_panel=SIGN,
    ),
]
StrictKeys = Annotated[
    bool,
    typer.Option(
        "--strict-keys",
        help="Reject key files that other users can read, instead of a warning.",
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
        help="For an offline key: write only the bytes to sign (with SHA-256).",
        rich_help_panel=SIGN,
    ),
]
Signature = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The signature of the offline key over the file of --emit-tbs.",
        rich_help_panel=SIGN,
    ),
]
Tbs = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --signature: the file of --emit-tbs. Default: the name of the signature with .tbs.",
        rich_help_panel=SIGN,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The .pkpass file to write; with --unsigned, a new folder.",
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
        help="A PKCS #12 file with certificate and key, as Keychain Access exports it.",
        rich_help_panel=SIGN,
    ),
]
Unsigned = Annotated[
    bool,
    typer.Option(
        "--unsigned",
        help="Do not sign: write the files of the pass and bundle.json into a new folder.",
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
        help="Reject what only some phones reject, such as NFC without an NFC certificate.",
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
        help="With --key or --public-key: the email address of the service account.",
        rich_help_panel=SIGN,
    ),
]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="For an offline key: the service account's public key in PEM or DER.",
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
        help="Put class and object into the link, or fail.",
        rich_help_panel=OUTPUT,
    ),
]
Inserted = Annotated[
    list[Part] | None,
    typer.Option(
        help="A class or object that exists at Google, so that the link can omit it; repeatable.",
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
        help="Write the JSON to create at Google before the link works.",
        rich_help_panel=OUTPUT,
    ),
]

Roots = Annotated[
    list[Path] | None,
    typer.Option("--root", metavar="FILE", help="Trust this root certificate too, PEM or DER; repeatable."),
]
TrustExample = Annotated[bool, typer.Option("--example", help="Trust the example authority too.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="The time of the verification, ISO 8601 with a time zone. Default: now."
    ),
]


def trust(roots: Iterable[Path], *, example: bool) -> Trust:
    """Trust in Apple, in these authorities, and in that of the example if so wished.

    Raises:
        KeyMaterialError: one of the files holds no authority.
    """
    from passwright.apple.trust.anchors import Trust
    from passwright.examples.authority import example_directory

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
    if not is_aware(time):
        raise UsageError(f"{option}: {text!r} has no zone: write {example}")
    return time
