"""The last and the next poll of every city, for the status API and the metrics."""

from __future__ import annotations

import bisect
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure
from weatherd.polling.city_health import HEALTHY_CITY
from weatherd.polling.schedule import city_phase, next_tick, rejoin_tick

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from weatherd.city import City
    from weatherd.http.trace import RequestTrace
    from weatherd.polling.batch_polls import BatchPolls

_TOLERANCE = 0.001  # seconds, because times are rounded in another way when *epoch* changes, after a step of the clock
ON_SCHEDULE = "on schedule"  # the reason for the time of a poll at a tick
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


class CityPolls:
    """The polls of one city: the last one, and the one that is planned or in progress.

    One object with slots holds them, and not a dictionary for each kind, because a list may have a million cities.
    """

    __slots__ = ("city", "due", "health", "is_running", "is_tick", "last", "reason", "receiver", "task", "waiter")

    def __init__(self, city: City, last: Poll | None = None) -> None:
        self.city = city
        self.last = last  # the last finished poll since the start of the daemon
        self.task: asyncio.Task[None]  # the city's producer
        self.waiter: asyncio.Future[Any]  # the producer waits for it
        self.receiver: BatchPolls | None = None  # polls the city together with others; None: its producer does
        self.health = HEALTHY_CITY
        self.is_running = False
        self.due = math.inf  # boot time of the next poll, or of the one in progress
        self.reason = ""
        self.is_tick = False

    def plan(self, due: float, reason: str, *, is_tick: bool = True) -> None:
        """Set the boot time of the next poll, and the reason for that time."""
        self.due = due
        self.reason = reason
        self.is_tick = is_tick
        self.is_running = False

    def plan_tick(self, ended: float, interval: float, epoch: float) -> None:
        """Plan the poll that follows a successful one, which ended at this boot time; *epoch* is the POSIX time of 0.

        *interval* is in seconds. The poll is at the city's next tick, or the one after that if this one was early.
        """
        ended = max(ended, self.due) + _TOLERANCE  # else a timer that fires slightly early would repeat the tick
        tick = next_tick if self.is_tick else rejoin_tick
        self.due = tick(epoch + ended, interval, city_phase(self.city.id) * interval) - epoch
        self.reason, self.is_tick, self.is_running = ON_SCHEDULE, True, False

    @property
    def planned(self) -> NextPoll:
        """The next poll, or the one in progress."""
        return NextPoll(self.due, self.reason, self.is_tick)


@dataclass(slots=True)
class Histogram:
    """Counts of durations per bucket in BUCKETS; the last count is for longer durations."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0  # seconds

    def add(self, seconds: float, count: int) -> None:
        """Add *count* equal durations."""
        self.counts[bisect.bisect_left(BUCKETS, seconds)] += count
        self.total += seconds * count


class PollHistory:
    """The last and the next poll of every city, and counters over all cities."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()  # attempts by provider and outcome
        self.durations: defaultdict[str, Histogram] = defaultdict(Histogram)  # by provider
        self._cities: dict[str, CityPolls] = {}  # by id

    def begin(self, city: City) -> CityPolls:
        """Return the record of a new producer; a changed city keeps its last poll."""
        before = self._cities.get(city.id)
        polls = self._cities[city.id] = CityPolls(city, before.last if before else None)
        return polls

    def get(self, city_id: str) -> CityPolls:
        """Return the record of a city that has a producer."""
        return self._cities[city_id]

    def end(self, city_id: str) -> None:
        """Drop the record of a removed city."""
        del self._cities[city_id]

    def __iter__(self) -> Iterator[CityPolls]:
        """Yield the record of every city that has a producer."""
        return iter(self._cities.values())

    def count(self, attempt: ProviderAttempt, cities: int = 1) -> None:
        """Count an attempt, which the polls of some cities may share."""
        self.outcomes[attempt.provider, attempt.outcome] += cities
        self.durations[attempt.provider].add(attempt.seconds, cities)

    def last_poll(self, city_id: str) -> Poll | None:
        """Return the last finished poll of a city; None if there was none since the daemon started."""
        polls = self._cities.get(city_id)
        return polls.last if polls else None

    def next_poll(self, city_id: str) -> NextPoll | None:
        """Return the next poll of a city; None while it is being polled."""
        polls = self._cities.get(city_id)
        return polls.planned if polls and not polls.is_running and polls.due < math.inf else None

    def running_poll(self, city_id: str) -> NextPoll | None:
        """Return the poll in progress of a city, with the time that it was due; None while it is not being polled."""
        polls = self._cities.get(city_id)
        return polls.planned if polls and polls.is_running else None

    def running_polls(self) -> list[tuple[str, NextPoll]]:
        """Return the id of each city that is being polled, with the time that its poll was due."""
        return [(city_id, polls.planned) for city_id, polls in self._cities.items() if polls.is_running]

    def earliest_due(self) -> float | None:
        """Return the boot time of the earliest next poll of all cities; None if there is none."""
        due = min((polls.due for polls in self._cities.values() if not polls.is_running), default=math.inf)
        return due if due < math.inf else None
