"""Keys in a hardware module or token, through PKCS #11 (OASIS, version 2.40)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from passwright.errors import KeyMaterialError, MissingExtra, SignerRefused, SignerTimeout, SignerUnreachable

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Pkcs11Signer"]

# RFC 8017 section 9.2, note 1: the DigestInfo of SHA-256 up to the digest.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Pkcs11Signer:
    """Signs with a private key of a PKCS #11 token: RSA from 2048 bits, or EC on P-256 or P-384.

    `module` is the vendor's library (`/usr/lib/softhsm/libsofthsm2.so`), `token`
    the label of the token and `key` that of the key; `key_id` its id instead, in
    hex. `pin` unlocks the token; a function is called for it, so that it need not
    stand in a variable. `timeout` is in seconds for each signature, by which a
    token that hangs is given up.

    One session serves all threads, one signature at a time. A token that was
    taken out and put back is opened anew, once for each signature. The public
    key comes from the certificate: `Identity` verifies every answer with it.

    Raises:
        MissingExtra: python-pkcs11 is not installed.
        KeyMaterialError: the token or the key is not there, or is of another kind.
        SignerUnreachable, SignerTimeout, SignerRefused: as `sign`.
    """

    def __init__(
        self,
        module: str | PathLike[str],
        *,
        token: str,
        key: str | None = None,
        key_id: str | None = None,
        pin: Any = None,
        timeout: float = 10.0,
    ) -> None:
        if (key is None) == (key_id is None):
            raise ValueError("name the private key by its label or by its id: key=, or key_id=")
        self._module = str(module)
        self._token = token
        self._wanted = {"label": key} if key is not None else {"id": bytes.fromhex(key_id or "")}
        self._pin = pin if callable(pin) or pin is None else lambda: pin
        self._timeout = timeout
        self._lock = Lock()
        self._thread = _thread()
        self._key: Any = None
        self._ask(self._open_key)

    @property
    def key_id(self) -> str | None:
        """None: labels and ids of tokens are not for the readers of a link."""
        return None

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`; its digest is what goes to the token.

        Raises:
            SignerUnreachable: the token is gone, or its library says that it does not work.
            SignerTimeout: the token took too long.
            SignerRefused: the token said no: a wrong PIN, a key that may not sign.
        """
        digest = sha256(message).digest()
        with self._lock:
            try:
                signature: bytes = self._ask(self._signature, digest)
            except SignerUnreachable:
                # A session ends when a token is taken out; another may be opened.
                self._key = None
                signature = self._ask(self._signature, digest)
        return signature

    def _signature(self, digest: bytes) -> bytes:
        from pkcs11 import KeyType, Mechanism

        key = self._key or self._open_key()
        if key.key_type is KeyType.RSA:
            return bytes(key.sign(_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))
        return _der(bytes(key.sign(digest, mechanism=Mechanism.ECDSA)))

    def _open_key(self) -> Any:
        import pkcs11
        from pkcs11 import KeyType, ObjectClass

        try:
            library = pkcs11.lib(self._module)
        except (RuntimeError, pkcs11.PKCS11Error) as exc:
            raise SignerUnreachable(f"the library {self._module} can't be loaded") from exc
        token = library.get_token(token_label=self._token)
        try:
            session = token.open(user_pin=self._pin()) if self._pin else token.open()
        except pkcs11.UserAlreadyLoggedIn:
            # Section 5.6: who has logged in once has done so for all sessions of the process.
            session = token.open()
        try:
            key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, **self._wanted)
        except pkcs11.PKCS11Error:
            session.close()
            raise
        if key.key_type not in (KeyType.RSA, KeyType.EC):
            session.close()
            raise KeyMaterialError(f"the key in the token is a {key.key_type.name} key, not RSA or EC")
        self._key = key
        return key

    def _ask(self, what: Any, *arguments: Any) -> Any:
        """The answer of the token, or what went wrong, in time either way."""
        try:
            import pkcs11
        except ImportError as exc:
            raise MissingExtra("pkcs11", missing=["python-pkcs11"]) from exc
        try:
            return self._thread.submit(what, *arguments).result(self._timeout)
        except TookTooLong as exc:
            # The library is still in there; what comes next gets a thread and a session of its own.
            self._thread.shutdown(wait=False)
            self._thread, self._key = _thread(), None
            raise SignerTimeout(
                f"the token {self._token} took longer than {self._timeout:g} seconds"
            ) from exc
        except (pkcs11.NoSuchToken, pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as exc:
            raise KeyMaterialError(
                f"the token {self._token} or its key can't be found: {_class_name(exc)}"
            ) from exc
        except (pkcs11.PinIncorrect, pkcs11.PinLocked, pkcs11.PinExpired, pkcs11.PinInvalid) as exc:
            raise SignerRefused(f"the token {self._token} refused the PIN: {_class_name(exc)}") from exc
        except (pkcs11.KeyTypeInconsistent, pkcs11.FunctionRejected, pkcs11.MechanismInvalid) as exc:
            raise SignerRefused(f"the key may not sign like that: {_class_name(exc)}") from exc
        except pkcs11.PKCS11Error as exc:
            raise SignerUnreachable(f"the token {self._token} does not answer: {_class_name(exc)}") from exc

    def __repr__(self) -> str:
        return f"Pkcs11Signer(token={self._token!r})"


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="passwright-pkcs11")


def _class_name(exc: Exception) -> str:
    return type(exc).__name__


def _der(raw: bytes) -> bytes:
    """An ECDSA-Sig-Value (RFC 3279 section 2.2.3) of the two numbers that PKCS #11 puts side by side."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
