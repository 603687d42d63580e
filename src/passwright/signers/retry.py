"""Repeated requests to a key service."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, TypeVar

from passwright.errors import SignerTimeout, SignerUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_retries"]

FIRST_WAIT = 0.1  # seconds; each later wait is twice as long

Answer = TypeVar("Answer")


def with_retries(ask: Callable[[], Answer], *, attempts: int) -> Answer:
    """Calls `ask`, at most `attempts` times while it fails with an error that may pass.

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
