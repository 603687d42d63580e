"""Runs the service on loopback, and holds its answers and its log to the promises that all have."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from passwright.service.web import log
from passwright.service.web.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from starlette.types import ASGIApp

CANARY = "canary"


class Log(io.StringIO):
    """What was logged; nothing in it may be a secret of the tests, all of which hold the word canary."""

    def lines(self) -> list[dict[str, Any]]:
        """Every line so far as JSON."""
        text = self.getvalue()
        assert CANARY not in text.lower()
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def logged() -> Iterator[Log]:
    """Our log, as the service writes it, for as long as the block lasts."""
    names = ("", "passwright", "uvicorn", "uvicorn.error")
    before = [(logging.getLogger(each), logging.getLogger(each).level) for each in names]
    handlers, out = logging.getLogger().handlers[:], Log()
    log.configure(out, plain=False)
    try:
        yield out
        out.lines()
    finally:
        logging.getLogger().handlers[:] = handlers
        for each, level in before:
            each.setLevel(level)


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """A real server for an application, in a thread; its URL."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        server = Server(app, host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=40)
            assert not thread.is_alive(), "the server did not stop"


def check_answer(answer: httpx2.Response) -> None:
    """The promises of every answer: an id, no caching, no echo of secrets, errors in one shape."""
    answer.read()
    assert CANARY not in answer.text.lower(), answer.text
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.status_code < 500 or answer.headers.get("retry-after"), answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        check_errors(answer)


def check_errors(answer: httpx2.Response) -> None:
    """One shape, stable codes, no more than 50, below 64 KiB, nothing of our insides."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) < 64 * 2**10
    assert answer.json().keys() == {"errors"}
    assert 1 <= len(answer.json()["errors"]) <= 50
    for each in answer.json()["errors"]:
        assert each.keys() - {"source"} == {"status", "code", "title", "detail"}
        assert each.get("source", {"pointer": ""}).keys() <= {"pointer", "parameter", "header"}
    assert answer.json()["errors"][0]["status"] == str(answer.status_code)
    for inside in ("Traceback", ".py", "sqlite", "SELECT", "/src/"):
        assert inside not in answer.text


def codes(answer: httpx2.Response) -> list[str]:
    """The codes of an error."""
    return [each["code"] for each in answer.json()["errors"]]
