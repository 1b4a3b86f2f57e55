"""The last and the next poll of every city, for the status API and the metrics."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.config.diff import CityListDiff
    from weatherd.http.trace import RequestTrace

SERVED = "fresh"  # outcome of an attempt that returned a fresh observation; part of the API and the metrics
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)  # seconds


class ProviderAttempt(NamedTuple):
    """One provider's part in a poll."""

    provider: str
    outcome: str  # SERVED, or the value of a Failure
    seconds: float  # including the wait for the rate limiter
    reason: str = ""  # the error's message; "" if the attempt was successful
    traces: Sequence[RequestTrace] = ()  # the HTTP requests; the cities of a batch share them


class Poll(NamedTuple):
    """One poll of a city. Times are those of the boot clock, which no step of the system time changes."""

    began: float
    ended: float
    attempts: Sequence[ProviderAttempt]
    failures: int  # consecutive polls without a fresh observation, including this one

    @property
    def decision(self) -> str:
        """The result as text for people."""
        outcomes = {attempt.outcome: attempt.provider for attempt in self.attempts}
        if SERVED in outcomes:
            return f"{outcomes[SERVED]} serves"
        is_old = Failure.STALE.value in outcomes
        return "nothing newer, so the old one is shown as stale" if is_old else "no observation"


class NextPoll(NamedTuple):
    """The time of a city's next poll, and the reason for that time."""

    at: float  # boot time
    reason: str
    is_tick: bool = True  # on the city's schedule, not a retry or an unscheduled first poll


@dataclass(slots=True)
class Histogram:
    """Counts of durations per bucket in BUCKETS; the last count is for longer durations."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0  # seconds

    def add(self, seconds: float) -> None:
        """Add a duration."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class PollHistory:
    """The last and the next poll of every city, and counters over all cities."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()  # attempts by provider and outcome
        self.durations: defaultdict[str, Histogram] = defaultdict(Histogram)  # by provider
        self._last: dict[str, Poll] = {}  # by city id
        self._next: dict[str, NextPoll] = {}  # by city id; missing while the city is being polled
        self._running: dict[str, NextPoll] = {}  # by city id; the polls that have started and not ended

    def record_next(self, city_id: str, next_poll: NextPoll) -> None:
        """Record the time of a city's next poll."""
        self._next[city_id] = next_poll

    def record_start(self, city_id: str) -> None:
        """Record the start of a poll."""
        if due := self._next.pop(city_id, None):
            self._running[city_id] = due

    def record_end(self, city_id: str, poll: Poll, next_poll: NextPoll) -> None:
        """Record a finished poll and the time of the next one."""
        self._last[city_id], self._next[city_id] = poll, next_poll
        self._running.pop(city_id, None)
        for attempt in poll.attempts:
            self.outcomes[attempt.provider, attempt.outcome] += 1
            self.durations[attempt.provider].add(attempt.seconds)

    def last_poll(self, city_id: str) -> Poll | None:
        """Return the last finished poll of a city; None if there was none since the daemon started."""
        return self._last.get(city_id)

    def next_poll(self, city_id: str) -> NextPoll | None:
        """Return the next poll of a city; None while it is being polled."""
        return self._next.get(city_id)

    def running_poll(self, city_id: str) -> NextPoll | None:
        """Return the poll in progress of a city, with the time that it was due; None while it is not being polled."""
        return self._running.get(city_id)

    def running_polls(self) -> list[tuple[str, NextPoll]]:
        """Return the id of each city that is being polled, with the time that its poll was due."""
        return list(self._running.items())

    def earliest_due(self) -> float | None:
        """Return the boot time of the earliest next poll of all cities; None if there is none."""
        return min((next_poll.at for next_poll in self._next.values()), default=None)

    def apply_diff(self, diff: CityListDiff) -> None:
        """Drop the records of added and removed cities; a changed city keeps its last poll."""
        for city_id in diff.added | diff.removed:
            self._last.pop(city_id, None)
            self._next.pop(city_id, None)
        for city_id in diff.removed_or_changed:  # their polls are cancelled
            self._running.pop(city_id, None)
