"""Requests to Google's API on the wire: access tokens, time-outs, another try.

The only home of google-auth's transport.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from passwright import strict_json
from passwright.errors import InvalidInput
from passwright.google.api.errors import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.auth.credentials import Credentials

    from passwright.google.api.requests import Request

__all__ = ["MAX_WAIT", "Transport", "delay", "service_account"]

# Seconds. A server that asks for more patience gets an error to its caller instead.
MAX_WAIT = 60.0
_MAX_DOUBLINGS = 5

# Statuses that may pass by themselves; 0 stands for no answer at all.
_PASSING = frozenset({0, 429, 500, 502, 503, 504})
# RFC 6585 section 4, RFC 9110 section 15.6.4: the request was turned away and nothing was done.
_TURNED_AWAY = frozenset({429, 503})

# RFC 6749 section 5.2.
_OAUTH_ERRORS = (
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
    *("unsupported_grant_type", "invalid_scope"),
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MAX_DIGITS = 9


def delay(
    status: int,
    headers: Mapping[str, str],
    *,
    attempt: int,
    random: Callable[[], float],
    repeatable: bool = True,
) -> float | None:
    """Seconds to wait before asking again after `attempt` attempts, None to give up.

    429, 500, 502, 503, 504 and no answer at all (0) are worth another try; a
    request that is not `repeatable` only after 429 and 503. Waits double from
    one second up to 32, each shortened by up to a half through `random`, a
    number from 0 to 1; `Retry-After` (RFC 9110 section 10.2.3) makes them
    longer, up to a minute. `headers` has to find names in lower case.
    """
    if status not in (_PASSING if repeatable else _TURNED_AWAY):
        return None
    backoff = 2.0 ** min(attempt - 1, _MAX_DOUBLINGS) * (1 - random() / 2)
    asked = _retry_after(headers)
    return None if asked > MAX_WAIT else max(backoff, asked)


class Transport:
    """Sends requests with the access tokens of some credentials.

    The arguments are those of `passwright.google.Client`; `scope` is asked for
    where the credentials need one.

    Raises:
        ValueError: no attempt, or a base that would send tokens unencrypted over a network.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        scope: str,
        base: str,
        timeout: float,
        attempts: int,
        sleep: Callable[[float], None] | None,
        random: Callable[[], float] | None,
    ) -> None:
        import time
        from random import SystemRandom

        from google.auth.credentials import with_scopes_if_required
        from google.auth.transport.requests import AuthorizedSession

        place = urlsplit(base)
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in _LOOPBACK):
            raise ValueError("the base URL has to be https, or http on this machine")
        if attempts < 1:
            raise ValueError("attempts has to be 1 or more")
        self._timeout = timeout
        self._attempts = attempts
        self._sleep = sleep or time.sleep
        self._random = random or SystemRandom().random
        self._tokens = _TokenTransport()
        scoped = with_scopes_if_required(credentials, [scope])  # type: ignore[no-untyped-call]
        self._session: Any = AuthorizedSession(scoped, auth_request=self._tokens)  # type: ignore[no-untyped-call]
        self._session.auth = _identity
        # Nobody reaches this machine through a proxy; for the world requests reads the environment.
        self._session.trust_env = self._tokens.session.trust_env = place.scheme == "https"

    def send(self, request: Request) -> tuple[int, bytes]:
        """Status and body of the answer. See `passwright.google.Client.send`."""
        attempt = 0
        while True:
            attempt += 1
            got = self._once(request)
            seconds = delay(
                got.status,
                got.headers,
                attempt=attempt,
                random=self._random,
                repeatable=request.repeatable or not got.sent,
            )
            if seconds is None or attempt == self._attempts:
                break
            self._sleep(seconds)
        if got.cause is not None:
            raise explain(got.status, got.reason, "") from got.cause
        return got.status, got.body

    def _once(self, request: Request) -> _RawResponse:
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            response = self._session.request(
                request.method,
                request.url,
                data=request.body or None,
                headers=dict(request.headers),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except TransportError as exc:
            return _RawResponse(0, "no-answer", cause=exc, sent=False)
        except GoogleAuthError as exc:
            return _RawResponse(HTTPStatus.UNAUTHORIZED, _token_error(exc), cause=exc, sent=False)
        except OSError as exc:  # what all exceptions of requests are
            return _RawResponse(0, "no-answer", cause=exc)
        return _RawResponse(response.status_code, headers=response.headers, body=response.content)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()
        self._tokens.close()


@dataclass(frozen=True)
class _RawResponse:
    """The result of one request: an answer, or a status and reason without one."""

    status: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cause: Exception | None = None
    sent: bool = True


class _TokenTransport:
    """google-auth's transport for access tokens, less two of its habits."""

    def __init__(self) -> None:
        from google.auth.transport.requests import Request as Transport

        self._transport = Transport()
        self.session = self._transport.session
        self.session.auth = _identity

    def __call__(self, url: str, method: str = "GET", **more: Any) -> Any:
        from google.auth.exceptions import TransportError

        # On a thread of its own google-auth asks where an account may be used
        # (AIP-4115). Wallet's API has no regions, and a test on this machine
        # must not call the world.
        if urlsplit(url).path.endswith("/allowedLocations"):
            raise TransportError("regions are not asked for")  # type: ignore[no-untyped-call]
        response = self._transport(url, method=method, **more)
        # google-auth would wait and try again by itself; one place waits.
        if response.status in _PASSING:
            raise TransportError(f"the token endpoint answered {response.status}")  # type: ignore[no-untyped-call]
        return response

    def close(self) -> None:
        self.session.close()


def _identity(prepared: Any) -> Any:
    """An authentication for requests that adds nothing: without one it takes what ~/.netrc says."""
    return prepared


def service_account(data: bytes | str | Mapping[str, Any]) -> Credentials | None:
    """The account in a file, or None where it can't be used; an exception would keep the key alive."""
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        text = data.encode() if isinstance(data, str) else data
        account = strict_json.loads(text, name="account") if isinstance(text, bytes) else dict(text)
        if account["type"] != "service_account":
            return None
        made: Credentials = Credentials.from_service_account_info(account)  # type: ignore[no-untyped-call]
    except (InvalidInput, GoogleAuthError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return made


def _token_error(error: Exception) -> str:
    """The token endpoint's word for it: `error` of RFC 6749 section 5.2."""
    details = error.args[1] if len(error.args) > 1 else None
    word = details.get("error") if isinstance(details, dict) else None
    return word if word in _OAUTH_ERRORS else "token-refused"


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks for; a date counts from the server's own one."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:_MAX_DIGITS])
    try:
        until, now = (parsedate_to_datetime(text) for text in (asked, headers.get("date", "")))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
