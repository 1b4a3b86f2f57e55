"""This node's part of the list: the cities of the shards that it polls, between the list and the supervisor."""

from __future__ import annotations

import asyncio
import hashlib
import operator
from typing import TYPE_CHECKING

from weatherd.cluster.lease import shard_of
from weatherd.config.diff import CityListDiff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.polling.poll_history import PollHistory
    from weatherd.polling.supervisor import Supervisor

_LOOK_PERIOD = 0.02  # seconds between two looks at polls in progress
_END_TIME = 1.0  # seconds in which a cancelled poll ends
_STARTED_TOGETHER = 1000  # cities


class Part:
    """The shards of the list, and the ones that are polled here.

    *list_cities* returns the whole list; whoever changes the list calls :meth:`apply_diff`.
    """

    def __init__(self, list_cities: Callable[[], tuple[City, ...]]) -> None:
        self._list_cities = list_cities
        self._supervisor: Supervisor  # attached when the producers can be started
        self._history: PollHistory
        self._by_shard: list[list[City]] = []  # empty before the first contact with the database
        self._digest = 0
        self._cities: tuple[City, ...] | None = None  # of the held shards; None: not listed since they changed
        self._ending: set[asyncio.Task[None]] = set()  # producers that were cancelled for a release
        self.held: set[int] = set()  # the shards whose cities are polled

    def attach(self, supervisor: Supervisor, history: PollHistory) -> None:
        """Set the owner of the producers and their records. Nothing is polled before."""
        self._supervisor, self._history = supervisor, history

    @property
    def digest(self) -> str:
        """A digest of the list, which is equal on all nodes with equal lists."""
        return f"{self._digest:016x}"

    @property
    def shards(self) -> int:
        """The number of all shards; 0 before the first contact with the database."""
        return len(self._by_shard)

    @property
    def cities_in_list(self) -> int:
        """The number of cities of the whole list."""
        return len(self._list_cities())

    async def divide(self, shards: int) -> None:
        """Divide the list into shards, in a thread because a million cities take seconds."""
        while shards != len(self._by_shard):
            cities = self._list_cities()
            by_shard, digest = await asyncio.to_thread(_divide, cities, shards)
            if cities is self._list_cities():  # otherwise the list was edited meanwhile
                self._by_shard, self._digest = by_shard, digest

    def owns(self, city_id: str) -> bool:
        """Return whether a city is polled here."""
        return bool(self.held) and shard_of(city_id, len(self._by_shard)) in self.held

    def cities(self) -> tuple[City, ...]:
        """Return the cities that are polled here, sorted by id; the same tuple until they change."""
        if self._cities is None:
            self._cities = tuple(sorted(self.cities_of(self.held), key=operator.attrgetter("id")))
        return self._cities

    def cities_of(self, shards: Collection[int]) -> list[City]:
        """Return the cities of shards."""
        return [city for shard in shards for city in self._by_shard[shard]]

    def count_cities(self, shards: Collection[int]) -> int:
        """Return the number of cities of shards."""
        return sum(len(self._by_shard[shard]) for shard in shards)

    async def start(self, shards: Iterable[int], may_poll: Callable[[], bool]) -> None:
        """Start to poll the cities of shards, some at a time; stop in between if polling is not permitted any more."""
        started = 0
        for shard in shards:
            if not may_poll():
                return
            self.held.add(shard)
            self._cities = None
            self._supervisor.start(self._by_shard[shard])
            started += len(self._by_shard[shard])
            if started >= _STARTED_TOGETHER:
                started = 0
                await asyncio.sleep(0)

    async def stop(self, shards: Collection[int], patience: float, may_poll: Callable[[], bool]) -> bool:
        """Stop to poll the cities of shards; return whether all their polls have ended.

        A poll in progress may end by itself for *patience* seconds, while polling is permitted, because its call has
        been counted already.
        """
        deadline = asyncio.get_running_loop().time() + patience
        busy = {city.id for city in self.cities_of(self.held.intersection(shards))}
        self._drop(shards)
        while busy:
            is_over = asyncio.get_running_loop().time() >= deadline or not may_poll()
            idle = {city_id for city_id in busy if is_over or not self._history.running_poll(city_id)}
            self._ending.update(self._supervisor.remove(idle))
            if busy := busy - idle:
                await asyncio.sleep(_LOOK_PERIOD)
        if self._ending:
            _, self._ending = await asyncio.wait(self._ending, timeout=_END_TIME)
        return not self._ending

    def stop_at_once(self, shards: Collection[int]) -> None:
        """Cancel all polls of shards, also those in progress."""
        ids = [city.id for city in self.cities_of(self.held.intersection(shards))]
        self._drop(shards)
        self._supervisor.remove(ids)

    def apply_diff(self, diff: CityListDiff) -> None:
        """Apply an edit of the list: to the shards, and to the polls of those that are polled here."""
        if not self._by_shard:
            return
        old, new = self._group(diff.removed_or_changed), self._group(diff.added_or_changed)
        for shard in old.keys() | new.keys():
            gone = old.get(shard, {})
            kept = [city for city in self._by_shard[shard] if city.id not in gone]
            self._by_shard[shard] = [*kept, *new.get(shard, {}).values()]
        for city in (*diff.removed_or_changed.values(), *diff.added_or_changed.values()):
            self._digest ^= _digest_city(city)
        self._cities = None
        self._supervisor.apply_diff(CityListDiff(diff.cities, self._select_held(old), self._select_held(new)))

    def _group(self, cities: Mapping[str, City]) -> dict[int, dict[str, City]]:
        groups: dict[int, dict[str, City]] = {}
        for city in cities.values():
            groups.setdefault(shard_of(city.id, len(self._by_shard)), {})[city.id] = city
        return groups

    def _select_held(self, groups: Mapping[int, Mapping[str, City]]) -> dict[str, City]:
        return {city_id: city for shard in groups.keys() & self.held for city_id, city in groups[shard].items()}

    def _drop(self, shards: Collection[int]) -> None:
        self.held.difference_update(shards)
        self._cities = None


def _divide(cities: Sequence[City], shards: int) -> tuple[list[list[City]], int]:
    by_shard: list[list[City]] = [[] for _ in range(shards)]
    digest = 0
    for city in cities:
        by_shard[shard_of(city.id, shards)].append(city)
        digest ^= _digest_city(city)
    return by_shard, digest


def _digest_city(city: City) -> int:
    polled = f"{city.id} {city.lat} {city.lon} {city.interval} {city.providers}".encode()
    return int.from_bytes(hashlib.blake2b(polled, digest_size=8, person=b"list").digest())
