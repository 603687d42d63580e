"""The passkey ceremony: what a sound phone answers is taken, and each mandatory check alone refuses."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.binding.lifecycle import Evidence
from passwright.errors import AttemptRefused
from passwright.service.proofs.passkeys import PasskeyProvider
from passwright.service.proofs.protocol import Challenge, ChallengeSubject, StoredCredential, payload_digest
from passwright.service.vault import KeyRing, Vault
from passwright.testing.fakes.authenticator import FakeAuthenticator, Passkey, cbor

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGIN = "https://passes.example.com"
URL = "https://support.example.com/pass-help"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CARD = ChallengeSubject("org-1", "pass-1", "Coffee Club", URL)
OTHER = ChallengeSubject("org-1", "pass-2", "Coffee Club", URL)
ATTEMPT = "attempt-of-22-letters-"
VAULT = Vault(KeyRing.create("one"))

Answer = dict[str, Any]


@pytest.fixture
def gate() -> PasskeyProvider:
    return PasskeyProvider(origin=ORIGIN, name="Example Coffee", vault=VAULT)


@pytest.fixture
def phone() -> FakeAuthenticator:
    return FakeAuthenticator(ORIGIN)


def nobody(_: str) -> bool:
    return False


def begin(
    gate: PasskeyProvider, credential: StoredCredential | None = None, subject: ChallengeSubject = CARD
) -> Challenge:
    return gate.begin(subject, attempt_id=ATTEMPT, at=NOW, credential=credential)


def options(offer: Challenge) -> Any:
    return offer.shown["publicKey"]


def complete(
    gate: PasskeyProvider,
    offer: Challenge,
    credential: object,
    stored: StoredCredential | None = None,
    is_registered: Callable[[str], bool] = nobody,
) -> StoredCredential:
    payload = {"attemptId": ATTEMPT, "credential": credential}
    return gate.complete(CARD, offer.state, payload, is_registered=is_registered, credential=stored)


def refused(
    gate: PasskeyProvider,
    offer: Challenge,
    credential: object,
    stored: StoredCredential | None = None,
    is_registered: Callable[[str], bool] = nobody,
) -> str:
    """Why a credential is refused; the caller is told `proof_invalid` and nothing else."""
    with pytest.raises(AttemptRefused) as caught:
        complete(gate, offer, credential, stored, is_registered)
    assert caught.value.code == "proof_invalid"
    assert str(caught.value) == "the proof does not fit the attempt: begin again"
    return str(caught.value.__cause__)


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


# --- what the page gets


def test_the_options_are_those_of_the_order() -> None:
    """W3C Web Authentication Level 2, section 5.4, with what a bound pass insists on."""
    gate = PasskeyProvider(
        origin=ORIGIN, name="Example Coffee", vault=VAULT, random=lambda size: b"\1" * size
    )

    shown = begin(gate).shown

    assert shown["attemptId"] == ATTEMPT
    assert shown["expiresAt"] == "2026-03-01T12:05:00+00:00"
    asked = shown["publicKey"]
    assert asked["rp"] == {"id": "passes.example.com", "name": "Example Coffee"}
    assert {asked["user"]["name"], asked["user"]["displayName"]} == {"Coffee Club"}
    assert asked["challenge"] == text(b"\1" * 32)
    assert asked["pubKeyCredParams"] == [{"type": "public-key", "alg": -7}]
    assert (asked["timeout"], asked["attestation"]) == (300_000, "none")
    wanted = {
        "authenticatorAttachment": "platform",
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "required",
    }
    assert asked["authenticatorSelection"] == wanted


def test_an_offer_and_a_credential_are_json(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    """A store keeps state and credential as JSON, and gives back just that."""
    offer = begin(gate)
    stored = complete(gate, offer, phone.create(options(offer)))

    for each in (offer.shown, offer.state, stored.data):
        assert json.loads(json.dumps(each)) == each


def test_no_two_attempts_share_a_challenge_and_all_of_a_pass_share_a_handle(gate: PasskeyProvider) -> None:
    """A device that tries twice replaces its passkey instead of keeping two."""
    first, second, other = begin(gate), begin(gate), begin(gate, subject=OTHER)

    assert options(first)["challenge"] != options(second)["challenge"]
    assert options(first)["user"]["id"] == options(second)["user"]["id"]
    assert options(first)["user"]["id"] != options(other)["user"]["id"]
    assert len(octets(options(first)["user"]["id"])) == 32


def test_another_download_asks_for_the_stored_passkey_alone(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    offer = begin(gate)
    stored = complete(gate, offer, phone.create(options(offer)))

    asked = options(begin(gate, stored))

    assert asked["rpId"] == "passes.example.com"
    assert asked["userVerification"] == "required"
    assert asked["allowCredentials"] == [
        {"type": "public-key", "id": stored.id, "transports": ["hybrid", "internal"]}
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "https://passes.example.com/",
        "https://passes.example.com:443",
        "https://Passes.example.com",
        "http://passes.example.com",
        "https://user@passes.example.com",
        "passes.example.com",
        "https://",
        "http://localhost:80",
        "http://127.0.0.1:8000",
    ],
)
def test_an_origin_that_no_browser_would_tell_is_refused_at_once(origin: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        PasskeyProvider(origin=origin, name="Example Coffee", vault=VAULT)


@pytest.mark.parametrize("rp_id", ["com", "xample.com", "example.org", "www.passes.example.com"])
def test_an_rp_id_is_the_host_or_a_parent_of_it(rp_id: str) -> None:
    with pytest.raises(ValueError, match="can't be the rp id"):
        PasskeyProvider(origin=ORIGIN, name="Example Coffee", vault=VAULT, rp_id=rp_id)


def test_a_parent_domain_may_be_the_rp_id_and_the_origin_stays_exact() -> None:
    gate = PasskeyProvider(origin=ORIGIN, name="Example Coffee", vault=VAULT, rp_id="example.com")
    offer = begin(gate)

    assert complete(gate, offer, FakeAuthenticator(ORIGIN).create(options(offer))).id
    assert "Invalid origin" in refused(
        gate, offer, FakeAuthenticator("https://www.example.com").create(options(offer))
    )


# --- the first download: each check of section 7.1 alone


def test_a_sound_phone_gets_through_and_leaves_its_passkey(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    offer = begin(gate)

    stored = complete(gate, offer, phone.create(options(offer)))

    assert stored.id == text(phone.passkeys[0].id)
    assert gate.evidence is Evidence.WEBAUTHN
    assert gate.members(stored) == {}
    assert stored.data["aaguid"] == "0" * 32
    assert stored.data["counter"] == 0
    assert stored.data["backupEligible"] is stored.data["backedUp"] is True
    assert stored.data["transports"] == ["hybrid", "internal"]


def test_localhost_is_an_origin_for_trying_things_out() -> None:
    gate = PasskeyProvider(origin="http://localhost:8000", name="Example Coffee", vault=VAULT)
    offer = begin(gate)

    assert complete(gate, offer, FakeAuthenticator("http://localhost:8000").create(options(offer))).id


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "type": ({"type": "webauthn.get"}, "Incorrect type"),
    "challenge": ({"challenge": text(b"\1" * 32)}, "Wrong challenge"),
    "challenge cut": ({"challenge": text(b"\1" * 16)}, "Wrong challenge"),
    "origin": ({"origin": "https://evil.example"}, "Invalid origin"),
    "origin of a sub-domain": ({"origin": "https://a.passes.example.com"}, "Invalid origin"),
    "origin of a parent domain": ({"origin": "https://example.com"}, "Invalid origin"),
    "origin with a port": ({"origin": "https://passes.example.com:8443"}, "Invalid origin"),
    "origin without TLS": ({"origin": "http://passes.example.com"}, "Invalid origin"),
    "origin that begins alike": ({"origin": "https://passes.example.com.evil.example"}, "Invalid origin"),
    "cross origin": ({"crossOrigin": True}, "another origin"),
    "cross origin as text": ({"crossOrigin": "no"}, "another origin"),
    "top origin": ({"topOrigin": "https://evil.example"}, "another origin"),
    "rp id": ({"rp_id": "evil.example"}, "Wrong RP ID hash"),
    "user not present": ({"user_present": False}, "User Present"),
    "user not verified": ({"user_verified": False}, "User Verified"),
}
ONLY_FIRST: dict[str, tuple[dict[str, Any], str]] = {
    "no credential attached": ({"attached": False}, "no credential is attested"),
    "algorithm not offered": ({"algorithm": -257}, "not offered"),
    "algorithm of another name": ({"algorithm": -9}, "not offered"),
}


@pytest.mark.parametrize(("bent", "why"), (BENT | ONLY_FIRST).values(), ids=BENT | ONLY_FIRST)
def test_bnd_09_one_wrong_thing_in_a_new_passkey_refuses_it(
    gate: PasskeyProvider, phone: FakeAuthenticator, bent: dict[str, Any], why: str
) -> None:
    offer = begin(gate)

    assert why in refused(gate, offer, phone.create(options(offer), **bent))


def test_bnd_09_the_answer_to_another_attempt_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    """Of the same pass or of another one: the challenge tells them apart."""
    offer = begin(gate)

    for other in (begin(gate), begin(gate, subject=OTHER)):
        assert "Wrong challenge" in refused(gate, offer, phone.create(options(other)))


def test_bnd_09_a_passkey_that_is_known_already_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    """Otherwise whoever watched one pass could bring its passkey to another."""
    offer = begin(gate)
    answer = phone.create(options(offer))
    taken = {text(phone.passkeys[0].id)}

    assert "known already" in refused(gate, offer, answer, is_registered=taken.__contains__)


POINT = Passkey("", "").key.public_key().public_numbers()
X, Y = (value.to_bytes(32, "big") for value in (POINT.x, POINT.y))
KEYS = {
    "not on the curve": {1: 2, 3: -7, -1: 1, -2: X, -3: bytes(31) + b"\1"},
    "cut": {1: 2, 3: -7, -1: 1, -2: X, -3: Y[:31]},
    "coordinates as numbers": {1: 2, 3: -7, -1: 1, -2: 5, -3: 7},
    "another curve": {1: 2, 3: -7, -1: 2, -2: X, -3: Y},
    "another type of key": {1: 3, 3: -7, -1: 1, -2: X, -3: Y},
    "compressed": {1: 2, 3: -7, -1: 1, -2: X},
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_public_key_that_could_verify_nothing_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator, key: dict[int, Any]
) -> None:
    """Stored, it would lock the holder out of every other download."""
    offer = begin(gate)

    assert "not on P-256" in refused(gate, offer, phone.create(options(offer), public_key=cbor(key)))


def test_a_credential_id_names_what_is_attested(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    offer = begin(gate)
    answer = phone.create(options(offer))

    assert "another credential" in refused(gate, offer, answer | {"id": text(b"x"), "rawId": text(b"x")})
    assert "differ" in refused(gate, offer, answer | {"rawId": text(b"x")})


@pytest.mark.parametrize(("size", "fits"), [(1023, True), (1024, False)])
def test_a_credential_id_has_at_most_1023_bytes(
    gate: PasskeyProvider, phone: FakeAuthenticator, size: int, *, fits: bool
) -> None:
    offer = begin(gate)
    answer = phone.create(options(offer), passkey=Passkey("", "", id=bytes(range(256)) * 4))
    answer = phone.create(options(offer), passkey=Passkey("", "", id=(bytes(range(256)) * 4)[:size]))

    if fits:
        assert complete(gate, offer, answer).id == answer["id"]
    else:
        assert "too long" in refused(gate, offer, answer)


def with_attestation(answer: Answer, attestation: bytes) -> Answer:
    return {**answer, "response": {**answer["response"], "attestationObject": text(attestation)}}


def attestation(answer: Answer) -> bytes:
    return octets(answer["response"]["attestationObject"])


def test_cbor_that_is_cut_anywhere_is_refused(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    offer = begin(gate)
    answer = phone.create(options(offer))
    whole = attestation(answer)

    for size in range(1, len(whole)):
        refused(gate, offer, with_attestation(answer, whole[:size]))
    refused(gate, offer, with_attestation(answer, whole + b"\0"))
    assert complete(gate, offer, with_attestation(answer, whole)).id == answer["id"]


HOSTILE = {
    "nothing": b"",
    "a number": cbor(1),
    "text": cbor("attestation"),
    "an empty map": cbor({}),
    "a member more": cbor({"fmt": "none", "attStmt": {}, "authData": b"", "more": 1}),
    # Read as so many octets it would take all memory there is.
    "authenticator data as a number": cbor({"fmt": "none", "attStmt": {}, "authData": 2**40}),
    "no format": cbor({"fmt": 1, "attStmt": {}, "authData": b""}),
    "arrays without end": b"\x81" * 6000,
    "maps without end": b"\xa1" * 6000,
    "an array of 2**64 members": b"\x9b" + b"\xff" * 8,
    "octets that are not there": b"\x5b" + b"\xff" * 8,
    "a tag": b"\xc0" + cbor("2026-03-01T12:00:00Z"),
    "a float": b"\xfb" + bytes(8),
    "a map as a key": b"\xa1\xa0\x00",
    "text that is no UTF-8": b"\x62\xff\xff",
}


@pytest.mark.parametrize("octets_", HOSTILE.values(), ids=HOSTILE)
def test_hostile_cbor_is_refused(gate: PasskeyProvider, phone: FakeAuthenticator, octets_: bytes) -> None:
    offer = begin(gate)

    refused(gate, offer, with_attestation(phone.create(options(offer)), octets_))


CLIENT_DATA = {
    "no JSON": b"{",
    "no object": b"[1]",
    "a member twice": b'{"type":"webauthn.create","type":"webauthn.create","challenge":"AQ","origin":"o"}',
    "no UTF-8": b"\xff\xfe{}",
    "no challenge": b'{"type":"webauthn.create","origin":"https://passes.example.com"}',
    "a challenge of another kind": b'{"type":"webauthn.create","challenge":1,"origin":"o"}',
    "a challenge with padding": b'{"type":"webauthn.create","challenge":"AQ==","origin":"o"}',
    "brackets without end": b"[" * 6000,
}


@pytest.mark.parametrize("claimed", CLIENT_DATA.values(), ids=CLIENT_DATA)
def test_hostile_client_data_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator, claimed: bytes
) -> None:
    offer = begin(gate)
    answer = phone.create(options(offer))

    refused(gate, offer, {**answer, "response": {**answer["response"], "clientDataJSON": text(claimed)}})


SHAPES: dict[str, Callable[[Answer], object]] = {
    "nothing": lambda _: None,
    "text": lambda _: "credential",
    "a list": lambda answer: [answer],
    "no response": lambda answer: {**answer, "response": None},
    "another type": lambda answer: {**answer, "type": "password"},
    "no id": lambda answer: {**answer, "id": None},
    "an empty id": lambda answer: {**answer, "id": "", "rawId": ""},
    "an id with a line break": lambda answer: {**answer, "id": answer["id"] + "\n"},
    "an id with padding": lambda answer: {**answer, "id": answer["id"] + "=", "rawId": answer["id"] + "="},
    "a client data of 20 kB": lambda answer: {
        **answer,
        "response": {**answer["response"], "clientDataJSON": "A" * 20_000},
    },
    "an attestation of 20 kB": lambda answer: with_attestation(answer, bytes(15_000)),
    "an attestation as a list": lambda answer: {
        **answer,
        "response": {**answer["response"], "attestationObject": [1, 2]},
    },
}


@pytest.mark.parametrize("bend", SHAPES.values(), ids=SHAPES)
def test_what_is_no_credential_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator, bend: Callable[[Answer], object]
) -> None:
    offer = begin(gate)

    refused(gate, offer, bend(phone.create(options(offer))))


def test_what_a_browser_adds_does_not_disturb(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    """Section 5.8.1: client data may get members; toJSON of Level 3 tells more than counts here."""
    offer = begin(gate)
    answer = phone.create(options(offer), other_keys_can_be_added_here="do not compare")
    answer["response"] |= {"publicKeyAlgorithm": -7, "transports": ["internal", 5, "telepathy"]}

    assert complete(gate, offer, answer).data["transports"] == ["internal"]


# --- another download: each check of section 7.2 alone


def bound(gate: PasskeyProvider, phone: FakeAuthenticator) -> tuple[StoredCredential, Challenge]:
    """The passkey of a bound pass, and an open attempt for another download."""
    offer = begin(gate)
    stored = complete(gate, offer, phone.create(options(offer)))
    return stored, begin(gate, stored)


def test_the_stored_passkey_opens_another_download(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    stored, offer = bound(gate, phone)

    assert complete(gate, offer, phone.get(options(offer)), stored) == stored


@pytest.mark.parametrize(
    ("bent", "why"),
    (BENT | {"type": ({"type": "webauthn.create"}, "Incorrect type")}).values(),
    ids=BENT,
)
def test_bnd_09_one_wrong_thing_in_an_assertion_refuses_it(
    gate: PasskeyProvider, phone: FakeAuthenticator, bent: dict[str, Any], why: str
) -> None:
    stored, offer = bound(gate, phone)

    assert why.casefold() in refused(gate, offer, phone.get(options(offer), **bent), stored).casefold()


def test_bnd_09_another_passkey_is_refused(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    """Another id is unknown; another key under the same id makes no signature that fits."""
    stored, offer = bound(gate, phone)
    stranger = Passkey("passes.example.com", "", id=phone.passkeys[0].id)

    answer = phone.get(options(offer), passkey=Passkey("passes.example.com", ""))
    assert "Unknown credential" in refused(gate, offer, answer, stored)
    assert "Invalid signature" in refused(gate, offer, phone.get(options(offer), passkey=stranger), stored)


def test_an_assertion_changed_on_its_way_is_refused(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    """Every member is signed or compared; here the backup flag is set afterwards."""
    stored, offer = bound(gate, phone)
    answer = phone.get(options(offer))
    data = bytearray(octets(answer["response"]["authenticatorData"]))
    data[32] ^= 0x10
    response = {**answer["response"], "authenticatorData": text(bytes(data))}

    assert "Invalid signature" in refused(gate, offer, {**answer, "response": response}, stored)


def test_neither_kind_of_answer_stands_in_for_the_other(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    stored, again = bound(gate, phone)
    first = begin(gate)

    refused(gate, again, phone.create(options(first)), stored)
    refused(gate, first, phone.get(options(again)), stored)
    assert "no credential to ask for" in refused(gate, again, phone.get(options(again)))


def test_an_assertion_that_is_cut_anywhere_is_refused(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    stored, offer = bound(gate, phone)
    answer = phone.get(options(offer))

    for member in ("authenticatorData", "signature", "clientDataJSON"):
        whole = octets(answer["response"][member])
        for size in range(len(whole)):
            response = {**answer["response"], member: text(whole[:size])}
            refused(gate, offer, {**answer, "response": response}, stored)


@pytest.mark.parametrize(
    ("before", "told", "fits"),
    [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)],
)
def test_a_counter_goes_up_or_stays_at_zero(
    gate: PasskeyProvider, phone: FakeAuthenticator, before: int, told: int, *, fits: bool
) -> None:
    """Section 7.2 step 21: compared only if either is not zero."""
    stored, _ = bound(gate, phone)
    stored = StoredCredential(stored.id, {**stored.data, "counter": before})
    offer = begin(gate, stored)
    answer = phone.get(options(offer), counter=told)

    if fits:
        assert complete(gate, offer, answer, stored).data["counter"] == told
    else:
        assert "counter went back" in refused(gate, offer, answer, stored)


def test_a_phone_that_counts_is_followed(gate: PasskeyProvider) -> None:
    phone = FakeAuthenticator(ORIGIN, counts=True)
    stored, offer = bound(gate, phone)

    after = complete(gate, offer, phone.get(options(offer)), stored)

    assert (stored.data["counter"], after.data["counter"]) == (1, 2)
    assert stored.data["backupEligible"] is stored.data["backedUp"] is False


# --- repeats, and everything else a network brings


def test_a_repeat_is_the_same_json() -> None:
    first = {"attemptId": "a", "credential": {"id": "b", "list": [{"x": 1, "y": 2}]}}
    again = {"credential": {"list": [{"y": 2, "x": 1}], "id": "b"}, "attemptId": "a"}

    assert payload_digest(first) == payload_digest(again)
    assert payload_digest(first) != payload_digest({**first, "attemptId": "b"})
    assert payload_digest({"a": [1, 2]}) != payload_digest({"a": [2, 1]})
    assert payload_digest({"a": "\ud800"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@pytest.mark.no_cover
@given(payload=st.dictionaries(st.sampled_from(["credential", "attemptId"]), JSON))
def test_no_json_gets_through_or_breaks_anything(payload: dict[str, Any]) -> None:
    gate = PasskeyProvider(origin=ORIGIN, name="Example Coffee", vault=VAULT)

    with pytest.raises(AttemptRefused):
        gate.complete(CARD, begin(gate).state, payload, is_registered=nobody)


@pytest.mark.no_cover
@pytest.mark.parametrize("member", ["authenticatorData", "signature", "clientDataJSON"])
def test_no_flipped_bit_gets_through(gate: PasskeyProvider, phone: FakeAuthenticator, member: str) -> None:
    stored, offer = bound(gate, phone)
    answer = phone.get(options(offer))
    whole = octets(answer["response"][member])

    for place in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        response = {**answer["response"], member: text(bytes(changed))}
        refused(gate, offer, {**answer, "response": response}, stored)


def test_key_04_offers_credentials_and_gates_show_nothing(
    gate: PasskeyProvider, phone: FakeAuthenticator
) -> None:
    stored, offer = bound(gate, phone)

    for each in (stored, offer, gate):
        assert options(offer)["challenge"] not in repr(each)
        assert stored.data["credentialData"] not in repr(each)


def test_a_phone_without_the_passkey_says_so(gate: PasskeyProvider, phone: FakeAuthenticator) -> None:
    _, offer = bound(gate, phone)

    with pytest.raises(LookupError, match="none of the passkeys"):
        FakeAuthenticator(ORIGIN).get(options(offer))
    with pytest.raises(TypeError, match="no float"):
        cbor(1.5)
