"""Tables and rules over a document: whole, or only over the blanks of a stencil.

What is constant for a template is judged once, when its stencil is made. Per
pass the same functions judge what was filled in: the table's check of those
keys, and the rules that read one of them. There is no second set of checks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from passwright.table import place_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from passwright.report import Finding
    from passwright.stencil import Stencil
    from passwright.table import Key, Place, Table

    Check = Callable[[Mapping[str, Any], Any, Place], Iterable[Finding]]

__all__ = ["Judge", "Judged", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A check of one document that a table can't say.

    `on` is the document's name (`pass.json`, `object`, `class`), `reads` the
    pointers it looks at: `*` stands for any step, `/**` at the end includes
    everything below. `check(document, about, place)` yields findings; `about`
    is what the platform knows besides the document. A `typed` rule relies on
    the types of what it reads, so it is not asked where the table has found one
    wrong; any other is always asked. Where none of `needs`, names of members at the
    top, is there, it has nothing to say; with none named it is asked of every document.
    """

    on: str
    reads: tuple[str, ...]
    check: Check
    typed: bool = True
    needs: frozenset[str] = frozenset()

    def reads_one_of(self, pointers: Iterable[str]) -> bool:
        """What stands at one of these places can change what the rule says."""
        return any(_read_by(pattern, pointer) for pattern in self.reads for pointer in pointers)


def _read_by(pattern: str, pointer: str) -> bool:
    wanted, found = pattern.split("/"), pointer.split("/")
    if wanted[-1] == "**":
        wanted.pop()
    elif len(found) > len(wanted):
        return False
    return all(name in ("*", step) for name, step in zip(wanted, found, strict=False))


# What takes from a rule the types it relies on.
_MISTYPED = frozenset({"wrong-type", "null-value"})


def _bare(pointer: str) -> str:
    return pointer


class _Found:
    """What the table said: where types are wrong, and all of it with its places."""

    __slots__ = ("_mistyped", "findings")

    def __init__(self, bare: Iterable[Finding], place: Place) -> None:
        bare = tuple(bare)
        self._mistyped = [finding.where for finding in bare if finding.code in _MISTYPED]
        self.findings = [replace(finding, where=place(finding.where)) for finding in bare]

    def can_ask(self, rule: Rule) -> bool:
        return not (self._mistyped and rule.typed and rule.reads_one_of(self._mistyped))


@dataclass(frozen=True)
class Judge:
    """Judges documents of one name: an object of a table, and the rules on it."""

    name: str
    table: Table
    root: str
    rules: tuple[Rule, ...] = ()

    def whole(
        self, document: Mapping[str, Any], about: Any, *, place: Place | None = None, writing: bool = True
    ) -> list[Finding]:
        """Everything there is to say about a finished document."""
        where = place or place_in(self.name)
        found = _Found(self.table.check(self.root, document, place=_bare, writing=writing), where)
        there = document.keys()
        for rule in self.rules:
            if rule.needs and there.isdisjoint(rule.needs):
                continue
            if found.can_ask(rule):
                found.findings += rule.check(document, about, where)
        return found.findings

    def prepare(self, stencil: Stencil, about: Any) -> Judged:
        """The verdict over what is constant, and what is left to judge per pass."""
        place = place_in(self.name)
        pointers = [pointer for pointer, _ in stencil.blanks]
        live = tuple(rule for rule in self.rules if rule.reads_one_of(pointers))
        found = _Found(self.table.check(self.root, stencil.skeleton, place=_bare), place)
        for rule in filter(found.can_ask, self.rules):
            if rule not in live:
                found.findings += rule.check(stencil.skeleton, about, place)
        return Judged(
            stencil,
            findings=tuple(found.findings),
            checks=[self._check_of(stencil, pointer) for pointer in pointers],
            live=tuple(filter(found.can_ask, live)),
            about=about,
            place=place,
        )

    def _check_of(self, stencil: Stencil, pointer: str) -> Callable[[Any], Iterable[Finding]] | None:
        """The table's check of what will stand at `pointer`; None where nothing can be wrong."""
        found = self.table.key_at(self.root, stencil.skeleton, pointer)
        if found is None:
            return None
        key, owner = found
        table = self.table
        styles = table.styles_beside(key, owner)
        plain = _plain_text(key) and not styles

        def check(value: Any) -> Iterable[Finding]:
            if plain and type(value) is str and value.isprintable():
                return ()
            return (
                *table.check_item(key, value, pointer, place=_bare),
                *table.check_styles(styles, value, pointer, place=_bare),
            )

        return check


# Facts that ask something of a text.
_TEXT_FACTS = frozenset(
    (
        *("enum", "pattern", "contains", "format", "scheme", "min_length", "max_length", "max_bytes"),
        *("deprecated", "write", "list"),
    )
)


def _plain_text(key: Key) -> bool:
    """Any text is right here, so most blanks cost one look at their type."""
    return bool({"text", "localized"} & set(key.types)) and not _TEXT_FACTS & key.facts.keys()


class Judged:
    """A stencil whose constant part was judged: `findings` are what that said."""

    __slots__ = ("_about", "_checks", "_live", "_place", "_stencil", "findings")

    def __init__(
        self,
        stencil: Stencil,
        *,
        findings: tuple[Finding, ...],
        checks: Sequence[Callable[[Any], Iterable[Finding]] | None],
        live: tuple[Rule, ...],
        about: Any,
        place: Place,
    ) -> None:
        self.findings = findings
        self._stencil = stencil
        self._checks = checks
        self._live = live
        self._about = about
        self._place = place

    def blanks(self, filled: Sequence[Any]) -> list[Finding]:
        """What there is to say about the values of one pass."""
        bare: list[Finding] = []
        for check, value in zip(self._checks, filled, strict=True):
            if check is not None:
                bare += check(value)
        if not bare and not self._live:
            return bare
        found = _Found(bare, self._place)
        if live := tuple(filter(found.can_ask, self._live)):
            document = self._stencil.document(filled)
            for rule in live:
                found.findings += rule.check(document, self._about, self._place)
        return found.findings
