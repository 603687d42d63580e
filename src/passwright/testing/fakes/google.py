"""A fake Google: the token endpoint and the Wallet API on this machine, over real HTTP.

    with FakeGoogle() as google, google.client() as client:
        link = pw.google.PassBuilder(google.issuer).save_link(card)
        client.put_required(link)
        assert google.resources["loyaltyClass"]

It keeps what is inserted in memory and behaves as Google does: tokens against
a signed assertion, 409 for a taken id, review states, camel-case values in
answers, pages. What it refuses it says in `seen`. Nothing in it is random.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from passwright import strict_json
from passwright.errors import InvalidInput
from passwright.examples.authority import example_directory
from passwright.google.api.client import Client
from passwright.google.api.requests import SCOPE
from passwright.google.issuer import Issuer
from passwright.testing.fakes.save_endpoint import FakeSaveEndpoint, SaveRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

__all__ = ["FakeGoogle", "Fault", "Seen"]

_PATH = "/walletobjects/v1/"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523 section 2.1
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 -- a place, no secret
# Google, OAuth 2.0 for server to server applications: an assertion lives an hour at most.
_MAX_LIFETIME = timedelta(hours=1)
_CLOCK_SKEW = timedelta(minutes=5)
_YEAR_10000 = 253402300800  # seconds since 1970
_MAX_BODY = 2**20


@dataclass(frozen=True)
class Fault:
    """A failure of a request instead of an answer.

    `status` is answered with Google's shape of an error, 0 closes the
    connection without a word. With `handled` the request is carried out
    first, and only its answer is lost. `retry_after` becomes that header.
    """

    status: int
    retry_after: str | None = None
    handled: bool = False


@dataclass(frozen=True)
class Seen:
    """A request and its answer; `text` is the reason of a refusal."""

    method: str
    path: str
    status: int
    text: str = ""


class FakeGoogle:
    """Google for one issuer, from `with` to the end of the block.

    `issuer_id`: whose ids are right; others get 403. `account`: a service
    account's JSON, default the one of the example; its `token_uri` is replaced
    by the one here. `now`: the time that assertions are judged by.

    `resources` maps types (`loyaltyClass`) to ids to JSON. `faults` and
    `token_faults` are what happens to the next requests for resources and for
    tokens: statuses, or a `Fault`. `seen` lists the requests for both, the
    oldest first, `assertions` the signed texts that tokens were asked with.
    """

    def __init__(
        self,
        *,
        issuer_id: str = "3388000000012345678",
        account: Mapping[str, Any] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        example = example_directory() / "service-account.json"
        self._account = dict(account or json.loads(example.read_bytes()))
        # The key verifies here and signs elsewhere: who signs with it checks it.
        self._public_key: Any = load_pem_private_key(
            self._account["private_key"].encode(), None, unsafe_skip_rsa_key_validation=True
        ).public_key()
        self._now = now
        self._wallet = FakeSaveEndpoint(issuer_id)
        self._lock = Lock()
        self._tokens: set[str] = set()
        self._given = 0
        self._server: _Server | None = None
        self.faults: deque[int | Fault] = deque()
        self.token_faults: deque[int | Fault] = deque()
        self.seen: list[Seen] = []
        self.assertions: list[str] = []
        self.waits: list[float] = []

    @property
    def resources(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Type -> id -> JSON as it was written; tests may change it."""
        return self._wallet.resources

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end.

        Raises:
            ValueError: it is not running.
        """
        if self._server is None:
            raise ValueError("this Google is not running: use it in a with statement")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def base(self) -> str:
        """The base URL of its API."""
        return self.url + _PATH

    @property
    def service_account(self) -> dict[str, Any]:
        """The JSON of a service account that gets its tokens here."""
        return {**self._account, "token_uri": f"{self.url}/token"}

    @property
    def issuer(self) -> Issuer:
        """The issuer whose account this is."""
        return Issuer.from_service_account(self._account, issuer_id=self._wallet.issuer_id)

    def client(self, **more: Any) -> Client:
        """A client of this Google that notes its waits in `waits` instead of waiting them out.

        `more` is what a `Client` takes.
        """
        settings = {"base": self.base, "sleep": self.waits.append, "random": lambda: 0.0, **more}
        return Client.from_service_account(self.service_account, **settings)

    def expire_tokens(self) -> None:
        """Every token given out so far is refused from now on."""
        with self._lock:
            self._tokens.clear()

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        """One request; called by the server's threads."""
        path = urlsplit(target).path
        is_token = path == "/token"
        faults = self.token_faults if is_token else self.faults
        with self._lock:
            fault = faults.popleft() if faults else None
            fault = Fault(fault) if isinstance(fault, int) else fault
            answer, text = _Answer(0, {}), ""
            if fault is None or fault.handled:
                try:
                    if is_token:
                        answer = _Answer(200, self._token(method, body))
                    else:
                        answer = _Answer(200, self._resource(method, target, headers, body))
                except SaveRefused as refused:
                    text = refused.text
                    answer = _Answer(refused.status, _error(refused, oauth=is_token))
            if fault is not None:
                text = "a fault of the script"
                content = _error(SaveRefused(fault.status, "backendError", text), oauth=is_token)
                answer = _Answer(fault.status, content, fault)
            self.seen.append(Seen(method, path, answer.status, text))
        return answer

    def _resource(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        parts = urlsplit(target)
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            raise SaveRefused(401, "authError", "Invalid Credentials")
        if not parts.path.startswith(_PATH):
            raise SaveRefused(404, "notFound", "Not Found")
        steps = [unquote(step) for step in parts.path.removeprefix(_PATH).split("/")]
        try:
            value = strict_json.loads(body, name="body") if body else None
        except InvalidInput as exc:
            raise SaveRefused(400, "parseError", str(exc)) from None
        return self._wallet.answer(method, steps, dict(parse_qsl(parts.query)), value)

    def _token(self, method: str, body: bytes) -> dict[str, Any]:
        """RFC 7523 section 2.1: an access token for a signed assertion."""
        form = dict(parse_qsl(body.decode("ascii", "replace")))
        if method != "POST" or form.get("grant_type") != _GRANT:
            raise SaveRefused(400, "unsupported_grant_type", "Invalid grant_type")
        assertion = form.get("assertion", "")
        self.assertions.append(assertion)
        self._check(*self._verify_assertion(assertion))
        self._given += 1
        token = f"make-believe-token-{self._given}"
        self._tokens.add(token)
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def _verify_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of an assertion whose signature is the account's (RFC 7515 section 5.2)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        message, _, signature = assertion.rpartition(".")
        try:
            self._public_key.verify(_decode(signature), message.encode(), PKCS1v15(), SHA256())
            header, claims = (
                strict_json.loads(_decode(part), name="assertion") for part in message.split(".")
            )
        except (ValueError, InvalidSignature, InvalidInput):
            raise SaveRefused(400, "invalid_grant", "Invalid JWT Signature.") from None
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise SaveRefused(400, "invalid_grant", "Invalid JWT: header and claims have to be objects")
        return header, claims

    def _check(self, header: dict[str, Any], claims: dict[str, Any]) -> None:
        now = self._now()
        times = [claims.get(name) for name in ("iat", "exp")]
        # RFC 7519 section 2: a NumericDate; four digits of a year are all that datetime holds.
        if not all(isinstance(each, int) and 0 <= each < _YEAR_10000 for each in times):
            raise SaveRefused(400, "invalid_grant", "Invalid JWT: iat and exp have to be numbers")
        issued, expires = (datetime.fromtimestamp(each or 0, UTC) for each in times)
        for fits, text in (
            (header.get("alg") == "RS256", "the algorithm has to be RS256"),
            (claims.get("iss") == self._account["client_email"], "iss is another account"),
            (claims.get("aud") in (_TOKEN_URI, f"{self.url}/token"), "aud is another endpoint"),
            (SCOPE in str(claims.get("scope")).split(), "the scope of the Wallet API is missing"),
            (issued <= now + _CLOCK_SKEW, "iat lies ahead"),
            (now < expires <= issued + _MAX_LIFETIME, "exp has passed, or is more than an hour after iat"),
        ):
            if not fits:
                raise SaveRefused(400, "invalid_grant", f"Invalid JWT: {text}")


@dataclass(frozen=True)
class _Answer:
    status: int
    content: dict[str, Any]
    fault: Fault | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, google: FakeGoogle) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.google = google


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(min(int(length), _MAX_BODY)) if length.isdigit() else b""
        answer = self.server.google._answer(self.command, self.path, self.headers, body)  # type: ignore[arg-type]  # noqa: SLF001 -- two halves of one thing; headers find names in any case
        if answer.status == 0:
            return
        content = json.dumps(answer.content).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        if answer.fault is not None and answer.fault.retry_after is not None:
            self.send_header("Retry-After", answer.fault.retry_after)
        self.end_headers()
        self.wfile.write(content)

    # The names are those that http.server looks for.
    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing on standard error; `seen` has it."""


def _error(refused: SaveRefused, *, oauth: bool) -> dict[str, Any]:
    """An error in the shape of the endpoint that says it."""
    if oauth:
        return {"error": refused.reason, "error_description": refused.text}
    detail = {"message": refused.text, "domain": "walletobjects", "reason": refused.reason}
    return {"error": {"code": refused.status, "message": refused.text, "errors": [detail]}}


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
