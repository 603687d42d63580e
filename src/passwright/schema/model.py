"""What a document may hold, as data, and the one checker of it.

A table maps object names to keys and keys to facts:

    {"Barcode": {"format": {"type": "text", "required": true, "enum": ["PKBarcodeFormatQR"]}}}

`type` is a base type (see `BASE_TYPES`), the name of another object of the
table, or a list of them; with `list` the value is an array of that type. The
key `*` stands for any name. Facts about one value: `enum`, `aliases_of`,
`pattern`, `contains`, `format`, `scheme`, `min`, `max`, `min_length`,
`max_length` (code points), `max_bytes` (UTF-8), `max_items`. Facts between
keys of one object: `requires`, `excludes`, `required_if`, `required_unless`,
`with_value`, `group`, `beside` (the members of groups that may stand next to
it), `unique_in`. `narrows` is a smaller `enum` of members below. A fact named
under `unconfirmed` or `warn` warns and never refuses; one under `genuine` warns
when the payload of somebody else is read, since passes that phones show break
it; `also` lists values of another type that are read as well. Facts the checker
does not know (`since`, `styles`, `note`, ...) are for rules and readers.

template.toml, pass.json and Google's classes and objects are all judged here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from passwright.report import Finding, Severity
from passwright.schema.formats import (
    BASE_TYPES,
    FORMATS,
    Pending,
    describe_type,
    fits_style,
    is_date,
    is_hex_color,
    is_number,
    is_rgb,
    is_text,
    is_url,
)
from passwright.schema.quick_checks import QuickChecks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Place = Callable[[str], str]

__all__ = ["Member", "Pending", "Schema", "did_you_mean", "join_pointer", "locator", "quoted", "read_json"]

# Looking for names alike is slow, and nobody reads a thousand hints.
MAX_HINTS = 20
# Longer than any name of ours; what is longer is no misspelling of one.
MAX_NAME = 60
# A hint is a line, not the table.
MAX_CHOICES = 12
# A place is for a line on a screen.
MAX_POINTER = 300


def locator(file: str) -> Place:
    """A function from JSON pointers (RFC 6901) to places in `file`."""
    return lambda pointer: f"{file}#{printable(pointer)}" if pointer else file


def join_pointer(pointer: str, name: str | int) -> str:
    """The pointer one level down (RFC 6901 section 3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def printable(pointer: str) -> str:
    """A pointer in one line of a report: names come from outside and may hold anything."""
    if pointer.isprintable() and len(pointer) <= MAX_POINTER:
        return pointer
    cut = f"{pointer[:MAX_POINTER]}..." if len(pointer) > MAX_POINTER else pointer
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def quoted(text: object) -> str:
    """A name or text of a definition in quotes, cut to what fits a line. Never for a holder's values."""
    quoted = repr(text)
    return quoted if len(quoted) <= MAX_NAME + 2 else f"{quoted[:MAX_NAME]}...'"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint with the closest known name, or ""."""
    import difflib

    if not isinstance(name, str) or len(name) > MAX_NAME:
        return ""
    names = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return f"did you mean {quoted(names[close[0]])}?" if close else ""


def read_json(package: str, file: str) -> dict[str, Any]:
    """What stands in a JSON file of ours; `package` is the dotted name of its folder."""
    # importlib.resources would load zipfile, tempfile and random for it, a tenth of all that a process
    # loads for its first pass.
    from pkgutil import get_data

    data = get_data(package, file)
    if data is None:
        raise FileNotFoundError(f"{package} is installed without {file}")
    made: dict[str, Any] = json.loads(data)
    return made


@dataclass(frozen=True)
class Member:
    """The facts about one key."""

    name: str
    types: tuple[str, ...]
    facts: Mapping[str, Any]

    @cached_property
    def listed(self) -> bool:
        """The value is an array of the type."""
        return bool(self.facts.get("list"))

    @cached_property
    def soft(self) -> frozenset[str]:
        """Facts whose breach warns: nobody but one source says so, or only a feature is lost."""
        return frozenset(self.facts.get("unconfirmed", ())) | frozenset(self.facts.get("warn", ()))

    @property
    def reading(self) -> Member:
        """The key as payloads of others are judged by it."""
        genuine = self.facts.get("genuine")
        if not genuine:
            return self
        return replace(self, facts={**self.facts, "warn": [*self.facts.get("warn", ()), *genuine]})

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """The pattern of the text. `$` is the very end, as in JSON Schema: before a line break is not."""
        pattern = self.facts.get("pattern")
        return re.compile(re.sub(r"\$\Z", r"\\Z", pattern), re.ASCII) if pattern else None

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """The schemes a URL may have; empty for any."""
        return _several(self.facts.get("scheme", ()))

    def severity(self, fact: str) -> Severity:
        """How bad a breach of this fact is."""
        return Severity.WARNING if fact in self.soft else Severity.ERROR


@dataclass(frozen=True)
class Schema:
    """Objects, their keys, and the facts about them."""

    objects: Mapping[str, Mapping[str, Member]]
    _groups: Mapping[str, Mapping[str, tuple[str, ...]]] = field(repr=False)

    @classmethod
    def of(cls, objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Schema:
        """A table from plain mappings, as the JSON files of this package hold them."""
        made = {
            name: {key: Member(key, _several(facts["type"]), facts) for key, facts in keys.items()}
            for name, keys in objects.items()
        }
        groups: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, keys in made.items():
            for key in keys.values():
                if group := key.facts.get("group"):
                    members = groups.setdefault(name, {})
                    members[group] = (*members.get(group, ()), key.name)
        return cls(made, groups)

    @classmethod
    def load(cls, package: str, file: str) -> Schema:
        """The table in a JSON file of ours; `package` is the dotted name of its folder."""
        return cls.of(read_json(package, file)["objects"])

    def check(self, name: str, document: object, *, place: Place, writing: bool = True) -> Iterator[Finding]:
        """Everything that is wrong with `document` as an object called `name`.

        Members that are `Unknown` count as present. With `writing`, unknown
        keys are errors, since what we make must be right; otherwise they are
        warnings, since every wallet ignores what it does not know.
        """
        table = self if writing else self.reading
        yield from _Check(table, place, writing=writing).document(name, document, "")

    def check_item(self, key: Member, value: object, pointer: str, *, place: Place) -> Iterator[Finding]:
        """Everything that is wrong with what was filled in at `pointer`, one value of `key`."""
        check = _Check(self, place, writing=True)
        one = check.one if _is_item(key, pointer) else check.value
        return one(key, value, pointer)

    def sound_item(self, key: Member, pointer: str) -> Callable[[Any], bool]:
        """What says quickly that nothing is wrong with what was filled in at `pointer`."""
        return self.sound.item(key) if _is_item(key, pointer) else self.sound.value(key)

    def sound_text(self, key: Member, pointer: str) -> Callable[[Any], bool] | None:
        """What says so of what `is_text`; None where nothing can be wrong with that."""
        return self.sound.text_item(key) if _is_item(key, pointer) else self.sound.text(key)

    def styles_beside(self, key: Member, owner: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Which members of `owner` ask something of its `value`: name, and what they ask for."""
        if key.name != "value":
            return ()
        keys = next((keys for keys in self.objects.values() if keys.get(key.name) is key), {})
        wanted = ((name, keys[name].facts.get("with_value")) for name in owner if name in keys)
        return tuple((name, want) for name, want in wanted if want)

    def check_styles(
        self, styles: tuple[tuple[str, str], ...], value: object, pointer: str, *, place: Place
    ) -> Iterator[Finding]:
        """What members beside a field's value say once the value is known."""
        for name, wanted in styles:
            if not fits_style(wanted, value):
                yield style_misfit(place(join_pointer(pointer.rpartition("/")[0], name)), name, wanted, value)

    def key_at(self, name: str, document: object, pointer: str) -> tuple[Member, Mapping[str, Any]] | None:
        """The key that the last step of `pointer` names, and the object it stands in.

        None where the table knows nothing: inside free objects, below unknown keys.
        """
        steps = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        owner: Any = document
        keys = self.objects.get(name, {})
        found: tuple[Member, Mapping[str, Any]] | None = None
        for part in steps:
            if isinstance(owner, list):
                owner = owner[int(part)]
                continue
            key = keys.get(part) or keys.get("*")
            if key is None or not isinstance(owner, dict):
                return None
            found = key, owner
            owner = owner.get(part)
            keys = next((self.objects[kind] for kind in key.types if kind in self.objects), {})
        return found

    @cached_property
    def reading(self) -> Schema:
        """The table for payloads of others: what genuine passes break warns."""
        objects = {
            name: {key.name: key.reading for key in keys.values()} for name, keys in self.objects.items()
        }
        return replace(self, objects=objects)

    @cached_property
    def sound(self) -> QuickChecks:
        """What says quickly that there is nothing to say."""
        return QuickChecks(self.objects)

    def groups_of(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Group name -> keys of that object of which exactly one has to be there."""
        return self._groups.get(name, {})


def _several(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


# Types whose values are written as text.
_TEXTS = frozenset({"text", "localized", "url", "color", "date"})


def _name(key: Member, pointer: str) -> str:
    """What a message calls a value: its key, and where any name will do the name it has."""
    return key.name if key.name != "*" else quoted(pointer.rpartition("/")[2])


def _type_hint(key: Member, value: object) -> str:
    """What to write instead where JSON's types were mixed up."""
    wanted = set(key.types)
    if "boolean" in wanted and isinstance(value, (str, int)):
        return "write true or false, without quotes"
    if "int64" in wanted and is_number(value):
        return "64-bit numbers are text in Google's JSON: put it in quotes"
    if wanted & _TEXTS and is_number(value):
        return "put it in quotes"
    if wanted & {"number", "integer"} and isinstance(value, str):
        return "write the number without quotes"
    return ""


def _tolerated(key: Member, value: object) -> bool:
    """Whether those who read a payload take this value although it has the wrong type."""
    if "type" in key.facts.get("genuine", ()):
        return True
    if isinstance(value, str) and value in key.facts.get("also", ()):
        return True
    # Protocol Buffers, JSON mapping: 64-bit integers are read as numbers, too.
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return "int64" in key.types and -(2**63) <= value < 2**63


class _Check:
    """One walk over one document."""

    def __init__(self, table: Schema, place: Place, *, writing: bool) -> None:
        self.table = table
        self.place = place
        self.writing = writing
        self.hints = MAX_HINTS

    def found(self, severity: Severity, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return Finding(code, severity, self.place(pointer), message, hint)

    def error(self, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return self.found(Severity.ERROR, code, pointer, message, hint)

    def document(self, name: str, document: object, pointer: str) -> Iterator[Finding]:
        if isinstance(document, Pending):
            return
        if not isinstance(document, dict):
            yield self.error("wrong-type", pointer, f"this is {describe_type(document)}, has to be an object")
            return
        keys = self.table.objects[name]
        wild = keys.get("*")
        sound = self.table.sound
        members, company = sound.members[name], sound.company[name]
        for member, value in document.items():
            if (is_sound := members.get(member)) and is_sound(value):
                continue
            below = join_pointer(pointer, member)
            key = keys.get(member) or wild
            if key is None:
                yield self.unknown(member, keys, below)
            else:
                yield from self.value(key, value, below)
        if not company(document):
            yield from self.neighbours(name, document, pointer)

    def unknown(self, member: str, keys: Mapping[str, Member], pointer: str) -> Finding:
        for key in keys.values():
            if member in key.facts.get("aliases", ()):
                return self.found(
                    Severity.WARNING,
                    "deprecated-key",
                    pointer,
                    f"{member} is an old spelling",
                    f"write {key.name!r}",
                )
        severity = Severity.ERROR if self.writing else Severity.WARNING
        return self.found(
            severity,
            "unknown-key",
            pointer,
            f"there is no key {quoted(member)} here",
            self.hint(member, keys),
        )

    def hint(self, name: object, known: Iterable[str]) -> str:
        if not self.hints:
            return ""
        self.hints -= 1
        return did_you_mean(name, known)

    def value(self, key: Member, value: object, pointer: str) -> Iterator[Finding]:
        if isinstance(value, Pending):
            return
        facts = key.facts
        if facts.get("deprecated") is True:
            hint = f"write {facts['instead']!r}" if "instead" in facts else ""
            yield self.found(Severity.WARNING, "deprecated-key", pointer, f"{key.name} is deprecated", hint)
        if facts.get("write") is False and self.writing:
            yield self.error("read-only-key", pointer, f"{key.name} is set by the wallet", "leave it out")
        if not key.listed or value is None:
            yield from self.one(key, value, pointer)
            return
        if not isinstance(value, (list, tuple)):
            hint = "put it in square brackets: [...]"
            yield self.error(
                "wrong-type", pointer, f"{key.name} is {describe_type(value)}, has to be a list", hint
            )
            return
        limit = facts.get("max_items")
        if limit is not None and len(value) > limit:
            yield self.found(
                key.severity("max_items"),
                "too-many-items",
                pointer,
                f"{key.name} has {len(value)} items, at most {limit} count",
            )
        for index, item in enumerate(value):
            yield from self.one(key, item, join_pointer(pointer, index))
        yield from self.repeats(key, value, pointer)

    def repeats(self, key: Member, items: Iterable[object], pointer: str) -> Iterator[Finding]:
        """Members that have to differ within this very list."""
        for kind in key.types:
            for member in self.table.objects.get(kind, {}).values():
                # What has to differ within a pass stands in one list of it.
                if member.facts.get("unique_in") not in (key.name, "list", "pass"):
                    continue
                seen: set[object] = set()
                for index, item in enumerate(items):
                    value = item.get(member.name) if isinstance(item, dict) else None
                    if isinstance(value, str) and value in seen:
                        where = join_pointer(join_pointer(pointer, index), member.name)
                        yield self.error("duplicate-value", where, f"{member.name} stands here twice")
                    seen.add(value if isinstance(value, str) else object())

    def one(self, key: Member, value: object, pointer: str) -> Iterator[Finding]:
        if isinstance(value, Pending):
            return
        name = _name(key, pointer)
        if value is None:
            yield self.error("null-value", pointer, f"{name} is null", "leave it out")
            return
        for kind in key.types:
            if kind in self.table.objects:
                if isinstance(value, dict):
                    yield from self.document(kind, value, pointer)
                    yield from self.narrowed(key, self.table.objects[kind], value, pointer)
                    return
            elif BASE_TYPES[kind][1](value):
                yield from self.content(key, kind, value, pointer)
                return
        wanted = " or ".join(dict.fromkeys(_words(kind) for kind in key.types))
        message = f"{name} is {describe_type(value)}, has to be {wanted}"
        severity = Severity.WARNING if not self.writing and _tolerated(key, value) else Severity.ERROR
        yield self.found(severity, "wrong-type", pointer, message, _type_hint(key, value))

    def narrowed(
        self, key: Member, members: Mapping[str, Member], value: Mapping[str, Any], pointer: str
    ) -> Iterator[Finding]:
        """Values that are right in such an object elsewhere, and not in this one."""
        # Genuine passes do so all the same, and phones show them.
        severity = key.severity("narrows") if self.writing else Severity.WARNING
        for member, choices in key.facts.get("narrows", {}).items():
            found = value.get(member)
            if found in members[member].facts["enum"] and found not in choices:
                yield self.found(
                    severity,
                    "unknown-value",
                    join_pointer(pointer, member),
                    f"{member} can't have this value in {key.name}",
                    f"one of {', '.join(choices)}",
                )

    def content(self, key: Member, kind: str, value: Any, pointer: str) -> Iterator[Finding]:
        facts = key.facts
        if "enum" in facts and value not in facts["enum"]:
            yield from self.not_in_enum(key, value, pointer)
        elif kind == "color":
            yield from self.color(key, value, pointer)
        elif kind == "date" and key.types == ("date",) and not is_date(value):
            yield self.error(
                "bad-date",
                pointer,
                f"{key.name} is not a full date with a zone",
                "write it like 2026-05-01T09:00:00+02:00",
            )
        elif kind == "url" and not is_url(value, key.schemes):
            yield self.bad_url(key, pointer)
        if isinstance(value, str):
            yield from self.text(key, value, pointer)
        elif is_number(value):
            if value < facts.get("min", value):
                yield self.error("out-of-range", pointer, f"{key.name} is below {facts['min']}")
            if value > facts.get("max", value):
                yield self.error("out-of-range", pointer, f"{key.name} is above {facts['max']}")

    def bad_url(self, key: Member, pointer: str) -> Finding:
        schemes = " or ".join(key.schemes)
        message = f"{key.name} is not an absolute {schemes}{' ' * bool(schemes)}URL"
        hint = "write it like https://www.example.com/, with no blanks in it"
        return self.found(key.severity("scheme"), "bad-url", pointer, message, hint)

    def not_in_enum(self, key: Member, value: object, pointer: str) -> Iterator[Finding]:
        aliases: Mapping[str, str] = key.facts.get("aliases_of", {})
        if isinstance(value, str) and value in aliases:
            yield self.found(
                Severity.WARNING,
                "deprecated-value",
                pointer,
                f"{value!r} is an old spelling",
                f"write {aliases[value]!r}",
            )
            return
        # A service may answer with values younger than our table; we never send one.
        tolerated = not self.writing and "aliases_of" in key.facts
        severity = Severity.WARNING if tolerated else key.severity("enum")
        names = [str(choice) for choice in key.facts["enum"]]
        more = ", ..." if len(names) > MAX_CHOICES else ""
        nothing = tolerated and str(value).lower().endswith("unspecified")
        hint = "it says nothing, and only answers of the service hold it: leave it out" if nothing else ""
        hint = hint or self.hint(value, names) or f"one of {', '.join(names[:MAX_CHOICES])}{more}"
        # The value itself may be a holder's, so it is not repeated.
        yield self.found(severity, "unknown-value", pointer, f"{key.name} can't have this value", hint)

    def color(self, key: Member, value: str, pointer: str) -> Iterator[Finding]:
        if is_rgb(value):
            return
        if is_hex_color(value):
            yield self.found(
                Severity.WARNING,
                "hex-color",
                pointer,
                f"{key.name} is written in hexadecimal",
                "the documented form is rgb(60, 65, 76)",
            )
        else:
            yield self.error("bad-color", pointer, f"{key.name} is not a colour", "write rgb(60, 65, 76)")

    def text(self, key: Member, value: str, pointer: str) -> Iterator[Finding]:
        facts, name = key.facts, _name(key, pointer)
        if not is_text(value):
            message = f"{name} holds NUL or half of a surrogate pair"
            yield self.error("bad-string", pointer, message, "take the character out")
        # Lengths before patterns: a pattern then sees a bounded text.
        if len(value) < facts.get("min_length", 0):
            yield self.found(
                key.severity("min_length"),
                "too-short",
                pointer,
                f"{name} has {len(value)} characters, at least {facts['min_length']} are needed"
                if value
                else f"{name} is empty",
            )
            return
        if len(value) > facts.get("max_length", len(value)):
            yield self.found(
                key.severity("max_length"),
                "too-long",
                pointer,
                f"{name} has {len(value)} characters, at most {facts['max_length']} are allowed",
            )
            return
        if "max_bytes" in facts and (size := len(value.encode("utf-8", "replace"))) > facts["max_bytes"]:
            yield self.found(
                key.severity("max_bytes"),
                "too-long",
                pointer,
                f"{name} has {size} bytes in UTF-8, at most {facts['max_bytes']} are read",
            )
        if key.pattern and not key.pattern.search(value):
            yield self.found(
                key.severity("pattern"),
                "bad-value",
                pointer,
                f"{name} does not have the right form",
                facts.get("form", ""),
            )
        if "contains" in facts and facts["contains"] not in value:
            yield self.found(
                key.severity("contains"),
                "text-lacks",
                pointer,
                f"{name} does not contain {facts['contains']}",
                f"write {facts['contains']} where the value belongs",
            )
        if (form := facts.get("format")) and not FORMATS[form][1](value):
            yield self.found(
                key.severity("format"), "bad-value", pointer, f"{name} is not {FORMATS[form][0]}"
            )

    def neighbours(self, name: str, document: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
        keys = self.table.objects[name]
        for key in keys.values():
            if key.facts.get("required") and key.name not in document and key.name != "*":
                yield self.found(
                    key.severity("required"), "missing-key", pointer, f"the key {key.name!r} is missing"
                )
            elif key.name not in document:
                yield from self.conditionally_required(key, document, pointer)
        for member in document:
            if member in keys:
                yield from self.company(keys, keys[member], document, pointer)
        for group, members in self.table.groups_of(name).items():
            there = [member for member in members if member in document]
            if not there:
                message = f"one {group} key is needed: {', '.join(members)}"
                yield self.found(keys[members[0]].severity("group"), "missing-key", pointer, message)
            for extra in there[1:]:
                yield self.error(
                    "keys-exclude", join_pointer(pointer, extra), f"{extra} can't stand beside {there[0]}"
                )

    def conditionally_required(
        self, key: Member, document: Mapping[str, Any], pointer: str
    ) -> Iterator[Finding]:
        for fact, wanted in (("required_if", True), ("required_unless", False)):
            for other, value in key.facts.get(fact, {}).items():
                found = document.get(other)
                if found is not None and not isinstance(found, Pending) and (found == value) is wanted:
                    yield self.found(
                        key.severity(fact),
                        "missing-key",
                        pointer,
                        f"the key {key.name!r} is missing, {other} asks for it",
                    )

    def company(
        self, keys: Mapping[str, Member], key: Member, document: Mapping[str, Any], pointer: str
    ) -> Iterator[Finding]:
        here = join_pointer(pointer, key.name)
        for other in key.facts.get("requires", ()):
            if other not in document:
                yield self.found(
                    key.severity("requires"), "key-needs-key", here, f"{key.name} needs {other} beside it"
                )
        for other in key.facts.get("excludes", ()):
            # Where both say so, one of them does.
            if other in document and (
                other > key.name or key.name not in keys[other].facts.get("excludes", ())
            ):
                yield self.found(
                    key.severity("excludes"), "keys-exclude", here, f"{key.name} can't stand beside {other}"
                )
        if "beside" in key.facts:
            for other in document:
                if other in keys and keys[other].facts.get("group") and other not in key.facts["beside"]:
                    message = f"{key.name} can't stand beside {other}"
                    yield self.found(key.severity("beside"), "keys-exclude", here, message)
        wanted = key.facts.get("with_value")
        value = document.get("value")
        if wanted and not fits_style(wanted, value):
            yield style_misfit(self.place(here), key.name, wanted, value)


def style_misfit(where: str, name: str, wanted: str, value: object) -> Finding:
    """The finding that a field is formatted as what its value is not."""
    message = f"{name} works with a {wanted} only, the value is {describe_type(value)}"
    return Finding("style-misfit", Severity.ERROR, where, message, f"give a {wanted}, or leave {name} out")


def _is_item(key: Member, pointer: str) -> bool:
    """At `pointer` stands one of the values of a key that lists them."""
    return key.listed and pointer.rpartition("/")[2].isdigit()


def _words(kind: str) -> str:
    return BASE_TYPES[kind][0] if kind in BASE_TYPES else "an object"
