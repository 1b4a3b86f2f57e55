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
        self._lasts = tuple(lasts)  # until the list is known
        self._last = {last.observation.city: last.observation for last in self._lasts}

    def note(self, observation: Observation) -> None:
        """Keep an observation as its city's last."""
        self._last[observation.city] = observation

    def last(self, city: str) -> Observation | None:
        """Return the last observation of a city, if there has been one."""
        return self._last.get(city)

    def is_stale(self, city: str, now: float) -> bool:
        """Tell whether the last observation of a city is too old at a POSIX time, or there has been none."""
        last = self.last(city)
        return last is None or is_stale(last, now)

    def retain(self, cities: Iterable[City]) -> None:
        """Keep these cities only, and only where they still are."""
        places = {**{last.observation.city: _place(last) for last in self._lasts}, **_places(self.cities)}
        self._lasts, self.cities = (), tuple(cities)
        wanted = _places(self.cities)
        gone = [name for name in self._last if name not in wanted or places.get(name, wanted[name]) != wanted[name]]
        for name in gone:
            del self._last[name]


def _places(cities: Iterable[City]) -> dict[str, tuple[float, float]]:
    return {city.id: _place(city) for city in cities}


def _place(of: City | Last) -> tuple[float, float]:
    return of.lat, of.lon
