"""Delivery of the alerts in the journal to a target: at least once, grouped, and retried for two days."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.builtin.daemon_rules import JOURNAL_DOWN
from weatherd.errors import RejectedError, StateError, describe
from weatherd.journal.tables.alert_table import CURSOR_PREFIX, AlertEntry
from weatherd.journal.tables.cursors import Idle, InDoubt
from weatherd.pipeline.alerting.changes import to_time
from weatherd.pipeline.forwarders.engine import Progress
from weatherd.pipeline.forwarders.outage import Outage
from weatherd.pipeline.notifications.grouping import compose_messages, keep_last_changes
from weatherd.pipeline.notifications.lane import load_cursors, make_lanes
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from weatherd.alerts.targets import NamedTarget
    from weatherd.city import City
    from weatherd.http.session import Session
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.cursors import Cursor
    from weatherd.pipeline.alerting.recorder import ChangeOutbox
    from weatherd.pipeline.alerting.sent_times import SentTimes
    from weatherd.pipeline.notifications.lane import Lane
    from weatherd.pipeline.notifications.message import AlertMessage
    from weatherd.pipeline.notifications.sender import Sender

log = structlog.get_logger()

_CHECK_PERIOD = 5.0  # seconds between two looks for changes; while there are more each time, they join one message
_MAX_CHECKS = 6  # then the message is sent
_SPACING = 5.0  # seconds between two messages to a target
_MAX_MESSAGES = 3  # at once; if there are more, they become one
_MAX_CHANGES = 1000  # that are read at once
MAX_AGE = timedelta(days=2)  # after which an alert is no news


@dataclass(frozen=True, slots=True)
class NotificationResources:
    """The resources that all deliveries of alerts share."""

    journal: Journal
    session: Session
    random: random.Random  # spreads retries
    now: Callable[[], datetime]
    find_city: Callable[[str], City | None]
    timezone: str | None = None  # of quiet hours; None: this machine's
    find_waiting: Callable[[], Sequence[AlertEntry]] = tuple  # changes that are not in the journal yet
    sent: SentTimes | None = None  # where deliveries are recorded
    outbox: ChangeOutbox | None = None  # in a cluster


class _NotOwnerError(Exception):
    """Raised if a message may not be sent now, because another node may poll one of its cities."""


class AlertDelivery:
    """The delivery of alerts to one target. A new target begins with the next change.

    The changes of a group are marked as in doubt before the first message is sent, so that after a crash the same
    messages are sent again with the same keys. The alert that the journal cannot be written is sent before it is
    stored, with a key of its own, so that it is not sent again afterwards.
    """

    def __init__(self, target: NamedTarget, sender: Sender, resources: NotificationResources) -> None:
        self.target = target
        self.name = f"{CURSOR_PREFIX}{target.name}"
        self.progress = Progress()
        self._sender = sender
        self._resources = resources
        self._journal = resources.journal
        self._lanes = make_lanes(target)
        quiet = target.target.quiet
        self._zone = load_zone(quiet.timezone if quiet and quiet.timezone else resources.timezone)
        self._first = resources.journal.alert_seq  # the last change before the start
        self._sent_early: set[str] = set()  # keys of messages about changes that were not stored yet
        self._outage = Outage(self.name, resources.random)
        self._draining = asyncio.Event()

    @property
    def behind(self) -> int:
        """The number of alerts that are left to send now, of which the last ones are counted within seconds."""
        return sum(lane.waiting for lane in self._lanes if not self._is_quiet(lane))

    @property
    def held(self) -> int:
        """The number of alerts that wait for the end of quiet hours."""
        return sum(lane.waiting for lane in self._lanes if self._is_quiet(lane))

    def drain(self) -> None:
        """Make :meth:`run` return when everything is sent, or at the next failure."""
        self._draining.set()

    async def run(self) -> None:
        """Send alerts until cancelled, or until :meth:`drain` was called and nothing is left."""
        is_loaded = False
        while True:
            delay = None
            try:
                await self._send_early()
                if not is_loaded:
                    await self._journal.call(lambda store: load_cursors(self._lanes, self._first, store))
                    is_loaded = True
                while lane := await self._wait_for_changes():
                    await self._deliver_changes(lane)
            except _NotOwnerError:
                for lane in self._lanes:
                    lane.counted_up_to = -1
                delay = _CHECK_PERIOD
            except Exception as error:  # noqa: BLE001 - Apprise may raise anything
                self._outage.report_failure(error, self.behind)
                self.progress.is_down = True
            if self._draining.is_set():
                return
            await self._pause(delay or self._outage.retry_delay())

    async def _wait_for_changes(self) -> Lane | None:
        """Wait for changes, and for those that come soon after; return their lane, or None if a drain finds none.

        What waited before the start is sent at once, because a daemon that crashes every few seconds would otherwise
        never send it.
        """
        while not (lane := await self._find_changes()):
            if self._draining.is_set():
                return None
            await self._pause(_CHECK_PERIOD)
            await self._send_early()
        if lane.cursor.delivered < self._first:
            return lane
        for _ in range(_MAX_CHECKS):
            last = self._journal.alert_seq
            await self._pause(_CHECK_PERIOD)
            if self._journal.alert_seq == last:
                break
        return lane

    async def _send_early(self) -> None:
        """Send what cannot wait for the journal: that it cannot be written."""
        for entry in self._resources.find_waiting():
            lane = next((lane for lane in self._lanes if entry.severity in (lane.severities or [entry.severity])), None)
            is_wanted = self.target.name in entry.notify and not entry.silenced
            if entry.rule == JOURNAL_DOWN and is_wanted and lane and not self._is_quiet(lane):
                for message in self._compose_alone(entry):
                    if message.key not in self._sent_early:
                        await self._send(message)
                        self._sent_early.add(message.key)

    def _compose_alone(self, entry: AlertEntry) -> list[AlertMessage]:
        """Return the message about a change, none if there is nothing to notify of, with the key that it always has."""
        return compose_messages([entry], f"{entry.rule}-{entry.at:.3f}", self._find_name, limit=1)

    async def _find_changes(self) -> Lane | None:
        """Count what waits in each lane; return the first lane that has something to be sent now."""
        for lane in self._lanes:
            if lane.counted_up_to != self._journal.alert_seq:
                await self._count_changes(lane)
        return next((lane for lane in self._lanes if lane.waiting and not self._is_quiet(lane)), None)

    async def _count_changes(self, lane: Lane) -> None:
        """Count what waits in a lane. If that is nothing, its cursor passes the changes that are not for it."""
        last = self._journal.alert_seq
        wanted = lane.select(last)._replace(until=last)
        lane.waiting = await self._journal.call(lambda store: store.alerts.count_for(wanted))
        lane.counted_up_to = last
        if not lane.waiting and lane.cursor.delivered < last:
            lane.sent = 0
            await self._save_cursor(lane, Idle(last))

    def _is_quiet(self, lane: Lane) -> bool:
        return lane.is_quiet(self._resources.now(), self._zone)

    async def _deliver_changes(self, lane: Lane) -> None:
        """Send the messages about the next changes, without those that were sent before a failure.

        Those of changes from before the start have no distance, because a daemon that crashes every few seconds would
        otherwise repeat the first ones, and never send the last.
        """
        cursor, has_waited = lane.cursor, lane.cursor.delivered < self._first
        wanted = lane.select(self._journal.alert_seq)
        entries = await self._journal.call(lambda store: store.alerts.read_for(wanted, _MAX_CHANGES))
        key = cursor.key if isinstance(cursor, InDoubt) else secrets.token_hex(16)
        last = entries[-1].seq if len(entries) == _MAX_CHANGES else wanted.until
        if messages := self._compose(lane, entries, key):
            await self._save_cursor(lane, InDoubt(cursor.delivered + 1, last, key))
        for number, message in enumerate(messages, 1):
            if number > lane.sent:
                if message.key not in self._sent_early:
                    await self._send(message)
                lane.sent = number
                lane.waiting = max(0, lane.waiting - len(message.alerts))
                if number < len(messages) and not has_waited:
                    await self._pause(_SPACING)
        if self._resources.outbox:
            self._resources.outbox.finish([self.target.name], entries)
        lane.sent, lane.counted_up_to = 0, -1
        await self._save_cursor(lane, Idle(last))
        if messages:
            await self._pause(_SPACING)

    def _compose(self, lane: Lane, entries: Sequence[AlertEntry], key: str) -> list[AlertMessage]:
        """Return the messages about changes: a single one about those of quiet hours, and others."""
        night, day = list[AlertEntry](), list[AlertEntry]()
        alone: list[AlertMessage] = []
        for entry in entries:
            if lane.is_quiet(to_time(entry.at), self._zone):
                night.append(entry)
            elif entry.rule == JOURNAL_DOWN:
                alone += self._compose_alone(entry)
            else:
                day.append(entry)
        digest = compose_messages(keep_last_changes(night), f"{key}-night", self._find_name, limit=1)
        return [*digest, *alone, *compose_messages(day, key, self._find_name, limit=_MAX_MESSAGES)]

    def _find_name(self, city_id: str) -> str:
        city = self._resources.find_city(city_id)
        return city.name if city else city_id

    async def _send(self, message: AlertMessage) -> None:
        """Send a message, or skip it if it is too old or the target rejects it for good."""
        newest = max(datetime.fromisoformat(alert.time) for alert in message.alerts)
        if self._resources.now() - newest > MAX_AGE:
            self._skip(message, "it could not be delivered for two days")
            return
        outbox = self._resources.outbox
        if outbox and not outbox.may_send(self.target.name, message.entries):
            raise _NotOwnerError
        with outbox.sending(message.entries) if outbox else contextlib.nullcontext():
            try:
                await self._sender.send(message, self._resources.session)
            except RejectedError as error:
                self._skip(message, describe(error))
                return
            if outbox:
                outbox.finish([self.target.name], message.entries)
        if self._resources.sent:
            await self._resources.sent.record(message.entries, self._resources.now().timestamp())
        self.progress.delivered += len(message.alerts)
        self.progress.is_down = False
        self._outage.report_success(self.behind)
        log.debug("alerts.sent", target=self.target.name, rule=message.rule, alerts=len(message.alerts))

    def _skip(self, message: AlertMessage, reason: str) -> None:
        self.progress.skipped += len(message.alerts)
        log.error("forwarder.skipped", forwarder=self.name, count=len(message.alerts), rule=message.rule, reason=reason)

    async def _save_cursor(self, lane: Lane, cursor: Cursor) -> None:
        """Move a cursor. On a full disk it moves only in memory, so that a crash repeats more messages."""
        lane.cursor = cursor
        with contextlib.suppress(StateError):
            await self._journal.save_cursor(lane.name, cursor)

    async def _pause(self, seconds: float) -> None:
        """Wait; a drain ends the wait."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._draining.wait()
