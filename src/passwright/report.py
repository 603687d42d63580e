"""Findings and reports: one result for validate, build, convert and verify."""

from __future__ import annotations

import enum
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Severity(enum.Enum):
    """The severity of a finding: an error stops a build, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    `code` is stable and kebab-case; `explanation(code)` tells more.
    `location` is `file[:line][#pointer]`: `template.toml:20#/fields/tier`,
    `pass.json#/barcodes/0/format`, `icon.png`. `hint` says what to do, or is "".
    """

    code: str
    severity: Severity
    location: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.severity.value}: {place}{self.message}{hint} [{self.code}]"

    def as_dict(self) -> dict[str, str]:
        """Returns the finding as members of JSON."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "location": self.location,
            "message": self.message,
            "hint": self.hint,
        }


def error(code: str, location: str, message: str, hint: str = "") -> Finding:
    """A finding that stops a build or fails a verification."""
    return Finding(code, Severity.ERROR, location, message, hint)


def warning(code: str, location: str, message: str, hint: str = "") -> Finding:
    """A finding about something that works, but may not have the intended effect."""
    return Finding(code, Severity.WARNING, location, message, hint)


def note(code: str, location: str, message: str, hint: str = "") -> Finding:
    """A finding for information: a guess, an omission or a change."""
    return Finding(code, Severity.NOTE, location, message, hint)


# So that a document with 10,000 mistakes does not become as many lines.
MAX_OF_A_KIND = 50


def _limit_repeats(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings without those past the limit, and how many those were."""
    seen: Counter[tuple[str, Severity]] = Counter()
    for finding in findings:
        kind = finding.code, finding.severity
        seen[kind] += 1
        if seen[kind] <= MAX_OF_A_KIND:
            yield finding
    for (code, severity), count in seen.items():
        if count > MAX_OF_A_KIND:
            message = f"{count - MAX_OF_A_KIND} more findings like these: {code}"
            yield Finding("more-findings", severity, "", message, "mend the first ones, and check again")


def has_errors(findings: Iterable[Finding]) -> bool:
    """Returns whether one finding is an error, which stops a build."""
    return any(finding.severity is Severity.ERROR for finding in findings)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one check, in the order they were found."""

    findings: tuple[Finding, ...] = ()

    @classmethod
    def from_findings(cls, findings: Iterable[Finding]) -> Report:
        """A report of these findings, each once, at most `MAX_OF_A_KIND` of one code and severity."""
        found = tuple(findings)
        if len({finding.code for finding in found}) < len(found):
            found = tuple(dict.fromkeys(found))
        return cls(found if len(found) <= MAX_OF_A_KIND else tuple(_limit_repeats(found)))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __add__(self, other: Report) -> Report:
        return Report.from_findings((*self.findings, *other.findings))

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a build."""
        return self._with(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings to look at."""
        return self._with(Severity.WARNING)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that only tell."""
        return self._with(Severity.NOTE)

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return not self.errors

    def _with(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is severity)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a code.

    `title` is one line; `why` says what happens if nobody mends it, `remedy`
    what to do, `source` who made the rule.
    """

    code: str
    title: str
    why: str
    remedy: str
    source: str


def finding_codes() -> tuple[str, ...]:
    """Every code there is, of findings and of exceptions, in alphabetical order."""
    return tuple(sorted(_explanations()))


def explanation(code: str) -> Explanation:
    """Returns the explanation of a code.

    Raises:
        KeyError: no finding and no exception has this code.
    """
    return _explanations()[code]


@cache
def _explanations() -> Mapping[str, Explanation]:
    table = tomllib.loads(Path(__file__).with_name("codes.toml").read_text("utf-8"))
    return {code: Explanation(code, **entry) for code, entry in table.items()}
