"""Reads signatures with asn1crypto and compares the result with our own reader.

Two readers that share no code seldom make the same mistake. Only signatures that our own reader
accepts are compared: it refuses much that asn1crypto reads, and that alone proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from passwright.apple.cms.parser import parse
from passwright.apple.cms.signature import find_signer
from passwright.errors import InvalidInput
from passwright.report import error, note
from passwright.schema.pointers import quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from passwright.report import Finding

__all__ = ["SignatureParts", "compare_readers", "read_signature"]

LOCATION = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureParts:
    """The parts of a signature file that decide who signed what, and when.

    Certificates are DER. `signer` is the embedded certificate that the signature names, None where
    it is not exactly one. `signed_attributes` are the octets that are signed, None where the
    content itself is signed. `content` is the embedded content, None for a detached signature.
    """

    signer: bytes | None
    digest_algorithm: str
    message_digest: bytes | None
    certificates: tuple[bytes, ...]
    signing_time: datetime | None
    signed_attributes: bytes | None
    signature_value: bytes
    content: bytes | None


def compare_readers(
    signature: bytes, *, second: Callable[[bytes], SignatureParts] | None = None
) -> tuple[Finding, ...]:
    """Compares what our own reader and `second` read in a signature file, DER or BER.

    `second` is a reader of signature files that raises where it cannot read one; the default is
    `read_signature`. The findings are `readers-disagree`, or the note `one-reader` where
    asn1crypto is not installed. There are none for a signature that our own reader refuses:
    a verification reports that already.
    """
    try:
        own = _own_parts(signature)
    except InvalidInput:
        return ()
    if second is None:
        if not _is_installed():
            hint = "install passwright[test]"
            return (
                note("one-reader", LOCATION, "asn1crypto is not installed, so only one reader read it", hint),
            )
        second = read_signature
    try:
        other = second(signature)
    except Exception as exc:  # noqa: BLE001 -- a reader may raise anything over hostile bytes
        reason = quote(f"{type(exc).__name__}: {exc}".splitlines()[0])
        return (error("readers-disagree", LOCATION, f"the second reader cannot read it: {reason}", HINT),)
    names = [each.name for each in fields(own) if getattr(own, each.name) != getattr(other, each.name)]
    if not names:
        return ()
    differing = ", ".join(name.replace("_", " ") for name in names)
    return (error("readers-disagree", LOCATION, f"the second reader reads another {differing}", HINT),)


HINT = "sign again with plain DER: one signer, its certificate and its intermediate"


def read_signature(data: bytes) -> SignatureParts:
    """Reads a signature file with asn1crypto; what asn1crypto cannot read raises whatever it raises.

    Raises:
        ValueError: this is not one SignedData with one signer.
    """
    from asn1crypto.cms import ContentInfo

    info = ContentInfo.load(data, strict=True)
    if info["content_type"].native != "signed_data":
        raise ValueError("the content is not a SignedData")
    signed = info["content"]
    (signer,) = signed["signer_infos"]
    certificates = [each.chosen for each in signed["certificates"] if each.name == "certificate"]
    attributes = signer["signed_attrs"]
    values = {each["type"].native: each["values"] for each in attributes}
    return SignatureParts(
        signer=_find_signer(signer["sid"], certificates),
        digest_algorithm=signer["digest_algorithm"]["algorithm"].native,
        message_digest=_only_value(values, "message_digest"),
        certificates=tuple(each.dump() for each in certificates),
        signing_time=_only_value(values, "signing_time"),
        signed_attributes=attributes.untag().dump() if len(attributes) else None,
        signature_value=signer["signature"].native,
        content=signed["encap_content_info"]["content"].native,
    )


def _only_value(values: dict[str, Any], name: str) -> Any:
    """Returns the single value of an attribute, None where the attribute is missing."""
    if name not in values:
        return None
    (value,) = values[name]
    return value.native


def _find_signer(identifier: Any, certificates: list[Any]) -> bytes | None:
    """Returns the one certificate that a SignerIdentifier of asn1crypto names."""
    named = {each.dump() for each in certificates if _is_named(identifier, each)}
    return named.pop() if len(named) == 1 else None


def _is_named(identifier: Any, certificate: Any) -> bool:
    try:
        if identifier.name == "subject_key_identifier":
            own = certificate.key_identifier or certificate.public_key.sha1
            return bool(own == identifier.chosen.native)
        name = identifier.chosen
        same_serial = certificate.serial_number == name["serial_number"].native
        return bool(same_serial and certificate.issuer == name["issuer"])
    except Exception:  # noqa: BLE001 -- a certificate that cannot be read is not the signer's
        return False


def _own_parts(data: bytes) -> SignatureParts:
    """Reads a signature file with our own reader.

    Raises:
        InvalidInput: our own reader refuses the signature, or finds no signer.
    """
    signed = parse(data)
    signer, _, _ = find_signer(signed.certificates, signed.issuer, signed.serial, signed.key_id)
    return SignatureParts(
        signer=signer,
        digest_algorithm=signed.digest,
        message_digest=signed.message_digest,
        certificates=signed.certificates,
        signing_time=signed.signing_time,
        signed_attributes=signed.signed_attributes,
        signature_value=signed.signature,
        content=signed.content,
    )


def _is_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("asn1crypto") is not None
