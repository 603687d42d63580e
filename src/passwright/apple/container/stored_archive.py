"""Fast path for plain archives: all files stored, one after the other, with nothing optional.

Most writers of passes make them. Nothing is refused here: what is not certainly
plain, `archive` takes apart record by record, and says what is wrong with it.
"""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from passwright.apple.container import archive
from passwright.apple.container.filenames import MAX_NAME_BYTES
from passwright.apple.container.zip_records import (
    CENTRAL,
    CENTRAL_SIGN,
    DOS_FOLDER,
    DOS_VOLUME,
    END_SIGN,
    IS_UTF8,
    LOCAL,
    LOCAL_SIGN,
    REPEATED,
    ZIP64_LOCATOR_SIGN,
    ZIP64_LOCATOR_SIZE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.apple.container.limits import ArchiveLimits, Buffer

    NameReader: TypeAlias = Callable[[tuple[bytes, ...], ArchiveLimits], tuple[str, ...] | None]

__all__ = ["read_names", "unpack"]

# APPNOTE.TXT 6.3.10, 4.3.16: signature, both disks, entries here and in all, size and offset of the
# directory, length of the comment.
_END = struct.Struct("<4sL2H2LH")
# 4.3.12: signature, flags and method, CRC-32, both sizes, lengths of name and extra fields, length of
# the comment and disk, attributes, offset. What has to be zero together is read together.
_RECORD = struct.Struct("<4s4xL4x4LL2x2L")
# Many times the directory of a pass: what is kept by the names of files stays small.
_MAX_DIRECTORY_BYTES = 8 * 2**10
_KINDS = (0, stat.S_IFREG >> 12)
_NO_FILE = DOS_FOLDER | DOS_VOLUME


def unpack(data: Buffer, limits: ArchiveLimits, *, names: NameReader | None = None) -> dict[str, bytes]:
    """The files of an archive by name, in the order of its directory: `archive.unpacked`, sooner.

    `names` is `read_names`, or a cache around it.

    Raises:
        InvalidInput: as there.
    """
    files = _files(data, limits, names or read_names) if isinstance(data, bytes) else None
    return archive.unpack(data, limits) if files is None else files


def _files(data: bytes, limits: ArchiveLimits, read: NameReader) -> dict[str, bytes] | None:
    """Returns the files of a plain archive, None if the full reader is needed."""
    end = len(data) - _END.size
    if end < 0 or len(data) > limits.archive_bytes:
        return None
    sign, disks, here, count, size, start, comment = _END.unpack_from(data, end)
    if (
        (sign, disks, here, start, comment) != (END_SIGN, 0, count, end - size, 0)
        or count > limits.entries
        or size > _MAX_DIRECTORY_BYTES
        or start > limits.unpacked_bytes
        or data.startswith(ZIP64_LOCATOR_SIGN, max(0, end - ZIP64_LOCATOR_SIZE))
    ):
        return None
    found = _entries(data, start, end, limits)
    if found is None or len(found) != count or archive.has_comment(data):
        return None
    names = read(tuple(found), limits)
    return None if names is None else dict(zip(names, found.values(), strict=True))


def _entries(data: bytes, start: int, end: int, limits: ArchiveLimits) -> dict[bytes, bytes] | None:
    """The contents of all entries by name, where each is plain and the next begins where it ends."""
    found: dict[bytes, bytes] = {}
    smallest = limits.smallest
    last = end - CENTRAL.size
    # Where the next record begins, and the entry that it is of.
    at, place = start, 0
    while at <= last:
        sign, kind, crc, packed, size, lengths, rest, attributes, offset = _RECORD.unpack_from(data, at)
        if (
            sign != CENTRAL_SIGN
            or kind & ~IS_UTF8
            or packed != size
            or lengths > MAX_NAME_BYTES
            or rest
            or attributes >> 28 not in _KINDS
            or attributes & _NO_FILE
            or offset != place
        ):
            return None
        after = at + CENTRAL.size + lengths
        name = data[at + CENTRAL.size : after]
        begin = place + LOCAL.size + lengths
        # The local header repeats the record, byte by byte.
        repeated = data[at + REPEATED.start : at + REPEATED.stop]
        if data[place:begin] != LOCAL_SIGN + repeated + name:
            return None
        if size > smallest and size > limits.of(name.decode("ascii", "replace")):
            return None
        at, place = after, begin + size
        found[name] = content = data[begin:place]
        if crc32(content) != crc:
            return None
    return found if (at, place) == (end, start) else None


def read_names(raw: tuple[bytes, ...], limits: ArchiveLimits) -> tuple[str, ...] | None:
    """Reads the names of files; None where one is doubtful or two may be the same file."""
    if not b"".join(raw).isascii():
        return None
    read = [archive.read_name(each, 0, limits) for each in raw]
    paths = {each.path for each in read}
    folders = {folder for each in read for folder in each.folders}
    if any(each.fault or each.is_folder for each in read) or len(paths) < len(read) or paths & folders:
        return None
    return tuple(each.name for each in read)
