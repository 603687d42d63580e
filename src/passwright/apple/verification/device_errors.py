"""Reasons why phones reject a pass, in the order to fix them, and what devices log for each.

Both are data, in `data/device_errors.toml`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from passwright.report import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from passwright.report import Finding

__all__ = [
    "DeviceError",
    "Match",
    "Message",
    "cause",
    "cause_of",
    "causes",
    "explain_log",
    "is_rejected",
    "message_for",
    "messages",
    "most_urgent",
]

# Of a line that was pasted, not of a log: longer ones say nothing more.
MAX_LINE = 8_000
# How much of a message's weight has to stand in a line: to name it, and to be sure of it.
LIKE, SURE = 0.6, 0.85
# Near the best one; below that it is another message.
MARGIN = 0.1
# From so much weight on, a line may be the beginning of a longer message.
CUT_OFF, MOST = 3.0, 0.8
# Words alike from here on are the same: identifier and identifiers, succesfully and successfully.
STEM = 6

_WORD = re.compile(r"[a-z0-9]+(?:[.'][a-z0-9]+)*")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True, slots=True)
class DeviceError:
    """A reason why a phone rejects a pass, or does not do what its author intended.

    `codes` are the findings of `verify` that show it, each a code, or a code,
    `@` and a pattern of places; empty where no file shows it. `refused` tells
    whether phones refuse the pass, None where the severity of the finding does.
    `said` is the id of the message that devices
    have for it, "" where none is known. `see` says how to look for oneself,
    `remedy` what to do, `source` who made the rule.
    """

    id: str
    title: str
    codes: tuple[str, ...]
    see: str
    remedy: str
    source: str
    refused: bool | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that devices log: `texts` are its wordings, `causes` the possible causes, the likely one
    first.

    `general` says that something is wrong and not what; it has no causes. With
    `sense` the wording is not known, only what it says.
    """

    id: str
    texts: tuple[str, ...]
    causes: tuple[DeviceError, ...]
    general: bool = False
    sense: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A message that stands in a line of a log; `sure` when nearly all of its words do."""

    message: Message
    text: str
    score: float

    @property
    def sure(self) -> bool:
        """Nearly all words of the message stand there, in its order."""
        return self.score >= SURE


def causes() -> tuple[DeviceError, ...]:
    """Every cause, what keeps most from working first."""
    return tuple(_causes().values())


def messages() -> tuple[Message, ...]:
    """Every message that devices are known to log."""
    return _messages()


def explain_log(line: str) -> tuple[Match, ...]:
    """The messages that a line of a log holds, the best first; empty when none is known.

    Tolerant: time, process, identifiers and whatever else stands around the
    words is ignored, quotes and small misspellings do not matter. A message
    that says no cause is left out where another one does.
    """
    words = _words(line[:MAX_LINE])
    found = [match for message in _messages() if (match := _best(message, words)) is not None]
    if any(not match.message.general for match in found):
        found = [match for match in found if not match.message.general]
    found.sort(key=lambda match: -match.score)
    best = found[0].score if found else 0.0
    # Where one is sure, only others that are sure as well stand beside it.
    floor = SURE if best >= SURE else best - MARGIN
    return tuple(match for match in found if match.score >= floor)


def cause_of(finding: Finding) -> DeviceError | None:
    """The cause that a finding is a sign of, None where the table has none."""
    here = f"{finding.code}@"
    placed = (
        each
        for each in causes()
        for code in each.codes
        if code.startswith(here) and fnmatchcase(finding.location, code.removeprefix(here))
    )
    anywhere = (each for each in causes() if finding.code in each.codes)
    # A code with a place says more than the same code anywhere.
    return next(placed, None) or next(anywhere, None)


def most_urgent(findings: Iterable[Finding]) -> tuple[Finding, DeviceError | None] | None:
    """The one finding to mend first and its cause, None where there is nothing to mend.

    What phones refuse comes before what they tolerate, then the order of
    causes decides. Notes ask for nothing.
    """
    return min(
        ((each, cause_of(each)) for each in findings if each.severity is not Severity.NOTE),
        key=lambda pair: (_urgency(*pair), _place(pair[1])),
        default=None,
    )


def is_rejected(finding: Finding, cause: DeviceError | None) -> bool:
    """Returns True if phones reject the pass for this finding. If the cause does not tell, errors are
    rejected.
    """
    known = None if cause is None else cause.refused
    return finding.severity is Severity.ERROR if known is None else known


def cause(name: str) -> DeviceError:
    """The cause with this id.

    Raises:
        KeyError: there is none.
    """
    return _causes()[name]


def message_for(cause: DeviceError) -> Message | None:
    """Returns the message that devices log for this cause, None if it is not known."""
    return next((message for message in _messages() if message.id == cause.said), None)


def _urgency(finding: Finding, cause: DeviceError | None) -> int:
    if is_rejected(finding, cause):
        return 0
    return 1 if finding.severity is Severity.ERROR else 2


def _place(cause: DeviceError | None) -> int:
    return len(causes()) if cause is None else causes().index(cause)


def _best(message: Message, words: Sequence[str]) -> Match | None:
    scored = [(_score(text, words), text) for text in message.texts]
    score, text = max(scored)
    return Match(message, text, score) if score >= LIKE else None


def _score(text: str, words: Sequence[str]) -> float:
    """Returns the share of a wording's weight that stands in the words, in its order; rare words weigh
    more.
    """
    wanted, weights = _words(text), _weights()
    # The heaviest common subsequence, row by row.
    row = [0.0] * (len(words) + 1)
    for word in wanted:
        above, row = row, [0.0]
        for at, other in enumerate(words):
            same = above[at] + weights[word] if _share_stem(word, other) else 0.0
            row.append(max(same, above[at + 1], row[at]))
    share = row[-1] / sum(weights[word] for word in wanted)
    # Part of a message and nothing else: one that was cut off.
    part = row[-1] / max(CUT_OFF, sum(weights.get(word, 1.0) for word in words))
    return max(share, LIKE if part >= MOST else 0.0)


def _share_stem(word: str, other: str) -> bool:
    return word == other or (len(word) > STEM and len(other) > STEM and word[:STEM] == other[:STEM])


def _words(line: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", line).translate(_QUOTES).lower()
    return [word.strip("'.") for word in _WORD.findall(plain)]


@cache
def _weights() -> Mapping[str, float]:
    """1 for a word of one message, less for one of several."""
    counted = Counter(
        word for each in _messages() for word in {w for text in each.texts for w in _words(text)}
    )
    return {word: 1 / times for word, times in counted.items()}


@cache
def _table() -> Mapping[str, list[dict[str, object]]]:
    from importlib.resources import files

    text = files("passwright.apple.data").joinpath("device_errors.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _causes() -> Mapping[str, DeviceError]:
    made = [DeviceError(**{**row, "codes": tuple(row["codes"])}) for row in _table()["causes"]]  # type: ignore[arg-type]
    return {cause.id: cause for cause in made}


@cache
def _messages() -> tuple[Message, ...]:
    return tuple(
        Message(
            **{  # type: ignore[arg-type]
                **row,
                "texts": tuple(row["texts"]),  # type: ignore[arg-type]
                "causes": tuple(_causes()[each] for each in row["causes"]),  # type: ignore[attr-defined]
            }
        )
        for row in _table()["messages"]
    )
