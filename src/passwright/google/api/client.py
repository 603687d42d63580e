"""A client for Google's REST API through google-auth.

    with Client.from_service_account(data) as google:
        google.put_required(link)

Other HTTP clients use the functions of `requests`, which do no I/O.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from passwright.errors import GoogleError, KeyMaterialError
from passwright.google.api import requests
from passwright.google.api.requests import BASE_URL, SCOPE, Request
from passwright.google.api.transport import Transport, service_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from google.auth.credentials import Credentials

    from passwright.google.link import SaveLink


__all__ = ["Client"]


class Client:
    """Talks to Google's API through google-auth; one for each thread.

    `credentials`: any of google-auth's; the scope is added where they need
    one. `timeout`: seconds to wait for a connection, and for each part of an
    answer. `attempts`: how often a request is sent at most, see `transport.delay`;
    `sleep` and `random` are what the waits are made of. `base`: where the API
    is, for tests.

    Raises:
        ValueError: no attempt, or a base that would send tokens unencrypted over a network.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base: str = BASE_URL,
        timeout: float = 30.0,
        attempts: int = 5,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._base = base
        self._transport = Transport(
            credentials,
            scope=SCOPE,
            base=base,
            timeout=timeout,
            attempts=attempts,
            sleep=sleep,
            random=random,
        )

    @classmethod
    def from_service_account(cls, data: bytes | str | Mapping[str, Any], **more: Any) -> Client:
        """A client from a service account's JSON file, as Google Cloud hands it out.

        `data` is the file's content, or its mapping; `more` is what the client takes.

        Raises:
            KeyMaterialError: the JSON can't be read, or is not a service account's.
        """
        credentials = service_account(data)
        # A traceback that shows local variables must not show the key.
        del data
        if credentials is None:
            raise KeyMaterialError(
                "the service account file can't be used: it is not JSON, its type is another, "
                "or client_email, private_key or token_uri is missing or damaged"
            )
        return cls(credentials, **more)

    def put(self, type_: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Inserts `resource`, or changes what Google holds under its id; returns what is stored. See `put`.

        Raises:
            GoogleError: Google refuses, or can't be reached.
        """
        steps = requests.upsert(type_, resource, base=self._base)
        request = next(steps)
        while True:
            got = self.send(request)
            try:
                request = steps.send(got)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]  # a generator's value comes untyped

    def put_required(self, link: SaveLink) -> dict[str, dict[str, Any]]:
        """Inserts everything a link needs before anybody opens it; resource name -> what is stored.

        Raises:
            GoogleError: Google refuses, or can't be reached.
        """
        return {type_: self.put(type_, resource) for type_, resource in link.requires.items()}

    def get(self, type_: str, id_: str) -> dict[str, Any]:
        """Returns the resource that Google holds under this id; values are camel-case (`qrCode`).

        Raises:
            GoogleError: with status 404 where there is none.
        """
        return requests.read_response(*self.send(requests.get(type_, id_, base=self._base)))

    def patch(self, type_: str, id_: str, partial: Mapping[str, Any]) -> dict[str, Any]:
        """Changes the members in `partial`; returns what is stored. See `patch`.

        Raises:
            GoogleError: Google refuses, or can't be reached.
        """
        return requests.read_response(*self.send(requests.patch(type_, id_, partial, base=self._base)))

    def list(self, type_: str, parent: str, *, max_results: int = 100) -> Iterator[dict[str, Any]]:
        """Every class of the issuer `parent`, or every object of the class `parent`.

        `max_results` is the size of a page; pages are asked for as they are needed.

        Raises:
            GoogleError: Google refuses, can't be reached, or its pages never end.
        """
        token: str | None = None
        seen: set[str | None] = {None}
        while True:
            request = requests.list_(type_, parent, token=token, max_results=max_results, base=self._base)
            resources, token = _page(requests.read_response(*self.send(request)))
            yield from resources
            if token is None:
                return
            if token in seen:
                raise GoogleError(HTTPStatus.OK, "bad-answer", "the pages of the list go round in a circle")
            seen.add(token)

    def add_message(self, type_: str, id_: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Adds a message to a class or an object; returns what is stored. See `add_message`.

        Raises:
            GoogleError: Google refuses, or can't be reached. The message may
                have been added when the status is 0, 500, 502 or 504.
        """
        got = requests.read_response(*self.send(requests.add_message(type_, id_, message, base=self._base)))
        stored = got.get("resource")
        return stored if isinstance(stored, dict) else {}

    def expire(self, type_: str, id_: str) -> dict[str, Any]:
        """Moves an object to the holder's expired passes; returns what is stored.

        Raises:
            GoogleError: Google refuses, or can't be reached.
        """
        return requests.read_response(*self.send(requests.expire(type_, id_, base=self._base)))

    def send(self, request: Request) -> tuple[int, bytes]:
        """Status and body of the answer to any request, errors of Google's included.

        Tries again as `transport.delay` says; an expired access token is renewed on the way.

        Raises:
            GoogleError: nobody answered (status 0, reason `no-answer`), or the
                account gets no access token (status 401).
        """
        return self._transport.send(request)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._base!r})"


def _page(value: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """The resources of a page, and the token of the next."""
    resources = value.get("resources", [])
    pagination = value.get("pagination", {})
    token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
    if not isinstance(resources, list) or not all(isinstance(each, dict) for each in resources):
        raise GoogleError(HTTPStatus.OK, "bad-answer", "the answer is not a list of resources")
    return resources, token if isinstance(token, str) and token else None
