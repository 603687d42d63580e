"""Keyless save links: a service account's key that Google keeps, through IAM's signBlob."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from passwright.errors import SignerFailed, SignerRefused, SignerTimeout, SignerUnreachable, WrongSignature
from passwright.signers.retry import with_retries
from passwright.signing import load_public_key, verify_signature

if TYPE_CHECKING:
    from passwright.signing import PublicKey

__all__ = ["GoogleIamSigner"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# IAM Service Account Credentials API, projects.serviceAccounts.signBlob.
ENDPOINT = "https://iamcredentials.googleapis.com"
# Google, "Service account credentials": the certificates of an account's keys, by key id.
CERTIFICATES = "https://www.googleapis.com/service_accounts/v1/metadata/x509"

_PASSING = (429, 500, 502, 503, 504)


class GoogleIamSigner:
    """Signs as a service account without having its key.

    `email` is the account that signs; the caller needs the role Service Account
    Token Creator on it. `session` is an AuthorizedSession of google-auth, default
    one with the application default credentials. `timeout` is in seconds for each
    try, `attempts` how often at the most. `endpoint` and `certificates` are other
    addresses of Google.

    Google replaces such keys every two weeks, so each signature is verified here,
    with the key that Google publishes under the id it names; leave
    `Issuer(public_key=...)` out. For Google only: Apple's certificates have other
    keys.

    Raises:
        SignerRefused: there are no application default credentials.
    """

    proves_itself = True
    """What `sign` answers was verified already."""

    def __init__(
        self,
        email: str,
        *,
        session: Any = None,
        timeout: float = 5.0,
        attempts: int = 3,
        endpoint: str = ENDPOINT,
        certificates: str = CERTIFICATES,
    ) -> None:
        self._account = quote(email, safe="@.-")
        self._session = session or _session()
        self._timeout, self._attempts = timeout, attempts
        self._endpoint, self._certificates = endpoint, certificates
        self._keys: dict[str, PublicKey] = {}

    @property
    def key_id(self) -> str | None:
        """None: which of the account's keys signs is known afterwards only."""
        return None

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, which travels whole: RSA PKCS #1 v1.5 with SHA-256.

        Raises:
            SignerUnreachable: nobody answered at the address of the service.
            SignerTimeout: the service took too long, each time it was tried.
            SignerRefused: the service said no.
            WrongSignature: the answer isn't a signature by a key of this account.
        """
        url = f"{self._endpoint}/v1/projects/-/serviceAccounts/{self._account}:signBlob"
        answer = self._ask("POST", url, json={"payload": b64encode(message).decode("ascii")})
        try:
            key_id, signature = str(answer["keyId"]), b64decode(answer["signedBlob"], validate=True)
        except (KeyError, TypeError, binascii.Error) as exc:
            raise SignerRefused("IAM answered something else than a signature") from exc
        if not verify_signature(self._key(key_id), signature, message):
            raise WrongSignature("IAM's answer is not a signature by the key it names")
        return signature

    def _key(self, key_id: str) -> PublicKey:
        """The key that Google publishes under this id."""
        if key_id not in self._keys:
            published = self._ask("GET", f"{self._certificates}/{self._account}")
            if key_id not in published:
                raise WrongSignature("IAM signed with a key that Google does not publish for this account")
            self._keys[key_id] = load_public_key(published[key_id].encode())
        return self._keys[key_id]

    def _ask(self, method: str, url: str, **content: Any) -> Any:
        from google.auth.exceptions import GoogleAuthError

        def ask() -> Any:
            try:
                answer = self._session.request(method, url, timeout=self._timeout, **content)
            except OSError as exc:
                raise _failure(exc) from exc
            except GoogleAuthError as exc:
                raise SignerRefused("IAM can't be asked: there are no credentials that Google takes") from exc
            status = answer.status_code
            if status in _PASSING:
                raise SignerUnreachable(f"IAM is not available: it answered {status}")
            if status != 200:  # noqa: PLR2004
                hint = _HINTS.get(status, "")
                raise SignerRefused(f"IAM refused the account: {status}{'; ' * bool(hint)}{hint}")
            return answer.json()

        return with_retries(ask, attempts=self._attempts)

    def __repr__(self) -> str:
        return "GoogleIamSigner()"


_HINTS = {
    401: "the credentials are not valid",
    403: "grant Service Account Token Creator on the account, and enable the IAM Credentials API",
    404: "there is no such service account",
}


def _session() -> Any:
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except GoogleAuthError as exc:
        raise SignerRefused(
            "IAM can't be asked: there are no credentials; run gcloud auth application-default login, "
            "or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from exc
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def _failure(exc: OSError) -> SignerFailed:
    from requests.exceptions import Timeout

    if isinstance(exc, Timeout):
        return SignerTimeout("IAM took too long to answer")
    return SignerUnreachable("IAM can't be reached")
