"""Builds class and object of a pass: Google's payloads as JSON templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from passwright.documents.json_patch import merge, set_at
from passwright.documents.placeholders import Placeholder, compile_text
from passwright.google.losses import find_losses
from passwright.google.schema import payload_schema
from passwright.google.values import TEXT_EXAMPLES, converter_for, display_text, identity
from passwright.images.fitting import SCALES, file_name
from passwright.report import Finding, error, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from passwright.model.kinds import MeaningPaths
    from passwright.model.parts import Field
    from passwright.model.template import Template
    from passwright.schema.model import Member

__all__ = ["PayloadTemplate", "payload", "resource_name"]

# Neutral name -> Google's. walletobjects v1, Barcode.type.
BARCODE_TYPES = {"qr": "QR_CODE", "pdf417": "PDF_417", "aztec": "AZTEC", "code128": "CODE_128"}
# Neutral picture of Google's -> the files it may come from, best first.
PICTURES = {
    "logo": ("program-logo", "logo", "icon"),
    "wide-logo": ("wide-logo",),
    "hero": ("hero",),
}
# Google, CardTemplateOverride: at most three rows; CardRowTemplateInfo: one to three items.
ROWS = (("header", "primary"), ("secondary",), ("auxiliary",))
MAX_ITEMS = 3
# The word that needs no translation: each would cost the save link 60 characters.
LEARN_MORE = "Info"


@dataclass(frozen=True)
class PayloadTemplate:
    """Class and object of a template and a shape, with blanks, and what got lost on the way."""

    class_: dict[str, Any]
    object_: dict[str, Any]
    findings: tuple[Finding, ...]


def resource_name(type_: str) -> str:
    """The schema's name of a resource: `loyaltyClass` is `LoyaltyClass`."""
    return type_[0].upper() + type_[1:]


def payload(template: Template, shape: frozenset[str], *, issuer_id: str | None) -> PayloadTemplate:
    """Google's class and object for passes of this shape. See `Pass.shape`.

    Without an `issuer_id` (nobody knows yet who issues) ids start with 0.
    """
    return _PayloadAssembly(template, shape, issuer_id or "0").assemble()


@dataclass
class _PayloadAssembly:
    """The two documents while they are put together."""

    template: Template
    shape: frozenset[str]
    issuer_id: str
    documents: dict[str, dict[str, Any]] = field(default_factory=lambda: {"class": {}, "object": {}})
    findings: list[Finding] = field(default_factory=list)
    # Field key -> its place; where two meanings share one of Google's, the first field has it.
    assigned: dict[str, MeaningPaths] = field(default_factory=dict)

    def assemble(self) -> PayloadTemplate:
        template, class_, object_ = self.template, self.documents["class"], self.documents["object"]
        name = compile_text(template.google_class or template.id.replace("{", "{{"))
        class_["id"] = self._id(name)
        if "reviewStatus" in payload_schema().objects[resource_name(template.kind.class_type)]:
            class_["reviewStatus"] = "UNDER_REVIEW"
        object_ |= {"id": self._id(compile_text("{serial}")), "classId": class_["id"], "state": "ACTIVE"}
        for path, value in self.template.kind.constants.items():
            self._put(path, value)
        if template.barcode is not None or "@barcode" in self.shape:
            for path, value in self.template.kind.with_barcode.items():
                self._put(path, value)
        self._add_texts_and_pictures()
        self._assign_members()
        for key, each in template.fields.items():
            self._add_field(key, each)
        self._add_rows()
        self._add_links()
        self._add_locations()
        self._add_nfc_and_barcode()
        self._add_validity_and_binding()
        self.findings += find_losses(template, self.assigned)
        class_ = merge(class_, template.google.get("class", {}))
        object_ = merge(object_, template.google.get("object", {}))
        return PayloadTemplate(class_, object_, tuple(self.findings))

    def _id(self, name: str | Placeholder) -> str | Placeholder:
        """Google, ids of classes and objects: issuer id, a dot, letters, digits, `.`, `_`, `-`."""
        if isinstance(name, str):
            return f"{self.issuer_id}.{name}"
        prefix, fill = self.issuer_id, name.compute
        if name.copies == "serial":
            return Placeholder(lambda values: f"{prefix}.{values['serial']}", "serial")
        return Placeholder(lambda values: f"{prefix}.{fill(values)}", *name.reads)

    def _put(self, path: str, value: Any) -> None:
        """Set `object.loyaltyPoints.balance` and the like."""
        root, _, below = path.partition(".")
        set_at(self.documents[root], below, value)

    def _member_at(self, path: str) -> Member | None:
        """Returns the member of the schema at a path; None if the schema has no such member."""
        root, *steps = path.split(".")
        kind = self.template.kind
        owner, key = resource_name(kind.class_type if root == "class" else kind.object_type), None
        for step in steps:
            key = payload_schema().objects.get(owner, {}).get(step)
            if key is None:
                return None
            owner = key.types[0]
        return key

    def _is_localized(self, path: str) -> bool:
        key = self._member_at(path)
        return key is not None and key.types[0] == "LocalizedString"

    def _localize(self, text: str) -> dict[str, Any]:
        """A LocalizedString with every translation of a text."""
        translations = self._translations(text)
        made: dict[str, Any] = {"defaultValue": {"language": self.template.language, "value": text}}
        if translations:
            made["translatedValues"] = [
                {"language": language, "value": value} for language, value in translations.items()
            ]
        return made

    def _translations(self, text: str) -> dict[str, str]:
        return {
            language: texts[text]
            for language, texts in self.template.translations.items()
            if texts.get(text, text) != text
        }

    def _put_text(self, path: str, text: str, pointer: str, *, required: bool = False) -> None:
        """A constant text of the template, in the member for translated texts where there are any.

        The plain member is left out then unless Google asks for it: the
        localized one wins, and a link has room for one only.
        """
        if self._is_localized(path):
            self._put(path, self._localize(text))
            return
        head, _, last = path.rpartition(".")
        twin = f"{head}.localized{last[0].upper()}{last[1:]}"
        languages = self._translations(text)
        translated = bool(languages) and self._member_at(twin) is not None
        if translated:
            self._put(twin, self._localize(text))
        elif languages:
            message = f"Google has one text for all languages at {path}, so {', '.join(languages)} is lost"
            self._report_loss("google-drops", self._location(pointer), message)
        if required or not translated:
            self._put(path, text)

    def _add_texts_and_pictures(self) -> None:
        template, places = self.template, self.template.kind.google
        for name, text in (("organisation", template.organisation), ("name", template.name)):
            for path in _target_paths(places.get(name)):
                self._put_text(path, text, f"/{name}", required=True)
        if template.colours.background:
            for path in _target_paths(places.get("background")):
                self._put(path, template.colours.background)
        for name, files in PICTURES.items():
            for path in _target_paths(places.get(name)):
                self._add_picture(path, files)

    def _add_picture(self, path: str, candidates: Iterable[str]) -> None:
        template = self.template
        best, *_ = candidates
        for name in candidates:
            file = next(
                (file_name(name, s) for s in reversed(SCALES) if file_name(name, s) in template.images.files),
                None,
            )
            if file is None:
                continue
            if template.images.url is None:
                hint = 'add images = { url = "https://..." }'
                message = "Google fetches pictures from the web, and the template has no address for them"
                self.findings.append(
                    error("missing-image-url", f"{template.source}#/images/url", message, hint)
                )
                return
            image: dict[str, Any] = {"sourceUri": {"uri": f"{template.images.url}{file}"}}
            if template.images.alt:
                image["contentDescription"] = self._localize(template.images.alt)
            self._put(path, image)
            if name != best:
                message = f"{path} is {file}, there is no {best}.png"
                self._report_loss("google-guesses", f"images/{file}", message)
            return

    def _assign_members(self) -> None:
        """Assigns each of Google's members to one field; later fields become text modules."""
        owners: dict[str, str] = {}
        for key, each in self.template.fields.items():
            place = self.template.kind.meanings.get(each.means or "")
            if place is None or place.google is None or self._is_title(key):
                continue
            owner = owners.setdefault(place.google, key)
            if owner == key:
                self.assigned[key] = place
            elif each.slot is not None:
                message = f"{owner} stands where Google would show {key}, which is a text instead"
                self._report_loss("google-changes", self._location(f"/fields/{key}"), message)

    def _add_field(self, key: str, each: Field) -> None:
        place, there = self.assigned.get(key), key in self.shape
        if self._is_title(key):
            self._add_title(key, each)
        elif place is not None and place.google is not None:
            if there:
                self._put_value(place.google, key, each)
            # A class is shared by passes with the field and passes without it.
            label = place.google_label or ""
            if each.label and label and (there or label.startswith("class.")):
                self._put_text(label, each.label, f"/fields/{key}/label")
        elif each.slot is not None and there:
            self._add_text_module(key, each)

    def _is_title(self, key: str) -> bool:
        """The first primary field is the title where the vertical has room for one."""
        fields = self.template.fields
        primary = next((name for name, each in fields.items() if each.slot == "primary"), None)
        return self.template.kind.title is not None and key == primary

    def _add_title(self, key: str, each: Field) -> None:
        kind = self.template.kind
        if kind.title and key in self.shape:
            self._put_value(kind.title, key, each)
        if kind.title_label and each.label:
            self._put_text(kind.title_label, each.label, f"/fields/{key}/label")

    def _put_value(self, path: str, key: str, each: Field) -> None:
        """A field's value, in the form that the schema asks for at this path."""
        facts = self._member_at(path)
        if facts is None:
            raise LookupError(f"kind {self.template.kind.name} puts {key} at {path}, which Google has not")
        if facts.types[0] == "LoyaltyPointsBalance" and each.type == "integer":
            # A balance has one member. Which one is known, so that the number alone is open.
            path, facts = f"{path}.int", payload_schema().objects[facts.types[0]]["int"]
        form = converter_for(facts, each)
        if path in _target_paths(self.template.kind.google.get("name")) and each.value != self.template.name:
            message = f"Google shows {key} where the name would stand"
            self._report_loss("google-drops", self._location("/name"), message)
        if form is None:
            form = partial(display_text, each)
            self._report_reworded(key, each)
        elif each.type == "datetime" and facts.keywords.get("format") == "local-datetime":
            message = f"Google gets {key} as local time, and takes the zone of the airport"
            self._report_loss("google-changes", self._location(f"/fields/{key}"), message)
        if each.is_constant and each.type == "text" and isinstance(form, partial):
            required = bool(facts.keywords.get("required"))
            self._put_text(path, each.value, f"/fields/{key}/value", required=required)
            return
        made = form(each.value) if each.is_constant else _text_placeholder(key, each, form)
        if self._is_localized(path):
            made = {"defaultValue": {"language": self.template.language, "value": made}}
        self._put(path, made)

    def _add_text_module(self, key: str, each: Field) -> None:
        """A field without a place of its own: constant text in the class, the rest in the object."""
        module: dict[str, Any] = {"id": key}
        root = "class" if each.is_constant else "object"
        if each.label:
            self._set_module_text(module, "header", each.label)
        if each.is_constant:
            self._set_module_text(module, "body", display_text(each, each.value))
        else:
            module["body"] = _text_placeholder(key, each, partial(display_text, each))
        self.documents[root].setdefault("textModulesData", []).append(module)
        self._report_reworded(key, each)

    def _report_reworded(self, key: str, each: Field) -> None:
        if each.type in TEXT_EXAMPLES:
            message = f"{key} is a text on Google, written as {TEXT_EXAMPLES[each.type]}"
            self._report_loss("google-changes", self._location(f"/fields/{key}"), message)

    def _set_module_text(self, module: dict[str, Any], member: str, text: str) -> None:
        if self._translations(text):
            module[f"localized{member.title()}"] = self._localize(text)
        else:
            module[member] = text

    def _add_rows(self) -> None:
        """The front of the card: header, secondary and auxiliary fields, a row each."""
        rows = []
        for slots in ROWS:
            paths = [
                self._field_path(key, each)
                for key, each in self.template.fields.items()
                if each.slot in slots and not self._is_title(key)
            ]
            for path in paths[MAX_ITEMS:]:
                message = f"{path} has no room on the card's front"
                self._report_loss("google-changes", self._location("/fields"), message)
            items = [{"firstValue": {"fields": [{"fieldPath": path}]}} for path in paths[:MAX_ITEMS]]
            if items:
                rows.append(_row(items))
        if rows:
            self.documents["class"]["classTemplateInfo"] = {
                "cardTemplateOverride": {"cardRowTemplateInfos": rows}
            }

    def _field_path(self, key: str, each: Field) -> str:
        place = self.assigned.get(key)
        if place is not None and place.google is not None:
            return place.google
        return f"{'class' if each.is_constant else 'object'}.textModulesData['{key}']"

    def _add_links(self) -> None:
        uris = []
        for index, link in enumerate(self.template.links):
            uri: dict[str, Any] = {"uri": link.url, "id": f"link-{index}"}
            if self._translations(link.label):
                uri["localizedDescription"] = self._localize(link.label)
            else:
                uri["description"] = link.label
            uris.append(uri)
        if uris:
            self.documents["class"]["linksModuleData"] = {"uris": uris}
        if "@binding" in self.shape:
            url = Placeholder.copying("@learn-more")
            uri = {"uri": url, "description": LEARN_MORE}
            self.documents["object"]["linksModuleData"] = {"uris": [uri]}

    def _add_locations(self) -> None:
        if self.template.locations:
            self.documents["class"]["merchantLocations"] = [
                {"latitude": each.latitude, "longitude": each.longitude} for each in self.template.locations
            ]

    def _add_nfc_and_barcode(self) -> None:
        class_, object_, nfc = self.documents["class"], self.documents["object"], self.template.nfc
        if nfc is not None and nfc.google_issuers:
            # The class is shared, so it is the same with and without NFC in the pass.
            class_["enableSmartTap"] = True
            class_["redemptionIssuers"] = list(nfc.google_issuers)
            if "@nfc" in self.shape:
                object_["smartTapRedemptionValue"] = Placeholder.copying("@nfc")
                if nfc.google_constraint:
                    object_["passConstraints"] = {"nfcConstraint": list(nfc.google_constraint)}
        if "@barcode" in self.shape:
            code = self.template.barcode
            kind = BARCODE_TYPES[code.format if code else "qr"]
            text = bool(code and code.text)
            object_["barcode"] = Placeholder(
                lambda values: _barcode(kind, values, text=text), "@barcode", "@barcode-text"
            )

    def _add_validity_and_binding(self) -> None:
        class_, object_ = self.documents["class"], self.documents["object"]
        if "@expires" in self.shape:
            end = Placeholder(lambda values: values["@expires"].isoformat(timespec="seconds"), "@expires")
            object_["validTimeInterval"] = {"end": {"date": end}}
        if "@binding" in self.shape:
            # First saver only, on all own devices: needs no access from Google, and
            # stands beside the restriction, which bites at save only.
            class_["multipleDevicesAndHoldersAllowedStatus"] = "ONE_USER_ALL_DEVICES"
            digest = Placeholder.copying("@email-sha256")
            object_["saveRestrictions"] = {"restrictToEmailSha256": digest}

    def _report_loss(self, code: str, where: str, message: str) -> None:
        self.findings.append(note(code, where, message))

    def _location(self, pointer: str) -> str:
        return f"{self.template.source}#{pointer}"


def _target_paths(place: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (place,) if isinstance(place, str) else place or ()


def _row(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Google, CardRowTemplateInfo: exactly one of three shapes."""
    match items:
        case [item]:
            return {"oneItem": {"item": item}}
        case [start, end]:
            return {"twoItems": {"startItem": start, "endItem": end}}
        case [start, middle, end]:
            return {"threeItems": {"startItem": start, "middleItem": middle, "endItem": end}}
    raise AssertionError(items)


def _text_placeholder(key: str, each: Field, form: Callable[[Any], Any]) -> Placeholder:
    # A value that is text already is written unchanged in every text type.
    if each.type == "text" and isinstance(form, partial):
        return Placeholder.copying(key)
    if form is identity:
        return Placeholder(itemgetter(key), key)
    return Placeholder(lambda values: form(values[key]), key)


def _barcode(kind: str, values: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    message = values["@barcode"]
    made = {"type": kind, "value": message}
    if text:
        made["alternateText"] = values["@barcode-text"]
    if kind == "QR_CODE" and not message.isascii():
        made["renderEncoding"] = "UTF_8"
    return made
