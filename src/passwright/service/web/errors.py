"""The one shape of an error, and the one table of codes and their statuses.

    {"errors": [{"status", "code", "title", "detail", "source": {"pointer" | "parameter" | "header"}}]}

Titles come from the same table as findings: `report.explanation(code)` tells more.
Nothing that a client sent is repeated, but for the names of members that lead to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from passwright import strict_json
from passwright.errors import (
    AlreadyExists,
    BindingError,
    BindingInvalid,
    DefinitionError,
    GoogleError,
    LinkTooLong,
    PasswrightError,
    ServiceRefused,
    SigningError,
    StaleBinding,
    StoreUnavailable,
    TemplateRejected,
    VaultError,
)
from passwright.report import explanation
from passwright.service.web.logging import logger, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request

    from passwright.report import Finding

__all__ = [
    "HANDLERS",
    "MAX_ERRORS",
    "STATUSES",
    "HTTPProblem",
    "ProblemDetail",
    "problem_from",
    "problem_json",
    "problem_response",
    "problems_from_validation",
    "safe_pointer",
]

# So that a body with 10,000 mistakes is not answered with 10,000 errors.
MAX_ERRORS = 50

# Error code -> HTTP status; first the refusals of a binding.
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "binding_barcode_conflict": 400,
        "platform_locked": 409,
        "attempt_not_found": 404,
        "attempt_used": 409,
        "attempt_expired": 410,
        "proof_invalid": 422,
        "pass_nullified": 410,
        "binding_immutable": 422,
        "binding_nfc_required": 422,
        "binding_ceremony_required": 422,
        "binding_invalid": 422,
        "binding_disabled": 403,
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
        "source_needs_action": 422,
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

# A name that is data of a client rather than a member of ours is left out of a pointer.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_POINTER_STEPS = 12


@dataclass(frozen=True, slots=True)
class ProblemDetail:
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
class HTTPProblem(Exception):
    """A request that is answered with these problems; the first gives the status."""

    problems: tuple[ProblemDetail, ...]
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **where: str
    ) -> HTTPProblem:
        """A refusal for one reason; `where` is a pointer, parameter or header."""
        return cls((ProblemDetail(code, detail, **where),), headers or {})

    def with_pointers(self, pointers: Mapping[str, str]) -> HTTPProblem:
        """Returns the problems with other pointers: old to new."""
        problems = [
            replace(each, pointer=pointers.get(each.pointer or "", each.pointer)) for each in self.problems
        ]
        return HTTPProblem(tuple(problems), self.headers)


def problem_json(problems: Iterable[ProblemDetail]) -> dict[str, Any]:
    """The JSON of an answer with these problems, the first `MAX_ERRORS` of them."""
    return {"errors": [problem.as_json() for problem in list(problems)[:MAX_ERRORS]]}


def problem_response(refused: HTTPProblem) -> Response:
    """The answer to a request that was refused."""
    status = STATUSES[refused.problems[0].code]
    return Response(
        strict_json.dumps(problem_json(refused.problems)),
        status_code=status,
        headers=dict(refused.headers),
        media_type="application/json",
    )


def safe_pointer(steps: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901) as far as its steps are names of ours; what follows may be data."""
    out = ""
    for step in list(steps)[:_MAX_POINTER_STEPS]:
        if not _PLAIN_NAME.fullmatch(str(step)):
            break
        out += f"/{step}"
    return out


def _pointer_from_steps(steps: Iterable[str]) -> str:
    """`pointer`, of steps as they stand in a JSON pointer."""
    return safe_pointer(each.replace("~1", "/").replace("~0", "~") for each in steps)


# --- exceptions as answers ----------------------------------------------------


def problem_from(exc: PasswrightError) -> HTTPProblem:
    """Returns the problem for an exception of the use cases."""
    if isinstance(exc, BindingInvalid | ServiceRefused):
        problems = [
            ProblemDetail(exc.code, rule, pointer=_pointer_from_steps(place.split("/")[1:]))
            for place, rule in exc.pointers.items()
        ]
        later = {"Retry-After": "3600"} if exc.code == "too_many_attempts" else {}
        return HTTPProblem(tuple(problems) or (ProblemDetail(exc.code, str(exc)),), later)
    if isinstance(exc, BindingError | VaultError):
        detail = _DETAILS.get(exc.code) or str(exc)
        return HTTPProblem((ProblemDetail(exc.code, detail, pointer=_POINTERS.get(exc.code)),))
    if isinstance(exc, DefinitionError):
        code = "template_rejected" if isinstance(exc, TemplateRejected) else "pass_rejected"
        return HTTPProblem(tuple(_finding(code, each) for each in exc.report.errors))
    for kind, code, detail, headers in _PLAIN:
        if isinstance(exc, kind):
            return HTTPProblem.of(code, detail, headers=headers)
    return HTTPProblem.of("internal_error", f"the log has it under request {request_id.get()}")


_LATER = MappingProxyType({"Retry-After": "2"})
# Exceptions that say the same each time they are answered.
_PLAIN: tuple[tuple[type[PasswrightError], str, str, Mapping[str, str]], ...] = (
    (LinkTooLong, "save_link_too_long", "no form of the link is as short as is safe", {}),
    (GoogleError, "google_failed", "the pass stays Google's: the same call tries again", {}),
    (SigningError, "signing_failed", "nothing was signed; the log says why", {}),
    (StoreUnavailable, "try_again", "nothing happened: try again in a few seconds", _LATER),
    (StaleBinding, "try_again", "somebody else changed it at the same moment: try again", _LATER),
    (AlreadyExists, "request_in_progress", "the same was asked for at the same moment", _LATER),
)

# Sentences of exceptions use internal terms; these tell the client the fact.
_DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "platform_locked": "the pass was downloaded on the other platform first, and stays there",
        "binding_immutable": "a pass can't be bound, bound otherwise or unbound by an update",
        "binding_barcode_conflict": (
            "a bound pass shows no barcode: leave the barcode out (a template's with barcode.enabled false), "
            "or the binding"
        ),
        "binding_nfc_required": "on Apple a binding acts on NFC alone, and this pass has none",
        "binding_ceremony_required": "the file of a bound pass is handed out on the holder's page alone",
        "pass_nullified": "the pass has ended",
    }
)
# The code that reads the request sets the pointer of a barcode in the request itself.
_POINTERS = {"binding_immutable": "/binding", "binding_barcode_conflict": "/binding"}


def _finding(code: str, finding: Finding) -> ProblemDetail:
    """A finding of the validator; a place in the pass becomes a place in the request."""
    hint = f" ({finding.hint})" if finding.hint else ""
    file, _, place = finding.location.partition("#")
    if code == "pass_rejected" and file == "pass":
        where = _pointer_from_steps(["pass", *place.split("/")[1:]])
        named = where == f"/pass{place}"
        # The sentence names the member as well, so it goes when the name is data of a client.
        said = f"{finding.message}{hint}" if named else explanation(finding.code).title
        return ProblemDetail(code, f"{said} [{finding.code}]", pointer=where)
    where = f"{finding.location}: " if finding.location else ""
    return ProblemDetail(code, f"{where}{finding.message}{hint} [{finding.code}]")


def problems_from_validation(found: Iterable[Mapping[str, Any]]) -> HTTPProblem:
    """Returns the problem for a request that doesn't fit its model; parameters before members."""
    problems = []
    for each in found:
        kind, *steps = each["loc"]
        context = each.get("ctx", {})
        rule = _RULES[each["type"]].format(**context) if each["type"] in _RULES else each["msg"]
        if kind in ("query", "header"):
            place = {"parameter" if kind == "query" else "header": safe_pointer(steps).removeprefix("/")}
            problems.append(ProblemDetail("malformed_parameter", f"this parameter {rule}", **place))
        else:
            problems.append(
                ProblemDetail("invalid_member", f"this member {rule}", pointer=safe_pointer(steps))
            )
    return HTTPProblem(tuple(sorted(problems, key=lambda each: STATUSES[each.code])))


# Pydantic's kinds of mistakes in our words; kinds of our own bring theirs.
_RULES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "extra_forbidden": "is not known",
        "string_type": "has to be text",
        "string_too_short": "has to have at least {min_length} character(s)",
        "string_too_long": "has to have at most {max_length} characters",
        "string_pattern_mismatch": "has to match {pattern}",
        "bool_type": "has to be true or false",
        "bool_parsing": "has to be true or false",
        "int_type": "has to be a whole number",
        "int_parsing": "has to be a whole number",
        "int_parsing_size": "has to be a smaller number",
        "int_from_float": "has to be a whole number",
        "float_type": "has to be a number",
        "literal_error": "has to be one of {expected}",
        "enum": "has to be one of {expected}",
        "dict_type": "has to be an object",
        "model_type": "has to be an object",
        "model_attributes_type": "has to be an object",
        "list_type": "has to be a list",
        "greater_than_equal": "has to be at least {ge}",
        "less_than_equal": "has to be at most {le}",
        "too_long": "has to have at most {max_length} entries",
        "too_short": "has to have at least {min_length} entries",
    }
)


# --- what an application answers exceptions with --------------------------------


async def _answer_problem(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPProblem)  # noqa: S101 -- what it is registered for
    return problem_response(exc)


async def _answer_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, PasswrightError)  # noqa: S101 -- what it is registered for
    made = problem_from(exc)
    code = made.problems[0].code
    if STATUSES[code] >= STATUSES["internal_error"] and code != "try_again":
        logger.error("answered %s", code, exc_info=exc, extra={"code": code})
    return problem_response(made)


async def _invalid(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 -- what it is registered for
    if request.method == "PATCH" and isinstance(exc.body, dict) and "binding" in exc.body:
        # Whatever else is wrong with an update, this is what its sender has to know.
        return problem_response(problem_from(BindingError("binding_immutable", "")))
    return problem_response(problems_from_validation(exc.errors()))


async def _answer_unrouted(request: Request, exc: Exception) -> Response:
    """Answers paths and methods that the router does not know."""
    assert isinstance(exc, HTTPException)  # noqa: S101 -- what it is registered for
    if exc.status_code == STATUSES["method_not_allowed"]:
        detail = "the header Allow names what can be done here"
        headers = {**(exc.headers or {}), **_allowed_methods(request)}
        return problem_response(HTTPProblem.of("method_not_allowed", detail, headers=headers))
    return problem_response(HTTPProblem.of("not_found", "there is nothing at this address"))


def _allowed_methods(request: Request) -> Mapping[str, str]:
    """All methods of a path of the API: the router names those of one operation alone."""
    path = getattr(request.scope.get("route"), "path", None)
    describe: Any = getattr(request.app, "openapi", None)
    described = describe()["paths"].get(path, {}) if describe else {}
    return {"Allow": ", ".join(sorted(each.upper() for each in described))} if described else {}


async def _unforeseen(_: Request, __: Exception) -> Response:
    return problem_response(
        HTTPProblem.of("internal_error", f"the log has it under request {request_id.get()}")
    )


# The last is raised again after its answer, and logged.
HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = MappingProxyType(
    {
        HTTPProblem: _answer_problem,
        PasswrightError: _answer_error,
        RequestValidationError: _invalid,
        HTTPException: _answer_unrouted,
        Exception: _unforeseen,
    }
)
