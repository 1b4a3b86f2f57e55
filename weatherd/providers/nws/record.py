"""An observation of a station in the form of the National Weather Service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.observation import Observation
from weatherd.providers.kit.numbers import Number, NumberTable
from weatherd.providers.nws.conditions import parse_description, parse_weather_code
from weatherd.providers.nws.units import MILLIMETERS, parse_quantity
from weatherd.providers.values import clean_text, parse_iso_time, parse_temperature, without_calm

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.city import City

_NUMBERS = NumberTable(
    Number("apparent_temperature", "windChill"),
    Number("apparent_temperature", "heatIndex"),
    Number("relative_humidity", "relativeHumidity"),
    Number("pressure_msl", "seaLevelPressure"),  # never that at the station's altitude
    Number("wind_speed", "windSpeed"),
    Number("wind_direction", "windDirection"),
    Number("wind_gust", "windGust"),
    Number("precipitation", "precipitationLastHour", MILLIMETERS),
    Number("visibility", "visibility"),
    read=parse_quantity,
)
_SENSIBLE = (-1000.0, 1000.0)  # °C; what is impossible within is an error of its own


def parse_nws_record(city: City, properties: dict[str, Any], fetched_at: datetime) -> Observation:
    """Return the observation with these properties.

    Any value may be null, a text, or in another unit than in the last response. Raises ProviderError without a time or
    a temperature.
    """
    numbers = _NUMBERS.parse(properties)
    numbers["wind_direction"] = without_calm(numbers["wind_direction"], numbers["wind_speed"])
    return Observation(
        city=city.id,
        provider="nws",
        observed_at=parse_iso_time(properties.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(parse_quantity(properties.get("temperature"), _SENSIBLE)),
        description=parse_description(properties),
        code=parse_weather_code(properties, numbers["visibility"]),
        station=_parse_station(properties),
        **numbers,
    )


def _parse_station(properties: dict[str, Any]) -> str:
    """Return the station's id, which older responses have only as the last part of its address."""
    station = clean_text(properties.get("stationId")) or clean_text(properties.get("stationIdentifier"))
    return station or clean_text(properties.get("station")).rstrip("/").rpartition("/")[2]
