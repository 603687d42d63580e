"""The models of requests: documents of the OpenAPI description.

Requests are read strictly: a text is not a number, an unknown member is a mistake.
The values of a template's fields stand directly under `pass`, or in `pass.values`.
Only the use cases know the template, so they refuse members that are not fields of it.
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

from passwright.binding.binding import MAX_URL
from passwright.model.folder import API_MEMBERS
from passwright.model.parts import Location
from passwright.service.rendering import BarcodeOptions, NfcOptions, PassContent
from passwright.service.transitions import EXT_ID
from passwright.times import is_aware

__all__ = [
    "BINDING",
    "Beacons",
    "CreateBody",
    "ExtId",
    "PassBody",
    "Places",
    "RequestModel",
    "TemplateBody",
    "Text",
    "UpdateBody",
]

# Apple, Pass: locations, "up to 10"; Google shows as many.
MAX_LOCATIONS = 10
# Apple, Pass: beacons, "up to 10".
MAX_BEACONS = 10
MAX_TAGS = 50
MAX_VALUES = 100
MAX_TEXT = 5_000
# Latin letters and digits alone make codes that every scanner reads and text that a chip holds.
MAX_MESSAGE = 512


class RequestModel(BaseModel):
    """An object of a request, read strictly."""

    # Pydantic's messages quote what was sent; ours are made from the kind of mistake alone.
    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


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
    if not is_aware(found) or not 1 < found.year < MAXYEAR:
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
_UUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class _Message(RequestModel):
    enabled: bool | None = None
    source: Source | None = Field(None, description="Where the message comes from; `custom` is `value`.")
    value: Message | None = None

    @model_validator(mode="after")
    def _custom_has_a_value(self) -> _Message:
        if self.source == "custom" and self.value is None:
            raise PydanticCustomError("custom", "with the source custom has to have a value")
        return self


class BarcodeBody(_Message):
    """The barcode of a pass. An object without `enabled: false` is a barcode; `{}` and null are none."""

    value: Message | None = Field(
        None,
        description="`%{passData.FIELD}` in it stands for the value of that field of the pass.",
    )
    type: Annotated[
        Literal["qr", "code128", "aztec", "pdf417"] | None,
        BeforeValidator(lambda value: "qr" if value == "qrCode" else value),
    ] = Field(None, description="`qrCode` is accepted as `qr`.")
    display_text: Text | None = Field(None, description="The text below the barcode.")


class NfcBody(_Message):
    """The NFC message of a pass."""


class LocationBody(RequestModel):
    """A location where the pass is of use."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    text: Text | None = None


class BeaconBody(RequestModel):
    """A Bluetooth beacon near which Apple shows the pass, by the names of Apple's own member."""

    proximity_uuid: Annotated[str, StringConstraints(pattern=f"^{_UUID}$")] = Field(alias="proximityUUID")
    major: int | None = Field(None, ge=0, le=65535)
    minor: int | None = Field(None, ge=0, le=65535)
    relevant_text: Text | None = None


Places = Annotated[list[LocationBody], Field(max_length=MAX_LOCATIONS)]
Beacons = Annotated[list[BeaconBody], Field(max_length=MAX_BEACONS)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=255)]

# Judged by `passwright.binding.binding.parse`, whose rules no schema can state whole.
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


class PassBody(RequestModel):
    """A pass as a request has it. Members of other names are values of the template's fields."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Value] = Field(init=False)

    values: Values = Field(
        default_factory=dict,
        description=(
            "Values by the names of the template's fields. They may as well stand directly in `pass`, "
            "unless a field is called like another member here."
        ),
    )
    barcode: BarcodeBody | None = None
    qr: BarcodeBody | None = Field(None, description="`barcode` of type qr; one of the two.")
    qr_code: BarcodeBody | None = Field(None, description="Another spelling of `qr`.")
    nfc: NfcBody | None = None
    expires_at: Moment | None = None
    message: Text | None = Field(None, description="A message to the holder.")
    locations: Places | None = None
    beacons: Beacons | None = Field(None, description="Apple alone has them.")
    group_tag: Tag | None = Field(None, description="A word of yours; nothing depends on it.")
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] | None = Field(
        None, description="Words of yours; nothing depends on them."
    )

    @model_validator(mode="after")
    def _one_barcode(self) -> PassBody:
        given = [each for each in (self.barcode, self.qr, self.qr_code) if each is not None]
        other = self.barcode is None and given and given[0].type not in (None, "qr")
        if len(given) > 1 or other:
            raise PydanticCustomError("one_code", "has to have barcode or qr, not both; qr is of type qr")
        return self

    @model_validator(mode="after")
    def _few_values(self) -> PassBody:
        if len(self.fields) + len(self.values) > MAX_VALUES:
            raise PydanticCustomError("many", "has to have at most 100 values")
        return self

    @property
    def fields(self) -> dict[str, Any]:
        """Values that stand directly in the pass."""
        return self.__pydantic_extra__ or {}

    @property
    def misplaced_values(self) -> dict[str, str]:
        """Members that cannot stand directly in the pass, each with the rule it breaks."""
        rules = dict.fromkeys(
            self.fields.keys() & self.values.keys(), "is given here and in values: leave one out"
        )
        return rules | dict.fromkeys(self.fields.keys() & API_MEMBERS, "is not known here")

    @property
    def all_values(self) -> dict[str, Any]:
        """Values by the names of fields, wherever they stand."""
        return {**self.values, **self.fields}

    @property
    def barcode_member(self) -> str | None:
        """The name of the member that asks for a barcode."""
        names = {"barcode": self.barcode, "qr": self.qr, "qrCode": self.qr_code}
        return next((name for name, each in names.items() if each is not None), None)

    @property
    def code(self) -> BarcodeOptions | None:
        """The barcode asked for; None leaves it to the template."""
        given = self.barcode or self.qr or self.qr_code
        if given is None or not given.model_fields_set:
            return None
        return BarcodeOptions(
            enabled=given.enabled,
            type=given.type if self.barcode is not None else "qr",
            source=given.source,
            value=given.value,
            text=given.display_text,
        )

    @property
    def asks_for_barcode(self) -> bool:
        """The pass would show a barcode because of this request."""
        return self.code is not None and self.code.enabled is not False

    @property
    def tap(self) -> NfcOptions | None:
        """The NFC message asked for; None leaves it to the template."""
        if self.nfc is None:
            return None
        return NfcOptions(enabled=self.nfc.enabled, source=self.nfc.source, value=self.nfc.value)

    @property
    def places(self) -> tuple[Location, ...] | None:
        """The locations; None leaves them to the template."""
        if self.locations is None:
            return None
        return tuple(
            Location(latitude=each.latitude, longitude=each.longitude, text=each.text)
            for each in self.locations
        )

    @property
    def beacon_members(self) -> tuple[dict[str, Any], ...] | None:
        """The beacons as Apple's members; None leaves them to the template."""
        if self.beacons is None:
            return None
        return tuple(each.model_dump(by_alias=True, exclude_none=True) for each in self.beacons)

    @property
    def all_tags(self) -> tuple[str, ...] | None:
        """The tags, None for none."""
        return None if self.tags is None else tuple(self.tags)


class NewPassBody(PassBody):
    """The pass to create."""

    ext_id: ExtId | None = Field(None, description="Your own id for the pass; works in paths, too.")

    @property
    def content(self) -> PassContent:
        """The content of the pass for the use cases."""
        return PassContent(
            values=self.all_values,
            barcode=self.code,
            nfc=self.tap,
            expires=self.expires_at,
            message=self.message,
            locations=self.places,
            beacons=self.beacon_members,
            group_tag=self.group_tag,
            tags=self.all_tags,
        )


Action = Literal["deactivate", "reactivate"]


class ChangedPassBody(PassBody):
    """Changes to a pass. What is left out stays, null takes it away."""

    pass_action: Action | None = None
    status: Action | None = Field(None, description="Another name of `passAction`; one of the two.")

    @model_validator(mode="after")
    def _one_action(self) -> ChangedPassBody:
        if self.status is not None and self.pass_action is not None:
            raise PydanticCustomError("one_action", "has to have passAction or status, not both")
        return self


class CreateBody(RequestModel):
    """A pass, and whom to bind it to if anyone."""

    pass_: NewPassBody = Field(alias="pass")
    binding: Annotated[Any, WithJsonSchema(BINDING)] = None


class UpdateBody(RequestModel):
    """Changes to a pass."""

    pass_: ChangedPassBody = Field(alias="pass")
    # Known so that it can be refused by a code of its own.
    binding: SkipJsonSchema[Any] = None


def _file_name(name: str) -> str:
    if not 1 <= len(name) <= 200 or name.startswith("/") or ".." in name.split("/"):  # noqa: PLR2004 -- longest name kept
        raise PydanticCustomError("file_name", "has to have names of files inside the folder")
    return name


FileName = Annotated[str, AfterValidator(_file_name)]


class TemplateBody(RequestModel):
    """The files of a template folder: text for `.toml`, base64 for pictures."""

    files: dict[FileName, Annotated[str, StringConstraints(max_length=16 * 2**20)]] = Field(
        min_length=1,
        max_length=300,
        examples=[{"template.toml": 'kind = "loyalty"\n...', "images/icon.png": "iVBORw0KGgo..."}],
    )
