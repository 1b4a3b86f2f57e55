"""The value that travels the road."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from weatherd.city import City


class Observation(NamedTuple):
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
        return self[:_FETCHED_AT] == other[:_FETCHED_AT] and self[_FETCHED_AT + 1 :] == other[_FETCHED_AT + 1 :]

    def follows(self, other: Observation) -> bool:
        """Tell whether it is of a newer moment, and was fetched later."""
        return self.observed_at > other.observed_at and self.fetched_at > other.fetched_at

    def is_sound(self) -> bool:
        """Tell whether the types are right, the numbers finite, the times aware and the words one line."""
        times: tuple[Any, ...] = (self.observed_at, self.fetched_at)  # a plug-in need not have been type-checked
        texts: tuple[Any, ...] = (self.description, self.station)
        numbers: tuple[Any, ...] = (self.temperature, self.code, *self[_FIRST_OPTIONAL:])
        for number in numbers:
            if number is not None and not (isinstance(number, _NUMBER) and isfinite(number)):
                return False
        for time in times:
            if not isinstance(time, datetime) or time.tzinfo is None:
                return False
        for text in texts:
            if not isinstance(text, str) or not text.isprintable():
                return False
        return bool(self.description) and self.temperature is not None


FIELDS = Observation._fields
_FETCHED_AT = FIELDS.index("fetched_at")
_FIRST_OPTIONAL = FIELDS.index("station") + 1  # from here on all are numbers
_NUMBER = (float, int)


class FetchedObservation(NamedTuple):
    """An observation on its way to the sinks, with the city that it is of."""

    city: City
    observation: Observation
    repeat: bool = False  # the provider had said the same before
    stale: bool = False  # too old for the weather of now; no provider had anything newer
    follows: bool = False  # what was fetched before it at the same place is older


class LastObservation(NamedTuple):
    """An observation, and the place that it is of: a city may be moved."""

    lat: float
    lon: float
    observation: Observation
