"""What clients may cost, over real connections: slow, endless, large, many, and broken."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from ipaddress import ip_network
from typing import TYPE_CHECKING

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from passwright.service.web import errors, server
from passwright.service.web.errors import HTTPProblem
from passwright.service.web.limits import Buckets, Rate, client_address, read_body
from passwright.service.web.middleware import OuterMiddleware
from tests.run_service import check_answer, codes, logged, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.run_service import Log

MAX = 1000
SECONDS = 0.5


async def take(request: Request) -> PlainTextResponse:
    body = await read_body(request, max_bytes=MAX, seconds=SECONDS)
    return PlainTextResponse(str(len(body)))


async def wait(_: Request) -> PlainTextResponse:
    await asyncio.sleep(0.5)
    return PlainTextResponse("waited")


async def fail(_: Request) -> PlainTextResponse:
    raise RuntimeError("it was jane.canary@example.com")


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with logged() as out:
        yield out


@pytest.fixture(scope="module")
def url(log: Log) -> Iterator[str]:
    routes = [
        Route("/take", take, methods=["POST"]),
        Route(
            "/leave", take, methods=["POST"]
        ),  # the line of an earlier request can't be mistaken for its own
        Route("/wait", wait),
        Route("/fail", fail),
        Route("/p/{token}", wait),
    ]
    app = Starlette(routes=routes, exception_handlers=dict(errors.HANDLERS))
    with serving(OuterMiddleware(app, max_at_once=3)) as where:
        yield where


@pytest.fixture
def client(url: str) -> Iterator[httpx2.Client]:
    hooks = {"response": [check_answer]}
    with httpx2.Client(base_url=url, event_hooks=hooks, timeout=20) as made:
        yield made


def connection(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def said(sock: socket.socket) -> bytes:
    """Everything the server says until it ends its side of the connection."""
    out = b""
    while part := sock.recv(65536):
        out += part
    return out


def test_a_body_within_the_limit_is_read(client: httpx2.Client) -> None:
    assert client.post("/take", content=b"x" * MAX).text == str(MAX)


def test_api_05_a_body_that_says_it_is_too_large_is_not_read(url: str) -> None:
    """10 GB by its own word; the answer comes after the first bytes of it."""
    with connection(url) as sock:
        sock.sendall(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\nfirst bytes")
        answer = sock.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_api_05_a_body_without_end_is_cut_off(client: httpx2.Client) -> None:
    """Chunked and never finished: a client that goes on sending still gets to read why it was refused."""

    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 2**16

    answer = client.post("/take", content=endless())

    assert codes(answer) == ["body_too_large"]


def test_api_05_a_body_that_drips_is_given_up(client: httpx2.Client) -> None:
    def dripping() -> Iterator[bytes]:
        for _ in range(20):
            time.sleep(0.1)
            yield b"x"

    answer = client.post("/take", content=dripping())

    assert answer.status_code == 408
    assert codes(answer) == ["request_timeout"]


def test_api_05_a_compressed_body_is_refused(client: httpx2.Client) -> None:
    answer = client.post("/take", content=b"x", headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415
    assert answer.json()["errors"][0]["source"] == {"header": "Content-Encoding"}


def test_api_05_ten_thousand_header_fields_are_refused(url: str) -> None:
    """At whatever pace they come."""
    fields = b"".join(b"X-%d: 1\r\n" % number for number in range(10_000))
    with connection(url) as sock:
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields + b"\r\n")
        answer = said(sock)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"header_too_large"' in answer

    with connection(url) as sock:
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\nX: ")
        for _ in range(20):
            sock.sendall(b"x" * 1000)
            time.sleep(0.001)
        assert said(sock).startswith(b"HTTP/1.1 431 ")


def test_api_05_header_fields_that_never_end_are_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte at a time: on a new connection, and on one that was used before."""
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
    for before in (b"", b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"):
        with connection(url) as sock:
            sock.sendall(before)
            if before:
                assert b"404" in sock.recv(65536)
            drip = threading.Thread(target=dripping_header, args=(sock,))
            drip.start()
            answer = said(sock)
            drip.join()
        assert b"HTTP/1.1 408 " in answer


def dripping_header(sock: socket.socket) -> None:
    for byte in b"GET /wait HTTP/1.1\r\nHost: a-very-long-name.example.com\r\n\r\n":
        try:
            sock.send(bytes((byte,)))
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("text", [b"GARBAGE\r\n\r\n", b"GET /\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n"])
def test_what_is_no_http_is_told_so_in_the_shape_of_all_errors(url: str, text: bytes) -> None:
    with connection(url) as sock:
        sock.sendall(text)
        answer = said(sock)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"}]}")
    assert b'"malformed_request"' in answer


def test_api_05_a_client_that_still_sends_reads_why_it_was_refused(url: str) -> None:
    """RFC 9112 section 9.6: it looks for an answer only when it has sent everything."""
    with connection(url) as sock:
        sock.sendall(b"GARBAGE\r\n\r\n")
        for _ in range(10):
            time.sleep(0.02)
            sock.sendall(b"x" * 50_000 + b"\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = said(sock)

    assert answer.count(b"HTTP/1.1 4") == 1, "what comes after it is no request"
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"}]}")


@pytest.mark.parametrize(
    ("limit", "pieces"), [({"LINGER_SECONDS": 0.2}, b"x"), ({"LINGER_BYTES": 100_000}, b"x" * 10_000)]
)
def test_api_05_a_refused_client_that_never_stops_is_cut_off(
    url: str, monkeypatch: pytest.MonkeyPatch, limit: dict[str, float], pieces: bytes
) -> None:
    """By time, and by how much it sends."""
    for name, value in ({"LINGER_SECONDS": 20} | limit).items():
        monkeypatch.setattr(server, name, value)
    with connection(url) as sock:
        sock.sendall(b"GARBAGE\r\n\r\n")
        assert said(sock).startswith(b"HTTP/1.1 400 ")
        with pytest.raises(OSError):  # noqa: PT011, PT012 -- reset or broken pipe, by chance
            for _ in range(100):
                time.sleep(0.05)
                sock.sendall(pieces)


def test_a_client_that_goes_away_is_no_failure_of_ours(url: str, log: Log) -> None:
    """Halfway through its body; the log says so with a status of its own."""
    with connection(url) as sock:
        sock.sendall(b"POST /leave HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
        time.sleep(0.1)
    for _ in range(100):
        told = [each for each in log.lines() if each.get("route") == "/leave"]
        if told:
            break
        time.sleep(0.01)

    assert [each["status"] for each in told] == [499]


@pytest.mark.parametrize("rest", [b"", b"5\r\nfirst\r\n"])
def test_a_body_in_broken_chunks_has_one_answer(url: str, log: Log, rest: bytes) -> None:
    """Whether the break comes with the header, or while the body is being read."""
    with connection(url) as sock:
        sock.sendall(b"POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + rest)
        if rest:
            time.sleep(0.1)
        sock.sendall(b"no length\r\n\r\n")
        answer = said(sock)

    assert answer.count(b"HTTP/1.1 4") == 1
    assert b'"malformed_request"' in answer
    time.sleep(0.1)
    assert not [each for each in log.lines() if each["level"] == "error" and "POST" in str(each)]


def test_a_body_that_breaks_after_its_answer_changes_nothing_of_it(url: str) -> None:
    with connection(url) as sock:
        sock.sendall(b"POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.sendall(b"7d0\r\n" + b"x" * 2000 + b"\r\n")
        answer = sock.recv(65536)
        sock.sendall(b"no length\r\n\r\n")
        answer += said(sock)

    assert answer.count(b"HTTP/1.1 4") == 1
    assert b'"body_too_large"' in answer


def test_more_connections_than_a_process_can_hold_are_closed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 0)
    with connection(url) as sock, pytest.raises(OSError):  # noqa: PT011, PT012 -- reset or broken pipe, by chance
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        if said(sock) == b"":
            raise ConnectionResetError


def test_ops_03_requests_beyond_what_can_be_worked_on_are_told_at_once(url: str) -> None:
    """Three may wait; the others have their answer long before."""
    found: list[tuple[int, float]] = []

    def ask() -> None:
        started = time.monotonic()
        answer = httpx2.get(f"{url}/wait", timeout=20)
        check_answer(answer)
        found.append((answer.status_code, time.monotonic() - started))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(status for status, _ in found) == [200] * 3 + [503] * 5


def test_api_10_a_failure_nobody_foresaw_shows_nothing_of_itself(
    client: httpx2.Client, log: Log, url: str
) -> None:
    """The client gets an id, the log the traceback under the same id, without the address in it."""
    answer = httpx2.get(f"{url}/fail")

    assert answer.status_code == 500
    assert codes(answer) == ["internal_error"]
    assert "canary" not in answer.text
    told = log.of(answer)
    assert told[0]["level"] == "error"
    assert "RuntimeError: it was (address)" in told[0]["traceback"]
    assert answer.headers["x-request-id"] in answer.text
    del client


def test_ops_11_a_line_of_the_log_names_the_route_and_never_the_path(client: httpx2.Client, log: Log) -> None:
    """Paths hold tokens and ids; methods that nobody knows are one word."""
    answers = [
        client.get("/p/canary-token?email=canary@example.com"),
        client.request("CANARY", "/p/x"),
        client.get("/nowhere/canary"),
    ]

    told = [log.of(each)[-1] for each in answers]
    assert [(each["method"], each["route"], each["status"]) for each in told] == [
        ("GET", "/p/{token}", 200),
        ("other", "/p/{token}", 405),
        ("GET", "none", 404),
    ]


def test_api_09_a_bucket_lets_through_what_its_rate_allows() -> None:
    """OPS-06: by the monotonic clock; each name has its own, and old names are forgotten."""
    now = 0.0
    buckets = Buckets(Rate(per_second=2, burst=3), capacity=2, clock=lambda: now)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(HTTPProblem) as caught:
        buckets.take("a")
    assert caught.value.headers == {"Retry-After": "1"}
    buckets.take("b")
    now = 0.5
    buckets.take("a")
    with pytest.raises(HTTPProblem):
        buckets.take("a")
    now = 100.0
    for _ in range(3):
        buckets.take("a")
    buckets.take("b")
    buckets.take("c")
    for _ in range(3):
        buckets.take("a")  # forgotten in favour of b and c


def test_a_refused_request_does_not_make_the_wait_longer() -> None:
    now = 0.0
    buckets = Buckets(Rate(per_second=1, burst=1), clock=lambda: now)
    buckets.take("a")
    for _ in range(100):
        with pytest.raises(HTTPProblem):
            buckets.take("a")
    now = 1.0
    buckets.take("a")


def asked(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # nobody we know said that
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.2.3.4, 198.51.100.1",), "198.51.100.1"),  # the client made up the first
        ("10.0.0.1", ("1.2.3.4", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.3",), "10.0.0.3"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", ("2001:db8:1:2:ffff::1",), "2001:db8:1:2::/64"),
        ("/run/socket", (), "/run/socket"),
    ],
)
def test_api_09_a_client_is_known_by_what_trusted_proxies_say(
    peer: str, forwarded: tuple[str, ...], counted: str
) -> None:
    assert client_address(asked(peer, *forwarded), (ip_network("10.0.0.0/8"),)) == counted


def test_every_code_of_the_table_has_an_explanation() -> None:
    for code in errors.STATUSES:
        assert re.fullmatch(r"[1-5]\d\d", errors.ProblemDetail(code, "x").as_json()["status"])
