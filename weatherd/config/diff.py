"""The difference between two city lists. Pure; a reload computes it in a thread, because 200,000 cities take long."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City


@dataclass(frozen=True, slots=True)
class CityListDiff:
    """A new city list, and its differences from the previous list, by city id."""

    cities: tuple[City, ...]  # sorted by id
    removed_or_changed: Mapping[str, City]  # with their old values
    added_or_changed: Mapping[str, City]  # with their new values, in the order of the list

    @property
    def added(self) -> set[str]:
        """The ids of cities that are only in the new list."""
        return self.added_or_changed.keys() - self.removed_or_changed.keys()

    @property
    def removed(self) -> set[str]:
        """The ids of cities that are only in the previous list."""
        return self.removed_or_changed.keys() - self.added_or_changed.keys()

    @property
    def changed(self) -> set[str]:
        """The ids of cities that are in both lists with different values."""
        return self.removed_or_changed.keys() & self.added_or_changed.keys()

    @property
    def moved(self) -> set[str]:
        """The ids of changed cities with new coordinates; their last observations are for the old location."""
        previous, current = self.removed_or_changed, self.added_or_changed
        return {name for name in self.changed if _coordinates(previous[name]) != _coordinates(current[name])}

    @property
    def unchanged(self) -> int:
        """The number of cities that are equal in both lists."""
        return len(self.cities) - len(self.added_or_changed)


def diff(before: Iterable[City], cities: Iterable[City]) -> CityListDiff:
    """Compare two lists. Fastest if unchanged cities are identical objects in both."""
    old, new = ({city.id: city for city in listed} for listed in (before, cities))
    sorted_cities = tuple(sorted(new.values(), key=operator.attrgetter("id")))
    return CityListDiff(sorted_cities, _select_different(old, new), _select_different(new, old))


def _select_different(cities: Mapping[str, City], reference: Mapping[str, City]) -> dict[str, City]:
    """Return the cities that *reference* does not contain with equal values."""
    return {name: city for name, city in cities.items() if (same := reference.get(name)) is not city and same != city}


def _coordinates(city: City) -> tuple[float, float]:
    return city.lat, city.lon
