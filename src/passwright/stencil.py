"""A document worked out once and filled per pass.

A `Stencil` is JSON in which some values are still open. What is constant for
a template is serialised when the stencil is made; each pass costs its own
values only. `loads(stencil.text(filled)) == stencil.document(filled)` holds
for all values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from json.encoder import encode_basestring
from operator import call, itemgetter
from typing import TYPE_CHECKING, Any

from passwright.forms import is_text
from passwright.strictjson import dumps
from passwright.table import Unknown, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Values = Mapping[str, Any]
    Vouch = Callable[[Any], object]

__all__ = [
    "KEPT_TEMPLATES",
    "Blank",
    "Stencil",
    "merge",
    "names_in",
    "plain",
    "set_at",
    "written",
]

# How many templates a builder keeps what is constant for: those that came last.
KEPT_TEMPLATES = 32


class Blank(Unknown):
    """A value that every pass fills in.

    `fill` makes the JSON value from the values of a pass; `reads` names those it uses.
    `repeats` names the one text that is filled in as it is, where there is nothing to make.
    """

    __slots__ = ("fill", "reads", "repeats")

    def __init__(self, fill: Callable[[Values], Any], *reads: str, repeats: str | None = None) -> None:
        self.fill = fill
        self.reads = reads
        self.repeats = repeats

    @classmethod
    def repeating(cls, name: str) -> Blank:
        """The blank that a text of the pass is filled into as it is."""
        return cls(itemgetter(name), name, repeats=name)

    def __repr__(self) -> str:
        return f"Blank({', '.join(self.reads)})"


# `{name}` in a text stands for a value of the pass; `{{` and `}}` are braces.
_NAME = re.compile(r"\{\{|\}\}|\{([A-Za-z0-9_-]+)\}")


def names_in(text: str) -> tuple[str, ...]:
    """The names of the values that a text asks for: `("serial",)` for "No. {serial}"."""
    return tuple(match[1] for match in _NAME.finditer(text) if match[1])


def written(text: str) -> str | Blank:
    """The text itself, or the blank that fills it in when it asks for values."""
    names = names_in(text)
    if not names:
        return text.replace("{{", "{").replace("}}", "}")
    if text == f"{{{names[0]}}}":
        name = names[0]
        return Blank(lambda values: plain(values[name]), name, repeats=name)
    return Blank(lambda values: _NAME.sub(lambda m: plain(values[m[1]]) if m[1] else m[0][0], text), *names)


def plain(value: Any) -> str:
    """A value as text that reads the same everywhere: dates in ISO 8601, numbers without grouping."""
    if isinstance(value, str):
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


class Stencil:
    """A JSON document with blanks.

    `skeleton` is the document with `Blank` objects in the open places, `blanks`
    the pointer (RFC 6901) of each in document order. The skeleton is a copy:
    what the caller gave may change later.
    """

    __slots__ = ("_fills", "_plan", "_texts", "blanks", "skeleton")

    def __init__(self, skeleton: Mapping[str, Any]) -> None:
        self.skeleton: dict[str, Any] = _copied(dict(skeleton))
        self.blanks: tuple[tuple[str, Blank], ...] = tuple(_blanks(self.skeleton, ""))
        self._fills = [blank.fill for _, blank in self.blanks]
        self._texts = _constant_texts(self.skeleton)
        self._plan = _plan(self.skeleton)

    def fill(self, values: Values) -> list[Any]:
        """The JSON values of the blanks for one pass, in the order of `blanks`."""
        return [fill(values) for fill in self._fills]

    def text(self, filled: Sequence[Any]) -> str:
        """The document as compact JSON, with the blanks as `filled`."""
        pieces = self._texts.copy()
        pieces[1::2] = map(dumps, filled)
        return "".join(pieces)

    def writer(self, vouch: Sequence[Vouch | None]) -> Writer:
        """What makes the texts of passes whose values are all vouched for.

        `vouch` says for each blank whether its value is good, None that each one is.
        Of a blank that repeats a text it is asked about what `is_text` alone: nothing
        else is vouched for.
        """
        return Writer(self._texts, [blank for _, blank in self.blanks], vouch)

    def document(self, filled: Sequence[Any]) -> dict[str, Any]:
        """The document as Python values; everything without a blank in it is shared, so only look."""
        made: dict[str, Any] = _filled(self._plan, iter(filled))
        return made


# Most values that are made one by one are texts and whole numbers.
_WRITERS: Mapping[type, Callable[[Any], str]] = {str: encode_basestring, int: repr}


class Writer:
    """`Stencil.fill`, a look at each value, and `Stencil.text` in one go: every pass comes by here.

    Texts that are repeated are nearly all there is: they are taken out, looked at
    and written together.
    """

    __slots__ = ("_asks", "_blanks", "_get", "_get_doubted", "_made", "_texts")

    def __init__(self, texts: list[str], blanks: Sequence[Blank], vouch: Sequence[Vouch | None]) -> None:
        self._texts = texts
        self._blanks = blanks
        found = list(zip(blanks, vouch, strict=True))
        self._get = _getter([blank.repeats for blank in blanks if blank.repeats])
        # Of these, those that somebody has to be asked about.
        doubted = [(blank.repeats, ask) for blank, ask in found if blank.repeats and ask]
        self._get_doubted = _getter([name for name, _ in doubted])
        self._asks = [ask for _, ask in doubted]
        # Which blank, how it is filled, and who is asked.
        self._made = [(at, blank.fill, ask) for at, (blank, ask) in enumerate(found) if not blank.repeats]

    def text(self, values: Values) -> str | None:
        """The text of one pass; None where not all of its values are vouched for."""
        if not self._blanks:
            return self._texts[0]
        given = self._get(values)
        try:
            if not ("".join(given).isprintable() or all(map(is_text, given))):
                return None
        except TypeError:  # no text
            return None
        if not all(map(call, self._asks, self._get_doubted(values))):
            return None
        encoded = [*map(encode_basestring, given)]
        for at, fill, vouch in self._made:
            value = fill(values)
            if vouch is not None and not vouch(value):
                return None
            write = _WRITERS.get(type(value), dumps)
            encoded.insert(at, write(value))
        pieces = self._texts.copy()
        pieces[1::2] = encoded
        return "".join(pieces)


def _getter(names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """What takes these values out, in their order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple([values[name] for name in names])


def set_at(document: dict[str, Any], path: str, value: Any) -> None:
    """Set `loyaltyPoints.balance` or `seats.0.seatRow`; what is missing on the way is made."""
    steps = path.split(".")
    owner: Any = document
    for step_, following in pairwise(steps):
        fresh: Any = [] if following.isdigit() else {}
        if isinstance(owner, list):
            owner.extend({} for _ in range(len(owner), int(step_) + 1))
            owner = owner[int(step_)]
        else:
            owner = owner.setdefault(step_, fresh)
    owner[steps[-1]] = value


def merge(document: Any, patch: Any) -> Any:
    """`document` with `patch` applied: RFC 7396, JSON Merge Patch. Neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _copied(node: Any) -> Any:
    """A copy that shares nothing that can change, tuples as lists: what JSON reads back."""
    if isinstance(node, dict):
        return {name: _copied(value) for name, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_copied(value) for value in node]
    return node


def _below(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _blanks(node: Any, pointer: str) -> Iterator[tuple[str, Blank]]:
    if isinstance(node, Blank):
        yield pointer, node
    for name, value in _below(node):
        yield from _blanks(value, step(pointer, name))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A node to copy, and what stands open in it: a step with None is a blank itself."""

    node: dict[Any, Any] | list[Any]
    steps: tuple[tuple[Any, _Plan | None], ...]


def _plan(node: Any) -> _Plan:
    """The way to the blanks below a node; all else is never looked at again."""
    steps: list[tuple[Any, _Plan | None]] = []
    for name, value in _below(node):
        if isinstance(value, Blank):
            steps.append((name, None))
        elif (plan := _plan(value)).steps:
            steps.append((name, plan))
    return _Plan(node, tuple(steps))


def _filled(plan: _Plan, values: Iterator[Any]) -> Any:
    made: Any = plan.node.copy()
    for name, below in plan.steps:
        made[name] = next(values) if below is None else _filled(below, values)
    return made


def _pieces(node: Any) -> Iterator[str | None]:
    """The JSON text of a document, None for each blank."""
    if isinstance(node, Blank):
        yield None
    elif isinstance(node, dict):
        opening = "{"
        for name, value in node.items():
            yield f"{opening}{dumps(name)}:"
            yield from _pieces(value)
            opening = ","
        yield "}" if node else "{}"
    elif isinstance(node, list):
        opening = "["
        for value in node:
            yield opening
            yield from _pieces(value)
            opening = ","
        yield "]" if node else "[]"
    else:
        yield dumps(node)


def _constant_texts(node: Any) -> list[str]:
    """Constant text and gap in turn: text, "", text, "", text."""
    texts = [""]
    for piece in _pieces(node):
        if piece is None:
            texts += ["", ""]
        else:
            texts[-1] += piece
    return texts
