"""Template and Pass: one definition for both wallets.

A `Template` is the design shared by a family of passes, a `Pass` is the pass of one
holder. Both are plain values. Their constructors validate nothing, so that a
program can hold an incomplete definition; loading, validating and building
validate the whole definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from passwright.documents.placeholders import Placeholder, compile_text, to_text
from passwright.model.parts import Barcode, Colours, Images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from os import PathLike

    from passwright.binding.binding import Binding
    from passwright.model.kinds import Kind
    from passwright.model.parts import Field, Link, Location, Nfc, Personalization

__all__ = ["Pass", "Template"]


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
    colours: Colours = field(default_factory=Colours)
    images: Images = field(default_factory=Images)
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
        # The caller's values may change later; a validated template must not.
        for name in ("fields", "translations", "apple", "google"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    @cached_property
    def resolver(self) -> ValueResolver:
        """The resolver of the values of this template's passes."""
        return ValueResolver.compile(self.fields, self.nfc, self.barcode)

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
        """The names of the optional parts of the pass: field keys, and nfc, barcode, binding, expires with
        an @.
        """
        template, values = self.template, self.values
        there = tuple(values)
        if None in values.values():
            there = tuple(key for key, value in values.items() if value is not None)
        return template.resolver.shape(
            there,
            template.nfc is not None and self.nfc is not False,
            bool(self.barcode) or (self.barcode is None and template.barcode is not None),
            self.binding is not None,
            self.expires is not None,
        )

    def resolved_values(self) -> dict[str, Any]:
        """Every value by name: the serial, the fields, and the messages of nfc and barcode with an @."""
        plan = self.template.resolver
        given = {
            key: value for key, value in self.values.items() if value is not None and key in plan.assignable
        }
        values = plan.resolve(self.serial, given, self.binding, self.expires)
        if self.nfc is not None or self.barcode is not None:
            self._override_messages(values)
        return values

    def _override_messages(self, values: dict[str, Any]) -> None:
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
class ValueResolver:
    """Computes the values of the passes of one template.

    `base` holds the values that are the same for every pass, and the placeholders.
    `assignable` are the keys of the fields that a pass can give a value. `copies` are pairs of
    a name and the name of the value that it copies as text. `computations` are pairs of a name
    and a placeholder. `shape` returns the shape of a pass from the keys of its values, and from
    whether the pass has NFC, a barcode, a binding and an end of validity.
    """

    base: dict[str, Any]
    assignable: frozenset[str]
    copies: tuple[tuple[str, str], ...]
    computations: tuple[tuple[str, Placeholder], ...]
    shape: Callable[[tuple[str, ...], bool, bool, bool, bool], frozenset[str]]

    def resolve(
        self, serial: str, assigned: Mapping[str, Any], binding: Binding | None, expires: datetime | None
    ) -> dict[str, Any]:
        """Returns every value by its name; `assigned` are the values of the fields of one pass."""
        values = {**self.base, **assigned, "serial": serial}
        for key, name in self.copies:
            value = values[name]
            values[key] = value if type(value) is str else to_text(value)
        for key, placeholder in self.computations:
            values[key] = placeholder.compute(values)
        if expires is not None:
            values["@expires"] = expires
        if binding is not None:
            values["@learn-more"] = binding.learn_more_url
        return values

    @classmethod
    def compile(cls, fields: Mapping[str, Field], nfc: Nfc | None, barcode: Barcode | None) -> ValueResolver:
        """Compiles the fields and messages of a template; without a barcode, the default one counts."""
        barcode = barcode or Barcode()
        assignable = {key: each for key, each in fields.items() if each.value is None}
        texts = {key: each.value for key, each in fields.items() if each.value is not None}
        values = {key: text if fields[key].is_constant else compile_text(text) for key, text in texts.items()}
        if nfc is not None:
            values["@nfc"] = compile_text(nfc.message)
        values["@barcode"] = compile_text(barcode.message)
        values["@barcode-text"] = compile_text(barcode.text or "")
        placeholders = {key: each for key, each in values.items() if isinstance(each, Placeholder)}
        defaults = {key: each.default for key, each in assignable.items()}
        optional = {key for key, each in assignable.items() if each.default is None}
        always = frozenset(fields.keys() - optional)

        # Equal arguments return one set object, which computes its hash only once.
        @lru_cache(maxsize=64)
        def shape(keys: tuple[str, ...], *parts: bool) -> frozenset[str]:
            named = zip(("@nfc", "@barcode", "@binding", "@expires"), parts, strict=True)
            return always.union(optional.intersection(keys), (name for name, part in named if part))

        return cls(
            base={**defaults, **values, "@expires": None},
            assignable=frozenset(assignable),
            copies=tuple((key, each.copies) for key, each in placeholders.items() if each.copies),
            computations=tuple((key, each) for key, each in placeholders.items() if not each.copies),
            shape=shape,
        )
