"""The registry of cities, the only owner of the city list. Other parts read it or subscribe to its changes."""

from __future__ import annotations

import asyncio
import bisect
import operator
from array import array
from typing import TYPE_CHECKING

import structlog

from weatherd.config.lists.packed_cities import PackedCities
from weatherd.text.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.errors import Problem

log = structlog.get_logger()

_LOGGED_ROWS = 10  # quarantined rows
_city_id = operator.attrgetter("id")


class CityRegistry:
    """The cities of the current list, sorted by id, and its quarantined rows.

    Only :meth:`apply` changes the list; the initial list is applied as a diff from an empty one.
    """

    def __init__(self) -> None:
        self._cities: Sequence[City] = ()
        self.quarantined: Sequence[Sequence[Problem]] = ()  # the problems of each quarantined row
        self._by_name: array[int] | None = None  # positions, sorted by case-folded name; created on first use
        self._subscribers: list[Callable[[CityListDiff], None]] = []

    @property
    def cities(self) -> Sequence[City]:
        """The cities of the list, sorted by id; a new object after each change of the list.

        In a cluster, a long list is packed: it builds each city when it is accessed.
        """
        return self._cities

    def subscribe(self, subscriber: Callable[[CityListDiff], None]) -> None:
        """Call *subscriber* with every diff that is applied from now on.

        Subscribers are called in order of subscription: the planner before the supervisor, because a new producer needs
        an interval from the planner.
        """
        self._subscribers.append(subscriber)

    def apply(self, change: CityListDiff, quarantined: Sequence[Sequence[Problem]] = ()) -> None:
        """Replace the list and notify the subscribers, in one synchronous step.

        *change* must be the difference from the current list. The first quarantined rows are logged.
        """
        for problems in quarantined[:_LOGGED_ROWS]:
            log.warning("city.quarantined", problems=[str(problem) for problem in problems])
        if len(quarantined) > _LOGGED_ROWS:
            more = len(quarantined) - _LOGGED_ROWS
            log.warning("city.quarantined", problems=[f"{more} more rows; weatherd check lists them"], more=more)
        self._cities, self.quarantined, self._by_name = change.cities, quarantined, None
        for subscriber in self._subscribers:
            subscriber(change)

    def get(self, city_id: str) -> City | None:
        """Return the city with this id, or None, in O(log n)."""
        cities = self._cities  # another thread may look up a city while the list changes
        if isinstance(cities, PackedCities):
            position = cities.find(city_id)
            return cities[position] if position >= 0 else None
        index = bisect.bisect_left(cities, city_id, key=_city_id)
        found = cities[index : index + 1]
        return found[0] if found and found[0].id == city_id else None

    def find_name(self, city_id: str) -> str:
        """Return the name of the city with this id; the id itself if the list has none."""
        city = self.get(city_id)
        return city.name if city else city_id

    def find_tagged(self, tags: Sequence[tuple[str, str]]) -> list[City]:
        """Return the cities with all of these tags, sorted by id. Scans the list: 200,000 cities take 20 ms."""
        return [city for city in self._cities if city.has_tags(tags)]

    async def index_names(self) -> None:
        """Sort the names in a thread, unless that has been done: 200,000 take 200 ms."""
        cities = self._cities
        if self._by_name is None:
            by_name = await asyncio.to_thread(_sort_by_name, cities)
            if cities is self._cities:
                self._by_name = by_name

    def find_by_name(self, name: str) -> Sequence[City]:
        """Return the cities with this id or name, ignoring case and the Unicode form, sorted by id.

        Takes O(log n), except for the first call after a change of the list without :meth:`index_names`, which sorts
        the names.
        """
        if self._by_name is None:
            self._by_name = _sort_by_name(self._cities)
        key, cities = fold_name(name), self._cities
        start = bisect.bisect_left(self._by_name, key, key=lambda index: fold_name(cities[index].name))
        end = bisect.bisect_right(self._by_name, key, start, key=lambda index: fold_name(cities[index].name))
        named = [cities[index] for index in self._by_name[start:end]]
        with_id = self.get(name) or self.get(key)
        return named if with_id is None or with_id in named else sorted([*named, with_id], key=_city_id)


def _sort_by_name(cities: Sequence[City]) -> array[int]:
    """Return the positions of the cities, sorted by name and then by id."""
    names = [fold_name(city.name) for city in cities]
    return array("I", sorted(range(len(names)), key=names.__getitem__))
