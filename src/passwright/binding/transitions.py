"""The events of a bound pass, and the table of the transitions they cause."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from passwright.binding.status import Evidence, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.binding.binding import Binding

__all__ = [
    "REFUSALS",
    "TRANSITIONS",
    "AddBarcode",
    "AppleBegin",
    "AppleComplete",
    "AppleSource",
    "Create",
    "Effect",
    "Event",
    "EventKind",
    "GoogleDownload",
    "Nullify",
    "TemplateAddsBarcode",
    "Transition",
    "Unbind",
    "Update",
    "UpdateBinding",
]


@dataclass(frozen=True, slots=True)
class Create:
    """A pass is created with a binding. `has_barcode`: the pass would have a barcode."""

    binding: Binding
    has_barcode: bool = False


@dataclass(frozen=True, slots=True)
class GoogleDownload:
    """The explicit action that hands out a save link. A look at a page is not an event."""


@dataclass(frozen=True, slots=True)
class AppleBegin:
    """The explicit action that starts Apple's ceremony.

    `attempt_id` is fresh and not to be guessed (128 random bits or more).
    `nfc=False` says that the pass has no NFC and the service insists on it.
    """

    attempt_id: str = field(repr=False)
    nfc: bool = True


@dataclass(frozen=True, slots=True)
class AppleComplete:
    """A device answers an attempt.

    `payload_digest` is the SHA-256 of what it sent, in hex. `proof_ok` counts
    only for an attempt that is open and young, and only True is a yes. A repeat
    of the payload that won is known by its digest alone, because a credential
    is new only once. `evidence` says what a good proof is worth.
    """

    attempt_id: str = field(repr=False)
    payload_digest: str = field(repr=False)
    proof_ok: bool
    evidence: Evidence = Evidence.WEBAUTHN


@dataclass(frozen=True, slots=True)
class AppleSource:
    """Someone asks for the pass file without the ceremony."""


@dataclass(frozen=True, slots=True)
class Update:
    """Other fields, a message, deactivation, reactivation, removal from a wallet."""


@dataclass(frozen=True, slots=True)
class UpdateBinding:
    """An update with a `binding` member, whatever its value."""


@dataclass(frozen=True, slots=True)
class AddBarcode:
    """An update that adds or switches on a barcode."""


@dataclass(frozen=True, slots=True)
class TemplateAddsBarcode:
    """The template of the pass gets a barcode."""


@dataclass(frozen=True, slots=True)
class Unbind:
    """Unbind, bind again, change platform, address or URL: there is no such call."""


@dataclass(frozen=True, slots=True)
class Nullify:
    """The pass ends."""


Event: TypeAlias = (
    Create
    | GoogleDownload
    | AppleBegin
    | AppleComplete
    | AppleSource
    | Update
    | UpdateBinding
    | AddBarcode
    | TemplateAddsBarcode
    | Unbind
    | Nullify
)


class EventKind(enum.Enum):
    """An event classified by the status it meets: the keys of `TRANSITIONS`."""

    CREATE = "create"
    CREATE_WITH_BARCODE = "create with a barcode"
    GOOGLE_DOWNLOAD = "Google download"
    APPLE_BEGIN = "Apple download"
    APPLE_BEGIN_WITHOUT_NFC = "Apple download without NFC"
    APPLE_SOURCE = "download of the pass file without the ceremony"
    COMPLETE_UNKNOWN = "completion of an unknown attempt"
    COMPLETE_EXPIRED = "completion of an expired attempt"
    COMPLETE_WRONG = "completion with a wrong proof"
    COMPLETE_VALID = "completion"
    COMPLETE_AGAIN = "repeated completion"
    COMPLETE_USED = "completion of a used attempt"
    UPDATE = "update"
    UPDATE_BINDING = "update of the binding"
    ADD_BARCODE = "update with a barcode"
    TEMPLATE_ADDS_BARCODE = "template with a barcode"
    UNBIND = "unbinding"
    NULLIFY = "nullification"


class Effect(enum.Enum):
    """An action that the caller takes with the new status, in this order, in one transaction.

    Releases come after the commit: nothing leaves before it is written that it did.
    """

    LOCK = "lock"  # compare-and-set: platform is null -> the new one; who loses starts over
    HASH_EMAIL = "hash-email"  # compute the hash, write the restriction
    PURGE_EMAIL = "purge-email"  # ciphertext, wrapped key, mask, queued jobs, stored answers, caches
    OPEN_ATTEMPT = "open-attempt"  # keep its challenge
    CANCEL_ATTEMPT = "cancel-attempt"  # forget the earlier open one, if there is one
    BURN_ATTEMPT = "burn-attempt"  # forget it: no second proof for one challenge
    STORE_CREDENTIAL = "store-credential"  # or refresh it: key, counter, issuer binding data
    RELEASE_LINK = "release-link"
    RELEASE_PASS = "release-pass"  # noqa: S105 - not a password
    RELEASE_AGAIN = "release-again"  # the same answer; finish what broke off the first time
    RENDER_WITHOUT_BARCODE = "render-without-barcode"
    ERASE = "erase"  # address, mask, keys, credentials, attempts


@dataclass(frozen=True, slots=True)
class Transition:
    """The result of an event: the next state and its effects, or the code of a refusal.

    A refusal may change the status as well: a wrong proof burns its attempt.
    """

    state: State
    effects: tuple[Effect, ...] = ()
    refusal: str | None = None


def _transitions() -> dict[tuple[State | None, EventKind], Transition]:
    created, google, pending, apple, nullified = State
    k, e = EventKind, Effect
    immutable, conflict = "binding_immutable", "binding_barcode_conflict"
    no_nfc, no_ceremony = "binding_nfc_required", "binding_ceremony_required"
    unknown, expired, wrong = "attempt_not_found", "attempt_expired", "proof_invalid"

    table: dict[tuple[State | None, EventKind], Transition] = {
        # A pass that is not there yet, or that has no binding.
        (None, k.CREATE): Transition(created),
        (None, k.CREATE_WITH_BARCODE): Transition(created, refusal=conflict),
        (None, k.UPDATE_BINDING): Transition(created, refusal=immutable),
        # The first download decides the platform, for good.
        (created, k.GOOGLE_DOWNLOAD): Transition(google, (e.LOCK, e.HASH_EMAIL, e.RELEASE_LINK)),
        (created, k.APPLE_BEGIN): Transition(pending, (e.LOCK, e.PURGE_EMAIL, e.OPEN_ATTEMPT)),
        (created, k.APPLE_BEGIN_WITHOUT_NFC): Transition(created, refusal=no_nfc),
        (created, k.APPLE_SOURCE): Transition(created, refusal=no_ceremony),
        (created, k.COMPLETE_UNKNOWN): Transition(created, refusal=unknown),
        (google, k.GOOGLE_DOWNLOAD): Transition(google, (e.RELEASE_AGAIN,)),
        (google, k.APPLE_BEGIN): Transition(google, refusal="platform_locked"),
        (google, k.APPLE_BEGIN_WITHOUT_NFC): Transition(google, refusal="platform_locked"),
        (google, k.APPLE_SOURCE): Transition(google, refusal="platform_locked"),
        (google, k.COMPLETE_UNKNOWN): Transition(google, refusal=unknown),
    }
    for state in (pending, apple):  # The ceremony; of a bound pass: to have the file once more.
        table |= {
            (state, k.GOOGLE_DOWNLOAD): Transition(state, refusal="platform_locked"),
            (state, k.APPLE_BEGIN): Transition(state, (e.CANCEL_ATTEMPT, e.OPEN_ATTEMPT)),
            (state, k.APPLE_BEGIN_WITHOUT_NFC): Transition(state, refusal=no_nfc),
            (state, k.APPLE_SOURCE): Transition(state, refusal=no_ceremony),
            (state, k.COMPLETE_VALID): Transition(apple, (e.STORE_CREDENTIAL, e.RELEASE_PASS)),
            (state, k.COMPLETE_WRONG): Transition(state, (e.BURN_ATTEMPT,), wrong),
            (state, k.COMPLETE_EXPIRED): Transition(state, refusal=expired),
            (state, k.COMPLETE_UNKNOWN): Transition(state, refusal=unknown),
        }
    table |= {
        (apple, k.COMPLETE_AGAIN): Transition(apple, (e.RELEASE_AGAIN,)),
        (apple, k.COMPLETE_USED): Transition(apple, refusal="attempt_used"),
    }
    for state in (created, google, pending, apple):  # Wherever it is, it stays bound as it was.
        table |= {
            (state, k.UPDATE): Transition(state),
            (state, k.UPDATE_BINDING): Transition(state, refusal=immutable),
            (state, k.UNBIND): Transition(state, refusal=immutable),
            (state, k.ADD_BARCODE): Transition(state, refusal=conflict),
            (state, k.TEMPLATE_ADDS_BARCODE): Transition(state, (e.RENDER_WITHOUT_BARCODE,)),
            (state, k.NULLIFY): Transition(nullified, (e.ERASE,)),
        }
    gone = {kind: Transition(nullified, refusal="pass_nullified") for kind in EventKind}
    del gone[k.CREATE], gone[k.CREATE_WITH_BARCODE]
    gone |= {k.NULLIFY: Transition(nullified), k.TEMPLATE_ADDS_BARCODE: Transition(nullified)}
    return table | {(nullified, kind): row for kind, row in gone.items()}


# (state, kind of event) -> transition; None is a pass without a binding. A pair that is
# not here can't come about.
TRANSITIONS: Mapping[tuple[State | None, EventKind], Transition] = MappingProxyType(_transitions())

REFUSALS = frozenset(row.refusal for row in TRANSITIONS.values() if row.refusal)
"""The stable codes of all refusals in the table."""
