"""Schemas as data: the members of JSON objects, and the constraints on their values.

A schema maps object names to members, and members to their keywords,
as in JSON Schema:

    {"Barcode": {"format": {"type": "text", "required": true, "enum": ["PKBarcodeFormatQR"]}}}

`type` is a base type (see `BASE_TYPES`), the name of another object of the
schema, or a list of them; with `list` the value is an array of that type. The
member `*` stands for any name. Constraints on one value: `enum`, `aliases_of`,
`pattern`, `contains`, `format`, `scheme`, `min`, `max`, `min_length`,
`max_length` (code points), `max_bytes` (UTF-8), `max_items`. Constraints
between members of one object: `requires`, `excludes`, `required_if`,
`required_unless`, `with_value`, `group`, `allowed_beside` (the members of groups
that may stand next to it), `unique_in`. `narrows` is a smaller `enum` of members
below. A constraint listed under `unconfirmed` or `warn` yields warnings. One
under `genuine` yields warnings in third-party payloads, since passes that phones
display break it. `also` lists values of another type that readers accept.
Annotations (`since`, `styles`, `note`, ...) are for rules and for the key reference:
`schema.validator` does not test them.

template.toml, pass.json and Google's classes and objects have one schema each.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from passwright.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LocatedMember", "Member", "Schema", "read_json"]


def read_json(package: str, file: str) -> dict[str, Any]:
    """Reads a JSON file of this distribution; `package` is the dotted name of its folder."""
    # importlib.resources loads zipfile, tempfile and random: a tenth of the modules that a process
    # loads for its first pass.
    from pkgutil import get_data

    data = get_data(package, file)
    if data is None:
        raise FileNotFoundError(f"{package} is installed without {file}")
    document: dict[str, Any] = json.loads(data)
    return document


@dataclass(frozen=True)
class Member:
    """A member of an object: its types, and its keywords, which are constraints and annotations."""

    name: str
    types: tuple[str, ...]
    keywords: Mapping[str, Any]

    @cached_property
    def is_list(self) -> bool:
        """Returns whether the value is an array of the type."""
        return bool(self.keywords.get("list"))

    @cached_property
    def warning_keywords(self) -> frozenset[str]:
        """The constraints that yield warnings: a single source names them, or only a feature is lost."""
        return frozenset(self.keywords.get("unconfirmed", ())) | frozenset(self.keywords.get("warn", ()))

    @property
    def tolerant(self) -> Member:
        """The member as it is validated in third-party payloads."""
        genuine = self.keywords.get("genuine")
        if not genuine:
            return self
        return replace(self, keywords={**self.keywords, "warn": [*self.keywords.get("warn", ()), *genuine]})

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """The pattern of the text. `$` is the very end as in JSON Schema, never before a line break."""
        pattern = self.keywords.get("pattern")
        return re.compile(re.sub(r"\$\Z", r"\\Z", pattern), re.ASCII) if pattern else None

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """The schemes a URL may have; empty for any."""
        return _several(self.keywords.get("scheme", ()))

    def severity(self, constraint: str) -> Severity:
        """Returns the severity of a finding about this constraint."""
        return Severity.WARNING if constraint in self.warning_keywords else Severity.ERROR


class LocatedMember(NamedTuple):
    """The member at a pointer, the object it stands in, and the members of that object by name."""

    member: Member
    owner: Mapping[str, Any]
    siblings: Mapping[str, Member]


@dataclass(frozen=True)
class Schema:
    """Objects with their members by name."""

    objects: Mapping[str, Mapping[str, Member]]
    _groups: Mapping[str, Mapping[str, tuple[str, ...]]] = field(repr=False)

    @classmethod
    def of(cls, objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Schema:
        """Makes a schema from plain mappings, as JSON files hold them."""
        built = {
            name: {
                key: Member(key, _several(keywords["type"]), keywords) for key, keywords in members.items()
            }
            for name, members in objects.items()
        }
        groups: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, members in built.items():
            for member in members.values():
                if group := member.keywords.get("group"):
                    of_object = groups.setdefault(name, {})
                    of_object[group] = (*of_object.get(group, ()), member.name)
        return cls(built, groups)

    @classmethod
    def load(cls, package: str, file: str) -> Schema:
        """Reads a schema from a JSON file; `package` is the dotted name of its folder."""
        return cls.of(read_json(package, file)["objects"])

    def locate(self, name: str, document: object, pointer: str) -> LocatedMember | None:
        """Returns the member that the last name of `pointer` denotes in an object called `name`.

        None inside free objects and below unknown members, which the schema does not describe.
        """
        names = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        owner: Any = document
        members = self.objects.get(name, {})
        located: LocatedMember | None = None
        for part in names:
            if isinstance(owner, list):
                owner = owner[int(part)]
                continue
            member = members.get(part) or members.get("*")
            if member is None or not isinstance(owner, dict):
                return None
            located = LocatedMember(member, owner, members)
            owner = owner.get(part)
            members = next((self.objects[kind] for kind in member.types if kind in self.objects), {})
        return located

    @cached_property
    def tolerant(self) -> Schema:
        """The schema of third-party payloads: constraints that genuine passes break yield warnings."""
        objects = {
            name: {member.name: member.tolerant for member in members.values()}
            for name, members in self.objects.items()
        }
        return replace(self, objects=objects)

    def groups_of(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Returns the groups of an object by name: exactly one member of each has to be present."""
        return self._groups.get(name, {})


def _several(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
