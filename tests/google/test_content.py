"""A definition becomes a class and an object: texts, languages, pictures, rows, and what got lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from passwright import Barcode, Field, Template
from passwright.documents.json_template import JsonTemplate
from passwright.google.content import payload, resource_name
from passwright.model.parts import Colours, Images, Link, Location
from tests.conftest import AT, BINDING, png

if TYPE_CHECKING:
    from passwright.model.template import Pass


def made(
    card: Pass, issuer_id: str | None = "1"
) -> tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]:
    """Class, object, and the findings as (code, place)."""
    found = payload(card.template, card.shape, issuer_id=issuer_id)
    values = {**card.resolved_values(), "@email-sha256": "0" * 64}
    documents = []
    for skeleton in (found.class_, found.object_):
        stencil = JsonTemplate(skeleton)
        documents.append(stencil.document(stencil.compute(values)))
    return documents[0], documents[1], [(each.code, each.location) for each in found.findings]


def module(template: Template, field: Field, value: Any) -> dict[str, Any]:
    """The text module of the one field of a pass."""
    _, object_, _ = made(replace(template, fields={"f": field}).issue("M-1", {"f": value}))
    (found,) = object_["textModulesData"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("field", "value", "body"),
    [
        ({}, "Jané", "Jané"),
        ({"type": "integer"}, 7, "7"),
        ({"type": "number"}, 2.5, "2.5"),
        ({"type": "number"}, Decimal("1E+3"), "1000"),
        ({"type": "number"}, 1e-7, "0.0000001"),
        ({"type": "money", "currency": "EUR"}, Decimal("12.5"), "12.50 EUR"),
        ({"type": "date"}, date(2024, 5, 1), "2024-05-01"),
        (
            {"type": "datetime"},
            datetime(2024, 5, 1, 9, 30, 1, tzinfo=timezone(timedelta(hours=2))),
            "2024-05-01 09:30+02:00",
        ),
    ],
)
def test_a_value_without_a_place_of_its_own_is_text_that_nobody_misreads(
    tiny: Template, field: dict[str, Any], value: Any, body: str
) -> None:
    assert module(tiny, Field(slot="back", label="L", **field), value) == {
        "id": "f",
        "header": "L",
        "body": body,
    }


@pytest.mark.parametrize(
    ("means", "field", "value", "balance"),
    [
        ("points", {"type": "integer"}, 7, {"int": 7}),
        ("points", {"type": "number"}, Decimal("2.5"), {"double": 2.5}),
        ("points", {}, "many", {"string": "many"}),
        (
            "balance",
            {"type": "money", "currency": "EUR"},
            Decimal("12.345678"),
            {"money": {"micros": "12345678", "currencyCode": "EUR"}},
        ),
        (
            "balance",
            {"type": "money", "currency": "JPY"},
            0.1,
            {"money": {"micros": "100000", "currencyCode": "JPY"}},
        ),
    ],
)
def test_points_stand_in_the_form_of_their_type(
    tiny: Template, means: str, field: dict[str, Any], value: Any, balance: dict[str, Any]
) -> None:
    for given in ({"default": value}, {"value": value}):
        template = replace(tiny, fields={"p": Field(label="P", means=means, **field, **given)})
        _, object_, _ = made(template.issue("M-1"))
        assert object_["loyaltyPoints"] == {"balance": balance, "label": "P"}


def test_constant_text_goes_to_the_class_and_the_rest_to_the_object(tiny: Template) -> None:
    fields = {
        "terms": Field(slot="back", label="Terms", value="No refunds"),
        "no": Field(slot="back", label="No", value="No. {serial}"),
        "hidden": Field(value="carried for nobody"),
    }
    class_, object_, _ = made(replace(tiny, fields=fields).issue("M-1"))
    assert class_["textModulesData"] == [{"id": "terms", "header": "Terms", "body": "No refunds"}]
    assert object_["textModulesData"] == [{"id": "no", "header": "No", "body": "No. M-1"}]


def test_ids_start_with_the_issuer_and_name_class_and_object(tiny: Template) -> None:
    class_, object_, _ = made(tiny.issue("M-1"), "3388")
    assert (class_["id"], object_["id"], object_["classId"]) == ("3388.tiny", "3388.M-1", "3388.tiny")
    assert (class_["reviewStatus"], object_["state"]) == ("UNDER_REVIEW", "ACTIVE")
    assert made(tiny.issue("M-1"), None)[0]["id"] == "0.tiny"
    braces = replace(tiny, google_class="{serial}-{{x}}")
    assert made(braces.issue("M-1"))[0]["id"] == "1.M-1-{x}"


# --- languages ---


def test_translated_texts_stand_in_the_members_for_them(tiny: Template) -> None:
    template = replace(
        tiny,
        fields={**tiny.fields, "terms": Field(slot="back", label="Terms", value="None")},
        links=(
            Link(label="Web", url="https://a.example.com"),
            Link(label="Shop", url="https://b.example.com"),
        ),
        images=replace(tiny.images, alt="Logo"),
        translations={
            "de": {"Tiny": "Winzig", "Points": "Punkte", "Terms": "Regeln", "None": "Keine", "Web": "Netz"},
            "fr": {"Points": "Points", "Logo": "Le logo"},
        },
    )
    class_, object_, _ = made(template.issue("M-1"))

    def localized(text: str, **others: str) -> dict[str, Any]:
        translated = [{"language": language, "value": value} for language, value in others.items()]
        return {
            "defaultValue": {"language": "en", "value": text},
            **({"translatedValues": translated} if translated else {}),
        }

    # Google asks for the plain texts too.
    assert (class_["issuerName"], class_["programName"]) == ("Tiny", "Tiny")
    assert class_["localizedProgramName"] == localized("Tiny", de="Winzig")
    # Where it doesn't, one of the two has to do: a link has no room.
    assert object_["loyaltyPoints"]["localizedLabel"] == localized("Points", de="Punkte")
    assert "label" not in object_["loyaltyPoints"]
    assert class_["textModulesData"] == [
        {
            "id": "terms",
            "localizedHeader": localized("Terms", de="Regeln"),
            "localizedBody": localized("None", de="Keine"),
        }
    ]
    assert class_["linksModuleData"]["uris"] == [
        {"uri": "https://a.example.com", "id": "link-0", "localizedDescription": localized("Web", de="Netz")},
        {"uri": "https://b.example.com", "id": "link-1", "description": "Shop"},
    ]
    assert class_["programLogo"]["contentDescription"] == localized("Logo", fr="Le logo")


# --- pictures ---


@pytest.mark.parametrize(
    ("files", "name", "guessed"),
    [
        (("icon.png", "logo.png", "program-logo.png"), "program-logo.png", False),
        (("icon.png", "logo.png", "logo@2x.png"), "logo@2x.png", True),
        (("icon@3x.png", "icon.png"), "icon@3x.png", True),
    ],
)
def test_the_best_picture_there_is_becomes_the_logo(
    tiny: Template, files: tuple[str, ...], name: str, *, guessed: bool
) -> None:
    pictures = Images(files={each: png(1, 1) for each in files}, url="https://cdn.example.com/a/")
    class_, _, findings = made(replace(tiny, images=pictures).issue("M-1"))
    assert class_["programLogo"] == {"sourceUri": {"uri": f"https://cdn.example.com/a/{name}"}}
    assert (("google-guesses", f"images/{name}") in findings) is guessed
    assert "heroImage" not in class_


def test_pictures_without_an_address_on_the_web_are_an_error(tiny: Template) -> None:
    template = replace(tiny, images=replace(tiny.images, url=None))
    assert ("missing-image-url", "template#/images/url") in made(template.issue("M-1"))[2]


def test_one_picture_serves_all_languages(tiny: Template) -> None:
    pictures = {
        **tiny.images.files,
        "hero.png": png(3, 1),
        "de/hero.png": png(3, 1),
        "de/logo.png": png(1, 1),
    }
    class_, _, findings = made(replace(tiny, images=replace(tiny.images, files=pictures)).issue("M-1"))
    assert class_["heroImage"]["sourceUri"]["uri"].endswith("/hero.png")
    pictures_lost = [where for code, where in findings if code == "google-drops" and where[:6] == "images"]
    assert pictures_lost == ["images/de/hero.png"]


# --- rows ---


def test_the_card_has_three_rows_of_at_most_three_items(tiny: Template) -> None:
    slots = ["header", "primary", "header", "primary", "secondary", "auxiliary", "auxiliary", "back"]
    fields: dict[str, Field] = {
        f"f{index}": Field(slot=slot, default="x")  # type: ignore[arg-type]  # from a list
        for index, slot in enumerate(slots)
    }
    class_, _, findings = made(replace(tiny, fields=fields).issue("M-1"))
    rows = class_["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"]
    paths = [
        [item["firstValue"]["fields"][0]["fieldPath"] for item in next(iter(row.values())).values()]
        for row in rows
    ]
    assert [list(row) for row in rows] == [["threeItems"], ["oneItem"], ["twoItems"]]
    assert paths == [
        [f"object.textModulesData['f{index}']" for index in row] for row in ((0, 1, 2), (4,), (5, 6))
    ]
    assert [where for code, where in findings if code == "google-changes"] == ["template#/fields"]


def test_every_path_of_a_row_leads_somewhere(club: Template) -> None:
    class_, object_, _ = made(club.example())
    for row in class_["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"]:
        for item in next(iter(row.values())).values():
            (selector,) = item["firstValue"]["fields"]
            root, _, rest = selector["fieldPath"].partition(".")
            document = {"class": class_, "object": object_}[root]
            if rest.startswith("textModulesData"):
                wanted = rest.split("'")[1]
                assert wanted in {each["id"] for each in document["textModulesData"]}
            else:
                for step in rest.split("."):
                    document = document[step]


# --- NFC, codes, validity, binding ---


def test_smart_tap_is_on_for_the_class_and_the_value_is_the_passs(tiny: Template) -> None:
    constrained = replace(tiny, nfc=replace(tiny.nfc, google_constraint=("BLOCK_PAYMENT",)))  # type: ignore[type-var]  # it has NFC
    class_, object_, _ = made(constrained.issue("M-1"))
    assert (class_["enableSmartTap"], class_["redemptionIssuers"]) == (True, ["1"])
    assert object_["smartTapRedemptionValue"] == "M-1"
    assert object_["passConstraints"] == {"nfcConstraint": ["BLOCK_PAYMENT"]}
    off_class, off, _ = made(constrained.issue("M-1", nfc=False))
    assert off_class == class_
    assert not off.keys() & {"smartTapRedemptionValue", "passConstraints"}
    nobody = replace(tiny, nfc=replace(tiny.nfc, google_issuers=()))  # type: ignore[type-var]  # it has NFC
    without, object_, findings = made(nobody.issue("M-1"))
    assert "enableSmartTap" not in without
    assert "smartTapRedemptionValue" not in object_
    assert ("google-drops", "template#/nfc") in findings


CODE_128 = {"type": "CODE_128", "value": "M-1"}


@pytest.mark.parametrize(
    ("code", "message", "wanted"),
    [
        (None, "a", {"type": "QR_CODE", "value": "a"}),
        (Barcode(format="aztec"), "a", {"type": "AZTEC", "value": "a"}),
        (Barcode(format="code128", text="{serial}"), None, {**CODE_128, "alternateText": "M-1"}),
        (Barcode(), "ß", {"type": "QR_CODE", "value": "ß", "renderEncoding": "UTF_8"}),
        (Barcode(format="pdf417"), "ß", {"type": "PDF_417", "value": "ß"}),
    ],
)
def test_codes_have_googles_names(tiny: Template, code: Any, message: Any, wanted: dict[str, str]) -> None:
    _, object_, _ = made(replace(tiny, barcode=code).issue("M-1", barcode=message))
    assert object_["barcode"] == wanted
    assert "barcode" not in made(replace(tiny, barcode=code).issue("M-1", barcode=False))[1]


def test_a_bound_object_carries_hash_link_and_end(tiny: Template) -> None:
    class_, object_, _ = made(tiny.issue("M-1", binding=BINDING, expires=AT))
    assert object_["saveRestrictions"] == {"restrictToEmailSha256": "0" * 64}
    assert object_["linksModuleData"]["uris"][0]["uri"] == BINDING.learn_more_url
    assert object_["validTimeInterval"] == {"end": {"date": "2026-01-02T03:04:05+00:00"}}
    assert class_["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    class_, object_, _ = made(tiny.issue("M-1"))
    assert "multipleDevicesAndHoldersAllowedStatus" not in class_
    assert not object_.keys() & {"saveRestrictions", "linksModuleData", "validTimeInterval"}


# --- what gets lost, what is merged ---


def test_what_google_has_no_place_for_is_told(tiny: Template) -> None:
    template = replace(
        tiny,
        colours=Colours(background="#000000", text="#ffffff", label="#ffffff"),
        fields={
            "f": Field(slot="header", type="date", default=date(2024, 1, 1), change="Now %@", align="left")
        },
        locations=(Location(latitude=1, longitude=2, text="here"), Location(latitude=3, longitude=4)),
    )
    class_, _, findings = made(template.issue("M-1"))
    assert class_["hexBackgroundColor"] == "#000000"
    assert class_["merchantLocations"] == [
        {"latitude": 1, "longitude": 2},
        {"latitude": 3, "longitude": 4},
    ]
    dropped = {where.removeprefix("template#") for code, where in findings if code == "google-drops"}
    assert dropped == {
        *("/description", "/colours/text", "/colours/label", "/fields/f/change", "/fields/f/align"),
        "/locations/0/text",
    }
    assert ("google-changes", "template#/fields/f") in findings


def test_overrides_are_merged_last(tiny: Template) -> None:
    own = {"class": {"issuerName": None, "countryCode": "DE"}, "object": {"loyaltyPoints": {"label": "P"}}}
    class_, object_, _ = made(replace(tiny, google=own).issue("M-1"))
    assert "issuerName" not in class_
    assert class_["countryCode"] == "DE"
    assert object_["loyaltyPoints"] == {"balance": {"int": 0}, "label": "P"}


def test_resources_are_named_as_in_the_schema() -> None:
    assert resource_name("loyaltyClass") == "LoyaltyClass"
    assert resource_name("eventTicketObject") == "EventTicketObject"


def test_times_keep_their_zone(tiny: Template) -> None:
    fields = {"at": Field(slot="back", type="datetime", default=datetime(2024, 1, 1, tzinfo=UTC))}
    _, object_, _ = made(replace(tiny, fields=fields).issue("M-1"))
    assert object_["textModulesData"][0]["body"].endswith("+00:00")
