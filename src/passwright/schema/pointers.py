"""JSON pointers (RFC 6901), and names from outside in the lines of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Returns the location of a JSON pointer: file:line#pointer.
    Locator = Callable[[str], str]

__all__ = ["MAX_POINTER", "did_you_mean", "join_pointer", "locator", "printable", "quote"]

# Longer than any name of a schema: a longer one is not a misspelling of it.
MAX_NAME = 60
# A location has to fit a line on a screen.
MAX_POINTER = 300


def locator(file: str) -> Locator:
    """Returns a function from JSON pointers to locations in `file`."""
    return lambda pointer: f"{file}#{printable(pointer)}" if pointer else file


def join_pointer(pointer: str, name: str | int) -> str:
    """Returns the pointer one level down (RFC 6901 section 3)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def printable(pointer: str) -> str:
    """Returns a pointer that fits one line of a report: its names may hold any character."""
    if pointer.isprintable() and len(pointer) <= MAX_POINTER:
        return pointer
    cut = f"{pointer[:MAX_POINTER]}..." if len(pointer) > MAX_POINTER else pointer
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def quote(value: object) -> str:
    """Quotes a name or text of a definition, cut to fit a line. Never for a holder's values."""
    text = repr(value)
    return text if len(text) <= MAX_NAME + 2 else f"{text[:MAX_NAME]}...'"


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Returns a hint with the closest of `names`, or ""."""
    import difflib

    if not isinstance(name, str) or len(name) > MAX_NAME:
        return ""
    originals = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), originals, n=1, cutoff=0.7)
    return f"did you mean {quote(originals[close[0]])}?" if close else ""
