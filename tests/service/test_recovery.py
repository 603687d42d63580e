"""A backup that is older than a lock, and the log that brings the lock back."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from passwright.binding.lifecycle import State
from passwright.errors import IllegalTransition
from passwright.service import passes, recovery, release, transitions
from passwright.service.store.sql import SqlStore
from passwright.service.web.logging import configure
from tests.service_context import AT, bound_pass, desk_of, membership, new_pass, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from passwright.service.context import ServiceContext

ORG = "org-1"


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the service writes to its log meanwhile, as JSON lines."""
    root, ours = logging.getLogger(), logging.getLogger("passwright")
    before = root.handlers[:], root.level, ours.level
    stream = io.StringIO()
    configure(stream, plain=False)
    try:
        yield stream
    finally:
        root.handlers[:], root.level, ours.level = before
        logging.getLogger("uvicorn.access").disabled = False


def copied(source: Path, target: Path) -> None:
    ours, theirs = sqlite3.connect(source), sqlite3.connect(target)
    ours.backup(theirs)
    for each in (ours, theirs):
        each.close()


def state(context: ServiceContext, name: str) -> State:
    status = passes.find(context, ORG, name).binding
    assert status is not None
    return status.state


def test_bnd_17_the_log_brings_back_locks_that_a_backup_does_not_know(tmp_path: Path) -> None:
    path, backup = tmp_path / "passes.db", tmp_path / "backup.db"
    with opened(path) as context, logged() as log:
        template = membership(context)
        names = {
            name: bound_pass(context, template).pass_.id
            for name in ("google", "pending", "apple", "ended", "free")
        }
        unbound = new_pass(context, template).pass_.id
        known = bound_pass(context, template).pass_.id
        release.google_save_link(context, ORG, known, at=AT)
        copied(path, backup)
        late = bound_pass(context, template).pass_.id
        link = release.google_save_link(context, ORG, names["google"], at=AT)
        release.apple_begin(context, ORG, names["pending"], at=AT)
        attempt = release.apple_begin(context, ORG, names["apple"], at=AT)
        release.apple_complete(context, ORG, names["apple"], attempt.id, {"ok": True}, at=AT)
        with pytest.raises(IllegalTransition):
            release.google_save_link(context, ORG, names["apple"], at=AT)
        for name in (names["ended"], unbound):
            passes.nullify(context, ORG, name, at=AT)
        versions = {name: passes.find(context, ORG, each).binding for name, each in names.items()}
        lines = [
            *log.getvalue().splitlines(),
            "no JSON",
            "[]",
            '{"logger": "passwright", "message": "hello"}',
        ]
    assert "jane" not in log.getvalue()

    store = SqlStore(f"sqlite:///{backup}")
    restored = desk_of(store)
    assert {state(restored, each) for each in names.values()} == {State.CREATED}
    came_of = recovery.replay(store, recovery.events_in_log(lines))
    assert came_of.done == {names["google"], names["pending"], names["ended"], unbound}
    assert came_of.unproved == {names["apple"]}
    assert came_of.missing == {late}
    assert {name: state(restored, each) for name, each in names.items()} == {
        "google": State.GOOGLE_BOUND,
        "pending": State.APPLE_PENDING,
        "apple": State.APPLE_PENDING,
        "ended": State.NULLIFIED,
        "free": State.CREATED,
    }
    for name, each in names.items():
        now, was = passes.find(restored, ORG, each), versions[name]
        assert now.binding is not None
        assert was is not None
        assert now.binding.version == was.version, "versions go on where they were"
        assert (now.mask is not None) is now.binding.state.keeps_email, "purged again"
    assert release.google_save_link(restored, ORG, names["google"], at=AT + timedelta(days=1)) == link
    with pytest.raises(IllegalTransition) as caught:
        release.apple_begin(restored, ORG, names["google"], at=AT)
    assert caught.value.code == "platform_locked"
    assert recovery.replay(store, recovery.events_in_log(lines)) == recovery.ReplayResult(
        missing=frozenset({late})
    )
    attempt = release.apple_begin(restored, ORG, names["apple"], at=AT)
    release.apple_complete(restored, ORG, names["apple"], attempt.id, {"ok": True}, at=AT)
    assert state(restored, names["apple"]) is State.APPLE_BOUND
    store.close()


def test_a_line_of_the_log_and_the_event_it_tells_are_one_thing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "passwright")
    event = transitions.event(
        "0132043f-1d89-4f08", 2, "Apple download", transitions.DONE, AT + timedelta(microseconds=1)
    )
    transitions.log_event(event)
    transitions.log_event(None)
    lines = [json.dumps({"logger": "passwright", "message": each.getMessage()}) for each in caplog.records]
    assert list(recovery.events_in_log([*lines, lines[0].replace("version 2", "version two")])) == [event]


def test_what_a_newer_log_tells_and_nobody_here_knows_is_passed_over(tmp_path: Path) -> None:
    with opened(tmp_path / "passes.db") as context:
        name = bound_pass(context, membership(context)).pass_.id
        unknown = transitions.event(name, 99, "something new", transitions.DONE, AT)
        assert recovery.replay(context.store, [unknown]) == recovery.ReplayResult()
        assert state(context, name) is State.CREATED
