"""Templates of an organisation: brought as a folder, or as the public API has them."""

# FastAPI reads the annotations of operations when the module is imported.

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ValidationError

from passwright.service import templates
from passwright.service.repeats import Once, Replay
from passwright.service.store import Page
from passwright.service.templates import Upload
from passwright.service.web import answers, errors
from passwright.service.web.api import COMMON, REPEAT, Pages, RepeatKey
from passwright.service.web.errors import ErrorAnswer
from passwright.service.web.models import TemplateBody
from passwright.service.web.openapi import JSON_BODY, refusals
from passwright.service.web.reading import Call, TemplateRoute, read_document, repeatable
from passwright.service.web.response_models import OneTemplate, TemplatePage
from passwright.service.web.routes.template_body import (
    PICTURES,
    PassTemplateBody,
    parts_of,
    pictures_of,
    upload_of,
)

T = TypeVar("T", bound=BaseModel)

__all__ = ["router"]

router = APIRouter(**COMMON, route_class=TemplateRoute, tags=["pass templates"])


_TEMPLATE_BODY = {
    "required": True,
    "description": "A template as the public API has it, or its folder: as a zip archive or in JSON.",
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    TemplateBody.model_json_schema(),
                    {"$ref": "#/components/schemas/PassTemplateBody"},
                ]
            }
        },
        "application/zip": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": "The JSON body, and its pictures as PNG.",
                "properties": {
                    "passTemplate": {"type": "string", "contentMediaType": "application/json"},
                    **{name: {"type": "string", "format": "binary"} for name in PICTURES},
                },
                "required": ["passTemplate"],
                "additionalProperties": False,
            }
        },
    },
}


@router.post(
    "/pass-templates",
    status_code=201,
    response_model=OneTemplate,
    response_model_exclude_unset=True,
    operation_id="createTemplate",
    summary="Bring a template: as JSON, with or without parts for its pictures, or as a folder",
    responses=refusals(*JSON_BODY, *REPEAT, "template_rejected"),
    openapi_extra={"requestBody": _TEMPLATE_BODY},
)
def create_template(call: Call, response: Response, idempotency_key: RepeatKey = None) -> dict[str, Any]:
    """Pictures are decoded and written anew. Nothing is fetched from a URL."""
    desk, organisation, at = call.front.desk, call.key.organisation, call.front.now()
    upload = _upload(call)
    with repeatable(call, idempotency_key) as hashes:
        if hashes is None:
            return answers.of_template(*templates.add(desk, organisation, upload, at=at))
        once = Once(key_hash=hashes[0], fingerprint=hashes[1], render=lambda made: answers.of_template(*made))
        made = templates.add_once(desk, organisation, upload, at=at, once=once)
    if isinstance(made, Replay):
        response.headers["Idempotency-Replayed"] = "true"
        return dict(made.body)
    return answers.of_template(*made)


@router.get(
    "/pass-templates",
    response_model=TemplatePage,
    response_model_exclude_unset=True,
    operation_id="listTemplates",
    summary="Templates, the newest first",
    responses=refusals(),
)
def list_templates(call: Call, query: Annotated[Pages, Query()]) -> dict[str, Any]:
    """All templates of the organisation."""
    page = Page(query.page, query.per_page)
    found, total = templates.listed(call.front.desk, call.key.organisation, page)
    data = [answers.of_template(each)["data"] for each in found]
    return {"data": data, "meta": answers.page_meta(page, total)}


@router.get(
    "/pass-templates/{template}",
    response_model=OneTemplate,
    response_model_exclude_unset=True,
    operation_id="showTemplate",
    summary="One template",
    responses=refusals("template_not_found"),
)
def show_template(call: Call, template: str) -> dict[str, Any]:
    """Its name, kind and version."""
    return answers.of_template(templates.find(call.front.desk, call.key.organisation, template))


@router.put(
    "/pass-templates/{template}",
    response_model=OneTemplate,
    response_model_exclude_unset=True,
    operation_id="changeTemplate",
    summary="Put other files in the place of a template's",
    responses=refusals(*JSON_BODY, "template_rejected", "template_not_found"),
    openapi_extra={"requestBody": _TEMPLATE_BODY},
)
def change_template(call: Call, template: str) -> dict[str, Any]:
    """Passes are made from the new files from then on; bound ones leave out a code they may show."""
    upload = _upload(call)
    changed = templates.change(call.front.desk, call.key.organisation, template, upload, at=call.front.now())
    return answers.of_template(*changed)


def _upload(call: Call) -> Upload:
    """The template in a request, in any of the forms that it may have."""
    if call.media_type == "application/zip":
        return Upload(files=templates.files_in(call.octets))
    value, pictures = call.value, {}
    if call.media_type == "multipart/form-data":
        parts = parts_of(call.octets, call.headers["content-type"])
        given = read_document(parts.pop("passTemplate", b"{}"), len(call.octets))
        # The part is the body, or the member of it that has the same name.
        value = given if isinstance(given, dict) and "passTemplate" in given else {"passTemplate": given}
        pictures = pictures_of(parts)
    if isinstance(value, dict) and "passTemplate" in value:
        body = _validated(PassTemplateBody, value).pass_template
        desk, organisation = call.front.desk, call.key.organisation
        return upload_of(
            body,
            organisation=templates.organisation_name(desk, organisation),
            template_id=desk.random(16).hex(),
            pictures=pictures,
        )
    return Upload(files=_files(_validated(TemplateBody, value)))


def _validated(model: type[T], value: Any) -> T:
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False)
        raise errors.of_validation({**each, "loc": ("body", *each["loc"])} for each in found) from None


def _files(body: TemplateBody) -> dict[str, bytes]:
    try:
        return {
            name: text.encode() if name.endswith(".toml") else base64.b64decode(text, validate=True)
            for name, text in body.files.items()
        }
    except (binascii.Error, ValueError):
        detail = "files other than .toml have to be in base64 (RFC 4648 section 4)"
        raise ErrorAnswer.of("invalid_member", detail, pointer="/files") from None
