"""Bright Sky's ``/current_weather``, after https://brightsky.dev/docs/ (temperatures in °C, speeds in km/h)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.simulator.cadence import latest_dwd_report
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from collections.abc import Sequence

_REPORT_INTERVAL = 1800  # seconds between two reports of a station
_AREA = ((46.5, 56.0), (5.0, 16.0))  # degrees of latitude and longitude: Germany and its surroundings
_STATION_SPACING = 0.5  # degrees
_CONDITIONS = {45: "fog", 48: "fog", 95: "thunderstorm", 96: "thunderstorm", 99: "thunderstorm"}
_SLEET, _SNOW = (56, 57, 66, 67), (71, 73, 75, 77, 85, 86)  # WMO codes


def handle_current_weather(query: Query, now: datetime, clock: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Return 200 with the latest report of the nearest station, 404 outside Germany, 422 for invalid coordinates."""
    try:
        lat, lon = read_degrees(query, "lat", 90), read_degrees(query, "lon", 180)
    except RejectedRequestError as error:
        return error.status, {"detail": [{"type": "value_error", "loc": ["query"], "msg": str(error)}]}
    if problem := find_place_problem(lat, lon):
        return problem
    seconds = now.timestamp()
    station, source_id = find_station(lat, lon)
    time = latest_dwd_report(source_id, seconds)
    weather = weather_at(lat, lon, clock.report_time(time, seconds, _REPORT_INTERVAL))
    timestamp = datetime.fromtimestamp(time, UTC).isoformat()
    return 200, {
        "weather": {"source_id": source_id, "timestamp": timestamp, **describe_values(weather)},
        "sources": [describe_source(station, source_id, timestamp)],
    }


def find_place_problem(lat: float, lon: float) -> StatusAndBody | None:
    """Return the response for a place outside the service's area, or None."""
    if all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return None
    return 404, {"detail": "No sources match your criteria"}


def find_station(lat: float, lon: float) -> tuple[Sequence[float], int]:
    """Return the coordinates of the nearest station, and the number of its source."""
    station = tuple(round(value / _STATION_SPACING) * _STATION_SPACING for value in (lat, lon))
    number = 100_000 + round(station[0] / _STATION_SPACING) * 100 + round(station[1] / _STATION_SPACING)
    return station, number


def read_degrees(query: Query, name: str, limit: int) -> float:
    """Return a coordinate of the query. Raises RejectedRequestError for anything else."""
    try:
        value = float(last_value(query, name))
    except ValueError:
        raise RejectedRequestError(f"Please supply {name} as a number", 422) from None
    if not abs(value) <= limit:
        raise RejectedRequestError(f"{name} is out of range", 422)
    return value


def describe_values(weather: Weather) -> dict[str, Any]:
    """Return the values of a record, under the names of ``/current_weather``."""
    rate = weather.precipitation.total
    speeds = {"wind_speed": round(weather.wind_speed * 3.6, 1), "wind_gust_speed": round(weather.wind_gust * 3.6, 1)}
    return {
        "cloud_cover": round(weather.cloud_cover),
        "condition": _condition(weather),
        "dew_point": round(weather.dew_point, 2),
        **{f"precipitation_{minutes}": round(rate * minutes / 60, 2) for minutes in (10, 30, 60)},
        "pressure_msl": round(weather.pressure_msl, 1),
        "relative_humidity": round(weather.relative_humidity),
        "visibility": round(weather.visibility),
        **{f"wind_direction_{minutes}": round(weather.wind_direction) for minutes in (10, 30, 60)},
        **{f"{name}_{minutes}": value for name, value in speeds.items() for minutes in (10, 30, 60)},
        "temperature": round(weather.temperature, 1),
        "icon": _icon(weather),
    }


def _condition(weather: Weather) -> str:
    precipitation = "sleet" if weather.code in _SLEET else "snow" if weather.code in _SNOW else "rain"
    return _CONDITIONS.get(weather.code, precipitation if weather.precipitation.total else "dry")


def _icon(weather: Weather) -> str:
    """Choose the icon like the real service: precipitation counts from 0.5 mm in 10 minutes on."""
    condition = _condition(weather)
    if condition in ("fog", "thunderstorm") or weather.precipitation.total / 6 > 0.5:
        return condition
    if weather.wind_speed > 10.8:
        return "wind"
    if weather.cloud_cover >= 80:
        return "cloudy"
    return f"{'partly-cloudy' if weather.cloud_cover >= 25 else 'clear'}-{'day' if weather.is_day else 'night'}"


def describe_source(station: Sequence[float], source_id: int, timestamp: str) -> dict[str, Any]:
    """Return a station as a source of records."""
    return {
        "id": source_id,
        "dwd_station_id": f"{source_id % 100_000:05}",
        "wmo_station_id": None,
        "station_name": f"Simulated {source_id}",
        "observation_type": "synop",
        "first_record": timestamp,
        "last_record": timestamp,
        "lat": station[0],
        "lon": station[1],
        "height": ground_elevation(*station),
        "distance": 1000.0,
    }
