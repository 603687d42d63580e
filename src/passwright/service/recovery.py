"""After a backup was restored: what happened since it was taken, from the service's log.

A backup is older than what came after it. A pass that was locked meanwhile would
be free again, and an address that was purged would be back. The log tells every
step of a binding; replaying it brings locks, purges and ends back before the
service opens. It can't bring back what only the database knew: passkeys, and
passes that were created since.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from passwright.binding import lifecycle
from passwright.binding.lifecycle import EventKind, State
from passwright.errors import InvalidInput
from passwright.service import transitions
from passwright.service.store.protocol import Event, PassStatus
from passwright.strict_json import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from passwright.service.store.protocol import Store, Transaction

__all__ = ["ReplayResult", "events_in_log", "replay"]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay, as ids of passes.

    `done`: brought up to date. `unproved`: bound to Apple since the backup, and pending again, because the
    passkey is gone: the first person who opens the page can bind it. Nullify those where that matters.
    `missing`: created since.
    """

    done: frozenset[str] = frozenset()
    unproved: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def events_in_log(lines: Iterable[str]) -> Iterator[Event]:
    """The events in the lines of a log; all other lines are passed over."""
    for line in lines:
        try:
            found = loads(line.encode("utf-8", "replace"), name="log")
        except InvalidInput:
            continue
        if not isinstance(found, dict) or found.get("logger") != transitions.LOG.name:
            continue
        if match := transitions.LOG_SENTENCE.fullmatch(str(found.get("message"))):
            name, version, kind, outcome, at = match.groups()
            then = datetime.fromisoformat(at)
            yield Event(pass_id=name, version=int(version), kind=kind, outcome=outcome, at=then)


def replay(
    store: Store, events: Iterable[Event], *, random: Callable[[int], bytes] = secrets.token_bytes
) -> ReplayResult:
    """Takes the steps that the store doesn't know of, in their order. Twice is as good as once.

    Raises:
        StoreError: the store can't be used; what was replayed until then stays.
    """
    sorts: dict[str, set[str]] = {"done": set(), "unproved": set(), "missing": set()}
    for event in events:
        if event.outcome == transitions.DONE:
            with store.writing() as transaction:
                if sort := _replay_event(transaction, event, random):
                    sorts[sort].add(event.pass_id)
    sorts["done"] -= sorts["unproved"]
    return ReplayResult(**{name: frozenset(ids) for name, ids in sorts.items()})


def _replay_event(transaction: Transaction, event: Event, random: Callable[[int], bytes]) -> str | None:
    """Replays one event and returns its outcome; None if the store had it already."""
    stored = transaction.pass_of(event.pass_id)
    if stored is None:
        return "missing"
    ends = event.kind == EventKind.NULLIFY.value
    alive = stored.status is not PassStatus.NULLIFIED
    if ends and alive:
        ended = replace(
            stored,
            status=PassStatus.NULLIFIED,
            changed_at=event.at,
            nullified_at=event.at,
            version=stored.version + 1,
        )
        transaction.change_pass(stored, ended)
    was = transaction.binding(event.pass_id)
    if was is None or event.version <= was.status.version:
        return "done" if ends and alive else None
    if event.kind in (EventKind.COMPLETE_VALID.value, EventKind.COMPLETE_WRONG.value):
        # The proof is gone, and the challenge is spent.
        spent = replace(was.status, open_attempt=None, version=event.version, changed_at=event.at)
        transaction.change_binding(was, replace(was, status=spent, ceremony=None))
        lost = event.kind == EventKind.COMPLETE_VALID.value and was.status.state is State.APPLE_PENDING
        return "unproved" if lost else "done"
    happened: dict[str, lifecycle.Event] = {
        EventKind.GOOGLE_DOWNLOAD.value: lifecycle.GoogleDownload(),
        EventKind.APPLE_BEGIN.value: lifecycle.AppleBegin(urlsafe_b64encode(random(24)).decode("ascii")),
        EventKind.NULLIFY.value: lifecycle.Nullify(),
    }
    if event.kind not in happened:
        return None
    step = lifecycle.advance(was.status, happened[event.kind], at=event.at)
    step = replace(step, status=replace(step.status, version=event.version))
    transitions.apply_step(transaction, was, step, at=event.at, ceremony={}, google_issued_at=event.at)
    return "done"
