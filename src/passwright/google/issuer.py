"""An issuer for Google: issuer id, service account, signer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from passwright.errors import KeyMaterialError
from passwright.signing import KeySigner, check_public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from passwright.signing import PublicKey, Signer

__all__ = ["Issuer"]

ISSUER_ID = re.compile(r"[0-9]{1,19}\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """An issuer account and the service account that signs for it.

    `issuer_id`: the digits the Google Pay & Wallet console shows. `email`: the
    service account that signs, which has to be a user of the issuer in the
    console. `signer`: any signer with an RSA key, those of google-auth included;
    with its `public_key` what it answers is verified before it leaves.
    `origins`: web origins that may show Google's button; a plain link needs none.
    `restrictions_enabled`: Google has switched on account restricted passes for
    this issuer; until then nobody promises that an email restriction works.
    `email_policy`: how addresses are brought into the form that is hashed, see
    `passwright.binding.email`. `send_key_id`: name the key in the token, 65 characters.

    Raises:
        KeyMaterialError: no digits, no address, or a key that can't sign for Google.
    """

    issuer_id: str
    email: str = field(repr=False)
    signer: Signer = field(repr=False)
    public_key: PublicKey | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    restrictions_enabled: bool = False
    email_policy: str | Callable[[str], str] = "gmail"
    send_key_id: bool = False

    def __post_init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        issuer_id, email, origins = self._untyped_members()
        if not isinstance(issuer_id, str) or not ISSUER_ID.match(issuer_id):
            raise KeyMaterialError("the issuer id has to be text of 1 to 19 digits, as the console shows it")
        if not isinstance(email, str) or "@" not in email:
            raise KeyMaterialError("the issuer needs the e-mail of the service account that signs")
        if isinstance(origins, str):
            raise TypeError("origins are a tuple of texts, not one text")
        if isinstance(self.signer, KeySigner):
            if self.public_key not in (None, self.signer.public_key):
                raise KeyMaterialError("the public key does not belong to the private key of the signer")
            object.__setattr__(self, "public_key", self.signer.public_key)
        if self.public_key is not None:
            check_public_key(self.public_key)
            # Google, JWT of "Save to Wallet": RS256 only.
            if not isinstance(self.public_key, RSAPublicKey):
                raise KeyMaterialError("Google takes RSA signatures only: use the service account's RSA key")
        object.__setattr__(self, "origins", tuple(self.origins))

    def _untyped_members(self) -> tuple[object, object, object]:
        """Returns the members that are often given in a wrong type: an issuer id without quotes, one origin
        instead of several.
        """
        return self.issuer_id, self.email, self.origins

    @classmethod
    def from_service_account(
        cls, data: bytes | str | Mapping[str, Any], *, issuer_id: str, **more: Any
    ) -> Issuer:
        """An issuer from a service account's JSON file, as Google Cloud hands it out.

        `data` is the file's content, or its mapping; `more` are further members
        such as `origins` and `restrictions_enabled`.

        Raises:
            KeyMaterialError: the JSON can't be read, or lacks the key or the e-mail.
        """
        account = _account(data)
        # A traceback that shows local variables must not show the key.
        del data
        if account is None:
            raise KeyMaterialError("the service account file is not JSON")
        missing = [key for key in ("client_email", "private_key") if not _text(account, key)]
        if missing:
            kind = _text(account, "type")
            account.clear()
            hint = f" (its type is {kind!r})" if kind not in ("", "service_account") else ""
            raise KeyMaterialError(f"the service account file has no {' and no '.join(missing)}{hint}")
        key_id = _text(account, "private_key_id") or None
        signer = KeySigner.from_pem(account.pop("private_key"), key_id=key_id)
        return cls(issuer_id=issuer_id, email=account["client_email"], signer=signer, **more)

    @classmethod
    def from_pem(
        cls, pem: bytes | str, *, issuer_id: str, email: str, password: bytes | str | None = None, **more: Any
    ) -> Issuer:
        """An issuer from a private key in PEM and the e-mail of its service account.

        Raises:
            KeyMaterialError: the key can't be read or used.
        """
        try:
            signer = KeySigner.from_pem(pem, password=password)
        finally:
            del pem, password
        return cls(issuer_id=issuer_id, email=email, signer=signer, **more)


def _account(data: bytes | str | Mapping[str, Any]) -> dict[str, Any] | None:
    """The members of a service account file, None where it is not JSON.

    None instead of an exception: a JSON error carries the whole text, key included.
    """
    if not isinstance(data, (bytes, str)):
        return dict(data)
    try:
        account = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return account if isinstance(account, dict) else {}


def _text(account: Mapping[str, Any], key: str) -> str:
    value = account.get(key)
    return value if isinstance(value, str) else ""
