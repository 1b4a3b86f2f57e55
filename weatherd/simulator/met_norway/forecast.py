"""MET Norway's forecast, with its caching headers and its rules for clients (https://api.met.no/doc/TermsOfService)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from weatherd.simulator.met_norway.symbols import symbol_code
from weatherd.simulator.query import RejectedRequestError, ServiceRequest, ServiceResponse, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMPACT_UNITS = {
    "air_pressure_at_sea_level": "hPa",
    "air_temperature": "celsius",
    "cloud_area_fraction": "%",
    "precipitation_amount": "mm",
    "relative_humidity": "%",
    "wind_from_direction": "degrees",
    "wind_speed": "m/s",
}
_COMPLETE_UNITS = _COMPACT_UNITS | {"dew_point_temperature": "celsius", "wind_speed_of_gust": "m/s"}
_HOURLY_STEPS, _SIX_HOURLY_STEPS = 54, 28
_CONTACT = re.compile(r"@|\w\.[a-z]{2}", re.IGNORECASE)  # an e-mail address or a host name
_GENERIC_AGENT = re.compile(r"^(python|okhttp|java|curl|wget|dalvik|mozilla|go-http)", re.IGNORECASE)


def handle_compact(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/compact``, which has neither gusts nor dew points."""
    return _handle(request, now, clock, _COMPACT_UNITS)


def handle_complete(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/complete``."""
    return _handle(request, now, clock, _COMPLETE_UNITS)


def _handle(request: ServiceRequest, now: datetime, clock: WeatherClock, units: Mapping[str, str]) -> ServiceResponse:
    """Return 200 with the forecast, 304 if it has not changed, 400 or 403 for an invalid request.

    The forecast is updated every hour. A response expires 30 to 32 minutes after the request, so that clients do not
    all return at the same time.
    """
    try:
        check_user_agent(request.headers)
        lat, lon = _degrees(request, "lat", 90), _degrees(request, "lon", 180)
    except RejectedRequestError as error:
        return ServiceResponse(error.status, f"{error}\n")
    updated_at = now.replace(minute=0, second=0, microsecond=0)
    lifetime = timedelta(seconds=1800 + (hash((lat, lon, int(now.timestamp()))) % 121))
    headers = {
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Expires": format_datetime((now + lifetime).astimezone(UTC), usegmt=True),
        "Last-Modified": format_datetime(updated_at.astimezone(UTC), usegmt=True),
        "Vary": "Accept, Accept-Encoding",
    }
    if request.headers.get("If-Modified-Since") == headers["Last-Modified"]:
        return ServiceResponse(304, None, headers)
    return ServiceResponse(200, _body(lat, lon, updated_at, clock, units), headers)


def check_user_agent(headers: Mapping[str, str]) -> None:
    """Raise RejectedRequestError unless the client names itself and a contact."""
    agent = headers.get("User-Agent", "")
    if _GENERIC_AGENT.match(agent) or not _CONTACT.search(agent):
        raise RejectedRequestError("403 Forbidden: name your program and yourself in the User-Agent", 403)


def _degrees(request: ServiceRequest, name: str, limit: int) -> float:
    text = last_value(request.query, name)
    if not text:
        raise RejectedRequestError(f"Mandatory parameter '{name}' missing in call")
    if not re.fullmatch(r"[+-]?\d{1,3}(\.\d*)?", text, re.ASCII) or abs(float(text)) > limit:
        raise RejectedRequestError(f"Parameter '{name}' is out of range")
    if len(text.partition(".")[2]) > 4:
        raise RejectedRequestError(f"403 Forbidden: more than four decimals in '{name}'", 403)
    return float(text)


def _body(
    lat: float, lon: float, updated_at: datetime, clock: WeatherClock, units: Mapping[str, str]
) -> dict[str, Any]:
    hourly = [(updated_at + timedelta(hours=n), 1) for n in range(_HOURLY_STEPS)]
    start = updated_at + timedelta(hours=_HOURLY_STEPS)
    six_hourly = [(start + timedelta(hours=6 * n), 6) for n in range(_SIX_HOURLY_STEPS)]
    steps = [
        _step(weather_at(lat, lon, clock.weather_time(time.timestamp())), time, hours, units)
        for time, hours in (*hourly, *six_hourly)
    ]
    for period in ("next_1_hours", "next_6_hours", "next_12_hours"):
        steps[-1]["data"].pop(period, None)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat, ground_elevation(lat, lon)]},
        "properties": {
            "simulated": True,
            "meta": {"updated_at": _format_time(updated_at - timedelta(minutes=20)), "units": units},
            "timeseries": steps,
        },
    }


def _step(weather: Weather, time: datetime, hours: int, units: Mapping[str, str]) -> dict[str, Any]:
    summary = {"symbol_code": symbol_code(weather.code, is_day=weather.is_day)}
    rate = weather.precipitation.total
    periods: dict[str, Any] = {
        "next_12_hours": {"summary": summary},
        "next_6_hours": {"summary": summary, "details": {"precipitation_amount": round(6 * rate, 1)}},
    }
    if hours == 1:
        periods["next_1_hours"] = {"summary": summary, "details": {"precipitation_amount": round(rate, 1)}}
    details = {name: value for name, value in _instant(weather).items() if name in units}
    return {"time": _format_time(time), "data": {"instant": {"details": details}, **periods}}


def _instant(weather: Weather) -> dict[str, float]:
    return {
        "air_pressure_at_sea_level": round(weather.pressure_msl, 1),
        "air_temperature": round(weather.temperature, 1),
        "cloud_area_fraction": round(weather.cloud_cover, 1),
        "dew_point_temperature": round(weather.dew_point, 1),
        "relative_humidity": round(weather.relative_humidity, 1),
        "wind_from_direction": round(weather.wind_direction, 1),
        "wind_speed": round(weather.wind_speed, 1),
        "wind_speed_of_gust": round(weather.wind_gust, 1),
    }


def _format_time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
