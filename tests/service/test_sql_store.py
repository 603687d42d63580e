"""The store in SQLite: durable or refused, whole or not at all, and nothing left of what was purged."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from passwright.binding.lifecycle import State
from passwright.errors import StoreError, StoreUnavailable
from passwright.service import passes, release
from passwright.service.store import migrations, sql
from passwright.service.store.protocol import MAX_PAGE, MAX_PAGE_NUMBER, Organisation, Page, PassFilter
from passwright.service.store.sql import SqlStore
from tests.paths import ROOT
from tests.service_context import AT, KEYS, bound_pass, desk_of, membership, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from passwright.service.context import ServiceContext
    from passwright.service.store.protocol import StoredBinding, StoredTemplate

ORG = "org-1"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ServiceContext]:
    with opened(tmp_path / "passes.db") as context:
        yield context


def binding(context: ServiceContext, pass_id: str) -> StoredBinding:
    with context.store.reading() as transaction:
        found = transaction.binding(pass_id)
    assert found is not None
    return found


def engine_of(context: ServiceContext) -> Any:
    return context.store._engine  # type: ignore[attr-defined]  # the store of these tests is ours


# --- whole or not at all ------------------------------------------------------


class Crash(Exception):
    """The process ends here, as far as the transaction can tell."""


@dataclass
class Countdown:
    """Raises at the statement or commit that its number says."""

    left: int
    seen: int = 0

    def tick(self, *_: Any, **__: Any) -> None:
        self.seen += 1
        if self.seen == self.left:
            raise Crash


@contextmanager
def crashing(context: ServiceContext, at: int) -> Iterator[Countdown]:
    engine, countdown = engine_of(context), Countdown(at)
    hooks = [(engine, "before_cursor_execute", countdown.tick), (engine, "commit", countdown.tick)]
    for hook in hooks:
        event.listen(*hook)
    try:
        yield countdown
    finally:
        for hook in hooks:
            event.remove(*hook)


def begun(context: ServiceContext, name: str) -> object:
    return release.apple_begin(context, ORG, name, at=AT)


def linked(context: ServiceContext, name: str) -> object:
    return release.google_save_link(context, ORG, name, at=AT)


def nullified(context: ServiceContext, name: str) -> object:
    return passes.nullify(context, ORG, name, at=AT)


@pytest.mark.parametrize(
    ("deed", "state"),
    [(begun, State.APPLE_PENDING), (linked, State.GOOGLE_BOUND), (nullified, State.NULLIFIED)],
)
def test_bnd_16_a_crash_between_any_two_statements_leaves_the_step_whole_or_undone(
    context: ServiceContext, deed: Callable[[ServiceContext, str], object], state: State
) -> None:
    """Neither lock nor purge without the other, and no event of what did not happen."""
    template = membership(context)
    for at in range(1, 100):
        name = bound_pass(context, template).pass_.id
        with crashing(context, at) as countdown:
            try:
                deed(context, name)
                crashed = False
            except Crash:
                crashed = True
        now = binding(context, name)
        with context.store.reading() as transaction:
            events = [each.kind for each in transaction.events(name)]
        assert now.status.state is (State.CREATED if crashed else state), f"statement {at}"
        assert (now.address is not None) is now.status.state.keeps_email
        assert len(events) == 1 + (not crashed)
        if not crashed:
            assert countdown.seen < at, "it ended before the countdown did"
            break
        deed(context, name)  # and the step can be taken again
        assert binding(context, name).status.state is state
    else:
        pytest.fail("the step never ended")


KILLED = """
import sys, threading
from datetime import timedelta
from pathlib import Path
from tests.service_context import AT, bound_pass, desk_of
from passwright.service import passes, release
from passwright.service.store.sql import SqlStore
from passwright.service.store.protocol import StoredTemplate, Page

context = desk_of(SqlStore(f"sqlite:///{sys.argv[1]}"))
with context.store.reading() as transaction:
    (found,), _ = transaction.templates("org-1", Page())
    template = transaction.template("org-1", found.id)
said = threading.Lock()

def say(*words):
    with said:
        print(*words, flush=True)

def client(number):
    while True:
        name = bound_pass(context, template).pass_.id
        say(name, "created")
        if number % 3 == 0:
            release.google_save_link(context, "org-1", name, at=AT)
            say(name, "google_bound")
        elif number % 3 == 1:
            attempt = release.apple_begin(context, "org-1", name, at=AT)
            say(name, "apple_pending")
            release.apple_complete(context, "org-1", name, attempt.id, {"ok": True}, at=AT)
            say(name, "apple_bound")
        else:
            passes.nullify(context, "org-1", name, at=AT)
            say(name, "nullified")

for number in range(int(sys.argv[2])):
    threading.Thread(target=client, args=(number,), daemon=True).start()
threading.Event().wait()
"""

ORDER = [State.CREATED, State.APPLE_PENDING, State.APPLE_BOUND]


def killed_round(path: Path, clients: int, seconds: float) -> int:
    """Kills a process of busy clients; how many of its acknowledged steps were found again."""
    arguments = [sys.executable, "-c", KILLED, str(path), str(clients)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        lines = [first, *child.stdout.readlines()]
    ledger: dict[str, State] = {}
    for line in lines:
        if line.endswith("\n"):
            name, state = line.split()
            ledger[name] = State(state)
    started = time.monotonic()
    store = SqlStore(f"sqlite:///{path}")
    assert time.monotonic() - started < 5, "start-up after a kill"
    try:
        with store.reading() as transaction:
            found = transaction.bindings(list(ledger))
            assert found.keys() == ledger.keys(), "an acknowledged pass is gone"
            for name, said in ledger.items():
                check_acknowledged(found[name], said)
    finally:
        store.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        halves = raw.execute(
            "SELECT count(*) FROM bindings JOIN addresses USING (pass_id) "
            "WHERE (bindings.state IN ('created', 'google_bound')) != addresses.live"
        ).fetchone()
        assert halves == (0,), "lock and purge did not happen together"
        lost = raw.execute(
            "SELECT count(*) FROM passes LEFT JOIN bindings ON pass_id = passes.id WHERE pass_id IS NULL"
        ).fetchone()
        assert lost == (0,), "a pass was created without its binding"
    raw.close()
    return len(ledger)


def check_acknowledged(there: StoredBinding, said: State) -> None:
    """The state that was acknowledged, or one that its client came to before it could say so."""
    reached = there.status.state
    if said in ORDER and reached in ORDER:
        assert ORDER.index(reached) >= ORDER.index(said)
    else:
        assert reached is said or said is State.CREATED
    assert (there.address is not None) is reached.keeps_email


def killed_rounds(path: Path, rounds: int, clients: int) -> int:
    with opened(path) as context:
        membership(context)
    return sum(killed_round(path, clients, 0.2 + 0.15 * (number % 5)) for number in range(rounds))


def test_ops_01_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    assert killed_rounds(tmp_path / "passes.db", rounds=1, clients=8) > 0


@pytest.mark.long
def test_ops_01_nothing_acknowledged_is_lost_in_sixty_kills(tmp_path: Path) -> None:
    assert killed_rounds(tmp_path / "passes.db", rounds=60, clients=32) > 60


# --- purged is purged ---------------------------------------------------------


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def sealed_and_mask(context: ServiceContext, name: str) -> tuple[bytes, bytes]:
    address = binding(context, name).address
    assert address is not None
    return address.sealed[-48:], address.mask.encode()


def test_eml_09_a_purge_is_finished_by_the_reader_that_was_in_its_way(
    context: ServiceContext, tmp_path: Path
) -> None:
    name = bound_pass(context, membership(context), email="canary@write-ahead.example").pass_.id
    secrets = sealed_and_mask(context, name)
    reader = context.store.reading()
    with reader as transaction:
        transaction.binding(name)
        elsewhere(lambda: begun(context, name))
        assert all(secret in everything(tmp_path) for secret in secrets), (
            "the reader still sees the old state"
        )
        there = transaction.binding(name)
        assert there is not None
        assert there.address is not None
    assert not any(secret in everything(tmp_path) for secret in secrets)


def test_eml_09_a_purge_is_finished_at_the_next_start(tmp_path: Path) -> None:
    """A process that is stopped between the commit and the checkpoint leaves it to the next."""
    path = tmp_path / "passes.db"
    with opened(path) as context:
        name = bound_pass(context, membership(context), email="canary@write-ahead.example").pass_.id
        secrets = sealed_and_mask(context, name)
        context.store._checkpoint = lambda: None  # type: ignore[attr-defined]  # the process that doesn't come to it
        begun(context, name)
        left = everything(tmp_path)
        copy = tmp_path / "copy"
        copy.mkdir()
        for each in list(tmp_path.glob("passes.db*")):
            (copy / each.name).write_bytes(each.read_bytes())
    assert all(secret in left for secret in secrets)
    SqlStore(f"sqlite:///{copy / 'passes.db'}").close()
    assert not any(secret in everything(copy) for secret in secrets)


def elsewhere(deed: Callable[[], object]) -> object:
    """What a deed comes to in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(deed).result()


# --- durable or refused -------------------------------------------------------


def test_ops_13_a_database_that_is_not_durable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of SQLite that takes the setting and doesn't keep it."""
    real = sqlite3.dbapi2.connect

    class Forgetful(sqlite3.Connection):
        def execute(self, statement: str, *given: Any) -> sqlite3.Cursor:
            return super().execute(statement.replace("synchronous=FULL", "synchronous=OFF"), *given)

    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *a, **k: real(*a, **k, factory=Forgetful))
    with pytest.raises(StoreError, match="synchronous=FULL: what it acknowledged could be lost"):
        SqlStore(f"sqlite:///{tmp_path / 'passes.db'}")


def test_ops_13_durability_is_asked_again_with_every_check(context: ServiceContext) -> None:
    context.store.check()

    def forget(raw: Any, _record: object) -> None:
        raw.execute("PRAGMA synchronous=OFF")

    event.listen(engine_of(context), "connect", forget)
    engine_of(context).dispose()
    with pytest.raises(StoreError, match="synchronous=FULL"):
        context.store.check()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/passes",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///passes.db?synchronous=off",
        "mysql://x/y",
        "no url",
        "",
    ],
)
def test_a_url_of_anything_but_a_file_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////folder/passes\.db"):
        SqlStore(url)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/passes\.db: No such file"):
        SqlStore(f"sqlite:///{tmp_path / 'nowhere' / 'passes.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "passes.db"
    path.write_bytes(b"dear diary" * 1000)
    with pytest.raises(StoreError, match="is it damaged"):
        SqlStore(f"sqlite:///{path}")
    assert path.read_bytes() == b"dear diary" * 1000


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "passes.db"):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes
    assert set(modes.values()) == {0o600}, modes


def test_a_writer_that_waits_too_long_is_told_to_come_again(
    context: ServiceContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPS-03: another process holds the write lock; reading goes on."""
    monkeypatch.setitem(sql._PRAGMAS, "busy_timeout", ("20", 20))
    engine_of(context).dispose()  # connections made from here on wait for 20 ms
    other = sqlite3.connect(tmp_path / "passes.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="try again later") as caught, context.store.writing():
        pass
    assert caught.value.__cause__ is None, "what SQLAlchemy says holds statements"
    with context.store.reading() as transaction:
        assert transaction.organisation(ORG) is not None
    other.rollback()
    other.close()
    with context.store.writing() as transaction:
        transaction.put_organisation(Organisation(id="org-2", name="Later"))


def test_writers_of_one_process_queue_and_give_up(
    context: ServiceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "BUSY_TIMEOUT", 0.05)
    with context.store.writing(), pytest.raises(StoreUnavailable, match="others keep writing"):
        elsewhere(context.store.writing().__enter__)


def fill(context: ServiceContext, template: StoredTemplate) -> None:
    for _ in range(200):
        bound_pass(context, template)


def test_ops_04_a_full_disk_is_told_and_got_over(context: ServiceContext, tmp_path: Path) -> None:
    """OPS-04: nothing is half there, reading goes on, and writing does when there is room again."""
    template = membership(context)
    card = bound_pass(context, template)

    def limited(raw: Any, _record: object, pages: int = 0) -> None:
        (used,) = raw.execute("PRAGMA page_count").fetchone()
        raw.execute(f"PRAGMA max_page_count={pages or used}")

    engine = engine_of(context)
    event.listen(engine, "connect", limited)
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="full"):
        fill(context, template)
    with context.store.reading() as transaction:
        assert transaction.pass_(ORG, card.pass_.id) == card.pass_
    event.remove(engine, "connect", limited)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=1000000"))
    engine.dispose()
    made = bound_pass(context, template)
    assert binding(context, made.pass_.id).address is not None
    with sqlite3.connect(tmp_path / "passes.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()


# --- versions of the tables ---------------------------------------------------


def test_ops_07_a_migration_that_is_killed_at_any_step_starts_again(tmp_path: Path) -> None:
    for at in range(1, 200):
        folder = tmp_path / str(at)
        folder.mkdir()
        url = f"sqlite:///{folder / 'passes.db'}"
        countdown = Countdown(at)
        engine = sql._engine(url)
        event.listen(engine, "before_cursor_execute", countdown.tick)
        event.listen(engine, "commit", countdown.tick)
        try:
            migrations.upgrade(engine)
            crashed = False
        except Crash:
            crashed = True
        engine.dispose()
        if not crashed:
            break
        assert tables_in(folder / "passes.db") == set(), f"statement {at}: half of a version is there"
        if at % 7 == 0:
            SqlStore(url).close()  # it starts again, and is whole
            assert "bindings" in tables_in(folder / "passes.db")
    else:
        pytest.fail("the migration never ended")
    assert at > 20, "every table is a statement"


def tables_in(path: Path) -> set[str]:
    raw = sqlite3.connect(path)
    names = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    return names


def test_ops_07_tables_of_a_version_nobody_knows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "passes.db"
    SqlStore(f"sqlite:///{path}").close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(
        StoreError, match="tables of version 9999: use the program that wrote it, or a newer one"
    ):
        SqlStore(f"sqlite:///{path}")


def test_ops_07_a_version_that_changes_under_a_running_service_is_noticed(
    context: ServiceContext, tmp_path: Path
) -> None:
    raw = sqlite3.connect(tmp_path / "passes.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="version 9999"):
        context.store.check()


def test_ops_07_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "passes.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE music (title TEXT)")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="another program"):
        SqlStore(f"sqlite:///{path}")
    assert tables_in(path) == {"music"}


def test_the_newest_migration_makes_the_tables_that_the_store_uses(context: ServiceContext) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from passwright.service.store import sql_tables

    with engine_of(context).connect() as connection:
        migration = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(migration, sql_tables.METADATA) == []


def test_s1_1i_a_database_of_the_first_version_learns_when_its_passes_ended(
    context: ServiceContext, tmp_path: Path
) -> None:
    """Its passes as they were, with the time of the last change for those that ended."""
    template = membership(context)
    made = {name: bound_pass(context, template).pass_.id for name in ("issued", "deactivated", "nullified")}
    later = AT + timedelta(hours=1)
    passes.update(context, ORG, made["deactivated"], passes.PassChanges(status="deactivate"), at=later)
    passes.nullify(context, ORG, made["nullified"], at=later)
    with context.store.reading() as transaction:
        before = {name: transaction.pass_(ORG, each) for name, each in made.items()}
    context.store.close()
    with closing(sqlite3.connect(tmp_path / "passes.db")) as raw, raw:
        for name in ("deactivated_at", "nullified_at"):
            raw.execute(f"ALTER TABLE passes DROP COLUMN {name}")
        raw.execute("UPDATE alembic_version SET version_num = '0001'")

    with closing(SqlStore(f"sqlite:///{tmp_path / 'passes.db'}")) as store, store.reading() as transaction:
        after = {name: transaction.pass_(ORG, each) for name, each in made.items()}
    assert after == before
    assert [each and each.nullified_at for each in after.values()] == [None, None, later]
    assert [each and each.deactivated_at for each in after.values()] == [None, later, None]


# --- copies -------------------------------------------------------------------


def test_ops_08_a_backup_taken_while_writing_is_whole_and_holds_no_keys(
    context: ServiceContext, tmp_path: Path
) -> None:
    template, stop = membership(context), threading.Event()
    bound_pass(context, template)

    def write() -> None:
        while not stop.is_set():
            begun(context, bound_pass(context, template).pass_.id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        source, target = sqlite3.connect(tmp_path / "passes.db"), sqlite3.connect(tmp_path / "backup.db")
        source.backup(target, pages=4, sleep=0.01)
        assert target.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for each in (source, target):
            each.close()
    finally:
        stop.set()
        writer.join()
    copy = (tmp_path / "backup.db").read_bytes()
    assert not any(key in copy for key in (*KEYS.keys.values(), KEYS.hashing))
    with opened_again(tmp_path / "backup.db") as restored:
        found, total = passes.list_passes(restored, ORG, PassFilter(), Page(), bindings=True)
        assert total
        for shown in found:
            assert shown.binding is not None
            assert (shown.mask is not None) is shown.binding.state.keeps_email


@contextmanager
def opened_again(path: Path) -> Iterator[ServiceContext]:
    store = SqlStore(f"sqlite:///{path}")
    try:
        yield desk_of(store)
    finally:
        store.close()


# --- pages --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "size"), [(0, 10), (-1, 10), (1, 0), (1, MAX_PAGE + 1), (MAX_PAGE_NUMBER + 1, 1), (10**30, 1)]
)
def test_api_06_pages_are_bounded(number: int, size: int) -> None:
    with pytest.raises(ValueError, match="there are pages 1 to"):
        Page(number, size)
