"""`verify`: files and folders of passes, judged one after the other or by several processes at once.

A process caches what certificates prove for all the files it verifies. Results are printed in the order of
the files. A command that is interrupted reports how far it got.
"""

from __future__ import annotations

import json
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from multiprocessing import active_children
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from passwright.apple.container.limits import PASS_LIMITS
from passwright.cli import files, json_output, options, output, verify_explain
from passwright.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from passwright.apple.trust.anchors import Trust
    from passwright.apple.verification.verifier import Verifier

__all__ = ["verify"]

# The result of one file: the exit code and the text to print, or why the file can't be read.
_FileResult = tuple[int, str] | OSError


@dataclass(frozen=True)
class _Options:
    """The options of a verification; `width` is that of the terminal, None without one."""

    trust: Trust
    at: datetime
    as_json: bool
    explain: bool
    width: int | None


def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|DIR...",
            help="The .pkpass files to verify; for a folder, all files in it and below.",
            show_default=False,
        ),
    ],
    *,
    root: options.Roots = None,
    example: options.TrustExample = False,
    at: options.At = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Explain each step: its checks, its result, and its limits.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, metavar="N", help="The number of parallel processes.")
    ] = 1,
    as_json: options.Json = False,
) -> int:
    """Verify .pkpass files in five steps: container, manifest, signature, chain, content."""
    trust = options.trust(root or [], example=example)
    moment = options.moment("--at", at) or datetime.now(UTC)
    out = output.console()
    how = _Options(trust, moment, as_json, explain, out.width if out.is_terminal else None)
    code = told = 0
    found = list(_passes(paths))
    try:
        with _verify_files(found, how, jobs) as judged:
            for results in _with_progress(judged, len(found), is_wanted=not as_json):
                told += 1
                if isinstance(results, OSError):
                    # The others are judged all the same.
                    output.print_error(results)
                    code = 2
                else:
                    code = max(code, results[0])
                    sys.stdout.write(results[1])
    except KeyboardInterrupt:
        raise Interrupted(f"stopped: {told} of {len(found)} files were judged") from None
    except BrokenProcessPool:
        reason = "a process that judges files was killed, or had no memory left"
        output.print_failure(
            f"{reason}: {told} of {len(found)} files were judged; --jobs 1 judges them one by one"
        )
        return 2
    return code


def _passes(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(each for each in path.rglob("*.pkpass") if each.is_file())
        if not inside:
            raise UsageError(f"{path}: there is no .pkpass in this folder, or below it")
        yield from inside


@contextmanager
def _verify_files(paths: Sequence[Path], how: _Options, jobs: int) -> Iterator[Iterator[_FileResult]]:
    """Yields the result of each file, in order, by this number of processes."""
    judge = partial(_verify_file, how)
    if jobs == 1 or len(paths) == 1:
        yield map(judge, paths)
        return
    others = set(active_children())
    with ProcessPoolExecutor(min(jobs, len(paths)), initializer=_ignore_interrupts) as pool:
        try:
            # The processes start here, before any thread does: a fork beside one may hang.
            yield pool.map(judge, paths, chunksize=min(16, -(-len(paths) // jobs)))
        except BaseException:  # an interrupted command does not wait for results that it will not print
            for child in set(active_children()) - others:
                child.terminate()
            raise


def _ignore_interrupts() -> None:
    # The keys that interrupt a command reach all its processes; one of them reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _verify_file(how: _Options, path: Path) -> _FileResult:
    try:
        data = files.read(path, PASS_LIMITS.archive_bytes)
    except OSError as exc:
        return exc
    judged = _verifier(how.trust).verify(data, at=how.at)
    code = 0 if judged.ok else 1
    if how.as_json:
        return code, f"{json.dumps(json_output.verification(str(path), judged), default=str)}\n"
    out = output.console(width=how.width, terminal=how.width is not None)
    with out.capture() as captured:
        output.print_verification(str(path), judged, on=out)
        if how.explain:
            verify_explain.steps(judged, on=out)
    return code, captured.get()


@lru_cache(maxsize=1)
def _verifier(trust: Trust) -> Verifier:
    """The verifier of this process, with its caches: each file brings an equal copy of the trust."""
    from passwright.apple.verification.verifier import Verifier

    return Verifier(trust)


def _with_progress(results: Iterable[_FileResult], total: int, *, is_wanted: bool) -> Iterator[_FileResult]:
    """Yields the results, with a progress bar on standard error if that is a terminal."""
    from rich.progress import Progress

    err = output.console(err=True)
    if not is_wanted or not err.is_terminal or total == 1:
        yield from results
        return
    with Progress(console=err, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("judging", total=total)
        for each in results:
            # Text printed now would stand in the middle of the bar.
            bar.stop()
            yield each
            bar.start()
            bar.advance(task)
