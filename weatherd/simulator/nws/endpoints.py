"""Endpoints of the National Weather Service: points, the stations near them, and the stations' observations."""

from __future__ import annotations

import itertools
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.simulator.cadence import nws_reports
from weatherd.simulator.nws.observation import observation_properties
from weatherd.simulator.query import ServiceRequest, ServiceResponse, last_value, parse_whole_number
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import ground_elevation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_JSON = "application/geo+json"
_PROBLEM = "application/problem+json"
_AREA = ((18.0, 72.0), (-180.0, -64.0))  # degrees of latitude and longitude: the US with Hawaii and Alaska
_STATIONS_PER_DEGREE = 4
_NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))  # grid offsets of the stations near a point
_KEPT = timedelta(days=7)  # observations of a station
_MAX_COUNT = 500  # observations in a response
_STATION_ID = re.compile(r"S(\d{4})(\d{3})")
_COORDINATES = re.compile(r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)", re.ASCII)


def handle_point(request: ServiceRequest, _now: datetime, _clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/points/{lat},{lon}``. Redirect if there are more than four decimals or trailing zeros."""
    if rejection := reject_parameters(request, ()):
        return rejection
    match = _COORDINATES.fullmatch(request.path["point"])
    if not match:
        return nws_problem(404, "NotFound", "Not Found", "The point is no pair of coordinates")
    exact = ",".join(f"{float(degrees):.4f}".rstrip("0").rstrip(".") for degrees in match.groups())
    if exact != request.path["point"]:
        headers = {"Location": f"/points/{exact}"}
        return nws_problem(301, "AdjustPointPrecision", "Adjusting Precision", "Four decimals at the most", headers)
    lat, lon = (float(degrees) for degrees in match.groups())
    if problem := find_point_problem(lat, lon, exact):
        return problem
    return ServiceResponse(200, _point(request.origin, exact, lat, lon), {}, _JSON)


def find_point_problem(lat: float, lon: float, text: str) -> ServiceResponse | None:
    """Return the response for a point outside the service's area, or None."""
    if all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return None
    return nws_problem(404, "InvalidPoint", "Data Unavailable", f"Unable to provide data for requested point {text}")


def _point(origin: str, exact: str, lat: float, lon: float) -> dict[str, Any]:
    x, y = round((lon + 180) * _STATIONS_PER_DEGREE), round((lat + 90) * _STATIONS_PER_DEGREE)
    grid = f"{origin}/gridpoints/SIM/{x},{y}"
    place = {
        "city": "Simulated",
        "state": "SI",
        "distance": {"unitCode": "wmoUnit:m", "value": 0},
        "bearing": {"unitCode": "wmoUnit:degree_(angle)", "value": 0},
    }
    properties = {
        "simulated": True,
        "@type": "wx:Point",
        "cwa": "SIM",
        "forecastOffice": f"{origin}/offices/SIM",
        "gridId": "SIM",
        "gridX": x,
        "gridY": y,
        "forecast": f"{grid}/forecast",
        "forecastHourly": f"{grid}/forecast/hourly",
        "forecastGridData": grid,
        "observationStations": f"{grid}/stations",
        "relativeLocation": _geometry(lat, lon) | {"properties": place},
        **_zones(origin),
        "timeZone": "America/Chicago",
        "radarStation": "KSIM",
    }
    return _feature(f"{origin}/points/{exact}", lat, lon, properties)


def handle_stations(request: ServiceRequest, _now: datetime, _clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/gridpoints/SIM/{x},{y}/stations`` with the nearest stations first."""
    if rejection := reject_parameters(request, ("limit", "cursor")):
        return rejection
    x, y = (parse_whole_number(number) for number in (request.path["x"], request.path["y"]))
    if x is None or y is None or x >= 360 * _STATIONS_PER_DEGREE or y >= 180 * _STATIONS_PER_DEGREE:
        return nws_problem(404, "NotFound", "Not Found", "There is no such grid point")
    names = [f"S{x + east:04}{y + north:03}" for east, north in _NEIGHBOURS]
    features = [_station(request.origin, name) for name in names]
    urls = [station["id"] for station in features]
    body = {"type": "FeatureCollection", "features": features, "observationStations": urls}
    return ServiceResponse(200, body, {}, _JSON)


def handle_latest_observation(
    request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME
) -> ServiceResponse:
    """Handle ``/stations/{id}/observations/latest``."""
    if rejection := reject_parameters(request, ("require_qc",)) or _reject_station(request):
        return rejection
    return ServiceResponse(200, _observation(request, next(_report_times(request, now)), clock), {}, _JSON)


def handle_observations(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/stations/{id}/observations`` with those from *start* to *end*, the latest first, at most *limit*."""
    if rejection := reject_parameters(request, ("limit", "start", "end", "cursor")) or _reject_station(request):
        return rejection
    try:
        start, end = (_read_time(request, name) for name in ("start", "end"))
    except ValueError:
        return nws_problem(400, "BadRequest", "Bad Request", "A time is not in ISO 8601 with an offset")
    count = min(parse_whole_number(last_value(request.query, "limit")) or (_MAX_COUNT if start else 24), _MAX_COUNT)
    oldest, latest = max(start or now - _KEPT, now - _KEPT), min(now, end or now)
    kept = itertools.takewhile(lambda time: time >= oldest, _report_times(request, now))
    wanted = itertools.islice((time for time in kept if time <= latest), count)
    features = [_observation(request, time, clock) for time in wanted]
    return ServiceResponse(200, {"type": "FeatureCollection", "features": features}, {}, _JSON)


def _read_time(request: ServiceRequest, name: str) -> datetime | None:
    """Return a time of the query, if it has one. Raise ValueError for one without an offset."""
    text = last_value(request.query, name)
    time = datetime.fromisoformat(text) if text else None
    if time and not time.tzinfo:
        raise ValueError(text)
    return time


def nws_problem(
    status: int, kind: str, title: str, detail: str, headers: dict[str, str] | None = None
) -> ServiceResponse:
    """Return an error in the service's form, a problem document."""
    body = {
        "correlationId": "simulated",
        "title": title,
        "type": f"https://api.weather.gov/problems/{kind}",
        "status": status,
        "detail": detail,
        "instance": "https://api.weather.gov/requests/simulated",
    }
    return ServiceResponse(status, body, headers or {}, _PROBLEM)


def reject_parameters(request: ServiceRequest, parameters: Iterable[str]) -> ServiceResponse | None:
    """Reject a request without a User-Agent, or with an unknown query parameter."""
    if not request.headers.get("User-Agent"):
        return nws_problem(403, "Forbidden", "Forbidden", "Name your program in the User-Agent")
    unknown = sorted(request.query.keys() - set(parameters))
    return nws_problem(400, "BadRequest", "Bad Request", f"Unknown parameter {unknown[0]}") if unknown else None


def _reject_station(request: ServiceRequest) -> ServiceResponse | None:
    if _STATION_ID.fullmatch(request.path["station"]):
        return None
    return nws_problem(404, "NotFound", "Not Found", "There is no such station")


def _report_times(request: ServiceRequest, now: datetime) -> Iterator[datetime]:
    for time in nws_reports(request.path["station"], now.timestamp()):
        yield datetime.fromtimestamp(time, UTC)


def _station(origin: str, name: str) -> dict[str, Any]:
    lat, lon = _station_position(name)
    properties = {
        "@type": "wx:ObservationStation",
        "elevation": {"unitCode": "wmoUnit:m", "value": ground_elevation(lat, lon)},
        "stationIdentifier": name,
        "name": f"Simulated {name}",
        **_zones(origin, "forecast"),
        "timeZone": "America/Chicago",
    }
    return _feature(f"{origin}/stations/{name}", lat, lon, properties)


def _observation(request: ServiceRequest, time: datetime, clock: WeatherClock) -> dict[str, Any]:
    name = request.path["station"]
    lat, lon = _station_position(name)
    station = f"{request.origin}/stations/{name}"
    properties = observation_properties(station, lat, lon, time, clock)
    return _feature(f"{station}/observations/{time.isoformat()}", lat, lon, properties)


def _station_position(name: str) -> tuple[float, float]:
    """Return latitude and longitude in degrees, which the station's id encodes."""
    match = _STATION_ID.fullmatch(name)
    x, y = (int(number) for number in match.groups()) if match else (0, 0)
    lat = max(-90.0, min(90.0, y / _STATIONS_PER_DEGREE - 90))
    return lat, math.remainder(x / _STATIONS_PER_DEGREE - 180, 360)


def _zones(origin: str, forecast: str = "forecastZone") -> dict[str, str]:
    """Return the URLs of the zones of a place. *forecast* is the key of the first, which differs for a station."""
    return {
        forecast: f"{origin}/zones/forecast/SIZ001",
        "county": f"{origin}/zones/county/SIC001",
        "fireWeatherZone": f"{origin}/zones/fire/SIZ001",
    }


def _feature(url: str, lat: float, lon: float, properties: dict[str, Any]) -> dict[str, Any]:
    return {"id": url, **_geometry(lat, lon), "properties": {"@id": url, **properties}}


def _geometry(lat: float, lon: float) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}}
