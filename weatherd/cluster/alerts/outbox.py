"""The changes of alerts that this node has to deliver, as the tables of the nodes have them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule
from weatherd.alerts.rule import MQTT_TARGET
from weatherd.alerts.silences import DROPPED
from weatherd.cluster.alerts.alert_tables import DELETE_DELIVERED, ChangeKey, build_deletion, find_key
from weatherd.pipeline.alerting.changes import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from weatherd.cluster.database import ClusterConnection
    from weatherd.journal.tables.alert_table import AlertEntry

log = structlog.get_logger()

_SEND_TIME = 1.0  # seconds for which a release of shards waits for messages about their cities that are being sent


class Outbox:
    """The targets of each change that have not got it, and what is being sent. *may_deliver* is asked each time."""

    def __init__(self, may_deliver: Callable[[], bool]) -> None:
        self._may_deliver = may_deliver
        self._waiting: dict[ChangeKey, set[str]] = {}
        self._sending: Counter[ChangeKey] = Counter()
        self._sent = asyncio.Event()
        self._delivered: set[tuple[ChangeKey, str]] = set()  # whose rows are deleted at the next beat

    def add(self, entry: AlertEntry, targets: Iterable[str]) -> None:
        """Add a change that has to be delivered to targets."""
        if names := set(targets):
            self._waiting[find_key(entry)] = names

    def find_undelivered(self, entry: AlertEntry) -> set[str]:
        """Return to which targets a change has to be delivered yet."""
        return self._waiting.get(find_key(entry), set())

    def may_send(self, target: str, entries: Iterable[AlertEntry]) -> bool:
        """Return whether a message about changes may be sent to a target now.

        It may not if the lease of this node is over, or if another node delivers one of the changes.
        """
        keys = [find_key(entry) for entry in entries if not is_daemon_rule(entry.rule)]
        return not keys or (self._may_deliver() and all(target in self._waiting.get(key, ()) for key in keys))

    @contextlib.contextmanager
    def sending(self, entries: Iterable[AlertEntry]) -> Iterator[None]:
        """Note that a message about changes is being sent, inside the ``with``."""
        keys = [find_key(entry) for entry in entries]
        self._sending.update(keys)
        try:
            yield
        finally:
            self._sending.subtract(keys)
            self._sending = +self._sending
            self._sent.set()

    async def wait_until_sent(self, is_leaving: Callable[[str], bool]) -> None:
        """Wait until no message about the cities that leave is being sent, for some time at most."""
        try:
            async with asyncio.timeout(_SEND_TIME):
                while any(is_leaving(key.city) for key in self._sending):
                    self._sent.clear()
                    await self._sent.wait()
        except TimeoutError:
            log.debug("alerts.sent_late")  # the new owner may send it again

    def finish(self, targets: Iterable[str], entries: Iterable[AlertEntry]) -> None:
        """Note that changes were delivered to targets, or never will be."""
        names = tuple(targets)
        for key in map(find_key, entries):
            waiting = self._waiting.get(key, set())
            for target in waiting.intersection(names):
                self._delivered.add((key, target))
                waiting.discard(target)
            if not waiting:
                self._waiting.pop(key, None)

    def forget(self, is_leaving: Callable[[str], bool]) -> list[ChangeKey]:
        """Forget the changes of the cities that leave, and return them."""
        gone = [key for key in self._waiting if is_leaving(key.city)]
        for key in gone:
            del self._waiting[key]
        return gone

    async def delete_delivered(self, connection: ClusterConnection) -> None:
        """Delete the rows of what was delivered from the table."""
        if delivered := set(self._delivered):
            await connection.fetch(DELETE_DELIVERED, *build_deletion(delivered))
            self._delivered -= delivered


def find_targets(entry: AlertEntry) -> set[str]:
    """Return to which targets a change is delivered, now or when its silence ends."""
    if not entry.event or entry.silenced == DROPPED:
        return set()
    return set(entry.notify) & {MQTT_TARGET} if entry.event == ENDED else set(entry.notify)
