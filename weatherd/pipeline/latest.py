"""The latest observation of every city, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.freshness import is_stale

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.observation import LastObservation, Observation


class LatestObservations:
    """The current list of cities and the latest observation of each.

    *saved* are the latest observations of an earlier run. One is used if its city is still listed at the same
    coordinates.
    """

    def __init__(self, cities: Iterable[City] = (), saved: Iterable[LastObservation] = ()) -> None:
        self.cities = tuple(cities)  # replaced by another tuple when the list changes
        coordinates = {city.id: (city.lat, city.lon) for city in self.cities}
        self._latest = {
            last.observation.city: last.observation
            for last in saved
            if coordinates.get(last.observation.city) == (last.lat, last.lon)
        }

    def record(self, observation: Observation) -> None:
        """Record an observation as its city's latest."""
        self._latest[observation.city] = observation

    def get(self, city_id: str) -> Observation | None:
        """Return the latest observation of a city, or None."""
        return self._latest.get(city_id)

    def is_stale(self, city_id: str, now: float) -> bool:
        """Return whether a city's latest observation is stale at *now*, a POSIX time, or missing."""
        observation = self.get(city_id)
        return observation is None or is_stale(observation, now)

    def apply(self, diff: CityListDiff) -> None:
        """Apply a change of the list: forget the observations of cities that were removed or moved."""
        self.cities = diff.cities
        for city_id in diff.added | diff.removed | diff.moved:
            self._latest.pop(city_id, None)
