"""Passes taken at one look: those that are right, as they are, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Field
from passwright.alike import in_groups, take, take_all
from passwright.definition import check_pass
from tests.conftest import BINDING
from tests.test_definition import NAN, NO_ZONE, PASSES, changed, said
from tests.test_judge import FULL, GIVEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passwright import Pass


def taken_alike(pass_: Pass) -> bool:
    """Whether a pass was taken at once, as only one that is right may be: then it is what it always is."""
    taken = take(pass_)
    if taken is None:
        return False
    assert said(check_pass(pass_)) == []
    assert taken == (pass_.shape, pass_.filled())
    return True


@pytest.mark.parametrize(("changes", "expected"), PASSES)
def test_a_mistake_in_a_pass_takes_a_closer_look(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    pass_ = changed(changes)

    assert taken_alike(pass_) is (not expected and None not in pass_.values.values())


@pytest.mark.parametrize("more", [{}, {"silent": "y"}, {"visit": datetime(2026, 5, 1, 9, tzinfo=UTC)}])
@pytest.mark.parametrize("binding", [None, BINDING, replace(BINDING, email=None)])
@pytest.mark.parametrize("expires", [None, datetime(2027, 1, 1, tzinfo=UTC)])
def test_a_pass_that_is_right_is_taken_at_once(more: dict[str, Any], binding: Any, expires: Any) -> None:
    """Or nothing is won: what its own messages and overrides take is the closer look."""
    values = {key: value for key, value in GIVEN.items() if key != "visit"} | more
    pass_ = FULL.issue("M-1", values, binding=binding, expires=expires)

    assert taken_alike(pass_)
    owns: list[dict[str, Any]] = [
        {"nfc": "N"},
        {"barcode": False},
        {"apple": {"a": 1}},
        {"google": {"x": {}}},
    ]
    for own in owns:
        assert take(pass_.replace(**own)) is None


ANYTHING = st.sampled_from(
    [None, "", "Jane", "a\n", "\0", 5, -1, 1.5, True, NAN, 2**53, date(2026, 5, 1), NO_ZONE]
)


@given(
    st.sampled_from(["M-1", "", "has blank", "x" * 65, 5]),
    st.dictionaries(st.sampled_from([*FULL.fields, "nobody"]), ANYTHING),
)
def test_any_pass_is_taken_as_it_is_or_not_at_all(serial: Any, values: dict[str, Any]) -> None:
    for pass_ in (FULL.issue(serial, values), FULL.issue(serial, {**GIVEN, **values})):
        taken_alike(pass_)


def test_sets_of_fields_are_kept_within_bounds() -> None:
    template = replace(FULL, fields={**FULL.fields, **{f"x{n}": Field(optional=True) for n in range(20)}})
    for number in range(300):
        some = {f"x{n}": "1" for n in range(20) if number >> n & 1}
        assert taken_alike(template.issue("M-1", {**GIVEN, **some}))

    assert len(template.plan.looks) <= 64


# --- many at once ---

SECOND = {**GIVEN, "points": 6, "holder": "Jürgen\nGröße"}


def doubted(*passes: Pass) -> set[int]:
    """The places of passes that are not taken. When all are, each is what it is alone."""
    taken = take_all(passes)
    if isinstance(taken, set):
        return taken
    shape, columns = taken
    assert [(shape, columns.row(at)) for at in range(len(passes))] == [take(pass_) for pass_ in passes]
    return set()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"serial": "has blank"},
        {"serial": ""},
        {"serial": None},
        {"serial": 5},
        {"serial": b"M-1"},
        {"values": {**SECOND, "holder": 5}},
        {"values": {**SECOND, "holder": "\0"}},
        {"values": {**SECOND, "holder": "\ud800"}},
        {"values": {**SECOND, "holder": None}},
        {"values": {**SECOND, "points": True}},
        {"values": {**SECOND, "points": 2**70}},
        {"values": {**SECOND, "points": None}},
        {"values": {**SECOND, "visit": NO_ZONE}},
        {"expires": NO_ZONE},
        {"expires": "2027-01-01"},
    ],
    ids=str,
)
def test_one_pass_that_is_wrong_is_told_from_the_others(spoiled: dict[str, Any]) -> None:
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    first, second = (FULL.issue(f"M-{at}", values, expires=ends) for at, values in enumerate((GIVEN, SECOND)))

    assert not doubted(first, second)
    assert not doubted(first.replace(expires=None), second.replace(expires=None))
    assert doubted(first, second, first.replace(**spoiled), second) == {2}
    assert doubted(second.replace(**spoiled)) == {0}


def test_fields_that_passes_must_not_give_are_not_taken() -> None:
    stranger = FULL.issue("M-1", {**GIVEN, "nobody": "x"})
    assert doubted(stranger, stranger.replace(serial="M-2")) == {0, 1}
    assert doubted(FULL.issue("M-1", {})) == {0}


@given(
    st.lists(st.sampled_from([None, *range(4)]), max_size=30),
    st.lists(st.sets(st.integers(0, 30)), max_size=3),
)
def test_whatever_comes_together_the_answers_stand_in_their_order(
    kinds: list[int | None], doubts: list[set[int]]
) -> None:
    """Groups are alike throughout, and who is doubted is asked about alone, one doubt after the other."""
    cards = [
        FULL.issue(str(at), {}, barcode="own") if kind is None else FULL.issue(str(at), {f"x{kind}": 1})
        for at, kind in enumerate(kinds)
    ]
    alone: list[int] = []

    def one(card: Pass) -> str:
        alone.append(int(card.serial))
        return card.serial

    def many(some: Sequence[Pass]) -> list[str] | set[int]:
        assert len(some) > 1
        assert len({tuple(card.values) for card in some}) == 1
        assert all(card.barcode is None for card in some)
        for doubt in doubts:
            if places := {at for at, card in enumerate(some) if int(card.serial) in doubt}:
                return places
        return [card.serial for card in some]

    assert in_groups(cards, one, many) == [card.serial for card in cards]
    assert sorted(alone) == sorted(set(alone))
    assert set(alone) >= {
        at for at, kind in enumerate(kinds) if kind is None or any(at in each for each in doubts)
    }
