"""How many calls are used in each window of time: counted here, kept by the state, shared by whoever shares that."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from weatherd.quota.plans import WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.quota.plans import Plan

CLOCK_TOLERANCE = 5.0  # seconds by which our clock and the service's may differ, and a request be under way
_SET_BACK = 3600.0  # seconds; a clock that is set back further was wrong before
# Two more rows, which have a time for ``started`` and nothing used:
_PACE = "pace"  # when the bucket of the pace is full again
_CLOSED = "closed"  # until when the service wants to be left alone


class UsageRow(NamedTuple):
    """A line of the ledger: calls used in the window that began at the POSIX time ``started``."""

    provider: str
    window: str
    started: float
    used: float


def window_start(window: str, now: float) -> float:
    """Return when the window that holds *now* began, in POSIX seconds: windows are aligned to UTC."""
    if window == "month":
        return datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    return math.floor(now / WINDOW_SECONDS[window]) * WINDOW_SECONDS[window]


def window_end(window: str, now: float) -> float:
    """Return when the window that holds *now* ends."""
    return (
        window_start("month", window_start("month", now) + 32 * 86400)
        if window == "month"
        else window_start(window, now) + WINDOW_SECONDS[window]
    )


@dataclass(slots=True)
class _Count:
    started: float = 0.0
    used: float = 0.0
    carried_over: float = 0.0  # of these, in the last moments of the window: the service may count them in the next
    unsaved: float = 0.0

    def turn(self, started: float, now: float) -> None:
        """Begin another window, unless it is the same, or our clock was only set back a little."""
        if started > self.started or now < self.started - _SET_BACK:
            self.started, self.used, self.unsaved, self.carried_over = (
                started,
                self.carried_over,
                self.carried_over,
                0.0,
            )


@dataclass(slots=True)
class UsageMeter:
    """The calls of one provider. All times are POSIX seconds."""

    provider: str
    plan: Plan
    _counts: dict[str, _Count] = field(default_factory=dict)
    closed_until: float = 0.0  # what a service that refused said, so that a restart does not ask again
    _next: float = 0.0  # when the bucket of the pace is full again
    _seen: float = 0.0  # when that was last asked

    def __post_init__(self) -> None:
        self._counts = {
            window: _Count() for window in self.plan.limits if WINDOW_SECONDS[window] >= WINDOW_SECONDS["minute"]
        }

    def calls_left(self, now: float) -> float:
        """Return how many calls are left in the window that has the fewest."""
        self._turn(now)
        return min((self.plan.limits[window] - count.used for window, count in self._counts.items()), default=math.inf)

    def usage(self, now: float) -> dict[str, tuple[float, int]]:
        """Return for each window how many calls are used of how many."""
        self._turn(now)
        return {window: (count.used, self.plan.limits[window]) for window, count in self._counts.items()}

    def exhausted_window(self, weight: float, now: float) -> str | None:
        """Return the window that has no room for so many calls, the longest if there are several."""
        self._turn(now)
        full = [window for window, count in self._counts.items() if count.used + weight > self.plan.limits[window]]
        return max(full, key=WINDOW_SECONDS.__getitem__, default=None)

    def charge(self, weight: float, now: float) -> None:
        """Count calls that are about to be made."""
        self._turn(now)
        for window, count in self._counts.items():
            count.used += weight
            count.unsaved += weight
            count.carried_over += weight if window_end(window, now - CLOCK_TOLERANCE) - now < CLOCK_TOLERANCE else 0.0

    def pace_delay(self, weight: float, now: float) -> float:
        """Return in how many seconds the pace allows so many calls."""
        if math.isinf(self.plan.rate):
            return 0.0
        self._see(now)
        holds = max(self.plan.burst, weight)
        return max(0.0, self._next + (weight - holds) / self.plan.rate - now)

    def take_pace(self, weight: float, now: float) -> None:
        """Take so many calls out of the bucket of the pace."""
        if not math.isinf(self.plan.rate):
            self._see(now)
            self._next = max(self._next, now) + weight / self.plan.rate

    def drain_burst(self, now: float) -> None:
        """Leave no burst for what comes after a pause."""
        if not math.isinf(self.plan.rate):
            self._next = max(self._next, now + self.plan.burst / self.plan.rate)

    def take_unsaved(self) -> list[UsageRow]:
        """Return what was counted since the last time, to be added to what is kept."""
        rows = [
            UsageRow(self.provider, window, count.started, count.unsaved)
            for window, count in self._counts.items()
            if count.unsaved
        ]
        for count in self._counts.values():
            count.unsaved = 0.0
        times = {_PACE: self._next, _CLOSED: self.closed_until}
        return rows + [UsageRow(self.provider, name, time, 0.0) for name, time in times.items() if time]

    def restore_unsaved(self, rows: Iterable[UsageRow]) -> None:
        """Count calls as new that could not be saved."""
        for _, window, started, used in rows:
            if (count := self._counts.get(window)) and count.started == started:
                count.unsaved += used

    def merge_saved(self, rows: Iterable[UsageRow], now: float) -> None:
        """Take over what is kept: it holds the calls of earlier runs, and of others that share the state.

        Rows from a time to come are left out: a clock was wrong when they were written.
        """
        self._turn(now)
        for _, window, started, used in rows:
            if window == _PACE and not math.isinf(self.plan.rate):
                self._next = max(self._next, min(started, now + 2 * self.plan.burst / self.plan.rate))
            elif window == _CLOSED and started <= now + WINDOW_SECONDS["day"] + CLOCK_TOLERANCE:
                self.closed_until = max(self.closed_until, started)
            elif (count := self._counts.get(window)) and count.started == started:
                count.used = max(count.used, used + count.unsaved)

    def _see(self, now: float) -> None:
        """Move the bucket with our clock when that was set back: nobody waits for it to catch up."""
        self._next -= max(0.0, self._seen - now)
        self._seen = now

    def _turn(self, now: float) -> None:
        for window, count in self._counts.items():
            count.turn(window_start(window, now - CLOCK_TOLERANCE), now)
