"""Storage of the changes of alerts, in one transaction with the observations that caused them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule
from weatherd.errors import StateError
from weatherd.formatting import format_rfc3339
from weatherd.journal.tables.alert_table import AlertRows, identify_change
from weatherd.pipeline.alerting.changes import ENDED, to_time
from weatherd.pipeline.alerting.sent_times import SentTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

    from weatherd.config.diff import CityListDiff
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
    from weatherd.observation import FetchedObservation

log = structlog.get_logger()


class ChangeOutbox(Protocol):
    """The changes that this node of a cluster has to deliver: see :mod:`weatherd.cluster.alerts.outbox`."""

    def may_send(self, target: str, entries: Iterable[AlertEntry]) -> bool:
        """Return whether a message about changes may be sent to a target now."""

    def sending(self, entries: Iterable[AlertEntry]) -> AbstractContextManager[None]:
        """Delay a move of the changes to another node while a message about them is being sent, inside the ``with``."""

    def finish(self, targets: Iterable[str], entries: Iterable[AlertEntry]) -> None:
        """Note that changes were delivered to targets, or never will be."""


class SharedChanges(Protocol):
    """What nodes of a cluster share of the alerts of cities: see :mod:`weatherd.cluster.alerts.shared_alerts`."""

    @property
    def outbox(self) -> ChangeOutbox:
        """The changes that this node has to deliver."""

    def restrict(self, change: CityListDiff) -> CityListDiff:
        """Return the part of an edit of the list that concerns the cities of this node."""

    def record(self, entry: AlertEntry, state: SavedAlert | None) -> None:
        """Record a change, which enters the journal when it is shared."""

    def release(self, held: AlertEntry, entry: AlertEntry) -> None:
        """Record the copy of a change that was held back."""


class AlertRecorder:
    """Writer of changes, which wait until they are stored. What is stored is logged, and nothing else.

    The lock ensures that no change is in two transactions.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.sent = SentTimes(journal)
        self._entries: list[AlertEntry] = []
        self._states: dict[tuple[str, str], SavedAlert | None] = {}
        self.ended_silences: list[int] = []  # numbers of silences whose end waits
        self.released: list[int] = []  # numbers of held changes whose copies wait
        self._lock = asyncio.Lock()
        self.has_batch = False  # observations whose changes wait are not stored yet
        self.shared: SharedChanges | None = None  # in a cluster

    def restore_on_loss(self, scan: Callable[[], Iterable[SavedAlert]]) -> None:
        """Save the states that *scan* returns whenever a file replaces a lost one."""
        save_others = self._journal.on_reopened

        def save_again() -> None:
            save_others()
            for state in scan():
                self._states.setdefault((state.rule, state.city), state)

        self._journal.on_reopened = save_again

    def find_waiting(self) -> tuple[AlertEntry, ...]:
        """Return the changes that are not stored yet."""
        return tuple(self._entries)

    def record(self, entry: AlertEntry, state: SavedAlert | None) -> None:
        """Add a change, and the state after it; None is inactive."""
        if self.shared and not is_daemon_rule(entry.rule):
            self.shared.record(entry, state)
        else:
            self.record_here(entry, state)

    def record_here(self, entry: AlertEntry, state: SavedAlert | None) -> None:
        """Add a change that no other node can make, and the state after it."""
        self._entries.append(entry)
        self._states[entry.rule, entry.city] = state

    def release(self, held: AlertEntry, entry: AlertEntry) -> None:
        """Add the copy of a change that was held back; no state changes."""
        self.released.append(held.seq)
        if self.shared and not is_daemon_rule(entry.rule):
            self.shared.release(held, entry)
        else:
            self._entries.append(entry)

    def adopt(self, entry: AlertEntry) -> None:
        """Add a change that another node has made, to be delivered by this one."""
        self._entries.append(entry)

    def keep_state(self, key: tuple[str, str], state: SavedAlert | None) -> None:
        """Add the state of an alert, by rule and city, that has moved to this node, or away: then it is None."""
        self._states[key] = state

    async def forget(self, changes: Collection[tuple[str, str, int, str]]) -> None:
        """Delete changes that another node delivers: by city, rule, time in µs and event. Raises StateError."""
        async with self._lock:
            self._entries = [entry for entry in self._entries if identify_change(entry) not in changes]
            await self._journal.call(lambda store: store.alerts.delete(changes))

    async def add(self, batch: Sequence[FetchedObservation]) -> int:
        """Store a batch of observations and the changes that wait; return the number of new observations.

        Raises StateError while the journal cannot be written.
        """
        async with self._lock:
            rows = self._collect() if self._has_rows() else None
            stored = await self._journal.add(batch, rows)
            self.has_batch = False
            if rows:
                self._forget(rows)
        return stored

    def _has_rows(self) -> bool:
        return bool(self._entries or self._states or self.ended_silences or self.released)

    def _collect(self) -> AlertRows:
        ended, released = tuple(self.ended_silences), tuple(self.released)
        return AlertRows(tuple(self._entries), dict(self._states), ended, released, self._journal.alert_seq)

    def _forget(self, rows: AlertRows) -> None:
        """Drop what is stored; changes may have been added meanwhile."""
        del self._entries[: len(rows.entries)]
        del self.ended_silences[: len(rows.ended_silences)], self.released[: len(rows.released)]
        self._states = {key: state for key, state in self._states.items() if rows.states.get(key, self) is not state}
        self._journal.alert_seq = rows.last_seq + len(rows.entries)
        for key, state in rows.states.items():
            if state is None:
                self.sent.forget(key)
        for entry in rows.entries:
            _log_change(entry)

    async def save(self) -> None:
        """Store the changes that wait, unless an observation that is not stored yet has caused one of them.

        While the journal cannot be written, they wait for the next call. A transaction that has begun is finished even
        if the caller is cancelled; otherwise its changes would be stored again.
        """
        if self.has_batch or not self._has_rows():
            return
        try:
            await asyncio.shield(asyncio.ensure_future(self.add(())))
        except StateError as error:
            log.debug("alerts.not_saved", reason=str(error))  # the journal writer reports it


def _log_change(entry: AlertEntry) -> None:
    details: dict[str, Any] = {
        "city": entry.city,
        "rule": entry.rule,
        "severity": entry.severity,
        "message": entry.message,
    }
    details["since"] = format_rfc3339(to_time(entry.since))
    if entry.silenced:
        details["silenced"] = True
    match entry.event:
        case _ if entry.before == entry.after:  # the silence of a change that was logged has ended
            log.debug("alert.repeated", **details)
        case "firing":
            log.warning("alert.firing", **details)
        case "resolved":
            log.info("alert.resolved", **details)
        case "repeated":
            log.debug("alert.repeated", **details)
        case _ if entry.event == ENDED:
            log.debug("alert.ended", **details)
