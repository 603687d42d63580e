"""What a template and a pass have to be before any wallet is asked.

Both are judged as documents of the form that template.toml has, so a mistake
in a folder and the same mistake in a program get the same finding.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from passwright.binding import problems
from passwright.kinds import KINDS
from passwright.report import Finding, error, warning
from passwright.stencil import names_in
from passwright.table import Table, did_you_mean, place_in, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.kinds import Kind
    from passwright.table import Place
    from passwright.template import Field, Pass, Template

__all__ = ["check_document", "check_pass", "check_template", "table", "template_document"]

# One serial for both wallets: Apple puts it into URL paths of the web service,
# Google into the object id (letters, digits, ".", "_", "-").
_SERIAL = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
# Google, TextModuleData.id: letters, digits, "_" and "-".
_FIELD_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
# Far above any card we know, far below what a phone scrolls through.
MAX_FIELDS = 100
# Numbers travel as JSON; beyond this a double loses digits (RFC 8259 section 6).
MAX_SAFE_INTEGER = 2**53


@cache
def table() -> Table:
    """What template.toml may hold."""
    return Table.load("passwright", "template.json")


def check_document(
    document: Mapping[str, Any], *, kinds: Mapping[str, Kind] | None = None, place: Place
) -> Iterator[Finding]:
    """Everything that is wrong with a template written as a document."""
    yield from table().check("Template", document, place=place)
    known_kinds = KINDS if kinds is None else kinds
    name = document.get("kind")
    kind = known_kinds.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and kind is None:
        hint = did_you_mean(name, known_kinds) or f"known kinds: {', '.join(known_kinds)}"
        yield error("unknown-kind", place("/kind"), f"there is no kind {name!r}", hint)
    fields = document.get("fields", {})
    if isinstance(fields, dict):
        yield from _check_fields(fields, kind, place)
        yield from _check_blanks(document, fields, place)


def _check_fields(fields: Mapping[str, Any], kind: Kind | None, place: Place) -> Iterator[Finding]:
    if not fields:
        yield error(
            "no-fields", place("/fields"), "the template has no fields", "a pass has to show something"
        )
    if len(fields) > MAX_FIELDS:
        message = f"the template has {len(fields)} fields, at most {MAX_FIELDS} are sensible"
        yield error("too-many-fields", place("/fields"), message)
        return
    meanings: dict[str, str] = {}
    for key, each in fields.items():
        here = step("/fields", key)
        if not _FIELD_KEY.match(key) or key == "serial":
            hint = "'serial' is the pass's own number" if key == "serial" else "letters, digits, _ and -"
            yield error("bad-field-key", place(here), f"a field can't be called {key!r}", hint)
        if not isinstance(each, dict):
            continue
        yield from _check_field(each, here, place)
        means = each.get("means")
        if not isinstance(means, str) or kind is None:
            continue
        if means not in kind.places:
            hint = did_you_mean(means, kind.places) or f"meanings of {kind.name}: {', '.join(kind.places)}"
            yield error(
                "unknown-meaning", place(step(here, "means")), f"{kind.name} has no meaning {means!r}", hint
            )
        elif means in meanings:
            message = f"{means!r} is what {meanings[means]!r} means already"
            yield error("duplicate-meaning", place(step(here, "means")), message)
        meanings.setdefault(means, key)


def _check_field(each: Mapping[str, Any], here: str, place: Place) -> Iterator[Finding]:
    kind = each.get("type", "text")
    if kind == "money" and "currency" not in each:
        yield error("missing-key", place(here), "money needs its currency", 'add currency = "EUR"')
    for key, kinds in (("currency", ("money",)), ("date", ("date", "datetime")), ("time", ("datetime",))):
        if key in each and kind not in kinds:
            message = f"{key} works with a field of type {' or '.join(kinds)} only"
            yield error("style-misfit", place(step(here, key)), message)
    for key in ("value", "default", "example"):
        value = each.get(key)
        if value is None or kind not in _VALUES:
            continue
        if key == "value" and isinstance(value, str) and names_in(value):
            if kind != "text":
                yield error("wrong-type", place(step(here, key)), "a value with blanks in it is text")
        elif rule := _VALUES[kind](value):
            yield error("wrong-value", place(step(here, key)), f"{key} {rule}")


def _check_blanks(document: Mapping[str, Any], fields: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    given = {"serial"}
    for key, each in fields.items():
        value = each.get("value") if isinstance(each, dict) else None
        if not (isinstance(value, str) and names_in(value)):
            given.add(key)
    for pointer, text in _texts_with_blanks(document, fields):
        for name in names_in(text):
            if name not in given:
                hint = did_you_mean(name, given) or "write {{ for a brace"
                yield error("unknown-blank", place(pointer), f"there is no value {{{name}}}", hint)


def _texts_with_blanks(document: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    places = [(step("/fields", key), each, "value") for key, each in fields.items()]
    for part, members in (("nfc", ("message",)), ("barcode", ("message", "text"))):
        places += [(f"/{part}", document.get(part), member) for member in members]
    places.append(("", document, "google_class"))
    for pointer, owner, member in places:
        text = owner.get(member) if isinstance(owner, dict) else None
        if isinstance(text, str):
            yield step(pointer, member), text


def check_template(template: Template) -> Iterator[Finding]:
    """Everything that is wrong with a template made in a program, or loaded."""
    kinds = {template.kind.name: template.kind}
    place = place_in(template.source)
    yield from check_document(template_document(template), kinds=kinds, place=place)
    yield from check_translations(template, lambda language: f"translations/{language}.toml")


def check_translations(template: Template, where: Callable[[str], str]) -> Iterator[Finding]:
    """Texts without a translation, and translations of nothing."""
    texts = dict.fromkeys(translatable(template))
    for language, translated in template.translations.items():
        if language == template.language:
            message = f"{language} is the language of the template itself"
            yield warning("own-language-translated", where(language), message)
        for text in texts:
            if text not in translated:
                message = f"there is no {language} for {text!r}"
                yield warning("missing-translation", where(language), message)
        for text in translated:
            if text not in texts:
                hint = did_you_mean(text, texts) or "the template shows no such text"
                yield warning("unused-translation", where(language), f"{text!r} is translated in vain", hint)


def translatable(template: Template) -> Iterator[str]:
    """The texts of a template that a language may say in its own words."""
    yield from (template.organisation, template.name, template.description)
    for each in template.fields.values():
        yield from filter(None, (each.label, each.change))
        if each.constant and each.type == "text":
            yield each.value
    for link in template.links:
        yield link.label
    for location in template.locations:
        if location.text:
            yield location.text
    if template.images.alt:
        yield template.images.alt


def template_document(template: Template) -> dict[str, Any]:
    """The template as the document that template.toml holds."""
    document: dict[str, Any] = {"kind": template.kind.name}
    for name in ("id", "organisation", "name", "description", "language", "google_class"):
        document[name] = getattr(template, name)
    for name in ("colours", "images", "nfc", "barcode"):
        part = getattr(template, name)
        document[name] = None if part is None else _members(part)
    document["fields"] = {key: _members(each) for key, each in template.fields.items()}
    document["links"] = [_members(link) for link in template.links]
    document["locations"] = [_members(location) for location in template.locations]
    document["apple"] = dict(template.apple)
    document["google"] = dict(template.google)
    kept = {name: value for name, value in document.items() if value not in (None, {}, [])}
    return {"fields": {}, **kept} if "fields" not in kept else kept


def _members(part: Any) -> dict[str, Any]:
    """What differs from the defaults of a dataclass, tuples as lists."""
    from dataclasses import MISSING, fields

    members = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.name == "files" or (each.default is not MISSING and value == each.default):
            continue
        members[each.name] = list(value) if isinstance(value, tuple) else value
    return members


def check_pass(pass_: Pass) -> Iterator[Finding]:
    """Everything that is wrong with what a pass adds to its template. `where` is `pass#/...`."""
    template = pass_.template
    if not isinstance(pass_.serial, str) or not _SERIAL.match(pass_.serial):
        hint = "1 to 64 letters, digits, dots, dashes or underscores"
        yield error("bad-serial", "pass#/serial", "the serial number does not have the right form", hint)
    for key in pass_.values:
        if key not in template.fields:
            hint = did_you_mean(key, template.fields)
            yield error(
                "unknown-field", step("pass#/values", key), f"the template has no field {key!r}", hint
            )
    for key, each in template.fields.items():
        yield from _check_value(key, each, pass_.values.get(key))
    yield from _check_messages(pass_)
    if pass_.binding is not None:
        for pointer, rule in problems(pass_.binding).items():
            yield error("binding-invalid", f"pass#{pointer}", rule)


def _check_value(key: str, each: Field, value: Any) -> Iterator[Finding]:
    here = step("pass#/values", key)
    if value is None:
        if each.value is None and each.default is None and not each.optional:
            hint = f"give it, or make the field optional (example: {each.example})" if each.example else ""
            yield error("missing-value", here, f"the pass has no {key!r}", hint)
        return
    if each.value is not None:
        yield error("fixed-value", here, f"the template fixes {key!r}", "leave it out")
    elif each.type in _VALUES and (rule := _VALUES[each.type](value)):
        yield error("wrong-value", here, f"{key} {rule}")


def _check_messages(pass_: Pass) -> Iterator[Finding]:
    for name in ("nfc", "barcode"):
        value = getattr(pass_, name)
        if value not in (None, False) and not isinstance(value, str):
            yield error("wrong-type", f"pass#/{name}", f"{name} is text, False or None")
    if pass_.nfc and pass_.template.nfc is None:
        hint = "add [nfc] with the key of the reader to the template"
        yield error("nfc-not-set-up", "pass#/nfc", "the template has no NFC", hint)
    if pass_.expires is not None:
        if not isinstance(pass_.expires, datetime):
            yield error("wrong-type", "pass#/expires", "expires has to be a datetime")
        elif pass_.expires.utcoffset() is None:
            yield error(
                "bad-date", "pass#/expires", "expires has no zone", "add one: datetime(..., tzinfo=UTC)"
            )


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "has to be text"
    if _UNSAFE.search(value):
        return "holds a control character or half of a surrogate pair"
    return None


# Line breaks and tabs are for back fields; NUL and lone surrogates break wallets and storage.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _integer(value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "has to be a whole number"
    return None if abs(value) <= MAX_SAFE_INTEGER else "is beyond 2**53, where numbers in JSON lose digits"


def _number(value: Any) -> str | None:
    if not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
        return "has to be a number"
    return None if isfinite(value) and abs(value) <= MAX_SAFE_INTEGER else "is no number that JSON can hold"


def _date(value: Any) -> str | None:
    if not isinstance(value, date) or isinstance(value, datetime):
        return "has to be a date without a time"
    return None


def _datetime(value: Any) -> str | None:
    if not isinstance(value, datetime):
        return "has to be a date with a time"
    return None if value.utcoffset() is not None else "has no zone"


# Type of a field -> what is wrong with a value, or None.
_VALUES: Mapping[str, Callable[[Any], str | None]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "money": _number,
    "date": _date,
    "datetime": _datetime,
}
