"""The status of a bound pass: its state, the evidence for it, and the attempts of Apple's ceremony."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ATTEMPT_LIFE", "Attempt", "Evidence", "Platform", "State", "Status"]

# As long as Wallet accepts issuer data after its creation, and as long as a
# browser is asked to wait for a passkey: nobody gains from a longer one.
ATTEMPT_LIFE = timedelta(seconds=300)

Platform: TypeAlias = Literal["google", "apple"]


class State(enum.Enum):
    """The state of a bound pass. A store keeps the values."""

    CREATED = "created"
    GOOGLE_BOUND = "google_bound"
    APPLE_PENDING = "apple_pending"
    APPLE_BOUND = "apple_bound"
    NULLIFIED = "nullified"

    @property
    def platform(self) -> Platform | None:
        """The platform that has the pass. Of a nullified pass only the status knows it."""
        return _PLATFORM.get(self)

    @property
    def bound(self) -> bool:
        """The platform's restriction is in force."""
        return self in {State.GOOGLE_BOUND, State.APPLE_BOUND}

    @property
    def keeps_email(self) -> bool:
        """The address, its ciphertext and its mask may still exist."""
        return self in {State.CREATED, State.GOOGLE_BOUND}


_PLATFORM: Mapping[State, Platform] = MappingProxyType(
    {State.GOOGLE_BOUND: "google", State.APPLE_PENDING: "apple", State.APPLE_BOUND: "apple"}
)


class Evidence(enum.Enum):
    """The evidence that `bound` rests on."""

    EMAIL_RESTRICTION = "email_restriction"  # Google enforces it, for approved issuers
    WEBAUTHN = "webauthn"  # our server released the file to the holder of a passkey
    APPLE_ISSUER_BINDING = "apple_issuer_binding"  # the device enforces it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of Apple's ceremony: single use, open for `ATTEMPT_LIFE`.

    `payload_digest` is "" while the attempt is open, then the SHA-256 of the
    payload that won, in hex: a repeat by the network must be that same payload.
    """

    id: str = field(repr=False)
    opened_at: datetime
    payload_digest: str = field(default="", repr=False)

    def is_young(self, at: datetime) -> bool:
        """At most `ATTEMPT_LIFE` lies between its opening and `at`, whichever comes first.

        A clock set back must not prolong an attempt by as much.
        """
        return abs(at - self.opened_at) <= ATTEMPT_LIFE


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a binding, which a service stores beside the pass.

    `version` counts changes, and it alone orders them; `changed_at` is for
    people, since clocks move. The address and its mask are stored elsewhere,
    where they can be purged.

    Raises:
        ValueError: the members contradict each other, as no row of `TRANSITIONS` leaves them.
    """

    state: State
    learn_more_url: str
    changed_at: datetime
    version: int = 1
    platform: Platform | None = None
    evidence: Evidence | None = None
    open_attempt: Attempt | None = None
    won_attempt: Attempt | None = None

    def __post_init__(self) -> None:
        require_aware(self.changed_at, "changed_at")
        if self.platform != self.state.platform and self.state is not State.NULLIFIED:
            raise ValueError(f"a pass that is {self.state.value} has another platform")
        if (self.evidence is not None) != self.state.bound:
            raise ValueError("a pass is bound if, and only if, there is evidence for it")
        if self.open_attempt and self.state not in {State.APPLE_PENDING, State.APPLE_BOUND}:
            raise ValueError("only Apple's ceremony has attempts")
        if (self.won_attempt is not None) != (self.state is State.APPLE_BOUND):
            raise ValueError("a pass is bound to Apple if, and only if, an attempt won")

    @property
    def bound(self) -> bool:
        """The platform's restriction is in force; `evidence` says which."""
        return self.state.bound
