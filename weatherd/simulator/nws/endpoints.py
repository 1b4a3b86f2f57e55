"""The US National Weather Service: points, the stations near them, and what a station observes."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.simulator.nws.observation import observation_properties
from weatherd.simulator.query import ServiceRequest, ServiceResponse, last_value, parse_whole_number
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock

if TYPE_CHECKING:
    from collections.abc import Iterable

_JSON = "application/geo+json"
_PROBLEM = "application/problem+json"
_AREA = ((18.0, 72.0), (-180.0, -64.0))  # degrees: the States, with Hawaii and Alaska
_GRID = 4  # pretended stations a degree
_NEAR = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
_MINUTE = 53  # of the hour at which stations observe
_ID = re.compile(r"S(\d{4})(\d{3})")


def handle_point(request: ServiceRequest, _now: datetime, _pace: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Answer ``/points/{lat},{lon}``; one with more than four decimals, or zeros at their end, is sent elsewhere."""
    if refusal := _refused(request, ()):
        return refusal
    match = re.fullmatch(r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)", request.path["point"], re.ASCII)
    if not match:
        return nws_problem(404, "NotFound", "Not Found", "The point is no pair of coordinates")
    exact = ",".join(f"{float(degrees):.4f}".rstrip("0").rstrip(".") for degrees in match.groups())
    if exact != request.path["point"]:
        headers = {"Location": f"/points/{exact}"}
        return nws_problem(301, "AdjustPointPrecision", "Adjusting Precision", "Four decimals at the most", headers)
    lat, lon = (float(degrees) for degrees in match.groups())
    if not all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return nws_problem(
            404, "InvalidPoint", "Data Unavailable", f"Unable to provide data for requested point {exact}"
        )
    x, y = round((lon + 180) * _GRID), round((lat + 90) * _GRID)
    grid = f"{request.base}/gridpoints/SIM/{x},{y}"
    properties = {
        "simulated": True,
        "cwa": "SIM",
        "gridId": "SIM",
        "gridX": x,
        "gridY": y,
        "forecast": f"{grid}/forecast",
        "forecastHourly": f"{grid}/forecast/hourly",
        "observationStations": f"{grid}/stations",
        "timeZone": "America/Chicago",
        "county": f"{request.base}/zones/county/SIM001",
        "forecastZone": f"{request.base}/zones/forecast/SIM001",
        "fireWeatherZone": f"{request.base}/zones/fire/SIM001",
    }
    return ServiceResponse(200, _feature(lat, lon, properties), {}, _JSON)


def handle_stations(request: ServiceRequest, _now: datetime, _pace: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Answer ``/gridpoints/SIM/{x},{y}/stations``: the nearest first."""
    if refusal := _refused(request, ("limit", "cursor")):
        return refusal
    x, y = (parse_whole_number(number) for number in (request.path["x"], request.path["y"]))
    if x is None or y is None or x >= 360 * _GRID or y >= 180 * _GRID:
        return nws_problem(404, "NotFound", "Not Found", "There is no such grid point")
    names = [f"S{x + east:04}{y + north:03}" for east, north in _NEAR]
    features = [
        _feature(*_site(name), {"stationIdentifier": name, "name": f"Simulated {name}", "timeZone": "America/Chicago"})
        for name in names
    ]
    urls = [f"{request.base}/stations/{name}" for name in names]
    return ServiceResponse(
        200, {"type": "FeatureCollection", "features": features, "observationStations": urls}, {}, _JSON
    )


def handle_latest_observation(
    request: ServiceRequest, now: datetime, pace: WeatherClock = REAL_TIME
) -> ServiceResponse:
    """Answer ``/stations/{id}/observations/latest``."""
    if refusal := _refused(request, ("require_qc",)):
        return refusal
    if not _ID.fullmatch(request.path["station"]):
        return _no_station()
    return ServiceResponse(200, _observed(request, _newest(now), pace), {}, _JSON)


def handle_observations(request: ServiceRequest, now: datetime, pace: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Answer ``/stations/{id}/observations``: the newest first, ``limit`` of them."""
    if refusal := _refused(request, ("limit", "start", "end", "cursor")):
        return refusal
    if not _ID.fullmatch(request.path["station"]):
        return _no_station()
    count = min(parse_whole_number(last_value(request.query, "limit")) or 24, 500)
    times = (_newest(now) - timedelta(hours=n) for n in range(count))
    features = [_observed(request, time, pace) for time in times]
    return ServiceResponse(200, {"type": "FeatureCollection", "features": features}, {}, _JSON)


def nws_problem(
    status: int, kind: str, title: str, detail: str, headers: dict[str, str] | None = None
) -> ServiceResponse:
    """Make an error in the service's form."""
    body = {
        "correlationId": "simulated",
        "title": title,
        "type": f"https://api.weather.gov/problems/{kind}",
        "status": status,
        "detail": detail,
        "instance": "https://api.weather.gov/requests/simulated",
    }
    return ServiceResponse(status, body, headers or {}, _PROBLEM)


def _no_station() -> ServiceResponse:
    return nws_problem(404, "NotFound", "Not Found", "There is no such station")


def _refused(request: ServiceRequest, known: Iterable[str]) -> ServiceResponse | None:
    if not request.headers.get("User-Agent"):
        return nws_problem(403, "Forbidden", "Forbidden", "Name your program in the User-Agent")
    unknown = sorted(request.query.keys() - set(known))
    return nws_problem(400, "BadRequest", "Bad Request", f"Unknown parameter {unknown[0]}") if unknown else None


def _newest(now: datetime) -> datetime:
    hour = now.astimezone(UTC).replace(minute=_MINUTE, second=0, microsecond=0)
    return hour if hour <= now else hour - timedelta(hours=1)


def _observed(request: ServiceRequest, time: datetime, pace: WeatherClock) -> dict[str, Any]:
    name = request.path["station"]
    lat, lon = _site(name)
    return _feature(lat, lon, observation_properties(f"{request.base}/stations/{name}", lat, lon, time, pace))


def _site(name: str) -> tuple[float, float]:
    match = _ID.fullmatch(name)
    x, y = (int(number) for number in match.groups()) if match else (0, 0)
    return max(-90.0, min(90.0, y / _GRID - 90)), math.remainder(x / _GRID - 180, 360)


def _feature(lat: float, lon: float, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": properties}
