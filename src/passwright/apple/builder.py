"""Builds signed .pkpass files: a rendered pass.json, its container, and the CMS signature."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from passwright.apple import personalization
from passwright.apple.build import pass_json
from passwright.apple.build.pictures import build_pictures
from passwright.apple.build.strings import build_strings
from passwright.apple.container.pkpass import PrebuiltArchive
from passwright.apple.context import ValidationContext
from passwright.apple.rules.pass_json import validator
from passwright.documents.compiled_template import (
    CompiledDocument,
    CompiledShape,
    CompiledTemplate,
    PassRenderer,
)
from passwright.documents.placeholders import Placeholder
from passwright.errors import PassRejected
from passwright.model.validation import copy_overrides, validate_template
from passwright.report import Report, error, has_errors
from passwright.signing import SigningRequest
from passwright.times import aware_or_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from passwright.apple.identity import Identity
    from passwright.documents.rule import Rule
    from passwright.documents.validator import DocumentValidator
    from passwright.model.template import Pass, Template
    from passwright.report import Finding

__all__ = ["PassBuilder"]


class PassBuilder:
    """Builds signed .pkpass files for one identity.

    Without an identity it still reports and makes the unsigned files; pass type
    and team then come from the template's `apple` overrides. `rules` are rules
    of yours, which run like our own. With `strict`, what only some phones refuse
    (NFC without an NFC certificate) is an error. `binding_needs_nfc=False`
    turns `apple-binding-needs-nfc` into a warning.

    A builder caches what is constant for the templates used last, so keep the
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
        context = ValidationContext(identity=identity, strict=strict, needs_nfc=binding_needs_nfc)
        self._renderer = PassRenderer(
            partial(_CompiledTemplate, context=context, validator=validator(rules)),
            rules=rules,
            context=context,
        )

    def build(self, pass_: Pass, *, at: datetime | None = None) -> bytes:
        """Builds the bytes of a .pkpass, signed at `at` (default now).

        Raises:
            PassRejected: the report holds an error; nothing was signed.
            SigningError: the identity can't sign at that time, or its signer failed.
            ValueError: there is no identity, or `at` is naive.
        """
        sign = partial(self._signing_identity().sign_manifest, at=aware_or_now(at, "at"))
        (text,) = self._renderer.require(pass_).texts
        return self._archive(pass_).sign(text.encode(), sign)

    def unsigned(self, pass_: Pass, *, at: datetime | None = None) -> SigningRequest[bytes]:
        """Prepares the pass of `build` at `at` (default now), and leaves its signature open.

        The bytes to sign are signed attributes in DER, hashed with SHA-256. `signers.offline` takes the
        signature back.

        Raises:
            PassRejected: the report holds an error.
            KeyMaterialError: the certificates aren't valid at that time.
            ValueError: there is no identity, or `at` is naive.
        """
        identity, moment = self._signing_identity(), aware_or_now(at, "at")
        (text,) = self._renderer.require(pass_).texts
        archive, data = self._archive(pass_), text.encode()
        manifest = archive.format_manifest(data)
        message, sign, finish = identity.unsigned(manifest, at=moment)
        files = {"pass.json": data, "manifest.json": manifest}
        return SigningRequest(message, sign, partial(_finish, archive, files, finish))

    def report(self, pass_: Pass, *, at: datetime | None = None) -> Report:
        """Reports every error, warning and note about this pass on Apple; nothing is signed.

        `at` is when it would be signed, default now.

        Raises:
            ValueError: `at` is naive.
        """
        moment = aware_or_now(at, "at")
        findings = self._renderer.render(pass_).findings
        warnings = self.identity.warnings(moment) if self.identity is not None else ()
        return Report.from_findings([*findings, *warnings])

    def files(self, pass_: Pass) -> dict[str, bytes]:
        """Makes the files of the pass without its signature, manifest.json included.

        Raises:
            PassRejected: the report holds an error.
        """
        rendered = self._renderer.require(pass_)
        data = rendered.texts[0].encode()
        if not data:
            hint = "they come from the certificate; give them in apple={...} to build without one"
            unknown = error("missing-key", "pass.json", "pass type and team are not known", hint)
            raise PassRejected(Report.from_findings([*rendered.findings, unknown]))
        files = self._renderer.compiled(pass_.template).files(bound=pass_.binding is not None)
        return {**files, "pass.json": data, "manifest.json": self._archive(pass_).format_manifest(data)}

    def _signing_identity(self) -> Identity:
        if self.identity is None:
            raise ValueError("this builder has no identity to sign with: use files(), or give it one")
        return self.identity

    def _archive(self, pass_: Pass) -> PrebuiltArchive:
        return self._renderer.compiled(pass_.template).archive(bound=pass_.binding is not None)


def _finish(
    archive: PrebuiltArchive, files: Mapping[str, bytes], finish: Callable[[bytes], bytes], signature: bytes
) -> bytes:
    return archive.pack({**files, "signature": finish(signature)})


class _CompiledTemplate(CompiledTemplate[CompiledShape]):
    """Everything constant for one template and one identity: pass.json, files and archive."""

    wallet = "apple"

    def __init__(
        self, template: Template, *, context: ValidationContext, validator: DocumentValidator
    ) -> None:
        findings = [*validate_template(template)]
        own, not_json = copy_overrides(template.apple, f"{template.source}#/apple")
        template = replace(template, apple=own)
        self._constant: dict[str, bytes] = {}
        if not has_errors(findings):
            pictures, more = build_pictures(template)
            findings += [*not_json, *more, *pass_json.losses(template)]
            self._constant = {**pictures, **personalization.files(template)}
            findings += personalization.check_files(self._constant, writing=True)
        self._context = replace(
            context, personalized=template.personalization is not None, files=frozenset(self._constant)
        )
        self._validator = validator
        self.archive = cache(self._make_archive)
        super().__init__(template, findings)

    def files(self, *, bound: bool) -> Mapping[str, bytes]:
        """The constant files."""
        return {**self._constant, **build_strings(self.template, bound=bound)}

    def _make_archive(self, *, bound: bool) -> PrebuiltArchive:
        return PrebuiltArchive(self.files(bound=bound))

    def compile_shape(self, names: frozenset[str]) -> CompiledShape:
        identity = self._context.identity
        # Without an identity it is not known yet who will sign: validate() asks like that.
        pass_type = identity.pass_type_identifier if identity else OPEN
        team = identity.team_identifier if identity else OPEN
        body = pass_json.document(self.template, names, pass_type=pass_type, team=team)
        context = replace(self._context, bound="@binding" in names)
        document = CompiledDocument(body, self._validator, context, overrides="pass#/apple")
        return CompiledShape((document,), (*self.findings, *document.compiled.findings))

    def patches(self, overrides: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[Finding]]:
        return [overrides], ()


# A value that is not known yet, and stays so: who will sign.
OPEN: Placeholder = Placeholder(lambda _: OPEN)
