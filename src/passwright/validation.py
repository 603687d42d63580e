"""One report for a pass of ours, and one for payloads that others made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from passwright import strict_json
from passwright.apple import context as apple_context
from passwright.apple.builder import PassBuilder as ApplePassBuilder
from passwright.apple.rules import pass_json as apple_rules
from passwright.errors import InvalidInput
from passwright.google import context as google_context
from passwright.google.builder import PassBuilder as GooglePassBuilder
from passwright.google.link import MAX_TOKEN
from passwright.google.reading import link as reading_link
from passwright.google.reading import token
from passwright.google.reading.claims import check_claims, check_resource
from passwright.google.schema import VERTICALS
from passwright.report import Finding, Report, error, warning
from passwright.schema.pointers import locator, quote
from passwright.times import require_aware

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer
    from passwright.model.template import Pass

__all__ = ["PAYLOADS", "check", "validate"]

# The names of payloads that `check` validates.
PAYLOADS = (
    "pass.json",
    *(f"{vertical}{part}" for vertical in VERTICALS for part in ("Class", "Object")),
    "save-claims",
    "link",
)


def validate(pass_: Pass, *, identity: Identity | None = None, issuer: Issuer | None = None) -> Report:
    """Everything that either builder would say about this pass; nothing is signed.

    Without `identity` and `issuer` what depends on who signs is left open.
    """
    apple = _apple_builder() if identity is None else ApplePassBuilder(identity)
    google = _google_builder() if issuer is None else GooglePassBuilder(issuer)
    return apple.report(pass_) + google.report(pass_)


@cache
def _apple_builder() -> ApplePassBuilder:
    return ApplePassBuilder(None)


@cache
def _google_builder() -> GooglePassBuilder:
    return GooglePassBuilder(None)


def check(
    payload: bytes | str | Mapping[str, Any], as_: str, *, bound: bool = False, at: datetime | None = None
) -> Report:
    """Judge a payload that somebody else made.

    `payload` is JSON, as text or as values, or a save link; `as_` is one of `PAYLOADS`: `pass.json`,
    `loyaltyObject`, `save-claims`, `link`. A payload that is bound by its own members counts as bound;
    `bound` adds what it does not say. Times in claims are compared with `at`; by default they are not.

    Raises:
        ValueError: `as_` is none of them, or `at` is naive.
    """
    if at is not None:
        require_aware(at, "at")
    name = _payload_name(as_)
    if name == "link":
        return _check_link(payload, bound=bound, at=at)
    findings: list[Finding] = []
    document: Any = payload
    if isinstance(payload, (bytes, str)):
        data = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
        try:
            if name == "pass.json":
                tolerated = strict_json.loads_tolerant(data, name=name)
                document, findings = tolerated.value, [*tolerated.findings]
            else:
                document = strict_json.loads(data, name=name)
        except InvalidInput as exc:
            return Report.from_findings([error(exc.code, exc.location, exc.message)])
    if not isinstance(document, dict):
        return Report.from_findings([*findings, error("wrong-type", name, "this has to be a JSON object")])
    place = locator(name)
    if name == "pass.json":
        about = apple_context.ValidationContext(bound=bound, writing=False)
        findings += apple_rules.validator().validate(document, about, writing=False)
    elif name == "save-claims":
        findings += check_claims(document, place, bound=bound, at=at)
    else:
        findings += check_resource(
            name, document, google_context.ValidationContext(bound=bound, writing=False), place
        )
    return Report.from_findings(findings)


def _payload_name(as_: str) -> str:
    """LoyaltyObject and loyaltyObject are the same."""
    known = {name.lower(): name for name in PAYLOADS}
    if as_.lower() not in known:
        raise ValueError(f"{quote(as_)} is none of {', '.join(PAYLOADS)}")
    return known[as_.lower()]


def _check_link(link: object, *, bound: bool, at: datetime | None) -> Report:
    if isinstance(link, bytes):
        link = link.decode("utf-8", "replace")
    if not isinstance(link, str):
        return Report.from_findings([error("wrong-type", "link", "a link is text")])
    try:
        found = reading_link.parse_link_text(link)
        if found.form == "claims":
            return _check_unsigned(found.token, bound=bound, at=at)
        read = token.read(found.token)
    except InvalidInput as exc:
        return Report.from_findings([error(exc.code, exc.location, exc.message)])
    findings = [*found.findings, *check_claims(read.claims, locator("claims"), bound=bound, at=at)]
    length = len(found.token)
    if length > MAX_TOKEN:
        message = f"the token has {length} characters, browsers may cut links above {MAX_TOKEN}"
        findings.append(warning("link-too-long", "link", message, "leave the class out of the link"))
    return Report.from_findings(findings)


def _check_unsigned(text: str, *, bound: bool, at: datetime | None) -> Report:
    claims = strict_json.loads(text.encode("utf-8", "surrogatepass"), name="claims")
    message = "these are claims that nobody signed, and no link"
    said = error("bad-token", "link", message, "check them as save-claims")
    return Report.from_findings([said, *check_claims(claims, locator("claims"), bound=bound, at=at)])
