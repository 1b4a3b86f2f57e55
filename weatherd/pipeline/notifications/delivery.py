"""Delivery of the alerts in the journal to a target: at least once, grouped, and retried for a day."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import RejectedError, StateError, describe
from weatherd.journal.tables.alert_table import CURSOR_PREFIX
from weatherd.journal.tables.cursors import Idle, InDoubt
from weatherd.pipeline.forwarders.engine import Progress
from weatherd.pipeline.forwarders.outage import Outage
from weatherd.pipeline.notifications.grouping import compose_messages

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from weatherd.alerts.targets import NamedTarget
    from weatherd.city import City
    from weatherd.http.session import Session
    from weatherd.journal.journal import Journal
    from weatherd.journal.store import Store
    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.journal.tables.cursors import Cursor
    from weatherd.pipeline.notifications.message import AlertMessage
    from weatherd.pipeline.notifications.sender import Sender

log = structlog.get_logger()

_CHECK_PERIOD = 5.0  # seconds between two looks for changes; while there are more each time, they join one message
_MAX_CHECKS = 6  # then the message is sent
_SPACING = 5.0  # seconds between two messages to a target
_MAX_CHANGES = 1000  # that are read at once
_MAX_AGE = timedelta(days=1)  # after which an alert is no news


@dataclass(frozen=True, slots=True)
class NotificationResources:
    """The resources that all deliveries of alerts share."""

    journal: Journal
    session: Session
    random: random.Random  # spreads retries
    now: Callable[[], datetime]
    find_city: Callable[[str], City | None]


class AlertDelivery:
    """The delivery of alerts to one target. A new target begins with the next change.

    The changes of a group are marked as in doubt before the first message is sent, so that after a crash the same
    messages are sent again with the same keys.
    """

    def __init__(self, target: NamedTarget, sender: Sender, resources: NotificationResources) -> None:
        self.target = target
        self.name = f"{CURSOR_PREFIX}{target.name}"
        self.progress = Progress()
        self._sender = sender
        self._resources = resources
        self._journal = resources.journal
        self._cursor: Cursor = Idle(resources.journal.alert_seq)
        self._sent = 0  # messages of the changes in doubt that were accepted
        self._outage = Outage(self.name, resources.random)
        self._draining = asyncio.Event()

    @property
    def behind(self) -> int:
        """The number of changes left to look at; an upper bound of the alerts that are left to send."""
        return max(0, self._journal.alert_seq - self._cursor.delivered)

    def drain(self) -> None:
        """Make :meth:`run` return when everything is sent, or at the next failure."""
        self._draining.set()

    async def run(self) -> None:
        """Send alerts until cancelled, or until :meth:`drain` was called and nothing is left."""
        self._cursor = await self._journal.call(self._load_cursor)
        while True:
            try:
                while await self._wait_for_changes():
                    await self._deliver_changes()
            except Exception as error:  # noqa: BLE001 - Apprise may raise anything
                self._outage.report_failure(error, self.behind)
                self.progress.is_down = True
            if self._draining.is_set():
                return
            await self._pause(self._outage.retry_delay())

    def _load_cursor(self, store: Store) -> Cursor:
        if not store.cursors.has(self.name):
            store.cursors.save(self.name, self._cursor)
        return store.cursors.load(self.name)

    async def _wait_for_changes(self) -> bool:
        """Wait for changes, and for those that come soon after; return False if a drain finds none."""
        while not self.behind and not self._draining.is_set():
            await self._pause(_CHECK_PERIOD)
        for _ in range(_MAX_CHECKS):
            last = self._journal.alert_seq
            await self._pause(_CHECK_PERIOD)
            if self._journal.alert_seq == last:
                break
        return self.behind > 0

    async def _deliver_changes(self) -> None:
        """Send the messages about the next changes, without those that were sent before a failure."""
        cursor = self._cursor
        entries = await self._journal.call(lambda store: store.alerts.read_after(cursor.delivered, _MAX_CHANGES))
        if isinstance(cursor, InDoubt):
            entries = [entry for entry in entries if entry.seq <= cursor.last]
            last, key = cursor.last, cursor.key
        else:
            last = entries[-1].seq if entries else self._journal.alert_seq
            key = secrets.token_hex(16)
        if messages := self._compose(entries, key):
            await self._save_cursor(InDoubt(cursor.delivered + 1, last, key))
        for number, message in enumerate(messages, 1):
            if number > self._sent:
                await self._send(message)
                self._sent = number
                await self._pause(_SPACING)
        await self._save_cursor(Idle(last))
        self._sent = 0

    def _compose(self, entries: Sequence[AlertEntry], key: str) -> list[AlertMessage]:
        return compose_messages(entries, self.target.name, key, self._find_name)

    def _find_name(self, city_id: str) -> str:
        city = self._resources.find_city(city_id)
        return city.name if city else city_id

    async def _send(self, message: AlertMessage) -> None:
        """Send a message, or skip it if it is too old or the target rejects it for good."""
        newest = max(datetime.fromisoformat(alert.time) for alert in message.alerts)
        if self._resources.now() - newest > _MAX_AGE:
            self._skip(message, "it could not be delivered for a day")
            return
        try:
            await self._sender.send(message, self._resources.session)
        except RejectedError as error:
            self._skip(message, describe(error))
            return
        self.progress.delivered += len(message.alerts)
        self.progress.is_down = False
        self._outage.report_success(self.behind)
        log.debug("alerts.sent", target=self.target.name, rule=message.rule, alerts=len(message.alerts))

    def _skip(self, message: AlertMessage, reason: str) -> None:
        self.progress.skipped += len(message.alerts)
        log.error("forwarder.skipped", forwarder=self.name, count=len(message.alerts), rule=message.rule, reason=reason)

    async def _save_cursor(self, cursor: Cursor) -> None:
        """Move the cursor. On a full disk it moves only in memory, so that a crash repeats more messages."""
        self._cursor = cursor
        with contextlib.suppress(StateError):
            await self._journal.save_cursor(self.name, cursor)

    async def _pause(self, seconds: float) -> None:
        """Wait; a drain ends the wait."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()
