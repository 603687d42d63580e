"""Every code that somebody can meet is explained, and nothing else is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import passwright
from passwright import report

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(passwright.__file__).parent
FINDINGS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+\Z|comment\Z|encrypted\Z|gap\Z|overlap\Z|zip64\Z")
# What HTTP answers and callbacks are told by.
SNAKE = re.compile(r"[a-z]+(_[a-z]+)+\Z")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees() -> dict[Path, ast.Module]:
    """The syntax tree of each module."""
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def takers() -> dict[str, set[int]]:
    """Functions and classes that take a code: name -> the positions it may be given at."""
    found: dict[str, set[int]] = {"Finding": {0}}
    for tree in trees().values():
        for node in ast.walk(tree):
            for function, name, bound in functions_in(node):
                names = [each.arg for each in function.args.args][bound:]
                if "code" in names:
                    found.setdefault(name, set()).add(names.index("code"))
    return found


def functions_in(node: ast.AST) -> Iterator[tuple[Function, str, int]]:
    """Functions of a class or a module: each, the name it is called by, how many arguments are bound."""
    if isinstance(node, (ast.ClassDef, ast.Module)):
        for child in node.body:
            if isinstance(child, Function):
                bound = int(isinstance(node, ast.ClassDef))
                made = getattr(node, "name", "") if child.name == "__init__" else child.name
                yield child, made, bound


def used() -> dict[str, str]:
    """Code -> where it is handed to a finding or an exception, read from the syntax trees."""
    known, found = takers(), {}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            for code in codes_of(node, known):
                found[code] = f"{path.name}:{getattr(node, 'lineno', 0)}"
    return found


def codes_of(node: ast.AST, known: dict[str, set[int]]) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "logger":
            return  # a sentence for the log
        given = [node.args[at] for at in known.get(name, ()) if at < len(node.args)]
        given += [keyword.value for keyword in node.keywords if keyword.arg == "code" and name in known]
        yield from (code for value in given for code in constants(value))
    elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Tuple):
        names = [getattr(each, "id", "") for each in node.target.elts]
        if "code" in names and isinstance(node.iter, (ast.Tuple, ast.List)):
            for row in node.iter.elts:
                if isinstance(row, ast.Tuple):
                    yield from constants(row.elts[names.index("code")])
    elif isinstance(node, ast.Assign) and any(getattr(each, "id", "") == "code" for each in node.targets):
        yield from constants(node.value)


def constants(value: ast.AST) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from constants(value.body)
        yield from constants(value.orelse)


def texts() -> set[str]:
    """Every text that stands in the code, f-strings as patterns."""
    nodes = [node for tree in trees().values() for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def patterns() -> list[re.Pattern[str]]:
    """The f-strings that may make a code: `link-needs-{what}`."""
    made = []
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                fixed = "".join(str(part) for part in parts if part is not None)
                if re.fullmatch(r"[a-z]+-[a-z-]*", fixed):
                    made.append(
                        re.compile("".join("[a-z-]+" if p is None else re.escape(str(p)) for p in parts))
                    )
    return made


def test_every_code_that_is_used_is_explained() -> None:
    places = used()

    assert len(places) > 150, "the search sees too little"
    assert {
        code: place for code, place in places.items() if code and code not in report.finding_codes()
    } == {}


def test_every_explained_code_is_used() -> None:
    there, made = texts(), patterns()
    unused = [
        code
        for code in report.finding_codes()
        if code not in there and not any(each.fullmatch(code) for each in made)
    ]

    assert unused == []


@pytest.mark.parametrize("code", report.finding_codes())
def test_an_explanation_is_whole_and_readable(code: str) -> None:
    """A title without a full stop, sentences with one, and who made the rule."""
    told = report.explanation(code)

    assert FINDINGS.match(code) or SNAKE.match(code), "kebab-case for findings, snake_case for HTTP"
    assert told.code == code
    assert re.match(r"[A-Z0-9]|[a-z]+[A-Z.]", told.title), "a capital, or the name of a key or a file"
    assert not told.title.endswith(".")
    assert len(told.title) < 110
    assert told.why.endswith((".", "?"))
    assert told.remedy.endswith(".")
    assert told.source


def test_an_unknown_code_has_no_explanation() -> None:
    with pytest.raises(KeyError):
        report.explanation("no-such-code")


def test_titles_tell_codes_apart() -> None:
    titles = [report.explanation(code).title for code in report.finding_codes()]

    assert sorted(titles) == sorted(set(titles))
