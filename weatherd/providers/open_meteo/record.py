"""A record of the weather at one time in a response of Open-Meteo, in whatever units it has."""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.observation import Observation
from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    CLOUD_COVER,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    WIND_DIRECTION,
    WIND_SPEED,
    NumberField,
    parse_integer,
    parse_number,
    parse_numbers,
    parse_posix_time,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.city import City


OPEN_METEO = "open-meteo"
# From the units in a response, by factor and offset: a server may ignore the units that were requested
_TO_CELSIUS = MappingProxyType({"°F": (5 / 9, -160 / 9)})
_TO_METERS_PER_SECOND = MappingProxyType(
    {"m/s": 1.0, "km/h": 1 / 3.6, "mp/h": 0.44704, "mph": 0.44704, "kn": 1852 / 3600}
)
_TO_MILLIMETERS = MappingProxyType({"mm": 1.0, "inch": 25.4})


def parse_open_meteo_record(  # noqa: PLR0917
    city: City,
    values: Mapping[str, Any],
    units: Mapping[str, Any],
    utc_offset: Any,
    precipitation: float | None,
    fetched_at: datetime,
) -> Observation:
    """Return the observation of a record: *values* of one time, by variable, with the *units* of their section.

    Any value may be missing. *precipitation* is the sum of the hour before in mm. Raises ProviderError without a time
    or a temperature.
    """
    to_celsius = _TO_CELSIUS.get(str(units.get("temperature_2m")), (1.0, 0.0))
    to_speed = _TO_METERS_PER_SECOND.get(str(units.get("wind_speed_10m")), 1.0)
    fields = _number_fields(to_celsius, to_speed)
    apparent, humidity, pressure, speed, direction, gust, clouds = parse_numbers(values, fields)
    code = parse_integer(values.get("weather_code"))
    return Observation(
        city=city.id,
        provider=OPEN_METEO,
        observed_at=_parse_time(values.get("time"), utc_offset),
        fetched_at=fetched_at,
        temperature=parse_temperature(values.get("temperature_2m"), *to_celsius),
        description=wmo.describe_code(code),
        code=code,
        apparent_temperature=apparent,
        relative_humidity=humidity,
        pressure_msl=pressure,
        wind_speed=speed,
        wind_direction=direction,
        wind_gust=gust,
        precipitation=precipitation,
        cloud_cover=clouds,
    )


def find_precipitation_unit(units: Mapping[str, Any]) -> float:
    """Return the factor that converts the precipitation of a section to mm."""
    return _TO_MILLIMETERS.get(str(units.get("precipitation")), 1.0)


@functools.lru_cache(maxsize=16)
def _number_fields(to_celsius: tuple[float, float], to_speed: float) -> tuple[NumberField, ...]:
    return (
        NumberField("apparent_temperature", APPARENT_TEMPERATURE, *to_celsius),
        NumberField("relative_humidity_2m", RELATIVE_HUMIDITY),
        NumberField("pressure_msl", PRESSURE_MSL),
        NumberField("wind_speed_10m", WIND_SPEED, to_speed),
        NumberField("wind_direction_10m", WIND_DIRECTION),
        NumberField("wind_gusts_10m", WIND_SPEED, to_speed),
        NumberField("cloud_cover", CLOUD_COVER),
    )


def _parse_time(value: Any, utc_offset: Any) -> datetime:
    """Return a POSIX time in UTC, or the local time without offset that a server sends if it ignores ``timeformat``."""
    if isinstance(value, str):
        zone = timezone(timedelta(seconds=parse_number(utc_offset, (-86399, 86399)) or 0))
        text, value = value, None
        with contextlib.suppress(ValueError):
            local = datetime.fromisoformat(text)
            value = (local if local.tzinfo else local.replace(tzinfo=zone)).timestamp()
    return parse_posix_time(value)
