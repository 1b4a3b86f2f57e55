"""This node's part of the list: the cities of the shards that it polls, between the list and the supervisor."""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING

from weatherd.cluster.lease import shard_of
from weatherd.cluster.shards.shard_index import divide_list
from weatherd.config.diff import CityListDiff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.cluster.shards.shard_index import ShardIndex
    from weatherd.polling.poll_history import PollHistory
    from weatherd.polling.supervisor import Supervisor

_LOOK_PERIOD = 0.02  # seconds between two looks at polls in progress
_END_TIME = 1.0  # seconds in which a cancelled poll ends
_STARTED_TOGETHER = 1000  # cities


class Part:
    """The shards of the list, and the ones that are polled here.

    *list_cities* returns the whole list; :meth:`apply_diff` is to be called after each change of it.
    """

    def __init__(self, list_cities: Callable[[], Sequence[City]]) -> None:
        self._list_cities = list_cities
        self._supervisor: Supervisor  # attached when the producers can be started
        self._history: PollHistory
        self._index: ShardIndex | None = None  # before the first contact with the database
        self._cities: tuple[City, ...] | None = None  # of the held shards; None: not listed since they changed
        self._ending: set[asyncio.Task[None]] = set()  # producers that were cancelled for a release
        self.held: set[int] = set()  # the shards whose cities are polled

    def attach(self, supervisor: Supervisor, history: PollHistory) -> None:
        """Set the owner of the producers and their records. Nothing is polled before."""
        self._supervisor, self._history = supervisor, history

    @property
    def digest(self) -> str:
        """A digest of the list, which is equal on all nodes with equal lists."""
        return f"{self._index.digest if self._index else 0:016x}"

    @property
    def shards(self) -> int:
        """The number of all shards; 0 before the first contact with the database."""
        return self._index.shards if self._index else 0

    @property
    def cities_in_list(self) -> int:
        """The number of cities of the whole list."""
        return len(self._list_cities())

    async def divide(self, shards: int) -> None:
        """Divide the list into shards, in a thread because a million cities take seconds."""
        while shards != self.shards:
            cities = self._list_cities()
            index = await asyncio.to_thread(divide_list, cities, shards)
            if cities is self._list_cities():  # otherwise the list was edited meanwhile
                self._index = index

    def owns(self, city_id: str) -> bool:
        """Return whether a city is polled here."""
        return bool(self.held) and shard_of(city_id, self.shards) in self.held

    def cities(self) -> tuple[City, ...]:
        """Return the cities that are polled here, sorted by id; the same tuple until they change."""
        if self._cities is None:
            # Those of the producers, because a packed list would build each of them again
            polled = [polls.city for polls in self._history if self.owns(polls.city.id)] if self.held else []
            self._cities = tuple(sorted(polled, key=operator.attrgetter("id")))
        return self._cities

    def cities_of(self, shards: Collection[int]) -> list[City]:
        """Return the cities of shards."""
        return self._index.cities_of(shards) if self._index else []

    def count_cities(self, shards: Collection[int]) -> int:
        """Return the number of cities of shards."""
        return self._index.count_cities(shards) if self._index else 0

    async def start(self, shards: Iterable[int], may_poll: Callable[[], bool]) -> None:
        """Start to poll the cities of shards, some at a time; stop in between if polling is not permitted any more."""
        started = 0
        for shard in shards:
            if not may_poll():
                return
            self.held.add(shard)
            self._cities = None
            cities = self.cities_of([shard])
            self._supervisor.start(cities)
            started += len(cities)
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
        if not self._index:
            return
        self._index = self._index.apply_diff(diff)
        self._cities = None
        old, new = self._select_held(diff.removed_or_changed), self._select_held(diff.added_or_changed)
        self._supervisor.apply_diff(CityListDiff(diff.cities, old, new))

    def _select_held(self, cities: Mapping[str, City]) -> dict[str, City]:
        return {city.id: city for city in cities.values() if self.owns(city.id)}

    def _drop(self, shards: Collection[int]) -> None:
        self.held.difference_update(shards)
        self._cities = None
