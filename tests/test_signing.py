"""Keys in memory and signers of others sign alike; no key shows itself anywhere."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import traceback
from contextlib import nullcontext
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth.crypt import RSASigner

from passwright.errors import KeyMaterialError, SignerFailed
from passwright.signing import KeySigner, Signer, bind_signer, check_public_key, sign_checked
from tests.keys import odd_key, rsa_key

RSA = rsa_key()
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
CANARY = "canary-7c1f"


def pem(key: Any, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, form, encryption))


class Foreign:
    """A signer somewhere else."""

    key_id = "elsewhere"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def sign(self, message: bytes) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(message) if callable(self.answer) else self.answer


def verify(key: Any, signature: bytes, message: bytes) -> None:
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, message, PKCS1v15(), SHA256())
    else:
        key.public_key().verify(signature, message, ec.ECDSA(SHA256()))


@pytest.mark.parametrize("key", [RSA, P256, P384], ids=["rsa", "p256", "p384"])
def test_a_key_signs_the_message_with_sha256(key: Any) -> None:
    signer = KeySigner(key, key_id="one")
    verify(key, signer.sign(b"message"), b"message")
    assert signer.public_key == key.public_key()
    assert signer.key_id == "one"
    assert isinstance(signer, Signer)


@pytest.mark.foreign("openssl")
@pytest.mark.parametrize("key", [RSA, P256, P384], ids=["rsa", "p256", "p384"])
def test_openssl_accepts_what_a_key_signs(key: Any, tmp_path: Any) -> None:
    (tmp_path / "key").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature").write_bytes(KeySigner(key).sign(b"message"))
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature"]
    done = subprocess.run(command, cwd=tmp_path, input=b"message", capture_output=True, check=False)
    assert done.stdout == b"Verified OK\n"


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (pem(RSA), None),
        (pem(RSA), ""),
        (pem(RSA).decode(), None),
        (pem(RSA, form=PrivateFormat.TraditionalOpenSSL), None),
        (pem(RSA, "secret"), "secret"),
        (pem(RSA, "secret"), b"secret"),
        (pem(RSA, "secret", PrivateFormat.TraditionalOpenSSL), "secret"),
        (pem(P256, "", PrivateFormat.TraditionalOpenSSL), None),
        # People give a password for a key that has none; the key is what they meant.
        (pem(P256), "needless"),
    ],
)
def test_every_pem_form_is_read(text: Any, password: Any) -> None:
    assert KeySigner.from_pem(text, password=password).sign(b"")


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (pem(P256, CANARY), None),
        (pem(P256, CANARY), ""),
        (pem(P256, CANARY), "wrong" + CANARY),
        (pem(P256, CANARY), CANARY * 1000),
        (pem(P256, CANARY)[:120] + pem(P256, CANARY)[140:], CANARY),
        (pem(P256)[:90] + b"!" + pem(P256)[91:], None),
        (b"", None),
        (CANARY, None),
        (b"\xff\xfe" + CANARY.encode(), None),
    ],
)
def test_key_01_a_key_that_cannot_be_read(text: Any, password: Any) -> None:
    """Wrong password and damaged file give one and the same sentence, without either in it."""
    with pytest.raises(KeyMaterialError) as caught:
        KeySigner.from_pem(text, password=password)
    assert str(caught.value) == (
        "the private key can't be read: it is not PEM, it is damaged, or its password is wrong or missing"
    )
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (odd_key("rsa 1024"), "1024 bits"),
        (odd_key("rsa 2047"), "2047 bits"),
        (odd_key("rsa exponent 3"), "exponent 3"),
        (ec.generate_private_key(ec.SECP521R1()), "secp521r1"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (odd_key("dsa 2048"), "DSA"),
        (b"bytes", "bytes"),
    ],
)
def test_crt_11_weak_and_odd_keys_are_refused(key: Any, words: Any) -> None:
    with pytest.raises(KeyMaterialError, match=words):
        KeySigner(key)


def test_crt_11_keys_of_the_generator_that_can_be_factored_are_refused() -> None:
    """CVE-2017-15361: factors of the form k * M + (65537**a mod M), M the product of the first 126 primes."""
    product = math.prod(n for n in range(2, 702) if all(n % divisor for divisor in range(2, n)))
    first, second = (
        multiple * product + pow(65537, power, product)
        for multiple, power in ((2**53 + 5, 123_456_789), (2**53 + 9, 987_654_321))
    )
    for modulus, refused in ((first * second, True), (first * second + 2, False)):
        key = rsa.RSAPublicNumbers(65537, modulus).public_key()
        assert key.key_size == 2048
        with pytest.raises(KeyMaterialError, match="CVE-2017-15361") if refused else nullcontext():
            check_public_key(key)
    for _ in range(5):
        check_public_key(rsa_key().public_key())


def test_key_04_no_secret_in_any_text() -> None:
    """A repr tells the kind of key; pickling and copying raise."""
    signer = KeySigner(RSA, key_id="kid")
    secret = str(RSA.private_numbers().d)
    assert repr(signer) == "KeySigner(RSA 2048, key_id='kid')"
    assert repr(KeySigner(P256)) == "KeySigner(EC secp256r1, key_id=None)"
    assert secret not in f"{signer} {signer!r}"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="private key"):
            attempt(signer)
    assert not hasattr(signer, "__dict__")


@pytest.mark.parametrize("text", [pem(P256, CANARY), CANARY, f"-----BEGIN {CANARY}-----"])
def test_key_05_no_secret_in_tracebacks_with_local_variables(text: Any) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeySigner.from_pem(text, password=CANARY + "x")
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    # The first frame is this test, which holds the canary itself.
    rendered = "".join(f"{frame.name} {frame.locals}" for frame in list(frames)[1:])
    assert "from_pem" in rendered
    assert CANARY not in rendered
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_key_05_a_refused_key_can_be_shown_with_local_variables() -> None:
    with pytest.raises(KeyMaterialError) as caught:
        KeySigner(odd_key("rsa 1024"))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert "KeySigner(refused)" in "".join(str(frame.locals) for frame in frames)


def test_key_08_a_key_is_loaded_once(monkeypatch: Any) -> None:
    """Signing a thousand times loads no key again."""
    from cryptography.hazmat.primitives import serialization

    loads = []
    original = serialization.load_pem_private_key

    def counted(*args: Any) -> Any:
        loads.append(1)
        return original(*args)

    monkeypatch.setattr(serialization, "load_pem_private_key", counted)
    signer = KeySigner.from_pem(pem(P256))
    for _ in range(1000):
        signer.sign(b"message")
    assert len(loads) == 1


@pytest.mark.parametrize("key", [RSA, P256], ids=["rsa", "ec"])
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_key_10_a_good_answer_of_a_foreign_signer_is_handed_on(key: Any, wrap: Any) -> None:
    signer = Foreign(lambda message: wrap(KeySigner(key).sign(message)))
    answer = sign_checked(signer, key.public_key(), b"message")
    assert type(answer) is bytes
    verify(key, answer, b"message")


WRONG = {
    "another key": lambda message: KeySigner(rsa_key()).sign(message),
    "another message": KeySigner(RSA).sign(b"other"),
    "a digest signed again": lambda message: KeySigner(RSA).sign(SHA256().name.encode() + message),
    "empty": b"",
    "text": "signature",
    "nothing": None,
    "a number": 7,
    "too long": bytes(10_000),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_key_10_a_wrong_answer_is_refused(answer: Any) -> None:
    with pytest.raises(SignerFailed, match="answer"):
        sign_checked(Foreign(answer), RSA.public_key(), b"message")


@pytest.mark.parametrize("cause", [TimeoutError("slow"), RuntimeError(CANARY), ValueError()])
def test_key_10_what_a_signer_raises_becomes_the_cause(cause: Any) -> None:
    with pytest.raises(SignerFailed) as caught:
        sign_checked(Foreign(cause), RSA.public_key(), b"message")
    assert caught.value.__cause__ is cause
    assert CANARY not in str(caught.value)
    assert type(cause).__name__ in str(caught.value)


def test_without_a_public_key_only_the_type_is_judged() -> None:
    assert sign_checked(Foreign(b"anything"), None, b"message") == b"anything"
    with pytest.raises(SignerFailed, match="instead of bytes"):
        sign_checked(Foreign("anything"), None, b"message")


def test_signers_of_google_auth_fit_as_they_are() -> None:
    signer: Any = RSASigner.from_string(pem(RSA).decode(), "kid")  # type: ignore[no-untyped-call]
    assert signer.key_id == "kid"
    assert sign_checked(signer, RSA.public_key(), b"message") == KeySigner(RSA).sign(b"message")


def test_a_key_in_memory_is_asked_directly() -> None:
    """No verification behind each signature: the call handed out is the signer's own."""
    signer = KeySigner(RSA)
    assert bind_signer(signer, RSA.public_key()) == signer.sign
    assert sign_checked(signer, P256.public_key(), b"message") == signer.sign(b"message")


def test_a_subclass_that_signs_its_own_way_is_checked() -> None:
    class Liar(KeySigner):
        def sign(self, message: bytes) -> bytes:
            return b"trust me"

    with pytest.raises(SignerFailed):
        sign_checked(Liar(RSA), RSA.public_key(), b"message")
    with pytest.raises(SignerFailed):
        bind_signer(Liar(RSA), RSA.public_key())(b"message")


def test_the_verifier_of_these_tests_can_fail() -> None:
    with pytest.raises(InvalidSignature):
        verify(RSA, KeySigner(RSA).sign(b"a"), b"b")
