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

__all__ = ["KINDS", "Kind", "Place"]


@dataclass(frozen=True)
class Place:
    """Where a meaning stands.

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
    each class and object of the kind holds, `with_code` what they hold when a
    pass may carry a code. `title` and `title_label` are where Google shows the
    primary field, None where it draws a title of its own.
    """

    name: str
    style: str
    vertical: str
    google: Mapping[str, str | tuple[str, ...]]
    places: Mapping[str, Place] = field(default_factory=dict)
    style_members: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    with_code: Mapping[str, object] = field(default_factory=dict)
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


def _on_google(value: str, label: str | None = None) -> Place:
    return Place(google=value, google_label=label)


# What every system shows near the time: two spellings in one entry, because iOS 18
# reads `relevantDate` and later ones `date`, and the old key for iOS 17.
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
    places={
        "points": _on_google("object.loyaltyPoints.balance", "object.loyaltyPoints.label"),
        "points.secondary": _on_google(
            "object.secondaryLoyaltyPoints.balance", "object.secondaryLoyaltyPoints.label"
        ),
        "balance": Place(("balance",), "object.loyaltyPoints.balance", "object.loyaltyPoints.label"),
        "holder": _on_google("object.accountName", "class.accountNameLabel"),
        "number": _on_google("object.accountId", "class.accountIdLabel"),
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
    places={
        "balance": Place(("balance",), "object.balance"),
        "balance.time": _on_google("object.balanceUpdateTime"),
        "number": _on_google("object.cardNumber", "class.cardNumberLabel"),
        "pin": _on_google("object.pin", "class.pinLabel"),
        "event.number": _on_google("object.eventNumber", "class.eventNumberLabel"),
    },
    with_code={"class.allowBarcodeRedemption": True},
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
    places={
        "offer.short": _on_google("class.shortTitle"),
        "offer.details": _on_google("class.details"),
        "terms": _on_google("class.finePrint"),
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
    places={
        "event": Place(("eventName",), "class.eventName"),
        "venue": Place(("venueName",), "class.venue.name"),
        "venue.address": _on_google("class.venue.address"),
        "venue.region": Place(("venueRegionName",)),
        "venue.room": Place(("venueRoom",)),
        "starts": Place(("eventStartDate", *_RELEVANT), "class.dateTime.start"),
        "ends": Place(("eventEndDate",), "class.dateTime.end"),
        "doors": Place(("venueDoorsOpenDate",), "class.dateTime.doorsOpen"),
        "seat.section": Place(
            ("seats.0.seatSection",), "object.seatInfo.section", "class.customSectionLabel"
        ),
        "seat.row": Place(("seats.0.seatRow",), "object.seatInfo.row", "class.customRowLabel"),
        "seat": Place(("seats.0.seatNumber",), "object.seatInfo.seat", "class.customSeatLabel"),
        "gate": Place(("venueEntranceGate",), "object.seatInfo.gate", "class.customGateLabel"),
        "holder": Place(("attendeeName",), "object.ticketHolderName"),
        "number": _on_google("object.ticketNumber"),
        "ticket": Place(("admissionLevel",), "object.ticketType"),
        "confirmation": _on_google(
            "object.reservationInfo.confirmationCode", "class.customConfirmationCodeLabel"
        ),
        "price": Place(("totalPrice",), "object.faceValue"),
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
    places={
        "carrier": Place(("airlineCode",), "class.flightHeader.carrier.carrierIataCode"),
        "carrier.name": Place(("transitProvider",), "class.flightHeader.carrier.airlineName"),
        "number": Place(("flightNumber",), "class.flightHeader.flightNumber"),
        "origin": Place(("departureAirportCode",), "class.origin.airportIataCode"),
        "origin.name": Place(("departureAirportName",), "class.origin.airportNameOverride"),
        "origin.city": Place(("departureCityName",)),
        "origin.zone": Place(("departureLocationTimeZone",)),
        "origin.terminal": Place(("departureTerminal",), "class.origin.terminal"),
        "origin.gate": Place(("departureGate",), "class.origin.gate"),
        "destination": Place(("destinationAirportCode",), "class.destination.airportIataCode"),
        "destination.name": Place(("destinationAirportName",), "class.destination.airportNameOverride"),
        "destination.city": Place(("destinationCityName",)),
        "destination.zone": Place(("destinationLocationTimeZone",)),
        "destination.terminal": Place(("destinationTerminal",), "class.destination.terminal"),
        "destination.gate": Place(("destinationGate",), "class.destination.gate"),
        "departs": Place(("originalDepartureDate", *_RELEVANT), "class.localScheduledDepartureDateTime"),
        "arrives": Place(("originalArrivalDate",), "class.localScheduledArrivalDateTime"),
        "boards": Place(("originalBoardingDate",), "class.localBoardingDateTime"),
        "gate.closes": _on_google("class.localGateClosingDateTime"),
        "holder": Place(("passengerName",), "object.passengerName"),
        "confirmation": Place(("confirmationNumber",), "object.reservationInfo.confirmationCode"),
        "eticket": _on_google("object.reservationInfo.eticketNumber"),
        "member.number": Place(
            ("membershipProgramNumber",), "object.reservationInfo.frequentFlyerInfo.frequentFlyerNumber"
        ),
        "member.program": Place(
            ("membershipProgramName",), "object.reservationInfo.frequentFlyerInfo.frequentFlyerProgramName"
        ),
        "seat": Place(("seats.0.seatNumber",), "object.boardingAndSeatingInfo.seatNumber"),
        "class": Place(("seats.0.seatType",), "object.boardingAndSeatingInfo.seatClass"),
        "boarding.group": Place(("boardingGroup",), "object.boardingAndSeatingInfo.boardingGroup"),
        "boarding.sequence": Place(
            ("boardingSequenceNumber",), "object.boardingAndSeatingInfo.sequenceNumber"
        ),
        "priority": Place(("priorityStatus",)),
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
        places={
            "carrier.name": Place(("transitProvider",), "class.transitOperatorName"),
            "number": Place(("vehicleNumber",), "object.tripId"),
            "origin": Place((origin,), "object.ticketLeg.originName"),
            "origin.code": _on_google("object.ticketLeg.originStationCode"),
            "destination": Place((destination,), "object.ticketLeg.destinationName"),
            "destination.code": _on_google("object.ticketLeg.destinationStationCode"),
            "departs": Place(("originalDepartureDate", *_RELEVANT), "object.ticketLeg.departureDateTime"),
            "arrives": Place(("originalArrivalDate",), "object.ticketLeg.arrivalDateTime"),
            "platform": Place(
                ("departurePlatform",) if rail else (),
                "object.ticketLeg.platform",
                "class.customPlatformLabel",
            ),
            "carriage": Place(
                ("carNumber",) if rail else (), "object.ticketLeg.carriage", "class.customCarriageLabel"
            ),
            "zone": _on_google("object.ticketLeg.zone", "class.customZoneLabel"),
            "seat": Place(
                ("seats.0.seatNumber",), "object.ticketLeg.ticketSeat.seat", "class.customSeatLabel"
            ),
            "class": Place(
                ("seats.0.seatType",),
                "object.ticketLeg.ticketSeat.customFareClass",
                "class.customFareClassLabel",
            ),
            "fare": _on_google("object.ticketLeg.fareName", "class.customFareNameLabel"),
            "holder": Place(("passengerName",), "object.passengerNames"),
            "ticket.number": _on_google("object.ticketNumber", "class.customTicketNumberLabel"),
            "confirmation": Place(
                ("confirmationNumber",),
                "object.purchaseDetails.confirmationCode",
                "class.customConfirmationCodeLabel",
            ),
            "price": Place(
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
