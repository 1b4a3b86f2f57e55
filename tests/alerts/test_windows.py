"""Summaries of the past, compared with a plain list of the observations."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weatherd.alerts.windows.city_windows import CityWindows
from weatherd.observation import FIELDS, Observation

START = 1_767_225_600.0  # 1 January 2026
HOUR = 3600.0


class OneWindow:
    """One window of the temperature or the rain, of one city."""

    def __init__(self, function: str, span: float) -> None:
        self._windows = CityWindows([(function, "temperature", span)])
        self.numbers = self._windows.unknown[:]

    def add(self, time: float, value: float | None) -> None:
        """Add an observation."""
        self._windows.add(self.numbers, time, [value if name == "temperature" else None for name in FIELDS])

    @property
    def value(self) -> float | None:
        """The summary."""
        (value,) = self._windows.read(self.numbers).values()
        return value


def in_window(times: dict[float, float | None], span: float) -> dict[float, float]:
    """Return the values that a window includes: up to a 24th of the span more, as its buckets begin."""
    newest = max(times)
    width = span / 24
    return {
        time: value for time, value in times.items() if value is not None and time // width >= (newest - span) // width
    }


# Steps in seconds between two observations, and values; a step of 0 is a revision, one below 0 a late observation
STEPS = st.sampled_from([0, 600, 900, 3600, 3600, 7200, 20_000, 100_000, -500, -4000, 37])
VALUES = st.none() | st.floats(-40, 40).map(lambda value: round(value, 1))
OBSERVATIONS = st.lists(st.tuples(STEPS, VALUES), min_size=1, max_size=40)
SPANS = st.sampled_from([3600.0, 10_800.0, 86_400.0, 5400.0])


def list_times(steps: list[tuple[int, float | None]]) -> list[tuple[float, float | None]]:
    """Return times and values; late observations have times of their own, because only the newest is revised."""
    newest, found, used = START, [(START, steps[0][1])], {START}
    for step, value in steps[1:]:
        time = newest + step
        if step < 0 and time in used:
            continue
        newest = max(newest, time)
        used.add(time)
        found.append((time, value))
    return found


@given(OBSERVATIONS, SPANS)
@example([(0, 1.0), (600, None), (0, 5.0), (0, None)], HOUR)
def test_extremes_and_mean_equal_those_of_a_list(steps: list[tuple[int, float | None]], span: float) -> None:
    """Lowest, highest and mean are those of the observations in the window, with gaps, late ones and revisions."""
    windows = {function: OneWindow(function, span) for function in ("min", "max", "mean")}
    known: dict[float, float | None] = {}
    for time, value in list_times(steps):
        for window in windows.values():
            window.add(time, value)
        known[time] = value
        values = in_window(known, span).values()
        expected: dict[str, Any] = {"min": None, "max": None, "mean": None}
        if values:
            expected = {"min": min(values), "max": max(values), "mean": math.fsum(values) / len(values)}
        assert {name: window.value for name, window in windows.items()} == pytest.approx(expected, abs=1e-9)


@given(OBSERVATIONS, SPANS)
def test_change_is_since_an_observation_about_as_old_as_the_span(
    steps: list[tuple[int, float | None]], span: float
) -> None:
    """The change is since an observation as old as the span, to a 24th, or up to half a span older."""
    window, known, width = OneWindow("change", span), dict[float, float | None](), span / 24
    for time, value in list_times(steps):
        window.add(time, value)
        known[time] = value
        newest = max(known)
        last = known[newest]
        since = {
            old for then, old in known.items()
            if old is not None and newest - 1.5 * span - width < then < newest - span + width
        }  # fmt: skip
        certain = [
            old for then, old in known.items()
            if old is not None and newest - 1.5 * span + width < then <= newest - span
        ]  # fmt: skip
        if window.value is None:
            assert last is None or not certain
        else:
            assert last is not None
            assert any(window.value == last - old for old in since)


def sum_rain(known: dict[float, float | None], since: float, until: float) -> float | None:
    """Return the rain between two times: each value counts for the time since the observation before, up to an hour."""
    total, before, newest = None, -math.inf, max(known)
    for time, value in sorted(known.items()):
        begin, before = max(before, time - HOUR), time
        if value is not None and time > newest - until + since - HOUR:
            length = max(0.0, min(time, until) - max(begin, since))
            total = (total or 0.0) + value * length / HOUR
    return total


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 600, 900, 3600, 7200, 50_000, 37]), st.floats(0, 30) | st.none()), min_size=1
    ),
    SPANS,
)
def test_rain_equals_that_of_a_list(steps: list[tuple[int, float | None]], span: float) -> None:
    """The rain is that of a plain list, to the amount that may fall in a 24th of the span."""
    window, known = OneWindow("rain", span), dict[float, float | None]()
    for time, value in list_times(steps):
        window.add(time, value)
        known[time] = value
        newest = max(known)
        exact = sum_rain(known, newest - span, newest) or 0.0
        assert (window.value or 0.0) == pytest.approx(exact, abs=30 * span / 24 / HOUR + 1e-6)


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_rain_of_regular_observations_is_exact(minutes: int) -> None:
    """With 2 mm an hour, 24 hours have 48 mm and the last hour 2, however often it is observed."""
    day, hour = OneWindow("rain", 24 * HOUR), OneWindow("rain", HOUR)
    for index in range(200):
        for window in (day, hour):
            window.add(START + index * minutes * 60, 2.0)
    assert [day.value, hour.value] == pytest.approx([48, 2])


def test_rain_is_revised_and_a_late_value_does_not_count_twice() -> None:
    """A revision of the newest value replaces it; its None removes it."""
    window = OneWindow("rain", HOUR * 6)
    for time, value in ((0, 4.0), (1800, 6.0), (1800, 2.0), (900, 9.0)):
        window.add(START + time, value)
    assert window.value == pytest.approx(4 + 1)
    window.add(START + 1800, None)
    assert window.value == pytest.approx(4)


def test_each_window_has_its_field() -> None:
    """The windows of a city get their fields; without a value, a summary stays unknown."""
    keys = [("max", "wind_gust", HOUR), ("mean", "temperature", HOUR), ("min", "visibility", HOUR)]
    windows = CityWindows(keys)
    numbers = windows.unknown[:]
    for minute in range(0, 60, 10):
        time = datetime.fromtimestamp(START + minute * 60, UTC)
        seen = Observation("kiel", "nws", time, time, float(minute), "rain", wind_gust=30.0 - minute)
        windows.add(numbers, time.timestamp(), seen)
    assert windows.read(numbers) == dict(zip(keys, [30.0, 25.0, None], strict=True))


def test_memory_of_a_day() -> None:
    """A window of 24 hours takes less than 500 bytes, however often it is observed."""
    for function in ("min", "max", "change", "rain", "mean"):
        window = OneWindow(function, 24 * HOUR)
        for index in range(600):
            window.add(START + index * 600, 1.0)
        assert sys.getsizeof(window.numbers) < 500 + (function == "mean") * 200
