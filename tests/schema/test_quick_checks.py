"""What the quick look vouches for has nothing wrong with it, and it knows nearly all that has not."""

from __future__ import annotations

import random
from collections import defaultdict
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build import pass_json
from passwright.google import schema as google
from passwright.model import validation
from passwright.schema.formats import BASE_TYPES, Pending, is_text
from passwright.schema.model import Schema, locator
from passwright.schema.quick_checks import QuickChecks
from tests import rich_passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.report import Finding
    from passwright.schema.model import Member
    from passwright.schema.quick_checks import Check

PLACE = locator("doc")
TABLES = {
    "pass.json": pass_json.pass_schema,
    "google": google.payload_schema,
    "template.toml": validation.template_schema,
}

# What a document may hold that no one thinks of when writing checks.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**70, 0.5, float("nan"), float("inf"), "", "x", "\0", "\ud800", "a\nb"),
    *("x" * 200, "rgb(1,2,3)", "rgb(256,0,0)", "#fff", "2026-05-01T09:00:00Z", "2026-02-30T09:00:00Z"),
    *("https://www.example.com/", "ftp://x", "EUR", "12.50", "9223372036854775808", [], {}, [None], [{}]),
    *([{"key": "a"}, {"key": "a"}], {"x": 1}, (), Pending()),
)


class Blind(QuickChecks):
    """Vouches for nothing, so that everything is looked at closely."""

    def __init__(self) -> None:
        self.members = defaultdict(dict)
        self.company = defaultdict(lambda: lambda _: False)

    def value(self, key: Member) -> Check:
        return lambda _: False

    item = value
    text = text_item = value


@cache
def closely(name: str) -> Schema:
    """A table of ours without the quick look."""
    table = TABLES[name]()
    blind = replace(table)
    blind.__dict__["sound"] = Blind()
    blind.__dict__["reading"] = replace(table.reading)
    blind.__dict__["reading"].__dict__["sound"] = Blind()
    return blind


def both(name: str, root: str, document: Any, *, writing: bool) -> tuple[list[Finding], list[Finding]]:
    quick = TABLES[name]().check(root, document, place=PLACE, writing=writing)
    close = closely(name).check(root, document, place=PLACE, writing=writing)
    return list(quick), list(close)


def filled(key: Member, objects: Any, chance: random.Random, depth: int) -> Any:
    """A value for a key, right more often than not."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    if key.listed:
        return [one_of(key, objects, chance, depth) for _ in range(chance.randrange(3))]
    return one_of(key, objects, chance, depth)


def one_of(key: Member, objects: Any, chance: random.Random, depth: int) -> Any:
    if "enum" in key.facts and chance.random() < 0.9:
        return chance.choice(key.facts["enum"])
    kind = chance.choice(key.types)
    if kind in objects:
        return document(kind, objects, chance, depth + 1)
    fitting = [value for value in ODD if kind in BASE_TYPES and BASE_TYPES[kind][1](value)]
    return chance.choice(fitting) if fitting else chance.choice(ODD)


def document(name: str, objects: Any, chance: random.Random, depth: int = 0) -> dict[str, Any]:
    keys = objects[name]
    wanted = [key for key in keys.values() if key.facts.get("required") and chance.random() < 0.9]
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
@pytest.mark.parametrize("name", TABLES)
@given(seed=st.integers(0, 2**32))
def test_both_looks_say_the_same_of_any_document(name: str, seed: int, *, writing: bool) -> None:
    chance = random.Random(seed)
    objects = TABLES[name]().objects
    root = chance.choice(sorted(objects))
    made = document(root, objects, chance) if chance.random() < 0.98 else chance.choice(ODD)
    quick, close = both(name, root, made, writing=writing)
    assert quick == close


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict | list):
        for step, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*at, step))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", rich_passes.NAMES)
def test_both_looks_say_the_same_of_a_rich_pass_with_anything_in_it(name: str) -> None:
    """Each member of the richer passes, one at a time exchanged for something odd."""
    rich = rich_passes.fixture(name)["pass"]
    chance = random.Random(name)
    for at in places(rich):
        changed = target = {"pass": deepcopy(rich)}
        *way, last = ("pass", *at)
        for step in way:
            target = target[step]
        target[last] = chance.choice(ODD)
        quick, close = both("pass.json", "Pass", changed["pass"], writing=chance.random() < 0.5)
        assert quick == close, at


@pytest.mark.parametrize("name", rich_passes.NAMES)
def test_what_is_sound_is_known_to_be(name: str) -> None:
    """Otherwise nothing would be gained: where nothing can be said, no closer look is taken."""
    rich = rich_passes.fixture(name)["pass"]
    table = pass_json.pass_schema()
    close = closely("pass.json")
    for member, value in rich.items():
        key = table.objects["Pass"][member]
        if not list(close.check_item(key, value, f"/{member}", place=PLACE)):
            assert table.sound.members["Pass"][member](value) or key.types == ("any",), member


def test_a_value_that_fits_its_first_type_badly_is_not_saved_by_its_second() -> None:
    """As in the closer look, the first type that takes a value is the one it is judged by."""
    table = Schema.of({"Root": {"when": {"type": ["number", "text"], "max": 5, "max_length": 3}}})
    sound = table.sound.members["Root"]["when"]
    assert [sound(value) for value in (5, 6, "abc", "abcd", True)] == [True, False, True, False, False]


@pytest.mark.parametrize("name", TABLES)
def test_of_a_text_it_says_the_same_whether_it_knows_that_it_is_one(name: str) -> None:
    """What a pass repeats is known to be text, so only the rest is asked."""
    sound = TABLES[name]().sound
    texts = [value for value in ODD if isinstance(value, str) and is_text(value)]
    asked = 0
    for keys in TABLES[name]().objects.values():
        for key in keys.values():
            for whole, rest in ((sound.value, sound.text), (sound.item, sound.text_item)):
                ask, ask_rest = whole(key), rest(key)
                for text in texts:
                    assert bool(ask(text)) is (ask_rest is None or bool(ask_rest(text))), (key, text)
                    asked += 1
    assert asked > 1000
