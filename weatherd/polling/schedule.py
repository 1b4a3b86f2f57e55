"""Schedule of a city's polls: pure functions of POSIX times, so that a city keeps its phase across restarts."""

from __future__ import annotations

import math
import zlib

_MAX_BACKOFF = 900.0  # seconds
_MAX_CLOCK_ERROR = 60.0  # seconds; a poll further in the future was recorded with a wrong clock


def city_phase(city_id: str) -> float:
    """Return the city's phase as a fraction of the interval: a hash of its id, uniform and stable across restarts.

    CRC-32 is computed at each poll (0.1 us), because a number that is kept takes 40 bytes for each city.
    """
    return zlib.crc32(city_id.encode()) / 2**32


def phase_offset(city_id: str, interval: float) -> float:
    """Return the city's phase in seconds from the start of an interval."""
    return city_phase(city_id) * interval


def next_tick(now: float, interval: float, offset: float) -> float:
    """Return the first tick after *now*; missed ticks are skipped."""
    tick = (math.floor((now - offset) / interval) + 1) * interval + offset
    return tick if tick > now else tick + interval  # because rounding may return *now* itself


def cold_start_spread(cities: int) -> float:
    """Return the seconds over which the first polls are spread if those of all *cities* are due immediately.

    Up to 1,000 cities are polled immediately, more at 10,000 cities a second: a higher rate is hardly possible, and
    tasks that wait for the rate limiter take twice the memory of tasks that wait for a tick.
    """
    return max(0, cities - 1000) / 10_000


def first_poll_time(now: float, last_poll: float, interval: float, offset: float) -> float:
    """Return the time of the first poll after a start: the tick that follows the last poll, or now if it has passed.

    It is also now if the last poll is an interval ago. Example: with ticks at 12:00 and 12:10, a poll that took 4 s
    ended at 12:00:04. At 12:10:02 that is under an interval ago, but the tick of 12:10 was missed.
    """
    if not -_MAX_CLOCK_ERROR <= now - last_poll < interval:
        return now
    return max(now, rejoin_tick(last_poll, interval, offset))


def rejoin_tick(now: float, interval: float, offset: float) -> float:
    """Return the tick after an unscheduled poll: the first one at least half an interval later."""
    return next_tick(now + interval / 2, interval, offset)


def backoff_delay(failures: int, interval: float, draw: float) -> float:
    """Return the seconds until the retry after *failures* consecutive failures; *draw* is random in [0, 1).

    The delay starts at a quarter of the interval and doubles, up to 15 minutes or the interval, whichever is longer;
    for intervals under 75 s, up to 12 intervals. So two retries fit into the interval after the first failure. Up to
    half of the delay is random, so that cities that failed together do not retry together.
    """
    limit = max(interval, min(_MAX_BACKOFF, 12 * interval))
    delay = min(limit, interval / 4 * 2.0 ** min(failures - 1, 20))
    return delay * (1 - draw / 2)
