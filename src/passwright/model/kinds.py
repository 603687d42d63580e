"""Kinds of passes: what each is called in both wallets, and where its meanings stand.

A *meaning* is what a field says (`means = "seat.row"`); its `Place` is where each
wallet keeps that as structured data. Everything without a meaning is shown as
a field on Apple and as a text module on Google.

Sources: Apple, Wallet Passes, Pass and SemanticTags; Google, walletobjects v1,
the class and object of each vertical.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "Kind", "MeaningPaths"]


@dataclass(frozen=True)
class MeaningPaths:
    """The paths of a meaning in both wallets.

    `apple`: paths below `semantics`, or from the top of pass.json when they start
    with a slash. `google`: path that starts with `class.` or `object.`, or None.
    `google_label`: path of the label beside it. A number in a path is an index.
    """

    apple: tuple[str, ...] = ()
    google: str | None = None
    google_label: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of pass.

    `style` is Apple's style key and `style_members` what stands in it besides
    fields; `vertical` is the first part of Google's resource names (`loyalty` in
    `loyaltyClass`). `google` says where organisation, name, background and
    pictures of a template stand in Google's class or object, `constants` what
    each class and object of the kind holds, `with_barcode` what they hold when a
    pass may carry a barcode. `title` and `title_label` are where Google shows the
    primary field, None where it draws a title of its own.
    """

    name: str
    style: str
    vertical: str
    google: Mapping[str, str | tuple[str, ...]]
    meanings: Mapping[str, MeaningPaths] = field(default_factory=dict)
    style_members: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    with_barcode: Mapping[str, object] = field(default_factory=dict)
    title: str | None = None
    title_label: str | None = None

    @property
    def class_type(self) -> str:
        """Google's name of the class resource, `loyaltyClass`."""
        return f"{self.vertical}Class"

    @property
    def object_type(self) -> str:
        """Google's name of the object resource, `loyaltyObject`."""
        return f"{self.vertical}Object"


def _google_paths(value: str, label: str | None = None) -> MeaningPaths:
    return MeaningPaths(google=value, google_label=label)


# Members that every system shows near the time: two spellings in one entry, because iOS 18 reads
# `relevantDate` and later ones `date`, and the old member for iOS 17.
_RELEVANT = ("/relevantDate", "/relevantDates.0.date", "/relevantDates.0.relevantDate")

_GENERIC = Kind(
    name="generic",
    style="generic",
    vertical="generic",
    google={
        "organisation": "object.cardTitle",
        "name": "object.header",
        "background": "object.hexBackgroundColor",
        "logo": "object.logo",
        "wide-logo": "object.wideLogo",
        "hero": "object.heroImage",
    },
    title="object.header",
    title_label="object.subheader",
)

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
    meanings={
        "points": _google_paths("object.loyaltyPoints.balance", "object.loyaltyPoints.label"),
        "points.secondary": _google_paths(
            "object.secondaryLoyaltyPoints.balance", "object.secondaryLoyaltyPoints.label"
        ),
        "balance": MeaningPaths(("balance",), "object.loyaltyPoints.balance", "object.loyaltyPoints.label"),
        "holder": _google_paths("object.accountName", "class.accountNameLabel"),
        "number": _google_paths("object.accountId", "class.accountIdLabel"),
    },
)

_GIFT_CARD = Kind(
    name="gift_card",
    style="storeCard",
    vertical="giftCard",
    google={
        "organisation": "class.issuerName",
        "name": "class.merchantName",
        "background": "class.hexBackgroundColor",
        "logo": "class.programLogo",
        "wide-logo": "class.wideProgramLogo",
        "hero": "class.heroImage",
    },
    meanings={
        "balance": MeaningPaths(("balance",), "object.balance"),
        "balance.time": _google_paths("object.balanceUpdateTime"),
        "number": _google_paths("object.cardNumber", "class.cardNumberLabel"),
        "pin": _google_paths("object.pin", "class.pinLabel"),
        "event.number": _google_paths("object.eventNumber", "class.eventNumberLabel"),
    },
    with_barcode={"class.allowBarcodeRedemption": True},
)

_OFFER = Kind(
    name="offer",
    style="coupon",
    vertical="offer",
    google={
        "organisation": ("class.issuerName", "class.provider"),
        "name": "class.title",
        "background": "class.hexBackgroundColor",
        "logo": "class.titleImage",
        "wide-logo": "class.wideTitleImage",
        "hero": "class.heroImage",
    },
    meanings={
        "offer.short": _google_paths("class.shortTitle"),
        "offer.details": _google_paths("class.details"),
        "terms": _google_paths("class.finePrint"),
    },
    constants={"class.redemptionChannel": "BOTH"},
)

_EVENT = Kind(
    name="event",
    style="eventTicket",
    vertical="eventTicket",
    google={
        "organisation": "class.issuerName",
        "name": "class.eventName",
        "background": "class.hexBackgroundColor",
        "logo": "class.logo",
        "wide-logo": "class.wideLogo",
        "hero": "class.heroImage",
    },
    meanings={
        "event": MeaningPaths(("eventName",), "class.eventName"),
        "venue": MeaningPaths(("venueName",), "class.venue.name"),
        "venue.address": _google_paths("class.venue.address"),
        "venue.region": MeaningPaths(("venueRegionName",)),
        "venue.room": MeaningPaths(("venueRoom",)),
        "starts": MeaningPaths(("eventStartDate", *_RELEVANT), "class.dateTime.start"),
        "ends": MeaningPaths(("eventEndDate",), "class.dateTime.end"),
        "doors": MeaningPaths(("venueDoorsOpenDate",), "class.dateTime.doorsOpen"),
        "seat.section": MeaningPaths(
            ("seats.0.seatSection",), "object.seatInfo.section", "class.customSectionLabel"
        ),
        "seat.row": MeaningPaths(("seats.0.seatRow",), "object.seatInfo.row", "class.customRowLabel"),
        "seat": MeaningPaths(("seats.0.seatNumber",), "object.seatInfo.seat", "class.customSeatLabel"),
        "gate": MeaningPaths(("venueEntranceGate",), "object.seatInfo.gate", "class.customGateLabel"),
        "holder": MeaningPaths(("attendeeName",), "object.ticketHolderName"),
        "number": _google_paths("object.ticketNumber"),
        "ticket": MeaningPaths(("admissionLevel",), "object.ticketType"),
        "confirmation": _google_paths(
            "object.reservationInfo.confirmationCode", "class.customConfirmationCodeLabel"
        ),
        "price": MeaningPaths(("totalPrice",), "object.faceValue"),
    },
)

_FLIGHT = Kind(
    name="flight",
    style="boardingPass",
    vertical="flight",
    google={
        "organisation": "class.issuerName",
        "background": "class.hexBackgroundColor",
        "logo": "class.flightHeader.carrier.airlineLogo",
        "wide-logo": "class.flightHeader.carrier.wideAirlineLogo",
        "hero": "class.heroImage",
    },
    meanings={
        "carrier": MeaningPaths(("airlineCode",), "class.flightHeader.carrier.carrierIataCode"),
        "carrier.name": MeaningPaths(("transitProvider",), "class.flightHeader.carrier.airlineName"),
        "number": MeaningPaths(("flightNumber",), "class.flightHeader.flightNumber"),
        "origin": MeaningPaths(("departureAirportCode",), "class.origin.airportIataCode"),
        "origin.name": MeaningPaths(("departureAirportName",), "class.origin.airportNameOverride"),
        "origin.city": MeaningPaths(("departureCityName",)),
        "origin.zone": MeaningPaths(("departureLocationTimeZone",)),
        "origin.terminal": MeaningPaths(("departureTerminal",), "class.origin.terminal"),
        "origin.gate": MeaningPaths(("departureGate",), "class.origin.gate"),
        "destination": MeaningPaths(("destinationAirportCode",), "class.destination.airportIataCode"),
        "destination.name": MeaningPaths(
            ("destinationAirportName",), "class.destination.airportNameOverride"
        ),
        "destination.city": MeaningPaths(("destinationCityName",)),
        "destination.zone": MeaningPaths(("destinationLocationTimeZone",)),
        "destination.terminal": MeaningPaths(("destinationTerminal",), "class.destination.terminal"),
        "destination.gate": MeaningPaths(("destinationGate",), "class.destination.gate"),
        "departs": MeaningPaths(
            ("originalDepartureDate", *_RELEVANT), "class.localScheduledDepartureDateTime"
        ),
        "arrives": MeaningPaths(("originalArrivalDate",), "class.localScheduledArrivalDateTime"),
        "boards": MeaningPaths(("originalBoardingDate",), "class.localBoardingDateTime"),
        "gate.closes": _google_paths("class.localGateClosingDateTime"),
        "holder": MeaningPaths(("passengerName",), "object.passengerName"),
        "confirmation": MeaningPaths(("confirmationNumber",), "object.reservationInfo.confirmationCode"),
        "eticket": _google_paths("object.reservationInfo.eticketNumber"),
        "member.number": MeaningPaths(
            ("membershipProgramNumber",), "object.reservationInfo.frequentFlyerInfo.frequentFlyerNumber"
        ),
        "member.program": MeaningPaths(
            ("membershipProgramName",), "object.reservationInfo.frequentFlyerInfo.frequentFlyerProgramName"
        ),
        "seat": MeaningPaths(("seats.0.seatNumber",), "object.boardingAndSeatingInfo.seatNumber"),
        "class": MeaningPaths(("seats.0.seatType",), "object.boardingAndSeatingInfo.seatClass"),
        "boarding.group": MeaningPaths(("boardingGroup",), "object.boardingAndSeatingInfo.boardingGroup"),
        "boarding.sequence": MeaningPaths(
            ("boardingSequenceNumber",), "object.boardingAndSeatingInfo.sequenceNumber"
        ),
        "priority": MeaningPaths(("priorityStatus",)),
    },
    style_members={"transitType": "PKTransitTypeAir"},
)


def _transit(name: str, *, apple: str, google: str) -> Kind:
    """Trains, buses and ferries; Apple knows stations, platforms and cars of trains only."""
    rail = apple == "PKTransitTypeTrain"
    origin, destination = (
        ("departureStationName", "destinationStationName")
        if rail
        else ("departureLocationDescription", "destinationLocationDescription")
    )
    return Kind(
        name=name,
        style="boardingPass",
        vertical="transit",
        google={
            "organisation": "class.issuerName",
            "background": "class.hexBackgroundColor",
            "logo": "class.logo",
            "wide-logo": "class.wideLogo",
            "hero": "class.heroImage",
        },
        meanings={
            "carrier.name": MeaningPaths(("transitProvider",), "class.transitOperatorName"),
            "number": MeaningPaths(("vehicleNumber",), "object.tripId"),
            "origin": MeaningPaths((origin,), "object.ticketLeg.originName"),
            "origin.code": _google_paths("object.ticketLeg.originStationCode"),
            "destination": MeaningPaths((destination,), "object.ticketLeg.destinationName"),
            "destination.code": _google_paths("object.ticketLeg.destinationStationCode"),
            "departs": MeaningPaths(
                ("originalDepartureDate", *_RELEVANT), "object.ticketLeg.departureDateTime"
            ),
            "arrives": MeaningPaths(("originalArrivalDate",), "object.ticketLeg.arrivalDateTime"),
            "platform": MeaningPaths(
                ("departurePlatform",) if rail else (),
                "object.ticketLeg.platform",
                "class.customPlatformLabel",
            ),
            "carriage": MeaningPaths(
                ("carNumber",) if rail else (), "object.ticketLeg.carriage", "class.customCarriageLabel"
            ),
            "zone": _google_paths("object.ticketLeg.zone", "class.customZoneLabel"),
            "seat": MeaningPaths(
                ("seats.0.seatNumber",), "object.ticketLeg.ticketSeat.seat", "class.customSeatLabel"
            ),
            "class": MeaningPaths(
                ("seats.0.seatType",),
                "object.ticketLeg.ticketSeat.customFareClass",
                "class.customFareClassLabel",
            ),
            "fare": _google_paths("object.ticketLeg.fareName", "class.customFareNameLabel"),
            "holder": MeaningPaths(("passengerName",), "object.passengerNames"),
            "ticket.number": _google_paths("object.ticketNumber", "class.customTicketNumberLabel"),
            "confirmation": MeaningPaths(
                ("confirmationNumber",),
                "object.purchaseDetails.confirmationCode",
                "class.customConfirmationCodeLabel",
            ),
            "price": MeaningPaths(
                ("totalPrice",),
                "object.purchaseDetails.ticketCost.purchasePrice",
                "class.customPurchasePriceLabel",
            ),
        },
        style_members={"transitType": apple},
        constants={"class.transitType": google, "object.tripType": "ONE_WAY"},
    )


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _GENERIC,
        _LOYALTY,
        _GIFT_CARD,
        _OFFER,
        _EVENT,
        _FLIGHT,
        _transit("train", apple="PKTransitTypeTrain", google="RAIL"),
        _transit("bus", apple="PKTransitTypeBus", google="BUS"),
        _transit("ferry", apple="PKTransitTypeBoat", google="FERRY"),
    )
}
