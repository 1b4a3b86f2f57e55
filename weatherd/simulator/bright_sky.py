"""Bright Sky's current weather: a query in, a status and a JSON body out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP = 1800  # s between two reports of a station
_AREA = ((46.5, 56.0), (5.0, 16.0))  # degrees: where a German station is near
_CELL = 0.5  # degrees between the pretended stations
_CONDITIONS = {45: "fog", 48: "fog", 95: "thunderstorm", 96: "thunderstorm", 99: "thunderstorm"}
_SLEET, _SNOW = (56, 57, 66, 67), (71, 73, 75, 77, 85, 86)


def handle_current_weather(query: Query, now: datetime, pace: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Answer ``/current_weather``: 200 with the nearest station's newest report, 404 where there is none, or 422."""
    try:
        lat, lon = _degrees(query, "lat", 90), _degrees(query, "lon", 180)
    except RejectedRequestError as refusal:
        return refusal.status, {"detail": [{"type": "value_error", "loc": ["query"], "msg": str(refusal)}]}
    if not all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return 404, {"detail": "No sources match your criteria"}
    seconds = now.timestamp()
    time = datetime.fromtimestamp(seconds - seconds % _STEP, UTC)
    site = tuple(round(value / _CELL) * _CELL for value in (lat, lon))
    sky = weather_at(lat, lon, pace.newest(seconds, _STEP))
    source = 100_000 + round(site[0] / _CELL) * 100 + round(site[1] / _CELL)
    stamp = time.isoformat()
    return 200, {"weather": _weather(sky, source, stamp), "sources": [_source(site, source, stamp)]}


def _degrees(query: Query, name: str, limit: int) -> float:
    try:
        value = float(last_value(query, name))
    except ValueError:
        raise RejectedRequestError(f"Please supply {name} as a number", 422) from None
    if not abs(value) <= limit:
        raise RejectedRequestError(f"{name} is out of range", 422)
    return value


def _weather(sky: Weather, source: int, stamp: str) -> dict[str, Any]:
    speeds = {"wind_speed": round(sky.wind_speed * 3.6, 1), "wind_gust_speed": round(sky.wind_gust * 3.6, 1)}
    return {
        "source_id": source,
        "timestamp": stamp,
        "cloud_cover": round(sky.cloud_cover),
        "condition": _condition(sky),
        "dew_point": round(sky.dew_point, 2),
        **{f"precipitation_{minutes}": round(sky.precipitation.total * minutes / 60, 2) for minutes in (10, 30, 60)},
        "pressure_msl": round(sky.pressure_msl, 1),
        "relative_humidity": round(sky.relative_humidity),
        "visibility": round(sky.visibility),
        **{f"wind_direction_{minutes}": round(sky.wind_direction) for minutes in (10, 30, 60)},
        **{f"{name}_{minutes}": value for name, value in speeds.items() for minutes in (10, 30, 60)},
        "temperature": round(sky.temperature, 1),
        "icon": _icon(sky),
    }


def _condition(sky: Weather) -> str:
    falling = "sleet" if sky.code in _SLEET else "snow" if sky.code in _SNOW else "rain"
    return _CONDITIONS.get(sky.code, falling if sky.precipitation.total else "dry")


def _icon(sky: Weather) -> str:
    """Choose as the real service does: what falls counts from half a millimetre on."""
    condition = _condition(sky)
    if condition in ("fog", "thunderstorm") or sky.precipitation.total / 6 > 0.5:
        return condition
    if sky.wind_speed > 10.8:
        return "wind"
    if sky.cloud_cover >= 80:
        return "cloudy"
    return f"{'partly-cloudy' if sky.cloud_cover >= 25 else 'clear'}-{'day' if sky.is_day else 'night'}"


def _source(site: Sequence[float], source: int, stamp: str) -> dict[str, Any]:
    return {
        "id": source,
        "dwd_station_id": f"{source % 100_000:05}",
        "wmo_station_id": None,
        "station_name": f"Simulated {source}",
        "observation_type": "synop",
        "first_record": stamp,
        "last_record": stamp,
        "lat": site[0],
        "lon": site[1],
        "height": ground_elevation(*site),
        "distance": 1000.0,
    }
