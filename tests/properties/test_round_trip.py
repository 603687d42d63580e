"""Whatever a definition says is found again in both wallets' payloads, or named in that wallet's report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Field, Template, apple, google
from passwright.examples.certificates import new_key
from passwright.google.issuer import Issuer
from passwright.model.kinds import KINDS
from passwright.model.parts import SLOTS, Colours, Link, Location, Nfc
from passwright.model.validation import translatable_texts
from passwright.report import Report
from passwright.signing import KeySigner
from tests.conftest import ACCOUNT, BINDING, ISSUER_ID, READER_KEY, TEMPLATES, png
from tests.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.model.template import Pass

NAMES = (*sorted(folder.name for folder in TEMPLATES.iterdir()), "bus", "ferry")


@cache
def fixture(name: str) -> Template:
    """A template of the fixtures with one small picture; bus and ferry are trains by another name."""
    template = Template.load(TEMPLATES / ("train" if name in ("bus", "ferry") else name))
    return replace(
        template,
        kind=KINDS.get(name, template.kind),
        images=replace(template.images, files={"icon.png": png(1, 1)}),
        # With a class for each pass its members may vary as they like.
        google_class=template.google_class and "{serial}",
    )


@cache
def builders() -> tuple[apple.PassBuilder, google.PassBuilder]:
    issuer = Issuer(issuer_id=ISSUER_ID, email=ACCOUNT, signer=KeySigner(new_key()))
    return apple.PassBuilder(None), google.PassBuilder(issuer)


# --- definitions as they may come ---

LETTERS = "aZé ßЖ漢😀\"\\'&<%;=/\u2028"
# What a wallet takes in one form only.
FORMS = {
    "carrier": "[A-Z]{2}",
    "number": "[1-9][0-9]{0,3}",
    "origin": "[A-Z]{3}",
    "destination": "[A-Z]{3}",
    "origin.zone": r"Europe/(Berlin|Lisbon)",
    "destination.zone": r"Europe/(Berlin|Lisbon)",
}
ZONES = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


def moments(first: int = 2000, last: int = 2100) -> st.SearchStrategy[datetime]:
    """Moments between two years, to the second: no wallet says more."""
    bounds = datetime.fromisoformat(f"{first}-01-02"), datetime.fromisoformat(f"{last}-12-30")
    return st.datetimes(*bounds, timezones=ZONES).map(lambda moment: moment.replace(microsecond=0))


# What comes first has to.
YEARS = {
    "doors": (2000, 2009),
    "boards": (2000, 2009),
    "starts": (2010, 2019),
    "departs": (2010, 2019),
    "ends": (2020, 2029),
    "arrives": (2020, 2029),
}
VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**31), 2**31 - 1),
    "number": st.decimals(-(10**6), 10**6, places=5),
    "money": st.decimals(0, 10**6, places=3),
    "date": st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    "datetime": moments(),
}


def texts(name: str) -> st.SearchStrategy[str]:
    """Texts in many scripts around a name, so that none is found by accident."""
    return st.text(LETTERS, max_size=6).map(lambda text: f"{text}{name}{text}")


def values(name: str, template: Template, each: Field) -> st.SearchStrategy[Any]:
    if each.means in YEARS:
        return moments(*YEARS[each.means])
    if each.type != "text":
        return VALUES[each.type]
    if template.kind.name == "flight" and each.means in FORMS:
        return st.from_regex(FORMS[each.means], fullmatch=True)
    return texts(f"{name}'s value")


@st.composite
def fields(draw: st.DrawFn, name: str, template: Template) -> Field:
    """A field of the template, shown elsewhere, called otherwise, fixed or left open."""
    each = template.fields[name]
    changes: dict[str, Any] = {
        "slot": draw(st.sampled_from((each.slot, *SLOTS, None))),
        "label": draw(st.just("") | texts(f"{name}'s label")),
        "change": draw(st.none() | texts(f"{name} is now %@").map(lambda text: text.replace("%@", "%@ "))),
        "align": draw(st.sampled_from((None, "left", "centre", "right"))),
    }
    if each.means is None:
        kind = draw(st.sampled_from((each.type, *VALUES)))
        if not (isinstance(each.value, str) and not each.is_constant):
            changes |= {"type": kind, "value": None, "default": None, "example": None, "date": None}
            changes["currency"] = "EUR" if kind == "money" else None
    made = replace(each, **changes)
    if each.is_constant or (each.value is None and draw(st.booleans())):
        given_value = draw(values(name, template, made))
        made = replace(made, value=given_value, default=None, optional=False)
    return made


def called(each: Field, label: str) -> Field:
    return replace(each, label=each.label and label)


@st.composite
def templates(draw: st.DrawFn, name: str) -> Template:
    template = fixture(name)
    chosen = draw(st.sets(st.sampled_from(sorted(template.fields)), max_size=6))
    chosen |= {key for key, each in template.fields.items() if each.means in YEARS}
    colours = st.none() | st.from_regex("#[0-9a-f]{6}", fullmatch=True)
    made = replace(
        template,
        organisation=draw(texts("organisation")),
        name=draw(texts("name")),
        description=draw(texts("description")),
        colours=Colours(background=draw(colours), text=draw(colours), label=draw(colours)),
        images=replace(template.images, alt=draw(st.none() | texts("alt"))),
        # A few at a time: a report names fifty losses of a kind, and counts the others.
        fields={
            key: draw(fields(key, template)) if key in chosen else called(each, draw(texts(f"{key}'s label")))
            for key, each in template.fields.items()
        },
        nfc=draw(
            st.none()
            | st.builds(
                Nfc,
                message=st.just("NFC {serial}"),
                apple_key=st.sampled_from((None, READER_KEY)),
                google_issuers=st.sampled_from(((), ("3388000000022222222",))),
                google_constraint=st.sampled_from(((), ("BLOCK_PAYMENT",))),
            )
        ),
        barcode=draw(
            st.none()
            | st.builds(
                Barcode,
                format=st.sampled_from(("qr", "pdf417", "aztec", "code128")),
                message=st.just("Code {serial}"),
                text=st.sampled_from((None, "Show {serial}")),
            )
        ),
        links=tuple(
            Link(label=draw(texts(f"link {index}")), url=f"https://example.com/{index}?a=1&b=2")
            for index in range(draw(st.integers(0, 2)))
        ),
        locations=tuple(
            Location(
                latitude=draw(st.floats(-90, 90)),
                longitude=draw(st.floats(-180, 180)),
                text=draw(st.none() | texts(f"location {index}")),
            )
            for index in range(draw(st.integers(0, 2)))
        ),
        translations={},
    )
    languages = draw(st.sampled_from(((), ("de",), ("de", "zh-Hant"))))
    said = {lang: {text: f"{lang} {text}" for text in translatable_texts(made)} for lang in languages}
    return replace(made, translations=said)


@st.composite
def passes(draw: st.DrawFn, name: str) -> Pass:
    """A pass of any template made from a fixture, bound or not."""
    template = draw(templates(name))
    given_values = {
        key: draw(values(key, template, each))
        for key, each in template.fields.items()
        if each.value is None and (not (each.optional or each.default is not None) or draw(st.booleans()))
    }
    # Apple refuses a bound pass without NFC.
    nfc: Any = draw(st.sampled_from((None, False, "its own NFC"))) if template.nfc else None
    bound = nfc is not False and bool(template.nfc and template.nfc.apple_key) and draw(st.booleans())
    return template.issue(
        "S-0001",
        given_values,
        nfc=nfc,
        barcode=False if bound else draw(st.sampled_from((None, False, "its own code"))),
        binding=BINDING if bound else None,
        expires=draw(st.none() | moments()),
        apple={"passTypeIdentifier": "pass.com.example.card", "teamIdentifier": "A1B2C3D4E5"},
    )


# --- what a definition says, by its place in it ---


def said_by(card: Pass) -> Iterator[tuple[str, Field | None, Any]]:
    """Everything neutral in a pass: its place, its field if it is a field's value, and what is said."""
    template, filled, shape = card.template, card.resolved_values(), card.shape
    yield from (
        ("/organisation", None, template.organisation),
        ("/name", None, template.name),
        ("/description", None, template.description),
        ("/images/alt", None, template.images.alt),
        ("/expires", Field(type="datetime"), card.expires),
        ("/colours/background", Field(type="text", means="colour"), template.colours.background),
        ("/colours/text", Field(type="text", means="colour"), template.colours.text),
        ("/colours/label", Field(type="text", means="colour"), template.colours.label),
    )
    for key, each in template.fields.items():
        if key in shape:
            yield f"/fields/{key}", each, filled[key]
            yield f"/fields/{key}/label", None, each.label
            yield f"/fields/{key}/change", None, each.change
            yield f"/fields/{key}/align", Field(type="text", means="align"), each.align
    for index, link in enumerate(template.links):
        yield f"/links/{index}/label", None, link.label
        yield f"/links/{index}/url", None, link.url
    for index, location in enumerate(template.locations):
        yield f"/locations/{index}/latitude", None, location.latitude
        yield f"/locations/{index}/longitude", None, location.longitude
        yield f"/locations/{index}/text", None, location.text
    if "@nfc" in shape:
        yield "/nfc", None, filled["@nfc"]
    if "@barcode" in shape:
        yield "/barcode", None, filled["@barcode"]
        yield "/barcode/text", None, filled["@barcode-text"]
    if card.binding is not None:
        yield "/binding/learn_more_url", None, card.binding.learn_more_url


def leaves(node: Any) -> Iterator[Any]:
    """Every value of a JSON document that is no container."""
    if isinstance(node, (dict, list)):
        for below in node.values() if isinstance(node, dict) else node:
            yield from leaves(below)
    else:
        yield node


def means(leaf: Any, each: Field | None, value: Any) -> bool:
    """A value in a payload says the same as one of the definition, however it is written."""
    if each is None or not isinstance(leaf, (str, int, float)):
        return bool(leaf == value)
    match each.means or "", each.type:
        case "colour", _:
            forms = {value, "rgb({}, {}, {})".format(*bytes.fromhex(value[1:]))}
        case "align", _:
            forms = {f"PKTextAlignment{'Center' if value == 'centre' else value.title()}"}
        case _, "integer" | "number" | "money":
            return value in numbers(leaf, each)
        case _, "date":
            forms = {value.isoformat(), f"{value.isoformat()}T00:00:00Z"}
        case _, "datetime":
            return same_moment(moment_of(leaf), value, to_the_minute=" " in str(leaf))
        case _:
            forms = {value}
    return str(leaf) in forms  # a flight number is text here and a number there


def numbers(leaf: str | float, each: Field) -> Iterator[Decimal]:
    """What a leaf may count: as it stands, with its currency, or in Google's micros."""
    try:
        number = Decimal(str(leaf).removesuffix(f" {each.currency}"))
    except InvalidOperation:
        return
    yield number
    if each.type == "money" and isinstance(leaf, str):
        yield number / 1_000_000


def moment_of(leaf: object) -> datetime | None:
    text = str(leaf)
    return datetime.fromisoformat(text) if re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", text) else None


def same_moment(moment: datetime | None, value: datetime, *, to_the_minute: bool) -> bool:
    """A local time is the same where the place is known; a text for people leaves out the seconds."""
    if moment is None:
        return False
    wanted = value if moment.tzinfo else value.replace(tzinfo=None)
    return moment == (wanted.replace(second=0) if to_the_minute else wanted)


def reworded(leaf: Any, each: Field | None) -> bool:
    """A formatted value has become a text, or a moment a local time: Google only, and it has to say so."""
    if each is None or not isinstance(leaf, str):
        return False
    match each.type:
        case "number":
            return True
        case "date":
            return "T" not in leaf
        case "money":
            return leaf.endswith(f" {each.currency}")
        case "datetime":
            moment = moment_of(leaf)
            return " " in leaf or (moment is not None and moment.tzinfo is None)
    return False


def told(report: Report, pointer: str, *codes: str) -> bool:
    """The report names what is said at a place, or all of the place."""
    places = [finding.location.partition("#")[2] for finding in report if finding.code in codes]
    return any(place and (pointer == place or pointer.startswith(f"{place}/")) for place in places)


def lost(card: Pass, documents: Any, report: Report, wallet: str) -> Iterator[str]:
    """What payloads do not hold, or hold in other words, and the report does not name."""
    found = list(leaves(documents))
    for pointer, each, value in said_by(card):
        if value in (None, "") or told(report, pointer, f"{wallet}-drops", f"{wallet}-guesses"):
            continue
        same = [leaf for leaf in found if means(leaf, each, value)]
        if not same:
            yield f"{wallet} loses {pointer}: {value!r}"
        elif all(reworded(leaf, each) for leaf in same) and not told(report, pointer, "google-changes"):
            yield f"{wallet} rewords {pointer}: {value!r} is {same}"


# --- translations: (language, text, what it is called there) ---

Pair = tuple[str, str, str]
LINE = re.compile(r'"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";\n')


def pairs_of_strings(files: Mapping[str, bytes]) -> Iterator[Pair]:
    """What the `pass.strings` of all languages say, by the rules of C for a text in quotes."""
    for name, data in files.items():
        if name.endswith(".lproj/pass.strings"):
            text = data.decode("utf-16" if data.startswith(b"\xff\xfe") else "ascii")
            assert not LINE.sub("", text)
            for match in LINE.finditer(text):
                original, translated = (re.sub(r"\\(.)", _unescaped, group) for group in match.groups())
                yield name.partition(".")[0], original, translated


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r"}.get(match[1], match[1])


def pairs_of_payloads(node: Any) -> Iterator[Pair]:
    """What every LocalizedString below a node says."""
    if isinstance(node, dict) and "defaultValue" in node:
        for each in node.get("translatedValues", ()):
            yield each["language"], node["defaultValue"]["value"], each["value"]
    elif isinstance(node, (dict, list)):
        for below in node.values() if isinstance(node, dict) else node:
            yield from pairs_of_payloads(below)


def untranslated(card: Pass, pairs: Iterator[Pair], report: Report, wallet: str) -> Iterator[str]:
    """What a language says, and neither the payload nor, as lost with its text, the report."""
    found = set(pairs)
    for pointer, _, value in said_by(card):
        for language, texts_of_it in card.template.translations.items():
            translated = texts_of_it.get(value) if isinstance(value, str) else None
            if translated is None or (language, value, translated) in found:
                continue
            # A fixed value is a member of its field; Apple has its translation even so.
            places = (pointer, f"{pointer}/value")
            if not any(told(report, place, f"{wallet}-drops", f"{wallet}-guesses") for place in places):
                yield f"{wallet} loses {language} of {pointer}: {value!r}"


# --- the property ---


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
@examples(25)
@given(data=st.data())
def test_what_a_definition_says_is_in_both_wallets_or_in_the_report(name: str, data: st.DataObject) -> None:
    card = data.draw(passes(name))
    on_apple, on_google = builders()
    files = on_apple.files(card)
    document, report = json.loads(files["pass.json"]), on_apple.report(card)
    assert list(lost(card, document, report, "apple")) == []
    assert list(untranslated(card, pairs_of_strings(files), report, "apple")) == []
    assert document["serialNumber"] == card.serial
    class_, object_ = on_google.payload(card)
    report = on_google.report(card)
    assert list(lost(card, [class_, object_], report, "google")) == []
    assert list(untranslated(card, pairs_of_payloads([class_, object_]), report, "google")) == []
    assert object_["id"] == f"{ISSUER_ID}.{card.serial}"


# --- what the property can't reach ---


def test_this_test_notices_what_is_lost() -> None:
    """A payload with a member less, and a report without its losses, are both found out."""
    card = fixture("membership").example("S-0001")
    class_, object_ = builders()[1].payload(card)
    report = builders()[1].report(card)
    assert list(lost(card, [class_, object_], report, "google")) == []
    assert list(untranslated(card, pairs_of_payloads([class_, object_]), report, "google")) == []
    for resource, member, pointer in (
        (object_, "accountName", "/fields/fullName"),
        (object_, "loyaltyPoints", "/fields/points"),
        (class_, "linksModuleData", "/links/0/url"),
        (class_, "merchantLocations", "/locations/0/latitude"),
        (class_, "hexBackgroundColor", "/colours/background"),
    ):
        less = {key: value for key, value in resource.items() if key != member}
        other = class_ if resource is object_ else object_
        assert any(pointer in line for line in lost(card, [less, other], report, "google")), member
    silent = list(lost(card, [class_, object_], Report(), "google"))
    assert any("/description" in line for line in silent)
    assert any("rewords /fields/since" in line for line in silent)
    plain = json.loads(json.dumps([class_, object_]).replace("Punkte", "Points"))
    assert any(
        "de of /fields/points/label" in line
        for line in untranslated(card, pairs_of_payloads(plain), report, "google")
    )


def test_two_meanings_with_one_place_on_google_are_both_shown() -> None:
    template = fixture("membership")
    balance = Field(
        slot="header", label="Credit", type="money", currency="EUR", means="balance", default=12.5
    )
    template = replace(template, fields={**template.fields, "credit": balance})
    card = template.example("S-0001")
    class_, object_ = builders()[1].payload(card)
    report = builders()[1].report(card)
    assert object_["loyaltyPoints"]["balance"] == {"int": 0}
    (credit,) = [each for each in object_["textModulesData"] if each["id"] == "credit"]
    assert credit == {"id": "credit", "header": "Credit", "body": "12.50 EUR"}
    assert list(lost(card, [class_, object_], report, "google")) == []
    changed = [each.message for each in report if each.location.endswith("#/fields/credit")]
    assert any("points stands where Google would show credit" in message for message in changed)


@pytest.mark.parametrize("name", sorted(folder.name for folder in TEMPLATES.iterdir()))
def test_every_picture_is_in_a_wallet_or_in_a_report(name: str) -> None:
    template = Template.load(TEMPLATES / name)
    signed_by = {"passTypeIdentifier": "pass.com.example.card", "teamIdentifier": "A1B2C3D4E5"}
    card = template.example("S-0001", apple=signed_by)
    on_apple, on_google = builders()
    drawn = {_picture(file) for file in on_apple.files(card)}
    fetched = json.dumps(on_google.payload(card))
    named = {finding.location for finding in (*on_apple.report(card), *on_google.report(card))}
    for file in template.images.files:
        places = {f"images/{file}", f"images/{_picture(file)}.png"}
        assert _picture(file) in drawn or f"{template.images.url}{file}" in fetched or places & named, file


def _picture(file: str) -> str:
    """`de/hero@2x.png` is a hero."""
    return re.split("[.@]", file.rpartition("/")[2])[0]
