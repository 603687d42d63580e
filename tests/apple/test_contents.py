"""Whatever wallets read is read, with every key and file, and what was tolerated has a name."""

from __future__ import annotations

import codecs
import json
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import apple, report, strict_json
from passwright.apple import personalization
from passwright.apple.build import strings_file
from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.container.limits import THIRD_PARTY_LIMITS
from passwright.apple.container.manifest import PER_PASS_FILES
from passwright.apple.reading import contents
from passwright.apple.verification.verifier import verify
from passwright.errors import InvalidInput
from tests.apple.test_verifier import LATER, codes, signed, zipped
from tests.conftest import AT, BINDING
from tests.paths import ROOT

if TYPE_CHECKING:
    from passwright import Template
    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority


@pytest.fixture(scope="module")
def card(identity: Identity, club: Template) -> bytes:
    pass_ = club.issue("M-0001", {"fullName": "Jane Smith", "points": 120}, binding=BINDING)
    return PassBuilder(identity).build(pass_, at=AT)


def archive(**files: bytes | str | dict[str, Any]) -> bytes:
    """An archive by somebody else; `__` in a name is a dot, `_in_` a slash."""
    made = {"pass.json": b"{}"}
    for name, content in files.items():
        text = json.dumps(content) if isinstance(content, dict) else content
        made[name.replace("_in_", "/").replace("__", ".")] = text.encode() if isinstance(text, str) else text
    return zipped(made)


def test_a_pass_of_ours_is_read_whole(card: bytes) -> None:
    read = apple.read(card)
    assert read.files == pkpass.read(card)
    assert read.document == json.loads(read.files["pass.json"])
    assert list(read.document) == list(json.loads(read.files["pass.json"]))
    assert (read.serial_number, read.style, read.is_bound) == ("M-0001", "storeCard", False)
    assert read.values["fullName"] == "Jane Smith"
    assert read.values["points"] == 120
    assert read.fields["points"]["label"] == "Points"
    assert read.strings["de"]["Points"] == "Punkte"
    assert read.strings["en"]["Points"] == "Points"
    assert read.pictures.keys() == {name for name in read.files if name.endswith(".png")}
    assert read.pictures["icon@2x.png"] == read.files["icon@2x.png"]
    assert not read.report.findings


def test_what_was_read_is_frozen_and_tells_nothing_of_its_holder(card: bytes) -> None:
    read = apple.read(card)
    with pytest.raises(FrozenInstanceError):
        read.document = {}  # type: ignore[misc]  # that this fails is the point
    assert "Jane" not in repr(read)
    assert "M-0001" not in repr(read)


def test_the_bytes_may_come_in_any_buffer(card: bytes) -> None:
    assert apple.read(bytearray(card)) == apple.read(memoryview(card)) == apple.read(card)
    with pytest.raises(TypeError, match="bytes"):
        apple.read("PK")  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<html>404 Not Found</html>", "not-a-zip"),
        (zipped({"icon.png": b"x"}), "missing-pass-json"),
        (zipped({"a.pkpass": b"x"}), "wrong-container"),
        (archive(pass__json="[]"), "wrong-type"),
        (archive(pass__json="{"), "bad-json"),
        (archive(pass__json=b"\xff"), "not-utf8"),
    ],
)
def test_what_can_not_be_read_at_all_raises(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        apple.read(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": [1, 2,],}', "json-trailing-comma"),
        ('{"a": [1, 2] /* two */}', "json-comment"),
        ('{"a": 3, "a": [1, 2]}', "json-duplicate-key"),
        (codecs.BOM_UTF8 + b'{"a": [1, 2]}', "json-bom"),
        ('{"a": [1, 2]}'.encode("utf-16"), "json-utf16"),
    ],
)
def test_jsn_01_jsn_05_jsn_07_sloppy_json_is_read_and_named(text: bytes | str, code: str) -> None:
    """Genuine passes have all of these; strict readers of ours refuse them."""
    read = apple.read(archive(pass__json=text))
    assert read.document == {"a": [1, 2]}
    assert {finding.code for finding in read.report} == {code}
    assert all(finding.location.startswith("pass.json") for finding in read.report)


def test_jsn_09_unknown_keys_and_files_are_kept() -> None:
    document = {"createdAt": 1, "generic": {"auxilaryFields": [{"key": "a"}], "odd": None}, "barcods": {}}
    read = apple.read(archive(pass__json=document, README="hello", logo__svg="<svg/>"))
    assert read.document == document
    assert read.files["README"] == b"hello"
    assert read.files["logo.svg"] == b"<svg/>"


def test_a_serial_number_that_is_a_number_comes_as_text() -> None:
    assert apple.read(archive(pass__json={"serialNumber": 4711})).serial_number == "4711"
    nothing: tuple[Any, ...] = (True, 1.5, None, [], {})
    for none in nothing:
        assert apple.read(archive(pass__json={"serialNumber": none})).serial_number is None


def test_fields_of_any_shape_are_read() -> None:
    """A style that is none, a field without a key, a key twice."""
    style = {
        "headerFields": [{"key": "a", "value": 1}, {"key": "a", "value": 2}, {"value": 3}, 4, {"key": 5}],
        "backFields": {"key": "b"},
        "primaryFields": [{"key": "c"}],
    }
    read = apple.read(archive(pass__json={"coupon": style, "generic": 3}))
    assert read.values == {"a": 1, "c": None}
    assert read.style == "coupon"
    assert apple.read(archive()).style is None


def test_a_pass_says_itself_that_it_is_bound() -> None:
    for member in ("fidoProfile", "issuerBindingData"):
        assert apple.read(archive(pass__json={member: {"a": 1}})).is_bound
    assert not apple.read(archive(pass__json={"fidoProfile": None, "sharingProhibited": True})).is_bound


def test_strings_are_read_by_language_as_their_folders_name_it() -> None:
    read = apple.read(
        archive(
            de__lproj_in_pass__strings=codecs.BOM_UTF16_BE + '"A" = "Ä";'.encode("utf-16-be"),
            sr_Latn_RS__lproj_in_pass__strings=b'"A" = "B";\n"A" = "C";',
            fr__lproj_in_logo__png=b"x",
            pass__strings=b'"never" = "read";',
        )
    )
    assert read.strings == {"de": {"A": "Ä"}, "sr_Latn_RS": {"A": "C"}}
    assert [(each.code, each.location) for each in read.report] == [
        ("duplicate-translation", "sr_Latn_RS.lproj/pass.strings:2")
    ]


@pytest.mark.parametrize("data", [b"bplist00", b'"a" = "b"', '"a" = "ä";'.encode("utf-16-le"), b" " * 10**6])
def test_strings_that_can_not_be_read_are_a_finding(data: bytes) -> None:
    read = apple.read(archive(de__lproj_in_pass__strings=data, en__lproj_in_pass__strings=b"a = b;"))
    assert read.strings == {"en": {"a": "b"}}
    [finding] = read.report.warnings
    assert finding.code in ("bad-strings", "too-large")
    assert finding.location.startswith("de.lproj/pass.strings")


def test_verify_names_strings_that_can_not_be_read(authority: Authority, card: bytes) -> None:
    kept = {name: data for name, data in pkpass.read(card).items() if name not in PER_PASS_FILES[1:]}
    data = signed({**kept, "de.lproj/pass.strings": b"Punkte"}, authority.identity(nfc=True))
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert verdict.ok
    assert [each.location for each in verdict.report.warnings if each.code == "bad-strings"] == [
        "de.lproj/pass.strings:1"
    ]


GIT = {".git/HEAD": b"ref: refs/heads/main", ".git/objects/ab/cdef0123": b"x\x9c", "old/icon.png": b"x"}


def test_man_12_folders_that_the_manifest_lists_are_data(authority: Authority, card: bytes) -> None:
    """Five genuine passes carry a whole working copy, and wallets take them."""
    kept = {name: data for name, data in pkpass.read(card).items() if name not in PER_PASS_FILES[1:]}
    data = signed({**kept, **GIT}, authority.identity(nfc=True))
    assert apple.read(data).files.items() >= GIT.items()
    verdict = verify(data, trust=authority.trust, at=LATER)
    assert verdict.ok, verdict.report
    told = {(each.location, each.code) for each in verdict.report.warnings}
    assert told >= {(name, "left-over-file") for name in (".git/HEAD", ".git/objects/ab/cdef0123")}
    assert ("old/icon.png", "unknown-folder") in told
    unlisted = verify(zipped({**pkpass.read(card), **GIT}), trust=authority.trust, at=LATER)
    assert unlisted.steps["container"] == "ok"
    assert codes(unlisted) == {"unlisted-file"}


@pytest.mark.parametrize("name", ["../icon.png", "/icon.png", "a/../b", "a//b", "C:/a", "a/con", "a\\b"])
def test_zip_08_names_that_leave_the_folder_stay_refused(authority: Authority, name: str) -> None:
    data = zipped({"pass.json": b"{}", name: b"x"})
    with pytest.raises(InvalidInput) as caught:
        apple.read(data)
    assert caught.value.code == "bad-name"
    assert verify(data, trust=authority.trust, at=LATER).steps["container"] == "failed"


def test_a_pass_made_on_a_desktop_with_its_folder_is_read() -> None:
    """An entry `./`, folders as entries of their own, and left-overs."""
    read = apple.read(zipped({"./": b"", "en.lproj/": b"", "pass.json": b"{}", "__MACOSX/._icon.png": b"x"}))
    assert read.files.keys() == {"pass.json", "__MACOSX/._icon.png"}


# Neither NUL nor halves of pairs are text.
TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["coupon", "serialNumber", "fidoProfile", "x"]), JSON, max_size=4))
def test_no_document_whatever_raises_anything_else(document: dict[str, Any]) -> None:
    read = apple.read(archive(pass__json=document))
    assert read.document == document
    assert read.values is read.values
    assert isinstance(read.pictures, dict)
    assert isinstance(read.is_bound, bool)
    str(read)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_else(noise: bytes) -> None:
    with pytest.raises(InvalidInput):
        apple.read(noise)


def test_the_page_names_the_limits_that_hold() -> None:
    page = (ROOT / "docs" / "reading.md").read_text("utf-8")
    limits, kib, mib = THIRD_PARTY_LIMITS, 2**10, 2**20
    for row in (
        f"| the archive | {limits.archive_bytes // mib} MiB, {limits.entries} entries |",
        f"| {limits.entry_bytes // mib} MiB, {limits.unpacked_bytes // mib} MiB |",
        f"| a file of more than {limits.ratio_from_bytes // kib} KiB | {limits.ratio} times",
        f"| a file's name | {limits.name_bytes} bytes |",
        f"| {limits.manifest_bytes // kib} KiB, {limits.signature_bytes // kib} KiB |",
        f"| {limits.json_bytes // mib} MiB, nested {strict_json.MAX_DEPTH} levels deep |",
        f"| `pass.json` | {contents.MAX_ITEMS:,} items",
        f"| `personalization.json` (`verify` alone reads it) | {personalization.MAX_ITEMS} items |",
        f"| files that `manifest.json` lists (`verify`) | {limits.entries} |",
        f"| one `pass.strings` | {strings_file.MAX_BYTES // kib} KiB, {strings_file.MAX_TEXTS:,} texts |",
        f"| all `pass.strings` together | {contents.MAX_STRINGS_BYTES // mib} MiB |",
        f"| findings of one code and severity | {report.MAX_OF_A_KIND} |",
    ):
        assert row in page
