"""JSON Schemas (2020-12) from our schemas, for editors and for validators in other languages.

A JSON Schema refuses the documents for which `Validator.check` finds errors and accepts all others, as
far as JSON Schema can express it. Constraints that yield warnings are in `description` and `$comment`.
So are constraints without a JSON Schema keyword: sizes in bytes, values that differ within a list,
names of time zones and character sets, days that no calendar has. Rules between documents, and those
of `apple.rules` and `google.rules`, are not part of it.
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
    schema: Schema,
    root: str,
    *,
    title: str,
    id: str | None = None,  # noqa: A002 -- it is called $id in the schema
    writing: bool = True,
) -> JsonSchema:
    """Returns the JSON Schema of documents that are an object called `root` in `schema`.

    Every object that can be reached from it stands once under `$defs`. With
    `writing`, as in `Validator.check`, unknown members and members that only the wallet
    writes are refused; otherwise they are accepted, and values of enumerations
    that a service may extend are too. `id` becomes `$id`, left out by default.

    Source: JSON Schema 2020-12, Core and Validation.

    Raises:
        KeyError: the schema has no object called `root`.
    """
    made = _Definitions(schema if writing else schema.tolerant, writing=writing)
    made.reach(root)
    head = {"$schema": DIALECT, **({"$id": id} if id else {}), "title": title}
    return {**head, "$ref": _ref(root), "$defs": dict(sorted(made.definitions.items()))}


def _ref(name: str) -> str:
    # Names of objects are letters, digits and dots: nothing to escape in a pointer or a URI.
    return f"#/$defs/{name}"


def _both(schema: JsonSchema, more: JsonSchema) -> JsonSchema:
    """Returns the JSON Schema of values that both accept."""
    if not schema.keys() & more.keys():
        return {**schema, **more}
    return {**schema, "allOf": [*schema.get("allOf", ()), more]}


# Base types that need no definition; those with a pattern have one.
_PLAIN: Mapping[str, JsonSchema] = {
    kind: {"type": kind} for kind in ("number", "integer", "boolean", "object")
}
# JSON's null is never a value: a member without a value is left out.
_ANY: JsonSchema = {"type": ["string", "number", "boolean", "object", "array"], "pattern": "^[^\\u0000]*$"}

# Keyword of ours -> the equal keyword of JSON Schema.
_KEYWORDS = {"min": "minimum", "max": "maximum", "min_length": "minLength", "max_length": "maxLength"}
# Keywords without an equal in JSON Schema.
_WITHOUT_EQUAL = ("max_bytes", "unique_in", "max_hours")


class _Definitions:
    """The definitions of one JSON Schema, collected from an object and all objects below it."""

    def __init__(self, schema: Schema, *, writing: bool) -> None:
        self.schema = schema
        self.writing = writing
        self.definitions: dict[str, JsonSchema] = {}

    def reach(self, root: str) -> None:
        """Defines an object and all below it; with a list of work, since objects may hold themselves."""
        wanted = [root]
        while wanted:
            name = wanted.pop()
            if name not in self.definitions:
                self.definitions[name] = self.object(name)
                kinds = (kind for key in self.schema.objects[name].values() for kind in key.types)
                wanted += [kind for kind in kinds if kind in self.schema.objects]

    def object(self, name: str) -> JsonSchema:
        keys = {key.name: key for key in self.schema.objects[name].values() if key.name != "*"}
        wild = self.schema.objects[name].get("*")
        old = {
            alias: {"deprecated": True, "description": f"An old spelling of {key.name}."}
            for key in keys.values()
            for alias in key.keywords.get("aliases", ())
        }
        schema: JsonSchema = {
            "type": "object",
            "properties": {**{member: self.key(key) for member, key in keys.items()}, **old},
            "additionalProperties": self.key(wild) if wild else not self.writing,
        }
        if required := [key.name for key in keys.values() if _hard(key, "required")]:
            schema["required"] = required
        if needs := {
            key.name: list(key.keywords["requires"]) for key in keys.values() if _hard(key, "requires")
        }:
            schema["dependentRequired"] = needs
        if styles := {key.name: _with_value(key) for key in keys.values() if _hard(key, "with_value")}:
            schema["dependentSchemas"] = styles
            if any(key.keywords.get("with_value") == "date" for key in keys.values()):
                self.use("date")
        for condition in self.between(name, keys):
            schema = _both(schema, condition)
        return schema

    def between(self, name: str, keys: Mapping[str, Member]) -> Iterator[JsonSchema]:
        """Yields the constraints between the members of one object."""
        pairs = {
            tuple(sorted((key.name, other)))
            for key in keys.values()
            if _hard(key, "excludes")
            for other in key.keywords["excludes"]
        }
        yield from ({"not": {"required": list(pair)}} for pair in sorted(pairs))
        for key in keys.values():
            there = {"required": [key.name]}
            if _hard(key, "required_if"):
                for other, value in key.keywords["required_if"].items():
                    yield {"if": _has(other, {"const": value}), "then": there}
            if _hard(key, "required_unless"):
                for other, value in key.keywords["required_unless"].items():
                    yield {"if": _has(other, {"not": {"const": value}}), "then": there}
            if _hard(key, "allowed_beside"):
                grouped = (other.name for other in keys.values() if other.keywords.get("group"))
                yield from (
                    {"not": {"required": [key.name, other]}}
                    for other in grouped
                    if other not in key.keywords["allowed_beside"]
                )
        for members in self.schema.groups_of(name).values():
            if _hard(keys[members[0]], "group"):
                yield {"oneOf": [{"required": [member]} for member in members]}
            else:
                yield from ({"not": {"required": list(pair)}} for pair in combinations(members, 2))

    def key(self, key: Member) -> JsonSchema:
        keywords, annotations = key.keywords, _annotations(key)
        if keywords.get("write") is False:
            annotations["readOnly"] = True
            if self.writing:
                return {**annotations, "not": {}}
        value = self.value(key)
        if not key.is_list:
            return {**annotations, **value}
        limit = {"maxItems": keywords["max_items"]} if _hard(key, "max_items") else {}
        return {**annotations, "type": "array", "items": value, **limit}

    def value(self, key: Member) -> JsonSchema:
        """Returns the JSON Schema of one value of a member: its type and its constraints."""
        if not self.writing and "type" in key.keywords.get("genuine", ()):
            return _ANY
        parts = list(self.types(key))
        schema = parts[0] if len(parts) == 1 else {"anyOf": parts}
        for keyword, equal in _KEYWORDS.items():
            if _hard(key, keyword):
                schema = {**schema, equal: key.keywords[keyword]}
        if _hard(key, "max_bytes") and "maxLength" not in schema:
            # No character has less than one byte.
            schema = {**schema, "maxLength": key.keywords["max_bytes"]}
        for pattern in _patterns(key):
            schema = _both(schema, {"pattern": pattern})
        if _hard(key, "enum"):
            # A service may answer with values younger than the schema.
            open_ended = not self.writing and "aliases_of" in key.keywords
            schema = _both(schema, {"examples": key.keywords["enum"]} if open_ended else _choice(key))
        for member, values in (
            key.keywords["narrows"].items() if self.writing and _hard(key, "narrows") else ()
        ):
            schema = _both(schema, {"properties": {member: {"enum": list(values)}}})
        also = [] if self.writing else list(_also(key))
        return {"anyOf": [schema, *also]} if also else schema

    def types(self, key: Member) -> Iterator[JsonSchema]:
        """Yields a JSON Schema for each type; of several text types the first counts, as in the validator."""
        text = False
        for kind in key.types:
            if kind in self.schema.objects:
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
        """Defines a base type, and returns a reference to it."""
        self.definitions[kind] = {"type": "string", "pattern": f"^{PATTERNS[kind]}$"}
        return {"$ref": _ref(kind)}


def _also(key: Member) -> Iterator[JsonSchema]:
    """Yields the JSON Schemas of values of another type that readers accept."""
    if "also" in key.keywords:
        yield {"enum": list(key.keywords["also"])}
    if "int64" in key.types and not {"integer", "number", "any"} & set(key.types):
        yield {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def _hard(key: Member, keyword: str) -> bool:
    """Returns whether the constraint is present, and breaking it is an error."""
    return key.keywords.get(keyword, False) is not False and keyword not in key.warning_keywords


def _has(member: str, schema: JsonSchema) -> JsonSchema:
    return {"required": [member], "properties": {member: schema}}


def _with_value(key: Member) -> JsonSchema:
    wanted = {"$ref": _ref("date")} if key.keywords["with_value"] == "date" else {"type": "number"}
    return {"properties": {"value": wanted}}


def _patterns(key: Member) -> Iterator[str]:
    if _hard(key, "pattern"):
        yield key.keywords["pattern"]
    if _hard(key, "format") and (pattern := FORMATS[key.keywords["format"]].pattern) is not None:
        yield f"^({pattern})$"
    if _hard(key, "contains"):
        # Only what has a meaning in a pattern: ECMA-262 refuses other escapes, which re.escape writes.
        yield re.sub(r"([\\^$.*+?()[\]{}|])", r"\\\1", key.keywords["contains"])


def _choice(key: Member) -> JsonSchema:
    values = {"enum": list(key.keywords["enum"])}
    if not (old := key.keywords.get("aliases_of")):
        return values
    spellings = {"enum": list(old), "deprecated": True, "description": "Old spellings."}
    return {"anyOf": [values, spellings]}


def _annotations(key: Member) -> JsonSchema:
    """Returns the annotations of a member, which validators ignore."""
    keywords = key.keywords
    words = [keywords.get("note", ""), keywords.get("form", "")]
    if keywords.get("styles"):
        words.append(f"Has an effect in: {', '.join(keywords['styles'])}.")
    if keywords.get("since"):
        words.append(f"Read since iOS {keywords['since']}.")
    old = keywords.get("deprecated")
    if isinstance(old, str):
        words.append(f"Deprecated since iOS {old}.")
    annotations: JsonSchema = {}
    if text := " ".join(filter(None, words)):
        annotations["description"] = text
    if comment := "; ".join(_list_untested(key)):
        annotations["$comment"] = comment
    if "default" in keywords:
        annotations["default"] = keywords["default"]
    if old is True:
        annotations["deprecated"] = True
    return annotations


def _list_untested(key: Member) -> Iterator[str]:
    """Yields the constraints that the JSON Schema does not test."""
    for keyword, wanted in key.keywords.items():
        if keyword in key.warning_keywords:
            yield f"warned of only: {keyword} {json.dumps(wanted, ensure_ascii=False)}"
        elif keyword in _WITHOUT_EQUAL or (keyword == "format" and FORMATS[wanted].pattern is None):
            yield f"no keyword says: {keyword} {json.dumps(wanted, ensure_ascii=False)}"
