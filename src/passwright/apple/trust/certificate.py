"""One certificate, and what Apple's extensions in it say.

The extensions and names are those of Apple's pass certificates and of the
Worldwide Developer Relations (WWDR) intermediates that issue them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from passwright.apple.cms import der
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography import x509

    from passwright.signing import PublicKey

__all__ = ["as_pem", "key_id", "nfc", "parse", "pass_type_identifier", "split_pem", "team_identifier"]

PASS_MARKER = "1.2.840.113635.100.6.1.16"  # noqa: S105
NFC_MARKER = "1.2.840.113635.100.6.1.26"
PASS_PURPOSE = "1.2.840.113635.100.4.14"  # noqa: S105
# The first for all generations but the second, G2.
INTERMEDIATE_MARKERS = ("1.2.840.113635.100.6.2.1", "1.2.840.113635.100.6.2.15")
PUSH_MARKERS = ("1.2.840.113635.100.6.3.2", "1.2.840.113635.100.6.3.6")

# MD5 and SHA-1 with RSA, SHA-1 with ECDSA.
WEAK_SIGNATURES = frozenset({"1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"})

USER_ID = "0.9.2342.19200300.100.1.1"
ORGANIZATIONAL_UNIT = "2.5.4.11"
COMMON_NAME = "2.5.4.3"

MAX_BYTES = 16 * 1024  # pass certificates have about 1.5 kB
VERSION_3 = 2  # RFC 5280 section 4.1.2.1 counts from zero
MAX_SERIAL_OCTETS = 20  # RFC 5280 section 4.1.2.2


def parse(certificate: bytes) -> x509.Certificate:
    """The certificate in these DER octets, with all of it known to be readable.

    Raises:
        InvalidInput: `bad-certificate`: not X.509 version 3, a serial number that
            isn't positive, two signature algorithms, malformed times, an
            extension twice (RFC 5280 section 4.1).
    """
    from cryptography import x509

    try:
        _check_structure(certificate)
    except der.DerError as exc:
        raise _bad("it can't be read") from exc
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        # Names of an odd length make this package warn, and a verdict must not depend on what
        # the caller does with warnings. Names are kept once read, so the next look is silent.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Read lazily: what is malformed in these shows here and not in the middle of a verdict.
            _ = (
                parsed.extensions,
                parsed.subject,
                parsed.issuer,
                parsed.not_valid_before_utc,
                parsed.not_valid_after_utc,
            )
    except Exception as exc:  # the parser raises whatever its parts raise
        raise _bad("it can't be read") from exc
    return parsed


def _check_structure(certificate: bytes) -> None:
    """Checks structure that a parser may accept (RFC 5280 sections 4.1.1.2, 4.1.2.1 and 4.1.2.2)."""
    outer = der.Fields(der.read(certificate, limit=MAX_BYTES))
    inner = der.Fields(outer.take(der.SEQUENCE))
    algorithm, value = outer.take(der.SEQUENCE), outer.take(der.BIT_STRING)
    outer.end()
    explicit = inner.maybe(der.CONTEXT_0)
    version = der.Fields(explicit) if explicit else None
    if version is None or version.take(der.INTEGER).integer() != VERSION_3:
        raise _bad("it is not of version 3")
    version.end()
    serial = inner.take(der.INTEGER)
    if serial.integer() <= 0 or len(serial.content) > MAX_SERIAL_OCTETS:
        raise _bad("its serial number is not positive, or too long")
    # Nobody signed these octets: left free, one certificate would have many encodings.
    if inner.take(der.SEQUENCE).encoded != algorithm.encoded or value.content[:1] != b"\0":
        raise _bad("its signature is not what it says inside")


def issuer_and_serial(certificate: bytes) -> tuple[bytes, bytes]:
    """The issuer's name, as encoded, and the content octets of the serial number.

    Raises: DerError: this is not a certificate.
    """
    fields = der.Fields(der.Fields(der.read(certificate, limit=MAX_BYTES)).take(der.SEQUENCE))
    fields.maybe(der.CONTEXT_0)
    serial = fields.take(der.INTEGER).content
    fields.take(der.SEQUENCE)
    return fields.take(der.SEQUENCE).encoded, serial


def split_pem(data: bytes | str) -> list[bytes]:
    """The certificates in a PEM text, or the one in DER, as DER; ValueError where there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    octets = data.encode() if isinstance(data, str) else bytes(data)
    if octets[:1] == b"\x30":
        return [octets]
    return [found.public_bytes(Encoding.DER) for found in x509.load_pem_x509_certificates(octets)]


def as_pem(certificate: bytes) -> bytes:
    """A certificate in DER as PEM (RFC 7468)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return parse(certificate).public_bytes(Encoding.PEM)


def pass_type_identifier(certificate: x509.Certificate) -> str | None:
    """The UID of the subject, None where there isn't exactly one."""
    return _name(certificate, USER_ID)


def team_identifier(certificate: x509.Certificate) -> str | None:
    """The organisational unit of the subject, None where there isn't exactly one."""
    return _name(certificate, ORGANIZATIONAL_UNIT)


def nfc(certificate: x509.Certificate) -> bool:
    """Returns True if passes signed with this certificate may have `nfc`: by Apple's extension, not by the
    name.
    """
    return extension(certificate, NFC_MARKER) is not None


def marked_pass_type(certificate: x509.Certificate) -> str | None:
    """The pass type that Apple's extension for pass certificates names, None without one."""
    value = extension(certificate, PASS_MARKER)
    if value is None:
        return None
    try:
        return der.read(value, limit=MAX_BYTES).expect(der.UTF8_STRING).content.decode()
    except ValueError:
        return None


def purposes(certificate: x509.Certificate) -> frozenset[str]:
    """The extended key usages, dotted."""
    from cryptography import x509

    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(usage.dotted_string for usage in usages)


def is_authority(certificate: x509.Certificate) -> bool:
    """Returns True if the certificate claims to issue certificates, by basic constraints or by key usage."""
    usage = _key_usage(certificate)
    return _is_ca(certificate) or (usage is not None and usage.key_cert_sign)


def may_issue(certificate: x509.Certificate) -> bool:
    """Returns True if the certificate may issue certificates: basic constraints say it, and no key usage
    denies it.
    """
    usage = _key_usage(certificate)
    return _is_ca(certificate) and (usage is None or usage.key_cert_sign)


def may_sign(certificate: x509.Certificate) -> bool:
    """Returns True if the key usage names digital signatures."""
    usage = _key_usage(certificate)
    return usage is not None and usage.digital_signature


def is_marked_intermediate(certificate: x509.Certificate) -> bool:
    """Returns True if Apple's extension marks the certificate as an intermediate for developers."""
    return any(extension(certificate, marker) is not None for marker in INTERMEDIATE_MARKERS)


def critical(certificate: x509.Certificate) -> frozenset[str]:
    """The extensions marked critical, dotted."""
    return frozenset(found.oid.dotted_string for found in certificate.extensions if found.critical)


def weak_digest(certificate: x509.Certificate) -> bool:
    """Returns True if the signature is over a digest in which collisions can be made."""
    return certificate.signature_algorithm_oid.dotted_string in WEAK_SIGNATURES


def extension(certificate: x509.Certificate, dotted: str) -> bytes | None:
    """The octets of an extension that the cryptography package doesn't know."""
    from cryptography import x509

    for found in certificate.extensions:
        if found.oid.dotted_string == dotted and isinstance(found.value, x509.UnrecognizedExtension):
            return found.value.value
    return None


def public_key(certificate: x509.Certificate) -> PublicKey | None:
    """The key of the certificate, None where it is neither RSA nor EC."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)) else None


def key_id(certificate: x509.Certificate) -> str:
    """The subject key identifier in hex, worked out from the key where the certificate has none.

    "unknown" where the key is neither RSA nor EC.
    """
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
    except x509.ExtensionNotFound:
        key = public_key(certificate)
        return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex() if key else "unknown"


def issuer_key_id(certificate: x509.Certificate) -> str:
    """The key identifier of the issuer in hex, "unknown" where the certificate doesn't say."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(
            x509.AuthorityKeyIdentifier
        ).value.key_identifier
    except x509.ExtensionNotFound:
        found = None
    return found.hex() if found else "unknown"


def signed_by(certificate: bytes, issuer_key: bytes) -> bool:
    """Returns True if the certificate's signature is by the key in this SubjectPublicKeyInfo; both DER."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        parsed = x509.load_der_x509_certificate(certificate)
        digest = parsed.signature_hash_algorithm
        key = load_der_public_key(issuer_key)
        if digest is None:
            return False
        if isinstance(key, RSAPublicKey):
            key.verify(parsed.signature, parsed.tbs_certificate_bytes, PKCS1v15(), digest)
        elif isinstance(key, EllipticCurvePublicKey):
            key.verify(parsed.signature, parsed.tbs_certificate_bytes, ECDSA(digest))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def spki(certificate: x509.Certificate) -> bytes:
    """The SubjectPublicKeyInfo, DER; empty where the key is neither RSA nor EC."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = public_key(certificate)
    return b"" if key is None else key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(certificate: x509.Certificate, dotted: str) -> str | None:
    found = [part.value for part in certificate.subject if part.oid.dotted_string == dotted]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None


def _is_ca(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _bad(reason: str) -> InvalidInput:
    return InvalidInput("bad-certificate", "signature", f"a certificate is malformed: {reason}")
