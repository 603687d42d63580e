"""The constraints on one value as entries: a test, and the finding where the test fails.

`schema.validator` evaluates the entries in two ways. All tests of a member together are its quick
check, which accepts nearly every value of a valid document. Where one test fails, each entry whose
test fails yields its finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from passwright.report import Severity
from passwright.schema.formats import FORMATS, is_date, is_hex_color, is_number, is_rgb, is_text, is_url
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from passwright.schema.model import Member

__all__ = [
    "Constraint",
    "Test",
    "member_pointer",
    "narrowing_constraints",
    "presence_constraints",
    "size_constraints",
    "uniqueness_constraints",
    "value_constraints",
]

Test = Callable[[Any], bool]
# The message from the name of the member and its value. Values may be private: none is repeated.
Message = Callable[[str, Any], str]
_NUMBERS = frozenset({"number", "integer"})
_TEXTS = frozenset({"text", "localized", "date", "url", "color", "int64"})


def _at_value(_: Any) -> Iterable[str]:
    return ("",)


class Constraint(NamedTuple):
    """A requirement on a value, and the finding about a value that does not meet it."""

    accepts: Test
    code: str
    severity: Severity
    message: Message
    hint: str | Callable[[Any], str] = ""
    # The allowed values. Where there is no other hint, it names the closest one, or the first of them.
    choices: tuple[str, ...] = ()
    # The pointers below the value that findings name.
    below: Callable[[Any], Iterable[str]] = _at_value
    # Later constraints do not test a value that this one refuses: a pattern then reads a bounded text.
    ends: bool = False


def value_constraints(member: Member, kind: str, *, writing: bool) -> Iterator[Constraint]:
    """Yields the constraints on one value that has the type `kind` of the member."""
    if "enum" in member.keywords:
        yield from _enum_constraints(member, writing=writing)
    if kind in _TEXTS:
        yield from _form_constraints(member, kind)
        yield from _text_constraints(member)
    elif kind in _NUMBERS:
        yield from _number_constraints(member)
    elif kind == "any":
        for constraint in _text_constraints(member):
            yield _only_for(lambda value: isinstance(value, str), constraint)
        for constraint in _number_constraints(member):
            yield _only_for(is_number, constraint)


def _only_for(applies: Test, constraint: Constraint) -> Constraint:
    accepts = constraint.accepts
    return constraint._replace(accepts=lambda value: not applies(value) or accepts(value))


def _enum_constraints(member: Member, *, writing: bool) -> Iterator[Constraint]:
    aliases: Mapping[str, str] = member.keywords.get("aliases_of", {})
    names = tuple(str(choice) for choice in member.keywords["enum"])
    is_current, is_alias = _one_of(member.keywords["enum"]), _one_of(aliases)
    if aliases:
        yield Constraint(
            lambda value: not is_alias(value),
            "deprecated-value",
            Severity.WARNING,
            lambda _, value: f"{value!r} is an old spelling",
            lambda value: f"write {aliases[value]!r}",
        )
    # A service may answer with values younger than the schema; a payload of ours never holds one.
    extensible = not writing and "aliases_of" in member.keywords

    def hint(value: Any) -> str:
        is_unspecified = extensible and str(value).lower().endswith("unspecified")
        return "it says nothing, and only answers of the service hold it: leave it out" * is_unspecified

    yield Constraint(
        (lambda value: is_current(value) or is_alias(value)) if aliases else is_current,
        "unknown-value",
        Severity.WARNING if extensible else member.severity("enum"),
        lambda *_: f"{member.name} can't have this value",
        hint,
        names,
    )


def _one_of(values: Iterable[Any]) -> Test:
    choices = list(values)
    if all(isinstance(choice, str) for choice in choices):
        texts = frozenset(choices)
        return lambda value: isinstance(value, str) and value in texts
    return lambda value: value in choices


def _form_constraints(member: Member, kind: str) -> Iterator[Constraint]:
    """Yields the constraints of a type written as text."""
    name = member.name
    if kind == "color":
        yield Constraint(
            lambda value: not is_hex_color(value),
            "hex-color",
            Severity.WARNING,
            lambda *_: f"{name} is written in hexadecimal",
            "the documented form is rgb(60, 65, 76)",
        )
        yield Constraint(
            lambda value: is_rgb(value) or is_hex_color(value),
            "bad-color",
            Severity.ERROR,
            lambda *_: f"{name} is not a colour",
            "write rgb(60, 65, 76)",
        )
    elif kind == "date" and member.types == ("date",):
        yield Constraint(
            is_date,
            "bad-date",
            Severity.ERROR,
            lambda *_: f"{name} is not a full date with a zone",
            "write it like 2026-05-01T09:00:00+02:00",
        )
    elif kind == "url":
        schemes = member.schemes
        wanted = f"{' or '.join(schemes)} URL" if schemes else "URL"
        yield Constraint(
            lambda value: is_url(value, schemes),
            "bad-url",
            member.severity("scheme"),
            lambda *_: f"{name} is not an absolute {wanted}",
            "write it like https://www.example.com/, with no blanks in it",
        )


def _text_constraints(member: Member) -> Iterator[Constraint]:
    yield Constraint(
        is_text,
        "bad-string",
        Severity.ERROR,
        lambda name, _: f"{name} holds NUL or half of a surrogate pair",
        "take the character out",
    )
    yield from _length_constraints(member)
    keywords = member.keywords
    if (pattern := member.pattern) is not None:
        yield Constraint(
            lambda value: pattern.search(value) is not None,
            "bad-value",
            member.severity("pattern"),
            lambda name, _: f"{name} does not have the right form",
            keywords.get("form", ""),
        )
    if part := keywords.get("contains"):
        yield Constraint(
            lambda value: part in value,
            "text-lacks",
            member.severity("contains"),
            lambda name, _: f"{name} does not contain {part}",
            f"write {part} where the value belongs",
        )
    if "format" in keywords:
        words, fits, _ = FORMATS[keywords["format"]]
        yield Constraint(
            fits, "bad-value", member.severity("format"), lambda name, _: f"{name} is not {words}"
        )


def _length_constraints(member: Member) -> Iterator[Constraint]:
    keywords = member.keywords
    if least := keywords.get("min_length"):
        yield Constraint(
            lambda value: len(value) >= least,
            "too-short",
            member.severity("min_length"),
            lambda name, value: (
                f"{name} has {len(value)} characters, at least {least} are needed"
                if value
                else f"{name} is empty"
            ),
            ends=True,
        )
    if (most := keywords.get("max_length")) is not None:
        yield Constraint(
            lambda value: len(value) <= most,
            "too-long",
            member.severity("max_length"),
            lambda name, value: f"{name} has {len(value)} characters, at most {most} are allowed",
            ends=True,
        )
    if (most_bytes := keywords.get("max_bytes")) is not None:
        yield Constraint(
            lambda value: _utf8_size(value) <= most_bytes,
            "too-long",
            member.severity("max_bytes"),
            lambda name, value: (
                f"{name} has {_utf8_size(value)} bytes in UTF-8, at most {most_bytes} are read"
            ),
        )


def _utf8_size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _number_constraints(member: Member) -> Iterator[Constraint]:
    if (least := member.keywords.get("min")) is not None:
        yield Constraint(
            lambda value: value >= least,
            "out-of-range",
            Severity.ERROR,
            lambda *_: f"{member.name} is below {least}",
        )
    if (most := member.keywords.get("max")) is not None:
        yield Constraint(
            lambda value: value <= most,
            "out-of-range",
            Severity.ERROR,
            lambda *_: f"{member.name} is above {most}",
        )


def narrowing_constraints(
    member: Member, members: Mapping[str, Member], *, writing: bool
) -> Iterator[Constraint]:
    """Yields the constraints on an object that allow fewer values of its members than elsewhere."""
    # Genuine passes hold other values all the same, and phones display them.
    severity = member.severity("narrows") if writing else Severity.WARNING
    for name, choices in member.keywords.get("narrows", {}).items():
        elsewhere = _one_of(set(members[name].keywords["enum"]) - set(choices))
        yield Constraint(
            lambda owner, name=name, elsewhere=elsewhere: not elsewhere(owner.get(name)),  # type: ignore[misc]
            "unknown-value",
            severity,
            lambda *_, name=name: f"{name} can't have this value in {member.name}",
            f"one of {', '.join(choices)}",
            below=member_pointer(name),
        )


def member_pointer(name: str) -> Callable[[Any], Iterable[str]]:
    """Returns a function to the pointer of one member, for `Constraint.below`."""
    pointer = join_pointer("", name)
    return lambda _: (pointer,)


def presence_constraints(member: Member, *, writing: bool) -> Iterator[Constraint]:
    """Yields the constraints that any value of the member breaks."""
    keywords = member.keywords
    if keywords.get("deprecated") is True:
        yield Constraint(
            _never,
            "deprecated-key",
            Severity.WARNING,
            lambda *_: f"{member.name} is deprecated",
            f"write {keywords['instead']!r}" if "instead" in keywords else "",
        )
    if keywords.get("write") is False and writing:
        yield Constraint(
            _never,
            "read-only-key",
            Severity.ERROR,
            lambda *_: f"{member.name} is set by the wallet",
            "leave it out",
        )


def _never(_: object) -> bool:
    return False


def size_constraints(member: Member) -> Iterator[Constraint]:
    """Yields the constraints on the number of items in a list."""
    if (most := member.keywords.get("max_items")) is not None:
        yield Constraint(
            lambda items: len(items) <= most,
            "too-many-items",
            member.severity("max_items"),
            lambda _, items: f"{member.name} has {len(items)} items, at most {most} count",
        )


def uniqueness_constraints(member: Member, item_members: Iterable[Member]) -> Iterator[Constraint]:
    """Yields the constraints on the items of a list: members that have to differ within it."""
    for each in item_members:
        # A member that has to differ within a pass stands in one list of it.
        if each.keywords.get("unique_in") not in (member.name, "list", "pass"):
            continue
        duplicates = partial(_duplicates, each.name)
        yield Constraint(
            lambda items, duplicates=duplicates: not duplicates(items),  # type: ignore[misc]
            "duplicate-value",
            Severity.ERROR,
            lambda *_, name=each.name: f"{name} stands here twice",
            below=duplicates,
        )


def _duplicates(name: str, items: Iterable[Any]) -> list[str]:
    """Returns the pointers of the texts that stood in an item before."""
    texts: set[str] = set()
    pointers = []
    for index, item in enumerate(items):
        text = item.get(name) if isinstance(item, dict) else None
        if isinstance(text, str):
            if text in texts:
                pointers.append(join_pointer(f"/{index}", name))
            texts.add(text)
    return pointers
