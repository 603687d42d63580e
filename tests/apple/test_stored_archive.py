"""Archives of stored files are read in one go: the result is that of the reader of any archive."""

from __future__ import annotations

import io
import random
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple.container import archive, pkpass, stored_archive
from passwright.apple.container.limits import THIRD_PARTY_LIMITS, ArchiveLimits
from passwright.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LIMITS = THIRD_PARTY_LIMITS
FILES = {
    "icon.png": b"\x89PNG icon" * 40,
    "en.lproj/pass.strings": b'"a" = "b";',
    "empty.png": b"",
    "pass.json": b'{"formatVersion":1}',
    "signature": b"0\x80",
}


def outcome(read: Callable[..., Any], *args: Any) -> Any:
    """What comes back, or what is said instead."""
    try:
        return read(*args)
    except InvalidInput as exc:
        return exc.code, exc.location, exc.message


# --- archives ------------------------------------------------------------------------------------


def assert_read_alike(data: bytes, what: object, limits: ArchiveLimits = LIMITS) -> None:
    quick, strict = (outcome(road.unpack, data, limits) for road in (stored_archive, archive))
    assert quick == strict, what
    assert isinstance(quick, tuple) or list(quick) == list(strict), what


def headers(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the central record and the local header of each entry begin."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        at = opened.start_dir
        for info in opened.infolist():
            yield at, info.header_offset
            at += 46 + len(info.filename.encode())


@pytest.fixture
def strict_readings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The archives that were read record by record."""
    seen: list[bytes] = []
    strict = archive.unpack

    def watched(data: bytes, limits: ArchiveLimits) -> dict[str, bytes]:
        seen.append(data)
        return strict(data, limits)

    monkeypatch.setattr(archive, "unpack", watched)
    return seen


def test_what_we_write_is_plain(strict_readings: list[bytes]) -> None:
    assert stored_archive.unpack(pkpass.pack(FILES), LIMITS) == FILES
    assert not strict_readings


def test_what_is_not_plain_is_read_all_the_same(strict_readings: list[bytes]) -> None:
    """Deflated, with names outside ASCII, with a folder, with a long directory, not in bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("pass.json", b"{}" * 100)
    folder = io.BytesIO()
    with zipfile.ZipFile(folder, "w") as opened:
        opened.writestr("de.lproj/", b"")
        opened.writestr("pass.json", b"{}")
    many = {f"{number:0150}.png": b"" for number in range(60)}
    for data, files in (
        (buffer.getvalue(), {"pass.json": b"{}" * 100}),
        (pkpass.pack({"größe.png": b"x"}), {"größe.png": b"x"}),
        (folder.getvalue(), {"pass.json": b"{}"}),
        (pkpass.pack(many), many),
        (memoryview(pkpass.pack(FILES)), FILES),
    ):
        assert stored_archive.unpack(data, LIMITS) == files
        assert strict_readings.pop() is data


def test_an_archive_changed_anywhere_is_read_alike() -> None:
    """Every byte of a small archive, all bits of a record at one place or at the two that have to agree."""
    data = pkpass.pack(FILES)
    chance = random.Random(7)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        assert_read_alike(bytes(changed), at)
    for record, local in headers(data):
        for at in range(4, 46):
            for bit in range(8):
                changed = bytearray(data)
                changed[record + at] ^= 1 << bit
                assert_read_alike(bytes(changed), ("record", at, bit))
                if 6 <= at < 32:
                    changed[local + at - 2] ^= 1 << bit
                    assert_read_alike(bytes(changed), ("both", at, bit))


@given(st.integers(0, 2**32))
def test_an_archive_changed_in_several_ways_is_read_alike(seed: int) -> None:
    """Names, orders, offsets and what stands between and after the entries, with right checksums."""
    chance = random.Random(seed)
    names = ["pass.json", "PASS.json", "a", "a/b", "de.lproj/a", "../x", "con", "ä", "x.json", "signature"]
    buffer = io.BytesIO(b"lead" if chance.random() < 0.1 else b"")
    with zipfile.ZipFile(buffer, "a") as opened:
        for name in chance.sample(names, chance.randrange(5)):
            info = zipfile.ZipInfo(name)
            info.external_attr = chance.choice((0o100644, 0o100600, 0, 0o120777, 0o40755)) << 16
            info.compress_type = chance.choice((zipfile.ZIP_STORED,) * 3 + (zipfile.ZIP_DEFLATED,))
            info.extra = chance.choice((b"",) * 4 + (b"\x55\x54\1\0\0",))
            opened.writestr(info, chance.randbytes(chance.randrange(40)))
        opened.comment = chance.choice((b"",) * 5 + (b"PK\5\6",))
    data = buffer.getvalue() + chance.choice((b"",) * 5 + (b"\0", pkpass.pack(FILES)))
    assert_read_alike(data, data)


def test_limits_are_the_same_on_both_roads() -> None:
    data = pkpass.pack(FILES)
    bounds: tuple[dict[str, Any], ...] = (
        {"archive_bytes": len(data) - 1},
        {"archive_bytes": len(data)},
        {"entries": 4},
        {"entries": 5},
        {"entry_bytes": 399},
        {"entry_bytes": 400},
        {"json_bytes": 18},
        {"json_bytes": 19},
        {"json_bytes": 400, "entry_bytes": 18},
        {"signature_bytes": 1},
        {"signature_bytes": 2},
        {"unpacked_bytes": 430},
        {"unpacked_bytes": 431},
        {"unpacked_bytes": 432},
        {"name_bytes": 20},
        {"name_bytes": 21},
    )
    for bound in bounds:
        assert_read_alike(data, bound, ArchiveLimits(**bound))


def test_an_end_record_in_a_file_is_a_doubt_on_both_roads() -> None:
    """Whoever looks for the first one that fits finds another archive."""
    comment = 0
    for _ in range(2):
        inner = b"PK\5\6" + bytes(16) + comment.to_bytes(2, "little")
        data = pkpass.pack(FILES | {"signature": inner})
        comment = len(data) - data.index(inner) - 22
    assert outcome(stored_archive.unpack, data, LIMITS)[0] == "comment"
    assert_read_alike(data, "comment")
