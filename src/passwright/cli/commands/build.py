"""`passwright build`: a signed .pkpass."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import TYPE_CHECKING, Any

from passwright import atomic_file
from passwright.apple.builder import PassBuilder
from passwright.apple.cms.parser import read_signing_time
from passwright.cli import files, json_output, offline_signing, options, output
from passwright.cli.inputs import KeyOptions, PassOptions, barcode_option, exactly_one, load_template
from passwright.errors import DefinitionError, UsageError
from passwright.report import Finding, Report

if TYPE_CHECKING:
    from datetime import datetime

    from passwright.model.template import Pass
    from passwright.signing import Signer

__all__ = ["build"]


def build(
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
    cert: options.Certificate = None,
    key: options.PassKey = None,
    intermediate: options.Intermediate = None,
    p12: options.P12 = None,
    password_file: options.PasswordFile = None,
    unsigned: options.Unsigned = False,
    pass_type: options.PassType = None,
    team: options.Team = None,
    strict_keys: options.StrictKeys = False,
    emit_tbs: options.EmitTbs = None,
    signature: options.Signature = None,
    tbs: options.Tbs = None,
    out: options.Out = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
) -> int:
    """Build a signed .pkpass.

    An offline key signs in two steps: --emit-tbs writes the bytes to sign, and the same command
    with --signature and --out completes the pass.
    """
    elsewhere = offline_signing.Files(emit_tbs, signature, tbs)
    ways = {"--example": example, "--p12": p12 is not None, "--unsigned": unsigned}
    way = exactly_one({**ways, "--cert with --key and --intermediate": cert is not None or key is not None})
    elsewhere.check(way, keyless="--cert and --intermediate")
    target = elsewhere.target(out)
    wanted = PassOptions(
        serial=serial, sets=tuple(set_ or ()), values=values, nfc=nfc,
        barcode=barcode_option(barcode, off=no_barcode), bind=bind, learn_more=learn_more,
        expires=expires, example=example,
    )  # fmt: skip
    if (pass_type or team) and not unsigned:
        raise UsageError("--pass-type and --team go with --unsigned: otherwise the certificate names them")
    named = {"passTypeIdentifier": pass_type, "teamIdentifier": team}
    keys = KeyOptions(key=key, password_file=password_file, strict=strict_keys)
    try:
        pass_ = wanted.issue(load_template(template), apple={k: v for k, v in named.items() if v})
        if unsigned:
            return _write_unsigned(pass_, target, strict=strict, as_json=as_json)
        signer = elsewhere.signer() if elsewhere else None
        if way == "--example":
            identity = _example_identity(pass_, signer)
        else:
            identity = keys.apple(cert=cert, intermediate=intermediate, p12=p12, signer=signer)
        builder = PassBuilder(identity, strict=strict)
        at = elsewhere.time(read_signing_time, lambda at: builder.unsigned(pass_, at=at))
        if emit_tbs is not None:
            return _to_sign(pass_, builder, target, keys.found, at=at, as_json=as_json)
        return _write_signed(pass_, builder, target, keys.found, at=at, as_json=as_json)
    except DefinitionError as exc:
        if as_json:
            found = (*keys.found, *exc.report)
            output.print_document(json_output.build(None, None, serial=serial, pass_type=None, found=found))
        raise


def _example_identity(pass_: Pass, signer: Signer | None) -> Any:
    """The example's identity; the one for NFC where the pass has it."""
    from passwright.examples.authority import Authority

    nfc = pass_.template.nfc
    identity = Authority.example().identity(nfc="@nfc" in pass_.shape and bool(nfc and nfc.apple_key))
    return identity if signer is None else offline_signing.without_key(identity, signer)


def _to_sign(
    pass_: Pass, builder: PassBuilder, out: Path, found: list[Finding], *, at: datetime, as_json: bool
) -> int:
    message = builder.unsigned(pass_, at=at).to_be_signed
    report = Report.from_findings(found) + builder.report(pass_, at=at)
    pass_type = builder.identity.pass_type_identifier if builder.identity else None
    document = json_output.build(str(out), None, serial=pass_.serial, pass_type=pass_type, found=report)
    if not as_json:
        output.print_findings(report)
    return offline_signing.emit(
        out,
        message,
        f"pass {pass_.serial} of {pass_type}",
        then=" --out",
        document={**document, "at": at.isoformat()} if as_json else None,
    )


def _write_signed(
    pass_: Pass, builder: PassBuilder, out: Path, found: list[Finding], *, at: datetime, as_json: bool
) -> int:
    data = builder.build(pass_, at=at)
    report = Report.from_findings(found) + builder.report(pass_, at=at)
    atomic_file.write(out, data)
    identity = builder.identity
    pass_type = identity.pass_type_identifier if identity else None
    if as_json:
        output.print_document(
            json_output.build(str(out), data, serial=pass_.serial, pass_type=pass_type, found=report)
        )
        return 0
    output.print_findings(report)
    output.console().print(
        f"{output.safe_text(out)}: pass {pass_.serial} of {pass_type}, {output.size_text(len(data))}"
    )
    return 0


def _write_unsigned(pass_: Pass, out: Path, *, strict: bool, as_json: bool) -> int:
    """The files of the pass, and a list of them: what a signer elsewhere needs."""
    known = pass_.template.apple.keys() | pass_.apple.keys()
    if not {"passTypeIdentifier", "teamIdentifier"} <= known:
        raise UsageError("--unsigned goes with --pass-type and --team, which no certificate names here")
    builder = PassBuilder(None, strict=strict)
    made = builder.files(pass_)
    report = builder.report(pass_)
    names = json.loads(made["pass.json"])
    listed = json_output.unsigned_files(made, names, found=report)
    with files.new_folder(out) as folder:
        for name, data in made.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(path, data, sweep=False)
        atomic_file.write(folder / "bundle.json", json.dumps(listed, indent=2).encode(), sweep=False)
    if as_json:
        document = json_output.build(
            str(out), None, serial=pass_.serial, pass_type=names["passTypeIdentifier"], found=report
        )
        output.print_document({**document, "bytes": sum(map(len, made.values()))})
        return 0
    output.print_findings(report)
    output.console().print(
        f"{output.safe_text(out)}: {len(made)} files of pass {pass_.serial}, and bundle.json"
    )
    return 0
