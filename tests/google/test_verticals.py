"""What Google refuses, ignores or hides is said before anybody has the pass, in all seven verticals."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Field, Template, google, validation
from passwright.errors import PassRejected
from passwright.google import context as google_context
from passwright.google.rules import cross_checks, field_paths
from passwright.google.rules import payload as google_rules
from passwright.google.schema import VERTICALS
from passwright.google.schema import payload_schema as google_table
from passwright.gs1 import check_digit
from passwright.report import Finding, Report, Severity
from passwright.schema.formats import Pending
from passwright.schema.model import Schema
from passwright.schema.pointers import join_pointer, locator
from tests.binding.test_rules import Watched, scalar
from tests.conftest import ACCOUNT, AT, BINDING, ISSUER_ID
from tests.google.test_schema import SCHEMAS, disagreements
from tests.mistakes.google import GONE, ISSUER, MISTAKES, Mistake
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.documents.rule import Rule
    from passwright.google.issuer import Issuer

FIXTURES = ROOT / "fixtures"
TEMPLATES = sorted(path.name for path in (FIXTURES / "templates").iterdir())
ITEM = "classTemplateInfo/cardTemplateOverride/cardRowTemplateInfos/0"
FIRST = f"{ITEM}/oneItem/item/firstValue/fields"
SECOND = FIRST.replace("Infos/0", "Infos/1")
DETAILS = "classTemplateInfo/detailsTemplateOverride"

Said = list[tuple[str, str, str]]


def rich(vertical: str) -> dict[str, Any]:
    """Class and object of a vertical with all that they can hold, to be changed at will."""
    return copy.deepcopy(_rich(vertical))


@cache
def _rich(vertical: str) -> dict[str, Any]:
    read = json.loads((FIXTURES / "rich/google" / f"{vertical}.json").read_text("utf-8"))
    assert list(read) == [f"{vertical}Class", f"{vertical}Object"]
    return {"class": read[f"{vertical}Class"], "object": read[f"{vertical}Object"]}


def claims_of(vertical: str, documents: Mapping[str, Any]) -> dict[str, Any]:
    payload = {f"{vertical}Classes": [documents["class"]], f"{vertical}Objects": [documents["object"]]}
    return {"iss": ACCOUNT, "aud": "google", "typ": "savetowallet", "iat": 1767323045, "payload": payload}


def put(document: Any, pointer: str, value: Any) -> None:
    """Change one place of a document, a step at a time."""
    *above, last = pointer.split("/")
    for name in above:
        document = document[int(name)] if isinstance(document, list) else document.setdefault(name, {})
    if value is GONE:
        del document[last]
    elif isinstance(document, list):
        document[int(last)] = value
    else:
        document[last] = value


def changed(vertical: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    documents = rich(vertical)
    documents["claims"] = claims_of(vertical, documents)
    for pointer, value in changes.items():
        put(documents, pointer, value)
    return documents


def judged(vertical: str, documents: Mapping[str, Any], **about: Any) -> Report:
    """Class and object as they are when we write them, each alone and both together."""
    class_judge, object_judge = google_rules.validators(f"{vertical}Class", f"{vertical}Object")
    known = replace(google_context.ValidationContext(issuer_id=ISSUER, restrictions_enabled=True), **about)
    class_, object_ = documents["class"], documents["object"]
    return Report.from_findings(
        [
            *class_judge.validate(class_, known, writing=known.writing),
            *object_judge.validate(object_, known, writing=known.writing),
            *cross_checks.check_pair(vertical, class_, object_, locator("class"), locator("object")),
        ]
    )


def said(findings: Any) -> Said:
    return [(finding.code, finding.location, finding.severity.value) for finding in findings]


def judge(vertical: str, changes: Mapping[str, Any], **about: Any) -> Report:
    documents = changed(vertical, changes)
    if any(pointer.startswith("claims/") for pointer in changes):
        return validation.check(documents["claims"], "save-claims")
    return judged(vertical, documents, **about)


# --- seven full verticals ------------------------------------------------------------------------

# Members that a full class or object does without, and why.
INSTEAD = {
    "confirmationCodeLabel": "customConfirmationCodeLabel stands in its place",
    "sectionLabel": "customSectionLabel stands in its place",
    **dict.fromkeys(("customGateLabel", "customRowLabel", "customSeatLabel"), "an enumerated label is there"),
    "ticketLeg": "ticketLegs stands in its place",
    "ticketStatus": "customTicketStatus stands in its place",
    "customConcessionCategory": "concessionCategory stands in its place",
    "saveRestrictions": "it forbids the codes that are there; the generic object has it",
    **dict.fromkeys(("barcode", "rotatingBarcode"), "the generic object is bound, so it has no code"),
    "notifyPreference": "Google keeps it for no longer than the call it came with",
    "disableExpirationNotification": "for offers and flights only",
    **dict.fromkeys(("hasLinkedDevice", "deviceContext"), "for partners, while a ticket is activated"),
}
THEIRS = {"hasUsers", "hasLinkedDevice", "classReference", "review"}


def test_the_full_verticals_hold_everything_that_can_be_written() -> None:
    left_out = set()
    for vertical in VERTICALS:
        for part, document in rich(vertical).items():
            name = f"{vertical[0].upper()}{vertical[1:]}{part.title()}"
            members = SCHEMAS[name]["properties"]
            old = {member for member, schema in members.items() if schema.get("deprecated")}
            old |= {"infoModuleData", "locations"}
            missing = members.keys() - document.keys() - old - THEIRS
            assert missing <= INSTEAD.keys(), name
            assert not document.keys() & old, name
            left_out |= missing
    assert left_out == INSTEAD.keys() - THEIRS


@pytest.mark.parametrize("vertical", VERTICALS)
def test_a_full_vertical_is_what_googles_own_description_says(vertical: str) -> None:
    stem = f"{vertical[0].upper()}{vertical[1:]}"
    documents = rich(vertical)

    assert list(disagreements({"$ref": f"{stem}Class"}, documents["class"], "class")) == []
    assert list(disagreements({"$ref": f"{stem}Object"}, documents["object"], "object")) == []


@pytest.mark.parametrize("vertical", VERTICALS)
def test_a_full_vertical_is_right_written_and_read(vertical: str) -> None:
    documents = rich(vertical)

    assert said(judged(vertical, documents)) == []
    for part in ("class", "object"):
        assert said(validation.check(documents[part], f"{vertical}{part.title()}")) == []
    found = said(validation.check(claims_of(vertical, documents), "save-claims"))
    assert {code for code, *_ in found} <= {"secret-in-link"}
    secret = "totpDetails" in json.dumps(documents) or "pin" in documents["object"]
    assert bool(found) is secret


# --- the mistakes that people make ---------------------------------------------------------------


def test_there_are_thirty_mistakes_from_all_verticals() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == 30
    assert {mistake.vertical for mistake in MISTAKES} == {*VERTICALS}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_where_it_is_and_nothing_else_is_said(mistake: Mistake) -> None:
    report = judge(mistake.vertical, mistake.changes)

    assert said(report) == [(mistake.code, mistake.where, mistake.level)]
    (finding,) = report
    assert finding.message


# --- rule by rule --------------------------------------------------------------------------------


def paths_to(*fields: str) -> list[dict[str, str]]:
    return [{"fieldPath": field} for field in fields]


def text(value: str) -> dict[str, Any]:
    return {"defaultValue": {"language": "en", "value": value}}


def details(*fields: str) -> dict[str, Any]:
    return {"detailsItemInfos": [{"item": {"firstValue": {"fields": paths_to(field)}}} for field in fields]}


def every_module(links: str) -> list[str]:
    names = ("textModulesData", "imageModulesData", links)
    return [f"{root}.{name}" for root in ("class", "object") for name in names]


def codes(kind: str, value: Any = "x", **more: Any) -> dict[str, Any]:
    return {"type": kind, "value": value, **more}


def event(start: Any, end: Any) -> dict[str, Any]:
    return {"class/dateTime/start": start, "class/dateTime/end": end}


def interval(start: Any, end: Any) -> dict[str, Any]:
    return {"object/validTimeInterval": {"start": {"date": start}, "end": {"date": end}}}


def pushes(count: int, kind: str = "TEXT_AND_NOTIFY") -> dict[str, Any]:
    return {"object/messages": [{"header": "h", "body": "b", "messageType": kind}] * count}


ROTATING = "object/rotatingBarcode"
TOTP = f"{ROTATING}/totpDetails"
LEG = "object/ticketLegs/0"
# Vertical, changes, and what is said: level, code and place, which is that of the first change,
# or below it (+), or so many steps above (^).
WRONG: list[tuple[str, dict[str, Any], str]] = [
    # Intervals and dates
    ("offer", interval("2026-05-01T00:00:00", "2026-05-02T00:00:00Z"), "error offsets-differ"),
    ("offer", interval("2026-05-02T00:00:00", "2026-05-01T00:00:00"), "error interval-backwards"),
    ("offer", interval("2026-05-01T01:00:00+02:00", "2026-04-30T22:59:59Z"), "error interval-backwards"),
    (
        "giftCard",
        {"class/valueAddedModuleData/0/viewConstraints/displayInterval/end/date": "2026-04-01T00:00:00Z"},
        "error interval-backwards ^^",
    ),
    ("eventTicket", event("2026-09-12T19:00:00+02:00", "2026-09-12T16:00:00Z"), "error interval-backwards ^"),
    ("eventTicket", {"class/dateTime/customDoorsOpenLabel": text("x")}, "error keys-exclude"),
    (
        "transit",
        {f"{ROTATING}/initialRotatingBarcodeValues/startDateTime": "2026-07-01T06:00:00"},
        "error bad-value",
    ),
    (
        "offer",
        {"object/validTimeInterval/end/date": "2026-13-01T00:00:00Z", "class/classTemplateInfo": GONE},
        "error bad-value",
    ),
    # Pictures and links
    (
        "eventTicket",
        {"object/valueAddedModuleData/0/image": {"privateImageId": "x"}},
        "error private-image-misplaced +/privateImageId",
    ),
    (
        "offer",
        {"class/imageModulesData/0/mainImage": {"privateImageId": "x"}},
        "error private-image-misplaced +/privateImageId; warning picture-without-words",
    ),
    (
        "offer",
        {"object/appLinkData/androidAppLinkInfo/appTarget": {"targetUri": {"uri": "app:x"}}},
        "error missing-key +/targetUri",
    ),
    ("offer", {"class/callbackOptions/url": "http://a.example.com"}, "error bad-url"),
    ("transit", {"class/activationOptions/activationUrl": "ftp://a.example.com"}, "error bad-url"),
    ("offer", {"object/valueAddedModuleData/0/uri": GONE}, "error missing-key ^"),
    (
        "offer",
        {"object/imageModulesData/0/mainImage/contentDescription": GONE},
        "warning picture-without-words ^",
    ),
    # What is cut, and what says nothing
    ("offer", {"class/localizedTitle/translatedValues/0/value": "x" * 61}, "warning too-long"),
    ("loyalty", {"class/localizedRewardsTier/defaultValue/value": "Platinum"}, "warning too-long"),
    ("loyalty", {"class/rewardsTier": "Platinum"}, "warning too-long"),
    ("loyalty", {"object/accountName": "x" * 21}, "warning too-long"),
    ("offer", {"class/appLinkData/displayText/defaultValue/value": "x" * 31}, "warning too-long"),
    (
        "offer",
        {"object/linksModuleData/uris/0/localizedDescription/translatedValues/0/value": "x" * 21},
        "warning too-long",
    ),
    ("offer", {"object/valueAddedModuleData/0/header/defaultValue/value": "x" * 61}, "warning too-long"),
    ("generic", {"object/textModulesData/0/body": "x" * 501}, "warning too-long"),
    ("eventTicket", {"class/eventId": "x" * 65}, "error too-long"),
    ("generic", {"object/genericType": "GENERIC_TYPE_UNSPECIFIED"}, "warning says-nothing"),
    (
        "generic",
        {"object/passConstraints/nfcConstraint": ["NFC_CONSTRAINT_UNSPECIFIED"]},
        "warning says-nothing +/0",
    ),
    ("generic", {f"class/{SECOND}/0/dateFormat": "DATE_FORMAT_UNSPECIFIED"}, "warning says-nothing"),
    ("transit", {f"{LEG}/ticketSeats/1/fareClass": "FARE_CLASS_UNSPECIFIED"}, "warning says-nothing"),
    ("flight", {"class/countryCode": "DEU"}, "warning bad-value"),
    ("transit", {"class/languageOverride": "deutsch!"}, "warning bad-value"),
    # Codes
    ("offer", {"object/barcode": codes("UPC_A", "036000291453")}, "error code-misfit +/value"),
    (
        "offer",
        {"object/barcode": codes("upcA", "0360002914")},
        "warning deprecated-value +/type; error code-misfit +/value",
    ),
    ("offer", {"object/barcode": codes("EAN_8", "96385075")}, "error code-misfit +/value"),
    ("offer", {"object/barcode": codes("EAN_13", "400638133393")}, "error code-misfit +/value"),
    ("offer", {"object/barcode": codes("EAN_13", "400638133393٣")}, "error code-misfit +/value"),
    ("offer", {"object/barcode": codes("ITF_14", "15400141288760")}, "error code-misfit +/value"),
    ("offer", {"object/barcode": codes("ITF_14", "")}, "error code-misfit +/value"),
    (
        "offer",
        {"object/barcode": codes("TEXT_ONLY", "A-1", alternateText="A-1")},
        "error keys-exclude +/alternateText",
    ),
    (
        "offer",
        {"object/barcode": codes("PDF_417", renderEncoding="UTF_8")},
        "error bad-value +/renderEncoding",
    ),
    ("offer", {f"{ROTATING}/renderEncoding": "UTF_8"}, "error bad-value"),
    ("offer", {"object/barcode": codes("QR_CODE", "ä" * 251)}, "warning code-too-dense +/value"),
    ("offer", {f"{ROTATING}/type": "AZTEC"}, "error unknown-value"),
    ("offer", {f"{ROTATING}/type": "aztec"}, "warning deprecated-value; error unknown-value"),
    ("offer", {f"{ROTATING}/valuePattern": "{totp_value}"}, "warning unknown-parameter"),
    ("offer", {f"{ROTATING}/valuePattern": "{totp_value_1000}"}, "warning unknown-parameter"),
    (
        "offer",
        {f"{ROTATING}/totpDetails": GONE},
        "error unknown-parameter object#/rotatingBarcode/valuePattern",
    ),
    ("offer", {f"{ROTATING}/valuePattern": GONE}, "warning missing-key ^"),
    ("offer", {f"{TOTP}/periodMillis": "0"}, "error bad-value"),
    ("offer", {f"{TOTP}/periodMillis": "-30000"}, "error bad-value"),
    ("offer", {f"{TOTP}/parameters/0/valueLength": 10}, "error out-of-range"),
    ("offer", {f"{TOTP}/parameters/0/valueLength": 0}, "error out-of-range"),
    ("offer", {f"{TOTP}/parameters/0/key": "abc"}, "error bad-value"),
    ("offer", {f"{TOTP}/parameters/0/key": ""}, "error too-short"),
    ("transit", {f"{ROTATING}/initialRotatingBarcodeValues/values": []}, "error rotating-values-empty"),
    (
        "offer",
        {
            f"{ROTATING}/initialRotatingBarcodeValues": {
                "startDateTime": "2026-07-01T06:00:00Z",
                "values": ["x"],
                "periodMillis": "1",
            }
        },
        "warning rotating-values-unused",
    ),
    (
        "loyalty",
        {"object/passConstraints/screenshotEligibility": "INELIGIBLE"},
        "warning screenshot-of-static-code",
    ),
    ("giftCard", {"class/allowBarcodeRedemption": GONE}, "warning code-not-shown"),
    ("giftCard", {"class/allowBarcodeRedemption": False, "object/barcode": GONE}, "warning code-not-shown"),
    # Messages and notifications
    ("loyalty", pushes(4), "warning too-many-pushes"),
    ("loyalty", pushes(1, "EXPIRATION_NOTIFICATION"), "warning message-not-sent +/0/messageType"),
    (
        "loyalty",
        pushes(1, "expirationNotification"),
        "warning deprecated-value +/0/messageType; warning message-not-sent +/0/messageType",
    ),
    (
        "generic",
        {"object/notifications/upcomingNotification": {"enableNotification": True}},
        "warning notification-ignored",
    ),
    (
        "generic",
        {"object/validTimeInterval/end": GONE, f"class/{SECOND}/0/fieldPath": "object.header"},
        "warning notification-ignored object#/notifications/expiryNotification",
    ),
    (
        "generic",
        {
            "object/validTimeInterval/start": GONE,
            "object/notifications": {"upcomingNotification": {"enableNotification": True}},
        },
        "warning notification-ignored object#/notifications/upcomingNotification",
    ),
    ("generic", {"object/notifyPreference": "NOTIFY_ON_UPDATE"}, "error unknown-key"),
    # Trips
    ("flight", {"class/flightHeader/carrier/carrierIataCode": GONE}, "error missing-key ^"),
    ("flight", {"class/flightHeader/carrier/carrierIataCode": "EXA"}, "error bad-value"),
    ("flight", {"class/flightHeader/flightNumber": "XA123"}, "error bad-value"),
    ("flight", {"class/origin/airportIataCode": "Munich"}, "error bad-value"),
    ("flight", {"object/reservationInfo/frequentFlyerInfo/frequentFlyerNumber": GONE}, "error missing-key ^"),
    ("flight", {"object/boardingAndSeatingInfo/seatAssignment": text("at the gate")}, "warning keys-exclude"),
    ("transit", {f"{LEG}/originName": GONE}, "error key-needs-key object#/ticketLegs/0/destinationName"),
    (
        "transit",
        {f"{LEG}/originStationCode": GONE},
        "error key-needs-key object#/ticketLegs/0/destinationStationCode",
    ),
    ("transit", {f"{LEG}": {"departureDateTime": "2026-07-01T08:24:00+02:00"}}, "error missing-key"),
    (
        "transit",
        {
            "object/validTimeInterval": GONE,
            f"{LEG}/departureDateTime": GONE,
            "class/classTemplateInfo/listTemplateOverride": GONE,
        },
        "error missing-key object#/ticketLegs/0",
    ),
    ("transit", {f"{LEG}/ticketSeat": {"seat": "1"}}, "error keys-exclude"),
    (
        "transit",
        {"object/ticketLegs/1/ticketSeat/fareClass": "FIRST"},
        "error keys-exclude object#/ticketLegs/1/ticketSeat/customFareClass",
    ),
    ("transit", {"object/ticketStatus": "USED"}, "error keys-exclude object#/customTicketStatus"),
    ("transit", {"object/deviceContext": {"deviceToken": "x"}}, "warning key-needs-key"),
    ("eventTicket", {"class/sectionLabel": "SECTION"}, "error keys-exclude class#/customSectionLabel"),
    # Ids
    ("transit", {"object/classId": "3388000000099999999.day-ticket"}, "error foreign-id"),
    ("offer", {"class/linksModuleData/uris/0/id": "a.b"}, "warning bad-value"),
    ("loyalty", {"object/linkedObjectIds": [f"{ISSUER}.v"] * 51}, "warning too-many-items"),
    # Class and object together
    ("transit", {"object/smartTapRedemptionValue": ""}, "error bad-value"),
    ("eventTicket", {"object/smartTapRedemptionValue": "Zwölf"}, "error bad-value"),
    (
        "loyalty",
        {
            "object/smartTapRedemptionValue": GONE,
            "object/barcode/value": GONE,
            "object/accountId": "",
            "class/classTemplateInfo": GONE,
        },
        "error smart-tap-incomplete",
    ),
    (
        "generic",
        {"class/multipleDevicesAndHoldersAllowedStatus": "MULTIPLE_HOLDERS"},
        "warning binding-allows-many-holders",
    ),
    (
        "generic",
        {"class/multipleDevicesAndHoldersAllowedStatus": GONE},
        "warning binding-allows-many-holders",
    ),
    # Templates
    ("offer", {f"class/{FIRST}": paths_to("class.detail")}, "warning field-path-unresolved +/0/fieldPath"),
    (
        "offer",
        {f"class/{FIRST}": paths_to("object.textModulesData.code")},
        "warning field-path-unresolved +/0/fieldPath",
    ),
    (
        "offer",
        {f"class/{FIRST}": paths_to("class.details['x']")},
        "warning field-path-unresolved +/0/fieldPath",
    ),
    ("offer", {f"class/{FIRST}": paths_to("details")}, "warning field-path-unresolved +/0/fieldPath"),
    (
        "offer",
        {f"class/{FIRST}": paths_to("object.textModulesData['codes']", "object.barcode.alternateText.x")},
        "warning field-path-unresolved +/1/fieldPath; warning field-path-unresolved +/0/fieldPath",
    ),
    (
        "offer",
        {f"class/{FIRST}": paths_to("class.wordMark.sourceUri.uri")},
        "warning field-path-unresolved +/0/fieldPath",
    ),
    (
        "offer",
        {f"class/{FIRST}": paths_to("object.rotatingBarcode.initialRotatingBarcodeValues.values")},
        "warning field-path-unresolved +/0/fieldPath",
    ),
    (
        "offer",
        {f"class/{ITEM}/oneItem/item/predefinedItem": "FLIGHT_NUMBER_AND_OPERATING_FLIGHT_NUMBER"},
        f"error keys-exclude class#/{ITEM}/oneItem/item/firstValue",
    ),
    (
        "offer",
        {f"class/{ITEM}/oneItem/item": {"secondValue": {"fields": paths_to("class.title")}}},
        "error key-needs-key +/secondValue",
    ),
    ("offer", {f"class/{ITEM}/twoItems": {}}, "error keys-exclude"),
    ("offer", {f"class/{DETAILS}": details()}, "warning details-hide-modules"),
    ("generic", {f"class/{DETAILS}": details("object.textModulesData")}, "warning details-hide-modules"),
]


def place_of(first: str, told: str) -> str:
    if told.startswith("+"):
        return first + told[1:]
    return told.strip("^") or first.rsplit("/", len(told))[0]


def expected(changes: dict[str, Any], told: str) -> Said:
    first = next(iter(changes)).replace("/", "#/", 1)
    split = [(*each.split(), "")[:3] for each in told.split("; ")]
    return [(code, place_of(first, place) if place else first, level) for level, code, place in split]


@pytest.mark.parametrize(("vertical", "changes", "told"), WRONG)
def test_what_is_wrong_is_named_and_nothing_besides(
    vertical: str, changes: dict[str, Any], told: str
) -> None:
    assert said(judge(vertical, changes)) == expected(changes, told)


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("offer", interval("2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z")),
    ("offer", interval("2026-05-01T00:00:00.123456789Z", "2026-05-02T02:00:00+02:00")),
    ("offer", {"object/validTimeInterval": {"end": {"date": "2026-05-01T00:00:00"}}}),
    # Local time at the venue beside a time with an offset: nobody can compare the two.
    ("eventTicket", event("2026-09-12T19:00:00", "2026-09-12T16:00:00Z")),
    ("eventTicket", {"class/dateTime/end": GONE}),
    (
        "eventTicket",
        {"object/imageModulesData/0/mainImage": {"privateImageId": "x", "contentDescription": text("x")}},
    ),
    ("eventTicket", {"class/heroImage/contentDescription": GONE}),
    ("offer", {"class/localizedTitle/defaultValue/value": "x" * 60}),
    ("offer", {"class/localizedTitle/translatedValues": GONE}),
    (
        "offer",
        {
            "class/appLinkData/webAppLinkInfo/appTarget/targetUri": {
                "uri": "app:x",
                "localizedDescription": text("Open"),
            }
        },
    ),
    ("offer", {"object/barcode": codes("UPC_A", "03600029145")}),
    ("offer", {"object/barcode": codes("EAN_8", "96385074")}),
    ("offer", {"object/barcode": codes("ITF_14", "15400141288763")}),
    ("offer", {"object/barcode": codes("TEXT_ONLY", "A-1")}),
    ("offer", {"object/barcode": codes("QR_CODE", "ä", renderEncoding="UTF_8")}),
    ("offer", {"object/barcode": {"alternateText": "No code"}}),
    ("offer", {"object/barcode": {"type": "EAN_13"}}),
    ("offer", {f"{ROTATING}/valuePattern": "fixed {braces} stay"}),
    ("transit", {f"{ROTATING}/valuePattern": GONE}),
    (
        "loyalty",
        {
            "object/passConstraints/screenshotEligibility": "INELIGIBLE",
            "object/barcode/type": "TEXT_ONLY",
            "object/barcode/alternateText": GONE,
        },
    ),
    ("loyalty", pushes(3)),
    ("loyalty", pushes(9, "TEXT")),
    ("generic", {"object/notifications/upcomingNotification": {"enableNotification": False}}),
    ("generic", {"object/notifications": {"upcomingNotification": {"enableNotification": True}}}),
    ("transit", {LEG: {"originName": text("x")}}),
    ("transit", {LEG: {"originStationCode": "HH"}}),
    ("transit", {"object/ticketLegs": GONE, "object/ticketLeg": {"originStationCode": "HH"}}),
    ("transit", {"class/activationOptions": GONE, "object/activationStatus": GONE}),
    ("transit", {"object/deviceContext": {"deviceToken": "x"}, "object/hasLinkedDevice": True}),
    ("loyalty", {"object/smartTapRedemptionValue": GONE}),
    ("loyalty", {"object/smartTapRedemptionValue": GONE, "object/barcode": GONE}),
    (
        "eventTicket",
        {
            "class/enableSmartTap": GONE,
            "class/redemptionIssuers": GONE,
            "object/smartTapRedemptionValue": GONE,
        },
    ),
    (
        "giftCard",
        {"class/allowBarcodeRedemption": False, "object/barcode": GONE, "object/rotatingBarcode": GONE},
    ),
    ("generic", {"class/multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ONE_DEVICE"}),
    # The first that leads somewhere is shown, and a translated twin stands for a member.
    ("offer", {f"class/{FIRST}": paths_to("object.textModulesData['gone']", "class.title")}),
    ("offer", {"class/details": GONE}),
    ("offer", {f"class/{FIRST}": paths_to('object.textModulesData["code"].body')}),
    ("offer", {f"class/{FIRST}": paths_to("object.linksModuleData.uris['help'].description")}),
    ("offer", {f"class/{FIRST}": paths_to("object.linkedObjectIds")}),
    ("offer", {f"class/{DETAILS}": details(*every_module("linksModuleData.uris"))}),
    ("offer", {f"class/{DETAILS}": details(*every_module("linksModuleData"))}),
]


@pytest.mark.parametrize(("vertical", "changes"), RIGHT)
def test_what_is_right_is_left_alone(vertical: str, changes: dict[str, Any]) -> None:
    assert said(judge(vertical, changes)) == []


def test_hints_say_what_to_write() -> None:
    def hint(path: str) -> str:
        (finding,) = judge("offer", {f"class/{FIRST}": paths_to(path)})
        return finding.hint

    assert hint("class.detials") == "did you mean 'details'?"
    assert hint("class.details['x']") == "an id in brackets goes with a list only"
    assert hint("title") == "write it like object.textModulesData['tier']"
    assert hint("object.textModulesData['cod']") == "a member or an id that both sides spell alike"


def test_of_many_hidden_modules_some_are_named() -> None:
    modules = [{"id": f"m{n}", "body": "x"} for n in range(8)] + [{"body": "x"}]
    changes = {f"class/{DETAILS}": details(), "class/textModulesData": modules}
    (finding,) = judge("offer", changes)

    assert "class.textModulesData['m4'] and 10 more" in finding.message
    (finding,) = judge("offer", {**changes, "class/textModulesData": modules[8:]})
    assert "class.textModulesData[0], which has no id" in finding.message


def test_no_secret_and_no_code_is_repeated() -> None:
    wrong = {
        "object/barcode": codes("EAN_13", "4006381333932"),
        f"{TOTP}/parameters/0/key": "JBSWY3DPEHPK3PXP",
    }
    report = str(judge("offer", wrong))

    assert report.count("\n") == 1
    for secret in ("4006381333932", "JBSWY3DP"):
        assert secret not in report


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_a_mistyped_digit_is_always_noticed(digits: str, at: int, by: int) -> None:
    """A GS1 check digit finds every single wrong digit."""
    wrong = f"{digits[:at]}{(int(digits[at]) + by) % 10}{digits[at + 1 :]}"
    value = f"{wrong}{check_digit(digits)}"

    assert said(judge("offer", {"object/barcode": codes("EAN_13", value)})) == [
        ("code-misfit", "object#/barcode/value", "error")
    ]


# --- reading what others made --------------------------------------------------------------------


def test_answers_of_the_service_are_not_blamed_for_their_spelling() -> None:
    """Camel case, values that say nothing, and what only Google sets stand in every answer."""
    documents = rich("transit")
    documents["class"] |= {
        "reviewStatus": "approved",
        "viewUnlockRequirement": "viewUnlockRequirementUnspecified",
    }
    documents["object"] |= {
        "hasUsers": True,
        "state": "active",
        "passengerType": "PASSENGER_TYPE_UNSPECIFIED",
    }

    report = judged("transit", documents, writing=False)

    assert report.errors == ()
    assert {finding.code for finding in report} == {"deprecated-value", "unknown-value"}


def link(*pairs_: tuple[str, str, dict[str, Any]]) -> Report:
    """Check claims with these documents: vertical, part and the document."""
    payload: dict[str, list[Any]] = {}
    for vertical, part, document in pairs_:
        payload.setdefault(f"{vertical}{part}", []).append(document)
    claims = {**claims_of("offer", rich("offer")), "payload": payload}
    return validation.check(claims, "save-claims")


def bare(vertical: str) -> tuple[dict[str, Any], dict[str, Any]]:
    documents = rich(vertical)
    documents["object"].pop("rotatingBarcode", None)
    documents["object"].pop("pin", None)
    documents["object"].get("passConstraints", {}).pop("screenshotEligibility", None)
    return documents["class"], documents["object"]


def test_every_object_of_a_link_is_held_against_its_own_class() -> None:
    class_, object_ = bare("eventTicket")
    untapped = {name: value for name, value in object_.items() if name != "smartTapRedemptionValue"}
    other = {**class_, "id": f"{ISSUER}.other", "enableSmartTap": False}
    mine = {**untapped, "id": f"{ISSUER}.b", "classId": other["id"]}

    found = link(
        ("eventTicket", "Classes", other),
        ("eventTicket", "Classes", class_),
        ("eventTicket", "Objects", mine),
        ("eventTicket", "Objects", untapped),
    )

    where = "save-claims#/payload/eventTicketObjects/1/smartTapRedemptionValue"
    assert said(found) == [("smart-tap-incomplete", where, "error")]


def test_a_class_of_another_vertical_is_no_class_for_an_object() -> None:
    class_, _ = bare("offer")
    _, object_ = bare("loyalty")
    found = link(("offer", "Classes", class_), ("loyalty", "Objects", {**object_, "classId": class_["id"]}))

    assert said(found) == [("class-mismatch", "save-claims#/payload/loyaltyObjects/0/classId", "error")]
    assert said(link(("offer", "Classes", class_), ("loyalty", "Objects", object_))) == []


def test_a_class_alone_is_asked_for_paths_that_there_can_be() -> None:
    class_, _ = bare("offer")
    put(class_, FIRST, paths_to("object.textModulesData['anything']"))
    assert said(validation.check(class_, "offerClass")) == []
    put(class_, FIRST, paths_to("object.textModuleData['anything']"))
    assert said(validation.check(class_, "offerClass")) == [
        ("field-path-unresolved", f"offerClass#/{FIRST}/0/fieldPath", "warning")
    ]


def test_the_issuer_of_an_object_is_told_by_its_own_id() -> None:
    _, object_ = bare("loyalty")
    object_["linkedOfferIds"] = ["1.a", f"{ISSUER}.b"]

    assert said(validation.check(object_, "loyaltyObject")) == [
        ("foreign-id", "loyaltyObject#/linkedOfferIds/0", "error")
    ]
    object_["id"] = "no id"
    assert said(validation.check(object_, "loyaltyObject")) == [("bad-id", "loyaltyObject#/id", "error")]


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["", "x", "2026-05-01T00:00:00Z", "QR_CODE"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["date", "fields", "id", "x"]), inner)
    ),
    max_leaves=4,
)


def places_in(document: Any, pointer: str = "") -> Iterator[str]:
    """Every place of a document."""
    for name, value in document.items() if isinstance(document, dict) else enumerate(document):
        below = join_pointer(pointer, name)
        yield below
        if isinstance(value, (dict, list)):
            yield from places_in(value, below)


PLACES = [(vertical, place) for vertical in VERTICALS for place in places_in(_rich(vertical))]


@pytest.mark.no_cover
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANY), min_size=1, max_size=3), st.booleans())
def test_no_payload_raises_whatever_stands_in_it(
    changes: list[tuple[tuple[str, str], Any]], writing: Any
) -> None:
    """Anything in the place of anything, and the rules still only speak."""
    vertical = changes[0][0][0]
    documents = rich(vertical)
    for (of, place), value in changes:
        if of == vertical and place.count("/") > 1:
            try:
                put(documents, place[1:], value)
            except (KeyError, IndexError, TypeError, AttributeError, ValueError):
                continue  # what stood there was replaced before
    judged(vertical, documents, writing=writing, bound=writing)
    validation.check(claims_of(vertical, documents), "save-claims")


def test_what_is_not_known_yet_counts_as_there() -> None:
    """A template is asked before its passes have values."""
    open_ = Pending()
    class_ = {"enableSmartTap": True, "multipleDevicesAndHoldersAllowedStatus": open_}
    named = ("object.textModulesData['a']", "object.textModulesData['b'].body", "object.accountName.x")
    class_["classTemplateInfo"] = {"detailsTemplateOverride": details(*named)}
    object_ = {"textModulesData": [{"id": open_, "body": "x"}, open_], "accountName": open_, "barcode": open_}
    object_["saveRestrictions"] = {"restrictToEmailSha256": open_}
    assert list(cross_checks.check_settings("loyalty", class_, object_, str, str)) == []
    assert (
        list(field_paths.unresolved_paths(class_, object_, cross_checks.schema_names("loyalty"), str)) == []
    )
    selector = {"fields": [{"fieldPath": open_}]}
    class_["classTemplateInfo"] = {
        "cardTemplateOverride": open_,
        "listTemplateOverride": {"secondRowOption": selector},
    }
    assert list(field_paths.unresolved_paths(class_, {}, cross_checks.schema_names("loyalty"), str)) == []


# --- rules read what they say they read ----------------------------------------------------------


def all_rules() -> Iterator[tuple[str, str, Rule]]:
    for vertical in VERTICALS:
        for judge_ in google_rules.validators(f"{vertical}Class", f"{vertical}Object"):
            yield from ((vertical, judge_.name, rule) for rule in judge_.rules)


@pytest.mark.parametrize("writing", [True, False])
def test_rules_read_no_value_of_a_full_payload_that_they_do_not_declare(writing: bool) -> None:  # noqa: FBT001
    about = google_context.ValidationContext(bound=True, writing=writing)
    asked = 0
    for vertical, part, rule in all_rules():
        seen: set[str] = set()
        document = rich(vertical)[part]
        list(rule.check(Watched(document, "", seen), about, str))
        read = {pointer for pointer in seen if scalar(document, pointer)}
        assert not {pointer for pointer in read if not rule.reads_one_of([pointer])}, (vertical, rule)
        asked += len(read)
    assert asked > 500, "nothing was watched"


def test_the_values_of_a_pass_wake_no_rule() -> None:
    """A text, a name, points: what differs in every pass is asked of the table alone."""
    _, object_judge = google_rules.validators("loyaltyClass", "loyaltyObject")
    open_ = ("/textModulesData/0/body", "/accountName", "/loyaltyPoints/balance", "/messages/0/body")

    assert [rule.reads for rule in object_judge.rules if rule.reads_one_of(open_)] == []


def test_a_code_deep_in_a_newer_schema_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes stand at the top of today's objects; nothing says that they always will."""
    newer: dict[str, dict[str, dict[str, Any]]] = {
        "Newer": {"tickets": {"type": "NewerTicket", "list": True}, "name": {"type": "text"}},
        "NewerTicket": {"code": {"type": "Barcode"}, "owner": {"type": "Newer"}},
        "Barcode": {"value": {"type": "text"}},
    }
    monkeypatch.setattr(google_rules, "payload_schema", lambda: Schema.of(newer))
    document = {"tickets": [{}, {"code": "A"}, {"owner": {"tickets": [{"code": "B"}]}}], "name": "x"}

    assert list(google_rules.barcode_locations("Newer", document)) == [
        ("/tickets/1/code", "A"),
        ("/tickets/2/owner/tickets/0/code", "B"),
    ]


# --- our own passes ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def builder(issuer: Issuer) -> google.PassBuilder:
    return google.PassBuilder(issuer)


@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
@pytest.mark.parametrize("given_", ["all", "needed"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_our_own_templates_have_nothing_to_warn_of(
    builder: google.PassBuilder, name: str, given_: str, *, bound: bool
) -> None:
    """Google's name for the rule on hashes aside: nobody knows it for certain."""
    template = Template.load(FIXTURES / "templates" / name)
    values = {
        key: each.example
        for key, each in template.fields.items()
        if each.example is not None and (given_ == "all" or not each.optional)
    }
    for nfc in (None, False):
        pass_ = template.issue(
            "M-1", values, nfc=nfc, binding=BINDING if bound else None, barcode=False if bound else None
        )
        report = builder.report(pass_)
        assert [
            *report.errors,
            *(each for each in report.warnings if each.code != "email-hash-ambiguous"),
        ] == []
        made = builder.save_link(pass_, issued_at=AT)
        found = [finding.code for finding in validation.check(made.url, "link")]
        # A PIN in a link is one that whoever has the link can read.
        assert found == ["secret-in-link"] * ("pin" in values)
        assert [each.code for each in made.report if each.code == "secret-in-link"] == found


def test_a_secret_that_does_not_travel_is_nobodys_business(builder: google.PassBuilder) -> None:
    template = Template.load(FIXTURES / "templates" / "gift-card")
    values = {key: each.example for key, each in template.fields.items() if each.example is not None}
    made = builder.save_link(template.issue("M-1", values), issued_at=AT, inserted={"object"})

    assert made.form == "id"
    assert "secret-in-link" not in {finding.code for finding in made.report}


def test_jwt_08_a_rotating_secret_in_a_link_of_ours_is_told(
    builder: google.PassBuilder, tiny: Template
) -> None:
    code = rich("offer")["object"]["rotatingBarcode"]
    pass_ = tiny.issue("M-1", {}, google={"object": {"rotatingBarcode": code}})
    report = builder.save_link(pass_, issued_at=AT).report

    assert [finding.location for finding in report if finding.code == "secret-in-link"] == [
        "object#/rotatingBarcode/totpDetails/parameters/0/key"
    ]
    assert "secret-in-link" not in {finding.code for finding in builder.report(pass_)}


ROW = {"oneItem": {"item": {"firstValue": {"fields": paths_to("object.textModulesData['sicne']")}}}}
TEMPLATE_INFO = {"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": [ROW]}}}
WHERE = f"class#/{FIRST}/0/fieldPath"


def unresolved(report: Report) -> list[str]:
    return [finding.location for finding in report if finding.code == "field-path-unresolved"]


@pytest.mark.parametrize("level", ["template", "pass"])
def test_a_path_of_an_override_is_followed(builder: google.PassBuilder, club: Template, level: str) -> None:
    own = {"class": TEMPLATE_INFO}
    template = replace(club, google=own) if level == "template" else club
    pass_ = template.issue("M-1", {"fullName": "J"}, google=own if level == "pass" else {})

    assert unresolved(builder.report(pass_)) == [WHERE]


def test_a_path_to_an_optional_field_is_right_for_passes_without_it(
    builder: google.PassBuilder, club: Template
) -> None:
    """The class is one for all passes, and shows nothing in that place for some of them."""
    text = json.dumps(TEMPLATE_INFO).replace("sicne", "since")
    without = club.issue("M-1", {"fullName": "J"}, google={"class": json.loads(text)})

    assert unresolved(builder.report(without)) == []
    assert unresolved(builder.report(club.issue("M-1", {"fullName": "J"}))) == []


def test_smart_tap_that_an_override_switches_on_has_to_be_complete(
    builder: google.PassBuilder, tiny: Template
) -> None:
    """A template with NFC may leave it off for one pass; one without has to give its value."""
    on = {"class": {"enableSmartTap": True, "redemptionIssuers": ["1"]}}
    with_nfc, without = replace(tiny, google=on), replace(tiny, google=on, nfc=None)

    def found(template: Template, **given_: Any) -> list[Finding]:
        report = builder.report(template.issue("M-1", {}, **given_))
        return [finding for finding in report if finding.code == "smart-tap-incomplete"]

    assert found(with_nfc, nfc=False) == []
    assert [finding.location for finding in found(without)] == ["object#/smartTapRedemptionValue"]
    assert [finding.location for finding in found(replace(without, google={}), google=on)] == [
        "object#/smartTapRedemptionValue"
    ]
    with pytest.raises(PassRejected):
        builder.payload(without.issue("M-1", {}))


def test_a_gift_card_shows_its_code(builder: google.PassBuilder) -> None:
    """Without allowBarcodeRedemption Google draws none."""
    template = Template.load(FIXTURES / "templates" / "gift-card")
    values = {key: each.example for key, each in template.fields.items() if each.example is not None}
    plain = replace(template, barcode=None)

    assert builder.payload(template.issue("M-1", values))[0]["allowBarcodeRedemption"] is True
    assert builder.payload(plain.issue("M-1", values, barcode="M-1"))[0]["allowBarcodeRedemption"] is True
    assert "allowBarcodeRedemption" not in builder.payload(plain.issue("M-1", values))[0]


def test_a_value_that_does_not_fit_is_found_in_each_pass(builder: google.PassBuilder, tiny: Template) -> None:
    """What is judged per pass: the code, the end of validity, texts that are cut."""
    holder = Field(slot="secondary", label="Member", means="holder")
    template = replace(tiny, fields={"holder": holder}, barcode=Barcode(format="qr", message="{holder}"))
    long, short = (template.issue("M-1", {"holder": name}) for name in ("Ä" * 300, "Jane"))

    assert said(builder.report(short).warnings) == []
    assert said(builder.report(long).warnings) == [
        ("too-long", "object#/accountName", "warning"),
        ("code-too-dense", "object#/barcode/value", "warning"),
    ]


def test_every_rule_of_the_table_speaks_of_what_is_there() -> None:
    """A warning about a fact that a key has not would warn of nothing."""
    for name, keys in google_table().objects.items():
        for key in keys.values():
            assert key.warning_keywords <= key.keywords.keys(), f"{name}.{key.name}"
            for other in (*key.keywords.get("excludes", ()), *key.keywords.get("requires", ())):
                assert other in keys, f"{name}.{key.name}"


def test_severities_are_errors_or_warnings() -> None:
    found = [finding for vertical, changes, *_ in WRONG for finding in judge(vertical, changes)]

    assert {finding.severity for finding in found} == {Severity.ERROR, Severity.WARNING}
    assert all(ISSUER_ID not in finding.message for finding in found)
