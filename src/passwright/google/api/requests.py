"""Requests to Google's REST API and answers from it, without I/O.

Each function makes a `Request`, `read_response` reads an answer, and `upsert` is the
generator that inserts or updates. `client.Client` sends them through google-auth.
Source throughout: Google, walletobjects v1, discovery document, and the guides
of developers.google.com/wallet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from passwright import strict_json
from passwright.errors import GoogleError, InvalidInput
from passwright.google.api.compare import contains, with_review_status
from passwright.google.api.errors import error_from_response
from passwright.google.schema import VERTICALS
from passwright.schema.pointers import did_you_mean
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


__all__ = [
    "BASE_URL",
    "SCOPE",
    "TYPES",
    "Request",
    "add_message",
    "expire",
    "get",
    "insert",
    "list_",
    "patch",
    "read_response",
    "update",
    "upsert",
]

BASE_URL = "https://walletobjects.googleapis.com/walletobjects/v1/"
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
TYPES = tuple(f"{vertical}{part}" for vertical in VERTICALS for part in ("Class", "Object"))

# A page of a hundred objects has about 1 MB.
MAX_ANSWER_BYTES = 2**24

# Set by the platform, and not to be sent back.
_PLATFORM_ONLY = ("classReference", "hasUsers", "kind", "review", "version")


@dataclass(frozen=True)
class Request:
    """A request to Google's API, all but the access token.

    `body` is JSON in UTF-8, empty where there is none. `repeatable` is False
    where doing it twice differs from doing it once: such a request is sent
    again only when the first one was certainly turned away.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)  # names of holders are in it
    repeatable: bool = True


def insert(type_: str, resource: Mapping[str, Any], *, base: str = BASE_URL) -> Request:
    """Inserts a class or an object; the answer is what is stored, 409 if its id is taken.

    `type_` is one of `TYPES`, such as `loyaltyClass`; `base` ends the host's part of the URL.

    Raises:
        ValueError: an unknown type, or a resource that JSON can't say.
    """
    return _request("POST", _url(base, type_), resource)


def get(type_: str, id_: str, *, base: str = BASE_URL) -> Request:
    """Asks for the class or object `id_`.

    Raises:
        ValueError: an unknown type, or no id.
    """
    return _request("GET", _url(base, type_, id_))


def list_(
    type_: str, parent: str, *, token: str | None = None, max_results: int | None = None, base: str = BASE_URL
) -> Request:
    """Asks for the classes of the issuer `parent`, or for the objects of the class `parent`.

    `token` is `pagination.nextPageToken` of the page before; without
    `max_results` Google answers everything at once.

    Raises:
        ValueError: an unknown type, no parent, or less than one result.
    """
    url = _url(base, type_)
    if not parent:
        raise ValueError("classes are listed by issuer id, objects by class id: give one")
    if max_results is not None and max_results < 1:
        raise ValueError("max_results has to be 1 or more")
    query = {
        "classId" if _is_object(type_) else "issuerId": parent,
        "maxResults": max_results,
        "token": token,
    }
    return _request("GET", f"{url}?{urlencode({name: each for name, each in query.items() if each})}")


def patch(type_: str, id_: str, partial: Mapping[str, Any], *, base: str = BASE_URL) -> Request:
    """Changes the members in `partial`; the others stay, and lists are replaced whole.

    A class is sent with `reviewStatus` UNDER_REVIEW, which Google asks of every
    change and approves at once; only DRAFT is left as given.

    Raises:
        ValueError: an unknown type, no id, or members that JSON can't say.
    """
    return _request("PATCH", _url(base, type_, id_), with_review_status(type_, partial))


def update(type_: str, resource: Mapping[str, Any], *, base: str = BASE_URL) -> Request:
    """Replaces a class or an object: members that are missing are erased.

    What only the platform may set is left out, so that an answer of `get` can
    be changed and sent back; `reviewStatus` as in `patch`.

    Raises:
        ValueError: an unknown type, no id, or a resource that JSON can't say.
    """
    own = {name: value for name, value in resource.items() if name not in _PLATFORM_ONLY}
    return _request("PUT", _url(base, type_, _id_of(resource)), with_review_status(type_, own))


def add_message(type_: str, id_: str, message: Mapping[str, Any], *, base: str = BASE_URL) -> Request:
    """Adds a message to a class or an object; the answer has what is stored as `resource`.

    At most ten messages are kept; `messageType` TEXT_AND_NOTIFY also notifies,
    three times in 24 hours at most.

    Raises:
        ValueError: an unknown type, no id, or a message that JSON can't say.
    """
    url = f"{_url(base, type_, id_)}/addMessage"
    return _request("POST", url, {"message": message}, repeatable=False)


def expire(type_: str, id_: str, *, base: str = BASE_URL) -> Request:
    """Moves an object to the holder's expired passes; nothing can be deleted.

    Raises:
        ValueError: not the type of an object, or no id.
    """
    url = _url(base, type_, id_)
    if not _is_object(type_):
        raise ValueError(f"only objects expire, and {type_} is a class")
    return _request("PATCH", url, {"state": "EXPIRED"})


def upsert(
    type_: str, resource: Mapping[str, Any], *, base: str = BASE_URL
) -> Generator[Request, tuple[int, bytes], dict[str, Any]]:
    """Inserts or updates `resource`, as a generator of requests for any HTTP client.

    Yields requests and is sent status and body of each answer; returns what is
    stored. It inserts; if the id is taken (which an insert whose answer got
    lost is, too) it compares, and patches only what differs. Members that
    Google holds and `resource` lacks stay.

    Raises:
        ValueError: at once: an unknown type, no id, or a resource that JSON can't say.
        GoogleError: thrown by the conversation for an answer that is an error.
    """
    id_ = _id_of(resource)
    first = insert(type_, resource, base=base)
    return _put(type_, id_, first, base)


def _put(
    type_: str, id_: str, first: Request, base: str
) -> Generator[Request, tuple[int, bytes], dict[str, Any]]:
    status, body = yield first
    if status != HTTPStatus.CONFLICT:
        return read_response(status, body)
    stored = read_response(*(yield get(type_, id_, base=base)))
    # From the bytes that were sent: the caller's mapping may have changed since.
    ours: dict[str, Any] = json.loads(first.body)
    if contains(type_, ours, stored):
        return stored
    del ours["id"]
    return read_response(*(yield patch(type_, id_, ours, base=base)))


def read_response(status: int, body: bytes) -> dict[str, Any]:
    """The JSON object that Google answered.

    Raises:
        GoogleError: Google answered an error; `reason` is Google's word for it
            and the message what usually helps. Google's own text is not
            repeated, since it may name accounts. The reason is `bad-answer`
            for a success that is not a JSON object.
    """
    if status // 100 != 2:  # noqa: PLR2004 -- RFC 9110 section 15.3
        raise error_from_response(status, body)
    try:
        value = strict_json.loads(body, name="answer", max_bytes=MAX_ANSWER_BYTES)
    except InvalidInput as exc:
        raise GoogleError(
            status, "bad-answer", f"what came is not JSON that can be read ({exc.code})"
        ) from exc
    if not isinstance(value, dict):
        raise GoogleError(status, "bad-answer", "the answer is not a JSON object")
    return value


def _request(
    method: str, url: str, content: Mapping[str, Any] | None = None, *, repeatable: bool = True
) -> Request:
    if content is None:
        return Request(method, url, {"Accept": "application/json"})
    try:
        body = dumps(content).encode()
    except (TypeError, ValueError, RecursionError):
        # Not as the cause: an encoder's error shows what it could not encode.
        raise ValueError("the content holds something that JSON can't say") from None
    headers = {"Accept": "application/json", "Content-Type": "application/json; charset=utf-8"}
    return Request(method, url, headers, body, repeatable)


def _url(base: str, type_: str, id_: str | None = None) -> str:
    if type_ not in TYPES:
        hint = did_you_mean(type_, TYPES)
        raise ValueError(f"Google has no resource {type_!r}" + f": {hint}" * bool(hint))
    url = f"{base.rstrip('/')}/{type_}"
    if id_ is None:
        return url
    # Dots alone would be steps in the path (RFC 3986 section 5.2.4).
    if not id_.strip("."):
        raise ValueError("a class or an object is named by its id, as in 3388000000012345678.coffee-club")
    return f"{url}/{quote(id_, safe='')}"


def _id_of(resource: Mapping[str, Any]) -> str:
    id_ = resource.get("id")
    if not isinstance(id_, str):
        raise ValueError("the resource has no id, and nobody else gives it one")  # noqa: TRY004 -- content, not a type
    return id_


def _is_object(type_: str) -> bool:
    return type_.endswith("Object")
