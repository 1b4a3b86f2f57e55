"""All that can be seen of the running daemon, for whoever shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weatherd.freshness import is_stale
from weatherd.pipeline.heartbeat import Heartbeat
from weatherd.polling.poll_history import PollHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from weatherd.city import City
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.forwarders.engine import DeliveryGroup
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.queue import ObservationCounts, ObservationQueue
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.planner import Planner

_LATE = 60.0  # seconds after which a poll that should have begun tells that the producers do not tick

FRESH, STALE, DOWN, WAITING = "fresh", "stale", "down", "waiting"


@dataclass(frozen=True, slots=True)
class Reload:
    """The last time that the files were read again."""

    successful: bool
    at: float  # POSIX time of the last that was


@dataclass(slots=True)
class DaemonStatus:
    """The daemon's own parts; to be looked at, not touched."""

    board: LatestObservations
    account: ObservationCounts
    channel: ObservationQueue
    planner: Planner
    gates: Mapping[str, RateLimiter]
    journal: Journal
    forwards: DeliveryGroup
    now: Callable[[], datetime]
    ask_reload: Callable[[], None]
    reload: Reload
    attempts: PollHistory = field(default_factory=PollHistory)
    pulse: Heartbeat = field(default_factory=Heartbeat)
    quarantined: int = 0  # rows of the list that are set aside
    is_ready: bool = False

    @property
    def cities(self) -> tuple[City, ...]:
        """Those that are watched; another tuple when they have changed."""
        return self.board.cities

    def state(self, city: City) -> str:
        """Return ``fresh``, ``stale`` (its last observation is too old), ``down`` (there is none), or ``waiting``.

        A city is down, too, when its polls fail, though its last observation is not yet too old: then it is shown with
        that. It is waiting before its first poll has ended.
        """
        last, attempt = self.board.get(city.id), self.attempts.last(city.id)
        if last is None:
            return DOWN if attempt else WAITING
        if is_stale(last, self.now().timestamp()):
            return STALE
        return DOWN if attempt and attempt.failures else FRESH

    def counts(self) -> dict[str, int]:
        """Return how many cities are in each state."""
        counts = dict.fromkeys((FRESH, STALE, DOWN, WAITING), 0)
        for city in self.cities:
            counts[self.state(city)] += 1
        return counts

    def faults(self) -> Iterator[str]:
        """Say what should move and does not. That a weather service is down is none."""
        for part in self.pulse.stalled():
            yield f"the {part} does not move"
        due = self.attempts.earliest()
        if due is not None and self.now().timestamp() - due > _LATE:
            yield "the producers do not tick"

    def sentence(self) -> str:
        """Say how it goes, in a line."""
        counts, due = self.counts(), self.attempts.earliest()
        parts = [f"{number} {state}" for state, number in counts.items() if number or state != WAITING]
        many = "1 city" if len(self.cities) == 1 else f"{len(self.cities)} cities"
        ahead = "" if due is None else f"; next poll in {max(0.0, due - self.now().timestamp()):.0f} s"
        return f"{many}: {', '.join(parts)}{ahead}"


async def settled(view: DaemonStatus) -> None:
    """Let the producers begin before anybody is told that they run."""
    await asyncio.sleep(0)
    view.is_ready = True
