"""Rules of one JSON document that a schema cannot express."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from passwright.report import Finding
    from passwright.schema.pointers import Locator

    Check = Callable[[Mapping[str, Any], Any, Locator], Iterable[Finding]]
    ValueCheck = Callable[[Any], object]

__all__ = ["Rule"]


@dataclass(frozen=True)
class Rule:
    """A check of one document that a schema cannot express.

    `document` is the name of the document (`pass.json`, `object`, `class`). `reads` are the
    pointers that the rule reads: `*` stands for any step, `/**` at the end for everything below.
    `check(document, context, place)` yields findings; `context` is what the platform knows
    besides the document.

    A rule with `requires_types` relies on the types of what it reads, so it is skipped where
    the schema has found one wrong. A rule with `requires_members` is skipped where none of these
    members stands at the top. A rule that depends on each value alone can give
    `value_check(context)`: a function that accepts values about which the rule has no finding.
    The schema has accepted these values before.
    """

    document: str
    reads: tuple[str, ...]
    check: Check
    requires_types: bool = True
    requires_members: frozenset[str] = frozenset()
    value_check: Callable[[Any], ValueCheck] | None = None

    def reads_one_of(self, pointers: Iterable[str]) -> bool:
        """Returns True if a value at one of these pointers can change the findings."""
        return any(_matches(pattern, pointer) for pattern in self.reads for pointer in pointers)


def _matches(pattern: str, pointer: str) -> bool:
    wanted, found = _steps(pattern), _steps(pointer)
    if wanted[-1] == "**":
        wanted = wanted[:-1]
    elif len(found) > len(wanted):
        return False
    return all(name in ("*", step) for name, step in zip(wanted, found, strict=False))


@lru_cache(maxsize=2048)  # each rule is matched with each placeholder of a template
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))
