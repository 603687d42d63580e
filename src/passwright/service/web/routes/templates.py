"""Templates of an organisation: brought as a folder, or as the public API has them."""

# FastAPI reads the annotations of operations when the module is imported.

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ValidationError

from passwright.service import templates
from passwright.service.idempotency import IdempotencyKey, ReplayedResponse
from passwright.service.store.protocol import Page
from passwright.service.templates import Upload
from passwright.service.web import errors, responses
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.models import TemplateBody
from passwright.service.web.openapi import JSON_BODY, error_responses
from passwright.service.web.requests import ApiRequest, TemplateRoute, idempotency_of, read_document
from passwright.service.web.response_models import OneTemplate, TemplatePage
from passwright.service.web.routes.passes import COMMON, REPEAT, Pages, RepeatKey
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
    responses=error_responses(*JSON_BODY, *REPEAT, "template_rejected"),
    openapi_extra={"requestBody": _TEMPLATE_BODY},
)
def create_template(
    call: ApiRequest, response: Response, idempotency_key: RepeatKey = None
) -> dict[str, Any]:
    """Pictures are decoded and written anew. Nothing is fetched from a URL."""
    context, organisation, at = call.front.context, call.key.organisation, call.front.now()
    upload = _upload(call)
    with idempotency_of(call, idempotency_key) as hashes:
        if hashes is None:
            return responses.template_data(*templates.add(context, organisation, upload, at=at))
        once = IdempotencyKey(
            key_hash=hashes[0], fingerprint=hashes[1], render=lambda made: responses.template_data(*made)
        )
        made = templates.add_once(context, organisation, upload, at=at, once=once)
    if isinstance(made, ReplayedResponse):
        response.headers["Idempotency-Replayed"] = "true"
        return dict(made.body)
    return responses.template_data(*made)


@router.get(
    "/pass-templates",
    response_model=TemplatePage,
    response_model_exclude_unset=True,
    operation_id="listTemplates",
    summary="Templates, the newest first",
    responses=error_responses(),
)
def list_templates(call: ApiRequest, query: Annotated[Pages, Query()]) -> dict[str, Any]:
    """All templates of the organisation."""
    page = Page(query.page, query.per_page)
    found, total = templates.list_templates(call.front.context, call.key.organisation, page)
    data = [responses.template_data(each)["data"] for each in found]
    return {"data": data, "meta": responses.page_meta(page, total)}


@router.get(
    "/pass-templates/{template}",
    response_model=OneTemplate,
    response_model_exclude_unset=True,
    operation_id="showTemplate",
    summary="One template",
    responses=error_responses("template_not_found"),
)
def show_template(call: ApiRequest, template: str) -> dict[str, Any]:
    """Its name, kind and version."""
    return responses.template_data(
        templates.find_template(call.front.context, call.key.organisation, template)
    )


@router.put(
    "/pass-templates/{template}",
    response_model=OneTemplate,
    response_model_exclude_unset=True,
    operation_id="changeTemplate",
    summary="Put other files in the place of a template's",
    responses=error_responses(*JSON_BODY, "template_rejected", "template_not_found"),
    openapi_extra={"requestBody": _TEMPLATE_BODY},
)
def change_template(call: ApiRequest, template: str) -> dict[str, Any]:
    """Passes are made from the new files from then on; bound ones leave out a code they may show."""
    upload = _upload(call)
    changed = templates.change(
        call.front.context, call.key.organisation, template, upload, at=call.front.now()
    )
    return responses.template_data(*changed)


def _upload(call: ApiRequest) -> Upload:
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
        body = _validate_body(PassTemplateBody, value).pass_template
        context, organisation = call.front.context, call.key.organisation
        return upload_of(
            body,
            organisation=templates.organisation_name(context, organisation),
            template_id=context.random(16).hex(),
            pictures=pictures,
        )
    return Upload(files=_files(_validate_body(TemplateBody, value)))


def _validate_body(model: type[T], value: Any) -> T:
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False)
        raise errors.problems_from_validation(
            {**each, "loc": ("body", *each["loc"])} for each in found
        ) from None


def _files(body: TemplateBody) -> dict[str, bytes]:
    try:
        return {
            name: text.encode() if name.endswith(".toml") else base64.b64decode(text, validate=True)
            for name, text in body.files.items()
        }
    except (binascii.Error, ValueError):
        detail = "files other than .toml have to be in base64 (RFC 4648 section 4)"
        raise HTTPProblem.of("invalid_member", detail, pointer="/files") from None
