"""What requests hold and what answers look like: the models behind the OpenAPI description.

Requests are read strictly: a text is no number, an unknown member is a mistake.
What needs more than the request to be judged is judged by the use cases.
"""

# Pydantic reads the annotations when the module is imported.
# ruff: noqa: TC002

from __future__ import annotations

from datetime import MAXYEAR, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from passwright.binding import MAX_URL
from passwright.service.rendering import Code, Content, Tap
from passwright.service.steps import EXT_ID
from passwright.template import Location

__all__ = [
    "BINDING",
    "CreateBody",
    "Errors",
    "OnePass",
    "OneTemplate",
    "PassPage",
    "TemplateBody",
    "TemplatePage",
    "UpdateBody",
]

# Apple, Pass: locations, "up to 10"; Google shows as many.
MAX_LOCATIONS = 10
MAX_VALUES = 100
MAX_TEXT = 5_000
# Latin letters and digits alone make codes that every scanner reads and text that a chip holds.
MAX_MESSAGE = 512


class _Request(BaseModel):
    # Pydantic's messages quote what was sent; ours are made from the kind of mistake alone.
    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


# --- parts of requests --------------------------------------------------------


def _moment(value: object) -> datetime:
    wrong = PydanticCustomError("moment", "has to be a time with its offset: 2027-01-01T00:00:00+01:00")
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004 -- RFC 3339 with any fraction of use
        raise wrong
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise wrong from None
    # Elsewhere it is a moment in UTC, which the first and last days of the calendar may not have.
    if found.utcoffset() is None or not 1 < found.year < MAXYEAR:
        raise wrong
    return found


def _value(value: object) -> object:
    """A value, with or without an object around it."""
    if isinstance(value, dict) and value.keys() == {"value"}:
        value = value["value"]
    if not isinstance(value, str | int | float | None):  # bool is an int
        raise PydanticCustomError("value", 'has to be text, a number, true, false, null, or {"value": ...}')
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise PydanticCustomError("value", "has to have at most 5000 characters")
    return value


Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Message = Annotated[str, StringConstraints(min_length=1, max_length=MAX_MESSAGE)]
ExtId = Annotated[str, StringConstraints(pattern=f"^{EXT_ID.pattern}$")]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-01T00:00:00+01:00"]}),
]
_SCALAR = {"type": ["string", "boolean", "number", "null"], "maxLength": MAX_TEXT}
_WRAPPED = {
    "type": "object",
    "properties": {"value": _SCALAR},
    "required": ["value"],
    "additionalProperties": False,
}
Value = Annotated[Any, BeforeValidator(_value), WithJsonSchema({"anyOf": [_SCALAR, _WRAPPED]})]
Values = Annotated[dict[str, Value], Field(max_length=MAX_VALUES)]
Source = Literal["uuid", "extId", "custom"]


class _Message(_Request):
    enabled: bool | None = None
    source: Source | None = Field(None, description="Where the message comes from; `custom` is `value`.")
    value: Message | None = None

    @model_validator(mode="after")
    def _custom_has_a_value(self) -> _Message:
        if self.source == "custom" and self.value is None:
            raise PydanticCustomError("custom", "with the source custom has to have a value")
        return self


class Barcode(_Message):
    """The code of a pass. An object without `enabled: false` is a code; `{}` and null are none."""

    type: Literal["qr", "code128", "aztec", "pdf417"] | None = None
    display_text: Text | None = Field(None, description="The text below the code.")


class Nfc(_Message):
    """What the pass says to a reader."""


class Place(_Request):
    """Where the pass is of use."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    text: Text | None = None


Places = Annotated[list[Place], Field(max_length=MAX_LOCATIONS)]

# Judged by `passwright.binding.parse`, whose rules no schema can state whole.
BINDING: dict[str, Any] = {
    "type": "object",
    "description": "Binds the pass to one person. Never part of an update.",
    "properties": {
        "email": {"type": "string", "format": "email", "minLength": 3, "maxLength": 254},
        "learnMoreUrl": {
            "type": "string",
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]://",
            "maxLength": MAX_URL,
        },
    },
    "required": ["email", "learnMoreUrl"],
    "additionalProperties": False,
}


class _Pass(_Request):
    values: Values = Field(default_factory=dict, description="By the names of the template's fields.")
    barcode: Barcode | None = None
    qr: Barcode | None = Field(None, description="`barcode` of type qr; one of the two.")
    nfc: Nfc | None = None
    expires_at: Moment | None = None
    message: Text | None = Field(None, description="A message to the holder.")
    locations: Places | None = None

    @model_validator(mode="after")
    def _one_code(self) -> _Pass:
        if self.qr is not None and (self.barcode is not None or self.qr.type not in (None, "qr")):
            raise PydanticCustomError("one_code", "has to have barcode or qr, not both; qr is of type qr")
        return self

    @property
    def code(self) -> Code | None:
        """The code asked for; None leaves it to the template."""
        given = self.barcode or self.qr
        if given is None or not given.model_fields_set:
            return None
        kind = "qr" if self.qr is not None else given.type
        return Code(
            enabled=given.enabled,
            type=kind,
            source=given.source,
            value=given.value,
            text=given.display_text,
        )

    @property
    def tap(self) -> Tap | None:
        """The NFC message asked for; None leaves it to the template."""
        if self.nfc is None:
            return None
        return Tap(enabled=self.nfc.enabled, source=self.nfc.source, value=self.nfc.value)

    @property
    def places(self) -> tuple[Location, ...] | None:
        """The locations; None leaves them to the template."""
        if self.locations is None:
            return None
        return tuple(
            Location(latitude=each.latitude, longitude=each.longitude, text=each.text)
            for each in self.locations
        )


class NewPass(_Pass):
    """The pass to create."""

    ext_id: ExtId | None = Field(None, description="Your own id for the pass; works in paths, too.")

    @property
    def content(self) -> Content:
        """What the use cases take."""
        return Content(
            values=self.values,
            barcode=self.code,
            nfc=self.tap,
            expires=self.expires_at,
            message=self.message,
            locations=self.places,
        )


class ChangedPass(_Pass):
    """What changes. What is left out stays, null takes it away."""

    status: Literal["deactivate", "reactivate"] | None = None


class CreateBody(_Request):
    """A pass, and whom to bind it to if anyone."""

    pass_: NewPass = Field(alias="pass")
    binding: Annotated[Any, WithJsonSchema(BINDING)] = None


class UpdateBody(_Request):
    """Changes to a pass."""

    pass_: ChangedPass = Field(alias="pass")
    # Known so that it can be refused by a code of its own.
    binding: SkipJsonSchema[Any] = None


def _file_name(name: str) -> str:
    if not 1 <= len(name) <= 200 or name.startswith("/") or ".." in name.split("/"):  # noqa: PLR2004 -- longest name kept
        raise PydanticCustomError("file_name", "has to have names of files inside the folder")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]


class TemplateBody(_Request):
    """The files of a template folder: text for `.toml`, base64 for pictures."""

    files: dict[FileName, Annotated[str, StringConstraints(max_length=16 * 2**20)]] = Field(
        min_length=1,
        max_length=300,
        examples=[{"template.toml": 'kind = "loyalty"\n...', "images/icon.png": "iVBORw0KGgo..."}],
    )


# --- answers ------------------------------------------------------------------


class Binding(_Answer):
    """How far the binding of a pass got."""

    platform: Literal["google", "apple"] | None = Field(description="Who has the pass; null: nobody yet.")
    bound: bool = Field(description="The platform's restriction is in force.")
    binding_email: str | None = Field(description="The masked address, null once it was purged.")
    learn_more_url: str


class PassAttributes(_Answer):
    """A pass."""

    download_url: str = Field(description="The page for the holder. Who has this link has the pass: keep it.")
    status: Literal["issued", "active", "removed", "deactivated", "nullified"]
    ext_id: str | None
    pass_template: str
    serial_number: str
    version: int = Field(description="Grows with every change; also the ETag.")
    values: dict[str, str | bool | int | float | None]
    message: str | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    binding: Binding | None = Field(None, description="Left out for a pass without a binding.")
    pass_design: dict[str, Any] | None = Field(None, description="With `includePassDesign`.")
    locations: list[dict[str, Any]] | None = Field(None, description="With `includeLocations`.")
    beacons: list[dict[str, Any]] | None = Field(None, description="With `includeBeacons`.")
    google_download_url: str | None = Field(None, description="With `includePassSource=google`.")
    apple_pass_file: str | None = Field(None, description="With `includePassSource=apple`: base64.")


class PassData(_Answer):
    """A pass as JSON:API has it."""

    id: str
    type: Literal["pass"]
    attributes: PassAttributes


class Notifications(_Answer):
    """Whether devices were told of a change."""

    status: Literal["none"]
    message: str


class GoogleForm(_Answer):
    """How a save link carries its pass."""

    form: str = Field(description="What travels in the link: class and object, the object, or its id.")
    requires: dict[str, dict[str, Any]] = Field(
        description="What has to be inserted through Google's API before the link works, by resource."
    )


class PassMeta(_Answer):
    """About the answer."""

    notifications: Notifications | None = None
    google: GoogleForm | None = None


class OnePass(_Answer):
    """One pass."""

    data: PassData
    meta: PassMeta | None = None


class PageMeta(_Answer):
    """Which part of a list this is."""

    page: int
    per_page: int
    total: int = Field(description="How many there are on all pages.")


class PassPage(_Answer):
    """Passes, the newest first."""

    data: list[PassData]
    meta: PageMeta


class TemplateAttributes(_Answer):
    """A template."""

    name: str
    kind: str
    version: int
    created_at: datetime
    updated_at: datetime


class TemplateData(_Answer):
    """A template as JSON:API has it."""

    id: str
    type: Literal["passTemplate"]
    attributes: TemplateAttributes


class Finding(_Answer):
    """Something to look at in a template that is usable all the same."""

    code: str
    severity: str
    where: str
    message: str
    hint: str


class TemplateMeta(_Answer):
    """About the template."""

    findings: list[Finding]
    bound_passes: str = Field(description="What becomes of bound passes where the template shows a code.")


class OneTemplate(_Answer):
    """One template."""

    data: TemplateData
    meta: TemplateMeta | None = None


class TemplatePage(_Answer):
    """Templates, the newest first."""

    data: list[TemplateData]
    meta: PageMeta


class ErrorSource(_Answer):
    """Where it is wrong: one of the three."""

    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="A parameter of the URL.")
    header: str | None = None


class Error(_Answer):
    """One thing that is wrong. Nothing that was sent is repeated."""

    status: str
    code: str = Field(description="Stable; `passwright explain CODE` tells more.")
    title: str
    detail: str
    source: ErrorSource | None = None


class Errors(_Answer):
    """Why a request was refused."""

    errors: list[Error] = Field(min_length=1, max_length=50)
