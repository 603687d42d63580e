"""What a discovery document of Google says otherwise than our table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["drift"]


def drift(ours: Mapping[str, Any], newer: Mapping[str, Any]) -> Iterator[str]:
    """Every difference between two tables as `from_discovery` makes them, each in a line.

    Named are schemas, members, types, enumeration values and old spellings of
    them that were added, removed or changed, and schemas outside the table as
    well: a new kind of pass begins as one of those.
    """
    yield from _names("schema outside the table", ours["outside"], newer["outside"])
    yield from _names("schema", ours["objects"], newer["objects"])
    for name in sorted(ours["objects"].keys() & newer["objects"].keys()):
        old, new = ours["objects"][name], newer["objects"][name]
        for member in sorted(old.keys() - new.keys()):
            yield f"{name}.{member}: removed"
        for member in sorted(new.keys() - old.keys()):
            yield f"{name}.{member}: added, {_in_words(new[member])}"
        for member in sorted(old.keys() & new.keys()):
            yield from (f"{name}.{member}: {line}" for line in _facts(old[member], new[member]))


def _names(what: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    for name in sorted({*old} ^ {*new}):
        yield f"{name}: {what} {'removed' if name in old else 'added'}"


def _in_words(facts: Mapping[str, Any]) -> str:
    """Type and values of a member."""
    words = [f"list of {facts['type']}" if facts.get("list") else facts["type"]]
    words += [fact for fact in ("required", "deprecated") if facts.get(fact)]
    if "enum" in facts:
        words.append(f"one of {', '.join(facts['enum'])}")
    return ", ".join(words)


def _facts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for value in _changed(old, new, "enum"):
        yield f"value {value} {'removed' if value in old.get('enum', ()) else 'added'}"
    spellings, found = old.get("aliases_of", {}), new.get("aliases_of", {})
    for value in sorted(spellings.keys() | found.keys()):
        if value not in found:
            yield f"old spelling {value} removed"
        elif value not in spellings:
            yield f"old spelling {value} of {found[value]} added"
        elif spellings[value] != found[value]:
            yield f"old spelling {value} is of {found[value]}, was of {spellings[value]}"
    for fact in sorted({*old, *new} - {"enum", "aliases_of"}):
        if old.get(fact) != new.get(fact):
            yield f"{fact} is {new.get(fact)}, was {old.get(fact)}"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], fact: str) -> list[str]:
    return sorted({*old.get(fact, ())} ^ {*new.get(fact, ())})
