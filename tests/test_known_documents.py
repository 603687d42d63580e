"""Whatever was judged before, a document is judged as if it were the first."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from passwright.apple import known_documents, verification
from passwright.apple.known_documents import KnownDocuments
from passwright.apple.reading import read_document
from passwright.apple.rules import About, judge
from passwright.errors import BundleError
from passwright.table import place_in
from tests import rich_passes
from tests.test_sound import ODD, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABOUT = About(writing=False, nfc=True)
CARD = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.com.example.card",
    "teamIdentifier": "EXAMPLE123",
    "serialNumber": "M-1",
    "organizationName": "Example",
    "description": "Card",
    "barcodes": [{"format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "iso-8859-1"}],
    "expirationDate": "2027-05-01T00:00:00Z",
    "storeCard": {
        "headerFields": [{"key": "points", "label": "Points", "value": 5}],
        "secondaryFields": [{"key": "balance", "value": 12.5, "currencyCode": "EUR"}],
        "backFields": [
            {"key": "link", "value": "x", "attributedValue": '<a href="https://www.example.com">x</a>'},
            {"key": "name", "value": "Jane", "changeMessage": "Now %@"},
        ],
    },
    "userInfo": {"any": [1, {"thing": "x"}]},
}
SPELLINGS: tuple[Callable[[Any], str], ...] = (
    lambda made: json.dumps(made, ensure_ascii=False, separators=(",", ":")),
    lambda made: json.dumps(made, indent=2),
    lambda made: json.dumps(made, separators=(" , ", " : ")),
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownDocuments:
    """Those of a process that has judged nothing."""
    made = KnownDocuments()
    monkeypatch.setattr(verification, "DOCUMENTS", made)
    return made


def as_the_first(data: bytes, about: About) -> Any:
    document, tolerated = read_document(data)
    return document, [*tolerated, *judge().whole(document, about, writing=False)]


def outcome(judged: Callable[[bytes, About], Any], data: bytes, about: About) -> Any:
    """Types and order count: True is 1, and 1 is 1.0."""
    try:
        return repr(judged(data, about))
    except BundleError as exc:
        return exc.code, exc.where, exc.message


def assert_judged_alike(data: bytes, what: object, about: About = ABOUT) -> None:
    assert outcome(verification._judged, data, about) == outcome(as_the_first, data, about), what


def written(made: Any, spelling: int = 0) -> bytes:
    return SPELLINGS[spelling](made).encode("utf-8", "surrogatepass")


def changed(made: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = deepcopy(made)
    *way, last = at
    target: Any = made
    for step in way:
        target = target[step]
    target[last] = value
    return made


def card(number: int, **more: Any) -> bytes:
    """Values that differ from pass to pass, as many do."""
    made = changed(CARD, ("serialNumber",), f"M-{number}")
    for at, value in {
        ("barcodes", 0, "message"): f"{number}",
        ("storeCard", "headerFields", 0, "value"): number * 10,
        ("storeCard", "secondaryFields", 0, "value"): number + 0.25,
        ("storeCard", "backFields", 1, "value"): f"Jane {number}",
        ("expirationDate",): f"2027-05-{1 + number % 28:02}T00:00:00Z",
    }.items():
        made = changed(made, at, value)
    return written({**made, **more})


def test_a_template_is_known_from_its_third_pass_on(known: KnownDocuments) -> None:
    for number in range(6):
        data = card(number)
        assert (known.find(data, ABOUT) is not None) is (number > 1)
        assert_judged_alike(data, number)
    assert known.find(card(7), ABOUT) == json.loads(card(7))
    known.forget()
    assert known.find(card(7), ABOUT) is None


def test_what_is_around_a_pass_counts(known: KnownDocuments) -> None:
    for number in range(3):
        assert_judged_alike(card(number), number)
    for other in (
        replace(ABOUT, nfc=False),
        replace(ABOUT, personalized=True),
        replace(ABOUT, files=frozenset()),
    ):
        assert known.find(card(4), other) is None
        assert_judged_alike(card(4), other, other)


@pytest.mark.no_cover
def test_a_known_template_changes_no_verdict_over_a_changed_byte(known: KnownDocuments) -> None:
    """Every byte, two of its bits; also one left out and one twice."""
    data, known_ones = card(3), [card(number) for number in range(3)]
    chance = random.Random(2)
    for at in range(len(data)):
        if known.find(data, ABOUT) is None:
            for each in known_ones:
                known.met(each, ABOUT)
        one = bytes([data[at] ^ 1 << chance.randrange(8)])
        other = bytes([data[at] ^ 1 << chance.randrange(8)])
        for instead in (one, other, b"", data[at : at + 1] * 2):
            assert_judged_alike(data[:at] + instead + data[at + 1 :], (at, instead))


VALUES: tuple[Any, ...] = (
    *("x", "", "a\\b", 'say "x"', "ß🎫", "\u2028", "\x7f", "\0", "\ud800", "%@", "2026-05-01T09:00:00+02:00"),
    *("rgb(1,2,3)", "https://www.example.com/", "pass.com.example.other", "EXAMPLE124", "M-1", "points"),
    *(0, 1, -1, -0.0, 0.5, 1e300, 10**15, 10**17, 2**53 + 1, True, False, None, [], {}, [1], {"x": "y"}),
)


def leaves(made: Any) -> list[tuple[Any, ...]]:
    """Where values stand that hold no others."""
    return [at for at in places(made) if at and not isinstance(_at(made, at), (dict, list))]


def _at(made: Any, at: tuple[Any, ...]) -> Any:
    for step in at:
        made = made[step]
    return made


@cache
def bases() -> dict[str, dict[str, Any]]:
    return {"card": CARD, **{name: rich_passes.fixture(name)["pass"] for name in rich_passes.NAMES}}


def streams(name: str, chance: random.Random) -> Iterator[bytes]:
    """Passes of one template: some values differ in all of them, and some in a few that no one thinks of."""
    made, spelling = bases()[name], chance.randrange(len(SPELLINGS))
    differing = chance.sample(leaves(made), chance.randrange(1, 5))
    for number in range(4):
        for at in differing:
            last = _at(made, at)
            usual = {str: f"{last}{number}", int: number, float: number + 0.5}
            made = changed(made, at, usual.get(type(last), last))
        yield written(made, spelling)
    for _ in range(6):
        at = chance.choice(differing if chance.random() < 0.7 else leaves(made))
        value = chance.choice(VALUES if chance.random() < 0.7 else ODD)
        try:
            yield written(changed(made, at, value), spelling)
        except (TypeError, ValueError):
            continue  # it is nothing that JSON can say
    yield written(made, spelling)


# About the others there is something to say, whatever their values are.
SILENT = sorted({"card", *rich_passes.NAMES} - {"relevance"})


@pytest.mark.no_cover
@pytest.mark.parametrize("name", SILENT)
def test_passes_of_a_template_are_judged_one_by_one(known: KnownDocuments, name: str) -> None:
    chance = random.Random(name)
    found: Counter[bool] = Counter()
    for number in range(25):
        for data in streams(name, chance):
            found[known.find(data, ABOUT) is not None] += 1
            assert_judged_alike(data, (name, number, data))
    assert found[True] > 5


def test_values_that_others_depend_on_are_never_known(known: KnownDocuments) -> None:
    """Keys have to differ, a format decides what is drawn, a type what has to stand beside it."""
    for at in (
        ("storeCard", "headerFields", 0, "key"),
        ("barcodes", 0, "format"),
        ("storeCard", "secondaryFields", 0, "currencyCode"),
    ):
        for value in ("points", "PKBarcodeFormatQR", "EUR", "other", "PKBarcodeFormatAztec", "USD", "link"):
            assert_judged_alike(written(changed(CARD, at, value)), (at, value))
    assert known.find(written(changed(CARD, ("storeCard", "headerFields", 0, "key"), "name")), ABOUT) is None


def test_marks_in_a_document_are_no_marks(known: KnownDocuments) -> None:
    """Someone knows what is put in to find out where values stand."""
    mark = f"{known_documents._TEXT_MARK}0"
    for number in range(4):
        data = card(number, logoText=mark, groupingIdentifier=known_documents._NUMBER_MARK)
        assert_judged_alike(data, number)
        assert known.find(data, ABOUT) is None or number == 0


def test_what_is_kept_is_bounded_and_holds_no_values(known: KnownDocuments) -> None:
    for number in range(3):
        known.met(card(number), ABOUT)
    (shape,) = known._kept.values()
    assert isinstance(shape, known_documents._Shape)
    kept = "".join((*shape.pieces, *shape.said))
    assert "Points" in kept
    assert not [value for value in ("M-", "Jane", ".25", "2027") if value in kept]
    for size in range(known_documents.MAX_KEPT + 9):
        known.met(written({str(each): 1 for each in range(size)}), ABOUT)
    assert len(known._kept) == known_documents.MAX_KEPT
    known.forget()
    long = written({**CARD, "userInfo": "x" * known_documents.MAX_BYTES})
    known.met(long, ABOUT)
    assert not known._kept


def test_what_is_not_utf_8_is_not_known(known: KnownDocuments) -> None:
    for number in range(3):
        known.met(card(number), ABOUT)
    assert known.find(card(4).replace(b"Points", b"P\xffints"), ABOUT) is None
    assert known.find(card(4), ABOUT) is not None


def test_threads_share_what_is_known(known: KnownDocuments) -> None:
    data = [card(number, logoText="x" * (number % 3)) for number in range(60)]
    wanted = [outcome(as_the_first, each, ABOUT) for each in data]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda each: outcome(verification._judged, each, ABOUT), data * 5)) == wanted * 5


WORDS = (
    *("PKEventTypeSports", "PKEventTypeGeneric", "PKTransitTypeTrain", "PKTransitTypeAir"),
    *("PKBarcodeFormatQR", "posterGeneric", "posterEventTicket", "semanticBoardingPass", "gate 5", "utf-8"),
    *("tel:+49301234", "call", "https://www.example.com/v1/", "<b>x</b>", "TSAPreCheck"),
)


def exchanged(name: str) -> Iterator[tuple[tuple[Any, ...], str, Any, dict[str, Any]]]:
    """A document with one value exchanged for another of its kind: where, as a pointer, for what."""
    made, chance = bases()[name], random.Random(name)
    for at in leaves(made):
        kinds = (str,) if isinstance(_at(made, at), str) else (int, float)
        values = [each for each in (*VALUES, *WORDS) if type(each) in kinds]
        for value in chance.sample(values, min(len(values), 12)):
            yield at, "".join(f"/{step}" for step in at), value, changed(made, at, value)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["card", *rich_passes.NAMES])
def test_no_rule_looks_at_a_value_without_saying_so(name: str) -> None:
    """This is what lets a value be exchanged without asking the rules that do not read it."""
    about = replace(ABOUT, files=frozenset({"icon.png"}), nfc=False)
    place, rules = place_in("pass.json"), judge().rules
    before = [list(rule.check(bases()[name], about, place)) for rule in rules]
    for at, pointer, value, other in exchanged(name):
        for number, rule in enumerate(rules):
            if not rule.reads_one_of((pointer,)):
                assert list(rule.check(other, about, place)) == before[number], (at, value, rule.check)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["card", *rich_passes.NAMES])
def test_a_value_that_is_vouched_for_changes_nothing_else(name: str) -> None:
    """Neither at its own place nor where others stand beside it."""
    made, table = bases()[name], judge().table.reading

    def said(document: dict[str, Any]) -> list[Any]:
        return list(table.check("Pass", document, place=place_in("pass.json")))

    before, vouched = said(made), 0
    for at, pointer, value, other in exchanged(name):
        vouch = known_documents._vouch(table, "Pass", made, pointer)
        if vouch is not None and vouch(value):
            vouched += 1
            assert said(other) == before, (at, value)
    assert vouched > 20
