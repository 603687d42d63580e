"""Reads third-party save links and tokens strictly."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.errors import InvalidInput, KeyMaterialError
from passwright.google.link import SAVE_URL
from passwright.signing import check_public_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["Token", "issued_at", "read"]

# A link of 1,800 characters is long; a token inserted through the API may be more.
MAX_BYTES = 2**18
# The last second of the year 9999.
MAX_TIME = 253402300799
_PART = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)


@dataclass(frozen=True)
class Token:
    """The content of a save link. `verified` is True only if its signature was verified with a key."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    verified: bool


def read(text: str, *, public_key: RSAPublicKey | None = None, email: str | None = None) -> Token:
    """The header and claims of a save link or a bare token.

    With `public_key` the signature is verified (RS256, audience google, type
    savetowallet, iat a number, and issued by `email` where that is given); the
    algorithm is fixed here and never taken from the token. Without a key
    nothing is proved. Whether iat is recent is for the caller, who knows the time.

    Raises:
        InvalidInput: not a link or token, an encoding that is not its only one
            (RFC 4648 section 3.5), JSON that is not strict, a header that asks
            for anything but RS256, a signature that doesn't verify, or claims
            that are not those of a save link. `code` is `bad-token`,
            `bad-token-header`, `bad-token-signature`, `bad-claim`, or that of the
            JSON reader.
        KeyMaterialError: the key is no RSA key from 2048 bits.
    """
    token = text.strip().removeprefix(SAVE_URL)
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_BYTES:  # noqa: PLR2004 -- RFC 7515 section 7.1
        raise InvalidInput(
            "bad-token", "", "this is no save link and no token: header, payload and signature are needed"
        )
    head, body, signature = (
        _decode(part, name) for part, name in zip(parts, ("header", "claims", "signature"), strict=True)
    )
    header = strict_json.loads(head, name="header")
    claims = strict_json.loads(body, name="claims")
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise InvalidInput("bad-token", "", "header and claims have to be JSON objects")
    _check_header(header)
    if public_key is not None:
        _verify(token, signature, public_key)
        _check_claims(claims, email)
    return Token(header, claims, public_key is not None)


def issued_at(message: bytes) -> datetime:
    """Returns the time in header and claims of a link that is complete but for its signature.

    Raises:
        InvalidInput: `bad-token`, `bad-claim`, or a code of the JSON reader.
    """
    parts = message.decode("ascii", "replace").split(".")
    if len(parts) != 2 or len(message) > MAX_BYTES:  # noqa: PLR2004 -- RFC 7515 section 5.1
        raise InvalidInput("bad-token", "", "these are no header and claims that wait for a signature")
    claims = strict_json.loads(_decode(parts[1], "claims"), name="claims")
    iat = claims.get("iat") if isinstance(claims, dict) else None
    if type(iat) is not int or not 0 <= iat <= MAX_TIME:
        raise InvalidInput("bad-claim", "claims#/iat", "iat has to be a whole number of seconds")
    return datetime.fromtimestamp(iat, UTC)


def _decode(part: str, name: str) -> bytes:
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4)) if _PART.match(part) else None
    except binascii.Error:
        data = None
    # Two texts for the same bytes would be two tokens with one signature.
    if data is None or urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise InvalidInput("bad-token", name, "this is not base64url without padding")
    return data


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") != "RS256":
        raise InvalidInput(
            "bad-token-header", "header#/alg", "save links are signed with RS256 and nothing else"
        )
    if header.get("typ", "JWT") != "JWT":
        message = "typ of the header has to be JWT; savetowallet is a claim beside iss and aud"
        raise InvalidInput("bad-token-header", "header#/typ", message)
    # RFC 7515 section 4.1: a key that comes with the token proves nothing.
    for name in header:
        if name not in ("alg", "typ", "kid"):
            raise InvalidInput(
                "bad-token-header", f"header#/{name}", "a save link's header has no such member"
            )
    # RFC 7515 section 4.1.4
    if not isinstance(header.get("kid", ""), str):
        raise InvalidInput("bad-token-header", "header#/kid", "kid has to be a string")


def _verify(token: str, signature: bytes, public_key: RSAPublicKey) -> None:
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    check_public_key(public_key)
    if not isinstance(public_key, RSAPublicKey):
        raise KeyMaterialError("a save link is verified with the service account's RSA key")
    try:
        # The signature only: PyJWT would judge times by a clock of its own, and take aud as a list.
        jwt.PyJWS().decode(token, public_key, algorithms=["RS256"])
    except jwt.InvalidTokenError:
        message = f"the {len(signature)}-byte signature is not by this key over these claims"
        raise InvalidInput("bad-token-signature", "signature", message) from None


def _check_claims(claims: Mapping[str, Any], email: str | None) -> None:
    """Checks the claims. A signed token for another purpose is not a link. Google, "Save to Wallet"."""
    wanted = {"aud": "google", "typ": "savetowallet", **({"iss": email} if email is not None else {})}
    for name, value in wanted.items():
        if claims.get(name) != value:
            raise InvalidInput("bad-claim", f"claims#/{name}", f"{name} is not that of a save link")
    if type(claims.get("iat")) is not int:
        raise InvalidInput("bad-claim", "claims#/iat", "iat has to be a whole number of seconds")
