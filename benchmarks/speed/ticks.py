"""Punctuality of the daemon by its log: the ticks that led to an observation, and their delays."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from weatherd.polling.schedule import phase_offset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TIMER_TOLERANCE = 0.01  # seconds by which a timer may fire early
ANSWER_SLACK = 2.0  # seconds after the window in which its last responses may arrive
_MARK = b'"event":"observation"'


@dataclass(frozen=True, slots=True)
class Window:
    """Window of POSIX time, at most one interval long, so that each city has at most one tick in it.

    ``at`` is the length of the log when the window began; reading starts there.
    """

    begin: float
    end: float
    at: int


@dataclass(frozen=True, slots=True)
class Punctuality:
    """Punctuality in a window. The delays are in seconds, from the tick to the end of the response."""

    missed: int  # no response ``ANSWER_SLACK`` seconds after the end of the window
    twice: int  # more than one response
    p50: float
    p99: float
    worst: float


def compute_punctuality(log: Path, window: Window, ids: Iterable[str], interval: float) -> Punctuality:
    """Compute the punctuality of these cities. The log must cover ``ANSWER_SLACK`` seconds after the window.

    Raise RuntimeError if the log has no observation of the window.
    """
    due = {city: window.begin + (phase_offset(city, interval) - window.begin) % interval for city in ids}
    due = {city: tick for city, tick in due.items() if tick < window.end}
    responses: dict[str, int] = {}
    delays = []
    for city, at in _observations(log, window.at):
        if (
            city in due
            and -_TIMER_TOLERANCE <= at - due[city] < interval - _TIMER_TOLERANCE
            and at < window.end + ANSWER_SLACK
        ):
            responses[city] = responses.get(city, 0) + 1
            if responses[city] == 1:
                delays.append(at - due[city])
    delays.sort()
    twice = sum(count > 1 for count in responses.values())
    if not delays:
        raise RuntimeError(f"{log} has no observation of the window")
    return Punctuality(
        len(due) - len(responses), twice, statistics.median(delays), delays[int(len(delays) * 0.99)], delays[-1]
    )


def _observations(log: Path, at: int) -> Iterator[tuple[str, float]]:
    """Yield the city and the POSIX fetch time of each observation logged after a position in the file."""
    with log.open("rb") as lines:
        lines.seek(max(0, at - 1))
        lines.readline()  # skip the rest of a partial line
        for line in lines:
            if _MARK in line and line.endswith(b"\n"):  # because the last line may be incomplete
                event = msgspec.json.decode(line)
                yield event["city"], datetime.fromisoformat(event["fetched_at"]).timestamp()
