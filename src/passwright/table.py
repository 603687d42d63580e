"""What a document may hold, as data, and the one checker of it.

A table maps object names to keys and keys to facts:

    {"Barcode": {"format": {"type": "text", "required": true, "enum": ["PKBarcodeFormatQR"]}}}

`type` is a base type (see `BASE_TYPES`), the name of another object of the
table, or a list of them; with `list` the value is an array of that type. The
key `*` stands for any name. Facts about one value: `enum`, `aliases_of`,
`pattern`, `contains`, `format`, `scheme`, `min`, `max`, `min_length`,
`max_length` (code points), `max_bytes` (UTF-8), `max_items`. Facts between
keys of one object: `requires`, `excludes`, `required_if`, `required_unless`,
`with_value`, `group`, `unique_in`. A fact named under `unconfirmed` or `warn`
warns and never refuses. Facts the checker does not know (`since`, `styles`,
`note`, ...) are for rules and readers.

template.toml, pass.json and Google's classes and objects are all judged here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from passwright.report import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Place = Callable[[str], str]

__all__ = ["BASE_TYPES", "Key", "Table", "Unknown", "did_you_mean", "place_in", "step"]


class Unknown:
    """A value that is there but not known yet. Checks of its content wait until it is."""

    __slots__ = ()


def place_in(file: str) -> Place:
    """A function from JSON pointers (RFC 6901) to places in `file`."""
    return lambda pointer: f"{file}#{pointer}" if pointer else file


def step(pointer: str, name: str | int) -> str:
    """The pointer one level down (RFC 6901 section 3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the closest known name, or ""."""
    import difflib

    names = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return f"did you mean {names[close[0]]!r}?" if close else ""


# Dates of Apple: hours and minutes needed, seconds optional, a zone needed.
# Apple, Wallet Passes: "a complete date with hours and minutes".
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)\Z")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)\Z", re.ASCII)
_HEX_COLOR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})\Z")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[^\s\x00-\x20\x7f]+\Z")
_INT64 = re.compile(r"-?[0-9]{1,19}\Z", re.ASCII)
_MAX_RGB = 255


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _is_int64(value: object) -> bool:
    return isinstance(value, str) and _INT64.match(value) is not None and abs(int(value)) < 2**63


# Base type -> (what it is in words, does a value have this type).
BASE_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda v: isinstance(v, str)),
    "localized": ("text", lambda v: isinstance(v, str)),
    "url": ("text with a URL", lambda v: isinstance(v, str)),
    "color": ("text with a colour", lambda v: isinstance(v, str)),
    "date": ("text with a date, a time and a zone", lambda v: isinstance(v, str)),
    "int64": ("a whole number written as text", _is_int64),
    "number": ("a number", _is_number),
    "integer": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "boolean": ("true or false", lambda v: isinstance(v, bool)),
    "object": ("an object", lambda v: isinstance(v, dict)),
    "any": ("anything", lambda _: True),
    # Only in template.toml, which knows dates of its own (TOML 1.0.0).
    "toml-date": ("a date", lambda v: isinstance(v, date) and not isinstance(v, datetime)),
    "toml-datetime": ("a date with a time", lambda v: isinstance(v, datetime)),
}


@dataclass(frozen=True)
class Key:
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

    def severity(self, fact: str) -> Severity:
        """How bad a breach of this fact is."""
        return Severity.WARNING if fact in self.soft else Severity.ERROR


@dataclass(frozen=True)
class Table:
    """Objects, their keys, and the facts about them."""

    objects: Mapping[str, Mapping[str, Key]]
    _groups: Mapping[str, Mapping[str, tuple[str, ...]]] = field(repr=False)

    @classmethod
    def of(cls, objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
        """A table from plain mappings, as the JSON files of this package hold them."""
        made = {
            name: {key: Key(key, _types(facts["type"]), facts) for key, facts in keys.items()}
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
    def load(cls, package: str, file: str) -> Table:
        """The table in a JSON file of ours; `package` is the dotted name of its folder."""
        from importlib.resources import files

        return cls.of(json.loads(files(package).joinpath(file).read_text("utf-8"))["objects"])

    def check(self, name: str, document: object, *, place: Place, writing: bool = True) -> Iterator[Finding]:
        """Everything that is wrong with `document` as an object called `name`.

        Members that are `Unknown` count as present. With `writing`, unknown
        keys are errors, since what we make must be right; otherwise they are
        warnings, since every wallet ignores what it does not know.
        """
        yield from _Check(self, place, writing=writing).document(name, document, "")

    def check_item(self, key: Key, value: object, pointer: str, *, place: Place) -> Iterator[Finding]:
        """Everything that is wrong with what was filled in at `pointer`, one value of `key`."""
        check = _Check(self, place, writing=True)
        in_list = pointer.rpartition("/")[2].isdigit()
        yield from check.value(key, value, pointer) if not in_list else check.one(key, value, pointer)

    def styles_beside(self, key: Key, owner: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Which members of `owner` ask something of its `value`: name, and what they ask for."""
        if key.name != "value":
            return ()
        keys = next((keys for keys in self.objects.values() if key in keys.values()), {})
        wanted = ((name, keys[name].facts.get("with_value")) for name in owner if name in keys)
        return tuple((name, want) for name, want in wanted if want)

    def check_styles(
        self, styles: tuple[tuple[str, str], ...], value: object, pointer: str, *, place: Place
    ) -> Iterator[Finding]:
        """What members beside a field's value say once the value is known."""
        for name, wanted in styles:
            if not fits_style(wanted, value):
                yield style_misfit(place(step(pointer.rpartition("/")[0], name)), name, wanted, value)

    def key_at(self, name: str, document: object, pointer: str) -> tuple[Key, Mapping[str, Any]] | None:
        """The key that the last step of `pointer` names, and the object it stands in.

        None where the table knows nothing: inside free objects, below unknown keys.
        """
        steps = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        owner: Any = document
        keys = self.objects.get(name, {})
        found: tuple[Key, Mapping[str, Any]] | None = None
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

    def groups_of(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Group name -> keys of that object of which exactly one has to be there."""
        return self._groups.get(name, {})


def _types(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class _Check:
    """One walk over one document."""

    def __init__(self, table: Table, place: Place, *, writing: bool) -> None:
        self.table = table
        self.place = place
        self.writing = writing

    def found(self, severity: Severity, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return Finding(code, severity, self.place(pointer), message, hint)

    def error(self, code: str, pointer: str, message: str, hint: str = "") -> Finding:
        return self.found(Severity.ERROR, code, pointer, message, hint)

    def document(self, name: str, document: object, pointer: str) -> Iterator[Finding]:
        if isinstance(document, Unknown):
            return
        if not isinstance(document, dict):
            yield self.error("wrong-type", pointer, f"is {_kind(document)}, has to be an object")
            return
        keys = self.table.objects[name]
        wild = keys.get("*")
        for member, value in document.items():
            below = step(pointer, member)
            key = keys.get(member) or wild
            if key is None:
                yield self.unknown(member, keys, below)
            elif value is None:
                yield self.error("null-value", below, f"{member} is null", "leave the key out")
            else:
                yield from self.value(key, value, below)
        yield from self.neighbours(name, document, pointer)

    def unknown(self, member: str, keys: Mapping[str, Key], pointer: str) -> Finding:
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
            severity, "unknown-key", pointer, f"there is no key {member!r} here", did_you_mean(member, keys)
        )

    def value(self, key: Key, value: object, pointer: str) -> Iterator[Finding]:
        if isinstance(value, Unknown):
            return
        facts = key.facts
        if facts.get("deprecated") is True:
            yield self.found(Severity.WARNING, "deprecated-key", pointer, f"{key.name} is deprecated")
        if facts.get("write") is False and self.writing:
            yield self.error("read-only-key", pointer, f"{key.name} is set by the wallet", "leave it out")
        if not key.listed:
            yield from self.one(key, value, pointer)
            return
        if not isinstance(value, (list, tuple)):
            yield self.error("wrong-type", pointer, f"{key.name} is {_kind(value)}, has to be a list")
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
            yield from self.one(key, item, step(pointer, index))
        yield from self.repeats(key, value, pointer)

    def repeats(self, key: Key, items: Iterable[object], pointer: str) -> Iterator[Finding]:
        """Members that have to differ within this very list."""
        for kind in key.types:
            for member in self.table.objects.get(kind, {}).values():
                if member.facts.get("unique_in") not in (key.name, "list"):
                    continue
                seen: set[object] = set()
                for index, item in enumerate(items):
                    value = item.get(member.name) if isinstance(item, dict) else None
                    if isinstance(value, str) and value in seen:
                        where = step(step(pointer, index), member.name)
                        yield self.error("duplicate-value", where, f"{member.name} stands here twice")
                    seen.add(value if isinstance(value, str) else object())

    def one(self, key: Key, value: object, pointer: str) -> Iterator[Finding]:
        if isinstance(value, Unknown):
            return
        if value is None:
            yield self.error("null-value", pointer, f"{key.name} is null", "leave it out")
            return
        for kind in key.types:
            if kind in self.table.objects:
                if isinstance(value, dict):
                    yield from self.document(kind, value, pointer)
                    return
            elif BASE_TYPES[kind][1](value):
                yield from self.content(key, kind, value, pointer)
                return
        wanted = " or ".join(dict.fromkeys(_words(kind) for kind in key.types))
        hint = ""
        if isinstance(value, dict) is False and "boolean" in key.types and value in ("true", "false", 0, 1):
            hint = "write true or false, without quotes"
        elif _is_number(value) and "int64" in key.types:
            hint = "64-bit numbers are text in Google's JSON: put it in quotes"
        elif _is_number(value) and "text" in key.types:
            hint = "put it in quotes"
        yield self.error("wrong-type", pointer, f"{key.name} is {_kind(value)}, has to be {wanted}", hint)

    def content(self, key: Key, kind: str, value: Any, pointer: str) -> Iterator[Finding]:
        facts = key.facts
        if "enum" in facts and value not in facts["enum"]:
            yield from self.not_in_enum(key, value, pointer)
        elif kind == "color":
            yield from self.color(key, value, pointer)
        elif kind == "date" and key.types == ("date",) and not _is_date(value):
            yield self.error(
                "bad-date",
                pointer,
                f"{key.name} is not a full date with a zone",
                "write it like 2026-05-01T09:00:00+02:00",
            )
        elif kind == "url" and not _is_url(value, facts.get("scheme")):
            scheme = facts.get("scheme", "")
            yield self.found(
                key.severity("scheme"),
                "bad-url",
                pointer,
                f"{key.name} is not an absolute {scheme}{' ' * bool(scheme)}URL",
            )
        if isinstance(value, str):
            yield from self.text(key, value, pointer)
        elif _is_number(value):
            if value < facts.get("min", value):
                yield self.error("out-of-range", pointer, f"{key.name} is below {facts['min']}")
            if value > facts.get("max", value):
                yield self.error("out-of-range", pointer, f"{key.name} is above {facts['max']}")

    def not_in_enum(self, key: Key, value: object, pointer: str) -> Iterator[Finding]:
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
        names = [str(choice) for choice in key.facts["enum"]]
        # A service may answer with values younger than our table; we never send one.
        tolerated = not self.writing and "aliases_of" in key.facts
        severity = Severity.WARNING if tolerated else key.severity("enum")
        names = [str(choice) for choice in key.facts["enum"]]
        hint = did_you_mean(str(value), names) or f"one of {', '.join(names[:12])}"
        yield self.found(severity, "unknown-value", pointer, f"{key.name} can't be {_shown(value)}", hint)

    def color(self, key: Key, value: str, pointer: str) -> Iterator[Finding]:
        if (match := _RGB.match(value)) and all(int(part) <= _MAX_RGB for part in match.groups()):
            return
        if _HEX_COLOR.match(value):
            yield self.found(
                Severity.WARNING,
                "hex-color",
                pointer,
                f"{key.name} is written in hexadecimal",
                "the documented form is rgb(60, 65, 76)",
            )
        else:
            yield self.error("bad-color", pointer, f"{key.name} is not a colour", "write rgb(60, 65, 76)")

    def text(self, key: Key, value: str, pointer: str) -> Iterator[Finding]:
        facts, name = key.facts, key.name
        # Lengths before patterns: a pattern then sees a bounded text.
        if len(value) < facts.get("min_length", 0):
            yield self.found(
                key.severity("min_length"),
                "too-short",
                pointer,
                f"{name} has {len(value)} characters, at least {facts['min_length']} are needed",
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
        if "pattern" in facts and not re.search(facts["pattern"], value):
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
                yield from self.company(keys[member], document, pointer)
        for group, members in self.table.groups_of(name).items():
            there = [member for member in members if member in document]
            if not there:
                yield self.error("missing-key", pointer, f"one {group} key is needed: {', '.join(members)}")
            for extra in there[1:]:
                yield self.error(
                    "keys-exclude", step(pointer, extra), f"{extra} can't stand beside {there[0]}"
                )

    def conditionally_required(
        self, key: Key, document: Mapping[str, Any], pointer: str
    ) -> Iterator[Finding]:
        for fact, wanted in (("required_if", True), ("required_unless", False)):
            for other, value in key.facts.get(fact, {}).items():
                if other in document and (document[other] == value) is wanted:
                    yield self.found(
                        key.severity(fact),
                        "missing-key",
                        pointer,
                        f"the key {key.name!r} is missing, {other} asks for it",
                    )

    def company(self, key: Key, document: Mapping[str, Any], pointer: str) -> Iterator[Finding]:
        here = step(pointer, key.name)
        for other in key.facts.get("requires", ()):
            if other not in document:
                yield self.found(
                    key.severity("requires"), "key-needs-key", here, f"{key.name} needs {other} beside it"
                )
        for other in key.facts.get("excludes", ()):
            if other in document and other > key.name:
                yield self.found(
                    key.severity("excludes"), "keys-exclude", here, f"{key.name} can't stand beside {other}"
                )
        wanted = key.facts.get("with_value")
        value = document.get("value")
        if wanted and value is not None and not isinstance(value, Unknown) and not fits_style(wanted, value):
            yield style_misfit(self.place(here), key.name, wanted, value)


def style_misfit(where: str, name: str, wanted: str, value: object) -> Finding:
    """The finding that a field is formatted as what its value is not."""
    message = f"{name} works with a {wanted} only, the value is {_kind(value)}"
    return Finding("style-misfit", Severity.ERROR, where, message)


def fits_style(wanted: str, value: object) -> bool:
    """A field's value can be formatted as a `date` or a `number`."""
    return _is_date(value) if wanted == "date" else _is_number(value)


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or not _DATE.match(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_url(value: str, scheme: str | None) -> bool:
    match = _URL.match(value)
    return match is not None and (scheme is None or match[1].lower() == scheme)


def _is_p256_spki(value: str) -> bool:
    """Base64 of a SubjectPublicKeyInfo with a compressed P-256 point, 59 bytes (RFC 5480 section 2.2)."""
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(data) == len(_P256_SPKI) + 33 and data.startswith(_P256_SPKI) and data[26] in (2, 3)


_P256_SPKI = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")


def _is_charset(value: str) -> bool:
    import codecs

    try:
        codecs.lookup(value)
    except LookupError:
        return False
    return True


def _is_zone(value: str) -> bool:
    from zoneinfo import available_timezones

    return value in available_timezones()


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value, re.ASCII) is not None


# Format name -> (what it is in words, does a text have it).
FORMATS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "charset": ("the name of a character set", _is_charset),
    "currency": ("a currency of three capital letters (ISO 4217)", _matches("[A-Z]{3}")),
    "decimal": ("a decimal number as text", _matches(r"-?[0-9]+(\.[0-9]+)?")),
    "hex": ("hexadecimal digits", _matches("([0-9A-Fa-f]{2})*")),
    "language": (
        "a language tag such as en or de-AT (BCP 47)",
        _matches("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"),
    ),
    "p256-spki-base64": (
        "the Base64 of a P-256 public key with a compressed point (59 bytes)",
        _is_p256_spki,
    ),
    "time-zone": ("an IANA time zone", _is_zone),
    "uuid": ("a UUID", _matches("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")),
}


def _words(kind: str) -> str:
    return BASE_TYPES[kind][0] if kind in BASE_TYPES else "an object"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 -- fits a line


def _kind(value: object) -> str:
    """What a JSON value is, in words; never the value itself, which may be private."""
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return f"a {type(value).__name__}"


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
    (Decimal, "a number"),
    (dict, "an object"),
    (list, "a list"),
    (tuple, "a list"),
    (datetime, "a date with a time"),
    (date, "a date"),
    (type(None), "null"),
)
