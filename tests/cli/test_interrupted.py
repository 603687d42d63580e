"""Commands as processes of their own: stopped, watched, and with a process taken from them."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.run_cli import TEMPLATE, certs, names, run

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


def test_processes_of_others_survive_when_it_is_stopped(folder: Path) -> None:
    """As where a program with children of its own runs the command."""
    assert threading.current_thread() is threading.main_thread(), "no other thread is interrupted"
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(SECONDS,))
    child.start()
    done = threading.Event()

    def interrupt() -> None:
        with (folder / "c.pkpass").open("wb"):  # as soon as it is read
            os.kill(os.getpid(), signal.SIGINT)
            done.wait(SECONDS)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        result = run("verify", *(str(folder / f"{name}.pkpass") for name in "abcd"), "--jobs", "4")
        assert result.exit_code == 2
        assert re.search("stopped: [012] of 4 files were judged", result.stderr)
        assert multiprocessing.active_children() == [child]
    finally:
        done.set()
        interrupting.join()
        child.terminate()
        child.join()


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


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("keys", ["pass", "pass-ec"])
def test_a_batch_that_is_stopped_says_how_to_go_on(tmp_path: Path, jobs: str, keys: str) -> None:
    """Threads for RSA, processes for EC: none of them has anything to say, and nothing is lost."""
    rows, out, kept = tmp_path / "rows.csv", tmp_path / "passes", certs(tmp_path)
    os.mkfifo(rows)
    given = {"--cert": f"{keys}.pem", "--key": f"{keys}.key", "--intermediate": "wwdr.pem"}
    signs = [word for option, name in given.items() for word in (option, str(kept / name))]
    command = ["batch", TEMPLATE, str(rows), "--out", str(out), "--jobs", jobs, *signs]
    with subprocess.Popen(
        [sys.executable, "-m", "passwright", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            writer = opened(rows, process)
            os.write(writer, b"serial,fullName\nM-1,Jane\nM-2,John\n")
            os.killpg(process.pid, signal.SIGINT)
            os.close(writer)
            _, said = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert (said, process.returncode) == (
        "passwright: stopped: the same command with --resume makes the rest\n", 2,
    )  # fmt: skip
    rows.unlink()
    rows.write_text("serial,fullName\nM-1,Jane\nM-2,John\n")
    assert run(*command, "--resume").exit_code == 0
    assert names(out) == ["M-1.pkpass", "M-2.pkpass"]


def test_every_command_that_is_stopped_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pass.json")
    with subprocess.Popen(
        [sys.executable, "-m", "passwright", "check", str(tmp_path / "pass.json"), "--as", "pass.json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        writer = opened(tmp_path / "pass.json", process)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=SECONDS)
        os.close(writer)
    assert (out, said, process.returncode) == ("", "passwright: stopped\n", 2)
