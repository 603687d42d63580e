"""A table as functions that say quickly: there is nothing to say.

Most documents are sound, and most parts of the others. `table` asks here first
and looks closer only at what these functions do not vouch for. They may be
wrong in one way: not to know a sound value for sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from passwright.schema.formats import FORMATS, fits_style, is_date, is_int64, is_rgb, is_text, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.schema.model import Member

Check = Callable[[Any], bool]

__all__ = ["QuickChecks"]


class QuickChecks:
    """The objects of one table: for each a function from a document to whether it is sound.

    `members` maps an object's name to the checks of its members by their names,
    and `company` to what its members ask of each other.
    """

    def __init__(self, objects: Mapping[str, Mapping[str, Member]]) -> None:
        self._objects = objects
        self.members: dict[str, dict[str, Check]] = {name: {} for name in objects}
        self.company: dict[str, Check] = {name: _company(keys) for name, keys in objects.items()}
        self._documents = {name: self._document(name) for name in objects}
        for name, keys in objects.items():
            self.members[name].update((each, self.value(key)) for each, key in keys.items())

    def value(self, key: Member) -> Check:
        """Whether the value of a member is sound."""
        if key.facts.get("deprecated") is True or key.facts.get("write") is False:
            return _never
        return self._list(key) if key.listed else self.item(key)

    def item(self, key: Member) -> Check:
        """Whether a value is sound that is not listed, or one of those that are."""
        # The first type that takes a value is the one it is judged by.
        kinds: dict[type, Check] = {}
        for name in key.types:
            for kind, check in self._checks(name, key).items():
                kinds.setdefault(kind, check)
        if kinds == {str: is_text}:
            return _plain_text
        if kinds.keys() == {int} and "enum" not in key.facts:
            least, most = _bounds(key)
            return lambda value: type(value) is int and least <= value <= most
        if len(kinds) == 1:
            ((only, fits),) = kinds.items()
            return lambda value: type(value) is only and fits(value)
        return lambda value: (found := kinds.get(type(value))) is not None and found(value)

    def text(self, key: Member) -> Check | None:
        """Whether a text is sound as the value of a member, if it `is_text`; None where each one is."""
        return _never if key.listed or self.value(key) is _never else self.text_item(key)

    def text_item(self, key: Member) -> Check | None:
        """The same of a value that is not listed, or one of those that are."""
        # The first type that takes a text is the one it is judged by.
        kind = next((name for name in key.types if name in _TEXTS), None)
        if kind is None:
            return _never
        tests = _tests(kind, key)
        return _all(tests) if tests else None

    def _checks(self, name: str, key: Member) -> dict[type, Check]:
        """The Python types that values of a type of the table have, and the check of each."""
        if name in self._objects:
            return {dict: _narrowed(key, self._documents[name])}
        if name in _TEXTS:
            return {str: _all([is_text, *_tests(name, key)])}
        if name in _NUMBERS:
            return dict.fromkeys(_NUMBERS[name], _number(key))
        # What else there is, may be anything.
        plain = {"boolean": bool, "object": dict}.get(name)
        return {plain: _always} if plain and "enum" not in key.facts else {}

    def _document(self, name: str) -> Check:
        members, company = self.members[name], self.company[name]

        def check(document: dict[str, Any]) -> bool:
            for member, value in document.items():
                fits = members.get(member) or members.get("*")
                if fits is None or not fits(value):
                    return False
            return company(document)

        return check

    def _list(self, key: Member) -> Check:
        item = self.item(key)
        most = key.facts.get("max_items", math.inf)
        differ = [
            member.name
            for kind in key.types
            for member in self._objects.get(kind, {}).values()
            if member.facts.get("unique_in") in (key.name, "list", "pass")
        ]

        def check(values: Any) -> bool:
            if type(values) is not list or len(values) > most:
                return False
            for value in values:
                if not item(value):
                    return False
            return not differ or all(_differ(values, name) for name in differ)

        return check


def _differ(values: list[Any], name: str) -> bool:
    texts = [value.get(name) for value in values if type(value) is dict]
    return all(type(text) is str for text in texts) and len(set(texts)) == len(values)


def _plain_text(value: Any) -> bool:
    return type(value) is str and (value.isprintable() or is_text(value))


def _always(_: object) -> bool:
    return True


def _never(_: object) -> bool:
    return False


_NUMBERS: Mapping[str, tuple[type, ...]] = {"number": (int, float), "integer": (int,)}
# Types written as text -> what such a text has to be, if anything.
_TEXTS: Mapping[str, Check | None] = {
    **dict.fromkeys(("text", "localized", "date", "url"), None),
    "color": is_rgb,
    "int64": is_int64,
}


def _tests(kind: str, key: Member) -> list[Check]:
    """All that is asked of a text of one type, besides being a text."""
    tests: list[Check] = []
    if (form := _TEXTS[kind]) is not None:
        tests.append(form)
    elif kind == "url":
        schemes = key.schemes
        tests.append(lambda value: is_url(value, schemes))
    elif key.types == ("date",):
        tests.append(is_date)
    tests += [_TEXT_FACTS[fact](wanted) for fact, wanted in key.facts.items() if fact in _TEXT_FACTS]
    if (pattern := key.pattern) is not None:
        tests.append(lambda value: pattern.search(value) is not None)
    if "enum" in key.facts:
        texts = [each for each in key.facts["enum"] if isinstance(each, str)]
        return [
            frozenset(each for each in texts if all(test(each) for test in (is_text, *tests))).__contains__
        ]
    return tests


# Fact about a text -> what checks it.
_TEXT_FACTS: Mapping[str, Callable[[Any], Check]] = {
    "min_length": lambda least: bool if least == 1 else lambda value: len(value) >= least,
    "max_length": lambda most: lambda value: len(value) <= most,
    "max_bytes": lambda most: lambda value: len(value.encode("utf-8", "replace")) <= most,
    "contains": lambda part: lambda value: part in value,
    "format": lambda name: FORMATS[name].fits,
}


def _all(tests: list[Check]) -> Check:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:  # noqa: PLR2004 -- nearly all that have more than one
        first, second = tests
        return lambda value: first(value) and second(value)
    return lambda value: all(test(value) for test in tests)


def _bounds(key: Member) -> tuple[float, float]:
    return key.facts.get("min", -math.inf), key.facts.get("max", math.inf)


def _number(key: Member) -> Check:
    least, most = _bounds(key)
    if "enum" in key.facts:
        good = [each for each in key.facts["enum"] if isinstance(each, int)]
        return lambda value: value in good and least <= value <= most
    return lambda value: least <= value <= most and math.isfinite(value)


def _narrowed(key: Member, document: Check) -> Check:
    narrows = key.facts.get("narrows")
    if not narrows:
        return document
    return lambda value: (
        document(value)
        and all(name not in value or value[name] in choices for name, choices in narrows.items())
    )


def _company(keys: Mapping[str, Member]) -> Check:
    """What the members of an object ask of each other, and which have to be there."""
    required = [name for name, key in keys.items() if key.facts.get("required") and name != "*"]
    present = [(name, _when_present(key)) for name, key in keys.items() if _ASKING & key.facts.keys()]
    asking = frozenset(name for name, _ in present)
    absent = [*_when_absent(keys), *_groups(keys)]

    def check(document: Mapping[str, Any]) -> bool:
        for name in required:
            if name not in document:
                return False
        if not asking.isdisjoint(document):
            for name, fits in present:
                if name in document and not fits(document):
                    return False
        return not absent or all(fits(document) for fits in absent)

    return check


_ASKING = frozenset({"requires", "excludes", "beside", "with_value"})


def _when_present(key: Member) -> Check:
    if "beside" in key.facts:
        return _never
    requires, excludes = key.facts.get("requires", ()), key.facts.get("excludes", ())
    wanted = key.facts.get("with_value")

    def check(document: Mapping[str, Any]) -> bool:
        return (
            all(other in document for other in requires)
            and not any(other in document for other in excludes)
            and (wanted is None or fits_style(wanted, document.get("value")))
        )

    return check


def _when_absent(keys: Mapping[str, Member]) -> Iterator[Check]:
    for name, key in keys.items():
        for fact, wanted in (("required_if", True), ("required_unless", False)):
            for other, value in key.facts.get(fact, {}).items():
                yield _not_asked_for(name, other, value, wanted=wanted)


def _not_asked_for(name: str, other: str, value: object, *, wanted: bool) -> Check:
    return lambda document: (
        name in document or other not in document or (document[other] == value) is not wanted
    )


def _groups(keys: Mapping[str, Member]) -> Iterator[Check]:
    """One member of each group, and no more."""
    groups: dict[str, list[str]] = {}
    for name, key in keys.items():
        if group := key.facts.get("group"):
            groups.setdefault(group, []).append(name)
    for members in groups.values():
        yield partial(_one_of, members)


def _one_of(members: list[str], document: Mapping[str, Any]) -> bool:
    return len([name for name in members if name in document]) == 1
