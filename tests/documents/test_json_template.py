"""A stencil says the same as text and as document, and only what is open costs a pass anything."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from json import loads
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.documents.placeholders import Placeholder, compile_text, names_in, to_text

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
BLANK = object()


@st.composite
def skeletons(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any]]:
    """A document in which some values are blanks, and what is filled into them in document order."""
    leaves = SCALARS | TEXTS | st.just(BLANK)
    nodes = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(TEXTS, inner, max_size=4)
        ),
        max_leaves=12,
    )
    numbers = count()
    skeleton = with_blanks(draw(st.dictionaries(TEXTS, nodes, max_size=5)), numbers)
    return skeleton, [draw(VALUES) for _ in range(next(numbers))]


def with_blanks(node: Any, numbers: count[int]) -> Any:
    if node is BLANK:
        index = next(numbers)
        return Placeholder(lambda values: values[str(index)], str(index))
    if isinstance(node, dict):
        return {name: with_blanks(value, numbers) for name, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(with_blanks(value, numbers) for value in node)
    return node


def at(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@pytest.mark.no_cover
@given(skeletons())
def test_text_and_document_say_the_same(drawn: tuple[dict[str, Any], list[Any]]) -> None:
    skeleton, values = drawn
    stencil = JsonTemplate(skeleton)

    filled = stencil.compute({str(index): value for index, value in enumerate(values)})

    assert filled == values
    assert loads(stencil.render(filled)) == stencil.document(filled)
    assert [at(stencil.document(filled), pointer) for pointer, _ in stencil.placeholders] == values


@pytest.mark.no_cover
@given(skeletons())
def test_what_is_constant_is_shared_and_what_is_open_is_copied(
    drawn: tuple[dict[str, Any], list[Any]],
) -> None:
    """Per pass only the nodes on the way to a blank are made anew."""
    stencil = JsonTemplate(drawn[0])
    document = stencil.document(drawn[1])
    open_ones = {
        pointer[: len(pointer) - len(rest)]
        for pointer, _ in stencil.placeholders
        for rest in ["/".join(["", *pointer.split("/")[n:]]) for n in range(1, pointer.count("/") + 2)]
    }

    def compare(before: Any, after: Any, pointer: str) -> None:
        if not isinstance(before, (dict, list)):
            return
        if pointer:
            assert (before is after) is (pointer not in open_ones), pointer
        assert before is not after or pointer
        for name, value in before.items() if isinstance(before, dict) else enumerate(before):
            below = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if not isinstance(value, Placeholder):
                compare(value, after[name], below)

    compare(stencil.body, document, "")


def test_a_skeleton_changed_later_changes_no_stencil() -> None:
    inner = {"uri": "https://example.com"}
    skeleton = {"links": (inner,)}
    stencil = JsonTemplate(skeleton)
    inner["uri"] = "changed"

    assert stencil.document([]) == {"links": [{"uri": "https://example.com"}]}
    assert stencil.render([]) == '{"links":[{"uri":"https://example.com"}]}'


def test_a_document_without_blanks_is_still_the_callers_own() -> None:
    stencil = JsonTemplate({"a": 1})
    stencil.document([])["b"] = 2

    assert stencil.document([]) == {"a": 1}


@pytest.mark.parametrize("filled", [[], ["1", "2"]])
def test_too_few_and_too_many_values_are_refused(filled: list[Any]) -> None:
    stencil = JsonTemplate({"serial": Placeholder(lambda values: values["serial"], "serial")})

    with pytest.raises(TypeError, match="arguments"):
        stencil.render(filled)


def test_a_blank_shows_what_it_reads_and_nothing_else() -> None:
    assert repr(Placeholder(lambda _: "secret", "fullName", "serial")) == "Placeholder(fullName, serial)"


# RFC 7396 appendix A, row by row: original, patch, result.
APPENDIX_A: tuple[tuple[Any, Any, Any], ...] = (
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
)


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX_A)
def test_merge_patch_gives_what_its_standard_gives(original: Any, patch: Any, result: Any) -> None:
    assert merge(original, patch) == result


@given(VALUES, VALUES)
def test_merge_changes_neither_side_and_merging_again_changes_nothing(document: Any, patch: Any) -> None:
    before = repr((document, patch))
    merged = merge(document, patch)

    assert repr((document, patch)) == before
    assert merge(merged, patch) == merged


@pytest.mark.parametrize(
    ("text", "names", "made"),
    [
        ("No. {serial}", ("serial",), "No. M-1"),
        ("{serial}", ("serial",), "M-1"),
        ("{serial}{serial}", ("serial", "serial"), "M-1M-1"),
        ("{points} of {{points}}", ("points",), "120 of {points}"),
        ("{{serial}}", (), "{serial}"),
        ("no blanks at all", (), "no blanks at all"),
        ("{with space} {", (), "{with space} {"),
        ("{{{serial}}}", ("serial",), "{M-1}"),
        ("", (), ""),
    ],
)
def test_braces_name_values_and_double_braces_are_braces(
    text: str, names: tuple[str, ...], made: str
) -> None:
    values = {"serial": "M-1", "points": 120}
    blank = compile_text(text)

    assert names_in(text) == names
    assert (blank.compute(values) if isinstance(blank, Placeholder) else blank) == made
    assert (blank.reads if isinstance(blank, Placeholder) else ()) == names


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (1234567, "1234567"),
        (Decimal("12.50"), "12.50"),
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1, 9, tzinfo=UTC), "2026-05-01T09:00:00+00:00"),
    ],
)
def test_a_value_in_a_text_reads_the_same_everywhere(value: Any, text: str) -> None:
    assert to_text(value) == text
