"""Reads ZIP archives in memory, record by record.

An archive that two readers could understand differently is refused, and so is one that
exceeds the limits.

Source: APPNOTE.TXT 6.3.10 (PKWARE), cited by section.
"""

from __future__ import annotations

import re
import stat
import zlib
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from passwright.apple.container.filenames import collation_key, name_problem, quoted_name
from passwright.apple.container.zip_records import (
    CENTRAL,
    CENTRAL_READ,
    CENTRAL_SIGN,
    DEFLATED,
    DESCRIPTOR,
    DESCRIPTOR_SIGN,
    DOS_FOLDER,
    DOS_VOLUME,
    END,
    END_SIGN,
    EXTRA,
    HAS_DESCRIPTOR,
    IS_ENCRYPTED,
    IS_PATCH,
    IS_UTF8,
    LOCAL,
    LOCAL_READ,
    LOCAL_SIGN,
    MAX_COMMENT_BYTES,
    MAX_SIZE,
    REFUSED_FLAGS,
    REPEATED,
    STORED,
    ZIP64_END_SIGN,
    ZIP64_LOCATOR_SIGN,
    ZIP64_LOCATOR_SIZE,
)
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from passwright.apple.container.limits import ArchiveLimits, Buffer

__all__ = ["has_comment", "read_name", "unpack"]


# 4.5.2 and third parties' identifiers of 4.6.1: extra fields that change what an entry is.
# Others (times, Unix owners) are skipped.
_REFUSED_EXTRAS = {
    0x0001: ("zip64", "zip64 is for archives of more than 4 GiB"),
    0x0017: ("encrypted", "the entry is encrypted"),
    0x7075: ("bad-name", "the entry has a second name in an extra field"),
    0x756E: ("not-a-regular-file", "the entry may be a link by its ASi Unix extra field"),
    0x9901: ("encrypted", "the entry is encrypted"),
}
_MAX_EXTRAS = 32
_INFLATED_AT_ONCE = 2**16


class _Entry(NamedTuple):
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    attributes: int
    offset: int
    repeated: bytes
    extra_size: int

    @property
    def location(self) -> str:
        return quoted_name(self.raw_name)


def unpack(data: Buffer, limits: ArchiveLimits) -> dict[str, bytes]:
    """The files of an archive by name, in the order of its directory.

    Everything but the contents is judged before the first is unpacked.

    Raises:
        InvalidInput: with the code of what is wrong and the name of the entry.
    """
    size = memoryview(data).nbytes
    if size > limits.archive_bytes:
        raise InvalidInput(
            "too-large", "", f"the archive has {size} bytes, at most {limits.archive_bytes} are read"
        )
    # A copy of what can change, so that what was judged is what is unpacked.
    archive = data if isinstance(data, bytes) else memoryview(data).tobytes()
    count, start, end = _end_record(archive)
    if count > limits.entries:
        raise InvalidInput(
            "too-many-entries", "", f"the archive has {count} entries, at most {limits.entries} are read"
        )
    entries = _directory(archive, start, end, count)
    _check_sizes(entries, limits)
    begins = _data_starts(archive, entries, start)
    names = _names(entries, limits)
    contents = {name: _content(archive, entry, begins[entry.offset]) for name, entry in names.items()}
    return {name: content for name, content in contents.items() if not name.endswith("/")}


def _end_record(archive: bytes) -> tuple[int, int, int]:
    """Returns the number of entries, and the start and end of the directory."""
    at = len(archive) - END.size
    if at < 0 or not archive.startswith(END_SIGN, at):
        raise _without_end(archive)
    _, disk, start_disk, here, count, size, offset, comment = END.unpack_from(archive, at)
    if comment or has_comment(archive):
        raise InvalidInput("comment", "", "the archive has a comment, in which another archive could hide")
    if archive.startswith(ZIP64_LOCATOR_SIGN, max(0, at - ZIP64_LOCATOR_SIZE)) or MAX_SIZE in (
        size,
        offset,
    ):
        raise InvalidInput("zip64", "", "zip64 is for archives of more than 4 GiB")
    if disk or start_disk or here != count:
        raise InvalidInput("bad-directory", "", "the archive is one part of several")
    start = at - size
    if offset < start and archive.startswith(CENTRAL_SIGN, max(0, start)):
        raise _leading(archive, start - offset)
    if offset != start:
        code = "zip64" if archive.startswith(ZIP64_END_SIGN, offset + size) else "bad-directory"
        raise InvalidInput(code, "", "the directory is not where the end record says")
    return count, start, at


def _without_end(archive: bytes) -> InvalidInput:
    if has_comment(archive):
        return InvalidInput("comment", "", "the archive has a comment, in which another archive could hide")
    if archive.rfind(END_SIGN, 0, max(0, len(archive) - END.size + len(END_SIGN))) >= 0:
        return InvalidInput("trailing-data", "", "bytes follow the end of the archive")
    if archive.startswith(LOCAL_SIGN):
        return InvalidInput("not-a-zip", "", "the archive was cut short: its end is missing")
    return InvalidInput("not-a-zip", "", "this is not a ZIP archive, perhaps an error page saved as a file")


def has_comment(archive: bytes) -> bool:
    """An end record, perhaps not the last, says that what follows it to the end is its comment."""
    first = max(0, len(archive) - END.size - MAX_COMMENT_BYTES)
    # From the back, which Python does in half the time.
    at = archive.rfind(END_SIGN, first, max(0, len(archive) - END.size - 1 + len(END_SIGN)))
    while at >= 0:
        if at + END.size + int.from_bytes(archive[at + 20 : at + 22], "little") == len(archive):
            return True
        at = archive.rfind(END_SIGN, first, at + len(END_SIGN) - 1)
    return False


def _leading(archive: bytes, until: int) -> InvalidInput:
    if archive.startswith(END_SIGN, max(0, until - END.size)):
        return InvalidInput("trailing-data", "", "a second archive follows the end of the first")
    return InvalidInput("leading-data", "", "bytes come before the first entry")


def _directory(archive: bytes, at: int, end: int, count: int) -> list[_Entry]:
    entries: list[_Entry] = []
    for _ in range(count):
        if at + CENTRAL.size > end or not archive.startswith(CENTRAL_SIGN, at):
            raise InvalidInput(
                "bad-directory", "", "the directory holds fewer entries than the end record says"
            )
        name_size: int
        (flags, method, crc, packed, size, name_size, extra_size, comment_size, disk, attributes, offset) = (
            CENTRAL_READ.unpack_from(archive, at)
        )
        repeated = archive[at + REPEATED.start : at + REPEATED.stop]
        at += CENTRAL.size
        name = archive[at : at + name_size]
        entry = _Entry(name, flags, method, crc, packed, size, attributes, offset, repeated, extra_size)
        at += name_size
        if extra_size or flags & REFUSED_FLAGS:
            _check_features(entry, flags, archive[at : at + extra_size])
        at += extra_size + comment_size
        if comment_size:
            raise InvalidInput("comment", entry.location, "the entry has a comment")
        if disk:
            raise InvalidInput("bad-directory", entry.location, "the entry lies in another part of several")
        if MAX_SIZE in (packed, size, offset):
            raise InvalidInput("zip64", entry.location, "zip64 is for archives of more than 4 GiB")
        entries.append(entry)
    if at != end:
        code = "zip64" if archive.startswith(ZIP64_END_SIGN, at) else "bad-directory"
        raise InvalidInput(code, "", "the directory holds more than the end record says")
    return entries


def _check_features(entry: _Entry, flags: int, extra: bytes) -> None:
    if flags & IS_ENCRYPTED:
        raise InvalidInput("encrypted", entry.location, "the entry is encrypted")
    if flags & IS_PATCH:
        raise InvalidInput("encrypted", entry.location, "the entry is a patch for a file, not a file")
    at = number = 0
    while at + EXTRA.size <= len(extra) and number < _MAX_EXTRAS:
        kind, size = EXTRA.unpack_from(extra, at)
        if kind in _REFUSED_EXTRAS:
            code, message = _REFUSED_EXTRAS[kind]
            raise InvalidInput(code, entry.location, message)
        at += EXTRA.size + size
        number += 1
    if at != len(extra):
        raise InvalidInput(
            "bad-extra", entry.location, "the extra fields do not end where they should, or are too many"
        )


def _check_sizes(entries: list[_Entry], limits: ArchiveLimits) -> None:
    unlimited = limits.smallest
    for entry in entries:
        if entry.size <= unlimited:
            continue
        most = limits.of(entry.raw_name.decode("ascii", "replace"))
        if entry.size > most:
            raise InvalidInput(
                "too-large", entry.location, f"the file has {entry.size} bytes, at most {most} are read"
            )
        if entry.size > limits.ratio_from_bytes and entry.size > limits.ratio * entry.packed:
            raise InvalidInput(
                "too-large", entry.location, f"the file unpacks to more than {limits.ratio} times its size"
            )
    total = sum(entry.size for entry in entries)
    if total > limits.unpacked_bytes:
        raise InvalidInput(
            "too-large", "", f"the files have {total} bytes, at most {limits.unpacked_bytes} are read"
        )


_OFFSET = attrgetter("offset")


def _data_starts(archive: bytes, entries: list[_Entry], directory: int) -> dict[int, int]:
    """Maps the offset of each entry to the start of its data. The entries must fill the archive from byte 0
    on.
    """
    begins: dict[int, int] = {}
    at = 0
    for entry in sorted(entries, key=_OFFSET):
        if entry.offset < at:
            raise InvalidInput("overlap", entry.location, "the entry shares bytes with another")
        if entry.offset > at:
            raise (
                InvalidInput("gap", entry.location, "unused bytes come before the entry")
                if at
                else _leading(archive, entry.offset)
            )
        begin = begins[entry.offset] = _data_start(archive, entry, directory)
        at = begin + entry.packed
        if entry.flags & HAS_DESCRIPTOR:
            at += _descriptor_size(archive, entry, at)
    if at != directory:
        code = "gap" if at < directory else "overlap"
        raise InvalidInput(code, "", "the last entry does not end where the directory begins")
    return begins


def _data_start(archive: bytes, entry: _Entry, directory: int) -> int:
    """Returns the start of the data behind a local header that agrees with the directory."""
    at = entry.offset + LOCAL.size
    if at > directory or not archive.startswith(LOCAL_SIGN, entry.offset):
        raise InvalidInput(
            "header-mismatch", entry.location, "there is no local header where the directory says"
        )
    flags, name_size, extra_size = entry.flags, len(entry.raw_name), entry.extra_size
    agree, zip64 = True, False
    # Most writers repeat the directory byte by byte; the others are read field by field.
    if archive[at - len(entry.repeated) : at] != entry.repeated or not archive.startswith(entry.raw_name, at):
        flags, method, crc, packed, size, name_size, extra_size = LOCAL_READ.unpack_from(
            archive, entry.offset
        )
        zip64 = MAX_SIZE in (packed, size)
        agree = _agree((archive[at : at + name_size], flags, method, crc, packed, size), entry)
    at += name_size + extra_size
    if at > directory:
        raise InvalidInput("bad-extra", entry.location, "the local header runs into the directory")
    if extra_size or flags & REFUSED_FLAGS:
        _check_features(entry, flags, archive[at - extra_size : at])
    if zip64:
        raise InvalidInput("zip64", entry.location, "zip64 is for archives of more than 4 GiB")
    if not agree:
        raise InvalidInput("header-mismatch", entry.location, "the local header and the directory disagree")
    if entry.method not in (STORED, DEFLATED):
        raise InvalidInput("bad-method", entry.location, "the entry is neither stored nor deflated")
    if entry.method == STORED and entry.packed != entry.size:
        raise InvalidInput("bad-method", entry.location, "the entry is stored, and its two sizes differ")
    return at


def _agree(local: tuple[bytes, int, int, int, int, int], entry: _Entry) -> bool:
    if local == entry[:6]:
        return True
    # 4.4.4, bit 3: what was not known when the local header was written is zero, and follows the data.
    postponed = zip(local[3:], entry[3:6], strict=True)
    return (
        bool(entry.flags & HAS_DESCRIPTOR)
        and local[:3] == entry[:3]
        and all(here in (0, there) for here, there in postponed)
    )


def _descriptor_size(archive: bytes, entry: _Entry, at: int) -> int:
    # 4.3.9: with or without a signature before it.
    expected = DESCRIPTOR.pack(entry.crc, entry.packed, entry.size)
    for descriptor in (DESCRIPTOR_SIGN + expected, expected):
        if archive.startswith(descriptor, at):
            return len(descriptor)
    raise InvalidInput("header-mismatch", entry.location, "the data descriptor and the directory disagree")


def _names(entries: list[_Entry], limits: ArchiveLimits) -> dict[str, _Entry]:
    """The entries by name, folders among them."""
    names: dict[str, _Entry] = {}
    taken: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        raw = entry.raw_name
        read = read_name(raw, entry.flags & IS_UTF8, limits)
        if read.fault:
            raise InvalidInput("bad-name", entry.location, read.fault)
        _check_type(entry, is_folder=read.is_folder)
        if read.path in taken:
            raise InvalidInput(
                "duplicate-name", entry.location, "another entry has this name, perhaps but for case"
            )
        taken.add(read.path)
        if read.folders:
            folders.update(read.folders)
        names[read.name] = entry
    if not taken.isdisjoint(folders):
        raise InvalidInput("duplicate-name", "", "a file and a folder have the same name")
    return names


class _Name(NamedTuple):
    name: str
    fault: str
    is_folder: bool = False
    path: str = ""
    folders: tuple[str, ...] = ()


def read_name(raw: bytes, utf8: int, limits: ArchiveLimits) -> _Name:
    """Decodes a file name, or names its fault."""
    try:
        name = raw.decode("utf-8" if utf8 else "ascii")
    except UnicodeDecodeError:
        # Without the flag the encoding is not defined (appendix D).
        return _Name("", "the name is not UTF-8, or does not say that it is")
    # A folder's name is good when that of a file in it would be.
    is_folder = name.endswith("/")
    fault = name_problem(
        name + "_" * is_folder, allow_folders=limits.allow_folders, max_bytes=limits.name_bytes
    )
    if fault and not (name == "./" and limits.allow_folders):
        return _Name(name, fault)
    path = collation_key(name)
    return _Name(name, "", is_folder, path, tuple(path[: match.start()] for match in re.finditer("/", path)))


def _check_type(entry: _Entry, *, is_folder: bool) -> None:
    kind = entry.attributes >> 28 << 12  # the bits of `stat.S_IFMT` in the upper half
    if is_folder:
        is_right = kind in (0, stat.S_IFDIR) and not entry.size
    else:
        is_right = kind in (0, stat.S_IFREG) and not entry.attributes & (DOS_FOLDER | DOS_VOLUME)
    if not is_right:
        raise InvalidInput(
            "not-a-regular-file", entry.location, "the entry is neither a regular file nor an empty folder"
        )


def _content(archive: bytes, entry: _Entry, begin: int) -> bytes:
    if entry.method == STORED:
        data = archive[begin : begin + entry.size]
    else:
        data = _inflate(entry, memoryview(archive)[begin : begin + entry.packed])
    if zlib.crc32(data) != entry.crc:
        raise InvalidInput("bad-crc", entry.location, "the file was damaged: its CRC-32 is another")
    return data


def _inflate(entry: _Entry, packed: memoryview) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    # One byte more than was declared is enough to know that there is more.
    left = entry.size + 1
    rest = packed
    while rest and left and not inflater.eof:
        try:
            # A part at a time: zlib copies what it has not come to.
            pieces.append(inflater.decompress(rest[:_INFLATED_AT_ONCE], left))
        except zlib.error:
            raise InvalidInput("bad-stream", entry.location, "the deflated data is damaged") from None
        left -= len(pieces[-1])
        rest = rest[_INFLATED_AT_ONCE:]
    if not left or (inflater.eof and left > 1):
        raise InvalidInput(
            "size-mismatch", entry.location, f"the file does not unpack to {entry.size} bytes as declared"
        )
    if not inflater.eof or inflater.unused_data or rest:
        raise InvalidInput("bad-stream", entry.location, "the deflated data does not end with the entry")
    return b"".join(pieces)
