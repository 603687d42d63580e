"""One report for a pass of ours and for payloads of others: the union of what each builder would say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Barcode, Field, Template, apple, check, google, validate
from passwright.apple.context import ValidationContext
from passwright.apple.rules.pass_json import validator as apple_validator
from passwright.examples.authority import example_template_directory
from passwright.google.schema import VERTICALS
from passwright.report import Report, Severity
from passwright.validation import PAYLOADS
from tests.conftest import AT, BINDING
from tests.documents.test_validator import FULL, GIVEN

if TYPE_CHECKING:
    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer

CLAIMS: dict[str, Any] = {
    "iss": "wallet@example.iam.gserviceaccount.com",
    "aud": "google",
    "typ": "savetowallet",
    "iat": 1767322800,
    "payload": {"loyaltyObjects": [{"id": "1.M-1"}]},
}


def said(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.location) for finding in report]


def test_validate_says_what_both_builders_would_say(
    club: Template, identity: Identity, issuer: Issuer
) -> None:
    pass_ = club.issue("bad serial", {"points": "x"}, barcode="M-1", nfc="x" * 65, binding=BINDING)
    for each in (
        pass_,
        pass_.replace(serial="M-1", values={"fullName": "Jane"}, barcode=None),
        club.issue("M-1"),
    ):
        union = {*apple.PassBuilder(identity).report(each), *google.PassBuilder(issuer).report(each)}
        report = validate(each, identity=identity, issuer=issuer)

        assert set(report) == union
        assert len(report) == len(union), "each thing once"


def test_what_depends_on_who_signs_is_left_open_without_a_signer(club: Template) -> None:
    report = validate(club.issue("M-1", {"fullName": "Jane"}))

    assert report.ok
    assert not {"pass-type-mismatch", "nfc-needs-certificate", "foreign-id"} & {
        finding.code for finding in report
    }


def test_what_the_builders_make_is_good_when_checked_as_somebody_elses(
    club: Template, identity: Identity, issuer: Issuer
) -> None:
    pass_ = club.issue("M-1", {"fullName": "Jane"}, binding=BINDING)
    files = apple.PassBuilder(identity).files(pass_)
    link = google.PassBuilder(issuer).save_link(pass_, issued_at=AT)
    class_, object_ = google.PassBuilder(issuer).payload(pass_)

    assert check(files["pass.json"], "pass.json").errors == ()
    assert check(link.url, "link").errors == ()
    assert check(link.claims, "save-claims").errors == ()
    assert check(class_, "loyaltyClass").errors == ()
    assert check(json.dumps(object_), "LoyaltyObject").errors == ()


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_payload_can_be_judged_and_never_raises(name: str) -> None:
    hostile: tuple[Any, ...] = (
        *(
            b"",
            b"null",
            b"[]",
            b"5",
            b"{",
            b'{"a":1,"a":2}',
            b"\xff",
            b'{"barcodes":5,"barcode":[]}',
            b"[" * 10_000,
        ),
        *(
            "",
            "\ud800",
            "{}",
            "a.b.c",
            '{"id":"\\u0000"}',
            {},
            {"barcodes": {"a": 1}, "nfc": 5, "storeCard": []},
        ),
        *(
            {"payload": 5},
            {"payload": {"loyaltyObjects": 5}},
            {"id": None, "saveRestrictions": 5},
            5,
            None,
            [],
        ),
    )
    for payload in hostile:
        report = check(payload, name, bound=True)
        assert isinstance(report, Report)
        assert not report.ok, payload


def test_names_are_taken_in_either_spelling_and_nothing_else_is() -> None:
    assert {f"{vertical}{part}" for vertical in VERTICALS for part in ("Class", "Object")} < set(PAYLOADS)
    assert said(check({"id": 5}, "LOYALTYobject")) == said(check({"id": 5}, "loyaltyObject"))
    with pytest.raises(ValueError, match=r"'loyaltyThing' is none of pass.json, "):
        check({}, "loyaltyThing")


def test_sloppy_json_of_a_pass_is_read_and_named() -> None:
    payload = b'{"formatVersion": 1, // comment\n "serialNumber": "1", "serialNumber": "2",}'
    codes = [finding.code for finding in check(payload, "pass.json")]

    assert {"json-comment", "json-trailing-comma", "json-duplicate-key"} <= set(codes)
    assert [finding.code for finding in check(payload, "save-claims")] == ["bad-json"]


def test_jsn_09_unknown_members_of_others_are_told_and_tolerated() -> None:
    found = [finding for finding in check({"barcods": []}, "pass.json") if finding.code == "unknown-key"]

    assert [str(finding) for finding in found] == [
        "warning: pass.json#/barcods: there is no key 'barcods' here (did you mean 'barcodes'?) [unknown-key]"
    ]


def test_good_claims_are_good() -> None:
    assert said(check(CLAIMS, "save-claims")) == []
    assert said(check(json.dumps({**CLAIMS, "origins": ["https://a.example"]}), "save-claims")) == []


BAD_CLAIMS: tuple[tuple[dict[str, Any], list[tuple[str, str]]], ...] = (
    ({"aud": "Google"}, [("bad-claim", "/aud")]),
    ({"aud": ["google"]}, [("bad-claim", "/aud")]),
    ({"typ": "savetoandroidpay"}, [("bad-claim", "/typ")]),
    ({"iss": "nobody"}, [("bad-claim", "/iss")]),
    ({"iss": 5}, [("bad-claim", "/iss")]),
    ({"iat": "1767322800"}, [("bad-claim", "/iat")]),
    ({"iat": True}, [("bad-claim", "/iat")]),
    ({"origins": "https://a.example"}, [("bad-claim", "/origins")]),
    ({"origins": [5]}, [("bad-claim", "/origins")]),
    ({"payload": None}, [("bad-claim", "/payload")]),
    ({"payload": {"loyaltyObjects": []}}, [("bad-claim", "/payload")]),
    ({"payload": {"loyaltyObject": [{"id": "1.a"}]}}, [("unknown-key", "/payload/loyaltyObject")]),
    ({"payload": {"loyaltyObjects": {"id": "1.a"}}}, [("wrong-type", "/payload/loyaltyObjects")]),
    ({"payload": {"loyaltyObjects": ["1.a"]}}, [("wrong-type", "/payload/loyaltyObjects/0")]),
    ({"payload": {"loyaltyObjects": [{"classId": "1.c"}]}}, [("missing-key", "/payload/loyaltyObjects/0")]),
    ({"payload": {"loyaltyObjects": [{"id": 5}]}}, [("missing-key", "/payload/loyaltyObjects/0")]),
    ({"payload": {"offerObjects": [{"id": "1.a", "classId": "1.c", "state": 5}]}}, [
        ("wrong-type", "/payload/offerObjects/0/state"),
    ]),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), BAD_CLAIMS)
def test_a_bad_claim_is_found_where_it_is(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert said(check({**CLAIMS, **changes}, "save-claims")) == [
        (code, f"save-claims#{pointer}") for code, pointer in expected
    ]


def test_a_misspelt_payload_is_hinted_at() -> None:
    (finding,) = check({**CLAIMS, "payload": {"loyaltyobjects": [{"id": "1.a"}]}}, "save-claims")

    assert (finding.severity, finding.hint) == (Severity.WARNING, "write 'loyaltyObjects'")


def test_a_long_link_warns(club: Template, issuer: Issuer) -> None:
    link = google.PassBuilder(issuer).save_link(club.issue("M-1", {"fullName": "Jane"}), issued_at=AT)
    head, body, signature = link.token.split(".")
    longer = f"{head}.{body}.{signature}{'A' * 1400}"

    assert ("link-too-long", "link") in said(check(longer, "link"))
    assert said(check("no link at all", "link")) == [("bad-token", "")]


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_jsn_10_many_wrong_items_make_a_short_report(count: int) -> None:
    items = [{"id": n, "classId": n, "lable": n, "state": n} for n in range(count)]
    report = check({**CLAIMS, "payload": {"loyaltyObjects": items}}, "save-claims")

    assert all(sum(one.code == code for one in report) <= 50 for code in {finding.code for finding in report})
    assert len(str(report)) < 64 * 1024


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["id", "value", "message", "key"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        *(
            "barcode",
            "barcodes",
            "nfc",
            "storeCard",
            "generic",
            "locations",
            "semantics",
            "webServiceURL",
            "fidoProfile",
        ),
        *(
            "id",
            "classId",
            "saveRestrictions",
            "textModulesData",
            "redemptionIssuers",
            "enableSmartTap",
            "reviewStatus",
        ),
        *(
            "linkedObjectIds",
            "multipleDevicesAndHoldersAllowedStatus",
            "rotatingBarcode",
            "payload",
            "iss",
            "origins",
        ),
    ]
)


@pytest.mark.no_cover
@given(
    st.dictionaries(MEMBERS, ANY),
    st.sampled_from([name for name in PAYLOADS if name != "link"]),
    st.booleans(),
)
def test_no_payload_raises_whatever_it_holds(payload: dict[str, Any], name: str, bound: bool) -> None:  # noqa: FBT001
    assert isinstance(check(payload, name, bound=bound), Report)


@given(st.text() | st.binary())
def test_no_link_raises_whatever_it_is(link: str | bytes) -> None:
    assert not check(link, "link").ok


def test_a_template_with_a_code_is_fine_until_somebody_is_bound_to_it() -> None:
    """What one template says is told once, and the same for every pass of it."""
    from dataclasses import replace

    template = replace(FULL, barcode=Barcode())
    free = validate(template.issue("M-1", GIVEN))
    bound = validate(template.issue("M-1", GIVEN, binding=BINDING))

    assert free.ok
    assert [finding.code for finding in bound.errors] == ["binding-forbids-barcode"]


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"description": None}, "missing-key", "pass.json"),
        ({"storeCard": None}, "missing-key", "pass.json"),
        ({"serialNumber": 7}, "wrong-type", "pass.json#/serialNumber"),
        ({"webServiceURL": "https://a.example/"}, "key-needs-key", "pass.json#/webServiceURL"),
    ],
)
def test_what_genuine_passes_break_warns_when_it_is_read(
    change: dict[str, Any], code: str, where: str
) -> None:
    """Phones show such passes, so judging them says so and refuses nothing; building them is refused."""
    plain = {
        "formatVersion": 1,
        "passTypeIdentifier": "pass.com.example.club",
        "serialNumber": "M-1",
        "teamIdentifier": "EXAMPLE123",
        "organizationName": "Example Club",
        "description": "Member",
        "storeCard": {"primaryFields": [{"key": "name", "value": "Jane"}]},
    }
    spoilt = {name: value for name, value in {**plain, **change}.items() if value is not None}
    report = check(spoilt, "pass.json")
    assert report.ok
    assert (code, where) in {(found.code, found.location) for found in report.warnings}
    written = apple_validator().validate(spoilt, ValidationContext())
    assert (code, where) in {
        (each.code, each.location) for each in written if each.severity is Severity.ERROR
    }


def test_a_balance_without_a_currency_is_refused_and_none_is_made_up() -> None:
    """A number that means money in both wallets is no money until its field says which."""
    gift = Template.load(example_template_directory("gift_card"))
    balance = Field(slot="header", label="Balance", type="number", means="balance", default=5)
    card = replace(gift, fields={**gift.fields, "balance": balance}).example("G-1")
    places = {found.location for found in validate(card).errors if found.code == "wrong-type"}
    assert {"pass.json#/semantics/balance", "object#/balance"} <= places
