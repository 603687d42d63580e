"""A pass as a person looks at it: texts in their language, ready to be shown.

It comes from the same values as the signed pass and has the look of its style.
How a wallet draws it to the point is not told here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

from passwright.documents.placeholders import to_text
from passwright.model.parts import SLOTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.model.parts import Field
    from passwright.model.template import Pass, Template

# IATA codes have three letters, ICAO codes four.
AIRPORT_CODE = 4

__all__ = ["PICTURES", "Card", "Item", "card_of", "picture", "stylesheet"]

# Images that the page may request; other files of a template are for wallets.
PICTURES = ("logo", "icon", "strip", "thumbnail", "background", "footer")


@dataclass(frozen=True, slots=True)
class Item:
    """A label and a value, either of which may be empty."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The drawn card of a pass. Texts are plain: the page escapes them."""

    style: str
    kind: str
    organisation: str
    name: str
    slots: Mapping[str, tuple[Item, ...]]
    links: tuple[tuple[str, str], ...]
    pictures: frozenset[str]
    language: str

    @property
    def names_are_long(self) -> bool:
        """From and to are names of places rather than the codes of airports."""
        return any(len(item.value) > AIRPORT_CODE for item in self.slots["primary"])


def card_of(pass_: Pass, language: str) -> Card:
    """The card of a pass for somebody who reads `language` (BCP 47).

    Texts come in that language where the template has it, numbers and dates
    always. Times are shown with the offset they were given with: a departure is
    local to its place.
    """
    template, filled = pass_.template, pass_.resolved_values()
    told = _translator(template, language)
    slots: dict[str, list[Item]] = {slot: [] for slot in SLOTS}
    for key, each in template.fields.items():
        value = filled.get(key)
        if each.slot is not None and value is not None:
            text = (
                told(value)
                if isinstance(value, str) and each.is_constant
                else displayed_value(each, value, language)
            )
            slots[each.slot].append(Item(told(each.label), text))
    return Card(
        style=template.kind.style,
        kind=template.kind.name,
        organisation=told(template.organisation),
        name=told(template.name),
        slots={slot: tuple(items) for slot, items in slots.items()},
        links=tuple((told(link.label), link.url) for link in template.links),
        pictures=frozenset(name for name in PICTURES if picture(template, name, language)),
        language=language if _has_language(template, language) else template.language,
    )


def picture(template: Template, name: str, language: str) -> bytes | None:
    """The PNG of a picture slot in its finest scale, that of the language first."""
    files = template.images.files
    for folder in (f"{language}/", ""):
        for scale in ("@3x", "@2x", ""):
            if found := files.get(f"{folder}{name}{scale}.png"):
                return found
    return None


def stylesheet(template: Template) -> str:
    """The colours of a card as custom properties of CSS: style sheets alone may hold them.

    A value that is not a plain colour is left out, and the page's own colour stands.
    """
    colours = template.colours
    given = {"paper": colours.background, "ink": colours.text, "label": colours.label or colours.text}
    lines = [f"--{name}: {value};" for name, value in given.items() if value and _COLOUR.fullmatch(value)]
    return f".card {{ {' '.join(lines)} }}\n"


_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}|rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)")


def displayed_value(each: Field, value: Any, language: str) -> str:
    """A value as it is written in a language (Unicode CLDR)."""
    locale = _locale(language)
    match value:
        case datetime():
            return _moment(each, value, locale)
        case date():
            return format_date(value, _style(each.date), locale=locale)
        case Decimal() | int() | float() if each.type == "money" and each.currency:
            return format_currency(Decimal(str(value)), each.currency, locale=locale)
        case Decimal() | int() | float():
            return format_decimal(Decimal(str(value)), locale=locale)
    return to_text(value)


def _moment(each: Field, value: datetime, locale: Locale) -> str:
    day, time = each.date, each.time or "short"
    if day == "none":
        return format_time(value, time, locale=locale)
    if time == "none":
        return format_date(value, _style(day), locale=locale)
    parts = format_date(value, _style(day), locale=locale), format_time(value, time, locale=locale)
    return ", ".join(parts)


def _style(name: str | None) -> Any:
    return name if name and name != "none" else "medium"


def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def _has_language(template: Template, language: str) -> bool:
    return language in template.translations or language == template.language


def _translator(template: Template, language: str) -> Any:
    """A function from a template's text to what it is called in the language."""
    texts = template.translations.get(language, {}) if language != template.language else {}
    return lambda text: texts.get(text, text)
