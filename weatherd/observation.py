"""The value that travels the road."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weatherd.city import City


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The weather of one city at one moment, as one provider tells it, in weatherd's units.

    Times are aware and in UTC. Every number is finite; None means that the provider did not say, never zero.
    """

    city: str  # the city's id
    provider: str
    observed_at: datetime  # the provider's own time of the values
    fetched_at: datetime
    temperature: float  # °C
    description: str  # words for people; never empty, one line
    code: int | None = None  # WMO 4677, as far as the provider allows
    station: str = ""  # the provider's id of the station or source
    apparent_temperature: float | None = None  # °C
    relative_humidity: float | None = None  # %
    pressure_msl: float | None = None  # hPa
    wind_speed: float | None = None  # m/s
    wind_direction: float | None = None  # degrees, where it blows from
    wind_gust: float | None = None  # m/s
    precipitation: float | None = None  # mm
    cloud_cover: float | None = None  # %
    visibility: float | None = None  # m

    def repeats(self, other: Observation) -> bool:
        """Tell whether a provider said the same thing again: all is equal but the time of fetching."""
        return all(getattr(self, name) == getattr(other, name) for name in _SAID)

    def is_sound(self) -> bool:
        """Tell whether the types are right, the numbers finite, the times aware and the words one line."""
        this: Any = self  # a plug-in need not have been type-checked
        numbers = (this.temperature, *(number for name in _OPTIONAL if (number := getattr(this, name)) is not None))
        return (
            all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
            and all(isinstance(time, datetime) and time.tzinfo for time in (this.observed_at, this.fetched_at))
            and all(isinstance(text, str) and text.isprintable() for text in (this.description, this.station))
            and bool(this.description)
        )


FIELDS = tuple(field.name for field in fields(Observation))
_SAID = tuple(name for name in FIELDS if name != "fetched_at")
_OPTIONAL = tuple(field.name for field in fields(Observation) if field.default is None)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An observation on its way to the sinks, with the city that it is of."""

    city: City
    observation: Observation
    repeat: bool = False  # the provider had said the same before
    stale: bool = False  # too old for the weather of now; no provider had anything newer
