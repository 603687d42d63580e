"""Changes to JSON documents: RFC 7396 JSON Merge Patch, and members set by their path."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

__all__ = ["merge", "set_at"]


def set_at(document: dict[str, Any], path: str, value: Any) -> None:
    """Sets `loyaltyPoints.balance` or `seats.0.seatRow`; objects and lists missing on the way are made."""
    steps = path.split(".")
    owner: Any = document
    for step, following in pairwise(steps):
        fresh: Any = [] if following.isdigit() else {}
        if isinstance(owner, list):
            owner.extend({} for _ in range(len(owner), int(step) + 1))
            owner = owner[int(step)]
        else:
            owner = owner.setdefault(step, fresh)
    owner[steps[-1]] = value


def merge(document: Any, patch: Any) -> Any:
    """Returns `document` with `patch` applied (RFC 7396). Neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
