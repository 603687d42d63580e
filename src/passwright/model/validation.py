"""Validates a template and a pass before either wallet does.

Both are judged as documents of the form that template.toml has, so a mistake
in a folder and the same mistake in a program get the same finding.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.binding.binding import Binding, problems
from passwright.documents.placeholders import names_in
from passwright.model.kinds import KINDS
from passwright.report import Finding, error, has_errors, warning
from passwright.schema.formats import describe_type, is_number, is_text
from passwright.schema.model import Schema
from passwright.schema.pointers import did_you_mean, join_pointer, locator, quote
from passwright.schema.validator import Validator
from passwright.strict_json import dumps
from passwright.times import is_aware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.model.kinds import Kind
    from passwright.model.parts import Field
    from passwright.model.template import Pass, Template
    from passwright.schema.pointers import Locator

__all__ = [
    "barcodes_of",
    "copy_overrides",
    "template_document",
    "template_schema",
    "validate_document",
    "validate_pass",
    "validate_template",
]

# One serial for both wallets: Apple puts it into URL paths of the web service,
# Google into the object id (letters, digits, ".", "_", "-").
SERIAL = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
# Google, TextModuleData.id: letters, digits, "_" and "-".
_FIELD_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
# Names of folders and files of a pass: BCP 47, ASCII, no way out of the folder.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_PICTURE = re.compile(r"([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*/)?[A-Za-z][A-Za-z0-9_-]{0,63}(@[23]x)?\.png\Z")
# Far deeper than any member of a wallet's payload.
MAX_DEPTH = 32
# Far above any card we know, far below what a phone scrolls through.
MAX_FIELDS = 100
# Numbers travel as JSON; beyond this a double loses digits (RFC 8259 section 6).
MAX_SAFE_INTEGER = 2**53


@cache
def template_schema() -> Schema:
    """Returns the schema of template.toml."""
    return Schema.load("passwright", "template.json")


@cache
def template_validator() -> Validator:
    """Returns the validator of documents as template.toml holds them."""
    return Validator(template_schema())


def validate_document(
    document: Mapping[str, Any], *, kinds: Mapping[str, Kind] | None = None, place: Locator
) -> Iterator[Finding]:
    """Everything that is wrong with a template written as a document."""
    yield from template_validator().check("Template", document, place=place)
    for wallet in ("apple", "google"):
        yield from _check_json(document.get(wallet), f"/{wallet}", place)
    known_kinds = KINDS if kinds is None else kinds
    name = document.get("kind")
    kind = known_kinds.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and kind is None:
        hint = did_you_mean(name, known_kinds) or f"known kinds: {', '.join(known_kinds)}"
        yield error("unknown-kind", place("/kind"), f"there is no kind {quote(name)}", hint)
    fields = document.get("fields", {})
    if isinstance(fields, dict):
        yield from _check_fields(fields, kind, place)
        yield from _check_placeholders(document, fields, place)


def copy_overrides(overrides: object, where: str) -> tuple[dict[str, Any], list[Finding]]:
    """Overrides as a copy that nobody can change while it is judged, or {} and why there is none."""
    if not isinstance(overrides, dict):
        message = "the overrides have to be an object"
        return {}, [error("wrong-type", where, message, 'like {"state": "ACTIVE"}')]
    try:
        return json.loads(dumps(overrides)), []
    except (TypeError, ValueError, RecursionError):
        message = "the overrides hold something that JSON can't say"
        return {}, [error("not-json", where, message, "write dates and decimals as text")]


def _check_json(value: object, pointer: str, place: Locator) -> Iterator[Finding]:
    """Yields the values that JSON can't hold, in members that are merged into a payload."""
    if pointer.count("/") > MAX_DEPTH:
        yield error("too-deep", place(pointer), f"this is nested more than {MAX_DEPTH} levels deep")
    elif isinstance(value, dict):
        for key, each in value.items():
            if isinstance(key, str) and is_text(key):
                yield from _check_json(each, join_pointer(pointer, key), place)
            else:
                yield error("not-json", place(pointer), f"the key {quote(key)} is no text", "keys are text")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _check_json(each, join_pointer(pointer, index), place)
    elif isinstance(value, str):
        if not is_text(value):
            yield error("bad-string", place(pointer), "this holds NUL or half of a surrogate pair")
    elif not (value is None or isinstance(value, bool) or is_number(value)):
        hint = 'write it as text: "2026-05-01T09:00:00Z"' if isinstance(value, date) else ""
        yield error("not-json", place(pointer), f"this is {describe_type(value)}, which JSON has not", hint)


def _check_fields(fields: Mapping[Any, Any], kind: Kind | None, place: Locator) -> Iterator[Finding]:
    if not fields:
        hint = 'add one: [fields] and name = { slot = "primary", label = "Name" }'
        yield error("no-fields", place("/fields"), "the template has no fields", hint)
    if len(fields) > MAX_FIELDS:
        message = f"the template has {len(fields)} fields, at most {MAX_FIELDS} are allowed"
        yield error("too-many-fields", place("/fields"), message, "a pass shows about twenty")
        return
    meanings: dict[str, str] = {}
    for key, each in fields.items():
        here = join_pointer("/fields", key)
        if not isinstance(key, str) or not _FIELD_KEY.match(key) or key == "serial":
            hint = "'serial' is the pass's own number"
            if key != "serial":
                hint = "use 1 to 64 of A-Z, a-z, 0-9, _ and -; the label may hold any letters"
            yield error("bad-field-key", place(here), f"a field can't be called {quote(key)}", hint)
        if not isinstance(each, dict):
            continue
        yield from _check_field(each, here, place)
        means = each.get("means")
        if not isinstance(means, str) or kind is None:
            continue
        if means not in kind.meanings:
            names = ", ".join(kind.meanings)
            hint = did_you_mean(means, kind.meanings) or f"meanings of {kind.name}: {names}"
            yield error(
                "unknown-meaning",
                place(join_pointer(here, "means")),
                f"{kind.name} has no meaning {quote(means)}",
                hint,
            )
        elif means in meanings:
            message = f"{means!r} is what {meanings[means]!r} means already"
            yield error(
                "duplicate-meaning", place(join_pointer(here, "means")), message, "each meaning has one field"
            )
        meanings.setdefault(means, key)


def _check_field(each: Mapping[str, Any], here: str, place: Locator) -> Iterator[Finding]:
    kind = each.get("type", "text")
    if not isinstance(kind, str):
        return  # the table has said so
    if kind == "money" and "currency" not in each:
        yield error("missing-key", place(here), "money needs its currency", 'add currency = "EUR"')
    for key, kinds in (("currency", ("money",)), ("date", ("date", "datetime")), ("time", ("datetime",))):
        if key in each and kind not in kinds:
            message = f"{key} works with a field of type {' or '.join(kinds)} only"
            hint = f'leave it out, or add type = "{kinds[0]}"'
            yield error("style-misfit", place(join_pointer(here, key)), message, hint)
    for key in ("value", "default", "example"):
        value = each.get(key)
        if value is None or kind not in VALUES:
            continue
        if key == "value" and isinstance(value, str) and names_in(value):
            if kind != "text":
                message = "a value with blanks in it is text"
                yield error(
                    "wrong-type",
                    place(join_pointer(here, key)),
                    message,
                    'leave type out: "text" is the default',
                )
        elif rule := VALUES[kind](value):
            yield error("wrong-value", place(join_pointer(here, key)), f"{key} {rule}")


def _check_placeholders(
    document: Mapping[str, Any], fields: Mapping[str, Any], place: Locator
) -> Iterator[Finding]:
    given, absent = {"serial"}, set()
    for key, each in fields.items():
        members = each if isinstance(each, dict) else {}
        value = members.get("value")
        if not (isinstance(value, str) and names_in(value)):
            given.add(key)
        if members.get("optional") is True and members.get("default") is None:
            absent.add(key)
    for pointer, text in _texts_with_placeholders(document, fields):
        for name in names_in(text):
            if name not in given:
                hint = did_you_mean(name, given) or "write {{ and }} for braces"
                yield error("unknown-blank", place(pointer), f"there is no value {{{name}}} to fill in", hint)
            elif name in absent:
                message = f"a pass may have no value for {{{name}}}, since that field is optional"
                yield error("unknown-blank", place(pointer), message, f"give {name} a default")


def _texts_with_placeholders(
    document: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    places: list[tuple[str, Any, str]] = [
        (join_pointer("/fields", key), each, "value") for key, each in fields.items()
    ]
    for part, members in (("nfc", ("message",)), ("barcode", ("message", "text"))):
        places += [(f"/{part}", document.get(part), member) for member in members]
    places.append(("", document, "google_class"))
    for pointer, owner, member in places:
        text = owner.get(member) if isinstance(owner, dict) else None
        if isinstance(text, str):
            yield join_pointer(pointer, member), text


def validate_template(template: Template) -> Iterator[Finding]:
    """Everything that is wrong with a template made in a program, or loaded."""
    kinds = {template.kind.name: template.kind}
    place = locator(template.source)
    findings = [*validate_document(template_document(template), kinds=kinds, place=place)]
    findings += _check_names(template)
    yield from findings
    if not has_errors(findings):
        yield from validate_translations(template)


def _check_names(template: Template) -> Iterator[Finding]:
    """Yields the faults of texts that become names of folders and files, and of the texts in them."""
    files: Mapping[Any, Any] = template.images.files
    translations: Mapping[Any, Any] = template.translations
    for name in files:
        if not isinstance(name, str) or not _PICTURE.match(name):
            hint = "icon.png, logo@2x.png, de/hero.png"
            yield error("bad-name", f"images/{quote(name)}", "a picture can't have this name", hint)
    for language, texts in translations.items():
        where = f"translations/{quote(language)}"
        if not isinstance(language, str) or not _LANGUAGE.match(language):
            yield error("bad-name", where, "this is no language", "de, en-GB")
        elif not isinstance(texts, dict):
            yield error("wrong-type", where, "the translations of a language map texts to texts")
        else:
            rules = {text_problem(text) for pair in texts.items() for text in pair}
            for rule in sorted(filter(None, rules)):
                yield error("wrong-value", where, f"a translation {rule}")


def validate_translations(
    template: Template, where: Callable[[str], Locator] = lambda name: locator(f"translations/{name}.toml")
) -> Iterator[Finding]:
    """Texts without a translation, and translations of nothing. `where` finds the place of a text."""
    texts = dict.fromkeys(translatable_texts(template))
    for language, translated in template.translations.items():
        place = where(language)
        if language == template.language:
            message = f"{language} is the language of the template itself"
            hint = "change the texts in the template, or its language"
            yield warning("own-language-translated", place(""), message, hint)
        for text in texts:
            if text not in translated:
                message = f"there is no {language} for {quote(text)}"
                yield warning("missing-translation", place(""), message, "holders will read it as it is")
        for text in translated:
            if text not in texts:
                message = f"{quote(text)} is translated in vain"
                hint = did_you_mean(text, texts) or "the template shows no such text"
                yield warning("unused-translation", place(join_pointer("", text)), message, hint)
    languages = {template.language, *template.translations}
    for name in template.images.files:
        language = name.rpartition("/")[0]
        if language and language not in languages:
            hint = f"add translations/{language}.toml"
            yield warning(
                "unused-picture", f"images/{name}", f"the template has no texts in {language}", hint
            )


def translatable_texts(template: Template) -> Iterator[str]:
    """The texts of a template that a language may say in its own words."""
    yield from (template.organisation, template.name, template.description)
    for each in template.fields.values():
        yield from filter(None, (each.label, each.change))
        if each.is_constant and each.type == "text":
            yield each.value
    for link in template.links:
        yield link.label
    for location in template.locations:
        if location.text:
            yield location.text
    if template.images.alt:
        yield template.images.alt
    if template.personalization is not None:
        yield from filter(None, (template.personalization.description, template.personalization.terms))


def template_document(template: Template) -> dict[str, Any]:
    """The template as the document that template.toml holds."""
    document: dict[str, Any] = {"kind": template.kind.name}
    for name in ("id", "organisation", "name", "description", "language", "google_class"):
        document[name] = getattr(template, name)
    for name in ("colours", "images", "nfc", "barcode", "personalization"):
        part = getattr(template, name)
        document[name] = None if part is None else _members(part)
    document["fields"] = {key: _members(each) for key, each in template.fields.items()}
    document["links"] = [_members(link) for link in template.links]
    document["locations"] = [_members(location) for location in template.locations]
    document["apple"] = dict(template.apple)
    document["google"] = dict(template.google)
    # An empty [nfc] or [barcode] says something: it is there, with its defaults.
    always = ("fields", "nfc", "barcode")
    return {
        name: value
        for name, value in document.items()
        if value is not None and (name in always or value not in ({}, []))
    }


def _members(part: Any) -> dict[str, Any]:
    """Returns the members that differ from the defaults of a dataclass, tuples as lists."""
    from dataclasses import MISSING, fields

    members = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.name == "files" or (each.default is not MISSING and value == each.default):
            continue
        members[each.name] = list(value) if isinstance(value, tuple) else value
    return members


def validate_pass(pass_: Pass) -> Iterator[Finding]:
    """Everything that is wrong with what a pass adds to its template. `where` is `pass#/...`."""
    template = pass_.template
    serial: object = pass_.serial
    if not isinstance(serial, str) or not SERIAL.match(serial):
        hint = "1 to 64 letters, digits, dots, dashes or underscores"
        yield error("bad-serial", "pass#/serial", "the serial number does not have the right form", hint)
    place = locator("pass")
    for key in pass_.values:
        if key not in template.fields:
            hint = did_you_mean(key, template.fields) or f"its fields: {', '.join(template.fields)}"
            where = place(join_pointer("/values", key))
            yield error("unknown-field", where, f"the template has no field {quote(key)}", hint)
    for key, each in template.fields.items():
        if finding := _check_value(key, each, pass_.values.get(key)):
            yield finding
    yield from _check_messages(pass_)
    if pass_.apple or pass_.google:
        yield from _check_json(pass_.apple, "/apple", place)
        yield from _check_json(pass_.google, "/google", place)
    yield from validate_binding(pass_.binding)


def validate_binding(binding: object) -> Iterator[Finding]:
    if binding is None:
        return
    if not isinstance(binding, Binding):
        yield error("wrong-type", "pass#/binding", "binding has to be a Binding or None")
        return
    for pointer, rule in problems(binding).items():
        if binding.email is None and pointer == "/binding/email":
            continue  # purged; who needs it says so
        yield error("binding-invalid", f"pass#{pointer}", f"{pointer.rpartition('/')[2]} {rule}")


def _check_value(key: str, each: Field, value: Any) -> Finding | None:
    """The finding about the value of one field, None where it is valid."""
    if value is None:
        if each.value is not None or each.default is not None or each.optional:
            return None
        hint = f"give it, or make the field optional (example: {each.example})" if each.example else ""
        return error("missing-value", join_pointer("pass#/values", key), f"the pass has no {key!r}", hint)
    if each.value is not None:
        hint = "leave it out of the values"
        return error("fixed-value", join_pointer("pass#/values", key), f"the template fixes {key!r}", hint)
    if each.type in VALUES and (rule := VALUES[each.type](value)):
        return error("wrong-value", join_pointer("pass#/values", key), f"{key} {rule}")
    return None


def _check_messages(pass_: Pass) -> Iterator[Finding]:
    for name in ("nfc", "barcode"):
        value = getattr(pass_, name)
        if value is None or value is False:
            continue
        if not isinstance(value, str):
            yield error("wrong-type", f"pass#/{name}", f"{name} has to be text, False or None")
        elif rule := text_problem(value):
            yield error("wrong-value", f"pass#/{name}", f"{name} {rule}")
    if pass_.nfc and pass_.template.nfc is None:
        hint = "add [nfc] with the key of the reader to the template"
        yield error("nfc-not-set-up", "pass#/nfc", "the template has no NFC to send a message by", hint)
    expires: object = pass_.expires
    if expires is not None and not isinstance(expires, datetime):
        yield error("wrong-type", "pass#/expires", "expires has to be a datetime or None")
    elif expires is not None and not is_aware(expires):
        hint = "add one: datetime(..., tzinfo=UTC)"
        yield error("bad-date", "pass#/expires", "expires has no zone", hint)


def text_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return "has to be text"
    if not value.isprintable() and _UNSAFE.search(value):
        return "holds a control character or half of a surrogate pair"
    return None


# Line breaks and tabs are for back fields; NUL and lone surrogates break wallets and storage.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _integer(value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "has to be a whole number"
    return None if abs(value) <= MAX_SAFE_INTEGER else "is beyond 2**53, where numbers in JSON lose digits"


def _number(value: Any) -> str | None:
    finite = value.is_finite() if isinstance(value, Decimal) else is_number(value)
    if not finite:
        return "has to be a finite number"
    return None if abs(value) <= MAX_SAFE_INTEGER else "is beyond 2**53, where numbers in JSON lose digits"


def _date(value: Any) -> str | None:
    if not isinstance(value, date) or isinstance(value, datetime):
        return "has to be a date without a time"
    return None


def _datetime(value: Any) -> str | None:
    if not isinstance(value, datetime):
        return "has to be a date with a time"
    return None if is_aware(value) else "has no zone: write Z or +02:00 after the time"


# Type of a field -> what is wrong with a value, or None.
VALUES: Mapping[str, Callable[[Any], str | None]] = {
    "text": text_problem,
    "integer": _integer,
    "number": _number,
    "money": _number,
    "date": _date,
    "datetime": _datetime,
}


def barcodes_of(pass_: Pass) -> Iterator[tuple[str, object]]:
    """Yields the locations where the definition of a pass can hold a barcode."""
    yield "pass#/barcode", pass_.barcode
    if pass_.barcode is None and pass_.template.barcode is not None:
        yield f"{pass_.template.source}#/barcode", pass_.template.barcode
