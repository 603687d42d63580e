"""Certificates, private keys, requests and PKCS #12 files in a mix: what each of them is."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.apple.trust import certificate as x
from passwright.apple.trust.intermediates import published_intermediates
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography import x509

    Password = Callable[[str], bytes | str | None]

__all__ = ["Credential", "may_be_encrypted", "read"]

_PEM_LABELS = {
    "CERTIFICATE": "certificate",
    "X509 CERTIFICATE": "certificate",
    "CERTIFICATE REQUEST": "request",
    "NEW CERTIFICATE REQUEST": "request",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """One thing out of a file: a certificate, a private key or a request for a certificate.

    `kind` is `pass`, `intermediate`, `root`, `key`, `request`, or another kind
    of certificate as `data/certificates.toml` names them, `other` for one
    that it does not know; `title` says it in words. `name` is the common name,
    the generation of an intermediate of Apple's, or the kind of key. `days`
    are left until the end of a certificate, negative after it. `issuer` and
    `root` are who stands above a pass certificate, "" where that is not known;
    `claimed_issuer` is what the certificate itself says, which proves nothing.
    """

    file: str
    kind: str
    title: str
    name: str
    spki: bytes = field(repr=False)
    certificate: x509.Certificate | None = field(default=None, repr=False)
    der: bytes = field(default=b"", repr=False)
    pass_type_identifier: str = ""
    team_identifier: str = ""
    owner: str = ""
    nfc: bool = False
    issuer: str = ""
    claimed_issuer: str = ""
    root: str = ""
    days: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the credential as members of JSON: no key, but the fingerprint of its public half."""
        contained = self.certificate
        document: dict[str, Any] = {
            "file": self.file,
            "kind": self.kind,
            "name": self.name,
            "key_sha256": hashlib.sha256(self.spki).hexdigest(),
        }
        if contained is None:
            return document
        return {
            **document,
            "pass_type_identifier": self.pass_type_identifier or None,
            "team_identifier": self.team_identifier or None,
            "owner": self.owner or None,
            "nfc": self.nfc,
            "issuer": self.issuer or None,
            "claimed_issuer": self.claimed_issuer or None,
            "root": self.root or None,
            "valid_from": contained.not_valid_before_utc.isoformat(),
            "valid_to": contained.not_valid_after_utc.isoformat(),
            "days_left": self.days,
            "sha256": hashlib.sha256(self.der).hexdigest(),
        }


def read(name: str, data: bytes, password: Password | None = None) -> Iterator[Credential]:
    """Everything in a file, in PEM or DER; nothing where it can't be read.

    `password` is asked with the name of the file where that is encrypted, and
    answers None for none.
    """
    if b"-----BEGIN " in data:
        for label, block in _blocks(data):
            kind = _PEM_LABELS.get(label, "key" if label.endswith("PRIVATE KEY") else "")
            if kind == "key":
                yield from _key(name, block, password)
            elif kind == "request":
                yield from _request(name, block)
            elif kind == "certificate":
                yield from _certificates(name, block)
        return
    for reader in (_certificates, _request):
        if found := reader(name, data):
            yield from found
            return
    yield from _key(name, data, password) or _p12(name, data, password)


def _blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The PEM blocks of a file: label, and the block as it stands (RFC 7468 section 2)."""
    for part in data.split(b"-----BEGIN ")[1:]:
        label = part.partition(b"-----")[0].decode("ascii", "replace")
        body, end, _ = part.partition(f"-----END {label}-----".encode("ascii", "replace"))
        if end:
            yield label, b"-----BEGIN " + body + end + b"\n"


def _certificates(name: str, data: bytes) -> list[Credential]:
    try:
        encoded_bytes = x.split_pem(data)
        return [_certificate(name, each, x.parse(each)) for each in encoded_bytes]
    except (ValueError, InvalidInput):
        return []


def _certificate(name: str, encoded_bytes: bytes, contained: x509.Certificate) -> Credential:
    common = _attribute(contained.subject, x.COMMON_NAME)
    kind, title = _kind(contained, common)
    if kind == "intermediate":
        digest = hashlib.sha256(encoded_bytes).hexdigest()
        known = next((each.name for each in published_intermediates() if each.fingerprint == digest), None)
        common = known or common
    return Credential(
        name,
        kind,
        title,
        common or "without a name",
        x.spki(contained),
        certificate=contained,
        der=encoded_bytes,
        pass_type_identifier=(x.pass_type_identifier(contained) or "") if kind == "pass" else "",
        team_identifier=(x.team_identifier(contained) or "") if kind not in ("intermediate", "root") else "",
        owner=_attribute(contained.subject, _ORGANISATION),
        nfc=x.nfc(contained),
        claimed_issuer=_attribute(contained.issuer, x.COMMON_NAME),
    )


_ORGANISATION = "2.5.4.10"


def _kind(contained: x509.Certificate, common: str) -> tuple[str, str]:
    if x.is_authority(contained):
        if contained.subject == contained.issuer:
            return "root", "root"
        return "intermediate", "intermediate"
    rows = _kinds()
    marked = (
        row for row in rows if any(x.extension(contained, marker) is not None for marker in row["markers"])
    )
    named = (row for row in rows if common.startswith(tuple(row["names"])))
    row = next(marked, None) or next(named, None)
    return (row["id"], row["title"]) if row else ("other", "certificate for something else")


def _attribute(name: x509.Name, dotted: str) -> str:
    found = [str(part.value) for part in name if part.oid.dotted_string == dotted]
    return found[0] if found else ""


def _request(name: str, data: bytes) -> list[Credential]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        load = x509.load_pem_x509_csr if data.startswith(b"-----") else x509.load_der_x509_csr
        made = load(data)
        public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        sound = made.is_signature_valid
    except Exception:  # noqa: BLE001 -- the parser raises whatever its parts raise
        return []
    if not sound:
        return []
    return [Credential(name, "request", "signing request", _describe(made.public_key()), public)]


def _key(name: str, data: bytes, password: Password | None) -> list[Credential]:
    """A private key; of it nothing is kept but the public half."""
    public = _public(data, None) or _public(data, _ask_password(name, data, password))
    if public is None:
        return []
    return [Credential(name, "key", "private key", _describe(public), _spki(public))]


def _public(data: bytes, secret: bytes | None) -> Any:
    """The public half of a key, None where it can't be read: no exception, whose frames would keep it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if data.startswith(b"-----") else load_der_private_key
    try:
        return load(data, secret).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _p12(name: str, data: bytes, password: Password | None) -> list[Credential]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from passwright.apple.identity import load_p12

    if data[:1] != b"\x30":
        return []
    bag = load_p12(data, None) or load_p12(data, None if password is None else password(name))
    if bag is None:
        return []
    contained = [each.certificate for each in (bag.cert, *bag.additional_certs) if each is not None]
    found = [item for each in contained for item in _certificates(name, each.public_bytes(Encoding.DER))]
    if bag.key is not None:
        public = bag.key.public_key()
        found.append(Credential(name, "key", "private key", _describe(public), _spki(public)))
    return found


def _ask_password(name: str, data: bytes, password: Password | None) -> bytes | None:
    if password is None or not may_be_encrypted(data):
        return None
    secret = password(name)
    return secret.encode() if isinstance(secret, str) else secret


def may_be_encrypted(data: bytes) -> bool:
    """Returns True if a file is encrypted or may be: a PKCS #12 file always may."""
    return b"ENCRYPTED" in data or data[:1] == b"\x30"


def _spki(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded_bytes: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded_bytes


def _describe(public: Any) -> str:
    """RSA 2048, EC secp256r1, or the name of its class."""
    curve = getattr(public, "curve", None)
    if curve is not None:
        return f"EC {curve.name}"
    size = getattr(public, "key_size", None)
    kind = type(public).__name__.removesuffix("PublicKey")
    return kind if size is None else f"{kind} {size}"


@cache
def _kinds() -> list[dict[str, Any]]:
    from importlib.resources import files

    text = files("passwright.apple.data").joinpath("certificates.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["kinds"]
    return rows
