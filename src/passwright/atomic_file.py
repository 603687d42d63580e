"""Files that are written whole or not at all.

Whoever opens the target sees what was there before or what was given, also
when the writing process is killed or the power fails; and when `write` has
returned, the new content is on the disk.
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
"""No write takes an hour: a temporary file as old as that was left by a process that died."""

_TEMPORARY = re.compile(r"\..+\.passwright-[0-9a-f]{16}\.tmp", re.DOTALL)
_TAKEN = "there is such a file already, and it is not replaced"
# 50 characters are at most 200 bytes: with what is added they stay below the 255 that file systems store.
_KEPT_OF_NAME = 50


def write(
    path: str | os.PathLike[str],
    data: bytes | bytearray | memoryview | Iterable[bytes],
    *,
    mode: int = 0o644,
    sweep: bool = True,
    replace: bool = True,
) -> None:
    """Replaces the file `path` by one that holds `data`, or leaves everything as it was.

    The data goes to a temporary file beside the target, called
    `.<name>.passwright-<random>.tmp`; then come fsync, rename, and fsync of
    the folder. `mode` is the file's mode less the umask, from its first byte
    on: give 0o600 for private keys. A symbolic link is replaced, not followed.
    Without `replace` whatever is there already stays as it is, also when it
    came a moment ago.

    `sweep` removes temporary files that processes killed more than an hour
    ago left in the folder. Looking for them takes time in proportion to the
    folder, so whoever writes thousands of files says `sweep=False` after the
    first.

    Raises:
        FileExistsError: `replace` is False, and there is something of that name.
        OSError: the target is a folder, a device or read-only, its folder is
            missing or not writable, the disk is full. It names the target, which
            is as it was. What reading `data` raises is raised as it is.
    """
    target = Path(path)
    if not replace and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, _TAKEN, str(target))
    _check_target(target)
    temporary = target.with_name(f".{target.name[:_KEPT_OF_NAME]}.passwright-{os.urandom(8).hex()}.tmp")
    with _naming(target):
        # Opened to be new: what is there already is never written into.
        file = open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    try:
        with file:
            for piece in (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data:
                with _naming(target):
                    file.write(piece)
            with _naming(target):
                written_at = _synced(file)
        with _naming(target):
            if replace:
                temporary.replace(target)
            else:
                _put_beside(temporary, target)
    except BaseException:  # an interrupt too leaves no temporary file behind
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)
    if sweep:
        _sweep(target.parent, before=written_at - STALE_AFTER_SECONDS)


@contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Errors name the file that was given, not the one that is made up beside it."""
    try:
        yield
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError) and not target.parent.exists()
        reason = "its folder does not exist" if missing else exc.strerror
        raise OSError(exc.errno, reason, str(target)) from exc


def _put_beside(temporary: Path, target: Path) -> None:
    """Gives the file its name, unless something has that name; asking first would leave a moment between."""
    if os.name == "nt":
        os.rename(temporary, target)  # noqa: PTH104 - Windows refuses a name that is taken
        return
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, _TAKEN, str(target)) from None
    temporary.unlink()


def _check_target(target: Path) -> None:
    # Renaming would replace a device or a read-only file without a word.
    try:
        found = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, "a folder can't be replaced by a file", str(target))
    if stat.S_ISLNK(found):
        return
    if not stat.S_ISREG(found):
        raise OSError(
            errno.EINVAL, "only regular files are replaced, not devices, pipes or sockets", str(target)
        )
    if not found & 0o222:
        raise PermissionError(errno.EACCES, "the file is read-only", str(target))


def _synced(file: BinaryIO) -> float:
    """Sees that what was written is on the disk; answers when that was, by the clock of the file system."""
    file.flush()
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_mtime


def _sync_folder(folder: Path) -> None:
    # The rename is on the disk when the folder is. Windows has no way to say so, and orders renames itself.
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
