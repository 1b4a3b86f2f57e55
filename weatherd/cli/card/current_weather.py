"""The weather of one city, as the card and the other formats of ``weatherd now`` show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.observation import find_suspect_fields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation


@dataclass(frozen=True, slots=True)
class CurrentWeather:
    """The latest observation of a city and its last 24 hours. *region* is where a place is that was searched for."""

    city: City
    observation: Observation
    is_stale: bool = False
    problem: str = ""  # why there is no newer observation
    region: str = ""
    history: Sequence[tuple[datetime, float]] = ()  # times and °C, in order

    @property
    def temperatures(self) -> list[tuple[datetime, float]]:
        """The history, and the latest observation at its end if it is newer and its temperature not suspect."""
        last = (self.observation.observed_at, self.observation.temperature)
        if self.history and "temperature" in find_suspect_fields(self.observation.quality):
            return list(self.history)
        newer = not self.history or last[0] > self.history[-1][0]
        return [*self.history, last] if newer else list(self.history)

    def build_document(self) -> dict[str, Any]:
        """Return the values for JSON, in metric units and UTC; ``low`` and ``high`` are those of 24 hours."""
        from weatherd.formatting import format_rfc3339, to_dict

        temperatures = [temperature for _, temperature in self.temperatures]
        return {
            "name": self.city.name,
            **to_dict(self.observation),
            "stale": self.is_stale,
            "tags": dict(self.city.tags),
            "lat": self.city.lat,
            "lon": self.city.lon,
            "timezone": self.city.timezone,
            "region": self.region or None,
            "low": min(temperatures),
            "high": max(temperatures),
            "history": [{"at": format_rfc3339(at), "temperature": temperature} for at, temperature in self.history],
        }
