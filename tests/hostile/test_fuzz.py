"""Whatever bytes come in, nothing but our own errors comes out, and no promise is broken."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.targets import TARGETS
from tests.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = TESTS
SECONDS = 60


def kept(target: str) -> list[bytes]:
    """What fuzzing found worth keeping: inputs that reach other lines than all others do."""
    return [path.read_bytes() for path in sorted((HERE / "fuzz" / "corpus" / target).iterdir())]


def by_chance(chosen: random.Random) -> Callable[[bytes], bytes]:
    """Bits flipped, octets put in, taken out or set to the edges, without a fuzzer's guidance."""

    def mutate(data: bytes) -> bytes:
        mutant = bytearray(data)
        for _ in range(chosen.randrange(1, 4)):
            at = chosen.randrange(len(mutant) + 1)
            end = at + chosen.randrange(4)
            mutant[at:end] = chosen.choice((b"", b"\0", b"\x7f", b"\x80", b"\xff", chosen.randbytes(3)))
        return bytes(mutant)

    return mutate


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_that_was_worth_keeping_breaks_a_reader(target: str) -> None:
    for data in (*TARGETS[target].seeds(), *kept(target)):
        TARGETS[target].check(data)


@pytest.mark.parametrize("target", TARGETS)
def test_no_mutant_of_them_breaks_a_reader(target: str) -> None:
    """A few hundred, drawn from the seed that pytest prints: the long run is another's work."""
    chosen = random.Random(random.getrandbits(64))
    inputs = [*TARGETS[target].seeds(), *kept(target)]
    for _ in range(300):
        mutant = TARGETS[target].mutate(chosen.choice(inputs), chosen, by_chance(chosen))
        try:
            TARGETS[target].check(mutant)
        except Exception as exc:
            raise AssertionError(f"{target} breaks on {mutant!r}") from exc


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_a_minute_of_guided_fuzzing_breaks_no_reader(
    target: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """In a process of its own, which libFuzzer ends at the first exception, at 10 s or at 2 GiB."""
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for number, data in enumerate(TARGETS[target].seeds()):
        (seeds / str(number)).write_bytes(data)
    (tmp_path / "new").mkdir()
    options = [f"-max_total_time={SECONDS}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=16384"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz", target, *options, "-print_final_stats=1"),
            *(f"-artifact_prefix={tmp_path}/", tmp_path / "new", HERE / "fuzz" / "corpus" / target, seeds),
        ],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [path.read_bytes() for path in tmp_path.glob("*-*") if path.is_file()]
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{found}"
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    assert executions, done.stderr[-3000:]
    assert int(executions[1]) > 1_000
    figure(f"{target} was executed {int(executions[1]):,} times")
