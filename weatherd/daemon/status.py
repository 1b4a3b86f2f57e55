"""The daemon's state, for the HTTP interface and systemd."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from weatherd.daemon.activity import ActivityLog
from weatherd.formatting import format_count
from weatherd.text.display import DEFAULT_DISPLAY, Display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from weatherd.alerts.builtin.daemon_snapshot import DaemonSnapshot
    from weatherd.city import City
    from weatherd.clock import AnchoredClock
    from weatherd.cluster.member import ClusterMember
    from weatherd.daemon.monitor.list_sizes import ListSizes
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.alerting.daemon_alerts import DaemonAlerts
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.pipeline.forwarders.group import DeliveryGroup
    from weatherd.pipeline.journal_writer import JournalWriter
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationQueue
    from weatherd.pipeline.sinks.guard import GuardedSink
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.polling.poll_history import PollHistory
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.planner import Planner
    from weatherd.warnings.desk import WarningDesk

_OVERDUE = 60.0  # seconds; the producers count as stalled if a poll is later than that
_LONG_WAIT = 60.0  # seconds that producers may wait for room in the queue
_COUNT_BATCH = 1000  # cities to count before yielding to the event loop, in about 1 ms


class CityState(StrEnum):
    """The state of a city's weather data."""

    FRESH = "fresh"
    STALE = "stale"  # its last observation exceeds its age budget
    DOWN = "down"  # its polls fail; it has no observation, or one that is not stale yet
    WAITING = "waiting"  # for its first poll


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """Result of the last reload."""

    successful: bool
    at: float  # POSIX time of the last successful reload


@dataclass(slots=True)
class DaemonStatus:
    """The parts of the running daemon. The lifecycle and the reloader update it; everyone else only reads it."""

    registry: CityRegistry
    latest: LatestObservations
    queue: ObservationQueue
    writer: JournalWriter
    sinks: Sequence[GuardedSink]
    planner: Planner
    limiters: Mapping[str, RateLimiter]  # by provider
    journal: Journal
    deliveries: DeliveryGroup
    now: Callable[[], datetime]
    clock: AnchoredClock  # of the polls
    request_reload: Callable[[], None]
    last_reload: ReloadResult
    history: PollHistory
    daemon_alerts: DaemonAlerts
    list_sizes: ListSizes
    activity: ActivityLog = field(default_factory=ActivityLog)
    snapshot: DaemonSnapshot | None = None  # on which the rules about the daemon were evaluated last
    warnings: WarningDesk | None = None  # None: no official warnings are wanted
    alerts: AlertDesk | None = None  # None: there is no rules file
    cluster: ClusterMember | None = None  # None: no other node polls cities of the list
    is_ready: bool = False
    display: Display = DEFAULT_DISPLAY  # of the page, unless a browser chooses others
    started: float = field(init=False)  # POSIX time

    def __post_init__(self) -> None:
        self.started = self.now().timestamp()

    @property
    def cities(self) -> Sequence[City]:
        """The cities of the list, sorted by id; a new object after each change of the list."""
        return self.registry.cities

    @property
    def own_cities(self) -> Sequence[City]:
        """The cities that this node polls, or polled before it paused, by id: the whole list without a cluster."""
        return self.cluster.shown_cities() if self.cluster else self.registry.cities

    @property
    def quarantined(self) -> int:
        """The number of quarantined rows of the list."""
        return len(self.registry.quarantined)

    def state_of(self, city: City) -> CityState:
        """Return the state of a city."""
        return self.state_at(self.now().timestamp(), city.id)

    def find_health(self, city: City, now: float) -> tuple[float | None, bool | None, int | None]:
        """Return what alert rules need to know of a city at *now*, a POSIX time; None is unknown.

        That is for how many seconds its polls have failed (0 if the last one was successful), whether its first
        provider is paused, and the severity of its most severe official warning (-1: there is none, or none are
        requested).
        """
        poll, last = self.history.last_poll(city.id), self.latest.get(city.id)
        down_for = None
        if poll:
            since = last.fetched_at.timestamp() if last else self.started
            down_for = max(0.0, now - since) if poll.failures else 0.0
        limiter = self.limiters.get(city.providers[0]) if city.providers else None
        paused = limiter.pause is not None if limiter else None
        if city.warnings == "off":
            return down_for, paused, -1
        return down_for, paused, self.warnings.find_severity(city, self.now()) if self.warnings else None

    async def count_states(self) -> dict[CityState, int]:
        """Return the number of cities in each state, of those that this node polls.

        Scans the whole list. Yields to the event loop in between, because 200,000 cities take 300 ms; so a poll that
        ends during the scan may or may not be counted.
        """
        now, cities, counts = self.now().timestamp(), self.own_cities, Counter[CityState]()
        for begin in range(0, len(cities), _COUNT_BATCH):
            counts.update(self.state_at(now, city.id) for city in cities[begin : begin + _COUNT_BATCH])
            await asyncio.sleep(0)
        return {state: counts[state] for state in CityState}

    def state_at(self, now: float, city_id: str) -> CityState:
        """Return the state of a city at a POSIX time."""
        last, poll = self.latest.get(city_id), self.history.last_poll(city_id)
        if last is None:
            return CityState.DOWN if poll else CityState.WAITING
        if self.latest.budgets.is_stale(last, now):
            return CityState.STALE
        return CityState.DOWN if poll and poll.failures else CityState.FRESH

    def stalled_parts(self) -> Iterator[str]:
        """Yield a sentence for each part that makes no progress. An unavailable weather service does not count."""
        self.clock.check()
        due = self.history.earliest_due()
        if due is not None and self.clock.seconds_since(due) > _OVERDUE:
            yield "the producers make no progress"

    def find_faults(self) -> Iterator[str]:
        """Yield a sentence for each fault: a stalled part, or a queue that is full; a restart would lose it."""
        yield from self.stalled_parts()
        if (seconds := self.queue.longest_wait()) >= _LONG_WAIT:
            waiting = format_count(self.queue.depth, "observation is", "observations are")
            yield f"polls have been waiting for {seconds:.0f} s, because {waiting} not stored yet"

    async def summarize(self) -> str:
        """Return the daemon's state in one line: "3 cities: 3 fresh, 0 stale, 0 down; next poll in 4 s"."""
        return self.describe(await self.count_states())

    def describe(self, counts: Mapping[CityState, int]) -> str:
        """Return that line; *counts* are the cities in each state."""
        due = self.history.earliest_due()
        parts = [f"{count} {state}" for state, count in counts.items() if count or state != CityState.WAITING]
        total = format_count(sum(counts.values()), "city", "cities")
        next_poll = "" if due is None else f"; next poll in {max(0.0, due - self.clock.boot()):.0f} s"
        return f"{total}: {', '.join(parts)}{next_poll}"
