"""Builds the files of a pass: pass.json as a JSON template, images, strings.

`document` turns a template and a shape (which optional parts are there) into
the skeleton of pass.json; `pictures` and `strings` are the constant files.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from passwright.documents.json_patch import merge, set_at
from passwright.documents.placeholders import Placeholder
from passwright.model.parts import SLOTS, learn_more_label
from passwright.report import Finding, note
from passwright.schema.model import Schema
from passwright.schema.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from passwright.model.kinds import MeaningPaths
    from passwright.model.parts import Field
    from passwright.model.template import Template

__all__ = ["document", "losses", "pass_schema", "pass_validator"]


@cache
def pass_schema() -> Schema:
    """Returns the schema of pass.json."""
    return Schema.load("passwright.apple.data", "pass.json")


@cache
def pass_validator() -> Validator:
    """Returns the validator of pass.json and of the other documents of Apple."""
    return Validator(pass_schema())


# Neutral name -> Apple's. Apple, Wallet Passes, Barcodes: format.
BARCODE_FORMATS = {
    "qr": "PKBarcodeFormatQR",
    "pdf417": "PKBarcodeFormatPDF417",
    "aztec": "PKBarcodeFormatAztec",
    "code128": "PKBarcodeFormatCode128",
}
ALIGNMENTS = {
    "left": "PKTextAlignmentLeft",
    "centre": "PKTextAlignmentCenter",
    "right": "PKTextAlignmentRight",
}
SLOT_NAMES: Mapping[str, str] = {f"{slot}Fields": slot for slot in SLOTS}
"""Apple's name of the list of fields in each slot."""

# Back fields that we add ourselves; the keys of a template's own fields hold no dot.
LEARN_MORE = "passwright.learn-more"
LINK = "passwright.link."


def document(
    template: Template, shape: frozenset[str], *, pass_type: str | Placeholder, team: str | Placeholder
) -> dict[str, Any]:
    """pass.json of a template, with blanks for what each pass fills in.

    `shape` is `Pass.shape`; `pass_type` and `team` come from who signs.
    """
    made: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": pass_type,
        "serialNumber": Placeholder.copying("serial"),
        "teamIdentifier": team,
        "organizationName": template.organisation,
        "description": template.description,
        "logoText": template.name,
    }
    for name, colour in (
        ("backgroundColor", template.colours.background),
        ("foregroundColor", template.colours.text),
        ("labelColor", template.colours.label),
    ):
        if colour:
            made[name] = _rgb(colour)
    made[template.kind.style] = _style(template, shape)
    _set_meanings(made, template, shape)
    if template.locations:
        made["locations"] = [
            {"latitude": each.latitude, "longitude": each.longitude}
            | ({"relevantText": each.text} if each.text else {})
            for each in template.locations
        ]
    if "@expires" in shape:
        made["expirationDate"] = Placeholder(lambda values: _datetime(values["@expires"]), "@expires")
    if "@nfc" in shape and template.nfc is not None and template.nfc.apple_key:
        made["nfc"] = {
            "message": Placeholder.copying("@nfc"),
            "encryptionPublicKey": template.nfc.apple_key,
        }
    if "@barcode" in shape:
        made["barcodes"] = [_barcode(template)]
    if "@binding" in shape:
        # Hides the share button, nothing more; needed beside requiresAuthentication,
        # or systems before iOS 13.1 get around it. Apple, Wallet Passes, Pass.NFC.
        made["sharingProhibited"] = True
        if "nfc" in made:
            made["nfc"]["requiresAuthentication"] = True
    patched: dict[str, Any] = merge(made, dict(template.apple))
    return patched


def _style(template: Template, shape: frozenset[str]) -> dict[str, Any]:
    made: dict[str, Any] = dict(template.kind.style_members)
    for slot in SLOTS:
        fields = [
            _field(key, each) for key, each in template.fields.items() if each.slot == slot and key in shape
        ]
        if slot == "back":
            fields += _links(template, shape)
        if fields:
            made[f"{slot}Fields"] = fields
    return made


def _field(key: str, each: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"key": key}
    if each.label:
        made["label"] = each.label
    form = VALUE_FORMS[each.type]
    made["value"] = form(each.value) if each.is_constant else _blank(key, each, form)
    if each.type == "money":
        made["currencyCode"] = each.currency
    elif each.type == "date":
        # A day has no zone: with ignoresTimeZone midnight in UTC is that day everywhere.
        made |= {"dateStyle": _date_style(each.date), "timeStyle": "PKDateStyleNone", "ignoresTimeZone": True}
    elif each.type == "datetime":
        made |= {"dateStyle": _date_style(each.date), "timeStyle": _date_style(each.time or "short")}
    if each.change:
        made["changeMessage"] = each.change
    if each.align and each.slot not in ("primary", "back"):
        made["textAlignment"] = ALIGNMENTS[each.align]
    return made


def _date_style(style: str | None) -> str:
    return f"PKDateStyle{(style or 'medium').title()}"


def _links(template: Template, shape: frozenset[str]) -> Iterator[dict[str, Any]]:
    for index, link in enumerate(template.links):
        yield {
            "key": f"{LINK}{index}",
            "label": link.label,
            "value": link.url,
            "attributedValue": _anchor(link.url),
        }
    if "@binding" in shape:
        yield {
            "key": LEARN_MORE,
            "label": learn_more_label(template.language),
            "value": Placeholder.copying("@learn-more"),
            "attributedValue": Placeholder(lambda values: _anchor(values["@learn-more"]), "@learn-more"),
        }


def _anchor(url: str) -> str:
    """Apple, PassFieldContent.attributedValue: only links with an href are understood."""
    from html import escape

    return f'<a href="{escape(url)}">{escape(url)}</a>'


def _barcode(template: Template) -> dict[str, Any]:
    code = template.barcode
    made: dict[str, Any] = {
        "format": BARCODE_FORMATS[code.format if code else "qr"],
        "message": Placeholder.copying("@barcode"),
        # The usual charset of scanners, and utf-8 for what it can't say.
        "messageEncoding": Placeholder(lambda values: encoding(values["@barcode"]), "@barcode"),
    }
    if code is not None and code.text:
        made["altText"] = Placeholder.copying("@barcode-text")
    return made


def encoding(message: str) -> str:
    """The charset that a code's message is written in."""
    try:
        message.encode("iso-8859-1")
    except UnicodeEncodeError:
        return "utf-8"
    return "iso-8859-1"


def _set_meanings(made: dict[str, Any], template: Template, shape: frozenset[str]) -> None:
    """Writes the meaning of a field to every location where Apple keeps it."""
    for key, each in template.fields.items():
        place = template.kind.meanings.get(each.means or "")
        if place is None or key not in shape:
            continue
        for path in paths(place):
            form = form_at(path, each)
            set_at(made, path, form(each.value) if each.is_constant else _blank(key, each, form))


def paths(place: MeaningPaths) -> Iterator[str]:
    """Yields the locations of a meaning as paths from the top of pass.json: `semantics.seats.0.seatRow`."""
    for path in place.apple:
        yield path[1:].replace("/", ".") if path.startswith("/") else f"semantics.{path}"


def _blank(key: str, each: Field, form: Callable[[Any], Any]) -> Placeholder:
    if form is _as_it_is:
        return Placeholder.copying(key) if each.type == "text" else Placeholder(itemgetter(key), key)
    return Placeholder(lambda values: form(values[key]), key)


def form_at(path: str, each: Field) -> Callable[[Any], Any]:
    """Returns the function that converts a field's value to the type that the schema has at `path`."""
    kind = "Pass"
    for step in path.split("."):
        if not step.isdigit():
            kind = pass_schema().objects[kind][step].types[0]
    if kind == "SemanticTagType.CurrencyAmount" and each.type == "money":
        # Not str(): a large Decimal would come out as 1E+3.
        return lambda value: {"amount": f"{Decimal(str(value)):f}", "currencyCode": each.currency}
    if kind == "SemanticTagType.PersonNameComponents" and each.type == "text":
        return _name_parts
    if kind in ("integer", "number") and each.type == "text":
        return lambda value: int(value) if value.isascii() and value.isdigit() else value
    if kind in ("text", "localized") and each.type == "integer":
        return str
    return VALUE_FORMS[each.type]


def _name_parts(name: str) -> dict[str, str]:
    """A name in one text, parted before its last word; the report says that this is a guess."""
    given, _, family = name.strip().rpartition(" ")
    return {"givenName": given, "familyName": family} if given else {"givenName": family}


def losses(template: Template) -> Iterator[Finding]:
    """Yields a finding for each part of the definition that Apple has no member for, or that has to be
    guessed.
    """
    for key, each in template.fields.items():
        place = template.kind.meanings.get(each.means or "")
        where = f"{template.source}#/fields/{key}"
        if each.slot is None and (place is None or not place.apple):
            yield note("apple-drops", where, f"Apple has no place for {key}", "give it a slot to show it")
            continue
        for member in ("label", "change", "align") if each.slot is None else ():
            if getattr(each, member):
                message = f"Apple shows no field for {key}, so its {member} is nowhere"
                yield note("apple-drops", f"{where}/{member}", message, "give it a slot to show it")
        if each.align and each.slot in ("primary", "back"):
            message = f"Apple aligns {each.slot} fields by itself"
            yield note("apple-drops", f"{where}/align", message, "leave align out")
        if place is not None and "passengerName" in place.apple:
            message = f"Apple wants the parts of a name, so {key} is parted before its last word"
            yield note("apple-guesses", where, message, "say it right in apple = { semantics = ... }")
    if template.nfc is not None and not template.nfc.apple_key:
        message = "without apple_key the pass has no NFC on Apple"
        yield note("apple-drops", f"{template.source}#/nfc", message)
    if template.images.alt:
        where = f"{template.source}#/images/alt"
        yield note("apple-drops", where, "Apple has no place for what a screen reader says of the pictures")


def _rgb(colour: str) -> str:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgb({red}, {green}, {blue})"


def _as_it_is(value: Any) -> Any:
    return value


def _number(value: Any) -> int | float:
    return value if isinstance(value, int) else int(value) if value == int(value) else float(value)


def _datetime(value: datetime) -> str:
    return value.isoformat(timespec="seconds")


# Type of a field -> the JSON value of a pass field. Numbers stay numbers, or
# currencyCode and numberStyle do nothing. Apple, PassFieldContent.value.
VALUE_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "text": _as_it_is,
    "integer": _as_it_is,
    "number": _number,
    "money": _number,
    "date": lambda value: f"{value.isoformat()}T00:00:00Z",
    "datetime": _datetime,
}
