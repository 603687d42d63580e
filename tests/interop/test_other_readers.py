"""What we read, other readers read alike, or they refuse it: an archive has one meaning (ZIP-30).

The archives hold whatever writers put in that we let pass: descriptors, levels, flags,
extra fields, folders, systems, versions, dates, attributes, and bytes changed by chance.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from passwright.apple.container import pkpass
from passwright.errors import InvalidInput
from tests.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

FILES = {
    "icon.png": b"\x89PNG\r\n\x1a\n icon" * 30,
    "logo@2x.png": bytes(range(256)) * 8,
    "en.lproj/pass.strings": b'"key" = "value";\n' * 9,
    "zh-Hans.lproj/größe 票.png": "票".encode() * 40,
    "empty.txt": b"",
    "pass.json": b'{"formatVersion":1}',
    "manifest.json": b"{" + b'"icon.png":"00"' * 40 + b"}",
    "signature": b"0\x80signature",
}


@dataclass
class Mutant:
    """An archive that we read, what we read in it, and the seed it came from."""

    data: bytes
    files: dict[str, bytes]
    seed: int

    @cached_property
    def records(self) -> list[tuple[str, int, int, int, int]]:
        """Name, system, flags, method and offset of every entry."""
        at = self.data.index(b"PK\1\2", int.from_bytes(self.data[-6:-2], "little"))
        found = []
        while self.data.startswith(b"PK\1\2", at):
            record = CENTRAL.unpack_from(self.data, at)
            at += CENTRAL.size
            name = self.data[at : at + record[10]].decode()
            found.append((name, record[1] >> 8, record[3], record[4], record[16]))
            at += record[10] + record[11]
        return found

    def names(self, *, by_place: bool) -> list[str]:
        """The names of the files as we read them, in the order of the directory or of the local entries."""
        places = {name: place for name, *_, place in self.records}
        return sorted(self.files, key=places.__getitem__) if by_place else list(self.files)

    def traits(self) -> Iterator[str]:
        """What some readers stumble over."""
        for name, system, flags, method, _ in self.records:
            if system == MS_DOS and not name.isascii():
                yield "a name of MS-DOS in UTF-8"
            if flags & 8 and method == zipfile.ZIP_STORED:
                yield "stored, with its size behind it"


# --- making archives -----------------------------------------------------------------------------

LOCAL, CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
FIRST_SEED = 7
MS_DOS = 0


def deflated(data: bytes, chosen: random.Random) -> bytes:
    """Deflated by one of the levels and strategies there are."""
    strategies = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)
    deflater = zlib.compressobj(chosen.randrange(10), zlib.DEFLATED, -15, 8, chosen.choice(strategies))
    middle = chosen.randrange(len(data) + 1)
    flush = chosen.choice((zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH))
    return (
        deflater.compress(data[:middle])
        + deflater.flush(flush)
        + deflater.compress(data[middle:])
        + deflater.flush()
    )


def extras(chosen: random.Random) -> bytes:
    """Times and owners as Unix, NTFS and Java write them, and fields that nobody knows."""
    fields = (
        b"UT\5\0\1" + chosen.randbytes(4),
        b"UT\x0d\0\7" + chosen.randbytes(12),
        b"ux\x0b\0\1\4" + chosen.randbytes(4) + b"\4" + chosen.randbytes(4),
        b"UX\x08\0" + chosen.randbytes(8),
        b"\x0a\0\x20\0\0\0\0\0\1\0\x18\0" + chosen.randbytes(24),
        b"\xfe\xca\0\0",
        b"\x0d\0\x0c\0" + chosen.randbytes(12),
        struct.pack("<2H", chosen.randrange(2, 2**16), size := chosen.randrange(12)) + chosen.randbytes(size),
    )
    return b"".join(chosen.sample(fields, chosen.randrange(4)))


def written(chosen: random.Random) -> bytes:
    """One archive with features by chance."""
    names = list(FILES)
    chosen.shuffle(names)
    folders = [name for name in ("en.lproj/", "zh-Hans.lproj/", "de.lproj/") if chosen.random() < 0.3]
    for folder in folders:
        names.insert(chosen.randrange(len(names)), folder)
    body = bytearray()
    records = []
    for name in names:
        offset = len(body)
        local, record = entry(name, FILES.get(name, b""), offset, chosen)
        body += local
        records.append(record)
    if chosen.random() < 0.1:
        chosen.shuffle(records)
    directory = b"".join(records)
    count = len(records)
    return bytes(
        body
        + directory
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    )


def entry(name: str, data: bytes, offset: int, chosen: random.Random) -> tuple[bytes, bytes]:
    """A local entry and its central record."""
    raw = name.encode()
    method = chosen.choice((0, 8))
    packed = deflated(data, chosen) if method else data
    flags = 0x800 if not name.isascii() or chosen.random() < 0.3 else 0
    flags |= chosen.choice((0, 2, 4, 6)) if method else 0
    shared = (zlib.crc32(data), len(packed), len(data))
    after = b""
    told = shared
    if chosen.random() < 0.3:
        flags |= 8
        after = chosen.choice((b"PK\7\x08", b"")) + struct.pack("<3L", *shared)
        told = chosen.choice(((0, 0, 0), shared))
    version = chosen.choice((10, 20, 20, 20, 45)) if chosen.random() < 0.998 else 63
    time, date = chosen.choice(((0, 33), (0, 0), (chosen.getrandbits(16), chosen.getrandbits(16))))
    head = (version, flags, method, time, date)
    first, second = extras(chosen), extras(chosen)
    local = LOCAL.pack(b"PK\3\4", *head, *told, len(raw), len(first)) + raw + first + packed + after
    system = chosen.choice((0, 3, 3, 3, 7, 10, 19, chosen.randrange(256)))
    record = CENTRAL.pack(
        b"PK\1\2",
        system << 8 | chosen.choice((20, 30, 45, 63)),
        *head,
        *shared,
        *(len(raw), len(second), 0, 0, chosen.choice((0, 1))),
        attributes(name, chosen),
        offset,
    )
    return local, record + raw + second


def attributes(name: str, chosen: random.Random) -> int:
    """What systems say of a file: nothing, a mode, bits of MS-DOS, or anything in the lower half."""
    if name.endswith("/"):
        return chosen.choice((0, 0x10, 0o40755 << 16, 0o40755 << 16 | 0x10))
    mode = chosen.choice((0, 0o100644, 0o100600, 0o100755, 0o644))
    return mode << 16 | chosen.choice((0, 0, 0x20, 0x21, chosen.getrandbits(16)))


def changed(data: bytes, chosen: random.Random) -> bytes:
    """One to three bytes other than they were."""
    mutant = bytearray(data)
    for _ in range(chosen.randrange(1, 4)):
        mutant[chosen.randrange(len(mutant))] = chosen.getrandbits(8)
    return bytes(mutant)


def by_writers(folder: Path) -> Iterator[bytes]:
    """The same files packed by programs of others, and by us."""
    yield pkpass.pack(FILES)
    source = folder / "source"
    for name, data in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    names = sorted(FILES)
    for number, command in enumerate(
        (
            *(["zip", "-q", option] for option in ("-r", "-rX9", "-rD0", "-rfd")),
            ["bsdtar", "--format", "zip", "-cf"],
            ["7zz", "a", "-tzip", "-bso0", "-bsp0"],
        )
    ):
        path = folder / f"{number}.zip"
        subprocess.run([*command, path, *names], cwd=source, check=True, env={"LC_ALL": "C.UTF-8"})
        yield path.read_bytes()
    for compression, level in (
        (zipfile.ZIP_STORED, None),
        (zipfile.ZIP_DEFLATED, 1),
        (zipfile.ZIP_DEFLATED, 9),
    ):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression, compresslevel=level) as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
        yield out.getvalue()


def accepted(number: int, sources: Sequence[bytes]) -> list[Mutant]:
    """So many archives that we read, no two the same: of `sources` or by chance, half with bytes changed."""
    found: dict[bytes, Mutant] = {}
    for seed in itertools.count(FIRST_SEED):
        chosen = random.Random(seed)
        data = sources[seed % len(sources)] if chosen.random() < 0.3 else written(chosen)
        if chosen.random() < 0.5:
            data = changed(data, chosen)
        try:
            files = pkpass.read(data)
        except InvalidInput:
            continue
        found.setdefault(data, Mutant(data, files, seed))
        if len(found) == number:
            return list(found.values())
    raise AssertionError


# --- readers of others ---------------------------------------------------------------------------

Read = tuple[list[str], str]
"""The names of the files that a reader found, in its order, and the SHA-256 of all their contents."""


class RefusedError(Exception):
    """A reader does not take the archive."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_of(names: Iterable[str], row: bytes) -> Read:
    return [name for name in names if not name.endswith("/")], digest(row)


def by_zipfile(path: Path) -> Read:
    try:
        with zipfile.ZipFile(path) as archive:
            return read_of(archive.namelist(), b"".join(map(archive.read, archive.namelist())))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise RefusedError(exc) from exc


def run(*command: str | Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    if done.returncode:
        raise RefusedError((done.stderr or done.stdout)[-300:])
    return done.stdout


def lines(text: bytes) -> list[str]:
    return text.decode(errors="surrogateescape").splitlines()


def by_unzip(path: Path) -> Read:
    return read_of(lines(run("unzip", "-Z1", path)), run("unzip", "-p", path))


def by_bsdtar(path: Path) -> Read:
    return read_of(lines(run("bsdtar", "-tf", path)), run("bsdtar", "-xOf", path))


def by_bsdtar_in_a_pipe(path: Path) -> Read:
    """Without seeking it can't look at the directory: local headers are all it has."""
    data = path.read_bytes()
    return read_of(lines(run("bsdtar", "-tf", "-", stdin=data)), run("bsdtar", "-xOf", "-", stdin=data))


def by_7zip(path: Path) -> Read:
    told = run("7zz", "l", "-slt", "-ba", path).decode(errors="surrogateescape")
    names = [block.split("\n")[0] for block in told.split("Path = ")[1:] if "Folder = +" not in block]
    return read_of(names, run("7zz", "x", "-so", path))


ONE_BY_ONE: dict[str, Callable[[Path], Read]] = {
    "zipfile": by_zipfile,
    "unzip": by_unzip,
    "bsdtar": by_bsdtar,
    "bsdtar in a pipe": by_bsdtar_in_a_pipe,
    "7-Zip": by_7zip,
}
LIBRARIES = ("adm-zip", "fflate", "jszip", "yauzl")
# Who lists files in the order they lie in, not in that of the directory.
BY_PLACE = {"bsdtar", "bsdtar in a pipe"}
# Where one reads an archive otherwise, and why that is harmless.
EXPLAINED = {
    ("unzip", "a name of MS-DOS in UTF-8"): (
        "it takes such names for code page 437, whatever the flag says; the names that a pass needs are ASCII"
    ),
    ("bsdtar in a pipe", "stored, with its size behind it"): (
        "nobody can know where such an entry ends who sees no directory; wallets have the whole file"
    ),
}


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return list(by_writers(tmp_path_factory.mktemp("writers")))


def differs(reader: str, mutant: Mutant, read: Read) -> str:
    """The trait by which the reader reads otherwise, "" where it reads what we read."""
    ours = mutant.names(by_place=reader in BY_PLACE)
    names, contents = read
    if (names, contents) == (ours, digest(b"".join(map(mutant.files.__getitem__, ours)))):
        return ""
    traits = [trait for trait in mutant.traits() if (reader, trait) in EXPLAINED]
    assert traits, f"{reader} reads the archive of seed {mutant.seed} otherwise: {read}"
    return traits[0]


def libraries_read(paths: Sequence[Path], node: Path) -> dict[str, list[Read | None]]:
    """What four libraries of Node make of archives, in one process; None where they refuse."""
    script = node / "read_archives.mjs"  # beside node_modules, or node finds no packages
    shutil.copy(TESTS / "node" / script.name, script)
    given = json.dumps([str(path) for path in paths])
    done = subprocess.run(["node", script], input=given, capture_output=True, text=True, check=True)
    told: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return {
        library: [(one["names"], one["digest"]) if "names" in one else None for one in told[library]]
        for library in LIBRARIES
    }


def all_read(
    mutants: Sequence[Mutant], folder: Path, node: Path
) -> Iterator[tuple[str, Mutant, Read | None]]:
    """What every reader makes of every archive, None where it refuses."""
    paths = [folder / f"{mutant.seed}.zip" for mutant in mutants]
    for path, mutant in zip(paths, mutants, strict=True):
        path.write_bytes(mutant.data)
        for reader, read in ONE_BY_ONE.items():
            try:
                yield reader, mutant, read(path)
            except RefusedError:
                yield reader, mutant, None
    for library, found in libraries_read(paths, node).items():
        yield from zip(itertools.repeat(library), mutants, found, strict=False)


def compare_all(number: int, sources: Sequence[bytes], folder: Path, node: Path) -> set[tuple[str, str]]:
    """Compares what every reader reads with what we read; the explained differences there were."""
    mutants = accepted(number, sources)
    seen: set[tuple[str, str]] = set()
    refused: Counter[str] = Counter()
    for reader, mutant, read in all_read(mutants, folder, node):
        if read is None:
            refused[reader] += not any((reader, trait) in EXPLAINED for trait in mutant.traits())
        elif trait := differs(reader, mutant, read):
            seen.add((reader, trait))
    # Refusing is not reading otherwise, but who refuses everything has compared nothing.
    assert all(count < number / 10 for count in refused.values()), refused
    return seen


@pytest.mark.foreign("unzip", "zip", "bsdtar", "7zz", "node", "npm")
def test_zip_30_nine_readers_of_others_read_what_we_read(
    sources: list[bytes],
    tmp_path: Path,
    passkit: Path,
) -> None:
    assert compare_all(40, sources, tmp_path, passkit) <= EXPLAINED.keys()


@pytest.mark.foreign("unzip", "zip", "bsdtar", "7zz", "node", "npm")
@pytest.mark.long
def test_zip_30_nine_readers_of_others_read_two_thousand_archives_as_we_do(
    sources: list[bytes],
    tmp_path: Path,
    passkit: Path,
) -> None:
    assert compare_all(2_000, sources, tmp_path, passkit) == EXPLAINED.keys()
