"""Many passes: every row becomes one pass or a refusal with reasons, once, also after a kill."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zipfile
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import passwright as pw
from passwright import batch
from passwright.batch.outputs import Entry, Output
from passwright.batch.rows import RowParser
from passwright.errors import BatchRejected, InvalidInput, LedgerError, PassRejected, SignerFailed
from tests.conftest import AT, MEMBERSHIP
from tests.paths import ROOT
from tests.run_cli import certs, documents, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority
    from passwright.google.issuer import Issuer

LEARN_MORE = "https://help.example.com/pass"


def rows(number: int, *, first: int = 0) -> Iterator[dict[str, str]]:
    for index in range(first, first + number):
        yield {"serial": f"M-{index:05}", "fullName": f"Jane Smith {index}", "points": str(index)}


@pytest.fixture(scope="module")
def maker(club: pw.Template, identity: Identity) -> batch.PassMaker:
    return batch.PassMaker(club, apple=pw.apple.PassBuilder(identity), at=AT)


@pytest.fixture(scope="module")
def linker(club: pw.Template, issuer: Issuer) -> batch.PassMaker:
    return batch.PassMaker(club, google=pw.google.PassBuilder(issuer), at=AT)


# --- rows ---


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_file_is_read_with_the_separator_it_has(separator: str) -> None:
    text = f"\ufeffserial{separator}fullName{separator}points\r\nM-1{separator}Jürgen{separator}\r\n\r\n"
    assert list(batch.read_csv(io.BytesIO(text.encode()))) == [{"serial": "M-1", "fullName": "Jürgen"}]


def test_quoted_cells_hold_separators_and_line_breaks() -> None:
    text = 'serial,fullName\nM-1,"Smith, ""Jane""\nof Kent"\nM-2,Joe\n'
    assert [row["fullName"] for row in batch.read_csv(io.BytesIO(text.encode()))] == [  # type: ignore[index]
        'Smith, "Jane"\nof Kent',
        "Joe",
    ]


def test_a_row_that_cant_be_read_spoils_itself_alone() -> None:
    data = b"serial,fullName\nM-1,\xff\nM-2,a,b\nM-3,Joe\n"
    first, second, third = batch.read_csv(io.BytesIO(data))
    assert isinstance(first, batch.BadRow)
    assert [f.code for f in first.findings] == ["not-utf8"]
    assert isinstance(second, batch.BadRow)
    assert [(f.code, f.location) for f in second.findings] == [("bad-rows", "line 3")]
    assert third == {"serial": "M-3", "fullName": "Joe"}


@pytest.mark.parametrize(
    ("header", "says"), [("fullName,points", "no column"), ("serial,a,a", "twice"), ("", "no column")]
)
def test_columns_that_cant_be_used_end_the_reading(header: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        list(batch.read_csv(io.BytesIO(header.encode() + b"\n1,2,3\n")))
    assert refused.value.code == "bad-rows"


def test_json_lines_are_read_strictly() -> None:
    lines = [
        b'{"serial": "M-1", "points": 3}\n',
        b"\n",
        b'{"serial": "M-2", "serial": "M-3"}\n',
        b"[1]\n",
        b"nope\n",
    ]
    first, *others = batch.read_json_lines(lines)
    assert first == {"serial": "M-1", "points": 3}
    assert [row.findings[0].code for row in others if isinstance(row, batch.BadRow)] == [
        "duplicate-key",
        "wrong-type",
        "bad-json",
    ]


def test_the_name_of_a_file_says_how_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"serial": "M-1"}')
    (tmp_path / "a.csv").write_text("serial\nM-1\n")
    for name in ("a.jsonl", "a.csv"):
        assert list(batch.read(tmp_path / name)) == [{"serial": "M-1"}]


def test_a_row_says_what_a_pass_has_besides_its_values(club: pw.Template) -> None:
    row = {
        "serial": "M-1", "fullName": "Jane", "points": "7", "@nfc": "N", "@barcode": "B",
        "@email": "jane@example.com", "@learn-more": LEARN_MORE, "@expires": "2027-01-31T23:59:59+01:00",
    }  # fmt: skip
    pass_, findings = RowParser(club)(row)
    assert findings == []
    assert pass_.values["points"] == 7
    assert (pass_.nfc, pass_.barcode) == ("N", "B")
    assert pass_.binding == pw.Binding(email="jane@example.com", learn_more_url=LEARN_MORE)
    assert pass_.expires == datetime.fromisoformat("2027-01-31T23:59:59+01:00")
    assert row["points"] == "7", "the row stays as it was"


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ({"points": "many"}, "pass#/values/points"),
        ({"@expires": "tomorrow"}, "pass#/expires"),
        ({"@expires": "2027-01-31T23:59:59"}, "pass#/expires"),
        ({"@email": "jane@example.com"}, "pass#/@learn-more"),
        ({"@learn-more": LEARN_MORE}, "pass#/@email"),
    ],
)
def test_cells_that_cant_be_read_are_named(maker: batch.PassMaker, cells: dict[str, str], where: str) -> None:
    made = maker.make(1, {"serial": "M-1", "fullName": "Jane", **cells})
    assert not made.ok
    assert where in [finding.location for finding in made.findings]
    assert "jane@" not in str(made.findings)
    assert made.pkpass is None


# --- making ---


def test_a_row_gives_the_bytes_of_a_single_build(
    maker: batch.PassMaker, club: pw.Template, identity: Identity
) -> None:
    made = maker.make(3, {"serial": "M-1", "fullName": "Jane", "points": "7"})
    single = pw.apple.PassBuilder(identity).build(club.issue("M-1", {"fullName": "Jane", "points": 7}), at=AT)
    assert made.pkpass == single
    assert (made.number, made.size, made.ok) == (3, len(single), True)
    assert "Jane" not in repr(made)


def test_a_row_gives_the_link_of_a_single_call(
    linker: batch.PassMaker, club: pw.Template, issuer: Issuer
) -> None:
    row = {"serial": "M-1", "fullName": "Jane", "@email": "jane@example.com", "@learn-more": LEARN_MORE}
    made = linker.make(1, row)
    pass_ = club.issue("M-1", {"fullName": "Jane"}, binding=pw.Binding("jane@example.com", LEARN_MORE))
    link = pw.google.PassBuilder(issuer).save_link(pass_, issued_at=AT)
    assert made.link == link.url
    assert made.requires == link.requires_text
    assert made.requires.keys() == {"loyaltyClass"}


def test_refusals_carry_every_reason(maker: batch.PassMaker) -> None:
    row = {"serial": "M 1", "points": "x", "@barcode": "1", "@email": "no", "@learn-more": LEARN_MORE}
    codes = {finding.code for finding in maker.make(1, row).findings}
    assert codes == {"bad-serial", "wrong-value", "missing-value", "binding-invalid"}
    assert {f.code for f in maker.make(1, {}).findings} == {"bad-serial", "missing-value"}


def test_a_link_too_long_is_a_refusal(linker: batch.PassMaker) -> None:
    row = {"serial": "M-1", "fullName": "J" * 1500, "@email": "j@example.com", "@learn-more": LEARN_MORE}
    assert [finding.code for finding in linker.make(1, row).findings] == ["link-too-long"]


def test_rows_made_together_become_what_each_becomes_alone(
    club: pw.Template, identity: Identity, issuer: Issuer
) -> None:
    """Refused ones stand among the others, and a row for both wallets gets both."""
    apple, google = pw.apple.PassBuilder(identity), pw.google.PassBuilder(issuer)
    both = batch.PassMaker(club, apple=apple, google=google, at=AT)
    several: list[batch.Row] = [*rows(3), {"serial": "M 1"}, batch.BadRow(()), *rows(2, first=3)]
    several.append(
        {"serial": "M-9", "fullName": "J" * 1500, "@email": "j@a.example", "@learn-more": LEARN_MORE}
    )
    numbered = list(enumerate(several, start=1))
    assert list(both.make_all(numbered)) == [both.make(number, row) for number, row in numbered]
    assert list(both.make_all([])) == []


def test_all_are_signed_before_the_first_is_finished(club: pw.Template, identity: Identity) -> None:
    """That is what making them together is for; and none is kept that was handed out."""
    signed: list[bytes] = []

    class Counting:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            signed.append(message)
            return identity.signer.sign(message)

    counted = pw.apple.Identity(
        certificate=identity.certificate, intermediate=identity.intermediate, signer=Counting()
    )
    maker = batch.PassMaker(club, apple=pw.apple.PassBuilder(counted), at=AT)
    made = maker.make_all(enumerate(rows(5), start=1))
    first = next(made)
    assert len(signed) == 5
    # The member, and the argument of getrefcount; a comparison in an assert would hold a third.
    held = sys.getrefcount(first.pkpass)
    assert held == 2
    assert [each.number for each in made] == [2, 3, 4, 5]


def test_nobody_who_can_sign_ends_a_portion(club: pw.Template, identity: Identity) -> None:
    class Broken:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            raise RuntimeError(len(message))

    broken = pw.apple.Identity(
        certificate=identity.certificate, intermediate=identity.intermediate, signer=Broken()
    )
    made = batch.PassMaker(club, apple=pw.apple.PassBuilder(broken), at=AT).make_all(
        enumerate(rows(3), start=1)
    )
    with pytest.raises(SignerFailed):
        next(made)


def test_a_maker_needs_a_builder_and_a_zone(club: pw.Template, identity: Identity) -> None:
    with pytest.raises(ValueError, match="builder of a wallet"):
        batch.PassMaker(club)
    with pytest.raises(ValueError, match="time zone"):
        batch.PassMaker(club, apple=pw.apple.PassBuilder(identity), at=datetime(2026, 1, 1))  # noqa: DTZ001
    assert batch.PassMaker(club, apple=pw.apple.PassBuilder(identity)).at.tzinfo is UTC


# --- outputs ---


def read_all(path: Path) -> dict[str, bytes]:
    """What an output holds, by the standard library's readers."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    if path.suffix == ".tar":
        with tarfile.open(path) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


OUTPUTS: dict[str, Callable[[Path], Output]] = {
    "out.zip": batch.Zip,
    "out.tar": batch.Tar,
    "out": batch.Folder,
}


@pytest.fixture(params=OUTPUTS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def package(how: Any, source: Any, place: Path, **more: Any) -> batch.Summary:
    ledger = batch.Ledger(place.with_name("ledger"))
    try:
        return batch.package(how, source, OUTPUTS[place.name](place), ledger=ledger, **more)
    finally:
        ledger.close()


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_row_is_in_the_output_once(maker: batch.PassMaker, place: Path, jobs: int) -> None:
    told: list[batch.Progress] = []
    summary = package(maker, rows(200), place, jobs=jobs, progress=told.append)
    assert summary.ok
    assert (summary.progress.rows, summary.progress.made, summary.progress.refused) == (200, 200, 0)
    assert [each.made for each in told] == sorted(each.made for each in told)
    assert told[-1].rate > 0
    found = read_all(place)
    assert list(found) == [f"M-{index:05}.pkpass" for index in range(200)]
    assert summary.progress.bytes == sum(map(len, found.values()))
    for index in (0, 63, 64, 199):
        assert found[f"M-{index:05}.pkpass"] == maker.make(1, next(rows(1, first=index))).pkpass
    assert not list(place.parent.glob("*.part"))


def test_the_same_rows_give_the_same_archive(maker: batch.PassMaker, tmp_path: Path) -> None:
    made = []
    for name, jobs in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        package(maker, rows(70), tmp_path / name / "out.zip", jobs=jobs)
        made.append((tmp_path / name / "out.zip").read_bytes())
    assert made[0] == made[1]


class Killed(BaseException):
    """Stands for what ends a process in the middle."""


def killed_after(number: int, *, refused: tuple[int, ...] = ()) -> Iterator[dict[str, str]]:
    for index, row in enumerate(rows(10**6)):
        if index == number:
            raise Killed
        yield {**row, "points": "x"} if index in refused else row


def test_a_run_that_was_stopped_goes_on(maker: batch.PassMaker, place: Path) -> None:
    """Nothing is made twice, nothing is lost, and what is there stays as it is."""
    with pytest.raises(Killed):
        package(maker, killed_after(300), place)
    ledger = batch.Ledger(place.with_name("ledger"))
    before = ledger.count()
    ledger.close()
    assert 0 < before <= 300
    summary = package(maker, rows(400), place)
    assert summary.progress.skipped == before
    assert summary.progress.made == 400 - before
    assert list(read_all(place)) == [f"M-{index:05}.pkpass" for index in range(400)]


def test_what_the_output_holds_beyond_its_ledger_is_cut_off(maker: batch.PassMaker, place: Path) -> None:
    with pytest.raises(Killed):
        package(maker, killed_after(100), place)
    if place.suffix:
        with place.with_name(f"{place.name}.part").open("ab") as file:
            file.write(b"half a pass")
    else:
        (place / ".M-00100.pkpass.part").write_bytes(b"half a pass")
    package(maker, rows(130), place)
    assert list(read_all(place)) == [f"M-{index:05}.pkpass" for index in range(130)]


def test_mended_rows_are_added_to_a_finished_output(maker: batch.PassMaker, place: Path) -> None:
    bad = [{**row, "points": "x"} if index in (3, 70) else row for index, row in enumerate(rows(80))]
    summary = package(maker, bad, place)
    assert not summary.ok
    assert [made.number for made in summary.refused] == [4, 71]
    assert len(read_all(place)) == 78
    assert package(maker, rows(80), place).progress.made == 2
    assert len(read_all(place)) == 80
    assert package(maker, rows(80), place).progress.made == 0


def test_a_ledger_lists_the_refused_rows_of_the_last_run(maker: batch.PassMaker, tmp_path: Path) -> None:
    place = tmp_path / "out.zip"
    package(maker, [{"serial": "M-1"}, {"serial": "M-2", "fullName": "Jane"}], place)
    ledger = batch.Ledger(tmp_path / "ledger")
    (listed,) = ledger.rejected_rows()
    assert (listed["row"], listed["serial"]) == (1, "M-1")
    assert json.loads(json.dumps(listed))["findings"][0]["code"] == "missing-value"
    ledger.close()
    package(maker, rows(1), place)
    ledger = batch.Ledger(tmp_path / "ledger")
    assert list(ledger.rejected_rows()) == []
    ledger.close()


def test_a_serial_number_is_used_once(maker: batch.PassMaker, place: Path) -> None:
    """Also where serials differ in case alone, which some file systems don't tell apart."""
    twice = [
        {"serial": "M-1", "fullName": "Jane"},
        {"serial": "M-2", "fullName": "Joe"},
        {"serial": "M-1", "fullName": "Jim"},
        {"serial": "m-2", "fullName": "Jill"},
    ]
    summary = package(maker, twice, place)
    assert [(made.number, made.findings[0].code) for made in summary.refused] == [
        (3, "duplicate-serial"),
        (4, "duplicate-serial"),
    ]
    assert "row 1" in summary.refused[0].findings[0].message
    assert read_all(place)["M-1.pkpass"] == maker.make(1, twice[0]).pkpass


def test_a_run_stops_at_a_refusal_when_asked(maker: batch.PassMaker, place: Path) -> None:
    bad = [{**row, "points": "x"} if index == 65 else row for index, row in enumerate(rows(200))]
    with pytest.raises(PassRejected, match="points"):
        package(maker, bad, place, stop_on_rejection=True)
    package(maker, rows(200), place)
    assert len(read_all(place)) == 200


def test_columns_that_no_pass_has_are_refused_at_once(maker: batch.PassMaker, place: Path) -> None:
    with pytest.raises(BatchRejected, match=r"the batch was refused with 1 error(?s:.)*fullname.*fullName"):
        package(maker, [{"serial": "M-1", "fullname": "Jane"}], place)
    assert list(place.parent.iterdir()) == []


def test_an_output_that_is_there_is_not_written_over(maker: batch.PassMaker, place: Path) -> None:
    package(maker, rows(3), place)
    place.with_name("ledger").unlink()
    with pytest.raises(OSError, match=r"there already|not empty"):
        package(maker, rows(3), place)
    assert len(read_all(place)) == 3


def test_an_archive_shorter_than_its_ledger_is_refused(maker: batch.PassMaker, tmp_path: Path) -> None:
    place = tmp_path / "out.zip"
    package(maker, rows(3), place)
    os.truncate(place, 1000)
    with pytest.raises(OSError, match="shorter than its ledger"):
        package(maker, rows(4), place)


def test_the_ledger_of_another_batch_is_refused(
    maker: batch.PassMaker, club: pw.Template, authority: Authority, tmp_path: Path
) -> None:
    place = tmp_path / "out.zip"
    package(maker, rows(3), place)
    other = batch.PassMaker(club, apple=pw.apple.PassBuilder(authority.identity(nfc=True, ec=True)), at=AT)
    with pytest.raises(LedgerError, match="belongs to another batch"):
        package(other, rows(5), place)
    package(maker, rows(5), place)
    assert len(read_all(place)) == 5


def test_two_runs_of_one_batch_exclude_each_other(maker: batch.PassMaker, tmp_path: Path) -> None:
    package(maker, rows(1), tmp_path / "out.zip")
    ledger = batch.Ledger(tmp_path / "ledger")
    script = f"from passwright import batch; batch.Ledger({str(tmp_path / 'ledger')!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "in use" in done.stderr
    ledger.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look at" * 10, b"SQLite format 3\0" + bytes(84)]
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger").write_bytes(content)
    with pytest.raises(LedgerError, match="not a ledger"):
        batch.Ledger(tmp_path / "ledger")


def test_a_ledger_of_another_version_is_refused(maker: batch.PassMaker, tmp_path: Path) -> None:
    import sqlite3

    package(maker, rows(1), tmp_path / "out.zip")
    with sqlite3.connect(tmp_path / "ledger") as base:
        base.execute("update job set value = '99' where key = 'version'")
    base.close()
    with pytest.raises(LedgerError, match="another version"):
        batch.Ledger(tmp_path / "ledger")


def test_archives_need_a_ledger_and_nothing_else_does(maker: batch.PassMaker, tmp_path: Path) -> None:
    assert batch.package(maker, rows(3)).progress.made == 3
    batch.package(maker, rows(3), batch.Folder(tmp_path / "out"))
    assert len(read_all(tmp_path / "out")) == 3
    with pytest.raises(ValueError, match="ledger"):
        batch.package(maker, rows(3), batch.Zip(tmp_path / "out.zip"))


def test_without_a_ledger_the_first_refused_rows_are_kept(maker: batch.PassMaker) -> None:
    summary = batch.package(maker, ({"serial": f"M-{n}"} for n in range(130)))
    assert summary.progress.refused == 130
    assert len(summary.refused) == 100


# --- links ---


def test_links_are_listed_with_what_they_ask_for(linker: batch.PassMaker, tmp_path: Path) -> None:
    ledger = batch.Ledger(tmp_path / "ledger")
    batch.package(linker, rows(5), links=batch.Links(tmp_path / "links.csv"), ledger=ledger)
    with (tmp_path / "links.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [each["serial"] for each in listed] == [f"M-{index:05}" for index in range(5)]
    assert all(pw.google.read(each["url"]).claims["typ"] == "savetowallet" for each in listed)
    assert [name for name, _ in ledger.required_resources()] == ["loyaltyClass"]
    ledger.close()


def test_passes_and_links_go_on_together(
    club: pw.Template, identity: Identity, issuer: Issuer, tmp_path: Path
) -> None:
    both = batch.PassMaker(
        club, apple=pw.apple.PassBuilder(identity), google=pw.google.PassBuilder(issuer), at=AT
    )
    links = tmp_path / "links.csv"
    with pytest.raises(Killed):
        package(both, killed_after(70), tmp_path / "out.zip", links=batch.Links(links))
    with (tmp_path / "links.csv.part").open("ab") as file:
        file.write(b"M-00069,https://half")
    package(both, rows(100), tmp_path / "out.zip", links=batch.Links(links))
    assert len(read_all(tmp_path / "out.zip")) == 100
    assert [line.split(",")[0] for line in links.read_text().splitlines()[1:]] == [
        f"M-{i:05}" for i in range(100)
    ]


# --- workers ---


class Broken:
    """A signer whose key is gone."""

    key_id = None

    def sign(self, message: bytes) -> bytes:
        raise ConnectionError("no such vault")


def test_a_signer_that_fails_ends_the_run_and_keeps_what_was_made(
    club: pw.Template, authority: Authority, place: Path
) -> None:
    identity = authority.identity(nfc=True)
    calls = 0

    class Fading:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            nonlocal calls
            calls += 1
            if calls > 100:
                raise ConnectionError("no such vault")
            return identity.signer.sign(message)

    remote = pw.apple.Identity(
        certificate=identity.certificate, intermediate=identity.intermediate, signer=Fading()
    )
    fading = batch.PassMaker(club, apple=pw.apple.PassBuilder(remote), at=AT)
    told: list[int] = []
    with pytest.raises(SignerFailed):
        package(fading, rows(200), place, progress=lambda so_far: told.append(so_far.made))
    calls = -1000
    summary = package(fading, rows(200), place)
    assert summary.progress.skipped == told[-1], "the portions before the one that failed"
    assert 16 <= told[-1] <= 100
    assert len(read_all(place)) == 200


def example_maker(folder: str) -> batch.PassMaker:
    """What another process calls to have a maker of its own."""
    from passwright.examples.authority import Authority as Example

    template = pw.Template.load(folder)
    return batch.PassMaker(template, apple=pw.apple.PassBuilder(Example.example().identity(nfc=True)), at=AT)


def test_other_processes_make_their_own_maker(place: Path) -> None:
    how = partial(example_maker, str(MEMBERSHIP))
    with ProcessPoolExecutor(2) as pool:
        assert package(how, rows(150), place, executor=pool, jobs=2).ok
    found = read_all(place)
    assert len(found) == 150
    assert found["M-00149.pkpass"] == how().make(1, next(rows(1, first=149))).pkpass


class Backwards(Executor):
    """Finishes what was submitted last first, as clusters may: when somebody waits for the first."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Any]] = []
        self.most = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = Awaited(self)
        self.held.append((future, partial(fn, *args, **kwargs)))
        return future


class Awaited(Future[Any]):
    def __init__(self, executor: Backwards) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:
        held, self._executor.held = self._executor.held, []
        self._executor.most = max(self._executor.most, len(held))
        for waiting, call in reversed(held):
            waiting.set_result(call())
        return super().result(timeout)


def test_passes_come_in_the_order_of_the_rows(maker: batch.PassMaker, tmp_path: Path) -> None:
    executor = Backwards()
    package(maker, rows(64 * 6), tmp_path / "out.zip", executor=executor, jobs=2)
    assert executor.most >= 3, "some had to wait for one that was submitted later"
    assert list(read_all(tmp_path / "out.zip")) == [f"M-{index:05}.pkpass" for index in range(64 * 6)]


class Watched(ThreadPoolExecutor):
    """Notes how many rows the portions have."""

    def __init__(self) -> None:
        super().__init__(1)
        self.sizes: list[int] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sizes.append(len(args[2]))
        return super().submit(fn, *args, **kwargs)


def test_a_signer_that_is_slow_gets_small_portions(club: pw.Template, authority: Authority) -> None:
    """20 ms a signature, as a key service has: people see that the run goes on, and can stop it."""
    identity = authority.identity(nfc=True)

    class Far:
        key_id = None

        def sign(self, message: bytes) -> bytes:
            time.sleep(0.02)
            return identity.signer.sign(message)

    far = pw.apple.Identity(
        certificate=identity.certificate, intermediate=identity.intermediate, signer=Far()
    )
    with Watched() as pool:
        batch.package(batch.PassMaker(club, apple=pw.apple.PassBuilder(far), at=AT), rows(80), executor=pool)
    assert sum(pool.sizes) == 80
    assert max(pool.sizes) == 16, "the first"
    assert max(pool.sizes[3:]) <= 5


def test_portions_grow_where_signing_is_quick(
    maker: batch.PassMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where passes come back to be written, no further than memory is to hold them."""
    monkeypatch.setattr(batch.runner, "CHUNK_SECONDS", 10)  # beside which any machine is quick
    with Watched() as pool:
        batch.package(maker, rows(1000), executor=pool)
        whole, pool.sizes = pool.sizes, []
        package(maker, rows(500), tmp_path / "out.zip", executor=pool)
    assert sum(whole) == 1000
    assert max(whole) == batch.runner.CHUNK
    weight = max(map(len, read_all(tmp_path / "out.zip").values()))
    assert 16 < max(pool.sizes) <= batch.runner.CHUNK_BYTES // weight + 1


def test_portions_hold_rows_and_never_pictures(maker: batch.PassMaker) -> None:
    """What is sent to another process is a few kB, whatever the pictures of the template are."""
    sent: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            sent.append(len(pickle.dumps(args)))
            return super().submit(fn, *args, **kwargs)

    with Counting(1) as pool:
        batch.package(partial(example_maker, str(MEMBERSHIP)), rows(128), executor=pool)
    assert max(sent) < 16_000


@pytest.mark.no_cover
def test_of_a_portion_one_whole_pass_is_held_at_a_time(maker: batch.PassMaker) -> None:
    """A portion is made ready together, and its passes are let go of one by one, whoever takes them."""
    numbered = list(enumerate(rows(40), 1))
    size = maker.make(*numbered[0]).size
    assert size > 20_000
    tracemalloc.start()
    try:
        for _ in maker.make_all(numbered):
            pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * size


def test_a_maker_stays_where_its_keys_are(maker: batch.PassMaker) -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(maker)


# --- kill -9 ---

KILLED_SCRIPT = """
import sys
from tests.batch.test_batch import OUTPUTS, batch, example_maker, rows
from tests.conftest import MEMBERSHIP
from pathlib import Path
place, number = Path(sys.argv[1]), int(sys.argv[2])
batch.runner.CHECKPOINT_PASSES = 100
ledger = batch.Ledger(place.with_name("ledger"))
print("began", flush=True)
batch.package(example_maker(str(MEMBERSHIP)), rows(number), OUTPUTS[place.name](place), ledger=ledger, jobs=2,
              progress=lambda told: print(told.made, flush=True))
"""


def killed_and_resumed(place: Path, number: int, kills: int) -> None:
    root = ROOT
    command = [sys.executable, "-c", KILLED_SCRIPT, str(place), str(number)]
    for kill in range(kills):
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            # Somewhere in the middle, each time further on.
            for line in process.stdout:
                if line.strip().isdigit() and int(line) >= number // (kills + 2) + kill:
                    break
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_after_kill_9_an_archive_is_finished(tmp_path: Path) -> None:
    check_killed(tmp_path / "out.zip", 300, kills=1)


@pytest.mark.ci
def test_after_kill_9_every_pass_is_there_once(place: Path) -> None:
    check_killed(place, 700, kills=2)


def check_killed(place: Path, number: int, kills: int) -> None:
    """Every pass is in the output once, and those that are looked at verify."""
    killed_and_resumed(place, number, kills=kills)
    found = read_all(place)
    assert list(found) == [f"M-{index:05}.pkpass" for index in range(number)]
    trust = pw.apple.Trust.of((ROOT / "certs.example" / "root.pem").read_bytes())
    assert all(pw.apple.verify(data, trust=trust, at=AT).ok for data in list(found.values())[::50])


# --- large archives ---


@pytest.mark.parametrize("number", [65_534, 65_535])
def test_a_zip_holds_more_than_65_534_entries(tmp_path: Path, number: int) -> None:
    """With the zip64 end records from there on, and without them below (APPNOTE 4.4.1.4)."""
    out = batch.Zip(tmp_path / "out.zip")
    out.begin(None)
    entries = [Entry(f"{index}.pkpass", out.add(f"{index}.pkpass", b"", 0), 0, 0) for index in range(number)]
    out.finish(entries, number)
    assert (b"PK\6\6" in (tmp_path / "out.zip").read_bytes()) == (number >= 65_535)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert len(archive.namelist()) == number


def test_a_zip_says_where_entries_beyond_4_gib_begin(tmp_path: Path) -> None:
    """A hole of 5 GiB takes no place on the disk, and the passes behind it are found."""
    out = batch.Zip(tmp_path / "out.zip")
    out.begin(None)
    first = Entry("a.pkpass", out.add("a.pkpass", b"first", 0x9A5E1F9A), 5, 0x9A5E1F9A)
    out.close()
    hole = 5 * 2**30
    os.truncate(tmp_path / "out.zip.part", hole)
    out.begin(hole)
    import zlib

    data = b"second"
    second = Entry("b.pkpass", out.add("b.pkpass", data, zlib.crc32(data)), len(data), zlib.crc32(data))
    out.finish([first, second], 2)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("b.pkpass") == data
        assert archive.getinfo("b.pkpass").header_offset == hole


# --- the command ---


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["serial", "fullName", "points"])
        writer.writeheader()
        writer.writerows(rows(70))
    return path


def test_the_command_makes_an_archive(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "passes.zip"
    result = run("batch", str(MEMBERSHIP), str(table), "--out", str(out), "--example", "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert "70 passes" in result.output
    assert len(read_all(out)) == 70


def test_the_command_lists_refused_rows_and_goes_on(table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace("Jane Smith 3,3", "Jane Smith 3,three"))
    out = tmp_path / "passes"
    order = ("batch", str(MEMBERSHIP), str(table), "--out", str(out), "--example", "--json")
    result = run(*order)
    assert result.exit_code == 1
    (document,) = documents(result)
    assert (document["made"], document["refused"]) == (69, 1)
    (line,) = Path(document["refused_file"]).read_text().splitlines()
    assert json.loads(line)["row"] == 4
    assert run(*order).exit_code == 2, "an earlier run was here"
    table.write_text(table.read_text().replace("three", "3"))
    (document,) = documents(run(*order, "--resume"))
    assert (document["made"], document["skipped"], document["refused_file"]) == (1, 69, None)
    assert not (tmp_path / "passes.refused.jsonl").exists()
    assert len(read_all(out)) == 70


def test_the_command_makes_links(table: Path, tmp_path: Path) -> None:
    links = tmp_path / "links.csv"
    result = run("batch", str(MEMBERSHIP), str(table), "--links", str(links), "--example")
    assert result.exit_code == 0, result.output
    assert len(links.read_text().splitlines()) == 71
    required = json.loads((tmp_path / "links.csv.requires.json").read_text())
    assert required.keys() == {"loyaltyClass"}
    assert "Insert first" in result.output


def test_the_command_signs_with_keys_of_ones_own(table: Path, tmp_path: Path) -> None:
    """An EC key signs too fast for threads, so other processes load it."""
    keys = certs(tmp_path)
    for name, jobs in (("pass", "1"), ("pass-ec", "2")):
        out = tmp_path / f"{name}.tar"
        result = run(
            "batch", str(MEMBERSHIP), str(table), "--out", str(out), "--jobs", jobs,
            "--cert", str(keys / f"{name}.pem"), "--key", str(keys / f"{name}.key"),
            "--intermediate", str(keys / "wwdr.pem"),
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert len(read_all(out)) == 70


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "nothing to make"),
        (("--out", "x.rar"), "a .zip, a .tar, or a folder"),
        (("--out", "x", "--jobs", "0"), "jobs"),
    ],
)
def test_wrong_use_of_the_command(table: Path, args: tuple[str, ...], says: str) -> None:
    result = run("batch", str(MEMBERSHIP), str(table), "--example", *args)
    assert result.exit_code == 2
    assert says in result.output


def test_rows_that_cant_be_read_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("name\nJane\n")
    result = run("batch", str(MEMBERSHIP), str(path), "--out", str(tmp_path / "out.zip"), "--example")
    assert result.exit_code == 1
    assert "no column called serial" in result.output
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


def test_a_ledger_is_closed_at_the_end_of_its_with_block(tmp_path: Path) -> None:
    """A second ledger can open the file after the block."""
    path = tmp_path / "passes.ledger"
    with batch.Ledger(path) as ledger:
        ledger.begin()

    with batch.Ledger(path) as again:
        assert again.run == 1
