"""ZIP archives, record by record, in memory: laid out for writing, and taken apart.

Taking apart refuses what two readers could understand in two ways, and what
unpacks to more than was agreed: an archive has one meaning here or none.

    local header, name, extra fields, data [, data descriptor]    one for each file, without gaps
    central record, name, extra fields                            one for each file
    end record                                                    the last 22 bytes

Source: APPNOTE.TXT 6.3.10 (PKWARE), cited by section.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from passwright.apple.container.filenames import collation_key, name_problem, quoted_name
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ArchiveLimits", "Buffer", "Entries", "join_entries", "layout_entries", "unpack"]

Buffer = bytes | bytearray | memoryview

LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
CENTRAL = struct.Struct("<4s6H3L5H2L")  # 4.3.12
END = struct.Struct("<4s4H2LH")  # 4.3.16
# The shorter forms hold only the fields that are checked.
_LOCAL_READ = struct.Struct("<6x2H4x3L2H")
_CENTRAL_READ = struct.Struct("<8x2H4x3L4H2x2L")
# Where a central record holds what a local header repeats after its signature, field by field.
REPEATED = slice(6, 32)
_DESCRIPTOR = struct.Struct("<3L")  # 4.3.9
_EXTRA = struct.Struct("<2H")  # 4.5.1
LOCAL_SIGN, CENTRAL_SIGN, END_SIGN, _DESCRIPTOR_SIGN = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\7\x08"
_ZIP64_END_SIGN, ZIP64_LOCATOR_SIGN, ZIP64_LOCATOR_SIZE = b"PK\6\6", b"PK\6\7", 20  # 4.3.14, 4.3.15
# 4.4.1.4: these stand for "see the zip64 record" and can't be used as numbers.
_MAX_COUNT, _MAX_SIZE = 0xFFFF, 0xFFFFFFFF
MAX_COMMENT_BYTES = 0xFFFF  # 4.4.12
_STORED, _DEFLATED = 0, 8  # 4.4.5
# 4.4.4
_HAS_DESCRIPTOR, IS_UTF8 = 1 << 3, 1 << 11
_IS_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_IS_PATCH = 1 << 5
_REFUSED_FLAGS = _IS_ENCRYPTED | _IS_PATCH
# 4.4.15, and the directory and volume bits of MS-DOS below it
DOS_FOLDER, DOS_VOLUME = 0x10, 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Limits of an archive: far above any pass seen (4 MB, 79 files), far below a harmful size."""

    archive_bytes: int = 16 * 2**20
    entries: int = 256
    entry_bytes: int = 8 * 2**20
    """One file, unpacked."""
    unpacked_bytes: int = 32 * 2**20
    """All files, unpacked: with the archive itself, what reading keeps in memory."""
    ratio: int = 100
    """Unpacked to packed size; deflate reaches 1,032, texts and pictures stay below 20."""
    ratio_from_bytes: int = 64 * 2**10
    """Smaller files may shrink more: an empty picture does."""
    name_bytes: int = 255
    """What every file system in use can store."""
    manifest_bytes: int = 256 * 2**10
    """256 files with names of 255 bytes need 80 kB."""
    signature_bytes: int = 64 * 2**10
    """A signature with its certificates has 3 to 8 kB."""
    json_bytes: int = 2**20
    """Every other JSON file: it is parsed as a whole."""
    allow_folders: bool = False
    """Folders other than `<tag>.lproj`: a few genuine passes carry a whole working copy."""

    @property
    def smallest(self) -> int:
        """The bytes that any file may have."""
        return min(
            self.entry_bytes,
            self.ratio_from_bytes,
            self.manifest_bytes,
            self.signature_bytes,
            self.json_bytes,
        )

    def of(self, name: str) -> int:
        """The most bytes the file `name` may have."""
        if name in ("manifest.json", "signature"):
            most = self.manifest_bytes if name == "manifest.json" else self.signature_bytes
        else:
            most = self.json_bytes if name.endswith(".json") else self.entry_bytes
        return min(most, self.entry_bytes)


# --- writing -------------------------------------------------------------------------------------

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


@lru_cache(maxsize=256)  # nearly all passes use the same few names
def _around(name: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Returns the constant bytes before and after the variable ones, in the local and in the central header
    of a file.
    """
    flags = 0 if name.isascii() else IS_UTF8
    known = struct.pack("<5H", _VERSION, flags, _STORED, 0, _DATE)
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
        if at + size >= _MAX_SIZE:
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
    if count >= _MAX_COUNT:
        raise InvalidInput("too-many-entries", "", f"an archive holds fewer than {_MAX_COUNT:,} files")
    size = len(front.central) + sum(map(len, central))
    if start + size >= _MAX_SIZE:
        raise InvalidInput("too-large", "", "an archive holds less than 4 GiB")
    end = END.pack(END_SIGN, 0, 0, count, count, size, start, 0)
    return b"".join((front.local, *local, front.central, *central, end))


# --- reading -------------------------------------------------------------------------------------

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
    if archive.startswith(ZIP64_LOCATOR_SIGN, max(0, at - ZIP64_LOCATOR_SIZE)) or _MAX_SIZE in (
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
        code = "zip64" if archive.startswith(_ZIP64_END_SIGN, offset + size) else "bad-directory"
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
            _CENTRAL_READ.unpack_from(archive, at)
        )
        repeated = archive[at + REPEATED.start : at + REPEATED.stop]
        at += CENTRAL.size
        name = archive[at : at + name_size]
        entry = _Entry(name, flags, method, crc, packed, size, attributes, offset, repeated, extra_size)
        at += name_size
        if extra_size or flags & _REFUSED_FLAGS:
            _check_features(entry, flags, archive[at : at + extra_size])
        at += extra_size + comment_size
        if comment_size:
            raise InvalidInput("comment", entry.location, "the entry has a comment")
        if disk:
            raise InvalidInput("bad-directory", entry.location, "the entry lies in another part of several")
        if _MAX_SIZE in (packed, size, offset):
            raise InvalidInput("zip64", entry.location, "zip64 is for archives of more than 4 GiB")
        entries.append(entry)
    if at != end:
        code = "zip64" if archive.startswith(_ZIP64_END_SIGN, at) else "bad-directory"
        raise InvalidInput(code, "", "the directory holds more than the end record says")
    return entries


def _check_features(entry: _Entry, flags: int, extra: bytes) -> None:
    if flags & _IS_ENCRYPTED:
        raise InvalidInput("encrypted", entry.location, "the entry is encrypted")
    if flags & _IS_PATCH:
        raise InvalidInput("encrypted", entry.location, "the entry is a patch for a file, not a file")
    at = number = 0
    while at + _EXTRA.size <= len(extra) and number < _MAX_EXTRAS:
        kind, size = _EXTRA.unpack_from(extra, at)
        if kind in _REFUSED_EXTRAS:
            code, message = _REFUSED_EXTRAS[kind]
            raise InvalidInput(code, entry.location, message)
        at += _EXTRA.size + size
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
        if entry.flags & _HAS_DESCRIPTOR:
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
        flags, method, crc, packed, size, name_size, extra_size = _LOCAL_READ.unpack_from(
            archive, entry.offset
        )
        zip64 = _MAX_SIZE in (packed, size)
        agree = _agree((archive[at : at + name_size], flags, method, crc, packed, size), entry)
    at += name_size + extra_size
    if at > directory:
        raise InvalidInput("bad-extra", entry.location, "the local header runs into the directory")
    if extra_size or flags & _REFUSED_FLAGS:
        _check_features(entry, flags, archive[at - extra_size : at])
    if zip64:
        raise InvalidInput("zip64", entry.location, "zip64 is for archives of more than 4 GiB")
    if not agree:
        raise InvalidInput("header-mismatch", entry.location, "the local header and the directory disagree")
    if entry.method not in (_STORED, _DEFLATED):
        raise InvalidInput("bad-method", entry.location, "the entry is neither stored nor deflated")
    if entry.method == _STORED and entry.packed != entry.size:
        raise InvalidInput("bad-method", entry.location, "the entry is stored, and its two sizes differ")
    return at


def _agree(local: tuple[bytes, int, int, int, int, int], entry: _Entry) -> bool:
    if local == entry[:6]:
        return True
    # 4.4.4, bit 3: what was not known when the local header was written is zero, and follows the data.
    postponed = zip(local[3:], entry[3:6], strict=True)
    return (
        bool(entry.flags & _HAS_DESCRIPTOR)
        and local[:3] == entry[:3]
        and all(here in (0, there) for here, there in postponed)
    )


def _descriptor_size(archive: bytes, entry: _Entry, at: int) -> int:
    # 4.3.9: with or without a signature before it.
    expected = _DESCRIPTOR.pack(entry.crc, entry.packed, entry.size)
    for descriptor in (_DESCRIPTOR_SIGN + expected, expected):
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
    if entry.method == _STORED:
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
