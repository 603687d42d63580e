"""Files that the command line names: read with a limit; new folders whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from passwright.errors import InvalidInput, KeyMaterialError, UsageError
from passwright.report import Finding, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["exposure_warning", "naming", "new_folder", "password", "read", "read_key"]

# Keys, certificates and their containers have a few kB.
MAX_KEY_BYTES = 2**20
MAX_PASSWORD_BYTES = 2**14


def read(path: Path, limit: int) -> bytes:
    """A file's content; of a longer one the first `limit` + 1 bytes, enough to be refused.

    `-` is standard input.
    """
    if path == Path("-"):
        return sys.stdin.buffer.read(limit + 1)
    with path.open("rb") as file:
        return file.read(limit + 1)


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Prefixes errors raised in this block with the name of the file."""
    try:
        yield
    except InvalidInput as exc:
        where = f"{path}: {exc.location}" if exc.location else str(path)
        raise InvalidInput(exc.code, where, exc.message) from exc
    except KeyMaterialError as exc:
        raise KeyMaterialError(f"{path}: {exc}") from exc


def read_key(path: Path, found: list[Finding], *, strict: bool) -> bytes:
    """A file with a private key in it.

    That others may read it goes into `found`, or is refused when `strict`.
    """
    if problem := exposure_warning(path):
        if strict:
            raise UsageError(f"{problem.location}: {problem.message}: {problem.hint}")
        found.append(problem)
    return _read_bounded(path, MAX_KEY_BYTES, "a key file")


def _read_bounded(path: Path, limit: int, what: str) -> bytes:
    data = read(path, limit)
    if len(data) > limit:
        raise UsageError(f"{path}: {what} has at most {limit:,} bytes")
    return data


def exposure_warning(path: Path) -> Finding | None:
    """The warning that a file of secrets can be read or written by others; None where it can't be told."""
    mode = path.stat().st_mode
    if os.name != "posix" or not stat.S_ISREG(mode) or not mode & 0o066:
        return None
    message = f"others may read or change this file (mode {stat.S_IMODE(mode):04o})"
    return warning("key-file-exposed", str(path), message, f"chmod 600 {path}")


def password(file: Path | None, *, prompt: str, found: list[Finding], strict: bool) -> str | None:
    """The password of a key: the first line of `file`, or asked for on a terminal, or None.

    There is no option that carries it: other users see the command line of a process.
    """
    if file is not None:
        if file != Path("-") and (problem := exposure_warning(file)):
            if strict:
                raise UsageError(f"{problem.location}: {problem.message}: {problem.hint}")
            found.append(problem)
        text = _read_bounded(file, MAX_PASSWORD_BYTES, "a password file")
        try:
            return text.decode("utf-8").partition("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            # Not as the cause: it carries the whole text.
            raise UsageError(f"{file}: a password file is text in UTF-8") from None
    if not sys.stdin.isatty():
        return None
    import typer

    answer: str = typer.prompt(prompt, default="", hide_input=True, show_default=False, err=True)
    return answer


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder that is there whole or not at all: fill the one yielded, and it becomes `target`.

    `target` may be an empty folder already; a folder that holds anything stays as it is.

    Raises:
        OSError: `target` is not empty or no folder, or can't be made.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        code = errno.ENOTEMPTY if target.is_dir() else errno.ENOTDIR
        message = "the folder is not empty: name a new one" if target.is_dir() else "this is not a folder"
        raise OSError(code, message, str(target))
    place = target.resolve()
    made = place.with_name(f".{place.name[:50]}.passwright-{secrets.token_hex(8)}.tmp")
    try:
        made.mkdir()
    except OSError as exc:
        # The name that was given, not the one made up beside it.
        raise OSError(exc.errno, exc.strerror, str(target)) from exc
    try:
        yield made
        if place.exists():
            for item in made.iterdir():
                item.rename(place / item.name)
        else:
            made.rename(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
