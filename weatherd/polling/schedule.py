"""Compute when a city is polled: pure functions of POSIX times, so that a city keeps its phase over restarts."""

from __future__ import annotations

import hashlib
import math

_MAX_BACKOFF = 900.0
_MAX_CLOCK_ERROR = 60.0  # a poll dated further in the future was recorded by a wrong clock


def city_phase(city_id: str) -> float:
    """Return the city's phase as a fraction of the interval: a hash of its id, uniform and stable across restarts."""
    digest = hashlib.blake2b(city_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def phase_offset(city_id: str, interval: float) -> float:
    """Return the city's phase in seconds from the start of an interval."""
    return city_phase(city_id) * interval


def next_tick(now: float, interval: float, offset: float) -> float:
    """Return the first tick after *now*; missed ticks are skipped."""
    tick = (math.floor((now - offset) / interval) + 1) * interval + offset
    return tick if tick > now else tick + interval  # because of rounding


def cold_start_spread(cities: int) -> float:
    """Return the seconds over which the first polls of a list are spread when all of them are due at once.

    Lists of up to 1,000 cities are polled immediately; longer ones at 10,000 cities a second, because more requests
    can hardly be sent, and tasks that wait for the rate limiter take twice the memory of tasks that wait for a tick.
    """
    return max(0, cities - 1000) / 10_000


def first_poll_time(now: float, last_poll: float, interval: float, offset: float) -> float:
    """Return when to poll first after a start: now, or at a tick if the last poll is less than an interval ago."""
    if not -_MAX_CLOCK_ERROR <= now - last_poll < interval:
        return now
    return max(next_tick(now, interval, offset), rejoin_tick(last_poll, interval, offset))


def rejoin_tick(now: float, interval: float, offset: float) -> float:
    """Return the tick that follows a poll outside the schedule: the first one at least half an interval later."""
    return next_tick(now + interval / 2, interval, offset)


def backoff_delay(failures: int, interval: float, draw: float) -> float:
    """Return the seconds to wait after the n-th failure in a row; *draw* is a random number in [0, 1).

    The delay starts at a quarter of the interval and doubles, up to 15 minutes or the interval, whichever is longer;
    for intervals under 75 s, up to 12 intervals. So two retries fit into the interval that follows the first failure.
    Up to half of the delay is random, so that cities which failed together do not retry together.
    """
    limit = max(interval, min(_MAX_BACKOFF, 12 * interval))
    delay = min(limit, interval / 4 * 2.0 ** min(failures - 1, 20))
    return delay * (1 - draw / 2)
