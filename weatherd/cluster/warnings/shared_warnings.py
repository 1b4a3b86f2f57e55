"""The official warnings of the cities that this node polls, in step with the table that the nodes share.

The table has the warnings of a city as the changes were delivered. So the next owner continues there: of what a node
had found and not delivered when it died, the next owner finds and delivers the change itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

from weatherd.cluster.lease import shard_of
from weatherd.cluster.warnings.warning_tables import LOAD_PLACES, PUSH_PLACES, dump_place, parse_place_rows
from weatherd.errors import DeliveryError, StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from weatherd.city import City
    from weatherd.cluster.database import ClusterConnection
    from weatherd.cluster.member import ClusterMember
    from weatherd.journal.journal import Journal
    from weatherd.journal.store import Store
    from weatherd.journal.tables.warning_table import SavedPlace, WarningEntry

_ROWS = 500  # of a statement, each with up to some 10 kB
_GUARD_PERIOD = 0.2  # seconds between two looks whether changes may be delivered
_GUARD_LOOKS = 50
_CONTACT = 3.0  # seconds since the database answered, after which nothing is delivered


class NodeCities:
    """The cities that this node polls, of those that *find_city* finds in the whole list."""

    def __init__(self, member: ClusterMember, find_city: Callable[[str], City | None]) -> None:
        self._member = member
        self._find_city = find_city

    @property
    def cities(self) -> Sequence[City]:
        """The cities, sorted by id; another object after each change."""
        return self._member.cities()

    def get(self, city_id: str) -> City | None:
        """Return the city with this id if it is polled here."""
        return self._find_city(city_id) if self._member.owns(city_id) else None


class SharingDesk(Protocol):
    """The official warnings of this node: see :class:`weatherd.warnings.desk.WarningDesk`."""

    def share(self, on_saved: Callable[[Iterable[tuple[str, str]], int], None]) -> None:
        """Call *on_saved* with city and provider of what was saved, and the number of the last change."""

    def find_place(self, key: tuple[str, str]) -> SavedPlace | None:
        """Return what is known of a city from a provider."""

    def take(self, places: Sequence[SavedPlace]) -> None:
        """Take what is known of cities that another node polled until now."""

    def leave(self, city_ids: Collection[str]) -> None:
        """Leave cities to another node: their warnings do not end."""

    def list_known(self) -> Iterable[str]:
        """Return the ids of the cities of which something is known."""

    def notice_edit(self) -> None:
        """Notice that the cities have changed."""


async def share_warnings(member: ClusterMember, desk: SharingDesk, journal: Journal, forwarders: Sequence[str]) -> None:
    """Share the official warnings of cities among nodes, which know them better than the last run of this one.

    *forwarders* are the names of the deliveries of changes. Raises StateError.
    """
    shared = SharedWarnings(member, desk, journal, forwarders)
    await journal.call(lambda store: store.warnings.leave_all(_find_delivered(store, forwarders)))
    desk.share(shared.note_changed)
    member.subscribe_beats(shared.step)
    member.subscribe_moves(shared.take, shared.give)


def guard_changes(member: ClusterMember) -> Callable[[Sequence[WarningEntry]], Awaitable[None]]:
    """Return a function that waits until this node may deliver changes. It raises DeliveryError if that takes long."""

    async def wait(entries: Sequence[WarningEntry]) -> None:
        for _ in range(_GUARD_LOOKS):
            if _has_contact(member) and all(member.owns(entry.change.city) for entry in entries):
                return
            await asyncio.sleep(_GUARD_PERIOD)
        raise DeliveryError("another node may poll a city of these changes")

    return wait


def _has_contact(member: ClusterMember) -> bool:
    """Return whether no other node can have taken the cities of this one."""
    view = member.view()
    is_seen = view.database_seen_ago is not None and view.database_seen_ago < _CONTACT
    return member.holds() and (is_seen or view.state == "going_on")


class SharedWarnings:
    """What this node has to write to the table. *forwarders* are the names of the deliveries of changes."""

    def __init__(self, member: ClusterMember, desk: SharingDesk, journal: Journal, forwarders: Sequence[str]) -> None:
        self._member = member
        self._desk = desk
        self._journal = journal
        self._forwarders = forwarders
        self._node: int | None = None  # as which the shards are held
        self._held: set[int] = set()  # shards whose places are known
        self._changed: dict[tuple[str, str], int] = {}  # number of the last change by city id and provider
        self._cities: Sequence[City] = ()

    def note_changed(self, keys: Iterable[tuple[str, str]], last_change: int) -> None:
        """Note that places were saved, by city id and provider, with changes up to a number."""
        self._changed |= dict.fromkeys(keys, last_change)

    async def step(self, connection: ClusterConnection) -> None:
        """Write what was delivered since the last beat, leave what was lost, and take what is held already."""
        view, held = self._member.view(), set(self._member.part.held)
        lost = self._held - held if view.own_id == self._node else self._held
        if lost:
            await self._leave(lost)
        self._node = view.own_id
        if new := held - self._held:  # the desk was opened later
            await self.take(frozenset(new), connection)
        await self._push(connection)
        if (cities := self._member.cities()) is not self._cities:
            self._cities = cities
            self._desk.notice_edit()

    async def take(self, shards: frozenset[int], connection: ClusterConnection) -> None:
        """Take what the table has of the cities of shards."""
        rows = await connection.fetch(LOAD_PLACES, sorted(shards))
        await self._leave(shards)
        self._held |= shards
        self._desk.take(parse_place_rows(rows))

    async def give(self, shards: frozenset[int], connection: ClusterConnection) -> None:
        """Leave the cities of shards to another node."""
        await self._push(connection)
        await self._leave(shards)

    async def _push(self, connection: ClusterConnection) -> None:
        """Write the places whose changes were delivered, some at a time."""
        if not self._changed or self._node is None:
            return
        try:
            delivered = await self._journal.call(lambda store: _find_delivered(store, self._forwarders))
        except StateError:
            return  # the recorder reports it
        ready = [key for key, last in self._changed.items() if last <= delivered][:_ROWS]
        if not ready:
            return
        count = self._member.view().shard_count
        rows = [(*key, shard_of(key[0], count), dump_place(self._desk.find_place(key))) for key in ready]
        last_changes = {key: self._changed[key] for key in ready}
        await connection.fetch(PUSH_PLACES, self._node, *map(list, zip(*rows, strict=True)))
        for key, last in last_changes.items():
            if self._changed.get(key) == last:
                del self._changed[key]

    async def _leave(self, shards: Collection[int]) -> None:
        """Forget what is known of the cities of shards, and what of it was not delivered."""
        self._held -= set(shards)
        count = self._member.view().shard_count
        if not count:
            return
        left = {city for city in self._desk.list_known() if shard_of(city, count) in shards}
        self._changed = {key: last for key, last in self._changed.items() if key[0] not in left}
        self._desk.leave(left)
        with contextlib.suppress(StateError):  # the recorder reports it
            await self._journal.call(lambda store: store.warnings.leave(left, _find_delivered(store, self._forwarders)))


def _find_delivered(store: Store, forwarders: Sequence[str]) -> int:
    """Return the number of the change up to which all forwarders have delivered."""
    return min((store.cursors.load(name).delivered for name in forwarders), default=store.warnings.last_seq())
