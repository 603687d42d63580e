"""A sound signer passes the check; each broken one is told which promise it breaks."""

from __future__ import annotations

import base64
import ctypes
import threading
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.crypt import RSASigner

from passwright.signing import KeySigner
from passwright.testing import check_signer
from tests.keys import odd_key, rsa_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from passwright.signing import PrivateKey

RSA = rsa_key()
OTHER = rsa_key()
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
NUMBERS = RSA.private_numbers()
PKCS1 = (PKCS1v15(), SHA256())
ECDSA = ec.ECDSA(SHA256())
PEM = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
DER = RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Signer:
    """A sound signer somewhere else; what a test hands in breaks it."""

    def __init__(self, sign: Callable[[bytes], Any], key_id: Any = "one", shows: str = "Signer()") -> None:
        self._answer = sign
        self._key_id = key_id
        self._shows = shows

    @property
    def key_id(self) -> Any:
        return self._key_id() if callable(self._key_id) else self._key_id

    def sign(self, message: bytes) -> Any:
        return self._answer(message)

    def __repr__(self) -> str:
        return self._shows


def sound(message: bytes) -> bytes:
    return RSA.sign(message, *PKCS1)


@pytest.mark.parametrize("key", [RSA, P256, P384], ids=["rsa", "p256", "p384"])
def test_a_key_in_memory_keeps_every_promise(key: PrivateKey) -> None:
    check_signer(KeySigner(key), public_key=key.public_key())


def test_the_signers_of_google_auth_keep_every_promise() -> None:
    signer = RSASigner.from_string(PEM, key_id="one")  # type: ignore[no-untyped-call]
    check_signer(signer, public_key=RSA.public_key())


@pytest.mark.parametrize("key_id", [None, "one"])
def test_a_sound_signer_of_others_passes(key_id: str | None) -> None:
    shows = f"Signer(fingerprint={sha256(DER).hexdigest()}, modulus={RSA.public_key().public_numbers().n})"
    check_signer(Signer(sound, key_id, shows), public_key=RSA.public_key())


def test_two_threads_never_see_a_message_of_the_other() -> None:
    """The check signs from several threads at once: a signer that counts its guests sees them."""
    guests, most, lock = 0, 0, threading.Lock()

    def sign(message: bytes) -> bytes:
        nonlocal guests, most
        with lock:
            guests += 1
            most = max(most, guests)
        time.sleep(0.005)  # on a busy machine a signature alone is over before another thread begins
        answer = sound(message)
        with lock:
            guests -= 1
        return answer

    check_signer(Signer(sign), public_key=RSA.public_key())
    assert most > 1


# --- broken ones ---


def twice(message: bytes) -> bytes:
    return sound(sha256(message).digest())


def guesses_digests(message: bytes) -> bytes:
    """Takes 32 bytes for a digest, as clients of key services do."""
    return RSA.sign(message, PKCS1v15(), Prehashed(SHA256())) if len(message) == 32 else sound(message)


def bare(message: bytes) -> bytes:
    """RFC 8017 section 9.2 with T being the hash alone."""
    padded = b"\0\1" + b"\xff" * (256 - 32 - 3) + b"\0" + sha256(message).digest()
    return pow(int.from_bytes(padded, "big"), NUMBERS.d, NUMBERS.public_numbers.n).to_bytes(256, "big")


def side_by_side(message: bytes) -> bytes:
    return b"".join(each.to_bytes(32, "big") for each in decode_dss_signature(P256.sign(message, ECDSA)))


def limited(message: bytes) -> bytes:
    if len(message) > 4096:
        raise ValueError("Member must have length less than or equal to 4096")
    return sound(message)


def refuses_nothing(message: bytes) -> bytes:
    if not message:
        raise ValueError("nothing to sign")
    return sound(message)


def scribbles(message: bytes) -> bytes:
    """Writes into the caller's buffer, as careless bindings to C do."""
    answer = sound(message)
    if message:
        ctypes.memset(id(message) + bytes.__basicsize__ - 1, 0x58, 1)
    return answer


async def asynchronous(message: bytes) -> bytes:
    return sound(message)


class OnlyOnce:
    """A session that closes after some answers."""

    def __init__(self) -> None:
        self.left = 5

    def __call__(self, message: bytes) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise ConnectionError("session closed")
        return sound(message)


class Shared:
    """Keeps the message of the call in itself."""

    def __init__(self) -> None:
        self.first = threading.Lock()
        self.second = threading.Event()
        self.message = b""

    def __call__(self, message: bytes) -> bytes:
        self.message = message
        if b"of thread" in message:
            if self.first.acquire(blocking=False):
                self.second.wait(10)  # until another call has come in between
            else:
                self.second.set()
        return sound(self.message)


def counted() -> Callable[[], str]:
    ids = iter(range(1000))
    return lambda: f"session-{next(ids)}"


def breaks(message: bytes) -> bytes:
    if b"of thread" in message:
        raise RuntimeError("not from this thread")
    return sound(message)


BROKEN: dict[str, tuple[Any, Any, str]] = {
    "signs the digest": (Signer(twice), RSA, "an ordinary message, it hashed twice"),
    "takes 32 bytes for a digest": (Signer(guesses_digests), RSA, "it took the message for a digest"),
    "leaves the hash's name out": (Signer(bare), RSA, "it holds the bare digest, without the DigestInfo"),
    "another hash": (Signer(lambda text: RSA.sign(text, PKCS1v15(), SHA384())), RSA, "it hashed with SHA384"),
    "an old hash": (Signer(lambda text: RSA.sign(text, PKCS1v15(), SHA1())), RSA, "it hashed with SHA1"),
    "another hash on a curve": (
        Signer(lambda text: P256.sign(text, ec.ECDSA(SHA384()))),
        P256,
        "a DER-encoded ECDSA signature over the message's SHA-256: for an ordinary message, it hashed with",
    ),
    "PSS": (Signer(lambda text: RSA.sign(text, PSS(MGF1(SHA256()), 32), SHA256())), RSA, "it is a PSS"),
    "r and s of a JWT": (Signer(side_by_side), P256, "it is r and s side by side"),
    "another key": (
        Signer(KeySigner(rsa_key()).sign),
        RSA,
        "is it another key's?",
    ),
    "another curve's key": (Signer(KeySigner(P384).sign), P256, "is it another key's?"),
    "an RSA key where an EC key was meant": (Signer(sound), P256, "is it another key's?"),
    "something else": (Signer(lambda text: sound(text + b"\n")), RSA, "by this key over something else"),
    "text": (
        Signer(lambda text: sound(text).hex()),
        RSA,
        "answer bytes: for an ordinary message it answered str",
    ),
    "a bytearray": (Signer(lambda text: bytearray(sound(text))), RSA, "it answered bytearray"),
    "base64": (Signer(lambda text: base64.b64encode(sound(text))), RSA, "it is the text of a signature"),
    "base64url": (
        Signer(lambda text: base64.urlsafe_b64encode(sound(text)).rstrip(b"=")),
        RSA,
        "it is the text of a signature",
    ),
    "hex": (Signer(lambda text: sound(text).hex().encode()), RSA, "it is the text of a signature"),
    "an empty answer": (Signer(lambda _: b""), RSA, "it is empty"),
    "a later answer": (Signer(asynchronous), RSA, "it is asynchronous"),
    "a limit of 4,096 bytes": (Signer(limited), RSA, "take a message of 256 KiB: it raised ValueError"),
    "no empty message": (Signer(refuses_nothing), RSA, "take an empty message: it raised ValueError"),
    "a message changed": (Signer(scribbles), RSA, "leave the message as it was"),
    "a session that ends": (Signer(OnlyOnce()), RSA, "take an ordinary message, asked again"),
    "shared state": (Signer(Shared()), RSA, "several threads: an answer fits another message"),
    "one thread only": (Signer(breaks), RSA, "several threads: it raised RuntimeError"),
    "a number for an id": (Signer(sound, 7), RSA, "key_id has to be text or None: it is int"),
    "an empty id": (Signer(sound, ""), RSA, "key_id has to be text or None: it is empty text"),
    "an id that fails": (Signer(sound, lambda: 1 / 0), RSA, "reading it raised ZeroDivisionError"),
    "an id that changes": (Signer(sound, counted()), RSA, "key_id has to stay the same"),
    "PEM shown": (Signer(sound, shows=f"Signer(pem={PEM!r})"), RSA, "has to hide the key"),
    "DER shown": (Signer(sound, shows=f"Signer(der={DER!r})"), RSA, "has to hide the key"),
    "DER shown in base64": (Signer(sound, shows=base64.b64encode(DER).decode()), RSA, "has to hide the key"),
    "DER shown in hex": (Signer(sound, shows=f"<{DER.hex()}>"), RSA, "has to hide the key"),
    "exponent shown": (Signer(sound, shows=f"d={NUMBERS.d}"), RSA, "has to hide the key"),
    "prime shown": (Signer(sound, shows=f"p=0x{NUMBERS.p:X}"), RSA, "has to hide the key"),
    "short exponent shown": (Signer(sound, shows=f"dq={NUMBERS.dmq1:x}"), RSA, "has to hide the key"),
    "scalar shown": (
        Signer(KeySigner(P256).sign, shows=f"k={P256.private_numbers().private_value}"),
        P256,
        "repr(signer) has to hide the key",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_named(name: str) -> None:
    signer, key, promise = BROKEN[name]
    with pytest.raises(AssertionError) as caught:
        check_signer(signer, public_key=key.public_key())
    assert promise in str(caught.value)


@pytest.mark.parametrize("name", [name for name in BROKEN if name.endswith(("shown", "base64", "hex"))])
def test_the_refusal_does_not_repeat_what_was_shown(name: str) -> None:
    signer, key, _ = BROKEN[name]
    with pytest.raises(AssertionError) as caught:
        check_signer(signer, public_key=key.public_key())
    assert len(str(caught.value)) < 250


def test_a_key_that_no_wallet_takes_is_refused_before_anything_is_signed() -> None:
    weak = odd_key("rsa 1024")
    with pytest.raises(AssertionError, match="one that wallets take: an RSA key of 1024 bits is too weak"):
        check_signer(Signer(OnlyOnce()), public_key=weak.public_key())


def test_a_signature_that_lost_a_leading_zero_is_named() -> None:
    """One in 256 begins with a zero, which signers lose that pass through a number."""
    from passwright.testing.signer_contract import _diagnoses

    turn = next(turn for turn in range(100_000) if sound(b"%d" % turn)[0] == 0 < sound(b"%d" % turn)[1])
    found = next(_diagnoses(RSA.public_key(), sound(b"%d" % turn).lstrip(b"\0"), b"%d" % turn))
    assert found == "it lost its leading zeros: it has 255 bytes and needs 256"
