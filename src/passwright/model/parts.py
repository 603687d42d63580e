"""Parts of a template: fields, colours, images, NFC, barcode, links and locations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from passwright.documents.placeholders import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "SLOTS",
    "Barcode",
    "Colours",
    "Field",
    "Images",
    "Link",
    "Location",
    "Nfc",
    "Personalization",
    "learn_more_label",
]


Slot = Literal["header", "primary", "secondary", "auxiliary", "back"]
SLOTS: tuple[Slot, ...] = ("header", "primary", "secondary", "auxiliary", "back")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value that a template shows or carries.

    `value` is fixed text (it may hold `{serial}` or `{other-field}`), `default`
    counts when a pass gives none, `optional` fields may be left out; a field
    with none of the three must be given at issue. Without a `slot` it is
    carried for its `means` only. `date` and `time` are styles (none, short,
    medium, long, full); `change` is the message shown when the value changes.
    """

    label: str = ""
    slot: Slot | None = None
    means: str | None = None
    type: Literal["text", "integer", "number", "money", "date", "datetime"] = "text"
    value: Any = None
    default: Any = None
    optional: bool = False
    example: Any = None
    currency: str | None = None
    date: str | None = None
    time: str | None = None
    align: Literal["left", "centre", "right"] | None = None
    change: str | None = None

    @property
    def is_constant(self) -> bool:
        """The value is the same in every pass, and stands here as it is shown."""
        if isinstance(self.value, str):
            return not names_in(self.value) and "{{" not in self.value and "}}" not in self.value
        return self.value is not None

    def parse(self, text: str) -> Any:
        """The value that a text from a command line, a CSV row or JSON stands for.

        Raises: ValueError: the text is not a value of this field's type.
        """
        try:
            return _PARSERS[self.type](text)
        except (ValueError, InvalidOperation):
            raise ValueError(f"is not {_TYPE_WORDS[self.type]}") from None


def _decimal(text: str) -> Decimal:
    number = Decimal(text.strip())
    if not number.is_finite():
        raise ValueError
    return number


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "integer": int,
    "number": _decimal,
    "money": _decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}

_TYPE_WORDS = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "money": "an amount such as 12.50",
    "date": "a date such as 2026-05-01",
    "datetime": "a date with time and zone such as 2026-05-01T09:00:00+02:00",
}


# The label of a binding's learn-more link, which no template has to spell out.
_LEARN_MORE = {
    "de": "Zu diesem Pass",
    "en": "About this pass",
    "es": "Sobre este pase",
    "fr": "À propos de ce pass",
    "it": "Informazioni sul pass",
    "nl": "Over deze pas",
    "pt": "Sobre este passe",
}


def learn_more_label(language: str) -> str:
    """Returns the label of the learn-more link of a bound pass in a language (BCP 47); English if unknown."""
    return _LEARN_MORE.get(language.partition("-")[0].lower(), _LEARN_MORE["en"])


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Colours as `#rrggbb`. A missing one is the wallet's choice."""

    background: str | None = None
    text: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Images:
    """Pictures of a template.

    `files` maps names such as `icon.png`, `logo@2x.png`, `de/hero.png` to PNG
    bytes. Google fetches its own from `url` + file name; `alt` is what a screen
    reader says. `mode` is how a picture meets an Apple slot of another ratio: fit
    stays inside it, crop fills it, pad fills up with transparent pixels; None is
    what suits each slot.
    """

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    url: str | None = None
    alt: str | None = None
    mode: Literal["fit", "crop", "pad"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", dict(self.files))


@dataclass(frozen=True, kw_only=True)
class Nfc:
    """The NFC message of a pass.

    `message` may hold blanks. `apple_key` is the reader's public key, Base64 of
    a SubjectPublicKeyInfo with a compressed P-256 point; without it the pass has
    no NFC on Apple. `google_issuers` are the redemption issuers of Smart Tap;
    without them it has none on Google. `google_constraint` lists what stays
    silent while the pass is open, such as BLOCK_PAYMENT.
    """

    message: str = "{serial}"
    apple_key: str | None = None
    google_issuers: tuple[str, ...] = ()
    google_constraint: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Barcode:
    """A code on the pass: format qr, pdf417, aztec or code128; `message` and `text` may hold blanks."""

    format: str = "qr"
    message: str = "{serial}"
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Personalization:
    """The sign-up sheet that Apple shows when the pass is added.

    `fields` are one or more of name, email, phone and postal_code; `terms`, which
    may hold links in HTML, have to be agreed to. The picture `personalizationLogo`
    heads the sheet. Who has signed up gets the pass of a template without
    personalization; Google has no such sheet.
    """

    fields: tuple[str, ...]
    description: str
    terms: str | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link shown with the details of a pass."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place near which the pass is shown, in degrees (WGS 84)."""

    latitude: float
    longitude: float
    text: str | None = None
