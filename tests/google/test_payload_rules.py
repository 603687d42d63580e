"""What Google asks, said in words that help, about our payloads and those of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.google.context import ValidationContext
from passwright.google.rules.payload import barcode_locations, validators
from passwright.report import Finding, Severity

DISCOVERY = Path(googleapiclient.__file__).parent / "discovery_cache/documents/walletobjects.v1.json"
CLASS_JUDGE, OBJECT_JUDGE = validators("loyaltyClass", "loyaltyObject")

LOGO = {"sourceUri": {"uri": "https://cdn.example.com/logo.png"}}
CLASS = {
    "id": "1.club",
    "issuerName": "Club",
    "programName": "Club",
    "programLogo": LOGO,
    "reviewStatus": "UNDER_REVIEW",
}
OBJECT = {"id": "1.a", "classId": "1.club", "state": "ACTIVE"}
RESTRICTED = {"saveRestrictions": {"restrictToEmailSha256": "0" * 64}}
CODE = {"type": "QR_CODE", "value": "x"}


def said(name: str, members: dict[str, Any], **about: Any) -> dict[str, Finding]:
    judge, sound = (CLASS_JUDGE, CLASS) if name == "class" else (OBJECT_JUDGE, OBJECT)
    document = {key: value for key, value in {**sound, **members}.items() if value is not Ellipsis}
    made = ValidationContext(**about)
    return {finding.code: finding for finding in judge.validate(document, made, writing=made.writing)}


def test_sound_payloads_have_no_findings() -> None:
    assert said("class", {}) == {}
    assert said("object", {}) == {}


@pytest.mark.parametrize(
    ("name", "members", "about", "code", "where"),
    [
        ("object", {"barcode": CODE}, {"bound": True}, "binding-forbids-barcode", "/barcode"),
        (
            "object",
            {"rotatingBarcode": {"type": "QR_CODE"}},
            {"bound": True},
            "binding-forbids-barcode",
            "/rotatingBarcode",
        ),
        ("object", {**RESTRICTED, "barcode": CODE}, {}, "binding-forbids-barcode", "/barcode"),
        ("object", {**RESTRICTED, "barcode": CODE, "state": 5}, {}, "binding-forbids-barcode", "/barcode"),
        ("object", {"id": "club"}, {}, "bad-id", "/id"),
        ("object", {"id": "1.a\n"}, {}, "bad-id", "/id"),
        ("object", {"classId": "a.club"}, {}, "bad-id", "/classId"),
        ("object", {}, {"issuer_id": "2"}, "foreign-id", "/classId"),
        (
            "object",
            {"linkedObjectIds": ["1.b", "2.b"]},
            {"issuer_id": "1"},
            "foreign-id",
            "/linkedObjectIds/1",
        ),
        ("class", {"id": "x"}, {}, "bad-id", "/id"),
        ("object", {}, {"bound": True}, "binding-lost", "/saveRestrictions"),
        ("object", RESTRICTED, {}, "google-restriction-not-enabled", "/saveRestrictions"),
        ("class", {}, {"bound": True}, "binding-allows-many-holders", "/multiple"),
        ("class", {"enableSmartTap": True}, {}, "smart-tap-incomplete", "/redemptionIssuers"),
        (
            "class",
            {"enableSmartTap": True, "redemptionIssuers": []},
            {},
            "smart-tap-incomplete",
            "/redemptionIssuers",
        ),
        ("class", {"reviewStatus": "APPROVED"}, {}, "read-only-value", "/reviewStatus"),
        ("class", {"reviewStatus": "approved"}, {}, "read-only-value", "/reviewStatus"),
        (
            "object",
            {"barcode": {"type": "AZTEC", "renderEncoding": "UTF_8"}},
            {},
            "bad-value",
            "/barcode/renderEncoding",
        ),
        ("class", {"programLogo": {}}, {}, "missing-key", "/programLogo"),
        ("class", {"programLogo": {**LOGO, "privateImageId": "x"}}, {}, "keys-exclude", "/programLogo"),
        ("object", {"loyaltyPoints": {"balance": {}}}, {}, "missing-key", "/loyaltyPoints/balance"),
        (
            "object",
            {"loyaltyPoints": {"balance": {"int": 1, "string": "1"}}},
            {},
            "keys-exclude",
            "/loyaltyPoints/balance",
        ),
        (
            "object",
            {"saveRestrictions": {"restrictToEmailSha256": "A" * 64}},
            {},
            "bad-value",
            "/saveRestrictions",
        ),
        (
            "object",
            {"saveRestrictions": {"restrictToEmailSha256": "0" * 64 + "\n"}},
            {},
            "bad-value",
            "/saveRestrictions",
        ),
        (
            "object",
            {"merchantLocations": [{"latitude": 91, "longitude": 0}]},
            {},
            "out-of-range",
            "/merchantLocations/0/latitude",
        ),
        (
            "class",
            {"merchantLocations": [{"latitude": 1, "longitude": 0}] * 11},
            {},
            "too-many-items",
            "/merchantLocations",
        ),
        ("class", {"review": {"comments": "x"}}, {}, "read-only-key", "/review"),
        ("object", {"classReference": CLASS}, {}, "read-only-key", "/classReference"),
    ],
)
def test_what_google_refuses_is_named_at_its_place(
    name: str, members: dict[str, Any], about: dict[str, Any], code: str, where: str
) -> None:
    found = said(name, members, **about)
    assert code in found
    assert found[code].location.startswith(f"{name}#{where}")
    assert found[code].message
    severity = Severity.WARNING if code in _WARNINGS else Severity.ERROR
    assert found[code].severity is severity


_WARNINGS = {"google-restriction-not-enabled", "binding-allows-many-holders"}


@pytest.mark.parametrize(
    ("name", "members", "about"),
    [
        ("object", RESTRICTED, {"restrictions_enabled": True, "bound": True}),
        ("object", {**RESTRICTED, "barcode": {}}, {"restrictions_enabled": True}),
        ("object", {"barcode": CODE}, {}),
        ("object", {"barcode": {**CODE, "renderEncoding": "UTF_8"}}, {}),
        ("object", {"linkedObjectIds": ["1.b"]}, {"issuer_id": "1"}),
        ("object", {"id": "1.a.b-c_d"}, {"issuer_id": "1"}),
        ("class", {"multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES"}, {"bound": True}),
        ("class", {"multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ONE_DEVICE"}, {"bound": True}),
        ("class", {"enableSmartTap": True, "redemptionIssuers": ["5"]}, {}),
        ("class", {"enableSmartTap": False}, {}),
        ("class", {"reviewStatus": "DRAFT"}, {}),
    ],
)
def test_what_google_takes_has_no_finding(name: str, members: dict[str, Any], about: dict[str, Any]) -> None:
    assert said(name, members, **about) == {}


def test_answers_of_the_service_are_read_as_they_come() -> None:
    """Camel case, keys of the platform, and a status only Google writes: no errors in what Google says."""
    answered = {
        "multipleDevicesAndHoldersAllowedStatus": "oneUserAllDevices",
        "reviewStatus": "approved",
        "review": {},
        "kind": "walletobjects#loyaltyClass",
    }
    found = said("class", answered, writing=False, bound=True)
    assert not [finding for finding in found.values() if finding.severity is Severity.ERROR]
    assert "binding-allows-many-holders" not in found
    found = said("object", {"hasUsers": True, "state": "active", **RESTRICTED}, writing=False)
    assert not [finding for finding in found.values() if finding.severity is Severity.ERROR]


def code_places(name: str, document: dict[str, Any], path: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """A document of this schema with a code in every place that may hold one, and those places."""
    schemas: dict[str, Any] = document
    places: dict[str, Any] = {}
    for key, schema in schemas[name].get("properties", {}).items():
        kind = schema.get("$ref") or schema.get("items", {}).get("$ref")
        pointer = f"{path}/{key}" + ("/0" if "items" in schema else "")
        if kind in ("Barcode", "RotatingBarcode"):
            places[pointer] = {"value": "x"}
        elif kind and kind not in seen:
            places |= code_places(kind, document, pointer, (*seen, kind))
    return places


@pytest.mark.parametrize(
    "resource",
    [
        "loyaltyObject",
        "eventTicketObject",
        "transitObject",
        "genericObject",
        "flightObject",
        "offerObject",
        "giftCardObject",
    ],
)
def test_a_code_is_found_wherever_the_schema_can_hold_one(resource: str) -> None:
    schemas = json.loads(DISCOVERY.read_text("utf-8"))["schemas"]
    name = resource[0].upper() + resource[1:]
    places = code_places(name, schemas, "", (name,))
    assert {"/barcode", "/rotatingBarcode"} <= places.keys()
    for pointer, code in places.items():
        document: Any = code
        for part in reversed(pointer.split("/")[1:]):
            document = [document] if part == "0" else {part: document}
        assert list(barcode_locations(name, document)) == [(pointer, code)]
        _, judge = validators(resource.removesuffix("Object") + "Class", resource)
        found = judge.validate(document, ValidationContext(bound=True))
        assert f"object#{pointer}" in {
            each.location for each in found if each.code == "binding-forbids-barcode"
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)
KEYS = (
    *("id", "classId", "barcode", "rotatingBarcode", "saveRestrictions", "linkedObjectIds", "state"),
    *("enableSmartTap", "redemptionIssuers", "reviewStatus", "multipleDevicesAndHoldersAllowedStatus"),
    *("loyaltyPoints", "textModulesData", "messages", "classReference", "linksModuleData"),
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), st.booleans(), st.booleans())
def test_no_payload_whatever_raises(members: dict[str, Any], bound: Any, writing: Any) -> None:
    about = ValidationContext(bound=bound, writing=writing, issuer_id="1")
    for judge in (CLASS_JUDGE, OBJECT_JUDGE):
        for finding in judge.validate(members, about, writing=writing):
            assert finding.message
