"""Tables and rules over a document: whole, or only over the blanks of a stencil.

What is constant for a template is judged once, when its stencil is made. Per
pass the same functions judge what was filled in: the table's check of those
keys, and the rules that read one of them. There is no second set of checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from passwright.forms import Unknown, fits_style
from passwright.table import place_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from passwright.report import Finding
    from passwright.stencil import Blank, Stencil
    from passwright.table import Place, Table

    Check = Callable[[Mapping[str, Any], Any, Place], Iterable[Finding]]
    Vouch = Callable[[Any], object]
    _Look = Callable[[Any], Iterable[Finding]]

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
    A rule that looks at each value by itself can answer `sound(about)` with a function
    that says of one that there is nothing to say about it. It is asked about values that
    the table has nothing against.
    """

    on: str
    reads: tuple[str, ...]
    check: Check
    typed: bool = True
    needs: frozenset[str] = frozenset()
    sound: Callable[[Any], Vouch] | None = None

    def reads_one_of(self, pointers: Iterable[str]) -> bool:
        """What stands at one of these places can change what the rule says."""
        return any(_read_by(pattern, pointer) for pattern in self.reads for pointer in pointers)


def _read_by(pattern: str, pointer: str) -> bool:
    wanted, found = _steps(pattern), _steps(pointer)
    if wanted[-1] == "**":
        wanted = wanted[:-1]
    elif len(found) > len(wanted):
        return False
    return all(name in ("*", step) for name, step in zip(wanted, found, strict=False))


@lru_cache(maxsize=2048)  # each rule asks for each blank of a template
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


# What takes from a rule the types it relies on.
_MISTYPED = frozenset({"wrong-type", "null-value"})


def _bare(pointer: str) -> str:
    return pointer


# More sets of members than those who judge passes see; far fewer than strangers can make up.
_MAX_KEPT = 64


class _Found:
    """What the table said: where types are wrong, and all of it with its places."""

    __slots__ = ("_mistyped", "findings")

    def __init__(self, bare: Iterable[Finding], place: Place) -> None:
        bare = tuple(bare)
        self._mistyped = [finding.where for finding in bare if finding.code in _MISTYPED]
        self.findings = [replace(finding, where=place(finding.where)) for finding in bare]

    def can_ask(self, rule: Rule) -> bool:
        return not (self._mistyped and rule.typed and rule.reads_one_of(self._mistyped))

    def askable(self, rules: Iterable[Rule]) -> Iterable[Rule]:
        return filter(self.can_ask, rules) if self._mistyped else rules


@dataclass(frozen=True)
class Judge:
    """Judges documents of one name: an object of a table, and the rules on it."""

    name: str
    table: Table
    root: str
    rules: tuple[Rule, ...] = ()
    # Documents have few sets of members: which rules each of them concerns.
    _concerned: dict[frozenset[str], tuple[Rule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def _needed(self) -> frozenset[str]:
        """The members that some rule has nothing to say without."""
        return frozenset[str]().union(*(rule.needs for rule in self.rules))

    def _concerning(self, document: Mapping[str, Any]) -> tuple[Rule, ...]:
        """The rules that may have something to say about a document with these members."""
        there = self._needed.intersection(document)
        if (known := self._concerned.get(there)) is None:
            if len(self._concerned) >= _MAX_KEPT:
                self._concerned.clear()
            known = tuple(rule for rule in self.rules if not (rule.needs and there.isdisjoint(rule.needs)))
            self._concerned[there] = known
        return known

    def whole(
        self, document: Mapping[str, Any], about: Any, *, place: Place | None = None, writing: bool = True
    ) -> list[Finding]:
        """Everything there is to say about a finished document."""
        where = place or place_in(self.name)
        found = _Found(self.table.check(self.root, document, place=_bare, writing=writing), where)
        findings = found.findings
        for rule in found.askable(self._concerning(document)):
            findings += rule.check(document, about, where)
        return findings

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
            checks=[self._check_of(stencil, pointer, blank) for pointer, blank in stencil.blanks],
            live=[_Live(rule, stencil, about, place) for rule in live if found.can_ask(rule)],
            place=place,
        )

    def _check_of(self, stencil: Stencil, pointer: str, blank: Blank) -> tuple[Vouch | None, _Look]:
        """What vouches for the value that will stand at `pointer`, and the table's closer look at others."""
        found = self.table.key_at(self.root, stencil.skeleton, pointer)
        if found is None:
            return None, _nothing
        key, owner = found
        table = self.table
        styles = table.styles_beside(key, owner)

        def look(value: Any) -> Iterable[Finding]:
            return (
                *table.check_item(key, value, pointer, place=_bare),
                *table.check_styles(styles, value, pointer, place=_bare),
            )

        vouch: Vouch | None = (
            table.sound_text(key, pointer) if blank.repeats else table.sound_item(key, pointer)
        )
        if styles:
            vouch = _both(vouch, lambda value: all(fits_style(wanted, value) for _, wanted in styles))
        return vouch, look


def _both(first: Vouch | None, second: Vouch) -> Vouch:
    return second if first is None else lambda value: first(value) and second(value)


def _nothing(_: object) -> Iterable[Finding]:
    return ()


class _Live:
    """A rule that reads what passes fill in, and what it said last.

    A rule looks at nothing but what it says it reads, so for the same values it
    says the same. Many read what seldom differs from pass to pass.
    """

    __slots__ = ("_about", "_fills", "_last", "_place", "_stencil", "reads", "rule")

    def __init__(self, rule: Rule, stencil: Stencil, about: Any, place: Place) -> None:
        self.rule = rule
        self._stencil = stencil
        self._about = about
        self._place = place
        blanks = enumerate(stencil.blanks)
        self.reads = [index for index, (pointer, _) in blanks if rule.reads_one_of((pointer,))]
        self._fills = [stencil.blanks[index][1].fill for index in self.reads]
        self._last: tuple[list[Any], tuple[Finding, ...]] | None = None

    def says(self, values: Mapping[str, Any]) -> tuple[Finding, ...]:
        """What the rule says about the document with these values."""
        read = [fill(values) for fill in self._fills]
        if (last := self._last) and all(map(_same, read, last[0])):
            return last[1]
        findings = tuple(self.about(self._stencil.document(self._stencil.fill(values))))
        # In one step: another thread sees the values with their findings.
        self._last = read, findings
        return findings

    def about(self, document: Mapping[str, Any]) -> Iterable[Finding]:
        """What the rule says about a document."""
        return self.rule.check(document, self._about, self._place)

    def vouch(self) -> Vouch | None:
        """What says of one of the values that it is good; None where the rule can't say so of one alone."""
        sound = self.rule.sound
        return None if sound is None else sound(self._about)


def _same(one: Any, other: Any) -> bool:
    # Equal is not enough: True is 1, and 1 is 1.0.
    return one is other or (type(one) is type(other) and bool(one == other))


class Judged:
    """A stencil whose constant part was judged: `findings` are what that said."""

    __slots__ = ("_always", "_live", "_looks", "_others", "_place", "_stencil", "_writer", "findings")

    def __init__(
        self,
        stencil: Stencil,
        *,
        findings: tuple[Finding, ...],
        checks: Sequence[tuple[Vouch | None, _Look]],
        live: Sequence[_Live],
        place: Place,
    ) -> None:
        self.findings = findings
        self._stencil = stencil
        self._looks = [look for _, look in checks]
        self._live = live
        self._place = place
        vouch = [vouches for vouches, _ in checks]
        self._always: tuple[Finding, ...] = ()
        self._others = []
        for each in live:
            if (good := each.vouch()) is None:
                self._others.append(each)
                continue
            # What it says while the blanks are open, it says for all values that are good.
            self._always += tuple(each.about(stencil.skeleton))
            for index in each.reads:
                vouch[index] = _both(vouch[index], good)
        self._writer = stencil.writer(vouch)

    def text(self, values: Mapping[str, Any]) -> tuple[str | None, Sequence[Finding]]:
        """The document of one pass as JSON, and what there is to say about what was filled in.

        The text is None where a value is not known yet.
        """
        text = self._writer.text(values)
        if text is None:
            filled = self._stencil.fill(values)
            is_open = any(isinstance(value, Unknown) for value in filled)
            return None if is_open else self._stencil.text(filled), self.blanks(filled)
        if not self._others:
            return text, self._always
        return text, [*self._always, *self._others_say(values)]

    def _others_say(self, values: Mapping[str, Any]) -> Iterator[Finding]:
        for live in self._others:
            yield from live.says(values)

    def blanks(self, filled: Sequence[Any]) -> list[Finding]:
        """What there is to say about the values of one pass."""
        bare = [finding for look, value in zip(self._looks, filled, strict=True) for finding in look(value)]
        found = _Found(bare, self._place)
        document = self._stencil.document(filled)
        for live in self._live:
            if found.can_ask(live.rule):
                found.findings += live.about(document)
        return found.findings
