"""Where members may stand, and what values do that are right one by one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Template
from passwright.apple.build import pass_json
from passwright.apple.build.pictures import build_pictures
from passwright.apple.context import ValidationContext
from passwright.apple.rules import pitfalls, placement
from passwright.apple.rules.images import check_images
from passwright.apple.rules.layouts import STYLES, layouts
from passwright.apple.rules.pass_json import validator
from passwright.documents.json_template import JsonTemplate
from passwright.documents.validator import DocumentValidator
from passwright.report import Severity
from tests import rich_passes as rich
from tests.apple.test_layouts import made
from tests.conftest import BINDING

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.report import Finding

ONLY = DocumentValidator("pass.json", pass_json.pass_validator(), "Pass", (*placement.RULES, *pitfalls.RULES))
CODE = {"message": "x", "messageEncoding": "iso-8859-1"}


def said(document: dict[str, Any], **about: Any) -> list[Finding]:
    """What the rules say, without what the table says."""
    found = ValidationContext(**about)
    return [
        each for rule in ONLY.rules for each in rule.check(document, found, lambda pointer: pointer or "top")
    ]


def told(document: dict[str, Any], **about: Any) -> list[tuple[str, str, str]]:
    return [(each.severity.value, each.code, each.location) for each in said(document, **about)]


def code(form: str, message: str = "x") -> dict[str, Any]:
    return {**CODE, "format": f"PKBarcodeFormat{form}", "message": message}


def field(**members: Any) -> dict[str, Any]:
    return {"key": "k", "value": "v", **members}


def fields(count: int, **members: Any) -> list[dict[str, Any]]:
    return [{"key": f"k{index}", "value": index, **members} for index in range(count)]


# --- places, as the table has them ---------------------------------------------------------------

PASS = pass_json.pass_schema().objects["Pass"]
ON_SCHEMES = sorted(
    name
    for name, key in PASS.items()
    if key.keywords.get("styles") in (["posterEventTicket"], ["semanticBoardingPass"])
)


@pytest.mark.parametrize("name", ON_SCHEMES)
def test_what_a_scheme_reads_is_read_on_no_classic_style(name: str) -> None:
    """Every key at the top that only a modern layout reads, on each classic style."""
    for style in STYLES:
        members = {"transitType": "PKTransitTypeAir"} if style == "boardingPass" else {}
        document = {style: members, name: ["x"]}
        [found] = said(document)
        assert (found.code, found.severity, found.location) == ("key-not-read", Severity.WARNING, f"/{name}")
        assert PASS[name].keywords["styles"][0] in found.message
    scheme = PASS[name].keywords["styles"][0]
    base = "eventTicket" if scheme == "posterEventTicket" else "boardingPass"
    asked = {base: {"transitType": "PKTransitTypeAir"}, name: [], "preferredStyleSchemes": [scheme]}
    assert "key-not-read" not in {each.code for each in said(asked)}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"storeCard": {}, "groupingIdentifier": "g"}, ("error", "style-forbids-key", "/groupingIdentifier")),
        (
            {"coupon": {"transitType": "PKTransitTypeAir"}},
            ("error", "style-forbids-key", "/coupon/transitType"),
        ),
        (
            {"generic": {"auxiliaryFields": [field(row=1)]}},
            ("error", "style-forbids-key", "/generic/auxiliaryFields/0/row"),
        ),
        (
            {"eventTicket": {"secondaryFields": [field(row=1)]}},
            ("error", "slot-forbids-key", "/eventTicket/secondaryFields/0/row"),
        ),
        (
            {"generic": {"primaryFields": [field(textAlignment="PKTextAlignmentLeft")]}},
            ("warning", "slot-forbids-key", "/generic/primaryFields/0/textAlignment"),
        ),
        (
            {"generic": {"headerFields": [field(dataDetectorTypes=[])]}},
            ("warning", "slot-forbids-key", "/generic/headerFields/0/dataDetectorTypes"),
        ),
        (
            {"posterGeneric": {"footerFields": [field(semantics={})]}, "generic": {}},
            ("warning", "slot-forbids-key", "/posterGeneric/footerFields/0/semantics"),
        ),
        (
            {"posterGeneric": {"secondaryFields": fields(1)}, "generic": {}},
            ("warning", "key-not-read", "/posterGeneric/secondaryFields"),
        ),
        (
            {"posterGeneric": {}, "generic": {"footerFields": fields(1)}},
            ("warning", "key-not-read", "/generic/footerFields"),
        ),
        (
            {"storeCard": {}, "semantics": {"eventName": "E"}},
            ("warning", "key-not-read", "/semantics/eventName"),
        ),
        (
            {"coupon": {"backFields": [field(semantics={"seats": []}), field(semantics={"genre": "x"})]}},
            ("warning", "key-not-read", "/coupon/backFields/1/semantics/genre"),
        ),
        (
            {
                "eventTicket": {},
                "semantics": {"seats": [{"seatRow": "1"}, {"seatSectionColor": "rgb(1, 2, 3)"}]},
            },
            ("warning", "key-not-read", "/semantics/seats/1/seatSectionColor"),
        ),
        (
            {"boardingPass": {"transitType": "PKTransitTypeBus"}, "semantics": {"departurePlatform": "1"}},
            ("warning", "key-not-read", "/semantics/departurePlatform"),
        ),
        (
            {"boardingPass": {"transitType": "PKTransitTypeTrain"}, "semantics": {"departureGate": "1"}},
            ("warning", "key-not-read", "/semantics/departureGate"),
        ),
        (
            {"eventTicket": {}, "semantics": {"eventType": "PKEventTypeMovie", "homeTeamName": "x"}},
            ("warning", "key-not-read", "/semantics/homeTeamName"),
        ),
        ({"boardingPass": {}}, ("error", "missing-key", "/boardingPass")),
        ({"coupon": {}, "relevantDate": "x"}, ("warning", "key-not-read", "/relevantDate")),
    ],
)
def test_what_stands_in_a_wrong_place_is_named(
    document: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert told(document) == [expected]
    [found] = said(document)
    assert found.message
    assert found.hint or found.code == "missing-key"


def test_what_others_put_in_a_wrong_place_is_readable_all_the_same() -> None:
    """Only a style that lacks what it needs is refused when others made it."""
    for document in (
        {"storeCard": {}, "groupingIdentifier": "g"},
        {"eventTicket": {"backFields": [field(row=1)]}},
    ):
        assert [each[0] for each in told(document, writing=False)] == ["warning"]
    assert told({"boardingPass": {}}, writing=False) == [("error", "missing-key", "/boardingPass")]


@pytest.mark.parametrize(
    "document",
    [
        {"groupingIdentifier": "g", "eventLogoText": "no style, so nothing is known"},
        {"generic": {"additionalInfoFields": []}},
        {"boardingPass": {"transitType": 5}, "semantics": {"departureGate": "1", "carNumber": "2"}},
        {"eventTicket": {}, "semantics": {"eventType": "PKEventTypeSports", "homeTeamName": "x"}},
        {
            "eventTicket": {
                "backFields": [field(semantics={"eventType": "PKEventTypeSports", "sportName": "x"})]
            }
        },
        {"storeCard": {}, "generic": {}, "semantics": {"balance": {}}},
        {"storeCard": 5, "semantics": [], "preferredStyleSchemes": [5], "upcomingPassInformation": {}},
    ],
)
def test_what_is_in_its_place_is_not(document: dict[str, Any]) -> None:
    assert told(document) == []


def test_one_event_of_several_says_for_itself_that_it_is_a_match() -> None:
    document = made("poster-event-season")
    document["semantics"] = {**made("poster-event-minimal")["semantics"], "eventType": "PKEventTypeGeneric"}
    document["upcomingPassInformation"][1]["semantics"] = {"homeTeamName": "x"}

    assert told(document, nfc=True) == [
        ("warning", "key-not-read", "/upcomingPassInformation/1/semantics/homeTeamName")
    ]


def test_a_layout_that_may_fall_back_is_said_to() -> None:
    document = made("poster-event-minimal", drop="semantics.venueRoom")
    [found] = said(document, nfc=True, files=frozenset({"artwork.png"}))

    assert found.code == "layout-falls-back"
    assert "may fall back to eventTicket, it lacks semantics.venueRoom" in found.message
    assert said({"preferredStyleSchemes": ["posterEventTicket"]}) == [], (
        "without a style nothing can fall back"
    )


# --- how many fields are drawn -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"eventTicket": {"auxiliaryFields": fields(5)}}, ["/eventTicket/auxiliaryFields"]),
        ({"eventTicket": {"auxiliaryFields": [*fields(4), *fields(4, row=1)]}}, []),
        (
            {"eventTicket": {"auxiliaryFields": [*fields(4), *fields(5, row=1)]}},
            ["/eventTicket/auxiliaryFields"],
        ),
        ({"posterGeneric": {"headerFields": fields(2)}}, ["/posterGeneric/headerFields"]),
        ({"posterGeneric": {"primaryFields": fields(4), "footerFields": fields(1)}}, []),
        ({"generic": {"secondaryFields": fields(4), "auxiliaryFields": fields(1)}}, []),
        (
            {
                "generic": {"secondaryFields": fields(4), "auxiliaryFields": fields(1)},
                "barcodes": [code("QR")],
            },
            ["/generic/auxiliaryFields"],
        ),
        (
            {
                "generic": {"secondaryFields": fields(4), "auxiliaryFields": fields(1)},
                "barcode": code("Aztec"),
            },
            ["/generic/auxiliaryFields"],
        ),
        (
            {
                "generic": {"secondaryFields": fields(4), "auxiliaryFields": fields(4)},
                "barcodes": [code("PDF417")],
            },
            [],
        ),
        (
            {"coupon": {"secondaryFields": fields(2), "auxiliaryFields": fields(3)}},
            ["/coupon/auxiliaryFields"],
        ),
        ({"coupon": {"secondaryFields": fields(4), "backFields": fields(40)}}, []),
    ],
)
def test_fields_that_are_not_drawn_are_counted(document: dict[str, Any], where: list[str]) -> None:
    assert [each.location for each in said(document) if each.code == "fields-not-drawn"] == where


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (["EAN13"], [("code-too-new", "/barcodes")]),
        (["EAN13", "Code39"], [("code-too-new", "/barcodes")]),
        (["EAN13", "QR"], []),
        (["EAN13", "Code128"], []),
        (["QR", "EAN13"], [("code-never-drawn", "/barcodes/1")]),
        (
            ["Code128", "QR", "I2of5", "Codabar"],
            [("code-never-drawn", "/barcodes/2"), ("code-never-drawn", "/barcodes/3")],
        ),
        (["QR", "PDF417"], []),
        ([], []),
    ],
)
def test_the_order_of_codes(forms: list[str], expected: list[tuple[str, str]]) -> None:
    digits = {"EAN13": "4006381333931", "I2of5": "12"}
    codes = [code(form, digits.get(form, "1")) for form in forms]

    assert [each[1:] for each in told({"coupon": {}, "barcodes": codes})] == expected


def test_an_old_code_beside_the_new_ones_is_drawn_by_old_systems() -> None:
    new = code("EAN13", "4006381333931")

    assert told({"coupon": {}, "barcodes": [new], "barcode": code("QR")}) == []
    assert told({"coupon": {}, "barcodes": [5, {**new, "format": 7}]}) == [], "the table speaks of these"


@pytest.mark.parametrize(
    ("form", "fits", "misfits"),
    [
        (
            "EAN13",
            ["4006381333931", "9780201379624", "0000000000000"],
            ["4006381333932", "400638133393", "", "x" * 13, "٤" * 13],
        ),
        ("I2of5", ["12", "0123456789"], ["1", "", "1a", "12\n"]),
        ("Code39", ["CARD-1234", "A B.C$/+%"], ["card", "Ä", "", "A*"]),
        ("Codabar", ["A123B", "1234", "D1-2$3:4/5.6+7C"], ["A123", "12A34", "", "E123E"]),
        ("Code128", ["Hello 1"], ["Größe"]),
        ("QR", ["Größe", "", "anything"], []),
    ],
)
def test_the_message_of_a_code_fits_its_format(form: str, fits: list[str], misfits: list[str]) -> None:
    for message in (*fits, *misfits):
        document = {"coupon": {}, "barcodes": [code(form, message), code("QR")]}
        found = [each.location for each in said(document) if each.code == "code-misfit"]
        assert found == ["/barcodes/0/message"] * (message in misfits), message


@given(st.text("0123456789", min_size=12, max_size=12))
def test_exactly_one_check_digit_fits(digits: str) -> None:
    fitting = [
        last
        for last in "0123456789"
        if not [
            each for each in said({"barcodes": [code("EAN13", digits + last)]}) if each.code == "code-misfit"
        ]
    ]

    assert len(fitting) == 1


# --- relevance -----------------------------------------------------------------------------------

WHEN = "2026-09-12T19:00:00+02:00"
BOTH = {"date": WHEN, "relevantDate": WHEN}
PLACE = [{"latitude": 1, "longitude": 2}]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"eventTicket": {}, "relevantDate": WHEN}, []),
        ({"eventTicket": {}, "locations": PLACE}, []),
        (
            {"eventTicket": {}, "relevantDate": WHEN, "locations": PLACE},
            [("note", "relevance-needs-both", "/locations")],
        ),
        ({"storeCard": {}, "locations": PLACE}, []),
        ({"storeCard": {}, "beacons": []}, [("warning", "relevance-needs-location", "/beacons")]),
        ({"storeCard": {}, "beacons": [], "locations": PLACE}, []),
        (
            {"generic": {}, "expirationDate": WHEN, "relevantDates": [BOTH]},
            [("warning", "relevance-needs-location", "/relevantDates")],
        ),
        (
            {"generic": {}, "relevantDate": WHEN, "locations": PLACE},
            [("note", "relevance-needs-both", "/locations"), ("note", "never-expires", "top")],
        ),
        ({"generic": {}}, []),
        ({"eventTicket": {}, "relevantDates": [BOTH, {"startDate": WHEN, "endDate": WHEN}]}, []),
        (
            {"eventTicket": {}, "relevantDates": [{"date": WHEN}]},
            [("warning", "date-spelled-once", "/relevantDates/0")],
        ),
        (
            {"eventTicket": {}, "relevantDates": [BOTH, {"relevantDate": WHEN}]},
            [("warning", "date-spelled-once", "/relevantDates/1")],
        ),
        ({"eventTicket": {}, "relevantDates": [{}]}, [("warning", "missing-key", "/relevantDates/0")]),
        (
            {
                "eventTicket": {},
                "relevantDates": [{"startDate": WHEN, "endDate": "2026-09-13T19:00:01+02:00"}],
            },
            [("warning", "interval-too-long", "/relevantDates/0/startDate")],
        ),
        (
            {
                "eventTicket": {},
                "relevantDates": [{"startDate": WHEN, "endDate": "2026-09-12T19:00:00+03:00"}],
            },
            [("warning", "interval-backwards", "/relevantDates/0/startDate")],
        ),
        ({"eventTicket": {}, "relevantDates": [{"startDate": "x", "endDate": 5}, 5]}, []),
        ({"eventTicket": {}, "relevantDates": WHEN}, []),
    ],
)
def test_when_and_where_a_pass_is_relevant(
    document: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert told(document) == expected


def test_the_spelling_that_lacks_is_named() -> None:
    [new] = said({"eventTicket": {}, "relevantDates": [{"date": WHEN}]})
    [old] = said({"eventTicket": {}, "relevantDates": [{"relevantDate": WHEN}]})

    assert (
        "iOS 18 does not read date" in new.message,
        "iOS 26 does not read relevantDate" in old.message,
    ) == (True, True)


# --- tags, texts and actions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "value", "repeats"),
    [
        ("departureGate", "Gate B22", True),
        ("departureGate", "B22", False),
        ("destinationTerminal", "terminal 2", True),
        ("boardingZone", "Zone 1", True),
        ("boardingZone", "Ozone", False),
        ("departureGate", 22, False),
    ],
)
def test_words_that_wallet_writes_itself(tag: str, value: object, *, repeats: bool) -> None:
    document = made("semantic-boarding-leg-1")
    document["semantics"][tag] = value

    expected = [("warning", "tag-repeats-word", f"/semantics/{tag}")] * repeats
    assert told(document, nfc=True, files=frozenset()) == expected


@pytest.mark.parametrize(
    ("tags", "where"),
    [
        ({"passengerEligibleSecurityPrograms": ["A"]}, ["/passengerEligibleSecurityPrograms/0"]),
        ({"departureLocationSecurityPrograms": ["A"]}, ["/departureLocationSecurityPrograms/0"]),
        (
            {"destinationLocationSecurityPrograms": ["A", "B"], "passengerEligibleSecurityPrograms": ["B"]},
            ["/destinationLocationSecurityPrograms/0"],
        ),
        ({"departureLocationSecurityPrograms": 5, "passengerEligibleSecurityPrograms": [5]}, []),
        (
            {"internationalDocumentsVerifiedDeclarationName": "OK"},
            ["/internationalDocumentsVerifiedDeclarationName"],
        ),
        (
            {
                "internationalDocumentsVerifiedDeclarationName": "OK",
                "internationalDocumentsAreVerified": True,
            },
            [],
        ),
    ],
)
def test_badges_that_need_two_tags(tags: dict[str, Any], where: list[str]) -> None:
    found = [each.location for each in said({"semantics": tags}) if each.code == "badge-not-shown"]

    assert found == [f"/semantics{each}" for each in where]


def test_an_app_of_the_airline_switches_the_live_activity_off() -> None:
    document = made("semantic-boarding-pass", associatedStoreIdentifiers=[1])

    assert told(document) == [("note", "live-activity-off", "/associatedStoreIdentifiers")]
    assert told(made("boarding-pass", associatedStoreIdentifiers=[1])) == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('<a href="https://example.com">here</a>', True),
        ("1 < 2 > 0", True),
        ("<b>bold</b>", False),
        ("one<br/>two", False),
        (5, True),
    ],
)
def test_only_links_are_understood(text: object, *, read: bool) -> None:
    document = {"generic": {"backFields": [field(), field(attributedValue=text)]}}

    expected = [("warning", "markup-not-read", "/generic/backFields/1/attributedValue")] * (not read)
    assert told(document) == expected


@pytest.mark.parametrize(
    ("action", "fits"),
    [
        ({"type": "call", "url": "TEL:+49301234"}, True),
        ({"type": "call", "url": "https://example.com"}, False),
        ({"type": "call"}, True),
        ({"type": "shop", "url": "https://example.com"}, True),
        (5, True),
    ],
)
def test_a_call_needs_a_number(action: object, *, fits: bool) -> None:
    expected = [("warning", "call-needs-tel", "/featuredActions/0/url")] * (not fits)

    assert told({"generic": {}, "featuredActions": [action]}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"backFields": None}, ("upcoming-without-back", "")),
        ({"images": {"headerImage": {}}}, ("missing-key", "/images/headerImage")),
        ({"images": {"venueMap": {"reuseExisting": False}}}, ("missing-key", "/images/venueMap")),
        ({"images": 5}, None),
        ({"images": {"venueMap": 5}}, None),
    ],
)
def test_upcoming_events(change: dict[str, Any], expected: tuple[str, str] | None) -> None:
    document = made("poster-event-season")
    entry = {**document["upcomingPassInformation"][2], **change}
    document["upcomingPassInformation"][2] = {key: value for key, value in entry.items() if value is not None}

    found = [(each[1], each[2]) for each in told(document, nfc=True)]
    assert found == ([(expected[0], f"/upcomingPassInformation/2{expected[1]}")] if expected else [])


# --- pictures of an archive ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "styles", "expected"),
    [
        (["icon@2x.png"], ["coupon"], []),
        (["en.lproj/icon.png", "pass.json", "logo.PNG"], ["coupon"], []),
        (["logo.png"], ["coupon"], []),  # that the icon is missing is said by the manifest's step
        (["icon.png", "thumbnail@2x.png"], ["coupon"], [("note", "picture-not-drawn", "thumbnail@2x.png")]),
        (["icon.png", "artwork.png"], ["eventTicket", "posterEventTicket"], []),
        (["icon.png", "artwork.png", "personalizationLogo.png"], [], []),
        (["icon.png", "personalizationLogo.png", "unknown.png"], ["coupon"], []),
        (
            ["icon.png", "strip.png", "thumbnail.png", "background@2x.png"],
            ["eventTicket"],
            [
                ("warning", "pictures-exclude", "background@2x.png"),
                ("warning", "pictures-exclude", "thumbnail.png"),
            ],
        ),
        (
            ["icon.png", "de.lproj/logo.png", "logo.png", "de.lproj/pass.strings", "pass.strings"],
            ["coupon"],
            [("warning", "picture-overrides-language", "logo.png")],
        ),
    ],
)
def test_pictures_of_an_archive(
    files: list[str], styles: list[str], expected: list[tuple[str, str, str]]
) -> None:
    found = check_images(tuple(files), frozenset(styles))

    assert [(each.severity.value, each.code, each.location) for each in found] == expected


# --- our own templates, and anything whatever ----------------------------------------------------

TEMPLATES = sorted((rich.FOLDER.parents[1] / "templates").iterdir())


@pytest.mark.parametrize("folder", TEMPLATES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("bound", [True, False])
def test_our_own_templates_lack_nothing(folder: Path, *, bound: bool) -> None:
    """With every field given, and an identity that may use NFC."""
    template = Template.load(folder)
    values = {key: each.example for key, each in template.fields.items() if each.example is not None}
    pass_ = template.issue("S-1", values, barcode=False, binding=BINDING if bound else None)
    skeleton = pass_json.document(template, pass_.shape, pass_type="pass.com.example", team="EXAMPLE123")
    pictures, _ = build_pictures(template)

    found = said(skeleton, bound=bound, nfc=True, files=frozenset(pictures))

    assert [each for each in found if each.severity is not Severity.NOTE] == []
    assert layouts(skeleton, pictures, nfc=True)[-1].better is None


@pytest.mark.parametrize("folder", TEMPLATES, ids=lambda folder: folder.name)
def test_where_members_stand_is_asked_once_for_a_template(folder: Path) -> None:
    """Names and styles are the same in all its passes; asking again would cost more than the rest."""
    template = Template.load(folder)
    shape = frozenset(template.fields)
    skeleton = pass_json.document(template, shape, pass_type="pass.com.example", team="EXAMPLE123")
    blanks = [pointer for pointer, _ in JsonTemplate(skeleton).placeholders]

    assert "/serialNumber" in blanks
    assert not [rule.check for rule in placement.RULES if rule.reads_one_of(blanks)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A rich pass with some members exchanged for anything whatever."""
    document: Any = copy.deepcopy(rich.fixture(draw(st.sampled_from(rich.NAMES)))["pass"])
    for _ in range(draw(st.integers(1, 4))):
        owner = document
        while True:
            keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(owner[key], (dict, list)) or draw(st.booleans()):
                owner[key] = draw(JSON)
                break
            owner = owner[key]
    made: dict[str, Any] = document
    return made


@given(spoilt(), st.booleans())
def test_no_document_whatever_raises(document: dict[str, Any], writing: object) -> None:
    for finding in validator().validate(
        document, ValidationContext(writing=bool(writing)), writing=bool(writing)
    ):
        assert finding.message
    for each in layouts(document, ["icon.png"], nfc=False):
        assert each.as_dict()["system"]
