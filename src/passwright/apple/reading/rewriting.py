"""Changes values of a third-party pass and signs it again; everything else stays.

Members that wallets do not know may matter to their author, so no member and no file is lost. Members that
wallets know are validated as in a pass that is built.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.apple import personalization
from passwright.apple.build.pass_json import VALUE_FORMS
from passwright.apple.container import pkpass
from passwright.apple.container.filenames import is_junk_file, is_secret, quoted_name
from passwright.apple.container.manifest import PER_PASS_FILES, check_manifest, digest, format_manifest
from passwright.apple.context import ValidationContext
from passwright.apple.reading.contents import Contents, read
from passwright.apple.rules.layouts import fields
from passwright.apple.rules.pass_json import validator
from passwright.binding.rules import lost_binding_members
from passwright.documents.json_patch import merge
from passwright.errors import InvalidInput, PassRejected
from passwright.model.validation import copy_overrides
from passwright.report import Finding, Report, error, warning
from passwright.schema.formats import is_number, is_text
from passwright.schema.pointers import did_you_mean, join_pointer
from passwright.schema.pointers import quote as shown_value
from passwright.strict_json import dumps
from passwright.times import aware_or_now, is_aware

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.apple.container.limits import Buffer
    from passwright.apple.identity import Identity

__all__ = ["RewriteResult", "rewrite"]


@dataclass(frozen=True)
class RewriteResult:
    """A pass that was changed and signed: the bytes of its .pkpass, and what there is to say about it."""

    data: bytes = field(repr=False)
    report: Report


def rewrite(
    data: Buffer | Contents,
    identity: Identity,
    *,
    values: Mapping[str, Any] | None = None,
    apple: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes | None] | None = None,
    bound: bool = False,
    at: datetime | None = None,
) -> RewriteResult:
    """The pass with some values changed, signed by `identity` at `at` (default now).

    `values` maps keys of fields to text, numbers, dates or datetimes. `apple` is merged into pass.json (RFC
    7396: null removes a member). `files` adds and replaces files, None leaves one out. Pass type and team
    become those of `identity`. Every other member and file stays, also unknown ones; junk files of desktops
    are left out, with a finding. pass.json is written as strict JSON: of a repeated member the last is
    kept, comments are dropped.

    A bound pass (marked in pass.json, or by the caller with `bound`) gets no barcode and loses none of the
    members that bind it.

    Nothing is asked about who signed the pass before: `verify` does that.

    Raises:
        InvalidInput: `data` can't be read, as for `read`, or `files` holds a bad name.
        PassRejected: a wallet would refuse the pass as it would become, a field of `values` is not
            there, or a file is called like a private key. Nothing was signed.
        SigningError: the identity can't sign at that time, or its signer failed.
        ValueError: `at` is naive, or `files` holds what is made here: pass.json, manifest, signature.
    """
    moment = aware_or_now(at, "at")
    contents = data if isinstance(data, Contents) else read(data)
    made, findings = _files(contents.files, files or {})
    text, document, more = _document(contents.document, identity, values or {}, apple or {})
    bound = bound or contents.is_bound
    findings += [*contents.report, *more, *lost_binding_members(contents.document, document, bound=bound)]
    about = ValidationContext(
        bound=bound,
        identity=identity,
        personalized=personalization.FILE in made,
        writing=False,
        files=frozenset(made),
    )
    findings += validator().validate(document, about, writing=False)
    findings += personalization.check_files(made, writing=False)
    made["pass.json"] = text
    manifest = format_manifest({name: digest(blob) for name, blob in made.items()})
    made["manifest.json"] = manifest
    findings += check_manifest(made, signed=False)
    report = Report.from_findings(findings)
    if not report.ok:
        raise PassRejected(report)
    made["signature"] = identity.sign_manifest(manifest, at=moment)
    return RewriteResult(pkpass.pack(made, allow_folders=True), report)


def _files(
    found: Mapping[str, bytes], changes: Mapping[str, bytes | None]
) -> tuple[dict[str, bytes], list[Finding]]:
    """The files around pass.json, and what was left out of them."""
    if not changes.keys().isdisjoint(PER_PASS_FILES):
        raise ValueError(f"{', '.join(PER_PASS_FILES)} are made here: change pass.json by values and apple")
    made: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name, data in {**found, **changes}.items():
        if data is None or name in PER_PASS_FILES:
            continue
        if is_secret(name):
            message = "this is called like a private key, which must not travel in a pass"
            findings.append(
                error("secret-file", quoted_name(name), message, "leave it out: files={name: None}")
            )
        elif is_junk_file(name):
            message = "a left-over of a desktop was not taken along"
            findings.append(warning("left-over-file", quoted_name(name), message))
        else:
            made[name] = data
    return made, findings


def _document(
    found: Mapping[str, Any], identity: Identity, values: Mapping[str, Any], apple: Mapping[str, Any]
) -> tuple[bytes, dict[str, Any], list[Finding]]:
    """pass.json as it will be signed, what our own strict reader makes of it, and what is wrong."""
    document: dict[str, Any] = json.loads(dumps(found))
    document |= {
        "passTypeIdentifier": identity.pass_type_identifier,
        "teamIdentifier": identity.team_identifier,
    }
    findings = list(_set_values(document, values))
    own, more = copy_overrides(apple, "pass#/apple")
    text = dumps(merge(document, own)).encode("utf-8", "surrogatepass")
    try:
        document = strict_json.loads(text, name="pass.json")
    except InvalidInput as exc:
        more.append(error(exc.code, exc.location, exc.message))
    return text, document, [*findings, *more]


def _set_values(document: dict[str, Any], values: Mapping[str, Any]) -> Iterator[Finding]:
    """Changes the fields of `document`: a key may stand in a poster and in the style beside it."""
    there: dict[str, list[Any]] = {}
    for _, _, each in fields(document):
        if isinstance(key := each.get("key"), str):
            there.setdefault(key, []).append(each)
    for key, value in values.items():
        where = join_pointer("pass#/values", key)
        if key not in there:
            hint = did_you_mean(key, there) or f"its fields: {', '.join(map(shown_value, there))}"
            yield error("unknown-field", where, f"the pass has no field {shown_value(key)}", hint)
            continue
        written = _serialise_value(value)
        if written is None:
            hint = "give text, a number, a date, or a datetime with a zone"
            yield error("wrong-value", where, f"the value of {shown_value(key)} can't be written", hint)
            continue
        for each in there[key]:
            each["value"] = written
            if each.get("attributedValue"):
                message = "phones show the field's attributedValue, which was not changed"
                yield warning("value-not-shown", where, message, "change it by apple={...} as well")


def _serialise_value(value: object) -> str | int | float | None:
    """A value as a pass field holds it, None where it has no form."""
    made: Any = None
    if isinstance(value, datetime):
        made = VALUE_FORMS["datetime"](value) if is_aware(value) else None
    elif isinstance(value, date):
        made = VALUE_FORMS["date"](value)
    elif isinstance(value, Decimal):
        made = VALUE_FORMS["number"](value) if value.is_finite() else None
    elif is_number(value) or (isinstance(value, str) and is_text(value)):
        made = value
    return made  # type: ignore[no-any-return]  # the forms are one table for all types
