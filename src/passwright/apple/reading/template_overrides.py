"""Overrides under `apple` in a template that is made from a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.schema.pointers import printable

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["is_default", "remove_member", "split_pointer", "summarize_members"]

_MAX_NAMES = 10
_DEFAULTS = {"textAlignment": "PKTextAlignmentNatural", "changeMessage": "", "label": ""}


def remove_member(rest: dict[str, Any], name: str, *below: str) -> bool:
    """Takes out what stands at these steps, a list as a whole; False where nothing does."""
    inner = rest.get(name)
    if not (below and isinstance(inner, dict)):
        return rest.pop(name, None) is not None
    taken = remove_member(inner, *below)
    if taken and not inner:
        del rest[name]
    return taken


def split_pointer(pointer: str) -> list[str]:
    """The steps of a pointer (RFC 6901); "" is the one step of the whole."""
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.removeprefix("/").split("/")]


def summarize_members(rest: Mapping[str, Any]) -> list[str]:
    """Returns the names of overridden members, at most ten."""
    names = [
        f"{name}.{below}" if name == "semantics" else name
        for name, value in rest.items()
        for below in (value if name == "semantics" and isinstance(value, dict) else ("",))
    ]
    return [
        *map(printable, names[:_MAX_NAMES]),
        *(f"and {len(names) - _MAX_NAMES} more",) * (len(names) > _MAX_NAMES),
    ]


def is_default(name: str, value: Any) -> bool:
    """A member that says what is so without it."""
    return name in _DEFAULTS and value == _DEFAULTS[name]
