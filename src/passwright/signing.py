"""Anything that signs bytes: a key in memory, an HSM, a cloud key service.

One protocol serves both wallets: Apple's CMS signature and Google's JWT are
made by the same call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from passwright.errors import KeyMaterialError, SignerFailed, WrongSignature

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey
    PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey

__all__ = [
    "KeySigner",
    "Signer",
    "SigningRequest",
    "bind_signer",
    "check_public_key",
    "load_key",
    "load_public_key",
    "read_public_key",
    "sign_checked",
    "verify_signature",
]

Made = TypeVar("Made")

MIN_RSA_BITS = 2048  # RFC 7518 section 3.3 for JWTs; Apple's pass certificates hold RSA 2048
CURVES = ("secp256r1", "secp384r1")


@runtime_checkable
class Signer(Protocol):
    """Signs for an identity or an issuer; the signers of google-auth fit as they are."""

    @property
    def key_id(self) -> str | None:
        """Identifier of the key for a JWT header, or None."""

    def sign(self, message: bytes) -> bytes:
        """The signature over `message` (not over its digest), with SHA-256.

        RSA: PKCS #1 v1.5 (RFC 8017 section 8.2). EC: DER-encoded
        ECDSA-Sig-Value (RFC 3279 section 2.2.3). May raise anything: the
        library wraps it in `SignerFailed`.
        """


class SigningRequest(NamedTuple, Generic[Made]):
    """The bytes to sign and how to finish once they are signed.

    `to_be_signed` are the bytes, `sign` asks the signer for the signature over
    them, and `finish` makes the result from it. With a key elsewhere, carry
    `to_be_signed` there and pass the signature to `finish`.
    """

    to_be_signed: bytes
    sign: Callable[[bytes], bytes]
    finish: Callable[[bytes], Made]

    def complete(self) -> Made:
        """Signs, and returns the finished result.

        Raises:
            SignerFailed: a signer of others raised, or its answer doesn't verify.
        """
        return self.finish(self.sign(self.to_be_signed))


class KeySigner:
    """Signs with a private key of the cryptography package: RSA from 2048 bits, EC on P-256 or P-384.

    Raises:
        KeyMaterialError: another kind of key, or a weak one.
    """

    __slots__ = ("_how", "_key_id", "_public_key", "_sign")

    def __init__(self, key: PrivateKey, *, key_id: str | None = None) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        if not isinstance(key, (RSAPrivateKey, EllipticCurvePrivateKey)):
            raise KeyMaterialError(
                f"a {type(key).__name__} can't sign passes: give an RSA or an EC private key"
            )
        check_public_key(key.public_key())
        self._public_key = key.public_key()
        self._key_id = key_id
        # Bound once: looking up padding and hash for each signature costs more than handing them over.
        self._sign: Callable[..., bytes] = key.sign
        self._how = _how(self._public_key)

    @classmethod
    def from_pem(
        cls, pem: bytes | str, *, password: bytes | str | None = None, key_id: str | None = None
    ) -> KeySigner:
        """A signer for a private key in PEM: PKCS #8, encrypted or not, or the older RSA and EC forms.

        Raises:
            KeyMaterialError: not a private key in PEM, damaged, a wrong or missing
                password, or a key that can't sign passes.
        """
        key = load_key(pem, password)
        # A traceback that shows local variables must not show the key.
        del pem, password
        if key is None:
            raise KeyMaterialError(
                "the private key can't be read: "
                "it is not PEM, it is damaged, or its password is wrong or missing"
            )
        return cls(key, key_id=key_id)

    @property
    def key_id(self) -> str | None:
        """Identifier of the key for a JWT header, or None."""
        return self._key_id

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, in the form the protocol asks for."""
        return self._sign(message, *self._how)

    def __repr__(self) -> str:
        if not hasattr(self, "_how"):
            return "KeySigner(refused)"  # a traceback that shows local variables asks before all is there
        return f"KeySigner({_kind(self._public_key)}, key_id={self._key_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a signer holds a private key and can't be pickled or copied: load the key where it is used"
        )


def sign_checked(signer: Signer, public_key: PublicKey | None, message: bytes) -> bytes:
    """Signs `message`, and verifies the answer with `public_key`.

    Without a public key only the type of the answer is checked. The signature of
    a `KeySigner` is made in this process and is not verified each time: its
    public key is compared once with that of the certificate.

    Raises:
        SignerFailed: the signer raised (`__cause__` says what), or answered no bytes.
        WrongSignature: its answer isn't a signature over the message by this key.
    """
    if type(signer) is KeySigner:
        return signer.sign(message)
    try:
        answer = signer.sign(message)
    except SignerFailed:
        # Signers of ours say themselves what went wrong.
        raise
    except Exception as exc:
        # A foreign signer may raise anything; the caller gets one kind, and the original as its cause.
        raise SignerFailed(f"the signer raised {type(exc).__name__}") from exc
    if not isinstance(answer, (bytes, bytearray, memoryview)):
        raise SignerFailed(f"the signer answered {type(answer).__name__} instead of bytes")
    signature = bytes(answer)
    if public_key is not None and not verify_signature(public_key, signature, message):
        raise WrongSignature(
            "the signer's answer is not a signature by the expected key: "
            "is it the right key, and does it hash the message itself, with SHA-256?"
        )
    return signature


def bind_signer(signer: Signer, public_key: PublicKey | None) -> Callable[[bytes], bytes]:
    """The function to call for each message: `sign_checked` with the first two arguments filled in."""
    if type(signer) is KeySigner:
        return signer.sign
    return lambda message: sign_checked(signer, public_key, message)


def check_public_key(key: object) -> None:
    """Refuses public keys that are too weak or of another kind.

    RSA from 2048 bits with the exponent 65537 (smaller exponents make padding
    mistakes of verifiers exploitable) and not by the generator whose keys can
    be factored (CVE-2017-15361), EC on P-256 or P-384.

    Raises:
        KeyMaterialError: says what was found and what would do.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise KeyMaterialError(
                f"an RSA key of {key.key_size} bits is too weak: use {MIN_RSA_BITS} or more"
            )
        numbers = key.public_numbers()
        if numbers.e != 65537:  # noqa: PLR2004
            raise KeyMaterialError(f"an RSA key with the public exponent {numbers.e} is too weak: use 65537")
        if _can_be_factored(numbers.n):
            raise KeyMaterialError(
                "the RSA key is from a generator whose keys can be factored (CVE-2017-15361): make a new one"
            )
    elif isinstance(key, EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise KeyMaterialError(f"an EC key on {key.curve.name} can't be used: use P-256 or P-384")
    else:
        raise KeyMaterialError(f"{type(key).__name__} is neither RSA nor EC")


@lru_cache(maxsize=64)
def _can_be_factored(modulus: int) -> bool:
    """Returns whether the modulus has the fingerprint of CVE-2017-15361.

    Its primes are powers of 65537 modulo every one of the first 126 primes, and
    so is their product. Other keys fail at the third or fourth prime.
    Source: Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 3.2.
    """
    primes = (p for p in range(3, 702, 2) if all(p % divisor for divisor in range(3, p, 2)))
    return all(modulus % p in {pow(65537, power, p) for power in range(p - 1)} for p in primes)


def load_key(pem: bytes | str, password: bytes | str | None) -> PrivateKey | None:
    """The private key in PEM or DER, or None where it can't be read.

    None instead of an exception: the exception's traceback would keep this
    frame, and with it key and password, alive and visible.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    text = pem.encode() if isinstance(pem, str) else pem
    load = load_pem_private_key if b"-----BEGIN" in text else load_der_private_key
    secret = password.encode() if isinstance(password, str) else password
    # An empty password is what people give who have none.
    for attempt in dict.fromkeys((secret or None, None)):
        try:
            return load(text, attempt)  # type: ignore[return-value]  # KeySigner checks the kind
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return None


def read_public_key(data: bytes) -> object | None:
    """Returns the key of a public key or of a certificate, in PEM or DER; None where none can be read.

    The key may be of any kind and strength: `check_public_key` refuses those that can't be used.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    pem = b"-----BEGIN" in data
    key = serialization.load_pem_public_key if pem else serialization.load_der_public_key
    certificate = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    for load in (key, lambda octets: certificate(octets).public_key()):
        try:
            return load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
    return None


def load_public_key(data: bytes) -> PublicKey:
    """Returns the key of a public key (RFC 5280 section 4.1.2.7) or of a certificate, in PEM or DER.

    Raises:
        KeyMaterialError: this is none, or one that is too weak or of another kind.
    """
    key = read_public_key(data)
    if key is None:
        raise KeyMaterialError("the public key can't be read: it is neither PEM nor DER, or damaged")
    check_public_key(key)
    return key  # type: ignore[return-value]  # check_public_key refuses other kinds


def verify_signature(public_key: PublicKey, signature: bytes, message: bytes) -> bool:
    """`signature` is one over `message` by this key, with SHA-256: PKCS #1 v1.5 or DER-encoded ECDSA."""
    from cryptography.exceptions import InvalidSignature

    verify: Callable[..., None] = public_key.verify
    try:
        verify(signature, message, *_how(public_key))
    except InvalidSignature:
        return False
    return True


def _how(public_key: PublicKey) -> tuple[Any, ...]:
    """The arguments of sign and verify that follow the message."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(public_key, RSAPublicKey):
        return (PKCS1v15(), SHA256())
    return (ECDSA(SHA256()),)


def _kind(public_key: PublicKey) -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(public_key, RSAPublicKey):
        return f"RSA {public_key.key_size}"
    return f"EC {public_key.curve.name}"
