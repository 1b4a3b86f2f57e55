"""Nodes that share a plan, without the rest of the daemon."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.quota.shared_meter import SharedMeter
from weatherd.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.cluster.quota_table import QuotaTable
    from weatherd.quota.plans import Plan

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def _run_at_once(coroutine: Coroutine[None, None, None]) -> None:
    """Run a coroutine that never waits, which takes a hundredth of the time of an event loop."""
    with contextlib.suppress(StopIteration):
        coroutine.send(None)


class Clock:
    """A wall clock that the test moves."""

    def __init__(self, seconds: float = NOON) -> None:
        self.seconds = seconds

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self.seconds, UTC)


class QuotaNode:
    """A node that polls one provider."""

    def __init__(self, table: QuotaTable, clock: Clock, plan: Plan, planned_rate: float, bridge: float = 600.0) -> None:
        self.table, self.clock = table, clock
        self.allotment = Allotment(bridge, clock)
        meter = self.allotment.create_meter("fake", plan)
        assert isinstance(meter, SharedMeter)
        self.meter = meter
        meter.planned_rate = planned_rate

    def exchange(self) -> None:
        """Exchange calls with the database, as a beat does; a failure changes nothing."""
        with contextlib.suppress(ConnectionError):
            _run_at_once(self.allotment.exchange(self.table.fetch))

    def leave(self) -> None:
        """Return all calls."""
        with contextlib.suppress(ConnectionError):
            _run_at_once(self.allotment.give_back(self.table.fetch))

    def send(self, weight: int = 1) -> int:
        """Send a request of at most *weight* calls if the limiter would, and return how many it was; 0 for none."""
        now = self.clock.seconds
        weight = max(1, int(min(weight, self.meter.calls_left(now))))
        if self.meter.bucket.delay(weight, now):
            return 0
        self.meter.bucket.take(weight, now)
        try:
            if self.meter.exhausted_window(weight, now):
                return 0
        except ProviderError:
            return 0
        self.meter.charge(weight, now)
        return weight
