"""A fake phone: browser and authenticator in one, for passkeys (W3C Web Authentication Level 2).

It answers the options of the service as a real one would, with a key on P-256
and real CBOR, COSE and signatures. The CBOR writer is its own, because the
service reads with fido2: a writer of the same library would hide its faults.
One thing at a time can be made wrong, for tests of a server that has to notice:

    phone = FakeAuthenticator("https://passes.example.com")
    phone.create(options)                       # as a real phone answers
    phone.create(options, user_verified=False)  # one thing wrong
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FakeAuthenticator", "Passkey", "cbor", "client_data"]

# Section 6.1, flags: user present, user verified, backup eligible, backed up, credential attached.
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTACHED = 0x01, 0x04, 0x08, 0x10, 0x40
ES256 = -7


@dataclass
class Passkey:
    """A key pair, and what the authenticator keeps beside it. Synced passkeys leave `counter` at 0."""

    rp_id: str
    user: str
    id: bytes = field(default_factory=lambda: os.urandom(20))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )
    counter: int = 0
    counts: bool = False

    def cose(self, algorithm: int = ES256) -> bytes:
        """The public key as a COSE_Key (RFC 9053 section 7.1.1)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (value.to_bytes(32, "big") for value in (numbers.x, numbers.y))
        return cbor({1: 2, 3: algorithm, -1: 1, -2: x, -3: y})


class FakeAuthenticator:
    """A phone whose browser shows the page at `origin`, and its passkeys.

    `counts=True` is a phone whose keys never leave it and count their
    signatures; those of Apple are synced and report 0.
    """

    def __init__(self, origin: str, *, counts: bool = False) -> None:
        self.origin = origin
        self.counts = counts
        self.passkeys: list[Passkey] = []

    def create(
        self,
        options: Mapping[str, Any],
        *,
        passkey: Passkey | None = None,
        user_present: bool = True,
        user_verified: bool = True,
        attached: bool = True,
        algorithm: int = ES256,
        rp_id: str | None = None,
        public_key: bytes | None = None,
        **claims: Any,
    ) -> dict[str, Any]:
        """The credential that answers creation options, as `PublicKeyCredential.toJSON` writes it.

        `claims` replace members of the client data: `type`, `challenge`,
        `origin`, `crossOrigin`. A `passkey` of one's own is used instead of a
        new one; `public_key` replaces its COSE key by other octets.
        """
        asked = options["rp"]["id"]
        made = passkey or Passkey(asked, options["user"]["id"], counts=self.counts)
        made.counter += made.counts
        self.passkeys.append(made)
        flags = BACKUP_ELIGIBLE * (not made.counts) | BACKED_UP * (not made.counts)
        flags |= USER_PRESENT * user_present | USER_VERIFIED * user_verified | ATTACHED * attached
        data = _authenticator_data(rp_id or asked, flags, made.counter)
        if attached:
            key = made.cose(algorithm) if public_key is None else public_key
            data += bytes(16) + len(made.id).to_bytes(2, "big") + made.id + key
        claimed = client_data("webauthn.create", options["challenge"], self.origin, **claims)
        response = {
            "clientDataJSON": _text(claimed),
            "attestationObject": _text(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["hybrid", "internal"],
        }
        return _credential(made.id, response)

    def get(
        self,
        options: Mapping[str, Any],
        *,
        passkey: Passkey | None = None,
        user_present: bool = True,
        user_verified: bool = True,
        rp_id: str | None = None,
        counter: int | None = None,
        **claims: Any,
    ) -> dict[str, Any]:
        """The credential that answers request options. `counter` is told instead of the true one.

        Raises:
            LookupError: the phone has none of the passkeys asked for.
        """
        asked = {each["id"] for each in options.get("allowCredentials", ())}
        found = passkey or next((each for each in self.passkeys if _text(each.id) in asked), None)
        if found is None:
            raise LookupError("this phone has none of the passkeys asked for")
        found.counter += found.counts
        flags = BACKUP_ELIGIBLE * (not found.counts) | BACKED_UP * (not found.counts)
        flags |= USER_PRESENT * user_present | USER_VERIFIED * user_verified
        told = found.counter if counter is None else counter
        data = _authenticator_data(rp_id or options["rpId"], flags, told)
        claimed = client_data("webauthn.get", options["challenge"], self.origin, **claims)
        signature = found.key.sign(data + hashlib.sha256(claimed).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": _text(claimed),
            "authenticatorData": _text(data),
            "signature": _text(signature),
            "userHandle": found.user,
        }
        return _credential(found.id, response)


def client_data(type_: str, challenge: str, origin: str, /, **claims: Any) -> bytes:
    """The JSON a browser collects (section 5.8.1); `claims` replace or add members."""
    members = {"type": type_, "challenge": challenge, "origin": origin, "crossOrigin": False, **claims}
    return json.dumps(members, separators=(",", ":")).encode()


def cbor(value: Any) -> bytes:
    """Whole numbers, octets, text and maps as CBOR (RFC 8949 section 3): all that authenticators write.

    Raises:
        TypeError: another type.
    """
    if isinstance(value, int):
        return _head(1, -1 - value) if value < 0 else _head(0, value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(key) + cbor(each) for key, each in value.items())
    raise TypeError(f"authenticators write no {type(value).__name__}")


def _head(major: int, number: int) -> bytes:
    if number < 24:  # noqa: PLR2004 -- RFC 8949 section 3: below, the number itself is the information
        return bytes((major << 5 | number,))
    size = next(each for each in (1, 2, 4, 8) if number < 256**each)
    return bytes((major << 5 | 23 + size.bit_length(),)) + number.to_bytes(size, "big")


def _authenticator_data(rp_id: str, flags: int, counter: int) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest() + bytes((flags,)) + counter.to_bytes(4, "big")


def _credential(credential_id: bytes, response: dict[str, Any]) -> dict[str, Any]:
    name = _text(credential_id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
