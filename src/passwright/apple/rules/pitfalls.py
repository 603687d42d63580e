"""Rules about values that are right one by one, and do not do what their maker thinks.

Sources: Apple, Wallet Passes: Pass, Pass.Barcodes, Pass.RelevantDates,
SemanticTags, PassFieldContent; Showing a pass on the Lock Screen.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from passwright.apple.build.pass_json import pass_schema
from passwright.apple.rules.layouts import (
    STYLES,
    fields,
    fields_without_pointers,
    requested_layouts,
    style_of,
)
from passwright.documents.rule import Rule
from passwright.gs1 import has_check_digit
from passwright.report import Finding, note, warning
from passwright.schema.formats import is_date
from passwright.schema.pointers import join_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from passwright.apple.context import ValidationContext
    from passwright.schema.pointers import Locator

__all__ = ["RULES"]


# --- codes ---------------------------------------------------------------------------------------


def _barcodes(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = document.get("barcodes")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(each, dict):
            yield f"/barcodes/{index}", each


def _since(code: Mapping[str, Any]) -> int:
    """The iOS that draws a code first. The formats without a version are as old as Wallet."""
    young = pass_schema().objects["Barcode"]["format"].keywords["enum_since"]
    found = code.get("format")
    return int(young.get(found, "6")) if isinstance(found, str) else 0


# Younger than this, a format is not drawn on most phones in use.
_NEW = 27


def _barcode_order(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    """The first code that a device can draw is the one it draws."""
    codes = [(pointer, _since(each)) for pointer, each in _barcodes(document)]
    if codes and min(since for _, since in codes) >= _NEW and not document.get("barcode"):
        message = f"no system before iOS {_NEW} draws any of these codes"
        hint = "put a QR, PDF417, Aztec or Code 128 code last"
        yield warning("code-too-new", place("/barcodes"), message, hint)
    oldest = min((since for _, since in codes[:1]), default=0)
    for pointer, since in codes[1:]:
        if since >= _NEW and since > oldest:
            message = "every system that can draw this code draws one that stands before it"
            yield warning("code-never-drawn", place(pointer), message, "put the newer format first")
        oldest = min(oldest, since)


_EAN13 = re.compile(r"[0-9]{13}")
_PAIRS = re.compile(r"(?:[0-9]{2})+")
# ISO/IEC 16388: capitals, digits and seven more.
_CODE39 = re.compile(r"[0-9A-Z\-. $/+%]+")
# EN 798: start and stop are one of A to D, often left to the printer.
_CODABAR = re.compile(r"[A-D][0-9\-$:/.+]+[A-D]|[0-9\-$:/.+]+")


def _ean13(message: str) -> bool:
    return _EAN13.fullmatch(message) is not None and has_check_digit(message)


# Format -> does a message fit, and what fits. Apple says nothing about these
# formats' content, so that a breach warns.
_CONTENT: Mapping[str, tuple[Callable[[str], object], str]] = {
    "PKBarcodeFormatEAN13": (_ean13, "thirteen digits, the last of which checks the others"),
    "PKBarcodeFormatI2of5": (_PAIRS.fullmatch, "an even number of digits"),
    "PKBarcodeFormatCode39": (_CODE39.fullmatch, "digits, capital letters, blanks and - . $ / + %"),
    "PKBarcodeFormatCodabar": (_CODABAR.fullmatch, "digits and - $ : / . +, between two of A to D or none"),
    "PKBarcodeFormatCode128": (str.isascii, "ASCII"),
}


def _barcode_content(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    for pointer, code in _barcodes(document):
        form, message = code.get("format"), code.get("message")
        if not (isinstance(form, str) and form in _CONTENT and isinstance(message, str)):
            continue
        fits, what = _CONTENT[form]
        if not fits(message):
            where, name = place(join_pointer(pointer, "message")), form.removeprefix("PKBarcodeFormat")
            yield warning("code-misfit", where, f"a code of format {name} holds {what}", "mend the message")


# --- relevance -----------------------------------------------------------------------------------

_DATED = ("relevantDate", "relevantDates")
_AT_PLACES = ("coupon", "generic", "storeCard")


def _relevance(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    style = style_of(document)
    there = document.keys()
    dated = [name for name in _DATED if name in there]
    # Members that the style does not read at all are reported by their location.
    read = pass_schema().objects["Pass"]["relevantDates"].keywords["styles"]
    others = [*(dated if style in read else ()), *(("beacons",) if "beacons" in there else ())]
    if style in _AT_PLACES and others and "locations" not in there:
        message = f"a {style} pass without locations is shown at no time and no place"
        hint = "add the locations where it is used, or leave this out"
        yield warning("relevance-needs-location", place(f"/{others[0]}"), message, hint)
    elif style in read and dated and "locations" in there:
        message = "with dates and locations, the pass is shown where and when both fit"
        yield note("relevance-needs-both", place("/locations"), message, "leave out what should not decide")
    if style == "generic" and dated and "expirationDate" not in there:
        message = "generic passes never expire by themselves, also when their date has passed"
        yield note("never-expires", place(""), message, "set expirationDate")


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = document.get("relevantDates")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(each, dict):
            yield f"/relevantDates/{index}", each


def _dates(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    for pointer, each in _entries(document):
        points = each.keys() & {"date", "relevantDate"}
        if len(points) == 1:
            have, system, lack = (
                ("date", "iOS 18", "relevantDate") if "date" in points else ("relevantDate", "iOS 26", "date")
            )
            message = f"{system} does not read {have} here"
            yield warning(
                "date-spelled-once", place(pointer), message, f"write {lack} with the same date beside it"
            )
        elif not points and not each.keys() & {"startDate", "endDate"}:
            message = "this is neither a point in time nor an interval"
            hint = "write date and relevantDate, or startDate and endDate"
            yield warning("missing-key", place(pointer), message, hint)


def _intervals(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    limit = pass_schema().objects["RelevantDate"]["startDate"].keywords["max_hours"]
    for pointer, each in _entries(document):
        start, end = each.get("startDate"), each.get("endDate")
        if not (isinstance(start, str) and isinstance(end, str) and is_date(start) and is_date(end)):
            continue
        length = datetime.fromisoformat(end) - datetime.fromisoformat(start)
        where = place(join_pointer(pointer, "startDate"))
        if length > timedelta(hours=limit):
            message = f"from startDate to endDate it is more than {limit} hours"
            yield warning("interval-too-long", where, message, "name the hours in which the pass is needed")
        elif length < timedelta(0):
            message = "endDate is before startDate"
            yield warning("interval-backwards", where, message, "exchange them")


# --- tags ----------------------------------------------------------------------------------------

# Wallet writes these words itself: end of the tag's name -> the word.
_WORDS = {"Gate": "gate", "Terminal": "terminal", "Platform": "platform", "Zone": "zone"}


def _repeated_words(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    found = document.get("semantics")
    if not isinstance(found, dict):
        return
    for name in sorted(_WORDY & found.keys()):
        word = next(word for end, word in _WORDS.items() if name.endswith(end))
        value = found[name]
        if isinstance(value, str) and word in value.lower().split():
            message = f"Wallet writes the word {word} before {name} itself"
            yield warning("tag-repeats-word", place(f"/semantics/{name}"), message, f"leave the {word} out")


_WORDY = frozenset(
    {
        *("departureGate", "destinationGate", "departureTerminal", "destinationTerminal"),
        *("departurePlatform", "destinationPlatform", "boardingZone"),
    }
)

_PROGRAMS = ("departureLocationSecurityPrograms", "destinationLocationSecurityPrograms")
_ELIGIBLE = "passengerEligibleSecurityPrograms"
_DECLARED = "internationalDocumentsVerifiedDeclarationName"
_VERIFIED = "internationalDocumentsAreVerified"


def _badges(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    """Badges of a boarding pass that need two tags to agree."""
    found = document.get("semantics")
    if not isinstance(found, dict):
        return
    at_places = {each for name in _PROGRAMS for each in _texts(found.get(name))}
    holder = set(_texts(found.get(_ELIGIBLE)))
    for name in (*_PROGRAMS, _ELIGIBLE):
        other = at_places if name == _ELIGIBLE else holder
        for index, each in enumerate(_texts(found.get(name))):
            if each not in other:
                what = "the airports" if name == _ELIGIBLE else "the passenger"
                message = f"a security programme is shown only where {what} has it too"
                where = place(f"/semantics/{name}/{index}")
                yield warning("badge-not-shown", where, message, "name it in both lists, or in none")
    if {_DECLARED} & found.keys() and found.get(_VERIFIED) is not True:
        message = f"it is shown only with {_VERIFIED} true"
        yield warning("badge-not-shown", place(f"/semantics/{_DECLARED}"), message, "set that too")


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _live_activity(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    if "semanticBoardingPass" in requested_layouts(document) and document.get("associatedStoreIdentifiers"):
        message = "with an app of the airline named, Wallet shows no Live Activity of its own"
        yield note("live-activity-off", place("/associatedStoreIdentifiers"), message)


# --- texts and actions ---------------------------------------------------------------------------

_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)")
_LINK_TAG = frozenset("aA")


def _has_other_tags(field: Mapping[str, Any]) -> bool:
    value = field.get("attributedValue")
    return isinstance(value, str) and not _LINK_TAG.issuperset(_TAG.findall(value))


def _markup(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    if not any(
        _has_other_tags(each) for each in fields_without_pointers(document) if "attributedValue" in each
    ):
        return
    for pointer, _slot, each in fields(document):
        if _has_other_tags(each):
            message = "only links, <a href=...>, are understood in attributedValue"
            where = place(join_pointer(pointer, "attributedValue"))
            yield warning(
                "markup-not-read", where, message, "write line breaks as \\n, and leave out the rest"
            )


def _actions(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    listed = document.get("featuredActions")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(each, dict) or each.get("type") != "call":
            continue
        url = each.get("url")
        if isinstance(url, str) and not url.lower().startswith("tel:"):
            where = place(f"/featuredActions/{index}/url")
            yield warning(
                "call-needs-tel", where, "a call needs a number to dial", "write it like tel:+49301234"
            )


def _upcoming(document: Mapping[str, Any], _: ValidationContext, place: Locator) -> Iterator[Finding]:
    listed = document.get("upcomingPassInformation")
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        pointer = f"/upcomingPassInformation/{index}"
        if isinstance(each, dict) and not {"backFields"} & each.keys():
            # Testers found so; Apple's pages don't say it.
            message = "without backFields the list of upcoming events may not be shown"
            yield warning("upcoming-without-back", place(pointer), message, "add at least one back field")
        images = each.get("images") if isinstance(each, dict) else None
        for name, image in images.items() if isinstance(images, dict) else ():
            if isinstance(image, dict) and not image.get("URLs") and image.get("reuseExisting") is not True:
                message = f"{name} names no picture"
                hint = "set reuseExisting to true, or list URLs"
                yield warning("missing-key", place(f"{pointer}/images/{name}"), message, hint)


_ALL = (*STYLES, "posterGeneric")
_ENTRY = "/upcomingPassInformation/*/images/*"

RULES = tuple(
    Rule("pass.json", reads, check, requires_members=frozenset(needs))
    for check, needs, reads in (
        (_barcode_order, ("barcodes",), ("/barcode", "/barcodes/*/format")),
        (_barcode_content, ("barcodes",), ("/barcodes/*/format", "/barcodes/*/message")),
        (_relevance, (*_DATED, "beacons"), ()),
        (_dates, ("relevantDates",), ()),
        (_intervals, ("relevantDates",), ("/relevantDates/*/startDate", "/relevantDates/*/endDate")),
        (_repeated_words, ("semantics",), tuple(f"/semantics/{name}" for name in sorted(_WORDY))),
        (
            _badges,
            ("semantics",),
            (*(f"/semantics/{name}/**" for name in (*_PROGRAMS, _ELIGIBLE)), f"/semantics/{_VERIFIED}"),
        ),
        (
            _live_activity,
            ("preferredStyleSchemes",),
            ("/preferredStyleSchemes/**", "/associatedStoreIdentifiers/**"),
        ),
        (
            _markup,
            _ALL,
            tuple(f"/{style}/{below}" for style in _ALL for below in ("*/*/attributedValue", "transitType")),
        ),
        (_actions, ("featuredActions",), ("/featuredActions/*/type", "/featuredActions/*/url")),
        (_upcoming, ("upcomingPassInformation",), (f"{_ENTRY}/URLs", f"{_ENTRY}/reuseExisting")),
    )
)
