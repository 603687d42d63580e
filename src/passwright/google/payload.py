"""Class and object of a pass, validated and rendered: what a link or the REST API sends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from passwright.binding.email import is_ambiguous, sha256
from passwright.documents.compiled_template import (
    CompiledDocument,
    CompiledShape,
    CompiledTemplate,
    PassRenderer,
)
from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import names_in
from passwright.errors import BindingInvalid
from passwright.google import content
from passwright.google.context import ValidationContext
from passwright.google.rules import cross_checks, field_paths
from passwright.google.rules.payload import validators
from passwright.model.validation import copy_overrides, validate_template
from passwright.report import Finding, error, has_errors, note, warning
from passwright.schema.formats import Pending
from passwright.schema.pointers import locator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from passwright.documents.rule import Rule
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass, Template

__all__ = ["PayloadRenderer", "PayloadShape", "restricted_to"]


class PayloadRenderer(PassRenderer["_CompiledTemplate"]):
    """Renders class and object of passes for one issuer, or for none yet."""

    def __init__(self, issuer: Issuer | None, rules: tuple[Rule, ...]) -> None:
        proved = issuer is None or issuer.public_key or getattr(issuer.signer, "proves_itself", False)
        context = ValidationContext(
            issuer_id=issuer.issuer_id if issuer else None,
            restrictions_enabled=issuer.restrictions_enabled if issuer else False,
        )
        policy = issuer.email_policy if issuer else "gmail"
        super().__init__(
            partial(_CompiledTemplate, context=context, rules=rules, email_policy=policy),
            rules=rules,
            context=context,
            findings=[] if proved else [_UNPROVED],
        )


@dataclass(frozen=True)
class PayloadShape(CompiledShape):
    """Class and object of passes with the same optional parts.

    `fullest` is the object with everything that passes of the template can hold. `short` is the
    object in the template's language alone, None where that would change nothing; it leaves out
    what differs, so it needs no validation. `may_hold_secrets` tells that the object has to be
    searched for what it reveals to everybody with the link.
    """

    fullest: Mapping[str, Any] = field(default_factory=dict)
    short: JsonTemplate | None = None
    may_hold_secrets: bool = True


class _CompiledTemplate(CompiledTemplate[PayloadShape]):
    """Everything constant for one template and one issuer."""

    wallet = "google"

    def __init__(
        self,
        template: Template,
        *,
        context: ValidationContext,
        rules: tuple[Rule, ...],
        email_policy: str | Callable[[str], str],
    ) -> None:
        findings = [*validate_template(template)]
        own, not_json = copy_overrides(dict(template.google), f"{template.source}#/google")
        self._context = context
        self._email_policy = email_policy
        self._validators = validators(template.kind.class_type, template.kind.object_type, rules)
        super().__init__(
            replace(template, google=own), findings if has_errors(findings) else [*findings, *not_json]
        )

    def compile_shape(self, names: frozenset[str]) -> PayloadShape:
        template, issuer_id = self.template, self._context.issuer_id
        payload = content.payload(template, names, issuer_id=issuer_id)
        fullest = content.payload(template, _all_parts(template), issuer_id=issuer_id)
        context = replace(self._context, bound="@binding" in names)
        bodies = (payload.class_, payload.object_)
        class_, object_ = (
            CompiledDocument(body, validator, context, overrides=f"pass#/google/{name}")
            for name, body, validator in zip(_DOCUMENTS, bodies, self._validators, strict=True)
        )
        findings = [*payload.findings, *_check_constant_class(template, class_.template)]
        findings += _check_same_class(payload.class_.get("id"), payload.object_.get("classId"))
        findings += _settings(template, names, class_.template.body, object_.template.body)
        findings += _paths(template, fullest.class_, fullest.object_)
        if context.bound:
            # Without the placeholder every pass would be bound to whom the template names.
            if isinstance(restricted := restricted_to(payload.object_), str) and restricted:
                findings.append(_BOUND_TO_ANOTHER)
            findings.append(_check_shared_class(template.google_class or template.id))
        short = None
        if template.translations:
            untranslated = replace(template, translations={})
            short = JsonTemplate(content.payload(untranslated, names, issuer_id=issuer_id).object_)
        return PayloadShape(
            documents=(class_, object_),
            findings=(
                *self.findings,
                *findings,
                *class_.compiled.findings,
                *object_.compiled.findings,
            ),
            cross_findings=tuple(findings),
            fullest=fullest.object_,
            short=short,
            may_hold_secrets=any(cross_checks.secret_members(object_.template.body)),
        )

    def bind(self, pass_: Pass, values: dict[str, Any]) -> Iterable[Finding]:
        """Adds the hash that the restriction holds; it is computed here and stored nowhere."""
        binding = pass_.binding
        if binding is None:
            return []
        if binding.email is None:
            return [_PURGED]
        try:
            values["@email-sha256"] = sha256(binding.email, policy=self._email_policy)
        except BindingInvalid as exc:
            return [error("binding-invalid", f"pass#{name}", rule) for name, rule in exc.pointers.items()]
        return [_AMBIGUOUS] if is_ambiguous(binding.email) else []

    def patches(self, overrides: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[Finding]]:
        unknown = [
            error("unknown-key", f"pass#/google/{key}", "google overrides are for class and object")
            for key in sorted(map(str, overrides.keys() - set(_DOCUMENTS)))
        ]
        return [overrides.get(name, {}) for name in _DOCUMENTS], unknown

    def check_overridden(
        self,
        pass_: Pass,
        shape: PayloadShape,
        values: Mapping[str, Any],
        documents: Sequence[dict[str, Any]],
    ) -> Iterable[Finding]:
        class_, object_ = documents
        yield from _check_same_class(class_["id"], object_["classId"])
        yield from _settings(pass_.template, pass_.shape, class_, object_)
        if "classTemplateInfo" in pass_.google.get("class", {}):
            fullest = merge(shape.fullest, pass_.google.get("object", {}))
            yield from _paths(pass_.template, class_, fullest)
        if pass_.binding is not None and restricted_to(object_) != values["@email-sha256"]:
            yield _BOUND_TO_ANOTHER


_DOCUMENTS = ("class", "object")


def _all_parts(template: Template) -> frozenset[str]:
    """The shape of a pass with every field and all that the template can give it."""
    asked = {"@nfc": template.nfc, "@barcode": template.barcode}
    return frozenset([*template.fields, "@expires", *(name for name, wanted in asked.items() if wanted)])


def _settings(
    template: Template, shape: frozenset[str], class_: Mapping[str, Any], object_: Mapping[str, Any]
) -> Iterator[Finding]:
    if template.nfc is not None and "@nfc" not in shape:
        # Off for this pass on purpose, while the class is one for all of them.
        object_ = {"smartTapRedemptionValue": Pending(), **object_}
    yield from cross_checks.check_settings(
        template.kind.vertical, class_, object_, locator("class"), locator("object")
    )


def _paths(template: Template, class_: Mapping[str, Any], object_: Mapping[str, Any]) -> Iterator[Finding]:
    """The class is shared: a path leads somewhere when it does for one of its passes."""
    place = locator("class")
    yield from field_paths.unresolved_paths(
        class_, object_, cross_checks.schema_names(template.kind.vertical), place
    )
    yield from field_paths.hidden_modules(class_, object_, place)


def _check_constant_class(template: Template, class_: JsonTemplate) -> Iterator[Finding]:
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


def _check_same_class(class_id: object, named: object) -> Iterator[Finding]:
    """The object belongs to the class that travels beside it, or that `requires` says to insert."""
    if class_id == named or getattr(class_id, "compute", 0) is getattr(named, "compute", 1):
        return
    message = "the object names another class than the one made here"
    yield error("class-mismatch", "object#/classId", message, "change id and classId together, or neither")


def _check_shared_class(name: str) -> Finding:
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


_AMBIGUOUS = warning(
    "email-hash-ambiguous",
    "pass#/binding/email",
    "Google's rule for hashing this kind of address is not certain: it has dots, a tag or capitals",
    "take the address from a verified Google ID token, and try one pass with an account",
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
