"""Rules about where a member of pass.json stands: on which style, in which fields, beside what.

They say what the table says of a key (`styles`, `elsewhere`, `slots`,
`not_slots`, `only_for`, `required_on`, `shown`); a new key of Apple's is a line
of data and none here.
"""

from __future__ import annotations

from functools import cache, cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from passwright.apple.build.pass_json import pass_schema
from passwright.apple.rules.layouts import (
    STYLES,
    SemanticMember,
    Visit,
    contains_member,
    ignored_members,
    is_used,
    kind_of,
    missing_for,
    requested_layouts,
    semantic_tags,
    style_of,
    styles_of,
)
from passwright.documents.rule import Rule
from passwright.report import Finding, Severity, error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.apple.context import ValidationContext
    from passwright.schema.pointers import Locator

__all__ = ["RULES"]

# The facts that say something about places.
_FACTS = frozenset({"styles", "slots", "not_slots", "only_for"})


def _check_placement(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    """Members that stand where no system reads them."""
    base, styles = style_of(document), styles_of(document)
    if styles:
        found = _Places(document, base, styles, context, place)
        watched = partial(_visits, styles, base)
        yield from (finding for _, finding in ignored_members(document, found.check, watched))


# A pass has a style or two and a scheme or two; objects, styles and slots are those of the table.
@lru_cache(maxsize=1024)
def _visits(
    styles: frozenset[str], base: str | None, name: str, style: str, slot: str
) -> Mapping[str, Visit]:
    """The members that may be misplaced in such a pass, and those that lead to some."""
    keys = {}
    for each, key in pass_schema().objects[name].items():
        kind = kind_of(key)
        below = kind if kind is not None and contains_member(kind, _FACTS) else None
        facts = key.keywords
        asked = "only_for" in facts or not (_reads(facts, style, styles, base) and _fits(facts, slot))
        if asked or below is not None:
            keys[each] = Visit(key, asked, below)
    return keys


class _Places:
    """The context of a pass for placement rules: style, schemes and topics."""

    def __init__(
        self,
        document: Mapping[str, Any],
        base: str | None,
        styles: frozenset[str],
        context: ValidationContext,
        place: Locator,
    ) -> None:
        self.base = base
        self.styles = styles
        # A misplaced member is an error in our own passes; phones often show third-party passes with one.
        self.worst = Severity.ERROR if context.writing else Severity.WARNING
        self.document = document
        self.place = place

    @cached_property
    def topics(self) -> dict[str, bool]:
        return _topics(self.document)

    def check(self, member: SemanticMember) -> Finding | None:
        """Returns the finding for a misplaced member, None if its location is right."""
        name, facts = member.key.name, member.key.keywords
        where = self.place(member.pointer)
        worst = self.worst if facts.get("elsewhere") == "invalid" else Severity.WARNING
        if not _reads(facts, member.style, self.styles, self.base):
            styles = _either(facts["styles"])
            if "elsewhere" in facts:
                message = f"{name} may stand on {styles} only"
                return Finding("style-forbids-key", worst, where, message, "leave it out")
            message, hint = f"{name} is read on {styles} only", "leave it out, or ask for what reads it"
            return warning("key-not-read", where, message, hint)
        if not _fits(facts, member.slot):
            slots = _either(facts["slots"]) if "slots" in facts else f"other fields than {member.slot}"
            message, hint = f"{name} works in {slots} only", "leave it out, or move the field"
            return Finding("slot-forbids-key", worst, where, message, hint)
        topic = facts.get("only_for")
        if topic is not None and self.topics.get(topic) is False and not _context_of(topic, member.owner):
            return warning("key-not-read", where, f"{name} is read {_TOPICS[topic]} only", "leave it out")
        return None


def _reads(facts: Mapping[str, Any], style: str, styles: frozenset[str], base: str | None) -> bool:
    """One of the layouts of a pass has a use for a member with these facts, in this style or in none."""
    if "styles" not in facts:
        return True
    if style == "posterGeneric":
        return is_used(facts["styles"], {"posterGeneric"}, None)
    # The poster has fields of its own, and looks at none of the style beside it.
    return is_used(facts["styles"], styles - {"posterGeneric"} if style else styles, base)


def _fits(facts: Mapping[str, Any], slot: str) -> bool:
    return not slot or (slot in facts.get("slots", (slot,)) and slot not in facts.get("not_slots", ()))


def _either(names: list[str]) -> str:
    return " or ".join(names) if len(names) < len(STYLES) else f"{', '.join(names[:-1])} or {names[-1]}"


# Purposes of semantic tags, in words.
_TOPICS = {
    "air": "on flights (PKTransitTypeAir)",
    "rail": "on trains (PKTransitTypeTrain)",
    "sports": "with eventType PKEventTypeSports",
}
_SPORTS = "PKEventTypeSports"


def _topics(document: Mapping[str, Any]) -> dict[str, bool]:
    """Topic -> the pass is about it; a topic that can't be told is left out."""
    made = {"sports": any(each.get("eventType") == _SPORTS for each in semantic_tags(document))}
    style = document.get("boardingPass")
    transit = style.get("transitType") if isinstance(style, dict) else None
    if isinstance(transit, str):
        made |= {"air": transit == "PKTransitTypeAir", "rail": transit == "PKTransitTypeTrain"}
    return made


def _context_of(topic: str, owner: Mapping[str, Any]) -> bool:
    """An event among several may say for itself what it is."""
    return topic == "sports" and owner.get("eventType") == _SPORTS


def _required_on(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    for style, names in _required_by_style().items():
        slots = document.get(style)
        if not isinstance(slots, dict):
            continue
        for name in names:
            if name not in slots:
                yield error("missing-key", place(f"/{style}"), f"the key {name!r} is missing on {style}")


@cache
def _required_by_style() -> Mapping[str, tuple[str, ...]]:
    """Style -> what has to stand in it."""
    keys = pass_schema().objects["PassFields"].values()
    made = {
        style: tuple(key.name for key in keys if style in key.keywords.get("required_on", ()))
        for style in STYLES
    }
    return {style: names for style, names in made.items() if names}


def _falls_back(document: Mapping[str, Any], context: ValidationContext, place: Locator) -> Iterator[Finding]:
    """A layout that is asked for and will not be drawn, which no device says."""
    style = style_of(document)
    for name in requested_layouts(document):
        found = missing_for(name, document, context.files, nfc=context.may_use_nfc)
        lacking = found.missing or found.doubtful
        if lacking and style is not None:
            falls = "falls back" if found.missing else "may fall back"
            message = f"{name} {falls} to {style}, it lacks {', '.join(lacking)}"
            where = place("/posterGeneric" if name == "posterGeneric" else "/preferredStyleSchemes")
            yield warning("layout-falls-back", where, message, "add what is lacking, or ask for no more")


def _drawn_fields(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    """More fields than a style draws are legal, and invisible."""
    hint = "move the others to the back"
    for style in filter(document.__contains__, (*STYLES, "posterGeneric")):
        counts = {}
        for slot, listed, limit in _slots(style, document.get(style)):
            counts[slot] = len(listed)
            if limit is not None and len(listed) > limit:
                message = f"{style} draws only {limit} of these {len(listed)} fields"
                yield warning("fields-not-drawn", place(f"/{style}/{slot}"), message, hint)
        both = counts.get("secondaryFields", 0) + counts.get("auxiliaryFields", 0)
        if both > _ONE_ROW and counts.get("auxiliaryFields") and _shares_a_row(style, document):
            message = f"secondary and auxiliary fields share a row, {_ONE_ROW} of these {both} are drawn"
            yield warning("fields-not-drawn", place(f"/{style}/auxiliaryFields"), message, hint)


def _slots(style: str, slots: object) -> Iterator[tuple[str, list[Any], int | None]]:
    """The lists of fields of a style, and how many of each it draws at most, None for any number."""
    drawn = _slot_limits(style)
    for name, listed in slots.items() if isinstance(slots, dict) else ():
        if name in drawn and isinstance(listed, list):
            limit = drawn[name]
            two_rows = style == "eventTicket" and name == "auxiliaryFields" and _second_row(listed)
            yield name, listed, limit * 2 if limit and two_rows else limit


@cache
def _slot_limits(style: str) -> Mapping[str, int | None]:
    """Slot -> how many of its fields a style draws at most."""
    keys = pass_schema().objects["PassFields"].values()
    shown = {key.name: key.keywords.get("shown", {}) for key in keys}
    return {name: limits.get(style, limits.get("*")) for name, limits in shown.items()}


# Secondary and auxiliary fields of coupons and store cards share one row of four,
# and of generic passes where a square code takes the room of the other.
# Apple, Human Interface Guidelines: Wallet.
_ONE_ROW = 4
_SQUARE = ("PKBarcodeFormatQR", "PKBarcodeFormatAztec")


def _second_row(listed: list[Any]) -> bool:
    return any(isinstance(each, dict) and each.get("row") == 1 for each in listed)


def _shares_a_row(style: str, document: Mapping[str, Any]) -> bool:
    if style != "generic":
        return style in ("coupon", "storeCard")
    codes = document.get("barcodes") or [document.get("barcode")]
    first = codes[0] if isinstance(codes, list) else None
    return isinstance(first, dict) and first.get("format") in _SQUARE


# Members that the placement rules read besides names: the style and the events of a pass. No star stands
# for the style, because a star would also match any member at the top, such as the serial number.
_ALL = (*STYLES, "posterGeneric")
_TRANSIT = tuple(f"/{style}/transitType" for style in _ALL)
_READS = (
    "/preferredStyleSchemes/**",
    *_TRANSIT,
    "/semantics/eventType",
    *(f"/{style}/*/*/semantics/eventType" for style in _ALL),
    "/upcomingPassInformation/*/semantics/eventType",
    "/upcomingPassInformation/*/*/*/semantics/eventType",
)

RULES = (
    Rule("pass.json", _READS, _check_placement),
    Rule("pass.json", (), _required_on),
    Rule(
        "pass.json",
        _READS,
        _falls_back,
        requires_members=frozenset({"preferredStyleSchemes", "posterGeneric"}),
    ),
    Rule(
        "pass.json",
        ("/barcode/format", "/barcodes/*/format", "/eventTicket/auxiliaryFields/*/row", *_TRANSIT),
        _drawn_fields,
    ),
)
