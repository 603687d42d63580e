"""The models of a template as the public API has it, and the files of a template folder from them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from passwright.model import folder, parts, template
from passwright.model.kinds import KINDS
from passwright.report import warning
from passwright.service.rendering import PASS_DATA, SOURCE_MESSAGES
from passwright.service.templates import Upload
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.models import Beacons, Places, RequestModel, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.report import Finding

__all__ = ["PICTURES", "PassTemplateBody", "parts_of", "pictures_of", "upload_of"]

Slot = Literal["header", "primary", "secondary", "auxiliary", "back"]
_ORDINALS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_SLOTS: Mapping[str, Slot] = {
    "header": "header",
    "central": "primary",
    "details": "secondary",
    "back": "back",
}
# Apple, Pass: secondaryFields show up to four.
_MAX_SECONDARY = 4
_KINDS = {"generic": "generic", "loyalty": "loyalty", "eventTicket": "event"}
_TRANSIT_KINDS = {"bus": "bus", "train": "train", "ferry": "ferry"}
# Means of transport without a kind of their own: Apple's type; Google has OTHER.
_OTHER_TRANSIT = {"airplane": "PKTransitTypeAir", "other": "PKTransitTypeGeneric"}
# The text before the first delimiter and after the last, and far more parts than there are.
_MAX_CHUNKS = 20
PICTURES = ("banner", "logo", "icon", "watermark")
# A file name for each wallet: Apple's at triple size, Google's at any.
_FILES = {"logo": ("logo@3x.png", "program-logo.png"), "icon": ("icon@3x.png",), "banner": ("hero.png",)}
_BANNERS = {"storeCard": "strip@3x.png", "eventTicket": "strip@3x.png"}
_WATERMARKS = {"generic": "thumbnail@3x.png", "boardingPass": "footer@3x.png"}

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Colour = Annotated[str, StringConstraints(pattern="^#[0-9A-Fa-f]{6}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Ordinal = Annotated[str, StringConstraints(pattern=f"^({'|'.join(_ORDINALS)})$")]


class TemplateField(RequestModel):
    """A field. Without a default value passes may leave it out."""

    id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")]
    label: Annotated[str, StringConstraints(max_length=200)] = ""
    default_value: Text | None = None
    localisation: dict[Language, Name] = Field(
        default_factory=dict, max_length=50, description="The label by languages (BCP 47)."
    )


Group = Annotated[dict[Ordinal, TemplateField], Field(max_length=len(_ORDINALS))]


class TemplateFields(RequestModel):
    """Fields by where a pass shows them, `one` first."""

    header: Group = Field(default_factory=dict)
    central: Group = Field(default_factory=dict)
    details: Group = Field(default_factory=dict)
    back: Group = Field(default_factory=dict)

    def in_order(self) -> Iterator[tuple[Slot, TemplateField]]:
        """Each field with its slot."""
        for group, slot in _SLOTS.items():
            members: dict[str, TemplateField] = getattr(self, group)
            for index, name in enumerate(sorted(members, key=_ORDINALS.index)):
                full = slot == "secondary" and index >= _MAX_SECONDARY
                yield "auxiliary" if full else slot, members[name]

    @model_validator(mode="after")
    def _unique(self) -> TemplateFields:
        names = [each.id for _, each in self.in_order()]
        if len(names) != len(set(names)) or "serial" in names:
            raise PydanticCustomError("ids", "has to have fields with different ids, none of them serial")
        return self


class TemplateColors(RequestModel):
    """Colours as `#rrggbb`."""

    background: Colour | None = None
    label: Colour | None = None
    text: Colour | None = None


class TemplateImages(RequestModel):
    """Pictures as PNG in base64; a multipart request has them as parts."""

    banner: str | None = None
    logo: str | None = None
    icon: str | None = Field(None, description="Default: the logo.")
    watermark: str | None = Field(None, description="Apple alone draws it, on generic and transit passes.")
    url: Annotated[str, StringConstraints(pattern="^https://.+/$", max_length=500)] | None = Field(
        None, description="Where Google fetches hero.png and program-logo.png from. This service never does."
    )


class TemplateBarcode(RequestModel):
    """The barcode of passes that have none of their own."""

    enabled: bool = True
    type: Literal["qr", "qrCode", "code128", "aztec", "pdf417"] = "qr"
    source: Literal["uuid", "extId", "custom"] = "uuid"
    value: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = Field(
        None, description="With the source custom. `%{passData.FIELD}` stands for the value of that field."
    )
    display_text: Annotated[str, StringConstraints(max_length=200)] | None = None

    @model_validator(mode="after")
    def _custom_has_a_value(self) -> TemplateBarcode:
        if (self.source == "custom") != (self.value is not None):
            raise PydanticCustomError("custom", "has to have a value with the source custom, and only then")
        return self


class TemplateNfc(RequestModel):
    """The NFC of passes: the readers' keys, which no wallet does without."""

    apple_key: str | None = Field(None, max_length=500)
    google_issuers: list[Annotated[str, StringConstraints(pattern="^[0-9]{1,19}$")]] = Field(
        default_factory=list, max_length=20
    )


class PassTemplate(RequestModel):
    """A template as the public API has it."""

    name: Name
    template_type: Literal["generic", "loyalty", "eventTicket", "transit"]
    transit_type: Literal["airplane", "bus", "train", "ferry", "other"] | None = None
    default_language: Language = "en"
    central_title: Name | None = Field(None, description="The title that wallets show. Default: the name.")
    notification_header: Name | None = Field(
        None, description="Who notifications are from. Default: the organisation."
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    colors: TemplateColors = Field(default_factory=TemplateColors)
    images: TemplateImages = Field(default_factory=lambda: TemplateImages.model_validate({}))
    fields: TemplateFields
    app_linking: dict[str, Any] | None = Field(
        None, description="Accepted and not used; a finding reports it."
    )
    barcode: TemplateBarcode | None = None
    nfc: TemplateNfc | None = Field(None, description="Ours: without it passes of the template have no NFC.")
    locations: Places = Field(default_factory=list)
    beacons: Beacons = Field(default_factory=list)

    @model_validator(mode="after")
    def _transit(self) -> PassTemplate:
        if self.transit_type is not None and self.template_type != "transit":
            raise PydanticCustomError("transit", "has to have a transitType with the type transit only")
        return self


class PassTemplateBody(RequestModel):
    """A template with everything but, in a multipart request, its pictures."""

    pass_template: PassTemplate


def parts_of(body: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a multipart/form-data body by name (RFC 7578).

    Raises:
        ErrorAnswer: it has no boundary, or a part without a name or with one that was there before.
    """
    boundary = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1"), policy=policy.HTTP)
    delimiter = boundary.get_boundary()
    # Every delimiter comes after a line break, the first one but for bodies that start with it.
    chunks = (b"\r\n" + body).split(b"\r\n--" + (delimiter or "").encode("latin-1"))
    parts: dict[str, bytes] = {}
    # A body of a million parts must not be worth a million headers.
    for chunk in chunks[1:-1] if len(chunks) <= _MAX_CHUNKS else [b""]:
        head, _, content = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = message_from_bytes(head, policy=policy.HTTP).get_param("name", None, "content-disposition")
        if not isinstance(name, str) or name in parts:
            break
        parts[name] = content
    else:
        if delimiter and parts and chunks[-1].startswith(b"--"):
            return parts
    raise HTTPProblem.of("malformed_body", "this is not multipart/form-data as RFC 7578 has it")


def pictures_of(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pictures among the parts of a multipart body.

    Raises:
        ErrorAnswer: a part is neither the template nor a picture.
    """
    names = {f"images[{name}]": name for name in PICTURES} | {name: name for name in PICTURES}
    if any(name not in names for name in parts):
        detail = f"parts are passTemplate and the pictures {', '.join(PICTURES)}"
        raise HTTPProblem.of("invalid_member", detail)
    return {names[name]: data for name, data in parts.items()}


def upload_of(
    pass_template: PassTemplate, *, organisation: str, template_id: str, pictures: Mapping[str, bytes]
) -> Upload:
    """The files of a template folder. `template_id` names Google's class.

    Raises:
        ErrorAnswer: a picture is not base64.
        TemplateRejected: the template breaks rules.
    """
    findings: list[Finding] = []
    if pass_template.app_linking:
        message = "app linking is not used: a template folder sets associatedStoreIdentifiers and appLinkData"
        findings.append(warning("unused-member", "passTemplate#/appLinking", message))
    made = template.Template(
        id=template_id,
        organisation=pass_template.notification_header or organisation,
        name=pass_template.central_title or pass_template.name,
        description=pass_template.description or pass_template.name,
        language=pass_template.default_language,
        colours=parts.Colours(**pass_template.colors.model_dump()),
        fields=_fields(pass_template),
        nfc=_nfc(pass_template.nfc),
        barcode=_barcode(pass_template.barcode),
        locations=tuple(parts.Location(**each.model_dump()) for each in pass_template.locations),
        translations=_translations(pass_template),
        **_kind(pass_template),
    )
    files = _pictures(_pictures_of_images(pass_template.images) | dict(pictures), made.kind.style, findings)
    made = replace(made, images=parts.Images(files=files, url=pass_template.images.url))
    return Upload(files=folder.to_files(made), name=pass_template.name, findings=tuple(findings))


def _kind(pass_template: PassTemplate) -> dict[str, Any]:
    """The kind of the template, and overrides for what no kind has."""
    apple: dict[str, Any] = {}
    google: dict[str, Any] = {}
    if pass_template.beacons:
        apple["beacons"] = [
            each.model_dump(by_alias=True, exclude_none=True) for each in pass_template.beacons
        ]
    kind = _KINDS.get(pass_template.template_type)
    if kind is None:
        means = pass_template.transit_type or "other"
        kind = _TRANSIT_KINDS.get(means, "bus")
        if means in _OTHER_TRANSIT:
            apple["boardingPass"] = {"transitType": _OTHER_TRANSIT[means]}
            google["class"] = {"transitType": "OTHER"}
    return {"kind": KINDS[kind], "apple": apple, "google": google}


def _fields(pass_template: PassTemplate) -> dict[str, parts.Field]:
    value = pass_template.barcode.value if pass_template.barcode and pass_template.barcode.enabled else None
    in_barcode = set(PASS_DATA.findall(value or ""))
    made: dict[str, parts.Field] = {}
    for slot, each in pass_template.fields.in_order():
        default = each.default_value
        # A pass without the value would have half a barcode.
        optional = default is None and each.id not in in_barcode
        made[each.id] = parts.Field(label=each.label, slot=slot, default=default, optional=optional)
    return made


def _barcode(pass_template: TemplateBarcode | None) -> parts.Barcode | None:
    if pass_template is None or not pass_template.enabled:
        return None
    if pass_template.value is None:
        message = SOURCE_MESSAGES[pass_template.source]
    else:
        # Between the matches stand their groups, the names of fields.
        texts = PASS_DATA.split(pass_template.value)
        message = "".join(
            f"{{{each}}}" if index % 2 else _escape_placeholders(each) for index, each in enumerate(texts)
        )
    kind = "qr" if pass_template.type == "qrCode" else pass_template.type
    text = None if pass_template.display_text is None else _escape_placeholders(pass_template.display_text)
    return parts.Barcode(format=kind, message=message, text=text)


def _escape_placeholders(text: str) -> str:
    """A text that holds no placeholder."""
    return text.replace("{", "{{").replace("}", "}}")


def _nfc(pass_template: TemplateNfc | None) -> parts.Nfc | None:
    if pass_template is None:
        return None
    return parts.Nfc(apple_key=pass_template.apple_key, google_issuers=tuple(pass_template.google_issuers))


def _translations(pass_template: PassTemplate) -> dict[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = {}
    for _, each in pass_template.fields.in_order():
        for language, label in each.localisation.items():
            if each.label and language != pass_template.default_language:
                made.setdefault(language, {})[each.label] = label
    return made


def _pictures_of_images(images: TemplateImages) -> dict[str, bytes]:
    made = {}
    for name in PICTURES:
        text = getattr(images, name)
        if text is None:
            continue
        try:
            made[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            detail = (
                "this member has to be a PNG in base64 (RFC 4648 section 4): nothing is fetched from a URL"
            )
            raise HTTPProblem.of("invalid_member", detail, pointer=f"/passTemplate/images/{name}") from None
    return made


def _pictures(pass_template: Mapping[str, bytes], style: str, findings: list[Finding]) -> dict[str, bytes]:
    """The pictures by their names in a template folder."""
    files = {
        file: pass_template[name] for name, names in _FILES.items() if name in pass_template for file in names
    }
    if "logo" in pass_template and "icon" not in pass_template:
        files["icon@3x.png"] = pass_template["logo"]
    if "banner" in pass_template and style in _BANNERS:
        files[_BANNERS[style]] = pass_template["banner"]
    if "watermark" in pass_template and style in _WATERMARKS:
        files[_WATERMARKS[style]] = pass_template["watermark"]
    elif "watermark" in pass_template:
        message = "no wallet draws a watermark on passes of this type"
        findings.append(warning("unused-member", "passTemplate#/images/watermark", message))
    return files
