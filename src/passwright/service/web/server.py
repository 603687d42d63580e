"""The HTTP server: uvicorn on h11, with limits for what comes before a request is one."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from passwright import strict_json
from passwright.service.web import errors
from passwright.service.web.middleware import LINGER_BYTES, LINGER_SECONDS, MAX_HEADER_BYTES

if TYPE_CHECKING:
    import asyncio
    from socket import socket

    from starlette.types import ASGIApp

__all__ = ["GRACE", "HEADER_SECONDS", "MAX_CONNECTIONS", "Server"]

# A browser's comes in one packet.
HEADER_SECONDS = 10.0
# An idle connection costs some 30 kB; a process has some 1,000 file descriptors.
MAX_CONNECTIONS = 800
KEEP_ALIVE_SECONDS = 5
# How long running requests may go on after a signal to stop.
GRACE = 30


class _Protocol(H11Protocol):
    """h11 as uvicorn drives it, and a time limit for headers, a limit of connections, errors of our shape."""

    _waiting: asyncio.TimerHandle | None = None
    _lingering: asyncio.TimerHandle | None = None
    _unread = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self.connections.discard(self)
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._unread += len(data)
            if self._unread > LINGER_BYTES:
                self.transport.close()
            return
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._wait_no_more()
        elif self._waiting is None and self.conn.their_state is h11.IDLE:
            self._wait()  # the first bytes of another request on a kept connection

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _too_slow(self) -> None:
        self._waiting = None
        if not self.transport.is_closing():
            detail = f"the header was not there within {HEADER_SECONDS:g} seconds"
            self._refuse(errors.ProblemDetail("request_timeout", detail))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's own word for it
        """Answers what h11 could not read: not HTTP, or a header that is too large."""
        if len(self.conn.trailing_data[0]) > MAX_HEADER_BYTES:
            detail = f"the header of a request has at most {MAX_HEADER_BYTES} bytes"
            self._refuse(errors.ProblemDetail("header_too_large", detail))
        else:
            self._refuse(errors.ProblemDetail("malformed_request", "this is not HTTP/1.1 as RFC 9112 has it"))

    def _refuse(self, problem: errors.ProblemDetail) -> None:
        """The answer, and then a close in two steps (RFC 9112 section 9.6).

        A close with bytes unread resets the connection, and a client that is still sending loses the answer.
        """
        self._wait_no_more()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()  # in the middle of another answer
            return
        content = strict_json.dumps(errors.problem_json([problem])).encode()
        head = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        status = errors.STATUSES[problem.code]
        for event in (h11.Response(status_code=status, headers=head), h11.Data(data=content)):
            self.transport.write(self.conn.send(event))
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        if self.cycle is not None:  # its body broke off: the reader learns that no more comes
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self.flow.resume_reading()
        self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)


class Server(uvicorn.Server):
    """Runs an application until a signal says stop; running requests get `GRACE` seconds to end.

    No new connection is taken from then on, and kept ones close after their answer.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=_Protocol,
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                lifespan="on",
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE,
            )
        )

    def run(self, sockets: list[socket] | None = None) -> None:
        """Serves until a signal to stop; then the caller goes on, and may end with exit code 0."""
        if threading.current_thread() is not threading.main_thread():
            super().run(sockets)
            return
        # uvicorn raises the signal once more when it is done, which would end the process as if killed.
        before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            super().run(sockets)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
