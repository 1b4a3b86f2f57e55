"""The schedule of a city's polls."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL
from weatherd.polling.poll_history import CityPolls
from weatherd.polling.schedule import (
    backoff_delay,
    cold_start_spread,
    first_poll_time,
    next_tick,
    phase_offset,
    rejoin_tick,
)

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVALS = st.floats(1, 86400 * 7)
TIMES = st.floats(1e9, 5e9)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1)


@given(NAMES, INTERVALS)
def test_a_phase_lies_in_the_interval(city: str, interval: float) -> None:
    """The offset is at least 0 and less than the interval."""
    assert 0 <= phase_offset(city, interval) < interval


def test_a_phase_never_changes() -> None:
    """The phase depends on the id alone, so it survives restarts and other versions of Python."""
    assert phase_offset("kiel", 600) == pytest.approx(503.72247, abs=1e-4)


def test_phases_spread_the_load_evenly() -> None:
    """Of 10,000 cities, each tenth of the interval has a tenth, within 10 %."""
    tenths = [int(phase_offset(f"city-{number}", 600) // 60) for number in range(10_000)]
    assert all(900 < tenths.count(tenth) < 1100 for tenth in range(10))


@given(TIMES, INTERVALS, st.floats(0, 0.999))
def test_the_next_tick_is_within_one_interval(now: float, interval: float, share: float) -> None:
    """The next tick is later than now, and never by more than an interval."""
    tick = next_tick(now, interval, share * interval)
    assert now < tick <= now + interval * (1 + 1e-6)


@given(TIMES, INTERVALS, st.floats(0, 0.999), st.integers(0, 50))
def test_ticks_do_not_drift(now: float, interval: float, share: float, skipped: int) -> None:
    """However many ticks are missed, the later ones stay in place."""
    tick = next_tick(now, interval, share * interval)
    later = next_tick(tick + skipped * interval + interval / 3, interval, share * interval)
    assert later == pytest.approx(tick + (skipped + 1) * interval, abs=1e-4)


@given(TIMES, INTERVALS, st.floats(0, 0.999))
def test_the_second_poll_keeps_its_distance(now: float, interval: float, share: float) -> None:
    """A poll off schedule is followed by a tick after 0.5 to 1.5 intervals."""
    assert interval / 2 <= rejoin_tick(now, interval, share * interval) - now <= 1.5 * interval * (1 + 1e-6)


@given(st.integers(1, 100_000), INTERVALS, st.floats(0, 0.9999))
def test_a_backoff_is_bounded(failures: int, interval: float, draw: float) -> None:
    """After any number of failures the delay is positive, and at most 15 minutes or the interval."""
    assert 0 < backoff_delay(failures, interval, draw) <= max(interval, 900)


@given(st.integers(1, 1000), INTERVALS)
def test_a_backoff_grows(failures: int, interval: float) -> None:
    """Without its random part, the delay never shrinks from one failure to the next."""
    assert backoff_delay(failures, interval, 0.0) <= backoff_delay(failures + 1, interval, 0.0)


def test_the_delays_of_an_ordinary_city() -> None:
    """With an interval of ten minutes the delays are 2.5, 5, 10 and then 15 minutes, less the random part."""
    assert [backoff_delay(n, 600, 0.0) for n in range(1, 6)] == [150, 300, 600, 900, 900]
    assert backoff_delay(1, 600, 0.5) == 112.5


@given(st.integers(0, 1_000_000))
def test_first_polls_are_spread_only_in_a_long_list(cities: int) -> None:
    """A thousand cities are polled at once; a longer list at 10,000 cities a second."""
    assert cold_start_spread(cities) == pytest.approx(max(0, cities - 1000) / 10_000)


@given(
    boot=st.floats(0.0, 1e7),
    epoch=st.floats(0.0, 4e9),
    intervals=st.integers(-100_000, 100_000),
    interval=st.integers(1, 86_400).map(float),
)
def test_a_step_of_whole_intervals_repeats_no_tick(boot: float, epoch: float, intervals: int, interval: float) -> None:
    """A clock that is set by hours is the usual mistake of a time zone; times are rounded in another way afterwards."""
    polls = CityPolls(KIEL)
    polls.plan(boot, "")
    polls.plan_tick(boot, interval, epoch)
    due = polls.due
    polls.plan_tick(due, interval, epoch + intervals * interval)
    assert due + 0.9 * interval < polls.due < due + 1.1 * interval


@given(boot=st.floats(0.0, 1e7), early=st.floats(0.0, 0.4), interval=st.integers(1, 86_400).map(float))
def test_a_poll_that_is_early_is_followed_by_the_next_tick(boot: float, early: float, interval: float) -> None:
    """The timer of a tick may fire before it; the same tick is not polled again."""
    polls = CityPolls(KIEL)
    polls.plan(boot, "")
    polls.plan_tick(boot, interval, 0.0)
    tick = polls.due
    polls.plan_tick(tick - early * interval, interval, 0.0)
    assert tick + 0.9 * interval < polls.due < tick + 1.1 * interval


@given(boot=st.floats(0.0, 1e7), interval=st.integers(1, 86_400).map(float))
def test_an_unscheduled_poll_is_followed_half_an_interval_later(boot: float, interval: float) -> None:
    """The first poll of a start, or a retry, does not make the next tick a second poll soon after it."""
    polls = CityPolls(KIEL)
    polls.plan(boot, "", is_tick=False)
    polls.plan_tick(boot, interval, 0.0)
    assert boot + interval / 2 <= polls.due <= boot + 1.5 * interval + 0.01


def _count_skipped_ticks(find_first: Callable[[float, float, float, float], float]) -> int:
    """Return how often, of 200,000 restarts, the first poll comes after the tick that follows the last poll."""
    draws, skipped = random.Random(1), 0
    for _ in range(200_000):
        interval, now = draws.choice([10.0, 60.0, 600.0, 3600.0]), 1.8e9 + draws.uniform(0, 1e6)
        offset = draws.random() * interval
        polled_at = next_tick(now - draws.uniform(0, 2.5) * interval, interval, offset)  # at a tick
        ended = polled_at + draws.uniform(0, 0.1) * interval  # the poll takes a moment
        if ended <= now:
            skipped += find_first(now, ended, interval, offset) > max(now, polled_at + interval) + 1e-3
    return skipped


def test_a_restart_at_any_time_skips_no_tick() -> None:
    """The rule that only looked for the next tick from now skipped the one that had passed during the last poll."""

    def skip_passed_tick(now: float, last_poll: float, interval: float, offset: float) -> float:
        if not 0 <= now - last_poll < interval:
            return now
        return max(next_tick(now, interval, offset), rejoin_tick(last_poll, interval, offset))

    assert _count_skipped_ticks(first_poll_time) == 0
    assert _count_skipped_ticks(skip_passed_tick) > 1000
