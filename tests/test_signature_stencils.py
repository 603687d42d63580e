"""A signature is read as the same thing, whatever was read before it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from passwright.apple import signature_stencils
from passwright.apple.signature_stencils import Stencils
from passwright.apple.signed_data import parse
from passwright.errors import BundleError
from tests.conftest import AT

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.apple.identity import Identity
    from passwright.testing.authority import Authority


def outcome(read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except BundleError as exc:
        return exc.code, exc.message


@pytest.fixture
def full_readings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The signatures that were read in full."""
    read: list[bytes] = []

    def watched(data: bytes) -> Any:
        read.append(data)
        return parse(data)

    monkeypatch.setattr(signature_stencils, "parse", watched)
    return read


@pytest.mark.parametrize("ec", [False, True], ids=["rsa", "ec"])
def test_signatures_of_one_signer_are_read_in_full_once(
    authority: Authority, full_readings: list[bytes], *, ec: bool
) -> None:
    """ECDSA values differ in length by a byte or two, so a few lengths are seen."""
    identity = authority.identity(ec=ec)
    stencils = Stencils()
    for number in range(40):
        data = identity.sign_manifest(b'{"n":%d}' % number, at=AT + timedelta(seconds=number))
        assert stencils.parse(data) == parse(data)
    assert len(full_readings) == len({len(data) for data in full_readings})
    assert len(full_readings) < (6 if ec else 2)


@pytest.mark.parametrize("year", [2026, 2049, 2050])
def test_sig_12_a_time_that_is_none_is_refused_as_ever(identity: Identity, year: int) -> None:
    data = identity.sign_manifest(b"{}", at=datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC))
    stencils = Stencils()
    stencils.parse(data)
    for digits in (b"0506070809Z", b"0230070809Z", b"0506240809Z", b"05060708 9Z"):
        changed = data.replace(b"0506070809Z", digits)
        assert outcome(stencils.parse, changed) == outcome(parse, changed)


@pytest.mark.no_cover
def test_sig_16_every_changed_byte_is_read_as_without_a_stencil(identity: Identity) -> None:
    """Every byte of a signature, one of its bits after the other in turn, also cut and lengthened."""
    data = identity.sign_manifest(b"{}", at=AT)
    chance = random.Random(3)
    stencils = Stencils()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        stencils.parse(data)
        assert outcome(stencils.parse, bytes(changed)) == outcome(parse, bytes(changed))
    for other in (data[:-1], data + b"\0", b"", data[1:], bytes(len(data))):
        assert outcome(stencils.parse, other) == outcome(parse, other)


def test_what_can_not_be_told_apart_is_read_in_full(authority: Authority, full_readings: list[bytes]) -> None:
    """The octets of the digest stand twice, so nobody says which of them is the digest."""
    identity = authority.identity()
    digest = parse(identity.sign_manifest(b"{}", at=AT)).message_digest
    assert digest is not None
    data = identity.sign_manifest(b"{}", at=AT)
    # An attribute that nobody signed and nobody looks at is a place for anything.
    twice = with_unsigned(data, digest)
    stencils = Stencils()
    for _ in range(2):
        assert stencils.parse(twice) == parse(twice)
    assert full_readings == [twice, twice]


def with_unsigned(data: bytes, octets: bytes) -> bytes:
    from asn1crypto import cms, core

    info = cms.ContentInfo.load(data)
    signer = info["content"]["signer_infos"][0]
    attribute = cms.CMSAttribute({"type": "1.2.3.4", "values": [core.OctetString(octets)]})
    signer["unsigned_attrs"] = cms.CMSAttributes([attribute])
    dumped: bytes = info.dump(force=True)
    return dumped


def test_what_is_kept_is_bounded(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_stencils, "MAX_KEPT", 3)
    stencils = Stencils()
    plain = authority.identity().sign_manifest(b"{}", at=AT)
    for size in range(1, 12):
        data = with_unsigned(plain, bytes(size))
        assert stencils.parse(data) == parse(data)
        assert len(stencils._kept) <= 3
