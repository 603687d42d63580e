"""Draws names and docstrings of the package by a seed, for readers who have not seen the code.

`python tests/draw_names.py --seed N` prints twenty names and ten docstrings without their places.
With `--answers` it prints where each stands, with its signature and docstring.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "passwright"
DECLARED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Declared:
    """A class or function of the package."""

    location: str
    name: str
    signature: str
    docstring: str


def declared(path: Path) -> list[Declared]:
    """Returns the classes and functions of a module, without tests, dunder methods and overloads."""
    lines = path.read_text("utf-8")
    every = []
    for node in ast.walk(ast.parse(lines)):
        if isinstance(node, DECLARED) and not node.name.startswith("__"):
            signature = (ast.get_source_segment(lines, node) or "").split(":\n")[0]
            location = f"{path.relative_to(SOURCE)}:{node.lineno}"
            every.append(Declared(location, node.name, signature, ast.get_docstring(node) or ""))
    return every


def draw(seed: int) -> tuple[list[Declared], list[Declared]]:
    """Returns twenty declarations to name and ten to describe, the same for one seed and one tree."""
    every = [each for path in sorted(SOURCE.rglob("*.py")) for each in declared(path)]
    chance = random.Random(seed)  # a draw, nothing that has to stay secret
    names = chance.sample([each for each in every if len(each.name.strip("_")) > 3], 20)
    described = chance.sample([each for each in every if each.docstring and each not in names], 10)
    return names, described


def main() -> int:
    """Prints the draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--answers", action="store_true", help="print where each stands as well")
    options = parser.parse_args()
    names, described = draw(options.seed)
    for number, each in enumerate(names, 1):
        package = each.location.rpartition("/")[0].replace("/", ".") or "passwright"
        print(f"{number:2}. {each.name}  (in {package})")
        if options.answers:
            print(f"    {each.location}\n    {each.signature}\n    {each.docstring.splitlines()[:1]}")
    for number, each in enumerate(described, 21):
        print(f"{number:2}. {each.docstring.splitlines()[0]}")
        if options.answers:
            print(f"    {each.location}\n    {each.signature}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
