"""The holder's page as HTML: what it says in which state on which device, and that text stays text."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright import Field, Template
from passwright.binding.lifecycle import State
from passwright.model.kinds import KINDS
from passwright.model.parts import SLOTS, Colours
from passwright.service.pages import page as pages
from passwright.service.pages.card import Card, Item, card_of, displayed_value, picture, stylesheet
from passwright.service.pages.page import HolderPage, asset, asset_path, device_of, page, problem
from passwright.service.pages.texts import LANGUAGES, language_of, texts
from tests.browser import AGENTS
from tests.conftest import TEMPLATES

if TYPE_CHECKING:
    from passwright.binding.lifecycle import Platform

URL = "https://passes.example.com/p/token-of-the-pass"
HELP = "https://support.example.com/pass-help"
STATES = (None, State.CREATED, State.GOOGLE_BOUND, State.APPLE_PENDING, State.APPLE_BOUND)
OFFERS: tuple[tuple[Platform, ...], ...] = ((), ("google",), ("google", "apple"))
DEVICES: tuple[pages.Device, ...] = ("android", "iphone", "desktop")


class Seen(HTMLParser):
    """What a parser sees of a page: elements, attributes, text, and whether every element was closed."""

    EMPTY = frozenset({"meta", "link", "img", "br", "input", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def a_card(**more: Any) -> Card:
    slots = dict.fromkeys(SLOTS, ())
    given: dict[str, Any] = {
        "style": "storeCard",
        "kind": "loyalty",
        "organisation": "Example Coffee Roasters",
        "name": "Coffee Club",
        "slots": slots,
        "links": (),
        "pictures": frozenset(),
        "language": "en",
    }
    return Card(**{**given, **more})


def a_holder(state: State | None = State.CREATED, **more: Any) -> HolderPage:
    kept = state is not None and state.keeps_email
    given: dict[str, Any] = {
        "card": a_card(),
        "url": URL,
        "offers": ("google", "apple"),
        "state": state,
        "mask": "j***@gmail.com" if kept else None,
        "learn_more_url": HELP if state else None,
    }
    return HolderPage(**{**given, **more})


def seen(holder: HolderPage, device: pages.Device = "android", language: str = "en") -> Seen:
    return Seen(page(holder, device=device, language=language))


# --- every page there is


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("state", STATES)
def test_every_page_is_whole_and_has_what_a_screen_reader_needs(
    state: State | None, device: pages.Device, language: str
) -> None:
    for offers in OFFERS:
        found = seen(a_holder(state, offers=offers), device, language)

        assert found.all("html") == [{"lang": language}]
        assert len(found.all("main")) == len(found.all("h1")) == len(found.all("nav")) == 1
        ids = [each["id"] for _, each in found.elements if "id" in each]
        assert len(ids) == len(set(ids))
        for _, attributes in found.elements:
            assert (attributes.get("aria-labelledby") or "headline") in ids
        assert all("alt" in each for each in found.all("img"))
        assert all(
            each.get("aria-hidden") or each.get("class") == "qr" or device == "desktop"
            for each in found.all("svg")
        )
        for each in found.all("form"):
            assert each["method"] == "post"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_obeys_its_own_policy(language: str) -> None:
    """No style, no script and no handler inside; scripts and styles of ours alone."""
    for state, device in product(STATES, DEVICES):
        found = seen(a_holder(state), device, language)

        assert [each.keys() for each in found.all("script")] == [{"src", "defer"}]
        assert not found.all("style")
        for tag, attributes in found.elements:
            assert "style" not in attributes
            assert not [name for name in attributes if name.startswith("on")]
            for name in ("src", "action") if tag != "link" else ("href",):
                assert (attributes.get(name) or "/").startswith("/")


def test_both_ways_stay_on_every_page_that_has_them() -> None:
    """The device is a guess; whoever it guesses wrong still gets the pass."""
    for device in DEVICES:
        found = seen(a_holder(), device)

        assert [each["action"] for each in found.all("form")].count(
            "/p/token-of-the-pass/google?lang=en"
        ) == 1
        assert len([each for _, each in found.elements if "data-ceremony" in each]) == 1


HEADLINES = {
    ("android", State.CREATED): "Add your pass to Google Wallet",
    ("android", State.GOOGLE_BOUND): "Your pass is in Google Wallet",
    ("android", State.APPLE_PENDING): "This pass belongs to Apple Wallet",
    ("android", State.APPLE_BOUND): "This pass belongs to Apple Wallet",
    ("iphone", State.CREATED): "Add your pass to Apple Wallet",
    ("iphone", State.GOOGLE_BOUND): "This pass belongs to Google Wallet",
    ("iphone", State.APPLE_PENDING): "Finish adding your pass",
    ("iphone", State.APPLE_BOUND): "Your pass is in Apple Wallet",
    ("desktop", State.CREATED): "Continue on your phone",
}


@pytest.mark.parametrize(("device", "state"), HEADLINES)
def test_the_headline_says_what_to_do_here(device: pages.Device, state: State) -> None:
    text = page(a_holder(state), device=device, language="en")

    found = re.search(r'<h1 id="headline">(.*?)</h1>', text)
    assert found
    assert found[1] == HEADLINES[device, state]


@pytest.mark.parametrize("state", [State.APPLE_PENDING, State.APPLE_BOUND])
def test_nothing_of_a_locked_wallet_can_be_pressed(state: State) -> None:
    for device in DEVICES:
        assert not any(
            "google" in (each["action"] or "") for each in seen(a_holder(state), device).all("form")
        )
    for device in DEVICES:
        found = seen(a_holder(State.GOOGLE_BOUND), device)
        assert not [each for _, each in found.elements if "data-ceremony" in each]


def test_the_mask_is_shown_while_it_is_kept() -> None:
    assert "j***@gmail.com" in seen(a_holder()).words
    assert "j***@gmail.com" in seen(a_holder(State.GOOGLE_BOUND)).words
    assert "***" not in seen(a_holder(State.APPLE_BOUND), "iphone").words


def test_a_pass_without_a_binding_is_handed_out_by_plain_forms() -> None:
    found = seen(a_holder(None), "iphone")

    assert {each["action"] for each in found.all("form")} == {
        "/p/token-of-the-pass/apple?lang=en",
        "/p/token-of-the-pass/google?lang=en",
    }
    assert "personal" not in found.words


def test_a_wallet_that_is_not_offered_says_so() -> None:
    found = seen(a_holder(offers=("google",)), "iphone")

    assert "does not offer this pass for Apple Wallet" in found.words
    assert not [each for _, each in found.elements if "data-ceremony" in each]


def test_the_page_explains_itself_without_javascript() -> None:
    """The button of the ceremony is hidden until the script shows it; a sentence stands there instead."""
    found = seen(a_holder(), "iphone")

    (button,) = [each for each in found.all("button") if "data-start" in each]
    assert "hidden" in button
    assert len(found.all("noscript")) == 1
    assert "needs JavaScript" in found.words


# --- URL-07: texts of others


MARKUP = "</p><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}{%x%}"


def test_url_07_markup_in_every_text_stays_text() -> None:
    item = Item(MARKUP, MARKUP)
    card = a_card(
        organisation=MARKUP,
        name=MARKUP,
        slots=dict.fromkeys(SLOTS, (item,)),
        links=((MARKUP, f"https://example.com/{MARKUP}"),),
        pictures=frozenset({"logo", "strip"}),
    )
    for state, device, style in product(STATES, DEVICES, ("storeCard", "boardingPass", "eventTicket")):
        holder = a_holder(state, card=replaced(card, style=style), mask=MARKUP, learn_more_url=HELP + MARKUP)
        found = seen(holder, device)

        assert len(found.all("script")) == 1
        assert all(each.get("src", "").endswith(".png?lang=en") for each in found.all("img"))  # type: ignore[union-attr]
        assert MARKUP in found.words
        assert not [name for _, each in found.elements for name in each if name.startswith("on")]


def replaced(card: Card, **changes: Any) -> Card:
    from dataclasses import replace

    return replace(card, **changes)


@pytest.mark.no_cover
@given(st.text(), st.sampled_from(LANGUAGES))
def test_url_07_no_text_breaks_the_page(text: str, language: str) -> None:
    card = a_card(name=text, slots={**dict.fromkeys(SLOTS, ()), "back": (Item(text, text),)})

    assert len(seen(a_holder(card=card), "desktop", language).all("script")) == 1


@pytest.mark.parametrize(
    "colour",
    [
        "red",
        "#fff;} body{display:none",
        "url(https://evil.example)",
        "rgb(1,2,3);x:y",
        "#12345G",
        "\n#123456;",
    ],
)
def test_url_07_only_a_plain_colour_gets_into_the_style_sheet(colour: str, tiny: Template) -> None:
    from dataclasses import replace

    template = replace(tiny, colours=Colours(background=colour, text="#0a0B0c", label="rgb(1, 2, 3)"))

    assert stylesheet(template) == ".card { --ink: #0a0B0c; --label: rgb(1, 2, 3); }\n"


# --- what stands between


CODES = [key.split(".")[1] for key in texts("en") if key.startswith("problem.") and key.endswith(".title")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*CODES, "vault_unreadable"])
def test_a_problem_is_told_in_plain_words(code: str, language: str) -> None:
    """A code without words of its own is a mistake of ours, and says no more."""
    found = Seen(problem(code, language=language, url=URL, learn_more_url=HELP))

    assert code not in found.words
    assert len(found.all("h1")) == 1
    links = {each["href"] for each in found.all("a")}
    assert {f"/p/token-of-the-pass?lang={language}", HELP} <= links
    assert not Seen(problem(code, language=language)).all("script")


def test_all_languages_have_the_same_texts_with_the_same_blanks() -> None:
    blanks = {
        language: {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in texts(language).items()}
        for language in LANGUAGES
    }

    assert all(each == blanks["en"] for each in blanks.values())


def test_every_text_is_used() -> None:
    """Each key stands in a template or the script, or is made of a name and a state that do."""
    folder = pages._HERE
    used = "".join(path.read_text("utf-8") for path in [*folder.rglob("*.html"), *folder.rglob("*.py")])
    made = re.compile(
        r"(headline\.(google|apple)_(open|pending|again|locked)|google\.lead_(open|again)|"
        r"apple\.lead_(pending|again)|off\.\w+|other\.\w+|problem\.\w+\.\w+|state\.\w+\.\w+|language)\Z"
    )

    assert [key for key in texts("en") if key not in used and not made.match(key)] == []
    states = {key.split(".")[1] for key in texts("en") if key.startswith("state.")}
    script = (folder / "assets" / "holder.js").read_text("utf-8")
    assert [name for name in states if f'"{name}"' not in script] == []


def test_every_state_of_the_script_has_words_on_the_page() -> None:
    script = (pages._HERE / "assets" / "holder.js").read_text("utf-8")
    shown_at_once = set(re.findall(r'(?:show|tell)\("(\w+)"\)', script))
    refused = set(re.findall(r'Refused\("(\w+)"\)', script))
    table = re.search(r"REFUSALS = \{(.*?)\};", script, re.DOTALL)
    assert table
    states = {"cancelled", "expired", "failed", *shown_at_once, *refused, *re.findall(r'"(\w+)"', table[1])}
    assert len(states) > 12

    for state in (State.CREATED, State.APPLE_PENDING, State.APPLE_BOUND):
        text = page(a_holder(state), device="iphone", language="de")
        there = set(re.findall(r'<template data-state="(\w+)">', text))
        assert states - there == set()
        assert there & {"unsupported", "unsupported_again"}


# --- guesses


@pytest.mark.parametrize(
    ("asked", "header", "spoken"),
    [
        (None, None, "en"),
        (None, "de", "de"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, "fr,de;q=0.5,en;q=0.4", "de"),
        (None, "fr", "en"),
        (None, "*", "en"),
        (None, "en;q=0, *", "de"),
        (None, "de;q=0", "en"),
        (None, "de;q=2", "en"),
        (None, "\0,;;,=", "en"),
        (None, "x," * 5000 + "de", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("fr", "de", "de"),
        ("DE", "en", "en"),
    ],
)
def test_the_language_is_asked_for_or_the_browsers(
    asked: str | None, header: str | None, spoken: str
) -> None:
    assert language_of(asked, header) == spoken


@given(st.text(max_size=60))
def test_no_header_breaks_the_guesses(header: str) -> None:
    assert language_of(None, header) in LANGUAGES
    assert device_of(header) in DEVICES


def test_devices_are_told_by_what_browsers_say() -> None:
    assert {name: device_of(agent) for name, agent in AGENTS.items()} == {name: name for name in AGENTS}
    assert device_of("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)") == "iphone"
    assert device_of("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)") == "desktop"
    assert device_of("x" * 1000 + "Android") == device_of(None) == "desktop"


# --- the card


def field(type_: Any = "text", **more: Any) -> Field:
    return Field(slot="primary", label="L", type=type_, **more)


MOMENT = datetime(2026, 7, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("each", "value", "english", "german"),
    [
        (field(), "as it is", "as it is", "as it is"),
        (field("integer"), 1234567, "1,234,567", "1.234.567"),
        (field("number"), Decimal("1234.5"), "1,234.5", "1.234,5"),
        (field("number"), 0.25, "0.25", "0,25"),
        (field("money", currency="EUR"), Decimal("24.5"), "€24.50", "24,50\xa0€"),
        (field("date"), date(2026, 5, 1), "May 1, 2026", "01.05.2026"),
        (field("date", date="long"), date(2026, 5, 1), "May 1, 2026", "1. Mai 2026"),
        (field("datetime"), MOMENT, "Jul 1, 2026, 10:30\u202fAM", "01.07.2026, 10:30"),
        (field("datetime", date="none"), MOMENT, "10:30\u202fAM", "10:30"),
        (field("datetime", time="none"), MOMENT, "Jul 1, 2026", "01.07.2026"),
        (field("datetime", date="short"), MOMENT, "7/1/26, 10:30\u202fAM", "01.07.26, 10:30"),
    ],
)
def test_values_are_written_as_a_reader_of_the_language_writes_them(
    each: Field, value: Any, english: str, german: str
) -> None:
    """Times keep the offset they were given with: a departure is local to its place."""
    assert (displayed_value(each, value, "en"), displayed_value(each, value, "de")) == (english, german)


def test_a_card_speaks_the_holders_language_where_the_template_does(club: Template) -> None:
    card = card_of(club.issue("M-1", {"fullName": "Jane Smith"}), "de")

    assert (card.name, card.organisation, card.language) == ("Kaffeeklub", "Beispiel-Kaffeerösterei", "de")
    assert card.slots["header"] == (Item("Punkte", "0"),)
    assert card.slots["secondary"] == (Item("Mitglied", "Jane Smith"), Item("Stufe", "Bronze"))
    assert card.slots["auxiliary"] == ()
    assert card.slots["back"][0] == Item("Nummer", "M-1")
    assert card.links == (("Webseite", "https://www.example.com/club"),)
    assert {"logo", "icon", "strip"} <= card.pictures
    assert card_of(club.issue("M-1", {"fullName": "Jane Smith"}), "en").name == "Coffee Club"


def test_a_picture_comes_in_its_finest_scale_and_in_the_language_first(club: Template) -> None:
    files = club.images.files

    assert picture(club, "logo", "en") == files["logo@3x.png"]
    assert picture(club, "strip", "de") == files.get("de/strip@3x.png", files["strip@3x.png"])
    assert picture(club, "thumbnail", "en") is None


@pytest.mark.parametrize("name", sorted(each.name for each in TEMPLATES.iterdir()))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_pass_has_a_card(name: str, language: str) -> None:
    card = card_of(Template.load(TEMPLATES / name).example(), language)

    for device in DEVICES:
        found = seen(a_holder(card=card), device, language)
        for item in (*card.slots["primary"], *card.slots["secondary"][:4], *card.slots["back"]):
            assert item.value in found.words


def test_a_boarding_pass_without_a_route_has_a_card() -> None:
    template = Template(kind=KINDS["train"], id="t", organisation="O", name="N", description="D")

    assert seen(a_holder(card=card_of(template.issue("1"), "en"))).all("h1")


# --- files


def test_assets_are_linked_by_their_digest() -> None:
    text = page(a_holder(), device="iphone", language="en")

    for name in ("holder.css", "holder.js", "icon.svg"):
        found = asset(name)
        assert found is not None
        assert found.digest in asset_path(name)
        assert asset_path(name) in text
    assert asset("../holder.py") is asset("nothing") is None


def test_the_script_and_the_style_sheet_name_no_other_host() -> None:
    for name in ("holder.css", "holder.js"):
        found = asset(name)
        assert found is not None
        assert b"://" not in found.data


# --- contrast


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    *(("text", "page"), ("soft", "page"), ("link", "page"), ("on-action", "action"), ("soft", "line")),
    *((name, f"{name}-back") for name in ("good", "warn", "bad", "busy")),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_texts_stand_out_from_what_is_behind_them(front: str, back: str, theme: int) -> None:
    """WCAG 2.2 success criterion 1.4.3, level AA: at least 4.5 to 1; a symbol 3 to 1 (1.4.11)."""
    found = asset("holder.css")
    assert found is not None
    themes = re.findall(r":root \{(.*?)\}", found.data.decode(), re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", themes[theme]))

    assert contrast(colours[front], colours[back]) >= (3 if back == "line" else 4.5)
