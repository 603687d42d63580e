"""The schema of Google's classes and objects, made from the discovery document of the service.

    python -m passwright.google.schema walletobjects.v1.json

writes `objects.json` anew from a discovery document. Constraints that only Google's prose
states (formats, limits, exclusions) are in `prose.json` and are merged over it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.schema.model import Schema, read_json
from passwright.schema.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VERTICALS", "from_discovery", "payload_schema", "payload_validator"]

VERTICALS = ("eventTicket", "flight", "generic", "giftCard", "loyalty", "offer", "transit")
# Resources of the REST API that are neither class nor object.
OTHERS = ("Issuer", "Permissions", "AddMessageRequest")

# JSON Schema draft 3, as discovery documents write it -> our base types.
_TYPES = {"string": "text", **{kind: kind for kind in ("boolean", "integer", "number", "object", "any")}}

# The document has no list of required members; it names them in prose, at the start or as a sentence.
_REQUIRED = re.compile(
    r"\(?Required\b|.*\b(This is (a required (field|property)\b|required\.)|Required for each nested)",
    re.DOTALL,
)


@cache
def payload_schema() -> Schema:
    """Returns the schema of Google's classes and objects."""
    objects: dict[str, dict[str, Any]] = read_json("passwright.google.schema", "objects.json")["objects"]
    prose = read_json("passwright.google.schema", "prose.json")["objects"]
    for name, keys in prose.items():
        several = name.startswith("*")
        for each in (each for each in resources() if each.endswith(name[1:])) if several else (name,):
            for key, facts in keys.items():
                if key in objects[each] or not several:
                    objects[each][key] = {**objects[each][key], **facts}
    for keys in objects.values():
        for facts in keys.values():
            if facts["type"] == "boolean":
                # Older samples of Google's own write them so.
                facts["also"] = ["true", "false"]
    return Schema.of(objects)


@cache
def payload_validator() -> Validator:
    """Returns the validator of Google's classes and objects."""
    return Validator(payload_schema())


def resources() -> tuple[str, ...]:
    """The names of all classes and objects: LoyaltyClass, LoyaltyObject, ..."""
    return tuple(
        f"{vertical[0].upper()}{vertical[1:]}{part}" for vertical in VERTICALS for part in ("Class", "Object")
    )


def from_discovery(discovery: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the schema that a discovery document of walletobjects v1 describes.

    `objects` are the classes, the objects and everything they consist of, `outside`
    the names of the other schemas of the document.

    Raises:
        ValueError: the document describes no class and no object.
    """
    schemas = discovery.get("schemas") if isinstance(discovery, dict) else None
    if not isinstance(schemas, dict) or schemas.keys().isdisjoint(resources()):
        raise ValueError("this describes none of Google Wallet's classes and objects")
    wanted, objects = [*resources(), *OTHERS], {}
    while wanted:
        name = wanted.pop()
        if name in objects or name not in schemas:
            continue
        keys = {key: _facts(facts) for key, facts in sorted(schemas[name].get("properties", {}).items())}
        objects[name] = keys
        wanted += [facts["type"] for facts in keys.values() if facts["type"] in schemas]
    revision = discovery.get("revision", "unknown")
    return {
        "about": [f"Made from Google's discovery document of walletobjects v1, revision {revision}."],
        "outside": sorted(schemas.keys() - objects.keys()),
        "objects": dict(sorted(objects.items())),
    }


def _facts(schema: Mapping[str, Any]) -> dict[str, Any]:
    item = schema.get("items", schema)
    facts: dict[str, Any] = {"type": item.get("$ref") or _TYPES.get(item.get("type"), "any")}
    if item.get("format") in ("int64", "uint64"):
        facts["type"] = "int64"
    elif item.get("format") == "int32":
        facts |= {"min": -(2**31), "max": 2**31 - 1}
    if schema.get("type") == "array":
        facts["list"] = True
    if "enum" in item:
        facts |= _enumeration(item)
    if schema.get("deprecated"):
        facts["deprecated"] = True
    if _REQUIRED.match(schema.get("description", "")):
        facts["required"] = True
    return facts


def _enumeration(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Values to write, and the old spellings of them, which follow the value they stand for."""
    values: list[str] = []
    aliases: dict[str, str] = {}
    old = schema.get("enumDeprecated", [False] * len(schema["enum"]))
    for value, deprecated in zip(schema["enum"], old, strict=True):
        stands_for = next((each for each in reversed(values) if _same(each, value)), None)
        if deprecated and stands_for is not None:
            aliases[value] = stands_for
        else:
            values.append(value)
    return {"enum": values, "aliases_of": aliases}


def _same(value: str, alias: str) -> bool:
    return value.replace("_", "").lower() == alias.replace("_", "").lower()
