"""What is worked out once per template changes nothing: bytes, verdicts and findings are those of a pass
made from scratch, by a builder that never saw another, judged whole and looked at closely.

A builder that is kept and one that is new each time get the same passes of every kind, valid and not,
bound and not. What the kept one remembers of the passes before must never show.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from passwright import Barcode, Binding, Field, Images, Link, Location, Pass, Template, batch
from passwright import apple as ios
from passwright import google as android
from passwright.errors import LinkTooLong, PassRejected
from passwright.model.kinds import KINDS
from passwright.schema.formats import Pending
from tests.conftest import AT, TEMPLATES, png
from tests.schema.test_validator import thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer

# --- templates of all kinds ---


@cache
def of_kinds() -> tuple[Template, ...]:
    """One template of each kind, whose pictures have no pixels worth scaling."""
    found = {folder.name: Template.load(folder) for folder in sorted(TEMPLATES.iterdir())}
    made = [*found.values(), *(replace(found["train"], kind=KINDS[name]) for name in ("bus", "ferry"))]
    assert {template.kind.name for template in made} == KINDS.keys()
    return tuple(replace(template, images=_small(template.images)) for template in made)


def _small(images: Images) -> Images:
    names = {name.rpartition("/")[2].partition("@")[0].removesuffix(".png") for name in images.files}
    files = {f"{name}{scale}.png": _DOT for name in names for scale in ("", "@2x", "@3x")}
    return replace(images, files=files)


_DOT = png(1, 1)
MORE_FIELDS: dict[str, Field] = {
    "shown": Field(slot="back", label="Shown", type="text", optional=True),
    "whole": Field(slot="back", label="Whole", type="integer", optional=True),
    "broken": Field(slot="back", label="Broken", type="number", default=Decimal("1.5")),
    "paid": Field(slot="back", label="Paid", type="money", currency="EUR", optional=True),
    "since": Field(slot="back", label="Since", type="date", date="long", optional=True),
    "until": Field(slot="back", label="Until", type="datetime", time="short", optional=True),
    "both": Field(slot="back", label="Both", value="{serial} & {{serial}}", change="Now %@"),
    "silent": Field(default="x"),
}


def template_by(chance: random.Random) -> Template:
    """A template of some kind, with parts taken away and others added; one in eight is no good."""
    made = chance.choice(of_kinds())
    own = {key: each for key, each in MORE_FIELDS.items() if chance.random() < 0.3}
    changes: dict[str, Any] = {"fields": {**made.fields, **own}}
    maybe: dict[str, list[Any]] = {
        "barcode": [None, Barcode(), Barcode(format="code128", text="No. {serial}")],
        "nfc": [None, replace(made.nfc, google_issuers=("1",)) if made.nfc else None],
        "links": [(), (Link(label="Web", url="https://a.example.com/?a=1&b='2'"),)],
        "locations": [(), (Location(latitude=1, longitude=2.5, text="here"),)],
        "translations": [{}],
        "apple": [{**made.apple, "voided": True}, {**made.apple, "userInfo": {"a": [1, None]}}],
        "google": [{"object": {"state": "INACTIVE"}}, {"class": {"reviewStatus": "UNDER_REVIEW"}}],
    }
    wrong: dict[str, list[Any]] = {
        "apple": [{**made.apple, "foregroundColor": "red"}, {**made.apple, "barcodes": [{}]}],
        "google": [{"object": {"state": 5}}, {"class": {"id": "1.other"}}],
        "links": [(Link(label="", url="nowhere"),)],
        "fields": [{**made.fields, "wrong key": Field(value="x")}],
        "google_class": ["{nobody}"],
    }
    for name, choices in maybe.items():
        if chance.random() < 0.25:
            changes[name] = chance.choice(choices)
    if chance.random() < 0.125:
        name = chance.choice(sorted(wrong))
        changes[name] = chance.choice(wrong[name])
    return replace(made, **changes)


# --- passes, right and wrong ---

TEXTS = ("Jane Smith", "Jürgen Größe", "Иван", "日本語", "a\u0301", "5", '"\\/', "<&>", "🎫", "x" * 60)
RIGHT: dict[str, Callable[[random.Random], Any]] = {
    "text": lambda chance: chance.choice(TEXTS),
    "integer": lambda chance: chance.randrange(10 ** chance.randrange(1, 12)),
    "number": lambda chance: chance.choice([7, 0.25, Decimal("12.50")]),
    "money": lambda chance: Decimal(chance.randrange(10**6)).scaleb(-2),
    "date": lambda chance: date(2026, 1, 1) + timedelta(days=chance.randrange(900)),
    "datetime": lambda chance: datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(10**6)),
}
# What a program may hand over by mistake.
WRONG: tuple[Any, ...] = (
    *("", "\0", "\ud800", "x" * 5000, "a\nb", True, 0, -1, 2**70, 1.5, float("nan"), float("inf")),
    *(Decimal("NaN"), [], {}, [None], {"value": 1}, b"x", date(1, 1, 1), datetime(2026, 5, 1)),  # noqa: DTZ001
    *(object, Pending(), "rgb(1,2,3)", "2026-05-01", "https://a"),
)
CODE = {"format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "iso-8859-1"}
OVERRIDES: dict[str, tuple[list[Any], list[Any]]] = {
    "apple": (
        [{"voided": True}, {"logoText": "Own"}, {"userInfo": {"n": 1}}, {"relevantDate": None}],
        [
            *(
                {"logoText": 5},
                {"barcode": CODE},
                {"formatVersion": 2},
                {"nope": 1},
                {"nfc": {"message": ""}},
            ),
            *({1: 2}, {"logoText": float("nan")}, {"userInfo": {"when": date(2026, 1, 1)}}),
        ],
    ),
    "google": (
        [{"object": {"state": "EXPIRED"}}, {"class": {}}, {"object": {"groupingInfo": {"sortIndex": 1}}}],
        [
            *({"object": {"state": "NOT_A_STATE"}}, {"class": {"id": "1.x"}}, {"pass": {}}, {"object": 5}),
            *({"object": {"saveRestrictions": {"restrictToEmailSha256": "0" * 64}}}, {"object": {"x": 1j}}),
            {"object": {"barcode": {"type": "QR_CODE", "value": "1"}}},
        ],
    ),
}
EMAILS = ("jane.doe@gmail.com", "jane@example.com", "J.Doe+x@example.com", "jürgen@exämple.com")


def right_pass(template: Template, chance: random.Random) -> Pass:
    """A pass with which nothing should be wrong, as far as its template allows."""
    values = {}
    for key, each in template.fields.items():
        if each.value is not None:
            continue
        if (each.optional or each.default is not None) and chance.random() < 0.4:
            continue
        keep = each.example is not None and (each.means or chance.random() < 0.5)
        values[key] = each.example if keep else RIGHT[each.type](chance)
    bound = chance.random() < 0.4
    more: dict[str, Any] = {}
    if bound:
        more["binding"] = Binding(email=chance.choice(EMAILS), learn_more_url="https://a.example.com/help")
        more["barcode"] = False
    elif chance.random() < 0.3:
        more["barcode"] = chance.choice([False, "code", "5901234123457"])
    if template.nfc is not None and not bound and chance.random() < 0.3:
        more["nfc"] = chance.choice([False, "ab", "message"])
    if chance.random() < 0.3:
        more["expires"] = RIGHT["datetime"](chance)
    for name, (right, _) in OVERRIDES.items():
        if chance.random() < 0.1:
            more[name] = chance.choice(right)
    return template.issue(f"M-{chance.randrange(10**6)}", values, **more)


def spoiled(card: Pass, chance: random.Random) -> Pass:
    """The same pass with one or two things in it that may be wrong."""
    for _ in range(chance.choice([1, 1, 2])):
        card = chance.choice(SPOILS)(card, chance)
    return card


def _value(card: Pass, chance: random.Random) -> Pass:
    key = chance.choice([*card.template.fields, "nobody"])
    return card.replace(values={**card.values, key: chance.choice(WRONG)})


def _missing(card: Pass, chance: random.Random) -> Pass:
    gone = chance.choice(sorted(card.values) or [""])
    return card.replace(values={key: value for key, value in card.values.items() if key != gone})


def _member(card: Pass, chance: random.Random) -> Pass:
    wrong: dict[str, list[Any]] = {
        "serial": ["", "M 1", "x" * 65, "é", 5, None],
        "nfc": ["", "x" * 70, 5, True, "\ud800"],
        "barcode": ["", "\u20ac", "code", 7, "x" * 3000],
        "expires": [datetime(2027, 1, 1), "2027-01-01", date(2027, 1, 1)],  # noqa: DTZ001
        "binding": [
            Binding(email="nobody", learn_more_url="https://a.example.com/"),
            Binding(email="jane@example.com", learn_more_url="http://a.example.com/"),
            Binding(email=None, learn_more_url="https://a.example.com/"),
            "jane",
        ],
    }
    name = chance.choice(sorted(wrong))
    return card.replace(**{name: chance.choice(wrong[name])})


def _override(card: Pass, chance: random.Random) -> Pass:
    name = chance.choice(sorted(OVERRIDES))
    return card.replace(**{name: chance.choice(OVERRIDES[name][1])})


def _code(card: Pass, chance: random.Random) -> Pass:
    bound = card.binding or Binding(email=chance.choice(EMAILS), learn_more_url="https://a.example.com/help")
    return card.replace(binding=bound, barcode=chance.choice([None, "code"]))


SPOILS = (_value, _value, _value, _missing, _member, _override, _code)


# --- both roads ---


@dataclass(frozen=True)
class Said:
    """What came of one pass: bytes or text, or how it was refused; and everything there was to say."""

    made: Any
    report: tuple[str, ...]

    @property
    def in_any_order(self) -> Said:
        """The parts of a pass are judged one by one, and a whole pass from its first member to its last."""
        made = self.made if isinstance(self.made, bytes) else tuple(sorted(map(str, self.made)))
        return Said(made, tuple(sorted(self.report)))


def _said(make: Callable[[], Any], report: Callable[[], Any]) -> Said:
    try:
        made = make()
    except PassRejected as exc:
        made = ("refused", exc.report.ok, *map(str, exc.report))
    except LinkTooLong as exc:
        made = ("too long", str(exc), exc.insert)
    found = report()
    refused = made[0] == "refused"
    assert found.ok is not refused, "what has an error is not made, and nothing else"
    assert not refused or made[1] is False, "a refusal names what is wrong"
    return Said(made, tuple(map(str, found)))


def on_apple(builder: ios.PassBuilder, card: Pass) -> Said:
    return _said(lambda: builder.build(card, at=AT), lambda: builder.report(card, at=AT))


def on_google(builder: android.PassBuilder, card: Pass) -> Said:
    def make() -> object:
        link = builder.save_link(card, issued_at=AT)
        return link.url, link.form, link.requires_text, tuple(map(str, link.report))

    return _said(make, lambda: builder.report(card))


def payload(builder: android.PassBuilder, card: Pass) -> Said:
    return _said(lambda: tuple(map(repr, builder.payload(card))), lambda: builder.report(card))


def anew(card: Pass) -> Pass:
    """The same pass of a template that nobody has seen."""
    return card.replace(template=replace(card.template))


def whole(card: Pass) -> Pass:
    """The same pass with overrides that change nothing, so that it is judged when it is finished."""
    return anew(card).replace(apple={"formatVersion": 1, **card.apple}, google={"class": {}, **card.google})


class Roads:
    """A builder of each wallet that is kept, and the comparison of what they say with what new ones say."""

    def __init__(self, identity: Identity, issuer: Issuer) -> None:
        self._identity, self._issuer = identity, issuer
        self._apple, self._google = self.kept = ios.PassBuilder(identity), android.PassBuilder(issuer)

    def agree(self, card: Pass) -> bool:
        """Both roads say the same, and whether that was yes."""
        apple, google = on_apple(self._apple, card), on_google(self._google, card)
        assert apple == on_apple(ios.PassBuilder(self._identity), anew(card))
        assert google == on_google(android.PassBuilder(self._issuer), anew(card))
        finished = whole(card)
        closely_apple = on_apple(self._close_apple(finished.template), finished)
        assert apple.in_any_order == closely_apple.in_any_order
        closely_google = payload(self._close_google(finished.template), finished)
        assert payload(self._google, card).in_any_order == closely_google.in_any_order
        self._batch(card, apple, google)
        return isinstance(apple.made, bytes) and google.made[0] != "refused"

    def _close_apple(self, template: Template) -> ios.PassBuilder:
        builder = ios.PassBuilder(self._identity)
        compiled = builder._renderer.compiled(template)
        compiled._validator = replace(compiled._validator, schema=thorough("pass.json"))
        return builder

    def _close_google(self, template: Template) -> android.PassBuilder:
        builder = android.PassBuilder(self._issuer)
        compiled = builder._renderer.compiled(template)
        for_class, for_object = compiled._validators
        schema = thorough("google")
        compiled._validators = replace(for_class, schema=schema), replace(for_object, schema=schema)
        return builder

    def _batch(self, card: Pass, apple: Said, google: Said) -> None:
        """A row that says the same becomes the same."""
        row = row_of(card)
        if row is None:
            return
        maker = batch.PassMaker(card.template, apple=self._apple, google=self._google, at=AT)
        made = maker.make(1, row)
        refused = not isinstance(apple.made, bytes) or google.made[0] in ("refused", "too long")
        assert made.ok is not refused
        if made.ok:
            assert (made.pkpass, made.link) == (apple.made, google.made[0])


def row_of(card: Pass) -> dict[str, Any] | None:
    """The pass as a row of a batch; None where a row can't say it."""
    if card.apple or card.google or card.nfc is False or card.barcode is False or not card.serial:
        return None
    if any(isinstance(value, str) for value in card.values.values()) or not isinstance(card.serial, str):
        return None
    more = {"@nfc": card.nfc, "@barcode": card.barcode, "@expires": card.expires}
    if card.binding is not None or any(value in ("", 0) for value in more.values()):
        return None
    expires: object = card.expires
    if not isinstance(expires, datetime | None):
        return None
    return {"serial": card.serial, **card.values, **more}


def compare(chance: random.Random, roads: Roads, number: int) -> Counter[bool]:
    """Makes passes on both roads; more templates than a builder keeps, in no order."""
    templates = [template_by(chance) for _ in range(40)]
    verdicts: Counter[bool] = Counter()
    for _ in range(number):
        card = right_pass(chance.choice(templates), chance)
        verdicts[roads.agree(spoiled(card, chance) if chance.random() < 0.5 else card)] += 1
    return verdicts


def nothing_for_readers() -> Pass:
    """A message of no characters, where the class says that readers get one."""
    (train,) = (each for each in of_kinds() if each.kind.name == "train")
    assert train.nfc is not None
    template = replace(train, nfc=replace(train.nfc, google_issuers=("1",)))
    return template.example("M-1", nfc="", barcode=False)


@pytest.fixture(scope="module")
def roads(identity: Identity, issuer: Issuer) -> Roads:
    return Roads(identity, issuer)


def test_an_empty_message_for_readers_is_found_on_both_roads(roads: Roads) -> None:
    """Two rules between class and object took it for a message as long as it was not known."""
    assert not roads.agree(nothing_for_readers())
    assert not android.PassBuilder(None).report(nothing_for_readers()).ok


@pytest.mark.no_cover
@pytest.mark.parametrize("number", [50, pytest.param(250, marks=pytest.mark.ci)])
def test_what_is_prepared_says_what_a_pass_from_scratch_says(roads: Roads, number: int) -> None:
    """Passes of all kinds, about half of them invalid."""
    verdicts = compare(random.Random(random.getrandbits(32)), roads, number)
    assert 0.2 < verdicts[True] / number < 0.8


@pytest.mark.long
@pytest.mark.parametrize("portion", range(10))
def test_what_is_prepared_says_so_for_ten_thousand_passes(roads: Roads, portion: int) -> None:
    """10,000 passes in ten portions."""
    verdicts = compare(random.Random(random.getrandbits(32) + portion), roads, 1000)
    assert 0.3 < verdicts[True] / 1000 < 0.7
