"""A CMS SignedData of others, read but not yet believed (RFC 5652).

A third of the passes in use are BER, some name their signer by key, many have
their attributes in no DER order: all of that is read over the bytes as found,
and named. Nothing is ever encoded again to make a signature fit.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from passwright.apple.cms import der
from passwright.errors import InvalidInput
from passwright.report import error, note, warning

if TYPE_CHECKING:
    from passwright.report import Finding

__all__ = ["SignedData", "parse"]

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SHA_256 = "2.16.840.1.101.3.4.2.1"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
ECDSA_WITH_SHA_256 = "1.2.840.10045.4.3.2"

# Compared as encoded, once for each signature.
_DATA, _SIGNED_DATA = der.oid(DATA), der.oid(SIGNED_DATA)
_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = map(der.oid, (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME))

DIGESTS = {
    der.oid(dotted): name
    for dotted, name in {
        "1.2.840.113549.2.5": "md5",
        "1.3.14.3.2.26": "sha1",
        "2.16.840.1.101.3.4.2.4": "sha224",
        SHA_256: "sha256",
        "2.16.840.1.101.3.4.2.2": "sha384",
        "2.16.840.1.101.3.4.2.3": "sha512",
    }.items()
}
# Key and digest that the signature algorithm names; "" leaves the digest to its own field.
SIGNATURES = {
    der.oid(dotted): says
    for dotted, says in {
        RSA_ENCRYPTION: ("rsa", ""),
        "1.2.840.113549.1.1.4": ("rsa", "md5"),
        "1.2.840.113549.1.1.5": ("rsa", "sha1"),
        "1.2.840.113549.1.1.11": ("rsa", "sha256"),
        "1.2.840.113549.1.1.12": ("rsa", "sha384"),
        "1.2.840.113549.1.1.13": ("rsa", "sha512"),
        "1.2.840.10045.4.1": ("ecdsa", "sha1"),
        ECDSA_WITH_SHA_256: ("ecdsa", "sha256"),
        "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
        "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
    }.items()
}

WHERE = "signature"
MAX_BYTES = 64 * 1024  # genuine signatures have 1.5 to 6 kB
MAX_CERTIFICATES = 8
MAX_ATTRIBUTES = 100
# RFC 5652 section 10.2.2: the tags [0] to [3] are those of other formats than X.509.
OTHER_CERTIFICATES = range(der.CONTEXT_0, der.CONTEXT_0 + 4)
RSA_VALUE_SIZES = (256, 384, 512)

UTC_TIME = re.compile(rb"\d{6}(?:[01]\d|2[0-3])\d{4}Z")
GENERALIZED_TIME = re.compile(rb"\d{8}(?:[01]\d|2[0-3])\d{4}Z")
TEXT = re.compile(rb"[\t\n\r -~]+")


@dataclass(frozen=True, slots=True)
class SignedData:
    """The content of a CMS SignedData file, before anything in it is verified.

    `signed_attributes` are the octets the signature is over, None where it is
    over the content itself; then `message_digest` and `signing_time` are None
    too. `content` is what the signature embeds, None for a detached one. The
    signer is named by `key_id`, or where that is None by `issuer`, an encoded
    name, and `serial`, the octets of a number. Certificates are DER.
    `findings` names what was tolerated.
    """

    digest: str
    algorithm: str
    signature: bytes
    certificates: tuple[bytes, ...]
    issuer: bytes
    serial: bytes
    key_id: bytes | None
    signed_attributes: bytes | None
    message_digest: bytes | None
    signing_time: datetime | None
    content: bytes | None
    findings: tuple[Finding, ...]


def parse(data: bytes) -> SignedData:
    """Reads a signature file: one SignedData with one signer, DER or BER.

    Raises:
        InvalidInput: `signature-empty`, `signature-placeholder`,
            `signature-raw-value`, `signature-too-large`, `malformed-signature`,
            `bad-content-type`, `signer-count`, `bad-algorithm`,
            `bad-attributes`, `bad-message-digest`, `too-many-certificates`.
    """
    if not data:
        raise signature_error("signature-empty", "the file is empty")
    if len(data) > MAX_BYTES:
        raise signature_error("signature-too-large", f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        return _signed_data(_content_info(bytes(data)))
    except der.DerError as exc:
        raise _not_cms(data, exc) from exc


def _content_info(data: bytes) -> der.Node:
    """The SignedData inside its ContentInfo (RFC 5652 section 3)."""
    fields = der.Fields(der.read(data, limit=MAX_BYTES).expect(der.SEQUENCE))
    if fields.take(der.OID).encoded != _SIGNED_DATA:
        raise signature_error("bad-content-type", "it is a CMS structure, but no SignedData")
    explicit = der.Fields(fields.take(der.CONTEXT_0))
    fields.end()
    inner = explicit.take(der.SEQUENCE)
    explicit.end()
    return inner


def _signed_data(node: der.Node) -> SignedData:
    """RFC 5652 section 5.1."""
    fields = der.Fields(node)
    fields.take(der.INTEGER).integer()
    digests = fields.take(der.SET)
    encapsulated = fields.take(der.SEQUENCE)
    certificates = fields.maybe(der.CONTEXT_0)
    lists = fields.maybe(der.CONTEXT_1)
    infos = fields.take(der.SET)
    fields.end()
    signers = [one.expect(der.SEQUENCE) for one in infos.children()]
    if len(signers) != 1:
        raise signature_error("signer-count", f"it has {len(signers)} signers instead of one")
    embedded = certificates.children() if certificates else ()
    if len(embedded) > MAX_CERTIFICATES:
        raise signature_error(
            "too-many-certificates", f"{len(embedded)} certificates are more than {MAX_CERTIFICATES}"
        )
    content = _read_encapsulated(encapsulated)
    visited = [one for one in (node, encapsulated, certificates, infos, signers[0]) if one is not None]
    return _signer_info(
        signers[0],
        digests=[_algorithm(one.expect(der.SEQUENCE)) for one in digests.children()[:MAX_CERTIFICATES]],
        certificates=_certificates(embedded),
        content=content,
        traits=[
            name
            for name, there in {
                "ber-signature": any(one.indefinite for one in visited),
                "attached-content": content is not None,
                "embedded-crls": lists is not None,
            }.items()
            if there
        ],
    )


def _certificates(embedded: tuple[der.Node, ...]) -> tuple[bytes, ...]:
    """Returns the X.509 certificates; those of other formats cannot be the signer's."""
    for one in embedded:
        if one.tag != der.SEQUENCE and one.tag not in OTHER_CERTIFICATES:
            raise der.DerError(f"octet {one.start}: tag {one.tag:#04x} stands where a certificate belongs")
    return tuple(one.encoded for one in embedded if one.tag == der.SEQUENCE)


def _read_encapsulated(node: der.Node) -> bytes | None:
    """The content the signature embeds, None for a detached one (RFC 5652 section 5.2)."""
    fields = der.Fields(node)
    if fields.take(der.OID).encoded != _DATA:
        raise signature_error("bad-content-type", "what it signs is not plain data")
    explicit = fields.maybe(der.CONTEXT_0)
    fields.end()
    if explicit is None:
        return None
    inner = der.Fields(explicit)
    encoded_bytes = inner.take(der.OCTET_STRING, der.OCTET_STRING | der.CONSTRUCTED)
    inner.end()
    return encoded_bytes.octet_string()


def _signer_info(
    node: der.Node,
    *,
    digests: list[bytes],
    certificates: tuple[bytes, ...],
    content: bytes | None,
    traits: list[str],
) -> SignedData:
    """RFC 5652 section 5.3."""
    fields = der.Fields(node)
    fields.take(der.INTEGER).integer()
    signer = fields.take(der.SEQUENCE, der.CONTEXT, der.CONTEXT_0)
    digest_algorithm = _algorithm(fields.take(der.SEQUENCE))
    attributes = fields.maybe(der.CONTEXT_0)
    algorithm = _algorithm(fields.take(der.SEQUENCE))
    signature = fields.take(der.OCTET_STRING, der.OCTET_STRING | der.CONSTRUCTED).octet_string()
    unsigned = fields.maybe(der.CONTEXT_1)
    fields.end()
    digest = DIGESTS.get(digest_algorithm)
    if digest is None or digest_algorithm not in digests:
        raise signature_error("bad-algorithm", "its digest algorithm is unknown, or not the one announced")
    kind, named = SIGNATURES.get(algorithm, ("", ""))
    if not kind or named not in ("", digest):
        raise signature_error(
            "bad-algorithm", "its signature algorithm is unknown, or doesn't go with its digest"
        )
    issuer, serial, key_id = _signer_name(signer)
    known = _attributes(attributes, digest) if attributes else _Attributes()
    traits += known.traits
    if key_id is not None:
        traits.append("signer-key-id")
    if digest == "sha1":
        traits.append("weak-digest")
    if attributes is None:
        traits.append("no-signed-attributes")
    elif known.signing_time is None:
        traits.append("no-signing-time")
    if unsigned is not None:
        traits.append("unsigned-attributes")
    return SignedData(
        digest=digest,
        algorithm=kind,
        signature=signature,
        certificates=certificates,
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        # RFC 5652 section 5.4: digested with the tag of SET OF. The octets inside stay as found.
        signed_attributes=der.tlv(der.SET, attributes.content) if attributes else None,
        message_digest=known.message_digest,
        signing_time=known.signing_time,
        content=content,
        findings=tuple(TRAITS[name] for name in traits),
    )


def _algorithm(node: der.Node) -> bytes:
    """The object identifier of an AlgorithmIdentifier; its parameters must be NULL or left out."""
    fields = der.Fields(node)
    name = fields.take(der.OID).encoded
    parameters = fields.maybe(der.NULL)
    if parameters is not None and parameters.content:
        raise der.DerError(f"octet {parameters.start}: a NULL with content")
    try:
        fields.end()
    except der.DerError as exc:
        raise signature_error(
            "bad-algorithm", "an algorithm comes with parameters, such as those of RSA-PSS"
        ) from exc
    return name


@dataclass(frozen=True, slots=True)
class _Attributes:
    message_digest: bytes | None = None
    signing_time: datetime | None = None
    traits: tuple[str, ...] = ()


def _attributes(node: der.Node, digest: str) -> _Attributes:
    """The three attributes that count (RFC 5652 section 11); the values of all others stay unread."""
    found = node.children()
    if len(found) > MAX_ATTRIBUTES:
        raise signature_error(
            "bad-attributes", f"{len(found)} signed attributes are more than {MAX_ATTRIBUTES}"
        )
    values: dict[bytes, list[der.Node]] = {}
    for attribute in found:
        fields = der.Fields(attribute.expect(der.SEQUENCE))
        values.setdefault(fields.take(der.OID).encoded, []).append(fields.take(der.SET))
        fields.end()
    content_type = _value(values.pop(_CONTENT_TYPE, []), "bad-content-type", "contentType")
    if content_type is None or content_type.encoded != _DATA:
        raise signature_error("bad-content-type", "the signed content type is not plain data")
    message_digest = _value(values.pop(_MESSAGE_DIGEST, []), "bad-message-digest", "messageDigest")
    if (
        message_digest is None
        or len(message_digest.content) != hashlib.new(digest, usedforsecurity=False).digest_size
    ):
        raise signature_error(
            "bad-message-digest", "the signed message digest is missing or has another length"
        )
    time = _value(values.pop(_SIGNING_TIME, []), "bad-attributes", "signingTime")
    encodings = [attribute.encoded for attribute in found]
    traits = ("unordered-attributes",) * (encodings != sorted(encodings)) + ("extra-attributes",) * bool(
        values
    )
    return _Attributes(
        message_digest.expect(der.OCTET_STRING).content, signing_time(time) if time else None, traits
    )


def read_signing_time(message: bytes) -> datetime:
    """The time that signed attributes say, as they are signed: a SET OF, in DER.

    Raises:
        InvalidInput: `bad-attributes`: these are none, or they say no time.
    """
    try:
        known = _attributes(der.read(message, limit=MAX_BYTES).expect(der.SET), "sha256")
    except der.DerError as exc:
        raise signature_error("bad-attributes", "this is not a set of signed attributes") from exc
    if known.signing_time is None:
        raise signature_error("bad-attributes", "the signed attributes say no time")
    return known.signing_time


def _value(sets: list[der.Node], code: str, name: str) -> der.Node | None:
    """The single value of an attribute that may stand there once, None where it doesn't."""
    if not sets:
        return None
    if len(sets) > 1 or len(values := sets[0].children()) != 1:
        raise signature_error(code, f"the attribute {name} is there twice, or hasn't exactly one value")
    return values[0]


def signing_time(node: der.Node) -> datetime:
    """The time an element says. RFC 5652 section 11.3: whole seconds, UTC; two digits mean 1950 to 2049."""
    text = node.content
    if node.tag == der.UTC_TIME and UTC_TIME.fullmatch(text):
        text = (b"19" if text >= b"5" else b"20") + text
    elif node.tag != der.GENERALIZED_TIME or not GENERALIZED_TIME.fullmatch(text):
        raise signature_error("bad-attributes", "the signing time is not written as CMS asks for")
    digits = text.decode()
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}")
    except ValueError as exc:
        raise signature_error("bad-attributes", "the signing time is not a valid time") from exc


def _signer_name(node: der.Node) -> tuple[bytes, bytes, bytes | None]:
    """SignerIdentifier: issuer and serial number, or the key identifier."""
    if node.tag != der.SEQUENCE:
        return b"", b"", node.octet_string()
    fields = der.Fields(node)
    issuer, serial = fields.take(der.SEQUENCE).encoded, fields.take(der.INTEGER).content
    fields.end()
    return issuer, serial, None


def _not_cms(data: bytes, exc: der.DerError) -> InvalidInput:
    """Returns the error for a file that is not CMS, with the mistake that explains most of them."""
    if len(data) in RSA_VALUE_SIZES or _is_ecdsa_value(data):
        return signature_error(
            "signature-raw-value", "it is the bare value of a signature: wrap it in a CMS SignedData"
        )
    if TEXT.fullmatch(data):
        return signature_error("signature-placeholder", "it is text: a placeholder, or PEM where DER belongs")
    return signature_error("malformed-signature", f"it is not a CMS SignedData: {exc}")


def _is_ecdsa_value(data: bytes) -> bool:
    try:
        return [child.tag for child in der.read(data, limit=MAX_BYTES).children()] == [der.INTEGER] * 2
    except der.DerError:
        return False


def signature_error(code: str, message: str) -> InvalidInput:
    return InvalidInput(code, WHERE, message)


TRAITS = {
    found.code: found
    for found in (
        warning("ber-signature", WHERE, "it is BER with lengths left open instead of DER"),
        warning("attached-content", WHERE, "it embeds the manifest instead of standing beside it"),
        note("embedded-crls", WHERE, "it embeds revocation lists, which nobody looks at"),
        warning("signer-key-id", WHERE, "it names its signer by key instead of by issuer and serial number"),
        warning("weak-digest", WHERE, "it is made over a SHA-1 digest", "sign with SHA-256"),
        warning("no-signed-attributes", WHERE, "it signs the manifest directly and says no signing time"),
        error("no-signing-time", WHERE, "it says no signing time", "sign with the attribute signingTime"),
        warning("unordered-attributes", WHERE, "its attributes are not in the order of DER"),
        note("extra-attributes", WHERE, "it signs attributes that passes don't need"),
        note("unsigned-attributes", WHERE, "it carries attributes that nobody signed and nobody looks at"),
    )
}
