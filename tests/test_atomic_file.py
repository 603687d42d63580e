"""Tests of passwright.atomic_file: files are written completely or not at all."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from passwright import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = re.compile(r"\.card\.pkpass\.passwright-[0-9a-f]{16}\.tmp")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "card.pkpass"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize(
    "data",
    [b"new", bytearray(b"new"), memoryview(b"new"), [b"ne", b"", b"w"], (chunk for chunk in (b"n", b"ew"))],
)
def test_a_file_is_created_or_replaced(target: Path, data: bytes) -> None:
    target.write_bytes(b"the old and longer one")

    atomic_file.write(target, data)

    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["card.pkpass"]


def test_a_path_may_be_text_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    atomic_file.write("card.pkpass", b"new")

    assert (tmp_path / "card.pkpass").read_bytes() == b"new"


def test_a_name_as_long_as_file_systems_allow_works(tmp_path: Path) -> None:
    longest = tmp_path / ("é" * 127)

    atomic_file.write(longest, b"new")

    assert names(tmp_path) == [longest.name]


WRITER = """
import sys
from passwright import atomic_file
old, new = (bytes([n]) * 2_000_000 for n in (1, 2))
print("ready", flush=True)
while True:
    for data in (old, new):
        atomic_file.write(sys.argv[1], [data[:1_000_000], data[1_000_000:]])
"""


def kill_a_writer(target: Path, *, after: float) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after)
        process.send_signal(signal.SIGKILL)


def check_rounds(target: Path, rounds: int) -> None:
    for number in range(rounds):
        # The delays are spread over several writes of some milliseconds each.
        kill_a_writer(target, after=0.02 + 0.0017 * (number % 50))
        content = target.read_bytes()
        assert content in (b"\1" * 2_000_000, b"\2" * 2_000_000)
    left = [name for name in names(target.parent) if name != target.name]
    assert all(map(TEMPORARY.fullmatch, left))


def test_fil_01_a_writer_killed_at_any_moment_leaves_a_complete_file(target: Path) -> None:
    atomic_file.write(target, b"\1" * 2_000_000)

    check_rounds(target, 25)


@pytest.mark.long
def test_fil_01_a_thousand_killed_writers_leave_a_complete_file(target: Path) -> None:
    atomic_file.write(target, b"\1" * 2_000_000)

    check_rounds(target, 1_000)


def test_fil_02_the_data_is_synced_before_and_the_folder_after_the_rename(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def traced_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append(f"fsync {'folder' if is_folder else os.fstat(descriptor).st_size}")
        fsync(descriptor)

    def traced_replace(source: Path, target: Path) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "replace", traced_replace)
    atomic_file.write(target, b"12345")

    assert steps == ["fsync 5", "rename", "fsync folder"]


def test_a_system_that_can_not_sync_folders_still_writes(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_DIRECTORY")

    atomic_file.write(target, b"new")

    assert target.read_bytes() == b"new"


def fails(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_only_the_old_file(
    target: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    target.write_bytes(b"old")
    monkeypatch.setattr(os, call, fails)

    with pytest.raises(OSError, match="no space"):
        atomic_file.write(target, b"new")

    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["card.pkpass"]


def test_an_interrupt_while_reading_the_data_leaves_only_the_old_file(target: Path) -> None:
    target.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_file.write(target, chunks())

    assert target.read_bytes() == b"old"
    assert names(target.parent) == ["card.pkpass"]


def create_temporary(folder: Path, name: str, *, age: float) -> Path:
    path = folder / name
    path.write_bytes(b"half of it")
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def test_fil_03_temporary_files_older_than_an_hour_are_removed(target: Path) -> None:
    stale = create_temporary(target.parent, ".other.passwright-0123456789abcdef.tmp", age=3700)
    running = create_temporary(target.parent, ".other.passwright-1123456789abcdef.tmp", age=3500)
    foreign = create_temporary(target.parent, ".other.tmp", age=10**6)
    similar = create_temporary(target.parent, "x.other.passwright-0123456789abcdef.tmp", age=10**6)
    link = target.parent / ".link.passwright-0123456789abcdef.tmp"
    link.symlink_to(foreign)
    os.utime(link, (0, 0), follow_symlinks=False)

    atomic_file.write(target, b"new")

    assert not stale.exists()
    assert running.exists()
    assert foreign.exists()
    assert similar.exists()
    assert link.is_symlink()


def test_fil_03_without_sweep_temporary_files_stay(target: Path) -> None:
    stale = create_temporary(target.parent, ".other.passwright-0123456789abcdef.tmp", age=3700)

    atomic_file.write(target, b"new", sweep=False)

    assert stale.exists()


def test_fil_03_a_temporary_file_that_cannot_be_removed_is_ignored(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_temporary(target.parent, ".other.passwright-0123456789abcdef.tmp", age=3700)
    monkeypatch.setattr(os, "unlink", fails)

    atomic_file.write(target, b"new")

    assert target.read_bytes() == b"new"


def test_fil_04_a_symbolic_link_is_replaced_and_not_followed(target: Path) -> None:
    precious = target.parent / "precious"
    precious.write_bytes(b"old")
    precious.chmod(0o400)
    target.symlink_to(precious)

    atomic_file.write(target, b"new")

    assert not target.is_symlink()
    assert target.read_bytes() == b"new"
    assert precious.read_bytes() == b"old"


def make_read_only(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o444)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))


@pytest.mark.parametrize(
    ("make", "expected", "words"),
    [
        (Path.mkdir, IsADirectoryError, "a folder can't be replaced"),
        (os.mkfifo, OSError, "only regular files are replaced"),
        (make_socket, OSError, "only regular files are replaced"),
        (make_read_only, PermissionError, "the file is read-only"),
    ],
)
def test_fil_04_other_targets_are_a_clear_error(
    target: Path, monkeypatch: pytest.MonkeyPatch, make: object, expected: type[OSError], words: str
) -> None:
    monkeypatch.chdir(target.parent)  # the path of a socket has a length limit
    assert callable(make)
    make(Path(target.name))
    before = target.lstat()

    with pytest.raises(expected, match=words) as caught:
        atomic_file.write(target, b"new")

    assert caught.value.filename == str(target)
    assert target.lstat().st_ino == before.st_ino
    assert names(target.parent) == ["card.pkpass"]


def test_fil_04_a_device_is_refused() -> None:
    """The test calls the check alone, because a failure must not replace the null device."""
    with pytest.raises(OSError, match="only regular files"):
        atomic_file._check_target(Path(os.devnull))


def test_fil_04_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_file.write(tmp_path / "absent" / "card.pkpass", b"new")

    with pytest.raises(NotADirectoryError):
        atomic_file.write(Path(__file__) / "card.pkpass", b"new")


def test_fil_04_the_temporary_file_is_in_the_folder_of_the_target(target: Path) -> None:
    """A file cannot be renamed to another volume."""
    seen: list[str] = []

    def chunks() -> Iterator[bytes]:
        seen.extend(names(target.parent))
        yield b"new"

    atomic_file.write(target, chunks())

    assert len(seen) == 1
    assert TEMPORARY.fullmatch(seen[0])


def write_often(target: str, number: int) -> None:
    for _ in range(10):
        atomic_file.write(target, bytes([number]) * 300_000)


def test_fil_05_eight_writers_of_one_file_leave_one_complete_file(target: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_often, args=(str(target), number)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0] * 8
    assert target.read_bytes() in [bytes([number]) * 300_000 for number in range(8)]
    assert names(target.parent) == ["card.pkpass"]


@pytest.mark.parametrize(
    ("mask", "mode", "expected"),
    [(0o000, 0o644, 0o644), (0o077, 0o644, 0o600), (0o000, 0o600, 0o600), (0o077, 0o600, 0o600)],
)
def test_fil_06_files_have_their_mode_less_the_umask_from_the_first_byte(
    target: Path, mask: int, mode: int, expected: int
) -> None:
    target.write_bytes(b"readable by all")
    target.chmod(0o666)
    modes: list[int] = []

    def chunks() -> Iterator[bytes]:
        modes.extend(entry.stat().st_mode & 0o777 for entry in target.parent.glob(".*"))
        yield b"new"

    with umask(mask):
        atomic_file.write(target, chunks(), mode=mode)

    assert modes == [expected]
    assert target.stat().st_mode & 0o777 == expected


def test_an_error_names_the_target_and_errors_of_the_data_do_not_change(target: Path) -> None:
    """No error names the temporary file, and an error of the data does not name the target."""
    with pytest.raises(FileNotFoundError, match="its folder does not exist") as missing:
        atomic_file.write(target / "absent" / "card.pkpass", b"new")
    assert missing.value.filename == str(target / "absent" / "card.pkpass")

    def broken(exc: OSError) -> Iterator[bytes]:
        yield b"a"
        raise exc

    for exc in (OSError("the network is gone"), OSError(errno.EIO, "Input/output error", "rows.csv")):
        with pytest.raises(OSError) as caught:  # noqa: PT011 -- the identity is tested below
            atomic_file.write(target, broken(exc))
        assert caught.value is exc
    assert names(target.parent) == []
