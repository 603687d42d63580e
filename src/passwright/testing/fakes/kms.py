"""Make-believe key services on this machine, over real HTTP: keys that sign and never leave.

    with KeyService(key) as service:
        signer = GoogleIamSigner(ACCOUNT, session=session, endpoint=service.url)

Each speaks the protocol of one service, checks a request as that service documents
it, and signs with the key it was given: AWS KMS, Google Cloud KMS, Google's IAM
Credentials, Azure Key Vault, and the transit engine of HashiCorp Vault. `fault`
makes it slow, wrong, or unwilling.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["KeyService"]

Fault = Literal["slow", "wrong", "refuses", "ails"]
_DIGEST_BYTES = 32  # SHA-256
_ACCOUNT_KEY_ID = "0123456789abcdef0123456789abcdef01234567"


class KmsRefused(Exception):
    """A request that the service would not take: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class KeyService:
    """All the services for one RSA key, from `with` to the end of the block.

    `fault`: `slow` answers after ten seconds, `wrong` with a signature over
    something else, `refuses` with 403, `ails` with 503. `asked` lists the paths
    of the requests, `token` is what they have to bear.
    """

    def __init__(self, key: RSAPrivateKey, *, token: str = "look-alike-token") -> None:  # noqa: S107 -- of a look-alike
        self.key = key
        self.token = token
        self.fault: Fault | None = None
        self.asked: list[str] = []
        self._stopped = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The base URL: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody answers from here on."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- signing ---

    def _sign(self, digest: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        if len(digest) != _DIGEST_BYTES:
            raise KmsRefused(400, f"a SHA-256 digest has 32 bytes, not {len(digest)}")
        if self.fault == "wrong":
            digest = bytes(_DIGEST_BYTES)
        return self.key.sign(digest, PKCS1v15(), Prehashed(SHA256()))

    def _public_pem(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        form = PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(Encoding.PEM, form).decode("ascii")

    def _certificate_pem(self) -> str:
        from datetime import UTC, datetime, timedelta

        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Passwright throw-away example")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            name, name, self.key.public_key(), 1, now - timedelta(1), now + timedelta(1)
        )
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode("ascii")

    # --- protocols ---

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Returns the answer of the service that the path belongs to; headers are in lower case.

        Raises:
            Refused: as that service would.
        """
        path = path.partition("?")[0]
        self.asked.append(path)
        if self.fault == "slow":
            self._stopped.wait(10)
        if self.fault in ("refuses", "ails"):
            raise KmsRefused(403 if self.fault == "refuses" else 503, "so it was asked for")
        request_body: dict[str, Any] = json.loads(body) if body else {}
        if target := headers.get("x-amz-target"):
            return self._aws(target, headers, request_body)
        if path.startswith("/service_accounts/"):
            return {_ACCOUNT_KEY_ID: self._certificate_pem()}
        ways: dict[str, Callable[[Mapping[str, str], dict[str, Any]], dict[str, Any]]] = {
            ":asymmetricSign": self._cloud_kms,
            "/publicKey": self._cloud_kms_key,
            ":signBlob": self._iam,
            "/sign": self._azure,
            "/sha2-256": self._vault,
        }
        for end, way in ways.items():
            if path.endswith(end):
                return way(headers, request_body)
        raise KmsRefused(404, "no such path")

    def _bearer(self, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != f"Bearer {self.token}":
            raise KmsRefused(401, "the bearer token is missing, or another")

    def _aws(self, target: str, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """AWS KMS API reference: Sign, GetPublicKey."""
        if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
            raise KmsRefused(400, "the request is not signed with version 4")
        if target == "TrentService.GetPublicKey":
            pem = self._public_pem().split("-----")[2]
            return {"KeyId": request_body["KeyId"], "PublicKey": pem.replace("\n", ""),
                    "KeyUsage": "SIGN_VERIFY",
                    "KeySpec": "RSA_2048", "SigningAlgorithms": ["RSASSA_PKCS1_V1_5_SHA_256"]}  # fmt: skip
        if target != "TrentService.Sign":
            raise KmsRefused(400, "UnknownOperationException")
        if (
            request_body.get("MessageType") != "DIGEST"
            or request_body.get("SigningAlgorithm") != "RSASSA_PKCS1_V1_5_SHA_256"
        ):
            raise KmsRefused(400, "ValidationException")
        signature = self._sign(b64decode(request_body["Message"], validate=True))
        return {"KeyId": request_body["KeyId"], "Signature": b64encode(signature).decode(),
                "SigningAlgorithm": request_body["SigningAlgorithm"]}  # fmt: skip

    def _cloud_kms_key(self, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """Cloud KMS REST reference: cryptoKeyVersions.getPublicKey."""
        del headers, request_body
        return {"pem": self._public_pem(), "algorithm": "RSA_SIGN_PKCS1_2048_SHA256"}

    def _cloud_kms(self, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """Cloud KMS REST reference: cryptoKeyVersions.asymmetricSign, with checksums both ways."""
        del headers
        from google_crc32c import value

        digest = b64decode(request_body["digest"]["sha256"], validate=True)
        if int(request_body["digestCrc32c"]) != value(digest):
            raise KmsRefused(400, "the digest does not match its checksum")
        signature = self._sign(digest)
        return {"signature": b64encode(signature).decode(), "signatureCrc32c": str(value(signature)),
                "verifiedDigestCrc32c": True}  # fmt: skip

    def _iam(self, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """IAM Service Account Credentials API: projects.serviceAccounts.signBlob, which hashes itself."""
        from hashlib import sha256

        self._bearer(headers)
        if set(request_body) - {"payload", "delegates"}:
            raise KmsRefused(400, "unknown member")
        signature = self._sign(sha256(b64decode(request_body["payload"], validate=True)).digest())
        return {"keyId": _ACCOUNT_KEY_ID, "signedBlob": b64encode(signature).decode()}

    def _azure(self, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """Azure Key Vault REST reference: Sign. The digest and the answer are base64url."""
        self._bearer(headers)
        if request_body.get("alg") != "RS256":
            raise KmsRefused(400, "alg has to be RS256 for this key")
        digest = urlsafe_b64decode(request_body["value"] + "=" * (-len(request_body["value"]) % 4))
        return {
            "kid": f"{self.url}/keys/passes/1",
            "value": urlsafe_b64encode(self._sign(digest)).decode().rstrip("="),
        }

    def _vault(self, headers: Mapping[str, str], request_body: dict[str, Any]) -> dict[str, Any]:
        """HashiCorp Vault, Transit secrets engine API: Sign Data."""
        if headers.get("x-vault-token") != self.token:
            raise KmsRefused(403, "permission denied")
        if request_body.get("prehashed") is not True or request_body.get("signature_algorithm") != "pkcs1v15":
            raise KmsRefused(400, "Passwright needs prehashed data and PKCS #1 v1.5")
        signature = self._sign(b64decode(request_body["input"], validate=True))
        return {"data": {"signature": f"vault:v1:{b64encode(signature).decode()}", "key_version": 1}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._serve()

            do_GET = do_POST  # noqa: N815 -- the name it has there

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    status, said = 200, service.answer(self.path, headers, body)
                except KmsRefused as exc:
                    status, said = exc.status, {"error": {"code": exc.status, "message": exc.reason}}
                    if "X-Amz-Target" in self.headers:
                        name = "AccessDeniedException" if exc.status < 500 else "KMSInternalException"  # noqa: PLR2004
                        said = {"__type": name, "message": exc.reason}
                except (KeyError, ValueError, TypeError):
                    status, said = 400, {"error": {"code": 400, "message": "malformed"}}
                data = json.dumps(said).encode()
                if service._stopped.is_set():
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name it has there
                del format, args

        return Handler
