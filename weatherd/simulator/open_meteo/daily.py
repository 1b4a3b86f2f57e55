"""Open-Meteo's daily variables: aggregations of the 24 hours of a day."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.simulator.sky.weather import Weather


@dataclass(frozen=True, slots=True)
class DailyVariable:
    """Daily variable with its kind of unit, computed from the 24 hours of a day."""

    kind: str
    aggregate: Callable[[Sequence[Weather]], float]


def _maximum(kind: str, value_of: Callable[[Weather], float]) -> DailyVariable:
    return DailyVariable(kind, lambda hours: max(map(value_of, hours)))


def _minimum(kind: str, value_of: Callable[[Weather], float]) -> DailyVariable:
    return DailyVariable(kind, lambda hours: min(map(value_of, hours)))


def _mean(kind: str, value_of: Callable[[Weather], float]) -> DailyVariable:
    return DailyVariable(kind, lambda hours: sum(map(value_of, hours)) / len(hours))


def _sum(kind: str, value_of: Callable[[Weather], float]) -> DailyVariable:
    return DailyVariable(kind, lambda hours: sum(map(value_of, hours)))


def _dominant_direction(hours: Sequence[Weather]) -> float:
    """Return the direction of the vector sum of the wind, weighted by speed."""
    north = sum(hour.wind_speed * math.cos(math.radians(hour.wind_direction)) for hour in hours)
    east = sum(hour.wind_speed * math.sin(math.radians(hour.wind_direction)) for hour in hours)
    return math.degrees(math.atan2(east, north)) % 360


DAILY_VARIABLES = MappingProxyType(
    {
        "weather_code": _maximum("code", lambda hour: hour.code),
        "weathercode": _maximum("code", lambda hour: hour.code),
        "temperature_2m_max": _maximum("temperature", lambda hour: hour.temperature),
        "temperature_2m_min": _minimum("temperature", lambda hour: hour.temperature),
        "temperature_2m_mean": _mean("temperature", lambda hour: hour.temperature),
        "apparent_temperature_max": _maximum("temperature", lambda hour: hour.apparent_temperature),
        "apparent_temperature_min": _minimum("temperature", lambda hour: hour.apparent_temperature),
        "apparent_temperature_mean": _mean("temperature", lambda hour: hour.apparent_temperature),
        "precipitation_sum": _sum("water", lambda hour: hour.precipitation.total),
        "rain_sum": _sum("water", lambda hour: hour.precipitation.rain),
        "showers_sum": _sum("water", lambda hour: hour.precipitation.showers),
        "snowfall_sum": _sum("snow", lambda hour: hour.precipitation.snowfall),
        "precipitation_hours": _sum("hours", lambda hour: hour.precipitation.total > 0),
        "wind_speed_10m_max": _maximum("speed", lambda hour: hour.wind_speed),
        "wind_gusts_10m_max": _maximum("speed", lambda hour: hour.wind_gust),
        "wind_direction_10m_dominant": DailyVariable("direction", _dominant_direction),
    }
)
SUN_VARIABLES = ("sunrise", "sunset")

_NOT_SIMULATED = re.compile(
    r"""uv_index(_clear_sky)?_max | sunshine_duration | daylight_duration | shortwave_radiation_sum
    |et0_fao_evapotranspiration(_sum)? | snowfall_water_equivalent_sum | moon(_phase|rise|set)
    |(cape|cloud_cover|dew_point_2m|pressure_msl|relative_humidity_2m|surface_pressure|visibility|snow_depth
        |wet_bulb_temperature_2m|wind_speed_\d+m|wind_gusts_10m|precipitation_probability|soil_\w+|updraft
        |vapou?r_pressure_deficit|sea_surface_temperature|leaf_wetness_probability)_(max|min|mean)
    |wind_direction_\d+m_dominant | wind(speed|gusts)_10m_max | winddirection_10m_dominant
    |growing_degree_days_\w+""",
    re.VERBOSE,
)


def is_known_daily_variable(name: str) -> bool:
    """Return whether the service has a daily variable, simulated or not."""
    return name in DAILY_VARIABLES or name in SUN_VARIABLES or _NOT_SIMULATED.fullmatch(name) is not None
