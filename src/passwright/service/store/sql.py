"""The store in a SQL database: SQLite for one machine, written so that PostgreSQL needs only a URL.

A purge has to leave nothing behind. SQLite moves rows about when pages fill up
or run empty, and what it moves may stay readable at the old place even with
`secure_delete`: of 4,000 ordinary rows that were set to NULL a few dozen did. So
an address lives in a slot: in rows that are only ever appended, and overwritten
by as many bytes, which SQLite does in place. A purge overwrites the slot with
zeros in the transaction of the lock; a checkpoint that truncates the
write-ahead log follows at once, or as soon as no reader is in its way.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from passwright.errors import StoreError, StoreUnavailable
from passwright.service.store import migrations
from passwright.service.store.sql_transaction import SqlTransaction, failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

__all__ = ["SqlStore"]

# How long a writer waits for another one, in seconds: far longer than any step takes.
BUSY_TIMEOUT = 5.0


class SqlStore:
    """A `Store` in the database of a URL such as `sqlite:////var/lib/passwright/passes.db`.

    Opening checks that the database is durable, brings its tables up to date,
    and finishes the purges of a process that was stopped. A new file is readable
    by its owner only.

    Raises:
        StoreError: the database can't be used as it is, and why.
        StoreUnavailable: it can't be reached.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        # SQLite lets waiting writers poll; here they queue. Other processes are waited for by SQLite.
        self._writer = threading.Lock()
        self._owes_checkpoint = True
        with ExitStack() as undo:
            undo.callback(self._engine.dispose)
            with failures():
                migrations.upgrade(self._engine)
                self._checkpoint()
            undo.pop_all()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """See `Store.reading`."""
        with failures(), self._engine.connect() as connection:
            connection.execution_options(reading=True)
            with connection.begin():
                yield SqlTransaction(connection)
        # A checkpoint that this reader was in the way of.
        if self._owes_checkpoint and self._writer.acquire(blocking=False):
            try:
                with failures():
                    self._checkpoint()
            finally:
                self._writer.release()

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """See `Store.writing`."""
        if not self._writer.acquire(timeout=BUSY_TIMEOUT):
            raise StoreUnavailable("others keep writing: try again later")
        try:
            with failures(), self._engine.connect() as connection:
                with connection.begin():
                    transaction = SqlTransaction(connection)
                    yield transaction
                self._owes_checkpoint |= transaction.purged
            with suppress(StoreError), failures():  # what was written is written: this is owed further
                self._checkpoint()
        finally:
            self._writer.release()

    def check(self) -> None:
        """See `Store.check`."""
        with failures(), self._engine.connect() as connection:
            connection.execution_options(reading=True)
            migrations.check(connection)
            _check_durable(connection.connection.driver_connection)

    def close(self) -> None:
        """See `Store.close`."""
        with suppress(StoreError), failures():  # the next start does it
            self._checkpoint()
        self._engine.dispose()

    def _checkpoint(self) -> None:
        """Moves the write-ahead log into the database and empties it, if a purge asks for it.

        Waits for nobody: a reader that is in the way does it when it is done.
        """
        if not self._owes_checkpoint:
            return
        with self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA busy_timeout=0").fetchall()
            try:
                busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError:
                busy = True
            finally:
                raw.execute(f"PRAGMA busy_timeout={_PRAGMAS['busy_timeout'][0]}").fetchall()
        self._owes_checkpoint = bool(busy)


def _engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        raise StoreError("this is not the URL of a database: sqlite:////folder/passes.db") from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError("only SQLite is supported so far: sqlite:////folder/passes.db")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StoreError("the database has to be a file, without options: sqlite:////folder/passes.db")
    _make_private(parsed.database)
    engine = sa.create_engine(parsed, pool_timeout=BUSY_TIMEOUT)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(path: str) -> None:
    """Makes a missing file before SQLite does, which would let others read it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise StoreError(f"the database can't be opened: {path}: {exc.strerror}") from exc


# Settings that make SQLite durable, and that erase deleted data. SQLite, "PRAGMA Statements"; synchronous 2
# is FULL.
_PRAGMAS = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "secure_delete": ("ON", 1),
    "foreign_keys": ("ON", 1),
    "temp_store": ("MEMORY", 2),
    "busy_timeout": (str(int(BUSY_TIMEOUT * 1000)), int(BUSY_TIMEOUT * 1000)),
}


def _prepare(raw: Any, _record: object) -> None:
    # No pool knows the connection yet: where it can't be used, nobody else would close it.
    with ExitStack() as undo:
        undo.callback(raw.close)
        raw.isolation_level = None  # `_begin` says when a transaction begins
        for name, (value, _) in _PRAGMAS.items():
            raw.execute(f"PRAGMA {name}={value}").fetchall()
        _check_durable(raw)
        undo.pop_all()


def _check_durable(raw: Any) -> None:
    for name, (value, expected) in _PRAGMAS.items():
        (found,) = raw.execute(f"PRAGMA {name}").fetchone()
        if found != expected:
            message = "what it acknowledged could be lost, or what was purged could stay"
            raise StoreError(f"the database refuses {name}={value}: {message}")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only={int(reading)}")
    # A writer takes its place at once: one that read first could find itself overtaken.
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
