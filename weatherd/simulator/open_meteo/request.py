"""Parsing of Open-Meteo's forecast parameters, with the real service's error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weatherd.simulator.open_meteo.daily import is_known_daily_variable
from weatherd.simulator.open_meteo.spans import MAX_PAST_DAYS, StepSpan, parse_spans, read_count
from weatherd.simulator.open_meteo.units import Unit, parse_units
from weatherd.simulator.open_meteo.variables import is_known_variable
from weatherd.simulator.places.gazetteer import guess_timezone
from weatherd.simulator.query import Query, RejectedRequestError, last_value, split_values
from weatherd.simulator.sky.weather import ground_elevation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECTION_CHECKS = {  # section: whether the service has a variable of it
    "current": is_known_variable,
    "minutely_15": is_known_variable,
    "hourly": is_known_variable,
    "daily": is_known_daily_variable,
}
_NOT_SIMULATED = ("start_date", "end_date", "temporal_resolution")
_MAX_LOCATIONS = 1000


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """Location of a request."""

    lat: float
    lon: float
    timezone: ZoneInfo
    elevation: float  # m, or NaN if the client disables it


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """Valid forecast request."""

    points: Sequence[ForecastPoint]
    sections: Mapping[str, Sequence[str]]  # requested variables by section
    current_weather: bool  # whether the section used before 2023 is requested
    units: Mapping[str, Unit]
    unixtime: bool
    past_days: int
    forecast_days: int
    spans: Mapping[str, StepSpan]  # of minutely_15 and hourly; whole days for a section that is missing


def parse_forecast_request(query: Query) -> ForecastRequest:
    """Parse a query. Raise RejectedRequestError for the first invalid parameter."""
    _check_support(query)
    return ForecastRequest(
        points=_points(query),
        sections={name: _variables(query, name) for name in SECTION_CHECKS},
        current_weather=last_value(query, "current_weather").lower() == "true",
        units=parse_units(query),
        unixtime=_parse_choice(query, "timeformat", ("iso8601", "unixtime")) == "unixtime",
        past_days=read_count(query, "past_days", 0, MAX_PAST_DAYS),
        forecast_days=read_count(query, "forecast_days", 7, 16),
        spans=parse_spans(query),
    )


def _check_support(query: Query) -> None:
    """Reject formats and parameters that are not simulated, because ignoring it would give a wrong response."""
    if (name := last_value(query, "format") or "json") != "json":
        raise RejectedRequestError(f"Format '{name}' is not simulated, only json")
    for name in _NOT_SIMULATED:
        if last_value(query, name):
            raise RejectedRequestError(f"Parameter '{name}' is not simulated")


def _points(query: Query) -> Sequence[ForecastPoint]:
    lats, lons = _floats(query, "latitude"), _floats(query, "longitude")
    if not lats and not lons:
        raise RejectedRequestError("Parameter 'latitude' and 'longitude' must not be empty")
    if len(lats) != len(lons):
        raise RejectedRequestError("Parameter 'latitude' and 'longitude' must have the same number of elements")
    if len(lats) > _MAX_LOCATIONS:
        raise RejectedRequestError(f"Only up to {_MAX_LOCATIONS} locations can be requested at once")
    for lat, lon in zip(lats, lons, strict=True):
        _check_range("Latitude", lat, 90)
        _check_range("Longitude", lon, 180)
    rows = zip(lats, lons, _timezone_names(query, len(lats)), _elevations(query, len(lats)), strict=True)
    return [
        ForecastPoint(
            lat, lon, _timezone(name, lat, lon), ground_elevation(lat, lon) if elevation is None else elevation
        )
        for lat, lon, name, elevation in rows
    ]


def _floats(query: Query, name: str) -> list[float]:
    try:
        return [float(text) for text in split_values(query, name)]
    except ValueError as error:
        text = str(error).partition(": ")[2].strip("'")
        raise RejectedRequestError(f"Cannot initialize Float from invalid String value {text} for key {name}") from None


def _check_range(name: str, value: float, limit: int) -> None:
    if not abs(value) <= limit:  # written with "not" because it must reject NaN, too
        raise RejectedRequestError(f"{name} must be in range of -{limit} to {limit}°. Given: {value}.")


def _timezone_names(query: Query, count: int) -> list[str]:
    names = split_values(query, "timezone") or ["GMT"]
    if len(names) not in {1, count}:
        raise RejectedRequestError("Parameter 'timezone' must have the same number of elements as coordinates")
    return names * count if len(names) == 1 else names


def _timezone(name: str, lat: float, lon: float) -> ZoneInfo:
    if name == "auto":
        return guess_timezone(lat, lon)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown name, a path, a folder of zones
        raise RejectedRequestError("Invalid timezone") from None


def _elevations(query: Query, count: int) -> list[float | None]:
    elevations = _floats(query, "elevation")
    if elevations and len(elevations) != count:
        raise RejectedRequestError("Parameter 'elevation' must have the same number of elements as coordinates")
    return [*elevations] or [None] * count


def _variables(query: Query, section: str) -> Sequence[str]:
    names = split_values(query, section)
    for name in names:
        if not SECTION_CHECKS[section](name):
            raise RejectedRequestError(
                f"Cannot initialize WeatherVariable from invalid String value {name} for key {section}"
            )
    return names


def _parse_choice(query: Query, name: str, choices: Sequence[str]) -> str:
    if (value := last_value(query, name) or choices[0]) not in choices:
        raise RejectedRequestError(f"Cannot initialize {name} from invalid String value {value} for key {name}")
    return value
