"""Detached CMS SignedData over a manifest, written and read (RFC 5652).

Writing is DER, SHA-256, signing time, leaf and intermediate, nothing else.
Reading takes what genuine passes hold and names what it tolerated.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from functools import cache, lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from passwright.apple.cms import der
from passwright.apple.cms.parser import (
    CONTENT_TYPE,
    DATA,
    ECDSA_WITH_SHA_256,
    MESSAGE_DIGEST,
    RSA_ENCRYPTION,
    SHA_256,
    SIGNED_DATA,
    SIGNING_TIME,
    SignedData,
    parse,
    signature_error,
)
from passwright.apple.trust import certificate as x
from passwright.errors import InvalidInput
from passwright.signing import SigningRequest, bind_signer
from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from passwright.report import Finding
    from passwright.signing import PublicKey, Signer

    # A certificate in DER, the kind of its key (rsa, ecdsa, or "" for another), and the key.
    SignerKey: TypeAlias = tuple[bytes, str, PublicKey | None]

__all__ = ["SignatureTemplate", "SignedData", "find_signer", "parse", "verify"]

REFUSED_DIGESTS = ("md5", "sha224")

# RFC 5754 section 2: the parameters of SHA-2 are left out.
_SHA_256 = der.sequence(der.oid(SHA_256))
# RFC 5652 section 11.1: contentType says what eContentType says.
_CONTENT_TYPE = der.sequence(der.oid(CONTENT_TYPE), der.set_of(der.oid(DATA)))


class SignatureTemplate:
    """The constant part of an identity's signatures, worked out once.

    A signature then costs two digests, the signed attributes and lengths. Certificates are DER. Equal
    content and time give equal bytes with an RSA key. The signer must belong to the leaf; `Identity` checks
    that.
    """

    __slots__ = ("_algorithm", "_before", "_frames", "_front", "_sign")

    def __init__(self, *, leaf: bytes, intermediate: bytes, signer: Signer) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        public_key = x509.load_der_x509_certificate(leaf).public_key()
        rsa = isinstance(public_key, RSAPublicKey)
        self._sign = bind_signer(signer, public_key)  # type: ignore[arg-type]  # Identity has checked the kind
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
        self._before = der.integer(1) + _signer_name(leaf) + _SHA_256
        self._frames: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def unsigned(self, content: bytes, *, at: datetime) -> SigningRequest[bytes]:
        """A detached SignedData over `content`, in DER, that says it was made at `at`, but for its signature.

        `at` counts in whole seconds. What is signed are the signed attributes.

        Raises:
            ValueError: `at` is naive.
        """
        # RFC 5652 section 5.4: signed with the tag of SET OF, stored under [0].
        message = b"%b%b" % (_attributes_before_digest(at), sha256(content).digest())
        return SigningRequest(message, self._sign, partial(self._finish, message))

    def _finish(self, message: bytes, signature: bytes) -> bytes:
        shape = len(message), len(signature)
        head, tail = self._frames.get(shape) or self._frame(*shape)
        return b"%b%b%b%b" % (head, message[1:], tail, signature)

    def _frame(self, attributes: int, signature: int) -> tuple[bytes, bytes]:
        """All octets up to the tag of the signed attributes, and between them and the signature."""
        tail = self._algorithm + bytes((der.OCTET_STRING,)) + der.length(signature)
        head = self._head(attributes, len(tail) + signature) + bytes((der.CONTEXT_0,))
        self._frames[attributes, signature] = head, tail
        return head, tail

    def _head(self, attributes: int, after: int) -> bytes:
        """All octets before the signed attributes; only sizes decide about them."""
        rest = attributes + after
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
        return head


@lru_cache(maxsize=8)
def _attributes_before_digest(at: datetime) -> bytes:
    """contentType, signingTime and messageDigest as a SET OF, up to the octets of the digest.

    Their order is that of a DER SET OF: they differ in length, shortest first.
    Passes of a batch are signed at one time.
    """
    moment = require_aware(at, "the signing time").astimezone(UTC)
    # RFC 5652 section 11.3: UTCTime from 1950 through 2049, GeneralizedTime for all other years.
    if 1950 <= moment.year <= 2049:  # noqa: PLR2004
        return b"".join((_WITH_UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode(), _BEFORE_DIGEST))
    time = f"{moment.year:04}{moment:%m%d%H%M%SZ}".encode()
    return b"".join((_WITH_GENERALIZED_TIME, time, _BEFORE_DIGEST))


def _attributes_until_time(tag: int, size: int) -> bytes:
    """The octets before the digits of the signing time."""
    blank = der.sequence(der.oid(SIGNING_TIME), der.set_of(der.tlv(tag, bytes(size))))
    whole = der.tlv(der.SET, _CONTENT_TYPE, blank, _BEFORE_DIGEST, bytes(32))
    return whole[: -32 - len(_BEFORE_DIGEST) - size]


_BEFORE_DIGEST = der.sequence(der.oid(MESSAGE_DIGEST), der.set_of(der.tlv(der.OCTET_STRING, bytes(32))))[:-32]
_WITH_UTC_TIME = _attributes_until_time(der.UTC_TIME, 13)
_WITH_GENERALIZED_TIME = _attributes_until_time(der.GENERALIZED_TIME, 15)


def _signer_name(certificate: bytes) -> bytes:
    """IssuerAndSerialNumber (RFC 5652 section 10.2.4), in the very octets of the certificate."""
    issuer, serial = x.issuer_and_serial(certificate)
    return der.sequence(issuer, der.tlv(der.INTEGER, serial))


def verify(
    signed: SignedData, content: bytes, *, signer: Callable[..., SignerKey] | None = None
) -> tuple[bytes, tuple[Finding, ...]]:
    """The certificate, in DER, whose key signed `content`, and all that was tolerated.

    Whether that certificate is trusted is for `trust.chain`. `signer` is `find_signer`, or
    a cache around it.

    Raises:
        InvalidInput: `weak-digest`, `bad-signer`, `attached-content`,
            `no-signed-attributes`, `digest-mismatch`, `bad-algorithm`,
            `bad-signature`, `bad-certificate`.
    """
    if signed.digest in REFUSED_DIGESTS:
        raise signature_error(
            "weak-digest", f"the signature is made over a digest that proves nothing: {signed.digest}"
        )
    name = signed.issuer, signed.serial, signed.key_id
    leaf, kind, key = (signer or find_signer)(signed.certificates, *name)
    if signed.content is not None and signed.content != content:
        raise signature_error("attached-content", "the signature embeds a content that isn't the manifest")
    message = signed.signed_attributes
    if message is None:
        # The attributes of another signature could pose as content: they are not a JSON object.
        if not _is_json_object(content):
            raise signature_error(
                "no-signed-attributes", "without signed attributes it could be made for something else"
            )
        message = content
    elif hashlib.new(signed.digest, content, usedforsecurity=False).digest() != signed.message_digest:
        raise signature_error("digest-mismatch", "it was made over another manifest")
    if key is None or kind != signed.algorithm:
        raise signature_error("bad-algorithm", "its algorithm doesn't go with the key of the certificate")
    _check_value(signed, key, message)
    return leaf, signed.findings


def find_signer(
    certificates: tuple[bytes, ...], issuer: bytes, serial: bytes, key_id: bytes | None
) -> SignerKey:
    """Finds the one embedded certificate that the signature names, the kind of its key, and the key.

    Raises:
        InvalidInput: `bad-signer`, `bad-certificate`.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    named = [
        encoded_bytes
        for encoded_bytes in dict.fromkeys(certificates)
        if _names(encoded_bytes, issuer, serial, key_id)
    ]
    if len(named) != 1:
        raise signature_error(
            "bad-signer", f"{len(named) or 'none'} of the embedded certificates is the signer's"
        )
    certificate = x.parse(named[0])
    if x.is_authority(certificate):
        raise signature_error("bad-signer", "it is signed by an authority instead of with a pass certificate")
    key = x.public_key(certificate)
    kind = "" if key is None else "rsa" if isinstance(key, RSAPublicKey) else "ecdsa"
    return named[0], kind, key


def _names(encoded_bytes: bytes, issuer: bytes, serial: bytes, key_id: bytes | None) -> bool:
    """Returns True if the signer identifier means this certificate."""
    try:
        if key_id is not None:
            return x.key_id(x.parse(encoded_bytes)) == key_id.hex()
        own_issuer, own_serial = x.issuer_and_serial(encoded_bytes)
        if own_serial != serial:
            return False
        return own_issuer == issuer or _name(own_issuer) == _name(issuer)
    except (der.DerError, InvalidInput):
        return False


def _name(issuer: bytes) -> list[tuple[bytes, bytes]]:
    """A name as pairs of type and text: some writers encode it again with other string types."""
    return [
        _pair(part.expect(der.SEQUENCE))
        for group in der.read(issuer, limit=len(issuer)).children()
        for part in group.expect(der.SET).children()
    ]


def _pair(node: der.Node) -> tuple[bytes, bytes]:
    fields = der.Fields(node)
    pair = fields.take(der.OID).content, fields.take(*der.STRINGS).content
    fields.end()
    return pair


def _check_value(signed: SignedData, key: PublicKey, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        key.verify(signed.signature, message, *_scheme(signed.algorithm, signed.digest))
    except (InvalidSignature, ValueError) as exc:  # a key smaller than the digest is a ValueError
        raise signature_error(
            "bad-signature", "it isn't by the key of the certificate, or was changed"
        ) from exc
    except UnsupportedAlgorithm as exc:
        raise signature_error(
            "bad-algorithm", f"this build of OpenSSL doesn't verify {signed.digest} signatures"
        ) from exc


@cache
def _scheme(algorithm: str, digest: str) -> tuple[Any, ...]:
    """Returns the arguments that a key needs to verify a message."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    hashed = getattr(hashes, digest.upper())()
    return (PKCS1v15(), hashed) if algorithm == "rsa" else (ECDSA(hashed),)


def _is_json_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
