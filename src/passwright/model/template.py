"""Template and Pass: one definition for both wallets.

A `Template` is the design shared by a family of passes, a `Pass` is one
holder's. Both are plain values: construction checks nothing, so that a
program can hold a half-finished definition; loading, validating and building
check everything at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from passwright.documents.placeholders import Placeholder, as_plain_text, compile_text, names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from passwright.binding.binding import Binding
    from passwright.model.kinds import Kind

__all__ = [
    "Barcode",
    "Colours",
    "Field",
    "Images",
    "Link",
    "Location",
    "Nfc",
    "Pass",
    "Personalization",
    "Template",
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
    def constant(self) -> bool:
        """The value is the same in every pass, and stands here as it is shown."""
        if isinstance(self.value, str):
            return not names_in(self.value) and "{{" not in self.value and "}}" not in self.value
        return self.value is not None

    def parse(self, text: str) -> Any:
        """The value that a text from a command line, a CSV row or JSON stands for.

        Raises:
            ValueError: the text is no value of this field's type.
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
    """What the learn-more link of a bound pass is called in a language (BCP 47); English where unknown."""
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
    """What a pass says to a reader.

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
    """What Apple asks the holder when the pass is added: a sheet for signing up.

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """The design that a family of passes shares.

    `id` names Google's class unless `google_class`, a text that may hold blanks,
    does. `translations` maps languages (BCP 47) to texts in `language` and what
    they are called there. `apple` is merged into pass.json last, `google["class"]`
    and `google["object"]` into Google's payloads (RFC 7396).
    """

    kind: Kind
    id: str
    organisation: str
    name: str
    description: str
    language: str = "en"
    colours: Colours = Colours()
    images: Images = Images()
    fields: Mapping[str, Field] = field(default_factory=dict)
    nfc: Nfc | None = None
    barcode: Barcode | None = None
    personalization: Personalization | None = None
    links: tuple[Link, ...] = ()
    locations: tuple[Location, ...] = ()
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    google_class: str | None = None
    apple: Mapping[str, Any] = field(default_factory=dict)
    google: Mapping[str, Any] = field(default_factory=dict)
    source: str = field(default="template", compare=False)

    def __post_init__(self) -> None:
        # What the caller gave may change later; a template that was judged may not.
        for name in ("fields", "translations", "apple", "google"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    @cached_property
    def plan(self) -> _Plan:
        """Where the values of this template's passes come from."""
        return _Plan.of(self)

    @staticmethod
    def load(folder: str | PathLike[str], *, kinds: Mapping[str, Kind] | None = None) -> Template:
        """The template in a folder: template.toml, images/ and translations/.

        `kinds` are the kinds it may have, default `passwright.model.kinds.KINDS`.

        Raises:
            TemplateRejected: with every mistake of the folder at once, each with its place.
            OSError: the folder can't be read.
        """
        from passwright.model.folder import load

        return load(folder, kinds=kinds)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the template as a folder that `load` reads back.

        Raises:
            FileExistsError: the folder is there and not empty.
        """
        from passwright.model.folder import save

        save(self, folder)

    def issue(
        self,
        serial: str,
        values: Mapping[str, Any] | None = None,
        *,
        nfc: str | Literal[False] | None = None,
        barcode: str | Literal[False] | None = None,
        binding: Binding | None = None,
        expires: datetime | None = None,
        apple: Mapping[str, Any] | None = None,
        google: Mapping[str, Any] | None = None,
    ) -> Pass:
        """A pass of this template. Nothing is checked yet; builders and `validate` do.

        `nfc` and `barcode`: None is the template's, text is its message, False is
        off. `expires` needs a zone. `apple` and `google` are merged last.
        """
        return Pass(
            template=self,
            serial=serial,
            values=values or {},
            nfc=nfc,
            barcode=barcode,
            binding=binding,
            expires=expires,
            apple=apple or {},
            google=google or {},
        )

    def example(self, serial: str = "EXAMPLE-1", **given: Any) -> Pass:
        """A pass made of the fields' example values; `given` as for `issue`."""
        values = {key: each.example for key, each in self.fields.items() if each.example is not None}
        return self.issue(serial, {**values, **given.pop("values", {})}, **given)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One holder's pass. What is handed in is copied."""

    template: Template
    serial: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    nfc: str | Literal[False] | None = field(default=None, repr=False)
    barcode: str | Literal[False] | None = field(default=None, repr=False)
    binding: Binding | None = None
    expires: datetime | None = None
    apple: Mapping[str, Any] = field(default_factory=dict, repr=False)
    google: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("values", "apple", "google"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    def replace(self, **changes: Any) -> Pass:
        """The pass with some members changed."""
        return replace(self, **changes)

    @property
    def shape(self) -> frozenset[str]:
        """Which optional parts are there: field keys, and nfc, barcode, binding, expires with an @."""
        template, values = self.template, self.values
        there = tuple(values)
        if None in values.values():
            there = tuple(key for key, value in values.items() if value is not None)
        return template.plan.shape(
            there,
            template.nfc is not None and self.nfc is not False,
            bool(self.barcode) or (self.barcode is None and template.barcode is not None),
            self.binding is not None,
            self.expires is not None,
        )

    def filled(self) -> dict[str, Any]:
        """Every value by name: the serial, the fields, and the messages of nfc and barcode with an @."""
        plan = self.template.plan
        given = {key: value for key, value in self.values.items() if value is not None and key in plan.given}
        values = plan.values(self.serial, given, self.binding, self.expires)
        if self.nfc is not None or self.barcode is not None:
            self._say_own(values)
        return values

    def _say_own(self, values: dict[str, Any]) -> None:
        """The messages of this pass in place of the template's."""
        if self.nfc is False:
            values.pop("@nfc", None)
        elif self.nfc is not None and "@nfc" in values:
            values["@nfc"] = self.nfc
        if self.barcode is False:
            del values["@barcode"], values["@barcode-text"]
        elif self.barcode:
            values["@barcode"] = self.barcode


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the values of a template's passes come from, looked up once.

    `base` are the values of a pass that gives none, as far as they are known then;
    `given` are the fields it may give. `copied` repeat another value as text, `computed`
    are texts with blanks. `shape` makes the shape of the fields that are given, and
    of whether nfc, barcode, binding and expires are there.
    """

    base: dict[str, Any]
    given: frozenset[str]
    copied: tuple[tuple[str, str], ...]
    computed: tuple[tuple[str, Placeholder], ...]
    shape: Callable[[tuple[str, ...], bool, bool, bool, bool], frozenset[str]]

    def values(
        self, serial: str, given: Mapping[str, Any], binding: Binding | None, expires: datetime | None
    ) -> dict[str, Any]:
        """Every value by name, of fields that are given a value."""
        values = {**self.base, **given, "serial": serial}
        for key, name in self.copied:
            value = values[name]
            values[key] = value if type(value) is str else as_plain_text(value)
        for key, text in self.computed:
            values[key] = text.compute(values)
        if expires is not None:
            values["@expires"] = expires
        if binding is not None:
            values["@learn-more"] = binding.learn_more_url
        return values

    @classmethod
    def of(cls, template: Template) -> _Plan:
        fields, code = template.fields, template.barcode or Barcode()
        given = {key: each for key, each in fields.items() if each.value is None}
        texts = {key: each.value for key, each in fields.items() if each.value is not None}
        made = {key: text if fields[key].constant else compile_text(text) for key, text in texts.items()}
        made |= {} if template.nfc is None else {"@nfc": compile_text(template.nfc.message)}
        made |= {"@barcode": compile_text(code.message), "@barcode-text": compile_text(code.text or "")}
        blanks = {key: each for key, each in made.items() if isinstance(each, Placeholder)}
        defaults = {key: each.default for key, each in given.items()}
        optional = {key for key, each in given.items() if each.default is None}
        always = frozenset(fields.keys() - optional)

        # The same set for the same parts: a set knows its hash from the first time on.
        @lru_cache(maxsize=64)
        def shape(there: tuple[str, ...], *parts: bool) -> frozenset[str]:
            named = zip(("@nfc", "@barcode", "@binding", "@expires"), parts, strict=True)
            return always.union(optional.intersection(there), (name for name, part in named if part))

        return cls(
            base={**defaults, **made, "@expires": None},
            given=frozenset(given),
            copied=tuple((key, blank.copies) for key, blank in blanks.items() if blank.copies),
            computed=tuple((key, blank) for key, blank in blanks.items() if not blank.copies),
            shape=shape,
        )
