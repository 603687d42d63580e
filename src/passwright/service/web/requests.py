"""A request of the API before its operation sees it: who sends it, its body, its repeats.

The order matters. Nobody without a key makes the service read a body, and nothing
is read as JSON that the strict reader would not read.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from passwright import strict_json
from passwright.errors import InvalidInput
from passwright.service import api_keys
from passwright.service.vault import Purpose
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.limits import read_body
from passwright.service.web.state import AppState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.responses import Response

    from passwright.service.store.protocol import ApiKey

__all__ = ["ApiRequest", "Route", "TemplateRoute", "idempotency_of", "read_document"]

_BEARER = re.compile(r"[Bb]earer +([\x21-\x7e]{1,200})")
# RFC 6750 section 3.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="passwright"'}


class ApiRequest(Request):
    """A request whose sender is known and whose body is read."""

    key: ApiKey
    octets: bytes
    value: Any = None

    async def body(self) -> bytes:
        """The bytes of the body."""
        return self.octets

    async def json(self) -> Any:
        """The body as JSON, read strictly."""
        return self.value

    @property
    def media_type(self) -> str:
        """The type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def front(self) -> AppState:
        """The state that the application keeps for all requests."""
        return AppState.of(self)


class Route(APIRoute):
    """An operation of the API, whose body, if any, is JSON."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # wider than theirs
        """FastAPI's handler, after all that comes before it."""
        handle_call = super().get_route_handler()

        async def handle(request: Request) -> Response:
            call = ApiRequest(request.scope, request.receive)
            call.key = await run_in_threadpool(_sender, call)
            await self.read(call)
            return await handle_call(call)

        return handle

    async def read(self, call: ApiRequest) -> None:
        """Reads the body of a call."""
        limits = call.front.settings.limits
        call.octets = await read_body(call, max_bytes=limits.body_bytes, seconds=limits.body_seconds)
        if call.octets:
            call.value = read_json(call, limits.body_bytes)


class TemplateRoute(Route):
    """An operation whose body is JSON, a zip archive or a form with files, and may be larger."""

    async def read(self, call: ApiRequest) -> None:
        """Reads the body of a call; archives and forms stay as they are."""
        limits = call.front.settings.limits
        call.octets = await read_body(call, max_bytes=limits.template_bytes, seconds=limits.body_seconds)
        if call.method != "GET" and call.media_type not in ("application/zip", "multipart/form-data"):
            call.value = read_json(call, limits.template_bytes)


def read_json(call: ApiRequest, max_bytes: int) -> Any:
    """The body as JSON.

    Raises:
        ErrorAnswer: it is of another type, or not JSON that all readers agree on.
    """
    if call.media_type != "application/json":
        detail = "this call reads application/json"
        raise HTTPProblem.of("unsupported_media_type", detail, header="Content-Type")
    return read_document(call.octets, max_bytes)


def read_document(data: bytes, max_bytes: int) -> Any:
    """JSON, read strictly.

    Raises:
        ErrorAnswer: it is not JSON that all readers agree on.
    """
    try:
        return strict_json.loads(data, name="body", max_bytes=max_bytes)
    except InvalidInput as exc:
        # Its place may hold keys of the document; its sentence holds nothing of it.
        raise HTTPProblem.of("malformed_body", f"{exc.message} [{exc.code}]") from None


def _sender(call: ApiRequest) -> ApiKey:
    """Returns the API key of a request; requests with a key and without one are counted."""
    front = call.front
    # Of two headers a proxy may have judged the other one.
    said = call.headers.getlist("authorization")
    given = _BEARER.fullmatch(said[0]) if len(said) == 1 else None
    key = api_keys.find_api_key(front.context, given[1]) if given and not _has_key_in_url(call) else None
    if key is None:
        front.count_visitor(call)
        detail = "send `Authorization: Bearer pw_...`; a key in the URL would stand in logs and is refused"
        raise HTTPProblem.of("api_key_refused", detail, headers=_CHALLENGE)
    front.keys.take(key.id)
    return key


def _has_key_in_url(request: Request) -> bool:
    return any(value.startswith(api_keys.PREFIX) for _, value in request.query_params.multi_items())


@contextmanager
def idempotency_of(call: ApiRequest, text: str | None) -> Iterator[tuple[bytes, bytes] | None]:
    """Keyed hashes of an idempotency key and of the request it stands for; None without a key.

    Raises:
        ErrorAnswer: a request with this key is being worked on here.
    """
    if text is None:
        yield None
        return
    vault, organisation = call.front.context.vault, call.key.organisation
    key_hash = vault.hash(Purpose.FINGERPRINT, "key", organisation, text)
    target = f"{call.url.path}?{call.url.query}"
    fingerprint = vault.hash(Purpose.FINGERPRINT, "request", call.method, target, call.octets)
    with call.front.working_on(key_hash):
        yield key_hash, fingerprint
