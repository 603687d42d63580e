"""Ten passes and 150 MB go into one .pkpasses, byte for byte; what is no pass does not."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile
from datetime import datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from passwright import apple
from passwright.apple.builder import PassBuilder
from passwright.apple.container import pkpass
from passwright.apple.container.limits import PASS_LIMITS
from passwright.apple.pkpasses import PASS_MIME_TYPE, PASSES_MIME_TYPE, pack_passes, verify_passes
from passwright.apple.verification.verifier import Verifier, verify
from passwright.errors import InvalidInput
from tests.conftest import AT

if TYPE_CHECKING:
    from pathlib import Path

    from passwright import Template
    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority


@pytest.fixture(scope="module")
def trip(identity: Identity, tiny: Template) -> dict[str, bytes]:
    """Three passes of one holder, in no order."""
    builder = PassBuilder(identity)
    names = ("return.pkpass", "outbound.pkpass", "Übernachtung.pkpass")
    return {name: builder.build(tiny.issue(f"T-{number}"), at=AT) for number, name in enumerate(names)}


def read_by_others(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def refusal(given: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refused:
        pack_passes(given)
    return refused.value.code, refused.value.location


# --- packing ---


def test_what_is_packed_is_read_again_by_us_and_by_zipfile(trip: dict[str, bytes]) -> None:
    packed = pack_passes(trip)

    assert read_by_others(packed) == trip
    assert pkpass.read_passes(packed) == trip


def test_the_same_passes_in_any_order_give_the_same_bytes(trip: dict[str, bytes]) -> None:
    assert {pack_passes(dict(order)) for order in permutations(trip.items())} == {pack_passes(trip)}


def test_buffers_are_taken_and_left_as_they_were(trip: dict[str, bytes]) -> None:
    given: dict[str, Any] = {name: bytearray(data) for name, data in trip.items()}
    views: dict[str, Any] = {name: memoryview(data) for name, data in trip.items()}

    assert pack_passes(given) == pack_passes(views) == pack_passes(trip)
    assert given == trip


@pytest.mark.foreign("unzip")
def test_unzip_lists_the_passes_and_finds_nothing_to_complain_about(
    trip: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "trip.pkpasses"
    path.write_bytes(pack_passes(trip))

    listed = subprocess.run(["unzip", "-Z1", path], capture_output=True, check=True, text=True)
    tested = subprocess.run(["unzip", "-tqq", path], capture_output=True, check=False)

    assert listed.stdout.splitlines()[:2] == ["outbound.pkpass", "return.pkpass"]
    assert len(listed.stdout.splitlines()) == 3
    assert (tested.returncode, tested.stdout, tested.stderr) == (0, b"", b"")


@pytest.mark.parametrize("count", [1, 10])
def test_one_to_ten_passes_fit(count: int, trip: dict[str, bytes]) -> None:
    given = {f"{number}.pkpass": trip["return.pkpass"] for number in range(count)}

    assert len(read_by_others(pack_passes(given))) == count


@pytest.mark.parametrize("count", [0, 11])
def test_zip_27_no_passes_and_eleven_do_not(count: int, trip: dict[str, bytes]) -> None:
    given = {f"{number}.pkpass": trip["return.pkpass"] for number in range(count)}

    assert refusal(given) == ("wrong-container", "")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("return", "wrong-container"),
        ("return.pkpass.zip", "wrong-container"),
        ("return.PKPASS", "wrong-container"),
        ("return.pkpasses", "wrong-container"),
        ("pass.json", "wrong-container"),
        ("en.lproj/return.pkpass", "wrong-container"),
        ("../return.pkpass", "wrong-container"),
        ("", "wrong-container"),
        ("..\\return.pkpass", "bad-name"),
        ("C:return.pkpass", "bad-name"),
        ("con.pkpass", "bad-name"),
        ("a\u202eb.pkpass", "bad-name"),
        ("\ud800.pkpass", "bad-name"),
        (f"{'x' * 255}.pkpass", "bad-name"),
    ],
)
def test_a_name_that_is_not_one_of_a_pass_is_refused(name: str, code: str, trip: dict[str, bytes]) -> None:
    assert refusal({**trip, name: trip["return.pkpass"]})[0] == code


def test_zip_07_names_equal_but_for_case_are_refused(trip: dict[str, bytes]) -> None:
    assert refusal({**trip, "Return.pkpass": trip["return.pkpass"]})[0] == "duplicate-name"


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (lambda _: b"", "not-a-zip", "outbound.pkpass"),
        (lambda _: b"%PDF-1.7", "not-a-zip", "outbound.pkpass"),
        (lambda data: data[:-1], None, "outbound.pkpass"),
        (lambda data: data + b"\n", "trailing-data", "outbound.pkpass"),
        (lambda _: zipped({"icon.png": b"x"}), "missing-pass-json", "outbound.pkpass: pass.json"),
        (lambda data: zipped({"a.pkpass": data}), "wrong-container", "outbound.pkpass"),
        (lambda _: zipped({"pass.json": b"{}", "../x": b""}), "bad-name", "outbound.pkpass: ../x"),
    ],
    ids=[
        "empty",
        "a PDF",
        "cut off",
        "something after it",
        "no pass.json",
        "zip_27 passes in passes",
        "a bad name inside",
    ],
)
def test_what_is_no_pass_is_refused_by_its_name(
    change: Any, code: str | None, where: str, trip: dict[str, bytes]
) -> None:
    refused = refusal({**trip, "outbound.pkpass": change(trip["outbound.pkpass"])})

    assert refused[1] == where
    assert code in (refused[0], None)


def heavy(size: int) -> bytes:
    """A pass of about this many bytes, in files that may each be that large."""
    return pkpass.pack({"pass.json": b"{}", "a.png": bytes(size // 2), "b.png": bytes(size - size // 2)})


def test_one_hundred_and_fifty_megabytes_are_the_limit() -> None:
    large = heavy(15 * 10**6 - 1000)

    assert len(pack_passes({f"{number}.pkpass": large for number in range(10)})) <= 150 * 10**6
    larger = heavy(15 * 10**6)
    assert refusal({f"{number}.pkpass": larger for number in range(10)}) == ("too-large", "")


def test_a_pass_that_no_reader_of_ours_takes_is_not_packed() -> None:
    assert refusal({"a.pkpass": heavy(PASS_LIMITS.archive_bytes)})[0] == "too-large"


@pytest.mark.parametrize("wrong", [{"a.pkpass": "text"}, {"a.pkpass": None}, {"a.pkpass": 7}])
def test_what_is_not_bytes_is_a_mistake_of_the_caller(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        pack_passes(wrong)


# --- verifying ---


def test_each_pass_gets_its_own_verdict(trip: dict[str, bytes], authority: Authority) -> None:
    changed = pkpass.pack({**read_by_others(trip["return.pkpass"]), "pass.json": b"{}"})
    data = pack_passes({**trip, "return.pkpass": changed})

    verdicts = verify_passes(data, trust=authority.trust, at=AT)

    assert verdicts.keys() == trip.keys()
    assert {name for name, verdict in verdicts.items() if not verdict.ok} == {"return.pkpass"}
    assert verdicts["return.pkpass"].steps["manifest"] == "failed"
    assert verdicts["outbound.pkpass"].serial_number == "T-1"
    alone = verify(trip["outbound.pkpass"], trust=authority.trust, at=AT)
    assert verdicts["outbound.pkpass"].report == alone.report


def test_a_broken_pass_inside_is_a_verdict_and_no_exception(
    trip: dict[str, bytes], authority: Authority
) -> None:
    data = zipped({**trip, "broken.pkpass": b"PK"})

    verdicts = verify_passes(data, trust=authority.trust, at=AT)

    assert verdicts["broken.pkpass"].steps["container"] == "failed"
    assert sum(verdict.ok for verdict in verdicts.values()) == len(trip)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-a-zip"),
        (struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0), "wrong-container"),
        (zipped({"a.pkpass": b"x", "readme.txt": b"y"}), "wrong-container"),
        (zipped({f"{number}.pkpass": b"x" for number in range(11)}), "wrong-container"),
    ],
    ids=["nothing", "no entries", "a stranger", "eleven"],
)
def test_zip_27_what_is_no_archive_of_passes_is_refused(data: bytes, code: str, authority: Authority) -> None:
    with pytest.raises(InvalidInput) as refused:
        verify_passes(data, trust=authority.trust, at=AT)

    assert refused.value.code == code


def test_zip_27_one_pass_is_no_archive_of_passes(trip: dict[str, bytes], authority: Authority) -> None:
    with pytest.raises(InvalidInput, match="one pass, not an archive of several"):
        verify_passes(trip["return.pkpass"], trust=authority.trust, at=AT)
    verdict = verify(pack_passes(trip), trust=authority.trust, at=AT)
    assert [finding.code for finding in verdict.report.errors] == ["wrong-container"]


def test_all_are_judged_at_one_moment_which_is_now_by_default(
    trip: dict[str, bytes], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = []

    def judged(_: object, data: bytes, *, at: datetime) -> object:
        moments.append(at)
        return object()

    monkeypatch.setattr(Verifier, "verify", judged)
    verify_passes(pack_passes(trip), trust=authority.trust)

    assert len(moments) == 3
    assert len(set(moments)) == 1
    assert abs(datetime.now(moments[0].tzinfo) - moments[0]) < timedelta(minutes=1)


def test_mistakes_of_the_caller_raise(trip: dict[str, bytes], authority: Authority) -> None:
    with pytest.raises(TypeError, match=r"bytes of a \.pkpasses, not str"):
        verify_passes("trip.pkpasses", trust=authority.trust)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no time zone"):
        verify_passes(pack_passes(trip), trust=authority.trust, at=datetime(2026, 1, 2))  # noqa: DTZ001


# --- serving ---


def test_media_types_are_those_of_apple() -> None:
    assert PASS_MIME_TYPE == apple.PASS_MIME_TYPE == "application/vnd.apple.pkpass"
    assert PASSES_MIME_TYPE == apple.PASSES_MIME_TYPE == "application/vnd.apple.pkpasses"
