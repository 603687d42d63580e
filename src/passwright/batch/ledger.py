"""The ledger of a batch: a small database beside its output.

A pass stands in the ledger once it is safe in the output, and not before. After
a run that was killed, what the output holds beyond its ledger is cut off or
written again: in the end every pass is there once, and whole.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from passwright.batch.outputs import Entry
from passwright.errors import LedgerError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.batch.pass_maker import RowResult

__all__ = ["Ledger"]

_VERSION = "1"
# Serial numbers name files, and some file systems do not tell `a` from `A`.
_SCHEMA = """
create table job (key text primary key, value text not null) without rowid;
create table pass (
    serial text primary key collate nocase,
    row integer not null,
    run integer not null,
    begins integer, size integer, crc integer
) without rowid;
create table refused (row integer primary key, serial text not null, findings text not null);
create table required (type text, id text, resource text not null, primary key (type, id)) without rowid;
"""


class Ledger:
    """The ledger in the file `path`, made if it is not there.

    `run` counts how often the batch was begun, from 1.

    Raises: LedgerError: the file is not a ledger, of another version, or in use.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.run = 0
        self._connection: sqlite3.Connection | None = None
        # A file without a table is what a run leaves that was killed as it began.
        if self.path.exists() and self._open():
            if self._get("version") != _VERSION:
                self.close()
                raise LedgerError(f"{self.path} is the ledger of another version of Passwright")
            self.run = int(self._get("run") or 0)

    def _open(self) -> bool:
        """Opens the file for this process alone, and answers whether it is a ledger already."""
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            # A second run of the same batch is refused at once, not in the middle.
            self._database.execute("pragma locking_mode = exclusive")
            self._database.execute("pragma synchronous = full")
            self._database.execute("begin immediate")
            found = self._database.execute("select 1 from sqlite_schema where name = 'job'").fetchone()
        except sqlite3.DatabaseError as exc:
            self.close()
            if "locked" in str(exc):
                raise LedgerError(f"{self.path} is in use: another run of this batch goes on") from exc
            raise LedgerError(f"{self.path} is not a ledger") from exc
        return found is not None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("the ledger is not open: begin() comes first, and nothing after close()")
        return self._connection

    # --- the job ---

    @property
    def has_begun(self) -> bool:
        """A run was begun before."""
        return self.run > 0

    @property
    def position(self) -> int:
        """The number of bytes of the output that the ledger knows."""
        return int(self._get("position") or 0)

    @property
    def links_position(self) -> int:
        """The number of bytes of the list of links that the ledger knows."""
        return int(self._get("links") or 0)

    @property
    def at(self) -> str | None:
        """When the passes of this batch are signed, ISO 8601; None before the first run."""
        return self._get("at") if self.run else None

    def begin(self) -> None:
        """Begins a run; what an earlier one refused is forgotten, since its rows come again.

        Raises:
            OSError: the file can't be made.
        """
        if self.run == 0:
            if self._connection is None:
                self.path.touch()
                self._open()
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._set(version=_VERSION)
        self.run += 1
        self._set(run=str(self.run))
        self._database.execute("delete from refused")
        self._commit()

    def check(self, job: str, *, at: str) -> None:
        """Says what the runs are for: the fingerprint of the job, and when its passes are signed.

        Raises:
            LedgerError: an earlier run was for another job.
        """
        known = self._get("job")
        if known is None:
            self._set(job=job, at=at)
        elif known != job:
            raise LedgerError(
                f"{self.path} belongs to another batch: the template, the keys or what is made have changed "
                "since; go on with what they were, or begin anew with another output"
            )

    def _commit(self) -> None:
        self._database.execute("commit")
        self._database.execute("begin immediate")

    def _get(self, key: str) -> str | None:
        found = self._database.execute("select value from job where key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def _set(self, **values: str) -> None:
        self._database.executemany("insert or replace into job values (?, ?)", values.items())

    # --- passes ---

    def claim(self, serial: str, row: int) -> Literal["new", "made"] | int:
        """Takes a serial number for a row: `new`, `made` by an earlier run, or else the row that has it."""
        query = "select row, run, begins from pass where serial = ?"
        found = self._database.execute(query, (serial,)).fetchone()
        if found is None:
            self._database.execute(
                "insert into pass (serial, row, run) values (?, ?, ?)", (serial, row, self.run)
            )
            return "new"
        other, run, begins = found
        if run == self.run:
            return int(other)
        if begins is not None:
            return "made"
        self._database.execute(
            "update pass set serial = ?, row = ?, run = ? where serial = ?", (serial, row, self.run, serial)
        )
        return "new"

    def record(self, made: Iterable[tuple[RowResult, int]], *, position: int, links: int) -> None:
        """Writes down what is safe in the output: passes, each with where it begins, and refusals.

        Returns when the ledger itself would survive a power failure.
        """
        done, refused, required = [], [], []
        for each, begins in made:
            if each.ok:
                done.append((begins, each.size, each.crc, each.serial))
                required += [(type_, _row_id(text), text) for type_, text in each.requires.items()]
            else:
                found = json.dumps([finding.as_dict() for finding in each.findings], ensure_ascii=False)
                refused.append((each.number, each.serial, found))
        base = self._database
        base.executemany("update pass set begins = ?, size = ?, crc = ? where serial = ?", done)
        base.executemany("insert or replace into refused values (?, ?, ?)", refused)
        base.executemany("insert or ignore into required values (?, ?, ?)", required)
        self._set(position=str(position), links=str(links))
        self._commit()

    def count(self) -> int:
        """The number of passes in the output."""
        return int(self._database.execute("select count(*) from pass where begins is not null").fetchone()[0])

    def entries(self) -> Iterator[Entry]:
        """Yields the entries of the output, in the order in which they were written."""
        query = "select serial, begins, size, crc from pass where begins is not null order by begins, serial"
        for serial, begins, size, crc in self._database.execute(query):
            yield Entry(f"{serial}.pkpass", begins, size, crc)

    def rejected_rows(self) -> Iterator[Mapping[str, object]]:
        """The rows that the last run refused: `row`, `serial` and `findings`."""
        for row, serial, findings in self._database.execute("select * from refused order by row"):
            yield {"row": row, "serial": serial, "findings": json.loads(findings)}

    def required_resources(self) -> Iterator[tuple[str, str]]:
        """Yields the resources to insert at Google before the links work: resource name and JSON text, each
        once.
        """
        yield from self._database.execute("select type, resource from required order by type, id")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; changes that were not recorded are discarded."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _row_id(resource: str) -> str:
    return str(json.loads(resource).get("id"))
