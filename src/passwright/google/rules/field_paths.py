"""Resolves field paths such as `object.textModulesData['tier']` in a card template, and checks that each
member exists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from passwright.documents.rule import Rule
from passwright.google.schema import payload_schema
from passwright.report import Finding, warning
from passwright.schema.formats import Pending
from passwright.schema.pointers import did_you_mean, join_pointer, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.pointers import Locator

__all__ = ["hidden_modules", "rules", "unresolved_paths"]

TEMPLATE = "classTemplateInfo"
# Members that stand in a list and are shown as a block of their own, by their ids.
MODULES = (("textModulesData",), ("imageModulesData",), ("linksModuleData", "uris"))
# More than a line can hold.
MAX_NAMED = 5

# Google, FieldReference.fieldPath: `object` or `class`, names with dots, ids of listed members in brackets.
_PATH = re.compile(r"(?:object|class)(?:\.[A-Za-z]+(?:\['[^'\]]+'\]|\[\"[^\"\]]+\"\])?)+", re.ASCII)
_STEP = re.compile(r"\.([A-Za-z]+)(?:\[['\"]([^'\"\]]+)['\"]\])?", re.ASCII)


class _Step(NamedTuple):
    """A member, and the id of the item meant where it is a list; "" for none."""

    name: str
    id: str


def rules(class_name: str, object_name: str) -> tuple[Rule, ...]:
    """The rule that every path of a class leads to a member that there can be."""
    names = {"class": class_name, "object": object_name}

    def check(document: Mapping[str, Any], _: Any, place: Locator) -> Iterator[Finding]:
        for pointer, paths in _selectors(document):
            for index, path in enumerate(paths):
                if isinstance(path, str) and not _is_in_schema(path, names):
                    yield _finding(path, place(_at(pointer, index)), _hint(path, names))

    return (Rule("class", (f"/{TEMPLATE}/**",), check),)


def unresolved_paths(
    class_: Mapping[str, Any], object_: Mapping[str, Any], names: Mapping[str, str], place: Locator
) -> Iterator[Finding]:
    """Paths of the class that lead to nothing, in itself or in this object: they show nothing.

    `names` are the names of both in the table, by `class` and `object`. Of
    several paths in one place the first that leads somewhere is shown, so only
    all of them together lead nowhere.
    """
    documents = {"class": class_, "object": object_}
    for pointer, paths in _selectors(class_):
        if any(isinstance(path, Pending) or _has_member(path, documents) for path in paths):
            continue
        for index, path in enumerate(paths):
            if isinstance(path, str) and _is_in_schema(path, names):
                yield _finding(
                    path, place(_at(pointer, index)), "a member or an id that both sides spell alike"
                )


def hidden_modules(
    class_: Mapping[str, Any], object_: Mapping[str, Any], place: Locator
) -> Iterator[Finding]:
    """Modules that nobody can see, because the template of the details leaves them out.

    Google, ClassTemplateInfo.detailsTemplateOverride: it replaces the whole list.
    """
    template = class_.get(TEMPLATE)
    if not isinstance(template, dict) or "detailsTemplateOverride" not in template:
        return
    named = {
        tuple(_parse(path)) for _, paths in _selectors(class_) for path in paths if isinstance(path, str)
    }
    lost = [
        path
        for root, document in (("class", class_), ("object", object_))
        for path, steps in _modules(root, document)
        if named.isdisjoint((steps, (*steps[:-1], _Step(steps[-1].name, "")), steps[:-1]))
    ]
    if lost:
        more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
        message = f"the details show what is named here, and hide {', '.join(lost[:MAX_NAMED])}{more}"
        hint = "add an item for each, or leave the override out"
        yield warning("details-hide-modules", place(f"/{TEMPLATE}/detailsTemplateOverride"), message, hint)


def _modules(root: str, document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[_Step, ...]]]:
    """The modules of a document: how a path would name each, and the steps of that."""
    for names in MODULES:
        items: Any = document
        for name in names:
            items = items.get(name) if isinstance(items, dict) else None
        for index, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
            each = item.get("id") if isinstance(item, dict) else None
            id_ = each if isinstance(each, str) else ""
            way = ".".join((root, *names))
            steps = (*(_Step(name, "") for name in (root, *names[:-1])), _Step(names[-1], id_))
            yield f"{way}['{id_}']" if id_ else f"{way}[{index}], which has no id", (*steps,)


def _finding(path: str, where: str, hint: str) -> Finding:
    return warning(
        "field-path-unresolved", where, f"{quote(path)} leads to nothing, so nothing is shown", hint
    )


def _at(pointer: str, index: int) -> str:
    return f"{pointer}/fields/{index}/fieldPath"


def _parse(path: str) -> list[_Step]:
    """The steps of a path, the root among them; empty when it is none."""
    if not _PATH.fullmatch(path):
        return []
    root, dot, below = path.partition(".")
    return [_Step(root, ""), *(_Step(name, id_) for name, id_ in _STEP.findall(dot + below))]


def _is_in_schema(path: str, names: Mapping[str, str]) -> bool:
    """Every step is a member that the table has, and an id stands at a list only."""
    steps = _parse(path)
    if not steps:
        return False
    kind = names[steps[0].name]
    for name, id_ in steps[1:]:
        key = payload_schema().objects.get(kind, {}).get(name)
        if key is None or (id_ and not key.is_list):
            return False
        kind = key.types[0]
    return True


def _hint(path: str, names: Mapping[str, str]) -> str:
    steps = _parse(path)
    if not steps:
        return "write it like object.textModulesData['tier']"
    kind = names[steps[0].name]
    for name, _ in steps[1:]:
        members = payload_schema().objects.get(kind, {})
        if name not in members:
            return did_you_mean(name, members)
        kind = members[name].types[0]
    return "an id in brackets goes with a list only"


def _has_member(path: object, documents: Mapping[str, Any]) -> bool:
    """The path leads to a value. What is not known yet is there."""
    steps = _parse(path) if isinstance(path, str) else []
    if not steps:
        return False
    value: Any = documents[steps[0].name]
    for name, id_ in steps[1:]:
        if isinstance(value, Pending):
            return True
        value = _member(value, name)
        if id_ and isinstance(value, (list, tuple)):
            value = next((each for each in value if _has_id(each, id_)), None)
    return value not in (None, "", [], {})


def _member(value: Any, name: str) -> Any:
    """A member, or its translated twin, which Google shows in its place."""
    if not isinstance(value, dict):
        return None
    twin = f"localized{name[0].upper()}{name[1:]}"
    return value.get(name, value.get(twin))


def _has_id(item: Any, id_: str) -> bool:
    return isinstance(item, Pending) or (
        isinstance(item, dict) and (item.get("id") == id_ or isinstance(item.get("id"), Pending))
    )


def _selectors(class_: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Every FieldSelector of the template with the paths in it, the one shown first in front."""
    if TEMPLATE in class_:
        yield from _selectors_in("ClassTemplateInfo", class_[TEMPLATE], f"/{TEMPLATE}")


def _selectors_in(kind: str, node: Any, pointer: str) -> Iterator[tuple[str, list[Any]]]:
    """Follows the table, not the document, which may be as deep as it likes."""
    if not isinstance(node, dict):
        return
    if kind == "FieldSelector":
        fields = node.get("fields")
        if isinstance(fields, (list, tuple)):
            yield pointer, [each.get("fieldPath") if isinstance(each, dict) else None for each in fields]
        return
    for key in payload_schema().objects[kind].values():
        if key.types[0] in payload_schema().objects and key.name in node:
            below, value = join_pointer(pointer, key.name), node[key.name]
            if not key.is_list:
                yield from _selectors_in(key.types[0], value, below)
            elif isinstance(value, (list, tuple)):
                for index, each in enumerate(value):
                    yield from _selectors_in(key.types[0], each, join_pointer(below, index))
