"""The cities, and the last observation of each: what the daemon knows now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.age import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.city import City
    from weatherd.observation import Observation


class Last(NamedTuple):
    """An observation, and the place that it is of: a city may be moved."""

    lat: float
    lon: float
    observation: Observation

    def is_of(self, city: City | None) -> bool:
        """Tell whether the city is still where this was observed."""
        return city is not None and self.lat == city.lat and self.lon == city.lon


class Board:
    """The last observation of every city, in memory."""

    def __init__(self, lasts: Iterable[Last] = ()) -> None:
        self.cities: tuple[City, ...] = ()  # another tuple when they have changed
        self._last = {last.observation.city: last for last in lasts}

    def note(self, city: City, observation: Observation) -> None:
        """Keep an observation as its city's last."""
        self._last[city.id] = Last(city.lat, city.lon, observation)

    def last(self, city: str) -> Observation | None:
        """Return the last observation of a city, if there has been one."""
        last = self._last.get(city)
        return last.observation if last else None

    def is_stale(self, city: str, now: float) -> bool:
        """Tell whether the last observation of a city is too old at a POSIX time, or there has been none."""
        last = self.last(city)
        return last is None or is_stale(last, now)

    def retain(self, cities: Iterable[City]) -> None:
        """Keep these cities only, and only where they still are."""
        self.cities = tuple(cities)
        places = {city.id: city for city in self.cities}
        gone = [name for name, last in self._last.items() if not last.is_of(places.get(name))]
        for name in gone:
            del self._last[name]
