"""Makes the template that a finished third-party pass could have been built from.

Members with a counterpart in the model become that counterpart; the others go into the overrides under
`apple`. Members of one pass only (its serial number, its binding, its update service) are left out, and so
are those that no template can hold; a finding names each.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.apple import personalization
from passwright.apple.build import pass_json
from passwright.apple.build.pass_json import BARCODE_FORMATS, LEARN_MORE, LINK
from passwright.apple.reading.contents import read
from passwright.apple.reading.template_fields import are_equal_values, fields_of, serial_in, unused_key
from passwright.apple.reading.template_overrides import (
    is_default,
    remove_member,
    split_pointer,
    summarize_members,
)
from passwright.apple.reading.template_texts import Texts, language_of
from passwright.apple.rules.layouts import fields as shown_fields
from passwright.apple.rules.layouts import style_of
from passwright.binding.rules import is_bound_payload
from passwright.documents.json_patch import merge
from passwright.documents.json_template import JsonTemplate
from passwright.errors import InvalidInput, TemplateRejected
from passwright.images import fitting, png
from passwright.model.folder import PICTURES
from passwright.model.kinds import KINDS
from passwright.model.parts import Barcode, Colours, Field, Images, Link, Location, Nfc, Personalization
from passwright.model.template import Template
from passwright.model.validation import validate_template
from passwright.report import Finding, Report, Severity, error, note, warning
from passwright.schema.formats import is_hex_color, is_number, is_rgb, is_url
from passwright.schema.pointers import join_pointer, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.apple.reading.contents import Contents
    from passwright.model.kinds import Kind

__all__ = ["template_from_contents", "template_from_pkpass"]

# Members that are given at issue or by the update service.
PER_PASS: Mapping[str, str] = {
    "passTypeIdentifier": "",
    "teamIdentifier": "",
    "serialNumber": "",
    "expirationDate": "give it to each pass: expires=...",
    "voided": "say it of the pass that is void",
    "webServiceURL": "your own service has another address",
    "authenticationToken": "every pass has its own",
    "fidoProfile": "bind each pass: binding=...",
    "issuerBindingData": "bind each pass: binding=...",
}
# Of kinds with one style the first counts, but for what these say.
_USUAL = {"boardingPass": "bus"}
# Taking out one member may leave another without what it needs.
_ROUNDS = 4
_MOST = 10  # links and locations of a template
_NOT_ID = re.compile(r"[^a-z0-9]+")
_FORMATS = {name: ours for ours, name in BARCODE_FORMATS.items()}
_SCHEMES = ("https", "tel", "mailto", "geo")
_COLOURS = {"background": "backgroundColor", "text": "foregroundColor", "label": "labelColor"}


def template_from_pkpass(
    data: bytes, *, name: str | None = None, kinds: Mapping[str, Kind] | None = None
) -> Template:
    """Makes a template out of any .pkpass: the template that the pass could have been built from.

    `name` becomes the id of the template, default the name of the pass. `kinds` are the
    kinds it may have, default `passwright.KINDS`. `template.example(serial)` makes the pass
    again. Texts that the pass translates are fixed, a value that holds the serial number is
    computed, and every other value becomes the example of a field and has to be given at
    issue. Members without a counterpart in a template stand under `apple`, or are left out;
    `template_from_contents` reports them.

    Raises:
        InvalidInput: the pass can't be read.
        TemplateRejected: it has no style of these kinds, or something no template can hold.
    """
    return template_from_contents(read(data), name=name, kinds=kinds)[0]


def template_from_contents(
    contents: Contents, *, name: str | None = None, kinds: Mapping[str, Kind] | None = None
) -> tuple[Template, Report]:
    """The template of a pass, and where it does not say what the pass says.

    `template.example(serial)` is the pass again. `name` becomes the template's id,
    default what the pass is called; `kinds` are the kinds it may have.

    Raises:
        TemplateRejected: the pass has no style of these kinds, or something that keeps it
            from being a template.
    """
    extraction = _Extraction(contents, kinds or KINDS)
    template = extraction.template(name)
    report = Report.from_findings([*contents.report, *extraction.findings, *validate_template(template)])
    if not report.ok:
        raise TemplateRejected(report)
    return template, report


class _Extraction:
    """One pass in the words of one language, and what was found about it so far."""

    def __init__(self, contents: Contents, kinds: Mapping[str, Kind]) -> None:
        self.files = contents.files
        self.texts = Texts(contents.strings)
        self.document: dict[str, Any] = self.texts.spelt_out(contents.document)
        self.serial = contents.serial_number or ""
        self.findings: list[Finding] = [*self.texts.findings]
        self.kind = self._kind(kinds)
        # Pointers of what the template says in words of its own, or leaves to each pass.
        self.said = {f"/{key}" for key in PER_PASS}
        self.fields, self.origins, found = fields_of(
            self.document, self.kind, serial=self.serial, fixed=self.texts.fixed
        )
        self.findings += found

    def template(self, name: str | None) -> Template:
        title = next(filter(None, map(self._text, ("logoText", "organizationName", "description"))), "Pass")
        for key, hint in PER_PASS.items():
            if hint and self.document.get(key):
                self._drop(f"/{key}", "this belongs to one pass", hint)
        self._forget_binding()
        nfc, barcode = self._nfc(), self._barcode()
        bare = Template(
            kind=self.kind,
            id=name or _NOT_ID.sub("-", title.lower()).strip("-")[:64] or "pass",
            organisation=self._text("organizationName") or title,
            name=title,
            description=self._text("description") or title,
            language=self.texts.language,
            colours=Colours(**{ours: self._colour(key) for ours, key in _COLOURS.items()}),
            images=Images(files=dict(self._pictures())),
            # A template has at least one field; this one is shown nowhere.
            fields=self.fields or {"unseen": Field(value="nothing")},
            nfc=nfc,
            barcode=barcode,
            personalization=self._personalization(),
            links=tuple(self._links()),
            locations=self._locations(),
        )
        translations, found = self.texts.translations(bare)
        self.findings += found
        return replace(bare, translations=translations, apple=self._rest(bare))

    def _kind(self, kinds: Mapping[str, Kind]) -> Kind:
        style = style_of(self.document)
        candidates = [kind for kind in kinds.values() if kind.style == style]
        if style is None or not candidates:
            message = f"no kind of pass has the style {style}" if style else "the pass has no style key"
            hint = f"known kinds: {', '.join(kinds)}"
            raise TemplateRejected(Report.from_findings([error("unknown-kind", "pass.json", message, hint)]))
        usual = _USUAL.get(style, "gift_card" if self._has_balance() else "")

        def fits(kind: Kind) -> tuple[bool, bool]:
            members = kind.style_members.items()
            return all(self.document[style].get(k) == v for k, v in members), kind.name == usual

        return max(candidates, key=fits)

    def _has_balance(self) -> bool:
        tags = self.document.get("semantics")
        return isinstance(tags, dict) and "balance" in tags

    def _text(self, key: str) -> str:
        value = self.document.get(key)
        return value if isinstance(value, str) else ""

    def _drop(self, pointer: str, message: str, hint: str = "") -> None:
        self.findings.append(warning("template-drops", f"pass.json#{pointer}", message, hint))

    def _differ(self, pointer: str, message: str) -> None:
        self.findings.append(note("template-differs", f"pass.json#{pointer}", message))

    # --- parts ---

    def _forget_binding(self) -> None:
        """Removes the members of a binding: they are written for each pass that is bound."""
        ours = any(each.get("key") == LEARN_MORE for _, _, each in shown_fields(self.document))
        if ours or is_bound_payload(self.document):
            self.said |= {"/sharingProhibited", "/nfc/requiresAuthentication"}
            message = "the pass is bound to one person, and the template binds nobody"
            self.findings.append(note("template-drops", "pass.json", message, "bind each pass: binding=..."))

    def _colour(self, key: str) -> str | None:
        text = self._text(key)
        if is_rgb(text):
            self.said.add(f"/{key}")
            return f"#{bytes(map(int, re.findall('[0-9]+', text))).hex()}"
        if is_hex_color(text):
            self.said.add(f"/{key}")
            digits = text[1:].lower()
            return f"#{digits}" if len(digits) > len("fff") else f"#{''.join(2 * each for each in digits)}"
        return None

    def _message(self, text: str, key: str) -> str:
        """Returns a message as a template writes it: by the serial number, by a field, or by a new field."""
        if (computed := serial_in(text, self.serial)) is not None:
            return computed
        found = (k for k, each in self.fields.items() if each.type == "text" and each.example == text)
        name = next(found, None)
        if name is None:
            name = unused_key(key, self.fields)
            self.fields[name] = Field(example=text)
        return f"{{{name}}}"

    def _nfc(self) -> Nfc | None:
        found = self.document.get("nfc")
        members = found if isinstance(found, dict) else {}
        message, key = members.get("message"), members.get("encryptionPublicKey")
        if not (isinstance(message, str) and isinstance(key, str) and message and key):
            return None
        self.said |= {"/nfc/message", "/nfc/encryptionPublicKey"}
        return Nfc(message=self._message(message, "nfc"), apple_key=key)

    def _barcode(self) -> Barcode | None:
        """The code that a phone of today draws; a template has one."""
        self.said |= {"/barcode", "/barcodes"}
        listed = self.document.get("barcodes")
        codes = listed if isinstance(listed, list) and listed else [self.document.get("barcode")]
        made: Barcode | None = None
        for index, code in enumerate(codes):
            pointer = f"/barcodes/{index}" if codes is listed else "/barcode"
            if not code:
                continue
            message = code.get("message") if isinstance(code, dict) else None
            form = _FORMATS.get(str(code.get("format"))) if isinstance(code, dict) else None
            if made or not form or not message or not isinstance(message, str):
                self._drop(pointer, "a template has one code, of a format that is known")
                continue
            text = code.get("altText")
            made = Barcode(
                format=form,
                message=self._message(message, "code"),
                text=self._message(text, "code-text") if isinstance(text, str) and text else None,
            )
            if str(code.get("messageEncoding")).lower() != pass_json.encoding(message):
                self._differ(
                    f"{pointer}/messageEncoding", "the encoding of a code is chosen for each message"
                )
        return made

    def _links(self) -> Iterator[Link]:
        """The links that we have written ourselves; those of others stay fields."""
        for pointer, _, each in shown_fields(self.document):
            label, url = each.get("label"), each.get("value")
            if not str(each.get("key")).startswith(LINK):
                continue
            if isinstance(label, str) and label and isinstance(url, str) and is_url(url, _SCHEMES):
                yield Link(label=label, url=url)
            else:
                self._drop(pointer, "this is not a link with a label")

    def _locations(self) -> tuple[Location, ...]:
        listed = self.document.get("locations")
        if not isinstance(listed, list) or len(listed) > _MOST or not all(map(_is_location, listed)):
            return ()
        self.said.add("/locations")
        return tuple(
            Location(latitude=each["latitude"], longitude=each["longitude"], text=each.get("relevantText"))
            for each in listed
        )

    def _personalization(self) -> Personalization | None:
        if personalization.FILE not in self.files:
            return None
        try:
            asked = strict_json.loads_tolerant(
                self.files[personalization.FILE], name=personalization.FILE
            ).value
            names = {theirs: ours for ours, theirs in personalization.FIELDS.items()}
            asked = self.texts.spelt_out(asked)
            return Personalization(
                fields=tuple(names[each] for each in asked["requiredPersonalizationFields"]),
                description=asked["description"],
                terms=asked.get("termsAndConditions"),
            )
        except (InvalidInput, LookupError, TypeError, AttributeError):
            message = "what the sheet for signing up asks can't be read"
            self.findings.append(warning("template-drops", personalization.FILE, message))
            return None

    def _pictures(self) -> Iterator[tuple[str, bytes]]:
        for name, data in self.files.items():
            if name in ("pass.json", "manifest.json", "signature", personalization.FILE):
                continue
            folder, inside, file = name.rpartition(".lproj/")
            if inside and file == "pass.strings":
                continue
            language = language_of(folder) if inside else ""
            if problem := _no_picture(file, data, language):
                self.findings.append(warning("template-drops", printable(name), problem))
            elif language and not _no_picture(file, self.files.get(file, b""), ""):
                message = "everybody sees the picture of this name at the top"
                self.findings.append(warning("template-drops", printable(name), message))
            else:
                yield (f"{language}/{file}" if language else file), data

    # --- what is left ---

    def _rest(self, bare: Template) -> dict[str, Any]:
        """The overrides that make the pass out of a template again; what they can't make is found."""
        example = bare.example(self.serial)
        json_template = JsonTemplate(pass_json.document(bare, example.shape, pass_type="", team=""))
        made = json_template.document(json_template.compute(example.resolved_values()))
        rest = self._without_errors(self._difference(self.document, made, ""), made)
        if rest:
            named = ", ".join(summarize_members(rest))
            message = f"taken to be the same in all passes of the template: {named}"
            hint = "look through [apple] for what belongs to the holder"
            self.findings.append(note("template-guesses", "pass.json", message, hint))
        if "logoText" not in self.document:
            # Merging can't take it out of a file that has no null; an empty one is not drawn.
            rest["logoText"] = ""
        return rest

    def _without_errors(self, rest: dict[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
        """The overrides without what no builder takes: unknown keys, values of a wrong type."""
        for _ in range(_ROUNDS):
            found = [*pass_json.pass_validator().check("Pass", merge(made, rest), place=str)]
            wrong = [
                each
                for each in found
                if each.severity is Severity.ERROR and remove_member(rest, *split_pointer(each.location))
            ]
            for each in wrong:
                self._drop(each.location, f"no builder takes this: {each.message}")
            if not wrong:
                break
        return rest

    def _difference(self, found: Mapping[str, Any], made: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        patch: dict[str, Any] = {}
        for name, value in found.items():
            here = join_pointer(pointer, name)
            there = made.get(name)
            if here in self.said or (name in made and are_equal_values(value, there)):
                continue
            if isinstance(value, dict) and isinstance(there, dict):
                if below := self._difference(value, there, here):
                    patch[name] = below
            elif self._is_slot(here):
                self._compare_slot(there if isinstance(there, list) else [], here)
            elif (sayable := self._sayable(value, here)) is not None:
                patch[name] = sayable
        for name in made.keys() - found.keys():
            here = join_pointer(pointer, name)
            if here not in self.said and not self._is_slot(here):
                self._differ(here, "passes of the template have this besides")
        return patch

    def _is_slot(self, pointer: str) -> bool:
        owner, _, name = pointer.rpartition("/")
        return owner == f"/{self.kind.style}" and name in pass_json.SLOT_NAMES

    def _compare_slot(self, made: list[Any], pointer: str) -> None:
        """A list can't be patched, so what a field has besides is left out."""
        by_key = {each["key"]: each for each in made}
        for key, where in self.origins.items():
            if not where.startswith(f"{pointer}/"):
                continue
            found = self.document[self.kind.style][pointer.rpartition("/")[2]][int(where.rpartition("/")[2])]
            mine = by_key[key]
            for name, value in found.items():
                if (
                    name != "key"
                    and not is_default(name, value)
                    and not are_equal_values(value, mine.get(name))
                ):
                    self._drop(join_pointer(where, name), "a field of a template has no word for this")
            for name in mine.keys() - found.keys():
                self._differ(join_pointer(where, name), "the field of a template has this besides")

    def _sayable(self, value: Any, pointer: str) -> Any:
        """A value as an override can say it: TOML has no null, and merging takes it for "leave out"."""
        if value is None:
            self._drop(pointer, "this is null, which an override can't say")
            return None
        if isinstance(value, dict):
            made = {name: self._sayable(each, join_pointer(pointer, name)) for name, each in value.items()}
            return {name: each for name, each in made.items() if each is not None}
        if isinstance(value, list):
            items = [self._sayable(each, join_pointer(pointer, index)) for index, each in enumerate(value)]
            return [each for each in items if each is not None]
        return value


def _is_location(each: Any) -> bool:
    if not isinstance(each, dict) or not each.keys() <= {"latitude", "longitude", "relevantText"}:
        return False
    latitude: Any = each.get("latitude")
    longitude: Any = each.get("longitude")
    text = each.get("relevantText")
    return (
        is_number(latitude)
        and is_number(longitude)
        and abs(latitude) <= 90  # noqa: PLR2004  # degrees
        and abs(longitude) <= 180  # noqa: PLR2004
        and (text is None or (isinstance(text, str) and text != ""))
    )


def _no_picture(file: str, data: bytes, language: str | None) -> str:
    """Returns the reason why a file is not an image of a template, "" if it is one."""
    split = fitting.split_name(file)
    if split is None or split[0] not in PICTURES:
        return "a template has no such file"
    if language is None:
        return "the folder is named after no language"
    try:
        png.check_png(data, name=file)
    except InvalidInput as exc:
        return f"the picture can't be taken over: {exc.message}"
    return ""
