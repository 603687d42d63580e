"""One pass definition, both wallets.

    import passwright as pw

    club = pw.Template.load("coffee-club")
    card = club.issue("M-0001", {"fullName": "Jane Smith"})
    data = pw.apple.PassBuilder(identity).build(card)
    link = pw.google.PassBuilder(issuer).save_link(card)

Names are resolved on first use: importing this package does no work.
"""

from __future__ import annotations

from importlib import import_module

# Not from typing, which takes longer to import than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from passwright import address, apple, batch, errors, google, signing
    from passwright.binding import Binding
    from passwright.errors import PasswrightError
    from passwright.model.kinds import KINDS, Kind, Place
    from passwright.model.template import (
        Barcode,
        Colours,
        Field,
        Images,
        Link,
        Location,
        Nfc,
        Pass,
        Personalization,
        Template,
    )
    from passwright.report import Finding, Report, Severity
    from passwright.validation import check, validate

__version__ = "0.1.0.dev0"

__all__ = [
    "KINDS",
    "Barcode",
    "Binding",
    "Colours",
    "Field",
    "Finding",
    "Images",
    "Kind",
    "Link",
    "Location",
    "Nfc",
    "Pass",
    "PasswrightError",
    "Personalization",
    "Place",
    "Report",
    "Severity",
    "Template",
    "address",
    "apple",
    "batch",
    "check",
    "errors",
    "google",
    "signing",
    "validate",
]

_HOMES = {
    **dict.fromkeys(("address", "apple", "batch", "errors", "google", "signing"), ""),
    **dict.fromkeys(
        (
            *("Barcode", "Colours", "Field", "Images", "Link", "Location", "Nfc", "Pass"),
            *("Personalization", "Template"),
        ),
        "model.template",
    ),
    **dict.fromkeys(("Finding", "Report", "Severity"), "report"),
    **dict.fromkeys(("KINDS", "Kind", "Place"), "model.kinds"),
    **dict.fromkeys(("check", "validate"), "validation"),
    "Binding": "binding",
    "PasswrightError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'passwright' has no attribute {name!r}")
    home = _HOMES[name]
    value = import_module(f"passwright.{home or name}")
    globals()[name] = getattr(value, name) if home else value
    return globals()[name]


def __dir__() -> list[str]:
    return [*globals(), *__all__]
