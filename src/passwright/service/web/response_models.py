"""The models of answers: documents of the OpenAPI description."""

# Pydantic reads the annotations when the module is imported.
# ruff: noqa: TC003

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["Errors", "OnePass", "OneTemplate", "PassPage", "TemplatePage"]


class _ResponseModel(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class BindingAttributes(_ResponseModel):
    """The binding status of a pass."""

    platform: Literal["google", "apple"] | None = Field(description="Who has the pass; null: nobody yet.")
    bound: bool = Field(description="The platform's restriction is in force.")
    binding_email: str | None = Field(description="The masked address, null once it was purged.")
    learn_more_url: str


class NoBarcode(_ResponseModel):
    """A pass that shows no barcode."""


class BarcodeAttributes(_ResponseModel):
    """The barcode that a pass shows."""

    enabled: Literal[True]
    type: Literal["qr", "code128", "aztec", "pdf417"]
    source: Literal["uuid", "extId", "custom"]
    value: str = Field(description="What a scanner reads.")
    display_text: str | None


class PassAttributes(_ResponseModel):
    """A pass."""

    download_url: str = Field(description="The page for the holder. Who has this link has the pass: keep it.")
    pass_type: Literal["generic", "eventTicket", "storeCard", "transit"]
    device_type: Literal["android", "iphone"] | None = Field(description="Null: not known.")
    status: Literal["issued", "active", "removed", "deactivated", "nullified"]
    ext_id: str | None
    group_tag: str | None
    tags: list[str]
    pass_template: str
    pass_template_uuid: str
    pass_template_name: str
    serial_number: str
    version: int = Field(description="Grows with every change; also the ETag.")
    values: dict[str, str | bool | int | float | None]
    pass_content: dict[str, Any] = Field(
        description="What was given for the pass, as a request would have it: values as objects."
    )
    nfc: str | None = Field(description="What the pass says to a reader.")
    barcode: BarcodeAttributes | NoBarcode = Field(description="Empty for a pass without a barcode.")
    message: str | None
    latest_message: str | None = Field(description="As `message`.")
    created_at: datetime
    updated_at: datetime
    added_at: datetime | None = Field(description="Null: not known.")
    removed_at: datetime | None = Field(description="Null: not known.")
    deactivated_at: datetime | None
    expires_at: datetime | None
    nullified_at: datetime | None
    binding: BindingAttributes | None = Field(None, description="Left out for a pass without a binding.")
    pass_design: dict[str, Any] | None = Field(None, description="With `includePassDesign`.")
    locations: list[dict[str, Any]] | None = Field(None, description="With `includeLocations`.")
    beacons: list[dict[str, Any]] | None = Field(None, description="With `includeBeacons`.")
    pass_source: dict[str, str] | None = Field(
        None, description="With `includePassSource`: `googleDownloadUrl` or `applePassFile`."
    )
    google_download_url: str | None = Field(None, description="With `includePassSource=google`.")
    apple_pass_file: str | None = Field(None, description="With `includePassSource=apple`: base64.")


class PassData(_ResponseModel):
    """A pass as JSON:API has it."""

    id: str
    type: Literal["pass"]
    attributes: PassAttributes


class Notifications(_ResponseModel):
    """The notification of devices about a change."""

    status: Literal["none"]
    message: str


class GoogleForm(_ResponseModel):
    """The form in which a save link carries its pass."""

    form: str = Field(description="What travels in the link: class and object, the object, or its id.")
    requires: dict[str, dict[str, Any]] = Field(
        description="What has to be inserted through Google's API before the link works, by resource."
    )


class PassMeta(_ResponseModel):
    """About the answer."""

    notifications: Notifications | None = None
    google: GoogleForm | None = None


class OnePass(_ResponseModel):
    """One pass."""

    data: PassData
    meta: PassMeta | None = None


class PageMeta(_ResponseModel):
    """The position of this page in the list."""

    page: int
    per_page: int
    total: int = Field(description="How many there are on all pages.")


class PassPage(_ResponseModel):
    """Passes, the newest first."""

    data: list[PassData]
    meta: PageMeta


class TemplateAttributes(_ResponseModel):
    """A template."""

    name: str
    kind: str
    version: int
    created_at: datetime
    updated_at: datetime


class TemplateData(_ResponseModel):
    """A template as JSON:API has it."""

    id: str
    type: Literal["passTemplate"]
    attributes: TemplateAttributes


class FindingData(_ResponseModel):
    """Something to look at in a template that is usable all the same."""

    code: str
    severity: str
    location: str
    message: str
    hint: str


class TemplateMeta(_ResponseModel):
    """About the template."""

    findings: list[FindingData]
    bound_passes: str = Field(description="The effect on bound passes if the template contains a barcode.")


class OneTemplate(_ResponseModel):
    """One template."""

    data: TemplateData
    meta: TemplateMeta | None = None


class TemplatePage(_ResponseModel):
    """Templates, the newest first."""

    data: list[TemplateData]
    meta: PageMeta


class ErrorSource(_ResponseModel):
    """The location of the fault: one of the three."""

    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="A parameter of the URL.")
    header: str | None = None


class ErrorData(_ResponseModel):
    """One thing that is wrong. Nothing that was sent is repeated."""

    status: str
    code: str = Field(description="Stable; the documentation explains every code.")
    title: str
    detail: str
    source: ErrorSource | None = None


class Errors(_ResponseModel):
    """The reasons why a request was rejected."""

    errors: list[ErrorData] = Field(min_length=1, max_length=50)
