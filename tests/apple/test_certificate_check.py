"""A mix of certificates, keys and requests is told apart, and what does not fit is said."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.certificates import csr
from passwright.apple.certificates.check import CredentialCheck, NextStep, check_credentials
from passwright.apple.trust import certificate as x
from passwright.apple.trust import intermediates
from passwright.apple.trust.anchors import Anchor, Trust
from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf, new_key
from passwright.examples.legacy_p12 import legacy_p12
from passwright.report import Severity
from tests.conftest import AT
from tests.keys import odd_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passwright.examples.certificates import Issued

SECRET = "canary-secret"
CANARY = b"canary-secret"


@pytest.fixture(scope="module")
def other() -> Authority:
    return Authority.create(now=AT)


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue(Leaf(nfc=True), key=new_key())


def pem(key: Any, password: bytes | None = None) -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    return data


def p12(issued: Issued, *extra: bytes, password: bytes | None = CANARY) -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return serialize_key_and_certificates(
        None, issued.key, x.parse(issued.certificate), [x.parse(each) for each in extra], how
    )


def asked(
    *files: tuple[str, bytes], trust: Trust, at: datetime = AT, password: Any = None
) -> CredentialCheck:
    return check_credentials(files, trust=trust, at=at, password=password)


def codes(found: CredentialCheck, severity: Severity = Severity.ERROR) -> set[str]:
    return {each.code for each in found.report if each.severity is severity}


def test_three_that_fit_are_ready(authority: Authority, issued: Issued) -> None:
    found = asked(
        ("my pass.pem", x.as_pem(issued.certificate)),
        ("pass.key", pem(issued.key)),
        ("wwdr.cer", authority.intermediate),
        trust=authority.trust,
    )

    leaf, key, above = found.items
    assert (found.ready, found.report.ok) == (True, True)
    assert (leaf.kind, leaf.pass_type_identifier, leaf.team_identifier) == (
        "pass",
        "pass.com.example.passwright",
        "EXAMPLE123",
    )
    assert (leaf.nfc, leaf.owner) == (True, "Passwright throw-away example")
    assert (leaf.issuer, leaf.root) == (above.name, "Passwright Example Root CA")
    assert leaf.days == (x.parse(issued.certificate).not_valid_after_utc - AT).days
    assert (key.kind, key.name, above.kind) == ("key", "RSA 2048", "intermediate")
    assert found.steps == (NextStep("sign", ("my pass.pem", "pass.key", "wwdr.cer")),)


@pytest.mark.parametrize("der", [False, True])
def test_files_may_be_pem_or_der_and_hold_several_things(
    authority: Authority, issued: Issued, *, der: bool
) -> None:
    key = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    request = x509.load_pem_x509_csr(csr.make().request).public_bytes(Encoding.DER)
    files = [("a", issued.certificate), ("b", key), ("c", authority.intermediate), ("d", request)]
    if not der:
        whole = x.as_pem(issued.certificate) + pem(issued.key) + x.as_pem(authority.intermediate)
        files = [("all.pem", b"Bag Attributes\n" + whole + csr.make().request)]
    found = asked(*files, trust=authority.trust)

    assert [item.kind for item in found.items] == (["pass", "key", "intermediate", "request"])
    assert codes(found) == {"key-mismatch"}, "the request is of another key"


@pytest.mark.parametrize("bring", [True, False])
def test_a_p12_holds_its_certificate_and_key(authority: Authority, issued: Issued, *, bring: bool) -> None:
    extra = (authority.intermediate,) if bring else ()
    files = [("pass.p12", p12(issued, *extra))]
    files += [] if bring else [("wwdr.cer", authority.intermediate)]
    found = asked(*files, trust=authority.trust, password=lambda _: SECRET)

    assert found.ready
    above = "pass.p12" if bring else "wwdr.cer"
    assert found.steps == (NextStep("sign", ("pass.p12", "pass.p12", above)),)


def test_a_p12_without_a_password_needs_none(authority: Authority, issued: Issued) -> None:
    found = asked(("p", p12(issued, authority.intermediate, password=None)), trust=authority.trust)

    assert found.ready


def test_a_p12_of_an_older_mac_is_read_or_refused_with_advice(authority: Authority, issued: Issued) -> None:
    """OpenSSL reads RC2 only where its legacy provider is there."""
    old = legacy_p12(issued, authority.intermediate, SECRET)
    found = asked(("old.p12", old), trust=authority.trust, password=lambda _: SECRET)

    assert found.ready or "-legacy" in found.report.errors[0].hint


@pytest.mark.parametrize("answer", [None, "", "wrong", "x" * 10_000])
def test_key_01_a_wrong_password_is_told_like_a_damaged_file(
    authority: Authority, issued: Issued, answer: str | None
) -> None:
    for name, data in (
        ("a.key", pem(issued.key, CANARY)),
        ("a.p12", p12(issued)),
        ("a.p12", p12(issued)[:-9]),
    ):
        found = asked((name, data), trust=authority.trust, password=lambda _: answer)
        [finding] = found.report
        assert (finding.code, finding.location, found.ready) == ("unreadable-credential", name, False)
        assert "password may be wrong or missing" in finding.hint
        assert finding.message != "wrong"


def test_the_password_is_asked_for_what_is_encrypted_and_nothing_else(
    authority: Authority, issued: Issued
) -> None:
    names: list[str] = []

    def password(name: str) -> str:
        names.append(name)
        return SECRET

    files = (
        ("leaf", x.as_pem(issued.certificate)),
        ("plain", pem(issued.key)),
        ("locked", pem(issued.key, CANARY)),
        ("request", csr.make().request),
        ("text", b"hello"),
    )
    asked(*files, trust=authority.trust, password=password)

    assert names == ["locked"]


def test_key_02_a_key_of_another_certificate_does_not_fit(authority: Authority, issued: Issued) -> None:
    found = asked(
        ("pass.pem", issued.certificate),
        ("other.key", pem(new_key())),
        ("wwdr.pem", authority.intermediate),
        trust=authority.trust,
    )

    assert codes(found) == {"key-mismatch"}
    assert "other.key" in found.report.errors[0].message
    assert found.steps == (NextStep("find-key", ("pass.pem",)),)
    assert not found.ready


def test_key_02_a_request_of_another_key_does_not_fit(authority: Authority, issued: Issued) -> None:
    made = csr.make()
    assert codes(asked(("r", made.request), ("k", made.key), trust=authority.trust)) == set()
    for beside in (("k", pem(new_key())), ("pass.pem", issued.certificate)):
        assert "key-mismatch" in codes(asked(("r", made.request), beside, trust=authority.trust))


def test_a_request_and_its_key_wait_for_apple(authority: Authority) -> None:
    made = csr.make()

    found = asked(("r", made.request), ("k", made.key), trust=authority.trust)
    assert found.steps == (NextStep("upload-request", ("r",)),)
    found = asked(("k", made.key), trust=authority.trust)
    assert found.steps == (NextStep("find-certificate", ("k",)),)


def test_crt_17_an_intermediate_of_another_generation_does_not_fit(
    authority: Authority, issued: Issued, other: Authority
) -> None:
    found = asked(
        ("pass.pem", issued.certificate),
        ("pass.key", pem(issued.key)),
        ("wwdr.pem", other.intermediate),
        trust=knowing(authority),
    )

    assert codes(found) == {"intermediate-mismatch"}
    [finding] = found.report.errors
    assert finding.location == "wwdr.pem"
    assert x.key_id(x.parse(other.intermediate)) in finding.message
    assert x.key_id(x.parse(authority.intermediate)) in finding.message
    assert finding.hint == "fetch WWDR G9 and give it"
    assert found.steps == (NextStep("find-intermediate", ("pass.pem",)),)


def knowing(authority: Authority) -> Trust:
    """Trust that knows the intermediate, as it knows Apple's."""
    parsed = x.parse(authority.intermediate)
    times = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    root = authority.trust.roots
    known = Anchor("WWDR G9", x.spki(parsed), x.key_id(parsed), *times, root=root[0].name)
    return Trust(root, (known,))


def test_what_is_missing_is_told_and_no_error(authority: Authority, issued: Issued) -> None:
    found = asked(("pass.pem", issued.certificate), trust=knowing(authority))

    assert found.report.ok
    assert not found.ready
    assert [each.code for each in found.report.notes] == ["credential-missing", "credential-missing"]
    assert found.items[0].issuer == "WWDR G9"
    assert found.steps == (
        NextStep("find-key", ("pass.pem",)),
        NextStep("find-intermediate", ("pass.pem",)),
    )


def test_a_certificate_of_nobody_we_trust_is_an_error(
    authority: Authority, issued: Issued, other: Authority
) -> None:
    files = (("p", issued.certificate), ("k", pem(issued.key)), ("w", authority.intermediate))
    found = asked(*files, trust=other.trust)

    assert codes(found) == {"untrusted-chain"}
    assert found.items[0].issuer == ""
    assert not found.ready
    # What is there is not asked for.
    trust = "when its authority is yours, trust the root certificate of that authority"
    assert [each.hint for each in found.report.errors] == [trust]
    (alone,) = asked(files[0], trust=other.trust).report.errors
    assert alone.hint == f"give the intermediate that issued it; {trust}"


@pytest.mark.parametrize(
    ("days", "code", "severity"),
    [
        (31, None, None),
        (30, "certificate-expires-soon", Severity.WARNING),
        (7, "certificate-expires-soon", Severity.WARNING),
        (0, "certificate-expires-soon", Severity.WARNING),
        (-1, "certificate-not-valid", Severity.ERROR),
    ],
)
def test_crt_18_the_end_of_a_certificate_is_told_thirty_days_ahead(
    authority: Authority, days: int, code: str | None, severity: Severity | None
) -> None:
    leaf = authority.issue(Leaf(not_after=AT + timedelta(days=days)))
    files = (("p", leaf.certificate), ("k", pem(leaf.key)), ("w", authority.intermediate))
    found = asked(*files, trust=authority.trust)

    told = [(each.code, each.severity) for each in found.report if each.code.startswith("certificate-")]
    assert told == ([] if code is None else [(code, severity)])
    assert found.items[0].days == days
    assert found.ready is (severity is not Severity.ERROR)


def test_crt_18_the_end_of_an_intermediate_is_told_as_well(authority: Authority) -> None:
    for end, code in (
        (AT - timedelta(1), "certificate-not-valid"),
        (AT + timedelta(9), "certificate-expires-soon"),
    ):
        above = authority.issue_intermediate(not_after=end)
        found = asked(("w", above.certificate), trust=authority.trust)
        [finding] = found.report
        assert (finding.code, finding.location) == (code, "w")
        assert "intermediate" in finding.message


def test_a_certificate_that_has_not_begun_asks_for_the_clock(authority: Authority) -> None:
    leaf = authority.issue(Leaf(not_before=AT + timedelta(1)))
    found = asked(("p", leaf.certificate), ("w", authority.intermediate), trust=authority.trust)

    [finding] = found.report.errors
    assert (finding.code, finding.hint) == ("certificate-not-valid", "is the clock of this machine right?")


def made_for(common: str, *markers: str) -> bytes:
    """A certificate of a name and with extensions of Apple's."""
    key = new_key(ec=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(AT - timedelta(1))
        .not_valid_after(AT + timedelta(300))
    )
    for marker in markers:
        null = x509.UnrecognizedExtension(x509.ObjectIdentifier(marker), b"\5\0")
        builder = builder.add_extension(null, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


APPLE = "1.2.840.113635.100.6"


@pytest.mark.parametrize(
    ("common", "markers", "kind"),
    [
        ("Apple Push Services: com.example.app", (f"{APPLE}.3.2", f"{APPLE}.3.6"), "push"),
        ("Apple Push Services: com.example.app", (), "push"),
        ("Apple Development IOS Push Services: com.example", (f"{APPLE}.3.1",), "push-development"),
        ("Apple Development: Someone (AAAAAAAAAA)", (f"{APPLE}.1.2", f"{APPLE}.1.12"), "development"),
        ("iPhone Developer: Someone (AAAAAAAAAA)", (), "development"),
        ("Apple Distribution: Example (AAAAAAAAAA)", (f"{APPLE}.1.4", f"{APPLE}.1.7"), "distribution"),
        ("Developer ID Application: Example (AAAAAAAAAA)", (f"{APPLE}.1.13",), "developer-id"),
        ("Merchant ID: merchant.com.example", (f"{APPLE}.32",), "merchant"),
        ("Order Type ID: order.com.example", (), "order"),
        ("Website Push ID: web.com.example", (f"{APPLE}.3.2",), "push"),
        ("www.example.com", (), "other"),
        ("", (), "other"),
    ],
)
def test_certificates_for_something_else_are_told_by_marker_or_name(
    authority: Authority, common: str, markers: Sequence[str], kind: str
) -> None:
    found = asked(("c.cer", made_for(common, *markers)), trust=authority.trust)

    assert [item.kind for item in found.items] == [kind]
    [finding] = found.report
    assert finding.code == "not-a-pass-certificate"
    assert "signs no passes" in finding.message
    assert "Pass Type ID" in finding.hint


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (Leaf(purposes=("1.3.6.1.5.5.7.3.2",)), "wrong-purpose"),
        (Leaf(marker="pass.com.example.other"), "wrong-pass-type"),
        (Leaf(digital_signature=False), "bad-leaf"),
    ],
)
def test_a_pass_certificate_that_devices_refuse_is_an_error(
    authority: Authority, leaf: Leaf, code: str
) -> None:
    made = authority.issue(leaf)
    found = asked(("p", made.certificate), ("w", authority.intermediate), trust=authority.trust)

    assert codes(found) == {code}
    assert {each.location for each in found.report.errors} == {"p"}


def test_a_weak_key_and_a_key_of_another_kind_are_named(authority: Authority) -> None:
    small = odd_key("rsa 1024")
    for key, name in ((small, "RSA 1024"), (ed25519.Ed25519PrivateKey.generate(), "Ed25519")):
        found = asked(("k", pem(key)), trust=authority.trust)
        assert [item.name for item in found.items] == [name]
        assert codes(found) == {"weak-key"}
    assert asked(("k", pem(new_key(ec=True))), trust=authority.trust).items[0].name == "EC secp256r1"


def test_a_key_beside_others_that_belongs_to_nothing_is_told(authority: Authority, issued: Issued) -> None:
    found = asked(
        ("p", issued.certificate),
        ("k", pem(issued.key)),
        ("w", authority.intermediate),
        ("spare.key", pem(new_key())),
        trust=authority.trust,
    )

    assert found.ready
    assert ("credential-missing", "spare.key") in {(each.code, each.location) for each in found.report.notes}


def test_roots_are_roots(authority: Authority) -> None:
    [item] = asked(("r", authority.root), trust=authority.trust).items

    assert (item.kind, item.days is not None) == ("root", True)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x30\x82", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_nothing_of_it_is_named(authority: Authority, data: bytes) -> None:
    found = asked(("x", data), trust=authority.trust)

    assert codes(found) == {"unreadable-credential"}
    assert found.items == ()


def test_a_request_whose_signature_was_changed_is_not_read(authority: Authority) -> None:
    octets = bytearray(x509.load_pem_x509_csr(csr.make().request).public_bytes(Encoding.DER))
    octets[-1] ^= 1

    assert codes(asked(("r", bytes(octets)), trust=authority.trust)) == {"unreadable-credential"}


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(noise: bytes) -> None:
    for data in (noise, b"-----BEGIN PRIVATE KEY-----" + noise, b"\x30\x80" + noise):
        check_credentials([("x", data)], trust=Trust.apple(), at=AT, password=lambda _: "x")


def test_naive_times_are_mistakes(authority: Authority) -> None:
    with pytest.raises(ValueError, match="time zone"):
        asked(trust=authority.trust, at=AT.replace(tzinfo=None))


def test_key_04_no_key_in_any_text(authority: Authority, issued: Issued) -> None:
    found = asked(
        ("k", pem(issued.key)), ("p", p12(issued)), trust=authority.trust, password=lambda _: SECRET
    )
    numbers: Any = issued.key.private_numbers()

    for text in (repr(found), str([item.as_dict() for item in found.items]), str(found.report)):
        assert SECRET not in text
        assert str(numbers.d) not in text


def test_key_05_no_password_in_tracebacks(authority: Authority, issued: Issued) -> None:
    def password(name: str) -> str:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError) as caught:
        asked(("k", pem(issued.key, CANARY)), trust=authority.trust, password=password)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert SECRET not in text


def test_the_issuer_of_a_certificate_is_found_by_its_key() -> None:
    """Names alone do not tell Apple's intermediates apart."""
    for wanted in intermediates.published_intermediates():
        key = x509.AuthorityKeyIdentifier(bytes.fromhex(wanted.key_id), None, None)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pass Type ID: pass.com.example")])
        private = new_key(ec=True)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(7)
            .not_valid_before(AT)
            .not_valid_after(AT + timedelta(9))
            .add_extension(key, critical=False)
            .sign(private, SHA256())
        )
        assert intermediates.for_certificate(made.public_bytes(Encoding.PEM)).generation == wanted.generation


# --- requests ------------------------------------------------------------------------------------


def test_a_request_is_made_with_a_new_rsa_key_of_2048_bits() -> None:
    one, two = csr.make(), csr.make(name="Example Coffee")
    read = x509.load_pem_x509_csr(two.request)
    public: Any = read.public_key()

    assert one.key != two.key
    assert read.is_signature_valid
    assert isinstance(read.signature_hash_algorithm, SHA256)
    assert (public.key_size, public.public_numbers().e) == (2048, 65537)
    assert read.subject.rfc4514_string() == "CN=Example Coffee"


def test_the_key_of_a_request_may_be_encrypted() -> None:
    assert b"ENCRYPTED" in csr.make(password=SECRET).key
    assert b"ENCRYPTED" not in csr.make(password="").key


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_has_1_to_64_characters(name: str) -> None:
    with pytest.raises(ValueError, match=r"64|length"):
        csr.make(name=name)


def test_key_04_a_new_key_is_in_no_text() -> None:
    made = csr.make()

    assert "PRIVATE" not in repr(made)
    assert "PRIVATE" not in f"{made}"
