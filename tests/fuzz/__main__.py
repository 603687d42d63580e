"""Aims atheris at one target: `python -m tests.fuzz TARGET [OPTION of libFuzzer]... [CORPUS]...`."""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["passwright"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    _, name, *options = sys.argv
    target = TARGETS[name]

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        made = target.mutate(
            data, random.Random(seed), lambda octets: bytes(atheris.Mutate(octets, max_size))
        )
        return made[:max_size]

    atheris.Setup([sys.argv[0], *options], target.check, custom_mutator=mutated)
    atheris.Fuzz()


main()
