"""Placeholders: values of a JSON document that every pass computes anew."""

from __future__ import annotations

import re
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from passwright.schema.formats import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Values = Mapping[str, Any]

__all__ = ["Placeholder", "compile_text", "names_in", "to_text"]


class Placeholder(Pending):
    """A value that every pass computes anew.

    `compute` makes the JSON value from the values of a pass; `reads` names the values
    it uses. `copies` names the one text that is copied unchanged, None where something
    is computed.
    """

    __slots__ = ("compute", "copies", "reads")

    def __init__(self, compute: Callable[[Values], Any], *reads: str, copies: str | None = None) -> None:
        self.compute = compute
        self.reads = reads
        self.copies = copies

    @classmethod
    def copying(cls, name: str) -> Placeholder:
        """A placeholder that copies one text value unchanged."""
        return cls(itemgetter(name), name, copies=name)

    def __repr__(self) -> str:
        return f"Placeholder({', '.join(self.reads)})"


# `{name}` in a text stands for a value of the pass; `{{` and `}}` are braces.
_NAME = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_-]+)\}")


def names_in(text: str) -> tuple[str, ...]:
    """The names of the values that a text uses: `("serial",)` for "No. {serial}"."""
    return tuple(match[1] for match in _NAME.finditer(text) if match[1])


def compile_text(text: str) -> str | Placeholder:
    """Compiles a text of a template: the text itself, or a placeholder when it uses values."""
    names = names_in(text)
    if not names:
        return text.replace("{{", "{").replace("}}", "}")
    if text == f"{{{names[0]}}}":
        name = names[0]
        return Placeholder(lambda values: to_text(values[name]), name, copies=name)

    def compute(values: Values) -> str:
        return _NAME.sub(lambda m: to_text(values[m[1]]) if m[1] else m[0][0], text)

    return Placeholder(compute, *names)


def to_text(value: Any) -> str:
    """A value as text that reads the same everywhere: dates in ISO 8601, numbers without grouping."""
    if isinstance(value, str):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)
