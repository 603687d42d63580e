"""Keys for NFC: `nfc-key`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from passwright import atomic_file, nfc_keys
from passwright.cli import files, options, output
from passwright.errors import UsageError

if TYPE_CHECKING:
    from passwright.report import Finding

__all__ = ["nfc_key"]

PRIVATE = 0o600


def nfc_key(
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Create a key pair, and write the private key to this file."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Use an existing key or certificate, in PEM, DER or Base64; - is standard input.",
        ),
    ] = None,
    password_file: options.PasswordFile = None,
    as_json: options.Json = False,
) -> int:
    """Print the line apple_key of template.toml: the public key of a new or an existing NFC key pair."""
    if (out is None) == (source is None):
        raise UsageError("nfc-key takes --out FILE for a new key, or --from FILE for one there is")
    if source is None and password_file is not None:
        raise UsageError("--password-file opens the key of --from; a new key is written unencrypted")
    text = _create_key(out) if out is not None else _public_key_of(source or Path("-"), password_file)
    if as_json:
        output.print_document({"apple_key": text})
    else:
        output.print_line(f'apple_key = "{text}"')
    return 0


def _create_key(out: Path) -> str:
    if out.is_symlink() or out.exists():
        raise UsageError(f"{out} exists, and a private key that is replaced is lost: name a new file")
    key = nfc_keys.generate()
    atomic_file.write(out, key.private_pem, mode=PRIVATE)
    told = f"{out}: the private key, for the reader. Keep it as you keep a password."
    output.console(err=True).print(output.safe_text(told))
    return key.public_text


def _public_key_of(source: Path, password_file: Path | None) -> str:
    data = files.read(source, nfc_keys.MAX_BYTES)
    found: list[Finding] = []
    secret = b"PRIVATE KEY" in data
    if secret and source != Path("-") and (problem := files.exposure_warning(source)):
        found.append(problem)
    password = None
    if password_file is not None or (secret and b"ENCRYPTED" in data):
        prompt = "Password of the key"
        password = files.password(password_file, prompt=prompt, found=found, strict=False)
    output.print_findings(found)
    with files.naming(source):
        return nfc_keys.public_text(data, password=password)
