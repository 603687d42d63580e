"""Archives and manifests: what is written, what is read, and what is refused.

The archives of the refusals are forged here field by field, with structures
of this file's own, so that a mistake in the reader's is not repeated.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.container import archive, archive_writer, filenames, pkpass
from passwright.apple.container.filenames import check_name, is_junk_file, is_secret
from passwright.apple.container.limits import ArchiveLimits
from passwright.apple.container.manifest import PER_PASS_FILES, check_manifest, digest, format_manifest
from passwright.apple.container.pkpass import PrebuiltArchive
from passwright.errors import InvalidInput
from passwright.report import Report, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FILES = {
    "icon.png": b"\x89PNG icon" * 40,
    "zebra.png": b"\x89PNG zebra",
    "en.lproj/pass.strings": b'"a" = "b";',
    "pt_BR.lproj/pass.strings": b"",
    "pass.json": b'{"formatVersion":1}',
    "manifest.json": b"{}",
    "signature": b"0\x80",
}


# --- forging -------------------------------------------------------------------------------------


@dataclass
class Entry:
    """One entry to forge. `local` and `central` replace fields of the two headers by name."""

    name: str | bytes = "pass.json"
    data: bytes = b"{}"
    method: int = 0
    flags: int = 0
    packed: bytes | None = None  # the bytes in the archive, when they are not `data` stored or deflated
    after: bytes = b""  # what follows the data: a descriptor, a gap
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    attributes: int | None = None  # a regular file's, or a folder's
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        return {
            "name": self.name.encode() if isinstance(self.name, str) else self.name,
            "flags": self.flags | (0x800 if isinstance(self.name, str) and not self.name.isascii() else 0),
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(self.content()),
            "size": len(self.data),
        }

    def mode(self) -> int:
        if self.attributes is not None:
            return self.attributes
        is_folder = self.fields()["name"].endswith(b"/")
        return (stat.S_IFDIR | 0o755 if is_folder else stat.S_IFREG | 0o644) << 16

    def content(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.data) if self.method == 8 else self.data


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


def local_entry(entry: Entry) -> bytes:
    it = entry.fields() | entry.local
    name: bytes = it["name"]
    sizes = struct.pack("<LLL", it["crc"], it["packed"], it["size"])
    lengths = struct.pack("<HH", len(it["name"]), len(entry.local_extra))
    head = b"PK\3\4" + struct.pack("<HHHHH", 20, it["flags"], it["method"], 0, 33)
    return head + sizes + lengths + name + entry.local_extra + entry.content() + entry.after


def central_record(entry: Entry, offset: int) -> bytes:
    it = entry.fields() | {"offset": offset, "disk": 0} | entry.central
    name: bytes = it["name"]
    lengths = struct.pack("<HHH", len(it["name"]), len(entry.central_extra), len(entry.comment))
    head = b"PK\1\2" + struct.pack("<HHHHHH", 0x0314, 20, it["flags"], it["method"], 0, 33)
    sizes = struct.pack("<LLL", it["crc"], it["packed"], it["size"])
    rest = struct.pack("<HHLL", it["disk"], 0, entry.mode(), it["offset"])
    return head + sizes + lengths + rest + name + entry.central_extra + entry.comment


def end_record(**changes: int) -> bytes:
    it = {"disk": 0, "start_disk": 0, "here": 0, "count": 0, "size": 0, "offset": 0, "comment": 0} | changes
    return b"PK\5\6" + struct.pack("<HHHHLLH", *it.values())


def forge(*entries: Entry, lead: bytes = b"", gap: bytes = b"", before_end: bytes = b"", **end: int) -> bytes:
    """An archive of these entries: right in everything but what was asked for."""
    body = bytearray(lead)
    directory = bytearray()
    for entry in entries:
        directory += central_record(entry, len(body))
        body += local_entry(entry)
    body += gap
    count = len(entries) & 0xFFFF
    right = {"here": count, "count": count, "size": len(directory), "offset": len(body)}
    return bytes(body + directory + before_end) + end_record(**right | end)


def refusal(data: bytes, *, read: Callable[..., object] = pkpass.read, **limits: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(data, limits=ArchiveLimits(**limits)) if limits else read(data)
    return caught.value


def code(data: bytes, **limits: Any) -> str:
    return refusal(data, **limits).code


# --- writing -------------------------------------------------------------------------------------


def test_an_archive_is_sorted_and_ends_with_what_differs_from_pass_to_pass() -> None:
    written = list(pkpass.read(pkpass.pack(dict(reversed(FILES.items())))))

    assert written == [
        *("en.lproj/pass.strings", "icon.png", "pt_BR.lproj/pass.strings", "zebra.png"),
        *("pass.json", "manifest.json", "signature"),
    ]


def test_what_is_written_is_plain() -> None:
    """Stored, dated 1980-01-01, regular files of mode 0644, UTF-8 only where needed, nothing extra."""
    data = pkpass.pack(FILES | {"de.lproj/größe.png": b"x"})

    with zipfile.ZipFile(io.BytesIO(data)) as archived:
        assert archived.comment == b""
        for info in archived.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr == (stat.S_IFREG | 0o644) << 16
            assert info.create_system == 3
            assert info.flag_bits == (0 if info.filename.isascii() else 0x800)
            assert (info.extra, info.comment) == (b"", b"")


def test_a_front_packs_the_same_bytes_as_a_one_off() -> None:
    constant = {name: data for name, data in FILES.items() if name not in PER_PASS_FILES}
    front = PrebuiltArchive(constant)

    for extra in ({"pass.json": b"1", "manifest.json": b"22", "signature": b"333"}, {"pass.json": b""}, {}):
        assert front.pack(extra) == pkpass.pack(constant | extra)


@pytest.mark.parametrize("others", [["icon.png"], ["zebra.png"], ["a.png", "zebra.png"], ["o'\"é.png"], []])
def test_a_front_writes_the_manifest_that_all_digests_give(others: list[str]) -> None:
    """Also when pass.json comes first, last, or in the midst of the names."""
    files = {name.replace('"', ""): name.encode() for name in others}
    pass_json = b'{"serialNumber":"1"}'

    written = PrebuiltArchive(files).format_manifest(pass_json)

    everything = files | {"pass.json": pass_json}
    digests = {name: hashlib.sha1(data).hexdigest() for name, data in everything.items()}
    assert written == format_manifest(digests)
    assert written == json.dumps(digests, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_digests_of_a_front_are_those_of_its_files() -> None:
    assert PrebuiltArchive({"icon.png": b"abc"}).digests == {
        "icon.png": "a9993e364706816aba3e25717850c26c9cd0d89d"
    }


def test_a_pass_costs_only_its_own_digest_and_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant files are hashed and summed once, however many passes follow."""
    seen: Counter[str] = Counter()
    sha1, crc32 = hashlib.sha1, zlib.crc32

    def counting_sha1(data: bytes, **options: bool) -> Any:
        seen[f"sha1 {len(data)}"] += 1
        return sha1(data, **options)

    def counting_crc32(data: bytes) -> int:
        seen[f"crc32 {len(data)}"] += 1
        return crc32(data)

    monkeypatch.setattr(hashlib, "sha1", counting_sha1)
    monkeypatch.setattr(zlib, "crc32", counting_crc32)
    front = PrebuiltArchive({"icon.png": b"x" * 1000, "logo.png": b"x" * 1001})
    assert seen == {"sha1 1000": 1, "sha1 1001": 1, "crc32 1000": 1, "crc32 1001": 1}

    seen.clear()
    for _ in range(3):
        front.format_manifest(b"y" * 10)
        front.pack({"pass.json": b"y" * 10, "manifest.json": b"y" * 20, "signature": b"y" * 30})

    assert seen == {"sha1 10": 3, "crc32 10": 3, "crc32 20": 3, "crc32 30": 3}


def test_man_11_files_changed_after_they_were_given_change_nothing() -> None:
    """The front has its own copy: digest, checksum and bytes always fit."""
    icon, pass_json = bytearray(b"before"), bytearray(b"{}")
    files: dict[str, bytearray | memoryview] = {"icon.png": icon, "logo.png": memoryview(icon)}
    front = PrebuiltArchive(files)
    icon[:] = b"after!"
    files.clear()

    packed = front.pack({"pass.json": pass_json})
    pass_json[:] = b"[]"

    assert pkpass.read(packed) == {"icon.png": b"before", "logo.png": b"before", "pass.json": b"{}"}
    assert front.digests["icon.png"] == digest(b"before")


def test_only_bytes_are_files() -> None:
    """bytes(3) would be three zeros."""
    for wrong in (3, "text", None, [1, 2]):
        with pytest.raises(TypeError):
            pkpass.pack({"icon.png": wrong})  # type: ignore[dict-item]


def test_files_that_differ_from_pass_to_pass_are_not_constant() -> None:
    for name in PER_PASS_FILES:
        with pytest.raises(ValueError, match="differ from pass to pass"):
            PrebuiltArchive({name: b""})


def test_names_that_clash_are_not_written() -> None:
    with pytest.raises(InvalidInput) as within:
        PrebuiltArchive({"icon.png": b"", "Icon.png": b""})
    with pytest.raises(InvalidInput) as across:
        PrebuiltArchive({"Pass.json": b""})

    assert {caught.value.code for caught in (within, across)} == {"duplicate-name"}


def test_what_a_front_does_not_know_is_not_constant_for_one_pass() -> None:
    with pytest.raises(ValueError, match="differ from pass to pass"):
        PrebuiltArchive({"icon.png": b""}).pack({"pass.json": b"", "logo.png": b""})


@pytest.mark.parametrize(
    "name", ["key.pem", "Certificates.P12", "en.lproj/AuthKey_1.p8", "wwdr.key", "a.pfx"]
)
def test_keys_are_not_written(name: str) -> None:
    assert is_secret(name)
    with pytest.raises(InvalidInput) as caught:
        pkpass.pack({name: b"-----BEGIN"})
    assert caught.value.code == "secret-file"


@pytest.mark.parametrize(
    "name",
    [
        *(".DS_Store", "en.lproj/.DS_Store", "__MACOSX/._icon.png", "._icon.png", "Thumbs.db", "thumbs.DB"),
        *(".git/config", ".git", "desktop.ini"),
    ],
)
def test_man_12_left_overs_of_desktops_are_known(name: str) -> None:
    assert is_junk_file(name)


@pytest.mark.parametrize(
    "name", ["icon.png", "en.lproj/pass.strings", "keys.png", "monkey", "git.png", "pem"]
)
def test_ordinary_files_are_neither_left_overs_nor_keys(name: str) -> None:
    assert not is_junk_file(name)
    assert not is_secret(name)


def test_the_limits_of_the_format_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """65,535 and 4 GiB stand for "see the zip64 record", which is not written."""
    most = PrebuiltArchive({f"{number}.png": b"" for number in range(65_534)})
    assert len(zipfile.ZipFile(io.BytesIO(most.pack({}))).namelist()) == 65_534
    with pytest.raises(InvalidInput) as many:
        most.pack({"pass.json": b""})
    assert many.value.code == "too-many-entries"

    # A gibibyte takes its time; the sums are the same with less.
    monkeypatch.setattr(archive_writer, "MAX_SIZE", 1000)
    with pytest.raises(InvalidInput) as file:
        PrebuiltArchive({"icon.png": b"x" * 1000})
    with pytest.raises(InvalidInput) as second:
        PrebuiltArchive({"icon.png": b"x" * 500}).pack({"pass.json": b"x" * 500})
    with pytest.raises(InvalidInput) as directory:
        PrebuiltArchive({"icon.png": b"x" * 950}).pack({})
    assert [caught.value.code for caught in (file, second, directory)] == ["too-large"] * 3
    assert (file.value.location, second.value.location) == ("icon.png", "pass.json")


# --- round trips, and readers of others ----------------------------------------------------------

PARTS = st.text("abcXYZ019_-@ éß🎫.", min_size=1, max_size=12)
NAMES = st.one_of(PARTS, st.builds("{}.lproj/{}".format, st.sampled_from(["en", "pt_BR", "zh-Hans"]), PARTS))


def may_be_written(name: str) -> bool:
    try:
        check_name(name)
    except InvalidInput:
        return False
    return not is_secret(name) and name not in PER_PASS_FILES


@given(
    st.dictionaries(NAMES.filter(may_be_written), st.binary(max_size=200), max_size=8),
    st.binary(max_size=200),
)
def test_what_is_packed_is_read_again(constant: dict[str, bytes], pass_json: bytes) -> None:
    files = {filenames.collation_key(name): (name, data) for name, data in constant.items()}
    wanted = dict(files.values()) | {"pass.json": pass_json}

    packed = pkpass.pack(wanted)

    assert pkpass.read(packed) == wanted
    assert pkpass.read(memoryview(bytearray(packed))) == wanted
    with zipfile.ZipFile(io.BytesIO(packed)) as archived:
        assert {name: archived.read(name) for name in archived.namelist()} == wanted


@pytest.mark.foreign("unzip")
def test_unzip_reads_what_we_write(tmp_path: Path) -> None:
    files = FILES | {"de.lproj/größe.png": b"x" * 5000}
    path = tmp_path / "card.pkpass"
    path.write_bytes(pkpass.pack(files))

    tested = subprocess.run(["unzip", "-tqq", path], check=False, capture_output=True)
    subprocess.run(["unzip", "-qq", path, "-d", tmp_path / "out"], check=True, env={"LC_ALL": "C.UTF-8"})

    assert (tested.returncode, tested.stdout, tested.stderr) == (0, b"", b"")
    out = tmp_path / "out"
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert found == files


def by_zipfile(compression: int, *, seekable: bool) -> bytes:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    buffer = io.BytesIO() if seekable else Pipe()
    with zipfile.ZipFile(buffer, "w", compression) as archived:
        archived.writestr("en.lproj/", b"")
        for name, data in FILES.items():
            archived.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("seekable", [True, False])
def test_zip_24_archives_of_pythons_writer_are_read(compression: int, *, seekable: bool) -> None:
    """Written to a pipe, it uses data descriptors."""
    assert pkpass.read(by_zipfile(compression, seekable=seekable)) == FILES


@pytest.mark.foreign("zip")
@pytest.mark.parametrize("options", [["-r"], ["-rX9"], ["-rD0"], ["-rfd"]])
def test_archives_of_zip_are_read(tmp_path: Path, options: list[str]) -> None:
    """Apple's own tool calls `zip -r`: with folders, Unix times and ids; `-fd` forces data descriptors."""
    folder = tmp_path / "pass"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    subprocess.run(["zip", "-q", *options, tmp_path / "card.pkpass", "."], cwd=folder, check=True)

    assert pkpass.read((tmp_path / "card.pkpass").read_bytes()) == FILES


# --- refusals: the container ---------------------------------------------------------------------


def test_a_forged_archive_without_a_fault_is_read() -> None:
    entries = [Entry(), Entry("icon.png", b"x" * 500, method=8), Entry("en.lproj/pass.strings", b"")]

    assert pkpass.read(forge(*entries)) == {
        "pass.json": b"{}",
        "icon.png": b"x" * 500,
        "en.lproj/pass.strings": b"",
    }


def peak_memory(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros(blocks: int, block_bytes: int = 2**20) -> bytes:
    """A deflate stream of `blocks` times `block_bytes` zero bytes, made without inflating it here."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflater.compress(bytes(block_bytes)) + deflater.flush(zlib.Z_FULL_FLUSH)
    return block * blocks + deflated(b"")


@pytest.mark.parametrize(
    ("blocks", "declared", "expected"),
    [
        (50, 50 * 2**20, "too-large"),
        (50, 5 * 2**20, "too-large"),  # by its ratio
        (10 * 1024, 2**32 - 2, "too-large"),
        (10 * 1024, 8 * 2**20, "size-mismatch"),
    ],
)
def test_zip_01_bombs_are_refused_with_bounded_memory(blocks: int, declared: int, expected: str) -> None:
    """50 KB that become 50 MiB, and 10 MiB that become 10 GiB, honest and lying about it."""
    size = {"size": declared}
    data = forge(Entry(), Entry("icon.png", b"", method=8, packed=zeros(blocks), local=size, central=size))
    codes: list[str] = []

    peak = peak_memory(lambda: codes.append(code(data)))

    assert codes == [expected]
    assert peak < 8 * 2**20 + 16 * 2**20


def test_zip_01_all_files_together_are_bounded() -> None:
    many = [Entry(f"{number}.png", bytes(2**20), method=8) for number in range(4)]

    assert code(forge(Entry(), *many), ratio=2000, unpacked_bytes=4 * 2**20) == "too-large"
    assert code(forge(Entry(), *many)) == "too-large"  # a ratio of a thousand
    assert len(pkpass.read(forge(Entry(), *many), limits=ArchiveLimits(ratio=2000))) == 5
    exact = ArchiveLimits(ratio=2000, unpacked_bytes=4 * 2**20 + 2)
    assert len(pkpass.read(forge(Entry(), *many), limits=exact)) == 5


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("manifest.json", 256 * 2**10),
        ("signature", 64 * 2**10),
        ("personalization.json", 2**20),
        ("icon.png", 8 * 2**20),
    ],
)
def test_zip_01_files_have_limits_of_their_own(name: str, limit: int) -> None:
    assert len(pkpass.read(forge(Entry(), Entry(name, bytes(limit))))[name]) == limit
    assert code(forge(Entry(), Entry(name, bytes(limit + 1)))) == "too-large"


def test_zip_01_an_archive_over_the_limit_is_refused_unread() -> None:
    assert code(bytes(16 * 2**20 + 1)) == "too-large"

    whole = pkpass.pack(FILES)
    assert pkpass.read(whole, limits=ArchiveLimits(archive_bytes=len(whole)))
    assert code(whole, archive_bytes=len(whole) - 1) == "too-large"


@pytest.mark.parametrize("declared", [0, 1, 10, 99_999])
def test_zip_02_a_stream_longer_than_declared_is_refused(declared: int) -> None:
    data = random.Random(1).randbytes(100_000)
    lie = {"size": declared, "crc": zlib.crc32(data[:declared])}

    assert code(forge(Entry(), Entry("a", data, method=8, local=lie, central=lie))) == "size-mismatch"


def test_zip_02_a_stream_shorter_than_declared_is_refused() -> None:
    lie = {"size": 4}

    assert code(forge(Entry("pass.json", b"{}", method=8, local=lie, central=lie))) == "size-mismatch"


@pytest.mark.parametrize("fields", [["packed"], ["size"], ["packed", "size"]])
@pytest.mark.parametrize("where", ["local", "central", "both"])
@pytest.mark.parametrize("method", [0, 8])
def test_zip_03_huge_sizes_are_refused_from_the_header_alone(
    fields: list[str], where: str, method: int
) -> None:
    huge = dict.fromkeys(fields, 0xFFFFFFFE)
    entry = Entry(
        method=method,
        local=huge if where in ("local", "both") else {},
        central=huge if where in ("central", "both") else {},
    )
    data = forge(entry)
    codes: list[str] = []

    peak = peak_memory(lambda: codes.append(code(data)))

    assert codes[0] in ("too-large", "header-mismatch", "overlap", "bad-method")
    assert peak < 2**20


@pytest.mark.parametrize("second", ["pass.json", "other.json"])
def test_zip_04_two_records_of_one_local_entry_are_an_overlap(second: str) -> None:
    first = Entry()
    body = local_entry(first)
    directory = central_record(first, 0) + central_record(Entry(second), 0)

    assert (
        code(body + directory + end_record(here=2, count=2, size=len(directory), offset=len(body)))
        == "overlap"
    )


def test_zip_04_an_entry_inside_the_data_of_another_is_an_overlap() -> None:
    inner = Entry("icon.png", b"inner")
    outer = Entry("pass.json", local_entry(inner))
    body = local_entry(outer)
    directory = central_record(outer, 0) + central_record(inner, body.index(b"PK\3\4", 1))

    assert (
        code(body + directory + end_record(here=2, count=2, size=len(directory), offset=len(body)))
        == "overlap"
    )


def overlapping(count: int) -> bytes:
    """Quoted overlap: each stream holds the headers of all that follow as stored blocks, then one kernel."""
    content = bytes(2**16)
    body = deflated(content)
    headers: list[bytes] = []
    records: list[bytes] = []
    for number in reversed(range(count)):
        if headers:
            body = struct.pack("<BHH", 0, len(headers[-1]), len(headers[-1]) ^ 0xFFFF) + headers[-1] + body
            content = headers[-1] + content
        it = {"crc": zlib.crc32(content), "packed": len(body), "size": len(content)}
        entry = Entry(f"{number:04}.png", method=8, packed=b"", local=it, central=it)
        headers.append(local_entry(entry))
        records.append(central_record(entry, 0))
    at = 0
    directory = b""
    for header, record in zip(reversed(headers), reversed(records), strict=True):
        directory += record[:42] + struct.pack("<L", at) + record[46:]
        at += len(header) + 5
    body = headers[-1] + body
    return body + directory + end_record(here=count, count=count, size=len(directory), offset=len(body))


def test_zip_05_overlap_bombs_are_refused() -> None:
    data = overlapping(1000)
    first = zlib.decompressobj(-15).decompress(data[38:])
    assert len(first) == 2**16 + 999 * 38  # and so for each of the thousand
    assert len(data) < 110_000
    assert code(data) == "too-many-entries"

    with pytest.raises(InvalidInput) as caught:
        pkpass.read(data, limits=ArchiveLimits(entries=1000, unpacked_bytes=2**40, ratio=2000))

    assert caught.value.code == "overlap"


@pytest.mark.parametrize("name", ["pass.json", "manifest.json", "signature", "icon.png"])
@pytest.mark.parametrize("between", [[], [Entry("a.png"), Entry("b.png")]])
@pytest.mark.parametrize("second", [b"{}", b"other"])
def test_zip_06_duplicate_names_are_refused(name: str, between: list[Entry], second: bytes) -> None:
    error = refusal(forge(Entry(name), *between, Entry(name, second)))

    assert (error.code, error.location) == ("duplicate-name", name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pass.json", "Pass.json"),
        ("straße.png", "STRASSE.png"),
        ("en.lproj/é.png", "en.lproj/e\u0301.png"),
        ("en.lproj/icon.png", "EN.lproj/icon.png"),
        ("Å.png", "\u212b.png"),
        ("en.lproj/", "en.lproj/"),
    ],
)
def test_zip_07_names_that_some_system_takes_for_one_are_refused(one: str, other: str) -> None:
    assert code(forge(Entry(one, b""), Entry(other, b""))) == "duplicate-name"


def test_zip_07_required_names_are_matched_exactly() -> None:
    assert code(forge(Entry("PASS.JSON"))) == "missing-pass-json"
    assert code(forge()) == "missing-pass-json"


def test_a_file_and_a_folder_of_one_name_are_refused() -> None:
    assert code(forge(Entry("a/b"), Entry("A")), allow_folders=True) == "duplicate-name"


BAD_NAMES = {
    "zip_08": [
        *(
            "../x",
            "a/../../x",
            "..\\x",
            "%2e%2e/x",
            "....//x",
            "..",
            ".",
            "./pass.json",
            "a//b",
            "en.lproj//x",
        ),
        *("en.lproj/../x", "en.lproj/..", "...", "en.lproj/"),
    ],
    "zip_09": ["/etc/passwd", "//host/x", "C:\\x", "C:x", "\\\\host\\share", "/", "c:"],
    "zip_10": [
        *(
            "pass.json\0.png",
            "a\nb",
            "\x7f",
            "con",
            "CON",
            "aux.png",
            "nul .png",
            "COM1.x.y",
            "lpt¹",
            "en.lproj/prn",
        ),
        *(
            "con.lproj/x",
            "icon.png ",
            "icon.png.",
            "en.lproj /x",
            "icon\u202egnp.png",
            "ico\u200bn.png",
            "a\u2028b",
        ),
        *("conin$", 'a"b', "a|b", "a*", "", "x" * 256, "é" * 128, "\ue000\x85"),
    ],
    "zip_14": [
        *("a/b.png", "a/b/c.png", "en.lproj/de.lproj/x", "__MACOSX/._pass.json", ".git/config", "enlproj/x"),
        *("en.lproj", "EN.LPROJ", "de.lproj/en.lproj", ".lproj/x", "1.lproj/x", "e_.lproj/x", "en.LPROJ/x"),
    ],
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=f"{threat} {name[:20]!r}")
        for threat, names in BAD_NAMES.items()
        for name in names
    ],
)
def test_zip_08_zip_09_zip_10_zip_14_bad_names_are_neither_read_nor_written(name: str) -> None:
    with pytest.raises(InvalidInput) as checked:
        check_name(name)
    with pytest.raises(InvalidInput) as written:
        pkpass.pack({name: b""})
    codes = {checked.value.code, written.value.code}
    if not name.endswith("/"):
        codes.add(code(forge(Entry(), Entry(name))))

    assert codes == {"bad-name"}
    assert all(caught.value.location.isprintable() for caught in (checked, written))
    assert len(checked.value.location) <= 6 * 81


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pass.json",
            "icon@2x.png",
            "en.lproj/x",
            "zh-Hans.lproj/logo.png",
            "sr_Latn_RS.lproj/a",
            "Base.lproj/a",
        ),
        *(
            "größe.png",
            "🎫",
            "console.png",
            "auxiliary",
            "com.png",
            ".DS_Store",
            " a",
            "a..b",
            "x" * 255,
            "é" * 127 + "x",
            "100%.png",
        ),
    ],
)
def test_good_names_are_read_and_written(name: str) -> None:
    files = {name: b"x"} | {"pass.json": b"{}"}

    assert pkpass.read(pkpass.pack(files)).keys() == files.keys()


def test_zip_14_other_folders_are_read_where_the_caller_allows_them() -> None:
    """One source of genuine passes has a whole working copy in each, listed in the manifest."""
    data = forge(
        *(Entry("./", b""), Entry(".git/", b""), Entry(".git/refs/", b""), Entry(".git/refs/head", b"1")),
        *(Entry("%2e%2e/x", b"2"), Entry("en.lproj/", b""), Entry()),
    )

    assert code(data) == "bad-name"
    assert code(forge(Entry("./", b""), Entry())) == "bad-name"
    files = pkpass.read(data, limits=ArchiveLimits(allow_folders=True))
    assert files == {".git/refs/head": b"1", "%2e%2e/x": b"2", "pass.json": b"{}"}


@pytest.mark.parametrize(
    "name", ["../x", "a/../x", "/x", "a//b", "a/con/b", "a/b ", "a/./b", "../", "//", "a/../"]
)
def test_zip_14_allowed_folders_are_still_safe_ones(name: str) -> None:
    assert code(forge(Entry(name, b""), Entry()), allow_folders=True) == "bad-name"


@pytest.mark.parametrize(
    "entry",
    [
        Entry(b"gr\x94\xe1e.png"),  # CP437
        Entry("größe.png".encode()),  # right, without saying so
        Entry(b"\xff\xfe.png", flags=0x800),
        Entry(b"\xc0\xae\xc0\xae.png", flags=0x800),
        Entry(b"\xed\xa0\x80", flags=0x800),
        Entry("x.png", local_extra=b"\x75\x70\x0a\0\1" + struct.pack("<L", zlib.crc32(b"x.png")) + b"x.png"),
        Entry(
            "x.png", central_extra=b"\x75\x70\x0a\0\1" + struct.pack("<L", zlib.crc32(b"x.png")) + b"y.png"
        ),
    ],
)
def test_zip_11_names_in_unknown_alphabets_are_refused(entry: Entry) -> None:
    assert code(forge(Entry(), entry)) == "bad-name"


@pytest.mark.parametrize("header", ["local", "central"])
@pytest.mark.parametrize(
    "change",
    [
        *({"name": b"pass.jsom"}, {"name": b"pass.jso"}, {"method": 8}, {"method": 12}, {"flags": 0x800}),
        *(
            {"flags": 2},
            {"flags": 8},
            {"crc": 1},
            {"packed": 1},
            {"packed": 3},
            {"size": 1},
            {"size": 3},
            {"size": 0},
        ),
    ],
)
@pytest.mark.parametrize("name", ["pass.json", "icon.png"])
def test_zip_12_headers_that_disagree_are_refused(header: str, change: dict[str, Any], name: str) -> None:
    entries = [Entry(), Entry("icon.png")]
    wrong = next(entry for entry in entries if entry.name == name)
    setattr(wrong, header, change)

    assert code(forge(*entries)) == "header-mismatch"


@pytest.mark.parametrize("method", [0, 8])
def test_a_wrong_checksum_in_both_headers_is_refused(method: int) -> None:
    lie = {"crc": 1}

    assert code(forge(Entry(method=method, local=lie, central=lie))) == "bad-crc"


def test_a_record_that_points_to_no_entry_is_refused() -> None:
    assert code(forge(Entry(local={"name": b"x" * 60_000}))) == "header-mismatch"
    good = forge(Entry())
    assert code(b"PK\3\5" + good[4:]) == "header-mismatch"
    # The lengths of name and extra field in the local header run past the directory.
    assert code(good[:26] + b"\xff\xff" + good[28:]) == "bad-extra"


@pytest.mark.parametrize(
    ("name", "attributes", "data"),
    [
        ("link", 0o120777 << 16, b"pass.json"),
        ("device", 0o060666 << 16, b""),
        ("terminal", 0o020666 << 16, b""),
        ("pipe", 0o010666 << 16, b""),
        ("socket", 0o140666 << 16, b""),
        ("folder", 0o040755 << 16, b""),
        ("folder", 0x10, b""),
        ("volume", 0x08, b""),
        ("en.lproj/", 0o040755 << 16 | 0x10, b"data"),
        ("en.lproj/", 0o100644 << 16, b""),
        ("en.lproj/", 0o120777 << 16, b""),
    ],
)
def test_zip_13_what_is_no_regular_file_is_refused(name: str, attributes: int, data: bytes) -> None:
    error = refusal(forge(Entry(), Entry(name, data, attributes=attributes)))

    assert (error.code, error.location) == ("not-a-regular-file", name)


def test_zip_13_links_in_extra_fields_are_refused() -> None:
    assert code(forge(Entry(central_extra=b"\x6e\x75\0\0"))) == "not-a-regular-file"


@pytest.mark.parametrize("attributes", [0, 0o040755 << 16 | 0x10, 0x10, 0o755 << 16])
@pytest.mark.parametrize("method", [0, 8])
def test_zip_13_empty_language_folders_are_ignored(attributes: int, method: int) -> None:
    assert list(
        pkpass.read(forge(Entry("de_CH.lproj/", b"", method=method, attributes=attributes), Entry()))
    ) == ["pass.json"]


def test_zip_13_a_folder_of_two_hidden_bytes_is_refused() -> None:
    """Deflated, nothing has two bytes; these two are something else."""
    assert code(forge(Entry("en.lproj/", b"", method=8, packed=b"\xff\xff"), Entry())) == "bad-stream"
    assert code(forge(Entry("a/", b""), Entry())) == "bad-name"


def test_zip_15_very_many_entries_are_refused_from_the_end_record() -> None:
    many = forge(*(Entry(f"{number}") for number in range(60_000)))
    wrapped = forge(*(Entry(f"{number}", b"") for number in range(65_536)))
    codes: list[str] = []

    peak = peak_memory(lambda: codes.extend([code(many), code(wrapped)]))

    assert codes == ["too-many-entries", "bad-directory"]
    assert peak < 2**20


@pytest.mark.parametrize("count", [0, 1, 3, 255])
def test_zip_15_a_counter_that_is_not_the_truth_is_refused(count: int) -> None:
    assert code(forge(Entry(), Entry("icon.png"), count=count, here=count)) == "bad-directory"


def test_the_number_of_entries_is_a_limit() -> None:
    entries = [Entry(f"{number}") for number in range(255)]

    assert len(pkpass.read(forge(Entry(), *entries))) == 256
    assert code(forge(Entry(), *entries, Entry("256"))) == "too-many-entries"


ZIP64_EXTRA = struct.pack("<HHQQ", 1, 16, 2, 2)
ZIP64_END = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 55, 32)
ZIP64_LOCATOR = b"PK\6\7" + struct.pack("<LQL", 0, 99, 1)


@pytest.mark.parametrize(
    "data",
    [
        forge(Entry(local_extra=ZIP64_EXTRA)),
        forge(Entry(central_extra=ZIP64_EXTRA)),
        forge(Entry(central_extra=ZIP64_EXTRA * 2)),
        forge(Entry(central_extra=b"\x0a\0\0\0" + ZIP64_EXTRA)),
        forge(Entry(), before_end=ZIP64_END),
        forge(Entry(), before_end=ZIP64_END, size=55 + len(ZIP64_END)),
        forge(Entry(), before_end=ZIP64_END + ZIP64_LOCATOR),
        forge(Entry(), before_end=ZIP64_LOCATOR),
        forge(Entry(), size=0xFFFFFFFF),
        forge(Entry(), offset=0xFFFFFFFF),
        forge(Entry(local={"size": 0xFFFFFFFF})),
        forge(Entry(), Entry("a", central={"offset": 0xFFFFFFFF})),
        forge(Entry(), Entry("a", central={"packed": 0xFFFFFFFF})),
    ],
)
def test_zip_16_zip64_records_are_refused(data: bytes) -> None:
    assert code(data) == "zip64"


@pytest.mark.parametrize("bit", [0, 5, 6, 13])
@pytest.mark.parametrize("headers", [["local"], ["central"], ["local", "central"]])
def test_zip_17_encrypted_entries_are_refused(bit: int, headers: list[str]) -> None:
    entry = Entry()
    for header in headers:
        setattr(entry, header, {"flags": 1 << bit})

    assert code(forge(entry)) == "encrypted"


def test_zip_17_encryption_in_extra_fields_is_refused() -> None:
    assert code(forge(Entry(central_extra=b"\x01\x99\x07\0\2\0AE\3\0\0"))) == "encrypted"
    assert code(forge(Entry(local_extra=b"\x17\0\0\0"))) == "encrypted"


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 95, 99, 0xFFFF])
def test_zip_18_other_methods_are_refused(method: int) -> None:
    assert code(forge(Entry(method=method))) == "bad-method"


@pytest.mark.parametrize("size", [1, 3])
def test_zip_18_a_stored_entry_has_one_size(size: int) -> None:
    lie = {"size": size}

    assert code(forge(Entry(local=lie, central=lie))) == "bad-method"


@pytest.mark.parametrize("make", [lambda: pkpass.pack(FILES), lambda: by_zipfile(8, seekable=False)])
def test_zip_19_every_prefix_is_refused(make: Callable[[], bytes]) -> None:
    whole = make()
    assert pkpass.read(whole)

    codes = Counter(code(whole[:length]) for length in range(len(whole)))

    assert codes == {"not-a-zip": len(whole)}
    assert "cut short" in refusal(whole[:-1]).message
    assert "cut short" not in refusal(b"<html>").message


@pytest.mark.parametrize(
    "data", [b"", b"<!doctype html>", b'{"error":"not found"}', b"PK", b"PK\5\6", b"PK\5\6" * 4]
)
def test_what_is_no_archive_is_called_so(data: bytes) -> None:
    assert code(data) == "not-a-zip"


@pytest.mark.parametrize("tail", [b"\0", bytes(2**20), pkpass.pack({"pass.json": b"[]"}), b"PK\5\6", b"\n"])
def test_zip_20_bytes_after_the_end_are_refused(tail: bytes) -> None:
    assert code(pkpass.pack(FILES) + tail) == "trailing-data"
    assert code(forge() + tail) in ("trailing-data", "bad-directory")


@pytest.mark.parametrize("lead", [b"#!/bin/sh\nexit\n", b"%PDF-1.7\n" * 99, b"GIF89a" + bytes(40), b"\0"])
def test_zip_21_bytes_before_the_first_entry_are_refused(lead: bytes) -> None:
    """With offsets as they were, and with offsets made to fit."""
    assert code(lead + pkpass.pack(FILES)) == "leading-data"
    assert code(forge(Entry(), lead=lead)) == "leading-data"


def test_zip_21_a_second_archive_with_fitting_offsets_is_refused() -> None:
    assert code(forge(Entry(), lead=forge(Entry("icon.png")))) == "trailing-data"


def commented(comment: bytes) -> bytes:
    return forge(Entry(), comment=len(comment)) + comment


@pytest.mark.parametrize(
    "comment",
    [
        b"x",
        b"x" * 65_535,
        forge(Entry()),
        end_record(),
        end_record(here=1, count=1, size=55, offset=41),
        b"PK\5\6",
    ],
)
def test_zip_22_comments_are_refused(comment: bytes) -> None:
    assert code(commented(comment)) == "comment"


def test_zip_22_a_comment_that_was_cut_off_is_refused() -> None:
    assert code(forge(Entry(), comment=5)) == "comment"


def test_zip_22_an_archive_that_ends_in_anothers_comment_is_refused() -> None:
    """Both end records are right: the outer one lies in a file of the inner archive."""
    outer = forge(Entry("pass.json", b"outer"))
    rest = forge(Entry("pass.json", b"inner"), Entry("x", outer))
    at = rest.index(b"PK\5\6")
    crafted = bytearray(rest)
    crafted[at + 20 : at + 22] = struct.pack("<H", len(rest) - at - 22)
    content = bytes(crafted[rest.index(outer) : rest.index(outer) + len(outer)])
    crc, wrong = struct.pack("<L", zlib.crc32(content)), struct.pack("<L", zlib.crc32(outer))
    data = bytes(crafted).replace(wrong, crc)
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None

    assert code(data) == "comment"


def test_zip_22_comments_of_entries_are_refused() -> None:
    assert code(forge(Entry(comment=b"x"))) == "comment"


def test_zip_23_gaps_are_refused() -> None:
    hidden = local_entry(Entry("evil.png"))
    for unused in (b"\0", b"unused bytes", hidden):
        assert code(forge(Entry(after=unused), Entry("icon.png"))) == "gap"
        assert code(forge(Entry(), Entry("icon.png"), gap=unused)) == "gap"
        assert code(forge(Entry(), Entry("icon.png"), before_end=unused)) == "bad-directory"


def test_zip_23_data_that_runs_into_the_directory_is_refused() -> None:
    longer = {"packed": 20, "size": 20}
    assert code(forge(Entry(local=longer, central=longer))) == "overlap"


def test_zip_12_a_local_header_inside_the_directory_is_refused() -> None:
    """The last four bytes of a name in the directory pass for one, with the archive's end right behind."""
    name = b"PK\3\4"
    sizes = {"packed": 2, "size": 2}
    whole = len(forge(Entry(local=sizes, central=sizes), Entry(name)))
    where = whole - 22 - len(name)
    data = where - 30 - len("pass.json")
    first = {"packed": data, "size": data}
    assert code(forge(Entry(local=first, central=first), Entry(name, central={"offset": where}))) == (
        "header-mismatch"
    )


def descriptor(entry: Entry, *, sign: bytes = b"PK\7\x08", **changes: int) -> bytes:
    it = entry.fields() | changes
    return sign + struct.pack("<LLL", it["crc"], it["packed"], it["size"])


NOTHING_YET = {"crc": 0, "packed": 0, "size": 0}


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("sign", [b"PK\7\x08", b""])
@pytest.mark.parametrize("local", [NOTHING_YET, {}])
def test_zip_24_right_data_descriptors_are_read(method: int, sign: bytes, local: dict[str, int]) -> None:
    entry = Entry(data=b"{}" * 50, method=method, flags=8, local=local)
    entry.after = descriptor(entry, sign=sign)

    assert pkpass.read(forge(entry, Entry("icon.png"))) == {"pass.json": b"{}" * 50, "icon.png": b"{}"}


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("sign", [b"PK\7\x08", b"", b"PK\7\x09"])
@pytest.mark.parametrize("change", [{}, {"crc": 1}, {"packed": 1}, {"size": 1}])
def test_zip_24_wrong_data_descriptors_are_refused(method: int, sign: bytes, change: dict[str, int]) -> None:
    entry = Entry(data=b"{}" * 50, method=method, flags=8, local=NOTHING_YET)
    entry.after = descriptor(entry, sign=sign, **change) if change else sign

    assert code(forge(entry, Entry("icon.png"))) == "header-mismatch"


@pytest.mark.parametrize(
    "local", [{"name": b"pass.jsom"}, {"method": 0}, {"flags": 10}, {"crc": 1}, {"packed": 1}, {"size": 1}]
)
def test_zip_12_headers_that_disagree_are_refused_before_a_descriptor_as_well(local: dict[str, Any]) -> None:
    entry = Entry(method=8, flags=8, local=NOTHING_YET | local)
    entry.after = descriptor(entry)

    assert code(forge(entry)) == "header-mismatch"


def test_zip_24_a_descriptor_nobody_announced_is_refused() -> None:
    entry = Entry(data=b"{}")
    entry.after = descriptor(entry)
    assert code(forge(entry, Entry("icon.png"))) == "gap"

    entry = Entry(data=b"{}", local=NOTHING_YET)
    entry.after = descriptor(entry)
    assert code(forge(entry)) == "header-mismatch"


def test_zip_24_a_descriptor_in_the_directory_is_refused() -> None:
    """The last descriptor must end where the directory begins."""
    entry = Entry(flags=8, local=NOTHING_YET)
    entry.after = descriptor(entry)
    data = forge(entry)
    at = data.index(b"PK\1\2")
    shortened = (
        data[:at] + data[at:-22] + end_record(here=1, count=1, size=len(data) - 22 - at + 1, offset=at - 1)
    )

    assert code(shortened) == "bad-directory"


@pytest.mark.parametrize("change", [{"disk": 1}, {"start_disk": 1}, {"here": 2}, {"disk": 0xFFFF}])
def test_zip_25_archives_in_parts_are_refused(change: dict[str, Any]) -> None:
    assert code(forge(Entry(), **change)) == "bad-directory"
    assert code(forge(Entry(central={"disk": 1}))) == "bad-directory"


@pytest.mark.parametrize(
    "change", [{"offset": 0}, {"offset": 2**31}, {"size": 2**31}, {"size": 0}, {"size": 54}]
)
def test_a_directory_that_is_elsewhere_is_refused(change: dict[str, Any]) -> None:
    assert code(forge(Entry(), **change)) in ("bad-directory", "leading-data")


@pytest.mark.parametrize("part", [b"PK\1\2", b"PK\1\3" + bytes(42), bytes(46)])
def test_a_directory_that_ends_in_no_record_is_refused(part: bytes) -> None:
    size = len(central_record(Entry(), 0)) + len(part)

    assert code(forge(Entry(), before_end=part, size=size, here=2, count=2)) == "bad-directory"


def test_a_record_that_runs_past_the_directory_is_refused() -> None:
    data = bytearray(forge(Entry()))
    at = data.index(b"PK\1\2")
    data[at + 28 : at + 30] = b"\xff\xff"  # the length of its name

    assert code(bytes(data)) == "bad-directory"


def test_zip_26_an_archive_inside_is_bytes() -> None:
    inner = pkpass.pack(FILES)
    files = {"pass.json": b"{}", "inner.pkpass": inner, "x.zip": overlapping(50)}

    assert pkpass.read(pkpass.pack(files)) == files


def test_zip_27_passes_and_archives_of_passes_are_not_mixed_up() -> None:
    one = pkpass.pack(FILES)
    several = pkpass.pack({"a.pkpass": one, "b.pkpass": one})

    assert pkpass.read_passes(several) == {"a.pkpass": one, "b.pkpass": one}
    assert pkpass.read(pkpass.read_passes(several)["a.pkpass"]) == FILES
    assert code(several) == "wrong-container"
    mixed_up = refusal(one, read=pkpass.read_passes)
    assert (mixed_up.code, mixed_up.message) == (
        "wrong-container",
        "this is one pass, not an archive of several",
    )


@pytest.mark.parametrize(
    "files",
    [
        {f"{number}.pkpass": b"" for number in range(11)},
        {"all.pkpasses": pkpass.pack({"a.pkpass": b""})},
        {"a.pkpass": b"", "readme.txt": b""},
        {"en.lproj/a.pkpass": b""},
        {},
    ],
)
def test_zip_27_archives_of_passes_hold_one_to_ten_passes_and_nothing_else(files: dict[str, bytes]) -> None:
    assert code(pkpass.pack(files), read=pkpass.read_passes) == "wrong-container"


def test_zip_27_a_bundle_in_a_bundle_is_refused_when_it_is_read() -> None:
    inner = pkpass.pack({"a.pkpass": b""})
    outer = pkpass.read_passes(pkpass.pack({"b.pkpass": inner}))

    assert code(outer["b.pkpass"]) == "wrong-container"


def test_zip_27_an_archive_of_passes_is_strict_as_well() -> None:
    several = pkpass.pack({"a.pkpass": b""})

    assert code(several + b"\0", read=pkpass.read_passes) == "trailing-data"


@pytest.mark.parametrize("header", ["local_extra", "central_extra"])
@pytest.mark.parametrize(
    "extra",
    [
        *(b"\x55\x54\x05\0\1", b"\x55\x54", b"\x55", b"\x55\x54\0\0\0", b"\x0a\0\xff\xff" + bytes(16)),
        b"\x0a\0\0\0" * 1000,
    ],
)
def test_zip_28_broken_extra_fields_are_refused(header: str, extra: bytes) -> None:
    entry = Entry()
    setattr(entry, header, extra)

    assert code(forge(entry)) == "bad-extra"


def test_zip_28_times_and_owners_are_skipped() -> None:
    times, owner, ntfs = (
        b"UT\x05\0\1" + bytes(4),
        b"ux\x0b\0\1\4" + bytes(4) + b"\4" + bytes(4),
        b"\x0a\0\0\0",
    )
    entry = Entry(local_extra=times + owner, central_extra=ntfs + owner)

    assert pkpass.read(forge(entry)) == {"pass.json": b"{}"}
    assert pkpass.read(forge(Entry(local_extra=ntfs * 32))) == {"pass.json": b"{}"}
    assert code(forge(Entry(local_extra=ntfs * 33))) == "bad-extra"


@pytest.mark.parametrize(
    "packed",
    [
        deflated(b"{}" * 50) + b"\0",
        deflated(b"{}" * 50) + deflated(b"more"),
        deflated(b"{}" * 50)[:-1],
        deflated(b"{}" * 50)[:2],
        b"",
        b"\xff" * 20,
    ],
)
def test_zip_29_streams_that_do_not_end_with_the_entry_are_refused(packed: bytes) -> None:
    assert code(forge(Entry(data=b"{}" * 50, method=8, packed=packed))) == "bad-stream"


def test_zip_29_bytes_after_a_stream_that_fills_what_is_inflated_at_once_are_refused() -> None:
    data = bytes(2**16 - 5)
    stream = b"\1" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
    assert len(stream) == archive._INFLATED_AT_ONCE

    assert pkpass.read(forge(Entry(), Entry("a", data, method=8, packed=stream)))["a"] == data
    assert code(forge(Entry(), Entry("a", data, method=8, packed=stream + b"junk"))) == "bad-stream"


def accepted_mutants(whole: bytes) -> Iterable[tuple[bytes, dict[str, bytes]]]:
    for at in range(len(whole)):
        for flip in (0x01, 0x08, 0x20, 0x80, 0xFF):
            mutant = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
            try:
                yield mutant, pkpass.read(mutant)
            except InvalidInput as error:
                assert error.code  # noqa: PT017 - being read is fine too


SMALL = {"icon.png": b"x" * 30, "pass.json": b"{}"}


def small(method: int) -> bytes:
    piped = Entry("pass.json", b"{}", method=method, flags=8, local=NOTHING_YET)
    piped.after = descriptor(piped)
    return forge(Entry("icon.png", b"x" * 30, method=method), piped, Entry("en.lproj/", b""))


@pytest.mark.parametrize("method", [0, 8])
def test_zip_30_no_mutant_that_is_read_is_read_differently_by_python(method: int) -> None:
    """Every byte changed in five ways: refused, or the same names and contents for both."""
    accepted = 0
    for mutant, files in accepted_mutants(small(method)):
        assert files == SMALL
        accepted += 1
        try:
            with zipfile.ZipFile(io.BytesIO(mutant)) as archived:
                read = {name: archived.read(name) for name in archived.namelist() if not name.endswith("/")}
        except (zipfile.BadZipFile, NotImplementedError):
            continue  # refusing is not reading differently
        assert read == files

    assert accepted > 50  # dates and versions, which nobody reads


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 30))
def test_any_bytes_are_read_or_refused_in_our_words(noise: bytes, at: int, cut: int) -> None:
    whole = small(8)
    at = min(at, len(whole))
    for data in (noise, whole[:at] + noise + whole[at + cut :], noise + end_record(), b"PK\3\4" + noise):
        try:
            files = pkpass.read(data)
        except InvalidInput as error:
            assert str(error)  # noqa: PT017 - being read is fine too
        else:
            assert "pass.json" in files


def test_errors_show_names_of_strangers_safely() -> None:
    error = refusal(forge(Entry(), Entry("\x1b[2J" + "x" * 9_000)))

    assert error.location == r"\x1b[2J" + "x" * 76 + r"\u2026"
    assert "\x1b" not in str(error)


# --- the manifest --------------------------------------------------------------------------------


def listed(files: dict[str, bytes]) -> dict[str, str]:
    return {
        name: hashlib.sha1(data).hexdigest()
        for name, data in files.items()
        if name not in ("manifest.json", "signature")
    }


def with_manifest(files: dict[str, bytes], change: dict[str, Any] | None = None) -> dict[str, bytes]:
    return files | {"manifest.json": json.dumps(listed(files) | (change or {})).encode()}


def found(files: dict[str, bytes], *, signed: bool = True) -> list[tuple[str, str]]:
    return [(finding.code, finding.location) for finding in check_manifest(files, signed=signed)]


def test_a_right_manifest_has_no_findings() -> None:
    assert found(with_manifest(FILES)) == []


def test_a_written_manifest_has_no_findings() -> None:
    constant = {name: data for name, data in FILES.items() if name not in PER_PASS_FILES}
    front = PrebuiltArchive(constant)
    extra = {"pass.json": b"{}", "manifest.json": front.format_manifest(b"{}"), "signature": b"0"}

    assert found(pkpass.read(front.pack(extra))) == []


@pytest.mark.parametrize("name", ["evil.png", "fr.lproj/pass.strings"])
def test_man_01_a_file_the_manifest_does_not_list_is_found(name: str) -> None:
    assert found(with_manifest(FILES) | {name: b"x"}) == [("unlisted-file", name)]


@pytest.mark.parametrize("name", ["zebra.png", "en.lproj/pass.strings"])
def test_man_02_a_listed_file_that_is_not_there_is_found(name: str) -> None:
    files = with_manifest(FILES)
    del files[name]

    assert found(files) == [("missing-file", name)]


@pytest.mark.parametrize("name", ["manifest.json", "signature"])
def test_man_03_a_manifest_that_lists_itself_or_the_signature_is_found(name: str) -> None:
    assert found(with_manifest(FILES, {name: "0" * 40})) == [("bad-manifest", name)]


ICON = hashlib.sha1(FILES["icon.png"]).digest()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0" * 40, "digest-mismatch"),
        (ICON.hex()[:-1], "bad-manifest"),
        (ICON.hex() + "0", "bad-manifest"),
        (ICON.hex() + "\n", "bad-manifest"),
        ("b64+" * 7, "bad-manifest"),
        ("", "bad-manifest"),
        (1, "bad-manifest"),
        (None, "bad-manifest"),
        ([ICON.hex()], "bad-manifest"),
        ("٠" * 40, "bad-manifest"),
    ],
)
def test_man_04_wrong_digests_are_found(written: object, expected: str) -> None:
    assert found(with_manifest(FILES, {"icon.png": written})) == [(expected, "icon.png")]


def test_man_04_upper_case_digests_are_a_warning() -> None:
    """They are in genuine passes, and wallets take them."""
    [finding] = check_manifest(with_manifest(FILES, {"icon.png": ICON.hex().upper()}))

    assert (finding.code, finding.severity) == ("upper-case-digest", Severity.WARNING)
    assert found(with_manifest(FILES, {"icon.png": "A" * 40})) == [("digest-mismatch", "icon.png")]


def test_man_05_sha_256_is_not_what_passes_use() -> None:
    digest = hashlib.sha256(FILES["icon.png"]).hexdigest()

    assert found(with_manifest(FILES, {"icon.png": digest})) == [("bad-manifest", "icon.png")]


@pytest.mark.parametrize(
    ("name", "spelt"), [("icon.png", "Icon.png"), ("zebra.png", "./zebra.png"), ("é.png", "e\u0301.png")]
)
def test_man_06_names_are_compared_exactly(name: str, spelt: str) -> None:
    files = FILES | {"é.png": b"x"}
    digests = {spelt if each == name else each: digest for each, digest in listed(files).items()}
    files["manifest.json"] = json.dumps(digests).encode()

    assert sorted(found(files)) == sorted([("missing-file", spelt), ("unlisted-file", name)])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_man_07_duplicate_keys_are_found(order: list[int]) -> None:
    digests = [hashlib.sha1(FILES["pass.json"]).hexdigest(), "0" * 40]
    text = ",".join(f'"pass.json":"{digests[number]}"' for number in order)

    assert found(FILES | {"manifest.json": f"{{{text}}}".encode()}) == [
        ("duplicate-key", "manifest.json:1#/pass.json")
    ]


@pytest.mark.parametrize("name", ["icon.png", "pass.json", "signature", "manifest.json"])
@pytest.mark.parametrize("empty", [True, False])
def test_man_09_required_files_must_be_there_and_not_empty(name: str, *, empty: bool) -> None:
    files = {each: data for each, data in FILES.items() if each != name} | ({name: b""} if empty else {})
    if name != "manifest.json":
        files = with_manifest(files)

    assert found(files) == [("missing-file", name)]


def test_man_09_all_that_is_missing_is_listed() -> None:
    assert found({}) == [("missing-file", name) for name in (*PER_PASS_FILES, "icon.png")]


@pytest.mark.parametrize("icon", ["icon@2x.png", "icon@3x.png", "de.lproj/icon.png"])
def test_man_09_one_icon_of_any_scale_or_language_is_enough(icon: str) -> None:
    files = {icon: b"x", "pass.json": b"{}", "signature": b"0"}

    assert found(with_manifest(files)) == []


def test_man_09_a_pass_that_is_not_signed_yet_can_be_asked_about() -> None:
    files = with_manifest({"icon.png": b"x", "pass.json": b"{}"})

    assert found(files) == [("missing-file", "signature")]
    assert found(files, signed=False) == []


@pytest.mark.parametrize(
    "text", ["[]", '"x"', "1", "null", "{", "", '{"icon.png": {"sha1": "x"}}', "\ufeff{}"]
)
def test_man_10_a_manifest_that_is_no_object_of_texts_is_found(text: str) -> None:
    codes = {code for code, _ in found(FILES | {"manifest.json": text.encode()})}

    assert codes <= {"bad-manifest", "unlisted-file", "missing-file"}
    assert ("bad-manifest" in codes) == bool(text)


def test_man_12_left_overs_are_data_when_listed_and_found_when_not() -> None:
    left = {".DS_Store": b"x", "__MACOSX/._icon.png": b"x", "Thumbs.db": b"x"}
    listed_ones = check_manifest(with_manifest(FILES | left))
    unlisted = check_manifest(with_manifest(FILES) | left)

    assert Report.from_findings(listed_ones).ok
    assert sorted(finding.location for finding in listed_ones) == sorted(left)
    assert {finding.code for finding in listed_ones} == {"left-over-file"}
    assert {finding.code for finding in unlisted} == {"unlisted-file"}
    assert all(finding.hint for finding in unlisted)


def test_a_listed_key_is_a_warning() -> None:
    """Two public archives held the key they were signed with."""
    [finding] = check_manifest(with_manifest(FILES | {"pass.pem": b"x"}))

    assert (finding.code, finding.severity, finding.location) == ("secret-file", Severity.WARNING, "pass.pem")


def test_hundreds_of_faults_are_fifty_findings_the_errors_first() -> None:
    warnings = {f"._{number}": b"x" for number in range(100)}
    missing = {f"{number}.png": "0" * 40 for number in range(140)}

    findings = check_manifest(with_manifest(FILES | warnings, missing))
    only_warnings = check_manifest(with_manifest(FILES | warnings))

    fifty = {f"{number}.png": "0" * 40 for number in range(50)}

    assert len(findings) == len(only_warnings) == 50
    assert {finding.code for finding in check_manifest(with_manifest(FILES, fifty))} == {"missing-file"}
    assert findings[-1].code == "more-findings"
    assert "191 more" in findings[-1].message
    assert all(finding.severity is Severity.ERROR for finding in findings)
    assert Report.from_findings(only_warnings).ok


def test_names_in_the_manifest_are_shown_safely() -> None:
    [finding] = check_manifest(with_manifest(FILES, {"\x1b[2J": "0" * 40}))

    assert finding.location == r"\x1b[2J"


def test_importing_the_room_imports_nothing_foreign() -> None:
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from passwright.apple.container import pkpass; print(*sys.modules)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )

    assert not {"zipfile", "cryptography", "PIL", "asn1crypto"} & set(seen.stdout.split())
