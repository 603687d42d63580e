"""Keys in AWS Key Management Service."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from passwright.errors import (
    KeyMaterialError,
    MissingExtra,
    SignerRefused,
    SignerTimeout,
    SignerUnreachable,
    SigningError,
)
from passwright.signing import load_public_key

if TYPE_CHECKING:
    from passwright.signing import PublicKey

__all__ = ["AwsKmsSigner"]

# AWS KMS API reference, Sign: SigningAlgorithm.
_ALGORITHMS = {"RSA": "RSASSA_PKCS1_V1_5_SHA_256", "ECC": "ECDSA_SHA_256"}


class AwsKmsSigner:
    """Signs with an asymmetric key of AWS KMS: RSA_2048 to RSA_4096, ECC_NIST_P256, usage SIGN_VERIFY.

    `key` is the key's id, ARN or alias (`alias/passes`). Region and credentials
    come from where boto3 finds them, or from `client`, a KMS client of yours,
    whose time-outs and retries then count. `timeout` is in seconds for each try,
    `attempts` how often at the most. With `raw` the message travels instead of its
    digest, where a policy asks for that (`kms:MessageType`); it has 4,096 bytes at
    most then.

    Asks for the public key once, when it is made.

    Raises:
        MissingExtra: boto3 is not installed.
        KeyMaterialError: the key is not one that signs passes.
        SignerUnreachable, SignerTimeout, SignerRefused: as `sign`.
    """

    def __init__(
        self, key: str, *, client: Any = None, timeout: float = 5.0, attempts: int = 3, raw: bool = False
    ) -> None:
        self._key = key
        self._raw = raw
        self._client = client or _client(timeout, attempts)
        answer = self._ask("get_public_key", KeyId=key)
        self._public_key = load_public_key(answer["PublicKey"])
        algorithms = answer["SigningAlgorithms"]
        self._algorithm = next((each for each in _ALGORITHMS.values() if each in algorithms), "")
        if not self._algorithm:
            raise KeyMaterialError(
                f"the key {key} signs with {', '.join(algorithms)} only, passes need SHA-256"
            )

    @property
    def key_id(self) -> str | None:
        """None: AWS names its keys by ARNs, which are not for the readers of a link."""
        return None

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this one signs, for `Issuer(public_key=...)`."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`; its digest is what travels.

        Raises:
            SignerUnreachable: nobody answered at the address of the service.
            SignerTimeout: the service took too long, each time it was tried.
            SignerRefused: the service said no: rights, a disabled or deleted key, throttling.
        """
        answer = self._ask(
            "sign",
            KeyId=self._key,
            Message=message if self._raw else sha256(message).digest(),
            MessageType="RAW" if self._raw else "DIGEST",
            SigningAlgorithm=self._algorithm,
        )
        signature: bytes = answer["Signature"]
        return signature

    def _ask(self, operation: str, **arguments: Any) -> Any:
        from botocore import exceptions

        try:
            return getattr(self._client, operation)(**arguments)
        except exceptions.ClientError as exc:
            raise _explain_error(self._key, exc.response.get("Error", {})) from exc
        except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError) as exc:
            raise SignerTimeout("AWS KMS took too long to answer") from exc
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as exc:
            raise SignerUnreachable(
                "AWS KMS can't be reached: is the region right, and the network up?"
            ) from exc
        except exceptions.BotoCoreError as exc:
            raise SignerRefused(
                f"AWS KMS can't be asked: {type(exc).__name__}; are region and credentials set?"
            ) from exc

    def __repr__(self) -> str:
        return f"AwsKmsSigner({self._key!r})"


def _client(timeout: float, attempts: int) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as exc:
        raise MissingExtra("aws", missing=["boto3"]) from exc
    from botocore.exceptions import BotoCoreError, NoRegionError

    retries = {"mode": "standard", "total_max_attempts": attempts}
    try:
        return boto3.client(
            "kms", config=Config(connect_timeout=timeout, read_timeout=timeout, retries=retries)
        )
    except NoRegionError as exc:
        raise SignerRefused("AWS KMS can't be asked: no region is set; set AWS_DEFAULT_REGION") from exc
    except BotoCoreError as exc:
        raise SignerRefused(f"AWS KMS can't be asked: {type(exc).__name__}") from exc


def _explain_error(key: str, message: Any) -> SigningError:
    code = message.get("Code", "an error")
    hints = {
        "AccessDeniedException": "give its principal kms:Sign and kms:GetPublicKey on the key",
        "NotFoundException": "is the key in this region and account?",
        "DisabledException": "enable the key",
        "KMSInvalidStateException": "the key is disabled, pending deletion or without material",
        "InvalidKeyUsageException": "the key was made for another usage than SIGN_VERIFY",
        "ThrottlingException": "ask for a higher quota, or make fewer passes at once",
    }
    if code in ("InternalException", "KMSInternalException", "DependencyTimeoutException"):
        return SignerUnreachable(f"AWS KMS is not available: {code}")
    return SignerRefused(f"AWS KMS refused {key}: {code}{'; ' * (code in hints)}{hints.get(code, '')}")
