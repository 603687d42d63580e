"""One pass definition, both wallets.

    import passwright as pw

    club = pw.Template.load("coffee-club")
    card = club.issue("M-0001", {"fullName": "Jane Smith"})
    data = pw.apple.PassBuilder(identity).build(card)
    link = pw.google.PassBuilder(issuer).save_link(card)

Names are resolved on first use: importing this package does no work.
"""

from __future__ import annotations

from passwright.lazy import lazy_names

# Not from typing, which takes longer to import than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from passwright import apple, batch, binding, errors, google, signing
    from passwright.binding.binding import Binding
    from passwright.errors import PasswrightError
    from passwright.model.kinds import KINDS, Kind, MeaningPaths
    from passwright.model.parts import Barcode, Colours, Field, Images, Link, Location, Nfc, Personalization
    from passwright.model.template import Pass, Template
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
    "MeaningPaths",
    "Nfc",
    "Pass",
    "PasswrightError",
    "Personalization",
    "Report",
    "Severity",
    "Template",
    "apple",
    "batch",
    "binding",
    "check",
    "errors",
    "google",
    "signing",
    "validate",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "": ("apple", "batch", "binding", "errors", "google", "signing"),
        "binding.binding": ("Binding",),
        "errors": ("PasswrightError",),
        "model.kinds": ("KINDS", "Kind", "MeaningPaths"),
        "model.parts": (
            *("Barcode", "Colours", "Field", "Images", "Link", "Location", "Nfc"),
            "Personalization",
        ),
        "model.template": ("Pass", "Template"),
        "report": ("Finding", "Report", "Severity"),
        "validation": ("check", "validate"),
    },
)
