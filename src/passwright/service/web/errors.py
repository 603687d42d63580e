"""The one shape of an error, and the one table of codes and their statuses.

    {"errors": [{"status", "code", "title", "detail", "source": {"pointer" | "parameter" | "header"}}]}

Titles come from the same table as findings: `passwright explain CODE` tells more.
Nothing that a client sent is repeated, but for the names of members that lead to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from passwright import strictjson
from passwright.lifecycle import REFUSALS
from passwright.report import explanation
from passwright.service.web.log import request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request

__all__ = ["HANDLERS", "MAX_ERRORS", "STATUSES", "ErrorAnswer", "Problem", "answer", "body"]

# So that a body with 10,000 mistakes is not answered with 10,000 errors.
MAX_ERRORS = 50

# Code -> HTTP status. The life of a bound pass has its own part of the table.
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        **REFUSALS,
        "malformed_request": 400,
        "malformed_body": 400,
        "malformed_parameter": 400,
        "api_key_refused": 401,
        "apple_off": 403,
        "google_off": 403,
        "foreign_origin": 403,
        "not_found": 404,
        "pass_not_found": 404,
        "template_not_found": 404,
        "download_not_found": 404,
        "method_not_allowed": 405,
        "request_timeout": 408,
        "ext_id_taken": 409,
        "pass_deactivated": 409,
        "pass_unbound": 409,
        "provider_changed": 409,
        "request_in_progress": 409,
        "pass_expired": 410,
        "download_expired": 410,
        "pass_changed": 412,
        "body_too_large": 413,
        "unsupported_media_type": 415,
        "invalid_member": 422,
        "pass_invalid": 422,
        "pass_rejected": 422,
        "template_rejected": 422,
        "save_link_too_long": 422,
        "idempotency_key_reused": 422,
        "too_many_requests": 429,
        "too_many_attempts": 429,
        "header_too_large": 431,
        "internal_error": 500,
        "signing_failed": 500,
        "vault_unreadable": 500,
        "vault_key_unknown": 500,
        "vault_key_retired": 500,
        "google_failed": 502,
        "try_again": 503,
    }
)

# A name that is somebody's data rather than a member of ours is left out of a pointer.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_POINTER_STEPS = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a code of `STATUSES`, a sentence, and where."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The member of `errors`."""
        places = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        source = {name: place for name, place in places.items() if place is not None}
        return {
            "status": str(STATUSES[self.code]),
            "code": self.code,
            "title": explanation(self.code).title,
            "detail": self.detail,
            **({"source": source} if source else {}),
        }


@dataclass
class ErrorAnswer(Exception):
    """A request that is answered with these problems; the first gives the status."""

    problems: tuple[Problem, ...]
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **where: str
    ) -> ErrorAnswer:
        """A refusal for one reason; `where` is a pointer, parameter or header."""
        return cls((Problem(code, detail, **where),), headers or {})


def body(problems: Iterable[Problem]) -> dict[str, Any]:
    """The JSON of an answer with these problems, the first `MAX_ERRORS` of them."""
    return {"errors": [problem.as_json() for problem in list(problems)[:MAX_ERRORS]]}


def answer(refused: ErrorAnswer) -> Response:
    """The answer to a request that was refused."""
    status = STATUSES[refused.problems[0].code]
    return Response(
        strictjson.dumps(body(refused.problems)),
        status_code=status,
        headers=dict(refused.headers),
        media_type="application/json",
    )


def pointer(steps: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901) as far as its steps are names of ours; what follows may be data."""
    out = ""
    for step in list(steps)[:_MAX_POINTER_STEPS]:
        if not _PLAIN_NAME.fullmatch(str(step)):
            break
        out += f"/{step}"
    return out


async def _answered(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, ErrorAnswer)  # noqa: S101 -- what it is registered for
    return answer(exc)


async def _unrouted(_: Request, exc: Exception) -> Response:
    """What the router refuses: paths and methods it does not know."""
    assert isinstance(exc, HTTPException)  # noqa: S101 -- what it is registered for
    if exc.status_code == STATUSES["method_not_allowed"]:
        detail = "the header Allow names what can be done here"
        return answer(ErrorAnswer.of("method_not_allowed", detail, headers=exc.headers))
    return answer(ErrorAnswer.of("not_found", "there is nothing at this address"))


async def _unforeseen(_: Request, __: Exception) -> Response:
    return answer(ErrorAnswer.of("internal_error", f"the log has it under request {request_id.get()}"))


# What an application answers exceptions with. The last is raised again after its answer, and logged.
HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = MappingProxyType(
    {ErrorAnswer: _answered, HTTPException: _unrouted, Exception: _unforeseen}
)
