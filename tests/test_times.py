"""Tests of passwright.times: naive datetimes are refused in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from passwright.times import aware_or_now, is_aware, require_aware

NAIVE = datetime(2026, 5, 1, 9)  # noqa: DTZ001


class NoOffset(tzinfo):
    """A tzinfo that does not know its offset, so that its datetimes are naive."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-9, minutes=-30))])
def test_a_datetime_with_an_offset_is_returned_unchanged(zone: tzinfo) -> None:
    moment = NAIVE.replace(tzinfo=zone)

    assert is_aware(moment)
    assert require_aware(moment, "at") is moment
    assert aware_or_now(moment, "at") is moment


@pytest.mark.parametrize("value", [NAIVE, NAIVE.replace(tzinfo=NoOffset())])
def test_a_naive_datetime_is_refused_by_name(value: datetime) -> None:
    assert not is_aware(value)
    for function in (require_aware, aware_or_now):
        with pytest.raises(ValueError, match=r"^issued_at has no time zone: give an aware datetime$"):
            function(value, "issued_at")


@pytest.mark.parametrize("value", ["2026-05-01T09:00:00Z", 1777626000, NAIVE.date()])
def test_a_value_of_another_type_is_refused_by_name(value: Any) -> None:
    for function in (require_aware, aware_or_now):
        with pytest.raises(TypeError, match=rf"^at has to be a datetime, not {type(value).__name__}$"):
            function(value, "at")


def test_none_stands_for_the_current_time_in_utc() -> None:
    before = datetime.now(UTC)
    moment = aware_or_now(None, "at")

    assert before <= moment <= datetime.now(UTC)
    assert moment.tzinfo is UTC
