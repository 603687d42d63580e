"""One report for a pass of ours, and one for payloads that others made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from passwright import strictjson
from passwright.apple import pkpass
from passwright.apple import rules as apple_rules
from passwright.errors import BundleError
from passwright.google import pairs, savelink, token
from passwright.google import rules as google_rules
from passwright.google.tables import VERTICALS
from passwright.report import Finding, Report, error, warning
from passwright.table import did_you_mean, place_in, shown, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.apple.identity import Identity
    from passwright.google.issuer import Issuer
    from passwright.table import Place
    from passwright.template import Pass

__all__ = ["PAYLOADS", "check", "validate"]

# What `check` can judge, by the name to give it.
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
    apple = _apple() if identity is None else pkpass.PassBuilder(identity)
    google = _google() if issuer is None else savelink.PassBuilder(issuer)
    return apple.report(pass_) + google.report(pass_)


@cache
def _apple() -> pkpass.PassBuilder:
    return pkpass.PassBuilder(None)


@cache
def _google() -> savelink.PassBuilder:
    return savelink.PassBuilder(None)


def check(payload: bytes | str | Mapping[str, Any], as_: str, *, bound: bool = False) -> Report:
    """Judge a payload that somebody else made.

    `payload` is JSON, or what it says, or a save link; `as_` is one of
    `PAYLOADS`: `pass.json`, `loyaltyObject`, `save-claims`, `link`. It counts as
    bound when it says so itself; `bound` adds what it does not say.

    Raises:
        ValueError: `as_` is none of them.
    """
    name = _payload_name(as_)
    if name == "link":
        return _check_link(payload, bound=bound)
    findings: list[Finding] = []
    document: Any = payload
    if isinstance(payload, (bytes, str)):
        data = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload
        try:
            if name == "pass.json":
                tolerated = strictjson.loads_tolerant(data, name=name)
                document, findings = tolerated.value, [*tolerated.findings]
            else:
                document = strictjson.loads(data, name=name)
        except BundleError as exc:
            return Report.of([error(exc.code, exc.where, exc.message)])
    if not isinstance(document, dict):
        return Report.of([*findings, error("wrong-type", name, "this has to be a JSON object")])
    place = place_in(name)
    if name == "pass.json":
        about = apple_rules.About(bound=bound, writing=False)
        findings += apple_rules.judge().whole(document, about, writing=False)
    elif name == "save-claims":
        findings += _check_claims(document, place, bound=bound)
    else:
        findings += _check_resource(name, document, google_rules.About(bound=bound, writing=False), place)
    return Report.of(findings)


def _payload_name(as_: str) -> str:
    """LoyaltyObject and loyaltyObject are the same."""
    known = {name.lower(): name for name in PAYLOADS}
    if as_.lower() not in known:
        raise ValueError(f"{shown(as_)} is none of {', '.join(PAYLOADS)}")
    return known[as_.lower()]


def _check_resource(
    name: str, document: Mapping[str, Any], about: google_rules.About, place: Place
) -> list[Finding]:
    vertical = name.removesuffix("Class").removesuffix("Object")
    class_judge, object_judge = google_rules.judges(f"{vertical}Class", f"{vertical}Object")
    judge = class_judge if name.endswith("Class") else object_judge
    return judge.whole(document, about, place=place, writing=False)


def _check_link(link: object, *, bound: bool) -> Report:
    if isinstance(link, bytes):
        link = link.decode("utf-8", "replace")
    if not isinstance(link, str):
        return Report.of([error("wrong-type", "link", "a link is text")])
    try:
        read = token.read(link)
    except BundleError as exc:
        return Report.of([error(exc.code, exc.where, exc.message)])
    findings = list(_check_claims(read.claims, place_in("claims"), bound=bound))
    length = len(link.strip().removeprefix(savelink.SAVE_URL))
    if length > savelink.MAX_TOKEN:
        message = f"the token has {length} characters, browsers may cut links above {savelink.MAX_TOKEN}"
        findings.append(warning("link-too-long", "link", message, "leave the class out of the link"))
    return Report.of(findings)


# Google, JWT of "Save to Wallet": claim -> the only value it may have.
_FIXED_CLAIMS = {"aud": "google", "typ": "savetowallet"}


def _check_claims(claims: Mapping[str, Any], place: Place, *, bound: bool) -> Iterator[Finding]:
    for name, wanted in _FIXED_CLAIMS.items():
        if claims.get(name) != wanted:
            yield error(
                "bad-claim", place(f"/{name}"), f"{name} has to be {wanted!r}", "save links have no other"
            )
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or "@" not in issuer:
        hint = "write the e-mail of the service account that signs"
        yield error("bad-claim", place("/iss"), "iss has to be an address", hint)
    iat = claims.get("iat")
    if not isinstance(iat, int) or isinstance(iat, bool):
        yield error(
            "bad-claim", place("/iat"), "iat has to be a number", "seconds since 1970, without quotes"
        )
    yield from _check_origins(claims.get("origins"), place)
    payload = claims.get("payload")
    if not isinstance(payload, dict) or not any(payload.values()):
        hint = 'it looks like {"loyaltyObjects": [{"id": ...}]}'
        yield error("bad-claim", place("/payload"), "the payload holds nothing to save", hint)
        return
    known = {f"{vertical}{part}": f"{vertical}{one}" for vertical in VERTICALS for part, one in _PLURALS}
    for key, items in payload.items():
        below = step("/payload", key)
        if key not in known:
            message = f"Google knows no payload {shown(key)}"
            yield error("unknown-key", place(below), message, did_you_mean(key, known))
            continue
        if not isinstance(items, list):
            yield error(
                "wrong-type", place(below), f"{key} has to be a list", "put it in square brackets: [...]"
            )
            continue
        about = google_rules.About(bound=bound, writing=False)
        for index, item in enumerate(items):
            yield from _check_item(known[key], item, step(below, index), place, about)
    yield from pairs.in_claims(payload, place)


_PLURALS = (("Classes", "Class"), ("Objects", "Object"))


def _check_origins(origins: object, place: Place) -> Iterator[Finding]:
    if origins is not None and not (
        isinstance(origins, list) and all(isinstance(origin, str) for origin in origins)
    ):
        hint = 'write ["https://www.example.com"], or leave it out'
        yield error("bad-claim", place("/origins"), "origins has to be a list of web origins", hint)


def _check_item(
    name: str, item: object, pointer: str, place: Place, about: google_rules.About
) -> Iterator[Finding]:
    if not isinstance(item, dict):
        yield error("wrong-type", place(pointer), f"a {name} has to be an object")
        return
    if item.keys() <= {"id", "classId"} and name.endswith("Object"):
        # An object that Google holds already is named by its id alone.
        if not isinstance(item.get("id"), str):
            yield error(
                "missing-key", place(pointer), "the key 'id' is missing", "it names what Google holds"
            )
        return
    yield from _check_resource(name, item, about, lambda below: place(f"{pointer}{below}"))
