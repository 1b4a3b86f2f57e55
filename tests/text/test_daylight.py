"""Day and night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from weatherd.text.daylight import is_daylight

KIEL, QUITO, FIJI, TROMSO = (54.32, 10.13), (-0.2, -78.5), (-18.1, 178.4), (69.65, 18.96)


# Computed with astral 3.2 (sunrise and sunset of the date in UTC)
@pytest.mark.parametrize(
    ("place", "begin", "end"),
    [
        (KIEL, "2026-06-21T02:45", "2026-06-21T19:57"),
        (KIEL, "2026-11-27T07:10", "2026-11-27T15:03"),
        (KIEL, "2045-03-20T05:21", "2045-03-20T17:33"),
        (QUITO, "2026-11-03T10:54", "2026-11-03T23:01"),
        (FIJI, "2026-02-10T17:58", "2026-02-11T06:43"),
    ],
)
def test_begins_at_sunrise_and_ends_at_sunset(place: tuple[float, float], begin: str, end: str) -> None:
    """It is night three minutes before the sunrise and after the sunset of an ephemeris, day three minutes inside."""
    rise, fall = (datetime.fromisoformat(f"{text}+00:00") for text in (begin, end))
    margin = timedelta(minutes=3)
    assert [is_daylight(*place, at) for at in (rise - margin, rise + margin)] == [False, True]
    assert [is_daylight(*place, at) for at in (fall - margin, fall + margin)] == [True, False]


def test_polar_day_and_night() -> None:
    """North of the polar circle there are days without a night, and days without daylight."""
    for month, expected in ((6, True), (12, False)):
        hours = [datetime(2026, month, 21, hour, tzinfo=UTC) for hour in range(24)]
        assert {is_daylight(*TROMSO, hour) for hour in hours} == {expected}
