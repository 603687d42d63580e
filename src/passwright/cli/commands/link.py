"""`passwright link`: a Google Wallet save link."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import TYPE_CHECKING, Any

from passwright import atomic_file
from passwright.cli import json_output, offline_signing, options, output
from passwright.cli.inputs import (
    KeyOptions,
    PassOptions,
    barcode_option,
    exactly_one,
    example_issuer,
    load_template,
)
from passwright.errors import DefinitionError, LinkTooLong, UsageError
from passwright.google import builder as google_builder
from passwright.google.reading import token
from passwright.report import Finding, Report, error

if TYPE_CHECKING:
    from datetime import datetime

    from passwright.model.template import Pass

__all__ = ["link"]


def link(
    template: options.TemplateFolder,
    *,
    serial: options.Serial,
    set_: options.Set = None,
    values: options.Values = None,
    nfc: options.Nfc = None,
    barcode: options.Barcode = None,
    no_barcode: options.NoBarcode = False,
    bind: options.Bind = None,
    learn_more: options.LearnMore = None,
    expires: options.Expires = None,
    example: options.Example = False,
    service_account: options.Account = None,
    key: options.AccountKey = None,
    email: options.Email = None,
    public_key: options.PublicKey = None,
    issuer_id: options.IssuerId = None,
    password_file: options.PasswordFile = None,
    strict_keys: options.StrictKeys = False,
    emit_tbs: options.EmitTbs = None,
    signature: options.Signature = None,
    tbs: options.Tbs = None,
    restrictions_enabled: options.Restrictions = False,
    self_contained: options.SelfContained = False,
    inserted: options.Inserted = None,
    requires_out: options.RequiresOut = None,
    as_json: options.Json = False,
) -> int:
    """Make a Google Wallet save link, and print it.

    An offline key signs in two steps: --emit-tbs writes the bytes to sign, and the same command
    with --signature makes the link.
    """
    elsewhere = offline_signing.Files(emit_tbs, signature, tbs)
    ways = {"--example": example, "--service-account": service_account is not None, "--key": key is not None}
    way = exactly_one({**ways, "--public-key": public_key is not None})
    elsewhere.check(way, keyless="--email, --issuer-id and --public-key")
    if way == "--public-key" and not elsewhere:
        raise UsageError("--public-key signs nothing: it goes with --emit-tbs and --signature")
    if self_contained and inserted:
        raise UsageError("--self-contained and --inserted exclude each other")
    wanted = PassOptions(
        serial=serial, sets=tuple(set_ or ()), values=values, nfc=nfc,
        barcode=barcode_option(barcode, off=no_barcode), bind=bind, learn_more=learn_more,
        expires=expires, example=example,
    )  # fmt: skip
    keys = KeyOptions(key=key, password_file=password_file, strict=strict_keys)
    try:
        pass_ = wanted.issue(load_template(template))
        signer = elsewhere.signer() if elsewhere else None
        if example:
            issuer = example_issuer(issuer_id, signer=signer, restrictions_enabled=restrictions_enabled)
        else:
            issuer = keys.google(
                account=service_account, email=email, issuer_id=issuer_id, public_key=public_key,
                signer=signer, restrictions_enabled=restrictions_enabled,
            )  # fmt: skip
        builder = google_builder.PassBuilder(issuer)
        there: tuple[Any, ...] = tuple(part.value for part in inserted or ())
        unsigned = partial(builder.unsigned, pass_, inserted=there, self_contained=self_contained)
        at = elsewhere.time(token.issued_at, lambda at: unsigned(issued_at=at))
        if emit_tbs is not None:
            found = Report.from_findings(keys.found) + builder.report(pass_)
            return _link_to_sign(
                emit_tbs, unsigned(issued_at=at).to_be_signed, pass_, found, at=at, as_json=as_json
            )
        made = unsigned(issued_at=at).complete()
    except (DefinitionError, LinkTooLong) as exc:
        _print_rejection(exc, keys.found, requires_out, as_json=as_json)
        raise
    if requires_out is not None:
        _write_requires(requires_out, made.requires)
    if as_json:
        output.print_document(json_output.link(made, keys.found))
        return 0
    output.print_findings((*keys.found, *made.report))
    _print_requires(made.requires, requires_out)
    output.print_line(made.url)
    return 0


def _link_to_sign(
    out: Path, message: bytes, pass_: Pass, found: Report, *, at: datetime, as_json: bool
) -> int:
    document = {"file": str(out), "serial_number": pass_.serial, "at": at.isoformat()}
    if not as_json:
        output.print_findings(found)
    return offline_signing.emit(
        out,
        message,
        f"the link of pass {pass_.serial}",
        document={**document, "findings": json_output.findings(found)} if as_json else None,
    )


def _print_rejection(
    exc: DefinitionError | LinkTooLong, found: list[Finding], requires_out: Path | None, *, as_json: bool
) -> None:
    """Say why there is no link, before the exception ends the command."""
    insert: Any = exc.insert if isinstance(exc, LinkTooLong) else {}
    if isinstance(exc, LinkTooLong):
        findings = (*found, error("link-too-long", "link", str(exc)))
        if requires_out is not None and insert:
            _write_requires(requires_out, insert)
    else:
        findings = (*found, *exc.report)
    if as_json:
        document: dict[str, Any] = dict.fromkeys(("url", "form", "length", "requires", "claims"))
        if isinstance(exc, LinkTooLong):
            document |= {"length": exc.length, "requires": insert}
        output.print_document({**document, "findings": json_output.findings(findings)})
    elif insert:
        _print_requires(insert, requires_out)


def _write_requires(path: Path, requires: Any) -> None:
    atomic_file.write(path, (json.dumps(requires, indent=2, ensure_ascii=False) + "\n").encode())


def _print_requires(requires: Any, written: Path | None) -> None:
    if not requires:
        return
    err = output.console(err=True)
    for name, resource in requires.items():
        err.print(f"Insert this {name} through Google's API before anybody opens the link: {resource['id']}")
    if written is None:
        err.print("--requires-out FILE writes its JSON.")
    else:
        err.print(f"Its JSON is in {output.safe_text(written)}.")
