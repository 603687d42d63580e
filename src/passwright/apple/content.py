"""Pass -> the files of a pass: pass.json as a stencil, pictures, strings.

`document` turns a template and a shape (which optional parts are there) into
the skeleton of pass.json; `pictures` and `strings` are the constant files.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright import images
from passwright.definition import translatable
from passwright.errors import BundleError
from passwright.report import Finding, error, note, warning
from passwright.stencil import Blank, merge
from passwright.table import Table
from passwright.template import SLOTS, learn_more_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from passwright.template import Field, Template

__all__ = ["document", "pictures", "strings", "table"]


@cache
def table() -> Table:
    """What pass.json may hold."""
    return Table.load("passwright.apple.tables", "pass.json")


@cache
def slots() -> Mapping[str, Mapping[str, Any]]:
    """Picture name -> its size in points, and the styles that draw it."""
    from importlib.resources import files

    data = files("passwright.apple.tables").joinpath("images.json").read_text("utf-8")
    made: Mapping[str, Mapping[str, Any]] = json.loads(data)["images"]
    return made


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
# Back fields that we add ourselves; the keys of a template's own fields hold no dot.
LEARN_MORE = "passwright.learn-more"
LINK = "passwright.link."


def document(
    template: Template, shape: frozenset[str], *, pass_type: str | Blank, team: str | Blank
) -> dict[str, Any]:
    """pass.json of a template, with blanks for what each pass fills in.

    `shape` is `Pass.shape`; `pass_type` and `team` come from who signs.
    """
    made: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": pass_type,
        "serialNumber": Blank(lambda values: values["serial"], "serial"),
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
    if semantics := dict(_semantics(template, shape)):
        made["semantics"] = semantics
    if template.locations:
        made["locations"] = [
            {"latitude": each.latitude, "longitude": each.longitude}
            | ({"relevantText": each.text} if each.text else {})
            for each in template.locations
        ]
    if "@expires" in shape:
        made["expirationDate"] = Blank(lambda values: _datetime(values["@expires"]), "@expires")
    if "@nfc" in shape and template.nfc is not None and template.nfc.apple_key:
        made["nfc"] = {
            "message": Blank(lambda values: values["@nfc"], "@nfc"),
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
    made: dict[str, Any] = {}
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
    made["value"] = form(each.value) if each.constant else _blank(key, form)
    if each.type == "money":
        made["currencyCode"] = each.currency
    elif each.type == "date":
        # A date of its own has no zone: noon would move for nobody, midnight in UTC
        # is read as it is because of ignoresTimeZone.
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
            "value": Blank(lambda values: values["@learn-more"], "@learn-more"),
            "attributedValue": Blank(lambda values: _anchor(values["@learn-more"]), "@learn-more"),
        }


def _anchor(url: str) -> str:
    """Apple, PassFieldContent.attributedValue: only links with an href are understood."""
    from html import escape

    return f'<a href="{escape(url)}">{escape(url)}</a>'


def _barcode(template: Template) -> dict[str, Any]:
    code = template.barcode
    made: dict[str, Any] = {
        "format": BARCODE_FORMATS[code.format if code else "qr"],
        "message": Blank(lambda values: values["@barcode"], "@barcode"),
        # The usual charset of scanners, and utf-8 for what it can't say.
        "messageEncoding": Blank(lambda values: _encoding(values["@barcode"]), "@barcode"),
    }
    if code is not None and code.text:
        made["altText"] = Blank(lambda values: values["@barcode-text"], "@barcode-text")
    return made


def _encoding(message: str) -> str:
    try:
        message.encode("iso-8859-1")
    except UnicodeEncodeError:
        return "utf-8"
    return "iso-8859-1"


def _semantics(template: Template, shape: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for key, each in template.fields.items():
        place = template.kind.places.get(each.means or "")
        if place is None or place.apple is None or key not in shape:
            continue
        kinds = table().objects["SemanticTags"][place.apple].types
        form = _semantic_form(kinds[0], each)
        yield place.apple, form(each.value) if each.constant else _blank(key, form)


def _blank(key: str, form: Callable[[Any], Any]) -> Blank:
    return Blank(lambda values: form(values[key]), key)


def _semantic_form(kind: str, each: Field) -> Callable[[Any], Any]:
    if kind == "SemanticTagType.CurrencyAmount":
        return lambda value: {"amount": str(value), "currencyCode": each.currency or "XXX"}
    return VALUE_FORMS[each.type]


def _rgb(colour: str) -> str:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgb({red}, {green}, {blue})"


def _number(value: Any) -> int | float:
    return value if isinstance(value, int) else int(value) if value == int(value) else float(value)


def _datetime(value: datetime) -> str:
    return value.isoformat(timespec="seconds")


# Type of a field -> the JSON value of a pass field. Numbers stay numbers, or
# currencyCode and numberStyle do nothing. Apple, PassFieldContent.value.
VALUE_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "text": lambda value: value,
    "integer": lambda value: value,
    "number": _number,
    "money": _number,
    "date": lambda value: f"{value.isoformat()}T00:00:00Z",
    "datetime": _datetime,
}


def pictures(template: Template) -> tuple[dict[str, bytes], list[Finding]]:
    """Every picture of the template that its style draws, at three scales, by file name.

    A picture that some language has of its own stands in the language folders
    only: one at the top level would win over them all (Apple, Wallet Passes,
    Creating the Pass Source: localised images).
    """
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    sources = _by_language(template)
    for name, languages in sources.items():
        slot = _slot(name, template.kind.style)
        if slot is None:
            continue
        if template.kind.style not in slot["styles"]:
            message = f"{template.kind.style} draws no {name}"
            findings.append(note("picture-not-drawn", f"images/{name}.png", message))
            continue
        folders = {""} if languages.keys() == {""} else {template.language, *template.translations}
        for language in sorted(folders):
            source = languages.get(language) or languages.get("") or languages.get(template.language)
            if source is None:
                message = f"there is no {name} for {language}"
                findings.append(warning("missing-picture", f"images/{language}/{name}.png", message))
                continue
            scaled = _scaled(name, slot, source, findings)
            prefix = f"{language}.lproj/" if language else ""
            files |= {f"{prefix}{file}": data for file, data in scaled.items()}
    if "icon" not in sources:
        hint = "add images/icon@3x.png, 114 x 114 pixels"
        findings.append(
            error("missing-icon", "images/icon@3x.png", "Wallet refuses a pass without an icon", hint)
        )
    return files, findings


def _by_language(template: Template) -> dict[str, dict[str, dict[int, bytes]]]:
    """Picture -> language, "" for all -> scale -> PNG."""
    sources: dict[str, dict[str, dict[int, bytes]]] = {}
    for file, data in sorted(template.images.files.items()):
        split = images.split_name(file)
        if split is None:
            continue
        language, _, name = split[0].rpartition("/")
        sources.setdefault(name, {}).setdefault(language, {})[split[1]] = data
    return sources


def _slot(name: str, style: str) -> Mapping[str, Any] | None:
    """The facts about a picture's slot on a style; None if Apple has no such picture."""
    slot = slots().get(name)
    return None if slot is None else {**slot, **slot.get("by_style", {}).get(style, {})}


def _scaled(
    name: str, slot: Mapping[str, Any], source: Mapping[int, bytes], findings: list[Finding]
) -> dict[str, bytes]:
    """The picture at three scales by file name, or as it was given where no size is published."""
    points = None
    if slot["width"] is not None:
        low, high = slot["width"]
        points = (high if low == high else range(low, high + 1)), slot["height"]
    try:
        scaled = images.scales(source, points=points, mode=slot["mode"], name=name)
    except BundleError as exc:
        findings.append(error(exc.code, f"images/{exc.where}", exc.message))
        return {}
    findings += (replace(finding, where=f"images/{finding.where}") for finding in scaled.report)
    return {images.file_name(name, scale): data for scale, data in scaled.files.items()}


def strings(template: Template, *, bound: bool) -> dict[str, bytes]:
    """The `pass.strings` of every language, by file name.

    The template's own language gets one too: with `de.lproj` alone, Wallet would
    show German to everybody.
    """
    if not template.translations:
        return {}
    texts = list(dict.fromkeys(translatable(template)))
    own = learn_more_label(template.language)
    files = {}
    for language in sorted({template.language, *template.translations}):
        known = template.translations.get(language, {})
        lines = {
            text: known.get(text, text) for text in texts if language == template.language or text in known
        }
        if bound:
            lines[own] = learn_more_label(language)
        files[f"{language}.lproj/pass.strings"] = _strings_file(lines)
    return files


def _strings_file(lines: Mapping[str, str]) -> bytes:
    """Apple asks for UTF-16 as soon as a text is not ASCII; plain ASCII is the same in UTF-8."""
    text = "".join(f'"{_quoted(key)}" = "{_quoted(value)}";\n' for key, value in sorted(lines.items()))
    return text.encode("ascii") if text.isascii() else codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
