"""A stored pass and its template become a pass for the builders."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from passwright.binding.rules import forbid_barcode
from passwright.documents.placeholders import to_text
from passwright.errors import ServiceRefused
from passwright.model.parts import Barcode, Field, Location
from passwright.model.validation import barcodes_of, validate_pass
from passwright.report import has_errors
from passwright.schema.pointers import join_pointer
from passwright.service.templates import template_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.binding.binding import Binding
    from passwright.model.template import Pass, Template
    from passwright.service.store.protocol import StoredPass, StoredTemplate

__all__ = [
    "BarcodeOptions",
    "NfcOptions",
    "PassContent",
    "TemplateFacts",
    "displayed_values",
    "has_barcode",
    "render_bound_pass",
    "render_pass",
    "template_facts",
    "without_barcode",
]

Source = Literal["uuid", "extId", "custom"]

# A field of the pass in the message of a barcode.
PASS_DATA = re.compile(r"%\{passData\.([A-Za-z0-9_-]{1,64})\}")
# The message of a template's barcode that stands for an id of each pass; braces are doubled in templates.
SOURCE_MESSAGES = {"uuid": "%{{uuid}}", "extId": "%{{extId}}"}
# The field that a message to the holder becomes, where the template has none of its own.
MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeOptions:
    """An issuer's options for the barcode of a pass. None leaves it to the template.

    An object without `enabled` is a code as well as one with `enabled` true.
    """

    enabled: bool | None = None
    type: Literal["qr", "code128", "aztec", "pdf417"] | None = None
    source: Source | None = None
    value: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NfcOptions:
    """An issuer's options for the NFC of a pass. None leaves it to the template."""

    enabled: bool | None = None
    source: Source | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassContent:
    """The content that an issuer gives for one pass. Field values are text, numbers or None, as JSON has
    them.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    barcode: BarcodeOptions | None = field(default=None, repr=False)
    nfc: NfcOptions | None = field(default=None, repr=False)
    expires: datetime | None = None
    message: str | None = field(default=None, repr=False)
    locations: tuple[Location, ...] | None = None
    beacons: tuple[Mapping[str, Any], ...] | None = None
    group_tag: str | None = None
    tags: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the content as a store keeps it."""
        members = asdict(self)
        members["values"] = dict(self.values)
        members["expires"] = self.expires.isoformat() if self.expires else None
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> PassContent:
        """Reads what `to_json` wrote."""
        made = dict(members)
        for name, part in (("barcode", BarcodeOptions), ("nfc", NfcOptions)):
            if name in made:
                made[name] = part(**made[name])
        if "expires" in made:
            made["expires"] = datetime.fromisoformat(made["expires"])
        if "locations" in made:
            made["locations"] = tuple(Location(**each) for each in made["locations"])
        for name in ("beacons", "tags"):
            if name in made:
                made[name] = tuple(made[name])
        return cls(**made)


def render_pass(stored: StoredPass, stored_template: StoredTemplate) -> Pass:
    """The pass as builders take it, without a binding. Nothing is checked but the form of values.

    Raises: ServiceRefused: `pass_invalid`, a text that is not a value of its field.
    """
    content = PassContent.from_json(stored.content)
    template = _with_content(template_of(stored_template), content)
    values = _values(template, content)
    barcode = _message(content.barcode, stored)
    if barcode is None and template.barcode is not None:
        ids = {"uuid": stored.id, "extId": stored.ext_id or stored.id}
        found = [ids[name] for name, each in SOURCE_MESSAGES.items() if each == template.barcode.message]
        barcode = found[0] if found else None
    made = template.issue(
        stored.serial,
        values,
        nfc=_message(content.nfc, stored),
        barcode=barcode,
        expires=content.expires,
        # An empty list takes away the template's (RFC 7396).
        apple=None if content.beacons is None else {"beacons": list(content.beacons) or None},
    )
    return _with_fields_in_barcode(made)


def render_bound_pass(stored: StoredPass, stored_template: StoredTemplate, binding: Binding) -> Pass:
    """Renders a pass that was bound before: with its binding, and without a barcode.

    Raises:
        ServiceRefused: as `pass_of`.
    """
    return without_barcode(render_pass(stored, stored_template)).replace(binding=binding)


def _with_content(template: Template, content: PassContent) -> Template:
    """The template with what this pass has besides its values."""
    if content.message is not None and MESSAGE not in template.fields:
        template = _with_message(template)
    if content.locations is not None:
        template = replace(template, locations=content.locations)
    code = content.barcode
    if code is not None and code.enabled is not False and (code.type or code.text or not template.barcode):
        given = template.barcode or Barcode()
        made = replace(given, format=code.type or given.format, text=code.text or given.text)
        template = replace(template, barcode=made)
    return template


@lru_cache(maxsize=64)
def _with_message(template: Template) -> Template:
    """The template with a place for a message; `change` makes phones show it when it is new."""
    message = Field(slot="back", label="Message", change="%@", optional=True)
    return replace(template, fields={**template.fields, MESSAGE: message})


def _values(template: Template, content: PassContent) -> dict[str, Any]:
    values: dict[str, Any] = {}
    broken: dict[str, str] = {}
    given = dict(content.values)
    if content.message is not None:
        given[MESSAGE] = content.message
    for key, value in given.items():
        each = template.fields.get(key)
        try:
            values[key] = each.parse(value) if each is not None and isinstance(value, str) else value
        except ValueError as exc:
            broken[join_pointer("/pass/values", key)] = str(exc)
    if broken:
        raise ServiceRefused("pass_invalid", "a value has the wrong form", pointers=broken)
    return values


def _message(options: BarcodeOptions | NfcOptions | None, stored: StoredPass) -> str | Literal[False] | None:
    if options is None:
        return None
    if options.enabled is False:
        return False
    match options.source:
        case "uuid":
            return stored.id
        case "extId":
            return stored.ext_id or stored.id
        case "custom":
            return options.value
    return options.value


def _with_fields_in_barcode(pass_: Pass) -> Pass:
    """The pass with the values of its fields in the message of its barcode.

    Raises:
        ServiceRefused: `pass_invalid`, the message names a field that the pass has no value for.
    """
    message = pass_.barcode
    names = PASS_DATA.findall(message) if isinstance(message, str) else ()
    values = displayed_values(pass_) if names else {}
    if not message or not values:
        return pass_  # a pass that breaks rules is refused for them
    if any(name not in pass_.template.fields or values[name] is None for name in names):
        rule = "must name fields of the template that have a value in this pass"
        raise ServiceRefused(
            "pass_invalid", "the barcode names a field", pointers={"/pass/barcode/value": rule}
        )
    return pass_.replace(barcode=PASS_DATA.sub(lambda found: to_text(values[found[1]]), message))


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFacts:
    """Facts about a pass that only its template knows.

    `style` is Apple's style key. `nfc` is the message, `barcode` type, message and text of
    what the pass shows; None for a pass without.
    """

    template: str
    style: str
    nfc: str | None = field(default=None, repr=False)
    barcode: tuple[str, str, str | None] | None = field(default=None, repr=False)


def template_facts(stored: StoredPass, stored_template: StoredTemplate, *, bound: bool) -> TemplateFacts:
    """The facts about a stored pass. A pass that does not fit its changed template has no messages."""
    template = template_of(stored_template)
    known = TemplateFacts(template=stored_template.name, style=template.kind.style)
    try:
        rendered = render_pass(stored, stored_template)
    except ServiceRefused:
        return known
    if bound:
        rendered = without_barcode(rendered)
    values, barcode = displayed_values(rendered), rendered.template.barcode
    if not values:
        return known
    has_barcode = barcode is not None and rendered.barcode is not False
    return replace(
        known,
        nfc=values.get("@nfc"),
        barcode=(barcode.format, values["@barcode"], values["@barcode-text"] or None)
        if barcode is not None and has_barcode
        else None,
    )


def displayed_values(pass_: Pass) -> dict[str, Any]:
    """Every value of a pass by name; empty for a pass that breaks rules, as when its template changed."""
    return {} if has_errors([*validate_pass(pass_)]) else pass_.resolved_values()


# --- codes --------------------------------------------------------------------


def has_barcode(pass_: Pass) -> bool:
    """Returns True if the pass, its template, or an override of either contains a barcode."""
    return any(forbid_barcode([*barcodes_of(pass_), *_barcodes_in_overrides(pass_)], bound=True))


def without_barcode(pass_: Pass) -> Pass:
    """The pass with its code left out, whatever it came from.

    A bound pass is rendered like this, since its template may have got a code
    after it was issued. Everywhere else a code on a bound pass is refused, and
    the builders still do so after this.
    """
    if not has_barcode(pass_):
        return pass_
    template = _template_without_barcode(pass_.template)
    apple, google = _overrides_without_barcode(template, pass_.apple, pass_.google)
    return pass_.replace(template=template, barcode=None, apple=apple, google=google)


@lru_cache(maxsize=64)
def _template_without_barcode(template: Template) -> Template:
    apple, google = _overrides_without_barcode(template, template.apple, template.google)
    return replace(template, barcode=None, apple=apple, google=google)


def _barcodes_in_overrides(pass_: Pass) -> Iterator[tuple[str, object]]:
    template = pass_.template
    for apple, google in ((template.apple, template.google), (pass_.apple, pass_.google)):
        for name in _APPLE_BARCODE_MEMBERS:
            yield f"/apple/{name}", apple.get(name)
        for part, resource in _resources(template).items():
            yield from _google_barcode_members(resource, google.get(part))


# Apple, Pass: both members of pass.json that draw a code.
_APPLE_BARCODE_MEMBERS = ("barcode", "barcodes")


def _resources(template: Template) -> dict[str, str]:
    from passwright.google.content import resource_name

    kind = template.kind
    return {"class": resource_name(kind.class_type), "object": resource_name(kind.object_type)}


def _google_barcode_members(resource: str, members: object) -> Iterable[tuple[str, object]]:
    from passwright.google.rules.payload import barcode_locations

    return barcode_locations(resource, members)


def _overrides_without_barcode(
    template: Template, apple: Mapping[str, Any], google: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    uncoded = {name: value for name, value in apple.items() if name not in _APPLE_BARCODE_MEMBERS}
    made = dict(google)
    for part, resource in _resources(template).items():
        for pointer, _ in _google_barcode_members(resource, made.get(part)):
            made[part] = _without_member(made[part], pointer.split("/")[1:])
    return uncoded, made


def _without_member(document: Any, steps: list[str]) -> Any:
    """A copy of the document without the member at these steps."""
    first, *rest = steps
    if isinstance(document, list):
        return [_without_member(each, rest) if str(i) == first else each for i, each in enumerate(document)]
    if not rest:
        return {name: value for name, value in document.items() if name != first}
    return {**document, first: _without_member(document[first], rest)}
