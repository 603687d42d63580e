"""Adds to a corpus what takes steps that nothing in it takes: `python -m tests.fuzz.keep TARGET FOLDER`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CORPUS = Path(__file__).parent / "corpus"
SOURCE = f"{Path('src', 'passwright')}"
BYTES_FOR_A_STEP = 1_000

Step = tuple[str, int, int]
"""A file, and the lines of two instructions, one after the other."""


def steps(check: Callable[[bytes], None], data: bytes) -> set[Step]:
    """The steps from line to line of the package that a check takes for this input."""
    taken: set[Step] = set()

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if SOURCE not in frame.f_code.co_filename:
            return None
        before = 0

        def step(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal before
            if event == "line":
                taken.add((frame.f_code.co_filename, before, frame.f_lineno))
                before = frame.f_lineno
            return step

        return step

    sys.settrace(watch)
    try:
        check(data)
    finally:
        sys.settrace(None)
    return taken


def main(name: str, folder: str) -> None:
    target = TARGETS[name]
    known: set[Step] = set()
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in (*target.seeds(), *(path.read_bytes() for path in sorted(corpus.iterdir()))):
        # Twice, because what is worked out once is a step of the first input only.
        for _ in range(2):
            known |= steps(target.check, data)
    for path in sorted(Path(folder).iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        data = path.read_bytes()
        new = steps(target.check, data) - known
        # An input has to earn its place: a step for every kilobyte.
        if len(new) * BYTES_FOR_A_STEP > len(data):
            known |= new
            (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
