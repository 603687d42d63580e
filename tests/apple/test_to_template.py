"""A template made out of a pass makes that pass again, or says where it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Template, apple
from passwright.apple.build import strings_file
from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.reading.to_template import template_from_contents
from passwright.errors import InvalidInput, TemplateRejected
from passwright.model.kinds import KINDS
from passwright.model.parts import Barcode, Field, Link, Location, Nfc, Personalization
from passwright.model.validation import MAX_FIELDS
from tests import rich_passes
from tests.apple.test_contents import JSON
from tests.apple.test_verifier import zipped
from tests.conftest import AT, BINDING, READER_KEY, TEMPLATES, png
from tests.interop.test_fixture_passes import NAMES as PASSES
from tests.interop.test_fixture_passes import path as fixture_pass
from tests.run_cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from passwright.apple.identity import Identity
    from passwright.report import Report

FIXTURES = sorted(folder.name for folder in TEMPLATES.iterdir())
ICON = png(2, 2)
MOMENT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@cache
def fixture(name: str) -> Template:
    return Template.load(TEMPLATES / name)


@pytest.fixture(scope="module")
def builder(identity: Identity) -> PassBuilder:
    return PassBuilder(identity)


def made_of(document: Mapping[str, Any], **files: bytes) -> tuple[Template, Report]:
    """The template of a pass by nobody; `__` in a name is a dot, `_in_` a slash."""
    more = {name.replace("_in_", "/").replace("__", "."): data for name, data in files.items()}
    own = {"formatVersion": 1, "organizationName": "O", "description": "D", "serialNumber": "S-1"}
    text = json.dumps({**own, **document})
    return template_from_contents(apple.read(zipped({"icon.png": ICON, **more, "pass.json": text.encode()})))


def card(*fields: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {"logoText": "L", "generic": {"primaryFields": list(fields)}, **members}


def told(report: Report) -> set[tuple[str, str]]:
    codes = ("template-drops", "template-differs")
    return {(finding.code, finding.location) for finding in report if finding.code in codes}


# --- the way there and back ---


@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
@pytest.mark.parametrize("name", FIXTURES)
def test_a_pass_of_every_kind_is_built_again_byte_for_byte(
    builder: PassBuilder, name: str, tmp_path: Path, *, bound: bool
) -> None:
    """pass.json, pictures and strings in both languages; from the template as it is, and from its folder."""
    how: dict[str, Any] = {"binding": BINDING, "barcode": False} if bound else {}
    original = fixture(name).example("M-0001", **how)
    data = builder.build(original, at=AT)
    template = apple.template_from_pkpass(data)
    given = {key: value for key, value in original.values.items() if key in template.fields}
    again = template.example("M-0001", values=given, **how)
    assert builder.build(again, at=AT) == data
    template.save(tmp_path / "folder")
    loaded = Template.load(tmp_path / "folder")
    assert builder.build(loaded.example("M-0001", values=given, **how), at=AT) == data
    assert {*apple.read(data).strings} == {"de", "en"}
    assert template.kind == fixture(name).kind


def other(key: str, each: Field) -> Any:
    """Another value than the example's."""
    value = each.example
    if isinstance(value, datetime):
        return value + timedelta(hours=1)
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, (int, float, Decimal)):
        return value + 1
    return f"{value}{len(key)}" if key != "number" else "321"


@pytest.mark.parametrize("name", FIXTURES)
def test_other_values_give_the_pass_that_the_first_template_gives(builder: PassBuilder, name: str) -> None:
    """So meanings, blanks and types were found again, not only values copied."""
    first = fixture(name)
    template = apple.template_from_pkpass(builder.build(first.example("M-0001"), at=AT))
    ours = {key: other(key, each) for key, each in template.fields.items() if each.value is None}
    theirs = {
        key: value for key, value in ours.items() if key in first.fields and first.fields[key].value is None
    }
    ours |= {key: template.fields[key].example for key in ours.keys() - theirs.keys()}
    wanted = builder.build(first.example("M-0002", values=theirs), at=AT)
    assert builder.build(template.issue("M-0002", ours), at=AT) == wanted
    assert theirs


def test_nobody_gets_the_values_of_the_pass_by_accident(builder: PassBuilder) -> None:
    """What stood in that one pass is an example; a template says nothing of its holder by default."""
    template = apple.template_from_pkpass(builder.build(fixture("membership").example("M-0001"), at=AT))
    assert template.fields["fullName"] == Field(label="Member", slot="secondary", example="Jane Smith")
    report = builder.report(template.issue("M-0002"))
    missing = {f.location for f in report.errors if f.code == "missing-value"}
    assert missing == {f"pass#/values/{key}" for key in ("fullName", "points", "since", "tier")}


def differences(one: Any, other: Any, pointer: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from differences(one.get(key, ...), other.get(key, ...), f"{pointer}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for index in range(max(len(one), len(other))):
            left, right = (each[index] if index < len(each) else ... for each in (one, other))
            yield from differences(left, right, f"{pointer}/{index}")
    elif one != other:
        yield pointer


@pytest.mark.parametrize("name", rich_passes.NAMES)
def test_richer_passes_are_built_again_or_say_what_is_lost(builder: PassBuilder, name: str) -> None:
    """Every difference between the two pass.json has a finding at its place, or above it."""
    assert builder.identity is not None
    document = rich_passes.fixture(name)["pass"]
    files = rich_passes.signed(document, rich_passes.files(name), builder.identity)
    template, report = template_from_contents(apple.read(zipped(files)))
    again = apple.read(builder.build(template.example(document["serialNumber"]), at=AT))
    named = {finding.location.removeprefix("pass.json#") for finding in report}
    lost = [
        pointer
        for pointer in differences(document, again.document)
        if not any(pointer == each or pointer.startswith(f"{each}/") for each in named)
        # An empty label is none, a pass that is not void says nothing, and a list of codes gets shorter.
        and not (pointer.endswith("/label") or pointer == "/voided")
        and not (pointer.startswith("/barcodes/") and "/barcodes/0" in named)
    ]
    assert lost == []
    assert again.pictures.keys() == {each for each in files if each.endswith(".png")}


@pytest.mark.parametrize(("folder", "name"), PASSES)
def test_odd_and_broken_passes_become_templates_or_are_refused(
    builder: PassBuilder, folder: str, name: str
) -> None:
    data = fixture_pass(folder, name).read_bytes()
    refused = {
        *("no-style", "error-page", "json-answer", "json-beyond-help", "json-is-a-list", "no-pass-json"),
        *("zip-cut-short", "zip-bytes-in-front", "zip-name-leaves-the-folder", "zip-of-passes"),
    }
    if name in refused:
        with pytest.raises((InvalidInput, TemplateRejected)):
            apple.template_from_pkpass(data)
        return
    template = apple.template_from_pkpass(data)
    assert template.fields["name"].example == "Jane Smith" or name.startswith("strings")
    if name not in ("no-icon", "file-changed"):  # which has no icon that is one
        assert builder.build(template.example("F-1"), at=AT)


# --- kinds ---


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_that_of_style_and_way_to_travel(kind: str) -> None:
    style = {**KINDS[kind].style_members, "primaryFields": [{"key": "a", "value": "b"}]}
    tags = {"balance": {"amount": "1.50", "currencyCode": "EUR"}} if kind == "gift_card" else {}
    template, _ = made_of({KINDS[kind].style: style, "semantics": tags})
    assert template.kind.name == kind


def test_a_way_to_travel_that_no_kind_has_stays_as_it_is() -> None:
    template, _ = made_of({"boardingPass": {"transitType": "PKTransitTypeGeneric"}})
    assert template.kind.name == "bus"
    assert template.apple["boardingPass"] == {"transitType": "PKTransitTypeGeneric"}


def test_a_pass_without_a_style_is_no_template() -> None:
    with pytest.raises(TemplateRejected, match="no style key"):
        made_of({})
    with pytest.raises(TemplateRejected, match="has the style coupon"):
        template_from_contents(
            apple.read(zipped({"pass.json": b'{"coupon": {}}'})), kinds={"event": KINDS["event"]}
        )


def test_kinds_of_the_caller_count() -> None:
    own = replace(KINDS["generic"], name="badge")
    text = json.dumps({"serialNumber": "S-1", **card({"key": "a", "value": "b"})}).encode()
    data = zipped({"icon.png": ICON, "pass.json": text})
    assert apple.template_from_pkpass(data, kinds={"badge": own}).kind is own


# --- fields ---


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"value": "text"}, Field(example="text")),
        ({"value": ""}, Field(example="")),
        ({"value": 3}, Field(type="integer", example=3)),
        ({"value": 2.5}, Field(type="number", example=2.5)),
        ({"value": 9, "currencyCode": "EUR"}, Field(type="money", currency="EUR", example=9)),
        ({"value": "S-1"}, Field(value="{serial}")),
        ({"value": "No. S-1 {x}"}, Field(value="No. {serial} {{x}}")),
        ({"value": "XS-12"}, Field(example="XS-12")),
        (
            {"value": "a", "label": "A", "changeMessage": "now %@"},
            Field(label="A", change="now %@", example="a"),
        ),
        ({"value": "a", "textAlignment": "PKTextAlignmentRight"}, Field(align="right", example="a")),
        ({"value": "a", "textAlignment": "PKTextAlignmentNatural"}, Field(example="a")),
        (
            {
                "value": "2026-05-01T00:00:00Z",
                "dateStyle": "PKDateStyleMedium",
                "timeStyle": "PKDateStyleNone",
                "ignoresTimeZone": True,
            },
            Field(type="date", example=date(2026, 5, 1)),
        ),
        (
            {"value": "2026-05-01T09:30Z", "dateStyle": "PKDateStyleFull", "timeStyle": "PKDateStyleShort"},
            Field(type="datetime", date="full", example=MOMENT),
        ),
        (
            {"value": "2026-05-01T09:30Z", "dateStyle": "PKDateStyleShort"},
            Field(
                type="datetime", date="short", time="none", example=datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
            ),
        ),
        ({"value": "soon", "dateStyle": "PKDateStyleShort"}, Field(example="soon")),
        ({"value": "2026-05-01T09:30Z"}, Field(example="2026-05-01T09:30Z")),
    ],
)
def test_fields_have_their_types_again(given: dict[str, Any], field: Field) -> None:
    template, _ = made_of({"generic": {"auxiliaryFields": [{"key": "a", **given}]}})
    assert template.fields == {"a": replace(field, slot="auxiliary")}


def test_keys_that_no_template_takes_are_changed_and_named() -> None:
    template, report = made_of(
        card(*({"key": key, "value": "x"} for key in ("a b", "", "serial", "a", "a", "é" * 70, 5)))
    )
    assert [*template.fields] == ["a-b", "number", "number-2", "a", "a-2", "number-3", "primary"]
    changed = {f"pass.json#/generic/primaryFields/{n}/key" for n in (0, 1, 2, 4, 5, 6)}
    assert {where for code, where in told(report) if code == "template-differs"} == changed


def test_what_is_no_field_is_left_out_and_named() -> None:
    fields: list[Any] = [{"key": "a", "value": None}, 5, {"key": "b"}, {"key": "c", "value": True}]
    template, report = made_of({"logoText": "L", "generic": {"backFields": fields, "headerFields": "none"}})
    assert [*template.fields] == ["unseen"]
    assert told(report) == {("template-drops", f"pass.json#/generic/backFields/{n}") for n in range(4)}


def test_more_fields_than_a_template_has_are_left_out() -> None:
    template, report = made_of(card(*({"key": "a", "value": "x"} for _ in range(400))))
    assert len(template.fields) == MAX_FIELDS
    assert ("template-drops", f"pass.json#/generic/primaryFields/{MAX_FIELDS}") in told(report)


def test_members_of_a_field_that_have_no_word_are_named() -> None:
    template, report = made_of(
        card({"key": "a", "value": 1, "numberStyle": "PKNumberStylePercent", "odd": {}})
    )
    assert template.fields["a"].example == 1
    assert told(report) == {
        ("template-drops", f"pass.json#/generic/primaryFields/0/{name}") for name in ("numberStyle", "odd")
    }


# --- meanings ---


def event(tags: Mapping[str, Any], *fields: Mapping[str, Any], **members: Any) -> tuple[Template, Report]:
    style = {"primaryFields": list(fields)}
    return made_of({"logoText": "L", "eventTicket": style, "semantics": tags, **members})


def test_a_field_means_what_the_tag_with_its_value_says() -> None:
    """Of two with one value the one that is called like its meaning."""
    tags = {"seats": [{"seatRow": "5", "seatNumber": "5"}], "venueName": "Hall"}
    fields = ({"key": key, "value": value} for key, value in (("seat", "5"), ("x", "5"), ("place", "Hall")))
    template, report = event(tags, *fields)
    assert {key: each.means for key, each in template.fields.items()} == {
        "seat": "seat",
        "x": "seat.row",
        "place": "venue",
    }
    assert not told(report)
    assert not template.apple


def test_tags_that_no_field_shows_are_carried() -> None:
    tags = {
        "eventName": "Late Night S-1",
        "venueDoorsOpenDate": "2026-09-12T18:30:00+02:00",
        "totalPrice": {"amount": "24.50", "currencyCode": "EUR"},
    }
    template, report = event(tags)
    assert template.fields == {
        "event": Field(means="event", value="Late Night {serial}"),
        "doors": Field(
            means="doors", type="datetime", example=datetime.fromisoformat("2026-09-12T18:30:00+02:00")
        ),
        "price": Field(means="price", type="money", currency="EUR", example=Decimal("24.50")),
    }
    assert not told(report)


@pytest.mark.parametrize(
    "tags",
    [
        {"seats": [{"seatNumber": "1"}, {"seatNumber": "2"}]},
        {"seats": [{"seatNumber": "1", "seatIdentifier": "x"}]},
        {"performerNames": ["A", "B"], "wifiAccess": [{"ssid": "x", "password": "y"}]},
    ],
)
def test_tags_that_no_meaning_covers_stay_overrides_and_are_called_a_guess(tags: dict[str, Any]) -> None:
    template, report = event(tags)
    assert template.apple == {"semantics": tags}
    [guess] = [f.message for f in report if f.code == "template-guesses" and "same in all" in f.message]
    assert all(f"semantics.{name}" in guess for name in tags)


def test_a_name_in_parts_is_one_text() -> None:
    tags = {"passengerName": {"givenName": "Jane Q.", "familyName": "Smith"}}
    boarding = {
        "transitType": "PKTransitTypeAir",
        "primaryFields": [{"key": "who", "value": "Jane Q. Smith"}],
    }
    template, _ = made_of({"boardingPass": boarding, "semantics": tags})
    assert template.fields["who"].means == "holder"
    odd = {"passengerName": {"givenName": "Jane", "familyName": "van der Meer"}}
    template, _ = made_of({"boardingPass": {"transitType": "PKTransitTypeAir"}, "semantics": odd})
    assert template.apple["semantics"] == odd


def test_relevance_beside_the_start_is_kept() -> None:
    """The day when it opens is another than the day when it is shown."""
    starts, shown = "2026-09-12T19:00:00+02:00", "2026-09-12T12:00:00+02:00"
    template, report = event({"eventStartDate": starts}, relevantDate=shown)
    assert template.apple == {"relevantDate": shown}
    assert told(report) == {("template-differs", "pass.json#/relevantDates")}


# --- codes, NFC, and what belongs to one pass ---


def code(message: str, **members: Any) -> dict[str, Any]:
    return {"format": "PKBarcodeFormatPDF417", "message": message, "messageEncoding": "iso-8859-1", **members}


def test_the_message_of_a_code_is_the_serial_a_field_or_a_new_field() -> None:
    number = {"key": "number", "value": "6034 9320"}
    for message, text in (("S-1", "{serial}"), ("id=S-1;", "id={serial};"), ("6034 9320", "{number}")):
        template, report = made_of(card(number, barcodes=[code(message, altText="6034 9320")]))
        assert template.barcode == Barcode(format="pdf417", message=text, text="{number}")
        assert not told(report)
        assert "barcodes" not in template.apple
    template, _ = made_of(card(number, barcode=code("secret", altText="call us")))
    assert template.barcode == Barcode(format="pdf417", message="{code}", text="{code-text}")
    assert template.fields["code"] == Field(example="secret")
    assert template.fields["code-text"] == Field(example="call us")


@pytest.mark.parametrize("codes", [[], None, [{}], "", {}])
def test_no_code_is_no_code(codes: Any) -> None:
    template, _ = made_of(card({"key": "a", "value": "b"}, barcodes=codes))
    assert template.barcode is None


def test_codes_that_a_template_can_not_have_are_named() -> None:
    codes: list[Any] = [code("S-1", format="Odd"), code(""), 5, code("S-1"), code("S-1")]
    template, report = made_of(card(barcodes=codes))
    assert template.barcode == Barcode(format="pdf417")
    assert told(report) == {("template-drops", f"pass.json#/barcodes/{n}") for n in (0, 1, 2, 4)}


def test_another_charset_is_named() -> None:
    _, report = made_of(card(barcode=code("S-1", messageEncoding="utf-8")))
    assert told(report) == {("template-differs", "pass.json#/barcode/messageEncoding")}


def test_nfc_is_taken_over_with_its_key() -> None:
    nfc = {"message": "S-1", "encryptionPublicKey": READER_KEY, "requiresAuthentication": True}
    template, report = made_of(card(nfc=nfc, sharingProhibited=True))
    assert template.nfc == Nfc(message="{serial}", apple_key=READER_KEY)
    assert template.apple == {"nfc": {"requiresAuthentication": True}, "sharingProhibited": True}
    assert not told(report)
    template, _ = made_of(card(nfc={**nfc, "message": "token"}))
    assert template.nfc == Nfc(message="{nfc}", apple_key=READER_KEY)
    template, report = made_of(card(nfc={"message": "S-1"}))
    assert (template.nfc, template.apple) == (None, {})
    assert ("template-drops", "pass.json#/nfc") in told(report)


def test_what_belongs_to_one_pass_is_in_no_template() -> None:
    """Neither its secrets nor what binds it, wherever one may look."""
    own = {
        "authenticationToken": "canary-token-0123456789",
        "webServiceURL": "https://canary.example.com/",
        "expirationDate": "2026-01-01T00:00:00Z",
        "voided": True,
        "fidoProfile": {"relyingPartyIdentifier": "canary.example.com"},
        "issuerBindingData": {"issuerBindingData": "canary"},
    }
    nfc = {"message": "S-1", "encryptionPublicKey": READER_KEY, "requiresAuthentication": True}
    template, report = made_of(card(**own, sharingProhibited=True, nfc=nfc))
    assert template.apple == {}
    assert "canary" not in repr(template)
    assert told(report) >= {("template-drops", f"pass.json#/{name}") for name in own}
    assert ("template-drops", "pass.json") in told(report)
    _, report = made_of(card(voided=False))
    assert not told(report)


# --- everything else ---


def test_colours_in_any_form_are_colours() -> None:
    template, report = made_of(
        card(backgroundColor="rgb(60,65, 76)", foregroundColor="#FFF", labelColor="#DcC8a0")
    )
    colours = template.colours
    assert (colours.background, colours.text, colours.label) == ("#3c414c", "#ffffff", "#dcc8a0")
    assert not template.apple
    template, report = made_of(card(backgroundColor="rgba(1, 2, 3, 0.5)", labelColor="red"))
    assert template.colours.background is None
    assert {where for _, where in told(report)} == {"pass.json#/backgroundColor", "pass.json#/labelColor"}


def test_locations_are_taken_over_where_a_template_has_words_for_all_of_them() -> None:
    place = {"latitude": 48.1, "longitude": 11.5, "relevantText": "near"}
    template, _ = made_of(card(locations=[place, {"latitude": 1, "longitude": 2}]))
    assert template.locations == (
        Location(latitude=48.1, longitude=11.5, text="near"),
        Location(latitude=1, longitude=2),
    )
    template, _ = made_of(card(locations=[{**place, "altitude": 3}]))
    assert (template.locations, template.apple["locations"]) == ((), [{**place, "altitude": 3}])
    odd: tuple[Any, ...] = ([{"latitude": 95, "longitude": 0}], [place] * 11, [5], {"latitude": 1})
    for listed in odd:
        template, report = made_of(card(locations=listed))
        assert (template.locations, template.apple) == ((), {})
        assert {where.partition("/0")[0] for _, where in told(report)} == {"pass.json#/locations"}


def test_links_of_ours_are_links_and_those_of_others_are_fields() -> None:
    ours = {"key": "passwright.link.0", "label": "Site", "value": "https://example.com/"}
    odd = {"key": "passwright.link.1", "label": "", "value": "javascript:x"}
    theirs = {"key": "site", "label": "Site", "value": "https://example.com/"}
    template, report = made_of({"logoText": "L", "generic": {"backFields": [ours, odd, theirs]}})
    assert template.links == (Link(label="Site", url="https://example.com/"),)
    assert [*template.fields] == ["site"]
    assert ("template-drops", "pass.json#/generic/backFields/1") in told(report)


def test_null_has_no_word_and_is_named() -> None:
    """TOML has none, and a merge takes it for something else."""
    template, report = made_of(card(userInfo={"a": None, "b": [1, None, {"c": None}]}, odd=None))
    assert template.apple == {"userInfo": {"b": [1, {}]}}
    assert {where for _, where in told(report)} == {
        *(f"pass.json#/userInfo/{each}" for each in ("a", "b/1", "b/2/c")),
        "pass.json#/odd",
    }


def test_members_that_no_builder_takes_are_left_out_and_named(builder: PassBuilder) -> None:
    """So that a template of a sloppy pass can be built."""
    tags = {"eventName": ["no", "text"], "totalPrice": {"amount": "much"}, "odd~/": {"deep": [1]}}
    template, report = made_of(card(semantics=tags, createdAt=1, groupingIdentifier=5, maxDistance=100))
    assert template.apple == {"maxDistance": 100}
    assert {where.partition("#")[2] for _, where in told(report)} == {
        *("/semantics/eventName", "/semantics/totalPrice/amount", "/semantics/odd~0~1"),
        *("/createdAt", "/groupingIdentifier"),
    }
    assert builder.build(template.example("S-1"), at=AT)


def test_names_that_are_not_there_are_made_up_of_those_that_are() -> None:
    text = json.dumps({"generic": {}, "passTypeIdentifier": "pass.a"}).encode()
    template, report = template_from_contents(apple.read(zipped({"icon.png": ICON, "pass.json": text})))
    assert (template.name, template.organisation, template.description, template.id) == ("Pass",) * 3 + (
        "pass",
    )
    assert template.apple == {"logoText": ""}
    template, _ = made_of({"generic": {}, "organizationName": "Café Ö & Co"})
    assert (template.name, template.id) == ("Café Ö & Co", "caf-co")
    assert ("template-differs", "pass.json#/logoText") in told(report)


def test_pictures_are_taken_over_by_language() -> None:
    picture = png(4, 4)
    template, report = made_of(
        card(),
        logo__png=b"\xff\xd8\xff\xe0 a JPEG",
        **{"de_CH.lproj/logo.png": picture, "de.lproj/icon.png": picture, "odd.png": picture, "README": b"x"},
        **{"a_b_c_d_e1234567890.lproj/logo.png": picture, "strip@2x.png": picture},
    )
    assert {*template.images.files} == {"icon.png", "de-CH/logo.png", "strip@2x.png"}
    assert {where for _, where in told(report)} >= {
        *("logo.png", "de.lproj/icon.png", "odd.png", "README", "a_b_c_d_e1234567890.lproj/logo.png")
    }


def test_the_sheet_for_signing_up_is_taken_over() -> None:
    asked = {
        "requiredPersonalizationFields": ["PKPassPersonalizationFieldName"],
        "description": "Join",
        "termsAndConditions": "All of them",
    }
    style = {"storeCard": {}, "logoText": "L"}
    template, _ = made_of(style, personalization__json=json.dumps(asked).encode())
    assert template.personalization == Personalization(
        fields=("name",), description="Join", terms="All of them"
    )
    for odd in (b"", b"[]", b"{}", json.dumps({**asked, "requiredPersonalizationFields": ["x"]}).encode()):
        template, report = made_of(style, personalization__json=odd)
        assert template.personalization is None
        assert ("template-drops", "personalization.json") in told(report)


# --- languages ---


def strings(**languages: Mapping[str, str]) -> dict[str, bytes]:
    return {f"{name}.lproj/pass.strings": strings_file.dumps(texts) for name, texts in languages.items()}


def test_keys_that_are_no_words_are_spelt_out_in_one_language() -> None:
    beacon = {"proximityUUID": "E2C56DB5-DFFB-48D2-B060-D0F5A71096E0", "relevantText": "LABEL"}
    pass_ = card({"key": "a", "label": "LABEL", "value": "VALUE"}, logoText="NAME", beacons=[beacon])
    template, report = made_of(
        pass_,
        **strings(
            de_CH={"LABEL": "Name", "VALUE": "Wert", "NAME": "Karte"},
            en_GB={"LABEL": "Label", "VALUE": "Value", "NAME": "Card"},
        ),
    )
    assert template.language == "en-GB"
    assert template.name == "Card"
    assert template.fields["a"] == Field(label="Label", slot="primary", value="Value")
    assert template.translations == {"de-CH": {"Label": "Name", "Value": "Wert", "Card": "Karte"}}
    assert template.apple == {"beacons": [{**beacon, "relevantText": "Label"}]}
    assert not told(report)


@pytest.mark.parametrize(
    ("languages", "own"),
    [
        ({"de": {"Name": "Name", "Ort": "Ort"}, "en": {"Name": "Name", "Ort": "Place"}}, "de"),
        ({"fr": {"X": "Nom"}, "de": {"X": "Name"}}, "fr"),
        ({"fr": {"X": "Nom"}, "en": {"X": "Name"}}, "en"),
        ({"fr": {}}, "fr"),
    ],
)
def test_the_language_is_the_one_whose_words_the_keys_are(languages: dict[str, Any], own: str) -> None:
    template, _ = made_of(card({"key": "a", "label": "Ort", "value": "x"}), **strings(**languages))
    assert template.language == own


def test_without_strings_the_language_is_a_guess() -> None:
    template, report = made_of(card())
    assert template.language == "en"
    assert "template-guesses" in {finding.code for finding in report.notes}


def test_translations_that_nothing_shows_and_languages_that_are_none_are_named() -> None:
    template, report = made_of(
        card({"key": "a", "label": "A", "value": "x"}),
        **strings(en={"A": "A", "Z": "Z"}, de={"A": "Ä", "Z": "Zett"}, Base={"A": "B"}, de_={"A": "C"}),
    )
    assert template.translations == {"de": {"A": "Ä"}}
    assert {where for _, where in told(report)} == {
        *(f"{each}.lproj/pass.strings" for each in ("Base", "de", "de_"))
    }


# --- anything ---


def whatever(members: dict[str, Any]) -> bytes:
    text = json.dumps({"serialNumber": "S-1", **members}).encode()
    return zipped({"icon.png": ICON, "pass.json": text, **strings(en={"a": "b"}, de={"a": "c"})})


FIELD = st.dictionaries(
    st.sampled_from(["key", "value", "label", "changeMessage", "dateStyle", "currencyCode", "semantics"]),
    JSON,
)
STYLE = st.dictionaries(
    st.sampled_from(["headerFields", "backFields", "transitType", "x"]),
    JSON | st.lists(FIELD | JSON, max_size=3),
)
TAGS = st.dictionaries(
    st.sampled_from(["eventName", "seats", "totalPrice", "eventStartDate", "balance", "passengerName"]),
    JSON | st.lists(st.dictionaries(st.sampled_from(["seatRow", "seatNumber"]), JSON), max_size=2),
)
MEMBERS = st.dictionaries(
    st.sampled_from(
        [
            *("organizationName", "logoText", "serialNumber", "barcode", "barcodes", "nfc", "locations"),
            *("labelColor", "relevantDates", "fidoProfile", "x"),
        ]
    ),
    JSON,
    max_size=4,
)


@pytest.mark.no_cover
@given(st.sampled_from(["generic", "eventTicket", "boardingPass", "storeCard"]), STYLE, TAGS, MEMBERS)
def test_whatever_a_pass_holds_becomes_a_template_or_is_refused(
    style: str, slots: dict[str, Any], tags: dict[str, Any], members: dict[str, Any]
) -> None:
    """A template that comes out can be written as a folder, and says nothing that JSON can't."""
    try:
        template = apple.template_from_pkpass(whatever({style: slots, "semantics": tags, **members}))
    except TemplateRejected as rejected:
        assert rejected.report.errors  # noqa: PT017  # the report is what is looked at
    else:
        PassBuilder(None).report(template.example("S-1"))


# --- the command ---


def test_new_makes_a_folder_out_of_a_pass(builder: PassBuilder, tmp_path: Path) -> None:
    data = builder.build(fixture("event").example("M-0001", binding=BINDING, barcode=False), at=AT)
    (tmp_path / "ticket.pkpass").write_bytes(data)
    made = tmp_path / "my-event"
    done = run("new", str(made), "--from", str(tmp_path / "ticket.pkpass"))
    assert done.exit_code == 0, done.output
    assert "binds nobody" in done.output
    template = Template.load(made)
    assert template.kind.name == "event"
    assert template.id.startswith("my-event-")
    card = str(tmp_path / "card.pkpass")
    built = run("build", str(made), "--serial", "M-0001", "--example", "--out", card)
    assert built.exit_code == 0, built.output
    assert {*apple.read((tmp_path / "card.pkpass").read_bytes()).files} == {*pkpass.read(data)}


def test_new_says_what_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"<html>")
    refused = run("new", str(tmp_path / "made"), "--from", str(tmp_path / "x"))
    assert refused.exit_code == 1
    assert "not a ZIP archive" in refused.output
    (tmp_path / "y").write_bytes(zipped({"pass.json": b"{}"}))
    refused = run("new", str(tmp_path / "made"), "--from", str(tmp_path / "y"))
    assert refused.exit_code == 1
    assert "no style key" in refused.output
    wrong = run("new", str(tmp_path / "made"), "--from", str(tmp_path / "y"), "--kind", "event")
    assert wrong.exit_code == 2
    assert not (tmp_path / "made").exists()
