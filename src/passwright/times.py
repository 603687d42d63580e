"""Aware datetimes: times with an offset from UTC."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["aware_or_now", "is_aware", "require_aware"]


def is_aware(value: datetime) -> bool:
    """Returns whether a datetime has an offset from UTC."""
    # A tzinfo is not enough, because its offset may be None (Python, datetime, "Aware and Naive Objects").
    return value.utcoffset() is not None


def require_aware(value: datetime, name: str) -> datetime:
    """Returns `value` unchanged. Errors call it `name`.

    Raises:
        TypeError: `value` is not a datetime.
        ValueError: `value` is naive.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{name} has to be a datetime, not {type(value).__name__}")
    if not is_aware(value):
        raise ValueError(f"{name} has no time zone: give an aware datetime")
    return value


def aware_or_now(value: datetime | None, name: str) -> datetime:
    """Returns `value`, or the current time in UTC where it is None. Errors call it `name`.

    Raises:
        TypeError: `value` is neither a datetime nor None.
        ValueError: `value` is naive.
    """
    return datetime.now(UTC) if value is None else require_aware(value, name)
