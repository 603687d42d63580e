"""Apple's side of a binding: what proves that the holder's own device asks for the pass.

A `Provider` is handed to the service. `passkeys.PasskeyGate` is the default and rests
on public standards; `issuer_binding.WalletIssuerBinding` is Wallet's own way.

Providers know neither HTTP nor a store. They give an `Offer` to the page and get
back what the device answered; what they have to remember between the two, and
from one download to the next, the store keeps for them as JSON.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from passwright import strict_json
from passwright.service.store.protocol import StoredCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from passwright.binding.lifecycle import Evidence

__all__ = ["Challenge", "ChallengeSubject", "ProofProvider", "StoredCredential", "payload_digest"]


@dataclass(frozen=True, slots=True)
class ChallengeSubject:
    """The pass an attempt is for. `label` is what a device shows of it: the name of the template."""

    organisation_id: str
    pass_id: str
    label: str
    learn_more_url: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """An opened attempt: `shown` goes to the page, `state` stays with the attempt. Both are JSON."""

    shown: Mapping[str, Any] = field(repr=False)
    state: Mapping[str, Any] = field(repr=False)


class ProofProvider(Protocol):
    """One way for a holder to prove that the pass is theirs on an Apple device."""

    @property
    def evidence(self) -> Evidence:
        """The strength of a proof that this provider accepted."""

    def begin(
        self,
        subject: ChallengeSubject,
        *,
        attempt_id: str,
        at: datetime,
        credential: StoredCredential | None = None,
    ) -> Challenge:
        """A new attempt: the first one, or with the stored `credential` one for another download.

        `attempt_id` is fresh and not to be guessed, `at` is aware.
        """

    def complete(
        self,
        subject: ChallengeSubject,
        state: Mapping[str, Any],
        payload: Mapping[str, Any],
        *,
        is_registered: Callable[[str], bool],
        credential: StoredCredential | None = None,
    ) -> StoredCredential:
        """The credential to store, once `payload` has proved to answer the attempt with this `state`.

        `payload` is what the device sent, as JSON; hostile ones are expected.
        `known` tells whether any pass has a credential of this id already. The
        caller has seen that the attempt is open and young.

        Raises:
            AttemptRefused: `proof_invalid`.
        """

    def members(self, credential: StoredCredential) -> Mapping[str, Any]:
        """The members of pass.json that every version of the pass has to carry. Often none."""


def payload_digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 in hex over a payload's members, by which a repeat is known.

    White space and the order of members don't count: networks and browsers
    repeat requests, and a repeat is the same JSON.
    """
    return hashlib.sha256(
        strict_json.dumps(_sort_members(payload)).encode("utf-8", "surrogatepass")
    ).hexdigest()


def _sort_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sort_members(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sort_members(each) for each in value]
    return value
