"""A verdict takes quick roads where all is well. They say what the strict ones say, of any pass."""

from __future__ import annotations

import io
import json
import random
import zipfile
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple import archive, bundle, places, plain_archive
from passwright.apple.rules import About, judge
from passwright.errors import BundleError
from passwright.table import place_in
from tests import rich_passes
from tests.test_sound import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LIMITS = bundle.FOREIGN_LIMITS
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
    except BundleError as exc:
        return exc.code, exc.where, exc.message


# --- archives ------------------------------------------------------------------------------------


def assert_read_alike(data: bytes, what: object, limits: archive.Limits = LIMITS) -> None:
    quick, strict = (outcome(road.unpacked, data, limits) for road in (plain_archive, archive))
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
    strict = archive.unpacked

    def watched(data: bytes, limits: archive.Limits) -> dict[str, bytes]:
        seen.append(data)
        return strict(data, limits)

    monkeypatch.setattr(archive, "unpacked", watched)
    return seen


def test_what_we_write_is_plain(strict_readings: list[bytes]) -> None:
    assert plain_archive.unpacked(bundle.pack(FILES), LIMITS) == FILES
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
        (bundle.pack({"größe.png": b"x"}), {"größe.png": b"x"}),
        (folder.getvalue(), {"pass.json": b"{}"}),
        (bundle.pack(many), many),
        (memoryview(bundle.pack(FILES)), FILES),
    ):
        assert plain_archive.unpacked(data, LIMITS) == files
        assert strict_readings.pop() is data


def test_an_archive_changed_anywhere_is_read_alike() -> None:
    """Every byte of a small archive, all bits of a record at one place or at the two that have to agree."""
    data = bundle.pack(FILES)
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
    data = buffer.getvalue() + chance.choice((b"",) * 5 + (b"\0", bundle.pack(FILES)))
    assert_read_alike(data, data)


def test_limits_are_the_same_on_both_roads() -> None:
    data = bundle.pack(FILES)
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
        assert_read_alike(data, bound, archive.Limits(**bound))


def test_an_end_record_in_a_file_is_a_doubt_on_both_roads() -> None:
    """Whoever looks for the first one that fits finds another archive."""
    comment = 0
    for _ in range(2):
        inner = b"PK\5\6" + bytes(16) + comment.to_bytes(2, "little")
        data = bundle.pack(FILES | {"signature": inner})
        comment = len(data) - data.index(inner) - 22
    assert outcome(plain_archive.unpacked, data, LIMITS)[0] == "comment"
    assert_read_alike(data, "comment")


# --- manifests -----------------------------------------------------------------------------------


@contextmanager
def without(home: Any, name: str) -> Iterator[None]:
    """A quick look that vouches for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, name, lambda *_: False)
        yield


def assert_compared_alike(files: Mapping[str, bytes], what: object) -> None:
    quick = bundle.check_manifest(files)
    with without(bundle, "_lists"):
        assert quick == bundle.check_manifest(files), what


@cache
def listed() -> dict[str, str]:
    return {name: bundle.digest(data) for name, data in FILES.items() if name not in bundle.UNLISTED}


def test_a_manifest_changed_anywhere_is_compared_alike() -> None:
    written = bundle.manifest(listed())
    chance = random.Random(11)
    for at in range(len(written)):
        for bit in chance.sample(range(8), 3):
            changed = bytearray(written)
            changed[at] ^= 1 << bit
            assert_compared_alike({**FILES, "manifest.json": bytes(changed)}, (at, bit))


SPELT: dict[str, Callable[[dict[str, str]], bytes]] = {
    "indented": lambda made: json.dumps(made, indent=2).encode(),
    "with spaces before colons": lambda made: json.dumps(made, separators=(",", " : ")).encode(),
    "backwards": lambda made: json.dumps(dict(reversed(made.items()))).encode(),
    "escaped": lambda made: json.dumps(made).replace("i", "\\u0069").encode(),
    "with a mark": lambda made: b"\xef\xbb\xbf" + json.dumps(made).encode(),
    "in UTF-16": lambda made: json.dumps(made).encode("utf-16"),
    "with a name twice": lambda made: json.dumps(made).replace("{", '{"icon.png": "x", ', 1).encode(),
    "with a name twice instead of another": lambda made: (
        json.dumps(made).replace("empty.png", "icon.png", 1).encode()
    ),
    "with one more": lambda made: json.dumps({**made, "other.png": "0" * 40}).encode(),
    "with one less": lambda made: json.dumps(dict(list(made.items())[1:])).encode(),
    "with itself": lambda made: json.dumps({**made, "manifest.json": "0" * 40}).encode(),
    "in capitals": lambda made: json.dumps({name: each.upper() for name, each in made.items()}).encode(),
    "with nothing for a digest": lambda made: json.dumps({**made, "icon.png": None}).encode(),
    "with nothing for a file that is not there": lambda made: json.dumps({**made, "x": None}).encode(),
    "with something after it": lambda made: json.dumps(made).encode() + b"{}",
    "as a list": lambda made: json.dumps(list(made)).encode(),
    "empty": lambda _: b"{}",
    "deep": lambda _: b'{"a":' * 3 + b"[" * 100_000,
    "too long": lambda made: json.dumps(made).encode() + b" " * bundle.PASS_LIMITS.manifest_bytes,
}


@pytest.mark.parametrize("how", SPELT)
def test_a_manifest_spelt_in_any_way_is_compared_alike(how: str) -> None:
    made = {**FILES, "manifest.json": SPELT[how](listed())}
    assert_compared_alike(made, how)
    assert_compared_alike({**made, ".DS_Store": b"x"}, how)


@pytest.mark.parametrize("name", [".DS_Store", "sub/a.png", "key.p12", "de.lproj/a:b"])
def test_an_odd_name_is_named_on_both_roads(name: str) -> None:
    made = {**FILES, name: b"x"}
    digests = {name: bundle.digest(data) for name, data in made.items() if name not in bundle.UNLISTED}
    assert_compared_alike({**made, "manifest.json": bundle.manifest(digests)}, name)


# --- places --------------------------------------------------------------------------------------


def placed(made: dict[str, Any]) -> list[Any]:
    return list(places._misplaced(made, About(writing=False), place_in("pass.json")))


def assert_placed_alike(made: dict[str, Any], what: object) -> None:
    quick = placed(made)
    with without(places, "_are_placed"):
        assert quick == placed(made), what


@given(st.integers(0, 2**32))
def test_any_document_is_placed_alike(seed: int) -> None:
    chance = random.Random(seed)
    objects = judge().table.objects
    made = document("Pass", objects, chance)
    for style in chance.sample(places._ALL, chance.randrange(3)):
        made[style] = document("PassFields", objects, chance, 1)
    assert_placed_alike(made, made)


ODD: tuple[Any, ...] = (
    *(None, 1, "x", {}, [None], [[]], [{"row": 1}], [{"semantics": {}}], [{"unheard": 1}]),
)


@pytest.mark.parametrize("name", rich_passes.NAMES)
def test_a_rich_pass_is_placed_alike_whatever_stands_in_its_fields(name: str) -> None:
    rich = rich_passes.fixture(name)["pass"]
    assert_placed_alike(rich, name)
    for style in set(places._ALL) & rich.keys():
        for slot in [*rich[style], "footerFields", "unheardOf"]:
            for odd in ODD:
                made = deepcopy(rich)
                made[style][slot] = odd
                assert_placed_alike(made, (style, slot, odd))


def test_a_pass_of_ours_takes_the_quick_look_alone() -> None:
    card = {"storeCard": {"headerFields": [{"key": "a", "value": 1}], "backFields": []}, "locations": []}
    assert places._are_placed(card, *places._stops(frozenset({"storeCard"}), "storeCard"))
    assert not places._are_placed(
        {**card, "semantics": {}}, *places._stops(frozenset({"storeCard"}), "storeCard")
    )
