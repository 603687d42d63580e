"""Writes ZIP archives of stored files in memory; the constant files of a template are laid out once.

Source: APPNOTE.TXT 6.3.10 (PKWARE), cited by section.
"""

from __future__ import annotations

import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from passwright.apple.container.filenames import quoted_name
from passwright.apple.container.zip_records import (
    CENTRAL_SIGN,
    END,
    END_SIGN,
    IS_UTF8,
    LOCAL,
    LOCAL_SIGN,
    MAX_COUNT,
    MAX_SIZE,
    STORED,
)
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Entries", "join_entries", "layout_entries"]

_VERSION = 20  # 4.4.3.2: 2.0 knows folders, and we write nothing newer


_CENTRAL_START = CENTRAL_SIGN + bytes((_VERSION, 3))  # made by 2.0 on Unix


_REGULAR_FILE = (stat.S_IFREG | 0o644) << 16


# 1980-01-01, the first date there is: equal input gives equal bytes, and nobody learns when.
_DATE = 1 << 5 | 1


class Entries(NamedTuple):
    """Some files of an archive, laid out: their local entries, central records, and how many they are."""

    local: bytes
    central: bytes
    number: int


# CRC-32, sizes and offset: the parts of both headers that depend on the content of a file.
_SUMS, _BEGIN = struct.Struct("<3L"), struct.Struct("<L")


def _around(name: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Returns the constant bytes before and after the variable ones, in the local and in the central header
    of a file.
    """
    flags = 0 if name.isascii() else IS_UTF8
    known = struct.pack("<5H", _VERSION, flags, STORED, 0, _DATE)
    lengths = struct.pack("<2H", len(name), 0)
    place = struct.pack("<3HL", 0, 0, 0, _REGULAR_FILE)
    return LOCAL_SIGN + known, lengths + name, _CENTRAL_START + known, lengths + place


def layout_entries(
    files: Iterable[tuple[bytes, bytes]], *, at: int = 0
) -> tuple[list[bytes], list[bytes], int]:
    """Local entries from offset `at` on, their central records, each in pieces, and where they end.

    `files` are names and contents. Everything is stored: pictures do not shrink,
    and deflating the texts of a pass costs more time than all the rest of the
    archive.

    Raises:
        InvalidInput: `too-large`, from 4 GiB on.
    """
    local: list[bytes] = []
    central: list[bytes] = []
    for name, data in files:
        size = len(data)
        if at + size >= MAX_SIZE:
            raise InvalidInput("too-large", quoted_name(name), "an archive holds less than 4 GiB")
        before, after, central_before, central_after = _around(name)
        sums = _SUMS.pack(zlib.crc32(data), size, size)
        local += (before, sums, after, data)
        central += (central_before, sums, central_after, _BEGIN.pack(at), name)
        at += LOCAL.size + len(name) + size
    return local, central, at


def join_entries(front: Entries, files: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The archive of what is laid out already and, after it, `files`.

    Raises:
        InvalidInput: `too-many-entries` from 65,535 files on, or `too-large` from 4 GiB on.
    """
    local, central, start = layout_entries(files, at=len(front.local))
    count = front.number + len(central) // 5
    if count >= MAX_COUNT:
        raise InvalidInput("too-many-entries", "", f"an archive holds fewer than {MAX_COUNT:,} files")
    size = len(front.central) + sum(map(len, central))
    if start + size >= MAX_SIZE:
        raise InvalidInput("too-large", "", "an archive holds less than 4 GiB")
    end = END.pack(END_SIGN, 0, 0, count, count, size, start, 0)
    return b"".join((front.local, *local, front.central, *central, end))
