"""A pass becomes a Google Wallet save link: claims, compact JWT, link."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from passwright.binding.rules import forbid_barcode
from passwright.errors import LinkTooLong, PassRejected
from passwright.google.content import resource_name
from passwright.google.payloads import Payload, Payloads, restricted_to
from passwright.google.rules.cross_checks import check_link
from passwright.google.rules.payload import barcode_locations
from passwright.report import Finding, Report, error, failed, warning
from passwright.signing import Unsigned, sign_call
from passwright.strictjson import dumps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from passwright.documents.rule import Rule
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass

__all__ = ["MAX_TOKEN", "SAVE_URL", "Link", "PassBuilder"]

SAVE_URL = "https://pay.google.com/gp/v/save/"
_SAVE_URL = SAVE_URL.encode()
# Google, "Issue passes with the web, email and SMS": the safe length of an encoded
# token, in characters; browsers cut longer links.
MAX_TOKEN = 1800

Form = Literal["class-and-object", "object", "id"]
# A pass that is to become a link, `inserted` and `self_contained` as `save_link` has them.
_Asked: TypeAlias = "tuple[Pass, Payload, _Claims, Collection[str], bool]"
# What travels in a link, what has to be inserted first, and what there is to say about that.
_Choice: TypeAlias = "tuple[Form, Mapping[str, str], tuple[Finding, ...]]"


@dataclass(frozen=True, repr=False)
class Link:
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
        return Report.of(self.findings)

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
        """What the token says."""
        body = self.token.split(".")[1]
        claims: Mapping[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims

    @cached_property
    def requires(self) -> Mapping[str, Mapping[str, Any]]:
        """What has to be inserted through the REST API before anybody opens the link.

        Resource name (`loyaltyClass`) -> JSON; empty when the link stands on its own.
        """
        return {name: json.loads(text) for name, text in self.requires_text.items()}

    def __repr__(self) -> str:
        # Whoever has the token has the link.
        return f"Link(form={self.form!r}, length={self.length}, requires={sorted(self.requires_text)})"


class PassBuilder:
    """Builds save links for one issuer.

    Without an issuer it still reports. `rules` are rules of yours, asked like
    our own. A builder keeps what is constant for the templates used last, so
    keep the builder. It may be used by several threads.
    """

    def __init__(self, issuer: Issuer | None, *, rules: Iterable[Rule] = ()) -> None:
        self.issuer = issuer
        self._payloads = Payloads(issuer, tuple(rules))
        if issuer is not None:
            self._sign = sign_call(issuer.signer, issuer.public_key)
            key_id = issuer.signer.key_id if issuer.send_key_id else None
            header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
            # RFC 7515 section 7.1: header, payload and signature, joined by dots.
            self._start = _b64(dumps(header).encode()) + b"."
            self._claims = lru_cache(maxsize=16)(partial(_Claims, issuer))
            self._is_sure = issuer.public_key is not None
            self._expect(getattr(issuer.public_key, "key_size", 2048) // 8)

    def save_link(
        self,
        pass_: Pass,
        *,
        issued_at: datetime | None = None,
        inserted: Collection[Literal["class", "object"]] = (),
        stored_object: Mapping[str, Any] | None = None,
        self_contained: bool = False,
    ) -> Link:
        """A signed link for this pass.

        Class and object travel in the link when they fit; else the class is
        left out and named in `requires`. An object too long for that travels
        without its translations (`link-drops-translations`), and if that is too
        long as well, an unbound pass is linked by its id, both named in
        `requires`. A link to a bound pass always carries its restriction.

        `inserted` says what Google holds already: with `class` the link carries
        the object, with `object` the id alone. For a bound pass the latter also
        needs `stored_object`, the object as Google answers it, which proves that
        the restriction is there. `self_contained` allows nothing but class and
        object in the link. `issued_at` becomes iat, default now.

        Raises:
            PassRejected: the report holds an error; nothing was signed.
            LinkTooLong: it doesn't fit; says what to insert.
            SignerFailed: the signer raised, or its answer doesn't verify.
            ValueError: there is no issuer, or `issued_at` is naive, or the choices exclude each other.
        """
        return self.unsigned(
            pass_,
            issued_at=issued_at,
            inserted=inserted,
            stored_object=stored_object,
            self_contained=self_contained,
        ).signed()

    def unsigned(
        self,
        pass_: Pass,
        *,
        issued_at: datetime | None = None,
        inserted: Collection[Literal["class", "object"]] = (),
        stored_object: Mapping[str, Any] | None = None,
        self_contained: bool = False,
    ) -> Unsigned[Link]:
        """The link of `save_link`, but for its signature.

        What has to be signed is header and claims as in RFC 7515 section 5.1, hashed
        with SHA-256 by whoever signs. `signers.airgap` takes the signature back.

        Raises:
            PassRejected, LinkTooLong, ValueError: as `save_link`.
        """
        at = self._moment(issued_at)
        claims = self._claims(pass_.template.kind.vertical, at)
        if inserted:
            _check_inserted(inserted, self_contained=self_contained)
        payload = self._payloads.of(pass_)
        if "object" in inserted and pass_.binding is not None:
            payload = _with_stored(payload, pass_, stored_object)
        if not payload.ok:
            raise PassRejected(Report.of(payload.findings))
        return self._unsigned((pass_, payload, claims, inserted, self_contained))

    def _moment(self, issued_at: datetime | None) -> datetime:
        if self.issuer is None:
            raise ValueError("this builder has no issuer to sign with: give it one")
        # In whole seconds, as in the claims: so those of a second are worked out once.
        return issued_at or datetime.now(UTC).replace(microsecond=0)

    def _unsigned(self, asked: _Asked) -> Unsigned[Link]:
        text, chosen = self._choose(asked)
        payload = asked[1]
        said = payload.findings
        if payload.may_hold_secrets and chosen[0] != "id":
            said = [*said, *check_link(payload.object_text)]
        message = self._start + _b64(text.encode())
        # Many wait to be signed in a batch: what is not needed any more is let go of, the pass above all.
        again = None if self._is_sure else asked
        return Unsigned(message, self._sign, partial(self._finished, again, message, chosen, said))

    def _finished(
        self,
        again: _Asked | None,
        message: bytes,
        chosen: _Choice,
        said: Sequence[Finding],
        signature: bytes,
    ) -> Link:
        url = b"".join((_SAVE_URL, message, b".", _b64(signature))).decode()
        if again is not None and len(url) > len(SAVE_URL) + MAX_TOKEN:
            # The key was not known, and is longer than the usual one: choose again.
            self._expect(len(signature))
            return self._unsigned(again).signed()
        form, requires, more = chosen
        return Link(url, form, (*said, *more), dict(requires))

    def report(self, pass_: Pass) -> Report:
        """Every error, warning and note about this pass on Google; nothing is signed."""
        return Report.of(self._payloads.of(pass_).findings)

    def payload(self, pass_: Pass) -> tuple[dict[str, Any], dict[str, Any]]:
        """Class and object of the pass, as the REST API takes them.

        Raises:
            PassRejected: the report holds an error.
        """
        payload = self._payloads.of(pass_)
        if not payload.ok:
            raise PassRejected(Report.of(payload.findings))
        return json.loads(payload.class_text), json.loads(payload.object_text)

    def _choose(self, asked: _Asked) -> tuple[str, _Choice]:
        """The claims in the first form that fits, and what has to be inserted for it."""
        pass_, payload, claims, inserted, self_contained = asked
        class_text, object_text, room = payload.class_text, payload.object_text, self._room
        if "object" in inserted:
            if _fits(text := claims.text(_only_id(object_text)), room):
                return text, ("id", {}, ())
            raise _too_long(self._length(text), {})
        choice: _Choice = ("object", {}, ())
        if "class" not in inserted:
            # Characters are bytes or more: most classes are too long before anything is put together.
            may_fit = len(class_text) + len(object_text) < room
            if may_fit and _fits(text := claims.text(object_text, class_text), room):
                return text, ("class-and-object", {}, ())
            choice = _class_first(claims.class_type, class_text)
        text = claims.text(object_text)
        fits = _fits(text, room)
        if fits and not self_contained:
            return text, choice
        _, class_, needs = choice
        both = {**class_, claims.object_type: object_text}
        if self_contained:
            whole = claims.text(object_text, class_text)
            raise _too_long(self._length(whole), class_ if fits else both)
        if (short := payload.shorter()) and _fits(shorter := claims.text(short), room):
            return shorter, ("object", class_, (*needs, _UNTRANSLATED))
        if pass_.binding is None and _fits(skinny := claims.text(_only_id(object_text)), room):
            return skinny, ("id", both, (*needs, _needs(claims.object_type, object_text)))
        raise _too_long(self._length(text), both)

    def _expect(self, signature: int) -> None:
        """How many bytes signatures have, and how many of claims that leaves room for."""
        self._signature_length = len(_b64(bytes(signature)))
        self._room = (MAX_TOKEN - len(self._start) - 1 - self._signature_length) * 3 // 4

    def _length(self, claims: str) -> int:
        """How long a token with these claims is."""
        return len(self._start) + len(_b64(claims.encode())) + 1 + self._signature_length


class _Claims:
    """The claims of an issuer's links for one vertical and time: the text around what differs.

    `typ` stands here as well as in the header; iat is a number.

    Raises:
        ValueError: the time is naive.
    """

    __slots__ = ("_class", "_object", "class_type", "object_type")

    def __init__(self, issuer: Issuer, vertical: str, at: datetime) -> None:
        if at.utcoffset() is None:
            raise ValueError("issued_at has no time zone: give an aware datetime")
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


def _check_inserted(inserted: Collection[str], *, self_contained: bool) -> None:
    if unknown := set(inserted) - {"class", "object"}:
        raise ValueError(f"inserted names 'class' and 'object', not {sorted(unknown)}")
    if self_contained:
        raise ValueError("a self-contained link needs nothing inserted: choose one of the two")


def _fits(claims: str, room: int) -> bool:
    """The claims have at most `room` bytes."""
    return len(claims) <= room and (claims.isascii() or len(claims.encode()) <= room)


def _only_id(object_text: str) -> str:
    """An object as a link names it that Google holds already."""
    return dumps({"id": json.loads(object_text)["id"]})


@lru_cache(maxsize=64)
def _class_first(name: str, text: str) -> _Choice:
    """The object travels, its class has to be inserted. Kept: classes are few, and objects are of holders."""
    return "object", {name: text}, (_needs(name, text),)


def _needs(name: str, text: str) -> Finding:
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


def _with_stored(payload: Payload, pass_: Pass, stored: Mapping[str, Any] | None) -> Payload:
    """The same with what Google's copy of a bound pass gives cause for."""
    resource = resource_name(pass_.template.kind.object_type)
    findings = [*payload.findings, *_check_stored(resource, payload.object_text, stored)]
    return payload._replace(findings=findings, ok=not failed(findings))


def _check_stored(resource: str, object_text: str, stored: Mapping[str, Any] | None) -> Iterator[Finding]:
    """An id-only link shows no restriction, so Google's copy has to prove that it holds it."""
    where = "link#/stored_object"
    if stored is None:
        hint = "give stored_object, as Google's API answers it"
        yield error("binding-unproved", where, "a bound pass by id needs proof of its restriction", hint)
        return
    ours = json.loads(object_text) if object_text else {}
    if stored.get("id") != ours.get("id") or restricted_to(stored) != restricted_to(ours):
        message = "the stored object is another one, or is bound to somebody else, or to nobody"
        yield error("binding-lost", where, message, "update it through the API before making the link")
    places = ((f"{where}{pointer}", value) for pointer, value in barcode_locations(resource, stored))
    yield from forbid_barcode(places, bound=True)


def _b64(data: bytes) -> bytes:
    """base64url without padding: RFC 7515 section 2."""
    encoded = b2a_base64(data, newline=False)
    # Of ASCII text, next to nothing is to be replaced, and finding that out costs less than a table.
    return encoded.replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")
