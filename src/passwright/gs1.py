"""Check digits of GS1 barcodes: EAN-8, EAN-13, UPC-A and ITF-14."""

from __future__ import annotations

__all__ = ["check_digit", "has_check_digit"]


def check_digit(digits: str) -> int:
    """Returns the check digit that belongs after `digits`, which are decimal digits in ASCII.

    Source: GS1 General Specifications, section 7.9.1. From the right the weights are 3, 1, 3, ...
    """
    weighted = (int(digit) * (1 if index % 2 else 3) for index, digit in enumerate(reversed(digits)))
    return -sum(weighted) % 10


def has_check_digit(digits: str) -> bool:
    """Returns whether the last of `digits` is the check digit of the others."""
    return int(digits[-1]) == check_digit(digits[:-1])
