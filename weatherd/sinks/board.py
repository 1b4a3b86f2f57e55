"""The last observation of every city: what the daemon knows now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.observation import Observation


class Board:
    """The last observation of every city, in memory."""

    def __init__(self) -> None:
        self._last: dict[str, Observation] = {}

    def note(self, observation: Observation) -> None:
        """Keep an observation as its city's last."""
        self._last[observation.city] = observation

    def last(self, city: str) -> Observation | None:
        """Return the last observation of a city, if there has been one."""
        return self._last.get(city)

    def retain(self, cities: Iterable[str]) -> None:
        """Keep these cities only, when others have left the list."""
        self._last = {city: self._last[city] for city in cities if city in self._last}
