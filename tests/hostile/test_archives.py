"""Whatever an archive holds, judging it ends soon and takes little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from passwright.apple.verification.verifier import verify
from passwright.examples.authority import Authority
from tests import hostile_archives
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AUTHORITY = Authority.create(now=hostile_archives.AT)
CASES = hostile_archives.cases(AUTHORITY)
MAX_SECONDS = 0.25
MAX_BYTES = 64 * 2**20


@pytest.mark.no_cover
@pytest.mark.parametrize("name", CASES)
def test_a_hostile_archive_is_judged(name: str) -> None:
    """Nothing raises, reports stay short, and what is a threat to archive or signer is refused."""
    judged = verify(CASES[name](), trust=AUTHORITY.trust, at=hostile_archives.AT)
    assert len(str(judged.report)) < 64 * 1024
    if name.startswith(("ZIP", "SIG", "CRT", "MAN")):
        assert not judged.ok
    if name == "sound":
        assert judged.ok


@pytest.mark.long
def test_no_hostile_archive_takes_more_than_a_quarter_of_a_second(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """CPU and memory of a process of its own; the better of three runs, since machines are shared."""
    root = tmp_path / "root"
    root.write_bytes(AUTHORITY.root)
    (tmp_path / "root.pkpass").write_bytes(CASES["sound"]())
    measured = {name: best(case, root) for name, case in CASES.items()}
    slowest = max(measured, key=lambda name: measured[name]["seconds"])
    largest = max(measured, key=lambda name: measured[name]["bytes"])
    figure(
        f"{len(measured)} hostile archives: at most {measured[slowest]['seconds'] * 1000:.0f} ms of CPU"
        f" ({slowest}), {measured[largest]['bytes'] / 2**20:.1f} MiB ({largest})"
    )
    assert not {name: found for name, found in measured.items() if found["seconds"] > MAX_SECONDS}
    assert not {name: found for name, found in measured.items() if found["bytes"] > MAX_BYTES}


def best(case: Callable[[], bytes], root: Path) -> dict[str, Any]:
    path = root.with_name("case.pkpass")
    path.write_bytes(case())
    command = [sys.executable, "-m", "tests.hostile_archives", str(path), str(root)]
    folder = ROOT
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    runs: list[dict[str, Any]] = []
    for _ in range(3):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
        runs.append(json.loads(done.stdout))
        if runs[-1]["seconds"] < MAX_SECONDS / 2:
            break
    return min(runs, key=lambda run: run["seconds"])
