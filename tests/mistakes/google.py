"""Thirty mistakes that people make with Google's payloads, and what has to be said of each.

Each is planted alone in a payload that is right otherwise, one of
`fixtures/rich/google`, and is to be found at its place, with nothing said besides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GONE", "MISTAKES", "Mistake"]

# Stands for a member that is left out.
GONE = object()

ISSUER = "3388000000022222222"
ITEM = "/classTemplateInfo/cardTemplateOverride/cardRowTemplateInfos/0/twoItems/startItem/firstValue/fields/0"


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is changed in the payload of a vertical, and the finding that names it.

    `changes` maps places to new values: `class/reviewStatus`, `object/barcode/value`,
    or `claims/iat` for the claims of a link with both inside. `where` is the
    place that the finding names, `level` its severity.
    """

    name: str
    vertical: str
    changes: Mapping[str, Any] = field(repr=False)
    code: str
    where: str
    level: str = "error"


MISTAKES = (
    # --- ids and names
    Mistake("id-without-a-dot", "offer", {"object/id": f"{ISSUER}-spring-1"}, "bad-id", "object#/id"),
    Mistake(
        "linked-pass-of-another-issuer",
        "loyalty",
        {"object/linkedObjectIds/0": "3388000000099999999.voucher-1"},
        "foreign-id",
        "object#/linkedObjectIds/0",
    ),
    Mistake(
        "review-status-on-a-generic-class",
        "generic",
        {"class/reviewStatus": "UNDER_REVIEW"},
        "unknown-key",
        "class#/reviewStatus",
    ),
    Mistake(
        "a-code-type-nobody-knows",
        "giftCard",
        {"object/barcode/type": "EAN"},
        "unknown-value",
        "object#/barcode/type",
    ),
    Mistake(
        "approved-sent-back",
        "transit",
        {"class/reviewStatus": "APPROVED"},
        "read-only-value",
        "class#/reviewStatus",
    ),
    Mistake(
        "set-by-the-platform", "eventTicket", {"object/hasUsers": True}, "read-only-key", "object#/hasUsers"
    ),
    # --- what belongs together, and what doesn't
    Mistake(
        "venue-without-address", "eventTicket", {"class/venue/address": GONE}, "missing-key", "class#/venue"
    ),
    Mistake(
        "carrier-with-two-codes",
        "flight",
        {"class/flightHeader/carrier/carrierIcaoCode": "EXA"},
        "keys-exclude",
        "class#/flightHeader/carrier/carrierIcaoCode",
    ),
    Mistake(
        "activation-without-status",
        "transit",
        {"object/activationStatus": GONE},
        "missing-key",
        "object",
    ),
    Mistake(
        "app-link-without-description",
        "eventTicket",
        {"class/appLinkData/webAppLinkInfo/appTarget/targetUri/description": GONE},
        "missing-key",
        "class#/appLinkData/webAppLinkInfo/appTarget/targetUri",
    ),
    # --- dates and numbers
    Mistake(
        "interval-with-one-offset",
        "offer",
        {"object/validTimeInterval/end/date": "2026-06-30T23:59:59"},
        "offsets-differ",
        "object#/validTimeInterval",
    ),
    Mistake(
        "message-ends-before-it-starts",
        "loyalty",
        {"object/messages/0/displayInterval/end/date": "2026-03-01T00:00:00Z"},
        "interval-backwards",
        "object#/messages/0/displayInterval",
    ),
    Mistake(
        "boarding-time-with-an-offset",
        "flight",
        {"class/localBoardingDateTime": "2026-05-01T08:30:00+02:00"},
        "bad-value",
        "class#/localBoardingDateTime",
    ),
    Mistake(
        "balance-update-without-an-offset",
        "giftCard",
        {"object/balanceUpdateTime/date": "2026-05-01T09:00:00"},
        "bad-value",
        "object#/balanceUpdateTime/date",
    ),
    Mistake(
        "micros-as-a-number",
        "eventTicket",
        {"object/faceValue/micros": 45000000},
        "wrong-type",
        "object#/faceValue/micros",
    ),
    Mistake(
        "interval-of-bare-text",
        "generic",
        {"object/validTimeInterval/start": "2026-05-01T00:00:00Z"},
        "wrong-type",
        "object#/validTimeInterval/start",
    ),
    # --- what is shown
    Mistake(
        "module-id-with-a-dot",
        "generic",
        {"object/textModulesData/2/id": "opening.hours"},
        "bad-value",
        "object#/textModulesData/2/id",
    ),
    Mistake(
        "row-of-a-module-that-is-not-there",
        "generic",
        {f"class{ITEM}/fieldPath": "object.textModulesData['departement']"},
        "field-path-unresolved",
        f"class#{ITEM}/fieldPath",
        "warning",
    ),
    Mistake(
        "details-that-hide-the-rest",
        "loyalty",
        {
            "class/classTemplateInfo/detailsTemplateOverride": {
                "detailsItemInfos": [
                    {"item": {"firstValue": {"fields": [{"fieldPath": "object.textModulesData['since']"}]}}}
                ]
            }
        },
        "details-hide-modules",
        "class#/classTemplateInfo/detailsTemplateOverride",
        "warning",
    ),
    Mistake(
        "eleven-places",
        "eventTicket",
        {"class/merchantLocations": [{"latitude": 48.1, "longitude": 11.5}] * 11},
        "too-many-items",
        "class#/merchantLocations",
    ),
    Mistake(
        "picture-over-http",
        "offer",
        {"class/heroImage/sourceUri/uri": "http://cdn.example.com/spring/hero.png"},
        "bad-url",
        "class#/heroImage/sourceUri/uri",
    ),
    Mistake(
        "private-picture-on-a-class",
        "loyalty",
        {"class/heroImage/sourceUri": GONE, "class/heroImage/privateImageId": "img-1"},
        "private-image-misplaced",
        "class#/heroImage/privateImageId",
    ),
    Mistake(
        "colour-as-apple-writes-it",
        "flight",
        {"class/hexBackgroundColor": "rgb(60, 65, 76)"},
        "bad-value",
        "class#/hexBackgroundColor",
    ),
    # --- codes and secrets
    Mistake(
        "check-digit-that-does-not-fit",
        "giftCard",
        {"object/barcode/value": "4006381333932"},
        "code-misfit",
        "object#/barcode/value",
    ),
    Mistake(
        "rotating-secret-in-base32",
        "transit",
        {"object/rotatingBarcode/totpDetails/parameters/0/key": "JBSWY3DPEHPK3PXP"},
        "bad-value",
        "object#/rotatingBarcode/totpDetails/parameters/0/key",
    ),
    Mistake(
        "rotating-code-of-a-second-secret",
        "transit",
        {"object/rotatingBarcode/valuePattern": "R-4711:{totp_timestamp_seconds}:{totp_value_1}"},
        "unknown-parameter",
        "object#/rotatingBarcode/valuePattern",
    ),
    Mistake(
        "address-instead-of-its-hash",
        "generic",
        {"object/saveRestrictions/restrictToEmailSha256": "example@example.com"},
        "bad-value",
        "object#/saveRestrictions/restrictToEmailSha256",
    ),
    Mistake(
        "smart-tap-without-a-value",
        "eventTicket",
        {"object/smartTapRedemptionValue": GONE},
        "smart-tap-incomplete",
        "object#/smartTapRedemptionValue",
    ),
    # --- the link
    Mistake("iat-as-text", "loyalty", {"claims/iat": "1767323045"}, "bad-claim", "save-claims#/iat"),
    Mistake(
        "secret-in-a-link",
        "loyalty",
        {
            "object/barcode": GONE,
            "object/rotatingBarcode": {
                "type": "QR_CODE",
                "valuePattern": "M-0001:{totp_value_0}",
                "totpDetails": {
                    "algorithm": "TOTP_SHA1",
                    "periodMillis": "30000",
                    "parameters": [{"key": "3132333435363738393031323334353637383930", "valueLength": 6}],
                },
            },
            "claims/iat": 1767323045,
        },
        "secret-in-link",
        "save-claims#/payload/loyaltyObjects/0/rotatingBarcode/totpDetails/parameters/0/key",
        "warning",
    ),
)
