"""An observation of a station in the form of the National Weather Service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.observation import Observation
from weatherd.providers.nws.conditions import parse_description, parse_weather_code
from weatherd.providers.nws.units import parse_quantity
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    clean_text,
    parse_iso_time,
    parse_temperature,
    without_calm,
)

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.city import City

_NAME = "nws"


def parse_nws_record(city: City, properties: dict[str, Any], fetched_at: datetime) -> Observation:
    """Return the observation with these properties.

    Any value may be null, a text, or in another unit than in the last response. ``pressure_msl`` is never the pressure
    at the station's altitude; ``apparent_temperature`` is the wind chill or the heat index. Raises ProviderError
    without a time or a temperature.
    """
    apparent = [parse_quantity(properties.get(name), *APPARENT_TEMPERATURE) for name in ("windChill", "heatIndex")]
    visibility = parse_quantity(properties.get("visibility"), *VISIBILITY)
    wind_speed = parse_quantity(properties.get("windSpeed"), *WIND_SPEED)
    wind_direction = parse_quantity(properties.get("windDirection"), *WIND_DIRECTION)
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(properties.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(parse_quantity(properties.get("temperature"), -1000, 1000)),
        description=parse_description(properties),
        code=parse_weather_code(properties, visibility),
        station=_parse_station(properties),
        apparent_temperature=next((value for value in apparent if value is not None), None),
        relative_humidity=parse_quantity(properties.get("relativeHumidity"), *RELATIVE_HUMIDITY),
        pressure_msl=parse_quantity(properties.get("seaLevelPressure"), *PRESSURE_MSL),
        wind_speed=wind_speed,
        wind_direction=without_calm(wind_direction, wind_speed),
        wind_gust=parse_quantity(properties.get("windGust"), *WIND_SPEED),
        precipitation=parse_quantity(properties.get("precipitationLastHour"), *PRECIPITATION, length="mm"),
        visibility=visibility,
    )


def _parse_station(properties: dict[str, Any]) -> str:
    """Return the station's id, which older responses have only as the last part of its address."""
    station = clean_text(properties.get("stationId")) or clean_text(properties.get("stationIdentifier"))
    return station or clean_text(properties.get("station")).rstrip("/").rpartition("/")[2]
