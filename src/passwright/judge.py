"""Tables and rules over a document: whole, or only over the blanks of a stencil.

What is constant for a template is judged once, when its stencil is made. Per
pass the same functions judge what was filled in: the table's check of those
keys, and the rules that read one of them. There is no second set of checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from passwright.report import Finding, Severity
from passwright.table import place_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
    is what the platform knows besides the document.
    """

    on: str
    reads: tuple[str, ...]
    check: Check

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
        findings = list(self.table.check(self.root, document, place=where, writing=writing))
        # A rule may rely on the types of what it reads.
        if not any(finding.code == "wrong-type" for finding in findings):
            for rule in self.rules:
                findings += rule.check(document, about, where)
        return findings

    def prepare(self, stencil: Stencil, about: Any) -> Judged:
        """The verdict over what is constant, and what is left to judge per pass."""
        place = place_in(self.name)
        pointers = [pointer for pointer, _ in stencil.blanks]
        live = tuple(rule for rule in self.rules if rule.reads_one_of(pointers))
        findings = list(self.table.check(self.root, stencil.skeleton, place=place))
        if not any(finding.code == "wrong-type" for finding in findings):
            for rule in self.rules:
                if rule not in live:
                    findings += rule.check(stencil.skeleton, about, place)
        checks = [self._check_of(stencil, pointer, place) for pointer in pointers]
        return Judged(stencil, findings=tuple(findings), checks=checks, live=live, about=about, place=place)

    def _check_of(
        self, stencil: Stencil, pointer: str, place: Place
    ) -> Callable[[Any], Iterable[Finding]] | None:
        """The table's check of what will stand at `pointer`; None where nothing can be wrong."""
        found = self.table.key_at(self.root, stencil.skeleton, pointer)
        if found is None:
            return None
        key, owner = found
        table = self.table
        styles = table.styles_beside(key, owner)
        plain = _plain_text(key) and not styles

        def check(value: Any) -> Iterator[Finding]:
            if plain and type(value) is str:
                return
            yield from table.check_item(key, value, pointer, place=place)
            yield from table.check_styles(styles, value, pointer, place=place)

        return check


# Facts that ask something of a text.
_TEXT_FACTS = frozenset(
    ("enum", "pattern", "contains", "format", "scheme", "min_length", "max_length", "max_bytes", "deprecated")
)


def _plain_text(key: Key) -> bool:
    """Any text is right here, so most blanks cost one look at their type."""
    return bool({"text", "localized"} & set(key.types)) and not _TEXT_FACTS & key.facts.keys()


class Judged:
    """A stencil whose constant part was judged: `findings` are what that said."""

    __slots__ = ("_about", "_checks", "_live", "_place", "_stencil", "failed", "findings")

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
        self.failed = any(finding.severity is Severity.ERROR for finding in findings)
        self._stencil = stencil
        self._checks = checks
        self._live = live
        self._about = about
        self._place = place

    def blanks(self, filled: Sequence[Any]) -> list[Finding]:
        """What there is to say about the values of one pass."""
        findings: list[Finding] = []
        for check, value in zip(self._checks, filled, strict=True):
            if check is not None:
                findings += check(value)
        if self._live and not any(finding.code == "wrong-type" for finding in findings):
            document = self._stencil.document(filled)
            for rule in self._live:
                findings += rule.check(document, self._about, self._place)
        return findings
