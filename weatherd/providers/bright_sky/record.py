"""A record of a station's weather in a response of Bright Sky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.observation import Observation
from weatherd.providers.bright_sky.conditions import parse_condition
from weatherd.providers.kit.numbers import KILOMETERS_PER_HOUR, Number, NumberTable
from weatherd.providers.values import clean_text, parse_integer, parse_iso_time, without_calm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from weatherd.city import City

_NUMBERS = NumberTable(
    Number("precipitation", "precipitation_60"),  # the sum of the last hour
    Number("cloud_cover", "cloud_cover"),
    Number("wind_speed", "wind_speed", KILOMETERS_PER_HOUR),
    Number("wind_direction", "wind_direction"),
    Number("wind_gust", "wind_gust_speed", KILOMETERS_PER_HOUR),
    Number("relative_humidity", "relative_humidity"),
    Number("pressure_msl", "pressure_msl"),
    Number("visibility", "visibility"),
    Number("temperature", "temperature"),
)
_MEANS = ("wind_speed", "wind_direction", "wind_gust_speed")  # with the minutes, as in wind_speed_10


def parse_bright_sky_record(city: City, weather: Mapping[str, Any], fetched_at: datetime) -> Observation:
    """Return the observation of a record with the names of ``/current_weather``.

    Any value may be null. Wind values are means of the shortest period for which there is one. Raises ProviderError
    without a time or a temperature.
    """
    observed_at, source = parse_iso_time(weather.get("timestamp")), parse_integer(weather.get("source_id"))
    numbers = _NUMBERS.parse({**weather, **{name: _find_shortest_mean(weather, name) for name in _MEANS}})
    numbers["wind_direction"] = without_calm(numbers["wind_direction"], numbers["wind_speed"])
    condition, icon = clean_text(weather.get("condition")), clean_text(weather.get("icon"))
    code, description = parse_condition(condition, icon, numbers["cloud_cover"], numbers["precipitation"])
    return Observation(
        city=city.id,
        provider="bright-sky",
        observed_at=observed_at,
        fetched_at=fetched_at,
        description=description,
        code=code,
        station="" if source is None else str(source),
        **numbers,
    )


def _find_shortest_mean(weather: Mapping[str, Any], name: str) -> Any:
    """Return the value for the last 10 minutes, else for the last 30, else for the last 60."""
    values = (weather.get(f"{name}_{minutes}") for minutes in (10, 30, 60))
    return next((value for value in values if value is not None), None)
