"""The validator of JSON documents against a schema.

Each object and member of a schema is compiled once into its constraints. The quick check of a value is
all their tests together; only what it refuses is examined for findings.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from passwright.report import Finding, Severity
from passwright.schema import constraints, cross_checks
from passwright.schema.formats import BASE_TYPES, Pending, describe_type, is_number
from passwright.schema.pointers import did_you_mean, join_pointer, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.schema.constraints import Constraint, Test
    from passwright.schema.model import Member, Schema
    from passwright.schema.pointers import Locator

__all__ = ["Validator", "ValueValidator"]

# Looking for similar names is slow, and nobody reads a thousand hints.
MAX_HINTS = 20
# A hint names so many of the allowed values at most.
MAX_CHOICES = 12
# Types whose values are written as text.
_TEXTS = frozenset({"text", "localized", "url", "color", "date"})


class Validator:
    """Validates documents against the objects of one schema. Threads may share it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def check(
        self, name: str, document: object, *, place: Locator, writing: bool = True
    ) -> Iterator[Finding]:
        """Yields the findings about `document` as an object called `name`.

        Members that are `Pending` count as present. With `writing`, unknown
        members are errors, since payloads of ours have to be right; otherwise they
        are warnings, since wallets ignore them.
        """
        compiled = self._writing if writing else self._reading
        yield from _Walk(compiled, place).document(name, document, "")

    def value_validator(self, name: str, document: object, pointer: str) -> ValueValidator | None:
        """Returns the validator of the value at `pointer` in an object called `name`.

        None where the schema does not describe the value.
        """
        located = self.schema.locate(name, document, pointer)
        return None if located is None else ValueValidator(self._writing, *located, pointer)

    @cached_property
    def _writing(self) -> _CompiledSchema:
        return _CompiledSchema(self.schema, writing=True)

    @cached_property
    def _reading(self) -> _CompiledSchema:
        return _CompiledSchema(self.schema.tolerant, writing=False)


class ValueValidator:
    """Validates one value of a document, whose other members are constant.

    `accepts` is the quick check: False for values with findings.
    """

    def __init__(
        self,
        compiled: _CompiledSchema,
        member: Member,
        owner: Mapping[str, Any],
        siblings: Mapping[str, Member],
        pointer: str,
    ) -> None:
        self._compiled = compiled
        self._member = member
        self._pointer = pointer
        self._is_item = member.is_list and pointer.rpartition("/")[2].isdigit()
        beside = [siblings[name] for name in owner if name in siblings] if member.name == "value" else []
        self._styles = [style for each in beside if (style := cross_checks.style_constraint(each))]
        compiled_member = compiled.member(member)
        self.accepts = compiled_member.accepts_item if self._is_item else compiled_member.accepts
        if self._styles:
            self.accepts = _conjunction((self.accepts, self._fits_styles))

    def _fits_styles(self, value: object) -> bool:
        return all(style.accepts({"value": value}) for style in self._styles)

    def findings(self, value: object, *, place: Locator) -> Iterator[Finding]:
        """Yields the findings about a value."""
        walk = _Walk(self._compiled, place)
        yield from (walk.item if self._is_item else walk.value)(self._member, value, self._pointer)
        owner = self._pointer.rpartition("/")[0]
        yield from walk.failures(self._styles, "", {"value": value}, owner)


class _CompiledMember:
    """The constraints of one member, by the types of its values."""

    def __init__(self, member: Member, schema: _CompiledSchema) -> None:
        objects, writing = schema.objects, schema.writing
        self.presence = tuple(constraints.presence_constraints(member, writing=writing))
        self.sizes = tuple(constraints.size_constraints(member))
        of_items = [each for kind in member.types for each in objects.get(kind, {}).values()]
        self.uniqueness = tuple(constraints.uniqueness_constraints(member, of_items))
        # The first type that a value has decides about it.
        self.types: list[tuple[str, Test, tuple[Constraint, ...]]] = []
        alternatives: list[tuple[Test, Test]] = []
        for kind in member.types:
            tests: list[Test] = []
            if kind in objects:
                has_type: Test = _is_object
                tests.append(schema.object_test(kind))
                entries = (*constraints.narrowing_constraints(member, objects[kind], writing=writing),)
            else:
                has_type = BASE_TYPES[kind][1]
                entries = (*constraints.value_constraints(member, kind, writing=writing),)
            self.types.append((kind, has_type, entries))
            alternatives.append((has_type, _conjunction([*tests, *(each.accepts for each in entries)])))
        self.accepts_item: Test = _first_type(alternatives)
        self.accepts: Test = self._list_test() if member.is_list else self.accepts_item
        if self.presence:
            self.accepts = _rejects_all

    def _list_test(self) -> Test:
        accepts_item = self.accepts_item
        accepts_list = _conjunction([each.accepts for each in (*self.sizes, *self.uniqueness)])

        def accepts(items: Any) -> bool:
            if not isinstance(items, (list, tuple)):
                return False
            return all(map(accepts_item, items)) and accepts_list(items)

        return accepts


class _CompiledObject:
    """The members of one object, and the constraints between them."""

    def __init__(self, name: str, schema: _CompiledSchema) -> None:
        members = schema.objects[name]
        self.members = {each: schema.member(member) for each, member in members.items()}
        self.absences = tuple(cross_checks.absence_constraints(members))
        self.groups = tuple(cross_checks.group_constraints(schema.schema.groups_of(name), members))
        self.siblings: dict[str, tuple[Constraint, ...]] = {}
        for each, member in members.items():
            if entries := tuple(cross_checks.sibling_constraints(member, members)):
                self.siblings[each] = entries
        self._accepts_absences = _conjunction([each.accepts for each in (*self.absences, *self.groups)])
        self._accepts_siblings = {
            each: _conjunction([entry.accepts for entry in entries])
            for each, entries in self.siblings.items()
        }

    def accepts(self, document: Any) -> bool:
        """Returns whether neither the document nor a member of it has a finding."""
        members = self.members
        wild = members.get("*")
        for name, value in document.items():
            member = members.get(name, wild)
            if member is None or not member.accepts(value):
                return False
        return self.accepts_members(document)

    def accepts_members(self, document: Mapping[str, Any]) -> bool:
        """Returns whether no member is missing, and those present may stand beside each other."""
        siblings = self._accepts_siblings
        if not siblings.keys().isdisjoint(document):
            for name, accepts in siblings.items():
                if name in document and not accepts(document):
                    return False
        return self._accepts_absences(document)


class _CompiledSchema:
    """A schema in one mode; objects and members are compiled when they are first used."""

    def __init__(self, schema: Schema, *, writing: bool) -> None:
        self.schema = schema
        self.objects = schema.objects
        self.writing = writing
        self._compiled_objects: dict[str, _CompiledObject] = {}
        # The members stay alive in the schema, so their identities stay theirs.
        self._members: dict[int, _CompiledMember] = {}

    def object(self, name: str) -> _CompiledObject:
        """Returns an object of the schema, compiled."""
        if (compiled := self._compiled_objects.get(name)) is None:
            compiled = self._compiled_objects[name] = _CompiledObject(name, self)
        return compiled

    def object_test(self, name: str) -> Test:
        """Returns the quick check of an object: compiled late, since objects may hold themselves."""
        return lambda document: self.object(name).accepts(document)

    def member(self, member: Member) -> _CompiledMember:
        """Returns a member of the schema, compiled."""
        if (compiled := self._members.get(id(member))) is None:
            compiled = self._members[id(member)] = _CompiledMember(member, self)
        return compiled


def _rejects_all(_: object) -> bool:
    return False


def _accepts_all(_: object) -> bool:
    return True


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _conjunction(tests: Iterable[Test]) -> Test:
    """Returns one test of all; without a loop for the numbers of tests that nearly all members have."""
    match tuple(tests):
        case ():
            return _accepts_all
        case (only,):
            return only
        case (first, second):
            return lambda value: first(value) and second(value)
        case several:
            return lambda value: all(test(value) for test in several)


def _first_type(alternatives: list[tuple[Test, Test]]) -> Test:
    """Returns the test of a value: that of the first type it has."""
    if len(alternatives) == 1:
        ((has_type, accepts),) = alternatives
        return lambda value: has_type(value) and accepts(value)

    def accepts_first(value: Any) -> bool:
        for has_type, accepts in alternatives:
            if has_type(value):
                return accepts(value)
        return False

    return accepts_first


class _Walk:
    """Examines one document for findings."""

    def __init__(self, compiled: _CompiledSchema, place: Locator) -> None:
        self.compiled = compiled
        self.place = place
        self.hints = MAX_HINTS

    def finding(self, severity: Severity, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return Finding(code, severity, self.place(pointer), message, hint)

    def error(self, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return self.finding(Severity.ERROR, code, pointer, message, hint)

    def failures(
        self, entries: Iterable[Constraint], name: str, value: Any, pointer: str
    ) -> Iterator[Finding]:
        """Yields the findings of the constraints that refuse a value."""
        for entry in entries:
            if entry.accepts(value):
                continue
            hint = entry.hint if isinstance(entry.hint, str) else entry.hint(value)
            hint = hint or (self.choice_hint(value, entry.choices) if entry.choices else "")
            for below in entry.below(value):
                message = entry.message(name, value)
                yield self.finding(entry.severity, entry.code, pointer + below, message, hint)
            if entry.ends:
                return

    def document(self, name: str, document: object, pointer: str) -> Iterator[Finding]:
        if isinstance(document, Pending):
            return
        if not isinstance(document, dict):
            yield self.error("wrong-type", pointer, f"this is {describe_type(document)}, has to be an object")
            return
        members = self.compiled.objects[name]
        wild = members.get("*")
        compiled = self.compiled.object(name)
        for each, value in document.items():
            if (quick := compiled.members.get(each)) and quick.accepts(value):
                continue
            below = join_pointer(pointer, each)
            member = members.get(each) or wild
            if member is None:
                yield self.unknown(each, members, below)
            else:
                yield from self.value(member, value, below)
        if compiled.accepts_members(document):
            return
        yield from self.failures(compiled.absences, name, document, pointer)
        for each in document:
            yield from self.failures(compiled.siblings.get(each, ()), each, document, pointer)
        yield from self.failures(compiled.groups, name, document, pointer)

    def unknown(self, name: str, members: Mapping[str, Member], pointer: str) -> Finding:
        for member in members.values():
            if name in member.keywords.get("aliases", ()):
                return self.finding(
                    Severity.WARNING,
                    "deprecated-key",
                    pointer,
                    f"{name} is an old spelling",
                    f"write {member.name!r}",
                )
        severity = Severity.ERROR if self.compiled.writing else Severity.WARNING
        message = f"there is no key {quote(name)} here"
        return self.finding(severity, "unknown-key", pointer, message, self.suggestion(name, members))

    def choice_hint(self, value: object, choices: tuple[str, ...]) -> str:
        more = ", ..." * (len(choices) > MAX_CHOICES)
        return self.suggestion(value, choices) or f"one of {', '.join(choices[:MAX_CHOICES])}{more}"

    def suggestion(self, name: object, names: Iterable[str]) -> str:
        if not self.hints:
            return ""
        self.hints -= 1
        return did_you_mean(name, names)

    def value(self, member: Member, value: object, pointer: str) -> Iterator[Finding]:
        if isinstance(value, Pending):
            return
        compiled = self.compiled.member(member)
        yield from self.failures(compiled.presence, member.name, value, pointer)
        if not member.is_list or value is None:
            yield from self.item(member, value, pointer)
            return
        if not isinstance(value, (list, tuple)):
            message = f"{member.name} is {describe_type(value)}, has to be a list"
            yield self.error("wrong-type", pointer, message, "put it in square brackets: [...]")
            return
        yield from self.failures(compiled.sizes, member.name, value, pointer)
        for index, item in enumerate(value):
            yield from self.item(member, item, join_pointer(pointer, index))
        yield from self.failures(compiled.uniqueness, member.name, value, pointer)

    def item(self, member: Member, value: object, pointer: str) -> Iterator[Finding]:
        """Yields the findings about a value that is not a list, or about one item of a list."""
        if isinstance(value, Pending):
            return
        # Where any name is allowed, a message names the member by its own.
        name = member.name if member.name != "*" else quote(pointer.rpartition("/")[2])
        if value is None:
            yield self.error("null-value", pointer, f"{name} is null", "leave it out")
            return
        for kind, has_type, entries in self.compiled.member(member).types:
            if has_type(value):
                if kind in self.compiled.objects:
                    yield from self.document(kind, value, pointer)
                yield from self.failures(entries, name, value, pointer)
                return
        wanted = " or ".join(dict.fromkeys(map(_describe_kind, member.types)))
        message = f"{name} is {describe_type(value)}, has to be {wanted}"
        accepted = not self.compiled.writing and _readers_accept(member, value)
        severity = Severity.WARNING if accepted else Severity.ERROR
        yield self.finding(severity, "wrong-type", pointer, message, _type_hint(member, value))


def _describe_kind(kind: str) -> str:
    return BASE_TYPES[kind][0] if kind in BASE_TYPES else "an object"


def _type_hint(member: Member, value: object) -> str:
    """Returns the right notation where the types of JSON were mixed up."""
    kinds = set(member.types)
    if "boolean" in kinds and isinstance(value, (str, int)):
        return "write true or false, without quotes"
    if "int64" in kinds and is_number(value):
        return "64-bit numbers are text in Google's JSON: put it in quotes"
    if kinds & _TEXTS and is_number(value):
        return "put it in quotes"
    if kinds & {"number", "integer"} and isinstance(value, str):
        return "write the number without quotes"
    return ""


def _readers_accept(member: Member, value: object) -> bool:
    """Returns whether readers of a payload accept a value although it has the wrong type."""
    if "type" in member.keywords.get("genuine", ()):
        return True
    if isinstance(value, str) and value in member.keywords.get("also", ()):
        return True
    # Protocol Buffers, JSON mapping: readers accept numbers as 64-bit integers.
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return "int64" in member.types and -(2**63) <= value < 2**63
