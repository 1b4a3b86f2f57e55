"""What another list changes. Pure, and made beside the loop: a list of 200,000 takes a while to go through."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.city import City


@dataclass(frozen=True, slots=True)
class CityListDiff:
    """All cities of another list, and by their ids those that are not as they were."""

    cities: tuple[City, ...]  # sorted by id
    gone: Mapping[str, City]  # as they were: removed, or changed in any value
    new: Mapping[str, City]  # as they are now: added, or changed in any value; in the order of the list

    @property
    def added(self) -> set[str]:
        """Those that were not there."""
        return self.new.keys() - self.gone.keys()

    @property
    def removed(self) -> set[str]:
        """Those that are not there any more."""
        return self.gone.keys() - self.new.keys()

    @property
    def changed(self) -> set[str]:
        """Those that were there, but not like that."""
        return self.gone.keys() & self.new.keys()

    @property
    def moved(self) -> set[str]:
        """Those of the changed that are somewhere else now: what was known of the weather there is of another place."""
        return {name for name in self.changed if _place(self.gone[name]) != _place(self.new[name])}

    @property
    def unchanged(self) -> int:
        """How many are as they were."""
        return len(self.cities) - len(self.new)


def diff(before: Iterable[City], cities: Iterable[City]) -> CityListDiff:
    """Compare two lists. Fastest if unchanged cities are the same objects."""
    known, wanted = ({city.id: city for city in each} for each in (before, cities))
    by_id = tuple(sorted(wanted.values(), key=operator.attrgetter("id")))
    return CityListDiff(by_id, _unlike(wanted, known), _unlike(known, wanted))


def _unlike(others: Mapping[str, City], cities: Mapping[str, City]) -> dict[str, City]:
    """Return those of the cities that the others have not, or not with the same values."""
    return {name: city for name, city in cities.items() if (other := others.get(name)) is not city and other != city}


def _place(city: City) -> tuple[float, float]:
    return city.lat, city.lon
