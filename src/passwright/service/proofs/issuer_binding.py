"""Wallet's own binding of a pass to an Apple account: experimental, off unless it is configured.

Apple documents one thing of it, the initialiser
`PKAddPassesViewController(issuerData:signature:)` of PassKit (iOS 16.4); the rest was
observed on devices and may change with any version of iOS. Here the device
enforces: NFC works only while the account of its holder is there. It needs a
Pass Type ID certificate that Apple has marked for NFC. It is not Apple's
certified anything, and nobody at Apple has tested it.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.binding.binding import check_learn_more_url
from passwright.binding.lifecycle import ATTEMPT_LIFE, Evidence
from passwright.errors import AttemptRefused, KeyMaterialError
from passwright.service.proofs.protocol import Challenge, StoredCredential
from passwright.service.vault import Purpose, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from passwright.apple.identity import Identity
    from passwright.service.proofs.protocol import ChallengeSubject

__all__ = ["HAND_OVER", "MAX_MEMBER_BYTES", "IssuerBindingProvider"]

HAND_OVER = "https://wallet.apple.com/securePassSession"
# Wallet takes issuer data from 0 to 300 seconds after its creation by the
# device's clock. A server a moment ahead of the device would offer the future.
BACK_DATED = timedelta(seconds=5)
# Observed blobs are far smaller; a larger one is not an answer of Wallet.
MAX_MEMBER_BYTES = 8 * 2**10

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class IssuerBindingProvider:
    """Has Wallet bind the pass to the Apple account of the device that adds it.

    `identity` is the one that signs the passes, marked for NFC. `callback` is
    the https URL Wallet answers to; the pass's id becomes its last segment.
    `rp_id` is the host name that Wallet keeps the key under.

    Raises: KeyMaterialError: the certificate isn't marked for NFC. ValueError: the callback is not a public
    https URL.
    """

    evidence = Evidence.APPLE_ISSUER_BINDING

    def __init__(self, *, identity: Identity, callback: str, rp_id: str, vault: Vault) -> None:
        if not identity.nfc:
            raise KeyMaterialError(
                "Wallet's issuer binding needs a Pass Type ID certificate that Apple has marked for NFC"
            )
        if rule := check_learn_more_url(callback):
            raise ValueError(f"the callback of Wallet's issuer binding {rule}")
        self._identity = identity
        self._callback = callback.rstrip("/")
        self._rp_id = rp_id
        self._vault = vault

    def begin(
        self,
        subject: ChallengeSubject,
        *,
        attempt_id: str,
        at: datetime,
        credential: StoredCredential | None = None,
    ) -> Challenge:
        """Issuer data and its signature: as the link a browser opens, and in base64 for an app.

        Raises:
            KeyMaterialError: the certificates are not valid at `at`.
            SignerFailed: the identity's signer failed.
        """
        created = (at - BACK_DATED).replace(microsecond=0)
        members = {
            "displayableName": subject.label,
            "passTypeIdentifier": self._identity.pass_type_identifier,
            "teamIdentifier": self._identity.team_identifier,
            "sessionIdentifier": attempt_id,
            "creationTimestamp": created.isoformat(),
            "callbackURL": f"{self._callback}/{subject.pass_id}",
            "fidoProfile": self._profile(subject, credential.data.get("keyHash") if credential else None),
        }
        issuer_data = strict_json.dumps(members).encode()
        signature = self._identity.sign_manifest(issuer_data, at=created)
        data, signed = (base64.b64encode(each).decode() for each in (issuer_data, signature))
        shown = {
            "attemptId": attempt_id,
            "expiresAt": (created + ATTEMPT_LIFE).isoformat(),
            "walletUrl": f"{HAND_OVER}#{data}&{signed}",
            "issuerData": data,
            "signature": signed,
        }
        return Challenge(shown, {})

    def complete(
        self,
        subject: ChallengeSubject,
        state: Mapping[str, Any],  # noqa: ARG002 -- the attempt's id is all there is to compare
        payload: Mapping[str, Any],
        *,
        is_registered: Callable[[str], bool],  # noqa: ARG002 -- devices of one account share a key
        credential: StoredCredential | None = None,
    ) -> StoredCredential:
        """Reads the message of Wallet: only its form can be checked, since the device is the one to verify
        it.

        Raises:
            AttemptRefused: `proof_invalid`, a member is missing, too long or no
                hex, or another account answers than the one the pass is bound to.
        """
        blob, given = _hex(payload.get("issuerBindingData")), payload.get("keyHash")
        key_hash = before = credential.data.get("keyHash") if credential else None
        if given is not None:
            key_hash = _hex(given)
            if before and key_hash.casefold() != before.casefold():
                raise _proof_rejected("another account answers than the one this pass is bound to")
        data = {"issuerBindingData": blob, "learnMoreURL": subject.learn_more_url}
        profile = self._profile(subject, key_hash)
        return StoredCredential(
            None, {"keyHash": key_hash, "fidoProfile": profile, "issuerBindingData": data}
        )

    def members(self, credential: StoredCredential) -> Mapping[str, Any]:
        """`fidoProfile` and `issuerBindingData`.

        A version of the pass without them is no longer treated as bound; one
        with other values loses NFC. So they stay as they were stored, whatever
        the settings have become.
        """
        return {name: credential.data[name] for name in ("fidoProfile", "issuerBindingData")}

    def _profile(self, subject: ChallengeSubject, key_hash: str | None) -> dict[str, str]:
        # Never from the address: it is purged, and this goes into the pass.
        account = self._vault.hash(Purpose.HOLDER, subject.organisation_id, subject.pass_id).hex()
        profile = {"relyingPartyIdentifier": self._rp_id, "accountHash": account}
        return profile if key_hash is None else {**profile, "keyHash": key_hash}


def _hex(text: Any) -> str:
    """The text as received, if it is hex of a bounded length."""
    if not isinstance(text, str) or len(text) > 2 * MAX_MEMBER_BYTES or not _HEX.fullmatch(text):
        raise _proof_rejected("a member is missing, too long or no hex")
    return text


def _proof_rejected(why: str) -> AttemptRefused:
    return AttemptRefused("proof_invalid", f"{why}: begin again")
