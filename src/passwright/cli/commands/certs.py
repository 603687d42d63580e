"""Certificates and keys: `certs example`, `request`, `check`, `intermediate`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from passwright import atomic_file
from passwright.cli import files, json_output, options, output
from passwright.errors import KeyMaterialError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from passwright.apple.certificates.check import CredentialCheck, NextStep
    from passwright.apple.certificates.credentials import Credential
    from passwright.apple.trust.intermediates import Published
    from passwright.report import Finding

__all__ = ["app", "print_check"]

KEY, REQUEST = "pass.key", "pass.certSigningRequest"
_PORTAL = "https://developer.apple.com/account/resources/identifiers/list/passTypeId"

app = typer.Typer(help="Certificates and keys: create, check, download.")


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.", show_default=False)],
) -> int:
    """Create a throw-away authority with certificates like Apple's, keys, and an example service account."""
    from passwright.examples.directory import write_example

    with files.new_folder(folder) as made:
        write_example(made, now=datetime.now(UTC))
        count = sum(1 for _ in made.iterdir())
    what = "files of a throw-away authority. Nobody trusts it; its README says more."
    output.console().print(f"{output.safe_text(folder)}: {count} {what}")
    return 0


@app.command()
def request(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="The folder for key and request; created if it does not exist.",
            show_default=False,
        ),
    ],
    *,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The name in the request; Apple replaces it.")
    ] = "Pass Type ID",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt the key with a password from the terminal.")
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Encrypt the key with the first line of this file."),
    ] = None,
) -> int:
    """Create a key and the certificate request for Apple's portal, without a Mac.

    The command never replaces an existing file.
    """
    from passwright.apple.certificates import csr

    key, asked = folder / KEY, folder / REQUEST
    for path in (key, asked):
        # Before a password is asked for; `write` makes sure of it once more.
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already: name another folder, or put it away first")
    secret = _new_password(password_file, encrypt=encrypt)
    try:
        made = csr.make(name=name, password=secret)
    except ValueError as exc:
        raise UsageError(f"--name: a name has 1 to 64 characters, this one has {len(name)}") from exc
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic_file.write(key, made.key, mode=0o600, replace=False)
    atomic_file.write(asked, made.request, replace=False)
    out = output.console()
    how = "encrypted" if secret else "not encrypted"
    out.print(
        f"{output.safe_text(key)}: a new private key, {how}, readable by you alone. "
        "Anyone who has it can sign your passes."
    )
    out.print(f"{output.safe_text(asked)}: the request for Apple, no secret.")
    for number, step in enumerate(_next_steps(folder, key), start=1):
        output.print_row(str(number), step, on=out, width=1)
    return 0


def _next_steps(folder: Path, key: Path) -> Iterator[str]:
    certificate, intermediate = (
        output.shell_quote(folder / "pass.cer"),
        output.shell_quote(folder / "wwdr.pem"),
    )
    yield f"Open {_PORTAL} and choose your Pass Type ID, or make one: pass.com.example.card."
    yield f"Under it choose Create Certificate and upload {output.shell_quote(folder / REQUEST)}."
    yield f"Load the certificate that Apple issues and save it as {certificate}."
    yield f"passwright certs intermediate --for {certificate} --out {intermediate}"
    yield f"passwright certs check {certificate} {output.shell_quote(key)} {intermediate}"
    yield (
        f"passwright build TEMPLATE --serial 1 --cert {certificate} --key {output.shell_quote(key)} "
        f"--intermediate {intermediate} --out card.pkpass"
    )


def _new_password(file: Path | None, *, encrypt: bool) -> str | None:
    if file is None and not encrypt:
        return None
    found: list[Finding] = []
    if file is not None:
        secret = files.password(file, prompt="", found=found, strict=False)
        output.print_findings(found)
    else:
        secret = typer.prompt(
            "Password of the new key", hide_input=True, confirmation_prompt="The same again", err=True
        )
    if not secret:
        raise UsageError(
            "the password is empty: for a key without one leave --encrypt and --password-file out"
        )
    return secret


@app.command()
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Certificates, keys, requests, .p12 files and intermediates, in PEM or DER.",
            show_default=False,
        ),
    ],
    *,
    root: options.Roots = None,
    trust_example: options.TrustExample = False,
    at: options.At = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file whose first line is the password. Default: ask on the terminal.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Show certificates and keys with owner and validity, and check that they belong together.

    Exit code 1 if they do not belong together.
    """
    from passwright.apple.certificates.check import check_credentials

    moment = options.moment("--at", at) or datetime.now(UTC)
    trust = options.trust(root or [], example=trust_example)
    exposed: list[Finding] = []
    given = [(str(path), files.read(path, files.MAX_KEY_BYTES)) for path in paths]
    password = _password(password_file, exposed)
    found = check_credentials(given, trust=trust, at=moment, password=password)
    holding = {item.file for item in found.items if item.kind == "key"}
    exposed += [
        problem
        for path in paths
        if str(path) in holding and path != Path("-") and (problem := files.exposure_warning(path))
    ]
    if as_json:
        output.print_document(_document(found, exposed))
    else:
        print_check(found, exposed, on=output.console())
    return 0 if found.report.ok else 1


def _password(file: Path | None, found: list[Finding]) -> Callable[[str], str | None]:
    """Asks once for each file; a password file is read when it is needed."""

    def password(name: str) -> str | None:
        return files.password(file, prompt=f"Password of {output.safe_text(name)}", found=found, strict=False)

    return password


def _document(found: CredentialCheck, exposed: list[Finding]) -> dict[str, Any]:
    """Returns the document that `--json` prints; members are only ever added."""
    return {
        "ok": found.report.ok,
        "ready": found.ready,
        "items": [item.as_dict() for item in found.items],
        "next": [_describe_step(step) for step in found.steps],
        "findings": json_output.findings((*map(_with_command, found.report), *exposed)),
    }


def print_check(found: CredentialCheck, exposed: list[Finding], *, on: Console) -> None:
    """An examination for people: what each thing is, then what is wrong, then what to do."""
    for item in found.items:
        kind = "" if item.certificate is not None else f", {item.name}"
        on.print(Text.assemble((output.safe_text(item.file), "bold"), f": {item.title}{kind}"))
        for name, text in _credential_rows(item):
            output.print_row(name, text, on=on, width=10)
    output.print_findings((*map(_with_command, found.report), *exposed), on=on)
    if found.ready:
        on.print(Text("They fit together, and passes can be signed with them.", "green"))
    for step in found.steps:
        output.print_row("next", _describe_step(step), on=on, width=4)


# Finding code -> the command or the option that helps.
_COMMANDS = {
    "certificate-not-valid": "passwright certs request begins a new certificate, "
    "passwright certs intermediate fetches an intermediate",
    "not-a-pass-certificate": "passwright certs request begins it",
    "untrusted-chain": "--root FILE trusts a root",
    "unreadable-credential": "--password-file FILE opens what is encrypted",
    "weak-key": "passwright certs request makes both",
}


def _with_command(finding: Finding) -> Finding:
    """The finding, with the command that helps in its hint."""
    command = _COMMANDS.get(finding.code)
    return replace(finding, hint="; ".join(filter(None, (finding.hint, command)))) if command else finding


def _describe_step(step: NextStep) -> str:
    """A step as a command, or as a sentence where no command helps."""
    names = [output.shell_quote(name) for name in step.files]
    match step.action:
        case "sign":
            certificate, key, above = names
            given = f"--cert {certificate} --key {key} --intermediate {above}"
            if key == certificate:
                given = f"--p12 {certificate}{f' --intermediate {above}' if above != certificate else ''}"
            return f"passwright build TEMPLATE --serial 1 {given} --out card.pkpass"
        case "upload-request":
            return "upload the request under your Pass Type ID in Apple's portal, and load the certificate"
        case "find-certificate":
            return "give the certificate as well, or make a request: passwright certs request DIR"
        case "find-key":
            return f"give the private key that {step.files[0]} was requested with"
        case "find-intermediate":
            return f"passwright certs intermediate --for {names[0]} --out wwdr.pem"


def _credential_rows(item: Credential) -> Iterator[tuple[str, str]]:
    """Yields the facts about one credential, line by line."""
    if item.certificate is None:
        return
    yield ("pass type", item.pass_type_identifier) if item.pass_type_identifier else ("name", item.name)
    if item.team_identifier:
        yield "team", f"{item.team_identifier}{f', {item.owner}' if item.owner else ''}"
    if item.kind == "pass":
        yield "NFC", "yes" if item.nfc else "no"
        claimed = f"{item.claimed_issuer or 'nobody with a name'} by its own word, which nothing here proves"
        yield "issued by", f"{item.issuer or claimed}{f', under {item.root}' if item.root else ''}"
    start, end = item.certificate.not_valid_before_utc, item.certificate.not_valid_after_utc
    left = "it has ended" if item.days is None or item.days < 0 else f"{item.days} days left"
    yield "valid", f"{start:%Y-%m-%d} to {end:%Y-%m-%d}, {left}"


@app.command()
def intermediate(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The PEM file to write.", show_default=False)],
    generation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The generation. Default: G4, which issues pass certificates today."
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--for", metavar="CERT", help="Choose the intermediate that issued this certificate, PEM or DER."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|FILE",
            help="Another https URL than Apple's, or a downloaded file; the fingerprint must match.",
        ),
    ] = None,
) -> int:
    """Download Apple's intermediate, and write it if its fingerprint is the known one."""
    from passwright.apple.trust import intermediates
    from passwright.apple.trust.certificate import as_pem

    wanted = _find_intermediate(generation, certificate)
    if source is None or source.startswith(("https://", "http://")):
        try:
            octets = intermediates.fetch(wanted, url=source or "")
        except KeyMaterialError as exc:
            raise KeyMaterialError(f"{exc} (a file that you loaded: --from FILE)") from exc
    else:
        with files.naming(source):
            octets = intermediates.check(wanted, files.read(Path(source), files.MAX_KEY_BYTES))
    atomic_file.write(out, as_pem(octets))
    output.console().print(
        f"{output.safe_text(out)}: {wanted.name}, valid to {wanted.not_after:%Y-%m-%d}, "
        "fingerprint as Apple's"
    )
    return 0


def _find_intermediate(generation: str | None, certificate: Path | None) -> Published:
    from passwright.apple.trust import intermediates

    named = None if generation is None else intermediates.generation(generation)
    if certificate is None:
        return named or intermediates.generation()
    with files.naming(certificate):
        needed = intermediates.for_certificate(files.read(certificate, files.MAX_KEY_BYTES))
    if named is not None and named != needed:
        raise UsageError(
            f"{certificate} was issued by {needed.name}, not by {named.name}: leave --generation out"
        )
    return needed
