"""Class and object of a pass as JSON, judged: what a link or the REST API sends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from passwright.binding.email import is_ambiguous, sha256
from passwright.binding.rules import barcodes_of, forbid_barcode
from passwright.documents.compiled_template import TEMPLATE_CACHE_SIZE
from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import names_in
from passwright.errors import BindingInvalid
from passwright.google import content
from passwright.google.rules import cross_checks, field_paths
from passwright.google.rules.payload import ValidationContext, validators
from passwright.model.validation import check_pass, check_template, own_copy
from passwright.report import Finding, error, failed, note, warning
from passwright.strictjson import dumps
from passwright.table import Unknown, place_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from passwright.documents.rule import Rule
    from passwright.documents.validator import CompiledValidator, DocumentValidator
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass, Template

__all__ = ["Payload", "Payloads", "restricted_to"]


class Payloads:
    """Makes and judges class and object for one issuer, or for none yet."""

    def __init__(self, issuer: Issuer | None, rules: tuple[Rule, ...]) -> None:
        self._issuer = issuer
        self._definition_rules = tuple(rule for rule in rules if rule.document == "pass")
        proved = issuer is None or issuer.public_key or getattr(issuer.signer, "proves_itself", False)
        self._unproved = [] if proved else [_UNPROVED]
        self._about = ValidationContext(
            issuer_id=issuer.issuer_id if issuer else None,
            restrictions_enabled=issuer.restrictions_enabled if issuer else False,
        )
        self._prepared = lru_cache(maxsize=TEMPLATE_CACHE_SIZE)(
            lambda template: _Prepared(template, self._about, rules)
        )

    def of(self, pass_: Pass) -> Payload:
        """Both documents as text, and everything there is to say about them."""
        prepared, bound = self._prepared(pass_.template), pass_.binding is not None
        found = [*check_pass(pass_)]
        if bound:
            found += forbid_barcode(barcodes_of(pass_), bound=True)
        for rule in self._definition_rules:
            found += rule.check(pass_, self._about, lambda pointer: f"pass#{pointer}")  # type: ignore[arg-type]  # a rule on "pass" is given the pass
        if prepared.failed or (found and failed(found)):
            return _unmade([*prepared.findings, *self._unproved, *found])
        values = pass_.filled()
        part = prepared.part(pass_.shape)
        if part.failed:
            return _unmade([*prepared.findings, *self._unproved, *found, *part.findings])
        if bound:
            found += self._hash(pass_, values)
            if found and failed(found):
                return _unmade([*prepared.findings, *self._unproved, *found, *part.findings])
        if pass_.google:
            known = [*prepared.findings, *self._unproved, *found, *part.findings]
            return self._overridden(pass_, part, values, known)
        class_, about_class = part.judged_class.render(values)
        object_, about_object = part.judged_object.render(values)
        said, ok = self._verdict(part, found, about_class, about_object)
        return Payload(class_ or "", object_ or "", said, ok, part.may_hold_secrets, part.short, values)

    def _verdict(
        self,
        part: _Part,
        found: Sequence[Finding],
        about_class: Sequence[Finding],
        about_object: Sequence[Finding],
    ) -> tuple[Sequence[Finding], bool]:
        """All there is to say about a pass, and whether it may be made."""
        if not (found or about_class or about_object or self._unproved):
            return part.verdict, not part.refused
        more = [*self._unproved, *found, *about_class, *about_object]
        return (*part.verdict, *more), not (part.refused or failed(more))

    def _hash(self, pass_: Pass, values: dict[str, Any]) -> list[Finding]:
        """The restriction's hash into `values`; it is made here and kept nowhere."""
        binding = pass_.binding
        assert binding is not None  # noqa: S101 -- the caller has asked
        if binding.email is None:
            return [_PURGED]
        policy = self._issuer.email_policy if self._issuer else "gmail"
        try:
            values["@email-sha256"] = sha256(binding.email, policy=policy)
        except BindingInvalid as exc:
            return [error("binding-invalid", f"pass#{name}", rule) for name, rule in exc.pointers.items()]
        if not is_ambiguous(binding.email):
            return []
        message = (
            "Google's rule for hashing this kind of address is not certain: it has dots, a tag or capitals"
        )
        hint = "take the address from a verified Google ID token, and try one pass with an account"
        return [warning("email-hash-ambiguous", "pass#/binding/email", message, hint)]

    def _overridden(
        self, pass_: Pass, part: _Part, values: Mapping[str, Any], findings: list[Finding]
    ) -> Payload:
        """A pass with members of its own is judged whole, as it will be signed."""
        documents = []
        for name, stencil, judge in (
            ("class", part.class_, part.judge_class),
            ("object", part.object_, part.judge_object),
        ):
            own, not_json = own_copy(pass_.google.get(name, {}), f"pass#/google/{name}")
            document = merge(stencil.document(stencil.compute(values)), own)
            findings += [*not_json, *judge.validate(document, part.about)]
            documents.append(document)
        unknown = pass_.google.keys() - {"class", "object"}
        findings += [
            error("unknown-key", f"pass#/google/{key}", "google overrides are for class and object")
            for key in sorted(map(str, unknown))
        ]
        if failed(findings):
            return _unmade(findings)
        class_, object_ = documents
        findings += _same_class(class_["id"], object_["classId"])
        findings += _settings(pass_.template, pass_.shape, class_, object_)
        own_class = pass_.google.get("class", {})
        if "classTemplateInfo" in own_class:
            fullest = merge(part.fullest, pass_.google.get("object", {}))
            findings += _paths(pass_.template, class_, fullest)
        if pass_.binding is not None:
            findings += [] if restricted_to(object_) == values["@email-sha256"] else [_BOUND_TO_ANOTHER]
        return Payload(dumps(class_), dumps(object_), findings, not failed(findings))


class Payload(NamedTuple):
    """Class and object as JSON, and the findings about them; both empty if they could not be made.

    `may_hold_secrets` says that the object is to be asked what it gives away to whoever
    has its link. `short` is the stencil of the object in the template's language alone,
    None where that would change nothing, `values` what fills it.
    """

    class_text: str
    object_text: str
    findings: Sequence[Finding]
    ok: bool
    may_hold_secrets: bool = True
    short: JsonTemplate | None = None
    values: Mapping[str, Any] = MappingProxyType({})

    def shorter(self) -> str | None:
        """The object in the template's language alone, which leaves out what differs: it needs no verdict."""
        if self.short is None:
            return None
        return self.short.render(self.short.compute(self.values))


def _unmade(findings: Sequence[Finding]) -> Payload:
    return Payload("", "", findings, ok=False)


@dataclass(frozen=True)
class _Part:
    """What is constant for one template, one shape and one issuer.

    `fullest` is the object with everything that passes of the template can hold.
    `findings` are about the two documents together, and keep them from being judged
    when they have `failed`; `verdict` is all there is to say before any value is
    known, and whether that is no stands in `refused`.
    """

    class_: JsonTemplate
    object_: JsonTemplate
    short: JsonTemplate | None
    judged_class: CompiledValidator
    judged_object: CompiledValidator
    judge_class: DocumentValidator
    judge_object: DocumentValidator
    about: ValidationContext
    fullest: Mapping[str, Any]
    findings: tuple[Finding, ...]
    failed: bool
    verdict: tuple[Finding, ...]
    refused: bool
    may_hold_secrets: bool


class _Prepared:
    """What is constant for one template and one issuer, worked out once."""

    def __init__(self, template: Template, about: ValidationContext, rules: tuple[Rule, ...]) -> None:
        findings = [*check_template(template)]
        own, not_json = own_copy(dict(template.google), f"{template.source}#/google")
        self._template = template = replace(template, google=own)
        self._about = about
        self._judges = validators(template.kind.class_type, template.kind.object_type, rules)
        # Passes of a template come in a few shapes; one with many optional fields has no end of them.
        self.part = lru_cache(maxsize=64)(self._make)
        self.findings = tuple(findings if failed(findings) else [*findings, *not_json])
        self.failed = failed(self.findings)

    def _make(self, shape: frozenset[str]) -> _Part:
        payload = content.payload(self._template, shape, issuer_id=self._about.issuer_id)
        about = replace(self._about, bound="@binding" in shape)
        class_, object_ = JsonTemplate(payload.class_), JsonTemplate(payload.object_)
        judge_class, judge_object = self._judges
        findings = [*payload.findings, *_varies(self._template, class_)]
        findings += _same_class(payload.class_.get("id"), payload.object_.get("classId"))
        fullest = content.payload(
            self._template, _everything(self._template), issuer_id=self._about.issuer_id
        )
        findings += _settings(self._template, shape, class_.body, object_.body)
        findings += _paths(self._template, fullest.class_, fullest.object_)
        if about.bound:
            # Without the blank every pass would be bound to whom the template names.
            if isinstance(restricted := restricted_to(payload.object_), str) and restricted:
                findings.append(_BOUND_TO_ANOTHER)
            findings.append(_shared_class(self._template.google_class or self._template.id))
        plain = replace(self._template, translations={})
        short = content.payload(plain, shape, issuer_id=self._about.issuer_id).object_
        judged_class, judged_object = judge_class.compile(class_, about), judge_object.compile(object_, about)
        verdict = (*self.findings, *findings, *judged_class.findings, *judged_object.findings)
        return _Part(
            class_=class_,
            object_=object_,
            short=JsonTemplate(short) if self._template.translations else None,
            judged_class=judged_class,
            judged_object=judged_object,
            judge_class=judge_class,
            judge_object=judge_object,
            about=about,
            fullest=fullest.object_,
            findings=tuple(findings),
            failed=failed(findings),
            verdict=verdict,
            refused=failed(verdict),
            may_hold_secrets=any(cross_checks.secret_members(object_.body)),
        )


def _everything(template: Template) -> frozenset[str]:
    """The shape of a pass with every field and all that the template can give it."""
    asked = {"@nfc": template.nfc, "@barcode": template.barcode}
    return frozenset([*template.fields, "@expires", *(name for name, wanted in asked.items() if wanted)])


def _settings(
    template: Template, shape: frozenset[str], class_: Mapping[str, Any], object_: Mapping[str, Any]
) -> Iterator[Finding]:
    if template.nfc is not None and "@nfc" not in shape:
        # Off for this pass on purpose, while the class is one for all of them.
        object_ = {"smartTapRedemptionValue": Unknown(), **object_}
    yield from cross_checks.check_settings(
        template.kind.vertical, class_, object_, place_in("class"), place_in("object")
    )


def _paths(template: Template, class_: Mapping[str, Any], object_: Mapping[str, Any]) -> Iterator[Finding]:
    """The class is shared: a path leads somewhere when it does for one of its passes."""
    place = place_in("class")
    yield from field_paths.unresolved(class_, object_, cross_checks.names(template.kind.vertical), place)
    yield from field_paths.hidden(class_, object_, place)


def _varies(template: Template, class_: JsonTemplate) -> Iterator[Finding]:
    """One class name for classes that differ: Google would keep the first and ignore the others.

    A name with blanks stands for what varies with them: a flight and its day for
    all times and gates of that flight.
    """
    if template.google_class and names_in(template.google_class):
        return
    name = template.google_class or template.id
    for pointer, blank in class_.placeholders:
        loose = ", ".join(sorted(blank.reads))
        where = f"{template.source}#/google_class"
        message = f"{pointer} of the class varies with {loose}, and the name of the class does not"
        hint = f'name it after what varies: google_class = "{name}-{{{blank.reads[0]}}}"'
        yield error("class-varies", where, message, hint)


def _same_class(class_id: object, named: object) -> Iterator[Finding]:
    """The object belongs to the class that travels beside it, or that `requires` says to insert."""
    if class_id == named or getattr(class_id, "compute", 0) is getattr(named, "compute", 1):
        return
    message = "the object names another class than the one made here"
    yield error("class-mismatch", "object#/classId", message, "change id and classId together, or neither")


def _shared_class(name: str) -> Finding:
    return note(
        "google-class-one-holder",
        "class#/multipleDevicesAndHoldersAllowedStatus",
        f"the class {name} lets one person hold each pass, and so do all its passes, bound or not",
        "a class that Google holds already keeps its own setting: update it there",
    )


_UNPROVED = warning(
    "signer-not-verified",
    "issuer",
    "the issuer has no public key, so nobody checks what its signer answers",
    "give the issuer the public_key of its service account",
)


_PURGED = error(
    "binding-purged",
    "pass#/binding/email",
    "the address was purged, so Google can't be told whom to restrict the pass to",
    "a pass that went to Apple stays there: issue a new one for Google",
)
_BOUND_TO_ANOTHER = error(
    "binding-lost",
    "object#/saveRestrictions/restrictToEmailSha256",
    "an override changes whom the pass is bound to",
    "take it out",
)


def restricted_to(object_: Mapping[str, Any]) -> object:
    """The hash of whom an object is restricted to, None for nobody."""
    restrictions = object_.get("saveRestrictions")
    return restrictions.get("restrictToEmailSha256") if isinstance(restrictions, dict) else None
