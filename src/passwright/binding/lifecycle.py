"""The life of a bound pass: created, Google bound, Apple pending, Apple bound.

`Status` says which platform has the pass, whether its restriction is in force,
and on what evidence. `advance` is the only way from one status to the next. It
reads `TRANSITIONS`, does no I/O and knows no clock: a store carries out the new
status and the effects in one transaction, and compares `version` when it writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from passwright.binding.binding import stored_url, validate
from passwright.binding.status import ATTEMPT_LIFE, Attempt, Evidence, Platform, State, Status
from passwright.binding.transitions import (
    REFUSALS,
    TRANSITIONS,
    AddBarcode,
    AppleBegin,
    AppleComplete,
    AppleSource,
    Create,
    Effect,
    Event,
    EventKind,
    GoogleDownload,
    Nullify,
    TemplateAddsBarcode,
    Transition,
    Unbind,
    Update,
    UpdateBinding,
)
from passwright.errors import AttemptRefused, BindingError, IllegalTransition
from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
    "EventKind",
    "Evidence",
    "GoogleDownload",
    "Nullify",
    "Platform",
    "State",
    "Status",
    "Step",
    "TemplateAddsBarcode",
    "Transition",
    "Unbind",
    "Update",
    "UpdateBinding",
    "advance",
]

_ATTEMPT_MESSAGES = {
    "attempt_not_found": "there is no such attempt, or a later one took its place",
    "attempt_expired": "the attempt took longer than 300 seconds: begin again",
    "attempt_used": "the attempt was used before: begin again",
    "proof_invalid": "the proof does not fit the attempt: begin again",
}


@dataclass(frozen=True, slots=True)
class Step:
    """The result of an event.

    `status` and `effects` hold for refusals too: carry them out, then `raise_for_refusal`.
    `refusal` is None or a code of `REFUSALS`.
    """

    status: Status
    kind: EventKind
    effects: tuple[Effect, ...] = ()
    refusal: str | None = None

    def raise_for_refusal(self) -> None:
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
    require_aware(at, "at")
    kind = _kind(status, event, at)
    row = TRANSITIONS.get((status.state if status else None, kind))
    if row is None:
        raise ValueError("only a pass without a binding is created, and nothing else happens to it")
    if status is None:
        return _create_status(row, kind, event, at)
    changes = {"state": row.state, **_changes(status, row, event, at)}
    if all(getattr(status, name) == value for name, value in changes.items()):
        return Step(status, kind, row.effects, row.refusal)
    after = replace(status, **changes, version=status.version + 1, changed_at=at)
    return Step(after, kind, row.effects, row.refusal)


def _create_status(row: Transition, kind: EventKind, event: Event, at: datetime) -> Step:
    if row.refusal or not isinstance(event, Create):
        raise BindingError(row.refusal or "", f"a pass without a binding: {kind.value} is not possible")
    validate(event.binding)
    return Step(Status(row.state, stored_url(event.binding.learn_more_url), at), kind, row.effects)


def _changes(status: Status, row: Transition, event: Event, at: datetime) -> dict[str, Any]:
    """Returns the changes that the effects make to the status, besides the state."""
    changes: dict[str, Any] = {}
    for effect in row.effects:
        match effect, event:
            case Effect.LOCK, _:
                changes["platform"] = row.state.platform
            case Effect.HASH_EMAIL, _:
                changes["evidence"] = Evidence.EMAIL_RESTRICTION
            case Effect.OPEN_ATTEMPT, AppleBegin():
                changes["open_attempt"] = _open_attempt(status, event, at)
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


def _open_attempt(status: Status, event: AppleBegin, at: datetime) -> Attempt:
    earlier = (status.open_attempt, status.won_attempt)
    if not event.attempt_id or any(a is not None and _same(a.id, event.attempt_id) for a in earlier):
        raise ValueError("an attempt needs a fresh id")
    return Attempt(event.attempt_id, at)


_PLAIN: Mapping[type, EventKind] = MappingProxyType(
    {
        GoogleDownload: EventKind.GOOGLE_DOWNLOAD,
        AppleSource: EventKind.APPLE_SOURCE,
        Update: EventKind.UPDATE,
        UpdateBinding: EventKind.UPDATE_BINDING,
        AddBarcode: EventKind.ADD_BARCODE,
        TemplateAddsBarcode: EventKind.TEMPLATE_ADDS_BARCODE,
        Unbind: EventKind.UNBIND,
        Nullify: EventKind.NULLIFY,
    }
)


def _kind(status: Status | None, event: Event, at: datetime) -> EventKind:
    match event:
        case Create():
            return EventKind.CREATE_WITH_BARCODE if event.has_barcode else EventKind.CREATE
        case AppleBegin():
            return EventKind.APPLE_BEGIN if event.nfc else EventKind.APPLE_BEGIN_WITHOUT_NFC
        case AppleComplete():
            return _kind_of_completion(status, event, at)
    if type(event) not in _PLAIN:
        raise TypeError("an event is one of the classes of Event")
    return _PLAIN[type(event)]


def _kind_of_completion(status: Status | None, event: AppleComplete, at: datetime) -> EventKind:
    if event.evidence not in {Evidence.WEBAUTHN, Evidence.APPLE_ISSUER_BINDING}:
        raise ValueError("Apple's ceremony gives no such evidence")
    if not event.payload_digest:
        raise ValueError("a completion needs the digest of its payload")
    opened, won = (status.open_attempt, status.won_attempt) if status else (None, None)
    if opened and _same(opened.id, event.attempt_id):
        if not opened.is_young(at):
            return EventKind.COMPLETE_EXPIRED
        # Only True is a yes: a forgotten call or a truthy answer must not bind.
        return EventKind.COMPLETE_VALID if event.proof_ok is True else EventKind.COMPLETE_WRONG
    if won and _same(won.id, event.attempt_id):
        again = won.is_young(at) and _same(won.payload_digest, event.payload_digest)
        return EventKind.COMPLETE_AGAIN if again else EventKind.COMPLETE_USED
    return EventKind.COMPLETE_UNKNOWN


def _same(ours: str, theirs: str) -> bool:
    """Compared in constant time: ids of attempts are secrets until they are used."""
    return compare_digest(ours.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))
