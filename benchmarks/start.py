"""What a process costs until it has imported the package, and until it has its first signed pass.

    python benchmarks/start.py

Processes take turns; of each the median, and quartiles, of CPU and of wall time.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
from pathlib import Path
import passwright as pw
keys = Path({keys!r})
read = ((keys / name).read_bytes() for name in ("pass-nfc.pem", "pass-nfc.key", "wwdr.pem"))
card = pw.Template.load({template!r}).issue("M-1", {{"fullName": "Jane"}})
pw.apple.PassBuilder(pw.apple.Identity.from_pem(*read)).build(card)
"""
BARE, IMPORT, FIRST = "python -c pass", "import passwright", "first signed pass from a template folder"


def programs() -> dict[str, str]:
    """Name -> what the process runs."""
    top = Path(__file__).parent.parent
    made = PROGRAM.format(
        keys=str(top / "certs.example"), template=str(top / "fixtures" / "templates" / "membership")
    )
    return {BARE: "pass", IMPORT: "import passwright", FIRST: made}


def measure(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall milliseconds of each process."""
    # As it is installed everywhere: byte code is kept.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in programs()}
    for turn in range(rounds + 1):
        for name, program in programs().items():
            before, started = _used(), perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=env)
            took = 1000 * (_used() - before), 1000 * (perf_counter() - started)
            if turn:  # the first one writes byte code
                figures[name].append(took)
    return figures


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(figures: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """One line for each kind of process."""
    for name, took in figures.items():
        cpu, wall = (
            " · ".join(f"{each:.0f}" for each in quantiles(column, n=4)) for column in zip(*took, strict=True)
        )
        yield f"{name:44}{cpu:>20}{wall:>20}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    figures = measure(parser.parse_args().rounds)
    print(f"CPython {platform.python_version()}, quartiles in ms")
    print(f"{'':44}{'CPU':>20}{'wall':>20}")
    for row in rows(figures):
        print(row)
    over = [own[0] - bare[0] for own, bare in zip(figures[IMPORT], figures[BARE], strict=True)]
    print(f"{IMPORT} takes {quantiles(over, n=4)[1]:.1f} ms of CPU over the bare interpreter")


if __name__ == "__main__":
    main()
