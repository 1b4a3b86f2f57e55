"""What happened lately: attempts of the providers by quarter of an hour, and how far each forwarder was behind.

Both are sampled once a minute from counters that exist anyway, so that a poll costs nothing more.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from weatherd.polling.poll_history import SERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.daemon.status import DaemonStatus

QUARTER = 900  # seconds
_QUARTERS = 96  # a day
_SAMPLES = 60  # of the forwarders: an hour
_PERIOD = 60.0  # seconds between two samples


class QuarterCounts(NamedTuple):
    """Attempts of a provider in the quarter of an hour from *begin*, a POSIX time."""

    begin: int
    served: int
    failed: int


class ActivityLog:
    """Attempts of a day and backlogs of an hour, until the last sample."""

    def __init__(self) -> None:
        self.backlogs: dict[str, deque[int]] = {}  # observations left to deliver, by forwarder; one value a minute
        self._quarters: dict[str, deque[QuarterCounts]] = {}  # by provider
        self._counted: Counter[tuple[str, str]] = Counter()  # attempts at the last sample

    def sample(self, now: float, outcomes: Counter[tuple[str, str]], backlogs: Mapping[str, int]) -> None:
        """Count the attempts since the last sample as those of the quarter of *now*, a POSIX time.

        *outcomes* are the attempts since the start by provider and outcome.
        """
        begin = int(now) // QUARTER * QUARTER
        new = outcomes - self._counted
        self._counted = Counter(outcomes)
        for provider in {provider for provider, _ in new}:
            served = new[provider, SERVED]
            failed = sum(count for (name, _), count in new.items() if name == provider) - served
            self._add(provider, QuarterCounts(begin, served, failed))
        for forwarder, behind in backlogs.items():
            self.backlogs.setdefault(forwarder, deque(maxlen=_SAMPLES)).append(behind)

    def _add(self, provider: str, counts: QuarterCounts) -> None:
        quarters = self._quarters.setdefault(provider, deque(maxlen=_QUARTERS))
        if quarters and quarters[-1].begin == counts.begin:
            last = quarters.pop()
            counts = QuarterCounts(counts.begin, last.served + counts.served, last.failed + counts.failed)
        quarters.append(counts)

    def quarters_of(self, provider: str, now: float) -> list[QuarterCounts]:
        """Return the counts of the last day; a quarter without attempts is left out."""
        return [counts for counts in self._quarters.get(provider, ()) if counts.begin > now - _QUARTERS * QUARTER]


async def record_activity(status: DaemonStatus) -> None:
    """Sample attempts and backlogs every minute, for ever."""
    while True:
        backlogs = {name: delivery.behind for name, delivery in status.deliveries.statuses().items()}
        status.activity.sample(status.now().timestamp(), status.history.outcomes, backlogs)
        await asyncio.sleep(_PERIOD)
