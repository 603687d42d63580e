"""Wallet's issuer binding: what goes out is signed byte for byte, what comes back is checked in form."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from passwright import Binding, Template, apple
from passwright.apple.cms import signature as cms_signature
from passwright.apple.container import pkpass
from passwright.binding.lifecycle import Evidence
from passwright.errors import AttemptRefused, InvalidInput, KeyMaterialError
from passwright.examples.authority import PASS_TYPE, TEAM
from passwright.service.proofs.issuer_binding import HAND_OVER, IssuerBindingProvider
from passwright.service.proofs.protocol import Challenge, ChallengeSubject, StoredCredential
from passwright.service.vault import KeyRing, Vault

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.examples.authority import Authority

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
URL = "https://support.example.com/pass-help"
CALLBACK = "https://passes.example.com/wallet/binding"
CARD = ChallengeSubject("org-1", "pass-1", "Kaffeeklub „München“", URL)
BLOB, KEY = "00ffAB" * 20, "9f" * 32
VAULT = Vault(KeyRing.create("one"))


@pytest.fixture
def wallet(authority: Authority) -> IssuerBindingProvider:
    return provider(authority)


def provider(authority: Authority, *, nfc: bool = True, callback: str = CALLBACK) -> IssuerBindingProvider:
    identity = authority.identity(nfc=nfc)
    return IssuerBindingProvider(
        identity=identity, callback=callback, rp_id="passes.example.com", vault=VAULT
    )


def begin(wallet: IssuerBindingProvider, credential: StoredCredential | None = None) -> Challenge:
    return wallet.begin(CARD, attempt_id="attempt-1", at=NOW, credential=credential)


def complete(
    wallet: IssuerBindingProvider, payload: dict[str, Any], credential: StoredCredential | None = None
) -> StoredCredential:
    return wallet.complete(CARD, {}, payload, is_registered=lambda _: True, credential=credential)


def issuer_data(offer: Challenge) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.b64decode(offer.shown["issuerData"]))
    return members


# --- handing over


def test_the_issuer_data_has_the_observed_members(wallet: IssuerBindingProvider) -> None:
    members = issuer_data(begin(wallet))

    profile = members.pop("fidoProfile")
    assert members == {
        "displayableName": "Kaffeeklub „München“",
        "passTypeIdentifier": PASS_TYPE,
        "teamIdentifier": TEAM,
        "sessionIdentifier": "attempt-1",
        "creationTimestamp": "2026-03-01T11:59:55+00:00",
        "callbackURL": "https://passes.example.com/wallet/binding/pass-1",
    }
    assert profile.keys() == {"relyingPartyIdentifier", "accountHash"}
    assert profile["relyingPartyIdentifier"] == "passes.example.com"
    assert len(profile["accountHash"]) == 64


def test_the_link_carries_the_very_bytes_that_are_signed(
    wallet: IssuerBindingProvider, authority: Authority
) -> None:
    """Two parts in standard base64 joined by "&", the same as for an app; the CMS is over the first one."""
    shown = begin(wallet).shown

    start, _, fragment = shown["walletUrl"].partition("#")
    data, _, signature = fragment.partition("&")
    assert start == HAND_OVER
    assert (data, signature) == (shown["issuerData"], shown["signature"])
    signed = cms_signature.parse(base64.b64decode(signature))
    leaf, findings = cms_signature.verify(signed, base64.b64decode(data))
    assert leaf == authority.identity(nfc=True).certificate
    assert findings == ()
    assert signed.signing_time == datetime(2026, 3, 1, 11, 59, 55, tzinfo=UTC)
    assert signed.content is None


@pytest.mark.foreign("openssl")
def test_openssl_verifies_the_signature_over_the_link(
    wallet: IssuerBindingProvider, authority: Authority, tmp_path: Path
) -> None:
    shown = begin(wallet).shown
    for name in ("issuerData", "signature"):
        (tmp_path / name).write_bytes(base64.b64decode(shown[name]))
    root = tmp_path / "root.pem"
    octets = base64.encodebytes(authority.root).decode()
    root.write_text(f"-----BEGIN CERTIFICATE-----\n{octets}-----END CERTIFICATE-----\n")

    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(tmp_path / "signature")]
    command += ["-content", str(tmp_path / "issuerData"), "-CAfile", str(root), "-purpose", "any"]
    command += ["-attime", str(int(NOW.timestamp())), "-out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == (tmp_path / "issuerData").read_bytes()


def test_one_changed_byte_of_the_issuer_data_breaks_the_signature(wallet: IssuerBindingProvider) -> None:
    shown = begin(wallet).shown
    data = base64.b64decode(shown["issuerData"]).replace(b"attempt-1", b"attempt-2")

    with pytest.raises(InvalidInput, match="another"):
        cms_signature.verify(cms_signature.parse(base64.b64decode(shown["signature"])), data)


def test_an_offer_is_dated_back_and_ends_when_wallet_says(wallet: IssuerBindingProvider) -> None:
    """A server whose clock is a few seconds ahead of the device still gets through."""
    offer = begin(wallet)
    created = datetime.fromisoformat(issuer_data(offer)["creationTimestamp"])

    assert timedelta(seconds=5) <= NOW - created < timedelta(seconds=6)
    assert datetime.fromisoformat(offer.shown["expiresAt"]) - created == timedelta(seconds=300)


def test_the_account_is_named_by_a_keyed_hash_of_the_pass(authority: Authority) -> None:
    """Constant for the pass, another for another pass and another ring; nothing of it is an address."""
    wallet = provider(authority)
    other = ChallengeSubject("org-1", "pass-2", "Club", URL)

    first = issuer_data(begin(wallet))["fidoProfile"]["accountHash"]
    assert issuer_data(begin(provider(authority)))["fidoProfile"]["accountHash"] == first
    second = wallet.begin(other, attempt_id="attempt-2", at=NOW)
    assert issuer_data(second)["fidoProfile"]["accountHash"] != first


@pytest.mark.parametrize("callback", ["http://passes.example.com/x", "https://localhost/x", "/wallet"])
def test_a_callback_is_a_public_https_url(authority: Authority, callback: str) -> None:
    with pytest.raises(ValueError, match="the callback"):
        provider(authority, callback=callback)


def test_a_certificate_without_apples_mark_for_nfc_is_refused(authority: Authority) -> None:
    with pytest.raises(KeyMaterialError, match="marked for NFC"):
        provider(authority, nfc=False)


# --- the callback


def test_a_sound_callback_is_kept_as_received(wallet: IssuerBindingProvider) -> None:
    stored = complete(wallet, {"issuerBindingData": BLOB, "keyHash": KEY})

    assert wallet.evidence is Evidence.APPLE_ISSUER_BINDING
    assert stored.id is None
    members = wallet.members(stored)
    assert members["issuerBindingData"] == {"issuerBindingData": BLOB, "learnMoreURL": URL}
    assert members["fidoProfile"]["keyHash"] == KEY
    assert json.loads(json.dumps(stored.data)) == stored.data


def test_a_callback_may_leave_the_key_hash_out(wallet: IssuerBindingProvider) -> None:
    for payload in ({"issuerBindingData": BLOB}, {"issuerBindingData": BLOB, "keyHash": None}):
        assert "keyHash" not in wallet.members(complete(wallet, payload))["fidoProfile"]


BROKEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no blob": {"keyHash": KEY},
    "an empty blob": {"issuerBindingData": ""},
    "half a byte": {"issuerBindingData": "abc"},
    "no hex": {"issuerBindingData": "zz"},
    "a line break": {"issuerBindingData": "ab\n"},
    "digits of another alphabet": {"issuerBindingData": "\u0661\u0662"},
    "a blob of 8 KiB and a byte": {"issuerBindingData": "ab" * 8193},
    "a blob as a list": {"issuerBindingData": ["ab"]},
    "an empty key hash": {"issuerBindingData": BLOB, "keyHash": ""},
    "a key hash that is no hex": {"issuerBindingData": BLOB, "keyHash": "x"},
    "a key hash of 8 KiB and a byte": {"issuerBindingData": BLOB, "keyHash": "ab" * 8193},
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_a_broken_callback_is_refused(wallet: IssuerBindingProvider, payload: dict[str, Any]) -> None:
    with pytest.raises(AttemptRefused) as caught:
        complete(wallet, payload)

    assert caught.value.code == "proof_invalid"


def test_a_blob_of_8_kib_is_taken(wallet: IssuerBindingProvider) -> None:
    assert complete(wallet, {"issuerBindingData": "ab" * 8192}).data["issuerBindingData"]


# --- another download, and later versions


def test_another_download_names_the_stored_key_and_replaces_the_blob(wallet: IssuerBindingProvider) -> None:
    stored = complete(wallet, {"issuerBindingData": BLOB, "keyHash": KEY})

    assert issuer_data(begin(wallet, stored))["fidoProfile"]["keyHash"] == KEY
    for payload in ({"issuerBindingData": "cd"}, {"issuerBindingData": "cd", "keyHash": KEY.upper()}):
        after = wallet.members(complete(wallet, payload, stored))
        assert after["issuerBindingData"]["issuerBindingData"] == "cd"
        assert after["fidoProfile"]["keyHash"].casefold() == KEY


def test_another_account_is_refused(wallet: IssuerBindingProvider) -> None:
    stored = complete(wallet, {"issuerBindingData": BLOB, "keyHash": KEY})

    with pytest.raises(AttemptRefused, match="another account"):
        complete(wallet, {"issuerBindingData": BLOB, "keyHash": "00" * 32}, stored)


def test_every_version_of_the_pass_repeats_both_members(
    wallet: IssuerBindingProvider, authority: Authority, club: Template
) -> None:
    """Signed, read back and verified; other values change, these stay."""
    members = wallet.members(complete(wallet, {"issuerBindingData": BLOB, "keyHash": KEY}))
    builder = apple.PassBuilder(authority.identity(nfc=True))
    for tier in ("Bronze", "Gold"):
        card = club.issue(
            "M-1",
            {"fullName": "Jane Smith", "tier": tier},
            nfc="M-1",
            binding=Binding("jane@gmail.com", URL),
            apple=dict(members),
        )

        data = builder.build(card, at=NOW)

        assert apple.verify(data, trust=authority.trust, at=NOW).ok
        document = json.loads(pkpass.read(data)["pass.json"])
        assert {name: document[name] for name in members} == members
        assert document["sharingProhibited"] is True
        assert "apple-binding-not-enforced-by-file" not in {each.code for each in builder.report(card)}
