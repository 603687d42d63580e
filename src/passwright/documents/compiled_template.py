"""Templates compiled for one identity or issuer.

The constant part of a template is validated once, then its passes are rendered.

Both wallets render a pass alike: its definition is validated, its values are resolved, and each native
document is rendered and validated. What differs is in the subclasses of `CompiledTemplate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from passwright.binding.rules import forbid_barcode
from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.errors import PassRejected
from passwright.model.validation import barcodes_of, copy_overrides, validate_pass
from passwright.report import Finding, Report, has_errors
from passwright.schema.formats import Pending
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from passwright.documents.rule import Rule
    from passwright.documents.validator import DocumentValidator
    from passwright.model.template import Pass, Template

__all__ = [
    "TEMPLATE_CACHE_SIZE",
    "CompiledDocument",
    "CompiledShape",
    "CompiledTemplate",
    "PassRenderer",
    "RenderedPass",
]

TEMPLATE_CACHE_SIZE = 32
"""How many compiled templates a renderer keeps: those used last."""

# Passes of a template come in a few shapes; one with many optional fields has no end of them.
_SHAPE_CACHE_SIZE = 64


class CompiledDocument:
    """A native document of passes with the same optional parts, and its validator.

    `overrides` is the pointer of the overrides of a pass in a report, such as `pass#/google/class`.
    """

    def __init__(
        self, body: Mapping[str, Any], validator: DocumentValidator, context: Any, *, overrides: str
    ) -> None:
        self.template = JsonTemplate(body)
        self.validator = validator
        self.context = context
        self.overrides = overrides
        self.compiled = validator.compile(self.template, context)

    def override(self, values: Mapping[str, Any], patch: object) -> tuple[dict[str, Any], list[Finding]]:
        """The document of one pass with its overrides merged, validated as a whole."""
        own, findings = copy_overrides(patch, self.overrides)
        document = merge(self.template.document(self.template.compute(values)), own)
        return document, [*findings, *self.validator.validate(document, self.context)]


@dataclass(frozen=True)
class CompiledShape:
    """Everything constant for passes of one template with the same optional parts.

    `findings` are all findings before any value is known; `cross_findings`, a part of them, are about
    several documents together. With an error among the latter no document is rendered.
    """

    documents: tuple[CompiledDocument, ...]
    findings: tuple[Finding, ...]
    cross_findings: tuple[Finding, ...] = ()

    @cached_property
    def has_errors(self) -> bool:
        """Some finding is an error, so that no pass without overrides can be built."""
        return has_errors(self.findings)

    @cached_property
    def has_cross_errors(self) -> bool:
        """Some cross finding is an error."""
        return has_errors(self.cross_findings)


ShapeT = TypeVar("ShapeT", bound=CompiledShape)


class RenderedPass(NamedTuple, Generic[ShapeT]):
    """The native documents of a pass as JSON, and all findings.

    A text is empty where a value is not known; there are no texts where the pass could not be
    rendered. `ok` tells that no finding is an error. `values` are the resolved values. `shape` is
    None where the pass has overrides.
    """

    texts: Sequence[str]
    findings: Sequence[Finding]
    ok: bool
    shape: ShapeT | None = None
    values: Mapping[str, Any] = MappingProxyType({})


class CompiledTemplate(ABC, Generic[ShapeT]):
    """Everything constant for one template and one identity or issuer. `findings` depend on no pass."""

    wallet: ClassVar[Literal["apple", "google"]]

    def __init__(self, template: Template, findings: Iterable[Finding]) -> None:
        self.template = template
        self.findings = tuple(findings)
        self.has_errors = has_errors(self.findings)
        self.shape = lru_cache(maxsize=_SHAPE_CACHE_SIZE)(self.compile_shape)

    @abstractmethod
    def compile_shape(self, names: frozenset[str]) -> ShapeT:
        """Compiles the documents of passes with these optional parts (`Pass.shape`)."""

    @abstractmethod
    def patches(self, overrides: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[Finding]]:
        """The patch of each document in the overrides of a pass, and findings about the rest."""

    def bind(self, pass_: Pass, values: dict[str, Any]) -> Iterable[Finding]:  # noqa: ARG002 -- for a subclass
        """Adds to the values of a bound pass those that this wallet needs."""
        return ()

    def check_overridden(
        self,
        pass_: Pass,  # noqa: ARG002 -- for a subclass
        shape: ShapeT,  # noqa: ARG002 -- for a subclass
        values: Mapping[str, Any],  # noqa: ARG002 -- for a subclass
        documents: Sequence[dict[str, Any]],  # noqa: ARG002 -- for a subclass
    ) -> Iterable[Finding]:
        """Finds what is wrong between overridden documents that are valid one by one."""
        return ()

    def render(self, pass_: Pass, found: list[Finding]) -> RenderedPass[ShapeT]:
        """Renders and validates the documents of a pass; `found` are findings about its definition."""
        values, shape = pass_.resolved_values(), self.shape(pass_.shape)
        if pass_.binding is not None and not shape.has_cross_errors:
            found += self.bind(pass_, values)
        if shape.has_cross_errors or (found and has_errors(found)):
            return _reject([*self.findings, *found, *shape.cross_findings])
        overrides = pass_.apple if self.wallet == "apple" else pass_.google
        if overrides:
            known = [*self.findings, *found, *shape.cross_findings]
            return self._render_overridden(pass_, shape, values, known, overrides)
        texts = []
        for document in shape.documents:
            text, findings = document.compiled.render(values)
            texts.append(text or "")
            found += findings
        if not found:
            return RenderedPass(texts, shape.findings, not shape.has_errors, shape, values)
        ok = not (shape.has_errors or has_errors(found))
        return RenderedPass(texts, (*shape.findings, *found), ok, shape, values)

    def _render_overridden(
        self,
        pass_: Pass,
        shape: ShapeT,
        values: Mapping[str, Any],
        findings: list[Finding],
        overrides: Mapping[str, Any],
    ) -> RenderedPass[ShapeT]:
        """Renders a pass with overrides: each document is validated as a whole, as it will be signed."""
        documents = []
        patches, more = self.patches(overrides)
        for compiled, patch in zip(shape.documents, patches, strict=True):
            document, about_document = compiled.override(values, patch)
            documents.append(document)
            findings += about_document
        findings += more
        if has_errors(findings):
            return _reject(findings)
        findings += self.check_overridden(pass_, shape, values, documents)
        texts = ["" if _has_pending(document) else dumps(document) for document in documents]
        return RenderedPass(texts, findings, not has_errors(findings), None, values)


def _reject(findings: Sequence[Finding]) -> RenderedPass[Any]:
    return RenderedPass((), findings, ok=False)


def _has_pending(document: Mapping[str, Any]) -> bool:
    """A member at the top is not known yet: who will sign."""
    return any(isinstance(value, Pending) for value in document.values())


TemplateT = TypeVar("TemplateT", bound=CompiledTemplate[Any])


class PassRenderer(Generic[TemplateT]):
    """Renders passes for one wallet; keeps the templates used last, compiled. Threads may share it.

    `compile_template` compiles a template for one identity or issuer. `rules` on "pass" run over the
    definition of each pass. `findings` stand in every report.
    """

    def __init__(
        self,
        compile_template: Callable[[Template], TemplateT],
        *,
        rules: Iterable[Rule],
        context: Any,
        findings: Iterable[Finding] = (),
    ) -> None:
        # Templates compare by identity, so equal-looking ones get separate cache entries.
        self.compiled = lru_cache(maxsize=TEMPLATE_CACHE_SIZE)(compile_template)
        self._rules = tuple(rule for rule in rules if rule.document == "pass")
        self._context = context
        self._findings = tuple(findings)

    def require(self, pass_: Pass) -> RenderedPass[Any]:
        """Validates a pass and renders its documents.

        Raises:
            PassRejected: a finding is an error.
        """
        rendered = self.render(pass_)
        if not rendered.ok:
            raise PassRejected(Report.from_findings(rendered.findings))
        return rendered

    def render(self, pass_: Pass) -> RenderedPass[Any]:
        """Validates a pass, and renders its documents where nothing keeps it from being built."""
        compiled = self.compiled(pass_.template)
        found = [*self._findings, *validate_pass(pass_)]
        if pass_.binding is not None:
            found += forbid_barcode(barcodes_of(pass_), bound=True)
        for rule in self._rules:
            found += rule.check(pass_, self._context, lambda pointer: f"pass#{pointer}")  # type: ignore[arg-type]  # a rule on "pass" is given the pass
        if compiled.has_errors or (found and has_errors(found)):
            return _reject([*compiled.findings, *found])
        return compiled.render(pass_, found)
