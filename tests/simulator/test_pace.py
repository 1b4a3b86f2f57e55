"""Weather time may run ahead; it begins with true time."""

from __future__ import annotations

import pytest

from weatherd.simulator.sky.clock import WeatherClock

START = 1_782_000_000.0
DAY = 86_400.0


def test_a_day_in_ten_minutes() -> None:
    """At a pace, weather time and true time agree at the start, and a day of weather passes in ``day`` seconds."""
    pace = WeatherClock(epoch=START, day_seconds=600)
    assert pace.weather_time(START) == START
    assert pace.weather_time(START + 600) == START + DAY
    assert WeatherClock().weather_time(START + 1) == START + 1


def test_the_newest_data() -> None:
    """A service's data are as old as its step allows: 15 minutes of weather time, 6.25 s at that pace."""
    assert WeatherClock().latest_update(START + 899, 900) == START
    pace = WeatherClock(epoch=START, day_seconds=600)
    assert pace.latest_update(START + 6, 900) == START
    assert pace.latest_update(START + 7, 900) == START + 900


@pytest.mark.parametrize("day", [0, -1, float("nan")])
def test_days_that_do_not_pass(day: float) -> None:
    """A day takes some time; another one is refused in words."""
    with pytest.raises(ValueError, match="a day of weather takes more"):
        WeatherClock(day_seconds=day)
