"""The alerts of the cities that this node polls, in step with the tables that the nodes share.

A change of an alert is written to the tables first, by a statement that checks that this node still owns the shard.
Only then does it enter the journal, from which it is delivered. So a node that has lost a shard without noticing, for
example because it was suspended, notifies nobody of what it found: the new owner finds it itself. And what a node has
written, but not delivered before it died, is delivered by the new owner.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd.cluster.alerts.alert_tables import (
    DELETE_OLD_CHANGES,
    LOAD_ALERT_CHANGES,
    LOAD_ALERTS,
    PUSH_ALERTS,
    ChangeKey,
    QueuedChange,
    build_push,
    find_key,
    parse_change_rows,
    parse_state_row,
)
from weatherd.cluster.alerts.outbox import Outbox, find_targets
from weatherd.cluster.alerts.shared_silences import SharedSilences
from weatherd.cluster.lease import shard_of
from weatherd.config.diff import CityListDiff
from weatherd.errors import StateError
from weatherd.pipeline.alerting.changes import end_alert
from weatherd.pipeline.notifications.delivery import MAX_AGE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from weatherd.city import City
    from weatherd.cluster.database import ClusterConnection
    from weatherd.cluster.member import ClusterMember
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
    from weatherd.pipeline.alerting.desk import AlertDesk

log = structlog.get_logger()

_CLEANING = timedelta(hours=1)


class SharedAlerts:
    """What this node has to write to the tables, and what it may deliver. *find_city* searches the whole list."""

    def __init__(
        self, member: ClusterMember, desk: AlertDesk, journal: Journal, find_city: Callable[[str], City | None]
    ) -> None:
        self._member = member
        self._desk = desk
        self._recorder = desk.recorder
        self._journal = journal
        self._find_city = find_city
        self._node: int | None = None  # as which the shards are held
        self._shard_count = 0
        self._held: frozenset[int] = frozenset()  # shards whose cities are in the desk
        self._queue: list[QueuedChange] = []  # that are not in the tables yet
        self.outbox = Outbox(self._may_deliver)
        self._gone: set[ChangeKey] = set()  # changes that are deleted from the journal, because others deliver them
        self._cleaned_at = desk.now()
        self._silences = SharedSilences(journal, desk.now)

    # What the desk and the recorder call

    def restrict(self, change: CityListDiff) -> CityListDiff:
        """Return the part of an edit of the list that concerns the cities of this node, which the desk knows."""
        return CityListDiff((), self._select(change.removed_or_changed), self._select(change.added_or_changed))

    def record(self, entry: AlertEntry, state: SavedAlert | None) -> None:
        """Record a change of the alert of a city, and the state after it; None is inactive."""
        city = self._desk.cities.get(entry.city)
        queued = QueuedChange(shard_of(entry.city, self._shard_count), entry, state, city)
        if self._member.view().state == "going_on":  # no node can take the shard, and that may last for days
            self._accept(queued)
            queued = queued._replace(is_stored=True)
        self._queue.append(queued)

    def release(self, held: AlertEntry, entry: AlertEntry) -> None:
        """Record the copy of a change that a silence held back until now; no state changes."""
        self.outbox.finish(held.notify, [held])
        self.record(entry, self._desk.active.get(entry.city, {}).get(entry.rule))

    # What the member calls

    async def step(self, connection: ClusterConnection) -> None:
        """Write what has happened since the last beat, and leave the shards that this node has lost."""
        view = self._member.view()
        owned = next((frozenset(node.shards) for node in view.nodes if node.id == view.own_id), frozenset[int]())
        lost = self._held - owned if view.own_id == self._node else self._held
        if lost:
            await self._forget(lost)
        self._node, self._shard_count = view.own_id, view.shard_count
        await self._push(connection)
        await self.outbox.delete_delivered(connection)
        await self._delete_gone()
        if self._held and (now := self._desk.now()) - self._cleaned_at >= _CLEANING:
            await self._delete_old(self._held, connection)
            self._cleaned_at = now
        with contextlib.suppress(StateError):  # which the journal writer reports
            await self._silences.exchange(connection)

    async def take(self, shards: frozenset[int], connection: ClusterConnection) -> None:
        """Take the alerts of shards as the tables have them, with what has to be delivered.

        This node may have held the shards before; what it knew of them then does not count any more.
        """
        rows = await connection.fetch(LOAD_ALERTS, sorted(shards))
        await self._delete_old(shards, connection)
        changes = parse_change_rows(await connection.fetch(LOAD_ALERT_CHANGES, sorted(shards)))
        await self._forget(shards)
        self._held |= shards
        self._take_states(shards, rows)
        for entry in changes:
            self._gone.discard(find_key(entry))
            self.outbox.add(entry, entry.notify)
            self._recorder.adopt(entry)
        await self._recorder.save()
        if changes:
            log.info("alerts.taken", changes=len(changes))

    async def give(self, shards: frozenset[int], connection: ClusterConnection) -> None:
        """Leave the alerts of shards to another node, with what is not delivered yet."""
        await self._push(connection)
        await self.outbox.wait_until_sent(lambda city_id: self._find_shard(city_id) in shards)
        await self.outbox.delete_delivered(connection)
        await self._forget(shards)

    def _may_deliver(self) -> bool:
        """Return whether this node is the one that holds the shards: not before it has left those that it lost."""
        return self._member.holds() and self._member.view().own_id == self._node

    def _select(self, cities: Mapping[str, City]) -> dict[str, City]:
        return {city_id: city for city_id, city in cities.items() if self._find_shard(city_id) in self._held}

    def _find_shard(self, city_id: str) -> int | None:
        return shard_of(city_id, self._shard_count) if self._shard_count else None

    def _take_states(self, shards: Collection[int], rows: Iterable[Mapping[str, str]]) -> None:
        """Put the cities of shards into the desk. Alerts of cities that were removed or have moved end."""
        states: list[SavedAlert] = []
        ended: list[SavedAlert] = []
        for row in rows:
            saved, is_there = parse_state_row(row["state"], self._find_city(row["city"]))
            (states if is_there else ended).append(saved)
        self._desk.take(self._member.cities_of(shards), states)
        now = self._desk.now().timestamp()
        for saved in states:
            self._recorder.keep_state((saved.rule, saved.city), saved)
        for saved in ended:
            self.record(end_alert(saved, now), None)

    def _accept(self, queued: QueuedChange) -> None:
        """Store a change in the journal, from which it is delivered."""
        self._recorder.record_here(queued.entry, queued.state)
        self.outbox.add(queued.entry, find_targets(queued.entry))

    async def _push(self, connection: ClusterConnection) -> None:
        """Write the queue to the tables. What belongs to the shards of others is dropped: they find it themselves."""
        queue = list(self._queue)
        if not queue or self._node is None:
            return
        targets = [(queued, target) for queued in queue for target in self._find_targets(queued)]
        rows = await connection.fetch(PUSH_ALERTS, *build_push(self._node, queue, targets))
        self._queue = self._queue[len(queue) :]
        accepted = {row["id"] for row in rows}
        for queued in queue:
            if queued.shard in accepted and not queued.is_stored:
                self._accept(queued)
        await self._recorder.save()

    def _find_targets(self, queued: QueuedChange) -> set[str]:
        return self.outbox.find_undelivered(queued.entry) if queued.is_stored else find_targets(queued.entry)

    async def _delete_old(self, shards: Collection[int], connection: ClusterConnection) -> None:
        """Delete changes that are no news any more, for example because their target does not exist."""
        oldest = int((self._desk.now() - MAX_AGE).timestamp() * 1e6)
        await connection.fetch(DELETE_OLD_CHANGES, sorted(shards), oldest)

    async def _forget(self, shards: Collection[int]) -> None:
        """Forget all alerts of shards: others know and deliver them, or will find them anew."""
        self._held = self._held.difference(shards)
        self._queue = [queued for queued in self._queue if queued.shard not in shards]
        self._gone.update(self.outbox.forget(lambda city_id: self._find_shard(city_id) in shards))
        cities = [city_id for city_id in self._desk.cities if self._find_shard(city_id) in shards]
        for saved in self._desk.leave(cities):
            self._recorder.keep_state((saved.rule, saved.city), None)
        await self._delete_gone()

    async def _delete_gone(self) -> None:
        """Delete changes that others deliver from the journal; if it cannot be written, at the next beat."""
        if gone := set(self._gone):
            try:
                await self._recorder.forget(gone)
            except StateError as error:
                log.debug("alerts.not_saved", reason=str(error))  # the journal writer reports it
            else:
                self._gone -= gone


async def share_alerts(
    member: ClusterMember, desk: AlertDesk, journal: Journal, find_city: Callable[[str], City | None]
) -> None:
    """Share the alerts of cities among nodes. What the last run of this node knew of them, others know better.

    Raises StateError.
    """
    await journal.call(lambda store: store.alerts.leave_cities())
    desk.active.clear()
    shared = SharedAlerts(member, desk, journal, find_city)
    desk.recorder.shared = shared
    member.subscribe_beats(shared.step)
    member.subscribe_moves(shared.take, shared.give)
