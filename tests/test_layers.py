"""Which package may import which: imports point down, and no modules import each other in a cycle.

When this fails, move the line, not the table.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SOURCE = ROOT / "src" / "passwright"

# From the bottom to the top. A package imports packages of its own layer and of the layers below.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "lazy", "report", "strict_json", "atomic_file", "times", "gs1"),
    ("images",),
    ("schema",),
    ("signing",),
    ("nfc_keys",),
    ("documents.placeholders",),
    ("binding",),
    ("model",),
    ("documents",),
    ("apple", "google"),
    ("validation", "key_reference", "batch", "signers", "examples"),
    ("testing", "service"),
    ("cli", "__main__"),
)
RANKS = {package: rank for rank, layer in enumerate(LAYERS) for package in layer}

WEB = ("anyio", "fastapi", "starlette", "pydantic", "pydantic_core", "uvicorn", "h11")

# Third-party package -> the packages that may import it, and only when first used.
THIRD_PARTY = {
    "cryptography": {
        "signing",
        "nfc_keys",
        "apple",
        "google",
        "examples",
        "testing",
        "signers",
        "service",
        "cli",
    },
    "PIL": {"images"},
    "idna": {"binding"},
    "jwt": {"google"},
    "google": {"google", "signers"},
    "requests": {"google", "signers"},
    **{name: {"signers"} for name in ("boto3", "botocore", "pkcs11")},
    "google_crc32c": {"signers", "testing"},
    **{name: {"service"} for name in WEB},
    "typer": {"cli"},
    "rich": {"cli"},
    **{name: {"testing"} for name in ("asn1crypto", "pytest")},
    "fido2": {"service"},
    "sqlalchemy": {"service"},
    "alembic": {"service"},
    **{name: {"service"} for name in ("babel", "jinja2", "markupsafe", "segno")},
}

# Inside the service only these packages import a library; use cases import neither HTTP nor SQL.
IN_SERVICE = {
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fido2": {"proofs"},
    **{name: {"pages"} for name in ("babel", "jinja2", "markupsafe", "segno")},
    **{name: {"web"} for name in WEB},
}


MODULES = sorted(SOURCE.rglob("*.py"))
MODULE_IDS = [str(module.relative_to(SOURCE)) for module in MODULES]

# `Template.load` and `Template.save` call the module that reads and writes folders. Every other
# cycle is a mistake.
KNOWN_CYCLES = {frozenset({"model.folder", "model.template"})}


def package_of(parts: tuple[str, ...]) -> str:
    """Returns the package in the table that a module belongs to."""
    return ".".join(parts[:2]) if ".".join(parts[:2]) in RANKS else parts[0]


def parts_of(module: Path) -> tuple[str, ...]:
    """Returns the steps from `passwright` to a module."""
    return module.relative_to(SOURCE).with_suffix("").parts


@cache
def imports(module: Path) -> tuple[tuple[str, bool, int], ...]:
    """Returns each import of a module: dotted name, whether it runs at import time, line."""
    return tuple(_imports(module))


def _imports(module: Path) -> Iterator[tuple[str, bool, int]]:
    tree = ast.parse(module.read_text("utf-8"))
    late = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(outer)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in late, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) not in late, node.lineno


def is_type_checking(node: ast.AST) -> bool:
    """Returns whether a statement holds imports for types."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_package_has_a_layer() -> None:
    assert {package_of(parts_of(module)) for module in MODULES} - {"__init__"} == RANKS.keys()


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_imports_point_down(module: Path) -> None:
    """Lazy imports and imports for types count like all others."""
    package = package_of(parts_of(module))
    if package == "__init__":
        return
    for name, _, line in imports(module):
        parts = name.split(".")
        if parts[0] != "passwright" or len(parts) == 1:
            continue
        other, location = package_of(tuple(parts[1:])), f"{module.name}:{line} imports {name}"
        if other not in RANKS:
            # A public name of the package itself: only the outermost layers use those.
            assert package in LAYERS[-1] + LAYERS[-2], location
            continue
        assert RANKS[other] <= RANKS[package], location
        assert {package, other} != {"apple", "google"}, location


def graph() -> dict[str, set[str]]:
    """Returns the modules that each module imports; packages that re-export names are left out."""
    names = {".".join(parts_of(module)) for module in MODULES if module.name != "__init__.py"}
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        own = ".".join(parts_of(module))
        if own not in names:
            continue
        edges[own] = set()
        for name, _, _ in imports(module):
            target = name.removeprefix("passwright.")
            found = target if target in names else target.rpartition(".")[0]
            if name.startswith("passwright.") and found in names and found != own:
                edges[own].add(found)
    return edges


def cycles(edges: dict[str, set[str]]) -> Iterator[frozenset[str]]:
    """Yields the modules of each cycle, and takes the cycle out of the graph before the next."""
    while True:
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as exc:
            cycle = set(exc.args[1])
            yield frozenset(cycle)
            for module in cycle:
                edges[module] -= cycle
        else:
            return


def test_the_search_finds_a_cycle() -> None:
    assert list(cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == [frozenset("abc")]


def test_no_modules_import_each_other() -> None:
    """Not even lazily or for types: a reader could not start with either of them."""
    for cycle in cycles(graph()):
        assert any(cycle <= known for known in KNOWN_CYCLES), sorted(cycle)


@pytest.mark.parametrize("folder", sorted({module.parent for module in MODULES}), ids=str)
def test_a_folder_has_at_most_sixteen_modules(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    # Each command has a module of its own, however many there are.
    assert len(modules) <= 16 or folder.parts[-2:] == ("cli", "commands")


@pytest.mark.parametrize("module", MODULES, ids=MODULE_IDS)
def test_third_party_modules_are_imported_where_they_belong_and_late(module: Path) -> None:
    for name, at_once, line in imports(module):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in ("passwright", "__future__"):
            continue
        package, location = parts_of(module)[0], f"{module.name}:{line} imports {name}"
        assert top in THIRD_PARTY, location
        assert package in THIRD_PARTY[top], location
        # cli, testing and service are imported only where their extras are installed.
        assert not at_once or package in ("cli", "testing", "service"), location
        if package == "service" and top in IN_SERVICE:
            assert parts_of(module)[1] in IN_SERVICE[top], location


def is_sql(parts: Sequence[str]) -> bool:
    """Returns whether a module of the service, named from its package on, knows SQL."""
    return parts[0] == "store" and parts[1:2] != ["protocol"] and len(parts) > 1


SERVICE = [module for module in MODULES if parts_of(module)[0] == "service"]


@pytest.mark.parametrize("module", SERVICE, ids=[str(module.relative_to(SOURCE)) for module in SERVICE])
def test_web_and_sql_never_meet(module: Path) -> None:
    """HTTP modules import no SQL module and SQL modules import no HTTP module; use cases import neither."""
    http = {"web", "pages"}
    own = parts_of(module)[1:]
    for name, _, line in imports(module):
        parts = name.split(".")
        if parts[:2] != ["passwright", "service"] or len(parts) == 2:
            continue
        location = f"{module.name}:{line} imports {name}"
        assert not is_sql(parts[2:]) or is_sql(list(own)), location
        assert parts[2] not in http or own[0] in http, location
