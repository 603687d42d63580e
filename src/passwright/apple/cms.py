"""Detached CMS SignedData over a manifest, written and read (RFC 5652).

Writing is DER, SHA-256, signing time, leaf and intermediate, nothing else.
Reading takes what genuine passes hold and names what it tolerated.
"""

from __future__ import annotations

from datetime import UTC
from hashlib import sha256
from typing import TYPE_CHECKING

from passwright.apple import der
from passwright.signing import sign_call

if TYPE_CHECKING:
    from datetime import datetime

    from passwright.signing import Signer

__all__ = ["Frame"]

MAX_BYTES = 64 * 1024  # genuine signatures have 1.5 to 6 kB

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SHA_256 = "2.16.840.1.101.3.4.2.1"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
ECDSA_WITH_SHA_256 = "1.2.840.10045.4.3.2"

# RFC 5754 section 2: the parameters of SHA-2 are left out.
_SHA_256 = der.sequence(der.oid(SHA_256))
# RFC 5652 section 11.1: contentType says what eContentType says.
_CONTENT_TYPE = der.sequence(der.oid(CONTENT_TYPE), der.set_of(der.oid(DATA)))


class Frame:
    """The constant part of an identity's signatures, worked out once.

    A signature then costs two digests, the signed attributes and lengths.
    Certificates are DER. Same content and time give the same bytes with an
    RSA key. The signer must belong to the leaf: `Identity` sees to it.
    """

    __slots__ = ("_algorithm", "_before", "_front", "_heads", "_sign")

    def __init__(self, *, leaf: bytes, intermediate: bytes, signer: Signer) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        public_key = x509.load_der_x509_certificate(leaf).public_key()
        rsa = isinstance(public_key, RSAPublicKey)
        self._sign = sign_call(signer, public_key)  # type: ignore[arg-type]  # Identity has checked the kind
        # RFC 3370 section 3.2: the parameters of RSA are NULL; RFC 5754 section 3.3: ECDSA has none.
        self._algorithm = (
            der.sequence(der.oid(RSA_ENCRYPTION), der.tlv(der.NULL))
            if rsa
            else der.sequence(der.oid(ECDSA_WITH_SHA_256))
        )
        self._front = b"".join(
            (
                der.integer(1),
                der.set_of(_SHA_256),
                der.sequence(der.oid(DATA)),
                der.set_of(leaf, intermediate, tag=der.CONTEXT_0),
            )
        )
        self._before = der.integer(1) + _issuer_and_serial(leaf) + _SHA_256
        self._heads: dict[tuple[int, int], bytes] = {}

    def sign(self, content: bytes, *, at: datetime) -> bytes:
        """A detached SignedData over `content`, in DER, that says it was made at `at`.

        `at` counts in whole seconds.

        Raises:
            SignerFailed: a signer of others raised, or its answer doesn't verify.
            ValueError: `at` is naive.
        """
        attributes = _signed_attributes(sha256(content).digest(), at)
        # RFC 5652 section 5.4: signed with the tag of SET OF, stored under [0].
        signature = self._sign(b"\x31" + attributes[1:])
        shape = len(attributes), len(signature)
        head = self._heads.get(shape) or self._head(*shape)
        return b"".join((head, attributes, self._algorithm, der.tlv(der.OCTET_STRING, signature)))

    def _head(self, attributes: int, signature: int) -> bytes:
        """All octets before the signed attributes; only sizes decide about them."""
        rest = attributes + len(self._algorithm) + len(der.tlv(der.OCTET_STRING, bytes(signature)))
        # From the inside out: each header counts the octets after it.
        head = self._before
        for tag, before in (
            (der.SEQUENCE, b""),
            (der.SET, self._front),
            (der.SEQUENCE, b""),
            (der.CONTEXT_0, der.oid(SIGNED_DATA)),
            (der.SEQUENCE, b""),
        ):
            head = before + bytes((tag,)) + der.length(len(head) + rest) + head
        self._heads[attributes, signature] = head
        return head


def _signed_attributes(digest: bytes, at: datetime) -> bytes:
    """contentType, signingTime and messageDigest under [0].

    Their order is that of a DER SET OF: they differ in length, shortest first.
    """
    if at.tzinfo is None:
        raise ValueError("the signing time has no time zone: give an aware datetime")
    moment = at.astimezone(UTC)
    # RFC 5652 section 11.3: UTCTime from 1950 through 2049, GeneralizedTime for all other years.
    if 1950 <= moment.year <= 2049:  # noqa: PLR2004
        return b"".join((_WITH_UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode(), _BEFORE_DIGEST, digest))
    time = f"{moment.year:04}{moment:%m%d%H%M%SZ}".encode()
    return b"".join((_WITH_GENERALIZED_TIME, time, _BEFORE_DIGEST, digest))


def _attributes_until_time(tag: int, size: int) -> bytes:
    """The octets before the digits of the signing time."""
    blank = der.sequence(der.oid(SIGNING_TIME), der.set_of(der.tlv(tag, bytes(size))))
    whole = der.tlv(der.CONTEXT_0, _CONTENT_TYPE, blank, _BEFORE_DIGEST, bytes(32))
    return whole[: -32 - len(_BEFORE_DIGEST) - size]


_BEFORE_DIGEST = der.sequence(der.oid(MESSAGE_DIGEST), der.set_of(der.tlv(der.OCTET_STRING, bytes(32))))[:-32]
_WITH_UTC_TIME = _attributes_until_time(der.UTC_TIME, 13)
_WITH_GENERALIZED_TIME = _attributes_until_time(der.GENERALIZED_TIME, 15)


def _issuer_and_serial(certificate: bytes) -> bytes:
    """IssuerAndSerialNumber (RFC 5652 section 10.2.4), in the very octets of the certificate."""
    fields = der.read(certificate, limit=MAX_BYTES).children()[0].children()
    # The version, which RFC 5280 section 4.1.2.1 lets v1 certificates leave out, is the only [0] here.
    serial, _, issuer = [field for field in fields if field.tag != der.CONTEXT_0][:3]
    return der.sequence(issuer.encoded, serial.encoded)
