"""Helpers shared by the use cases: load a pass, apply a transition, common errors."""

from __future__ import annotations

import base64
import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from passwright.binding.lifecycle import Effect
from passwright.errors import ServiceRefused, StoreUnavailable, VaultError
from passwright.service.store.protocol import Event, PassStatus
from passwright.service.vault import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from passwright.binding.lifecycle import Step
    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredBinding, StoredCredential, StoredPass, Transaction

__all__ = [
    "DONE",
    "EXT_ID",
    "HOUR",
    "LOG",
    "LOG_SENTENCE",
    "TRIES",
    "apply_step",
    "base32_id",
    "check_alive",
    "email_of",
    "event",
    "log_event",
    "pass_not_found",
    "require_pass",
    "too_much_contention",
]

# The log of the service; `TOLD` is what a line about a step looks like.
LOG = logging.getLogger("passwright")
LOG_SENTENCE = re.compile(
    r"pass (?P<pass>[0-9a-f-]+) version (?P<version>[0-9]+): (?P<kind>[A-Za-z ]+): (?P<outcome>[a-z_]+)"
    r" at (?P<at>[0-9T:.+-]+)"
)
DONE = "done"
# How many refusals of a kind are noted for a pass in an hour.
HOUR = timedelta(hours=1)
REFUSALS_AN_HOUR = 100
# Somebody else changed the pass between reading and writing this often in a row: give up.
TRIES = 20
# Text that URLs hold unchanged, and not an address: an external id is not purged.
EXT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def require_pass(transaction: Transaction, organisation: str, name: str) -> StoredPass:
    """The pass with this id or external id.

    Raises:
        ServiceRefused: `pass_not_found`.
    """
    stored = transaction.pass_(organisation, name) if EXT_ID.fullmatch(name) else None
    if stored is None:
        raise pass_not_found()
    return stored


def check_alive(stored: StoredPass, *, at: datetime) -> None:
    """A pass that ended is handed out to nobody, and nobody can lock it any more.

    Raises:
        ServiceRefused: `pass_nullified`, `pass_expired`, `pass_deactivated`.
    """
    if stored.status is PassStatus.NULLIFIED:
        raise ServiceRefused("pass_nullified", "the pass is nullified")
    if stored.expires_at is not None and at >= stored.expires_at:
        raise ServiceRefused("pass_expired", "the pass has expired")
    if stored.status is PassStatus.DEACTIVATED:
        raise ServiceRefused("pass_deactivated", "the pass is deactivated")


def apply_step(
    transaction: Transaction,
    was: StoredBinding,
    step: Step,
    *,
    at: datetime,
    ceremony: Mapping[str, Any] | None = None,
    credential: StoredCredential | None = None,
    google_issued_at: datetime | None = None,
) -> tuple[StoredBinding, Event | None]:
    """Writes a step with the effects it owes.

    The caller logs the event after the commit, then calls `step.raise_for_refusal()`.

    `ceremony`, `credential` and `google_issued_at` are what the effects of this step keep.

    Raises:
        StaleBinding: the binding changed since it was read.
    """
    extra = {"ceremony": ceremony, "credential": credential, "google_issued_at": google_issued_at}
    now = _apply_effects(replace(was, status=step.status), step.effects, extra)
    if now != was:
        transaction.change_binding(was, now)
    noted = event(was.pass_id, step.status.version, step.kind.value, step.refusal or DONE, at)
    if now == was and step.refusal is None:
        return now, None
    if now != was or _is_below_limit(transaction, noted):
        transaction.add_event(noted)
    return now, noted


def _apply_effects(
    now: StoredBinding, effects: tuple[Effect, ...], extra: Mapping[str, Any]
) -> StoredBinding:
    """The binding after the effects, as far as the store sees them."""
    for effect in effects:
        match effect:
            case Effect.HASH_EMAIL:
                now = replace(now, google_issued_at=extra["google_issued_at"])
            case Effect.PURGE_EMAIL:
                now = replace(now, address=None)
            case Effect.OPEN_ATTEMPT:
                now = replace(now, ceremony=extra["ceremony"])
            case Effect.CANCEL_ATTEMPT | Effect.BURN_ATTEMPT:
                now = replace(now, ceremony=None)
            case Effect.STORE_CREDENTIAL:
                now = replace(now, ceremony=None, credential=extra["credential"])
            case Effect.ERASE:
                now = replace(now, address=None, ceremony=None, credential=None, google_issued_at=None)
            case _:  # the status holds it, or it is for after the commit
                pass
    return now


def _is_below_limit(transaction: Transaction, noted: Event) -> bool:
    """Returns True while the stored refusals of an hour are below the cap, so that an attacker cannot fill
    the disk.
    """
    span = {"since": noted.at - HOUR, "until": noted.at + HOUR}
    return transaction.count_events(noted.pass_id, noted.kind, **span) < REFUSALS_AN_HOUR


def log_event(noted: Event | None) -> None:
    """Writes a committed event to the log; `recovery` reads it there after a backup was restored."""
    if noted is not None:
        members = (noted.pass_id, noted.version, noted.kind, noted.outcome, noted.at.isoformat())
        LOG.info("pass %s version %d: %s: %s at %s", *members)


def event(pass_id: str, version: int, kind: str, outcome: str, at: datetime) -> Event:
    """Makes an event for the log of a pass. `outcome` is "done", or the code of a refusal."""
    return Event(pass_id=pass_id, version=version, kind=kind, outcome=outcome, at=at)


def email_of(context: ServiceContext, bound: StoredBinding) -> str | None:
    """The holder's address, None once it was purged.

    Raises:
        VaultError: it can't be opened.
    """
    if bound.address is None:
        return None
    owner = {"organisation_id": bound.organisation, "pass_id": bound.pass_id}
    try:
        return context.vault.open(bound.address.sealed, purpose=Purpose.EMAIL, **owner)
    except VaultError:
        # A rotation may have sealed it anew, and retired its key, since it was read.
        with context.store.reading() as transaction:
            found = transaction.binding(bound.pass_id)
        if found is None or found.address is None or found.address == bound.address:
            raise
    return context.vault.open(found.address.sealed, purpose=Purpose.EMAIL, **owner)


def base32_id(data: bytes) -> str:
    """Letters and digits that look alike in every case: RFC 4648 section 6, without padding."""
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def too_much_contention() -> StoreUnavailable:
    """Every try met a change by somebody else."""
    return StoreUnavailable("others keep changing this pass: try again later")


def pass_not_found() -> ServiceRefused:
    """Nothing is here, or it is somebody else's: both look the same."""
    return ServiceRefused("pass_not_found", "there is no such pass")
