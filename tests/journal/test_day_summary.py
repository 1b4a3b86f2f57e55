"""Summaries of days, against a walk through all minutes; and the days of all zones."""

from __future__ import annotations

import itertools
import zoneinfo
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.journal.days.calendar import HOUR_MICROS, SECOND_MICROS, find_day, list_days, make_day
from weatherd.journal.days.summary import Readings, summarize_days

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.journal.days.calendar import LocalDay
    from weatherd.journal.days.summary import Day

MINUTE = 60 * SECOND_MICROS
BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = (
    int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()) * SECOND_MICROS
)  # midnight in Berlin; the day has 25 hours
VALUES = st.none() | st.integers(-30, 30).map(lambda tenths: tenths / 10)
AMOUNTS = st.none() | st.integers(0, 30).map(lambda tenths: tenths / 10)


class Reading(NamedTuple):
    """One reading, with the values of a row of ``Readings``."""

    at: int
    provider: str
    temperature: float | None
    precipitation: float | None
    wind_gust: float | None


def summarize(readings: list[Reading], days: Iterable[LocalDay]) -> list[Day]:
    """Return the days of single readings."""
    return summarize_days(Readings(*zip(*readings, strict=True)), days) if readings else []


@st.composite
def make_readings(draw: st.DrawFn) -> list[Reading]:
    """Return readings of three days, at whole minutes."""
    gaps = draw(st.lists(st.sampled_from([1, 5, 10, 15, 15, 30, 59, 60, 60, 61, 200]), max_size=60))
    minutes = itertools.accumulate(gaps, initial=draw(st.integers(0, 2000)))
    return [Reading(BEGIN + minute * MINUTE, "a", draw(VALUES), draw(AMOUNTS), draw(AMOUNTS)) for minute in minutes]


@given(make_readings())
def test_mean_counts_each_minute_once(readings: list[Reading]) -> None:
    """A value counts in each minute until the next value, for an hour at most, on the day on which it was observed."""
    sums: defaultdict[date, list[float]] = defaultdict(list)
    known = {reading.at: reading.temperature for reading in readings if reading.temperature is not None}
    for minute in range(BEGIN, BEGIN + 4 * 24 * HOUR_MICROS, MINUTE):
        holders = [at for at in range(minute, minute - HOUR_MICROS, -MINUTE) if at in known]
        if holders:
            sums[find_day(holders[0], BERLIN).date].append(known[holders[0]])
    found = summarize(readings, list_days(BEGIN, BEGIN + 4 * 24 * HOUR_MICROS, BERLIN))
    assert {day.date for day in found} == {find_day(reading.at, BERLIN).date for reading in readings}
    for day in found:
        values = sums[day.date]
        length = (make_day(day.date, BERLIN).end - make_day(day.date, BERLIN).begin) / HOUR_MICROS
        assert day.hours == pytest.approx(min(len(values) / 60, length))
        assert day.mean == (pytest.approx(sum(values) / len(values)) if values else None)


@given(make_readings())
def test_extremes_are_those_of_the_readings(readings: list[Reading]) -> None:
    """Each is the first of its value in the day, the gust the strongest."""
    for day in summarize(readings, list_days(BEGIN, BEGIN + 4 * 24 * HOUR_MICROS, BERLIN)):
        inside = [reading for reading in readings if find_day(reading.at, BERLIN).date == day.date]
        known = [(reading.temperature, reading.at) for reading in inside if reading.temperature is not None]
        assert (day.low, day.low_at) == min(known, default=(None, None))
        assert (day.high, day.high_at) == min(known, key=lambda pair: (-pair[0], pair[1]), default=(None, None))
        assert day.gust == max((reading.wind_gust for reading in inside if reading.wind_gust is not None), default=None)
        assert (day.first_at, day.last_at, day.observations) == (inside[0].at, inside[-1].at, len(inside))


@given(st.lists(st.sampled_from([1, 5, 10, 15, 30, 45, 59, 60, 61, 200]), max_size=80), st.integers(0, 1500))
def test_no_minute_of_rain_counts_twice(gaps: list[int], offset: int) -> None:
    """With rain of 1 mm an hour, a day has at most its length, and all days what the hours of the readings cover."""
    minutes = list(itertools.accumulate(gaps, initial=offset))
    readings = [Reading(BEGIN + minute * MINUTE, "a", None, 1.0, None) for minute in minutes]
    spans = list(list_days(BEGIN - HOUR_MICROS, BEGIN + 6 * 24 * HOUR_MICROS, BERLIN))
    covered = {minute - number for minute in minutes for number in range(60)}
    for day in summarize(readings, spans):
        span = make_day(day.date, BERLIN)
        first, last = (span.begin - BEGIN) // MINUTE, (span.end - BEGIN) // MINUTE
        assert day.rain is None or day.rain * 60 <= sum(first < minute <= last for minute in covered) + 1e-6


@pytest.mark.parametrize("step", [1, 5, 10, 15, 30, 60])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_rain_of_a_regular_service_is_exact(step: int, zone: str) -> None:
    """Whatever it rained in which minute: if values come at each full hour of the clock, the days have all of it."""
    amounts = [(minute * 7919) % 13 if minute % 400 < 90 else 0 for minute in range(6 * 1440)]  # hundredths of mm
    first = next(iter(list_days(BEGIN, BEGIN + 1, ZoneInfo(zone)))).begin
    readings = [
        Reading(first + minute * MINUTE, "a", None, sum(amounts[minute - 60 : minute]) / 100, None)
        for minute in range(60, 6 * 1440, step)
    ]
    for day in summarize(
        readings, list(list_days(first + 24 * HOUR_MICROS, first + 100 * HOUR_MICROS, ZoneInfo(zone)))
    ):
        span = make_day(day.date, ZoneInfo(zone))
        begin, end = (span.begin - first) // MINUTE, (span.end - first) // MINUTE
        assert day.rain == pytest.approx(sum(amounts[begin:end]) / 100)


def test_missing_values_are_not_zero() -> None:
    """The mean of 10 and nothing is 10; rain and gust of a day without them are unknown."""
    (day,) = summarize(
        [Reading(BEGIN, "a", 10.0, None, None), Reading(BEGIN + HOUR_MICROS, "b", None, None, None)],
        list_days(BEGIN, BEGIN + 1, BERLIN),
    )
    assert (day.mean, day.low, day.high, day.rain, day.gust, day.providers) == (10.0, 10.0, 10.0, None, None, "a,b")


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(zoneinfo.available_timezones()))
def test_days_of_all_zones(name: str) -> None:
    """Days are adjacent, and begin with the first moment of their date on the local clock, in 2026 to 2028."""
    zone = ZoneInfo(name)
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * SECOND_MICROS for year in (2026, 2029))
    days = list(list_days(first, last, zone))
    for before, day in itertools.pairwise(days):
        assert before.end == day.begin
        assert day.date == before.date + timedelta(days=1)
        begin = datetime.fromtimestamp(day.begin // SECOND_MICROS, zone)
        assert begin.date() == day.date
        assert (begin.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone).date() < day.date
        assert find_day(day.begin, zone) == day
        assert find_day(day.begin - 1, zone) == before
