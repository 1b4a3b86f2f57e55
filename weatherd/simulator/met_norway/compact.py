"""MET Norway's Locationforecast 2.0: a request in, a reply with its time of expiry out."""

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

_UNITS = {
    "air_pressure_at_sea_level": "hPa",
    "air_temperature": "celsius",
    "cloud_area_fraction": "%",
    "precipitation_amount": "mm",
    "relative_humidity": "%",
    "wind_from_direction": "degrees",
    "wind_speed": "m/s",
}
_HOURLY = 54  # steps an hour apart; those that follow are six hours apart
_LATER = 28
_CONTACT = re.compile(r"@|\w\.[a-z]{2}", re.IGNORECASE)
_GENERIC = re.compile(r"^(python|okhttp|java|curl|wget|dalvik|mozilla|go-http)", re.IGNORECASE)


def handle_compact(request: ServiceRequest, now: datetime, pace: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Answer ``/compact``: 200 with the forecast, 304 when it has not changed, 400 or 403 for what is wrong.

    The forecast is new every hour. What is answered expires about half an hour later, at no round time.
    """
    try:
        _check_agent(request.headers)
        lat, lon = _degrees(request, "lat", 90), _degrees(request, "lon", 180)
    except RejectedRequestError as refusal:
        return ServiceResponse(refusal.status, f"{refusal}\n")
    made = now.replace(minute=0, second=0, microsecond=0)
    good_for = timedelta(seconds=1800 + (hash((lat, lon, int(now.timestamp()))) % 121))
    headers = {
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Expires": format_datetime((now + good_for).astimezone(UTC), usegmt=True),
        "Last-Modified": format_datetime(made.astimezone(UTC), usegmt=True),
        "Vary": "Accept, Accept-Encoding",
    }
    if request.headers.get("If-Modified-Since") == headers["Last-Modified"]:
        return ServiceResponse(304, None, headers)
    return ServiceResponse(200, _body(lat, lon, made, pace), headers)


def _check_agent(headers: Mapping[str, str]) -> None:
    agent = headers.get("User-Agent", "")
    if _GENERIC.match(agent) or not _CONTACT.search(agent):
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


def _body(lat: float, lon: float, made: datetime, pace: WeatherClock) -> dict[str, Any]:
    hourly = [(made + timedelta(hours=n), 1) for n in range(_HOURLY)]
    start = made + timedelta(hours=_HOURLY)
    later = [(start + timedelta(hours=6 * n), 6) for n in range(_LATER)]
    steps = [_step(lat, lon, time, hours, pace) for time, hours in (*hourly, *later)]
    for period in ("next_1_hours", "next_6_hours", "next_12_hours"):
        steps[-1]["data"].pop(period, None)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat, ground_elevation(lat, lon)]},
        "properties": {
            "simulated": True,
            "meta": {"updated_at": _time(made - timedelta(minutes=20)), "units": _UNITS},
            "timeseries": steps,
        },
    }


def _step(lat: float, lon: float, time: datetime, hours: int, pace: WeatherClock) -> dict[str, Any]:
    sky = weather_at(lat, lon, pace.weather_time(time.timestamp()))
    summary = {"symbol_code": symbol_code(sky.code, is_day=sky.is_day)}
    amount = sky.precipitation.total
    periods: dict[str, Any] = {
        "next_12_hours": {"summary": summary},
        "next_6_hours": {"summary": summary, "details": {"precipitation_amount": round(6 * amount, 1)}},
    }
    if hours == 1:
        periods["next_1_hours"] = {"summary": summary, "details": {"precipitation_amount": round(amount, 1)}}
    return {"time": _time(time), "data": {"instant": {"details": _instant(sky)}, **periods}}


def _instant(sky: Weather) -> dict[str, float]:
    return {
        "air_pressure_at_sea_level": round(sky.pressure_msl, 1),
        "air_temperature": round(sky.temperature, 1),
        "cloud_area_fraction": round(sky.cloud_cover, 1),
        "relative_humidity": round(sky.relative_humidity, 1),
        "wind_from_direction": round(sky.wind_direction, 1),
        "wind_speed": round(sky.wind_speed, 1),
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
