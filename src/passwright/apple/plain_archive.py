"""Plain archives, taken apart in one go: all files stored, one after the other, with nothing optional.

Most writers of passes make them. Nothing is refused here: what is not certainly
plain, `archive` takes apart record by record, and says what is wrong with it.
"""

from __future__ import annotations

import stat
import struct
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from passwright.apple import archive
from passwright.apple.known_pictures import PICTURES

if TYPE_CHECKING:
    from passwright.apple.archive import Buffer, Limits

__all__ = ["unpacked"]

# APPNOTE.TXT 6.3.10, 4.3.16: signature, both disks, entries here and in all, size and offset of the
# directory, length of the comment.
_END = struct.Struct("<4sL2H2LH")
# 4.3.12: signature, flags and method, CRC-32, both sizes, lengths of name and extra fields, length of
# the comment and disk, attributes, offset. What has to be zero together is read together.
_RECORD = struct.Struct("<4s4xL4x4LL2x2L")
_MAX_NAME_BYTES = 255
# Many times the directory of a pass: what is kept by the names of files stays small.
_MAX_DIRECTORY_BYTES = 8 * 2**10
_KINDS = (0, stat.S_IFREG >> 12)
_NO_FILE = archive.DOS_FOLDER | archive.DOS_VOLUME


def unpacked(data: Buffer, limits: Limits) -> dict[str, bytes]:
    """The files of an archive by name, in the order of its directory: `archive.unpacked`, sooner.

    Raises:
        BundleError: as there.
    """
    files = _files(data, limits) if isinstance(data, bytes) else None
    return archive.unpacked(data, limits) if files is None else files


def _files(data: bytes, limits: Limits) -> dict[str, bytes] | None:
    """The files of a plain archive, None where a closer look is needed."""
    end = len(data) - _END.size
    if end < 0 or len(data) > limits.archive_bytes:
        return None
    sign, disks, here, count, size, start, comment = _END.unpack_from(data, end)
    if (
        (sign, disks, here, start, comment) != (archive.END_SIGN, 0, count, end - size, 0)
        or count > limits.entries
        or size > _MAX_DIRECTORY_BYTES
        or start > limits.unpacked_bytes
        or data.startswith(archive.ZIP64_LOCATOR_SIGN, max(0, end - archive.ZIP64_LOCATOR_SIZE))
    ):
        return None
    known: list[tuple[int, int]] = []
    found = _entries(data, start, end, limits, known)
    if found is None or len(found) != count or _may_have_comment(data, known):
        return None
    names = _names(tuple(found), limits.allow_folders, limits.name_bytes)
    return None if names is None else dict(zip(names, found.values(), strict=True))


def _may_have_comment(data: bytes, known: list[tuple[int, int]]) -> bool:
    """Somewhere before the last end record there may be another. `known` is where there is none."""
    if not known:
        return archive.has_comment(data)
    sign, rest = archive.END_SIGN, len(archive.END_SIGN) - 1
    at = max(0, len(data) - _END.size - archive.MAX_COMMENT_BYTES)
    for begin, end in known:
        # The sign may begin before a picture, or end after it.
        if data.rfind(sign, at, begin + rest) >= 0:
            return True
        at = max(at, end - rest)
    return data.rfind(sign, at, len(data) - _END.size + rest) >= 0


def _entries(
    data: bytes, start: int, end: int, limits: Limits, known: list[tuple[int, int]]
) -> dict[bytes, bytes] | None:
    """The contents of all entries by name, where each is plain and the next begins where it ends.

    Where known pictures stand, is added to `known`.
    """
    found: dict[bytes, bytes] = {}
    smallest = limits.smallest
    last = end - archive.CENTRAL.size
    # Where the next record begins, and the entry that it is of.
    at, place = start, 0
    while at <= last:
        sign, kind, crc, packed, size, lengths, rest, attributes, offset = _RECORD.unpack_from(data, at)
        if (
            sign != archive.CENTRAL_SIGN
            or kind & ~archive.IS_UTF8
            or packed != size
            or lengths > _MAX_NAME_BYTES
            or rest
            or attributes >> 28 not in _KINDS
            or attributes & _NO_FILE
            or offset != place
        ):
            return None
        after = at + archive.CENTRAL.size + lengths
        name = data[at + archive.CENTRAL.size : after]
        begin = place + archive.LOCAL.size + lengths
        # The local header repeats the record, byte by byte.
        repeated = data[at + archive.REPEATED.start : at + archive.REPEATED.stop]
        if data[place:begin] != archive.LOCAL_SIGN + repeated + name:
            return None
        if size > smallest and size > limits.of(name.decode("ascii", "replace")):
            return None
        at, place = after, begin + size
        is_picture = name.endswith(b".png")
        if is_picture and (picture := PICTURES.find(name, size, data, begin)):
            found[name] = picture.data
            known.append((begin, place))
            if picture.crc != crc:
                return None
            continue
        found[name] = content = data[begin:place]
        if crc32(content) != crc:
            return None
        if is_picture:
            PICTURES.met(name, content, crc)
    return found if (at, place) == (end, start) else None


# The passes of one template have the same names.
@lru_cache(maxsize=64)
def _names(raw: tuple[bytes, ...], allow_folders: bool, max_bytes: int) -> tuple[str, ...] | None:  # noqa: FBT001 -- by position, which costs half
    """The names of files, None where one is doubtful or two may be one."""
    if not b"".join(raw).isascii():
        return None
    read = [archive.read_name(each, 0, allow_folders, max_bytes) for each in raw]
    paths = {each.path for each in read}
    folders = {folder for each in read for folder in each.folders}
    if any(each.fault or each.is_folder for each in read) or len(paths) < len(read) or paths & folders:
        return None
    return tuple(each.name for each in read)
