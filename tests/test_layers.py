"""Who may import whom. When this fails, move the line, not the table."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "passwright"

# Room -> layer. A room is a module, or a package with everything in it.
LAYERS = {
    **dict.fromkeys(("errors", "lazy", "report", "strict_json", "atomic_file", "times", "gs1"), 0),
    **dict.fromkeys(("documents.placeholders", "binding", "signing"), 1),
    **dict.fromkeys(("images", "model", "nfc_keys", "schema"), 1),
    **dict.fromkeys(("documents",), 2),
    **dict.fromkeys(("apple", "google"), 3),
    **dict.fromkeys(("validation", "key_reference", "batch", "signers", "examples"), 4),
    **dict.fromkeys(("testing", "service"), 5),
    **dict.fromkeys(("cli", "__main__"), 6),
}

# Inside layer 1 imports go one way.
ORDER = (
    *("images", "schema", "signing", "nfc_keys", "binding"),
    *("documents.placeholders", "model"),
)

WEB = ("anyio", "fastapi", "starlette", "pydantic", "pydantic_core", "uvicorn", "h11")

# Third-party package -> the rooms that may import it, and only when first used.
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

# Inside the service only these rooms know a library; the use cases know neither HTTP nor SQL.
IN_SERVICE = {
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fido2": {"proofs"},
    **{name: {"pages"} for name in ("babel", "jinja2", "markupsafe", "segno")},
    **{name: {"web"} for name in WEB},
}

MODULES = sorted(SOURCE.rglob("*.py"))


# Modules that lie lower than the rest of their package.
LOWER = {("documents", "placeholders")}


def room_of(module: Path) -> str:
    return room_at(module.relative_to(SOURCE).with_suffix("").parts)


def room_at(parts: tuple[str, ...]) -> str:
    return ".".join(parts[:2]) if parts[:2] in LOWER else parts[0]


def part_of(module: Path) -> str:
    """The room inside a package that a module belongs to."""
    return module.relative_to(SOURCE).parts[1].removesuffix(".py")


def imports(module: Path) -> Iterator[tuple[str, bool, int]]:
    """Every import: dotted name, whether it runs when the module is imported, line."""
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
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(module) for module in MODULES} - {"__init__"}
    assert rooms == LAYERS.keys()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(SOURCE)))
def test_imports_point_down(module: Path) -> None:
    room = room_of(module)
    if room == "__init__":
        return
    for name, at_once, line in imports(module):
        parts = name.split(".")
        if parts[0] != "passwright" or len(parts) == 1:
            continue
        other, where = room_at(tuple(parts[1:])), f"{module.name}:{line} imports {name}"
        if other not in LAYERS:
            # A promised name of the package itself: only the outermost layers may take that way.
            assert LAYERS[room] >= 5, where
            continue
        if other == room:
            continue
        assert LAYERS[other] <= LAYERS[room], where
        assert {room, other} != {"apple", "google"}, where
        # Template.load and Template.save open the folder's door when they are called.
        if at_once and LAYERS[room] == LAYERS[other] == 1:
            assert ORDER.index(other) < ORDER.index(room), where


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(SOURCE)))
def test_third_party_modules_are_imported_where_they_belong_and_late(module: Path) -> None:
    import sys

    for name, at_once, line in imports(module):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in ("passwright", "__future__"):
            continue
        where = f"{module.name}:{line} imports {name}"
        assert top in THIRD_PARTY, where
        assert room_of(module) in THIRD_PARTY[top], where
        # cli, testing and service are entered only by those who have their extras.
        assert not at_once or room_of(module) in ("cli", "testing", "service"), where
        if room_of(module) == "service" and top in IN_SERVICE:
            assert part_of(module) in IN_SERVICE[top], where


def is_sql(parts: Sequence[str]) -> bool:
    """Returns whether a module of the service, named from its package on, knows SQL."""
    return parts[0] == "store" and parts[1:2] != ["protocol"] and len(parts) > 1


@pytest.mark.parametrize("module", [each for each in MODULES if room_of(each) == "service"], ids=part_of)
def test_web_and_sql_never_meet(module: Path) -> None:
    """HTTP modules import no SQL module and SQL modules import no HTTP module; use cases import neither."""
    http = {"web", "pages"}
    own = [part.removesuffix(".py") for part in module.relative_to(SOURCE).parts[1:]]
    for name, _, line in imports(module):
        parts = name.split(".")
        if parts[:2] != ["passwright", "service"] or len(parts) == 2:
            continue
        where = f"{module.name}:{line} imports {name}"
        assert not is_sql(parts[2:]) or is_sql(own), where
        assert parts[2] not in http or own[0] in http, where
