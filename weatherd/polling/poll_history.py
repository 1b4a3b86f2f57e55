"""Record the last poll and the next poll of every city, for the status API and the metrics."""

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

SERVED = "fresh"  # the outcome of an attempt that brought a fresh observation; a value in the API and the metrics
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)  # seconds


class ProviderAttempt(NamedTuple):
    """What one provider did in a poll."""

    provider: str
    outcome: str  # SERVED, or the value of a Failure
    seconds: float  # including the wait for the rate limiter
    reason: str = ""  # the error's message; "" if the attempt was successful
    traces: Sequence[RequestTrace] = ()  # the HTTP requests; the cities of a batch share them


class Poll(NamedTuple):
    """One poll of a city. POSIX times."""

    began: float
    ended: float
    attempts: Sequence[ProviderAttempt]
    failures: int  # polls in a row without a fresh observation

    @property
    def decision(self) -> str:
        """A sentence on the result, for people."""
        outcomes = {attempt.outcome: attempt.provider for attempt in self.attempts}
        if SERVED in outcomes:
            return f"{outcomes[SERVED]} serves"
        is_old = Failure.STALE.value in outcomes
        return "nothing newer, so the old one is shown as stale" if is_old else "no observation"


class NextPoll(NamedTuple):
    """When a city is polled next, and why then."""

    at: float  # POSIX time
    reason: str
    is_tick: bool = True  # on the city's schedule, as opposed to a retry or a first poll


@dataclass(slots=True)
class Histogram:
    """Durations, counted by the buckets of BUCKETS; the last count is of longer ones."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0  # seconds

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class PollHistory:
    """The last and the next poll of every city, and counters over all cities."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()  # attempts by provider and outcome
        self.durations: defaultdict[str, Histogram] = defaultdict(Histogram)  # by provider
        self._last: dict[str, Poll] = {}  # by city id
        self._next: dict[str, NextPoll] = {}  # by city id; a city that is being polled has none

    def record_next(self, city_id: str, next_poll: NextPoll) -> None:
        """Record when a city is polled next."""
        self._next[city_id] = next_poll

    def record_start(self, city_id: str) -> None:
        """Record that a poll of a city has started."""
        self._next.pop(city_id, None)

    def record_end(self, city_id: str, poll: Poll, next_poll: NextPoll) -> None:
        """Record a finished poll and when the city is polled next."""
        self._last[city_id], self._next[city_id] = poll, next_poll
        for attempt in poll.attempts:
            self.outcomes[attempt.provider, attempt.outcome] += 1
            self.durations[attempt.provider].add(attempt.seconds)

    def last_poll(self, city_id: str) -> Poll | None:
        """Return the last finished poll of a city since the start of the daemon, if there is one."""
        return self._last.get(city_id)

    def next_poll(self, city_id: str) -> NextPoll | None:
        """Return when a city is polled next; None while it is being polled."""
        return self._next.get(city_id)

    def earliest_due(self) -> float | None:
        """Return the POSIX time at which the next poll of any city is due."""
        return min((next_poll.at for next_poll in self._next.values()), default=None)

    def apply_diff(self, diff: CityListDiff) -> None:
        """Drop the records of added and removed cities; a changed city keeps its last poll."""
        for city_id in diff.added | diff.removed:
            self._last.pop(city_id, None)
            self._next.pop(city_id, None)
