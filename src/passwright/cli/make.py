"""Making things: `new`, `build`, `link`."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from functools import partial
from pathlib import Path  # noqa: TC003 -- Typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from passwright import wholefile
from passwright.apple.builder import PassBuilder
from passwright.apple.cms.parser import read_signing_time
from passwright.cli import airgap, documents, files, options, show
from passwright.cli.files import WrongUse
from passwright.cli.given import Keys, Wanted, example_issuer, load_template, one_way
from passwright.errors import DefinitionError, LinkTooLong
from passwright.google import builder as google_builder
from passwright.google.reading import token
from passwright.report import Finding, Report, error
from passwright.table import did_you_mean

if TYPE_CHECKING:
    from datetime import datetime

    from passwright.model.template import Pass
    from passwright.signing import Signer

__all__ = ["build", "link", "new"]


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.", show_default=False)],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            help="What to start from: loyalty, gift_card, offer, event, generic, flight or train; "
            "without it loyalty.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Start from anybody's .pkpass instead.", show_default=False
        ),
    ] = None,
) -> int:
    """Make a template folder to start from: an example, or what a finished pass was built from."""
    from passwright.testing.authority import EXAMPLE_TEMPLATES, example_template_directory

    if source is not None:
        if kind is not None:
            raise WrongUse("--kind and --from exclude each other: a pass says itself what kind it is")
        return _new_from(source, folder)
    kind = kind or "loyalty"
    if kind not in EXAMPLE_TEMPLATES:
        hint = did_you_mean(kind, EXAMPLE_TEMPLATES) or f"there is one for: {', '.join(EXAMPLE_TEMPLATES)}"
        raise WrongUse(f"there is no template of the kind {kind!r} to start from: {hint}")
    with files.new_folder(folder) as made:
        example = example_template_directory(kind)
        shutil.copytree(example, made, dirs_exist_ok=True, copy_function=shutil.copyfile)
        text = (made / "template.toml").read_text("utf-8")
        text = re.sub(r'(?m)^id = ".*"$', f'id = "{_fresh_id(folder)}"', text, count=1)
        (made / "template.toml").write_text(text, "utf-8")
    out = show.console()
    out.print(f"{show.plain(folder)} holds a template: texts in template.toml, pictures, translations.")
    out.print(f"Next: passwright build {show.word(folder)} --serial M-0001 --example --out card.pkpass")
    return 0


def _new_from(source: Path, folder: Path) -> int:
    """A template folder out of a finished pass, and what it does not say as the pass does."""
    from passwright.apple.container.pkpass import PASS_LIMITS
    from passwright.apple.reading.contents import read
    from passwright.apple.reading.to_template import template_from_pkpass

    with files.named(source):
        contents = read(files.read(source, PASS_LIMITS.archive_bytes))
    template, report = template_from_pkpass(contents, name=_fresh_id(folder))
    with files.new_folder(folder) as made:
        template.save(made)
    show.findings(report)
    out = show.console()
    out.print(f"{show.plain(folder)} holds a template of the kind {template.kind.name}, out of a pass.")
    out.print("Its examples are what that pass said: look through them before you hand the folder on.")
    out.print(f"Next: passwright build {show.word(folder)} --serial M-0001 --example --out card.pkpass")
    return 0


def _fresh_id(folder: Path) -> str:
    """Named after the folder, with an end of its own: Google keeps the class of an id for ever."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:40]
    return f"{name or 'template'}-{secrets.token_hex(3)}"


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

    A key that is kept where no program reaches it signs in two steps: --emit-tbs writes what it has to
    sign, and the same command with --signature and --out finishes the pass.
    """
    elsewhere = airgap.Files(emit_tbs, signature, tbs)
    ways = {"--example": example, "--p12": p12 is not None, "--unsigned": unsigned}
    way = one_way({**ways, "--cert with --key and --intermediate": cert is not None or key is not None})
    elsewhere.check(way, keyless="--cert and --intermediate")
    target = elsewhere.target(out)
    wanted = Wanted(
        serial=serial, sets=tuple(set_ or ()), values=values, nfc=nfc, barcode=_code(barcode, off=no_barcode),
        bind=bind,
        learn_more=learn_more, expires=expires, example=example,
    )  # fmt: skip
    if (pass_type or team) and not unsigned:
        raise WrongUse("--pass-type and --team go with --unsigned: otherwise the certificate names them")
    named = {"passTypeIdentifier": pass_type, "teamIdentifier": team}
    keys = Keys(key=key, password_file=password_file, strict=strict_keys)
    try:
        pass_ = wanted.issue(load_template(template), apple={k: v for k, v in named.items() if v})
        if unsigned:
            return _unsigned(pass_, target, strict=strict, as_json=as_json)
        signer = elsewhere.signer() if elsewhere else None
        if way == "--example":
            identity = _example_identity(pass_, signer)
        else:
            identity = keys.apple(cert=cert, intermediate=intermediate, p12=p12, signer=signer)
        builder = PassBuilder(identity, strict=strict)
        at = elsewhere.time(read_signing_time, lambda at: builder.unsigned(pass_, at=at))
        if emit_tbs is not None:
            return _to_sign(pass_, builder, target, keys.found, at=at, as_json=as_json)
        return _signed(pass_, builder, target, keys.found, at=at, as_json=as_json)
    except DefinitionError as exc:
        if as_json:
            found = (*keys.found, *exc.report)
            show.document(documents.build(None, None, serial=serial, pass_type=None, found=found))
        raise


def _example_identity(pass_: Pass, signer: Signer | None) -> Any:
    """The example's identity; the one for NFC where the pass has it."""
    from passwright.testing.authority import Authority

    nfc = pass_.template.nfc
    identity = Authority.example().identity(nfc="@nfc" in pass_.shape and bool(nfc and nfc.apple_key))
    return identity if signer is None else airgap.without_key(identity, signer)


def _to_sign(
    pass_: Pass, builder: PassBuilder, out: Path, found: list[Finding], *, at: datetime, as_json: bool
) -> int:
    message = builder.unsigned(pass_, at=at).message
    report = Report.of(found) + builder.report(pass_, at=at)
    pass_type = builder.identity.pass_type_identifier if builder.identity else None
    document = documents.build(str(out), None, serial=pass_.serial, pass_type=pass_type, found=report)
    if not as_json:
        show.findings(report)
    return airgap.emit(
        out,
        message,
        f"pass {pass_.serial} of {pass_type}",
        then=" --out",
        document={**document, "at": at.isoformat()} if as_json else None,
    )


def _signed(
    pass_: Pass, builder: PassBuilder, out: Path, found: list[Finding], *, at: datetime, as_json: bool
) -> int:
    data = builder.build(pass_, at=at)
    report = Report.of(found) + builder.report(pass_, at=at)
    wholefile.write(out, data)
    identity = builder.identity
    pass_type = identity.pass_type_identifier if identity else None
    if as_json:
        show.document(documents.build(str(out), data, serial=pass_.serial, pass_type=pass_type, found=report))
        return 0
    show.findings(report)
    show.console().print(f"{show.plain(out)}: pass {pass_.serial} of {pass_type}, {show.size(len(data))}")
    return 0


def _unsigned(pass_: Pass, out: Path, *, strict: bool, as_json: bool) -> int:
    """The files of the pass, and a list of them: what a signer elsewhere needs."""
    known = pass_.template.apple.keys() | pass_.apple.keys()
    if not {"passTypeIdentifier", "teamIdentifier"} <= known:
        raise WrongUse("--unsigned goes with --pass-type and --team, which no certificate names here")
    builder = PassBuilder(None, strict=strict)
    made = builder.files(pass_)
    report = builder.report(pass_)
    names = json.loads(made["pass.json"])
    listed = documents.bundle(made, names, found=report)
    with files.new_folder(out) as folder:
        for name, data in made.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            wholefile.write(path, data, sweep=False)
        wholefile.write(folder / "bundle.json", json.dumps(listed, indent=2).encode(), sweep=False)
    if as_json:
        document = documents.build(
            str(out), None, serial=pass_.serial, pass_type=names["passTypeIdentifier"], found=report
        )
        show.document({**document, "bytes": sum(map(len, made.values()))})
        return 0
    show.findings(report)
    show.console().print(f"{show.plain(out)}: {len(made)} files of pass {pass_.serial}, and bundle.json")
    return 0


def _code(value: str | None, *, off: bool) -> str | Literal[False] | None:
    if off and value is not None:
        raise WrongUse("--barcode and --no-barcode exclude each other")
    return False if off else value


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

    A key that is kept where no program reaches it signs in two steps: --emit-tbs writes what it has to
    sign, and the same command with --signature makes the link.
    """
    elsewhere = airgap.Files(emit_tbs, signature, tbs)
    ways = {"--example": example, "--service-account": service_account is not None, "--key": key is not None}
    way = one_way({**ways, "--public-key": public_key is not None})
    elsewhere.check(way, keyless="--email, --issuer-id and --public-key")
    if way == "--public-key" and not elsewhere:
        raise WrongUse("--public-key signs nothing: it goes with --emit-tbs and --signature")
    if self_contained and inserted:
        raise WrongUse("--self-contained and --inserted exclude each other")
    wanted = Wanted(
        serial=serial, sets=tuple(set_ or ()), values=values, nfc=nfc, barcode=_code(barcode, off=no_barcode),
        bind=bind,
        learn_more=learn_more, expires=expires, example=example,
    )  # fmt: skip
    keys = Keys(key=key, password_file=password_file, strict=strict_keys)
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
            found = Report.of(keys.found) + builder.report(pass_)
            return _link_to_sign(
                emit_tbs, unsigned(issued_at=at).message, pass_, found, at=at, as_json=as_json
            )
        made = unsigned(issued_at=at).signed()
    except (DefinitionError, LinkTooLong) as exc:
        _no_link(exc, keys.found, requires_out, as_json=as_json)
        raise
    if requires_out is not None:
        _write_requires(requires_out, made.requires)
    if as_json:
        show.document(documents.link(made, keys.found))
        return 0
    show.findings((*keys.found, *made.report))
    _say_requires(made.requires, requires_out)
    show.line(made.url)
    return 0


def _link_to_sign(
    out: Path, message: bytes, pass_: Pass, found: Report, *, at: datetime, as_json: bool
) -> int:
    document = {"file": str(out), "serial_number": pass_.serial, "at": at.isoformat()}
    if not as_json:
        show.findings(found)
    return airgap.emit(
        out,
        message,
        f"the link of pass {pass_.serial}",
        document={**document, "findings": documents.findings(found)} if as_json else None,
    )


def _no_link(
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
        show.document({**document, "findings": documents.findings(findings)})
    elif insert:
        _say_requires(insert, requires_out)


def _write_requires(path: Path, requires: Any) -> None:
    wholefile.write(path, (json.dumps(requires, indent=2, ensure_ascii=False) + "\n").encode())


def _say_requires(requires: Any, written: Path | None) -> None:
    if not requires:
        return
    err = show.console(err=True)
    for name, resource in requires.items():
        err.print(f"Insert this {name} through Google's API before anybody opens the link: {resource['id']}")
    if written is None:
        err.print("--requires-out FILE writes its JSON.")
    else:
        err.print(f"Its JSON is in {show.plain(written)}.")
