"""The OpenAPI description: made from the routes, with what they can't say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from passwright import __version__
from passwright.report import explanation
from passwright.service.web.errors import STATUSES
from passwright.service.web.response_models import Errors
from passwright.service.web.routes.template_body import PassTemplateBody

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

__all__ = ["JSON_BODY", "describe", "error_responses"]

# Responses that any request can get, any request with a key, and any request with a body.
ANYWHERE = ("header_too_large", "malformed_request", "internal_error", "try_again")
WITH_KEY = ("api_key_refused", "too_many_requests", "malformed_parameter")
JSON_BODY = (
    "malformed_body",
    "invalid_member",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
)

_DESCRIPTION = """\
Passes for Apple Wallet and Google Wallet, bound to one person where that is asked for.

A key belongs to one organisation, and nothing of another can be seen with it. Every
answer has an id, which the log of the service has too. Errors have one shape; their
codes are stable, and nothing that was sent is repeated in them.

The page at `downloadUrl` is for the holder and no part of this description.
"""

_REQUEST_ID = {
    "description": "The request, as the log has it.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
_RETRY_AFTER = {
    "description": "Seconds to wait before the next try.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9]+$"},
}
# Which answers say when to come again.
_LATER = ("429", "503")


def error_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that may be refused with these codes, besides those any may be."""
    by_status: dict[int | str, list[str]] = {}
    for code in (*ANYWHERE, *WITH_KEY, *codes):
        by_status.setdefault(STATUSES[code], []).append(code)
    return {
        status: {
            "model": Errors,
            "description": "; ".join(f"`{code}`: {explanation(code).title}" for code in sorted(found)),
        }
        for status, found in sorted(by_status.items(), key=lambda pair: str(pair[0]))
    }


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The description of what these routes do."""
    made = get_openapi(
        title="Passwright",
        version=__version__,
        summary="One pass definition, both wallets",
        description=_DESCRIPTION,
        routes=routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for path in made["paths"].values():
        for operation in path.values():
            _complete(operation)
    _, definitions = models_json_schema(
        [(PassTemplateBody, "validation")], ref_template="#/components/schemas/{model}"
    )
    made["components"]["schemas"] |= definitions["$defs"]
    for unused in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(unused, None)
    return made


def _complete(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if "Response" in response["description"]:  # FastAPI's own word for a successful response
            response["description"] = operation["summary"]
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = _REQUEST_ID
        if status in _LATER:
            headers["Retry-After"] = _RETRY_AFTER
        if status == str(STATUSES["api_key_refused"]):
            headers["WWW-Authenticate"] = {"required": True, "schema": {"type": "string"}}
