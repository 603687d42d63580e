"""What holds for every line of the source."""

import ast
import re
import threading
from pathlib import Path

import passwright as pw
from passwright.examples.authority import Authority, example_template_directory
from tests.conftest import AT

SOURCE = Path(__file__).parent.parent / "src" / "passwright"


def test_key_11_chance_comes_from_the_system_alone() -> None:
    """No predictable generator stands where a key, an id, a nonce or a file name is made."""
    found = []
    for module in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
                found.append(f"{module.name}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and node.module == "random":
                found += [
                    f"{module.name}:{node.lineno}" for each in node.names if each.name != "SystemRandom"
                ]
    assert found == []


def test_key_09_a_pair_stays_a_pair_while_identities_change(authority: Authority) -> None:
    """Every pass built while builders are swapped is signed by the key of its own certificate."""
    builders = [
        pw.apple.PassBuilder(authority.identity(nfc=True)),
        pw.apple.PassBuilder(authority.identity(nfc=True, ec=True)),
    ]
    club = pw.Template.load(example_template_directory())
    built: list[bytes] = []
    current = [builders[0]]

    def issue(number: int) -> None:
        for index in range(10):
            card = club.issue(f"M-{number}-{index}", {"fullName": "Jane Smith"})
            built.append(current[0].build(card, at=AT))

    threads = [threading.Thread(target=issue, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        current[0] = builders[current[0] is builders[0]]
    assert len(built) == 40
    assert all(pw.apple.verify(data, trust=authority.trust, at=AT).ok for data in built)


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine, no registry, and no word of how it came about."""
    root = SOURCE.parent.parent
    listed = [
        path
        for folder in ("src", "tests", "docs", "fixtures", "benchmarks", ".ci")
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".md", ".toml", ".json", ".mjs", "")
        and path.is_file()
        # What `make bench` installs there to compare with is not the project's.
        and not {".venv", "node_modules"} & set(path.parts[len(root.parts) :])
    ]
    words = ("/wo" + "rk/", "/ro" + "ot/", "pypi.o" + "rg", "registry.npmjs" + ".org", "thr" + "eats.md")
    for path in [
        *listed,
        *root.glob("*.md"),
        root / "Makefile",
        root / "pyproject.toml",
    ]:
        text = path.read_bytes().decode("utf-8", "replace")
        for word in words:
            assert word not in text, f"{path.relative_to(root)} holds {word}"


def test_only_the_command_line_names_commands_and_options() -> None:
    """A library's message is read in programs as well; the CLI adds the command that helps."""
    names = (path.stem.replace("_", "-") for path in (SOURCE / "cli" / "commands").glob("[a-z]*.py"))
    named = re.compile(rf"(?<![\w-])--[a-z]|\bpasswright (?:{'|'.join(names)})\b")
    assert named.search("try passwright build")
    assert named.search("give --root FILE")
    modules = [path for path in SOURCE.rglob("*.py") if path.name != "__main__.py"]
    found = [
        f"{module.relative_to(SOURCE)}:{node.lineno}: {node.value}"
        for module in modules
        if "cli" not in module.relative_to(SOURCE).parts
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.search(node.value)
    ]
    assert found == []
