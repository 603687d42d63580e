"""Passes as small as they get, in great numbers, made by processes that are measured or killed.

An EC key signs twenty times as fast as RSA, so that a million passes take minutes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import passwright as pw
from passwright import batch
from passwright.examples.authority import Authority
from passwright.model.kinds import KINDS
from tests.conftest import AT, png

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Measuring", "keep", "maker", "rows", "template"]


def template() -> pw.Template:
    """One field and the icon of a single pixel that every pass needs."""
    icon = png(1, 1)
    return pw.Template(
        kind=KINDS["generic"],
        id="small",
        organisation="Small",
        name="Small",
        description="A small pass",
        images=pw.Images(files=dict.fromkeys(("icon.png", "icon@2x.png", "icon@3x.png"), icon)),
        fields={"number": pw.Field(slot="primary", label="Number", type="integer")},
    )


def maker() -> batch.PassMaker:
    """Signs with the example's EC key."""
    return batch.PassMaker(
        template(), apple=pw.apple.PassBuilder(Authority.example().identity(ec=True)), at=AT
    )


def rows(number: int) -> Iterator[dict[str, object]]:
    for index in range(number):
        yield {"serial": f"S-{index:07}", "number": index}


class Measuring(batch.Discard):
    """Forgets passes, and writes down how large the process that made them is, every thousand of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> bool:
        # Pickled anew for each portion, so what is counted stands in the file.
        del name, data
        made = _made[os.getpid()] = _made.get(os.getpid(), 0) + 1
        if made % 1000 == 0:
            with (self._folder / str(os.getpid())).open("a") as file:
                file.write(f"{made} {resident()}\n")
        return True


_made: dict[int, int] = {}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def keep(place: Path, number: int, *, every: int) -> None:
    """Makes passes into an archive, or goes on with it, and says how many this run has made."""
    batch.runner.CHECKPOINT_PASSES = every
    ledger = batch.Ledger(place.with_name("ledger"))
    batch.package(
        maker(), rows(number), batch.Zip(place), ledger=ledger, jobs=2,
        progress=lambda told: print(told.made, flush=True),  # noqa: T201 -- who kills it reads this
    )  # fmt: skip
    ledger.close()
