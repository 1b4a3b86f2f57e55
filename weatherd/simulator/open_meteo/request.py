"""Open-Meteo's forecast parameters, understood and checked, with the real service's words of refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weatherd.simulator.open_meteo.daily import is_known_daily_variable
from weatherd.simulator.open_meteo.units import Unit, parse_units
from weatherd.simulator.open_meteo.variables import is_known_variable
from weatherd.simulator.places.gazetteer import guess_timezone
from weatherd.simulator.query import Query, RejectedRequestError, last_value, parse_whole_number, split_values
from weatherd.simulator.sky.weather import ground_elevation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTION_CHECKS = {
    "current": is_known_variable,
    "minutely_15": is_known_variable,
    "hourly": is_known_variable,
    "daily": is_known_daily_variable,
}
_NOT_SIMULATED = (
    *("start_date", "end_date", "start_hour", "end_hour", "start_minutely_15", "end_minutely_15"),
    *("forecast_hours", "past_hours", "forecast_minutely_15", "past_minutely_15", "temporal_resolution"),
)
_MOST_PLACES = 1000


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """One place of a request."""

    lat: float
    lon: float
    zone: ZoneInfo
    elevation: float  # m, or NaN when the client wants none


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """A forecast request without anything wrong with it."""

    points: Sequence[ForecastPoint]
    sections: Mapping[str, Sequence[str]]  # the variables of each section
    current_weather: bool  # the section of before 2023
    units: Mapping[str, Unit]
    unixtime: bool
    past_days: int
    forecast_days: int


def parse_forecast_request(query: Query) -> ForecastRequest:
    """Read a query, or raise RefusedError with the first thing that is wrong with it."""
    _check_support(query)
    return ForecastRequest(
        points=_points(query),
        sections={name: _variables(query, name) for name in SECTION_CHECKS},
        current_weather=last_value(query, "current_weather").lower() == "true",
        units=parse_units(query),
        unixtime=_chosen(query, "timeformat", ("iso8601", "unixtime")) == "unixtime",
        past_days=_days(query, "past_days", 0, 93),
        forecast_days=_days(query, "forecast_days", 7, 16),
    )


def _check_support(query: Query) -> None:
    """Say what is only missing here, rather than answer something else."""
    if (form := last_value(query, "format") or "json") != "json":
        raise RejectedRequestError(f"Format '{form}' is not simulated, only json")
    for name in _NOT_SIMULATED:
        if last_value(query, name):
            raise RejectedRequestError(f"Parameter '{name}' is not simulated")


def _points(query: Query) -> Sequence[ForecastPoint]:
    lats, lons = _numbers(query, "latitude"), _numbers(query, "longitude")
    if not lats and not lons:
        raise RejectedRequestError("Parameter 'latitude' and 'longitude' must not be empty")
    if len(lats) != len(lons):
        raise RejectedRequestError("Parameter 'latitude' and 'longitude' must have the same number of elements")
    if len(lats) > _MOST_PLACES:
        raise RejectedRequestError(f"Only up to {_MOST_PLACES} locations can be requested at once")
    for lat, lon in zip(lats, lons, strict=True):
        _check_range("Latitude", lat, 90)
        _check_range("Longitude", lon, 180)
    rows = zip(lats, lons, _zones(query, len(lats)), _elevations(query, len(lats)), strict=True)
    return [
        ForecastPoint(lat, lon, _zone(name, lat, lon), ground_elevation(lat, lon) if height is None else height)
        for lat, lon, name, height in rows
    ]


def _numbers(query: Query, name: str) -> list[float]:
    try:
        return [float(text) for text in split_values(query, name)]
    except ValueError as error:
        text = str(error).partition(": ")[2].strip("'")
        raise RejectedRequestError(f"Cannot initialize Float from invalid String value {text} for key {name}") from None


def _check_range(name: str, value: float, limit: int) -> None:
    if not abs(value) <= limit:  # nor is nan
        raise RejectedRequestError(f"{name} must be in range of -{limit} to {limit}°. Given: {value}.")


def _zones(query: Query, count: int) -> list[str]:
    names = split_values(query, "timezone") or ["GMT"]
    if len(names) not in {1, count}:
        raise RejectedRequestError("Parameter 'timezone' must have the same number of elements as coordinates")
    return names * count if len(names) == 1 else names


def _zone(name: str, lat: float, lon: float) -> ZoneInfo:
    if name == "auto":
        return guess_timezone(lat, lon)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of zones
        raise RejectedRequestError("Invalid timezone") from None


def _elevations(query: Query, count: int) -> list[float | None]:
    heights = _numbers(query, "elevation")
    if heights and len(heights) != count:
        raise RejectedRequestError("Parameter 'elevation' must have the same number of elements as coordinates")
    return [*heights] or [None] * count


def _variables(query: Query, section: str) -> Sequence[str]:
    names = split_values(query, section)
    for name in names:
        if not SECTION_CHECKS[section](name):
            raise RejectedRequestError(
                f"Cannot initialize WeatherVariable from invalid String value {name} for key {section}"
            )
    return names


def _chosen(query: Query, name: str, choices: Sequence[str]) -> str:
    if (value := last_value(query, name) or choices[0]) not in choices:
        raise RejectedRequestError(f"Cannot initialize {name} from invalid String value {value} for key {name}")
    return value


def _days(query: Query, name: str, default: int, most: int) -> int:
    text = last_value(query, name) or str(default)
    days = parse_whole_number(text)
    if days is None or days > most:
        words = name.replace("_", " ").capitalize()
        raise RejectedRequestError(f"{words} is invalid. Allowed range 0 to {most}. Given {text}.")
    return days
