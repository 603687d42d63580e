"""Runs the service on loopback, and holds its answers and its log to the promises that all have."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2

from passwright.service import api_keys
from passwright.service.proofs.passkeys import PasskeyProvider
from passwright.service.settings import ServiceLimits, Settings
from passwright.service.store.protocol import Organisation
from passwright.service.store.sql import SqlStore
from passwright.service.vault import Vault
from passwright.service.web import logging as web_logging
from passwright.service.web.app import create_app
from passwright.service.web.server import Server
from tests.service_context import AT, HELP, KEYS, desk_of, membership

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from starlette.types import ASGIApp

    from passwright.service.context import ServiceContext
    from passwright.testing.fakes.authenticator import FakeAuthenticator

CANARY = "canary"
BASE = "https://passes.example.com"


class Log(io.StringIO):
    """What was logged; nothing in it may be a secret of the tests, all of which hold the word canary."""

    def lines(self) -> list[dict[str, Any]]:
        """Every line so far as JSON."""
        text = self.getvalue()
        assert CANARY not in text.lower()
        return [json.loads(line) for line in text.splitlines()]

    def of(self, answer: httpx2.Response) -> list[dict[str, Any]]:
        """The lines about a request. The last of them comes after its answer."""
        for _ in range(1000):
            found = [
                each for each in self.lines() if each.get("request_id") == answer.headers["x-request-id"]
            ]
            if any("route" in each for each in found):
                return found
            time.sleep(0.01)
        raise AssertionError("the request was never logged")


@contextmanager
def logged() -> Iterator[Log]:
    """Our log, as the service writes it, for as long as the block lasts."""
    names = ("", "passwright", "uvicorn", "uvicorn.error")
    before = [(logging.getLogger(each), logging.getLogger(each).level) for each in names]
    handlers, out = logging.getLogger().handlers[:], Log()
    web_logging.configure(out, plain=False)
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
    assert "no-store" in answer.headers["cache-control"] or answer.status_code == 200
    if answer.status_code >= 400 and answer.headers.get("content-type", "").startswith("text/html"):
        assert answer.request.url.path.startswith("/p/"), "people alone get pages"
    elif answer.status_code >= 400 and answer.request.method != "HEAD":
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


class Service:
    """A service on loopback with two organisations, each with a key and the membership template.

    `at` is its clock; `context` its inside, for looking at what it keeps.
    """

    def __init__(self, context: ServiceContext, url: str, log_: Log, clock: Clock) -> None:
        self.context, self.url, self.log, self.clock = context, url, log_, clock
        self.ours, self.theirs = (self._organisation(name) for name in ("org-1", "org-2"))
        self.client = self.client_of(self.ours.key)
        self.holder = self.client_of(None)

    def _organisation(self, name: str) -> Issuing:
        with self.context.store.writing() as transaction:
            transaction.put_organisation(Organisation(id=name, name=name))
        key, _ = api_keys.add(self.context, name, "tests", at=AT)
        return Issuing(name, key, membership(self.context, name).id)

    def client_of(self, key: str | None) -> httpx2.Client:
        """A client whose answers are all held to the promises."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        hooks = {"response": [check_answer]}
        return httpx2.Client(base_url=self.url, headers=headers, event_hooks=hooks, timeout=30)

    def create(self, *, status: int = 201, binding: Any = None, **members: Any) -> dict[str, Any]:
        """The answer to a create of one of our passes; `members` are of the member `pass`."""
        body: dict[str, Any] = {"pass": {"values": {"fullName": "Jane Smith"}, **members}}
        if binding is not None:
            body["binding"] = binding
        answer = self.client.post("/api/v1/passes", params={"passTemplate": self.ours.template}, json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def bound(self, email: str = "jane.canary@gmail.com", **members: Any) -> Made:
        """A new bound pass of ours."""
        made = self.create(binding={"email": email, "learnMoreUrl": HELP}, **members)["data"]
        return Made(made["id"], made["attributes"]["downloadUrl"].removeprefix(BASE), email)

    def show(self, pass_id: str, **params: Any) -> dict[str, Any]:
        """The attributes of one of our passes."""
        answer = self.client.get(f"/api/v1/passes/{pass_id}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]["attributes"]
        return found

    # --- as a holder does ---

    def google(self, made: Made) -> httpx2.Response:
        """What the button for Google answers."""
        return self.holder.post(f"{made.page}/google")

    def begin(self, made: Made) -> httpx2.Response:
        """What the button for Apple answers."""
        return self.holder.post(f"{made.page}/apple/begin", json={})

    def complete(self, made: Made, attempt_id: object, credential: object) -> httpx2.Response:
        """What a device's proof is answered with."""
        payload = {"attemptId": attempt_id, "credential": credential}
        return self.holder.post(f"{made.page}/apple/complete", json=payload)

    def file(self, made: Made, ticket: str) -> httpx2.Response:
        """What a ticket is worth."""
        return self.holder.post(f"{made.page}/file", data={"ticket": ticket})

    def bind_to_apple(self, made: Made, phone: FakeAuthenticator) -> bytes:
        """The whole ceremony; the pass file."""
        offer = self.begin(made).json()
        done = self.complete(made, offer["attemptId"], phone.create(offer["publicKey"]))
        assert done.status_code == 200, done.text
        answer = self.file(made, done.json()["ticket"])
        assert answer.status_code == 200, answer.text
        return answer.content

    def patch(self, pass_id: str, body: Any, **more: Any) -> httpx2.Response:
        """The answer to an update of one of our passes."""
        return self.client.patch(f"/api/v1/passes/{pass_id}", json=body, **more)


@dataclass(frozen=True)
class Issuing:
    """An organisation: its id, its key, its template."""

    id: str
    key: str
    template: str


@dataclass(frozen=True)
class Made:
    """A pass that was created: its id, the path of its page, the address it is bound to."""

    id: str
    page: str
    email: str


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def add(self, **delta: float) -> None:
        """Lets time pass."""
        self.at += timedelta(**delta)


# No test but those of limits is about limits.
GENEROUS = ServiceLimits(
    key_per_second=1e6, key_burst=10**6, visitor_per_second=1e6, visitor_burst=10**6, at_once=400
)


@contextmanager
def service(
    folder: Path, *, limits: ServiceLimits = GENEROUS, now: datetime = AT, **more: Any
) -> Iterator[Service]:
    """A service on a new database in this folder, started at this time; `more` are members of its context."""
    store = SqlStore(f"sqlite:///{folder / 'passes.db'}")
    given = {
        "provider": PasskeyProvider(origin=BASE, name="Example Coffee Roasters", vault=Vault(KEYS)),
        **more,
    }
    context, clock = desk_of(store, **given), Clock(now)
    settings = Settings(base_url=BASE, database="sqlite", limits=limits, example=True)
    with logged() as log_, serving(create_app(context, settings, now=clock)) as url:
        made = Service(context, url, log_, clock)
        with made.client, made.holder:
            yield made
