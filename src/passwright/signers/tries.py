"""How often a key service is asked before it is given up."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, TypeVar

from passwright.errors import SignerTimeout, SignerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["tried"]

FIRST_WAIT = 0.1  # seconds; each later wait is twice as long

Answer = TypeVar("Answer")


def tried(ask: Callable[[], Answer], *, attempts: int) -> Answer:
    """What `ask` answers, which is called again while it fails in passing: `attempts` times at the most.

    Raises:
        ValueError: `attempts` is less than 1.
        SignerTimeout, SignerUnreachable: the last attempt failed like that as well.
    """
    if attempts < 1:
        raise ValueError(f"attempts has to be 1 or more, not {attempts}")
    for attempt in range(attempts - 1):
        try:
            return ask()
        except (SignerTimeout, SignerUnreachable):
            sleep(FIRST_WAIT * 2**attempt)
    return ask()
