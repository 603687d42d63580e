"""Validation of JSON documents against a schema and rules: of a whole document, or compiled for a template.

The constant part of a JSON template is validated once. Per pass the same functions validate the
values: the schema checks their members, and the rules that read one of them run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import call
from typing import TYPE_CHECKING, Any

from passwright.schema.formats import Pending
from passwright.schema.pointers import locator
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from passwright.documents.json_template import JsonTemplate
    from passwright.documents.rule import Rule, ValueCheck
    from passwright.report import Finding
    from passwright.schema.pointers import Locator
    from passwright.schema.validator import Validator

    _FullCheck = Callable[[Any], Iterable[Finding]]

__all__ = ["CompiledValidator", "DocumentValidator"]

# Wrong types that a rule cannot work with.
_MISTYPED = frozenset({"wrong-type", "null-value"})
# More sets of members than validated documents have; far fewer than a stranger can make up.
_MAX_CACHED = 64


def _without_placeholders(pointer: str) -> str:
    return pointer


class _SchemaFindings:
    """The findings of the schema, and the rules that can still run."""

    __slots__ = ("_mistyped", "findings")

    def __init__(self, bare: Iterable[Finding], place: Locator) -> None:
        bare = tuple(bare)
        self._mistyped = [finding.location for finding in bare if finding.code in _MISTYPED]
        self.findings = [replace(finding, location=place(finding.location)) for finding in bare]

    def can_run(self, rule: Rule) -> bool:
        return not (self._mistyped and rule.requires_types and rule.reads_one_of(self._mistyped))

    def select_runnable(self, rules: Iterable[Rule]) -> Iterable[Rule]:
        return filter(self.can_run, rules) if self._mistyped else rules


@dataclass(frozen=True)
class DocumentValidator:
    """Validates documents of one name against an object of a schema and rules."""

    name: str
    schema: Validator
    root: str
    rules: tuple[Rule, ...] = ()
    # Documents have few sets of members: the rules for each of them.
    _rules_by_members: dict[frozenset[str], tuple[Rule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def _required_members(self) -> frozenset[str]:
        """The members that some rule requires."""
        return frozenset[str]().union(*(rule.requires_members for rule in self.rules))

    def _rules_for(self, document: Mapping[str, Any]) -> tuple[Rule, ...]:
        """The rules whose required members the document has."""
        there = self._required_members.intersection(document)
        if (rules := self._rules_by_members.get(there)) is None:
            if len(self._rules_by_members) >= _MAX_CACHED:
                self._rules_by_members.clear()
            rules = tuple(
                rule
                for rule in self.rules
                if not (rule.requires_members and there.isdisjoint(rule.requires_members))
            )
            self._rules_by_members[there] = rules
        return rules

    def validate(
        self, document: Mapping[str, Any], context: Any, *, place: Locator | None = None, writing: bool = True
    ) -> list[Finding]:
        """Validates a finished document. `writing` is False for documents of others."""
        where = place or locator(self.name)
        found = _SchemaFindings(
            self.schema.check(self.root, document, place=_without_placeholders, writing=writing), where
        )
        findings = found.findings
        for rule in found.select_runnable(self._rules_for(document)):
            findings += rule.check(document, context, where)
        return findings

    def compile(self, template: JsonTemplate, context: Any) -> CompiledValidator:
        """Validates the constant part of a template; returns the validator of its values."""
        place = locator(self.name)
        pointers = [pointer for pointer, _ in template.placeholders]
        dynamic = tuple(rule for rule in self.rules if rule.reads_one_of(pointers))
        found = _SchemaFindings(
            self.schema.check(self.root, template.body, place=_without_placeholders), place
        )
        for rule in filter(found.can_run, self.rules):
            if rule not in dynamic:
                found.findings += rule.check(template.body, context, place)
        return CompiledValidator(
            template,
            findings=tuple(found.findings),
            checks=[self._checks_of(template, pointer) for pointer in pointers],
            rules=[_DynamicRule(rule, template, context, place) for rule in dynamic if found.can_run(rule)],
            place=place,
        )

    def _checks_of(self, template: JsonTemplate, pointer: str) -> tuple[ValueCheck, _FullCheck]:
        """The quick check and the full check of the value at `pointer`."""
        validator = self.schema.value_validator(self.root, template.body, pointer)
        if validator is None:
            return _is_complete, _no_findings
        return validator.accepts, partial(validator.findings, place=_without_placeholders)


def _combine_checks(first: ValueCheck, second: ValueCheck) -> ValueCheck:
    return lambda value: first(value) and second(value)


def _is_complete(value: object) -> bool:
    return not isinstance(value, Pending)


def _no_findings(_: object) -> Iterable[Finding]:
    return ()


class _DynamicRule:
    """A rule that reads values of passes, with its last findings.

    A rule depends on nothing but what it reads, and many read values that rarely differ from
    pass to pass.
    """

    __slots__ = ("_context", "_last", "_place", "_template", "reads", "rule")

    def __init__(self, rule: Rule, template: JsonTemplate, context: Any, place: Locator) -> None:
        self.rule = rule
        self._template = template
        self._context = context
        self._place = place
        self.reads = [
            index for index, (pointer, _) in enumerate(template.placeholders) if rule.reads_one_of((pointer,))
        ]
        self._last: tuple[list[Any], tuple[Finding, ...]] | None = None

    def findings(self, computed: Sequence[Any]) -> tuple[Finding, ...]:
        """The findings about the document with these values of the placeholders."""
        read = [computed[index] for index in self.reads]
        if (last := self._last) and all(map(_same, read, last[0])):
            return last[1]
        findings = tuple(self.check(self._template.document(computed)))
        # In one step: another thread sees the values with their findings.
        self._last = read, findings
        return findings

    def check(self, document: Mapping[str, Any]) -> Iterable[Finding]:
        """The findings about a document."""
        return self.rule.check(document, self._context, self._place)

    def value_check(self) -> ValueCheck | None:
        """The quick check of one value; None where the rule depends on more than one."""
        return None if self.rule.value_check is None else self.rule.value_check(self._context)


def _same(one: Any, other: Any) -> bool:
    # Equal is not enough: True is 1, and 1 is 1.0.
    return one is other or (type(one) is type(other) and bool(one == other))


class CompiledValidator:
    """Validates and renders passes of one JSON template. `findings` are those about its constant part."""

    def __init__(
        self,
        template: JsonTemplate,
        *,
        findings: tuple[Finding, ...],
        checks: Sequence[tuple[ValueCheck, _FullCheck]],
        rules: Sequence[_DynamicRule],
        place: Locator,
    ) -> None:
        self.findings = findings
        self._template = template
        self._computations, self._text_format = template.computations, template.text_format
        self._full_checks = [full_check for _, full_check in checks]
        self._rules = rules
        self._place = place
        self._quick_checks = [quick_check for quick_check, _ in checks]
        self._always: tuple[Finding, ...] = ()
        self._whole_rules = []
        for rule in rules:
            if (value_check := rule.value_check()) is None:
                self._whole_rules.append(rule)
                continue
            # The findings of such a rule about the placeholders hold for all values that it accepts.
            self._always += tuple(rule.check(template.body))
            for index in rule.reads:
                self._quick_checks[index] = _combine_checks(self._quick_checks[index], value_check)

    def render(self, values: Mapping[str, Any]) -> tuple[str | None, Sequence[Finding]]:
        """Renders the document of one pass as JSON, and validates its values.

        The text is None where a value is not known yet.
        """
        computed = [compute(values) for compute in self._computations]
        if not all(map(call, self._quick_checks, computed)):
            text = (
                self._text_format % tuple(map(dumps, computed)) if all(map(_is_complete, computed)) else None
            )
            return text, self.validate_values(computed)
        text = self._text_format % tuple(map(dumps, computed))
        if not self._whole_rules:
            return text, self._always
        findings = [finding for rule in self._whole_rules for finding in rule.findings(computed)]
        return text, [*self._always, *findings]

    def validate_values(self, computed: Sequence[Any]) -> list[Finding]:
        """Validates the values of the placeholders of one pass."""
        bare = [
            finding
            for full_check, value in zip(self._full_checks, computed, strict=True)
            for finding in full_check(value)
        ]
        found = _SchemaFindings(bare, self._place)
        document = self._template.document(computed)
        for rule in self._rules:
            if found.can_run(rule.rule):
                found.findings += rule.check(document)
        return found.findings
