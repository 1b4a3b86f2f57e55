"""A record of a station's weather in a response of Bright Sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.observation import Observation
from weatherd.providers.bright_sky.conditions import parse_condition
from weatherd.providers.values import (
    CLOUD_COVER,
    PRECIPITATION,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    VISIBILITY,
    WIND_DIRECTION,
    WIND_SPEED,
    clean_text,
    parse_integer,
    parse_iso_time,
    parse_number,
    parse_temperature,
    without_calm,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from weatherd.city import City

_NAME = "bright-sky"
_KILOMETERS_PER_HOUR = 1 / 3.6  # in m/s


def parse_bright_sky_record(city: City, weather: Mapping[str, Any], fetched_at: datetime) -> Observation:
    """Return the observation of a record with the names of ``/current_weather``.

    Any value may be null. Wind values are means of the shortest period for which there is one. ``precipitation`` is the
    sum of the last hour. Raises ProviderError without a time or a temperature.
    """
    precipitation = parse_number(weather.get("precipitation_60"), PRECIPITATION)
    clouds = parse_number(weather.get("cloud_cover"), CLOUD_COVER)
    condition, icon = clean_text(weather.get("condition")), clean_text(weather.get("icon"))
    code, description = parse_condition(condition, icon, clouds, precipitation)
    wind_speed = parse_number(_shortest_mean(weather, "wind_speed"), WIND_SPEED, _KILOMETERS_PER_HOUR)
    wind_direction = parse_number(_shortest_mean(weather, "wind_direction"), WIND_DIRECTION)
    source = parse_integer(weather.get("source_id"))
    return Observation(
        city=city.id,
        provider=_NAME,
        observed_at=parse_iso_time(weather.get("timestamp")),
        fetched_at=fetched_at,
        temperature=parse_temperature(weather.get("temperature")),
        description=description,
        code=code,
        station="" if source is None else str(source),
        relative_humidity=parse_number(weather.get("relative_humidity"), RELATIVE_HUMIDITY),
        pressure_msl=parse_number(weather.get("pressure_msl"), PRESSURE_MSL),
        wind_speed=wind_speed,
        wind_direction=without_calm(wind_direction, wind_speed),
        wind_gust=parse_number(_shortest_mean(weather, "wind_gust_speed"), WIND_SPEED, _KILOMETERS_PER_HOUR),
        precipitation=precipitation,
        cloud_cover=clouds,
        visibility=parse_number(weather.get("visibility"), VISIBILITY),
    )


def _shortest_mean(weather: Mapping[str, Any], name: str) -> Any:
    """Return the value for the last 10 minutes, else for the last 30, else for the last 60."""
    values = (weather.get(f"{name}_{minutes}") for minutes in (10, 30, 60))
    return next((value for value in values if value is not None), None)
