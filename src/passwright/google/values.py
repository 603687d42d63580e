"""Formats of single values in Google's payloads."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from passwright.documents.placeholders import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from passwright.model.parts import Field
    from passwright.schema.model import Member

__all__ = ["TEXT_EXAMPLES", "converter_for", "display_text", "identity"]


def converter_for(key: Member, each: Field) -> Callable[[Any], Any] | None:
    """Returns the function that converts a field's value for `key`; None if that is a text for people."""
    kind = key.types[0]
    if kind == "LoyaltyPointsBalance":
        return lambda value: _balance(value, each)
    if kind == "Money" and each.type == "money":
        return lambda value: _money(value, each.currency)
    if kind in ("number", "integer") and each.type == "integer":
        return identity
    if kind in ("number", "integer"):
        return lambda value: value if isinstance(value, int) else float(value)
    if kind == "DateTime":
        return lambda value: {"date": to_text(value)}
    return _DATETIMES.get(key.keywords.get("format", "")) if each.type == "datetime" else None


# Google, FlightClass: a local time with an offset is refused; the airport knows its zone.
_DATETIMES: Mapping[str, Callable[[Any], str]] = {
    "local-datetime": lambda value: value.replace(tzinfo=None).isoformat(timespec="seconds"),
    "datetime": lambda value: value.isoformat(timespec="seconds"),
}


def identity(value: Any) -> Any:
    """The value itself."""
    return value


def _balance(value: Any, each: Field) -> dict[str, Any]:
    """Google, LoyaltyPointsBalance: exactly one member."""
    if each.type == "money":
        return {"money": _money(value, each.currency)}
    return {"double": float(value)} if each.type == "number" else {"string": to_text(value)}


def _money(value: Any, currency: str | None) -> dict[str, str | None]:
    """Google, Money: micros are an int64 and so text; 1,000,000 is one unit."""
    return {"micros": str(int(Decimal(str(value)) * 1_000_000)), "currencyCode": currency}


TEXT_EXAMPLES = {
    "number": "12.5",
    "money": "12.50 EUR",
    "date": "2026-05-01",
    "datetime": "2026-05-01 09:00+02:00",
}


def display_text(each: Field, value: Any) -> str:
    """A value as people read it, in a form that no language misunderstands."""
    if each.type == "money":
        amount = Decimal(str(value)).normalize()
        digits = max(2, -int(amount.as_tuple().exponent))  # some currencies have three
        return f"{amount:.{digits}f} {each.currency}"
    if each.type == "datetime":
        text: str = value.isoformat(sep=" ", timespec="minutes")
        return text
    if each.type == "number":
        return f"{Decimal(str(value)):f}"  # str() of a large Decimal is 1E+3
    return to_text(value)
