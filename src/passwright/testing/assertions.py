"""Assertions over passes, payloads and links from any builder.

Each returns its verdict, for the test to go on with, or fails with the verdict
as text: every finding with its place and what to do, errors first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from passwright import strict_json
from passwright.apple import context as apple_context
from passwright.apple import personalization
from passwright.apple.container import pkpass
from passwright.apple.rules import pass_json as apple_rules
from passwright.apple.trust.anchors import Trust
from passwright.apple.verification.verifier import Verification, verify
from passwright.binding.email import sha256
from passwright.errors import InvalidInput
from passwright.examples.authority import Authority, example_directory
from passwright.google.issuer import Issuer
from passwright.google.link import SaveLink
from passwright.google.payload import restricted_to
from passwright.google.reading.token import Token, read
from passwright.report import Finding, Report, Severity, error
from passwright.schema.pointers import join_pointer, locator
from passwright.testing.second_reader import compare_readers
from passwright.validation import PAYLOADS, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from passwright.schema.pointers import Locator

__all__ = [
    "assert_bound",
    "assert_valid_google_payload",
    "assert_valid_pkpass",
    "assert_valid_save_link",
    "example_issuer",
    "session_authority",
]

# Issuer id of the examples, and of the fake Google.
ISSUER_ID = "3388000000012345678"


@cache
def session_authority() -> Authority:
    """Returns the fake Apple of this process, made on first use."""
    return Authority.create(now=datetime.now(UTC))


@cache
def example_issuer() -> Issuer:
    """The example's service account, enabled for account restricted passes."""
    account = (example_directory() / "service-account.json").read_bytes()
    return Issuer.from_service_account(account, issuer_id=ISSUER_ID, restrictions_enabled=True)


def assert_valid_pkpass(
    data: bytes,
    *,
    trust: Trust | Authority | None = None,
    at: datetime | None = None,
    strict: bool = False,
) -> Verification:
    """The bytes of a .pkpass pass all five steps of `passwright.apple.verify`, and two readers agree.

    The signature is read with asn1crypto as well; a difference is the finding `readers-disagree`.
    Without asn1crypto, which the extra `test` brings, the report has the note `one-reader`.
    `trust`: whom to believe. The default is for tests: Apple, the example
    authority and the fixture `wallet_authority`; name `Trust.apple()` for passes
    that have to work on phones. `at`: the moment of the verdict, default now.
    With `strict` a warning fails too.

    Raises:
        AssertionError: a step failed or was skipped; the message is the report.
        TypeError: `data` is not bytes.
        ValueError: `at` is naive.
    """
    __tracebackhide__ = True
    verdict = verify(data, trust=_trust(trust), at=at)
    findings = compare_readers(verdict.files.get("signature", b""))
    verdict = replace(verdict, report=Report.from_findings([*verdict.report, *findings]))
    if not verdict.ok or (strict and verdict.report.warnings):
        steps = ", ".join(f"{step} {outcome}" for step, outcome in verdict.steps.items())
        whom = []
        if trust is None and verdict.steps["chain"] == "failed":
            whom = ["trusted here: Apple, the example authority, wallet_authority; trust=... names another"]
        _fail("this .pkpass is not valid", verdict.report, steps, *whom)
    return verdict


def assert_valid_google_payload(
    payload: bytes | str | Mapping[str, Any], *, as_: str, bound: bool = False, strict: bool = False
) -> Report:
    """A Google class, an object, or the claims of a link, breaks no rule of `passwright.check`.

    `payload` is JSON, or what it says. `as_`: `loyaltyClass`, `genericObject`,
    ..., or `save-claims`. `bound`: it is for one person even if it does not say
    so. With `strict` a warning fails too.

    Raises:
        AssertionError: there is an error; the message is the report.
        ValueError: `as_` names no payload of Google.
    """
    __tracebackhide__ = True
    if as_.lower() in ("pass.json", "link"):
        raise ValueError(
            f"{as_} is not a payload of Google: use assert_valid_pkpass or assert_valid_save_link"
        )
    report = check(payload, as_, bound=bound)
    if not report.ok or (strict and report.warnings):
        _fail(f"this {as_} is not valid", report)
    return report


def assert_valid_save_link(
    link: str | SaveLink,
    *,
    issuer: Issuer | None = None,
    public_key: RSAPublicKey | None = None,
    strict: bool = False,
) -> Token:
    """A save link or its token is signed by the right key, and what it says breaks no rule.

    `issuer`: who has to have signed it, by key and e-mail; `public_key`: the key
    alone. The default is the fixture `google_issuer`, the service account of
    the example. With `strict` a warning fails too.

    Raises: AssertionError: the signature is another's, or there is an error; the message is the report.
    TypeError: it is not text. ValueError: both are given, or the issuer has no public key.
    """
    __tracebackhide__ = True
    if issuer is not None and public_key is not None:
        raise ValueError("the issuer has its key: give one of issuer and public_key")
    who = issuer or (example_issuer() if public_key is None else None)
    key: Any = who.public_key if who is not None else public_key
    if key is None:
        raise ValueError("this issuer has no public key to verify with: give it one")
    text = link.url if isinstance(link, SaveLink) else link
    if not isinstance(text, str):
        raise TypeError(f"a save link is text, not {type(text).__name__}")
    findings = [*check(text, "link")]
    token = None
    try:
        token = read(text, public_key=key, email=who.email if who is not None else None)
    except InvalidInput as exc:
        # check explains faults of the claims better, and has reported them.
        if exc.code not in {finding.code for finding in findings}:
            hint = "" if issuer or public_key else "this is the example's key: give the issuer or public_key"
            findings.append(error(exc.code, exc.location, exc.message, hint))
    report = Report.from_findings(findings)
    if token is None or not report.ok or (strict and report.warnings):
        _fail("this save link is not valid", report)
    return token


def assert_bound(
    subject: bytes | str | Mapping[str, Any] | SaveLink | Token | Verification,
    *,
    as_: str | None = None,
    email: str | None = None,
    email_policy: str | Callable[[str], str] = "gmail",
) -> Report:
    """Asserts that a pass, payload or link is bound to one person: it has the restriction and no barcode.

    On Apple: no barcode, sharing off, NFC with authentication. On Google: a restriction on every object, no
    barcode on object or class, and no class, as far as it is there, that lets several people hold a pass.
    The signer is not checked.

    `subject`: the bytes of a .pkpass, a pass.json, a Google object, claims, a
    link, or the verdict of another assertion. `as_` says what it is where that
    can't be seen: `loyaltyObject`. `email`: the person it has to be for on
    Google, hashed as `email_policy` says, see `passwright.binding.email`.

    Raises: AssertionError: it is not bound, or not known to be; the message is the report. BindingInvalid:
    `email` is not an address. TypeError: it is neither bytes, text, mapping, link nor verification.
    ValueError: `as_` is missing, or names no payload.
    """
    __tracebackhide__ = True
    expected = sha256(email, policy=email_policy) if email is not None else None
    name = as_ or _name_of(subject)
    if name == "pkpass":
        report = _of_pkpass(subject)
    else:
        report = _of_payload(subject.claims if isinstance(subject, Token) else subject, name, expected)
    lost = [each for each in report.warnings if {"binding", "bound"} & set(each.code.split("-"))]
    if lost or not report.ok:
        _fail(f"this {name} is not bound to one person", report)
    return report


def _of_pkpass(subject: Any) -> Report:
    try:
        files = subject.files if isinstance(subject, Verification) else pkpass.read(subject)
        tolerated = strict_json.loads_tolerant(files.get("pass.json", b""), name="pass.json")
    except InvalidInput as exc:
        return Report.from_findings([error(exc.code, exc.location, exc.message)])
    if not isinstance(tolerated.value, dict):
        return Report.from_findings([error("wrong-type", "pass.json", "pass.json has to hold an object")])
    about = apple_context.ValidationContext(
        bound=True, writing=False, personalized=personalization.FILE in files, files=frozenset(files)
    )
    return Report.from_findings(
        [*tolerated.findings, *apple_rules.validator().validate(tolerated.value, about, writing=False)]
    )


def _of_payload(payload: Any, name: str, expected: str | None) -> Report:
    text = payload.url if isinstance(payload, SaveLink) else payload
    findings = [*check(text, name, bound=True)]
    if name == "pass.json":
        return Report.from_findings(findings)
    try:
        document = read(text).claims if name == "link" else _document(text)
    except InvalidInput:
        return Report.from_findings(findings)  # which say so
    place = locator("claims" if name == "link" else name)
    if name in ("link", "save-claims"):
        findings += _objects(document, place, expected)
    elif name.lower().endswith("object"):
        findings += _restriction(document, "", place, expected)
    return Report.from_findings(findings)


def _objects(claims: Any, place: Locator, expected: str | None) -> Iterator[Finding]:
    """The restriction on every object in the claims of a link."""
    payload = claims.get("payload") if isinstance(claims, Mapping) else None
    found = 0
    for key, items in payload.items() if isinstance(payload, Mapping) else ():
        for index, item in enumerate(items if key.endswith("Objects") and isinstance(items, list) else ()):
            found += 1
            at = join_pointer(join_pointer("/payload", key), index)
            if isinstance(item, Mapping) and item.keys() <= {"id", "classId"}:
                hint = "ask for the object as Google holds it"
                yield error("binding-unproved", place(at), "an id alone shows no restriction", hint)
            else:
                yield from _restriction(item, at, place, expected)
    if not found:
        yield error("binding-unproved", place("/payload"), "there is no object to carry a restriction")


def _restriction(object_: Any, at: str, place: Locator, expected: str | None) -> Iterator[Finding]:
    held = restricted_to(object_) if isinstance(object_, Mapping) else None
    where = place(f"{at}/saveRestrictions/restrictToEmailSha256")
    if not held:
        hint = "write the hash of the holder's address there"
        yield error("binding-lost", where, "the object holds no restriction", hint)
    elif expected is not None and held != expected:
        hint = "is it the right person, and hashed under the right policy?"
        yield error("binding-lost", where, "the restriction is for another address", hint)


def _name_of(subject: Any) -> str:
    """Returns the name of the subject, as far as it can be seen."""
    octets = isinstance(subject, (bytes, bytearray, memoryview))
    if not octets and not isinstance(subject, (str, Mapping, SaveLink, Token, Verification)):
        raise TypeError(f"a pass, a payload or a link can be bound, not {type(subject).__name__}")
    if isinstance(subject, Verification) or (octets and not bytes(subject[:9]).lstrip().startswith(b"{")):
        return "pkpass"
    if isinstance(subject, Token):
        return "save-claims"
    if isinstance(subject, SaveLink) or (isinstance(subject, str) and not subject.lstrip().startswith("{")):
        return "link"
    try:
        document = _document(subject)
    except InvalidInput:
        return "pass.json"  # whose reader says what is wrong
    for key, name in (("formatVersion", "pass.json"), ("payload", "save-claims")):
        if key in document:
            return name
    raise ValueError(f"say what this is: as_ is one of {', '.join(PAYLOADS)}")


def _document(payload: Any) -> Any:
    if isinstance(payload, Mapping):
        return payload
    data = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else bytes(payload)
    return strict_json.loads_tolerant(data, name="payload").value


def _trust(given: Trust | Authority | None) -> Trust:
    if isinstance(given, Authority):
        return given.trust
    return given or _everybody(session_authority() if session_authority.cache_info().currsize else None)


@cache
def _everybody(session: Authority | None) -> Trust:
    """Everybody that a test may mean: Apple, the example, and the session's own authority if there is one."""
    trust = Trust.apple().with_roots((example_directory() / "root.pem").read_bytes())
    return trust.with_roots(session.root) if session is not None else trust


def _fail(what: str, report: Report, *lines: str) -> NoReturn:
    __tracebackhide__ = True
    counts = ((len(report.errors), "error"), (len(report.warnings), "warning"))
    counted = " and ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts if count)
    raise AssertionError("\n".join((f"{what}: {counted}", *lines, *map(str, _worst_first(report)))))


def _worst_first(report: Report) -> Iterable[Finding]:
    order = tuple(Severity)
    return sorted(report, key=lambda finding: order.index(finding.severity))
