"""Observations by hour and day, and gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from weatherd.web.page.slots import (
    HOUR,
    HistoryRow,
    find_gaps,
    find_hours,
    find_midnights,
    group_rows,
    keep_rows,
    mean_direction,
    sum_precipitation,
)

_BERLIN = ZoneInfo("Europe/Berlin")


def _row(at: float, temperature: float = 0.0, rain: float | None = None, direction: float | None = None) -> HistoryRow:
    return HistoryRow("kiel", at, temperature, None, None, None, None, None, None, None, direction, rain, "fake", "ok")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 6, 1), 24), ((2026, 10, 25), 25)])
def test_days_are_those_of_the_zone(day: tuple[int, int, int], hours: int) -> None:
    """A day lasts from midnight to midnight of the city, 23 to 25 hours."""
    noon = datetime(*day, 12, tzinfo=_BERLIN).timestamp()
    midnights = find_midnights(noon, noon, _BERLIN)
    assert len(midnights) == 2
    assert len(find_hours(midnights)) - 1 == hours
    assert datetime.fromtimestamp(midnights[0], UTC).astimezone(_BERLIN).hour == 0


def test_a_slot_has_low_mean_and_high() -> None:
    """An observation on an edge belongs to the slot before it, as its rain does; empty slots are missing."""
    slots = group_rows([_row(1, 1.0), _row(10, 3.0, 0.4), _row(35, 5.0)], [0, 10, 20, 30, 40])
    assert (slots.begin, slots.end) == ([0, 30], [10, 40])
    assert (slots.low, slots.temperature, slots.high) == ([1.0, 5.0], [2.0, 5.0], [3.0, 5.0])
    assert slots.precipitation == [0.4, None]


def test_precipitation_of_an_hour_counts_once() -> None:
    """Observations every quarter report the sum of an hour; the last one of each hour counts."""
    assert sum_precipitation([_row(900 * step, rain=step / 10) for step in range(1, 9)]) == pytest.approx(0.4 + 0.8)
    assert sum_precipitation([_row(0)]) is None


@pytest.mark.parametrize(
    ("degrees", "mean"), [((350.0, 10.0), 0.0), ((90.0, 180.0), 135.0), ((0.0, 180.0), None), ((), None)]
)
def test_directions_are_averaged_as_vectors(degrees: tuple[float, ...], mean: float | None) -> None:
    """The mean of 350 and 10 degrees is north; opposite directions cancel out."""
    found = mean_direction(degrees)
    assert (found is None) == (mean is None)
    assert mean is None or found in {mean, 360.0}


def test_gaps_are_longer_than_the_interval_of_the_observations() -> None:
    """A service with one observation an hour has no gaps, although it is polled every ten minutes."""
    hourly = [3600.0 * hour for hour in range(10)]
    assert find_gaps(hourly, 0, 9 * 3600, interval=600) == []
    assert find_gaps(hourly[:3] + hourly[7:], 0, 9 * 3600, interval=600) == [(7200, 7 * 3600)]
    assert find_gaps([], 0, 10_000, interval=600) == [(0, 10_000)]


def test_suspect_values_do_not_count() -> None:
    """Neither in an hour's low, mean, high and rain, but a slot with nothing else shows its suspect temperature."""
    spike = _row(1200, 50.0, rain=3.0)._replace(quality="suspect: temperature step")
    flood = _row(2400, 8.0, rain=99.0)._replace(quality="suspect: precipitation range")
    hour = group_rows([_row(600, 6.0, rain=1.0), spike, flood], [0, HOUR])
    assert (hour.low, hour.temperature, hour.high, hour.suspect) == ([6.0], [7.0], [8.0], [False])
    assert hour.precipitation == [3.0]
    alone = keep_rows([spike, flood])
    assert (alone.temperature, alone.suspect, alone.precipitation) == ([50.0, 8.0], [True, False], [3.0, None])
