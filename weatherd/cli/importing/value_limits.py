"""Limits of the values of a file. What is beyond them comes from a wrong unit, time zone or clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.providers import values as bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CODE = 99  # of WMO code table 4677
MAX_LEAD = timedelta(hours=1)  # of an observation before our clock; most wrong time zones make more
FIRST_TIME = datetime(1900, 1, 1, tzinfo=UTC)  # the first one that history and exports can show
# The quantities of an observation and their bounds, in weatherd's own units
QUANTITY_BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "temperature": bounds.TEMPERATURE,
        "apparent_temperature": bounds.APPARENT_TEMPERATURE,
        "relative_humidity": bounds.RELATIVE_HUMIDITY,
        "pressure_msl": bounds.PRESSURE_MSL,
        "wind_speed": bounds.WIND_SPEED,
        "wind_direction": bounds.WIND_DIRECTION,
        "wind_gust": bounds.WIND_SPEED,
        "precipitation": bounds.PRECIPITATION,
        "cloud_cover": bounds.CLOUD_COVER,
        "visibility": bounds.VISIBILITY,
    }
)
