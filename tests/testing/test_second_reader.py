"""asn1crypto reads in every signature what our own reader reads, and a difference is a finding."""

from __future__ import annotations

import random
import sys
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import cms

from passwright import apple
from passwright.apple.cms import der
from passwright.apple.cms.parser import parse
from passwright.apple.container import pkpass
from passwright.errors import InvalidInput
from passwright.examples.certificates import Issued, make_leaf, new_key
from passwright.report import Severity
from passwright.testing import Authority, Leaf, assert_valid_pkpass
from passwright.testing.second_reader import SignatureParts, compare_readers, read_signature
from tests.conftest import AT
from tests.interop.test_fixture_passes import NAMES, path

if TYPE_CHECKING:
    from passwright import Template
    from passwright.apple.identity import Identity

PARTS = [each.name for each in fields(SignatureParts)]


def signature_of(folder: str, name: str) -> bytes:
    """Returns the signature of a fixture, empty where there is none or no archive."""
    try:
        return pkpass.read(path(folder, name).read_bytes()).get("signature", b"")
    except InvalidInput:
        return b""


@pytest.fixture(scope="module")
def signature(identity: Identity) -> bytes:
    return identity.sign_manifest(b"{}", at=AT)


@pytest.fixture(scope="module")
def data(identity: Identity, tiny: Template) -> bytes:
    return apple.PassBuilder(identity).build(tiny.issue("M-1"), at=AT)


def with_signature(data: bytes, signature: bytes) -> bytes:
    return pkpass.pack({**pkpass.read(data), "signature": signature})


def with_certificate(signature: bytes, certificate: bytes) -> bytes:
    """Embeds one more certificate: nobody signs the list of certificates."""
    info = cms.ContentInfo.load(signature)
    info["content"]["certificates"].append(cms.CertificateChoices.load(certificate))
    return bytes(info.dump(force=True))


def twin(identity: Identity) -> bytes:
    """Makes a certificate like the signer's, whose issuer has the same name in capital letters."""
    stranger = Authority.create(now=AT)
    serial = cms.Certificate.load(identity.certificate).serial_number
    issuer = cms.Certificate.load(identity.intermediate).subject.native["common_name"]
    name = issuer.removeprefix("Passwright Example ").upper()
    ca = stranger.issue_intermediate(name=name)
    leaf = Leaf(not_before=AT, not_after=AT + timedelta(days=1))
    return make_leaf(leaf, new_key(), Issued(ca.certificate, ca.key), serial=serial)


# --- agreement ---


@pytest.mark.parametrize(("folder", "name"), NAMES)
def test_both_readers_read_the_fixtures_alike(folder: str, name: str) -> None:
    assert compare_readers(signature_of(folder, name)) == ()


def test_the_fixtures_hold_enough_signatures_to_compare() -> None:
    def accepted(signature: bytes) -> bool:
        try:
            parse(signature)
        except InvalidInput:
            return False
        return True

    assert sum(accepted(signature_of(*each)) for each in NAMES) > 70


@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ec"])
@pytest.mark.parametrize("year", [2022, 2026, 2049, 2050])
def test_both_readers_read_our_own_signatures_alike(authority: Authority, ec: bool, year: int) -> None:  # noqa: FBT001
    made = authority.identity(ec=ec).sign_manifest(b"{}", at=AT.replace(year=year))
    assert compare_readers(made) == ()
    assert read_signature(made).signing_time == AT.replace(year=year)


def test_an_accepted_pass_has_no_finding_of_the_readers(data: bytes, authority: Authority) -> None:
    verdict = assert_valid_pkpass(data, trust=authority, at=AT)
    assert not {"readers-disagree", "one-reader"} & {finding.code for finding in verdict.report}


# --- disagreement ---


def test_an_issuer_in_capital_letters_makes_the_readers_disagree(
    data: bytes, authority: Authority, identity: Identity
) -> None:
    """RFC 5280 section 7.1 compares names without regard to case; our own reader takes them as written."""
    odd = with_certificate(pkpass.read(data)["signature"], twin(identity))
    (finding,) = compare_readers(odd)
    assert (finding.code, finding.severity, finding.location) == (
        "readers-disagree",
        Severity.ERROR,
        "signature",
    )
    assert finding.message == "the second reader reads another signer"
    refused = with_signature(data, odd)
    assert apple.verify(refused, trust=authority.trust, at=AT).ok
    with pytest.raises(AssertionError, match=r"error: signature: .* another signer .*\[readers-disagree\]"):
        assert_valid_pkpass(refused, trust=authority, at=AT)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_that_another_reader_reads_otherwise_is_named(signature: bytes, part: str) -> None:
    other: Any = "md5" if part == "digest_algorithm" else AT.replace(year=2001) if "time" in part else b"x"
    (finding,) = compare_readers(
        signature, second=lambda data: replace(read_signature(data), **{part: other})
    )
    assert finding.code == "readers-disagree"
    assert finding.message == f"the second reader reads another {part.replace('_', ' ')}"


def test_parts_that_differ_together_are_one_finding(signature: bytes) -> None:
    changes: dict[str, Any] = {"signer": None, "certificates": ()}
    (finding,) = compare_readers(signature, second=lambda data: replace(read_signature(data), **changes))
    assert finding.message.endswith("another signer, certificates")


@pytest.mark.parametrize("raised", [ValueError("no\nway"), KeyError("x"), RecursionError(), MemoryError()])
def test_a_reader_that_raises_is_a_finding(signature: bytes, raised: Exception) -> None:
    def second(data: bytes) -> SignatureParts:
        raise raised

    (finding,) = compare_readers(signature, second=second)
    assert finding.code == "readers-disagree"
    assert type(raised).__name__ in finding.message
    assert "\n" not in finding.message


# --- hostile bytes ---


def mutants(signatures: list[bytes], count: int) -> list[bytes]:
    """Signatures with bits, octets and lengths changed by chance."""
    made = []
    for _ in range(count):
        mutant = bytearray(random.choice(signatures))
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            at = random.randrange(len(mutant))
            if random.random() < 0.8:
                mutant[at] ^= 1 << random.randrange(8)
            else:
                del mutant[at : at + random.randrange(1, 4)]
        made.append(bytes(mutant))
    return made


def test_hostile_bytes_raise_nothing_and_what_we_accept_is_read_alike(signature: bytes) -> None:
    originals = [signature, *filter(None, (signature_of(*each) for each in NAMES))]
    for mutant in mutants(originals, 600):
        assert compare_readers(mutant) == (), mutant.hex()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"\x30\x80" * 2000,
        b"\xff" * 300,
        b"text",
        der.sequence(),
        der.sequence(der.oid("1.2.840.113549.1.7.2")),
    ],
    ids=["empty", "one octet", "open lengths", "ones", "text", "sequence", "no content"],
)
def test_what_our_own_reader_refuses_is_not_compared(data: bytes) -> None:
    assert compare_readers(data, second=lambda _: pytest.fail("compared")) == ()


def test_a_pass_that_is_no_archive_is_refused_as_before(authority: Authority) -> None:
    with pytest.raises(AssertionError, match=r"container failed"):
        assert_valid_pkpass(b"PK", trust=authority, at=AT)


# --- without asn1crypto ---


def test_without_asn1crypto_the_report_says_that_one_reader_read(
    data: bytes, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    verdict = assert_valid_pkpass(data, trust=authority, at=AT, strict=True)
    (found,) = [each for each in verdict.report if each.code == "one-reader"]
    assert found.severity is Severity.NOTE
