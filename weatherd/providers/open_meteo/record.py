"""The weather of a place at one time in a response of Open-Meteo. https://open-meteo.com/en/docs."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.errors import Failure, ProviderError
from weatherd.observation import Observation
from weatherd.providers.kit.numbers import (
    FAHRENHEIT,
    KILOMETERS_PER_HOUR,
    KNOTS,
    MILES_PER_HOUR,
    Number,
    NumberTable,
)
from weatherd.providers.open_meteo.precipitation import parse_past_hour
from weatherd.providers.values import as_mapping, parse_integer, parse_number, parse_posix_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.city import City

OPEN_METEO = "open-meteo"
# A server may ignore the units that were requested, and names those of a response
_TEMPERATURES = MappingProxyType({"°F": FAHRENHEIT})
_SPEEDS = MappingProxyType({"km/h": KILOMETERS_PER_HOUR, "mp/h": MILES_PER_HOUR, "mph": MILES_PER_HOUR, "kn": KNOTS})
OPEN_METEO_NUMBERS = NumberTable(
    Number("temperature", "temperature_2m", _TEMPERATURES),
    Number("apparent_temperature", "apparent_temperature", _TEMPERATURES, "temperature_2m"),
    Number("relative_humidity", "relative_humidity_2m"),
    Number("pressure_msl", "pressure_msl"),
    Number("wind_speed", "wind_speed_10m", _SPEEDS),
    Number("wind_direction", "wind_direction_10m"),
    Number("wind_gust", "wind_gusts_10m", _SPEEDS, "wind_speed_10m"),
    Number("cloud_cover", "cloud_cover"),
)


def parse_open_meteo_location(city: City, location: Mapping[str, Any], fetched_at: datetime) -> Observation:
    """Return the current weather of a place in any response. Raises ProviderError without a time or a temperature."""
    current, units = as_mapping(location.get("current")), as_mapping(location.get("current_units"))
    if not current:
        raise ProviderError("the response has no current weather", Failure.MALFORMED)
    precipitation = parse_past_hour(location, current.get("time"))
    utc_offset = location.get("utc_offset_seconds")
    return parse_open_meteo_record(city, current, units, utc_offset, precipitation, fetched_at)


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
    observed_at, code = _parse_time(values.get("time"), utc_offset), parse_integer(values.get("weather_code"))
    return Observation(
        city=city.id,
        provider=OPEN_METEO,
        observed_at=observed_at,
        fetched_at=fetched_at,
        description=wmo.describe_code(code),
        code=code,
        precipitation=precipitation,
        **OPEN_METEO_NUMBERS.parse(values, units),
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
