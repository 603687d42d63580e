"""A pass becomes a Google Wallet save link: claims, compact JWT, link."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from passwright.address import is_ambiguous, sha256
from passwright.definition import check_pass, check_template
from passwright.errors import BindingInvalid, LinkTooLong, PassRejected
from passwright.google import content
from passwright.google.content import resource_name
from passwright.google.rules import About, codes, judges
from passwright.report import Finding, Report, Severity, error, note, warning
from passwright.rules import codes_of, forbid_barcode
from passwright.signing import sign_call
from passwright.stencil import Blank, PerTemplate, Stencil, merge, names_in
from passwright.strictjson import dumps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from passwright.google.issuer import Issuer
    from passwright.judge import Judged, Rule
    from passwright.template import Pass, Template

__all__ = ["MAX_TOKEN", "SAVE_URL", "Link", "PassBuilder"]

SAVE_URL = "https://pay.google.com/gp/v/save/"
# Google, "Issue passes with the web, email and SMS": the safe length of an encoded
# token, in characters; browsers cut longer links.
MAX_TOKEN = 1800

Form = Literal["class-and-object", "object", "id"]


@dataclass(frozen=True)
class Link:
    """A link that puts a pass into the holder's Google Wallet.

    `form` says what travels in it. `requires` maps resource names
    (`loyaltyClass`) to the JSON that has to be inserted through the REST API
    before anybody opens the link; empty when the link stands on its own.
    """

    url: str
    form: Form
    claims: Mapping[str, Any] = field(repr=False)
    requires: Mapping[str, Mapping[str, Any]] = field(repr=False)
    report: Report = field(repr=False)

    @property
    def token(self) -> str:
        """The signed JWT."""
        return self.url.removeprefix(SAVE_URL)

    @property
    def length(self) -> int:
        """Characters of the token; Google calls up to 1,800 safe."""
        return len(self.token)

    def __repr__(self) -> str:
        # Whoever has the token has the link.
        return f"Link(form={self.form!r}, length={self.length}, requires={sorted(self.requires)})"


class PassBuilder:
    """Builds save links for one issuer.

    Without an issuer it still reports. `rules` are rules of yours, asked like
    our own. A builder keeps what is constant for the templates used last, so
    keep the builder. It may be used by several threads.
    """

    def __init__(self, issuer: Issuer | None, *, rules: Iterable[Rule] = ()) -> None:
        self.issuer = issuer
        self._rules = tuple(rules)
        self._about = About(
            issuer_id=issuer.issuer_id if issuer else None,
            restrictions_enabled=issuer.restrictions_enabled if issuer else False,
        )
        self._prepared = PerTemplate(lambda template: _Prepared(template, self._about, self._rules))
        self._unproved = [_UNPROVED] if issuer is not None and issuer.public_key is None else []
        if issuer is not None:
            self._sign = sign_call(issuer.signer, issuer.public_key)
            key_id = issuer.signer.key_id if issuer.send_key_id else None
            header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
            self._header = _b64(dumps(header).encode())
            bits = getattr(issuer.public_key, "key_size", 2048)
            self._signature_length = len(_b64(bytes(bits // 8)))

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
        left out and named in `requires`. `inserted` says what Google holds
        already: with `class` the link carries the object, with `object` the id
        alone. For a bound pass the latter also needs `stored_object`, the object
        as Google answers it, which proves that the restriction is there.
        `self_contained` allows nothing but class and object in the link.
        `issued_at` becomes iat, default now.

        Raises:
            PassRejected: the report holds an error; nothing was signed.
            LinkTooLong: it doesn't fit; says what to insert.
            SignerFailed: the signer raised, or its answer doesn't verify.
            ValueError: there is no issuer, or `issued_at` is naive, or the choices exclude each other.
        """
        issuer = self.issuer
        if issuer is None:
            raise ValueError("this builder has no issuer to sign with: give it one")
        at = issued_at or datetime.now(UTC)
        if at.utcoffset() is None:
            raise ValueError("issued_at has no time zone: give an aware datetime")
        if unknown := set(inserted) - {"class", "object"}:
            raise ValueError(f"inserted names 'class' and 'object', not {sorted(unknown)}")
        if self_contained and inserted:
            raise ValueError("a self-contained link needs nothing inserted: choose one of the two")
        payload = self._judged(pass_)
        findings = list(payload.findings)
        if "object" in inserted and pass_.binding is not None:
            resource = resource_name(pass_.template.kind.object_type)
            findings += _check_stored(resource, payload.object_text, stored_object)
        if _failed(findings):
            raise PassRejected(Report.of(findings))

        def signed() -> tuple[Form, str, dict[str, Any], str]:
            form, text, requires = self._choose(
                payload, pass_, int(at.timestamp()), inserted=inserted, self_contained=self_contained
            )
            message = f"{self._header}.{_b64(text.encode())}"
            signature = _b64(self._sign(message.encode("ascii")))
            self._signature_length = len(signature)
            return form, text, requires, f"{message}.{signature}"

        form, text, requires, token = signed()
        if len(token) > MAX_TOKEN:
            # The key was not known, and is longer than the usual one: choose again.
            form, text, requires, token = signed()
        findings += [_needs(name, requires[name]["id"], payload.class_length) for name in requires]
        return Link(SAVE_URL + token, form, json.loads(text), requires, Report.of(findings))

    def report(self, pass_: Pass) -> Report:
        """Every error, warning and note about this pass on Google; nothing is signed."""
        return Report.of(self._judged(pass_).findings)

    def payload(self, pass_: Pass) -> tuple[dict[str, Any], dict[str, Any]]:
        """Class and object of the pass, as the REST API takes them.

        Raises:
            PassRejected: the report holds an error.
        """
        payload = self._judged(pass_)
        if _failed(payload.findings):
            raise PassRejected(Report.of(payload.findings))
        return json.loads(payload.class_text), json.loads(payload.object_text)

    def _choose(
        self, payload: _Payload, pass_: Pass, iat: int, *, inserted: Collection[str], self_contained: bool
    ) -> tuple[Form, str, dict[str, Any]]:
        """The first form that fits, its claims, and what has to be inserted for it."""
        kind = pass_.template.kind
        full = self._claims(kind.vertical, iat, object_=payload.object_text, class_=payload.class_text)
        only_object = self._claims(kind.vertical, iat, object_=payload.object_text)
        if "object" in inserted:
            only_id = dumps({"id": json.loads(payload.object_text)["id"]})
            only_id = self._claims(kind.vertical, iat, object_=only_id)
            if self._length(only_id) > MAX_TOKEN:
                raise LinkTooLong(self._length(only_id), MAX_TOKEN, {})
            return "id", only_id, {}
        if "class" not in inserted and self._length(full) <= MAX_TOKEN:
            return "class-and-object", full, {}
        requires = {} if "class" in inserted else {kind.class_type: json.loads(payload.class_text)}
        length = self._length(only_object)
        if length > MAX_TOKEN:
            insert = {**requires, kind.object_type: json.loads(payload.object_text)}
            raise LinkTooLong(self._length(full) if self_contained else length, MAX_TOKEN, insert)
        if self_contained:
            raise LinkTooLong(self._length(full), MAX_TOKEN, requires)
        return "object", only_object, requires

    def _claims(self, vertical: str, iat: int, *, object_: str, class_: str | None = None) -> str:
        """The claims as JSON. `typ` stands here as well as in the header; iat is a number."""
        issuer = self.issuer
        assert issuer is not None  # noqa: S101 -- save_link has asked
        origins = f'"origins":{dumps(list(issuer.origins))},' if issuer.origins else ""
        classes = f'"{vertical}Classes":[{class_}],' if class_ else ""
        return (
            f'{{"iss":{dumps(issuer.email)},"aud":"google","typ":"savetowallet","iat":{iat},{origins}'
            f'"payload":{{{classes}"{vertical}Objects":[{object_}]}}}}'
        )

    def _length(self, claims: str) -> int:
        encoded = (len(claims.encode()) * 4 + 2) // 3
        return len(self._header) + 1 + encoded + 1 + self._signature_length

    def _judged(self, pass_: Pass) -> _Payload:
        """Both documents as text, and everything there is to say about them."""
        prepared = self._prepared[pass_.template]
        findings = [*prepared.findings, *check_pass(pass_), *self._unproved]
        findings += forbid_barcode(codes_of(pass_), bound=pass_.binding is not None)
        for rule in self._rules:
            if rule.on == "pass":
                findings += rule.check(pass_, self._about, lambda pointer: f"pass#{pointer}")  # type: ignore[arg-type]  # a rule on "pass" is given the pass
        if _failed(findings):
            return _Payload("", "", findings)
        part = prepared.part(pass_.shape)
        findings += part.findings
        if _failed(part.findings):
            return _Payload("", "", findings)
        values = pass_.filled()
        if pass_.binding is not None:
            findings += self._hash(pass_, values)
            if _failed(findings):
                return _Payload("", "", findings)
        if pass_.google:
            return self._overridden(pass_, part, values, findings)
        filled = part.class_.fill(values), part.object_.fill(values)
        findings += part.judged_class.findings + part.judged_object.findings
        findings += part.judged_class.blanks(filled[0]) + part.judged_object.blanks(filled[1])
        return _Payload(part.class_.text(filled[0]), part.object_.text(filled[1]), findings)

    def _hash(self, pass_: Pass, values: dict[str, Any]) -> list[Finding]:
        """The restriction's hash into `values`; it is made here and kept nowhere."""
        binding = pass_.binding
        assert binding is not None  # noqa: S101 -- the caller has asked
        policy = self.issuer.email_policy if self.issuer else "gmail"
        try:
            values["@email-sha256"] = sha256(binding.email, policy=policy)
        except BindingInvalid as exc:
            return [error("binding-invalid", f"pass#{name}", rule) for name, rule in exc.pointers.items()]
        if not is_ambiguous(binding.email):
            return []
        message = (
            "Google's rule for hashing this kind of address is not certain: it has dots, a tag or capitals"
        )
        hint = "take the address from a verified Google ID token, and try one pass with an account"
        return [warning("email-hash-ambiguous", "pass#/binding/email", message, hint)]

    def _overridden(
        self, pass_: Pass, part: _Part, values: Mapping[str, Any], findings: list[Finding]
    ) -> _Payload:
        """A pass with members of its own is judged whole, as it will be signed."""
        documents = []
        for name, stencil, judge in (
            ("class", part.class_, part.judge_class),
            ("object", part.object_, part.judge_object),
        ):
            own, not_json = _own(pass_.google.get(name, {}), f"pass#/google/{name}")
            document = merge(stencil.document(stencil.fill(values)), own)
            findings += [*not_json, *judge.whole(document, part.about)]
            documents.append(document)
        unknown = pass_.google.keys() - {"class", "object"}
        findings += [
            error("unknown-key", f"pass#/google/{key}", "google overrides are for class and object")
            for key in sorted(map(str, unknown))
        ]
        if _failed(findings):
            return _Payload("", "", findings)
        class_, object_ = documents
        findings += _same_class(class_["id"], object_["classId"])
        if pass_.binding is not None:
            findings += [] if _restricted_to(object_) == values["@email-sha256"] else [_BOUND_TO_ANOTHER]
        return _Payload(dumps(class_), dumps(object_), findings)


@dataclass(frozen=True)
class _Payload:
    """Class and object as JSON, and the findings about them; both empty if they could not be made."""

    class_text: str
    object_text: str
    findings: list[Finding]

    @property
    def class_length(self) -> int:
        return len(self.class_text.encode())


@dataclass(frozen=True)
class _Part:
    """What is constant for one template, one shape and one issuer."""

    class_: Stencil
    object_: Stencil
    judged_class: Judged
    judged_object: Judged
    judge_class: Any
    judge_object: Any
    about: About
    findings: tuple[Finding, ...]


class _Prepared:
    """What is constant for one template and one issuer, worked out once."""

    def __init__(self, template: Template, about: About, rules: tuple[Rule, ...]) -> None:
        findings = [*check_template(template)]
        own, not_json = _own(dict(template.google), f"{template.source}#/google")
        self._template = template = replace(template, google=own)
        self._about = about
        self._judges = judges(template.kind.class_type, template.kind.object_type, rules)
        self._parts: dict[frozenset[str], _Part] = {}
        self.findings = tuple(findings if _failed(findings) else [*findings, *not_json])

    def part(self, shape: frozenset[str]) -> _Part:
        made = self._parts.get(shape)
        if made is None:
            made = self._parts[shape] = self._make(shape)
        return made

    def _make(self, shape: frozenset[str]) -> _Part:
        payload = content.payload(self._template, shape, issuer_id=self._about.issuer_id)
        about = replace(self._about, bound="@binding" in shape)
        class_, object_ = Stencil(payload.class_), Stencil(payload.object_)
        judge_class, judge_object = self._judges
        findings = [*payload.findings, *_varies(self._template, class_)]
        findings += _same_class(payload.class_.get("id"), payload.object_.get("classId"))
        if about.bound:
            # Without the blank every pass would be bound to whom the template names.
            if isinstance(restricted := _restricted_to(payload.object_), str) and restricted:
                findings.append(_BOUND_TO_ANOTHER)
            findings.append(_shared_class(self._template.google_class or self._template.id))
        return _Part(
            class_, object_, judge_class.prepare(class_, about), judge_object.prepare(object_, about),
            judge_class, judge_object, about, tuple(findings),
        )  # fmt: skip


def _varies(template: Template, class_: Stencil) -> Iterator[Finding]:
    """One class name for classes that differ: Google would keep the first and ignore the others."""
    name = template.google_class or template.id
    given = {
        key: names_in(each.value) for key, each in template.fields.items() if isinstance(each.value, str)
    }
    named = set(names_in(name) if template.google_class else ())
    for pointer, blank in class_.blanks:
        reads = {name for key in blank.reads for name in given.get(key) or (key,)}
        if not reads <= named:
            where, loose = f"{template.source}#/google_class", ", ".join(sorted(reads - named))
            message = f"{pointer} of the class varies with {loose}, and the name of the class does not"
            hint = f'name it after what varies: google_class = "{name}-{{{loose}}}"'
            yield error("class-varies", where, message, hint)


def _same_class(class_id: object, named: object) -> Iterator[Finding]:
    """The object belongs to the class that travels beside it, or that `requires` says to insert."""
    same = class_id.fill is named.fill if isinstance(class_id, Blank) and isinstance(named, Blank) else None
    if same or class_id == named:
        return
    message = "the object names another class than the one made here"
    yield error("class-mismatch", "object#/classId", message, "change id and classId together, or neither")


def _shared_class(name: str) -> Finding:
    return note(
        "google-class-one-holder",
        "class#/multipleDevicesAndHoldersAllowedStatus",
        f"the class {name} lets one person hold each pass, and so do all its passes, bound or not",
        "a class that Google holds already keeps its own setting: update it there",
    )


_UNPROVED = warning(
    "signer-not-verified",
    "issuer",
    "the issuer has no public key, so nobody checks what its signer answers",
    "give the issuer the public_key of its service account",
)


def _needs(name: str, id_: str, size: int) -> Finding:
    return warning(
        "link-needs-class",
        f"link#/requires/{name}",
        f"the class {id_} has {size} bytes and no room in the link",
        "insert it through the API before anybody opens the link; its JSON is in requires",
    )


def _check_stored(resource: str, object_text: str, stored: Mapping[str, Any] | None) -> Iterator[Finding]:
    """An id-only link shows no restriction, so Google's copy has to prove that it holds it."""
    where = "link#/stored_object"
    if stored is None:
        hint = "give stored_object, as Google's API answers it"
        yield error("binding-unproved", where, "a bound pass by id needs proof of its restriction", hint)
        return
    ours = json.loads(object_text) if object_text else {}
    if stored.get("id") != ours.get("id") or _restricted_to(stored) != _restricted_to(ours):
        message = "the stored object is another one, or is bound to somebody else, or to nobody"
        yield error("binding-lost", where, message, "update it through the API before making the link")
    places = ((f"{where}{pointer}", value) for pointer, value in codes(resource, stored))
    yield from forbid_barcode(places, bound=True)


_BOUND_TO_ANOTHER = error(
    "binding-lost",
    "object#/saveRestrictions/restrictToEmailSha256",
    "an override changes whom the pass is bound to",
    "take it out",
)


def _restricted_to(object_: Mapping[str, Any]) -> object:
    restrictions = object_.get("saveRestrictions")
    return restrictions.get("restrictToEmailSha256") if isinstance(restrictions, dict) else None


def _own(overrides: object, where: str) -> tuple[dict[str, Any], list[Finding]]:
    """Overrides as a copy that nobody can change any more, or {} and why there is none."""
    if not isinstance(overrides, dict):
        message = "the overrides have to be an object"
        return {}, [error("wrong-type", where, message, 'like {"state": "ACTIVE"}')]
    try:
        return json.loads(dumps(overrides)), []
    except (TypeError, ValueError, RecursionError):
        message = "the google overrides hold something that JSON can't say"
        return {}, [error("not-json", where, message, "write dates and decimals as text")]


def _failed(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def _b64(data: bytes) -> str:
    """base64url without padding: RFC 7515 section 2."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
