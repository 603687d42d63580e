"""The contract of an object that is handed to Passwright, as a check that its author can run."""

from __future__ import annotations

import ast
import binascii
import re
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from inspect import iscoroutine
from math import gcd
from threading import Barrier
from typing import TYPE_CHECKING, Any

from passwright.errors import KeyMaterialError
from passwright.signing import check_public_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passwright.signing import PublicKey, Signer

__all__ = ["check_signer"]

_SIGN = "sign(message) has to"
# Each a way in which signers of key services differ. The large one is far above what such a
# service takes at once (AWS KMS: 4,096 bytes), so a signer has to hash before it asks.
_MESSAGES = {
    "an ordinary message": b"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJnb29nbGUifQ",
    "an empty message": b"",
    "a message as long as a digest": bytes(range(32)),
    "bytes of every value": bytes(range(256)),
    "a message of 256 KiB": b"\0\xff" * 2**17,
}
_THREADS = 8


def check_signer(signer: Signer, *, public_key: PublicKey) -> None:
    """A signer keeps what `Identity` and `Issuer` rely on.

    It is asked for some thirty signatures, most of them from eight threads at
    once, which a key service can carry. `public_key` is the key of the
    certificate or service account that it signs for.

    A signer is good when
      1. its key may be used at all: RSA from 2048 bits, EC on P-256 or P-384,
      2. `key_id` is text or None,
      3. `sign` answers bytes: PKCS #1 v1.5 or DER-encoded ECDSA over SHA-256 of the
         message, whatever its length, and leaves the message as it was,
      4. it does so again, and for many at a time,
      5. `key_id` is still the same, and nothing that it shows of itself is the key.

    Raises:
        AssertionError: names the first promise that is broken.
    """
    __tracebackhide__ = True
    try:
        check_public_key(public_key)
    except KeyMaterialError as exc:
        raise AssertionError(f"the key has to be one that wallets take: {exc}") from None
    key_id = _key_id(signer)
    for turn in ("", ", asked again"):
        for name, message in _MESSAGES.items():
            _check_signature(signer, public_key, message, name + turn)
    _check_threads(signer, public_key)
    if (now := _key_id(signer)) != key_id:
        raise AssertionError(f"key_id has to stay the same: it was {key_id!r}, and is {now!r}")
    _check_displayed(signer, public_key)


def _key_id(signer: Signer) -> str | None:
    __tracebackhide__ = True
    try:
        key_id: Any = signer.key_id
    except Exception as exc:  # whatever it raises, raising is the mistake
        raise AssertionError(f"key_id has to be text or None: reading it raised {_name_of(exc)}") from exc
    if key_id is None or (isinstance(key_id, str) and key_id):
        return key_id
    raise AssertionError(f"key_id has to be text or None: it is {_type(key_id)}")


def _check_signature(signer: Signer, public_key: PublicKey, message: bytes, name: str) -> None:
    __tracebackhide__ = True
    given = bytes(bytearray(message))  # a copy: what stands in the table stays right
    try:
        answer: Any = signer.sign(given)
    except Exception as exc:  # likewise
        raise AssertionError(f"{_SIGN} take {name}: it raised {_name_of(exc)}") from exc
    if iscoroutine(answer):
        answer.close()
        raise AssertionError(f"{_SIGN} answer at once: it is asynchronous, and nobody awaits it")
    if type(answer) is not bytes:
        raise AssertionError(f"{_SIGN} answer bytes: for {name} it answered {_type(answer)}")
    if given != message:
        raise AssertionError(f"{_SIGN} leave the message as it was: it changed {name}")
    if not _fits(public_key, answer, message):
        unknown = "it is not a signature by this key over anything known: is it another key's?"
        wrong = next(_diagnoses(public_key, answer, message), unknown)
        raise AssertionError(f"{_SIGN} answer {_form(public_key)}: for {name}, {wrong}")


def _check_threads(signer: Signer, public_key: PublicKey) -> None:
    """Many at a time: every answer belongs to its own message."""
    __tracebackhide__ = True
    barrier = Barrier(_THREADS)

    def sign(number: int) -> list[tuple[bytes, Any]]:
        barrier.wait()
        # Long enough that hashing them lets other threads run.
        messages = [f"message {turn} of thread {number}".encode() * 1000 for turn in range(3)]
        return [(message, signer.sign(message)) for message in messages]

    with ThreadPoolExecutor(_THREADS) as pool:
        pending = [pool.submit(sign, number) for number in range(_THREADS)]
    for one in pending:
        if (exc := one.exception()) is not None:
            raise AssertionError(f"{_SIGN} work from several threads: it raised {_name_of(exc)}") from exc
        for message, answer in one.result():
            if type(answer) is not bytes or not _fits(public_key, answer, message):
                raise AssertionError(f"{_SIGN} work from several threads: an answer fits another message")


def _check_displayed(signer: Signer, public_key: PublicKey) -> None:
    __tracebackhide__ = True
    for name, text in (("repr", repr(signer)), ("str", str(signer))):
        if _reveals(text, public_key):
            # The text itself stays out of the message, which goes into logs.
            raise AssertionError(f"{name}(signer) has to hide the key: the private key can be read in it")


def _fits(public_key: Any, signature: bytes, message: bytes, *how: Any) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        public_key.verify(signature, message, *(how or _how(public_key)))
    except (InvalidSignature, ValueError):
        return False
    return True


def _how(public_key: Any, hash_: Any = None) -> tuple[Any, ...]:
    """The arguments of verify that follow the message."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    hash_ = hash_ or SHA256()
    return (PKCS1v15(), hash_) if _is_rsa(public_key) else (ECDSA(hash_),)


def _is_rsa(public_key: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    return isinstance(public_key, RSAPublicKey)


def _form(public_key: PublicKey) -> str:
    if _is_rsa(public_key):
        return "a PKCS #1 v1.5 signature over the message's SHA-256"
    return "a DER-encoded ECDSA signature over the message's SHA-256"


def _diagnoses(public_key: Any, signature: bytes, message: bytes) -> Iterator[str]:
    """Names the mistake behind a wrong answer, where it can be told from outside."""
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512

    if not signature:
        yield "it is empty"
    if _fits(public_key, signature, sha256(message).digest()):
        yield "it hashed twice: it signed the message's digest as if that were the message"
    if len(message) == SHA256.digest_size and _fits(
        public_key, signature, message, *_how(public_key, Prehashed(SHA256()))
    ):
        yield "it took the message for a digest and did not hash it"
    for hash_ in (SHA1(), SHA384(), SHA512()):  # noqa: S303 -- to name the mistake
        if _fits(public_key, signature, message, *_how(public_key, hash_)):
            yield f"it hashed with {hash_.name.upper()}"
    yield from (_rsa if _is_rsa(public_key) else _ecdsa)(public_key, signature, message)
    for decode in (urlsafe_b64decode, binascii.a2b_base64, binascii.unhexlify):
        try:
            decoded = decode(signature + b"==" if decode is urlsafe_b64decode else signature)
        except ValueError:
            continue
        if _fits(public_key, decoded, message):
            yield "it is the text of a signature, in base64 or hex, and not its bytes"


def _rsa(public_key: Any, signature: bytes, message: bytes) -> Iterator[str]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    if _fits(public_key, signature, message, PSS(MGF1(SHA256()), PSS.AUTO), SHA256()):
        yield "it is a PSS signature"
    size = public_key.key_size // 8
    if len(signature) < size and _fits(public_key, signature.rjust(size, b"\0"), message):
        yield f"it lost its leading zeros: it has {len(signature)} bytes and needs {size}"
    try:
        signed = public_key.recover_data_from_signature(signature, PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        return
    if signed == sha256(message).digest():
        yield "it holds the bare digest, without the DigestInfo around it (RFC 8017 section 9.2)"
    yield "it is a signature by this key over something else"


def _ecdsa(public_key: Any, signature: bytes, message: bytes) -> Iterator[str]:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = (public_key.key_size + 7) // 8
    if len(signature) == 2 * half:
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        if _fits(public_key, encode_dss_signature(r, s), message):
            yield "it is r and s side by side, as in a JWT, and not DER"


# --- what a text gives away ---

_NUMBERS = re.compile(r"(?<![0-9A-Fa-f])(?:0x)?([0-9A-Fa-f]{32,8192})(?![0-9A-Fa-f])")
_BYTES = re.compile(r"b'(?:[^'\\]|\\.){16,}'|b\"(?:[^\"\\]|\\.){16,}\"")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{32,}")


def _reveals(text: str, public_key: PublicKey) -> bool:
    """The private key to this public one can be read in the text."""
    if "PRIVATE KEY-----" in text:
        return True
    candidates = [ast.literal_eval(found) for found in _BYTES.findall(text)]
    for found in _BASE64.findall(text):
        plain = found.replace("+", "-").replace("/", "_")
        candidates.append(urlsafe_b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "=="))
    numbers = [int.from_bytes(each, "big") for each in candidates]
    for found in _NUMBERS.findall(text):
        numbers.append(int(found, 16))
        if found.isdigit():
            numbers.append(int(found))
        if len(found) % 2 == 0:
            candidates.append(bytes.fromhex(found))
    return any(_is_private(number, public_key) for number in numbers) or any(
        _holds_private(each, public_key) for each in candidates
    )


def _is_private(number: int, public_key: Any) -> bool:
    """The number is a secret one of this key."""
    if _is_rsa(public_key):
        public = public_key.public_numbers()
        # A prime divides n; with d, dp or dq a signature comes right modulo one prime at least.
        off = pow(pow(3, public.e, public.n), number, public.n) - 3
        return off == 0 or any(1 < gcd(each, public.n) < public.n for each in (number, off))
    from cryptography.hazmat.primitives.asymmetric.ec import derive_private_key

    try:
        return bool(derive_private_key(number, public_key.curve).public_key() == public_key)
    except ValueError:
        return False


def _holds_private(data: bytes, public_key: PublicKey) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(data, None).public_key() == public_key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _type(value: object) -> str:
    return "empty text" if value == "" else f"{type(value).__name__}"


def _name_of(exc: BaseException) -> str:
    # Its own text may hold what nobody should read.
    return type(exc).__name__
