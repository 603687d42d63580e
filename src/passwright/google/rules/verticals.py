"""Google's rules for single verticals, and for the members that all of them share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from passwright.documents.rule import Rule
from passwright.report import Finding, error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passwright.schema.pointers import Locator

    Document = Mapping[str, Any]

__all__ = ["rules"]

# Google, Message: at most three pushes for a pass within 24 hours.
MAX_PUSHES = 3
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})\Z", re.ASCII)


def rules(on: str, name: str) -> tuple[Rule, ...]:
    """The rules of a class or an object, `TransitObject` for one."""
    shared = (
        Rule(on, ("/messages/*/messageType",), _check_pushes),
        Rule(on, ("/messages/*/messageType",), _check_message_types),
    )
    return (*shared, *_OF.get(name, ()))


def _types(document: Document) -> list[Any]:
    return [
        each.get("messageType") if isinstance(each, dict) else None for each in document.get("messages", ())
    ]


def _check_pushes(document: Document, _: Any, place: Locator) -> Iterator[Finding]:
    count = _types(document).count("TEXT_AND_NOTIFY")
    if count > MAX_PUSHES:
        message = f"{count} messages ask for a push, Google makes {MAX_PUSHES} in 24 hours"
        yield warning("too-many-pushes", place("/messages"), message, "write TEXT for those that can wait")


def _check_message_types(document: Document, _: Any, place: Locator) -> Iterator[Finding]:
    for index, kind in enumerate(_types(document)):
        if kind in ("EXPIRATION_NOTIFICATION", "expirationNotification"):
            where = place(f"/messages/{index}/messageType")
            hint = "write TEXT; Google tells of an expiry by itself"
            yield warning("message-not-sent", where, "Google does not send messages of this type", hint)


def _check_notifications(document: Document, _: Any, place: Locator) -> Iterator[Finding]:
    """Google, Notifications of generic passes: two days before the end, one day before the start."""
    wanted = [
        name
        for name in ("expiryNotification", "upcomingNotification")
        if (document.get("notifications", {}).get(name) or {}).get("enableNotification")
    ]
    for name in wanted:
        where, end = place(f"/notifications/{name}"), "end" if name == "expiryNotification" else "start"
        if end not in document.get("validTimeInterval", {}):
            message = f"nothing is sent, for validTimeInterval has no {end}"
            yield warning("notification-ignored", where, message, f"give the {end}")
        elif name == "upcomingNotification" and len(wanted) > 1:
            message = "where both are asked for, only the one before the expiry is sent"
            yield warning("notification-ignored", where, message, "leave one of them out")


def _check_legs(document: Document, _: Any, place: Locator) -> Iterator[Finding]:
    """Google, TicketLeg: where it starts, and when unless the ticket says when it is valid."""
    legs = [("/ticketLeg", document.get("ticketLeg"))]
    legs += [(f"/ticketLegs/{index}", each) for index, each in enumerate(document.get("ticketLegs", ()))]
    for pointer, leg in legs:
        if not isinstance(leg, dict):
            continue
        if "originName" not in leg and "originStationCode" not in leg:
            message = "the key 'originName' is missing, or 'originStationCode' in its place"
            yield error("missing-key", place(pointer), message)
        if "departureDateTime" not in leg and "validTimeInterval" not in document:
            message = "the key 'departureDateTime' is missing, and the ticket has no validTimeInterval"
            yield error("missing-key", place(pointer), message)


def _check_balance_time(document: Document, _: Any, place: Locator) -> Iterator[Finding]:
    """Google, GiftCardObject.balanceUpdateTime: "Offset is required"."""
    date = document.get("balanceUpdateTime", {}).get("date", "")
    if date and not _OFFSET.search(date):
        message = "the time of the balance has no offset"
        yield error(
            "bad-value", place("/balanceUpdateTime/date"), message, "write Z or +02:00 after the time"
        )


_LEG = tuple(
    f"{leg}/{member}"
    for leg in ("/ticketLeg", "/ticketLegs/*")
    for member in ("originName", "originStationCode", "departureDateTime")
)
_OF: Mapping[str, tuple[Rule, ...]] = {
    "GenericObject": (
        Rule(
            "object",
            (
                "/notifications/*/enableNotification",
                "/validTimeInterval/start",
                "/validTimeInterval/end",
            ),
            _check_notifications,
        ),
    ),
    "GiftCardObject": (Rule("object", ("/balanceUpdateTime/date",), _check_balance_time),),
    "TransitObject": (Rule("object", (*_LEG, "/validTimeInterval"), _check_legs),),
}
