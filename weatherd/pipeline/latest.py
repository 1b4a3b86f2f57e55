"""The cities, and the last observation of each: what the daemon knows now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.freshness import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.observation import Last, Observation


class LatestObservations:
    """The last observation of every city, in memory.

    *lasts* are those of an earlier run; they count where their cities still are.
    """

    def __init__(self, cities: Iterable[City] = (), lasts: Iterable[Last] = ()) -> None:
        self.cities = tuple(cities)  # another tuple when they have changed
        places = {city.id: (city.lat, city.lon) for city in self.cities}
        self._last = {
            last.observation.city: last.observation
            for last in lasts
            if places.get(last.observation.city) == (last.lat, last.lon)
        }

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

    def become(self, change: CityListDiff) -> None:
        """Take another list: what is known of a city that is not on it any more, or somewhere else, is forgotten."""
        self.cities = change.cities
        for name in change.added | change.removed | change.moved:
            self._last.pop(name, None)
