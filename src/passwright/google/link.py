"""Save links: the claims that fit, the signed JWT (RFC 7515), and the link around it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from passwright.errors import LinkTooLong
from passwright.google.rules.cross_checks import check_link
from passwright.report import Finding, Report, warning
from passwright.signing import SigningRequest, bind_signer
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from passwright.documents.compiled_template import RenderedPass
    from passwright.google.issuer import Issuer
    from passwright.google.payload import PayloadShape

__all__ = ["MAX_TOKEN", "SAVE_URL", "LinkOptions", "LinkSigner", "SaveLink"]

SAVE_URL = "https://pay.google.com/gp/v/save/"
_SAVE_URL = SAVE_URL.encode()
# Google, "Issue passes with the web, email and SMS": the safe length of an encoded
# token, in characters; browsers cut longer links.
MAX_TOKEN = 1800

Form = Literal["class-and-object", "object", "id"]


@dataclass(frozen=True, repr=False)
class SaveLink:
    """A link that puts a pass into the holder's Google Wallet.

    `form` says what travels in it: class and object, the object, or its id.
    `requires_text` is `requires` as JSON texts; `findings` make `report`.
    """

    url: str
    form: Form
    findings: Sequence[Finding] = ()
    requires_text: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def report(self) -> Report:
        """Every warning and note about the pass and this link."""
        return Report.from_findings(self.findings)

    @property
    def token(self) -> str:
        """The signed JWT."""
        return self.url.removeprefix(SAVE_URL)

    @property
    def length(self) -> int:
        """Characters of the token; Google calls up to 1,800 safe."""
        return len(self.token)

    @cached_property
    def claims(self) -> Mapping[str, Any]:
        """The claims of the token."""
        body = self.token.split(".")[1]
        claims: Mapping[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims

    @cached_property
    def requires(self) -> Mapping[str, Mapping[str, Any]]:
        """The resources to insert through the REST API before the first holder opens the link.

        Resource name (`loyaltyClass`) -> JSON; empty when the link stands on its own.
        """
        return {name: json.loads(text) for name, text in self.requires_text.items()}

    def __repr__(self) -> str:
        # The holder of the token has the link.
        return f"Link(form={self.form!r}, length={self.length}, requires={sorted(self.requires_text)})"


class LinkOptions(NamedTuple):
    """One request for a link: `rendered` are class and object, the rest as for `save_link`."""

    rendered: RenderedPass[PayloadShape]
    vertical: str
    issued_at: datetime
    is_bound: bool
    inserted: Collection[str] = ()
    self_contained: bool = False


class _LinkContent(NamedTuple):
    """The claims that travel in a link, the resources to insert first, and findings about both."""

    claims: str
    form: Form
    requires: Mapping[str, str]
    findings: tuple[Finding, ...]


class LinkSigner:
    """Makes the links of one issuer. Threads may share it."""

    def __init__(self, issuer: Issuer) -> None:
        self._sign = bind_signer(issuer.signer, issuer.public_key)
        key_id = issuer.signer.key_id if issuer.send_key_id else None
        header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
        # RFC 7515 section 7.1: header, payload and signature, joined by dots.
        self._start = _b64(dumps(header).encode()) + b"."
        self._claims = lru_cache(maxsize=16)(partial(_ClaimsFormat, issuer))
        # Classes are few. Objects are of holders, so nothing about them is cached.
        self._class_required_finding = lru_cache(maxsize=64)(_missing_resources)
        self._knows_key = issuer.public_key is not None
        self._expect_signature_length(getattr(issuer.public_key, "key_size", 2048) // 8)

    def sign(self, options: LinkOptions) -> SaveLink:
        """Makes a signed link.

        Raises:
            LinkTooLong: it doesn't fit; says what to insert.
            SignerFailed: the signer raised, or its answer doesn't verify.
        """
        message, sign, finish = self.unsigned(options)
        return finish(sign(message))

    def unsigned(self, options: LinkOptions) -> SigningRequest[SaveLink]:
        """Prepares a link, and leaves its signature open.

        Raises:
            LinkTooLong: as `sign`.
        """
        choice = self._choose_content(options)
        rendered = options.rendered
        findings = rendered.findings
        if choice.form != "id" and (rendered.shape is None or rendered.shape.may_hold_secrets):
            findings = [*findings, *check_link(rendered.texts[1])]
        message = self._start + _b64(choice.claims.encode())
        # Many wait to be signed in a batch, so the pass is not held where it is not needed again.
        again = None if self._knows_key else options
        link = partial(SaveLink, form=choice.form, findings=(*findings, *choice.findings))
        return SigningRequest(
            message, self._sign, partial(self._finish, again, message, link, choice.requires)
        )

    def _finish(
        self,
        again: LinkOptions | None,
        message: bytes,
        link: Callable[..., SaveLink],
        requires: Mapping[str, str],
        signature: bytes,
    ) -> SaveLink:
        url = b"".join((_SAVE_URL, message, b".", _b64(signature))).decode()
        if again is not None and len(url) > len(SAVE_URL) + MAX_TOKEN:
            # The key was not known, and is longer than the usual one: choose again.
            self._expect_signature_length(len(signature))
            return self.sign(again)
        return link(url, requires_text=dict(requires))

    def _choose_content(self, options: LinkOptions) -> _LinkContent:
        """Chooses the first form that fits: class and object, the object, or its id."""
        class_text, object_text = options.rendered.texts
        room, inserted = self._max_claims_bytes, options.inserted
        claims = self._claims(options.vertical, options.issued_at)
        if "object" in inserted:
            if _has_room(text := claims.text(_id_only(object_text)), room):
                return _LinkContent(text, "id", {}, ())
            raise _too_long(self._token_length(text), {})
        class_: Mapping[str, str] = {}
        needs: tuple[Finding, ...] = ()
        if "class" not in inserted:
            # Characters are bytes or more: most classes are too long before anything is put together.
            may_fit = len(class_text) + len(object_text) < room
            if may_fit and _has_room(text := claims.text(object_text, class_text), room):
                return _LinkContent(text, "class-and-object", {}, ())
            class_, needs = (
                {claims.class_type: class_text},
                (self._class_required_finding(claims.class_type, class_text),),
            )
        text = claims.text(object_text)
        fits = _has_room(text, room)
        if fits and not options.self_contained:
            return _LinkContent(text, "object", class_, needs)
        both = {**class_, claims.object_type: object_text}
        if options.self_contained:
            whole = claims.text(object_text, class_text)
            raise _too_long(self._token_length(whole), class_ if fits else both)
        if (short := _drop_translations(options.rendered)) and _has_room(shorter := claims.text(short), room):
            return _LinkContent(shorter, "object", class_, (*needs, _UNTRANSLATED))
        if not options.is_bound and _has_room(skinny := claims.text(_id_only(object_text)), room):
            return _LinkContent(
                skinny, "id", both, (*needs, _missing_resources(claims.object_type, object_text))
            )
        raise _too_long(self._token_length(text), both)

    def _expect_signature_length(self, signature: int) -> None:
        """Sets how many bytes signatures have, and how many of claims that leaves room for."""
        self._signature_length = len(_b64(bytes(signature)))
        self._max_claims_bytes = (MAX_TOKEN - len(self._start) - 1 - self._signature_length) * 3 // 4

    def _token_length(self, claims: str) -> int:
        """Returns the length of a token with these claims."""
        return len(self._start) + len(_b64(claims.encode())) + 1 + self._signature_length


class _ClaimsFormat:
    """The pre-serialised claims of one issuer, vertical and `iat`.

    `typ` stands here as well as in the header; iat is a number.
    """

    __slots__ = ("_class", "_object", "class_type", "object_type")

    def __init__(self, issuer: Issuer, vertical: str, at: datetime) -> None:
        self.class_type, self.object_type = f"{vertical}Class", f"{vertical}Object"
        iat = int(at.timestamp())
        origins = f'"origins":{dumps(list(issuer.origins))},' if issuer.origins else ""
        head = f'"iss":{dumps(issuer.email)},"aud":"google","typ":"savetowallet","iat":{iat}'
        start = f'{{{head},{origins}"payload":{{'
        self._class = f'{start}"{vertical}Classes":[', f'],"{vertical}Objects":['
        self._object = f'{start}"{vertical}Objects":['

    def text(self, object_: str, class_: str | None = None) -> str:
        """The claims as JSON."""
        if class_ is None:
            return f"{self._object}{object_}]}}}}"
        before, between = self._class
        return f"{before}{class_}{between}{object_}]}}}}"


def _too_long(length: int, insert: Mapping[str, str]) -> LinkTooLong:
    return LinkTooLong(length, MAX_TOKEN, {name: json.loads(text) for name, text in insert.items()})


def _has_room(claims: str, room: int) -> bool:
    """The claims have at most `room` bytes."""
    return len(claims) <= room and (claims.isascii() or len(claims.encode()) <= room)


def _id_only(object_text: str) -> str:
    """An object as a link names it that Google holds already."""
    return dumps({"id": json.loads(object_text)["id"]})


def _missing_resources(name: str, text: str) -> Finding:
    """The finding that a resource has to be inserted first."""
    what = "class" if name.endswith("Class") else "object"
    return warning(
        f"link-needs-{what}",
        f"link#/requires/{name}",
        f"the {what} {json.loads(text)['id']} has {len(text.encode())} bytes and no room in the link",
        "insert it through the API before anybody opens the link; its JSON is in requires",
    )


_UNTRANSLATED = warning(
    "link-drops-translations",
    "object",
    "the object is in the template's own language alone, its translations have no room in the link",
    "shorten its texts, or insert the object through the API and link to its id",
)


def _drop_translations(rendered: RenderedPass[PayloadShape]) -> str | None:
    """The object in the template's language alone, None where that would change nothing."""
    short = rendered.shape.short if rendered.shape else None
    return None if short is None else short.render(short.compute(rendered.values))


def _b64(data: bytes) -> bytes:
    """base64url without padding: RFC 7515 section 2."""
    encoded = b2a_base64(data, newline=False)
    # Of ASCII text, next to nothing is to be replaced, and finding that out costs less than a table.
    return encoded.replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")
