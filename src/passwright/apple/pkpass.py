"""A pass becomes a signed .pkpass."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from passwright.apple import personalization
from passwright.apple.build import pass_json
from passwright.apple.container import pkpass
from passwright.apple.rules.pass_json import ValidationContext, validator
from passwright.binding.rules import barcodes_of, forbid_barcode
from passwright.documents.compiled_template import TEMPLATE_CACHE_SIZE
from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import Placeholder
from passwright.errors import PassRejected
from passwright.model.validation import check_pass, check_template, own_copy
from passwright.report import Finding, Report, error, failed
from passwright.signing import Unsigned
from passwright.strictjson import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from passwright.apple.identity import Identity
    from passwright.documents.rule import Rule
    from passwright.documents.validator import CompiledValidator
    from passwright.model.template import Pass, Template

    # What is constant, the text of pass.json, and the findings; no text if one is an error.
    _Verdict: TypeAlias = tuple["_Prepared", bytes | None, Sequence[Finding]]

__all__ = ["PassBuilder"]


class PassBuilder:
    """Builds signed .pkpass files for one identity.

    Without an identity it still reports and makes the unsigned files; pass type
    and team then come from the template's `apple` overrides. `rules` are rules
    of yours, asked like our own. With `strict`, what only some phones refuse
    (NFC without an NFC certificate) is an error. `binding_needs_nfc=False`
    turns `apple-binding-needs-nfc` into a warning.

    A builder keeps what is constant for the templates used last, so keep the
    builder. It may be used by several threads.
    """

    def __init__(
        self,
        identity: Identity | None,
        *,
        rules: Iterable[Rule] = (),
        strict: bool = False,
        binding_needs_nfc: bool = True,
    ) -> None:
        self.identity = identity
        rules = tuple(rules)
        self._judge = validator(rules)
        self._definition_rules = tuple(rule for rule in rules if rule.document == "pass")
        self._about = ValidationContext(identity=identity, strict=strict, needs_nfc=binding_needs_nfc)
        # A template is itself and nothing else, so those that are alike are told apart.
        self._prepared = lru_cache(maxsize=TEMPLATE_CACHE_SIZE)(self._prepare)

    def build(self, pass_: Pass, *, at: datetime | None = None) -> bytes:
        """The pass as the bytes of a .pkpass, signed at `at` (default now).

        Raises:
            PassRejected: the report holds an error; nothing was signed.
            SigningError: the identity can't sign at that time, or its signer failed.
            ValueError: there is no identity, or `at` is naive.
        """
        return self.unsigned(pass_, at=at).signed()

    def unsigned(self, pass_: Pass, *, at: datetime | None = None) -> Unsigned[bytes]:
        """The pass of `build` at `at` (default now), but for its signature.

        What has to be signed are signed attributes in DER, hashed with SHA-256
        by whoever signs. `signers.airgap` takes the signature back.

        Raises:
            PassRejected: the report holds an error.
            KeyMaterialError: the certificates aren't valid at that time.
            ValueError: there is no identity, or `at` is naive.
        """
        if self.identity is None:
            raise ValueError("this builder has no identity to sign with: use files(), or give it one")
        moment = _aware(at)
        prepared, text, findings = self._judged(pass_)
        if text is None:
            raise PassRejected(Report.of(findings))
        front = prepared.front(bound=pass_.binding is not None)
        manifest = front.manifest(text)
        message, sign, finish = self.identity.unsigned(manifest, at=moment)
        return Unsigned(message, sign, partial(_finished, front, text, manifest, finish))

    def report(self, pass_: Pass, *, at: datetime | None = None) -> Report:
        """Every error, warning and note about this pass on Apple; nothing is signed.

        `at` is when it would be signed, default now.

        Raises:
            ValueError: `at` is naive.
        """
        moment = _aware(at)
        _, _, findings = self._judged(pass_)
        warnings = self.identity.warnings(moment) if self.identity is not None else ()
        return Report.of([*findings, *warnings])

    def files(self, pass_: Pass) -> dict[str, bytes]:
        """The files of the pass without its signature, manifest.json included.

        Raises:
            PassRejected: the report holds an error.
        """
        prepared, text, findings = self._judged(pass_)
        if text is None:
            if Report.of(findings).ok:
                hint = "they come from the certificate; give them in apple={...} to build without one"
                unknown = error("missing-key", "pass.json", "pass type and team are not known", hint)
                findings = [*findings, unknown]
            raise PassRejected(Report.of(findings))
        bound = pass_.binding is not None
        front = prepared.front(bound=bound)
        return {**prepared.files(bound=bound), "pass.json": text, "manifest.json": front.manifest(text)}

    def _judged(self, pass_: Pass) -> _Verdict:
        prepared = self._prepared(pass_.template)
        bound = pass_.binding is not None
        found = [*check_pass(pass_)]
        if bound:
            found += forbid_barcode(barcodes_of(pass_), bound=True)
        for rule in self._definition_rules:
            found += rule.check(pass_, self._about, lambda pointer: f"pass#{pointer}")  # type: ignore[arg-type]  # a rule on "pass" is given the pass
        if prepared.failed or (found and failed(found)):
            return prepared, None, [*prepared.findings, *found]
        values = pass_.filled()
        part = prepared.part(pass_.shape)
        text: str | None
        more: Sequence[Finding]
        if pass_.apple:
            document = part.stencil.document(part.stencil.compute(values))
            text, more = self._overridden(pass_, document, prepared.about)
            said: Sequence[Finding] = prepared.findings
            refused = False  # an override may mend what is wrong without it
        else:
            text, more = part.judged.render(values)
            said, refused = part.findings, part.failed
        if found or more:
            said = [*said, *found, *more]
        if text is None or refused or (more and failed(more)):
            return prepared, None, said
        return prepared, text.encode(), said

    def _overridden(
        self, pass_: Pass, document: dict[str, Any], about: ValidationContext
    ) -> tuple[str | None, list[Finding]]:
        """A pass with members of its own is judged whole, as it will be signed."""
        about = replace(about, bound=pass_.binding is not None)
        own, findings = own_copy(pass_.apple, "pass#/apple")
        merged = merge(document, own)
        if findings or OPEN in merged.values():
            return None, [*findings, *self._judge.validate(merged, about)]
        text = dumps(merged)
        return text, self._judge.validate(json.loads(text), about)

    def _prepare(self, template: Template) -> _Prepared:
        return _Prepared(template, self._about, self._judge.compile)


def _finished(
    front: pkpass.Front,
    text: bytes,
    manifest: bytes,
    finish: Callable[[bytes], bytes],
    signature: bytes,
) -> bytes:
    return front.pack({"pass.json": text, "manifest.json": manifest, "signature": finish(signature)})


def _aware(at: datetime | None) -> datetime:
    moment = at or datetime.now(UTC)
    if moment.utcoffset() is None:
        raise ValueError("at has no time zone: give an aware datetime")
    return moment


class _Part(NamedTuple):
    """What passes of one shape have in common: `findings` are all there are before any value is known."""

    stencil: JsonTemplate
    judged: CompiledValidator
    findings: tuple[Finding, ...]
    failed: bool


class _Prepared:
    """What is constant for one template and one identity, worked out once."""

    def __init__(self, template: Template, about: ValidationContext, prepare: Any) -> None:
        findings = [*check_template(template)]
        own, not_json = own_copy(template.apple, f"{template.source}#/apple")
        self._template = template = replace(template, apple=own)
        self._prepare = prepare
        self._constant: dict[str, bytes] = {}
        self._fronts: dict[bool, pkpass.Front] = {}
        # Passes of a template come in a few shapes; one with many optional fields has no end of them.
        self.part = lru_cache(maxsize=64)(self._part)
        if not failed(findings):
            pictures, more = pass_json.pictures(template)
            findings += [*not_json, *more, *pass_json.losses(template)]
            self._constant = {**pictures, **personalization.files(template)}
            findings += personalization.check_files(self._constant, writing=True)
        self.about = replace(
            about, personalized=template.personalization is not None, files=frozenset(self._constant)
        )
        self.findings = tuple(findings)
        self.failed = failed(findings)

    def files(self, *, bound: bool) -> Mapping[str, bytes]:
        return {**self._constant, **pass_json.strings(self._template, bound=bound)}

    def front(self, *, bound: bool) -> pkpass.Front:
        if bound not in self._fronts:
            self._fronts[bound] = pkpass.Front(self.files(bound=bound))
        return self._fronts[bound]

    def _part(self, shape: frozenset[str]) -> _Part:
        identity = self.about.identity
        # Without an identity nobody knows yet who will sign: validate() asks like that.
        pass_type = identity.pass_type_identifier if identity else OPEN
        team = identity.team_identifier if identity else OPEN
        stencil = JsonTemplate(pass_json.document(self._template, shape, pass_type=pass_type, team=team))
        judged: CompiledValidator = self._prepare(stencil, replace(self.about, bound="@binding" in shape))
        return _Part(stencil, judged, (*self.findings, *judged.findings), failed(judged.findings))


# A value nobody knows yet, and that stays so: who will sign.
OPEN: Placeholder = Placeholder(lambda _: OPEN)
