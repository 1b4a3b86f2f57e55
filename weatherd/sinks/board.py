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


class Board:
    """The last observation of every city, in memory. *lasts* are those of an earlier run."""

    def __init__(self, lasts: Iterable[Last] = ()) -> None:
        self.cities: tuple[City, ...] = ()  # another tuple when they have changed
        self._places: dict[str, City | Last] = {last.observation.city: last for last in lasts}
        self._last = {last.observation.city: last.observation for last in lasts}

    def note(self, city: City, observation: Observation) -> None:
        """Keep an observation as its city's last."""
        self._last[city.id] = observation

    def last(self, city: str) -> Observation | None:
        """Return the last observation of a city, if there has been one."""
        return self._last.get(city)

    def is_stale(self, city: str, now: float) -> bool:
        """Tell whether the last observation of a city is too old at a POSIX time, or there has been none."""
        last = self.last(city)
        return last is None or is_stale(last, now)

    def retain(self, cities: Iterable[City]) -> None:
        """Keep these cities only, and only where they still are."""
        self.cities = tuple(cities)
        before, places = self._places, {city.id: city for city in self.cities}
        gone = [name for name in self._last if name not in places or _is_moved(before.get(name), places[name])]
        for name in gone:
            del self._last[name]
        self._places = dict(places)


def _is_moved(before: City | Last | None, city: City) -> bool:
    return before is not None and (before.lat, before.lon) != (city.lat, city.lon)
