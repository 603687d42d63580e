"""The REST API: what is sent, what answers mean, and a client against a fake Google."""

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import googleapiclient
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import passwright as pw
from passwright.errors import GoogleError, KeyMaterialError
from passwright.examples.authority import example_template_directory, new_key
from passwright.google.api import compare, errors, transport
from passwright.google.api import requests as api_client
from passwright.google.api.client import Client
from passwright.google.api.requests import TYPES, Request
from passwright.testing.fakes.google import FakeGoogle, Fault, Seen

ISSUER = "3388000000012345678"
CLASS = f"{ISSUER}.club"
OBJECT = f"{ISSUER}.M-0001"
DISCOVERY = json.loads(
    (Path(googleapiclient.__file__).parent / "discovery_cache/documents/walletobjects.v1.json").read_bytes()
)


def loyalty_class(**more: Any) -> dict[str, Any]:
    return {
        "id": CLASS,
        "issuerName": "Example Coffee",
        "programName": "Coffee Club",
        "programLogo": {"sourceUri": {"uri": "https://cdn.example.com/logo.png"}},
        "reviewStatus": "UNDER_REVIEW",
        **more,
    }


def loyalty_object(**more: Any) -> dict[str, Any]:
    return {"id": OBJECT, "classId": CLASS, "state": "ACTIVE", "accountName": "Jane Smith", **more}


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle() as running:
        yield running


@pytest.fixture
def client(google: FakeGoogle) -> Iterator[Client]:
    with google.client() as connected:
        yield connected


def sent(google: FakeGoogle) -> list[tuple[str, int]]:
    """What came in for resources: method and status."""
    return [(each.method, each.status) for each in google.seen if each.path != "/token"]


# Requests


URL = "https://walletobjects.googleapis.com/walletobjects/v1"
SHAPES: list[tuple[Request, str, str, Any]] = [
    (api_client.insert("loyaltyClass", {"id": "1.a"}), "POST", "/loyaltyClass", {"id": "1.a"}),
    (api_client.get("offerObject", "1.a"), "GET", "/offerObject/1.a", None),
    (
        api_client.patch("flightObject", "1.a", {"state": "ACTIVE"}),
        "PATCH",
        "/flightObject/1.a",
        {"state": "ACTIVE"},
    ),
    (
        api_client.patch("flightClass", "1.a", {"issuerName": "E"}),
        *("PATCH", "/flightClass/1.a", {"issuerName": "E", "reviewStatus": "UNDER_REVIEW"}),
    ),
    (
        api_client.patch("flightClass", "1.a", {"reviewStatus": "DRAFT"}),
        *("PATCH", "/flightClass/1.a", {"reviewStatus": "DRAFT"}),
    ),
    (api_client.patch("genericClass", "1.a", {}), "PATCH", "/genericClass/1.a", {}),
    (
        api_client.update(
            "giftCardClass",
            {key: {} for key in ("kind", "version", "review", "hasUsers", "classReference")}
            | {"id": "1.a", "reviewStatus": "approved", "issuerName": "E"},
        ),
        *("PUT", "/giftCardClass/1.a", {"id": "1.a", "reviewStatus": "UNDER_REVIEW", "issuerName": "E"}),
    ),
    (
        api_client.update(
            "transitObject", {"id": "1.a", "hasUsers": True, "classReference": {}, "state": "ACTIVE"}
        ),
        *("PUT", "/transitObject/1.a", {"id": "1.a", "state": "ACTIVE"}),
    ),
    (api_client.list_("eventTicketClass", "1"), "GET", "/eventTicketClass?issuerId=1", None),
    (
        api_client.list_("eventTicketObject", "1.a", token="x/y&z", max_results=5),
        *("GET", "/eventTicketObject?classId=1.a&maxResults=5&token=x%2Fy%26z", None),
    ),
    (
        api_client.add_message("loyaltyObject", "1.a", {"header": "Hello", "body": "Grüße"}),
        *("POST", "/loyaltyObject/1.a/addMessage", {"message": {"header": "Hello", "body": "Grüße"}}),
    ),
    (api_client.expire("loyaltyObject", "1.a"), "PATCH", "/loyaltyObject/1.a", {"state": "EXPIRED"}),
    (api_client.get("loyaltyObject", "1.a/b?c#d e"), "GET", "/loyaltyObject/1.a%2Fb%3Fc%23d%20e", None),
]


@pytest.mark.parametrize(("request_", "method", "path", "content"), SHAPES)
def test_a_request_has_the_shape_google_asks_for(
    request_: Request, method: str, path: str, content: Any
) -> None:
    assert (request_.method, request_.url) == (method, URL + path)
    assert request_.headers["Accept"] == "application/json"
    if content is None:
        assert request_.body == b""
        assert "Content-Type" not in request_.headers
    else:
        assert json.loads(request_.body) == content
        assert request_.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("type_", TYPES)
def test_requests_agree_with_googles_own_description(type_: str) -> None:
    """Method, path and query parameters of each call are those of the discovery document."""
    methods = DISCOVERY["resources"][type_.lower()]["methods"]
    made = {
        "insert": api_client.insert(type_, {}),
        "get": api_client.get(type_, "1.a"),
        "list": api_client.list_(type_, "1", token="t", max_results=1),
        "patch": api_client.patch(type_, "1.a", {}),
        "update": api_client.update(type_, {"id": "1.a"}),
        "addmessage": api_client.add_message(type_, "1.a", {}),
    }
    for name, request in made.items():
        parts = urlsplit(request.url)
        assert request.method == methods[name]["httpMethod"]
        assert request.url.startswith(DISCOVERY["baseUrl"])
        assert parts.path == "/" + methods[name]["path"].replace("{resourceId}", "1.a")
        assert {each.split("=")[0] for each in parts.query.split("&") if each} <= set(
            methods[name]["parameters"]
        )
    assert list(DISCOVERY["auth"]["oauth2"]["scopes"]) == [api_client.SCOPE]


def test_every_class_and_object_of_the_seven_verticals_is_a_type() -> None:
    described = {name for name in DISCOVERY["resources"] if name.endswith(("class", "object"))}
    assert {type_.lower() for type_ in TYPES} == described
    assert len(TYPES) == 14


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: api_client.get("loyaltyclass", "1.a"), "did you mean 'loyaltyClass'"),
        (lambda: api_client.insert("LoyaltyObjects", {}), "did you mean 'loyaltyObject'"),
        (lambda: api_client.get("x", "1.a"), "no resource 'x'$"),
        (lambda: api_client.get("loyaltyClass", ""), "named by its id"),
        (lambda: api_client.get("loyaltyClass", ".."), "named by its id"),
        (lambda: api_client.patch("loyaltyClass", ".", {}), "named by its id"),
        (lambda: api_client.list_("loyaltyClass", ""), "by issuer id"),
        (lambda: api_client.list_("loyaltyClass", "1", max_results=0), "1 or more"),
        (lambda: api_client.expire("loyaltyClass", "1.a"), "is a class"),
        (lambda: api_client.update("loyaltyClass", {}), "has no id"),
        (lambda: api_client.upsert("loyaltyClass", {"id": 5}), "has no id"),
        (lambda: api_client.upsert("loyalty", {"id": "1.a"}), "did you mean"),
    ],
)
def test_a_mistake_of_the_caller_is_a_value_error_at_once(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def circle() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["again"] = found
    return found


def deep() -> Any:
    found: Any = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    "make",
    [lambda: float("nan"), object, lambda: "\ud800", lambda: {1, 2}, lambda: b"x", circle, deep],
    ids=["float", "object", "str", "set", "bytes", "circle", "deep"],
)
def test_content_that_json_cannot_say_is_refused_without_showing_it(make: Callable[[], Any]) -> None:
    value = make()
    with pytest.raises(ValueError, match="JSON can't say") as caught:
        api_client.insert("loyaltyObject", {"id": "1.a", "secret": value})
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_a_request_shows_no_content() -> None:
    """A body names holders."""
    assert "Jane" not in repr(api_client.insert("loyaltyObject", loyalty_object()))


# Answers


def error(reason: str = "", message: str = "", **more: Any) -> bytes:
    details = (
        {"errors": [{"reason": reason, "domain": "walletobjects", "message": message}]} if reason else {}
    )
    return json.dumps({"error": {"message": message, **details, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "reason", "advice"),
    [
        (400, error("invalidResource", "Invalid resource ID: x"), "invalidResource", "the suffix allows"),
        (400, error("badRequest", "Invalid review status"), "badRequest", "UNDER_REVIEW"),
        (400, error("badRequest", "Image cannot be loaded."), "badRequest", "picture"),
        (400, error("badRequest", "Request contains an invalid argument"), "badRequest", "passwright.check"),
        (401, error("authError", "Invalid Credentials"), "authError", "access token is missing"),
        (403, error("permissionDenied", "Permission denied."), "permissionDenied", "Pay & Wallet console"),
        (403, error("insufficientPermissions", ""), "insufficientPermissions", "lacks the scope"),
        (403, error("accessNotConfigured", "API has not been used in project"), None, "switch on"),
        (403, error("x", "QuotaExceededException"), "x", "quota is used up"),
        (429, error("rateLimitExceeded", "Quota exceeded"), "rateLimitExceeded", "quota is used up"),
        (429, b"", "too-many-requests", "20 a second"),
        (404, error("classNotFound", ""), "classNotFound", "insert it first"),
        (409, error("existingResource", ""), "existingResource", "ids are for ever"),
        (412, error(), "precondition-failed", "read it again"),
        (413, b"<html>", None, "too large"),
        (503, b"<html>", "service-unavailable", "try again later"),
        (403, error(status="PERMISSION_DENIED"), "PERMISSION_DENIED", "Developer"),
        (302, b"", "found", "does not document"),
        (799, b"", "unknown-status", "does not document"),
        (404, b'{"error": "text"}', "not-found", "insert it first"),
        (404, b'{"error": {"errors": [7], "message": 7}}', "not-found", "insert it first"),
        (404, b'{"error": {"errors": [{"reason": "two words"}]}}', "not-found", "insert it first"),
        (404, b'[{"error": {}}]', "not-found", "insert it first"),
    ],
)
def test_an_error_says_what_usually_helps(status: int, body: bytes, reason: str | None, advice: str) -> None:
    with pytest.raises(GoogleError, match=advice) as caught:
        api_client.read_response(status, body)
    assert caught.value.status == status
    assert reason is None or caught.value.reason == reason


def test_an_error_does_not_repeat_googles_text() -> None:
    """It names accounts, and parts of what was sent."""
    body = error("permissionDenied", "jane@example.com did not have edit access", details=["secret"])
    with pytest.raises(GoogleError) as caught:
        api_client.read_response(403, body)
    assert "jane" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_every_cause_can_be_met() -> None:
    """No entry is hidden behind one before it, and every status that is met has one."""
    for index, cause in enumerate(errors.CAUSES):
        before = errors.CAUSES[:index]
        assert not any(cause.statuses <= each.statuses and each.pattern == "" for each in before), cause
    met = frozenset[int]().union(*(cause.statuses for cause in errors.CAUSES if not cause.pattern))
    assert {0, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504} <= met


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"7", b'{"a":1,"a":2}', b"{", b"\xff"],
    ids=lambda body: body.decode("latin1"),
)
def test_a_success_that_is_no_json_object_is_an_error(body: bytes) -> None:
    with pytest.raises(GoogleError) as caught:
        api_client.read_response(200, body)
    assert (caught.value.status, caught.value.reason) == (200, "bad-answer")


def test_a_success_is_what_it_says() -> None:
    assert api_client.read_response(200, b'{"id": "1.a", "newerThanUs": {}}') == {
        "id": "1.a",
        "newerThanUs": {},
    }


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["error", "errors", "reason", "message", "status"]), inner)
    ),
)


@given(st.integers(300, 999), st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_whatever_comes_instead_of_a_success_is_a_google_error(status: int, body: bytes) -> None:
    with pytest.raises(GoogleError) as caught:
        api_client.read_response(status, body)
    assert caught.value.status == status
    assert len(str(caught.value)) < 500


# Is it stored already?


@pytest.mark.parametrize(
    ("ours", "theirs", "held"),
    [
        ({"programName": "A"}, {"programName": "A", "kind": "k", "newer": 1}, True),
        ({"programName": "A"}, {"programName": "B"}, False),
        ({"programName": "A"}, {}, False),
        ({"reviewStatus": "UNDER_REVIEW"}, {"reviewStatus": "approved"}, True),
        ({"reviewStatus": "UNDER_REVIEW"}, {"reviewStatus": "underReview"}, True),
        ({"reviewStatus": "UNDER_REVIEW"}, {"reviewStatus": "draft"}, False),
        ({"reviewStatus": "UNDER_REVIEW"}, {"reviewStatus": "rejected"}, False),
        ({"reviewStatus": "DRAFT"}, {"reviewStatus": "draft"}, True),
        ({"reviewStatus": "DRAFT"}, {"reviewStatus": "APPROVED"}, True),
        ({"notifyPreference": "NOTIFY_ON_UPDATE"}, {}, True),
        ({"viewUnlockRequirement": "UNLOCK_NOT_REQUIRED"},
         {"viewUnlockRequirement": "unlockNotRequired"}, True),
        ({"viewUnlockRequirement": "UNLOCK_NOT_REQUIRED"}, {"viewUnlockRequirement": "other"}, False),
        ({"viewUnlockRequirement": "VIEW_UNLOCK_REQUIREMENT_UNSPECIFIED"}, {}, True),
        ({"programName": "Ab"}, {"programName": "ab"}, False),
        ({"enableSmartTap": False}, {}, True),
        ({"enableSmartTap": True}, {}, False),
        ({"enableSmartTap": True}, {"enableSmartTap": 1}, False),
        ({"redemptionIssuers": []}, {}, True),
        ({"redemptionIssuers": ["1"]}, {"redemptionIssuers": ["1"]}, True),
        ({"redemptionIssuers": ["1"]}, {"redemptionIssuers": ["1", "2"]}, False),
        ({"programLogo": {"sourceUri": {"uri": "https://a"}}},
         {"programLogo": {"sourceUri": {"uri": "https://a", "description": "x"}, "kind": "i"}}, True),
        ({"programLogo": {"sourceUri": {"uri": "https://a"}}}, {"programLogo": {"sourceUri": {}}}, False),
        ({"programLogo": {"sourceUri": {"uri": "https://a"}}}, {"programLogo": "https://a"}, False),
        ({"messages": [{"messageType": "TEXT_AND_NOTIFY"}]},
         {"messages": [{"messageType": "textAndNotify"}]}, True),
        ({"messages": [{"header": "A"}]}, {"messages": [{"header": "B"}]}, False),
        ({"ofAnotherTime": {"a": {"b": "QR_CODE"}}}, {"ofAnotherTime": {"a": {"b": "QR_CODE"}}}, True),
        ({"ofAnotherTime": {"a": {"b": "QR_CODE"}}}, {"ofAnotherTime": {"a": {"b": "qrCode"}}}, False),
    ],
)  # fmt: skip
def test_what_google_holds_is_compared_as_google_answers_it(
    ours: dict[str, Any], theirs: dict[str, Any], *, held: bool
) -> None:
    """Camel-case values, members left out that equal their default, and members of the platform."""
    assert compare.contains("loyaltyClass", ours, theirs) is held


# The conversation of put, by hand


def talk(
    steps: Generator[Request, tuple[int, bytes], dict[str, Any]], *answers: tuple[int, Any]
) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The requests of a conversation, and what it returns."""
    asked: list[tuple[str, Any]] = []
    request = next(steps)
    for status, content in answers:
        asked.append((request.method, json.loads(request.body or b"null")))
        try:
            request = steps.send((status, json.dumps(content).encode()))
        except StopIteration as done:
            return asked, done.value
    raise AssertionError("it asks for more than there are answers")


def test_put_inserts() -> None:
    asked, value = talk(api_client.upsert("loyaltyClass", loyalty_class()), (200, {"id": CLASS}))
    assert asked == [("POST", loyalty_class())]
    assert value == {"id": CLASS}


def test_cbk_10_a_taken_id_is_a_success_when_google_holds_the_same() -> None:
    held = loyalty_class(reviewStatus="approved", kind="k", version="1")
    asked, value = talk(api_client.upsert("loyaltyClass", loyalty_class()), (409, {}), (200, held))
    assert [method for method, _ in asked] == ["POST", "GET"]
    assert value == held


def test_put_patches_what_differs_and_asks_for_the_review() -> None:
    held = loyalty_class(reviewStatus="approved", programName="Old")
    asked, value = talk(
        api_client.upsert("loyaltyClass", loyalty_class()), (409, {}), (200, held), (200, {"new": True})
    )
    assert [method for method, _ in asked] == ["POST", "GET", "PATCH"]
    patched = asked[2][1]
    assert "id" not in patched
    assert {**patched, "id": CLASS} == loyalty_class()
    assert value == {"new": True}


def test_put_of_an_object_sends_no_review() -> None:
    held = loyalty_object(accountName="Somebody else")
    asked, _ = talk(api_client.upsert("loyaltyObject", loyalty_object()), (409, {}), (200, held), (200, {}))
    assert "reviewStatus" not in asked[2][1]


@pytest.mark.parametrize(
    "answers",
    [[(403, {})], [(409, {}), (404, {})], [(409, {}), (200, {}), (400, {})]],
    ids=["insert", "get", "patch"],
)
def test_an_error_ends_the_conversation(answers: list[tuple[int, Any]]) -> None:
    with pytest.raises(GoogleError) as caught:
        talk(api_client.upsert("loyaltyClass", loyalty_class()), *answers)
    assert caught.value.status == answers[-1][0]


def test_put_says_what_it_was_given_though_that_changes_later() -> None:
    given = loyalty_object()
    steps = api_client.upsert("loyaltyObject", given)
    given["accountName"] = "Eve"
    asked, _ = talk(steps, (409, {}), (200, {}), (200, {}))
    assert asked[0][1]["accountName"] == asked[2][1]["accountName"] == "Jane Smith"


# Waits


@pytest.mark.parametrize(
    ("status", "headers", "attempt", "random", "seconds"),
    [
        (503, {}, 1, 0.0, 1.0),
        (503, {}, 1, 1.0, 0.5),
        (500, {}, 3, 0.0, 4.0),
        (502, {}, 6, 0.0, 32.0),
        (504, {}, 20, 0.0, 32.0),
        (0, {}, 2, 0.5, 1.5),
        (429, {"retry-after": "7"}, 1, 0.0, 7.0),
        (429, {"retry-after": "0"}, 1, 0.0, 1.0),
        (429, {"retry-after": " 60 "}, 1, 0.0, 60.0),
        (429, {"retry-after": "61"}, 1, 0.0, None),
        (429, {"retry-after": "9" * 5000}, 1, 0.0, None),
        (503, {"retry-after": "soon"}, 1, 0.0, 1.0),
        (503, {"retry-after": "²"}, 1, 0.0, 1.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
         1, 0.0, 10.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:28:10 GMT"},
         1, 0.0, 1.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1, 0.0, 1.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 -0000", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
         1, 0.0, 1.0),
        (400, {}, 1, 0.0, None),
        (401, {}, 1, 0.0, None),
        (403, {"retry-after": "1"}, 1, 0.0, None),
        (404, {}, 1, 0.0, None),
        (409, {}, 1, 0.0, None),
        (501, {}, 1, 0.0, None),
        (200, {}, 1, 0.0, None),
    ],
)  # fmt: skip
def test_waits_grow_and_honour_what_the_server_asks(
    status: int, headers: dict[str, str], attempt: int, random: float, seconds: float | None
) -> None:
    assert transport.delay(status, headers, attempt=attempt, random=lambda: random) == seconds


@pytest.mark.parametrize(
    ("status", "again"), [(429, True), (503, True), (500, False), (502, False), (0, False)]
)
def test_what_may_have_been_done_is_not_done_twice(status: int, *, again: bool) -> None:
    """A message that was added and whose answer got lost would notify its holder twice."""
    seconds = transport.delay(status, {}, attempt=1, random=lambda: 0.0, repeatable=False)
    assert (seconds is not None) is again


@given(st.integers(1, 2000), st.floats(0, 1), st.text(max_size=40), st.text(max_size=40))
def test_a_wait_is_never_longer_than_a_minute(attempt: int, random: float, asked: str, date: str) -> None:
    headers = {"retry-after": asked, "date": date}
    seconds = transport.delay(503, headers, attempt=attempt, random=lambda: random)
    assert seconds is None or 0.5 <= seconds <= transport.MAX_WAIT


# The client


def test_a_link_gets_what_it_requires(google: FakeGoogle, client: Client) -> None:
    """The whole round: a link names its class, the class is put, Google shows it."""
    template = pw.Template.load(example_template_directory())
    link = pw.google.PassBuilder(google.issuer).save_link(template.example())
    assert set(link.requires) == {"loyaltyClass"}
    wanted = link.requires["loyaltyClass"]

    made = client.put_required(link)

    shown = client.get("loyaltyClass", wanted["id"])
    assert made == {"loyaltyClass": shown}
    assert shown["reviewStatus"] == "approved"
    assert shown["viewUnlockRequirement"] == "unlockNotRequired"
    assert {**google.resources["loyaltyClass"][wanted["id"]], "reviewStatus": "UNDER_REVIEW"} == wanted
    assert client.put_required(link) == made
    assert sent(google) == [("POST", 200), ("GET", 200), ("POST", 409), ("GET", 200)]


def test_a_link_that_stands_on_its_own_needs_no_request(google: FakeGoogle, client: Client) -> None:
    assert client.put_required(SimpleNamespace(requires={})) == {}  # type: ignore[arg-type]
    assert google.seen == []


def test_put_changes_and_get_shows_it(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    changed = client.put("loyaltyClass", loyalty_class(programName="New"))
    assert changed["programName"] == "New"
    assert client.get("loyaltyClass", CLASS) == changed
    client.put("loyaltyObject", loyalty_object())
    assert client.put("loyaltyObject", loyalty_object(accountName="Bob"))["accountName"] == "Bob"
    assert client.get("loyaltyObject", OBJECT)["classReference"]["programName"] == "New"


def test_an_answer_can_be_changed_and_sent_back(client: Client) -> None:
    """Without `approved`, kind and version, which a client must not send."""
    shown = client.put("loyaltyClass", loyalty_class())
    status, _ = client.send(
        api_client.update("loyaltyClass", {**shown, "programName": "New"}, base=client._base)
    )
    assert status == 200
    shown = client.get("loyaltyClass", CLASS)
    assert client.patch("loyaltyClass", CLASS, {**shown, "programName": "Newer"})["programName"] == "Newer"


def test_messages_and_expiry(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    client.put("loyaltyObject", loyalty_object())
    shown = client.add_message(
        "loyaltyObject", OBJECT, {"header": "Hi", "body": "There", "messageType": "TEXT"}
    )
    assert shown["messages"] == [{"header": "Hi", "body": "There", "messageType": "text"}]
    assert client.expire("loyaltyObject", OBJECT)["state"] == "expired"
    assert google.resources["loyaltyObject"][OBJECT]["state"] == "EXPIRED"


def test_a_list_comes_page_by_page(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    ids = [f"{ISSUER}.M-{number}" for number in range(5)]
    for id_ in ids:
        client.put("loyaltyObject", loyalty_object(id=id_))
    before = len(google.seen)
    assert [each["id"] for each in client.list("loyaltyObject", CLASS, max_results=2)] == ids
    assert len(google.seen) - before == 3
    assert [each["id"] for each in client.list("loyaltyClass", ISSUER)] == [CLASS]
    assert list(client.list("loyaltyObject", f"{ISSUER}.other")) == []


@pytest.mark.parametrize(
    "pages",
    [
        [{"resources": [], "pagination": {"nextPageToken": "a"}}] * 2,
        [
            {"resources": [{}], "pagination": {"nextPageToken": "a"}},
            {"pagination": {"nextPageToken": "b"}},
            {"pagination": {"nextPageToken": "a"}},
        ],
        [{"resources": {}}],
        [{"resources": [7]}],
    ],
)
def test_pages_that_make_no_sense_end_the_list(
    pages: list[Any], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = iter(pages)
    monkeypatch.setattr(client, "send", lambda _: (200, json.dumps(next(rest)).encode()))
    with pytest.raises(GoogleError) as caught:
        list(client.list("loyaltyClass", ISSUER))
    assert caught.value.reason == "bad-answer"


@pytest.mark.parametrize(
    "page", [{}, {"resources": [], "pagination": 7}, {"pagination": {"nextPageToken": ""}}]
)
def test_a_page_without_a_token_is_the_last(
    page: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "send", lambda _: (200, json.dumps(page).encode()))
    assert list(client.list("loyaltyClass", ISSUER)) == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_cbk_10_what_passes_by_itself_is_tried_again(google: FakeGoogle, client: Client, status: int) -> None:
    google.faults.extend([status, status, status])
    assert client.put("loyaltyClass", loyalty_class())["id"] == CLASS
    assert google.waits == [1.0, 2.0, 4.0]
    assert sent(google) == [*[("POST", status)] * 3, ("POST", 200)]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 501])
def test_cbk_10_what_does_not_pass_is_asked_once(google: FakeGoogle, client: Client, status: int) -> None:
    google.faults.append(status)
    with pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert caught.value.status == status
    assert google.waits == []
    assert len(sent(google)) == 1


def test_cbk_10_tries_are_bounded(google: FakeGoogle) -> None:
    google.faults.extend([503] * 10)
    with google.client(attempts=3) as client, pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert (caught.value.status, caught.value.reason) == (503, "backendError")
    assert google.waits == [1.0, 2.0]
    assert len(sent(google)) == 3


def test_cbk_10_the_server_says_how_long_to_wait(google: FakeGoogle, client: Client) -> None:
    google.faults.extend([Fault(429, retry_after="9"), Fault(429, retry_after="3600")])
    with pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert caught.value.status == 429
    assert google.waits == [9.0]


@pytest.mark.parametrize("status", [0, 500, 503])
def test_cbk_10_an_insert_whose_answer_got_lost_is_a_success(
    google: FakeGoogle, client: Client, status: int
) -> None:
    """It is sent again, the id is taken, and what is stored is what was sent."""
    google.faults.append(Fault(status, handled=True))
    assert client.put("loyaltyClass", loyalty_class())["id"] == CLASS
    assert sent(google) == [("POST", status), ("POST", 409), ("GET", 200)]
    assert len(google.resources["loyaltyClass"]) == 1


@pytest.mark.parametrize("status", [0, 500])
def test_cbk_10_a_message_is_not_added_twice(google: FakeGoogle, client: Client, status: int) -> None:
    client.put("loyaltyClass", loyalty_class())
    google.faults.append(Fault(status, handled=True))
    with pytest.raises(GoogleError) as caught:
        client.add_message("loyaltyClass", CLASS, {"header": "Hi", "body": "There"})
    assert caught.value.status == status
    assert len(google.resources["loyaltyClass"][CLASS]["messages"]) == 1


def test_cbk_10_a_message_that_was_turned_away_is_sent_again(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    google.faults.extend([429, 503])
    client.add_message("loyaltyClass", CLASS, {"header": "Hi", "body": "There"})
    google.token_faults.append(0)
    google.expire_tokens()
    client.add_message("loyaltyClass", CLASS, {"header": "Hi", "body": "again"})
    assert len(google.resources["loyaltyClass"][CLASS]["messages"]) == 2


def test_cbk_10_an_expired_token_is_renewed(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    google.expire_tokens()
    assert client.get("loyaltyClass", CLASS)["id"] == CLASS
    assert google.waits == []
    assert [each.status for each in google.seen if each.path == "/token"] == [200, 200]


def test_cbk_10_a_quota_is_explained(google: FakeGoogle, client: Client) -> None:
    google.faults.extend([429] * 5)
    with pytest.raises(GoogleError, match="too many requests"):
        client.get("loyaltyClass", CLASS)


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_token_endpoint_in_trouble_is_asked_again(google: FakeGoogle, client: Client, status: int) -> None:
    """By the client's own waits: google-auth would sleep for real."""
    google.token_faults.extend([status, status])
    client.put("loyaltyClass", loyalty_class())
    assert google.waits == [1.0, 2.0]


def test_a_token_endpoint_that_stays_in_trouble_is_no_answer(google: FakeGoogle, client: Client) -> None:
    google.token_faults.extend([503] * 5)
    with pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert (caught.value.status, caught.value.reason) == (0, "no-answer")
    assert type(caught.value.__cause__).__name__ == "TransportError"
    assert sent(google) == []


def other_account(google: FakeGoogle) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {**google.service_account, "private_key": pem}


def test_an_account_without_a_token_is_explained(google: FakeGoogle) -> None:
    with Client.from_service_account(other_account(google), base=google.base) as client:
        with pytest.raises(GoogleError, match="key was deleted") as caught:
            client.get("loyaltyClass", CLASS)
        assert (caught.value.status, caught.value.reason) == (401, "invalid_grant")
        assert type(caught.value.__cause__).__name__ == "RefreshError"
    assert "Invalid JWT Signature." in google.seen[0].text


def test_credentials_that_cannot_be_renewed_are_explained(google: FakeGoogle) -> None:
    from google.oauth2.credentials import Credentials

    credentials = Credentials(token="stale")  # type: ignore[no-untyped-call]
    with Client(credentials, base=google.base) as client, pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert (caught.value.status, caught.value.reason) == (401, "token-refused")


def test_nobody_listening_is_no_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    from google.oauth2.credentials import Credentials

    waits: list[float] = []
    credentials = Credentials(token="unused")  # type: ignore[no-untyped-call]
    client = Client(
        credentials, base=f"http://127.0.0.1:{port}/", attempts=2, sleep=waits.append, random=lambda: 1.0
    )
    with client, pytest.raises(GoogleError, match="nobody answered") as caught:
        client.get("loyaltyClass", CLASS)
    assert caught.value.reason == "no-answer"
    assert isinstance(caught.value.__cause__, OSError)
    assert waits == [0.5]


def test_a_server_that_stays_silent_is_given_up() -> None:
    """The time-out is in seconds, and ends the wait for an answer."""
    from google.oauth2.credentials import Credentials

    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        credentials = Credentials(token="unused")  # type: ignore[no-untyped-call]
        client = Client(credentials, base=base, attempts=1, timeout=0.05)
        begun = time.monotonic()
        with client, pytest.raises(GoogleError) as caught:
            client.get("loyaltyClass", CLASS)
        assert time.monotonic() - begun < 4
    assert caught.value.reason == "no-answer"


def test_a_redirection_is_not_followed(google: FakeGoogle) -> None:
    """A token is for Google's API and for nobody else."""
    elsewhere = google.base

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", elsewhere)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}/"
        with google.client(base=base, timeout=5, attempts=1) as client, pytest.raises(GoogleError) as caught:
            client.get("loyaltyClass", CLASS)
        thread.join()
    assert (caught.value.status, caught.value.reason) == (302, "found")
    assert [each.path for each in google.seen] == ["/token"]


def test_the_assertion_is_a_jwt_of_the_account(google: FakeGoogle, client: Client) -> None:
    """As PyJWT sees it."""
    client.put("loyaltyClass", loyalty_class())
    public_key = google.issuer.public_key
    claims = jwt.decode(
        google.assertions[0],
        public_key,  # type: ignore[arg-type]
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
    )
    assert claims["iss"] == google.service_account["client_email"]
    assert claims["scope"] == api_client.SCOPE


@pytest.mark.parametrize("base", ["http://wallet.example.com/v1/", "ftp://127.0.0.1/", "wallet", ""])
def test_a_token_goes_over_no_network_in_the_clear(base: str, google: FakeGoogle) -> None:
    with pytest.raises(ValueError, match="has to be https"):
        google.client(base=base)


def test_less_than_one_attempt_is_a_mistake(google: FakeGoogle) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        google.client(attempts=0)


def test_netrc_does_not_replace_the_token(
    google: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    netrc = tmp_path / "netrc"
    netrc.write_text("machine walletobjects.googleapis.com login eve password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    asked = requests.Request("GET", api_client.BASE_URL, headers={"Authorization": "Bearer t"})
    with requests.Session() as plain:
        assert plain.prepare_request(asked).headers["Authorization"] != "Bearer t"
    with google.client(base=api_client.BASE_URL) as client:
        prepared = client._transport._session.prepare_request(asked)
    assert prepared.headers["Authorization"] == "Bearer t"


def test_a_proxy_of_the_environment_is_for_the_world(
    google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with google.client() as client:
        assert client.put("loyaltyClass", loyalty_class())["id"] == CLASS
    with google.client(base=api_client.BASE_URL) as client:
        assert client._transport._session.trust_env


def test_google_auth_does_not_ask_for_regions() -> None:
    """It would call the world from a thread of its own, in tests as well."""
    from google.auth.exceptions import TransportError

    tokens = transport._TokenTransport()
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b/allowedLocations"
    with pytest.raises(TransportError, match="regions"):
        tokens(url, method="GET")
    tokens.close()


ACCOUNT = {"type": "service_account", "client_email": "a@example.com", "token_uri": "https://t.example.com"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        "{",
        b"[]",
        "[" * 100_000,
        {},
        {**ACCOUNT},
        {**ACCOUNT, "private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"},
        {**ACCOUNT, "private_key": 5},
        {"type": "authorized_user", "refresh_token": "c2VjcmV0"},
        {"type": "external_account", "credential_source": {"url": "http://169.254.169.254/"}},
        5,
    ],
    ids=range(12),
)
def test_an_account_that_cannot_be_used_is_refused_without_showing_it(data: Any) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        Client.from_service_account(data)
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("form", [json.dumps, lambda account: json.dumps(account).encode(), dict])
def test_an_account_comes_as_text_bytes_or_mapping(google: FakeGoogle, form: Callable[[Any], Any]) -> None:
    with Client.from_service_account(form(google.service_account), base=google.base) as client:
        client.put("loyaltyClass", loyalty_class())
    assert sent(google) == [("POST", 200)]


def test_neither_logs_nor_errors_nor_reprs_hold_secrets(
    google: FakeGoogle, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    google.faults.extend([503, 403])
    with pytest.raises(GoogleError) as caught:
        client.put("loyaltyObject", loyalty_object())
    email = google.service_account["client_email"]
    said = [record.getMessage() for record in caplog.records]
    for secret in ("make-believe-token", *google.assertions, "PRIVATE KEY", email, "Jane"):
        for text in (*said, str(caught.value), repr(client), repr(client.__dict__)):
            assert secret not in text
    assert repr(client) == f"Client({google.base!r})"


# The fake Google itself


TOKEN = "Bearer make-believe-token-1"


def raw(
    google: FakeGoogle, method: str, path: str, body: bytes = b"", *, token: str | None = None
) -> tuple[int, Any]:
    """A request by somebody who knows no library of ours."""
    connection = http.client.HTTPConnection(urlsplit(google.url).netloc, timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": token} if token else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic YTpi"])
def test_without_a_token_there_is_401(google: FakeGoogle, token: str | None) -> None:
    status, content = raw(google, "GET", f"/walletobjects/v1/loyaltyClass/{CLASS}", token=token)
    assert status == 401
    assert content["error"]["code"] == 401
    assert content["error"]["errors"][0]["domain"] == "walletobjects"


@pytest.mark.parametrize(
    ("resource", "status", "text"),
    [
        ({"id": "no dot"}, 400, "Invalid resource ID"),
        ({"id": "17.club"}, 403, "edit access"),
        ({"programName": None}, 400, "programName"),
        ({"proggramName": "x"}, 400, "proggramName"),
        ({"enableSmartTap": "true"}, 400, "enableSmartTap"),
        ({"reviewStatus": "approved"}, 400, "Invalid review status"),
        ({"reviewStatus": "APPROVED"}, 400, "Invalid review status"),
    ],
)
def test_the_make_believe_google_refuses_what_google_refuses(
    google: FakeGoogle, client: Client, resource: dict[str, Any], status: int, text: str
) -> None:
    """And says why, to the test."""
    with pytest.raises(GoogleError) as caught:
        client.put("loyaltyClass", loyalty_class(**resource))
    assert caught.value.status == status
    assert text in google.seen[-1].text


def test_members_that_the_table_requires_are_required(google: FakeGoogle, client: Client) -> None:
    resource = loyalty_class()
    del resource["programLogo"]
    with pytest.raises(GoogleError):
        client.put("loyaltyClass", resource)
    assert "programLogo" in google.seen[-1].text


def test_a_draft_holds_no_objects_and_is_left_for_ever(google: FakeGoogle, client: Client) -> None:
    assert client.put("loyaltyClass", loyalty_class(reviewStatus="DRAFT"))["reviewStatus"] == "draft"
    assert client.put("loyaltyClass", loyalty_class(reviewStatus="DRAFT"))["reviewStatus"] == "draft"
    with pytest.raises(GoogleError):
        client.put("loyaltyObject", loyalty_object())
    path = f"/walletobjects/v1/loyaltyClass/{CLASS}"
    status, content = raw(google, "PATCH", path, b'{"programName": "B"}', token=TOKEN)
    assert (status, content["reviewStatus"]) == (200, "draft")
    assert client.put("loyaltyClass", loyalty_class())["reviewStatus"] == "approved"
    for body in (b'{"reviewStatus": "DRAFT"}', b'{"programName": "C"}', b'{"reviewStatus": "approved"}'):
        assert raw(google, "PATCH", path, body, token=TOKEN)[0] == 400
    assert google.resources["loyaltyClass"][CLASS]["programName"] == "Coffee Club"


def test_a_generic_class_knows_no_review(client: Client) -> None:
    id_ = f"{ISSUER}.generic"
    assert "reviewStatus" not in client.put("genericClass", {"id": id_})
    assert client.patch("genericClass", id_, {"enableSmartTap": True})["enableSmartTap"] is True


def test_an_object_needs_its_class(client: Client) -> None:
    with pytest.raises(GoogleError) as caught:
        client.put("loyaltyObject", loyalty_object())
    assert (caught.value.status, caught.value.reason) == (404, "classNotFound")
    with pytest.raises(GoogleError) as caught:
        client.get("loyaltyObject", OBJECT)
    assert (caught.value.status, caught.value.reason) == (404, "resourceNotFound")


def test_a_patch_replaces_lists_erases_null_and_keeps_no_wish_to_notify(
    google: FakeGoogle, client: Client
) -> None:
    modules = [{"id": "a", "header": "A", "body": "a"}, {"id": "b", "header": "B", "body": "b"}]
    client.put("loyaltyClass", loyalty_class(textModulesData=modules, countryCode="DE"))
    client.patch(
        "loyaltyClass",
        CLASS,
        {"textModulesData": modules[1:], "countryCode": None, "notifyPreference": "NOTIFY_ON_UPDATE"},
    )
    kept = google.resources["loyaltyClass"][CLASS]
    assert kept == loyalty_class(textModulesData=modules[1:], reviewStatus="APPROVED")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/walletobjects/v1/loyaltyClass", b"", 400),
        ("GET", f"/walletobjects/v1/loyaltyClass?issuerId={ISSUER}&maxResults=x", b"", 400),
        ("GET", f"/walletobjects/v1/loyaltyClass?issuerId={ISSUER}&token=page-99999", b"", 400),
        ("GET", f"/walletobjects/v1/loyaltyClass?issuerId={ISSUER}", b"", 200),
        ("GET", "/walletobjects/v1/loyalty", b"", 404),
        ("GET", "/elsewhere", b"", 404),
        ("DELETE", f"/walletobjects/v1/loyaltyClass/{CLASS}", b"", 404),
        ("POST", "/walletobjects/v1/loyaltyClass", b"{", 400),
        ("POST", "/walletobjects/v1/loyaltyClass", b"[]", 400),
        ("POST", "/walletobjects/v1/loyaltyClass", b"", 400),
        ("PATCH", f"/walletobjects/v1/loyaltyClass/{CLASS}", b'{"id": "%s.x"}' % ISSUER.encode(), 400),
        ("POST", f"/walletobjects/v1/loyaltyClass/{CLASS}/addMessage", b"{}", 400),
        ("POST", f"/walletobjects/v1/loyaltyClass/{CLASS}/addMessage", b'{"message": {"x": 1}}', 400),
        ("POST", f"/walletobjects/v1/loyaltyClass/{CLASS}/addmessage", b"{}", 404),
    ],
)
def test_requests_that_no_client_of_ours_makes_are_answered_too(
    client: Client, google: FakeGoogle, *, method: str, path: str, body: bytes, status: int
) -> None:
    client.put("loyaltyClass", loyalty_class())
    got, content = raw(google, method, path, body, token=TOKEN)
    assert got == status
    assert ("error" in content) is (status != 200)


def test_ten_messages_are_the_most(client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    for number in range(10):
        client.add_message("loyaltyClass", CLASS, {"header": "Hi", "body": str(number)})
    with pytest.raises(GoogleError):
        client.add_message("loyaltyClass", CLASS, {"header": "Hi", "body": "too many"})


def assertion(google: FakeGoogle, **claims: Any) -> str:
    account = google.service_account
    now = int(datetime.now(UTC).timestamp())
    good = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "scope": api_client.SCOPE,
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode({**good, **claims}, account["private_key"], algorithm="RS256")


def ask_for_token(google: FakeGoogle, assertion: str, **form: str) -> tuple[int, Any]:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    body = urlencode({"grant_type": grant, "assertion": assertion, **form}).encode()
    return raw(google, "POST", "/token", body)


def test_a_token_is_given_for_an_assertion_by_anybodys_library(google: FakeGoogle) -> None:
    status, content = ask_for_token(google, assertion(google))
    assert status == 200
    token = f"Bearer {content['access_token']}"
    assert raw(google, "GET", f"/walletobjects/v1/loyaltyClass/{CLASS}", token=token)[0] == 404


NOW = int(datetime.now(UTC).timestamp())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "eve@example.com"},
        {"aud": "https://elsewhere.example.com/token"},
        {"scope": "https://www.googleapis.com/auth/drive"},
        {"scope": None},
        {"iat": NOW - 7200, "exp": NOW - 3600},
        {"iat": NOW + 90_000, "exp": NOW + 91_000},  # far ahead: NOW is when the tests were collected
        {"exp": NOW + 100_000},
        {"exp": "soon"},
        {"exp": 10**30},
        {"iat": None},
    ],
)
def test_an_assertion_with_other_claims_gets_no_token(google: FakeGoogle, claims: dict[str, Any]) -> None:
    status, content = ask_for_token(google, assertion(google, **claims))
    assert (status, content["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("form", ["", "a.b", "ü.ü.ü", "{0}.{1}.AAAA", "{0}.e30.{2}", "{0}.{1}.{1}.{2}"])
def test_an_assertion_that_was_changed_gets_no_token(google: FakeGoogle, form: str) -> None:
    status, content = ask_for_token(google, form.format(*assertion(google).split(".")))
    assert (status, content["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("header", "claims"), [(b"[]", b"{}"), (b"{}", b"7"), (b"{", b"{}"), (b'{"alg":"none"}', None)]
)
def test_a_signature_alone_makes_no_assertion(
    google: FakeGoogle, header: bytes, claims: bytes | None
) -> None:
    """What is signed has to be header and claims, and say RS256."""
    from base64 import urlsafe_b64encode

    claims = claims or urlsafe_decoded(assertion(google).split(".")[1])
    message = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = urlsafe_b64encode(google.issuer.signer.sign(message))
    status, content = ask_for_token(google, (message + b"." + signature).decode())
    assert (status, content["error"]) == (400, "invalid_grant")


def urlsafe_decoded(part: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_another_grant_gets_no_token(google: FakeGoogle) -> None:
    status, content = ask_for_token(google, assertion(google), grant_type="password")
    assert (status, content["error"]) == (400, "unsupported_grant_type")


def test_time_is_the_tests_own() -> None:
    """An assertion of now has expired for a Google that lives two hours later."""
    later = FakeGoogle(now=lambda: datetime.now(UTC) + timedelta(hours=2))
    with later, later.client() as client, pytest.raises(GoogleError) as caught:
        client.get("loyaltyClass", CLASS)
    assert (caught.value.status, caught.value.reason) == (401, "invalid_grant")
    assert "exp has passed" in later.seen[0].text


def test_another_issuer_and_account_can_be_played(google: FakeGoogle) -> None:
    with FakeGoogle(issuer_id="17", account=other_account(google)) as other, other.client() as client:
        assert other.issuer.issuer_id == "17"
        assert client.put("genericClass", {"id": "17.a"})["id"] == "17.a"


def test_what_was_seen_is_told(google: FakeGoogle, client: Client) -> None:
    client.put("loyaltyClass", loyalty_class())
    assert google.seen == [
        Seen("POST", "/token", 200),
        Seen("POST", "/walletobjects/v1/loyaltyClass", 200),
    ]


def test_a_google_that_does_not_run_has_no_address() -> None:
    google = FakeGoogle()
    for name in ("url", "base", "service_account"):
        with pytest.raises(ValueError, match="not running"):
            getattr(google, name)
    google.__exit__(None, None, None)
    with google:
        assert google.url.startswith("http://127.0.0.1:")
    with pytest.raises(ValueError, match="not running"):
        _ = google.url
