"""Tests of the validator: its quick checks accept exactly the values without findings."""

from __future__ import annotations

import random
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build import pass_json
from passwright.google import schema as google
from passwright.model import validation
from passwright.schema.formats import BASE_TYPES, Pending
from passwright.schema.model import Schema
from passwright.schema.pointers import locator
from passwright.schema.validator import Validator
from tests import rich_passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.report import Finding
    from passwright.schema.model import Member

LOCATOR = locator("doc")
SCHEMAS = {
    "pass.json": pass_json.pass_schema,
    "google": google.payload_schema,
    "template.toml": validation.template_schema,
}

# Values of documents that the author of a check is likely to forget.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**70, 0.5, float("nan"), float("inf"), "", "x", "\0", "\ud800", "a\nb"),
    *("x" * 200, "rgb(1,2,3)", "rgb(256,0,0)", "#fff", "2026-05-01T09:00:00Z", "2026-02-30T09:00:00Z"),
    *("https://www.example.com/", "ftp://x", "EUR", "12.50", "9223372036854775808", [], {}, [None], [{}]),
    *([{"key": "a"}, {"key": "a"}], {"x": 1}, (), Pending()),
)


@cache
def thorough(name: str) -> Validator:
    """Returns a validator whose quick checks refuse every value, so that it examines all of them."""
    validator = Validator(SCHEMAS[name]())
    for compiled in (validator._writing, validator._reading):
        for each in compiled.objects:
            vars(compiled.object(each))["accepts_members"] = _refuse
        for member in compiled._members.values():
            member.accepts = member.accepts_item = _refuse
    return validator


def _refuse(_: object) -> bool:
    return False


@cache
def quick(name: str) -> Validator:
    return Validator(SCHEMAS[name]())


def both(name: str, root: str, document: Any, *, writing: bool) -> tuple[list[Finding], list[Finding]]:
    findings = (
        validator.check(root, document, place=LOCATOR, writing=writing)
        for validator in (quick(name), thorough(name))
    )
    first, second = map(list, findings)
    return first, second


def filled(key: Member, objects: Any, chance: random.Random, depth: int) -> Any:
    """Returns a value of a member, more often valid than not."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    if key.is_list:
        return [one_of(key, objects, chance, depth) for _ in range(chance.randrange(3))]
    return one_of(key, objects, chance, depth)


def one_of(key: Member, objects: Any, chance: random.Random, depth: int) -> Any:
    if "enum" in key.keywords and chance.random() < 0.9:
        return chance.choice(key.keywords["enum"])
    kind = chance.choice(key.types)
    if kind in objects:
        return document(kind, objects, chance, depth + 1)
    fitting = [value for value in ODD if kind in BASE_TYPES and BASE_TYPES[kind][1](value)]
    return chance.choice(fitting) if fitting else chance.choice(ODD)


def document(name: str, objects: Any, chance: random.Random, depth: int = 0) -> dict[str, Any]:
    keys = objects[name]
    wanted = [key for key in keys.values() if key.keywords.get("required") and chance.random() < 0.9]
    more = chance.sample(list(keys.values()), min(len(keys), chance.randrange(5))) if depth < 5 else []
    made = {
        (key.name if key.name != "*" else chance.choice(("en", "de-AT", ""))): filled(
            key, objects, chance, depth
        )
        for key in (*wanted, *more)
    }
    if chance.random() < 0.05:
        made["unknown"] = 1
    return made


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize("name", SCHEMAS)
@given(seed=st.integers(0, 2**32))
def test_quick_checks_change_no_finding_about_any_document(name: str, seed: int, *, writing: bool) -> None:
    chance = random.Random(seed)
    objects = SCHEMAS[name]().objects
    root = chance.choice(sorted(objects))
    made = document(root, objects, chance) if chance.random() < 0.98 else chance.choice(ODD)
    findings, expected = both(name, root, made, writing=writing)
    assert findings == expected


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict | list):
        for step, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*at, step))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", rich_passes.NAMES)
def test_quick_checks_change_no_finding_about_a_rich_pass_with_one_odd_value(name: str) -> None:
    """Replaces the members of the richer passes by odd values, one at a time."""
    rich = rich_passes.fixture(name)["pass"]
    chance = random.Random(name)
    for at in places(rich):
        changed = target = {"pass": deepcopy(rich)}
        *way, last = ("pass", *at)
        for step in way:
            target = target[step]
        target[last] = chance.choice(ODD)
        findings, expected = both("pass.json", "Pass", changed["pass"], writing=chance.random() < 0.5)
        assert findings == expected, at


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize("name", SCHEMAS)
@given(seed=st.integers(0, 2**32))
def test_the_quick_check_accepts_exactly_the_documents_without_findings(
    name: str, seed: int, *, writing: bool
) -> None:
    chance = random.Random(seed)
    objects = SCHEMAS[name]().objects
    root = chance.choice(sorted(objects))
    made = document(root, objects, chance)
    validator = quick(name)
    compiled = validator._writing if writing else validator._reading
    findings = list(validator.check(root, made, place=LOCATOR, writing=writing))
    if not has_pending(made):
        assert compiled.object(root).accepts(made) is (findings == [])


def has_pending(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(has_pending, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Pending)


def test_the_first_type_that_a_value_has_decides_about_it() -> None:
    schema = Schema.of({"Root": {"when": {"type": ["number", "text"], "max": 5, "max_length": 3}}})
    validator = Validator(schema).value_validator("Root", {"when": 1}, "/when")
    assert validator is not None
    for value, expected in ((5, True), (6, False), ("abc", True), ("abcd", False), (True, False)):
        assert validator.accepts(value) is expected
        assert (list(validator.findings(value, place=LOCATOR)) == []) is expected
