"""What somebody with bad intentions sends to the service: over HTTP, some of it byte by byte."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from sqlite3 import OperationalError
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import sqlalchemy as sa

from passwright.errors import StoreUnavailable
from passwright.service.settings import ServiceLimits
from passwright.service.store.protocol import MAX_PAGE_NUMBER
from passwright.service.store.sql import SqlStore
from passwright.service.web.state import MAX_BODIES
from passwright.strict_json import dumps
from passwright.testing.fakes.authenticator import FakeAuthenticator
from tests.run_service import BASE, GENEROUS, codes, service
from tests.service_context import HELP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.run_service import Service


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("attacks")) as made:
        yield made


@pytest.fixture
def visitor(running: Service) -> Iterator[httpx2.Client]:
    """A client of pages, whose errors are pages too."""
    with httpx2.Client(base_url=running.url, timeout=30) as client:
        yield client


def connected(running: Service) -> socket.socket:
    """A connection to the service, for what no HTTP client would send."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def sent(running: Service, head: str) -> str:
    """The whole answer to a request without a body."""
    with connected(running) as client:
        client.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        return b"".join(iter(lambda: client.recv(2**16), b"")).decode()


# --- where an answer leads ------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/v1/passes/", "/health/", "/p/token/", "/p/token/google/", "//evil.example/"]
)
def test_no_answer_leads_to_where_the_header_host_says(running: Service, path: str) -> None:
    for method in ("GET", "POST"):
        answer = sent(running, f"{method} {path} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0")
        assert answer.startswith("HTTP/1.1 404 ")
        assert "evil" not in answer
        assert "location:" not in answer.lower()


@pytest.mark.parametrize(
    "host", ["evil.example", "[", "a b", "x?y#", "a@b", "a:99999999999", "a/../b?", "\xff"]
)
def test_jwt_10_no_address_in_an_answer_comes_from_the_request(running: Service, host: str) -> None:
    page = running.bound().page
    head = f"Host: {host}\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example;proto=http"

    answer = sent(running, f"GET {page} HTTP/1.1\r\n{head}")

    assert answer.startswith("HTTP/1.1 200 ")
    assert "evil" not in answer
    assert set(re.findall(r'="(\w+:[^"]*)"', answer)) <= {HELP, "https://www.example.com/club"}


@pytest.mark.parametrize(
    "change",
    [".replace('/v1/', '%2Fv1/')", "+'%2f'", "+'%5C'", ".replace('/v1', '//v1')", "+';x=1'", "+'/.'"],
)
def test_a_path_written_otherwise_is_another_path(running: Service, change: str) -> None:
    """A proxy in front of us must see the same path as we do."""
    path = eval(f"'/api/v1/passes'{change}")

    answer = sent(running, f"GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {running.ours.key}")

    assert answer.startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_bnd_04_no_header_turns_a_look_into_an_action(running: Service, name: str) -> None:
    made = running.bound()
    for step in ("google", "apple", "apple/begin", "file"):
        for query in ("", "?_method=POST", "?_method=post&method=POST"):
            answer = running.holder.get(f"{made.page}/{step}{query}", headers={name: "POST"})
            assert answer.status_code == 405
            assert answer.headers["allow"] == "POST"
    assert running.show(made.id)["binding"]["platform"] is None


def test_an_upgrade_to_another_protocol_is_not_taken(running: Service) -> None:
    upgrade = "Host: h\r\nConnection: Upgrade\r\nUpgrade: {}\r\nSec-WebSocket-Key: AAAA"
    for protocol in ("websocket", "h2c", "TLS/1.0"):
        answer = sent(running, f"GET /p/token HTTP/1.1\r\n{upgrade.format(protocol)}")
        assert answer.startswith("HTTP/1.1 404 ")


def test_a_request_with_two_ends_is_not_answered_twice(running: Service) -> None:
    """Where a proxy counts by one header and we by the other, the rest would be somebody else's request."""
    ends = "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"
    smuggled = "0\r\n\r\nGET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    with connected(running) as client:
        client.sendall(f"POST /p/token/file HTTP/1.1\r\n{ends}\r\n\r\n{smuggled}".encode())
        answer = b"".join(iter(lambda: client.recv(2**16), b"")).decode()

    assert answer.startswith("HTTP/1.1 400 ")
    assert answer.count("HTTP/1.1 ") == 1


def test_api_01_of_two_keys_none_counts(running: Service) -> None:
    ours, theirs = (f"Authorization: Bearer {each.key}" for each in (running.ours, running.theirs))
    for first, second in (
        (ours, theirs),
        (ours, ours),
        (ours, "Authorization: x"),
        ("Authorization: x", ours),
    ):
        answer = sent(running, f"GET /api/v1/passes HTTP/1.1\r\nHost: h\r\n{first}\r\n{second}")
        assert answer.startswith("HTTP/1.1 401 ")


# --- what would break us later --------------------------------------------------


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59.999999-23:59", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"]
)
def test_a_time_at_the_end_of_the_calendar_breaks_no_list(running: Service, moment: str) -> None:
    """In UTC it would be no date any more: nothing that was kept with it could be read."""
    made = running.create()["data"]

    assert running.create(expiresAt=moment, status=422)["errors"][0]["source"] == {
        "pointer": "/pass/expiresAt"
    }
    assert running.patch(made["id"], {"pass": {"expiresAt": moment}}).status_code == 422
    assert running.client.get("/api/v1/passes").status_code == 200


@pytest.mark.parametrize("moment", ["9998-12-31T23:59:59.999999-23:59", "0002-01-01T00:00:00+23:59"])
def test_every_time_that_is_taken_can_be_shown(running: Service, visitor: httpx2.Client, moment: str) -> None:
    made = running.create(expiresAt=moment)["data"]
    assert running.show(made["id"])["expiresAt"]
    assert visitor.get(made["attributes"]["downloadUrl"].removeprefix(BASE)).status_code in {200, 410}


@pytest.mark.parametrize("page", [MAX_PAGE_NUMBER + 1, 10**6, 10**18, 2**63])
def test_api_06_there_is_a_last_page_number(running: Service, page: int) -> None:
    for path in ("passes", "pass-templates"):
        assert running.client.get(f"/api/v1/{path}", params={"page": MAX_PAGE_NUMBER}).status_code == 200
        answer = running.client.get(f"/api/v1/{path}", params={"page": page})
        assert (answer.status_code, codes(answer)) == (400, ["malformed_parameter"])


def test_a_definition_that_costs_the_parser_hours_is_not_parsed(running: Service) -> None:
    """A key of 200,000 dotted parts, or a table of as many: the parser takes steps by the square of them."""
    for toml in ("a" + ".a" * 200_000 + " = 1", "[a" + ".a" * 1500 + "]\n" + "k = 1\n" * 10_000):
        answer = running.client.post("/api/v1/pass-templates", json={"files": {"template.toml": toml}})
        assert answer.status_code == 422
        assert "[too-deep]" in answer.text


# --- who keeps others waiting ---------------------------------------------------


def asked_until(visitor: httpx2.Client, path: str, status: int) -> httpx2.Response:
    """The first answer with this status."""
    for _ in range(100):
        answer = visitor.post(path, json={})
        if answer.status_code == status:
            break
        time.sleep(0.02)
    assert answer.status_code == status
    return answer


@pytest.mark.parametrize("step", ["file", "apple/begin", "apple/complete"])
def test_api_05_slow_bodies_of_one_address_leave_room_for_others(
    running: Service, visitor: httpx2.Client, step: str
) -> None:
    """And when their senders go away, the log says nothing but that."""
    slow = f"POST /p/token/{step} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{{"
    with ExitStack() as clients:
        for _ in range(MAX_BODIES):
            clients.enter_context(connected(running)).sendall(slow.encode())
        answer = asked_until(visitor, f"/p/token/{step}", 429)  # until all of them have arrived
        assert answer.headers["retry-after"] == "1"
        assert running.client.get("/api/v1/passes").status_code == 200
        assert running.create()
    asked_until(visitor, f"/p/token/{step}", 404)  # until all of them have gone
    assert not [line for line in running.log.lines() if "traceback" in line]


def test_api_05_whoever_is_refused_while_it_sends_takes_nobodys_room(tmp_path: Path) -> None:
    """The connection stays for a moment, so that the answer can be read; the room of a request doesn't."""
    refused = b"POST /api/v1/passes HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{"
    with service(tmp_path, limits=replace(GENEROUS, at_once=4)) as running, ExitStack() as clients:
        for _ in range(8):
            client = clients.enter_context(connected(running))
            client.sendall(refused)
            assert client.recv(2**16).startswith(b"HTTP/1.1 401 ")
        assert running.create()


def test_bnd_18_whoever_guesses_at_links_is_counted_wherever_it_tries(tmp_path: Path) -> None:
    """Pictures and colours of a page that is there don't count: it may be looked at whole."""
    limits = ServiceLimits(visitor_per_second=1e-6, visitor_burst=3)
    with service(tmp_path, limits=limits) as running, httpx2.Client(base_url=running.url) as visitor:
        page = running.bound().page
        for _ in range(5):
            assert visitor.get(f"{page}/card.css").status_code == 200
        guesses = [visitor.get(path).status_code for path in ("/p/a/card.css", "/p/b/logo.png") * 3]
        assert guesses == [404, 404, 404, 429, 429, 429]


def test_ops_03_a_holder_is_told_to_come_again_when_the_database_is_busy(
    running: Service, visitor: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = running.bound()

    def busy(_: SqlStore) -> None:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as patched:
        patched.setattr(SqlStore, "writing", busy)
        answer = visitor.post(f"{made.page}/google")
        asked = running.holder.post(f"{made.page}/apple/begin", json={})

    assert answer.status_code == asked.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["retry-after"] == asked.headers["retry-after"]


# --- faults at a bad moment -----------------------------------------------------


def cut_off(running: Service, path: str, body: bytes, kind: str, after: int) -> bytes:
    """The first bytes of an answer whose client goes away then."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: {kind}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with connected(running) as client:
        client.sendall(head.encode() + body)
        got = b""
        while len(got) < after and (part := client.recv(min(1024, after - len(got)))):
            got += part
        return got


# From the first byte on: before it the answer may still be made, and a later begin would be cancelled by it.
@pytest.mark.parametrize("after", [1, 1024, 2048, 20 * 1024, 60 * 1024])
def test_bnd_08_a_download_cut_off_after_the_lock_can_be_had_again(running: Service, after: int) -> None:
    """Whichever answer is lost on its way, the pass stays Apple's and the same phone gets it."""
    made, phone = running.bound(), FakeAuthenticator(BASE)
    cut_off(running, f"{made.page}/apple/begin", b"{}", "application/json", after)
    offer = running.begin(made).json()
    proof = phone.create(offer["publicKey"])
    answer = {"attemptId": offer["attemptId"], "credential": proof}
    cut_off(running, f"{made.page}/apple/complete", dumps(answer).encode(), "application/json", after)
    assert running.google(made).status_code == 409
    ticket = running.complete(made, offer["attemptId"], proof).json()["ticket"]
    form = "application/x-www-form-urlencoded"
    cut_off(running, f"{made.page}/file", f"ticket={ticket}".encode(), form, after)

    again = running.begin(made).json()
    done = running.complete(made, again["attemptId"], phone.get(again["publicKey"])).json()

    assert running.file(made, done["ticket"]).content[:4] == b"PK\x03\x04"
    assert running.show(made.id)["binding"]["platform"] == "apple"
    assert running.google(made).status_code == 409


def test_ops_05_an_input_or_output_error_at_any_statement_acknowledges_nothing(running: Service) -> None:
    """Each statement of a create fails once: the client is told, and nothing of the pass is there."""
    engine = running.context.store._engine  # type: ignore[attr-defined]
    left = 0

    def fail(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise sa.exc.OperationalError(statement, parameters, OperationalError("disk I/O error"))

    sa.event.listen(engine, "before_cursor_execute", fail)
    total = running.client.get("/api/v1/passes").json()["meta"]["total"]
    try:
        for at in range(1, 100):
            left = at
            body = {
                "pass": {"values": {"fullName": "Jane"}},
                "binding": {"email": "jane.canary@gmail.com", "learnMoreUrl": HELP},
            }
            answer = running.client.post(
                "/api/v1/passes",
                params={"passTemplate": running.ours.template},
                json=body,
                headers={"Idempotency-Key": "fails-anywhere"},
            )
            failed, left = left <= 0, 0
            if not failed:
                break
            assert (answer.status_code, codes(answer)) == (503, ["try_again"])
            assert running.client.get("/api/v1/passes").json()["meta"]["total"] == total
    finally:
        sa.event.remove(engine, "before_cursor_execute", fail)

    assert at > 10
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers
