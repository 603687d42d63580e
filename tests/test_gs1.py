"""Tests of passwright.gs1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.gs1 import check_digit, has_check_digit

PUBLISHED = ("4006381333931", "5012345678900", "96385074", "036000291452", "15400141288763")


@pytest.mark.parametrize("digits", PUBLISHED)
def test_the_check_digit_of_a_published_barcode(digits: str) -> None:
    """Examples of GS1, and barcodes in shops: EAN-13, EAN-8, UPC-A, ITF-14."""
    assert check_digit(digits[:-1]) == int(digits[-1])
    assert has_check_digit(digits)


@given(st.text("0123456789", min_size=7, max_size=13), st.data(), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(digits: str, data: st.DataObject, difference: int) -> None:
    complete = f"{digits}{check_digit(digits)}"
    index = data.draw(st.integers(0, len(complete) - 1))
    wrong = (int(complete[index]) + difference) % 10

    assert has_check_digit(complete)
    assert not has_check_digit(f"{complete[:index]}{wrong}{complete[index + 1 :]}")
