"""When to ask: pure, in seconds. Times are POSIX times, so that a city keeps its phase over restarts."""

from __future__ import annotations

import hashlib
import math

_LONGEST_BACKOFF = 900.0
_CLOCK_ERROR = 60.0  # a poll that seems to lie further ahead was made by a wrong clock


def share(city: str) -> float:
    """Return which part of an interval is over at a city's ticks: evenly spread, always the same for the same id."""
    digest = hashlib.blake2b(city.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def phase(city: str, interval: float) -> float:
    """Return where in the interval a city has its ticks, in seconds."""
    return share(city) * interval


def next_tick(now: float, interval: float, phase: float) -> float:
    """Return the first tick after *now*; ticks that went by in the meantime are skipped."""
    tick = (math.floor((now - phase) / interval) + 1) * interval + phase
    return tick if tick > now else tick + interval


def crowding(cities: int) -> float:
    """Return over how many seconds the first polls of a list are spread, which all are due at once.

    A thousand are asked for at once. More than 10,000 a second can hardly be, and all of a long list waiting for their
    turn would take twice the memory.
    """
    return max(0, cities - 1000) / 10_000


def first_poll(now: float, last: float, interval: float, phase: float) -> float:
    """Return when to poll first after a start: at once, or at a tick when the *last* poll is not an interval ago."""
    if not -_CLOCK_ERROR <= now - last < interval:
        return now
    return max(next_tick(now, interval, phase), second_poll(last, interval, phase))


def second_poll(now: float, interval: float, phase: float) -> float:
    """Return the tick that follows a first poll out of turn: one that is at least half an interval away."""
    return next_tick(now + interval / 2, interval, phase)


def backoff(failures: int, interval: float, draw: float) -> float:
    """Return how long to wait after the n-th failure in a row, where *draw* is random in [0, 1).

    The wait begins at a quarter of the interval, doubles, and ends at a quarter of an hour or the interval, whichever
    is longer; for short intervals, at twelve of them. So two retries fall into the interval after the first failure.
    A random part of up to a half keeps cities that failed together from coming back together.
    """
    longest = max(interval, min(_LONGEST_BACKOFF, 12 * interval))
    wait = min(longest, interval / 4 * 2.0 ** min(failures - 1, 20))
    return wait * (1 - draw / 2)
