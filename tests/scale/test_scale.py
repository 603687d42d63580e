"""Great numbers: memory that does not grow, archives that survive kills, offsets past 4 GiB, clusters."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from passwright import batch
from passwright.apple.container import pkpass
from passwright.batch.outputs import Entry
from tests import small_passes
from tests.batch.test_batch import read_all
from tests.conftest import skip_unless_ci
from tests.paths import ROOT
from tests.run_cli import CARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


# --- memory ---


def sizes(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Process -> passes made and bytes in memory, in the order in which it wrote them down."""
    found = {}
    for path in folder.iterdir():
        lines = (line.split() for line in path.read_text().splitlines())
        found[path.name] = [(int(made), int(size)) for made, size in lines]
    return found


def streamed(number: int, folder: Path) -> dict[str, list[tuple[int, int]]]:
    """Makes passes in two processes, to nowhere."""
    folder.mkdir()
    # Forked, they would begin with all that the tests have in memory.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        summary = batch.package(
            small_passes.maker,
            small_passes.rows(number),
            small_passes.Measuring(folder),
            executor=pool,
            jobs=2,
        )
    assert summary.progress.made == number
    found = sizes(folder)
    assert sum(measured[-1][0] for measured in found.values()) > number - 2000
    return found


@pytest.mark.parametrize(
    "number",
    [
        6_000,
        pytest.param(10_000, marks=pytest.mark.ci),
        pytest.param(1_000_000, marks=pytest.mark.endurance),
    ],
)
def test_memory_does_not_grow_with_the_rows(
    number: int, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """At the end at most 1.03 times what it is at pass 1,000, and under 80 MB in each process.

    A million small passes with an EC key, which takes five minutes on two cores; 10,000 and 6,000 in short.
    """
    for measured in streamed(number, tmp_path / "sizes").values():
        (made, first), (_, last) = measured[0], measured[-1]
        figure(f"memory of a process, of {number:,} passes: {first / 1e6:.1f} MB, then {last / 1e6:.1f} MB")
        assert made == 1000
        assert last <= 1.03 * first
        assert max(size for _, size in measured) < 80e6


def test_memory_of_the_process_that_collects_does_not_grow(tmp_path: Path) -> None:
    """Rows are read as they are needed, and what was taken is forgotten, with a ledger as well."""
    script = (
        "import sys; from pathlib import Path\n"
        "from tests import small_passes as s; from passwright import batch\n"
        "place = Path(sys.argv[1]); ledger = batch.Ledger(place / 'ledger'); seen = []\n"
        "batch.package(s.maker(), s.rows(12000), batch.Zip(place / 'out.zip'), ledger=ledger,\n"
        "              progress=lambda told: seen.append((told.made, s.resident())))\n"
        "ledger.close()\n"
        "first = next(size for made, size in seen if made >= 4000)\n"
        "print(first, seen[-1][1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, last = map(int, done.stdout.split())
    assert last <= 1.05 * first
    assert last < 90e6


# --- kill -9 ---


def killed_three_times(place: Path, number: int, *, every: int) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.small_passes import keep\n"
        f"keep(Path(sys.argv[1]), {number}, every={every})"
    )
    command = [sys.executable, "-c", script, str(place)]
    for _ in range(3):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            # Each run is killed when it has made a fifth of all, somewhere inside a portion.
            for line in process.stdout:
                if line.strip().isdigit() and int(line) >= number // 5:
                    break
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < number, "the last run had not to begin at the beginning"


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize(
    ("number", "verified"),
    [
        (600, 5),
        pytest.param(3000, 20, marks=pytest.mark.ci),
        pytest.param(200_000, 2000, marks=pytest.mark.endurance),
    ],
)
def test_a_batch_survives_three_kills(number: int, verified: int, tmp_path: Path) -> None:
    """Every pass is in the archive once and says what its row said; openssl verifies some of them.

    Of 200,000 passes 2,000, in five minutes; of 3,000 passes 20, and of 600 passes 5.
    """
    place = tmp_path / "passes.zip"
    killed_three_times(place, number, every=max(min(200, number // 12), number // 100))
    chosen = set(random.sample(range(number), verified))
    with zipfile.ZipFile(place) as archive:
        assert archive.namelist() == [f"S-{index:07}.pkpass" for index in range(number)]
        for index, name in enumerate(archive.namelist()):
            data = archive.read(name)
            with zipfile.ZipFile(io.BytesIO(data)) as made:
                document = json.loads(made.read("pass.json"))
                assert made.testzip() is None
            assert document["serialNumber"] == f"S-{index:07}"
            assert document["generic"]["primaryFields"][0]["value"] == index
            if index in chosen:
                openssl_verifies(data, tmp_path)


def openssl_verifies(data: bytes, folder: Path) -> None:
    files = pkpass.read(data)
    for name in ("manifest.json", "signature"):
        (folder / name).write_bytes(files[name])
    root = ROOT / "certs.example" / "root.pem"
    command = "openssl cms -verify -binary -purpose any -inform DER -in signature -content manifest.json"
    done = subprocess.run(
        [*command.split(), "-CAfile", str(root), "-out", os.devnull],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- past 4 GiB ---


@pytest.mark.foreign("unzip", "bsdtar", "7zz")
def test_others_read_the_passes_past_4_gib(tmp_path: Path) -> None:
    """An archive of 5 GiB, most of it a hole that takes no place on the disk, with passes on both sides."""
    maker = small_passes.maker()
    made = {f"{row['serial']}.pkpass": maker.make(1, row).pkpass or b"" for row in small_passes.rows(40)}
    out = batch.Zip(tmp_path / "out.zip")
    out.begin(None)
    entries = []
    for index, (name, data) in enumerate(made.items()):
        if index == 20:
            out.close()
            os.truncate(tmp_path / "out.zip.part", 5 * 2**30)
            out.begin(5 * 2**30)
        crc = zlib.crc32(data)
        entries.append(Entry(name, out.add(name, data, crc), len(data), crc))
    out.finish(entries, len(entries))
    assert sum(entry.offset >= 2**32 for entry in entries) == 20
    for command in (
        ["unzip", "-q", "out.zip", "-d", "unzip"],
        ["bsdtar", "-xf", "out.zip", "-C", "bsdtar"],
        ["7zz", "x", "-bd", "-o7zz", "out.zip"],
    ):
        folder = tmp_path / command[0]
        folder.mkdir()
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert read_all(folder) == made, command[0]


# --- a cluster ---

CLUSTER_SCRIPT = """
import os, signal, sys
from pathlib import Path
from distributed import Client, LocalCluster
from passwright import batch
from tests import small_passes

def main():
    place, number = Path(sys.argv[1]), int(sys.argv[2])
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            workers = list(client.run(os.getpid).values())
            assert len(workers) == 2
            def tell(told):
                if workers and told.made >= number // 3:
                    os.kill(workers.pop(), signal.SIGKILL)
                    workers.clear()
                    print("killed", told.made, flush=True)
            ledger = batch.Ledger(place.with_name("ledger"))
            summary = batch.package(
                small_passes.maker, small_passes.rows(number), batch.Zip(place), ledger=ledger,
                executor=client.get_executor(), jobs=2, progress=tell,
            )
            ledger.close()
            print("made", summary.progress.made, flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    "number",
    [pytest.param(1000, marks=pytest.mark.ci), pytest.param(20_000, marks=pytest.mark.long)],
)
def test_a_cluster_that_loses_a_worker_loses_no_pass(number: int, tmp_path: Path) -> None:
    """Two worker processes of Dask, each with a maker and keys of its own; one is killed in the middle.

    Importing Dask three times costs three seconds; the quick tier kills a process without it (test_batch.py).
    """
    # Workers are started by this program, which therefore has to be a file that they can import.
    (tmp_path / "cluster.py").write_text(CLUSTER_SCRIPT)
    place = tmp_path / "passes.zip"
    done = subprocess.run(
        [sys.executable, str(tmp_path / "cluster.py"), str(place), str(number)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "killed" in done.stdout
    assert f"made {number}\n" in done.stdout
    found = read_all(place)
    assert list(found) == [f"S-{index:07}.pkpass" for index in range(number)]
    for index in random.sample(range(number), 50):
        assert (
            json.loads(pkpass.read(found[f"S-{index:07}.pkpass"])["pass.json"])["serialNumber"]
            == f"S-{index:07}"
        )


# --- without a network ---


def without_network() -> Sequence[str]:
    """The words before a command that take the network from it."""
    for words in (("unshare", "-n"), ("unshare", "-rn")):
        if (
            shutil.which(words[0])
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    return skip_unless_ci(
        "nobody here may take the network from a process: unshare -n is missing or forbidden"
    )


def commands(folder: Path) -> Iterator[tuple[str, ...]]:
    (folder / "rows.csv").write_text("serial,fullName\nM-1,Jane\nM-2,Joe\n")
    yield "demo", "--out", "demo"
    yield "new", "club"
    yield "build", "club", "--serial", "M-1", "--example", "--out", "card.pkpass"
    yield "link", "club", "--serial", "M-1", "--example"
    yield "verify", "card.pkpass", "--example"
    yield "batch", "club", "rows.csv", "--out", "passes.zip", "--links", "links.csv", "--example"


@pytest.mark.foreign("unshare")
@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.ci)], ids=["build", "all"])
def test_commands_work_without_a_network(tmp_path: Path, *, few: bool) -> None:
    """Not even loopback is there: a program that asks for an address gets none."""
    before = without_network()
    probe = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    cut = subprocess.run([*before, sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert "unreachable" in cut.stderr, "the network is really gone"
    for words in [(*CARD, "--out", "card.pkpass")] if few else commands(tmp_path):
        done = subprocess.run(
            [*before, sys.executable, "-m", "passwright", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
    assert (tmp_path / "card.pkpass").is_file()
    assert few or len(read_all(tmp_path / "passes.zip")) == 2
