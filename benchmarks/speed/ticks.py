"""How punctual the daemon was, by its own log: which ticks of the cities were answered, and how late."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from weatherd.polling.schedule import phase_offset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_EARLY = 0.01  # seconds by which a timer may ring before its time
SLACK = 2.0  # seconds that the last answers of a window may take
_MARK = b'"event":"observation"'


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of POSIX time, not longer than an interval: every city has one tick in it at the most.

    ``at`` is how long the log was when it began: what is older is not read again.
    """

    begin: float
    end: float
    at: int


@dataclass(frozen=True, slots=True)
class Punctuality:
    """What became of the ticks in a window; the delays are in seconds, from the tick to the end of the answer."""

    missed: int  # not answered ``SLACK`` seconds after the end of the window
    twice: int  # answered more than once
    p50: float
    p99: float
    worst: float


def punctuality(log: Path, window: Window, ids: Iterable[str], interval: float) -> Punctuality:
    """Look at the ticks of these cities in a window. The log has to go on for ``SLACK`` seconds beyond its end."""
    due = {city: window.begin + (phase_offset(city, interval) - window.begin) % interval for city in ids}
    due = {city: tick for city, tick in due.items() if tick < window.end}
    answers: dict[str, int] = {}
    delays = []
    for city, at in _observations(log, window.at):
        if city in due and -_EARLY <= at - due[city] < interval - _EARLY and at < window.end + SLACK:
            answers[city] = answers.get(city, 0) + 1
            if answers[city] == 1:
                delays.append(at - due[city])
    delays.sort()
    twice = sum(count > 1 for count in answers.values())
    if not delays:
        raise RuntimeError(f"{log} has no observation of the window")
    return Punctuality(
        len(due) - len(answers), twice, statistics.median(delays), delays[int(len(delays) * 0.99)], delays[-1]
    )


def _observations(log: Path, at: int) -> Iterator[tuple[str, float]]:
    """Give the city of each logged observation from a place of the file on, and the POSIX time of its answer."""
    with log.open("rb") as lines:
        lines.seek(max(0, at - 1))
        lines.readline()  # the rest of a line that was being written
        for line in lines:
            if _MARK in line and line.endswith(b"\n"):  # the last one may be in the middle of being written
                event = orjson.loads(line)
                yield event["city"], datetime.fromisoformat(event["fetched_at"]).timestamp()
