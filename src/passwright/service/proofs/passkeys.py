"""The default provider of Apple's ceremony: the pass file goes to the holder of a passkey.

Wallet knows nothing of it; this server alone enforces it, by public standards.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fido2 import cbor
from fido2.cose import ES256
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticatorAttachment,
    AuthenticatorData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from passwright import strict_json
from passwright.binding.lifecycle import ATTEMPT_LIFE, Evidence
from passwright.errors import AttemptRefused, PasswrightError
from passwright.service.proofs.protocol import Challenge
from passwright.service.store.protocol import StoredCredential
from passwright.service.vault import Purpose, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from passwright.service.proofs.protocol import ChallengeSubject

__all__ = ["PasskeyProvider"]

CHALLENGE_BYTES = 32
# Browsers send some 300 bytes for each; a proof never needs megabytes.
MAX_MEMBER_BYTES = 8 * 2**10
# W3C Web Authentication Level 2, section 7.1 step 17 leaves the bound to the
# server; Level 3 section 4, Credential ID, says at most 1023 bytes.
MAX_CREDENTIAL_ID_BYTES = 1023
ES256_ALGORITHM = -7  # RFC 9053 section 2.1; what platform authenticators of Apple make
COORDINATE_BYTES = 32
MAX_CLIENT_DATA_DEPTH = 4
FLAGS_AT = 32  # section 6.1: after the hash of the RP ID

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_TRANSPORTS = frozenset({"ble", "hybrid", "internal", "nfc", "smart-card", "usb"})


class PasskeyProvider:
    """Releases the pass file to the holder of a passkey on this device (W3C Web Authentication Level 2).

    `origin` is that of the holder's page, "https://passes.example.com"; only
    this very origin is accepted, no sub-domain of it. `rp_id` is its host unless
    a parent domain is given. `name` is what the device calls the issuer. User
    verification (Face ID, Touch ID, passcode) is always required.

    `vault` makes the holder's handle: opaque, the same for each attempt of a
    pass, so that a device that tries twice replaces its passkey, and never made
    from the address, which has to stay purged.

    Raises: ValueError: the origin is not an origin, or the rp id does not belong to it.
    """

    evidence = Evidence.WEBAUTHN

    def __init__(
        self,
        *,
        origin: str,
        name: str,
        vault: Vault,
        rp_id: str | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        host = _host_of_origin(origin)
        rp_id = host if rp_id is None else rp_id
        if host != rp_id and not ("." in rp_id and host.endswith(f".{rp_id}")):
            raise ValueError(
                f"{rp_id} can't be the rp id of {origin}: it is its host or a parent domain of it"
            )
        self._vault = vault
        self._random = random
        # The library's own rule for origins takes every sub-domain of the rp id as well.
        self._server = Fido2Server(
            PublicKeyCredentialRpEntity(name=name, id=rp_id),
            attestation=AttestationConveyancePreference.NONE,
            verify_origin=lambda found: found == origin,
        )
        self._server.timeout = int(ATTEMPT_LIFE.total_seconds() * 1000)  # type: ignore[assignment]
        self._server.allowed_algorithms = [
            PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=ES256_ALGORITHM)
        ]

    def begin(
        self,
        subject: ChallengeSubject,
        *,
        attempt_id: str,
        at: datetime,
        credential: StoredCredential | None = None,
    ) -> Challenge:
        """Options for `navigator.credentials.create`, or with a credential for `get`, in JSON form."""
        challenge = self._random(CHALLENGE_BYTES)
        options: Any
        if credential is None:
            options, _ = self._server.register_begin(
                PublicKeyCredentialUserEntity(
                    id=self._vault.hash(Purpose.HOLDER, subject.organisation_id, subject.pass_id),
                    name=subject.label,
                    display_name=subject.label,
                ),
                resident_key_requirement=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
                authenticator_attachment=AuthenticatorAttachment.PLATFORM,
                challenge=challenge,
            )
        else:
            options, _ = self._server.authenticate_begin(
                [_descriptor(credential)],
                user_verification=UserVerificationRequirement.REQUIRED,
                challenge=challenge,
            )
        shown = {
            "attemptId": attempt_id,
            "expiresAt": (at + ATTEMPT_LIFE).isoformat(),
            "publicKey": _as_plain_json(options.public_key),
        }
        step = "create" if credential is None else "get"
        return Challenge(shown, {"step": step, "challenge": _encode(challenge)})

    def complete(
        self,
        subject: ChallengeSubject,  # noqa: ARG002 -- the challenge ties the attempt to its pass
        state: Mapping[str, Any],
        payload: Mapping[str, Any],
        *,
        is_registered: Callable[[str], bool],
        credential: StoredCredential | None = None,
    ) -> StoredCredential:
        """The passkey to store, or to store anew after another download.

        Raises:
            AttemptRefused: `proof_invalid`; `__cause__` says which check failed.
        """
        answer = payload.get("credential")
        try:
            if state["step"] == "create":
                return self._create_credential(state, _response(answer, "attestationObject"), is_registered)
            response = _response(answer, "authenticatorData", "signature")
            return self._use_credential(state, response, credential)
        except _ProofRejected as exc:
            raise AttemptRefused("proof_invalid", "the proof does not fit the attempt: begin again") from exc

    def members(self, credential: StoredCredential) -> Mapping[str, Any]:  # noqa: ARG002
        """None: Wallet knows nothing of the passkey."""
        return {}

    # The checks of section 7.1, those of the library first: type, challenge,
    # origin, RP ID hash, user present, user verified. It leaves the rest to us.
    def _create_credential(
        self, state: Mapping[str, Any], response: dict[str, Any], is_registered: Callable[[str], bool]
    ) -> StoredCredential:
        _check_client_data(response)
        _check_attestation_object(response)
        found = _parse_with(self._server.register_complete, _state(state), response)
        attested = found.credential_data
        if attested.credential_id != _decode(response["rawId"]):
            raise _ProofRejected("another credential is attested")
        if not 1 <= len(attested.credential_id) <= MAX_CREDENTIAL_ID_BYTES:
            raise _ProofRejected("the credential's id is too long")
        _check_public_key(attested.public_key)
        name = _encode(attested.credential_id)
        if is_registered(name):
            raise _ProofRejected("the credential is known already")
        data = {
            "credentialData": _encode(attested),
            "aaguid": attested.aaguid.hex(),
            "counter": found.counter,
            "backupEligible": found.is_backup_eligible(),
            "backedUp": found.is_backed_up(),
            "transports": _transports(response),
        }
        return StoredCredential(name, data)

    # The checks of section 7.2, likewise; the library's last one is the signature.
    def _use_credential(
        self, state: Mapping[str, Any], response: dict[str, Any], credential: StoredCredential | None
    ) -> StoredCredential:
        if credential is None:
            raise _ProofRejected("there is no credential to ask for")
        _check_client_data(response)
        stored = AttestedCredentialData(_decode(credential.data["credentialData"]))
        _parse_with(self._server.authenticate_complete, _state(state), [stored], response)
        found = AuthenticatorData(_decode(response["response"]["authenticatorData"]))
        before = credential.data["counter"]
        # Section 7.2 step 21. Passkeys that are synced count nothing and report 0.
        if (found.counter or before) and found.counter <= before:
            raise _ProofRejected("the signature counter went back: there may be a copy of the key")
        data = {**credential.data, "counter": found.counter, "backedUp": found.is_backed_up()}
        return StoredCredential(credential.id, data)


class _ProofRejected(PasswrightError):
    """The reason why a proof is rejected. Only the log holds it: it would help an attacker who forges."""


def _parse_with(parse: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return parse(*arguments)
    except Exception as exc:
        # A parser of others meets hostile octets: it raises what it happens to trip over.
        raise _ProofRejected(f"{type(exc).__name__}: {exc}") from exc


def _host_of_origin(origin: str) -> str:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    # RFC 6454 section 6.2: scheme, host, and a port that is not the scheme's own.
    port = "" if parts.port is None else f":{parts.port}"
    default = {"https": 443, "http": 80}.get(parts.scheme)
    if not host or not secure or origin != f"{parts.scheme}://{host}{port}" or parts.port == default:
        raise ValueError(
            f"{origin!r} is not an origin that passkeys work with: "
            "https, host in lower case, no path and no default port (http for localhost alone)"
        )
    return host


def _descriptor(credential: StoredCredential) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        type=PublicKeyCredentialType.PUBLIC_KEY,
        id=_decode(credential.id),
        transports=credential.data.get("transports") or None,
    )


def _state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state that the library needs again."""
    return {"challenge": state["challenge"], "user_verification": UserVerificationRequirement.REQUIRED}


def _response(answer: Any, *members: str) -> dict[str, Any]:
    """The members of a PublicKeyCredential in JSON that count, each text of a bounded size."""
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict) or answer.get("type") != "public-key":
        raise _ProofRejected("it is not a public key credential")
    texts = {name: response.get(name) for name in ("clientDataJSON", *members)}
    for text in (answer.get("id"), answer.get("rawId"), *texts.values()):
        _decode(text)
    if answer["id"] != answer["rawId"]:
        raise _ProofRejected("id and rawId differ")
    given = response.get("transports")
    transports = {"transports": given} if isinstance(given, list) else {}
    return {
        "id": answer["id"],
        "rawId": answer["rawId"],
        "type": "public-key",
        "response": {**texts, **transports},
    }


def _check_client_data(response: dict[str, Any]) -> None:
    """Section 5.8.1. Type, challenge and origin are compared by the library."""
    data = _decode(response["response"]["clientDataJSON"])
    try:
        found = strict_json.loads(data, name="clientDataJSON", max_depth=MAX_CLIENT_DATA_DEPTH)
    except PasswrightError as exc:
        raise _ProofRejected("the client data is not JSON") from exc
    if not isinstance(found, dict) or not isinstance(found.get("challenge"), str):
        raise _ProofRejected("the client data is not client data")
    _decode(found["challenge"])
    # Level 3 adds topOrigin to what is embedded in a page of another origin.
    if found.get("crossOrigin", False) is not False or "topOrigin" in found:
        raise _ProofRejected("it was made inside a page of another origin")


def _check_attestation_object(response: dict[str, Any]) -> None:
    """Section 6.5.4, as far as the library would trip over it: it takes a number for so many octets."""
    data = _decode(response["response"]["attestationObject"])
    found = _parse_with(cbor.decode, data)
    if not isinstance(found, dict) or set(found) != {"fmt", "attStmt", "authData"}:
        raise _ProofRejected("the attestation object is none")
    data = found["authData"]
    if not isinstance(data, bytes) or len(data) <= FLAGS_AT or not isinstance(found["fmt"], str):
        raise _ProofRejected("the attestation object is none")
    if not data[FLAGS_AT] & AuthenticatorData.FLAG.AT:
        raise _ProofRejected("no credential is attested")


def _check_public_key(key: Any) -> None:
    """Section 6.5.1.1: an offered algorithm, and a point on its curve."""
    if not isinstance(key, ES256) or key.get(3) != ES256_ALGORITHM:
        raise _ProofRejected("its algorithm was not offered")
    x, y = key.get(-2), key.get(-3)
    whole = isinstance(x, bytes) and isinstance(y, bytes) and len(x) == len(y) == COORDINATE_BYTES
    if key.get(1) != 2 or key.get(-1) != 1 or not whole:  # noqa: PLR2004 -- RFC 9053 section 7.1.1
        raise _ProofRejected("its public key is not on P-256")
    _verify_point(x, y)


def _verify_point(x: Any, y: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + x + y)
    except ValueError as exc:
        raise _ProofRejected("its public key is not on P-256") from exc


def _transports(response: dict[str, Any]) -> list[str]:
    given = response["response"].get("transports", ())
    return sorted(_TRANSPORTS.intersection(each for each in given if isinstance(each, str)))


def _as_plain_json(value: Any) -> Any:
    """Options as JSON of plain types: the library's enumerations are texts of a kind."""
    if hasattr(value, "items"):
        return {key: _as_plain_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_plain_json(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: Any) -> bytes:
    """Base64url without padding (RFC 7515 section 2), nothing tolerated."""
    if not isinstance(text, str) or not 0 < len(text) <= MAX_MEMBER_BYTES * 4 // 3 + 1:
        raise _ProofRejected("a member is missing, empty or too long")
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise _ProofRejected("a member is not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(data) != text:
        raise _ProofRejected("a member is not base64url")
    return data
