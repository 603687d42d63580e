"""What each version of iOS makes of a pass: the layout, what the better one lacks, what is ignored."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from passwright import validate
from passwright.apple import PassBuilder, verify
from passwright.apple.rules.layouts import (
    SYSTEMS,
    Layout,
    MissingParts,
    layouts,
    requested_layouts,
    style_of,
    styles_of,
)
from passwright.validation import check
from tests import rich_passes as rich
from tests.conftest import AT
from tests.run_cli import documents, run

if TYPE_CHECKING:
    from pathlib import Path

    from passwright.apple.identity import Identity
    from passwright.examples.authority import Authority


def made(name: str, *, drop: str = "", **changes: Any) -> dict[str, Any]:
    """The pass.json of a fixture with members exchanged, and one taken out: `semantics.venueName`."""
    document: dict[str, Any] = {**rich.fixture(name)["pass"], **changes}
    *above, last = drop.split(".")
    owner = document
    for part in above:
        owner = owner[part]
    owner.pop(last, None)
    return document


def on(system: str, document: dict[str, Any], files: Any = None, *, nfc: bool | None = None) -> Layout:
    return next(each for each in layouts(document, files, nfc=nfc) if each.system == system)


# --- the richer passes ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", rich.NAMES)
def test_each_system_draws_what_the_format_says(name: str) -> None:
    found = rich.fixture(name)
    told = layouts(found["pass"], rich.files(name), nfc=True)

    assert [each.system for each in told] == list(SYSTEMS)
    assert {each.system: each.drawn for each in told} == found["drawn"]
    newest = told[-1]
    assert newest.better is None
    assert newest.gaps == MissingParts()


@pytest.mark.parametrize("name", rich.NAMES)
def test_a_rich_pass_is_built_and_verified_and_nothing_is_lost_in_silence(
    name: str, identity: Identity, authority: Authority
) -> None:
    """What is built holds every member of the fixture, and every picture."""
    found = rich.fixture(name)
    pass_ = rich.template(name).issue(found["pass"]["serialNumber"], nfc=False, barcode=False)
    builder = PassBuilder(identity)
    report = builder.report(pass_, at=AT)

    assert report.errors == report.warnings == ()
    verdict = verify(builder.build(pass_, at=AT), trust=authority.trust, at=AT)
    document = json.loads(verdict.files["pass.json"])
    assert verdict.ok
    assert verdict.report.warnings == ()
    assert {each: document.get(each) for each in found["pass"]} == found["pass"]
    assert rich.files(name).keys() <= verdict.files.keys()
    assert {each.system: each.drawn for each in verdict.layouts} == found["drawn"]
    assert not [each for each in validate(pass_) if each.code == "layout-falls-back"]


@pytest.mark.parametrize("name", rich.NAMES)
def test_a_rich_pass_of_others_has_no_errors(name: str) -> None:
    report = check(rich.fixture(name)["pass"], "pass.json")

    assert report.errors == report.warnings == ()


# --- what the better layout lacks ----------------------------------------------------------------

LIVE = {"eventName": "N", "venueName": "V", "venueRegionName": "R", "venueRoom": "1"}


@pytest.mark.parametrize(
    ("document", "files", "nfc", "missing"),
    [
        (
            made("poster-event-minimal", drop="semantics.eventName"),
            {"artwork.png"},
            True,
            "semantics.eventName",
        ),
        (made("poster-event-minimal", drop="nfc"), {"artwork.png"}, True, "nfc"),
        (
            made("poster-event-minimal", drop="nfc.requiresAuthentication"),
            {"artwork.png"},
            True,
            "nfc.requiresAuthentication",
        ),
        (made("poster-event-minimal"), {"icon.png"}, True, "a picture: artwork or background"),
        (made("poster-event-minimal"), {"artwork.png"}, False, "a certificate for NFC"),
        (
            made("poster-event-minimal", semantics={**LIVE, "eventType": "PKEventTypeLivePerformance"}),
            {"en.lproj/artwork@3x.png"},
            True,
            "semantics.performerNames",
        ),
        (
            made("poster-event", semantics={}),
            {"artwork.png"},
            True,
            "semantics.eventName, semantics.venueName",
        ),
        (
            made("poster-event-season", drop="semantics.awayTeamAbbreviation"),
            {"background@2x.png"},
            True,
            "semantics.awayTeamAbbreviation",
        ),
        (
            made("semantic-boarding-pass", boardingPass={"transitType": "PKTransitTypeTrain"}),
            (),
            None,
            "transitType PKTransitTypeAir",
        ),
        (made("semantic-boarding-pass", boardingPass={}), (), None, "transitType PKTransitTypeAir"),
        (
            made("semantic-boarding-pass", drop="semantics.departureLocationTimeZone"),
            (),
            None,
            "semantics.departureLocationTimeZone",
        ),
        (
            made("coupon", preferredStyleSchemes=["posterEventTicket"], semantics=LIVE),
            {"artwork.png"},
            True,
            "the style eventTicket, nfc",
        ),
        (made("poster-generic"), {"background.png"}, None, "a picture: artwork"),
    ],
)
def test_what_the_better_layout_lacks_is_named(
    document: dict[str, Any], files: Any, missing: str, *, nfc: bool | None
) -> None:
    newest = on("27", document, files, nfc=nfc)

    assert newest.drawn == style_of(document)
    assert newest.better == requested_layouts(document)[0]
    assert ", ".join(newest.gaps.missing) == missing
    twelve = on("12", document, files, nfc=nfc)
    assert twelve.gaps.missing[0].startswith("iOS ")
    assert twelve.gaps.missing[1:] == newest.gaps.missing


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("poster-event-minimal", "venueRegionName"),
        ("poster-event-minimal", "venueRoom"),
        ("semantic-boarding-pass", "departureCityName"),
        ("semantic-boarding-pass", "destinationCityName"),
        ("semantic-boarding-pass", "destinationLocationTimeZone"),
    ],
)
def test_what_sources_disagree_on_is_doubtful_and_does_not_count_as_missing(name: str, tag: str) -> None:
    told = on("27", made(name, drop=f"semantics.{tag}"), {"artwork.png"}, nfc=True)

    assert told.drawn in ("posterEventTicket", "semanticBoardingPass")
    assert told.gaps == MissingParts(doubtful=(f"semantics.{tag}",))


def test_an_old_spelling_of_a_tag_is_doubtful() -> None:
    document = made("semantic-boarding-pass", drop="semantics.departureLocationTimeZone")
    document["semantics"]["departureAirportTimeZone"] = "Europe/Berlin"

    assert on("27", document).gaps == MissingParts(doubtful=("semantics.departureLocationTimeZone",))


def test_tags_of_fields_count_as_those_of_the_pass() -> None:
    document = made("poster-event-minimal", drop="semantics.eventName")
    field = {"key": "x", "value": "N", "semantics": {"eventName": "N"}}
    document["eventTicket"] = {"primaryFields": [field]}

    assert on("27", document, {"artwork.png"}, nfc=True).gaps == MissingParts()


def test_what_is_not_known_is_unseen_and_not_missing() -> None:
    told = on("27", made("poster-event-minimal"))

    assert told.drawn == "posterEventTicket"
    assert told.gaps == MissingParts(unseen=("a picture: artwork or background", "a certificate for NFC"))
    assert on("27", made("poster-generic")).gaps == MissingParts(unseen=("a picture: artwork",))
    assert on("27", made("semantic-boarding-pass")).gaps == MissingParts()


def test_the_first_layout_that_can_be_drawn_is() -> None:
    """A poster of iOS 27 over an event ticket that asks for the poster of iOS 18."""
    document = made("poster-event-minimal", posterGeneric={})

    assert requested_layouts(document) == ("posterGeneric", "posterEventTicket")
    told = layouts(document, {"artwork.png"}, nfc=True)
    assert [each.drawn for each in told] == [
        *("eventTicket", "eventTicket", "posterEventTicket", "posterEventTicket", "posterGeneric"),
    ]
    assert [each.better for each in told] == ["posterGeneric"] * 4 + [None]
    assert styles_of(document) == {"eventTicket", "posterEventTicket", "posterGeneric"}


def test_a_pass_without_a_style_is_drawn_by_nobody() -> None:
    for told in layouts({"preferredStyleSchemes": 5, "logoText": "x", "semantics": {"seats": [1]}}):
        assert (told.drawn, told.better) == (None, None)


# --- what is ignored -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "system", "ignored", "read"),
    [
        (
            "poster-event",
            "12",
            (
                "/preferredStyleSchemes",
                "/eventLogoText",
                "/sellURL",
                "/relevantDates",
                "/semantics/admissionLevel",
            ),
            ("/logoText", "/semantics/eventName", "/relevantDate", "/nfc", "/eventTicket/primaryFields"),
        ),
        (
            "poster-event",
            "12",
            ("/nfc/requiresAuthentication", "/semantics/seats/0/seatAisle"),
            ("/nfc/message",),
        ),
        ("poster-event", "17", ("/relevantDates",), ("/nfc/requiresAuthentication",)),
        (
            "poster-event",
            "18",
            ("/logoText", "/eventTicket/secondaryFields"),
            ("/eventLogoText", "/semantics/eventName", "/eventTicket/additionalInfoFields", "/relevantDates"),
        ),
        ("poster-event-season", "18", ("/upcomingPassInformation",), ("/semantics/eventName",)),
        ("poster-event-season", "26", (), ("/upcomingPassInformation",)),
        ("semantic-boarding-leg-1", "18", ("/managementURL", "/semantics/departureCityName"), ("/logoText",)),
        ("semantic-boarding-leg-1", "18", ("/relevantDates/0/date",), ("/relevantDates/0/relevantDate",)),
        ("semantic-boarding-leg-1", "26", ("/logoText",), ("/managementURL", "/semantics/flightNumber")),
        ("poster-generic", "26", ("/posterGeneric", "/featuredActions"), ("/generic", "/logoText")),
        ("poster-generic", "27", ("/generic", "/logoText"), ("/posterGeneric", "/featuredActions")),
        ("new-barcodes", "26", ("/barcodes/0/format", "/barcodes/3/format"), ("/barcodes/4/format",)),
        ("new-barcodes", "27", (), ("/barcodes/0/format",)),
        ("generic", "12", (), ("/generic", "/logoText", "/barcodes")),
    ],
)
def test_what_a_system_ignores(name: str, system: str, ignored: Any, read: Any) -> None:
    told = on(system, made(name), rich.files(name), nfc=True).ignored

    assert set(ignored) <= set(told)
    assert not set(read) & set(told)
    assert not [each for each in told for above in told if each.startswith(f"{above}/")], "nothing below"


def test_an_empty_list_ignores_nothing() -> None:
    """A third of genuine passes hold additionalInfoFields with nothing in it."""
    assert on("27", made("generic", generic={"additionalInfoFields": []})).ignored == ()


# --- at the command line -------------------------------------------------------------------------


def test_check_prints_what_each_system_draws(tmp_path: Path) -> None:
    path = tmp_path / "pass.json"
    path.write_text(json.dumps(made("poster-event-minimal", drop="semantics.venueName")))

    told = run("check", str(path), "--as", "pass.json").stdout

    assert "[layout-falls-back]" in told
    assert (
        "  iOS 17                 eventTicket; posterEventTicket lacks iOS 18, semantics.venueName\n" in told
    )
    assert "  iOS 18, 26, 27         eventTicket; posterEventTicket lacks semantics.venueName\n" in told
    assert "ignores /preferredStyleSchemes" in told


def test_check_prints_layouts_as_documents() -> None:
    text = json.dumps(made("poster-generic"))
    [found] = documents(run("check", "-", "--as", "pass.json", "--json", stdin=text))

    assert [each["system"] for each in found["layouts"]] == [f"iOS {system}" for system in SYSTEMS]
    assert found["layouts"][0] == {
        "system": "iOS 12",
        "layout": "generic",
        "better": "posterGeneric",
        "missing": ["iOS 27"],
        "doubtful": [],
        "unseen": ["a picture: artwork"],
        "ignored": ["/footerBackgroundColor", "/featuredActions", "/posterGeneric"],
    }
    assert found["layouts"][-1]["layout"] == "posterGeneric"


@pytest.mark.parametrize("text", ["{", "[]"])
def test_check_prints_no_layouts_of_what_can_not_be_read(text: str) -> None:
    [found] = documents(run("check", "-", "--as", "pass.json", "--json", stdin=text))

    assert found["layouts"] == []
    assert "Layouts" not in run("check", "-", "--as", "pass.json", stdin=text).stdout


def test_other_payloads_have_no_layouts() -> None:
    [found] = documents(run("check", "-", "--as", "loyaltyObject", "--json", stdin="{}"))

    assert "layouts" not in found


def test_verify_and_inspect_print_layouts_too(tmp_path: Path, identity: Identity) -> None:
    """`inspect` looks at no certificate, so it says what the layout depends on."""
    path = tmp_path / "poster.pkpass"
    document = made("poster-event-minimal", drop="semantics.venueRoom")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in rich.signed(document, rich.files("poster-event-minimal"), identity).items():
            archive.writestr(name, data)

    verified, inspected = run("verify", str(path)).stdout, run("inspect", str(path)).stdout

    doubtful = "iOS 18, 26, 27         posterEventTicket; unless it insists on semantics.venueRoom"
    assert f"{doubtful}\n" in verified
    assert f"{doubtful}; if there is a certificate for NFC\n" in inspected


def test_many_ignored_members_are_counted() -> None:
    told = run("check", "-", "--as", "pass.json", stdin=json.dumps(made("poster-event"))).stdout

    assert "/relevantDates, /accessibilityURL and 36 more\n" in told


def test_a_pass_without_a_style_says_so() -> None:
    assert "no layout, there is no style" in run("check", "-", "--as", "pass.json", stdin="{}").stdout
