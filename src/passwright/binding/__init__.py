"""Passes for one person: the binding, its life, the address, and the rules for bound passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.lazy import lazy_names

if TYPE_CHECKING:
    from passwright.binding.binding import (
        MAX_URL,
        Binding,
        check_learn_more_url,
        parse,
        problems,
        stored_url,
        validate,
    )

__all__ = ["MAX_URL", "Binding", "check_learn_more_url", "parse", "problems", "stored_url", "validate"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "binding": (
            "MAX_URL",
            "Binding",
            "check_learn_more_url",
            "parse",
            "problems",
            "stored_url",
            "validate",
        )
    },
)
