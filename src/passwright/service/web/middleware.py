"""Middleware around every request: its id, a log line, common headers, and time limits."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect

from passwright.service.web import errors
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.logging import logger, request_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LINGER_BYTES", "LINGER_SECONDS", "MAX_HEADER_BYTES", "OuterMiddleware"]

# The header of a request: a browser's has 2 KiB.
MAX_HEADER_BYTES = 16 * 2**10

# No response is for shared caches, other sites or search engines, unless it says otherwise itself.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1
_METHODS = _SAFE | frozenset({"POST", "PUT", "PATCH", "DELETE"})
# RFC 3986 section 2.2: an escaped slash is not a slash. Backslashes are taken for slashes by some.
_ESCAPED_SLASH = re.compile(rb"%(2f|5c)", re.IGNORECASE)

# A client that is still sending when it is refused has to get the chance to read why:
# closing at once would reset the connection under the answer (RFC 9112 section 9.6).
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 2**20


class OuterMiddleware:
    """The outermost application: what is inside may fail in any way, and the client still gets an answer.

    `max_at_once` is how many requests are worked on, half of them writing; the next is answered
    with 503 at once, because a queue that nobody waits in to the end helps nobody.
    """

    def __init__(self, app: ASGIApp, *, max_at_once: int) -> None:
        self._app = app
        self._max_at_once = max_at_once
        self._at_once = 0
        self._writing = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _RequestScope(scope, receive, send).run(self._answering)

    async def _answering(self, scope: Scope, receive: Receive, send: Send) -> None:
        writes = scope["method"] not in _SAFE
        if refused := self._rejection(scope, writes=writes):
            await errors.problem_response(refused)(scope, receive, send)
            return
        self._at_once += 1
        self._writing += writes
        try:
            await self._app(scope, receive, send)
        finally:
            self._at_once -= 1
            self._writing -= writes

    def _rejection(self, scope: Scope, *, writes: bool) -> HTTPProblem | None:
        """Returns the problem that rejects a request before it is read."""
        names = {name for name, _ in scope["headers"]}
        if {b"content-length", b"transfer-encoding"} <= names:
            # RFC 9112 section 6.3, rule 3: a proxy before us may have seen another end of this request.
            detail = "a body has Content-Length or Transfer-Encoding, not both"
            return HTTPProblem.of("malformed_request", detail, headers={"Connection": "close"})
        if _ESCAPED_SLASH.search(scope.get("raw_path", b"")):
            # One step of the path for a proxy before us, two for a proxy that decodes first.
            return HTTPProblem.of("not_found", "there is nothing at this address")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            detail = f"the header of a request has at most {MAX_HEADER_BYTES} bytes"
            return HTTPProblem.of("header_too_large", detail)
        # Writers wait for each other; meanwhile readers need room.
        if self._at_once >= self._max_at_once or (writes and self._writing >= self._max_at_once // 2):
            detail = "the service has as many requests as it can work on: try again in a second"
            return HTTPProblem.of("try_again", detail, headers={"Retry-After": "1"})
        return None


class _RequestScope:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._id = secrets.token_hex(8)
        self._status = 0
        self._lingers = False
        names = {name for name, _ in scope["headers"]}
        self._has_more = bool(names & {b"content-length", b"transfer-encoding"})

    async def run(self, app: ASGIApp) -> None:
        token = request_id.set(self._id)
        started = time.monotonic()
        try:
            await app(self._scope, self._taking, self._giving)
        except ClientDisconnect:
            # The client is gone. A client that leaves at will must neither fill the log nor look like a
            # failure of ours: 499 is nginx's number for it.
            self._status = 499
        except Exception:  # noqa: BLE001 -- the last one who can write it down; the client has its answer
            logger.exception("a request failed in a way nobody foresaw")
        finally:
            self._note(time.monotonic() - started)
            request_id.reset(token)
        if self._lingers:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _taking(self) -> Message:
        message = await self._receive()
        self._has_more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def _giving(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self._has_more:
                headers["Connection"] = "close"
        elif self._has_more and not message.get("more_body", False):
            # Not here: a rejected client must not take the room of a request in progress.
            self._lingers = True
            message = {**message, "more_body": True}
        await self._send(message)

    async def _linger(self) -> None:
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while self._has_more and left > 0:
                    left -= len((await self._taking()).get("body", b""))
        except TimeoutError:
            pass

    def _note(self, seconds: float) -> None:
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        # The pattern of the route, never the path: paths hold tokens and ids of passes.
        route = getattr(self._scope.get("route"), "path", "none")
        milliseconds = round(seconds * 1000, 1)
        logger.info(
            "%s %s %s",
            method,
            route,
            self._status,
            extra={"method": method, "route": route, "status": self._status, "milliseconds": milliseconds},
        )
