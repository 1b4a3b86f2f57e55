"""The clock of the weather starts at real time, and can run ahead."""

from __future__ import annotations

import pytest

from weatherd.simulator.sky.clock import WeatherClock

START = 1_782_000_000.0
DAY = 86_400.0


def test_a_day_in_ten_minutes() -> None:
    """Weather time equals real time at the epoch, and a day of weather passes in ``day_seconds``."""
    clock = WeatherClock(epoch=START, day_seconds=600)
    assert clock.weather_time(START) == START
    assert clock.weather_time(START + 600) == START + DAY
    assert WeatherClock().weather_time(START + 1) == START + 1


def test_latest_update() -> None:
    """The latest update is at most one step old: 15 minutes of weather time, 6.25 s with this clock."""
    assert WeatherClock().latest_update(START + 899, 900) == START
    clock = WeatherClock(epoch=START, day_seconds=600)
    assert clock.latest_update(START + 6, 900) == START
    assert clock.latest_update(START + 7, 900) == START + 900


@pytest.mark.parametrize("day_seconds", [0, -1, float("nan")])
def test_invalid_day_length(day_seconds: float) -> None:
    """A day that takes no time raises ValueError with an explanation."""
    with pytest.raises(ValueError, match="a day of weather takes more"):
        WeatherClock(day_seconds=day_seconds)
