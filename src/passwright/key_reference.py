"""A reference of the members that the schemas know: of pass.json, of template.toml, of Google's classes and
objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from passwright.apple.build import pass_json
from passwright.google import schema
from passwright.model import validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from passwright.schema.model import Member, Schema

__all__ = ["MemberInfo", "find", "names"]

# One object may stand in many places, and nobody reads all of them.
MAX_PATHS = 50
_STEP = re.compile(r"[./#]+")
# The members of the facts that say what a value may be, and in which words.
_LIMITS = (
    ("min", "at least {}"),
    ("max", "at most {}"),
    ("min_length", "at least {} characters"),
    ("max_length", "at most {} characters"),
    ("max_bytes", "at most {} bytes"),
    ("max_items", "at most {} of them"),
    ("contains", "has to contain {}"),
    ("format", "in the form of a {}"),
    ("form", "{}"),
    ("unit", "in {}"),
)
_RELATIONS = (
    ("requires", "only with {}"),
    ("excludes", "not beside {}"),
    ("required_unless", "required unless there is {}"),
    ("required_on", "required on {}"),
    ("required_by", "required by {}"),
    ("recommended_by", "recommended by {}"),
    ("unique_in", "differs within {}"),
)


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A key of one object, as a table has it.

    `document` is `pass.json`, `template.toml` or `Google`; `owner` the name of
    the object the key stands in; `places` are the shortest ways to it from the
    documents it may stand in, such as `barcodes[].format`.
    """

    document: str
    owner: str
    key: Member
    places: tuple[str, ...]
    source: str

    def facts(self) -> dict[str, str]:
        """The constraints of the member, in words: the name of each with its text."""
        facts = self.key.keywords
        told = {"type": _type(self.key), "required": "yes" if facts.get("required") else ""}
        if values := facts.get("enum"):
            told["values"] = _listed_text(values)
        if aliases := facts.get("aliases_of") or facts.get("aliases"):
            told["old spellings"] = _listed_text(aliases)
        limits = [text.format(_listed_text(facts[name])) for name, text in _LIMITS if name in facts]
        if scheme := facts.get("scheme"):
            limits.append(f"a {_listed_text(scheme)} URL")
        told["limits"] = ", ".join(limits)
        told["beside others"] = ", ".join(
            text.format(_listed_text(facts[name])) for name, text in _RELATIONS if facts.get(name)
        )
        told["since"] = _version(facts.get("since"))
        told["deprecated"] = _deprecation_text(facts.get("deprecated"))
        told["styles"] = _listed_text(facts.get("styles", ()))
        told["default"] = _word(facts["default"]) if "default" in facts else ""
        told["not confirmed"] = _listed_text(facts.get("unconfirmed", ()))
        told["note"] = facts.get("note", "")
        return {name: text for name, text in told.items() if text}


def find(name: str) -> tuple[MemberInfo, ...]:
    """Every key that a name may mean; empty when the tables have none.

    `name` is a key (`messageEncoding`), a path (`barcodes.format`), a JSON
    pointer as findings have it (`pass.json#/barcodes/0/format`), or an object
    and its key (`Barcode.value`). Upper and lower case matter.
    """
    document, _, pointer = name.rpartition("#")
    steps = [step for step in _STEP.split(pointer) if step and not step.isdigit()]
    if not steps:
        return ()
    found: dict[tuple[str, str], MemberInfo] = {}
    for table in _tables():
        if document and not _fits(document, table):
            continue
        for owner in table.table.objects:
            for reached in _walk(table.table, owner, steps):
                found.setdefault((table.document, reached), table.facts(reached, steps[-1]))
    return tuple(found.values())


def names() -> tuple[str, ...]:
    """Every key there is, for guesses at misspelt ones."""
    return tuple(
        dict.fromkeys(
            key for each in _tables() for keys in each.table.objects.values() for key in keys if key != "*"
        )
    )


@dataclass(frozen=True, slots=True)
class _Document:
    """A table, and the documents it is for: name -> the object that is the whole of it."""

    document: str
    table: Schema
    roots: dict[str, str]
    source: str

    def facts(self, owner: str, name: str) -> MemberInfo:
        places = [
            f"{file}{path}{name}"
            for file, root in self.roots.items()
            for path in _paths(self.document, root).get(owner, ())
        ]
        return MemberInfo(self.document, owner, self.table.objects[owner][name], tuple(places), self.source)


@cache
def _tables() -> tuple[_Document, ...]:
    google = {f"{name[0].lower()}{name[1:]}": name for name in schema.resources()}
    return (
        _Document(
            "pass.json",
            pass_json.pass_schema(),
            {"": "Pass", "personalization.json: ": "Personalize"},
            "Apple, Wallet Passes, key pages",
        ),
        _Document("template.toml", validation.template_schema(), {"": "Template"}, "Passwright, templates"),
        _Document(
            "Google",
            schema.payload_schema(),
            {f"{name}.": root for name, root in google.items()},
            "Google, walletobjects v1",
        ),
    )


def _fits(document: str, table: _Document) -> bool:
    name = document.rpartition("/")[2]
    if name.endswith(".json"):
        return table.document == "pass.json"
    return table.document == "template.toml" if name.partition(":")[0].endswith(".toml") else True


def _walk(table: Schema, owner: str, steps: Sequence[str]) -> Iterator[str]:
    """The objects in which the last of the steps is a key, from one object on; its name may come first."""
    at = [owner]
    named = owner.split(".")
    path = steps[len(named) :] if list(steps[:-1][: len(named)]) == named else steps
    for depth, step in enumerate(path[:-1]):
        # Any name will do for some keys: below a key that is known, not as the first of a path.
        others = "*" if depth else step
        at = [
            kind
            for each in at
            for key in (table.objects[each].get(step) or table.objects[each].get(others),)
            if key is not None
            for kind in key.types
            if kind in table.objects
        ]
    yield from (each for each in at if path[-1] in table.objects[each])


@cache
def _paths(document: str, root: str) -> Mapping[str, list[str]]:
    """The shortest ways from a whole document to each object in it."""
    objects = next(each for each in _tables() if each.document == document).table.objects
    found: dict[str, list[str]] = {root: [""]}
    new = [root]
    while new:
        level: dict[str, list[str]] = {}
        for owner in new:
            for key in objects[owner].values():
                for kind in key.types:
                    if kind in objects and kind not in found:
                        step = f"{key.name}{'[]' * key.is_list}."
                        level.setdefault(kind, []).extend(f"{path}{step}" for path in found[owner])
        found |= {kind: paths[:MAX_PATHS] for kind, paths in level.items()}
        new = list(level)
    return found


def _type(key: Member) -> str:
    kinds = " or ".join(key.types)
    return f"list of {kinds}" if key.is_list else kinds


def _version(value: object) -> str:
    return f"iOS {value}" if value else ""


def _deprecation_text(value: object) -> str:
    return "yes" if value is True else _version(value)


def _listed_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_word, value))
    if isinstance(value, dict):
        return ", ".join(f"{old} for {new}" for old, new in value.items())
    return _word(value)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
