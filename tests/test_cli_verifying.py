"""`verify` as a process of its own: stopped, watched, and with a process taken from it."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.run_cli import TEMPLATE, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60
JOBS = ["1", "4"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two passes, one that nobody ever finishes writing, and one more."""
    run("build", TEMPLATE, "--serial", "M-1", "--example", "--out", str(tmp_path / "a.pkpass"))
    for name in ("b", "d"):
        (tmp_path / f"{name}.pkpass").write_bytes((tmp_path / "a.pkpass").read_bytes())
    os.mkfifo(tmp_path / "c.pkpass")
    return tmp_path


@contextmanager
def stuck(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command after it has told two verdicts, while it reads the third file."""
    paths = [str(folder / f"{name}.pkpass") for name in "abcd"]
    command = [sys.executable, "-m", "passwright", "verify", *paths, "--example", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            for name in "ab":
                while f"{name}.pkpass: ok" not in (line := process.stdout.readline()):
                    assert line, process.communicate()[1]
            writer = opened(folder / "c.pkpass", process)
            yield process
            os.close(writer)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def opened(fifo: Path, process: subprocess.Popen[str]) -> int:
    """The other end of what the command reads, once it does."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as exc:
            if exc.errno != errno.ENXIO:
                raise
            time.sleep(0.01)
    raise AssertionError("nobody reads the third file")


@pytest.mark.parametrize("jobs", JOBS)
def test_who_stops_it_is_told_how_far_it_came(folder: Path, jobs: str) -> None:
    """Ctrl-C reaches every process of the group; none of them outlives the command, one speaks."""
    with stuck(folder, "--jobs", jobs) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert (said, process.returncode) == ("passwright: stopped: 2 of 4 files were judged\n", 2)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_process_that_is_killed_ends_the_command_with_a_sentence(folder: Path) -> None:
    """As the kernel does where memory runs out."""
    with stuck(folder, "--jobs", "4") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 4
        os.kill(int(children[0]), signal.SIGKILL)
        _, said = process.communicate(timeout=SECONDS)
    assert "was killed, or had no memory left: 2 of 4 files were judged; --jobs 1" in said
    assert "Traceback" not in said
    assert process.returncode == 2


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize(
    ("options", "names", "shown"), [((), "abd", True), (("--json",), "abd", False), ((), "a", False)]
)
def test_a_bar_shows_on_a_terminal_how_far_it_is(
    folder: Path, jobs: str, options: tuple[str, ...], names: str, *, shown: bool
) -> None:
    """And on standard error alone, where nothing of it stays behind a verdict."""
    paths = [str(folder / f"{name}.pkpass") for name in names]
    terminal, end = os.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "passwright", "verify", *paths, "--example", "--jobs", jobs, *options],
        stdout=subprocess.PIPE, stderr=end, text=True, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(end)
    drawn = b""
    # Reading a terminal that nobody has open any more is an error on Linux.
    try:
        while piece := os.read(terminal, 4096):
            drawn += piece
    except OSError as exc:
        if exc.errno != errno.EIO:
            raise
    os.close(terminal)
    out, _ = done.communicate(timeout=SECONDS)
    assert done.returncode == 0
    assert (b"judging" in drawn) is shown
    assert "judging" not in out
    assert len(re.findall(r"\.pkpass: ok$|\"ok\": true", out, re.MULTILINE)) == len(names)
