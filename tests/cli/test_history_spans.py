"""The spans of time that a history is split into."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import observation
from weatherd.cli.history.spans import choose_span_length, draw_sparkline, find_round_times, split_into_spans

ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Auckland",
         "America/Santiago", "America/Havana", "Atlantic/Azores", "Asia/Kathmandu", "Pacific/Apia", "UTC"]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("hours", [2, 3, 6, 12, 24, 48, 168, 336, 672])
@pytest.mark.parametrize("name", ZONES)
def test_longer_spans_begin_on_the_local_clock(name: str, hours: int) -> None:
    """For each quarter of an hour of a year: its span begins at the last multiple of the length on the local clock.

    The reference walks through all quarters of an hour and starts a span when the date or the part of the day changes.
    """
    zone, step = ZoneInfo(name), timedelta(minutes=15)
    since = datetime(2025, 12, 20, 5, 45, tzinfo=UTC)
    begins = find_round_times(since, since + timedelta(days=400), timedelta(hours=hours), zone)
    first = begins[0].astimezone(zone).date()
    seen: list[datetime] = []
    key: tuple[int, int] | None = None
    for number in range(-96 * 2, 96 * 400):
        moment = since + number * step
        local = moment.astimezone(zone)
        days = (local.date() - first).days
        part = (days // max(1, hours // 24), local.hour // hours)
        if key is None or part > key:
            seen.append(moment)
            key = part
    assert begins == [begin for begin in seen if begin >= begins[0]]
    assert begins[0] <= since < begins[1]


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60])
@pytest.mark.parametrize("name", ZONES)
def test_shorter_spans_are_equally_long(name: str, minutes: int) -> None:
    """Also when the clock changes: an hour that comes twice has two rows."""
    since, length = datetime(2026, 10, 24, 5, 47, 11, tzinfo=UTC), timedelta(minutes=minutes)
    begins = find_round_times(since, since + timedelta(days=2), length, ZoneInfo(name))
    assert begins[0] <= since < begins[0] + length
    assert {later - earlier for earlier, later in itertools.pairwise(begins)} == {length}
    assert begins[0].astimezone(ZoneInfo(name)).minute % minutes == 0


@given(st.lists(st.integers(0, 10_000), max_size=60), st.integers(60, 100_000))
def test_spans_hold_each_observation_once(minutes: list[int], length: int) -> None:
    """Each observation is in exactly one span, and the spans are adjacent."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    observations = [observation(observed_at=since + timedelta(minutes=minute)) for minute in sorted(minutes)]
    begins = [since + index * timedelta(minutes=length) for index in range(10_001 // length + 1)]
    cut = split_into_spans(observations, begins)
    assert sum(span.count for span in cut) == len(observations)
    assert all(later.begin - earlier.begin == timedelta(minutes=length) for earlier, later in itertools.pairwise(cut))
    assert len(draw_sparkline(cut)) == (len(cut) if observations else 0)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 300), st.integers(0, 300))
def test_rain_is_the_same_however_it_is_split(gaps: list[int], length: int, offset: int) -> None:
    """With 1 mm in every hour, the rain of all spans is the number of hours that observations cover: none is twice."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=minutes) for minutes in itertools.accumulate(gaps)]
    observations = [observation(observed_at=moment, precipitation=1.0) for moment in moments]
    hours = (moments[-1] - moments[0]) / timedelta(hours=1) + 1  # the first one covers the hour before it
    since = begin - timedelta(minutes=60 + offset)
    begins = [since + index * timedelta(minutes=length) for index in range(3000 // length + 1)]
    until = begins[-1] + timedelta(days=3)
    rain = [span.rain for span in split_into_spans(observations, begins, until) if span.rain is not None]
    assert sum(rain) == pytest.approx(hours)
    (whole,) = split_into_spans(observations, [since], until)
    assert whole.rain == pytest.approx(hours)


def test_span_lengths_are_usual_ones() -> None:
    """A day is split into hours, a week into half days, a year into four weeks; each starts at a round time."""
    day = datetime(2026, 1, 1, 13, 37, tzinfo=UTC)
    lengths = {days: choose_span_length(day - timedelta(days=days), day, 24) for days in (1, 7, 365, 36_500)}
    assert lengths[1] == timedelta(hours=1)
    assert lengths[7] == timedelta(hours=12)
    assert lengths[365] == timedelta(days=28)
    assert find_round_times(day, day + timedelta(hours=1), timedelta(hours=12), UTC) == [day.replace(hour=12, minute=0)]


def test_suspect_values_do_not_count() -> None:
    """Neither in low, mean and high, nor in the gust and the rain; a span with nothing else has its temperatures."""
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    values: list[dict[str, Any]] = [
        {"temperature": 6.0, "precipitation": 1.0, "wind_gust": 9.0},
        {"temperature": 50.0, "precipitation": 1.0, "wind_gust": 10.0, "quality": "suspect: temperature step"},
        {
            "temperature": 8.0,
            "precipitation": 99.0,
            "wind_gust": 90.0,
            "quality": "suspect: precipitation range, wind_gust range",
        },
    ]
    seen = [
        observation(observed_at=begin + timedelta(hours=number), **each) for number, each in enumerate(values, start=1)
    ]
    (span,) = split_into_spans(seen, [begin], begin + timedelta(hours=4))
    assert (span.low, span.mean, span.high) == (6.0, 7.0, 8.0)
    assert (span.rain, span.gust) == (2.0, 10.0)
    (span,) = split_into_spans(seen[1:2], [begin], begin + timedelta(hours=4))
    assert (span.low, span.high) == (50.0, 50.0)


def test_observations_without_rain_hide_none() -> None:
    """A service that reports no rain, between the values of another one, takes nothing of these."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    observations = [
        observation(observed_at=begin + timedelta(minutes=30 * number), precipitation=None if number % 2 else 2.0)
        for number in range(1, 9)
    ]
    (span,) = split_into_spans(observations, [begin], begin + timedelta(hours=4))
    assert span.rain == 8.0
