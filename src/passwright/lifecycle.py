"""The life of a bound pass: created, Google bound, Apple pending, Apple bound.

`Status` says which platform has the pass, whether its restriction is in force,
and on what evidence. `advance` is the only way from one status to the next. It
reads `TRANSITIONS`, does no I/O and knows no clock: a store carries out the new
status and the effects in one transaction, and compares `version` when it writes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from passwright.binding import Binding, stored_url, validate
from passwright.errors import AttemptRefused, BindingError, IllegalTransition

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ATTEMPT_LIFE",
    "REFUSALS",
    "TRANSITIONS",
    "AddBarcode",
    "AppleBegin",
    "AppleComplete",
    "AppleSource",
    "Attempt",
    "Create",
    "Effect",
    "Event",
    "Evidence",
    "GoogleDownload",
    "Kind",
    "Nullify",
    "Platform",
    "Row",
    "State",
    "Status",
    "Step",
    "TemplateAddsBarcode",
    "Unbind",
    "Update",
    "UpdateBinding",
    "advance",
    "public",
]

# As long as Wallet accepts issuer data after its creation, and as long as a
# browser is asked to wait for a passkey: nobody gains from a longer one.
ATTEMPT_LIFE = timedelta(seconds=300)

Platform: TypeAlias = Literal["google", "apple"]


class State(enum.Enum):
    """Where a bound pass stands. The values are what a store keeps."""

    CREATED = "created"
    GOOGLE_BOUND = "google_bound"
    APPLE_PENDING = "apple_pending"
    APPLE_BOUND = "apple_bound"
    NULLIFIED = "nullified"

    @property
    def platform(self) -> Platform | None:
        """The platform that has the pass. A nullified one stays where it was: ask its status."""
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
    """What `bound` rests on."""

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
    """How far a binding got: what a service stores beside the pass.

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
        _aware(self.changed_at)
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


def public(status: Status, mask: str | None) -> dict[str, Any]:
    """The `binding` member of an answer of the HTTP API.

    `mask` is `address.mask` of the holder's address. Where the state keeps no
    address the answer holds null, whatever is handed in.

    Raises:
        ValueError: `mask` is not masked.
    """
    if mask is not None and "***@" not in mask:
        raise ValueError("the masked address is needed, not the address")
    return {
        "platform": status.platform,
        "bound": status.bound,
        "bindingEmail": mask if status.state.keeps_email else None,
        "learnMoreUrl": status.learn_more_url,
    }


# --- events -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Create:
    """A pass is created with a binding. `has_barcode`: something would show a code."""

    binding: Binding
    has_barcode: bool = False


@dataclass(frozen=True, slots=True)
class GoogleDownload:
    """The explicit action that hands out a save link. Looking at a page is no event."""


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


class Kind(enum.Enum):
    """What an event comes to, given the status it meets: the rows of `TRANSITIONS`."""

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
    """What the caller owes with the new status, in the order given, in one transaction.

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
    RELEASE_PASS = "release-pass"  # noqa: S105 - a pass is no password
    RELEASE_AGAIN = "release-again"  # the same answer; finish what broke off the first time
    RENDER_WITHOUT_BARCODE = "render-without-barcode"
    ERASE = "erase"  # address, mask, keys, credentials, attempts


# --- the table ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """Where an event leads: the next state and the effects owed, or the code of a refusal.

    A refusal may change the status as well: a wrong proof burns its attempt.
    """

    state: State
    effects: tuple[Effect, ...] = ()
    refusal: str | None = None


# The stable codes of refusals, with the HTTP status each is answered with.
# The last three are asked by a service outside the table.
REFUSALS: Mapping[str, int] = MappingProxyType(
    {
        "binding_barcode_conflict": 400,
        "platform_locked": 409,
        "attempt_not_found": 404,
        "attempt_used": 409,
        "attempt_expired": 410,
        "proof_invalid": 422,
        "pass_nullified": 410,
        "binding_immutable": 422,
        "binding_nfc_required": 422,
        "binding_ceremony_required": 422,
        "binding_invalid": 422,
        "binding_disabled": 403,
    }
)


def _transitions() -> dict[tuple[State | None, Kind], Row]:
    created, google, pending, apple, nullified = State
    k, e = Kind, Effect
    immutable, conflict = "binding_immutable", "binding_barcode_conflict"
    no_nfc, no_ceremony = "binding_nfc_required", "binding_ceremony_required"
    unknown, expired, wrong = "attempt_not_found", "attempt_expired", "proof_invalid"

    table: dict[tuple[State | None, Kind], Row] = {
        # A pass that is not there yet, or that has no binding.
        (None, k.CREATE): Row(created),
        (None, k.CREATE_WITH_BARCODE): Row(created, refusal=conflict),
        (None, k.UPDATE_BINDING): Row(created, refusal=immutable),
        # The first download decides the platform, for good.
        (created, k.GOOGLE_DOWNLOAD): Row(google, (e.LOCK, e.HASH_EMAIL, e.RELEASE_LINK)),
        (created, k.APPLE_BEGIN): Row(pending, (e.LOCK, e.PURGE_EMAIL, e.OPEN_ATTEMPT)),
        (created, k.APPLE_BEGIN_WITHOUT_NFC): Row(created, refusal=no_nfc),
        (created, k.APPLE_SOURCE): Row(created, refusal=no_ceremony),
        (created, k.COMPLETE_UNKNOWN): Row(created, refusal=unknown),
        (google, k.GOOGLE_DOWNLOAD): Row(google, (e.RELEASE_AGAIN,)),
        (google, k.APPLE_BEGIN): Row(google, refusal="platform_locked"),
        (google, k.APPLE_BEGIN_WITHOUT_NFC): Row(google, refusal="platform_locked"),
        (google, k.APPLE_SOURCE): Row(google, refusal="platform_locked"),
        (google, k.COMPLETE_UNKNOWN): Row(google, refusal=unknown),
    }
    for state in (pending, apple):  # The ceremony; of a bound pass: to have the file once more.
        table |= {
            (state, k.GOOGLE_DOWNLOAD): Row(state, refusal="platform_locked"),
            (state, k.APPLE_BEGIN): Row(state, (e.CANCEL_ATTEMPT, e.OPEN_ATTEMPT)),
            (state, k.APPLE_BEGIN_WITHOUT_NFC): Row(state, refusal=no_nfc),
            (state, k.APPLE_SOURCE): Row(state, refusal=no_ceremony),
            (state, k.COMPLETE_VALID): Row(apple, (e.STORE_CREDENTIAL, e.RELEASE_PASS)),
            (state, k.COMPLETE_WRONG): Row(state, (e.BURN_ATTEMPT,), wrong),
            (state, k.COMPLETE_EXPIRED): Row(state, refusal=expired),
            (state, k.COMPLETE_UNKNOWN): Row(state, refusal=unknown),
        }
    table |= {
        (apple, k.COMPLETE_AGAIN): Row(apple, (e.RELEASE_AGAIN,)),
        (apple, k.COMPLETE_USED): Row(apple, refusal="attempt_used"),
    }
    for state in (created, google, pending, apple):  # Wherever it is, it stays bound as it was.
        table |= {
            (state, k.UPDATE): Row(state),
            (state, k.UPDATE_BINDING): Row(state, refusal=immutable),
            (state, k.UNBIND): Row(state, refusal=immutable),
            (state, k.ADD_BARCODE): Row(state, refusal=conflict),
            (state, k.TEMPLATE_ADDS_BARCODE): Row(state, (e.RENDER_WITHOUT_BARCODE,)),
            (state, k.NULLIFY): Row(nullified, (e.ERASE,)),
        }
    gone = {kind: Row(nullified, refusal="pass_nullified") for kind in Kind}
    del gone[k.CREATE], gone[k.CREATE_WITH_BARCODE]
    gone |= {k.NULLIFY: Row(nullified), k.TEMPLATE_ADDS_BARCODE: Row(nullified)}
    return table | {(nullified, kind): row for kind, row in gone.items()}


# (state, kind of event) -> row; None is a pass without a binding. A pair that is
# not here can't come about.
TRANSITIONS: Mapping[tuple[State | None, Kind], Row] = MappingProxyType(_transitions())

_ATTEMPT_MESSAGES = {
    "attempt_not_found": "there is no such attempt, or a later one took its place",
    "attempt_expired": "the attempt took longer than 300 seconds: begin again",
    "attempt_used": "the attempt was used before: begin again",
    "proof_invalid": "the proof does not fit the attempt: begin again",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What an event came to.

    `status` and `effects` hold for refusals too: carry them out, then `check`.
    `refusal` is None or a code of `REFUSALS`.
    """

    status: Status
    kind: Kind
    effects: tuple[Effect, ...] = ()
    refusal: str | None = None

    def check(self) -> None:
        """Raises what was refused, if anything was.

        Raises:
            AttemptRefused: the attempt is unknown, expired, used, or its proof is wrong.
            IllegalTransition: the state does not allow the event.
        """
        if self.refusal is None:
            return
        if message := _ATTEMPT_MESSAGES.get(self.refusal):
            raise AttemptRefused(self.refusal, message)
        raise IllegalTransition(self.refusal, self.status.state.value, self.kind.value)


def advance(status: Status | None, event: Event, *, at: datetime) -> Step:
    """The status after an event, the effects owed for it, and the refusal if there is one.

    `status` None stands for a pass without a binding; then there is nothing to
    go on with, and a refusal is raised. `version` grows by one when the status
    changed, and only then. `at` is aware; it dates the change and tells the age
    of attempts.

    Raises:
        BindingInvalid: `Create` with a binding that breaks its rules.
        BindingError: `Create` with a barcode, or `UpdateBinding`, for a pass without binding.
        TypeError: an argument is of the wrong type.
        ValueError: `at` is naive, the event has nothing to do with this status
            (any but the above for None, `Create` for a status), the attempt's id
            is empty or was used before, or the evidence is not Apple's.
    """
    if not isinstance(status, Status | None):
        raise TypeError("a Status is needed, or None for a pass without a binding")
    _aware(at)
    kind = _kind(status, event, at)
    row = TRANSITIONS.get((status.state if status else None, kind))
    if row is None:
        raise ValueError("only a pass without a binding is created, and nothing else happens to it")
    if status is None:
        return _created(row, kind, event, at)
    changes = {"state": row.state, **_changes(status, row, event, at)}
    if all(getattr(status, name) == value for name, value in changes.items()):
        return Step(status, kind, row.effects, row.refusal)
    after = replace(status, **changes, version=status.version + 1, changed_at=at)
    return Step(after, kind, row.effects, row.refusal)


def _created(row: Row, kind: Kind, event: Event, at: datetime) -> Step:
    if row.refusal or not isinstance(event, Create):
        raise BindingError(row.refusal or "", f"a pass without a binding: {kind.value} is not possible")
    validate(event.binding)
    return Step(Status(row.state, stored_url(event.binding.learn_more_url), at), kind, row.effects)


def _changes(status: Status, row: Row, event: Event, at: datetime) -> dict[str, Any]:
    """What the effects of a row mean for the status, besides the state."""
    changes: dict[str, Any] = {}
    for effect in row.effects:
        match effect, event:
            case Effect.LOCK, _:
                changes["platform"] = row.state.platform
            case Effect.HASH_EMAIL, _:
                changes["evidence"] = Evidence.EMAIL_RESTRICTION
            case Effect.OPEN_ATTEMPT, AppleBegin():
                changes["open_attempt"] = _opened(status, event, at)
            case Effect.BURN_ATTEMPT, _:
                changes["open_attempt"] = None
            case Effect.RELEASE_PASS, AppleComplete() if status.open_attempt:
                won = replace(status.open_attempt, payload_digest=event.payload_digest)
                changes |= {"open_attempt": None, "won_attempt": won, "evidence": event.evidence}
            case Effect.ERASE, _:
                changes |= {"open_attempt": None, "won_attempt": None, "evidence": None}
            case _:  # owed by the caller alone
                pass
    return changes


def _opened(status: Status, event: AppleBegin, at: datetime) -> Attempt:
    earlier = (status.open_attempt, status.won_attempt)
    if not event.attempt_id or any(a is not None and _same(a.id, event.attempt_id) for a in earlier):
        raise ValueError("an attempt needs a fresh id")
    return Attempt(event.attempt_id, at)


_PLAIN: Mapping[type, Kind] = MappingProxyType(
    {
        GoogleDownload: Kind.GOOGLE_DOWNLOAD,
        AppleSource: Kind.APPLE_SOURCE,
        Update: Kind.UPDATE,
        UpdateBinding: Kind.UPDATE_BINDING,
        AddBarcode: Kind.ADD_BARCODE,
        TemplateAddsBarcode: Kind.TEMPLATE_ADDS_BARCODE,
        Unbind: Kind.UNBIND,
        Nullify: Kind.NULLIFY,
    }
)


def _kind(status: Status | None, event: Event, at: datetime) -> Kind:
    match event:
        case Create():
            return Kind.CREATE_WITH_BARCODE if event.has_barcode else Kind.CREATE
        case AppleBegin():
            return Kind.APPLE_BEGIN if event.nfc else Kind.APPLE_BEGIN_WITHOUT_NFC
        case AppleComplete():
            return _kind_of_completion(status, event, at)
    if type(event) not in _PLAIN:
        raise TypeError("an event is one of the classes of Event")
    return _PLAIN[type(event)]


def _kind_of_completion(status: Status | None, event: AppleComplete, at: datetime) -> Kind:
    if event.evidence not in {Evidence.WEBAUTHN, Evidence.APPLE_ISSUER_BINDING}:
        raise ValueError("Apple's ceremony gives no such evidence")
    if not event.payload_digest:
        raise ValueError("a completion needs the digest of its payload")
    opened, won = (status.open_attempt, status.won_attempt) if status else (None, None)
    if opened and _same(opened.id, event.attempt_id):
        if not opened.is_young(at):
            return Kind.COMPLETE_EXPIRED
        # Only True is a yes: a forgotten call or a truthy answer must not bind.
        return Kind.COMPLETE_VALID if event.proof_ok is True else Kind.COMPLETE_WRONG
    if won and _same(won.id, event.attempt_id):
        again = won.is_young(at) and _same(won.payload_digest, event.payload_digest)
        return Kind.COMPLETE_AGAIN if again else Kind.COMPLETE_USED
    return Kind.COMPLETE_UNKNOWN


def _same(ours: str, theirs: str) -> bool:
    """Compared in constant time: ids of attempts are secrets until they are used."""
    return compare_digest(ours.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))


def _aware(at: datetime) -> None:
    if not isinstance(at, datetime):
        raise TypeError("a time is a datetime")
    if at.utcoffset() is None:
        raise ValueError("a time needs its offset from UTC")
