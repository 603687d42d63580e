"""Google's rules for classes and objects, beyond the schema."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.binding.rules import forbid_barcode, is_bound_payload
from passwright.documents.rule import Rule
from passwright.documents.validator import DocumentValidator
from passwright.google.content import resource_name
from passwright.google.rules import barcodes, components, field_paths, verticals
from passwright.google.rules.cross_checks import is_for_one_holder, many_holders_finding
from passwright.google.schema import payload_schema, payload_validator
from passwright.report import Finding, error, warning
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from passwright.google.context import ValidationContext
    from passwright.schema.model import Member
    from passwright.schema.pointers import Locator

__all__ = ["barcode_locations", "validators"]

_ID = re.compile(r"([0-9]{1,19})\.[A-Za-z0-9._-]+\Z", re.ASCII)


# walletobjects v1: the types of every member that draws a code.
_BARCODE_TYPES = ("Barcode", "RotatingBarcode")


@cache
def _can_hold_barcode(name: str) -> bool:
    """Some member of this object, however deep, is a code."""
    seen: set[str] = set()
    wanted = [name]
    while wanted:
        kind = wanted.pop()
        if kind in _BARCODE_TYPES:
            return True
        if kind not in seen:
            seen.add(kind)
            wanted += [each for key in payload_schema().objects.get(kind, {}).values() for each in key.types]
    return False


@cache
def _barcode_paths(name: str) -> tuple[Member, ...]:
    return tuple(key for key in payload_schema().objects[name].values() if _can_hold_barcode(key.types[0]))


def barcode_locations(name: str, document: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Every member of a document that the schema types as a code, however deep."""
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from barcode_locations(name, item, join_pointer(pointer, index))
    elif isinstance(document, dict):
        for key in _barcode_paths(name):
            if key.name not in document:
                continue
            below, value = join_pointer(pointer, key.name), document[key.name]
            if key.types[0] in _BARCODE_TYPES:
                yield below, value
            else:
                yield from barcode_locations(key.types[0], value, below)


def _check_ids(document: Mapping[str, Any], context: ValidationContext, place: Locator) -> Iterator[Finding]:
    """Ids of classes and objects, of which every one has to be the issuer's own.

    Where nobody says whose that is, the document's own id does.
    """
    issuer_id = context.issuer_id
    if issuer_id is None and isinstance(own := document.get("id"), str) and (match := _ID.match(own)):
        issuer_id = match[1]
    ids = [(f"/{key}", document.get(key)) for key in ("id", "classId")]
    for key in ("linkedObjectIds", "linkedOfferIds"):
        listed = document.get(key)
        ids += [
            (f"/{key}/{index}", each) for index, each in enumerate(listed if isinstance(listed, list) else ())
        ]
    for pointer, value in ids:
        if not isinstance(value, str):
            continue
        match = _ID.match(value)
        if match is None:
            hint = "issuer id, a dot, then letters, digits, dots, dashes or underscores"
            yield error("bad-id", place(pointer), "the id does not have the right form", hint)
        elif issuer_id is not None and match[1] != issuer_id:
            message = f"the id belongs to issuer {match[1]}, not to {issuer_id}"
            yield error("foreign-id", place(pointer), message, "ids start with the issuer's own number")


def _own_id_check(context: ValidationContext) -> Callable[[Any], object]:
    # Asked of texts alone. Where nobody says who issues, no id is one's own without the others.
    own = rf"{context.issuer_id}\.[A-Za-z0-9._-]+\Z" if context.issuer_id else r"(?!)"
    return re.compile(own, re.ASCII).match


def _restriction_check(_: ValidationContext) -> Callable[[Any], object]:
    return bool


def _check_restriction(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    restricted = bool((document.get("saveRestrictions") or {}).get("restrictToEmailSha256"))
    where = place("/saveRestrictions/restrictToEmailSha256")
    if context.bound and context.writing and not restricted:
        hint = "take the override of saveRestrictions out"
        yield error("binding-lost", where, "the pass is bound, and its object holds no restriction", hint)
    if restricted and context.writing and not context.restrictions_enabled:
        yield warning(
            "google-restriction-not-enabled",
            where,
            "Google enforces email restrictions only for issuers it has enabled for them",
            "ask Google for account restricted passes, then set restrictions_enabled on the issuer",
        )


def _check_holders(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    if context.bound and not is_for_one_holder(document.get("multipleDevicesAndHoldersAllowedStatus")):
        yield many_holders_finding(place)


def _check_smart_tap(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    if document.get("enableSmartTap") and not document.get("redemptionIssuers"):
        message = "Smart Tap is on, and no redemption issuer may read it"
        hint = "name the issuers whose readers may"
        yield error("smart-tap-incomplete", place("/redemptionIssuers"), message, hint)


def _check_review_status(
    document: Mapping[str, Any], context: ValidationContext, place: Locator
) -> Iterator[Finding]:
    status = document.get("reviewStatus")
    if context.writing and isinstance(status, str) and status.upper() in ("APPROVED", "REJECTED"):
        message = "only Google writes this status"
        yield error("read-only-value", place("/reviewStatus"), message, "write UNDER_REVIEW")


_BARCODE_AND_BINDING = ("/barcode", "/rotatingBarcode", "/saveRestrictions")


def validators(
    class_type: str, object_type: str, extra: Iterable[Rule] = ()
) -> tuple[DocumentValidator, DocumentValidator]:
    """The judges of a class and of an object, `loyaltyClass` and `loyaltyObject` for one."""
    class_name, object_name = resource_name(class_type), resource_name(object_type)
    extra = tuple(extra)
    class_rules = (
        # Asked even where types are wrong: a payload has to be refused for each of its reasons.
        Rule("class", ("/**",), _forbid_barcode(class_name), requires_types=False),
        Rule("class", ("/id",), _check_ids),
        Rule("class", ("/multipleDevicesAndHoldersAllowedStatus",), _check_holders),
        Rule("class", ("/enableSmartTap", "/redemptionIssuers"), _check_smart_tap),
        Rule("class", ("/reviewStatus",), _check_review_status),
        *field_paths.rules(class_name, object_name),
        *verticals.rules("class", class_name),
        *components.rules("class", class_name),
        *(rule for rule in extra if rule.document == "class"),
    )
    object_rules = (
        Rule("object", _BARCODE_AND_BINDING, _forbid_barcode(object_name), requires_types=False),
        Rule(
            "object",
            ("/id", "/classId", "/linkedObjectIds/*", "/linkedOfferIds/*"),
            _check_ids,
            value_check=_own_id_check,
        ),
        Rule(
            "object",
            ("/saveRestrictions/restrictToEmailSha256",),
            _check_restriction,
            value_check=_restriction_check,
        ),
        *barcodes.rules(object_type),
        *verticals.rules("object", object_name),
        *components.rules("object", object_name),
        *(rule for rule in extra if rule.document == "object"),
    )
    return (
        DocumentValidator("class", payload_validator(), class_name, class_rules),
        DocumentValidator("object", payload_validator(), object_name, object_rules),
    )


def _forbid_barcode(name: str) -> Any:
    def check(document: Mapping[str, Any], context: ValidationContext, place: Locator) -> Iterator[Finding]:
        places = [(place(pointer), value) for pointer, value in barcode_locations(name, document)]
        yield from forbid_barcode(places, bound=context.bound or is_bound_payload(document))

    return check
