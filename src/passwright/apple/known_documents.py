"""Documents that were judged before: those of one template say the same, but for a few values.

A pass.json about which there was nothing to say is kept in pieces. Of another one
that differs from it in values alone, at places where others did before, only these
values are judged, by the checks and the rules that judge them in any other document.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from passwright.apple.rules import judge
from passwright.forms import Unknown, fits_style
from passwright.table import place_in, step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from passwright.apple.rules import About
    from passwright.sound import Check
    from passwright.table import Table

    _Silent = Callable[[Sequence[Any], Mapping[str, Any]], bool]

__all__ = ["DOCUMENTS", "KnownDocuments"]

# Real ones have 1 to 8 kB; a few hold pages of small print.
MAX_BYTES = 16 * 2**10
MAX_KEPT = 64
# What differs in more places is of another template.
MAX_BLANKS = 32

# A number that every reader reads alike, in the piece between the quotes of a key and of the next one.
_NUMBER = re.compile(r"(\s*:\s*)(-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?)(\s*[,}\]][^\"]*)")
_QUOTE = b'"'
_TEXT_MARK, _NUMBER_MARK = "passwright blank ", 700_000_000_000_000


class _Shape(NamedTuple):
    """What documents have in common, and what judges the rest.

    `pieces` are those of one document without the blanks, `constant` takes out those
    that all have in common, `said`. `blanks` are the indexes of the others, and
    where one holds a number the text around it. `is_silent` says of values and
    document that there is nothing to say.
    """

    about: About
    pieces: list[str]
    constant: Callable[[list[str]], tuple[str, ...]]
    said: tuple[str, ...]
    blanks: tuple[tuple[int, tuple[str, str] | None], ...]
    is_silent: _Silent


class _First(NamedTuple):
    """A document of which there was no other yet."""

    about: About
    data: bytes

    @property
    def pieces(self) -> list[str]:
        return _pieces(self.data)

    @property
    def blanks(self) -> tuple[()]:
        return ()


class KnownDocuments:
    """Knows documents by the template they are of; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        # By the number of quotes: templates with the same take turns, which costs them time only.
        # Of one that came once, there is what came.
        self._kept: dict[int, _Shape | _First] = {}

    def forget(self) -> None:
        """Knows no document any more."""
        with self._lock:
            self._kept.clear()

    def find(self, data: bytes, about: About) -> dict[str, Any] | None:
        """The document, where it is known that there is nothing to say about it."""
        shape = self._kept.get(data.count(_QUOTE))
        if not isinstance(shape, _Shape):
            return None
        pieces = _pieces(data)
        if not pieces or shape.constant(pieces) != shape.said or shape.about != about:
            return None
        values: list[Any] = []
        for index, around in shape.blanks:
            value = _text(pieces[index]) if around is None else _number(pieces[index], around)
            if value is None:
                return None
            values.append(value)
        document: dict[str, Any] = json.loads(data)
        return document if shape.is_silent(values, document) else None

    def met(self, data: bytes, about: About) -> None:
        """There was nothing to say about a document."""
        if len(data) > MAX_BYTES:
            return
        quotes = data.count(_QUOTE)
        last = self._kept.get(quotes)
        shape = None if last is None or last.about != about else _together(last, _pieces(data))
        with self._lock:
            if quotes not in self._kept and len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[quotes] = shape or _First(about, data)


DOCUMENTS = KnownDocuments()
"""Those of this process."""


def _pieces(data: bytes) -> list[str]:
    """The text between quotes; nothing where it is not UTF-8."""
    try:
        return str(data, "utf-8").split('"')
    except UnicodeDecodeError:
        return []


def _text(piece: str) -> str | None:
    """What stands between two quotes, where it is the text itself, without escapes."""
    return piece if piece.isprintable() and "\\" not in piece else None


def _number(piece: str, around: tuple[str, str]) -> float | None:
    match = _NUMBER.fullmatch(piece)
    if match is None or (match[1], match[3]) != around:
        return None
    return float(match[2]) if "." in match[2] else int(match[2])


def _together(last: _Shape | _First, pieces: list[str]) -> _Shape | None:
    """The shape that a document has in common with those before it."""
    known, blanks = last.pieces, {index for index, _ in last.blanks}
    blanks.update(index for index, piece in enumerate(pieces) if piece != known[index])
    return _shape(pieces, sorted(blanks), last.about)


def _shape(pieces: list[str], blanks: Sequence[int], about: About) -> _Shape | None:
    """The shape of documents that differ in the pieces `blanks`, None where these are not values alone.

    Where a mark in a piece comes out as a value, the piece is one: it goes from quote
    to quote, and any other text without quotes and escapes comes out likewise.
    """
    constant = [index for index in range(len(pieces)) if index not in blanks]
    if len(blanks) > MAX_BLANKS or len(constant) < 2:  # noqa: PLR2004 -- one alone is taken out without a tuple
        return None
    marked, marks, arounds = pieces.copy(), list[Any](), list[tuple[str, str] | None]()
    for number, index in enumerate(blanks):
        match = _NUMBER.fullmatch(pieces[index])
        arounds.append((match[1], match[3]) if match else None)
        marks.append(_NUMBER_MARK + number if match else f"{_TEXT_MARK}{number}")
        marked[index] = f"{match[1]}{marks[-1]}{match[3]}" if match else marks[-1]
    found: list[tuple[Any, str]] = []
    try:
        skeleton = _opened(json.loads('"'.join(marked)), "", marks, found)
    except (ValueError, RecursionError):
        return None
    # Each once, in the order of the text.
    if [mark for mark, _ in found] != marks:
        return None
    is_silent = _silence(skeleton, [pointer for _, pointer in found], about)
    if is_silent is None:
        return None
    take, kept = itemgetter(*constant), pieces.copy()
    for index in blanks:
        kept[index] = ""  # it may be a holder's
    return _Shape(about, kept, take, take(pieces), tuple(zip(blanks, arounds, strict=True)), is_silent)


def _opened(node: Any, pointer: str, marks: Sequence[Any], found: list[tuple[Any, str]]) -> Any:
    """A document whose marks are open; each is added to `found` with its place."""
    if isinstance(node, dict):
        return {name: _opened(value, step(pointer, name), marks, found) for name, value in node.items()}
    if isinstance(node, list):
        return [_opened(value, step(pointer, index), marks, found) for index, value in enumerate(node)]
    if isinstance(node, (str, int)) and node in marks:
        found.append((node, pointer))
        return Unknown()
    return node


def _silence(skeleton: Mapping[str, Any], pointers: Sequence[str], about: About) -> _Silent | None:
    """What says that with these values there is nothing to say; None where there may be all the same."""
    own = judge()
    table, place = own.table.reading, place_in(own.name)
    vouch = [check for at in pointers if (check := _vouch(table, own.root, skeleton, at))]
    live = [rule for rule in own.rules if rule.reads_one_of(pointers)]
    others = replace(own, rules=tuple(rule for rule in own.rules if rule not in live))
    if len(vouch) < len(pointers) or others.whole(skeleton, about, writing=False):
        return None

    def is_silent(values: Sequence[Any], document: Mapping[str, Any]) -> bool:
        for fits, value in zip(vouch, values, strict=True):
            if not fits(value):
                return False
        return not any(finding for rule in live for finding in rule.check(document, about, place))

    return is_silent


def _vouch(table: Table, root: str, skeleton: Mapping[str, Any], pointer: str) -> Check | None:
    """What says that a value is good at its place; None where what it is matters to others."""
    found = table.key_at(root, skeleton, pointer)
    if found is None:
        return None
    key, owner = found
    if "enum" in key.facts or key.facts.get("unique_in") not in (None, "passTypeIdentifier"):
        return None
    sound, styles = table.sound_item(key, pointer), table.styles_beside(key, owner)
    if not styles:
        return sound
    return lambda value: sound(value) and all(fits_style(wanted, value) for _, wanted in styles)
