"""Signatures we write are the ones others read; signatures of others are read as found, and named."""

from __future__ import annotations

import hashlib
import random
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from asn1crypto import algos
from asn1crypto import cms as asn1
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passwright.apple.cms import der
from passwright.apple.cms import signature as cms_signature
from passwright.apple.cms.parser import CONTENT_TYPE, DATA, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_TIME
from passwright.apple.identity import Identity
from passwright.apple.trust.chain import chain
from passwright.errors import InvalidInput, SignerFailed
from passwright.examples.authority import Authority
from passwright.examples.certificates import Leaf, new_key
from passwright.signing import KeySigner
from tests.keys import odd_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MANIFEST = b'{"icon.png": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}'
BIG = odd_key("rsa 4096")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create(now=NOW)


@pytest.fixture(scope="module")
def identity(authority: Authority) -> Identity:
    return authority.identity()


@pytest.fixture(scope="module")
def signature(identity: Identity) -> bytes:
    return identity.sign_manifest(MANIFEST, at=NOW)


def identity_of(authority: Authority, kind: str) -> Identity:
    if kind == "rsa4096":
        issued = authority.issue(key=BIG)
        return Identity(
            certificate=issued.certificate, intermediate=authority.intermediate, signer=issued.signer
        )
    return authority.identity(ec=kind == "p256")


# --- writing ---


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("kind", ["rsa2048", "rsa4096", "p256"])
@pytest.mark.parametrize("at", [NOW, NOW.replace(year=2049, month=12, day=31), NOW.replace(year=2050)])
def test_sig_19_openssl_and_we_accept_what_we_sign(authority: Any, tmp_path: Any, kind: Any, at: Any) -> None:
    identity = identity_of(authority, kind)
    signature = identity.sign_manifest(MANIFEST, at=at)
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "manifest").write_bytes(MANIFEST)
    (tmp_path / "root").write_bytes(x509.load_der_x509_certificate(authority.root).public_bytes(Encoding.PEM))
    command = (
        "openssl cms -verify -binary -inform DER -in signature -content manifest -CAfile root -purpose any"
    )
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert done.stdout == MANIFEST
    assert b"successful" in done.stderr
    assert cms_signature.verify(cms_signature.parse(signature), MANIFEST) == (identity.certificate, ())


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_a_signature_holds_leaf_and_intermediate_once_each(authority: Any, kind: Any) -> None:
    """DER by asn1crypto's reading: nothing is missing, double, or out of order."""
    identity = identity_of(authority, kind)
    signature = identity.sign_manifest(MANIFEST, at=NOW)
    info = asn1.ContentInfo.load(signature, strict=True)
    signed = info["content"]
    found = [one.chosen.dump() for one in signed["certificates"]]
    assert sorted(found) == found
    assert sorted(found) == sorted([identity.certificate, identity.intermediate])
    assert signed["version"].native == "v1"
    assert signed["encap_content_info"].native == {"content_type": "data", "content": None}
    assert [one["algorithm"].native for one in signed["digest_algorithms"]] == ["sha256"]
    assert not signed["crls"]
    [signer] = signed["signer_infos"]
    assert signer["version"].native == "v1"
    assert signer["sid"].name == "issuer_and_serial_number"
    leaf = asn1_x509.Certificate.load(identity.certificate)
    assert signer["sid"].chosen["issuer"].dump() == leaf.issuer.dump()
    assert signer["sid"].chosen["serial_number"].native == leaf.serial_number
    assert signer["signature_algorithm"]["algorithm"].native == (
        "rsassa_pkcs1v15" if kind == "rsa2048" else "sha256_ecdsa"
    )
    attributes = {one["type"].native: one["values"].native for one in signer["signed_attrs"]}
    assert attributes == {
        "content_type": ["data"],
        "signing_time": [NOW],
        "message_digest": [hashlib.sha256(MANIFEST).digest()],
    }
    assert not signer["unsigned_attrs"]
    assert info.dump(force=True) == signature


@pytest.mark.parametrize(
    ("at", "kind", "text"),
    [
        (datetime(1949, 12, 31, 23, 59, 59, tzinfo=UTC), "generalized_time", b"19491231235959Z"),
        (datetime(1950, 1, 1, tzinfo=UTC), "utc_time", b"500101000000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "utc_time", b"260102030405Z"),
        (datetime(2026, 1, 2, 1, 0, 0, tzinfo=timezone(timedelta(hours=2))), "utc_time", b"260101230000Z"),
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "utc_time", b"491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), "generalized_time", b"20500101000000Z"),
        (datetime(9, 1, 1, tzinfo=UTC), "generalized_time", b"00090101000000Z"),
    ],
)
def test_the_signing_time_is_written_as_cms_asks(identity: Any, at: Any, kind: Any, text: Any) -> None:
    """UTCTime from 1950 through 2049, GeneralizedTime otherwise; whole seconds, UTC."""
    written = identity.frame.unsigned(MANIFEST, at=at).complete()
    [signer] = asn1.ContentInfo.load(written)["content"]["signer_infos"]
    [time] = [one["values"][0] for one in signer["signed_attrs"] if one["type"].native == "signing_time"]
    assert (time.name, time.chosen.contents) == (kind, text)
    assert cms_signature.parse(written).signing_time == at.replace(microsecond=0)
    assert cms_signature.verify(cms_signature.parse(written), MANIFEST) == (identity.certificate, ())


def test_same_input_same_bytes(identity: Any) -> None:
    assert identity.sign_manifest(MANIFEST, at=NOW) == identity.sign_manifest(MANIFEST, at=NOW)
    assert identity.sign_manifest(MANIFEST, at=NOW) != identity.sign_manifest(MANIFEST + b" ", at=NOW)


def test_a_naive_signing_time_is_a_mistake(identity: Any) -> None:
    naive = NOW.replace(tzinfo=None)
    for sign in (identity.sign_manifest, identity.frame.unsigned):
        with pytest.raises(ValueError, match="time zone"):
            sign(MANIFEST, at=naive)


def test_key_10_a_foreign_signer_is_checked_for_each_signature(authority: Any) -> None:
    class Elsewhere:
        key_id = None
        good = True

        def __init__(self) -> None:
            self.inner = authority.issue().signer

        def sign(self, message: bytes) -> bytes:
            return bytes(self.inner.sign(message if self.good else message + b"!"))

    signer = Elsewhere()
    identity = Identity(
        certificate=authority.issue().certificate, intermediate=authority.intermediate, signer=signer
    )
    assert cms_signature.verify(cms_signature.parse(identity.sign_manifest(MANIFEST, at=NOW)), MANIFEST)
    signer.good = False
    with pytest.raises(SignerFailed):
        identity.sign_manifest(MANIFEST, at=NOW)


# --- reading: what genuine passes hold ---


class Maker:
    """A signature in parts, put together as others put it, sound or broken."""

    def __init__(self, authority: Authority) -> None:
        self.issued = authority.issue()
        self.key: Any = self.issued.key
        self.certificates = [self.issued.certificate, authority.intermediate]
        self.digest = "sha256"
        self.signature_algorithm = "rsassa_pkcs1v15"
        self.by_key = False
        self.content: bytes | None = None
        self.attributes: list[bytes] | None = None
        self.signed_as_set = True
        self.unsigned: list[bytes] = []
        self.version = 1

    def attribute(self, name: str, *values: bytes) -> bytes:
        return der.sequence(der.oid(name), der.tlv(der.SET, *values))

    def usual(self, content: bytes = MANIFEST) -> list[bytes]:
        digest = hashlib.new(self.digest, content).digest()
        return [
            self.attribute(CONTENT_TYPE, der.oid(DATA)),
            self.attribute(SIGNING_TIME, der.tlv(der.UTC_TIME, b"260102030405Z")),
            self.attribute(MESSAGE_DIGEST, der.tlv(der.OCTET_STRING, digest)),
        ]

    def value(self, content: bytes) -> bytes:
        message = content if self.attributes is None else der.tlv(der.SET, *self.attributes)
        algorithm = {"sha256": hashes.SHA256(), "sha1": hashes.SHA1(), "sha512": hashes.SHA512()}
        digest = algorithm.get(self.digest, hashes.SHA256())
        return bytes(self.key.sign(message, padding.PKCS1v15(), digest))

    def make(self, content: bytes = MANIFEST) -> bytes:
        leaf = asn1_x509.Certificate.load(self.issued.certificate)
        signer = (
            der.tlv(der.CONTEXT, leaf.key_identifier)
            if self.by_key
            else der.sequence(leaf.issuer.dump(), der.integer(leaf.serial_number))
        )
        digest = algos.DigestAlgorithm({"algorithm": self.digest}).dump()
        algorithm = algos.SignedDigestAlgorithm({"algorithm": self.signature_algorithm}).dump()
        info = [
            der.integer(3 if self.by_key else self.version),
            signer,
            digest,
            *([der.tlv(der.CONTEXT_0, *self.attributes)] if self.attributes is not None else []),
            algorithm,
            der.tlv(der.OCTET_STRING, self.value(content)),
            *([der.tlv(der.CONTEXT_1, *self.unsigned)] if self.unsigned else []),
        ]
        inner = [] if self.content is None else [der.tlv(der.CONTEXT_0, der.tlv(4, self.content))]
        return wrap(
            der.integer(3 if self.by_key else self.version),
            der.set_of(digest),
            der.sequence(der.oid(DATA), *inner),
            der.tlv(der.CONTEXT_0, *self.certificates),
            der.tlv(der.SET, der.sequence(*info)),
        )


def wrap(*parts: bytes, kind: str = SIGNED_DATA) -> bytes:
    return der.sequence(der.oid(kind), der.tlv(der.CONTEXT_0, der.sequence(*parts)))


@pytest.fixture
def maker(authority: Authority) -> Maker:
    made = Maker(authority)
    made.attributes = made.usual()
    return made


def codes(signature: bytes, content: bytes = MANIFEST) -> list[str]:
    """The traits of a signature that holds."""
    leaf, findings = cms_signature.verify(cms_signature.parse(signature), content)
    assert leaf
    return [found.code for found in findings]


def refusal(signature: bytes, content: bytes = MANIFEST) -> str:
    with pytest.raises(InvalidInput) as caught:
        cms_signature.verify(cms_signature.parse(signature), content)
    assert caught.value.location == "signature"
    return caught.value.code


def test_the_plain_signature_of_this_maker_holds(maker: Any) -> None:
    assert codes(maker.make()) == []
    assert cms_signature.parse(maker.make()).signing_time == NOW


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["extra-attributes"]),
        (["-nosmimecap"], []),
        (["-nosmimecap", "-keyid"], ["signer-key-id"]),
        (["-nosmimecap", "-md", "sha1"], ["weak-digest"]),
        (["-nosmimecap", "-md", "sha512"], []),
        (["-nosmimecap", "-nodetach"], ["attached-content"]),
        (["-nosmimecap", "-stream", "-indef", "-nodetach"], ["ber-signature", "attached-content"]),
        (["-noattr"], ["no-signed-attributes"]),
    ],
)
def test_what_openssl_signs_is_read_and_named(
    authority: Any, tmp_path: Any, options: Any, expected: Any
) -> None:
    issued = authority.issue()
    (tmp_path / "key").write_bytes(
        issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    for name, octets in {"leaf": issued.certificate, "wwdr": authority.intermediate}.items():
        (tmp_path / name).write_bytes(x509.load_der_x509_certificate(octets).public_bytes(Encoding.PEM))
    (tmp_path / "manifest").write_bytes(MANIFEST)
    command = "openssl cms -sign -binary -in manifest -signer leaf -inkey key -certfile wwdr -outform DER"
    done = subprocess.run([*command.split(), *options], cwd=tmp_path, capture_output=True, check=True)
    assert codes(done.stdout) == expected
    signed = cms_signature.parse(done.stdout)
    assert set(signed.certificates) == {issued.certificate, authority.intermediate}
    assert (signed.signing_time is None) == ("-noattr" in options)


def test_sig_14_attributes_in_any_order_are_verified_as_found(maker: Any) -> None:
    """The order node-forge writes is no DER order, and openssl accepts it."""
    a, b, c = maker.usual()
    for order, expected in {(a, b, c): [], (a, c, b): ["unordered-attributes"]}.items():
        maker.attributes = list(order)
        assert codes(maker.make()) == expected
    # Signed in one order and stored in another: not the octets that were signed.
    shuffled = maker.make().replace(c + b, b + c)
    assert refusal(shuffled) == "bad-signature"


def test_sig_14_attributes_with_long_lengths_are_refused(maker: Any) -> None:
    attribute = maker.usual()[1]
    maker.attributes[1] = b"\x30\x81" + attribute[1:]
    assert refusal(maker.make()) == "malformed-signature"


def test_sig_08_a_signer_named_by_key_is_found(maker: Any) -> None:
    maker.by_key = True
    assert codes(maker.make()) == ["signer-key-id"]
    maker.certificates.append(maker.issued.certificate)
    assert codes(maker.make()) == ["signer-key-id"]


def test_sig_08_a_signer_named_by_nothing_two_or_an_authority(maker: Any, authority: Any) -> None:
    other = authority.issue(Leaf(team="OTHERTEAM1"))
    assert refusal(replace_certificates(maker, [authority.intermediate])) == "bad-signer"
    assert refusal(replace_certificates(maker, [other.certificate])) == "bad-signer"
    assert refusal(replace_certificates(maker, [])) == "bad-signer"
    # Both certificates hold the same key, so the key names both.
    maker.by_key = True
    assert refusal(replace_certificates(maker, [maker.issued.certificate, other.certificate])) == "bad-signer"
    maker.by_key = False
    maker.issued = authority.as_issuer()
    maker.key = maker.issued.key
    assert refusal(replace_certificates(maker, [authority.intermediate])) == "bad-signer"


def replace_certificates(maker: Maker, certificates: list[bytes]) -> bytes:
    maker.certificates = certificates
    return maker.make()


def test_sig_09_identity_is_read_from_the_certificate_whose_key_signed(maker: Any, authority: Any) -> None:
    other = authority.issue(key=new_key())
    maker.certificates = [other.certificate, maker.issued.certificate, authority.intermediate]
    leaf, _ = cms_signature.verify(cms_signature.parse(maker.make()), MANIFEST)
    assert leaf == maker.issued.certificate
    # Named as the signer, but another key signed.
    maker.issued = other
    assert refusal(maker.make()) == "bad-signature"


def test_an_issuer_written_with_other_string_types_is_the_same(maker: Any) -> None:
    """Some writers turn the strings of the issuer's name into PrintableString."""
    name = asn1_x509.Certificate.load(maker.issued.certificate).issuer.dump()
    rewritten = name.replace(b"\x0c", b"\x13")
    assert rewritten != name
    plain = maker.make()
    at = plain.rindex(name)
    assert codes(plain[:at] + rewritten + plain[at + len(name) :]) == []
    assert (
        refusal(plain[:at] + name.replace(b"Example", b"Exampla") + plain[at + len(name) :]) == "bad-signer"
    )


def test_sig_10_what_nobody_signed_is_reported_and_never_used(maker: Any) -> None:
    counter = maker.attribute("1.2.840.113549.1.9.6", der.sequence(der.integer(1)))
    maker.unsigned = [counter]
    assert codes(maker.make()) == ["unsigned-attributes"]


def test_sig_10_revocation_lists_are_reported(maker: Any) -> None:
    info = asn1.ContentInfo.load(maker.make())["content"]
    parts = [info[name].dump() for name in ("version", "digest_algorithms", "encap_content_info")]
    lists = der.tlv(der.CONTEXT_1, der.sequence(der.integer(1)))
    signature = wrap(*parts, info["certificates"].dump(), lists, info["signer_infos"].dump())
    assert codes(signature) == ["embedded-crls"]


def test_sig_04_attached_content_counts_only_as_the_manifest(maker: Any) -> None:
    maker.content = MANIFEST
    assert codes(maker.make()) == ["attached-content"]
    maker.content = MANIFEST + b" "
    assert refusal(maker.make()) == "attached-content"
    # Signed for the embedded text: the manifest in the archive counts all the same.
    other = b'{"other": 1}'
    maker.content, maker.attributes = other, maker.usual(other)
    assert refusal(maker.make(other)) == "attached-content"


def test_sig_01_without_signed_attributes_only_a_json_object_counts(maker: Any) -> None:
    attributes = der.tlv(der.SET, *maker.usual())
    maker.attributes = None
    signature = maker.make()
    assert codes(signature) == ["no-signed-attributes"]
    assert cms_signature.parse(signature).signing_time is None
    assert refusal(signature, MANIFEST + b" ") == "bad-signature"
    for content in (attributes, b"[]", b"\xff", b"[" * 100_000, b'"text"'):
        assert refusal(maker.make(content), content) == "no-signed-attributes"


def test_sig_01_attributes_stripped_from_a_signature_are_no_manifest(signature: Any) -> None:
    """The attribute octets of a genuine signature, offered as the content it was made over."""
    attributes = cms_signature.parse(signature).signed_attributes or b""
    info = asn1.ContentInfo.load(signature)["content"]
    names = ("version", "digest_algorithms", "encap_content_info", "certificates")
    fields = der.read(info["signer_infos"][0].dump(), limit=1 << 20).children()
    left = der.sequence(*(field.encoded for field in fields if field.tag != der.CONTEXT_0))
    stripped = cms_signature.parse(wrap(*(info[name].dump() for name in names), der.set_of(left)))
    assert stripped.signed_attributes is None
    with pytest.raises(InvalidInput, match="without signed attributes") as caught:
        cms_signature.verify(stripped, attributes)
    assert caught.value.code == "no-signed-attributes"


def test_sig_05_digests(maker: Any) -> None:
    """SHA-1 is still common and named; MD5 and SHA-224 prove nothing."""
    for digest, expected in {"sha1": ["weak-digest"], "sha256": [], "sha512": []}.items():
        maker.digest, maker.attributes = digest, None
        maker.attributes = maker.usual()
        assert codes(maker.make()) == expected
    for digest in ("md5", "sha224"):
        maker.digest = digest
        maker.attributes = maker.usual()
        signed = cms_signature.parse(maker.make())
        assert signed.digest == digest
        assert refusal(maker.make()) == "weak-digest"


def test_sig_05_a_digest_that_was_not_announced(maker: Any) -> None:
    info = asn1.ContentInfo.load(maker.make())["content"]
    names = ("encap_content_info", "certificates", "signer_infos")
    rest = [info[name].dump() for name in names]
    other = der.set_of(algos.DigestAlgorithm({"algorithm": "sha512"}).dump())
    assert refusal(wrap(der.integer(1), other, *rest)) == "bad-algorithm"
    unknown = der.set_of(der.sequence(der.oid("1.2.3")))
    assert refusal(wrap(der.integer(1), unknown, *rest)) == "bad-algorithm"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("rsassa_pkcs1v15", None),
        ("sha256_rsa", None),
        ("sha1_rsa", "bad-algorithm"),
        ("sha512_rsa", "bad-algorithm"),
        ("md5_rsa", "bad-algorithm"),
        ("rsassa_pss", "bad-algorithm"),
        ("sha256_ecdsa", "bad-algorithm"),
        ("sha256_dsa", "bad-algorithm"),
        ("ed25519", "bad-algorithm"),
    ],
)
def test_sig_06_signature_algorithms(maker: Any, algorithm: Any, expected: Any) -> None:
    maker.signature_algorithm = algorithm
    if expected is None:
        assert codes(maker.make()) == []
    else:
        assert refusal(maker.make()) == expected


def test_sig_06_odd_parameters_and_an_empty_signature(maker: Any) -> None:
    plain = maker.make()
    assert refusal(plain.replace(maker.value(MANIFEST), bytes(256))) == "bad-signature"
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}).dump()
    at = plain.rindex(algorithm)
    assert refusal(plain[:at] + algorithm[:-2] + b"\x0c\0" + plain[at + len(algorithm) :]) == "bad-algorithm"
    maker.value = lambda _: b""
    assert refusal(maker.make()) == "bad-signature"


@pytest.mark.parametrize("order", ["", "good good", "good bad", "bad good"])
def test_sig_07_exactly_one_signer(maker: Any, order: Any) -> None:
    info = asn1.ContentInfo.load(maker.make())["content"]
    good = info["signer_infos"][0].dump()
    signers = {"good": good, "bad": good[:-1] + b"\0"}
    names = ("version", "digest_algorithms", "encap_content_info", "certificates")
    parts = [info[name].dump() for name in names]
    infos = der.tlv(der.SET, *(signers[name] for name in order.split()))
    assert refusal(wrap(*parts, infos)) == "signer-count"


def attribute_cases() -> dict[str, tuple[Any, str]]:
    digest, time, kind = MESSAGE_DIGEST, SIGNING_TIME, CONTENT_TYPE
    value = der.tlv(4, hashlib.sha256(MANIFEST).digest())
    data = der.oid(DATA)
    moment = der.tlv(der.UTC_TIME, b"260102030405Z")

    def without(*names: str, add: tuple[tuple[str, list[bytes]], ...] = ()) -> Any:
        def build(maker: Maker) -> list[bytes]:
            left = [one for one in maker.usual() if not any(der.oid(name) in one for name in names)]
            return sorted([*left, *(maker.attribute(name, *values) for name, values in add)])

        return build

    return {
        "sig_02 no digest": (without(digest), "bad-message-digest"),
        "sig_02 digest twice": (without(add=((digest, [value]),)), "bad-message-digest"),
        "sig_02 two digests in one": (without(digest, add=((digest, [value, value]),)), "bad-message-digest"),
        "sig_02 short digest": (
            without(digest, add=((digest, [der.tlv(4, bytes(20))]),)),
            "bad-message-digest",
        ),
        "sig_02 wrong digest": (without(digest, add=((digest, [der.tlv(4, bytes(32))]),)), "digest-mismatch"),
        "sig_02 a digest that is no string": (
            without(digest, add=((digest, [der.tlv(3, bytes(32))]),)),
            "malformed-signature",
        ),
        "sig_03 no type": (without(kind), "bad-content-type"),
        "sig_03 type twice": (without(add=((kind, [data]),)), "bad-content-type"),
        "sig_03 another type": (without(kind, add=((kind, [der.oid(SIGNED_DATA)]),)), "bad-content-type"),
        "sig_03 no value": (without(kind, add=((kind, []),)), "bad-content-type"),
        "sig_11 time twice": (without(add=((time, [moment]),)), "bad-attributes"),
        "sig_11 two times in one": (without(time, add=((time, [moment, moment]),)), "bad-attributes"),
    }


@pytest.mark.parametrize(("build", "expected"), attribute_cases().values(), ids=attribute_cases())
def test_sig_02_the_three_attributes_stand_once(maker: Any, build: Any, expected: Any) -> None:
    maker.attributes = build(maker)
    assert refusal(maker.make()) == expected


def test_sig_11_unknown_attributes_are_reported_and_stay_unread(maker: Any) -> None:
    """Two genuine passes hold values that other readers can't parse."""
    odd = maker.attribute("1.2.840.113549.1.9.15", b"\x30\x05\x02")
    maker.attributes = sorted([*maker.usual(), odd, odd])
    assert codes(maker.make()) == ["extra-attributes"]


def test_sig_12_no_signing_time_is_an_error_of_an_intact_signature(maker: Any) -> None:
    maker.attributes = [one for one in maker.usual() if der.oid(SIGNING_TIME) not in one]
    leaf, [finding] = cms_signature.verify(cms_signature.parse(maker.make()), MANIFEST)
    assert leaf == maker.issued.certificate
    assert (finding.code, finding.severity.value) == ("no-signing-time", "error")


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (der.UTC_TIME, b"490101000000Z", datetime(2049, 1, 1, tzinfo=UTC)),
        (der.UTC_TIME, b"500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (der.GENERALIZED_TIME, b"20510203040506Z", datetime(2051, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (der.UTC_TIME, b"2601020304Z", None),
        (der.UTC_TIME, b"260102030405", None),
        (der.UTC_TIME, b"260102030405+0100", None),
        (der.UTC_TIME, b"261302030405Z", None),
        (der.UTC_TIME, b"260230030405Z", None),
        (der.UTC_TIME, b"260102240000Z", None),
        (der.UTC_TIME, b"260102030460Z", None),
        (der.UTC_TIME, "2601020304٠٥Z".encode(), None),
        (der.GENERALIZED_TIME, b"20510203040506.5Z", None),
        (der.GENERALIZED_TIME, b"00000203040506Z", None),
        (der.UTF8_STRING, b"260102030405Z", None),
        (der.UTC_TIME, b"", None),
    ],
)
def test_sig_12_signing_times(maker: Any, tag: Any, text: Any, expected: Any) -> None:
    time = maker.attribute(SIGNING_TIME, der.tlv(tag, text))
    maker.attributes = sorted([maker.usual()[0], time, maker.usual()[2]])
    if expected is None:
        assert refusal(maker.make()) == "bad-attributes"
    else:
        assert codes(maker.make()) == []
        assert cms_signature.parse(maker.make()).signing_time == expected


def open_lengths(node: der.Node) -> bytes:
    """The same structure with the outer lengths left open, as Apple's own tool writes it."""
    if node.depth > 2:
        return node.encoded
    if node.tag & der.CONSTRUCTED:
        return bytes((node.tag, 0x80)) + b"".join(map(open_lengths, node.children())) + b"\0\0"
    return node.encoded


def test_sig_13_open_lengths_are_accepted(signature: Any, identity: Any) -> None:
    ber = open_lengths(der.read(signature, limit=1 << 20))
    assert ber != signature
    assert codes(ber) == ["ber-signature"]
    assert cms_signature.parse(ber).certificates == cms_signature.parse(signature).certificates


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\0",
        lambda data: data + data,
        lambda data: data[:-1],
        lambda data: data[:40],
        lambda data: data[:4] + b"\x06\x81\x09" + data[6:],
        lambda data: b"\x30\x83\0" + data[2:],
        lambda data: b"\x30\x80" * 40 + data + b"\0\0" * 40,
        der.sequence,
        lambda _: der.sequence(),
        lambda data: b"\x31" + data[1:],
    ],
)
def test_sig_13_what_is_no_strict_encoding_is_refused(signature: Any, change: Any) -> None:
    assert refusal(change(signature)) == "malformed-signature"


@pytest.mark.parametrize("tag", [0x02, 0x04, 0x10, 0x31, 0x50, 0x80, 0xA4, 0xE0])
def test_what_is_not_a_certificate_of_any_format_is_refused(maker: Maker, tag: int) -> None:
    """RFC 5652 section 10.2.2: an element that nobody signs must not hold whatever somebody likes."""
    maker.certificates.append(der.tlv(tag, b"\x02\x01\x00"))
    assert refusal(maker.make()) == "malformed-signature"


@pytest.mark.parametrize("tag", [0xA0, 0xA1, 0xA2, 0xA3])
def test_certificates_of_other_formats_are_passed_over(maker: Maker, tag: int) -> None:
    maker.certificates.append(der.tlv(tag, b"\x02\x01\x00"))
    assert codes(maker.make()) == []
    assert len(cms_signature.parse(maker.make()).certificates) == 2


def test_sig_15_large_files_are_refused_before_any_public_key_work(
    maker: Any, authority: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(cms_signature, "_check_value", lambda *_: pytest.fail("a key was used"))
    assert refusal(maker.make() + bytes(64 * 1024)) == "signature-too-large"
    maker.certificates += [authority.intermediate] * 7
    assert refusal(maker.make()) == "too-many-certificates"
    maker.certificates = [der.sequence()] * 10_000
    assert refusal(maker.make()) == "too-many-certificates"
    maker.certificates = [maker.issued.certificate]
    extra = [maker.attribute(f"1.2.3.{n}", der.integer(n)) for n in range(98)]
    maker.attributes = [*maker.usual(), *extra]
    assert refusal(maker.make()) == "bad-attributes"


@pytest.mark.no_cover
def test_sig_16_one_flipped_bit_never_changes_whom_we_believe(
    signature: Any, identity: Any, authority: Any
) -> None:
    """Where a flip goes unnoticed by signature and chain, files and identity are the same."""
    dice = random.Random(7)
    survived = 0
    for at in range(len(signature)):
        mutant = bytearray(signature)
        mutant[at] ^= 1 << dice.randrange(8)
        try:
            signed = cms_signature.parse(bytes(mutant))
            leaf, _ = cms_signature.verify(signed, MANIFEST)
        except InvalidInput:
            continue
        verdict = chain(
            leaf, signed.certificates, trust=authority.trust, at=NOW, signed_at=signed.signing_time
        )
        if verdict.ok:
            survived += 1
            assert leaf == identity.certificate
            assert signed.signing_time == NOW
    # Versions, optional NULLs: a handful of octets that say nothing.
    assert survived < 20


@pytest.mark.parametrize("content", [MANIFEST + b" ", MANIFEST.replace(b": ", b":"), b"", b"{}"])
def test_sig_17_the_manifest_counts_to_the_last_space(signature: Any, content: Any) -> None:
    assert refusal(signature, content) == "digest-mismatch"


def test_sig_18_the_signature_of_another_pass(identity: Any) -> None:
    other = identity.sign_manifest(b'{"icon.png": "0000"}', at=NOW)
    assert refusal(other) == "digest-mismatch"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "signature-empty"),
        (b"signature goes here\n", "signature-placeholder"),
        (b"-----BEGIN CMS-----\nMIIB\n-----END CMS-----\n", "signature-placeholder"),
        (b"0123", "signature-placeholder"),
        (KeySigner(BIG).sign(MANIFEST), "signature-raw-value"),
        (b"\x30" + bytes(255), "signature-raw-value"),
        (KeySigner(new_key(ec=True)).sign(MANIFEST), "signature-raw-value"),
        (b"\x89PNG\r\n\x1a\n", "malformed-signature"),
        (b"\x30\x80\0\0", "malformed-signature"),
        (der.sequence(der.integer(1)), "malformed-signature"),
        (wrap(kind="1.2.840.113549.1.7.3"), "bad-content-type"),
        (wrap(kind=DATA), "bad-content-type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",  # a signature is never the same twice
)
def test_other_things_found_in_place_of_a_signature_have_names(data: Any, expected: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        cms_signature.parse(data)
    assert (caught.value.code, caught.value.location) == (expected, "signature")


def test_sig_03_a_signature_around_a_signature(maker: Any) -> None:
    info = asn1.ContentInfo.load(maker.make())["content"]
    names = ("version", "digest_algorithms")
    parts = [info[name].dump() for name in names]
    inner = der.sequence(der.oid(SIGNED_DATA))
    rest = [info["certificates"].dump(), info["signer_infos"].dump()]
    assert refusal(wrap(*parts, inner, *rest)) == "bad-content-type"


def test_crt_14_a_malformed_certificate_of_the_signer(maker: Any) -> None:
    version_one = asn1_x509.Certificate.load(maker.issued.certificate)
    version_one["tbs_certificate"]["version"] = "v1"
    assert refusal(replace_certificates(maker, [version_one.dump(force=True)])) == "bad-certificate"


def test_a_signature_by_an_elliptic_curve_names_its_kind(authority: Any) -> None:
    identity = authority.identity(ec=True)
    signed = cms_signature.parse(identity.sign_manifest(MANIFEST, at=NOW))
    assert (signed.algorithm, signed.digest) == ("ecdsa", "sha256")
    with pytest.raises(InvalidInput) as caught:
        cms_signature.verify(replace(signed, algorithm="rsa"), MANIFEST)
    assert caught.value.code == "bad-algorithm"
    with pytest.raises(InvalidInput) as caught:
        cms_signature.verify(replace(signed, signature=b"\x30\0"), MANIFEST)
    assert caught.value.code == "bad-signature"
