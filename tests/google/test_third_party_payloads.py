"""Payloads and links as they are out there: each oddity has a place, a hint and the right severity."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from passwright.errors import InvalidInput, PassRejected
from passwright.examples.certificates import new_key
from passwright.google import PassBuilder
from passwright.google.link import SAVE_URL
from passwright.google.reading.link import MAX_TEXT, is_link_text, parse_link_text
from passwright.google.reading.token import read
from passwright.report import Severity
from passwright.signing import KeySigner
from passwright.validation import check
from tests.conftest import ACCOUNT, AT, BINDING, ISSUER_ID
from tests.run_cli import documents, run

if TYPE_CHECKING:
    from pathlib import Path

    from passwright import Template
    from passwright.google.issuer import Issuer

CARD = {"id": f"{ISSUER_ID}.a", "classId": f"{ISSUER_ID}.c", "state": "ACTIVE"}
CLAIMS = {
    "iss": ACCOUNT,
    "aud": "google",
    "typ": "savetowallet",
    "iat": int(AT.timestamp()),
    "payload": {"loyaltyObjects": [{"id": f"{ISSUER_ID}.a"}]},
}
KEY = new_key()
HINT_OF_BASE = f"a save link is {SAVE_URL} and the token, and nothing else"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: Any = None, header: Any = None) -> str:
    parts = (header or {"alg": "RS256", "typ": "JWT"}, claims or CLAIMS)
    message = ".".join(b64(json.dumps(part).encode()) for part in parts)
    return f"{message}.{b64(KeySigner(KEY).sign(message.encode()))}"


def only(payload: Any, as_: str, where: str, **more: Any) -> tuple[str, str, str]:
    """Code, severity and hint of the findings at a place, of which there is one."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    [found] = [each for each in check(text, as_, **more) if each.location == where]
    return found.code, found.severity.value, found.hint


# --- classes and objects -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "document", "pointer", "expected"),
    [
        ("loyaltyObject", {"state": "active"}, "/state", ("deprecated-value", "warning", "write 'ACTIVE'")),
        (
            "loyaltyObject",
            {"barcode": {"type": "qrCode", "value": "x"}},
            "/barcode/type",
            ("deprecated-value", "warning", "write 'QR_CODE'"),
        ),
        (
            "loyaltyClass",
            {"reviewStatus": "underReview"},
            "/reviewStatus",
            ("deprecated-value", "warning", "write 'UNDER_REVIEW'"),
        ),
        (
            "loyaltyObject",
            {"locations": [{"latitude": 1.0, "longitude": 2.0}]},
            "/locations",
            ("deprecated-key", "warning", "write 'merchantLocations'"),
        ),
        (
            "loyaltyObject",
            {"header": {"defaultValue": {"language": "en", "value": "x"}}},
            "/header",
            ("unknown-key", "warning", "it is a member of genericObject"),
        ),
        (
            "loyaltyObject",
            {"localizedTitle": {}},
            "/localizedTitle",
            ("unknown-key", "warning", "it is a member of offerClass"),
        ),
        (
            "loyaltyObject",
            {"localizedIssuerName": {}},
            "/localizedIssuerName",
            ("unknown-key", "warning", "it belongs to the loyaltyClass"),
        ),
        (
            "loyaltyObject",
            {"heroImage": {"sourceUri": {"uri": "https://a.example/b.png", "kind": "walletobjects#uri"}}},
            "/heroImage/sourceUri/kind",
            ("unknown-key", "warning", "older samples of Google's have it; it says nothing, leave it out"),
        ),
        ("loyaltyObject", {"madeUpByMe": 1}, "/madeUpByMe", ("unknown-key", "warning", "")),
        (
            "loyaltyObject",
            {"hasUsers": "true"},
            "/hasUsers",
            ("wrong-type", "warning", "write true or false, without quotes"),
        ),
        (
            "loyaltyObject",
            {"hasUsers": "yes"},
            "/hasUsers",
            ("wrong-type", "error", "write true or false, without quotes"),
        ),
        (
            "giftCardObject",
            {"cardNumber": "1", "balance": {"micros": 20_000_000, "currencyCode": "USD"}},
            "/balance/micros",
            ("wrong-type", "warning", "64-bit numbers are text in Google's JSON: put it in quotes"),
        ),
        (
            "giftCardObject",
            {"cardNumber": "1", "balance": {"micros": 2.5, "currencyCode": "USD"}},
            "/balance/micros",
            ("wrong-type", "error", "64-bit numbers are text in Google's JSON: put it in quotes"),
        ),
        (
            "loyaltyObject",
            {"state": "statusUnspecified"},
            "/state",
            (
                "unknown-value",
                "warning",
                "it says nothing, and only answers of the service hold it: leave it out",
            ),
        ),
    ],
)
def test_what_classes_and_objects_of_others_hold_is_hinted_at(
    name: str, document: dict[str, Any], pointer: str, expected: tuple[str, str, str]
) -> None:
    assert only({**CARD, **document}, name, f"{name}#{pointer}") == expected


@pytest.mark.parametrize(
    ("name", "member"),
    [("genericClass", "viewUnlockRequirement"), ("genericObject", "genericType")],
)
def test_answers_of_the_service_hold_values_that_its_description_does_not_list(
    name: str, member: str
) -> None:
    code, severity, _ = only({member: f"{member}Unspecified"}, name, f"{name}#/{member}")

    assert (code, severity) == ("unknown-value", "warning")


def test_what_we_write_ourselves_is_held_to_the_letter(club: Template, issuer: Issuer) -> None:
    """Readers are lenient; writers are not."""
    card = club.issue("M-1", {"fullName": "x"}, google={"object": {"hasUsers": "true"}})

    with pytest.raises(PassRejected) as caught:
        PassBuilder(issuer).save_link(card)
    assert "wrong-type" in {each.code for each in caught.value.report.errors}


# --- claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["giftcardObjects", "eventticketObjects", "GenericObjects", "LoyaltyCLASSES"]
)
def test_lists_that_are_spelt_otherwise_warn_and_are_judged(name: str) -> None:
    items = [{"id": "no id"}]
    found = check({**CLAIMS, "payload": {name: items}}, "save-claims")
    places = {each.location: each for each in found}

    odd = places[f"save-claims#/payload/{name}"]
    assert (odd.code, odd.severity) == ("deprecated-key", Severity.WARNING)
    assert odd.hint.lower() == f"write '{name.lower()}'"
    assert len(found) > 1 or name.endswith("Objects")


@pytest.mark.parametrize(
    ("changes", "claim", "severity", "said"),
    [
        ({"typ": "savettowallet"}, "typ", "error", "'savettowallet' is misspelt"),
        ({"typ": "savetoandroidpay"}, "typ", "error", "save links have no other"),
        ({"typ": "JWT"}, "typ", "error", "save links have no other"),
        ({"aud": ["google"]}, "aud", "error", "save links have no other"),
        ({"aud": "Google"}, "aud", "error", "'Google' is misspelt"),
        ({"iss": "somebody"}, "iss", "error", "service account"),
        ({"iat": "1767323045"}, "iat", "error", "without quotes"),
        ({"iat": "UNIX_TIME"}, "iat", "error", "without quotes"),
        ({"iat": ""}, "iat", "error", "without quotes"),
        ({"iat": True}, "iat", "error", "without quotes"),
        ({"iat": None}, "iat", "error", "without quotes"),
        ({"exp": "1767323045"}, "exp", "error", "without quotes"),
        ({"exp": ""}, "exp", "error", "without quotes"),
        ({"origins": "www.example.com"}, "origins", "error", 'write ["https://www.example.com"]'),
    ],
)
def test_jwt_04_claims_of_others_are_hinted_at(
    changes: dict[str, Any], claim: str, severity: str, said: str
) -> None:
    code, found, hint = only({**CLAIMS, **changes}, "save-claims", f"save-claims#/{claim}")

    assert (code, found) == ("bad-claim", severity)
    assert said in hint


def test_googles_samples_leave_iat_out() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "iat"}

    assert only(claims, "save-claims", "save-claims#/iat")[:2] == ("bad-claim", "warning")


@pytest.mark.parametrize(("seconds", "refused"), [(-600, False), (59, False), (61, True), (600, True)])
def test_jwt_11_iat_is_not_in_the_future(seconds: int, refused: bool) -> None:  # noqa: FBT001
    claims = {**CLAIMS, "iat": int((AT + timedelta(seconds=seconds)).timestamp())}

    assert check(claims, "save-claims", at=AT).ok is not refused
    assert check(token(claims), "link", at=AT).ok is not refused
    assert check(claims, "save-claims").ok, "times are compared when a time is given"


def test_jwt_11_a_token_that_has_expired_warns() -> None:
    past = {**CLAIMS, "exp": int(AT.timestamp()) - 1}

    assert only(past, "save-claims", "save-claims#/exp", at=AT)[:2] == ("bad-claim", "warning")
    assert len(check({**past, "exp": int(AT.timestamp()) + 9}, "save-claims", at=AT)) == 0
    with pytest.raises(ValueError, match="time zone"):
        check(past, "save-claims", at=AT.replace(tzinfo=None))


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "form", "severity", "said"),
    [
        (SAVE_URL, "", "link", None, ""),
        ("", "", "token", None, ""),
        (f"\n  {SAVE_URL}", "\n", "link", None, ""),
        (SAVE_URL, "?hl=de", "other-link", "warning", "something follows the token"),
        (SAVE_URL, "#x", "other-link", "warning", "something follows the token"),
        (SAVE_URL, "/", "other-link", "warning", "something follows the token"),
        ("https://pay.google.com/intl/de/gp/v/save/", "", "other-link", "warning", "another base"),
        ("https://pay.google.com/gp/v/u/0/save/", "", "other-link", "warning", "another base"),
        ("http://pay.google.com/gp/v/save/", "", "other-link", "warning", "another base"),
        ("https://www.android.com/payapp/savetoandroidpay/", "", "other-link", "warning", "another base"),
        ("https://www.pay.google.com/gp/v/save/", "", "other-link", "error", "leads to www.pay.google.com"),
        (
            "https://pay.google.com.example.net/gp/v/save/",
            "",
            "other-link",
            "error",
            "and not to pay.google.com",
        ),
        (f'<a href="{SAVE_URL}', '">Save</a>', "other-link", "warning", "among other text"),
    ],
)
def test_links_in_any_form_are_read_and_what_is_odd_is_said(
    before: str, after: str, form: str, severity: str | None, said: str
) -> None:
    text = f"{before}{token()}{after}"
    found = parse_link_text(text)

    assert (found.form, found.token) == (form, token())
    assert [each.severity.value for each in found.findings] == ([severity] if severity else [])
    assert all(each.code == "odd-link" and said in each.message for each in found.findings)
    judged = check(text, "link")
    assert judged.ok is (severity != "error")
    assert [each.code for each in judged] == (["odd-link"] if severity else [])
    assert token()[60:90] not in str(judged), "a token is the pass to whoever has it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no save link and no token"),
        ("hello", "this is no save link and no token"),
        (f"https://pay.google.com/gp/v/object/{ISSUER_ID}.a", "a link of Google Pay without a token"),
        ("https://www.example.com/", "a link without a token"),
        (json.dumps(CARD), "JSON without claims of a save link"),
        ("{}", "JSON without claims of a save link"),
        ("{'iss': 1}", "JSON, or begins like it"),
        ("x" * (MAX_TEXT + 1), "no save link is that long"),
    ],
)
def test_what_is_no_link_is_said_to_be_what_it_is(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        parse_link_text(text)
    assert caught.value.code == "bad-token"
    [finding] = check(text, "link")
    assert said in finding.message


def test_claims_that_nobody_signed_are_told_and_judged() -> None:
    found = check(json.dumps({**CLAIMS, "typ": "x"}), "link")

    assert [(each.code, each.location) for each in found] == [
        ("bad-token", "link"),
        ("bad-claim", "claims#/typ"),
    ]
    assert found.errors[0].hint == "check them as save-claims"


def test_a_header_with_the_claims_typ_says_where_that_belongs() -> None:
    [finding] = check(token(header={"alg": "RS256", "typ": "savettowallet"}), "link")

    assert (finding.code, finding.location) == ("bad-token-header", "header#/typ")
    assert "is a claim beside iss" in finding.message


@given(st.text(max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    for each in (text, f"{SAVE_URL}{text}", f"https://{text}/eyJ.a.", f"eyJ{text}.{text}."):
        is_link_text(each)
        with suppress(InvalidInput):
            parse_link_text(each)
        check(each, "link")


# --- what we make ourselves ----------------------------------------------------------------------


def test_jwt_08_a_link_holds_the_hash_of_the_address_and_no_secret(club: Template, issuer: Issuer) -> None:
    link = PassBuilder(issuer).save_link(club.issue("M-1", {"fullName": "x"}, binding=BINDING))
    text = json.dumps(link.claims)

    assert "jane.doe" not in text
    assert "PRIVATE" not in text
    assert "restrictToEmailSha256" in text


def test_jwt_09_an_id_of_another_issuer_is_refused(club: Template, issuer: Issuer) -> None:
    card = club.issue("M-1", {"fullName": "x"}, google={"object": {"id": "1.foreign"}})

    with pytest.raises(PassRejected) as caught:
        PassBuilder(issuer).save_link(card)
    assert "foreign-id" in {each.code for each in caught.value.report.errors}


def test_jwt_10_origins_come_from_the_issuer_alone(club: Template, issuer: Issuer) -> None:
    """Nothing a pass or a request says becomes an origin."""
    card = club.issue("M-1", {"fullName": "https://evil.example"})
    link = PassBuilder(issuer).save_link(card)

    assert link.claims.get("origins", []) == list(issuer.origins)


def test_jwt_12_a_link_of_a_bound_pass_carries_the_restriction(club: Template, issuer: Issuer) -> None:
    link = PassBuilder(issuer).save_link(club.issue("M-1", {"fullName": "x"}, binding=BINDING))
    [made] = link.claims["payload"]["loyaltyObjects"]

    assert len(made["saveRestrictions"]["restrictToEmailSha256"]) == 64


# --- the commands --------------------------------------------------------------------------------


@pytest.fixture
def public(tmp_path: Path) -> Path:
    path = tmp_path / "public.pem"
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (SAVE_URL, "", "a save link, signature verified"),
        ("", "", "the token of a save link, signature verified"),
        (SAVE_URL, "?hl=de", "a save link in another form, signature verified"),
        ("https://pay.google.com/intl/de/gp/v/save/", "", "a save link in another form, signature verified"),
    ],
)
def test_inspect_says_what_a_link_is_and_verifies_it(
    before: str, after: str, said: str, public: Path, tmp_path: Path
) -> None:
    text = f"{before}{token()}{after}"
    (tmp_path / "link.txt").write_text(text)
    for what in (text, str(tmp_path / "link.txt")):
        result = run("inspect", what, "--key", str(public))
        assert result.exit_code == 0
        assert said in result.stdout
        assert ("[odd-link]" in result.stdout) is ("another form" in said)
    [document] = documents(run("inspect", text, "--json"))
    assert (document["kind"], document["form"], document["verified"]) == (
        "save-link",
        parse_link_text(text).form,
        False,
    )


def test_inspect_says_that_claims_are_not_signed(tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text(json.dumps(CLAIMS))
    result = run("inspect", str(tmp_path / "claims.json"))

    assert result.exit_code == 0
    assert "the claims of a save link, which nobody has signed" in result.stdout
    assert '"aud": "google"' in result.stdout
    [document] = documents(run("inspect", str(tmp_path / "claims.json"), "--json"))
    assert (document["kind"], document["verified"]) == ("save-claims", False)


def test_a_signature_of_another_key_is_refused_in_any_form(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(new_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    result = run("inspect", f"{SAVE_URL}{token()}?hl=de", "--key", str(other))

    assert result.exit_code == 1
    assert "is not by this key" in result.stderr


def test_check_takes_a_link_in_any_form_from_the_command_line() -> None:
    result = run("check", f"{SAVE_URL}{token()}?hl=de", "--as", "link")

    assert result.exit_code == 0
    assert "the link: ok, as link" in result.stdout
    assert "[odd-link]" in result.stdout
    assert HINT_OF_BASE in result.stdout
    assert run("check", "https://www.example.com/", "--as", "link").exit_code == 1


def test_check_compares_iat_with_the_clock(tmp_path: Path) -> None:
    ahead = {**CLAIMS, "iat": int((datetime.now(UTC) + timedelta(hours=1)).timestamp())}
    (tmp_path / "claims.json").write_text(json.dumps(ahead))
    result = run("check", str(tmp_path / "claims.json"), "--as", "save-claims")

    assert result.exit_code == 1
    assert "signed in the future" in result.stdout


def test_the_strict_reader_stays_strict() -> None:
    """What `look` finds in odd links, `read` alone refuses."""
    with pytest.raises(InvalidInput):
        read(f"{SAVE_URL}{token()}?hl=de")
