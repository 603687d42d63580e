"""What Apple asks beyond the table, said in words that help, of our passes and of those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.build.pass_json import pass_schema
from passwright.apple.context import ValidationContext
from passwright.apple.rules.pass_json import STYLES, style_of, validator
from passwright.documents.rule import Rule
from passwright.report import Finding, Severity, note
from tests import rich_passes
from tests.conftest import READER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.apple.identity import Identity

DAY = "2026-01-02T03:04:05Z"
NFC = {"message": "M-1", "encryptionPublicKey": READER_KEY, "requiresAuthentication": True}
LINK = {"key": "passwright.learn-more", "value": "https://a.example.com"}
SOUND: dict[str, Any] = {
    "formatVersion": 1,
    "passTypeIdentifier": "pass.com.example.passwright",
    "serialNumber": "M-1",
    "teamIdentifier": "EXAMPLE123",
    "organizationName": "Tiny",
    "description": "Tiny",
    "storeCard": {"backFields": [LINK]},
}
BOUND = {"nfc": NFC, "sharingProhibited": True}
CODE = {"format": "PKBarcodeFormatQR", "message": "x", "messageEncoding": "utf-8"}
FIDO = {"fidoProfile": {"relyingPartyIdentifier": "a.example.com", "accountHash": "0a"}}


def said(members: dict[str, Any], **about: Any) -> list[Finding]:
    made = ValidationContext(**about)
    return validator().validate({**SOUND, **members}, made, writing=made.writing)


def fields(count: int) -> list[dict[str, Any]]:
    return [{"key": f"k{index}", "value": index} for index in range(count)]


def test_a_sound_pass_has_no_findings() -> None:
    assert said({}) == []
    assert [each.code for each in said(BOUND, bound=True)] == ["apple-binding-not-enforced-by-file"]
    blob = {"issuerBindingData": "0a", "learnMoreURL": "https://help.example.com/"}
    assert said({**BOUND, **FIDO, "issuerBindingData": blob}) == []


@pytest.mark.parametrize(
    ("members", "about", "code", "where", "severity"),
    [
        ({**BOUND, "barcode": CODE}, {"bound": True}, "binding-forbids-barcode", "/barcode", "error"),
        ({**BOUND, "barcodes": [CODE]}, {"bound": True}, "binding-forbids-barcode", "/barcodes/0", "error"),
        ({**BOUND, "barcodes": CODE}, {"bound": True}, "binding-forbids-barcode", "/barcodes", "error"),
        ({**BOUND, **FIDO, "barcode": CODE}, {}, "binding-forbids-barcode", "/barcode", "error"),
        (
            {**FIDO, "barcode": CODE, "serialNumber": 5},
            {"writing": False},
            "binding-forbids-barcode",
            "/barcode",
            "error",
        ),
        ({"sharingProhibited": True}, {"bound": True}, "apple-binding-needs-nfc", "/nfc", "error"),
        (
            {"sharingProhibited": True},
            {"bound": True, "needs_nfc": False},
            "apple-binding-needs-nfc",
            "/nfc",
            "warning",
        ),
        ({"nfc": NFC}, {"bound": True}, "apple-binding-allows-sharing", "/sharingProhibited", "error"),
        (
            {"nfc": NFC, "sharingProhibited": False},
            {"bound": True},
            "apple-binding-allows-sharing",
            "/sharingProhibited",
            "error",
        ),
        (
            {"nfc": NFC, **FIDO},
            {"writing": False},
            "apple-binding-allows-sharing",
            "/sharingProhibited",
            "warning",
        ),
        (
            {**BOUND, "nfc": {**NFC, "requiresAuthentication": False}},
            {"bound": True},
            "apple-binding-without-authentication",
            "/nfc/requiresAuthentication",
            "warning",
        ),
        ({**BOUND, "storeCard": {}}, {"bound": True}, "apple-binding-without-link", "", "warning"),
        (
            {"storeCard": {"headerFields": fields(1) * 2}},
            {},
            "duplicate-field-key",
            "/storeCard/headerFields/1/key",
            "error",
        ),
        (
            {"storeCard": {"headerFields": fields(1), "backFields": fields(1)}},
            {"writing": False},
            "duplicate-field-key",
            "/storeCard/backFields/0/key",
            "warning",
        ),
        (
            {"storeCard": {"headerFields": fields(4)}},
            {},
            "fields-not-drawn",
            "/storeCard/headerFields",
            "warning",
        ),
        (
            {"storeCard": {"primaryFields": fields(2)}},
            {},
            "fields-not-drawn",
            "/storeCard/primaryFields",
            "warning",
        ),
        (
            {
                "storeCard": {
                    "secondaryFields": fields(3),
                    "auxiliaryFields": [{"key": f"a{i}", "value": i} for i in range(2)],
                }
            },
            {},
            "fields-not-drawn",
            "/storeCard/auxiliaryFields",
            "warning",
        ),
        (
            {"barcode": {**CODE, "message": "€", "messageEncoding": "iso-8859-1"}},
            {},
            "code-not-encodable",
            "/barcode/message",
            "error",
        ),
        (
            {"barcodes": [CODE, {**CODE, "message": "é", "messageEncoding": "ascii"}]},
            {},
            "code-not-encodable",
            "/barcodes/1/message",
            "error",
        ),
        (
            {"webServiceURL": "https://a.example.com/v1/", "authenticationToken": "0" * 16},
            {},
            "web-service-version",
            "/webServiceURL",
            "warning",
        ),
        (
            {"relevantDates": [{"date": DAY}, {"startDate": DAY, "endDate": DAY.replace("-01-", "-02-")}]},
            {},
            "interval-too-long",
            "/relevantDates/1/startDate",
            "warning",
        ),
    ],
    ids=range(21),
)
def test_what_apple_asks_is_named_at_its_place(
    members: dict[str, Any], about: dict[str, Any], code: str, where: str, severity: str
) -> None:
    found = [each for each in said(members, **about) if each.code == code]
    assert [(each.location, each.severity.value) for each in found] == [
        (f"pass.json#{where}" if where else "pass.json", severity)
    ]
    assert found[0].message
    assert found[0].hint or code == "fields-not-drawn"


@pytest.mark.parametrize(
    "members",
    [
        {"storeCard": {"headerFields": fields(3), "primaryFields": [{"key": "p", "value": "x"}]}},
        {"storeCard": {"secondaryFields": fields(4)}},
        {"storeCard": {"backFields": fields(50)}},
        {"barcode": CODE, "barcodes": [CODE, {**CODE, "message": "€"}]},
        {"webServiceURL": "https://a.example.com/v1/passes", "authenticationToken": "0" * 16},
        {
            "storeCard": None,
            "generic": {"headerFields": fields(1)},
            "posterGeneric": {"headerFields": fields(1)},
        },
    ],
)
def test_what_apple_takes_has_no_finding(members: dict[str, Any]) -> None:
    document = {key: value for key, value in {**SOUND, **members}.items() if value is not None}
    assert [
        each
        for each in validator().validate(document, ValidationContext())
        if each.severity is not Severity.NOTE
    ] == []


def test_crt_07_crt_08_identifiers_have_to_be_those_of_the_signer(identity: Identity) -> None:
    assert said({}, identity=identity) == []
    for key, code in (("passTypeIdentifier", "pass-type-mismatch"), ("teamIdentifier", "team-mismatch")):
        for wrong in (SOUND[key].lower() + "x", SOUND[key] + " ", SOUND[key].swapcase()):
            (found,) = [each for each in said({key: wrong}, identity=identity) if each.code == code]
            assert found.location == f"pass.json#/{key}"
            assert found.severity is Severity.ERROR


def test_nfc_asks_for_a_certificate_that_is_for_it(authority: Any) -> None:
    plain, special = authority.identity(), authority.identity(nfc=True)
    assert [each.code for each in said({"nfc": NFC}, identity=plain)] == ["nfc-needs-certificate"]
    (strict,) = said({"nfc": NFC}, identity=plain, strict=True)
    assert strict.severity is Severity.ERROR
    assert said({"nfc": NFC}, identity=special) == []
    assert said({}, identity=plain, strict=True) == []


def test_the_classic_style_is_found_beside_a_poster() -> None:
    for style in STYLES:
        assert style_of({"posterGeneric": {}, style: {}}) == style
    assert style_of({"posterGeneric": {}}) is None
    assert style_of({"storeCard": []}) is None


def test_only_rules_on_pass_json_are_asked_about_it() -> None:
    def speak(document: Any, about: Any, place: Any) -> Iterator[Finding]:
        yield note("heard", place(""), "asked")

    rules = [Rule("pass.json", (), speak), Rule("object", (), speak), Rule("pass", (), speak)]
    assert [each.code for each in validator(rules).validate(SOUND, ValidationContext())] == ["heard"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.lists(JSON | st.fixed_dictionaries({"key": JSON, "value": JSON}), max_size=3)
STYLED = JSON | st.dictionaries(
    st.sampled_from(["headerFields", "backFields", "x"]), JSON | FIELDS, max_size=2
)
CODES = JSON | st.fixed_dictionaries(
    {"message": JSON, "messageEncoding": JSON | st.sampled_from(["idna", "hex"])}
)


@pytest.mark.no_cover
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "storeCard": STYLED,
            "generic": STYLED,
            "posterGeneric": STYLED,
            "relevantDates": JSON | st.lists(st.fixed_dictionaries({"startDate": JSON, "endDate": JSON})),
            "barcode": CODES,
            "barcodes": CODES | st.lists(CODES, max_size=2),
            "nfc": JSON,
            "fidoProfile": JSON,
            "webServiceURL": JSON,
            "sharingProhibited": JSON,
            "passTypeIdentifier": JSON,
        },
    ),
    st.booleans(),
    st.booleans(),
)
def test_no_document_whatever_raises(
    identity: Identity, members: dict[str, Any], bound: Any, writing: Any
) -> None:
    about = ValidationContext(bound=bound, writing=writing, identity=identity)
    for finding in validator().validate(members, about, writing=writing):
        assert finding.message
        str(finding)


@pytest.mark.parametrize(
    "rule",
    [rule for rule in validator().rules if rule.requires_members],
    ids=lambda rule: rule.check.__name__,
)
def test_a_rule_has_nothing_to_say_without_what_it_needs(rule: Rule) -> None:
    """It is not asked then, so a word of it would go unheard. Every need is a member of Apple's."""
    assert rule.requires_members <= pass_schema().objects["Pass"].keys()
    for name in rich_passes.NAMES:
        rich = {
            each: value
            for each, value in rich_passes.fixture(name)["pass"].items()
            if each not in rule.requires_members
        }
        for members in ({}, BOUND, FIDO, {"nfc": NFC, "semantics": {}}):
            document = {
                each: value
                for each, value in {**rich, **members}.items()
                if each not in rule.requires_members
            }
            for about in (
                ValidationContext(bound=True),
                ValidationContext(writing=False),
                ValidationContext(files=frozenset(), strict=True),
            ):
                assert list(rule.check(document, about, str)) == []
