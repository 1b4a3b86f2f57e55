"""The task that evaluates the built-in rules about the daemon itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.alerts.builtin.daemon_snapshot import DaemonSnapshot, QuotaUse
from weatherd.daemon.monitor.backlog_ages import BacklogAges

if TYPE_CHECKING:
    from weatherd.alerts.builtin.daemon_snapshot import BacklogAge
    from weatherd.daemon.status import DaemonStatus
    from weatherd.pipeline.alerting.daemon_alerts import DaemonAlerts

_PERIOD = 60.0  # seconds, because a scan of 200,000 cities takes 200 ms
_COUNT_BATCH = 1000  # cities to count before yielding to the event loop


class DaemonMonitor:
    """Takes a snapshot of the daemon regularly, and evaluates the rules on it."""

    def __init__(self, status: DaemonStatus, alerts: DaemonAlerts) -> None:
        self._status = status
        self._alerts = alerts
        self._ages: dict[str, BacklogAges] = {}  # by forwarder

    async def run(self) -> None:
        """Evaluate the rules regularly, for ever. The first time is after the first polls."""
        while True:
            await asyncio.sleep(_PERIOD)
            self._status.snapshot = snapshot = await self._take_snapshot()
            self._alerts.evaluate(snapshot, self._status.now().timestamp())
            await self._alerts.recorder.save()

    async def _take_snapshot(self) -> DaemonSnapshot:
        status = self._status
        unavailable, unpolled = await self._count_cities()
        now = status.now().timestamp()
        return DaemonSnapshot(
            cities=len(status.cities),
            polled=len(status.own_cities) if status.cluster else None,
            unavailable=unavailable,
            unpolled=unpolled,
            peak=status.list_sizes.find_peak(now),
            quarantined=status.quarantined,
            is_reload_rejected=not status.last_reload.successful,
            journal_failure=status.writer.failure,
            waiting=status.queue.depth,
            pauses={
                name: pause.reason if (pause := limiter.pause) else None for name, limiter in status.limiters.items()
            },
            quotas={
                (name, window): QuotaUse(*use)
                for name, limiter in status.limiters.items()
                for window, use in limiter.usage().items()
            },
            backlogs=self._age_backlogs(now),
        )

    async def _count_cities(self) -> tuple[int, int]:
        """Return how many cities are stale or down, and how many were not polled since the start.

        Yields to the event loop in between, as :meth:`DaemonStatus.count_states` does.
        """
        status, unavailable, unpolled = self._status, 0, 0
        now, cities = status.now().timestamp(), status.own_cities
        last_poll, is_stale = status.history.last_poll, status.latest.is_stale
        for begin in range(0, len(cities), _COUNT_BATCH):
            for city in cities[begin : begin + _COUNT_BATCH]:
                poll = last_poll(city.id)
                if poll is None:
                    unpolled += 1
                elif poll.failures or is_stale(city.id, now):
                    unavailable += 1
            await asyncio.sleep(0)
        return unavailable, unpolled

    def _age_backlogs(self, now: float) -> dict[str, BacklogAge]:
        """Return the age of each forwarder's backlog."""
        return {
            name: self._ages.setdefault(name, BacklogAges()).sample(
                now, delivery.delivered + delivery.skipped, delivery.behind
            )
            for name, delivery in self._status.deliveries.statuses().items()
        }
