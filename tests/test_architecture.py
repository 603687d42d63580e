"""docs/design.md says what is there: its stops exist, its picture is the one of the table."""

from __future__ import annotations

import ast
import re
import runpy

import pytest

from tests.paths import ROOT

PAGE = (ROOT / "docs" / "design.md").read_text("utf-8")
SOURCE = ROOT / "src" / "passwright"
STOPS = re.findall(r"(?m)^\d+\. `([\w/]+\.py)` `([\w.]+)`", PAGE)


def declared(tree: ast.AST, prefix: str = "") -> set[str]:
    """Returns the dotted names of the functions and classes in a module."""
    names = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names |= {prefix + node.name, *declared(node, f"{prefix}{node.name}.")}
    return names


@pytest.mark.parametrize(("file", "name"), STOPS)
def test_a_documented_stop_exists(file: str, name: str) -> None:
    assert name in declared(ast.parse((SOURCE / file).read_text("utf-8")))


def test_the_page_documents_four_flows() -> None:
    assert len(STOPS) >= 20
    assert len(re.findall(r"(?m)^### (?:Build|Verify|Serve)", PAGE)) == 4


def test_every_package_of_the_table_is_on_the_page() -> None:
    packages = {path.name.removesuffix(".py") for path in SOURCE.iterdir()}
    packages -= {"__init__", "__main__", "__pycache__", "py.typed"}
    packages = {name for name in packages if "." not in name}
    assert [name for name in sorted(packages) if f"`{name}`" not in PAGE] == []


def test_the_picture_of_the_layers_is_drawn_from_the_table() -> None:
    """`python docs/layers.py` draws it again."""
    draw = runpy.run_path(str(ROOT / "docs" / "layers.py"))["draw"]
    assert (ROOT / "docs" / "layers.svg").read_text("utf-8") == draw()
