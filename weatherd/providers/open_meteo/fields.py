"""Units, numbers and times in the responses of Open-Meteo."""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.providers.values import (
    APPARENT_TEMPERATURE,
    CLOUD_COVER,
    PRESSURE_MSL,
    RELATIVE_HUMIDITY,
    WIND_DIRECTION,
    WIND_SPEED,
    NumberField,
    parse_number,
    parse_posix_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# From the units in a response, by factor and offset: a server may ignore the units that were requested
_TO_CELSIUS = MappingProxyType({"°F": (5 / 9, -160 / 9)})
_TO_METERS_PER_SECOND = MappingProxyType(
    {"m/s": 1.0, "km/h": 1 / 3.6, "mp/h": 0.44704, "mph": 0.44704, "kn": 1852 / 3600}
)
_TO_MILLIMETERS = MappingProxyType({"mm": 1.0, "inch": 25.4})


def find_temperature_unit(units: Mapping[str, Any]) -> tuple[float, float]:
    """Return the factor and the offset that convert the temperatures of a section to °C."""
    return _TO_CELSIUS.get(str(units.get("temperature_2m")), (1.0, 0.0))


def find_precipitation_unit(units: Mapping[str, Any]) -> float:
    """Return the factor that converts the precipitation of a section to mm."""
    return _TO_MILLIMETERS.get(str(units.get("precipitation")), 1.0)


def find_number_fields(units: Mapping[str, Any]) -> tuple[NumberField, ...]:
    """Return the optional numbers of an observation: apparent temperature, humidity, pressure, wind, gust, clouds."""
    to_speed = _TO_METERS_PER_SECOND.get(str(units.get("wind_speed_10m")), 1.0)
    return _number_fields(find_temperature_unit(units), to_speed)


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


def parse_open_meteo_time(value: Any, utc_offset: Any) -> datetime:
    """Return a POSIX time in UTC, or the local time without offset that a server sends if it ignores ``timeformat``.

    Raises ProviderError for anything else.
    """
    if isinstance(value, str):
        zone = timezone(timedelta(seconds=parse_number(utc_offset, (-86399, 86399)) or 0))
        text, value = value, None
        with contextlib.suppress(ValueError):
            local = datetime.fromisoformat(text)
            value = (local if local.tzinfo else local.replace(tzinfo=zone)).timestamp()
    return parse_posix_time(value)
