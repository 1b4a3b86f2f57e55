"""Gaps and the requests that cover them: pure functions, and the times that were asked about."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.polling.backfill.gaps import (
    AskedTimes,
    Gap,
    find_time_gaps,
    is_in_gap,
    longest_regular_distance,
    plan_requests,
)

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
TIMES = st.lists(st.integers(0, 10_000).map(float), unique=True).map(sorted)
GAPS = st.lists(st.integers(0, 5000).map(float), unique=True).map(
    lambda bounds: [Gap(*pair) for pair in list(pairwise(sorted(bounds)))[::2]]
)


@given(TIMES, st.integers(1, 3000).map(float))
def test_gaps_are_all_distances_that_are_too_long(times: list[float], longest: float) -> None:
    """Between two neighbours that are no gap there is at most the longest distance; nothing lies inside a gap."""
    found = find_time_gaps(times, longest, 1000.0, 9000.0)
    inside = [time for time in times if 1000 < time < 9000]
    for begin, end in pairwise([1000.0, *inside, 9000.0]):
        assert (Gap(begin, end) in found) == (end - begin > longest)
    assert not any(is_in_gap(time, found) for time in inside)


@pytest.mark.parametrize(
    ("interval", "step", "regular", "missed"),
    [
        (10 * MINUTE, 15 * MINUTE, 15 * MINUTE, 30 * MINUTE),  # Open-Meteo, faster than it has news
        (15 * MINUTE, 15 * MINUTE, 15 * MINUTE, 30 * MINUTE),
        (20 * MINUTE, 15 * MINUTE, 30 * MINUTE, 45 * MINUTE),
        (HOUR, 15 * MINUTE, 75 * MINUTE, 105 * MINUTE),
        (10 * MINUTE, HOUR, HOUR, 2 * HOUR),  # stations
        (10 * MINUTE, HOUR, 65 * MINUTE, 110 * MINUTE),  # that report a little earlier or later
        (5.0, 15 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    ],
)
def test_a_missed_poll_is_a_gap_and_the_rhythm_of_a_service_is_none(
    interval: float, step: float, regular: float, missed: float
) -> None:
    """The longest regular distance lies between that of a healthy city and that with one observation missing."""
    assert regular <= longest_regular_distance(interval, step) < missed


@given(GAPS, st.integers(1, 2000).map(float))
def test_requests_cover_all_gaps_in_order(gaps: list[Gap], span: float) -> None:
    """Every instant of a gap is in a request; no request is longer than allowed, and none begins before another."""
    requests = plan_requests(gaps, span)
    assert all(0 < end - begin <= span + 1 for begin, end in requests)
    assert all(first.end <= second.begin for first, second in pairwise(requests))
    for begin, end in gaps:
        covering = [request for request in requests if request.end > begin and request.begin < end]
        assert covering[0].begin <= begin
        assert covering[-1].end >= end
        assert all(first.end == second.begin for first, second in pairwise(covering))


def test_gaps_that_are_close_share_a_request() -> None:
    """Ten short gaps of a day need one request, and a gap of three weeks needs three of a week."""
    flicker = [Gap(n * HOUR, (n + 0.5) * HOUR) for n in range(10)]
    assert plan_requests(flicker, DAY) == [Gap(0, 9.5 * HOUR)]
    assert plan_requests([Gap(0, 21 * DAY)], 7 * DAY) == [Gap(n * 7 * DAY, (n + 1) * 7 * DAY) for n in range(3)]


@given(GAPS, st.tuples(st.integers(0, 5000), st.integers(0, 5000)).map(sorted))
def test_what_was_asked_is_the_union_of_all_times(gaps: list[Gap], wanted: list[int]) -> None:
    """A time is covered if each of its seconds was asked about, in whatever order and however often."""
    asked = AskedTimes()
    for begin, end in [*gaps, *reversed(gaps)]:
        asked.add(begin, end)
    seconds = {second for begin, end in gaps for second in range(int(begin), int(end))}
    begin, end = wanted
    if begin < end:
        assert asked.cover(Gap(begin, end)) == all(second in seconds for second in range(begin, end))
