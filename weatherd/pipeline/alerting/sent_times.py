"""When messages about alerts were really delivered."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert

_EVENTS = ("firing", "repeated")
_ROUNDING = 1e-3  # seconds


class SentTimes:
    """When the last message was delivered that an alert fires, or still does. The times survive a restart.

    A message may be about an alert that has ended meanwhile, and fires again: an alert is known by when it began.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._times: dict[tuple[str, str], tuple[float, float]] = {}  # when it began and was sent, by rule and subject

    async def load(self) -> None:
        """Load the times of the last run. Raises StateError."""
        self._times = await self._journal.call(lambda store: store.alerts.load_sent())

    def find(self, alert: SavedAlert) -> float | None:
        """Return when a message that an alert fires was delivered last, as a POSIX time; None if none was."""
        since, at = self._times.get((alert.rule, alert.city), (None, None))
        return at if since is not None and abs(since - alert.since) < _ROUNDING else None

    async def record(self, entries: Iterable[AlertEntry], now: float) -> None:
        """Record that messages about changes were delivered at *now*, a POSIX time; on a full disk, only in memory."""
        firing = [entry for entry in entries if entry.event in _EVENTS]
        for entry in firing:
            self._times[entry.rule, entry.city] = entry.since, now
        if firing:
            with contextlib.suppress(StateError):
                await self._journal.call(lambda store: store.alerts.save_sent(firing, now))

    def forget(self, key: tuple[str, str]) -> None:
        """Forget the alert of a rule and a subject, because it has ended."""
        self._times.pop(key, None)
