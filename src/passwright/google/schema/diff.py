"""Differences between the schema of this package and a discovery document of Google."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["schema_differences"]


def schema_differences(older: Mapping[str, Any], newer: Mapping[str, Any]) -> Iterator[str]:
    """Compares two schemas as `from_discovery` returns them, and yields a line for each difference.

    Lines name objects, members, types, enumeration values and their old spellings that were added,
    removed or changed. Objects outside the schema are named as well, because a new kind of pass is one
    of them at first.
    """
    yield from _names("schema outside the table", older["outside"], newer["outside"])
    yield from _names("schema", older["objects"], newer["objects"])
    for name in sorted(older["objects"].keys() & newer["objects"].keys()):
        old, new = older["objects"][name], newer["objects"][name]
        for member in sorted(old.keys() - new.keys()):
            yield f"{name}.{member}: removed"
        for member in sorted(new.keys() - old.keys()):
            yield f"{name}.{member}: added, {_describe(new[member])}"
        for member in sorted(old.keys() & new.keys()):
            yield from (f"{name}.{member}: {line}" for line in _changes(old[member], new[member]))


def _names(kind: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    for name in sorted({*old} ^ {*new}):
        yield f"{name}: {kind} {'removed' if name in old else 'added'}"


def _describe(member: Mapping[str, Any]) -> str:
    """Returns the type and the values of a member."""
    words = [f"list of {member['type']}" if member.get("list") else member["type"]]
    words += [name for name in ("required", "deprecated") if member.get(name)]
    if "enum" in member:
        words.append(f"one of {', '.join(member['enum'])}")
    return ", ".join(words)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for value in sorted({*old.get("enum", ())} ^ {*new.get("enum", ())}):
        yield f"value {value} {'removed' if value in old.get('enum', ()) else 'added'}"
    spellings, found = old.get("aliases_of", {}), new.get("aliases_of", {})
    for value in sorted(spellings.keys() | found.keys()):
        if value not in found:
            yield f"old spelling {value} removed"
        elif value not in spellings:
            yield f"old spelling {value} of {found[value]} added"
        elif spellings[value] != found[value]:
            yield f"old spelling {value} is of {found[value]}, was of {spellings[value]}"
    for name in sorted({*old, *new} - {"enum", "aliases_of"}):
        if old.get(name) != new.get(name):
            yield f"{name} is {new.get(name)}, was {old.get(name)}"
