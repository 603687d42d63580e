"""Finds private words in names, docstrings, comments, messages and Markdown pages.

`python -m tests.words [PATH ...]` prints every violation below the paths, one per line.
The lists are in `words.toml`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "passwright"
LISTS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
CODE = ("src", "tests", "benchmarks", "fixtures", "docs")
PHRASES = [(re.compile(pattern), term) for pattern, term in LISTS["phrases"].items()]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


def python_files() -> list[Path]:
    """Returns the Python files of the project."""
    return sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def pages() -> list[Path]:
    """Returns the Markdown pages of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def module_names() -> list[str]:
    """Returns the paths of the modules below the package, with slashes and without the suffix."""
    return [str(path.relative_to(SOURCE).with_suffix("")) for path in sorted(SOURCE.rglob("*.py"))]


def components(name: str) -> list[str]:
    """Splits `snake_case` and `CamelCase` into lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def is_participle(name: str) -> bool:
    """Returns whether a function's name is one past participle, such as `found` or `_rendered`."""
    word = name.strip("_")
    if not word.isalpha() or not word.islower():
        return False
    lists = LISTS["participles"]
    return word in lists["words"] or (word.endswith("ed") and word not in lists["not_participles"])


def declared_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the line and the name of each class, function and parameter."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            yield node.lineno, node.name
        if isinstance(node, FUNCTIONS):
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            every += [each for each in (node.args.vararg, node.args.kwarg) if each]
            for argument in every:
                yield argument.lineno, argument.arg


def name_faults(path: Path) -> Iterator[str]:
    """Yields a line of text for each private word among the declared names of a Python file."""
    tree = ast.parse(path.read_text("utf-8"))
    for line, name in declared_names(tree):
        if name.startswith("test_"):
            continue
        for word in components(name):
            if word in LISTS["names"]:
                yield f"{path.relative_to(ROOT)}:{line}: name {name}: {word} -> {LISTS['names'][word]}"
    if "tests" in path.relative_to(ROOT).parts[:1]:
        return
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and is_participle(node.name):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: function {node.name}: a verb, not a participle"


def module_faults() -> Iterator[str]:
    """Yields a line of text for each module whose path is on the list."""
    for name in module_names():
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            listed = LISTS["modules"].get("/".join(parts[:depth]))
            if listed and listed != name and not listed.startswith(name + "/"):
                yield f"module {name} -> {listed}"


def class_faults() -> Iterator[str]:
    """Yields a line of text for each public class name that two modules of the package share."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(SOURCE).with_suffix("")))
    for name, modules in homes.items():
        packages = sorted(module.split("/")[0] for module in modules)
        if len(modules) > 1 and packages != LISTS["twins"].get(name):
            yield f"class {name} stands in {', '.join(modules)}"


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each docstring."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield node.body[0].lineno, text


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each comment; lines that follow one another are one comment."""
    text, first, last = "", 0, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, content = token.start[0], token.string.lstrip("#").strip()
        alone = token.line.lstrip().startswith("#")
        if text and alone and line == last + 1:
            text += " " + content
        else:
            if text:
                yield first, text
            text, first = content, line
        last = line if alone else -1
    if text:
        yield first, text


def messages(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each literal that holds a sentence: two blanks or more."""
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in documented and node.value.count(" ") > 1:
            yield node.lineno, node.value


def paragraphs(page: str) -> Iterator[tuple[int, str]]:
    """Yields the line and the text of each heading, paragraph and list item outside of code blocks."""
    fenced, text, first = False, "", 0
    for number, line in enumerate(page.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("```"):
            fenced = not fenced
            bare = ""
        elif fenced:
            continue
        starts = not bare or bare.startswith(("#", "* ", "- ", "|", ">")) or re.match(r"\d+\. ", bare)
        if starts and text:
            yield first, text
            text = ""
        if bare:
            text, first = (
                (text + " " + bare, first) if text else (re.sub(r"^[#*>| -]+|^\d+\. ", "", bare), number)
            )
    if text:
        yield first, text


def opening_fault(text: str, listed: dict[str, str]) -> str | None:
    """Returns the fault of a text's first words, None if there is none."""
    bare = text.lstrip("*_`\"' ")
    for opening, term in listed.items():
        if re.match(re.escape(opening) + r"\b", bare):
            return f'begins with "{opening}": {term}'
    return None


def text_faults(path: Path) -> Iterator[str]:
    """Yields a line of text for each opening and phrase on the list in a Python file or Markdown page."""
    shown = path.relative_to(ROOT)
    content = path.read_text("utf-8")
    if path.suffix == ".md":
        openings = [(line, text, "text_openings") for line, text in paragraphs(content)]
        texts = [(line, text) for line, text, _ in openings]
    else:
        tree = ast.parse(content)
        openings = [(line, text, "openings") for line, text in docstrings(tree)]
        openings += [(line, text, "text_openings") for line, text in comments(content)]
        texts = [(line, text) for line, text, _ in openings] + list(messages(tree))
    for line, text, listed in openings:
        if fault := opening_fault(text, LISTS[listed]):
            yield f"{shown}:{line}: {fault}: {text[:80]!r}"
    for line, text in texts:
        for pattern, term in PHRASES:
            if match := pattern.search(text):
                around = text[max(0, match.start() - 25) : match.end() + 25]
                yield f"{shown}:{line}: {match.group()!r} -> {term}: {around!r}"


def all_faults(paths: Iterable[Path]) -> Iterator[str]:
    """Yields every fault of the given files."""
    for path in paths:
        if path.suffix == ".py":
            yield from name_faults(path)
        yield from text_faults(path)


def main(arguments: list[str]) -> int:
    """Prints the faults below the given paths, or of the whole project."""
    wanted = [Path(each).resolve() for each in arguments] or [ROOT]
    files = [
        path
        for path in [*python_files(), *pages()]
        if any(path == each or each in path.parents for each in wanted) and path != Path(__file__).resolve()
    ]
    lines = [*all_faults(files), *([] if arguments else [*module_faults(), *class_faults()])]
    for line in lines:
        print(line)
    print(f"{len(lines)} faults in {len(files)} files")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
