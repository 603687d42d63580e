"""Runs a batch: rows go out in chunks, results come back in order, and are recorded."""

from __future__ import annotations

import pickle
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from passwright.batch.outputs import Discard
from passwright.batch.pass_maker import PassMaker, RowResult
from passwright.batch.rows import SERIAL, BadRow
from passwright.errors import BatchRejected, PassRejected
from passwright.report import Report, error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from passwright.batch.ledger import Ledger
    from passwright.batch.outputs import Links, Output
    from passwright.batch.rows import Row

    Numbered: TypeAlias = tuple[int, Row]

__all__ = ["Progress", "Summary", "package"]

# A chunk has as many rows as a worker makes in this time, with any signer: long beside the cost of handing
# a chunk over, and short for people who watch or interrupt the run. The first chunk is small, to measure
# that.
CHUNK_SECONDS = 0.1
FIRST_CHUNK = 16
CHUNK = 256
# Bytes that come back from a worker wait in memory to be written.
CHUNK_BYTES = 12 * 2**20
# Portions under way for each worker: one is made, one waits.
AHEAD = 2
# A kill costs the work since the last checkpoint; a checkpoint costs a wait for the disk.
CHECKPOINT_SECONDS = 2.0
CHECKPOINT_PASSES = 2000
# Without a ledger the summary keeps the first of them.
MAX_REFUSED = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: rows read, passes made, rejected, and found in the ledger; bytes and seconds."""

    rows: int = 0
    made: int = 0
    refused: int = 0
    skipped: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Passes a second, refused ones included."""
        return (self.made + self.refused) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a batch: the last progress, and the first hundred rejected rows."""

    progress: Progress
    refused: tuple[RowResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Every row became a pass."""
        return not self.progress.refused


def package(
    maker: PassMaker | Callable[[], PassMaker],
    rows: Iterable[Row],
    out: Output | None = None,
    *,
    links: Links | None = None,
    ledger: Ledger | None = None,
    jobs: int = 1,
    executor: Executor | None = None,
    stop_on_rejection: bool = False,
    progress: Callable[[Progress], object] | None = None,
) -> Summary:
    """Makes a pass of every row and hands it to `out`, in the order of the rows.

    `maker` is a `PassMaker` for threads of this process, or a function that makes one
    for any executor: it is pickled, and called once in each process, so keys are
    loaded where they are used. `jobs` threads make passes, default one, while
    this one reads rows and writes; `executor` takes their place, with `jobs`
    chunks at once. `ledger` is needed for archives and for going on after a
    stop: a run with the ledger of an earlier one makes what is not made yet.
    `links` collects save links. `progress` is called after each chunk.

    A row that can't become a pass is refused and the run goes on, unless
    `stop_on_rejection`.

    Raises:
        BatchRejected: the columns don't fit the template.
        PassRejected: a row was refused and `stop_on_rejection` says to stop there; all
            rows before it are safe.
        SigningError: nobody can sign; all rows before are safe.
        LedgerError: the ledger belongs to another batch.
        ValueError: an archive or a list of links without a ledger.
        OSError: the output can't be written.
    """
    out = out or Discard()
    if ledger is None and (out.needs_ledger or links is not None):
        raise ValueError(
            f"{(links or out).name} needs a ledger, which knows what it holds: ledger=Ledger(...)"
        )
    run = _Run(out, links, ledger, stop_on_rejection=stop_on_rejection, progress=progress)
    numbered = enumerate(rows, start=1)
    # Before anything is opened: a file of rows that can't be read leaves nothing behind.
    first = list(islice(numbered, 1))
    if isinstance(maker, PassMaker):
        _check_columns(first, maker)
    with ExitStack() as stack:
        stack.callback(run.close)
        run.begin()
        if executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(jobs, thread_name_prefix="passwright"))
        how = maker if isinstance(maker, PassMaker) else pickle.dumps(maker)
        waiting: deque[tuple[list[RowResult], Future[_Chunk] | None]] = deque()
        try:
            for chunk_rows, known in run.chunks(chain(first, numbered)):
                future = executor.submit(_make_chunk, how, out, chunk_rows) if chunk_rows else None
                waiting.append((known, future))
                if len(waiting) > jobs * AHEAD:
                    run.collect(*waiting.popleft())
            while waiting:
                run.collect(*waiting.popleft())
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()
            run.checkpoint()
        run.finish()
    return Summary(run.progress, tuple(run.refused))


def _check_columns(first: list[Numbered], maker: PassMaker) -> None:
    """A column that no pass can have is found at the first row, not at each."""
    for _, row in first:
        if not isinstance(row, BadRow) and (found := maker.check_columns(row)):
            raise BatchRejected(Report.from_findings(found))


class _Chunk(NamedTuple):
    """The results of a chunk of rows, the time, and the maker's fingerprint."""

    job: str
    at: str
    made: list[RowResult]
    seconds: float


def _make_chunk(how: PassMaker | bytes, out: Output, chunk_rows: list[Numbered]) -> _Chunk:
    """Makes a chunk, in this process or another; bytes that the output takes there stay there."""
    maker = how if isinstance(how, PassMaker) else _load_maker(how)
    made, began = [], monotonic()
    for each in maker.make_all(chunk_rows):
        if each.pkpass is not None:
            if out.needs_crc:
                # Here, where many work, and not where all passes come together.
                each.crc = zlib.crc32(each.pkpass)
            if out.put(f"{each.serial}.pkpass", each.pkpass):
                each.pkpass = None
        made.append(each)
    return _Chunk(maker.fingerprint, maker.at.isoformat(), made, monotonic() - began)


@lru_cache(maxsize=8)
def _load_maker(how: bytes) -> PassMaker:
    """Returns the maker of this process, cached from chunk to chunk."""
    make: Callable[[], PassMaker] = pickle.loads(how)  # noqa: S301 -- pickled by `package`, a few lines above
    return make()


class _Run:
    """The state of a run in the one process that has the output."""

    def __init__(
        self,
        out: Output,
        links: Links | None,
        ledger: Ledger | None,
        *,
        stop_on_rejection: bool,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self._out, self._links, self._ledger = out, links, ledger
        self._stop, self._report_progress = stop_on_rejection, progress
        self._began = self._checkpoint_at = monotonic()
        self._unrecorded: list[tuple[RowResult, int]] = []
        self._rows = self._skipped = self._done = self._bytes = self._rejected_count = 0
        self._chunk_size = FIRST_CHUNK
        self.refused: list[RowResult] = []

    @property
    def progress(self) -> Progress:
        return Progress(
            rows=self._rows,
            made=self._done,
            refused=self._rejected_count,
            skipped=self._skipped,
            bytes=self._bytes,
            seconds=monotonic() - self._began,
        )

    def begin(self) -> None:
        ledger = self._ledger
        goes_on = ledger is not None and ledger.has_begun
        self._out.begin(ledger.position if ledger and goes_on else None)
        if self._links is not None:
            self._links.begin(ledger.links_position if ledger and goes_on else None)
        if ledger is not None:
            ledger.begin()

    def chunks(self, numbered: Iterator[Numbered]) -> Iterator[tuple[list[Numbered], list[RowResult]]]:
        """Rows to make, and with them those whose fate is known: refused without being made."""
        while taken := list(islice(numbered, self._chunk_size)):
            chunk_rows, known = [], []
            for number, row in taken:
                serial = None if isinstance(row, BadRow) else row.get(SERIAL)
                claim: object = "new"
                if self._ledger is not None and isinstance(serial, str):
                    claim = self._ledger.claim(serial, number)
                if claim == "new":
                    chunk_rows.append((number, row))
                elif claim == "made":
                    self._skipped += 1
                else:
                    message = f"row {claim} has the same serial number, perhaps but for case"
                    found = error("duplicate-serial", f"row {number}", message, "give each pass its own")
                    known.append(RowResult(number, str(serial), findings=(found,)))
            self._rows += len(taken)
            yield chunk_rows, known

    def collect(self, known: list[RowResult], future: Future[_Chunk] | None) -> None:
        """Takes what came back, in the order of the rows."""
        done = known
        if future is not None:
            job, at, made, seconds = future.result()
            if self._ledger is not None:
                self._ledger.check(job, at=at)
            self._adapt_chunk_size(made, seconds)
            done = sorted((*known, *made), key=lambda each: each.number) if known else made
        for each in done:
            if each.ok:
                self._add_pass(each)
            else:
                self._add_rejection(each)
        now = monotonic()
        if len(self._unrecorded) >= CHECKPOINT_PASSES or now - self._checkpoint_at > CHECKPOINT_SECONDS:
            self.checkpoint()
            self._checkpoint_at = now
        if self._report_progress is not None:
            self._report_progress(self.progress)

    def _adapt_chunk_size(self, made: list[RowResult], seconds: float) -> None:
        """Adapts the number of rows of the next chunks to the time that this one took."""
        weight = sum(len(each.pkpass) for each in made if each.pkpass is not None)
        fitting = len(made) * min(CHUNK_SECONDS / max(seconds, 1e-6), CHUNK_BYTES / max(weight, 1))
        self._chunk_size = max(1, min(round(fitting), 2 * self._chunk_size, CHUNK))

    def _add_pass(self, made: RowResult) -> None:
        begins = 0
        if made.pkpass is not None:
            begins = self._out.add(f"{made.serial}.pkpass", made.pkpass, made.crc)
            made.pkpass = None
        if self._links is not None and made.link is not None:
            self._links.write(made.serial, made.link)
            made.link = None
        if self._ledger is not None:
            self._unrecorded.append((made, begins))
        self._done += 1
        self._bytes += made.size

    def _add_rejection(self, made: RowResult) -> None:
        self._rejected_count += 1
        if len(self.refused) < MAX_REFUSED:
            self.refused.append(made)
        if self._ledger is not None:
            self._unrecorded.append((made, 0))
        if self._stop:
            raise PassRejected(Report.from_findings(made.findings))

    def checkpoint(self) -> None:
        """Makes everything so far durable: first in the output, then in the ledger."""
        self._out.checkpoint(f"{made.serial}.pkpass" for made, _ in self._unrecorded if made.ok and made.size)
        if self._links is not None:
            self._links.checkpoint(())
        if self._ledger is not None:
            links = self._links.position if self._links is not None else 0
            self._ledger.record(self._unrecorded, position=self._out.position, links=links)
        self._unrecorded = []

    def finish(self) -> None:
        if self._ledger is not None:
            self._out.finish(self._ledger.entries(), self._ledger.count())
        if self._links is not None:
            self._links.finish((), 0)

    def close(self) -> None:
        self._out.close()
        if self._links is not None:
            self._links.close()
