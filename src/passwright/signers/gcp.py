"""Keys in Google Cloud Key Management Service."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from passwright.errors import (
    KeyMaterialError,
    MissingExtra,
    SignerFailed,
    SignerRefused,
    SignerTimeout,
    SignerUnreachable,
)
from passwright.signers.retry import with_retries
from passwright.signing import load_public_key

if TYPE_CHECKING:
    from passwright.signing import PublicKey

__all__ = ["GoogleKmsSigner"]

# Cloud KMS, CryptoKeyVersionAlgorithm: those whose signatures wallets read.
_ALGORITHMS = ("RSA_SIGN_PKCS1_2048_SHA256", "RSA_SIGN_PKCS1_3072_SHA256", "RSA_SIGN_PKCS1_4096_SHA256",
               "EC_SIGN_P256_SHA256")  # fmt: skip


class GoogleKmsSigner:
    """Signs with a key version of Cloud KMS: RSA_SIGN_PKCS1_*_SHA256 or EC_SIGN_P256_SHA256.

    `key` is the version's whole name,
    `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1`.
    Credentials are the application default ones, or those of `client`, a
    KeyManagementServiceClient of yours. `timeout` is in seconds for each try,
    `attempts` how often at the most.

    Asks for the public key once, when it is made.

    Raises:
        MissingExtra: google-cloud-kms is not installed.
        KeyMaterialError: the key is not one that signs passes.
        SignerUnreachable, SignerTimeout, SignerRefused: as `sign`.
    """

    def __init__(self, key: str, *, client: Any = None, timeout: float = 5.0, attempts: int = 3) -> None:
        self._key = key
        self._timeout, self._attempts = timeout, attempts
        self._client = client or _client()
        answer = self._ask("get_public_key", {"name": key})
        algorithm = answer.algorithm.name
        if algorithm not in _ALGORITHMS:
            raise KeyMaterialError(
                f"{key} is a key for {algorithm}; passes need one of {', '.join(_ALGORITHMS)}"
            )
        self._public_key = load_public_key(answer.pem.encode())

    @property
    def key_id(self) -> str | None:
        """None: the name of the key is not for the readers of a link."""
        return None

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this one signs, for `Issuer(public_key=...)`."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`; its digest is what travels, and checksums go both ways.

        Raises:
            SignerUnreachable: nobody answered at the address of the service.
            SignerTimeout: the service took too long, each time it was tried.
            SignerRefused: the service said no, or its checksums don't fit.
        """
        digest = sha256(message).digest()
        request = {
            "name": self._key,
            "digest": {"sha256": digest},
            "digest_crc32c": {"value": _crc32c(digest)},
        }
        answer = self._ask("asymmetric_sign", request)
        # Cloud KMS, "Verifying end-to-end data integrity".
        if not answer.verified_digest_crc32c or answer.signature_crc32c != _crc32c(answer.signature):
            raise SignerRefused(
                "what Cloud KMS got or answered was changed on its way: its checksum is another"
            )
        signature: bytes = answer.signature
        return signature

    def _ask(self, operation: str, request: dict[str, Any]) -> Any:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        def ask() -> Any:
            try:
                # Retries of the library's own are bounded by time alone.
                return getattr(self._client, operation)(request=request, timeout=self._timeout, retry=None)
            except (GoogleAPICallError, GoogleAuthError, RequestException) as exc:
                raise _failure(exc) from exc

        return with_retries(ask, attempts=self._attempts)

    def __repr__(self) -> str:
        return f"GoogleKmsSigner({self._key!r})"


def _client() -> Any:
    try:
        from google.cloud import kms
    except ImportError as exc:
        raise MissingExtra("gcp", missing=["google-cloud-kms"]) from exc
    from google.auth.exceptions import GoogleAuthError

    try:
        return kms.KeyManagementServiceClient()
    except GoogleAuthError as exc:
        raise SignerRefused(
            "Cloud KMS can't be asked: there are no credentials; run gcloud auth application-default login, "
            "or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from exc


def _failure(exc: Exception) -> SignerFailed:
    """Returns the exception of ours for one of the client."""
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError
    from requests.exceptions import RequestException, Timeout

    if isinstance(exc, (Timeout, exceptions.DeadlineExceeded, exceptions.GatewayTimeout)):
        return SignerTimeout("Cloud KMS took too long to answer")
    if isinstance(exc, (RequestException, TransportError, exceptions.ServerError)):
        return SignerUnreachable("Cloud KMS can't be reached, or is not available")
    if isinstance(exc, exceptions.GoogleAPICallError):
        hint = _HINTS.get(type(exc).__name__, "")
        return SignerRefused(f"Cloud KMS refused the key: {type(exc).__name__}{'; ' * bool(hint)}{hint}")
    return SignerRefused("Cloud KMS can't be asked: there are no credentials that Google takes")


_HINTS = {
    "PermissionDenied": "grant roles/cloudkms.signerVerifier on the key",
    "Forbidden": "grant roles/cloudkms.signerVerifier on the key",
    "NotFound": "name the key version: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1",
    "BadRequest": "is the version enabled, and made for signing?",
    "FailedPrecondition": "is the version enabled?",
    "TooManyRequests": "ask for a higher quota, or make fewer passes at once",
}


def _crc32c(data: bytes) -> int:
    try:
        from google_crc32c import value
    except ImportError as exc:
        raise MissingExtra("gcp", missing=["google-crc32c"]) from exc
    return int(value(data))
