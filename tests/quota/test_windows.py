"""Quota windows: those of the calendar in UTC, without gaps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.quota.windows import window_end, window_start

WINDOWS = ("minute", "hour", "day", "month")


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("minute", "2026-03-04T12:34:00", "2026-03-04T12:35:00"),
        ("hour", "2026-03-04T12:00:00", "2026-03-04T13:00:00"),
        ("day", "2026-03-04T00:00:00", "2026-03-05T00:00:00"),
        ("month", "2026-03-01T00:00:00", "2026-04-01T00:00:00"),
    ],
)
def test_windows_are_aligned_to_the_calendar(window: str, start: str, end: str) -> None:
    """A window starts and ends with the minute, the hour, the day or the month of UTC."""
    now = datetime(2026, 3, 4, 12, 34, 56, 789, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(window_start(window, now), UTC).isoformat() == f"{start}+00:00"
    assert datetime.fromtimestamp(window_end(window, now), UTC).isoformat() == f"{end}+00:00"


@given(st.floats(0, 4e9), st.sampled_from(WINDOWS))
def test_windows_have_no_gap(now: float, window: str) -> None:
    """Every time is in exactly one window; the next starts where it ends; a month has 28 to 31 days."""
    start, end = window_start(window, now), window_end(window, now)
    assert start <= now < end
    assert (window_start(window, end), window_start(window, start), window_end(window, start)) == (end, start, end)
    assert 0.9 * WINDOW_SECONDS[window] < end - start <= WINDOW_SECONDS[window]
