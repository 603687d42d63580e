"""Files that are written whole or not at all.

A reader of the target sees the complete old or the complete new content, even if the writing process
is killed or the power fails. When `write` has returned, the new content is on the disk.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["STALE_AFTER_SECONDS", "write"]

STALE_AFTER_SECONDS = 3600
"""Age of temporary files that are removed. No write takes an hour, so their process has died."""

_TEMPORARY = re.compile(r"\..+\.passwright-[0-9a-f]{16}\.tmp", re.DOTALL)
_EXISTS = "the file exists, and it is not replaced"
# 50 characters are at most 200 bytes, so that the complete name stays below the 255 bytes of file systems.
_NAME_CHARACTERS = 50


def write(
    path: str | os.PathLike[str],
    data: bytes | bytearray | memoryview | Iterable[bytes],
    *,
    mode: int = 0o644,
    sweep: bool = True,
    replace: bool = True,
) -> None:
    """Writes `data` to the file `path`, or leaves the old file unchanged.

    The data is written to the temporary file `.<name>.passwright-<random>.tmp` in the same folder.
    Then the file is synced and renamed, and the folder is synced. The file has the permissions `mode`
    less the umask from its first byte on: use 0o600 for private keys. A symbolic link is replaced,
    not followed. Without `replace` an existing file stays unchanged, even if it was created during
    the write.

    `sweep` removes temporary files from the folder whose processes were killed more than an hour ago.
    The search takes time in proportion to the size of the folder. To write thousands of files, use
    `sweep=False` after the first.

    Raises:
        FileExistsError: `replace` is False, and the file exists.
        OSError: the target is a folder, a device or read-only, its folder is missing or not writable,
            or the disk is full. The error names the target, which is unchanged. An exception from
            reading `data` is not changed.
    """
    target = Path(path)
    if not replace and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, _EXISTS, str(target))
    _check_target(target)
    temporary = target.with_name(f".{target.name[:_NAME_CHARACTERS]}.passwright-{os.urandom(8).hex()}.tmp")
    with _naming(target):
        # The mode x creates the file, so an existing one is never written to.
        file = open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    try:
        with file:
            for chunk in (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data:
                with _naming(target):
                    file.write(chunk)
            with _naming(target):
                written_at = _sync(file)
        with _naming(target):
            if replace:
                temporary.replace(target)
            else:
                _link(temporary, target)
    except BaseException:  # an interrupt too leaves no temporary file behind
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)
    if sweep:
        _sweep(target.parent, before=written_at - STALE_AFTER_SECONDS)


@contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Makes errors name the target instead of the temporary file."""
    try:
        yield
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError) and not target.parent.exists()
        reason = "its folder does not exist" if missing else exc.strerror
        raise OSError(exc.errno, reason, str(target)) from exc


def _link(temporary: Path, target: Path) -> None:
    """Gives the temporary file its name, unless the name exists. A test in advance would leave a race."""
    if os.name == "nt":
        os.rename(temporary, target)  # noqa: PTH104 - Windows refuses an existing name
        return
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, _EXISTS, str(target)) from None
    temporary.unlink()


def _check_target(target: Path) -> None:
    # Renaming would replace a device or a read-only file without an error.
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder can't be replaced by a file", str(target))
    if stat.S_ISLNK(mode):
        return
    if not stat.S_ISREG(mode):
        raise OSError(
            errno.EINVAL, "only regular files are replaced, not devices, pipes or sockets", str(target)
        )
    if not mode & 0o222:
        raise PermissionError(errno.EACCES, "the file is read-only", str(target))


def _sync(file: BinaryIO) -> float:
    """Writes a file through to the disk, and returns the time of that by the clock of the file system."""
    file.flush()
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_mtime


def _sync_folder(folder: Path) -> None:
    # The rename is on the disk once the folder is. Windows cannot sync folders, and orders renames itself.
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path, *, before: float) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # Another process may sweep at the same time.
            with suppress(OSError):
                if _TEMPORARY.fullmatch(entry.name) and _is_old_file(entry, before=before):
                    os.unlink(entry)  # noqa: PTH108


def _is_old_file(entry: os.DirEntry[str], *, before: float) -> bool:
    return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before
