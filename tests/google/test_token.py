"""A save link is read strictly: one spelling, one algorithm, no key out of the token."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from passwright.errors import InvalidInput, KeyMaterialError
from passwright.examples.certificates import new_key
from passwright.google.link import SAVE_URL
from passwright.google.reading.token import MAX_BYTES, read
from passwright.signing import KeySigner
from tests.keys import odd_key

if TYPE_CHECKING:
    from passwright.google.issuer import Issuer

CLAIMS = {
    "iss": "wallet@example.com",
    "aud": "google",
    "typ": "savetowallet",
    "iat": 1767323045,
    "payload": {"loyaltyObjects": [{"id": "1.2"}]},
}


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    made = new_key()
    assert isinstance(made, RSAPrivateKey)
    return made


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key: Any, claims: Any = None, header: Any = None) -> str:
    """Any header and any claims, signed with RS256 whatever they say."""
    parts = ({"alg": "RS256", "typ": "JWT"} if header is None else header, claims or CLAIMS)
    texts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    message = ".".join(map(b64, texts))
    return f"{message}.{b64(KeySigner(key).sign(message.encode()))}"


def refused(text: str, public: Any = None, **more: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(text, public_key=public, **more)
    assert text[20:60] not in str(caught.value) or len(text) < 60
    return caught.value.code


def test_a_token_of_pyjwt_is_read_and_verified(key: RSAPrivateKey) -> None:
    made = jwt.encode(CLAIMS, key, algorithm="RS256", headers={"kid": "k"})
    for text in (made, SAVE_URL + made, f"  {SAVE_URL}{made}\n"):
        got = read(text, public_key=key.public_key(), email="wallet@example.com")
        assert (got.claims, got.header["kid"], got.verified) == (CLAIMS, "k", True)
    assert read(made).verified is False
    assert "wallet@" not in repr(read(made))


def test_jwt_01_an_hmac_with_the_public_key_as_secret_is_no_signature(key: RSAPrivateKey) -> None:
    public = key.public_key()
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        secret = public.public_bytes(Encoding.PEM, form)
        for alg in ("HS256", "RS256"):
            head = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode())
            message = f"{head}.{b64(json.dumps(CLAIMS).encode())}"
            forged = f"{message}.{b64(hmac.digest(secret, message.encode(), hashlib.sha256))}"
            wanted = "bad-token-header" if alg == "HS256" else "bad-token-signature"
            assert refused(forged, public) == wanted


@pytest.mark.parametrize(
    "alg",
    ["none", "None", "nOnE", "", None, ["RS256"], {"RS256": 1}, "RS384", "PS256", "ES256", "rs256", 256],
)
def test_jwt_02_any_other_algorithm_is_refused(key: RSAPrivateKey, alg: Any) -> None:
    assert refused(token(key, header={"alg": alg, "typ": "JWT"}), key.public_key()) == "bad-token-header"
    assert refused(token(key, header={"alg": alg, "typ": "JWT"})) == "bad-token-header"


def test_jwt_02_a_missing_algorithm_or_signature_is_refused(key: RSAPrivateKey) -> None:
    assert refused(token(key, header={"typ": "JWT"})) == "bad-token-header"
    assert refused(token(key).rpartition(".")[0] + ".") == "bad-token"
    assert refused(token(key).rpartition(".")[0]) == "bad-token"


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": {"kty": "RSA"}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MII"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": ["unknown"], "unknown": 1},
        {"zip": "DEF"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"cty": "JWT"},
        {"kid": 7},
        {"kid": None},
    ],
)
def test_jwt_03_a_header_brings_nothing_but_a_key_id(key: RSAPrivateKey, more: dict[str, Any]) -> None:
    header = {"alg": "RS256", "typ": "JWT", **more}
    for public in (None, key.public_key()):
        assert refused(token(key, header=header), public) == "bad-token-header"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "goggle"},
        {"aud": ["google"]},
        {"aud": ["google", "others"]},
        {"aud": None},
        {"typ": "savetoandroidpay"},
        {"typ": ["savetowallet"]},
        {"typ": "savettowallet"},
        {"iss": "other@example.com"},
        {"iss": ["wallet@example.com"]},
        {"iat": "1767323045"},
        {"iat": ""},
        {"iat": True},
        {"iat": 1767323045.5},
        {"iat": None},
    ],
)
def test_jwt_04_claims_made_for_something_else_are_refused(key: RSAPrivateKey, wrong: dict[str, Any]) -> None:
    made = token(key, claims={**CLAIMS, **wrong})
    assert refused(made, key.public_key(), email="wallet@example.com") == "bad-claim"
    assert read(made).verified is False  # who only looks may look


def test_jwt_05_every_other_spelling_of_the_same_bytes_is_refused(key: RSAPrivateKey) -> None:
    public = key.public_key()
    good = token(key)
    head, body, signature = good.split(".")
    assert read(good, public_key=public).verified
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for index, part in enumerate((head, body, signature)):
        spare = -len(part) % 4
        spellings = [part + "=" * each for each in (1, 2, 3)]
        spellings += [part[:5] + blank + part[5:] for blank in ("\n", " ", "\r\n", "\t", "\0")]
        spellings += [part + "é", part.replace("_", "/").replace("-", "+") + "/"]
        if spare:  # bits that say nothing have to be zero
            last = alphabet.index(part[-1])
            spellings += [part[:-1] + alphabet[last ^ bit] for bit in ((1,) if spare == 1 else (1, 2, 4, 8))]
        for spelling in spellings:
            parts = [head, body, signature]
            parts[index] = spelling
            # Blanks around the whole are not part of the token; inside they are.
            assert refused(".".join(parts), public) == "bad-token", spelling
    assert {-len(part) % 4 for part in (head, body, signature)} != {0}


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"RS256","alg":"RS256"}', b"{}"),
        (b'{"alg":"none","alg":"RS256"}', b"{}"),
        (None, b'{"payload":{},"payload":{}}'),
        (None, b'{"payload":{"a":1,"a":2}}'),
    ],
)
def test_jwt_06_a_member_that_stands_twice_is_refused(key: RSAPrivateKey, header: Any, claims: Any) -> None:
    assert refused(token(key, claims, header)) == "duplicate-key"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-token"),
        ("https://pay.google.com/gp/v/save/", "bad-token"),
        ("https://example.com/a.b.c", "bad-token"),
        ("a.b.c.d", "bad-token"),
        ("A" * MAX_BYTES + ".B.C", "bad-token"),
        ("..", "bad-token"),
        (f"{b64(b'[]')}.{b64(b'{}')}.AA", "bad-token"),
        (f"{b64(b'{')}.{b64(b'{}')}.AA", "bad-json"),
        (f"{b64(b'{}')}.{b64(b'[' * 5000)}.AA", "too-deep"),
        (f"{b64(bytes([255]))}.{b64(b'{}')}.AA", "not-utf8"),
    ],
    ids=range(10),
)
def test_what_is_no_token_is_refused_with_a_reason(text: str, code: str) -> None:
    assert refused(text) == code


def test_a_changed_claim_and_a_foreign_key_are_noticed(key: RSAPrivateKey) -> None:
    head, _, signature = token(key).split(".")
    changed = b64(json.dumps({**CLAIMS, "iat": 1}).encode())
    assert refused(f"{head}.{changed}.{signature}", key.public_key()) == "bad-token-signature"
    assert refused(token(new_key()), key.public_key()) == "bad-token-signature"


def test_only_a_sound_rsa_key_verifies(key: RSAPrivateKey) -> None:
    weak = odd_key("rsa 1024").public_key()
    wrong: tuple[Any, ...] = (new_key(ec=True).public_key(), weak, "pem")
    for public in wrong:
        with pytest.raises(KeyMaterialError):
            read(token(key), public_key=public)


def test_jwt_11_times_are_for_the_caller_to_judge(key: RSAPrivateKey) -> None:
    """A token of any time verifies: whether it is too old or from the future says who knows the clock."""
    for times in ({"iat": 4_000_000_000}, {"iat": 0}, {"exp": 1}, {"nbf": 4_000_000_000}):
        assert read(token(key, {**CLAIMS, **times}), public_key=key.public_key()).verified


@given(st.text(max_size=60) | st.binary(max_size=60).map(b64))
def test_no_text_whatever_raises_anything_else(noise: str) -> None:
    for text in (noise, f"{noise}.{noise}.{noise}", f"{b64(noise.encode('utf-8', 'replace'))}.e30.AA"):
        with pytest.raises(InvalidInput):
            read(text)


def test_a_link_of_somebody_else_is_not_the_issuers(issuer: Issuer, key: RSAPrivateKey) -> None:
    assert refused(token(key), issuer.public_key) == "bad-token-signature"
