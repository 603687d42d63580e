"""What the assertions accept, what they refuse, and how the refusal reads."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import passwright as pw
from passwright.apple.container import pkpass
from passwright.errors import BindingInvalid
from passwright.examples.certificates import new_key
from passwright.google.issuer import Issuer
from passwright.signing import KeySigner
from passwright.testing import (
    Authority,
    Leaf,
    assert_bound,
    assert_valid_google_payload,
    assert_valid_pkpass,
    assert_valid_save_link,
)
from tests.conftest import AT

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.apple.identity import Identity
    from passwright.model.template import Pass

Payload = dict[str, Any]


@pytest.fixture(scope="module")
def data(apple_identity: Identity, bound_pass: Pass) -> bytes:
    return pw.apple.PassBuilder(apple_identity).build(bound_pass)


@pytest.fixture(scope="module")
def open_data(apple_identity: Identity, unbound_pass: Pass) -> bytes:
    return pw.apple.PassBuilder(apple_identity).build(unbound_pass)


@pytest.fixture(scope="module")
def link(google_issuer: Issuer, bound_pass: Pass) -> pw.google.SaveLink:
    return pw.google.PassBuilder(google_issuer).save_link(bound_pass)


@pytest.fixture
def payload(google_issuer: Issuer, bound_pass: Pass) -> tuple[Payload, Payload]:
    return pw.google.PassBuilder(google_issuer).payload(bound_pass)


def refusal(assertion: Callable[[], object]) -> list[str]:
    """The lines of the message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value).splitlines()


def changed(data: bytes, name: str, content: bytes | None) -> bytes:
    """The pass with one file changed, put in or taken out, signed by nobody anew."""
    files = pkpass.read(data)
    return pkpass.pack({key: value for key, value in {**files, name: content}.items() if value is not None})


# --- .pkpass ---


def test_a_good_pass_gives_its_verdict(data: bytes) -> None:
    verdict = assert_valid_pkpass(data, strict=True)
    assert verdict.ok
    assert verdict.serial_number == "M-0002"


def test_a_test_trusts_the_example_its_own_authority_and_apple_unless_told(
    data: bytes, bound_pass: Pass
) -> None:
    theirs = pw.apple.PassBuilder(Authority.example().identity(nfc=True)).build(bound_pass)
    assert_valid_pkpass(theirs)
    assert_valid_pkpass(theirs, trust=Authority.example())
    said = refusal(lambda: assert_valid_pkpass(data, trust=Authority.example()))
    assert said[0] == "this .pkpass is not valid: 1 error"
    assert said[1] == "container ok, manifest ok, signature ok, chain failed, content ok"
    assert said[2].startswith("error: signature: the pass certificate's issuer")
    assert refusal(lambda: assert_valid_pkpass(data, trust=pw.apple.Trust.apple()))[1:] == said[1:]


def test_a_pass_of_a_stranger_says_who_is_trusted(authority: Authority, club: pw.Template) -> None:
    card = club.issue("M-1", {"fullName": "Jane Smith"})
    data = pw.apple.PassBuilder(authority.identity(nfc=True)).build(card, at=AT)
    assert_valid_pkpass(data, trust=authority, at=AT)
    said = refusal(lambda: assert_valid_pkpass(data, at=AT))
    assert said[2] == "trusted here: Apple, the example authority, wallet_authority; trust=... names another"


def test_the_refusal_names_place_and_remedy_of_every_finding_errors_first(data: bytes) -> None:
    document = {**json.loads(pkpass.read(data)["pass.json"]), "backgroundColor": "red"}
    broken = changed(changed(data, "icon.png", b"no picture"), "pass.json", json.dumps(document).encode())
    said = refusal(lambda: assert_valid_pkpass(changed(broken, "surprise.txt", b"!")))
    verdict = pw.apple.verify(changed(broken, "surprise.txt", b"!"), trust=pw.apple.Trust.apple())
    assert {str(finding) for finding in verdict.report} - set(said[2:]) == {
        str(finding) for finding in verdict.report if finding.code == "untrusted-chain"
    }
    kinds = [line.partition(":")[0] for line in said[2:]]
    assert kinds == sorted(kinds, key=["error", "warning", "note"].index)
    for code in ("digest-mismatch", "unlisted-file"):
        assert any(line.startswith("error: ") and line.endswith(f"[{code}]") for line in said), code


def test_a_warning_fails_when_asked(data: bytes, authority: Authority, club: pw.Template) -> None:
    leaf = Leaf(nfc=True, not_after=AT + timedelta(days=3))
    issued = authority.issue(leaf)
    identity = pw.apple.Identity(
        certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
    )
    old = pw.apple.PassBuilder(identity).build(club.issue("M-1", {"fullName": "Jane"}), at=AT)
    later = AT + timedelta(days=30)
    verdict = assert_valid_pkpass(old, trust=authority, at=later)
    assert verdict.report.warnings
    said = refusal(lambda: assert_valid_pkpass(old, trust=authority, at=later, strict=True))
    assert said[0] == "this .pkpass is not valid: 1 warning"
    assert said[2].startswith("warning: ")


@pytest.mark.parametrize("octets", [b"", b"PK", b"nothing", b"{}"])
def test_what_is_no_archive_is_refused_and_the_skipped_steps_are_told(octets: bytes) -> None:
    said = refusal(lambda: assert_valid_pkpass(octets))
    assert said[1].startswith("container failed, manifest skipped")
    assert sum(line.startswith("note: ") for line in said) == 4


def test_mistakes_of_the_test_itself_are_no_verdict(data: bytes) -> None:
    with pytest.raises(TypeError, match="the bytes of a"):
        assert_valid_pkpass("pass.pkpass")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no time zone"):
        assert_valid_pkpass(data, at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_path_is_no_pass_and_no_link(link: pw.google.SaveLink) -> None:
    """People hand in the file instead of what is in it."""
    for mistake, said in (
        (lambda: assert_valid_pkpass(Path("club.pkpass")), "the bytes of a .pkpass, not PosixPath"),  # type: ignore[arg-type]
        (lambda: assert_valid_save_link(link.url.encode()), "a save link is text, not bytes"),  # type: ignore[arg-type]
        (lambda: assert_bound(Path("club.pkpass")), "can be bound, not PosixPath"),  # type: ignore[arg-type]
        (lambda: assert_bound(None), "can be bound, not NoneType"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=re.escape(said)):
            mistake()


# --- Google's payloads ---


def test_class_and_object_of_ours_are_valid(payload: tuple[Payload, Payload]) -> None:
    assert not assert_valid_google_payload(payload[0], as_="loyaltyClass", strict=True).errors
    assert_valid_google_payload(json.dumps(payload[1]), as_="LoyaltyObject", bound=True)
    assert_valid_google_payload(json.dumps(payload[1]).encode(), as_="loyaltyObject")


def test_a_broken_object_is_refused_with_its_places(payload: tuple[Payload, Payload]) -> None:
    broken = {**payload[1], "id": "no id", "sate": "ACTIVE", "barcode": {"type": "QR_CODE", "value": "1"}}
    said = refusal(lambda: assert_valid_google_payload(broken, as_="loyaltyObject"))
    assert said[0].startswith("this loyaltyObject is not valid: ")
    text = "\n".join(said)
    for place in ("loyaltyObject#/id: ", "loyaltyObject#/sate: ", "loyaltyObject#/barcode: a bound pass"):
        assert place in text


def test_a_warning_about_a_payload_fails_when_asked(payload: tuple[Payload, Payload]) -> None:
    shared = {**payload[0], "multipleDevicesAndHoldersAllowedStatus": "MULTIPLE_HOLDERS"}
    assert assert_valid_google_payload(shared, as_="loyaltyClass", bound=True).warnings
    said = refusal(lambda: assert_valid_google_payload(shared, as_="loyaltyClass", bound=True, strict=True))
    assert said[0] == "this loyaltyClass is not valid: 1 warning"


@pytest.mark.parametrize(
    ("as_", "said"), [("pass.json", "use assert_valid_pkpass"), ("link", "use assert"), ("card", "none of")]
)
def test_what_is_no_payload_of_google_is_a_mistake_of_the_test(as_: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        assert_valid_google_payload({}, as_=as_)


# --- links ---


def test_a_link_of_the_example_issuer_gives_its_claims(
    link: pw.google.SaveLink, google_issuer: Issuer
) -> None:
    token = assert_valid_save_link(link)
    assert token.verified
    assert token.claims["iss"] == google_issuer.email
    assert assert_valid_save_link(link.url, issuer=google_issuer).claims == token.claims
    assert assert_valid_save_link(link.token, public_key=google_issuer.public_key).claims == token.claims  # type: ignore[arg-type]


def test_a_link_of_somebody_else_is_refused(link: pw.google.SaveLink, unbound_pass: Pass) -> None:
    other = Issuer(issuer_id="1", email="other@example.com", signer=KeySigner(new_key()))
    theirs = pw.google.PassBuilder(other).save_link(unbound_pass)
    assert_valid_save_link(theirs, issuer=other)
    said = refusal(lambda: assert_valid_save_link(link, issuer=other))
    assert said[1].startswith("error: signature: ")
    assert said[1].endswith("[bad-token-signature]")
    assert "this is the example's key" in refusal(lambda: assert_valid_save_link(theirs))[1]


def test_the_right_key_under_another_address_is_refused(
    link: pw.google.SaveLink, google_issuer: Issuer
) -> None:
    other = Issuer(issuer_id="1", email="other@example.com", signer=google_issuer.signer)
    said = refusal(lambda: assert_valid_save_link(link, issuer=other))
    assert said == ["this save link is not valid: 1 error", said[1]]
    assert said[1].startswith("error: claims#/iss: ")


@pytest.mark.parametrize("text", ["", "https://pay.google.com/gp/v/save/", "a.b.c", "https://example.com"])
def test_what_is_no_link_is_refused_once(text: str) -> None:
    said = refusal(lambda: assert_valid_save_link(text))
    assert said[0] == "this save link is not valid: 1 error"
    assert said[1].endswith("[bad-token]")


def test_a_mistake_in_the_claims_is_refused(google_issuer: Issuer, link: pw.google.SaveLink) -> None:
    from passwright.google.link import _b64
    from passwright.strict_json import dumps

    def signed(**changes: Any) -> str:
        claims = {**link.claims, **changes}
        message = f"{link.token.split('.')[0]}.{_b64(dumps(claims).encode()).decode()}"
        return f"{message}.{_b64(google_issuer.signer.sign(message.encode())).decode()}"

    assert_valid_save_link(signed())
    assert "claims#/iat" in refusal(lambda: assert_valid_save_link(signed(iat="now")))[1]
    assert "claims#/aud" in refusal(lambda: assert_valid_save_link(signed(aud="other")))[1]
    long = {"loyaltyObjects": [{**link.claims["payload"]["loyaltyObjects"][0], "accountId": "x" * 2000}]}
    assert_valid_save_link(signed(payload=long))
    said = refusal(lambda: assert_valid_save_link(signed(payload=long), strict=True))
    assert any("[link-too-long]" in line for line in said)


def test_a_key_is_needed_and_one_is_enough(link: pw.google.SaveLink, google_issuer: Issuer) -> None:
    class Elsewhere:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            return google_issuer.signer.sign(message)

    unknown = Issuer(issuer_id="1", email=google_issuer.email, signer=Elsewhere())
    with pytest.raises(ValueError, match="no public key to verify with"):
        assert_valid_save_link(link, issuer=unknown)
    with pytest.raises(ValueError, match="one of issuer and public_key"):
        assert_valid_save_link(link, issuer=google_issuer, public_key=google_issuer.public_key)  # type: ignore[arg-type]


# --- bound ---

PERSON = "jane@example.com"


def test_bound_passes_are_seen_to_be_bound(
    data: bytes, link: pw.google.SaveLink, payload: tuple[Payload, Payload]
) -> None:
    class_, object_ = payload
    document = json.loads(pkpass.read(data)["pass.json"])
    for subject in (data, memoryview(data), assert_valid_pkpass(data), document, json.dumps(document)):
        assert assert_bound(subject).ok  # type: ignore[arg-type]
    for subject in (
        link,
        link.url,
        link.token,
        link.claims,
        json.dumps(link.claims),
        assert_valid_save_link(link),
    ):
        assert assert_bound(subject, email=PERSON).ok
    assert assert_bound(object_, as_="loyaltyObject", email=PERSON).ok
    assert assert_bound(class_, as_="loyaltyClass").ok
    assert assert_bound({"payload": {"loyaltyClasses": [class_], "loyaltyObjects": [object_]}, **CLAIMS}).ok


CLAIMS = {"aud": "google", "typ": "savetowallet", "iss": "wallet@example.com", "iat": 1}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"barcodes": [{"format": "PKBarcodeFormatQR", "message": "1"}]}, "binding-forbids-barcode"),
        ({"barcode": {"format": "PKBarcodeFormatQR", "message": "1"}}, "binding-forbids-barcode"),
        ({"barcodes": "1"}, "binding-forbids-barcode"),
        ({"sharingProhibited": False}, "apple-binding-allows-sharing"),
        ({"sharingProhibited": "true"}, "wrong-type"),
        ({"nfc": {}}, "apple-binding-needs-nfc"),
        ({"nfc": {"message": "1"}}, "apple-binding-without-authentication"),
    ],
)
def test_a_pass_json_that_gives_something_away_is_not_bound(data: bytes, change: Payload, code: str) -> None:
    document = {**json.loads(pkpass.read(data)["pass.json"]), **change}
    broken = changed(data, "pass.json", json.dumps(document).encode())
    for subject in (document, broken):
        said = refusal(lambda subject=subject: assert_bound(subject))  # type: ignore[misc]
        assert any(line.endswith(f"[{code}]") for line in said), said


def test_a_pass_that_asks_for_a_sign_up_is_not_bound(data: bytes) -> None:
    asking = changed(data, "personalization.json", b"{}")
    assert any("personalization-on-bound-pass" in line for line in refusal(lambda: assert_bound(asking)))


def test_an_unbound_pass_is_not_bound(open_data: bytes, google_issuer: Issuer, unbound_pass: Pass) -> None:
    builder = pw.google.PassBuilder(google_issuer)
    link = builder.save_link(unbound_pass)
    assert refusal(lambda: assert_bound(open_data))[0] == "this pkpass is not bound to one person: 2 warnings"
    for subject, as_ in (
        (link, None),
        (link.claims, None),
        (builder.payload(unbound_pass)[1], "loyaltyObject"),
    ):
        said = refusal(lambda subject=subject, as_=as_: assert_bound(subject, as_=as_))  # type: ignore[misc]
        assert any(
            "/saveRestrictions/restrictToEmailSha256: the object holds no restriction" in line
            for line in said
        )


def test_a_pass_of_another_person_is_not_this_ones(
    link: pw.google.SaveLink, payload: tuple[Payload, Payload]
) -> None:
    said = refusal(lambda: assert_bound(link, email="john@example.com"))
    assert said[1].startswith(
        "error: claims#/payload/loyaltyObjects/0/saveRestrictions/restrictToEmailSha256: "
    )
    assert "john" not in "".join(said)
    assert (
        "another address"
        in refusal(
            lambda: assert_bound(payload[1], as_="loyaltyObject", email=PERSON, email_policy=str.upper)
        )[1]
    )
    with pytest.raises(BindingInvalid):
        assert_bound(link, email="nobody")


def test_a_link_that_shows_no_object_proves_nothing(payload: tuple[Payload, Payload]) -> None:
    only_id = {**CLAIMS, "payload": {"loyaltyObjects": [{"id": payload[1]["id"]}]}}
    assert "binding-unproved" in refusal(lambda: assert_bound(only_id))[1]
    no_object = {**CLAIMS, "payload": {"loyaltyClasses": [payload[0]]}}
    assert "no object to carry a restriction" in "".join(refusal(lambda: assert_bound(no_object)))
    nothing = {**CLAIMS, "payload": []}
    assert any("binding-unproved" in line for line in refusal(lambda: assert_bound(nothing)))


def test_a_class_that_several_may_hold_lets_go_of_the_binding(payload: tuple[Payload, Payload]) -> None:
    class_ = {**payload[0], "multipleDevicesAndHoldersAllowedStatus": "MULTIPLE_HOLDERS"}
    both = {**CLAIMS, "payload": {"loyaltyClasses": [class_], "loyaltyObjects": [payload[1]]}}
    for subject, as_ in ((class_, "loyaltyClass"), (both, "save-claims")):
        said = refusal(lambda subject=subject, as_=as_: assert_bound(subject, as_=as_))  # type: ignore[misc]
        assert any("binding-allows-many-holders" in line for line in said)


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (b"nothing", "not-a-zip"),
        (b'{"formatVersion": 1,,}', "bad-json"),
        ('{"formatVersion": 1,,}', "bad-json"),
        ("a.b.c", "bad-token"),
        ("", "bad-token"),
    ],
)
def test_what_cannot_be_read_is_not_known_to_be_bound(subject: Any, code: str) -> None:
    assert any(line.endswith(f"[{code}]") for line in refusal(lambda: assert_bound(subject)))


def test_a_pass_json_that_holds_no_object_is_not_bound(data: bytes) -> None:
    for octets, code in ((b"[]", "wrong-type"), (b"{", "bad-json")):
        said = refusal(lambda octets=octets: assert_bound(changed(data, "pass.json", octets)))  # type: ignore[misc]
        assert said[1].endswith(f"[{code}]")


@pytest.mark.parametrize("subject", [{"id": "1.2"}, '{"id": "1.2"}', "{}", b"{}", b'{"id": 1}'])
def test_where_it_cannot_be_seen_what_it_is_the_test_says_it(subject: Any) -> None:
    with pytest.raises(ValueError, match="say what this is: as_ is one of"):
        assert_bound(subject)


# --- keys for builders in other languages ---


def test_an_authority_leaves_files_that_other_builders_sign_with(
    wallet_authority: Authority, tmp_path: Path, unbound_pass: Pass
) -> None:
    leaf = Leaf(pass_type="pass.com.example.theirs", team="THEIRTEAM1", nfc=True)
    keys = wallet_authority.write(tmp_path / "keys", leaf)
    assert sorted(path.name for path in keys.iterdir()) == [
        *("pass.key", "pass.p12", "pass.pem"),
        *("root.pem", "wwdr.pem"),
    ]
    assert (keys / "pass.key").stat().st_mode & 0o777 == 0o600
    identity = pw.apple.Identity.from_pem(
        *((keys / name).read_bytes() for name in ("pass.pem", "pass.key", "wwdr.pem"))
    )
    verdict = assert_valid_pkpass(pw.apple.PassBuilder(identity).build(unbound_pass))
    assert (verdict.pass_type_identifier, verdict.team_identifier) == (leaf.pass_type, leaf.team)
    same = pw.apple.Identity.from_p12((keys / "pass.p12").read_bytes(), password="passwright")
    assert same.certificate == identity.certificate
