"""Does Google hold already what we would send?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.google.content import resource_name
from passwright.google.schema import payload_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.schema.model import Member

__all__ = ["canonical_enum", "contains", "with_review_status"]

# A request's own wish, never stored; the review has rules of its own.
_NOT_COMPARED = frozenset({"notifyPreference", "reviewStatus"})


def canonical_enum(value: object) -> str:
    """One spelling for both of Google's: QR_CODE is written, qrCode is answered."""
    return value.replace("_", "").lower() if isinstance(value, str) else ""


def contains(type_: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """`theirs`, as Google answers it, says everything that `ours` says.

    It may say more: what the platform adds, and what others wrote.
    """
    return _object(resource_name(type_), ours, theirs) and _has_review_status(ours, theirs)


def with_review_status(type_: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """`members` of a change with the `reviewStatus` that Google asks of it.

    Every change of a class says UNDER_REVIEW, and what a GET answered
    (`approved`) is refused; a DRAFT may be kept one. GenericClass knows no review.
    """
    changed = dict(members)
    if (
        "reviewStatus" in payload_schema().objects[resource_name(type_)]
        and canonical_enum(changed.get("reviewStatus")) != "draft"
    ):
        changed["reviewStatus"] = "UNDER_REVIEW"
    return changed


def _has_review_status(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """The review is as far as we ask for: a class that has left DRAFT never returns to it."""
    wanted, is_ = canonical_enum(ours.get("reviewStatus")), canonical_enum(theirs.get("reviewStatus"))
    return not wanted or wanted == is_ or is_ in ("approved", "underreview")


def _object(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    keys = payload_schema().objects.get(name, {})
    return all(
        _is_equal(keys.get(member), value, theirs.get(member))
        for member, value in ours.items()
        if member not in _NOT_COMPARED
    )


def _is_equal(key: Member | None, ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _object(key.types[0] if key else "", ours, theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(lambda a, b: _is_equal(key, a, b), ours, theirs))
    if theirs is None:
        # Protocol Buffers, ProtoJSON format: members with their default value are left out.
        return not ours or canonical_enum(ours).endswith("unspecified")
    if key is not None and "enum" in key.keywords:
        return canonical_enum(ours) == canonical_enum(theirs)
    return type(ours) is type(theirs) and ours == theirs
