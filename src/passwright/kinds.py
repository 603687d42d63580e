"""Kinds of passes: what each is called in both wallets, and where its meanings stand.

A *meaning* is what a field says (`means = "points"`); its `Place` is where each
wallet keeps that as structured data. Everything without a meaning is shown as
a field on Apple and as a text module on Google.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "Kind", "Place"]


@dataclass(frozen=True)
class Place:
    """Where a meaning stands.

    `apple`: path below `semantics`, or None. `google`: path that starts with
    `class.` or `object.`, or None. `google_label`: path of the label beside it.
    """

    apple: str | None = None
    google: str | None = None
    google_label: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of pass.

    `style` is Apple's style key, `vertical` the first part of Google's resource
    names (`loyalty` in `loyaltyClass`). `google` says where the texts, colours
    and pictures of a template stand in Google's class or object; `classic` are
    members that every class and object of the vertical has to carry.
    """

    name: str
    style: str
    vertical: str
    google: Mapping[str, str]
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def class_type(self) -> str:
        """Google's name of the class resource, `loyaltyClass`."""
        return f"{self.vertical}Class"

    @property
    def object_type(self) -> str:
        """Google's name of the object resource, `loyaltyObject`."""
        return f"{self.vertical}Object"


# Google, walletobjects v1, LoyaltyClass and LoyaltyObject; Apple, Wallet Passes, Pass.
# Google's tier is a member of the class, one for all holders, so a holder's own tier
# is a text module and has no place here.
_LOYALTY = Kind(
    name="loyalty",
    style="storeCard",
    vertical="loyalty",
    google={
        "organisation": "class.issuerName",
        "name": "class.programName",
        "background": "class.hexBackgroundColor",
        "logo": "class.programLogo",
        "wide-logo": "class.wideProgramLogo",
        "hero": "class.heroImage",
    },
    places={
        "points": Place(google="object.loyaltyPoints.balance", google_label="object.loyaltyPoints.label"),
        "points.secondary": Place(
            google="object.secondaryLoyaltyPoints.balance",
            google_label="object.secondaryLoyaltyPoints.label",
        ),
        "balance": Place(
            apple="balance",
            google="object.loyaltyPoints.balance",
            google_label="object.loyaltyPoints.label",
        ),
        "holder": Place(google="object.accountName", google_label="class.accountNameLabel"),
        "number": Place(google="object.accountId", google_label="class.accountIdLabel"),
    },
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (_LOYALTY,)}
