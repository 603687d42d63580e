"""JSON Schemas (2020-12) out of tables, for editors and for checkers in other languages.

A schema refuses what `Table.check` calls an error and accepts the rest, as far
as JSON Schema can say it. What only warns stands in `description` and
`$comment`, and so does what has no keyword: sizes in bytes, values that differ
within a list, names of time zones and character sets, days that no calendar has.
Rules between documents, and those of `apple.rules` and `google.rules`, are no part of it.
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

from passwright.schema.formats import FORMATS, PATTERNS, url_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.model import Member, Schema

    JsonSchema = dict[str, Any]

__all__ = ["DIALECT", "json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(
    table: Schema,
    root: str,
    *,
    title: str,
    id: str | None = None,  # noqa: A002 -- it is called $id in the schema
    writing: bool = True,
) -> JsonSchema:
    """The schema of documents that are an object called `root` in `table`.

    Every object that can be reached from it stands once under `$defs`. With
    `writing`, as in `Table.check`, unknown keys and keys that only the wallet
    writes are refused; otherwise they are accepted, and values of enumerations
    that a service may extend are too. `id` becomes `$id`, left out by default.

    Source: JSON Schema 2020-12, Core and Validation.

    Raises:
        KeyError: the table has no object called `root`.
    """
    made = _Maker(table if writing else table.reading, writing=writing)
    made.reach(root)
    head = {"$schema": DIALECT, **({"$id": id} if id else {}), "title": title}
    return {**head, "$ref": _ref(root), "$defs": dict(sorted(made.definitions.items()))}


def _ref(name: str) -> str:
    # Names of objects are letters, digits and dots: nothing to escape in a pointer or a URI.
    return f"#/$defs/{name}"


def _both(schema: JsonSchema, more: JsonSchema) -> JsonSchema:
    """What fits one and the other."""
    if not schema.keys() & more.keys():
        return {**schema, **more}
    return {**schema, "allOf": [*schema.get("allOf", ()), more]}


# Base types that need no definition; those with a pattern have one.
_PLAIN: Mapping[str, JsonSchema] = {
    kind: {"type": kind} for kind in ("number", "integer", "boolean", "object")
}
# JSON's null is never a value: a key without one is left out.
_ANY: JsonSchema = {"type": ["string", "number", "boolean", "object", "array"], "pattern": "^[^\\u0000]*$"}

# Fact of one value -> keyword that says the same.
_KEYWORDS = {"min": "minimum", "max": "maximum", "min_length": "minLength", "max_length": "maxLength"}
# Facts without a keyword.
_WORDLESS = ("max_bytes", "unique_in", "max_hours")


class _Maker:
    """Collects the definitions of one schema."""

    def __init__(self, table: Schema, *, writing: bool) -> None:
        self.table = table
        self.writing = writing
        self.definitions: dict[str, JsonSchema] = {}

    def reach(self, root: str) -> None:
        """Define an object and all below it; a list of work, since objects may hold themselves."""
        wanted = [root]
        while wanted:
            name = wanted.pop()
            if name not in self.definitions:
                self.definitions[name] = self.object(name)
                kinds = (kind for key in self.table.objects[name].values() for kind in key.types)
                wanted += [kind for kind in kinds if kind in self.table.objects]

    def object(self, name: str) -> JsonSchema:
        keys = {key.name: key for key in self.table.objects[name].values() if key.name != "*"}
        wild = self.table.objects[name].get("*")
        old = {
            alias: {"deprecated": True, "description": f"An old spelling of {key.name}."}
            for key in keys.values()
            for alias in key.facts.get("aliases", ())
        }
        schema: JsonSchema = {
            "type": "object",
            "properties": {**{member: self.key(key) for member, key in keys.items()}, **old},
            "additionalProperties": self.key(wild) if wild else not self.writing,
        }
        if required := [key.name for key in keys.values() if _hard(key, "required")]:
            schema["required"] = required
        if needs := {
            key.name: list(key.facts["requires"]) for key in keys.values() if _hard(key, "requires")
        }:
            schema["dependentRequired"] = needs
        if styles := {key.name: _with_value(key) for key in keys.values() if _hard(key, "with_value")}:
            schema["dependentSchemas"] = styles
            if any(key.facts.get("with_value") == "date" for key in keys.values()):
                self.use("date")
        for condition in self.between(name, keys):
            schema = _both(schema, condition)
        return schema

    def between(self, name: str, keys: Mapping[str, Member]) -> Iterator[JsonSchema]:
        """What the keys of one object ask of each other."""
        pairs = {
            tuple(sorted((key.name, other)))
            for key in keys.values()
            if _hard(key, "excludes")
            for other in key.facts["excludes"]
        }
        yield from ({"not": {"required": list(pair)}} for pair in sorted(pairs))
        for key in keys.values():
            there = {"required": [key.name]}
            if _hard(key, "required_if"):
                for other, value in key.facts["required_if"].items():
                    yield {"if": _has(other, {"const": value}), "then": there}
            if _hard(key, "required_unless"):
                for other, value in key.facts["required_unless"].items():
                    yield {"if": _has(other, {"not": {"const": value}}), "then": there}
            if _hard(key, "allowed_beside"):
                grouped = (other.name for other in keys.values() if other.facts.get("group"))
                yield from (
                    {"not": {"required": [key.name, other]}}
                    for other in grouped
                    if other not in key.facts["allowed_beside"]
                )
        for members in self.table.groups_of(name).values():
            if _hard(keys[members[0]], "group"):
                yield {"oneOf": [{"required": [member]} for member in members]}
            else:
                yield from ({"not": {"required": list(pair)}} for pair in combinations(members, 2))

    def key(self, key: Member) -> JsonSchema:
        facts, about = key.facts, _about(key)
        if facts.get("write") is False:
            about["readOnly"] = True
            if self.writing:
                return {**about, "not": {}}
        value = self.value(key)
        if not key.listed:
            return {**about, **value}
        limit = {"maxItems": facts["max_items"]} if _hard(key, "max_items") else {}
        return {**about, "type": "array", "items": value, **limit}

    def value(self, key: Member) -> JsonSchema:
        """One value of a key: its type, and what is asked of the value."""
        if not self.writing and "type" in key.facts.get("genuine", ()):
            return _ANY
        parts = list(self.types(key))
        schema = parts[0] if len(parts) == 1 else {"anyOf": parts}
        for fact, keyword in _KEYWORDS.items():
            if _hard(key, fact):
                schema = {**schema, keyword: key.facts[fact]}
        if _hard(key, "max_bytes") and "maxLength" not in schema:
            # No character has less than one byte.
            schema = {**schema, "maxLength": key.facts["max_bytes"]}
        for pattern in _patterns(key):
            schema = _both(schema, {"pattern": pattern})
        if _hard(key, "enum"):
            # A service may answer with values younger than the table.
            open_ended = not self.writing and "aliases_of" in key.facts
            schema = _both(schema, {"examples": key.facts["enum"]} if open_ended else _choice(key))
        for member, values in key.facts["narrows"].items() if self.writing and _hard(key, "narrows") else ():
            schema = _both(schema, {"properties": {member: {"enum": list(values)}}})
        also = [] if self.writing else list(_also(key))
        return {"anyOf": [schema, *also]} if also else schema

    def types(self, key: Member) -> Iterator[JsonSchema]:
        """A schema for each type; of several that are text the first one counts, as in the checker."""
        text = False
        for kind in key.types:
            if kind in self.table.objects:
                yield {"$ref": _ref(kind)}
            elif kind == "any":
                yield _ANY
            elif kind in _PLAIN:
                yield _PLAIN[kind]
            elif not text:
                text = kind != "int64"
                yield self.text(kind, key)

    def text(self, kind: str, key: Member) -> JsonSchema:
        if kind == "url" and key.schemes:
            return {"type": "string", "pattern": f"^{url_pattern(key.schemes)}$"}
        loose = kind == "localized" or (kind == "date" and key.types != ("date",))
        return self.use("text" if loose else kind)

    def use(self, kind: str) -> JsonSchema:
        """A reference to a base type, which is then defined."""
        self.definitions[kind] = {"type": "string", "pattern": f"^{PATTERNS[kind]}$"}
        return {"$ref": _ref(kind)}


def _also(key: Member) -> Iterator[JsonSchema]:
    """What readers take although it has another type."""
    if "also" in key.facts:
        yield {"enum": list(key.facts["also"])}
    if "int64" in key.types and not {"integer", "number", "any"} & set(key.types):
        yield {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def _hard(key: Member, fact: str) -> bool:
    """The fact is there, and its breach an error."""
    return key.facts.get(fact, False) is not False and fact not in key.soft


def _has(member: str, schema: JsonSchema) -> JsonSchema:
    return {"required": [member], "properties": {member: schema}}


def _with_value(key: Member) -> JsonSchema:
    wanted = {"$ref": _ref("date")} if key.facts["with_value"] == "date" else {"type": "number"}
    return {"properties": {"value": wanted}}


def _patterns(key: Member) -> Iterator[str]:
    if _hard(key, "pattern"):
        yield key.facts["pattern"]
    if _hard(key, "format") and (pattern := FORMATS[key.facts["format"]].pattern) is not None:
        yield f"^({pattern})$"
    if _hard(key, "contains"):
        # Only what has a meaning in a pattern: ECMA-262 refuses other escapes, which re.escape writes.
        yield re.sub(r"([\\^$.*+?()[\]{}|])", r"\\\1", key.facts["contains"])


def _choice(key: Member) -> JsonSchema:
    values = {"enum": list(key.facts["enum"])}
    if not (old := key.facts.get("aliases_of")):
        return values
    spellings = {"enum": list(old), "deprecated": True, "description": "Old spellings."}
    return {"anyOf": [values, spellings]}


def _about(key: Member) -> JsonSchema:
    """What a reader wants to know of a key, and a validator does not."""
    facts = key.facts
    words = [facts.get("note", ""), facts.get("form", "")]
    if facts.get("styles"):
        words.append(f"Has an effect in: {', '.join(facts['styles'])}.")
    if facts.get("since"):
        words.append(f"Read since iOS {facts['since']}.")
    old = facts.get("deprecated")
    if isinstance(old, str):
        words.append(f"Deprecated since iOS {old}.")
    about: JsonSchema = {}
    if text := " ".join(filter(None, words)):
        about["description"] = text
    if comment := "; ".join(_unsaid(key)):
        about["$comment"] = comment
    if "default" in facts:
        about["default"] = facts["default"]
    if old is True:
        about["deprecated"] = True
    return about


def _unsaid(key: Member) -> Iterator[str]:
    """Facts that the schema does not judge."""
    for fact, wanted in key.facts.items():
        if fact in key.soft:
            yield f"warned of only: {fact} {json.dumps(wanted, ensure_ascii=False)}"
        elif fact in _WORDLESS or (fact == "format" and FORMATS[wanted].pattern is None):
            yield f"no keyword says: {fact} {json.dumps(wanted, ensure_ascii=False)}"
