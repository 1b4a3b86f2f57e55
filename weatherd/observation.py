"""The value that travels the road."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
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
        return bool(_SAYS(self) == _SAYS(other))

    def is_sound(self) -> bool:
        """Tell whether the types are right, the numbers finite, the times aware and the words one line."""
        temperature: Any = self.temperature  # a plug-in need not have been type-checked
        return (
            all(map(_is_finite, _NUMBERS(self)))
            and all(map(_is_aware, _TIMES(self)))
            and all(map(_is_one_line, _WORDS(self)))
            and bool(self.description)
            and temperature is not None
            and _is_finite(temperature)
        )


def _is_finite(number: Any) -> bool:
    return number is None or (isinstance(number, int | float) and math.isfinite(number))


def _is_aware(time: Any) -> bool:
    return isinstance(time, datetime) and time.tzinfo is not None


def _is_one_line(text: Any) -> bool:
    return isinstance(text, str) and text.isprintable()


FIELDS = tuple(field.name for field in fields(Observation))
_SAYS = attrgetter(*(name for name in FIELDS if name != "fetched_at"))
_OPTIONAL = tuple(field.name for field in fields(Observation) if field.default is None)
_NUMBERS = attrgetter(*_OPTIONAL)
_TIMES = attrgetter("observed_at", "fetched_at")
_WORDS = attrgetter("description", "station")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An observation on its way to the sinks, with the city that it is of."""

    city: City
    observation: Observation
    repeat: bool = False  # the provider had said the same before
    stale: bool = False  # too old for the weather of now; no provider had anything newer
