"""Rules for the components of classes and objects, at every location: intervals, images, app links, texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.documents.rule import Rule
from passwright.google.schema import payload_schema
from passwright.report import Finding, error, warning
from passwright.schema.pointers import join_pointer
from passwright.times import is_aware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from passwright.documents.rule import Check
    from passwright.schema.model import Member
    from passwright.schema.pointers import Locator

    Part = Mapping[str, Any]

__all__ = ["rules"]


@cache
def rules(on: str, name: str) -> tuple[Rule, ...]:
    """A rule for each member of a class or object that leads to a part with rules of its own.

    One for each, since a rule is asked again for every pass as soon as one of
    the values it reads is open.
    """
    return tuple(Rule(on, tuple(_patterns(key, "")), _below(on, key)) for key in _member_walks(name))


@cache
def _member_walks(name: str) -> tuple[Member, ...]:
    """The members of an object that are asked something here, or lead there."""
    return tuple(key for key in payload_schema().objects[name].values() if _checks_of(key))


def _checks_of(key: Member) -> bool:
    # Members that only Google writes copy what was validated when it was written.
    if key.keywords.get("write") is False:
        return False
    kind = key.types[0]
    return (
        _is_enum(key)
        or _is_short(key)
        or kind in _PARTS
        or (kind in payload_schema().objects and bool(_member_walks(kind)))
    )


def _is_enum(key: Member) -> bool:
    return "enum" in key.keywords


def _is_short(key: Member) -> bool:
    """A text with translations, of which Google shows the beginning only. Plain ones the table judges."""
    return key.types[0] == "LocalizedString" and "max_length" in key.keywords


def _patterns(key: Member, above: str) -> Iterator[str]:
    at = f"{above}/{key.name}" + "/*" * key.is_list
    if _is_enum(key):
        yield at
    elif _is_short(key) or key.types[0] in _PARTS:
        yield f"{at}/**"
    else:
        for below in _member_walks(key.types[0]):
            yield from _patterns(below, at)


def _below(on: str, key: Member) -> Check:
    def check(document: Part, context: Any, place: Locator) -> Iterator[Finding]:
        if key.name in document:
            yield from _Walk(on, context.writing, place).check_member(key, document[key.name], "")

    return check


@dataclass(frozen=True)
class _Walk:
    """One way down from a member, along what the table says is asked."""

    on: str
    writing: bool
    place: Locator

    def check_member(self, key: Member, value: Any, above: str) -> Iterator[Finding]:
        pointer = join_pointer(above, key.name)
        if not key.is_list:
            yield from self.check_value(key, value, pointer)
            return
        for index, each in enumerate(value):
            yield from self.check_value(key, each, join_pointer(pointer, index))

    def check_value(self, key: Member, value: Any, pointer: str) -> Iterator[Finding]:
        kind = key.types[0]
        if _is_enum(key):
            if self.writing and str(value).endswith("_UNSPECIFIED"):
                message = f"{key.name} has the value that says nothing"
                hint = "leave it out: it is the default, and costs room in links"
                yield warning("says-nothing", self.place(pointer), message, hint)
        elif _is_short(key):
            yield from _check_length(key, value, pointer, self.place)
        else:
            if kind in _PARTS:
                yield from _PARTS[kind](self.on, value, pointer, self.place)
            for below in _member_walks(kind):
                if below.name in value:
                    yield from self.check_member(below, value[below.name], pointer)


def _check_length(key: Member, text: Part, at: str, place: Locator) -> Iterator[Finding]:
    """Google, the descriptions of single members: recommended lengths, beyond which texts are cut."""
    limit = key.keywords["max_length"]
    values = [("/defaultValue", text.get("defaultValue", {}))]
    values += [
        (f"/translatedValues/{index}", each) for index, each in enumerate(text.get("translatedValues", ()))
    ]
    for below, each in values:
        length = len(each.get("value", ""))
        if length > limit:
            message = f"{key.name} has {length} characters, at most {limit} are sure to be shown"
            yield warning("too-long", place(f"{at}{below}/value"), message)


def _parse_datetime(text: object) -> datetime | None:
    """A date of Google's, up to nanoseconds; None where the table has found that it is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _check_order(start: datetime | None, end: datetime | None, where: str) -> Iterator[Finding]:
    if start is None or end is None or is_aware(start) != is_aware(end):
        return
    if end < start:
        yield error("interval-backwards", where, "the end is before the start", "exchange the two")


def _check_interval(_: str, interval: Part, at: str, place: Locator) -> Iterator[Finding]:
    """Google, TimeInterval: either both ends carry an offset, or neither does."""
    start, end = (_parse_datetime(interval.get(name, {}).get("date")) for name in ("start", "end"))
    if start and end and is_aware(start) != is_aware(end):
        message = "one end of the interval has an offset, and the other has none"
        yield error("offsets-differ", place(at), message, "write Z or +02:00 after both times, or after none")
    yield from _check_order(start, end, place(at))


def _check_event(_: str, times: Part, at: str, place: Locator) -> Iterator[Finding]:
    yield from _check_order(_parse_datetime(times.get("start")), _parse_datetime(times.get("end")), place(at))


def _check_image(on: str, image: Part, at: str, place: Locator) -> Iterator[Finding]:
    """Google, private images: one object each, so only in an object's image modules."""
    if "privateImageId" in image and not (on == "object" and at.startswith("/imageModulesData/")):
        message = "a private picture can stand in the image modules of an object only"
        hint = "give sourceUri with a public address instead"
        yield error("private-image-misplaced", place(f"{at}/privateImageId"), message, hint)
    # Logos and banners stand beside the names they show; a picture of its own says what nobody else does.
    if at.endswith("/mainImage") and "contentDescription" not in image:
        message = "who can't see the picture is not told what it shows"
        yield warning("picture-without-words", place(at), message, "give contentDescription")


def _check_target(_: str, target: Part, at: str, place: Locator) -> Iterator[Finding]:
    """Google, AppTarget: "The description on the URI must be set"."""
    uri = target.get("targetUri")
    if uri is not None and not ({"description", "localizedDescription"} & set(uri)):
        message = "the key 'description' is missing, a link to an app or a page has to have it"
        yield error("missing-key", place(f"{at}/targetUri"), message)


_PARTS: Mapping[str, Callable[[str, Part, str, Locator], Iterable[Finding]]] = {
    "TimeInterval": _check_interval,
    "EventDateTime": _check_event,
    "Image": _check_image,
    "AppLinkDataAppLinkInfoAppTarget": _check_target,
}
