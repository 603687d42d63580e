"""Layouts that each system draws for a pass, what keeps a pass from a better one, and the members a layout
ignores.

A poster or a semantic boarding pass whose requirements are not met is drawn in
the classic style, and nobody is told. Here it is said before.

Source: Apple, Wallet Passes: Creating an event pass using semantic tags;
Creating an airline boarding pass using semantic tags; Pass.PosterGeneric.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from passwright.apple.build.pass_json import pass_schema
from passwright.apple.build.pictures import picture_facts
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from passwright.schema.model import Member

_Reason = TypeVar("_Reason")

__all__ = [
    "SCHEMES",
    "STYLES",
    "SYSTEMS",
    "Layout",
    "MissingParts",
    "SemanticMember",
    "Visit",
    "contains_member",
    "fields",
    "fields_without_pointers",
    "ignored_members",
    "is_used",
    "kind_of",
    "layouts",
    "missing_for",
    "pictures",
    "requested_layouts",
    "semantic_tags",
    "style_of",
    "styles_of",
]

STYLES = ("boardingPass", "coupon", "eventTicket", "generic", "storeCard")
# The newest release of each of these versions of iOS.
SYSTEMS = ("12", "17", "18", "26", "27")


@dataclass(frozen=True)
class Scheme:
    """A modern layout: the classic style it stands on, None for any, and the iOS that draws it first."""

    base: str | None
    since: int


SCHEMES: Mapping[str, Scheme] = {
    "posterEventTicket": Scheme("eventTicket", 18),
    "semanticBoardingPass": Scheme("boardingPass", 26),
    "posterGeneric": Scheme(None, 27),
}


@dataclass(frozen=True)
class MissingParts:
    """The members and images that a layout requires and the pass lacks.

    `missing` keeps the layout from being drawn. `doubtful` is on Apple's list,
    but sources disagree whether systems insist on it. `unseen` can't be told
    from what was given, such as pictures beside a bare pass.json.
    """

    missing: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The layout that one version of iOS draws for a pass.

    `drawn` is a classic style or a name of `SCHEMES`, None where the pass has no
    style. `better` is the layout that the pass asks for first and does not get,
    or None; `gaps` is what that, or else the drawn one, lacks. `ignored` are
    pointers (RFC 6901) of members that this layout on this system does not read.
    """

    system: str
    drawn: str | None
    better: str | None
    gaps: MissingParts
    ignored: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns the layout as members of JSON."""
        return {
            "system": f"iOS {self.system}",
            "layout": self.drawn,
            "better": self.better,
            "missing": list(self.gaps.missing),
            "doubtful": list(self.gaps.doubtful),
            "unseen": list(self.gaps.unseen),
            "ignored": list(self.ignored),
        }


def layouts(
    document: Mapping[str, Any], files: Collection[str] | None = None, *, nfc: bool | None = None
) -> tuple[Layout, ...]:
    """Returns the layout of a pass.json in each of `SYSTEMS`, oldest first.

    `files` are the names of the files beside it, `nfc` says whether the
    certificate is for NFC; None where that is not known, which is then `unseen`
    and does not count as missing.
    """
    asked = {name: missing_for(name, document, files, nfc=nfc) for name in requested_layouts(document)}
    classic = style_of(document)
    made = []
    for system in SYSTEMS:
        known = {name: _on(system, name, found) for name, found in asked.items()}
        drawn = next((name for name, found in known.items() if not found.missing), classic)
        first = next(iter(known), None)
        better = first if first != drawn else None
        told = known.get(better or drawn or "", MissingParts())
        made.append(Layout(system, drawn, better, told, _ignored_members(document, drawn, system)))
    return tuple(made)


def _on(system: str, name: str, found: MissingParts) -> MissingParts:
    since = SCHEMES[name].since
    return found if since <= int(system) else replace(found, missing=(f"iOS {since}", *found.missing))


def style_of(document: Mapping[str, Any]) -> str | None:
    """The classic style key that a pass.json has."""
    for style in STYLES:
        if isinstance(document.get(style), dict):
            return style
    return None


def requested_layouts(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The modern layouts that a pass asks for, in its order of preference."""
    if document.keys().isdisjoint(("preferredStyleSchemes", "posterGeneric")):
        return ()
    listed = document.get("preferredStyleSchemes")
    schemes = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    # A poster of this kind is chosen by standing there, without a scheme.
    poster = ["posterGeneric"] if isinstance(document.get("posterGeneric"), dict) else []
    named = [each for each in schemes if each in SCHEMES and each != "posterGeneric"]
    return tuple(dict.fromkeys((*poster, *named)))


def styles_of(document: Mapping[str, Any]) -> frozenset[str]:
    """The style keys of a pass, and the modern layouts it asks for that stand on one of them."""
    there = [style for style in STYLES if isinstance(document.get(style), dict)]
    if asked := requested_layouts(document):
        bases = None, *there[:1]
        there += [name for name in asked if SCHEMES[name].base in bases]
    return frozenset(there)


def fields(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every field of every style: its pointer, its array, itself."""
    for style in (*STYLES, "posterGeneric"):
        slots = document.get(style)
        for slot, listed in slots.items() if isinstance(slots, dict) else ():
            if isinstance(listed, list):
                for index, each in enumerate(listed):
                    if isinstance(each, dict):
                        yield f"/{style}/{slot}/{index}", slot, each


def fields_without_pointers(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the fields without their pointers (cheaper; compute a pointer on error)."""
    return [
        each
        for style in (*STYLES, "posterGeneric")
        if isinstance(slots := document.get(style), dict)
        for listed in slots.values()
        if isinstance(listed, list)
        for each in listed
        if isinstance(each, dict)
    ]


def semantic_tags(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every set of semantic tags, of the pass and of its fields: schemes read them as one."""
    for holder in (document, *fields_without_pointers(document)):
        if isinstance(found := holder.get("semantics"), dict):
            yield found


# --- what a layout asks for ----------------------------------------------------------------------


def missing_for(
    name: str, document: Mapping[str, Any], files: Collection[str] | None, *, nfc: bool | None
) -> MissingParts:
    """Returns the parts that a layout of `SCHEMES` requires and this pass lacks: names of members, never
    values.
    """
    missing: list[str] = []
    doubtful: list[str] = []
    unseen: list[str] = []
    base = SCHEMES[name].base
    if base is not None and style_of(document) != base:
        missing.append(f"the style {base}")
    if name == "semanticBoardingPass" and _transit(document) not in (None, "PKTransitTypeAir"):
        missing.append("transitType PKTransitTypeAir")
    for what, sure in _absent(name, document):
        (missing if sure else doubtful).append(what)
    any_of = [picture for picture, facts in _images().items() if name in facts.get("required_by", ())]
    if any_of and (files is None or not pictures(files).intersection(any_of)):
        (unseen if files is None else missing).append(f"a picture: {' or '.join(any_of)}")
    if _asks_for_nfc(name) and nfc is not True:
        (unseen if nfc is None else missing).append("a certificate for NFC")
    return MissingParts(tuple(missing), tuple(doubtful), tuple(unseen))


def _absent(name: str, document: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The members that a scheme asks for and that are absent, and whether sources agree on it."""
    objects = pass_schema().objects
    own = tuple(semantic_tags(document))
    there = {tag for each in own for tag in each}
    nfc = document.get("nfc")
    for holder, found, prefix in (
        ("Pass", set(document), ""),
        ("NFC", set(nfc) if isinstance(nfc, dict) else set(objects["NFC"]), "nfc."),
        ("SemanticTags", there, "semantics."),
    ):
        for key in objects[holder].values():
            condition = key.keywords.get("required_by", {}).get(name)
            if condition is None or key.name in found or not _holds(condition, own):
                continue
            old = bool(found.intersection(key.keywords.get("aliases", ())))
            yield f"{prefix}{key.name}", "required_by" not in key.warning_keywords and not old


def _holds(condition: Mapping[str, str], own: Collection[Mapping[str, Any]]) -> bool:
    return all(any(each.get(tag) == value for each in own) for tag, value in condition.items())


def _transit(document: Mapping[str, Any]) -> object:
    style = document.get("boardingPass")
    return style.get("transitType", "") if isinstance(style, dict) else None


@cache
def _asks_for_nfc(name: str) -> bool:
    return name in pass_schema().objects["Pass"]["nfc"].keywords["required_by"]


def _images() -> Mapping[str, Mapping[str, Any]]:
    images: Mapping[str, Mapping[str, Any]] = picture_facts()["images"]
    return images


_FILE = re.compile(r"(?:[^/]+\.lproj/)?([^/@]+)(?:@[23]x)?\.png")


def pictures(files: Collection[str]) -> set[str]:
    """The pictures among these files, in any language and scale: `icon` for `de.lproj/icon@2x.png`."""
    return {match[1] for file in files if (match := _FILE.fullmatch(file))}


# --- what is read, and where ---------------------------------------------------------------------


class Visit(NamedTuple):
    """A key that a walk stops at: whether it is asked about itself, and the object to go into below it."""

    key: Member
    asked: bool
    below: str | None


class SemanticMember(NamedTuple):
    """A member that the table knows: its key, the object it stands in, and where that stands.

    `style` is the style dictionary around it and `slot` the array of fields, or "".
    """

    key: Member
    owner: Mapping[str, Any]
    around: str
    style: str
    slot: str

    @property
    def pointer(self) -> str:
        """The JSON pointer of the member in pass.json (RFC 6901)."""
        return join_pointer(self.around, self.key.name)


def ignored_members(
    document: Mapping[str, Any],
    reason: Callable[[SemanticMember], _Reason | None],
    watched: Callable[[str, str, str], Mapping[str, Visit]],
) -> Iterator[tuple[SemanticMember, _Reason]]:
    """Members for which there is a `reason` not to read them, with it; nothing below them.

    `watched` are the keys to stop at in an object of the table, in a style, in a slot.
    """
    yield from _below(watched("Pass", "", ""), document, ("", "", ""), reason, watched)


def _below(
    keys: Mapping[str, Visit],
    owner: Mapping[str, Any],
    around: tuple[str, str, str],
    reason: Callable[[SemanticMember], _Reason | None],
    watched: Callable[[str, str, str], Mapping[str, Visit]],
) -> Iterator[tuple[SemanticMember, _Reason]]:
    """`around` is the pointer of `owner`, the style and the slot it stands in."""
    pointer, style, slot = around
    # Names first: a value that is not filled in yet is not looked at.
    for key, asked, kind in [keys[each] for each in owner if each in keys]:
        if asked:
            if key.is_list and "styles" in key.keywords and owner[key.name] == []:
                continue
            here = SemanticMember(key, owner, pointer, style, slot)
            if (said := reason(here)) is not None:
                yield here, said
                continue
        if kind is not None:
            inside = (key.name, "") if kind == "PassFields" else (style, slot)
            inside = (style, key.name) if kind == "PassFieldContent" else inside
            inner = watched(kind, *inside)
            value = owner[key.name]
            for index, each in enumerate(value if isinstance(value, list) else (value,)):
                if isinstance(each, dict) and not inner.keys().isdisjoint(each):
                    where = f"{pointer}/{key.name}/{index}" if each is not value else f"{pointer}/{key.name}"
                    yield from _below(inner, each, (where, *inside), reason, watched)


def kind_of(key: Member) -> str | None:
    """The object of the table that a key holds."""
    return next((kind for kind in key.types if kind in pass_schema().objects), None)


@cache
def contains_member(name: str, facts: frozenset[str]) -> bool:
    """An object has keys with such facts, itself or further down."""
    keys = pass_schema().objects[name].values()
    kinds = {kind for key in keys if (kind := kind_of(key)) is not None}
    return any(facts & key.keywords.keys() for key in keys) or any(
        contains_member(kind, facts) for kind in kinds
    )


@cache
def _all_keys(name: str, _style: str, _slot: str) -> Mapping[str, Visit]:
    return {
        each: Visit(key, asked=True, below=kind_of(key)) for each, key in pass_schema().objects[name].items()
    }


def _ignored_members(document: Mapping[str, Any], drawn: str | None, system: str) -> tuple[str, ...]:
    """The pointers of what a layout on a system does not read."""
    base = style_of(document)
    read = "posterGeneric" if drawn == "posterGeneric" else base

    def reason(member: SemanticMember) -> str | None:
        facts = member.key.keywords
        if kind_of(member.key) == "PassFields":
            return None if member.key.name == read else "another style is drawn"
        value = member.owner[member.key.name]
        young = facts.get("enum_since", {}).get(value) if isinstance(value, str) else None
        if _younger(facts.get("since"), system) or _younger(young, system):
            return "younger than the system"
        on = None if member.style == "posterGeneric" else base
        if drawn is None or is_used(facts.get("styles"), {drawn}, on):
            return None
        return "not for this layout"

    return tuple(member.pointer for member, _ in ignored_members(document, reason, _all_keys))


def is_used(styles: Collection[str] | None, drawn: Collection[str], base: str | None) -> bool:
    """A key with these styles has an effect on one of the layouts `drawn`, which stand on `base`.

    Semantic tags name the classic style and are read by the layout on top of it.
    What belongs to the look of all five classic styles, such as logoText, is not.
    """
    if styles is None or any(each in styles for each in drawn):
        return True
    return base in styles and not set(STYLES) <= set(styles)


def _younger(since: str | None, system: str) -> bool:
    return since is not None and int(since.partition(".")[0]) > int(system)
