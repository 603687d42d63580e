"""Rules for any wallet, the barcode rule of bound passes among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.report import Finding, error
from passwright.table import step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passwright.model.template import Pass

__all__ = ["barcodes_of", "forbid_barcode", "is_bound_payload", "lost_binding_members"]


def forbid_barcode(places: Iterable[tuple[str, object]], *, bound: bool) -> Iterator[Finding]:
    """A pass that is bound to one person shows no code: a photo of it would be the pass.

    `places` are all places where a code can stand, each with what stands there.
    This is the one home of the rule; definition, pass.json, Google's payloads
    and payloads of others are all asked through it. An empty or null code is none.
    """
    for where, value in places:
        if bound and value not in _NO_CODE:
            yield error(
                "binding-forbids-barcode",
                where,
                "a bound pass can't carry a code",
                "take the code out, or issue the pass without a binding",
            )


_NO_CODE: tuple[object, ...] = (None, False, "", [], {})


def barcodes_of(pass_: Pass) -> Iterator[tuple[str, object]]:
    """The places where the definition of a pass can hold a code."""
    yield "pass#/barcode", pass_.barcode
    if pass_.barcode is None and pass_.template.barcode is not None:
        yield f"{pass_.template.source}#/barcode", pass_.template.barcode


# Google, walletobjects v1, SaveRestrictions. The other two are what Wallet's own binding
# reads, not documented by Apple.
_BINDING = ("saveRestrictions", "fidoProfile", "issuerBindingData")
# What goes with them: no sharing, and the holder's consent at the reader.
_AROUND = ("sharingProhibited", "nfc")


def is_bound_payload(document: Mapping[str, Any]) -> bool:
    """A payload is bound when it carries what binds it."""
    return not document.keys().isdisjoint(_BINDING) and any(document.get(name) for name in _BINDING)


def lost_binding_members(
    before: Mapping[str, Any], after: Mapping[str, Any], *, bound: bool
) -> Iterator[Finding]:
    """A bound pass that is changed keeps the members that bind it; their values may be new."""
    for name in (*_BINDING, *_AROUND) if bound else ():
        for pointer in _lost(before.get(name), after.get(name), step("", name)):
            message = "a bound pass can't lose what binds it"
            yield error(
                "binding-lost", f"pass.json#{pointer}", message, "issue another pass without a binding"
            )


def _lost(before: object, after: object, pointer: str) -> Iterator[str]:
    if before and not after:
        yield pointer
    elif isinstance(before, dict):
        for name, value in before.items():
            found = after.get(name) if isinstance(after, dict) else None
            yield from _lost(value, found, step(pointer, name))
