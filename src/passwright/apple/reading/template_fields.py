"""The fields of a finished pass as fields of a template, and what each of them means.

One pass can't tell which of its values are the same in all passes. What its
`pass.strings` translate is fixed text, what holds the serial number is computed,
and everything else becomes an example: it has to be given for each new pass, so
that nobody gets the name of the holder this pass was made for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from passwright.apple.build.pass_json import ALIGNMENTS, LEARN_MORE, LINK, form_at, paths
from passwright.documents.placeholders import compile_text, names_in
from passwright.model.parts import SLOTS, Field
from passwright.model.validation import MAX_FIELDS
from passwright.report import Finding, warning
from passwright.schema.formats import is_date, is_number
from passwright.schema.pointers import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from passwright.model.kinds import Kind

__all__ = ["are_equal_values", "at", "fields_of", "serial_in", "unused_key"]

_DATE_STYLE = "PKDateStyle"
_STYLES = ("none", "short", "medium", "long", "full")
# A shorter serial number stands in texts by chance.
_MIN_SERIAL = 3
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_FIELD_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


def fields_of(
    document: Mapping[str, Any], kind: Kind, *, serial: str, fixed: Collection[str]
) -> tuple[dict[str, Field], dict[str, str], list[Finding]]:
    """The fields of a pass.json by key, and those that its semantic tags need besides.

    Beside them: where each shown field was found, by its key, and what could not be taken over.
    `fixed` are the texts that a language has its own words for.
    """
    origins: dict[str, str] = {}
    findings: list[Finding] = []
    fields: dict[str, Field] = {}
    style = document.get(kind.style)
    for slot in SLOTS:
        listed = style.get(f"{slot}Fields") if isinstance(style, dict) else None
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            pointer = f"/{kind.style}/{slot}Fields/{index}"
            if not isinstance(each, dict):
                findings.append(_drop_warning(pointer, "this is not a field"))
                continue
            key = each.get("key")
            if isinstance(key, str) and key.startswith((LEARN_MORE, LINK)):
                continue
            if len(fields) == MAX_FIELDS:
                findings.append(_drop_warning(pointer, f"a template has at most {MAX_FIELDS} fields"))
                return fields, origins, findings
            made = _field(each, serial=serial, fixed=fixed)
            if made is None:
                findings.append(_drop_warning(pointer, "a field shows text or a number"))
                continue
            own = unused_key(key if isinstance(key, str) else slot, fields)
            if own != key:
                message = f"a template can't call a field {quote(key)} here: it is {own} now"
                findings.append(warning("template-differs", f"pass.json#{pointer}/key", message))
            fields[own] = replace(made, slot=slot)
            origins[own] = pointer
    order = [[key for key, each in fields.items() if each.slot == slot] for slot in SLOTS]
    order.append(_add_meanings(fields, document, kind, serial=serial, fixed=fixed))
    return {key: fields[key] for key in _in_order(fields, order)}, origins, findings


def _drop_warning(pointer: str, message: str) -> Finding:
    return warning("template-drops", f"pass.json#{pointer}", message)


def unused_key(wanted: str, fields: Collection[str]) -> str:
    """A key that a template may use and does not use yet, as much like `wanted` as can be."""
    key = wanted if _FIELD_KEY.fullmatch(wanted) else re.sub(r"[^A-Za-z0-9_-]+", "-", wanted)[:50].strip("-")
    key = "number" if key in ("", "serial") else key
    made, number = key, 2
    while made in fields:
        made, number = f"{key}-{number}", number + 1
    return made


def serial_in(text: str, serial: str) -> str | None:
    """The text with `{serial}` in place of the serial number, None where it does not hold that."""
    if not serial or (len(serial) < _MIN_SERIAL and text != serial):
        return None
    escaped = text.replace("{", "{{").replace("}", "}}")
    found, number = re.subn(rf"(?<![A-Za-z0-9]){re.escape(serial)}(?![A-Za-z0-9])", "{serial}", escaped)
    return found if number else None


def _field(each: Mapping[str, Any], *, serial: str, fixed: Collection[str]) -> Field | None:
    """A field without its slot and its meaning; None where it holds no value."""
    label, change = each.get("label"), each.get("changeMessage")
    aligned = {name: ours for ours, name in ALIGNMENTS.items()}.get(str(each.get("textAlignment")))
    bare = Field(
        label=label if isinstance(label, str) else "",
        change=change if isinstance(change, str) and change else None,
        align=aligned,  # type: ignore[arg-type]  # the table's keys are the literals
    )
    value = each.get("value")
    if isinstance(value, str):
        moment = _moment(value) if each.keys() & {"dateStyle", "timeStyle"} else None
        return _text(bare, value, serial, fixed) if moment is None else _with_date_type(bare, each, moment)
    if not is_number(value):
        return None
    currency = each.get("currencyCode")
    if isinstance(currency, str) and _CURRENCY.fullmatch(currency):
        return replace(bare, type="money", currency=currency, example=value)
    return replace(bare, type="integer" if isinstance(value, int) else "number", example=value)


def _text(bare: Field, value: str, serial: str, fixed: Collection[str]) -> Field:
    if (computed := serial_in(value, serial)) is not None:
        return replace(bare, value=computed)
    plain = not names_in(value) and "{{" not in value and "}}" not in value
    return replace(bare, value=value) if value in fixed and plain else replace(bare, example=value)


def _with_date_type(bare: Field, each: Mapping[str, Any], moment: datetime) -> Field:
    day, time = (_style(each.get(name)) for name in ("dateStyle", "timeStyle"))
    if each.get("ignoresTimeZone") is True and time == "none" and day != "none" and _is_midnight(moment):
        return replace(bare, type="date", example=moment.date(), date=_unless(day, "medium"))
    return replace(
        bare, type="datetime", example=moment, date=_unless(day, "medium"), time=_unless(time, "short")
    )


def _unless(style: str, default: str) -> str | None:
    return None if style == default else style


def _style(name: object) -> str:
    """A date style in our words; Apple shows nothing where there is none."""
    style = name.removeprefix(_DATE_STYLE).lower() if isinstance(name, str) else "none"
    return style if style in _STYLES else "none"


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0) and (
        not moment.utcoffset()
    )


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and is_date(text) else None


def are_equal_values(one: Any, other: Any) -> bool:
    """Two JSON values say the same; a moment may be written in two ways."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if one == other:
        return True
    moments = _moment(one), _moment(other)
    return None not in moments and moments[0] == moments[1]


# --- what fields mean ----------------------------------------------------------------------------


def _add_meanings(
    fields: dict[str, Field], document: Mapping[str, Any], kind: Kind, *, serial: str, fixed: Collection[str]
) -> list[str]:
    """Gives `fields` the meanings that the semantic tags show, and adds fields for tags that none shows.

    Returns the keys in the order of the tags.
    """
    found = {means: (path, value) for means, path, value in _tags(document, kind)}
    owners: dict[str, str] = {}
    # A field that is named like its meaning comes first, so that equal values don't mix fields up.
    for by_name in (True, False):
        for means, (path, value) in found.items():
            words = {each.rpartition(".")[2].lower() for each in (means, path)}
            fitting = (key for key in fields if not by_name or key.lower() in words)
            key = None if means in owners else _showing(fields, fitting, path, value, serial)
            if key is not None:
                owners[means] = key
                fields[key] = replace(fields[key], means=means)
    for means, (path, value) in found.items():
        made = None if means in owners else _carrier(path, value, serial, fixed)
        if made is not None:
            owners[means] = unused_key(means.replace(".", "-"), fields)
            fields[owners[means]] = replace(made, means=means)
    tags = document.get("semantics")
    places = [".".join(path) for path in _leaves(tags)] if isinstance(tags, dict) else []

    def place(means: str) -> int:
        inside = found[means][0].removeprefix("semantics.")
        return next((n for n, each in enumerate(places) if each.startswith(inside)), len(places))

    return [owners[means] for means in sorted(owners, key=place)]


def _tags(document: Mapping[str, Any], kind: Kind) -> Iterator[tuple[str, str, Any]]:
    """The meanings of a kind that the pass holds: the meaning, its first place, and what stands there."""
    for means, place in kind.meanings.items():
        path = next(paths(place), None)
        value = None if path is None else at(document, path)
        if path is not None and value is not None and _is_complete_item(document, path, kind):
            yield means, path, value


def _leaves(node: Any) -> Iterator[tuple[str, ...]]:
    """The way to every value, in the order of the document."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    else:
        yield ()
    for name, value in items:
        for below in _leaves(value):
            yield (str(name), *below)


def at(document: Any, path: str) -> Any:
    """Returns the value at a path of locations, None if there is none."""
    for step in path.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _is_complete_item(document: Mapping[str, Any], path: str, kind: Kind) -> bool:
    """A list that the path leads through has one item, and meanings for all of it."""
    owner, found, _ = path.partition(".0.")
    if not found:
        return True
    known = {each for place in kind.meanings.values() for each in paths(place)}
    items = at(document, owner)
    return (
        isinstance(items, list)
        and len(items) == 1
        and isinstance(items[0], dict)
        and all(f"{owner}.0.{name}" in known for name in items[0])
    )


def _showing(
    fields: Mapping[str, Field], keys: Iterable[str], path: str, value: Any, serial: str
) -> str | None:
    """Returns the field whose value equals the value of the tag."""
    free = (key for key in keys if fields[key].means is None)
    return next(
        (key for key in free if are_equal_values(_displayed_value(path, fields[key], serial), value)), None
    )


def _displayed_value(path: str, each: Field, serial: str) -> Any:
    """Returns the value that would stand at `path` if the field had that meaning."""
    value = each.example if each.value is None else each.value
    if each.value is not None and not each.is_constant:
        text = compile_text(each.value)
        value = text if isinstance(text, str) else text.compute({"serial": serial})
    return form_at(path, each)(value)


def _carrier(path: str, value: Any, serial: str, fixed: Collection[str]) -> Field | None:
    """A field that shows nothing and carries what the tag says, None where no field can."""
    made = None
    if isinstance(value, str):
        moment = _moment(value)
        made = Field(type="datetime", example=moment) if moment else _text(Field(), value, serial, fixed)
    elif is_number(value):
        made = Field(type="integer" if isinstance(value, int) else "number", example=value)
    elif isinstance(value, dict) and value.keys() == {"amount", "currencyCode"}:
        amount, currency = str(value["amount"]), str(value["currencyCode"])
        if _AMOUNT.fullmatch(amount) and _CURRENCY.fullmatch(currency):
            made = Field(type="money", currency=currency, example=Decimal(amount))
    elif isinstance(value, dict) and value.keys() <= {"givenName", "familyName"}:
        names = (value.get("givenName"), value.get("familyName"))
        made = Field(example=" ".join(name for name in names if isinstance(name, str)))
    return (
        made if made is not None and are_equal_values(_displayed_value(path, made, serial), value) else None
    )


def _in_order(fields: Mapping[str, Field], chains: Iterable[list[str]]) -> list[str]:
    """The keys slot by slot, but for those that the semantic tags have earlier.

    A template has one order for both, so the pass that is built again has them as they were.
    Where slots and tags contradict each other the slots count.
    """
    before: dict[str, set[str]] = {key: set() for key in fields}
    for chain in chains:
        for one, following in pairwise(chain):
            before[following].add(one)
    done: dict[str, None] = {}
    while len(done) < len(fields):
        ready = (key for key in fields if key not in done and before[key] <= done.keys())
        if (key := next(ready, None)) is None:
            return list(fields)
        done[key] = None
    return list(done)
