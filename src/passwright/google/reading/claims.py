"""Classes, objects and the claims of save links that others wrote, judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from passwright.google import context as google_context
from passwright.google.rules import cross_checks
from passwright.google.rules import payload as rules_payload
from passwright.google.schema import VERTICALS, payload_schema
from passwright.report import error, warning
from passwright.schema.pointers import did_you_mean, join_pointer, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.report import Finding
    from passwright.schema.pointers import Locator

__all__ = ["check_claims", "check_resource"]

# Google, JWT of "Save to Wallet": claim -> the only value it may have.
_FIXED = {"aud": "google", "typ": "savetowallet"}
# Clocks differ by seconds.
_LEEWAY = timedelta(seconds=60)
_PLURALS = (("Classes", "Class"), ("Objects", "Object"))
# Lists of classes and objects in a payload by their names without capitals.
_LISTS = {f"{vertical}{part}".lower(): f"{vertical}{part}" for vertical in VERTICALS for part, _ in _PLURALS}
# A hint with more locations than this does not help.
_MAX_HOMES = 3


def check_claims(
    claims: Mapping[str, Any], place: Locator, *, bound: bool, at: datetime | None
) -> Iterator[Finding]:
    """Everything there is to say about the claims of a save link; times are compared with `at`, if given."""
    for name, wanted in _FIXED.items():
        if claims.get(name) != wanted:
            near = did_you_mean(claims.get(name), [wanted])
            hint = f"{quote(claims[name])} is misspelt" if near else "save links have no other"
            yield error("bad-claim", place(f"/{name}"), f"{name} has to be {wanted!r}", hint)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or "@" not in issuer:
        hint = "write the e-mail of the service account that signs"
        yield error("bad-claim", place("/iss"), "iss has to be an address", hint)
    yield from _check_times(claims, place, at)
    yield from _check_origins(claims.get("origins"), place)
    payload = claims.get("payload")
    if not isinstance(payload, dict) or not any(payload.values()):
        hint = 'it looks like {"loyaltyObjects": [{"id": ...}]}'
        yield error("bad-claim", place("/payload"), "the payload holds nothing to save", hint)
        return
    context = google_context.ValidationContext(bound=bound, writing=False)
    for key, items in payload.items():
        yield from _check_items(key, items, place, context)
    yield from cross_checks.check_claims(payload, place)


def check_resource(
    name: str, document: Mapping[str, Any], context: google_context.ValidationContext, place: Locator
) -> Iterator[Finding]:
    """Everything there is to say about a class or an object; `name` is loyaltyClass, loyaltyObject, ..."""
    vertical = name.removesuffix("Class").removesuffix("Object")
    class_judge, object_judge = rules_payload.validators(f"{vertical}Class", f"{vertical}Object")
    judge = class_judge if name.endswith("Class") else object_judge
    return _add_hints(judge.validate(document, context, place=place, writing=False), name)


def _check_times(claims: Mapping[str, Any], place: Locator, at: datetime | None) -> Iterator[Finding]:
    """Google's reference asks for iat, and its samples leave it out; exp stands in neither."""
    written = "seconds since 1970, without quotes"
    if "iat" not in claims:
        hint = f"write when it was signed: {written}"
        yield warning("bad-claim", place("/iat"), "iat, which says when it was signed, is missing", hint)
    for name in ("iat", "exp"):
        value = claims.get(name, 0)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield error("bad-claim", place(f"/{name}"), f"{name} has to be a number", written)
        elif name not in claims or at is None:
            continue
        elif name == "iat" and value > (at + _LEEWAY).timestamp():
            hint = "set the clock of the machine that signs"
            yield error("bad-claim", place("/iat"), "the token was signed in the future", hint)
        elif name == "exp" and value <= at.timestamp():
            hint = "sign a new one; a link needs no exp"
            yield warning("bad-claim", place("/exp"), "the token has expired", hint)


def _check_items(
    key: str, items: object, place: Locator, context: google_context.ValidationContext
) -> Iterator[Finding]:
    """One list of classes or objects."""
    below, named = join_pointer("/payload", key), _LISTS.get(key.lower())
    if named is None:
        hint = did_you_mean(key, _LISTS.values())
        yield error("unknown-key", place(below), f"Google knows no payload {quote(key)}", hint)
        return
    if named != key:
        # Pages of Google's guide print them so.
        yield warning("deprecated-key", place(below), f"{key} is not how it is spelt", f"write {named!r}")
    if not isinstance(items, list):
        yield error("wrong-type", place(below), f"{key} has to be a list", "put it in square brackets: [...]")
        return
    one = next(f"{named.removesuffix(part)}{kind}" for part, kind in _PLURALS if named.endswith(part))
    for index, item in enumerate(items):
        yield from _check_item(one, item, join_pointer(below, index), place, context)


def _check_origins(origins: object, place: Locator) -> Iterator[Finding]:
    if origins is not None and not (
        isinstance(origins, list) and all(isinstance(origin, str) for origin in origins)
    ):
        hint = 'write ["https://www.example.com"], or leave it out'
        yield error("bad-claim", place("/origins"), "origins has to be a list of web origins", hint)


def _check_item(
    name: str, item: object, pointer: str, place: Locator, context: google_context.ValidationContext
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
    yield from check_resource(name, item, context, lambda below: place(f"{pointer}{below}"))


def _add_hints(findings: Iterable[Finding], name: str) -> Iterator[Finding]:
    """The findings of a class or object, those of unknown members with where they belong."""
    for each in findings:
        pointer = each.location.partition("#")[2]
        member = pointer.rpartition("/")[2]
        if each.code != "unknown-key" or each.hint:
            yield each
        elif member == "kind":
            yield replace(each, hint="older samples of Google's have it; it says nothing, leave it out")
        else:
            yield replace(each, hint=_owner_hint(member, name))


def _owner_hint(member: str, name: str) -> str:
    """Returns a hint: the other class or object that has this member, the other half of the pass first."""
    objects = payload_schema().objects
    vertical = name.removesuffix("Class").removesuffix("Object")
    other = f"{vertical}{'Object' if name.endswith('Class') else 'Class'}"
    if member in objects[_schema_name(other)]:
        return f"it belongs to the {other}"
    names = [f"{each}{part}" for each in VERTICALS for part in ("Class", "Object")]
    homes = [each for each in names if member in objects[_schema_name(each)]]
    return f"it is a member of {' and '.join(homes)}" if 0 < len(homes) <= _MAX_HOMES else ""


def _schema_name(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}"
