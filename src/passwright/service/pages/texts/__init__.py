"""The words of the holder's page, one TOML file per language, and which language somebody reads."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LANGUAGES", "language_of", "texts"]

# The first language is for readers of none of them.
LANGUAGES = ("en", "de")

# Longer than any list of languages that a browser sends.
MAX_HEADER = 200
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def language_of(asked: str | None, header: str | None) -> str:
    """The language to speak: the one asked for, else the best of an Accept-Language header.

    RFC 9110 section 12.5.4, compared by the primary language alone; what can't
    be read counts as not there.
    """
    if asked in LANGUAGES:
        return asked
    wanted: dict[str, float] = {}
    for part in (header or "")[:MAX_HEADER].split(","):
        if found := _RANGE.fullmatch(part):
            name, weight = found[1].lower(), float(found[2] or 1)
            wanted[name] = max(weight, wanted.get(name, 0.0))
    rest = wanted.get("*", 0.0)
    weights = {name: wanted.get(name, rest) for name in LANGUAGES}
    best = max(weights, key=lambda name: weights[name])
    return best if weights[best] else LANGUAGES[0]


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key."""
    document = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text("utf-8"))
    return MappingProxyType(dict(_flat(document)))


def _flat(members: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
