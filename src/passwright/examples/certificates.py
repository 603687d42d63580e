"""Certificates in Apple's shape, sound or broken, made with keys of our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from passwright.apple.cms import der
from passwright.apple.trust import certificate as x
from passwright.signing import KeySigner

if TYPE_CHECKING:
    from cryptography import x509

    from passwright.signing import PrivateKey

__all__ = ["PASS_TYPE", "TEAM", "Issued", "Leaf", "make_ca", "make_leaf", "new_key"]

PASS_TYPE = "pass.com.example.passwright"  # noqa: S105
TEAM = "EXAMPLE123"
ORGANISATION = "Passwright throw-away example"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"

# Long-lived, so that examples work in any year a reader tries them.
BEFORE, AFTER = timedelta(days=5 * 365), timedelta(days=30 * 365 + 8)
SHA256_WITH_RSA, SHA1_WITH_RSA = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.5"


@dataclass(frozen=True, repr=False)
class Issued:
    """A certificate in DER together with its private key."""

    certificate: bytes
    key: PrivateKey

    @property
    def signer(self) -> KeySigner:
        """A signer with this key."""
        return KeySigner(self.key)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """The members of a pass certificate; the defaults are those of a valid one.

    `marker` is the pass type in Apple's extension: None leaves the extension
    out, "" repeats `pass_type`. `extra` are further extensions as (object
    identifier, critical). Times default to the authority's.
    """

    pass_type: str = PASS_TYPE
    team: str = TEAM
    nfc: bool = False
    ec: bool = False
    not_before: datetime | None = None
    not_after: datetime | None = None
    marker: str | None = ""
    purposes: tuple[str, ...] = (CLIENT_AUTH, x.PASS_PURPOSE)
    ca: bool = False
    digital_signature: bool = True
    sha1: bool = False
    extra: tuple[tuple[str, bool], ...] = ()


def new_key(*, ec: bool = False, bits: int = 2048) -> PrivateKey:
    """A fresh key: RSA, or EC on P-256."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    return generate_private_key(SECP256R1()) if ec else rsa.generate_private_key(65537, bits)


def make_ca(
    name: str,
    key: PrivateKey,
    issuer: Issued | None,
    *,
    now: datetime,
    serial: int,
    markers: tuple[str, ...] = (),
    ca: bool = True,
    not_after: datetime | None = None,
    sha1: bool = False,
    extra: tuple[tuple[str, bool], ...] = (),
) -> bytes:
    """The certificate of a root (without an issuer) or of an intermediate."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Passwright Example {name}"),
            x509.NameAttribute(
                NameOID.ORGANIZATIONAL_UNIT_NAME, "Passwright Example Certification Authority"
            ),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    builder = (
        _builder(
            subject, key, issuer, serial=serial, not_before=now - BEFORE, not_after=not_after or now + AFTER
        )
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=ca, signatures=not ca), critical=True)
    )
    nulls = ((marker, False) for marker in markers)
    return _sign(_add_markers(builder, (*nulls, *extra)), issuer.key if issuer else key, sha1=sha1)


def make_leaf(leaf: Leaf, key: PrivateKey, issuer: Issued, *, serial: int) -> bytes:
    """A pass certificate as `leaf` says; its times have to be filled in."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    assert leaf.not_before  # noqa: S101  # issue() fills both in
    assert leaf.not_after  # noqa: S101
    title = "Pass Type ID with NFC" if leaf.nfc else "Pass Type ID"
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, leaf.pass_type),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{title}: {leaf.pass_type}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, leaf.team),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    builder = (
        _builder(subject, key, issuer, serial=serial, not_before=leaf.not_before, not_after=leaf.not_after)
        .add_extension(x509.BasicConstraints(ca=leaf.ca, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=leaf.ca, signatures=leaf.digital_signature), critical=True)
        .add_extension(x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, leaf.purposes)), critical=False)
    )
    marker = leaf.pass_type if leaf.marker == "" else leaf.marker
    if marker is not None:
        builder = _text(builder, x.PASS_MARKER, marker)
    if leaf.nfc:
        builder = _text(builder, x.NFC_MARKER, leaf.pass_type)
    return _sign(_add_markers(builder, ((x.PUSH_MARKERS[0], False), *leaf.extra)), issuer.key, sha1=leaf.sha1)


def _builder(
    subject: x509.Name,
    key: PrivateKey,
    issuer: Issued | None,
    *,
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    from cryptography import x509

    parent = x509.load_der_x509_certificate(issuer.certificate).subject if issuer else subject
    issuer_key = (issuer.key if issuer else key).public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, certificates: bool, signatures: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=signatures,
        content_commitment=False,
        # A usage of some kind has to be there.
        key_encipherment=not (certificates or signatures),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _text(builder: x509.CertificateBuilder, dotted: str, value: str) -> x509.CertificateBuilder:
    from cryptography import x509

    octets = der.tlv(der.UTF8_STRING, value.encode())
    return builder.add_extension(
        x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), octets), critical=False
    )


def _add_markers(
    builder: x509.CertificateBuilder, markers: tuple[tuple[str, bool], ...]
) -> x509.CertificateBuilder:
    """Extensions whose value is NULL: they say all by being there."""
    from cryptography import x509

    for dotted, critical in markers:
        value = x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), der.tlv(der.NULL))
        builder = builder.add_extension(value, critical=critical)
    return builder


def _sign(builder: x509.CertificateBuilder, key: PrivateKey, *, sha1: bool) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = builder.sign(key, SHA256())
    if not sha1:
        return certificate.public_bytes(Encoding.DER)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("SHA-1 certificates are made with RSA issuers only")
    # The builder refuses SHA-1. The two names are equally long, so one can stand in for the other.
    tbs = certificate.tbs_certificate_bytes.replace(der.oid(SHA256_WITH_RSA), der.oid(SHA1_WITH_RSA))
    signature = key.sign(tbs, PKCS1v15(), SHA1())  # noqa: S303
    algorithm = der.sequence(der.oid(SHA1_WITH_RSA), der.tlv(der.NULL))
    return der.sequence(tbs, algorithm, der.tlv(der.BIT_STRING, b"\0", signature))
