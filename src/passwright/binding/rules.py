"""Rules for bound passes on both platforms, the barcode rule among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.report import Finding, error
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


__all__ = ["forbid_barcode", "is_bound_payload", "lost_binding_members"]


def forbid_barcode(places: Iterable[tuple[str, object]], *, bound: bool) -> Iterator[Finding]:
    """A pass that is bound to one person has no barcode: a photo of it would be the pass.

    `places` are all locations where a barcode can stand, each with its value.
    The rule exists only here: it validates the definition, pass.json, Google's
    payloads and payloads of others. An empty or null value is not a barcode.
    """
    for where, value in places:
        if bound and value not in _NO_BARCODE:
            yield error(
                "binding-forbids-barcode",
                where,
                "a bound pass can't have a barcode",
                "remove the barcode, or issue the pass without a binding",
            )


_NO_BARCODE: tuple[object, ...] = (None, False, "", [], {})


# Google, walletobjects v1, SaveRestrictions. The other two are what Wallet's own binding
# reads, not documented by Apple.
_BINDING = ("saveRestrictions", "fidoProfile", "issuerBindingData")
# The members that go with them: no sharing, and the holder's consent at the reader.
_AROUND = ("sharingProhibited", "nfc")


def is_bound_payload(document: Mapping[str, Any]) -> bool:
    """Returns whether a payload has a member that binds it."""
    return not document.keys().isdisjoint(_BINDING) and any(document.get(name) for name in _BINDING)


def lost_binding_members(
    before: Mapping[str, Any], after: Mapping[str, Any], *, bound: bool
) -> Iterator[Finding]:
    """Yields an error for each binding member that a change removes; values may be new."""
    for name in (*_BINDING, *_AROUND) if bound else ():
        for pointer in _lost_pointers(before.get(name), after.get(name), join_pointer("", name)):
            message = "a bound pass can't lose what binds it"
            yield error(
                "binding-lost", f"pass.json#{pointer}", message, "issue another pass without a binding"
            )


def _lost_pointers(before: object, after: object, pointer: str) -> Iterator[str]:
    if before and not after:
        yield pointer
    elif isinstance(before, dict):
        for name, value in before.items():
            found = after.get(name) if isinstance(after, dict) else None
            yield from _lost_pointers(value, found, join_pointer(pointer, name))
