"""What makes Wallet refuse a pass, or show less than its maker thinks, one mistake each.

Each starts from a pass without a mistake (`base`, a file of fixtures/rich/apple)
and is found under one code at one place. Written down before the rules, from
the causes that the logs of devices name and from the traps of the format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISTAKES", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """One mistake in a signed pass.

    `put` are members of pass.json by pointer, and `drop` pointers of those left
    out, both before it is signed; `pictures` are files put in and `without` files
    left out before. `sign` says how it is signed: `well`, `without-nfc`,
    `old-intermediate`, `no-time`, `sha-256` (of the icon, in the manifest). `after` is what happens to the
    archive afterwards: `changed-icon`, `stray-file`, `wrapped`.
    """

    name: str
    base: str
    code: str
    where: str
    put: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    sign: str = "well"
    after: str = ""


UNCOMPRESSED = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W"
    "K84zV2sxXs7LtkBoN79R9Q=="
)

MISTAKES = (
    # --- who signs, and over what
    Mistake(
        "pass type of another certificate",
        "store-card",
        "pass-type-mismatch",
        "pass.json#/passTypeIdentifier",
        put={"/passTypeIdentifier": "pass.com.example.other"},
    ),
    Mistake(
        "team of another certificate",
        "store-card",
        "team-mismatch",
        "pass.json#/teamIdentifier",
        put={"/teamIdentifier": "OTHER12345"},
    ),
    Mistake(
        "intermediate of another generation",
        "store-card",
        "intermediate-wrong",
        "signature",
        sign="old-intermediate",
    ),
    Mistake(
        "ordinary certificate under NFC",
        "store-card",
        "nfc-needs-certificate",
        "pass.json#/nfc",
        sign="without-nfc",
    ),
    Mistake("no signing time", "store-card", "no-signing-time", "signature", sign="no-time"),
    Mistake("SHA-256 in the manifest", "store-card", "bad-manifest", "icon.png", sign="sha-256"),
    Mistake("file added after signing", "store-card", "unlisted-file", "notes.txt", after="stray-file"),
    Mistake("file changed after signing", "store-card", "digest-mismatch", "icon.png", after="changed-icon"),
    Mistake("files in a folder", "store-card", "missing-pass-json", "pass.json", after="wrapped"),
    # --- invalid data
    Mistake("no description", "coupon", "missing-key", "pass.json", drop=("/description",)),
    Mistake("two styles", "coupon", "keys-exclude", "pass.json#/storeCard", put={"/storeCard": {}}),
    Mistake(
        "null as a value",
        "coupon",
        "null-value",
        "pass.json#/coupon/primaryFields/0/value",
        put={"/coupon/primaryFields/0/value": None},
    ),
    Mistake(
        "a PKTimeStyle",
        "event-ticket",
        "unknown-value",
        "pass.json#/eventTicket/headerFields/0/timeStyle",
        put={"/eventTicket/headerFields/0/timeStyle": "PKTimeStyleShort"},
    ),
    Mistake(
        "date without a zone",
        "event-ticket",
        "bad-date",
        "pass.json#/relevantDate",
        put={"/relevantDate": "2026-09-12T19:00:00"},
    ),
    Mistake(
        "field key used twice",
        "generic",
        "duplicate-field-key",
        "pass.json#/generic/backFields/0/key",
        put={"/generic/backFields/0/key": "name"},
    ),
    Mistake(
        "colour with dashes",
        "generic",
        "bad-color",
        "pass.json#/backgroundColor",
        put={"/backgroundColor": "rgb(255-255-255)"},
    ),
    Mistake(
        "boarding pass without transitType",
        "boarding-pass",
        "missing-key",
        "pass.json#/boardingPass",
        drop=("/boardingPass/transitType",),
    ),
    # --- silence: no poster, no code, no update
    Mistake(
        "poster without the venue",
        "poster-event",
        "layout-falls-back",
        "pass.json#/preferredStyleSchemes",
        drop=("/semantics/venueName",),
    ),
    Mistake(
        "semantic boarding pass without boarding time",
        "semantic-boarding-pass",
        "layout-falls-back",
        "pass.json#/preferredStyleSchemes",
        drop=("/semantics/originalBoardingDate",),
    ),
    Mistake(
        "poster without artwork",
        "poster-generic",
        "layout-falls-back",
        "pass.json#/posterGeneric",
        without=("artwork.png", "artwork@2x.png", "artwork@3x.png"),
    ),
    Mistake(
        "barcodes as one object",
        "coupon",
        "wrong-type",
        "pass.json#/barcodes",
        put={"/barcodes": {"format": "PKBarcodeFormatQR", "message": "C-1", "messageEncoding": "iso-8859-1"}},
    ),
    Mistake(
        "codes of iOS 27 only",
        "new-barcodes",
        "code-too-new",
        "pass.json#/barcodes",
        drop=("/barcodes/4",),
    ),
    Mistake(
        "message outside its charset",
        "coupon",
        "code-not-encodable",
        "pass.json#/barcodes/0/message",
        put={"/barcodes/0/message": "Ж-1"},
    ),
    Mistake(
        "/v1 twice",
        "store-card",
        "web-service-version",
        "pass.json#/webServiceURL",
        put={"/webServiceURL": "https://passes.example.com/wallet/v1/"},
    ),
    Mistake(
        "token of fifteen characters",
        "store-card",
        "too-short",
        "pass.json#/authenticationToken",
        put={"/authenticationToken": "0123456789abcde"},
    ),
    # --- traps
    Mistake(
        "money as text",
        "store-card",
        "style-misfit",
        "pass.json#/storeCard/primaryFields/0/currencyCode",
        put={"/storeCard/primaryFields/0/value": "21.75"},
    ),
    Mistake(
        "alignment on the back",
        "generic",
        "slot-forbids-key",
        "pass.json#/generic/backFields/0/textAlignment",
        put={"/generic/backFields/0/textAlignment": "PKTextAlignmentRight"},
    ),
    Mistake(
        "store cards in a group",
        "store-card",
        "style-forbids-key",
        "pass.json#/groupingIdentifier",
        put={"/groupingIdentifier": "trip"},
    ),
    Mistake(
        "EAN-13 with a wrong check digit",
        "new-barcodes",
        "code-misfit",
        "pass.json#/barcodes/0/message",
        put={"/barcodes/0/message": "4006381333932"},
    ),
    Mistake(
        "generic pass with a date alone",
        "relevance",
        "relevance-needs-location",
        "pass.json#/relevantDate",
        drop=("/locations", "/beacons"),
    ),
    Mistake(
        "poster's link on a classic ticket",
        "event-ticket",
        "key-not-read",
        "pass.json#/sellURL",
        put={"/sellURL": "https://tickets.example.com/sell"},
    ),
    Mistake(
        "passenger as text",
        "boarding-pass",
        "wrong-type",
        "pass.json#/semantics/passengerName",
        put={"/semantics/passengerName": "Jane Smith"},
    ),
    Mistake(
        "amount as a number",
        "store-card",
        "wrong-type",
        "pass.json#/semantics/balance/amount",
        put={"/semantics/balance/amount": 21.75},
    ),
    Mistake(
        "uncompressed reader key",
        "store-card",
        "bad-value",
        "pass.json#/nfc/encryptionPublicKey",
        put={"/nfc/encryptionPublicKey": UNCOMPRESSED},
    ),
    Mistake(
        "relevant date in the newest spelling alone",
        "relevance",
        "date-spelled-once",
        "pass.json#/relevantDates/0",
        drop=("/relevantDates/0/relevantDate",),
    ),
    Mistake(
        "picture over its translations",
        "event-ticket",
        "picture-overrides-language",
        "background.png",
        pictures=("background.png",),
    ),
)
