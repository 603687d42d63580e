"""Outputs of a batch: a folder, a ZIP or tar archive, or none.

An output grows at its end and can be cut back to what a ledger knows; an
archive under construction is called `NAME.part` until it is whole. Archives are
written here, not by the standard library's modules, because those keep every
entry in memory and can't go on with an archive that was cut short.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import tarfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Discard", "Entry", "Folder", "Links", "Output", "Tar", "Zip"]


class Entry(NamedTuple):
    """One pass in an output: its file name, where it begins there, and what it holds."""

    name: str
    offset: int
    size: int
    crc: int


class Output:
    """The output of passes. This one discards them; subclasses store them.

    `put` is called where a pass is made, in whatever process that is, so an
    output can be pickled; everything else is called in the one process that
    collects, in the order of the rows.
    """

    name = "nowhere"
    """What it is called in messages."""

    needs_ledger = False
    """It can't be made whole without a list of what it holds."""

    needs_crc = False
    """`add` is to be told the CRC-32 of each pass."""

    def put(self, name: str, data: bytes) -> bool:
        """Takes a pass where it was made; False leaves the bytes to `add`."""
        del name, data
        return True

    def begin(self, position: int | None) -> None:
        """Opens the output: a new one for None, else cut back to that many bytes.

        Raises:
            OSError: a new one is there already, an old one is not, or it can't be written.
        """

    def add(self, name: str, data: bytes, crc: int) -> int:
        """Appends a pass that `put` did not take, with its CRC-32, and answers where it begins."""
        del name, data, crc
        raise TypeError(f"{type(self).__name__} leaves passes to add(), so it has to define it")

    @property
    def position(self) -> int:
        """The number of bytes up to the end of the last pass."""
        return 0

    def checkpoint(self, names: Iterable[str]) -> None:
        """Returns when what was added, or put under these names, would survive a power failure."""

    def finish(self, entries: Iterable[Entry], number: int) -> None:
        """Makes the output whole: it holds these entries, in this order, `number` of them."""

    def close(self) -> None:
        """Lets go of the output as it is."""


# One call for thousands of files: on Linux it returns when all is written (sync(2)). Elsewhere it only
# begins to, so there each file is asked for.
_SYNC_WAITS = sys.platform.startswith("linux")


class Discard(Output):
    """Nowhere: passes are made, counted, and forgotten where they were made."""


class Folder(Output):
    """A folder with one file for each pass, each written whole or not at all, where it is made."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(path)

    def put(self, name: str, data: bytes) -> bool:
        part = self.path / f".{name}.part"
        part.write_bytes(data)
        part.replace(self.path / name)
        return True

    def begin(self, position: int | None) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if position is None and any(self.path.iterdir()):
            raise OSError(errno.ENOTEMPTY, "the folder is not empty", self.name)
        for part in self.path.glob(".*.part"):
            part.unlink()

    def checkpoint(self, names: Iterable[str]) -> None:
        if _SYNC_WAITS:
            os.sync()
            return
        for path in (*(self.path / name for name in names), self.path):
            _sync(path)


class _Archive(Output):
    """A file that grows at its end."""

    needs_ledger = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(path)
        self._part = self.path.with_name(f"{self.path.name}.part")
        self._file: IO[bytes] | None = None
        self._position = 0

    def put(self, name: str, data: bytes) -> bool:
        del name, data
        return False

    def begin(self, position: int | None) -> None:
        if position is None:
            if self.path.exists():
                raise FileExistsError(errno.EEXIST, "the archive is there already", self.name)
            self._file = self._part.open("xb")
            return
        if not self._part.exists():
            # It was finished, and goes on with rows that were refused then.
            self.path.rename(self._part)
        file = self._part.open("r+b")
        if file.seek(0, os.SEEK_END) < position:
            file.close()
            raise OSError(errno.EIO, "the archive is shorter than its ledger says", str(self._part))
        file.truncate(position)
        file.seek(position)
        self._file, self._position = file, position

    def add(self, name: str, data: bytes, crc: int) -> int:
        offset, head = self._position, self._head(name, len(data), crc)
        padding = bytes(-len(data) % self._block)
        self._open().writelines((head, data, padding))
        self._position += len(head) + len(data) + len(padding)
        return offset

    _block = 1

    def _head(self, name: str, size: int, crc: int) -> bytes:
        """Returns the bytes before the bytes of a pass: none, if passes have no names of their own."""
        del name, size, crc
        return b""

    @property
    def position(self) -> int:
        return self._position

    def checkpoint(self, names: Iterable[str]) -> None:
        del names
        file = self._open()
        file.flush()
        os.fsync(file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("the output was not opened: begin() comes first")
        return self._file

    def _complete(self) -> None:
        """The last octet is written: from now on the archive has its own name."""
        self.checkpoint(())
        self.close()
        self._part.replace(self.path)
        _sync(self.path.parent)

    def __getstate__(self) -> dict[str, object]:
        # Where passes are made nobody writes into the archive.
        return {**vars(self), "_file": None}


# APPNOTE.TXT 6.3.10 (PKWARE): 4.3.7 local header, 4.3.12 central record, 4.3.14 to 4.3.16 the ends.
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_EXTRA64 = struct.Struct("<2HQ")  # 4.5.3
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF
# 4.4.3.2: 2.0 is the plain format, 4.5 knows zip64. Unix, so that modes count.
_PLAIN, _ZIP64, _UNIX = 20, 45, 3 << 8
_MODE = (0o100644) << 16
_DATE = 1 << 5 | 1  # 1980-01-01, so that the same rows give the same archive


class Zip(_Archive):
    """A ZIP archive of passes, stored as they are: they are archives themselves.

    From 65,535 passes or 4 GiB on it ends with zip64 records, which every
    current reader knows.
    """

    needs_crc = True

    def _head(self, name: str, size: int, crc: int) -> bytes:
        raw = name.encode()
        return _LOCAL.pack(b"PK\3\4", _PLAIN, *_common_header(raw, size, crc), 0) + raw

    def finish(self, entries: Iterable[Entry], number: int) -> None:
        file, start = self._open(), self._position
        end = start
        for entry in entries:
            end += file.write(_central_record(entry))
        size = end - start
        if number >= _MAX_16 or end >= _MAX_32:
            made_by = _UNIX | _ZIP64
            file.write(_END64.pack(b"PK\6\6", 44, made_by, _ZIP64, 0, 0, number, number, size, start))
            file.write(_LOCATOR64.pack(b"PK\6\7", 0, end, 1))
        count = min(number, _MAX_16)
        file.write(_END.pack(b"PK\5\6", 0, 0, count, count, min(size, _MAX_32), min(start, _MAX_32), 0))
        self._complete()


def _common_header(raw: bytes, size: int, crc: int) -> tuple[int, ...]:
    """Returns the values that local header and central record share: flags, stored, date, sizes, length of
    the name.
    """
    return (0, 0, 0, _DATE, crc, size, size, len(raw))


def _central_record(entry: Entry) -> bytes:
    raw = entry.name.encode()
    # 4.5.3: what does not fit its own field stands in an extra one.
    far = entry.offset >= _MAX_32
    extra = _EXTRA64.pack(0x0001, 8, entry.offset) if far else b""
    version = _ZIP64 if far else _PLAIN
    shared = _common_header(raw, entry.size, entry.crc)
    offset = min(entry.offset, _MAX_32)
    fixed = (b"PK\1\2", _UNIX | version, version, *shared, len(extra), 0, 0, 0, _MODE, offset)
    return _CENTRAL.pack(*fixed) + raw + extra


class Tar(_Archive):
    """A tar archive of passes (POSIX.1-1988 ustar): streams well, and has no limits."""

    _block = tarfile.BLOCKSIZE

    def _head(self, name: str, size: int, crc: int) -> bytes:
        del crc
        info = tarfile.TarInfo(name)
        info.size = size
        return info.tobuf(tarfile.USTAR_FORMAT)

    def finish(self, entries: Iterable[Entry], number: int) -> None:
        del entries, number
        self._open().write(bytes(2 * tarfile.BLOCKSIZE))
        self._complete()


class Links(_Archive):
    """A list of save links: a CSV file with the columns serial and url."""

    def begin(self, position: int | None) -> None:
        super().begin(position)
        if not position:
            self._position = self._open().write(b"serial,url\n")

    def write(self, serial: str, url: str) -> None:
        """Appends a link. Neither a serial number nor a link holds what CSV would quote."""
        self._position += self._open().write(f"{serial},{url}\n".encode())

    def finish(self, entries: Iterable[Entry], number: int) -> None:
        del entries, number
        self._complete()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
