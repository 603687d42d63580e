"""Takes defences away, one by one, and runs the test that each is named with: it has to fail.

    python tests/remove_defences.py                  # twenty of them, drawn by seed 1
    python tests/remove_defences.py --seed 7 --draw 40
    python tests/remove_defences.py --seed 7 --start 12   # go on where it was stopped
    python tests/remove_defences.py --list           # what there is to draw from

The defences are in defences.toml: a file, a text that stands in it once, and what
stands there instead. Everything happens in a copy of the tree. Ends with 1 when a
test does not notice, and with 2 when an entry no longer fits the tree.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent
# What a run of tests needs of the tree.
COPIED = (
    "src",
    "tests",
    "fixtures",
    "certs.example",
    "docs",
    "pyproject.toml",
    *(path.name for path in ROOT.glob("*.md")),
)
# Exit codes of pytest: "tests were run, and some failed" is the only one that means a test noticed.
PASSED, FAILED = 0, 1
SECONDS = 300


@dataclass(frozen=True)
class Defence:
    """`text` stands once in `file`; with `instead` in its place, `test` fails."""

    what: str
    file: str
    text: str
    instead: str
    test: str

    def stale(self, root: Path) -> str | None:
        """Why the entry no longer fits the tree, if it doesn't."""
        path, name = self.test.split("::")
        if not (root / self.file).is_file() or not (root / path).is_file():
            return "its file or the file of its test is gone"
        if (found := (root / self.file).read_text("utf-8").count(self.text)) != 1:
            return f"its text stands in {self.file} {found} times instead of once"
        if f"def {name.partition('[')[0]}(" not in (root / path).read_text("utf-8"):
            return f"there is no test {self.test}"
        return None


def defences() -> list[Defence]:
    """All of them."""
    listed = tomllib.loads(Path(__file__).with_name("defences.toml").read_text("utf-8"))
    return [Defence(**each) for each in listed["defence"]]


def drawn(seed: int, count: int) -> list[Defence]:
    """As many of them, in the order that the seed gives."""
    everything = defences()
    return random.Random(seed).sample(everything, min(count, len(everything)))


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="defences-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            else:
                shutil.copy(source, target)
        yield Path(folder)


def run(tests: Sequence[str], root: Path) -> tuple[int, str]:
    """What pytest says of these tests in this tree, and its exit code."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, *tests],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def noticed(defence: Defence, root: Path) -> bool:
    """Whether the test of a defence fails without it."""
    path = root / defence.file
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(defence.text, defence.instead), "utf-8")
    try:
        code, said = run([defence.test], root)
    except subprocess.TimeoutExpired:
        code, said = FAILED, ""  # a test that hangs without a defence notices as well
    finally:
        path.write_text(whole, "utf-8")
    if code not in (PASSED, FAILED):
        raise SystemExit(f"{defence.test} could not be run:\n{said}")
    return code == FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """See above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="which ones, and in which order (default 1)")
    parser.add_argument("--draw", type=int, default=20, help="how many (default 20)")
    parser.add_argument("--start", type=int, default=1, help="the first to take away, counted from 1")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    given = parser.parse_args(arguments)

    stale = [(each, why) for each in defences() if (why := each.stale(ROOT))]
    for each, why in stale:
        print(f"stale: {each.what}: {why}")
    if stale:
        return 2
    if given.list:
        for each in defences():
            print(f"{each.what}\n    {each.file}\n    {each.test}")
        return 0
    chosen = list(enumerate(drawn(given.seed, given.draw), 1))[given.start - 1 :]
    print(f"seed {given.seed}: {len(chosen)} of {len(defences())} defences", flush=True)
    missed = 0
    with copied() as root:
        code, said = run(sorted({each.test for _, each in chosen}), root)
        if code != PASSED:
            print(f"not all of these tests pass as it is:\n{said}")
            return 2
        for number, each in chosen:
            bites = noticed(each, root)
            missed += not bites
            print(f"{number:3}  {'bites' if bites else 'MISSED'}  {each.what}  ({each.test})", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} bite")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
