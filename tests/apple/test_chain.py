"""Identities refuse what Apple refuses; chains lead to a root or say why not."""

from __future__ import annotations

import copy
import pickle
import traceback
import warnings
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from passwright.apple.cms import der
from passwright.apple.identity import Identity
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Anchor, Trust
from passwright.apple.trust.chain import Chain, chain, trace_path
from passwright.errors import IdentityMismatch, KeyMaterialError
from passwright.examples.authority import Authority
from passwright.examples.certificates import PASS_TYPE, TEAM, Issued, Leaf, new_key
from tests.keys import odd_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATE = NOW + timedelta(days=2)
CANARY = "canary-7c1f"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create(now=NOW)


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority.create(now=NOW)


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def key_pem(key: Any, password: str = "") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def p12(issued: Issued | None, *others: bytes, password: str = "secret") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(
        b"name",
        issued.key if issued else None,
        x509.load_der_x509_certificate(issued.certificate) if issued else None,
        [x509.load_der_x509_certificate(other) for other in others],
        encryption,
    )


def identity_of(authority: Authority, leaf: Leaf | None = None, **given: Any) -> Identity:
    issued = authority.issue(leaf, key=given.pop("key", None))
    return Identity(
        certificate=given.get("certificate", issued.certificate),
        intermediate=given.get("intermediate", authority.intermediate),
        signer=given.get("signer", issued.signer),
    )


# --- identities ---


@pytest.mark.parametrize(
    "leaf", [Leaf(), Leaf(nfc=True), Leaf(ec=True), Leaf(pass_type="pass.org.other", team="TEAMTEAM99")]
)
def test_an_identity_reads_its_certificate(authority: Any, leaf: Any) -> None:
    issued = authority.issue(leaf)
    identity = Identity.from_pem(pem(issued.certificate), key_pem(issued.key), pem(authority.intermediate))
    assert identity.pass_type_identifier == leaf.pass_type
    assert identity.team_identifier == leaf.team
    assert identity.nfc is leaf.nfc
    assert identity.certificate == issued.certificate
    assert identity.intermediate == authority.intermediate
    assert identity.public_key == issued.key.public_key()
    parsed = asn1.Certificate.load(issued.certificate)
    assert identity.key_id == parsed.key_identifier.hex()
    assert identity.not_before == parsed.not_valid_before
    assert identity.not_after == parsed.not_valid_after
    assert repr(identity) == f"Identity({leaf.pass_type!r}, team={leaf.team!r})"


def test_pem_may_be_text_der_or_encrypted(authority: Any) -> None:
    issued = authority.issue()
    again = Identity.from_pem(
        pem(issued.certificate).decode(),
        key_pem(issued.key, "secret").decode(),
        authority.intermediate,
        password="secret",
    )
    assert again.certificate == issued.certificate


@pytest.mark.parametrize("password", ["secret", b"secret"])
def test_a_p12_may_bring_the_intermediate_or_not(authority: Any, stranger: Any, password: Any) -> None:
    issued = authority.issue()
    whole = p12(issued, stranger.intermediate, authority.root, authority.intermediate)
    assert Identity.from_p12(whole, password).intermediate == authority.intermediate
    alone = p12(issued)
    assert (
        Identity.from_p12(alone, password, intermediate=pem(authority.intermediate)).certificate
        == issued.certificate
    )
    with pytest.raises(KeyMaterialError, match=f"key {x.key_id(x.parse(authority.intermediate))}.: give it"):
        Identity.from_p12(alone, password)


@pytest.mark.parametrize("password", [None, "", b""])
def test_a_p12_without_a_password(authority: Any, password: Any) -> None:
    data = p12(authority.issue(), authority.intermediate, password="")
    assert Identity.from_p12(data, password).pass_type_identifier == PASS_TYPE


@pytest.mark.parametrize("password", ["wrong", "", None, "x" * 10_240, "\N{SNOWMAN}"])
def test_key_01_a_p12_with_a_wrong_password(authority: Any, password: Any) -> None:
    """The same sentence as for a damaged file, with neither password nor content in it."""
    data = p12(authority.issue(), authority.intermediate, password=CANARY)
    with pytest.raises(KeyMaterialError) as wrong:
        Identity.from_p12(data, password)
    with pytest.raises(KeyMaterialError) as damaged:
        Identity.from_p12(data[:-40], CANARY)
    assert str(wrong.value) == str(damaged.value)
    assert "openssl pkcs12 -legacy" in str(wrong.value)
    assert CANARY not in str(wrong.value)


def test_a_p12_that_lacks_something_is_refused(authority: Any) -> None:
    with pytest.raises(KeyMaterialError, match="holds no private key"):
        Identity.from_p12(p12(None, authority.intermediate), "secret")
    with pytest.raises(KeyMaterialError, match="can't be read"):
        Identity.from_p12(b"no p12", "secret")


def test_key_02_a_key_of_another_certificate_is_refused(authority: Any) -> None:
    other = new_key(ec=True)
    issued = authority.issue()
    with pytest.raises(IdentityMismatch, match="private key does not belong") as caught:
        Identity.from_pem(pem(issued.certificate), key_pem(other), pem(authority.intermediate))
    assert caught.value.expected == x.key_id(x.parse(issued.certificate))
    assert caught.value.actual == x509.SubjectKeyIdentifier.from_public_key(other.public_key()).digest.hex()


def test_crt_17_an_intermediate_that_did_not_issue_the_certificate(authority: Any, stranger: Any) -> None:
    """Same name, other key: the mistake of every tenth pass in use."""
    with pytest.raises(IdentityMismatch, match="did not issue") as caught:
        identity_of(authority, intermediate=stranger.intermediate)
    assert caught.value.expected == x.key_id(x.parse(authority.intermediate))
    assert caught.value.actual == x.key_id(x.parse(stranger.intermediate))
    assert caught.value.expected in str(caught.value)
    assert caught.value.actual in str(caught.value)
    renamed = authority.issue_intermediate(key=authority.as_issuer().key, name="Another Name")
    with pytest.raises(IdentityMismatch):
        identity_of(authority, intermediate=renamed.certificate)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (Leaf(marker=None), "names no pass type"),
        (Leaf(marker="pass.com.example.passwrighu"), "two different pass types"),
        (Leaf(purposes=("1.3.6.1.5.5.7.3.2",)), "doesn't allow passes"),
    ],
)
def test_a_certificate_that_is_not_for_passes_is_refused(authority: Any, leaf: Any, words: Any) -> None:
    with pytest.raises(KeyMaterialError, match=words):
        identity_of(authority, leaf)


def test_a_certificate_whose_names_are_unclear_is_refused(authority: Any) -> None:
    twice = remade(authority, lambda tbs: add_names(tbs, "0.9.2342.19200300.100.1.1", PASS_TYPE))
    with pytest.raises(KeyMaterialError, match="names no pass type"):
        identity_of(authority, certificate=twice)
    teams = remade(authority, lambda tbs: add_names(tbs, "2.5.4.11", TEAM))
    with pytest.raises(KeyMaterialError, match="no team, or several"):
        identity_of(authority, certificate=teams)


def test_files_with_something_else_in_them_are_refused(authority: Any) -> None:
    issued = authority.issue()
    both = pem(issued.certificate) + pem(authority.intermediate)
    with pytest.raises(KeyMaterialError, match="pass certificate stands among 2"):
        identity_of(authority, certificate=both)
    with pytest.raises(KeyMaterialError, match="intermediate certificate stands among 2"):
        identity_of(authority, intermediate=both[::1])
    for junk in (b"", b"junk", key_pem(issued.key), b"\x30\x03\x02\x01\x01", b"\x30"):
        with pytest.raises(KeyMaterialError, match="can't be read"):
            identity_of(authority, certificate=junk)


def test_crt_11_a_weak_key_is_refused_when_an_identity_is_made(authority: Any) -> None:
    weak = authority.issue(key=odd_key("rsa 1024"))
    with pytest.raises(KeyMaterialError, match="1024 bits"):
        identity_of(authority, certificate=weak.certificate)


def test_crt_18_nothing_is_signed_outside_validity(authority: Any) -> None:
    start, end = NOW.replace(microsecond=0), NOW + timedelta(days=365)
    identity = identity_of(authority, Leaf(not_before=start, not_after=end))
    for at in (start, end):
        assert identity.sign_manifest(b"{}", at=at)
    for at in (start - SECOND, end + SECOND):
        with pytest.raises(KeyMaterialError, match="Apple refuses"):
            identity.sign_manifest(b"{}", at=at)
    with pytest.raises(ValueError, match="time zone"):
        identity.sign_manifest(b"{}", at=NOW.replace(tzinfo=None))


def test_crt_18_an_intermediate_that_ends_first_ends_the_identity(authority: Any) -> None:
    short = authority.issue_intermediate(not_after=NOW + timedelta(days=10))
    issued = authority.issue(by=short)
    identity = Identity(certificate=issued.certificate, intermediate=short.certificate, signer=issued.signer)
    assert identity.not_after == NOW + timedelta(days=10)
    with pytest.raises(KeyMaterialError):
        identity.sign_manifest(b"{}", at=NOW + timedelta(days=11))


@pytest.mark.parametrize(("days", "warned"), [(31, False), (30, True), (7, True), (0, True), (-1, True)])
def test_crt_18_expiry_is_announced_thirty_days_ahead(authority: Any, days: Any, warned: Any) -> None:
    identity = identity_of(authority, Leaf(not_after=NOW + timedelta(days=100)))
    found = identity.warnings(NOW + timedelta(days=100 - days))
    assert [one.code for one in found] == ["certificate-expires-soon"] * warned
    assert all(one.severity.value == "warning" for one in found)
    with pytest.raises(ValueError, match="time zone"):
        identity.warnings(NOW.replace(tzinfo=None))


def test_key_04_no_secret_in_any_text_of_an_identity(authority: Any) -> None:
    issued = authority.issue()
    identity = identity_of(authority)
    secret = str(issued.key.private_numbers().d)
    assert secret not in f"{identity!r} {identity} {vars(identity)} {identity.signer}"
    for attempt in (pickle.dumps, copy.deepcopy, asdict):
        with pytest.raises(TypeError, match="private key"):
            attempt(identity)
    assert replace(identity, signer=issued.signer).certificate == identity.certificate


def test_key_05_no_secret_in_tracebacks_of_the_loaders(authority: Any) -> None:
    issued = authority.issue()
    text = f"-----BEGIN {CANARY}-----".encode()
    calls: list[Any] = [
        lambda: Identity.from_pem(pem(issued.certificate), text, authority.intermediate, password=CANARY),
        lambda: Identity.from_pem(b"junk", key_pem(issued.key, CANARY), b"", password=CANARY),
        lambda: Identity.from_p12(CANARY.encode(), CANARY),
        lambda: Identity.from_p12(p12(issued, password=CANARY), CANARY),
    ]
    for call in calls:
        with pytest.raises(KeyMaterialError) as caught:
            call()
        stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
        # The first two frames are this test and its lambda.
        frames = [
            frame for frame in stack if "passwright" in frame.filename and "tests" not in frame.filename
        ]
        assert frames
        shown = "".join(
            str({k: v for k, v in (frame.locals or {}).items() if k != "certificate"}) for frame in frames
        )
        assert CANARY not in shown


# --- chains ---


def verdict(authority: Authority, issued: Issued, *embedded: bytes, **given: Any) -> Chain:
    return chain(
        issued.certificate,
        [issued.certificate, *embedded],
        trust=given.get("trust", authority.trust),
        at=given.get("at", NOW),
        signed_at=given.get("signed_at", NOW),
        trace=given.get("trace"),
    )


def errors(found: Chain) -> list[str]:
    assert found.ok == (not [one for one in found.findings if one.severity.value == "error"])
    return [one.code for one in found.findings if one.severity.value == "error"]


def warned(found: Chain) -> list[str]:
    return [one.code for one in found.findings if one.severity.value == "warning"]


def known(authority: Authority) -> Trust:
    """Trust that knows the authority's intermediate, as Trust.apple() knows Apple's."""
    parsed = x.parse(authority.intermediate)
    root = authority.trust.roots[0]
    anchor = Anchor("WWDR", x.spki(parsed), x.key_id(parsed), root.not_before, root.not_after, root=root.name)
    return Trust((replace(root, custom=False),), (anchor,))


@pytest.mark.parametrize("leaf", [Leaf(), Leaf(nfc=True), Leaf(ec=True)])
def test_crt_02_a_sound_chain_to_a_root_of_ones_own_says_so(authority: Any, leaf: Any) -> None:
    found = verdict(authority, authority.issue(leaf), authority.intermediate)
    assert found.ok
    assert found.custom
    assert (found.root, found.intermediate) == (
        "Passwright Example Root CA",
        "Passwright Example Worldwide Developer Relations",
    )
    assert [one.code for one in found.findings] == ["custom-roots", "revocation-not-checked"]
    assert found.leaf is not None
    assert x.pass_type_identifier(found.leaf) == leaf.pass_type
    assert x.team_identifier(found.leaf) == leaf.team


def test_crt_02_another_root_is_not_believed(authority: Any, stranger: Any) -> None:
    issued = authority.issue()
    for trust in (stranger.trust, Trust.apple()):
        found = verdict(authority, issued, authority.intermediate, authority.root, trust=trust)
        assert errors_of(found) == ["untrusted-chain"]
        assert found.root is None
        assert not found.ok
    both = Trust.apple().with_roots(authority.root)
    assert verdict(authority, issued, authority.intermediate, trust=both).ok


def errors_of(found: Chain) -> list[str]:
    return [one.code for one in found.findings if one.severity.value == "error"]


def test_crt_01_a_forged_intermediate_with_the_genuine_name(authority: Any, stranger: Any) -> None:
    """Both authorities use the same names; only keys tell."""
    forged = stranger.issue()
    for embedded in ((stranger.intermediate,), (stranger.intermediate, authority.intermediate)):
        for trust in (authority.trust, known(authority)):
            assert errors_of(verdict(authority, forged, *embedded, trust=trust)) == ["untrusted-chain"]


def test_crt_03_chains_of_another_length(authority: Any) -> None:
    directly = authority.issue(by=authority.as_root())
    for embedded in ((), (authority.root,)):
        assert errors_of(verdict(authority, directly, *embedded)) == ["bad-chain-length"]
    deeper = authority.issue_intermediate(name="Deeper", by=authority.as_issuer())
    under = authority.issue(by=deeper)
    found = verdict(authority, under, deeper.certificate, authority.intermediate)
    assert errors_of(found) == ["bad-chain-length"]
    assert errors_of(verdict(authority, under, deeper.certificate, trust=known(authority))) == [
        "bad-chain-length"
    ]
    parent = authority.issue()
    child = authority.issue(by=parent, key=new_key())
    assert errors_of(verdict(authority, child, parent.certificate, authority.intermediate)) == [
        "bad-chain-length"
    ]


def test_crt_04_an_intermediate_for_something_else(authority: Any) -> None:
    for given in ({"markers": ()}, {"ca": False}):
        other = authority.issue_intermediate(name="Other", **given)
        issued = authority.issue(by=other)
        assert errors(verdict(authority, issued, other.certificate)) == ["wrong-intermediate"]
    second = authority.issue_intermediate(name="G2", markers=x.INTERMEDIATE_MARKERS[1:])
    assert verdict(authority, authority.issue(by=second), second.certificate).ok


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        pytest.param(Leaf(purposes=("1.3.6.1.5.5.7.3.2",)), "wrong-purpose", id="crt_05"),
        pytest.param(Leaf(marker=None), "wrong-pass-type", id="crt_06 missing"),
        pytest.param(Leaf(marker="pass.com.example.passwrighu"), "wrong-pass-type", id="crt_06 other"),
        pytest.param(Leaf(extra=(("1.2.3.4", True),)), "untrusted-chain", id="crt_12"),
        pytest.param(Leaf(sha1=True), "weak-digest", id="crt_13"),
    ],
)
def test_crt_05_leaves_that_are_not_sound(authority: Any, leaf: Any, expected: Any) -> None:
    assert errors(verdict(authority, authority.issue(leaf), authority.intermediate)) == [expected]


@pytest.mark.parametrize("leaf", [Leaf(ca=True), Leaf(digital_signature=False)])
def test_crt_10_a_leaf_that_may_issue_or_may_not_sign(authority: Any, leaf: Any) -> None:
    assert errors(verdict(authority, authority.issue(leaf), authority.intermediate)) == ["bad-leaf"]


def test_crt_06_a_marker_that_is_no_text(authority: Any) -> None:
    odd = remade(authority, lambda tbs: set_extension(tbs, x.PASS_MARKER, b"\x05\x00"))
    assert x.marked_pass_type(x.parse(odd)) is None
    bad_utf8 = remade(authority, lambda tbs: set_extension(tbs, x.PASS_MARKER, b"\x0c\x01\xff"))
    assert x.marked_pass_type(x.parse(bad_utf8)) is None


def test_crt_07_a_pass_type_given_twice_is_none(authority: Any) -> None:
    twice = x.parse(remade(authority, lambda tbs: add_names(tbs, "0.9.2342.19200300.100.1.1", "pass.other")))
    assert x.pass_type_identifier(twice) is None
    assert x.team_identifier(twice) == TEAM


def test_crt_08_a_team_given_twice_is_none(authority: Any) -> None:
    teams = x.parse(remade(authority, lambda tbs: add_names(tbs, "2.5.4.11", "OTHERTEAM1")))
    assert x.team_identifier(teams) is None


def test_crt_09_validity_is_judged_at_the_signing_time(authority: Any) -> None:
    start, end = NOW - timedelta(days=100), NOW + timedelta(days=100)
    issued = authority.issue(Leaf(not_before=start, not_after=end))

    def judged(signed_at: datetime | None, at: datetime) -> Chain:
        return verdict(authority, issued, authority.intermediate, signed_at=signed_at, at=at)

    for moment in (start, end):
        assert judged(None, moment).ok
        assert judged(moment, end).ok
    for moment in (start - SECOND, end + SECOND):
        assert errors(judged(None, moment)) == ["signed-outside-validity"]
        assert errors(judged(moment, end + timedelta(days=900))) == ["signed-outside-validity"]
    late = judged(NOW, end + SECOND)
    assert late.ok
    assert warned(late) == ["certificate-expired-since"]
    assert "claim" in late.findings[0].message


def test_what_certificates_prove_is_worked_out_once(authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept by the exact bytes, without the time: a certificate that ends meanwhile is found all the same."""
    issued = authority.issue(Leaf(not_after=NOW + timedelta(days=1)))
    trust = pickle.loads(pickle.dumps(authority.trust))
    assert trust == authority.trust
    trace = lru_cache(partial(trace_path, trust))
    asked: list[bytes] = []
    real = x.signed_by

    def watched(octets: bytes, key: bytes) -> bool:
        asked.append(octets)
        return real(octets, key)

    monkeypatch.setattr(x, "signed_by", watched)

    def again(intermediate: bytes = authority.intermediate, **when: Any) -> Chain:
        return verdict(authority, issued, intermediate, trust=trust, trace=trace, **when)

    first = again()
    assert asked
    asked.clear()
    assert again() == first
    late = again(at=NOW + timedelta(days=2))
    dead = again(at=LATE, signed_at=LATE)
    assert (first.ok, warned(late), errors(dead)) == (
        True,
        ["certificate-expired-since"],
        ["signed-outside-validity"],
    )
    assert not asked

    octets = bytearray(authority.intermediate)
    octets[-1] ^= 1
    again(bytes(octets))
    assert asked


def test_a_chain_tells_its_certificates(authority: Any) -> None:
    issued = authority.issue(Leaf(nfc=True))
    whole = verdict(authority, issued, authority.intermediate)
    assert [link.name for link in whole.links][1:] == [whole.intermediate, whole.root]
    assert [link.embedded for link in whole.links] == [True, True, False]
    assert whole.links[0].key_id == x.key_id(x.parse(issued.certificate))
    assert (whole.pass_type_identifier, whole.team_identifier, whole.nfc) == (PASS_TYPE, TEAM, True)
    short = verdict(authority, issued, trust=known(authority))
    assert [link.embedded for link in short.links] == [True, False, False]
    nowhere = verdict(authority, issued, trust=Trust.apple())
    assert [link.name for link in nowhere.links] == [whole.links[0].name]


def test_crt_09_intermediate_and_root_are_judged_at_the_signing_time_too(authority: Any) -> None:
    short = authority.issue_intermediate(not_after=NOW)
    issued = authority.issue(by=short)
    assert verdict(authority, issued, short.certificate).ok
    late = verdict(authority, issued, short.certificate, signed_at=NOW + SECOND, at=NOW + SECOND)
    assert errors(late) == ["signed-outside-validity"]
    trust = Trust(tuple(replace(root, not_after=NOW - SECOND) for root in authority.trust.roots))
    dead_root = verdict(authority, authority.issue(), authority.intermediate, trust=trust)
    assert errors(dead_root) == ["signed-outside-validity"]
    trust = known(authority)
    dead = replace(
        trust, intermediates=tuple(replace(one, not_after=NOW - SECOND) for one in trust.intermediates)
    )
    assert errors(verdict(authority, authority.issue(), trust=dead)) == ["signed-outside-validity"]


@pytest.mark.parametrize(
    ("ahead", "refused"), [(timedelta(minutes=5), False), (timedelta(minutes=5, seconds=1), True)]
)
def test_sig_12_a_signing_time_ahead_of_the_clock(authority: Any, ahead: Any, refused: Any) -> None:
    found = verdict(authority, authority.issue(), authority.intermediate, signed_at=NOW + ahead)
    assert errors(found) == ["signed-in-future"] * refused


@pytest.mark.parametrize(
    "key",
    [
        odd_key("rsa 1024"),
        odd_key("rsa 2047"),
        odd_key("rsa exponent 3"),
        ec.generate_private_key(ec.SECP192R1()),
        ec.generate_private_key(ec.SECP521R1()),
        odd_key("dsa 2048"),
    ],
    ids=["rsa1024", "rsa2047", "exponent3", "p192", "p521", "dsa"],
)
def test_crt_11_weak_keys(authority: Any, key: Any) -> None:
    issued = authority.issue(key=key)
    assert errors(verdict(authority, issued, authority.intermediate)) == ["weak-key"]


def test_crt_11_a_weak_intermediate(authority: Any) -> None:
    weak = authority.issue_intermediate(key=odd_key("rsa 1024"))
    assert errors(verdict(authority, authority.issue(by=weak), weak.certificate)) == ["weak-key"]


def test_crt_12_unknown_critical_extensions_of_the_intermediate(authority: Any) -> None:
    for dotted in ("1.2.3.4", "2.5.29.36"):
        odd = authority.issue_intermediate(extra=((dotted, True),) if dotted == "1.2.3.4" else ())
        certificate = odd.certificate
        if dotted == "2.5.29.36":
            certificate = remade_ca(authority, odd, dotted, b"\x30\x03\x80\x01\x00")
        found = verdict(authority, authority.issue(by=odd), certificate)
        assert errors(found) == ["untrusted-chain"]
        assert dotted in " ".join(one.message for one in found.findings)


def test_crt_13_sha1_below_the_root(authority: Any) -> None:
    """An error, except below a known intermediate: Apple's first ones issued such certificates."""
    old = authority.issue_intermediate(sha1=True)
    assert errors(verdict(authority, authority.issue(by=old), old.certificate)) == ["weak-digest"]
    leaf = authority.issue(Leaf(sha1=True))
    genuine = verdict(authority, leaf, authority.intermediate, trust=known(authority))
    assert genuine.ok
    assert warned(genuine) == ["weak-digest"]


def test_known_intermediates_close_chains_without_their_certificate(authority: Any) -> None:
    issued = authority.issue()
    trust = known(authority)
    whole = verdict(authority, issued, authority.intermediate, trust=trust)
    assert whole.ok
    assert not whole.custom
    assert warned(whole) == []
    missing = verdict(authority, issued, trust=trust)
    assert missing.ok
    assert warned(missing) == ["intermediate-missing"]
    assert missing.findings[0].hint.endswith(x.key_id(x.parse(authority.intermediate)))
    other = authority.issue_intermediate(name="G3").certificate
    wrong = verdict(authority, issued, other, trust=trust)
    assert wrong.ok
    assert warned(wrong) == ["intermediate-wrong"]
    assert "Passwright Example G3" in wrong.findings[0].message
    # The same key in a certificate signed with SHA-1, as Apple's first intermediates are.
    again = authority.issue_intermediate(
        name="Worldwide Developer Relations", key=authority.as_issuer().key, sha1=True
    )
    assert warned(verdict(authority, issued, again.certificate, trust=trust)) == []


def test_without_a_known_intermediate_a_missing_one_ends_the_chain(authority: Any) -> None:
    assert errors_of(verdict(authority, authority.issue())) == ["untrusted-chain"]


MALFORMED: dict[str, Any] = {
    "serial zero": lambda tbs: tbs.__setitem__("serial_number", 0),
    "serial negative": lambda tbs: tbs.__setitem__("serial_number", -5),
    "serial too long": lambda tbs: tbs.__setitem__("serial_number", 1 << 180),
    "version 1": lambda tbs: tbs.__setitem__("version", "v1"),
    "extension twice": lambda tbs: tbs["extensions"].append(tbs["extensions"][0].copy()),
    "malformed time": None,
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_crt_14_malformed_certificates(authority: Any, change: Any) -> None:
    odd = Issued(remade(authority, change), authority.issue().key)
    found = verdict(authority, odd, authority.intermediate)
    assert [one.code for one in found.findings] == ["bad-certificate"]
    assert not found.ok
    # Among the embedded ones it is only named.
    beside = verdict(authority, authority.issue(), odd.certificate, authority.intermediate)
    assert beside.ok
    assert warned(beside) == ["bad-certificate"]


def test_crt_14_a_version_that_is_no_number_or_two(authority: Any) -> None:
    """The version's own element may hold anything, nothing among it."""
    issued = authority.issue()
    tbs, *rest = der.read(issued.certificate, limit=1 << 16).children()
    version, *others = (one.encoded for one in tbs.children())
    assert version == der.tlv(der.CONTEXT_0, der.integer(2))
    for odd in (b"", der.tlv(der.NULL), der.integer(2) * 2):
        inner = der.sequence(der.tlv(der.CONTEXT_0, odd), *others)
        broken = Issued(der.sequence(inner, *(one.encoded for one in rest)), issued.key)
        found = verdict(authority, broken, authority.intermediate)
        assert [one.code for one in found.findings] == ["bad-certificate"]


def test_names_of_an_odd_length_neither_warn_nor_decide(authority: Any) -> None:
    """X.520 bounds them; whether a warning is an error is the caller's business, the verdict is ours."""
    odd = remade(authority, lambda tbs: add_names(tbs, x.COMMON_NAME, "x" * 80))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = verdict(authority, Issued(odd, authority.issue().key), authority.intermediate)
    assert errors(found) == []
    assert told == []


def test_sig_16_a_certificate_has_one_encoding(authority: Any) -> None:
    """Octets of a certificate that nobody signed can't be changed either."""
    issued = authority.issue()
    tbs, algorithm, value = (one.encoded for one in der.read(issued.certificate, limit=1 << 16).children())
    assert der.sequence(tbs, algorithm, value) == issued.certificate
    unused = value[:4] + b"\x01" + value[5:]
    for parts in (
        (tbs, algorithm, unused),
        (tbs, algorithm[:-2] + b"\x0c\0", value),
        (tbs, algorithm, value, der.tlv(der.NULL)),
        (tbs, der.sequence(der.oid("1.2.840.113549.1.1.12"), der.tlv(der.NULL)), value),
    ):
        odd = Issued(der.sequence(*parts), issued.key)
        found = verdict(authority, odd, authority.intermediate)
        assert [one.code for one in found.findings] == ["bad-certificate"]


def test_crt_15_pathological_chains_cost_few_signature_checks(
    authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop, a crowd that shares subject and key, and more candidates than are looked at."""
    checked: list[bytes] = []
    real = x.signed_by

    def signed_by(certificate: bytes, issuer_key: bytes) -> bool:
        checked.append(certificate)
        return real(certificate, issuer_key)

    monkeypatch.setattr(x, "signed_by", signed_by)
    key = new_key()
    loop = authority.issue_intermediate(
        name="Loop", by=Issued(authority.as_issuer().certificate, key), key=key
    )
    crowd = [authority.issue_intermediate(name="Loop", key=key).certificate for _ in range(7)]
    verdict(authority, authority.issue(by=loop), loop.certificate, *crowd)
    assert 0 < len(checked) < 200
    others = [authority.issue().certificate for _ in range(8)]
    assert errors_of(verdict(authority, authority.issue(), *others, authority.intermediate)) == [
        "untrusted-chain"
    ]
    checked.clear()
    verdict(authority, authority.issue(), *others * 1_000)
    assert len(checked) < 20


def test_crt_16_that_revocation_was_not_asked_is_said(authority: Any) -> None:
    found = verdict(authority, authority.issue(), authority.intermediate)
    assert [one.severity.value for one in found.findings if one.code == "revocation-not-checked"] == ["note"]


def test_naive_times_are_mistakes(authority: Any) -> None:
    for given in ({"at": NOW.replace(tzinfo=None)}, {"signed_at": NOW.replace(tzinfo=None)}):
        with pytest.raises(ValueError, match="time zone"):
            verdict(authority, authority.issue(), **given)


def test_the_generation_that_lived_at_the_signing_time_is_named(authority: Any) -> None:
    """Apple's first two intermediates share name and key."""
    trust = known(authority)
    [one] = trust.intermediates
    pair = (replace(one, name="first", not_after=NOW), replace(one, name="second"))
    trust = replace(trust, intermediates=pair)
    for at, name in {NOW: "first", NOW + SECOND: "second"}.items():
        found = verdict(authority, authority.issue(), trust=trust, signed_at=at, at=at)
        assert (found.ok, found.intermediate) == (True, name)


def test_a_certificate_without_key_identifiers_is_named_by_its_key(authority: Any) -> None:
    def strip(tbs: Any) -> None:
        kept = [one for one in tbs["extensions"] if one["extn_id"].dotted not in ("2.5.29.14", "2.5.29.35")]
        tbs["extensions"] = asn1.Extensions(kept)

    plain = x.parse(authority.issue().certificate)
    bare = x.parse(remade(authority, strip))
    assert x.key_id(bare) == x.key_id(plain)
    assert x.issuer_key_id(bare) == "unknown"
    odd = signed_again(authority.issue(key=dsa_key()).certificate, authority.as_issuer().key, strip)
    assert x.key_id(x.parse(odd)) == "unknown"


def dsa_key() -> Any:
    return odd_key("dsa 1024")


def test_a_certificate_without_usages_may_do_nothing(authority: Any) -> None:
    def strip(tbs: Any) -> None:
        tbs["extensions"] = asn1.Extensions([])

    bare = x.parse(remade(authority, strip))
    assert not x.may_sign(bare)
    assert not x.may_issue(bare)
    assert not x.is_authority(bare)
    assert not x.nfc(bare)
    assert x.purposes(bare) == frozenset()


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), dsa_key()], ids=["ed25519", "dsa"])
def test_an_issuer_with_another_kind_of_key_leads_nowhere(authority: Any, key: Any) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    odd = builder.sign(key, digest).public_bytes(Encoding.DER)
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert not x.signed_by(odd, info)
    assert not x.signed_by(odd, x.spki(x.parse(authority.root)))
    found = chain(odd, [odd, authority.intermediate], trust=authority.trust, at=NOW)
    assert "untrusted-chain" in errors_of(found)
    assert not found.ok


# --- trust ---


def test_trust_without_roots_is_refused() -> None:
    calls: list[Any] = [lambda: Trust(()), Trust.of, Trust.apple().with_roots]
    for call in calls:
        with pytest.raises(ValueError, match="no roots"):
            call()


def test_roots_are_read_from_pem_and_der(authority: Any, stranger: Any) -> None:
    bundle = pem(authority.root) + pem(stranger.root)
    assert len(Trust.of(bundle).roots) == 2
    assert Trust.of(authority.root) == Trust.of(pem(authority.root).decode())
    for junk in (b"junk", b"\x30\x00"):
        with pytest.raises(KeyMaterialError, match="can't be read"):
            Trust.of(junk)
    with pytest.raises(KeyMaterialError, match="can't be a root"):
        Trust.of(authority.issue().certificate)


def test_apples_anchors_are_what_they_say() -> None:
    """Every key identifier fits its key; every intermediate stands under one of the roots."""
    trust = Trust.apple()
    assert [root.name for root in trust.roots] == [
        "Apple Root CA",
        "Apple Root CA - G2",
        "Apple Root CA - G3",
    ]
    assert len(trust.intermediates) == 9
    for anchor in (*trust.roots, *trust.intermediates):
        info = asn1.PublicKeyInfo.load(anchor.spki)
        assert info.sha1.hex() == anchor.key_id
        assert anchor.not_before < anchor.not_after
        assert not anchor.custom
    assert {anchor.root for anchor in trust.intermediates} <= {root.name for root in trust.roots}
    g4 = next(anchor for anchor in trust.intermediates if anchor.name == "WWDR G4")
    assert g4.key_id == "5bd9fa1de79a1a0ba399762250863e91c85b77a8"
    assert Trust.apple() is trust


# --- making what no builder makes ---


def remade(authority: Authority, change: Any) -> bytes:
    """A leaf changed in its structure and signed again; None gives it a day that doesn't exist."""
    if change is None:
        tbs, algorithm, _ = der.read(authority.issue().certificate, limit=1 << 16).children()
        validity = tbs.children()[4].encoded
        broken = tbs.encoded.replace(validity, validity[:4] + b"260230000000Z" + validity[17:])
        assert broken != tbs.encoded
        value = authority.as_issuer().key.sign(broken, PKCS1v15(), SHA256())  # type: ignore[call-arg,arg-type]
        return der.sequence(broken, algorithm.encoded, der.tlv(der.BIT_STRING, b"\0", value))
    return signed_again(authority.issue().certificate, authority.as_issuer().key, change)


def remade_ca(authority: Authority, issued: Issued, dotted: str, value: bytes) -> bytes:
    def change(tbs: Any) -> None:
        tbs["extensions"].append(
            {"extn_id": dotted, "critical": True, "extn_value": core.ParsableOctetString(value)}
        )

    return signed_again(issued.certificate, authority.as_root().key, change)


def signed_again(octets: bytes, key: Any, change: Any) -> bytes:
    certificate = asn1.Certificate.load(octets)
    change(certificate["tbs_certificate"])
    tbs = certificate["tbs_certificate"].dump(force=True)
    certificate["signature_value"] = key.sign(tbs, PKCS1v15(), SHA256())
    return bytes(certificate.dump(force=True))


def add_names(tbs: Any, dotted: str, value: str) -> None:
    extra = asn1.NameTypeAndValue({"type": dotted, "value": core.UTF8String(value)})
    tbs["subject"].chosen.append(asn1.RelativeDistinguishedName([extra]))


def set_extension(tbs: Any, dotted: str, value: bytes) -> None:
    for extension in tbs["extensions"]:
        if extension["extn_id"].dotted == dotted:
            extension["extn_value"] = core.ParsableOctetString(value)
