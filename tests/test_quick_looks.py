"""A verdict takes quick roads where all is well. They say what the strict ones say, of any pass."""

from __future__ import annotations

import io
import json
import random
import zipfile
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.apple import archive, bundle, cms, known_pictures, places, plain_archive
from passwright.apple.known_documents import KnownDocuments
from passwright.apple.known_pictures import KnownPictures
from passwright.apple.pkpass import PassBuilder
from passwright.apple.rules import About, judge
from passwright.apple.signature_stencils import Stencils
from passwright.apple.verification import verify
from passwright.errors import BundleError
from passwright.table import place_in
from tests import rich_passes
from tests.conftest import AT
from tests.test_sound import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright import Template
    from passwright.apple.identity import Identity
    from passwright.apple.verification import Verification
    from passwright.testing.authority import Authority

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
    "with three hundred more": lambda made: json.dumps(
        {**made, **dict.fromkeys(map(str, range(300)))}
    ).encode(),
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


# --- known pictures ------------------------------------------------------------------------------

PICTURE = b"\x89PNG" + bytes(range(256)) * 4


def packed(picture: bytes = PICTURE, serial: int = 0) -> bytes:
    files = {**FILES, "strip.png": picture, "pass.json": b'{"serialNumber":"%d"}' % serial}
    digests = {name: bundle.digest(data) for name, data in files.items() if name not in bundle.UNLISTED}
    return bundle.pack({**files, "manifest.json": bundle.manifest(digests)})


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownPictures:
    """Those of a process that has read nothing."""
    made = KnownPictures()
    monkeypatch.setattr(plain_archive, "PICTURES", made)
    monkeypatch.setattr(bundle, "PICTURES", made)
    return made


def strip_of(data: bytes) -> bytes:
    return bundle.read(data)["strip.png"]


def test_a_picture_is_known_from_its_third_time_on(known: KnownPictures) -> None:
    first, second, third, fourth = (strip_of(packed(serial=number)) for number in range(4))
    assert first == second == third == fourth == PICTURE
    assert first is not second
    assert second is third
    assert third is fourth
    known.forget()
    assert strip_of(packed()) is not fourth


def test_known_pictures_change_no_verdict(known: KnownPictures) -> None:
    """Every byte of an archive changed, in the picture, its headers, and around them."""
    for number in range(3):
        bundle.read(packed(serial=number))
    data = packed(serial=3)
    around = data.index(PICTURE) - 60
    chance = random.Random(5)
    for at in (*range(around, around + 80), *range(around + len(PICTURE), len(data))):
        changed = bytearray(data)
        changed[at] ^= 1 << chance.randrange(8)
        assert_read_alike(bytes(changed), at)
    for record, local in headers(data):
        changed = bytearray(data)
        changed[record + 16] ^= 1  # CRC-32, at both places
        changed[local + 14] ^= 1
        assert_read_alike(bytes(changed), record)
        assert outcome(bundle.read, bytes(changed))[0] == "bad-crc"
    assert known.find(b"strip.png", len(PICTURE), data, data.index(PICTURE))


def test_the_digest_of_a_known_picture_is_its_own(known: KnownPictures) -> None:
    files = [bundle.read(packed(serial=number)) for number in range(4)]
    for each in files:
        assert not [finding for finding in bundle.check_manifest(each) if finding.code != "missing-file"]
    other = PICTURE[:-1] + b"x"
    changed = bundle.read(packed(other)) | {"manifest.json": files[3]["manifest.json"]}
    codes = {(finding.code, finding.where) for finding in bundle.check_manifest(changed)}
    assert ("digest-mismatch", "strip.png") in codes
    assert known.digest(bytes(bytearray(PICTURE))) == bundle.digest(PICTURE)
    assert known.digest(files[3]["strip.png"]) == bundle.digest(PICTURE)


def test_a_picture_of_the_same_name_size_and_checksum_is_another(known: KnownPictures) -> None:
    """Adding a multiple of its polynomial changes no CRC-32: its bits, lowest first, are here added once."""
    polynomial = (1 | 0xEDB88320 << 1).to_bytes(5, "little")
    forged = PICTURE[:-5] + bytes(one ^ other for one, other in zip(PICTURE[-5:], polynomial, strict=True))
    assert zlib.crc32(forged) == zlib.crc32(PICTURE)
    for number in range(3):
        assert strip_of(packed(serial=number)) == PICTURE
    assert strip_of(packed(forged)) == forged
    assert known.digest(strip_of(packed(forged))) == bundle.digest(forged)


@pytest.mark.parametrize("cut", range(1, 4))
def test_an_end_record_around_a_known_picture_is_seen(known: KnownPictures, cut: int) -> None:
    """Its sign may begin before a picture and end in it, or begin in it."""
    sign = b"PK\5\6"
    first, last = PICTURE + sign[:cut], sign[cut:] + PICTURE
    for _ in range(3):
        bundle.read(bundle.pack({"a.png": first, "b.png": last, "pass.json": b"{}"}))
    assert known.find(b"a.png", len(first), first, 0)
    for picture, found in ((first, [(0, len(first))]), (last, [(cut, cut + len(last))])):
        data = (sign[:cut] + picture if picture is last else picture + sign[cut:]) + bytes(40)
        assert plain_archive._may_have_comment(data, found)
    harmless = sign[:cut] + PICTURE + sign[cut:] + bytes(40)
    assert not plain_archive._may_have_comment(harmless, [(cut, cut + len(PICTURE))])


def test_a_picture_that_holds_an_end_record_is_never_known(known: KnownPictures) -> None:
    picture = PICTURE + b"PK\5\6" + bytes(18)
    for _ in range(4):
        data = bundle.pack({"a.png": picture, "pass.json": b"{}"})
        assert bundle.read(data)["a.png"] == picture
    assert known.find(b"a.png", len(picture), picture, 0) is None


def test_known_pictures_stay_within_their_bounds() -> None:
    known = KnownPictures(max_bytes=8192)
    for number in range(40):
        picture = number.to_bytes(2, "big") * (500 + number)
        for _ in range(2):
            known.met(b"a.png", picture, number)
        assert known.find(b"a.png", len(picture), picture, 0)
        assert known._bytes == sum(len(each.data) for each in known._pictures.values()) <= 8192
        assert len(known._pictures) == len(known._by_identity)
    for name in range(known_pictures.MAX_NAMES + 10):
        known.met(b"%d.png" % name, PICTURE, 1)
    assert len(known._seen) <= known_pictures.MAX_NAMES
    for size in (known_pictures.MIN_PICTURE_BYTES - 1, 2049):
        for _ in range(3):
            known.met(b"b.png", bytes(size), 0)
        assert known.find(b"b.png", size, bytes(size), 0) is None


def test_another_picture_takes_the_place_of_one_of_its_name_and_size(known: KnownPictures) -> None:
    other = bytes(reversed(PICTURE))
    for picture in (PICTURE, other):
        for _ in range(3):
            assert strip_of(packed(picture)) == picture
    assert known.find(b"strip.png", len(other), other, 0)
    assert known.find(b"strip.png", len(PICTURE), PICTURE, 0) is None


def test_threads_share_what_is_known(known: KnownPictures) -> None:
    """Six threads, more pictures than there is room for."""
    pictures = [bytes([number]) * (700_000 + number) for number in range(8)]

    def judge_one(number: int) -> bool:
        picture = pictures[number % len(pictures)]
        read = strip_of(packed(picture, number))
        return read == picture and known.digest(read) == bundle.digest(picture)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(judge_one, range(64)))
    assert known._bytes == sum(len(each.data) for each in known._pictures.values())
    assert known._bytes <= known_pictures.MAX_BYTES


# --- verdicts ------------------------------------------------------------------------------------


@contextmanager
def strictly() -> Iterator[None]:
    """Every verdict on the strict roads alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_archive, "_files", lambda *_: None)
        patch.setattr(bundle, "_lists", lambda *_: False)
        patch.setattr(places, "_are_placed", lambda *_: False)
        patch.setattr(KnownDocuments, "find", lambda *_: None)
        patch.setattr(Stencils, "parse", lambda _, data: cms.parse(data))
        yield


def assert_verified_alike(data: bytes, authority: Authority, what: object) -> Verification:
    quick = verify(data, trust=authority.trust, at=AT)
    with strictly():
        assert quick == verify(data, trust=authority.trust, at=AT), what
    return quick


@pytest.mark.no_cover
def test_a_signed_pass_changed_anywhere_gets_the_same_verdict(
    tiny: Template, authority: Authority, identity: Identity
) -> None:
    """After passes of its template and its signer, and with right checksums as often as with wrong ones."""
    builder, chance = PassBuilder(identity), random.Random(13)
    made = [builder.build(tiny.example(f"M-{number}"), at=AT) for number in range(4)]
    for data in made:
        assert assert_verified_alike(data, authority, "as it is").ok
    files = verify(made[3], trust=authority.trust, at=AT).files
    for number in range(1000):
        name = chance.choice([*files, "pass.json", "manifest.json", "signature"])
        content = bytearray(files[name])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        assert_verified_alike(bundle.pack({**files, name: bytes(content)}), authority, (number, name))
        whole = bytearray(made[3])
        whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        assert_verified_alike(bytes(whole), authority, number)


def test_a_pass_that_says_anything_gets_the_same_verdict(
    tiny: Template, authority: Authority, identity: Identity
) -> None:
    """Values exchanged before it was signed, right ones and wrong ones."""
    builder, chance = PassBuilder(identity), random.Random(17)
    files = dict(verify(builder.build(tiny.example("M-1"), at=AT), trust=authority.trust, at=AT).files)
    document = json.loads(files["pass.json"])
    ok = Counter[bool]()
    for number in range(60):
        changed = {**document, "serialNumber": f"M-{number}"}
        if number % 2:
            changed[chance.choice([*document, "nfc", "userInfo"])] = chance.choice(
                ["x", "", 1, True, None, [], {}, {"x": 1}, "rgb(1, 2, 3)", "rgb(1, 2, 256)"]
            )
        files["pass.json"] = json.dumps(changed).encode()
        digests = {name: bundle.digest(data) for name, data in files.items() if name not in bundle.UNLISTED}
        files["manifest.json"] = bundle.manifest(digests)
        files["signature"] = identity.sign_manifest(files["manifest.json"], at=AT)
        ok[assert_verified_alike(bundle.pack(files), authority, changed).ok] += 1
    assert min(ok[True], ok[False]) > 10
