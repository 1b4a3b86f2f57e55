"""The time of the next poll of a city that follows its service: pure functions of POSIX times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from weatherd.polling.rhythm.rhythm import expected_after

if TYPE_CHECKING:
    from weatherd.polling.rhythm.rhythm import Rhythm

_MIN_RETRY = 60.0  # seconds until an observation that is late is requested again; then four times as long as it is late
_MAX_SHIFT = 60.0  # seconds by which a poll is delayed for the minimum; for more, the next observation is awaited


class PollBounds(NamedTuple):
    """The minimum and maximum of seconds between two polls of a city."""

    min_seconds: float
    max_seconds: float


def due_time(rhythm: Rhythm, observed_at: float, phase: float) -> float:
    """Return when to poll for the observation after the one of *observed_at*.

    *phase* is the city's own share of the seconds over which the polls for observations of the same time are spread.
    """
    return expected_after(rhythm, observed_at) + rhythm.delay + phase


def next_poll(
    rhythm: Rhythm, observed_at: float, bounds: PollBounds, now: float, phase: float, *, is_probe: bool
) -> float:
    """Return the time of the poll after the one that ended *now* with an observation of *observed_at*.

    It is within the bounds. An observation that is late is awaited with a growing delay, at most until the next one. A
    probe comes half-way to the next one.
    """
    earliest, due = now + bounds.min_seconds, due_time(rhythm, observed_at, phase)
    if due - now > 1.5 * rhythm.period:  # our clock is behind the service's
        due -= (due - now) // rhythm.period * rhythm.period
    if due <= now:
        following = _move_behind(due, earliest, rhythm.period)
        due = min(max(earliest, now + max(_MIN_RETRY, 4 * (now - due))), following)
    elif earliest - due > _MAX_SHIFT:
        due = _move_behind(due, earliest, rhythm.period)
    seconds = _split(due - now, bounds.max_seconds)
    return max(earliest, now + (seconds / 2 if is_probe else seconds))


def _move_behind(due: float, earliest: float, period: float) -> float:
    """Return the first time at or after *earliest* that is whole periods after *due*."""
    return due + max(0, math.ceil((earliest - due) / period)) * period


def _split(seconds: float, limit: float) -> float:
    """Return the longest equal part of *seconds* that is within the limit."""
    return seconds / math.ceil(seconds / limit) if seconds > limit else seconds
