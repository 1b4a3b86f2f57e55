"""The difference between two city lists. Pure; computed in a thread, because 200,000 cities take a while."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City


@dataclass(frozen=True, slots=True)
class CityListDiff:
    """A new city list, and the cities in it that differ from the former list, by id."""

    cities: tuple[City, ...]  # sorted by id
    removed_or_changed: Mapping[str, City]  # as they were
    added_or_changed: Mapping[str, City]  # as they are now, in the order of the list

    @property
    def added(self) -> set[str]:
        """The ids of cities that are only in the new list."""
        return self.added_or_changed.keys() - self.removed_or_changed.keys()

    @property
    def removed(self) -> set[str]:
        """The ids of cities that are only in the former list."""
        return self.removed_or_changed.keys() - self.added_or_changed.keys()

    @property
    def changed(self) -> set[str]:
        """The ids of cities that are in both lists with different values."""
        return self.removed_or_changed.keys() & self.added_or_changed.keys()

    @property
    def moved(self) -> set[str]:
        """The ids of changed cities with other coordinates, whose last observation is for another place."""
        former, current = self.removed_or_changed, self.added_or_changed
        return {name for name in self.changed if _coordinates(former[name]) != _coordinates(current[name])}

    @property
    def unchanged(self) -> int:
        """The number of cities that are equal in both lists."""
        return len(self.cities) - len(self.added_or_changed)


def diff(before: Iterable[City], cities: Iterable[City]) -> CityListDiff:
    """Compare two lists. Fastest if unchanged cities are the same objects."""
    known, wanted = ({city.id: city for city in listed} for listed in (before, cities))
    by_id = tuple(sorted(wanted.values(), key=operator.attrgetter("id")))
    return CityListDiff(by_id, _select_different(wanted, known), _select_different(known, wanted))


def _select_different(others: Mapping[str, City], cities: Mapping[str, City]) -> dict[str, City]:
    """Return those of *cities* that *others* do not contain with equal values."""
    return {name: city for name, city in cities.items() if (other := others.get(name)) is not city and other != city}


def _coordinates(city: City) -> tuple[float, float]:
    return city.lat, city.lon
