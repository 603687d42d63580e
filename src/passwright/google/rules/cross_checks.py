"""Rules between a class and an object: neither is wrong alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from passwright.google.rules import field_paths
from passwright.google.schema import VERTICALS
from passwright.report import Finding, error, warning
from passwright.schema.formats import Pending
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.pointers import Locator

    Document = Mapping[str, Any]

__all__ = [
    "check_claims",
    "check_link",
    "check_pair",
    "check_settings",
    "is_for_one_holder",
    "many_holders_finding",
    "schema_names",
    "secret_members",
]


def check_pair(
    vertical: str, class_: Document, object_: Document, class_place: Locator, object_place: Locator
) -> Iterator[Finding]:
    """Everything to say about a class and an object of it that nothing is open in.

    `vertical` is `loyalty` or another of `VERTICALS`.
    """
    yield from check_settings(vertical, class_, object_, class_place, object_place)
    yield from field_paths.unresolved_paths(class_, object_, schema_names(vertical), class_place)
    yield from field_paths.hidden_modules(class_, object_, class_place)


def schema_names(vertical: str) -> Mapping[str, str]:
    """Returns the schema names of the class and the object of a vertical."""
    stem = f"{vertical[0].upper()}{vertical[1:]}"
    return {"class": f"{stem}Class", "object": f"{stem}Object"}


def check_settings(
    vertical: str, class_: Document, object_: Document, class_place: Locator, object_place: Locator
) -> Iterator[Finding]:
    """Checks class members that require object members, and the other way round. Pending values count as
    present.
    """
    yield from _check_smart_tap(vertical, class_, object_, object_place)
    if class_.get("activationOptions") and "activationStatus" not in object_:
        message = "the key 'activationStatus' is missing, activationOptions of the class ask for it"
        yield error("missing-key", object_place(""), message)
    coded = [name for name in ("barcode", "rotatingBarcode") if object_.get(name)]
    if vertical == "giftCard" and coded and class_.get("allowBarcodeRedemption") is not True:
        message = f"{coded[0]} is not shown, for the class does not allow it"
        hint = "set allowBarcodeRedemption to true"
        yield warning("code-not-shown", class_place("/allowBarcodeRedemption"), message, hint)
    restrictions = object_.get("saveRestrictions")
    if isinstance(restrictions, dict) and restrictions.get("restrictToEmailSha256"):
        status = class_.get("multipleDevicesAndHoldersAllowedStatus")
        if not (isinstance(status, Pending) or is_for_one_holder(status)):
            yield many_holders_finding(class_place)


def is_for_one_holder(status: object) -> bool:
    """Only one person may hold a pass of such a class."""
    # Google answers oneUserAllDevices where it was sent ONE_USER_ALL_DEVICES.
    return str(status).replace("_", "").lower() in ("oneuseralldevices", "oneuseronedevice")


def many_holders_finding(class_place: Locator) -> Finding:
    """The finding that a bound pass is of a class whose passes several people may hold."""
    return warning(
        "binding-allows-many-holders",
        class_place("/multipleDevicesAndHoldersAllowedStatus"),
        "the restriction is checked at saving only, and this class lets several people hold a pass",
        "write ONE_USER_ALL_DEVICES",
    )


def _check_smart_tap(
    vertical: str, class_: Document, object_: Document, object_place: Locator
) -> Iterator[Finding]:
    # An empty one is found by the table, as every other value that no reader takes.
    if class_.get("enableSmartTap") is not True or object_.get("smartTapRedemptionValue") is not None:
        return
    code = object_.get("barcode")
    coded = isinstance(code, Pending) or (isinstance(code, dict) and bool(code.get("value")))
    # Google, LoyaltyClass.enableSmartTap: these two do as well, on loyalty cards only.
    if vertical == "loyalty" and (coded or object_.get("accountId")):
        return
    message = "Smart Tap is on in the class, and the object has no value for its readers"
    hint = "give smartTapRedemptionValue, ASCII only"
    yield error("smart-tap-incomplete", object_place("/smartTapRedemptionValue"), message, hint)


def check_claims(payload: Document, place: Locator) -> Iterator[Finding]:
    """Yields findings about the classes and objects that travel in one link."""
    classes = {
        each["id"]: (vertical, each, f"/payload/{vertical}Classes/{index}")
        for vertical in VERTICALS
        for index, each in _items(payload, f"{vertical}Classes")
        if isinstance(each.get("id"), str)
    }
    for vertical in VERTICALS:
        for index, object_ in _items(payload, f"{vertical}Objects"):
            at = f"/payload/{vertical}Objects/{index}"
            yield from (
                _secret_finding(place(f"{at}{pointer}"), what) for pointer, what in secret_members(object_)
            )
            named = object_.get("classId")
            if not isinstance(named, str) or named not in classes:
                continue
            of, class_, class_at = classes[named]
            if of != vertical:
                message = f"the class is a {of}Class, and the object a {vertical}Object"
                yield error("class-mismatch", place(f"{at}/classId"), message, "both are of one vertical")
                continue
            yield from check_pair(vertical, class_, object_, _below(place, class_at), _below(place, at))


def _items(payload: Document, name: str) -> Iterator[tuple[int, Document]]:
    items = payload.get(name)
    for index, each in enumerate(items if isinstance(items, (list, tuple)) else ()):
        if isinstance(each, dict):
            yield index, each


def _below(place: Locator, above: str) -> Locator:
    return lambda pointer: place(f"{above}{pointer}")


def secret_members(object_: Document) -> Iterator[tuple[str, str]]:
    """Yields the members of an object that only its holder may know: the pointer, and a description."""
    if object_.get("pin"):
        yield "/pin", "the PIN"
    node: Any = object_
    for name in ("rotatingBarcode", "totpDetails", "parameters"):
        node = node.get(name) if isinstance(node, dict) else None
    for index, each in enumerate(node if isinstance(node, (list, tuple)) else ()):
        if isinstance(each, dict) and each.get("key"):
            yield (
                f"{join_pointer('/rotatingBarcode/totpDetails/parameters', index)}/key",
                "the secret of its rotating code",
            )


def _secret_finding(where: str, what: str) -> Finding:
    return warning(
        "secret-in-link",
        where,
        f"whoever has the link can read {what} in it",
        "insert the object through the API and link to its id",
    )


def check_link(object_text: str) -> list[Finding]:
    """Returns findings about secrets that an object reveals in a link."""
    return [
        _secret_finding(f"object#{pointer}", what)
        for pointer, what in secret_members(json.loads(object_text))
    ]
