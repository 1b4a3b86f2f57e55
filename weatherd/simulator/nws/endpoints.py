"""The US National Weather Service: points, the stations near them, and what a station observes."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.simulator.nws.observation import observation
from weatherd.simulator.query import Question, Reply, last, whole
from weatherd.simulator.sky.clock import REAL_TIME, Pace

if TYPE_CHECKING:
    from collections.abc import Iterable

_JSON = "application/geo+json"
_PROBLEM = "application/problem+json"
_AREA = ((18.0, 72.0), (-180.0, -64.0))  # degrees: the States, with Hawaii and Alaska
_GRID = 4  # pretended stations a degree
_NEAR = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
_MINUTE = 53  # of the hour at which stations observe
_ID = re.compile(r"S(\d{4})(\d{3})")


def point(question: Question, _now: datetime, _pace: Pace = REAL_TIME) -> Reply:
    """Answer ``/points/{lat},{lon}``; one with more than four decimals, or zeros at their end, is sent elsewhere."""
    if refusal := _refused(question, ()):
        return refusal
    match = re.fullmatch(r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)", question.path["point"], re.ASCII)
    if not match:
        return problem(404, "NotFound", "Not Found", "The point is no pair of coordinates")
    exact = ",".join(f"{float(degrees):.4f}".rstrip("0").rstrip(".") for degrees in match.groups())
    if exact != question.path["point"]:
        headers = {"Location": f"/points/{exact}"}
        return problem(301, "AdjustPointPrecision", "Adjusting Precision", "Four decimals at the most", headers)
    lat, lon = (float(degrees) for degrees in match.groups())
    if not all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return problem(404, "InvalidPoint", "Data Unavailable", f"Unable to provide data for requested point {exact}")
    x, y = round((lon + 180) * _GRID), round((lat + 90) * _GRID)
    grid = f"{question.base}/gridpoints/SIM/{x},{y}"
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
        "county": f"{question.base}/zones/county/SIM001",
        "forecastZone": f"{question.base}/zones/forecast/SIM001",
        "fireWeatherZone": f"{question.base}/zones/fire/SIM001",
    }
    return Reply(200, _feature(lat, lon, properties), {}, _JSON)


def stations(question: Question, _now: datetime, _pace: Pace = REAL_TIME) -> Reply:
    """Answer ``/gridpoints/SIM/{x},{y}/stations``: the nearest first."""
    if refusal := _refused(question, ("limit", "cursor")):
        return refusal
    x, y = (whole(number) for number in (question.path["x"], question.path["y"]))
    if x is None or y is None or x >= 360 * _GRID or y >= 180 * _GRID:
        return problem(404, "NotFound", "Not Found", "There is no such grid point")
    names = [f"S{x + east:04}{y + north:03}" for east, north in _NEAR]
    features = [
        _feature(*_site(name), {"stationIdentifier": name, "name": f"Simulated {name}", "timeZone": "America/Chicago"})
        for name in names
    ]
    urls = [f"{question.base}/stations/{name}" for name in names]
    return Reply(200, {"type": "FeatureCollection", "features": features, "observationStations": urls}, {}, _JSON)


def latest(question: Question, now: datetime, pace: Pace = REAL_TIME) -> Reply:
    """Answer ``/stations/{id}/observations/latest``."""
    if refusal := _refused(question, ("require_qc",)):
        return refusal
    if not _ID.fullmatch(question.path["station"]):
        return _no_station()
    return Reply(200, _observed(question, _newest(now), pace), {}, _JSON)


def observations(question: Question, now: datetime, pace: Pace = REAL_TIME) -> Reply:
    """Answer ``/stations/{id}/observations``: the newest first, ``limit`` of them."""
    if refusal := _refused(question, ("limit", "start", "end", "cursor")):
        return refusal
    if not _ID.fullmatch(question.path["station"]):
        return _no_station()
    count = min(whole(last(question.query, "limit")) or 24, 500)
    times = (_newest(now) - timedelta(hours=n) for n in range(count))
    features = [_observed(question, time, pace) for time in times]
    return Reply(200, {"type": "FeatureCollection", "features": features}, {}, _JSON)


def problem(status: int, kind: str, title: str, detail: str, headers: dict[str, str] | None = None) -> Reply:
    """Make an error in the service's form."""
    body = {
        "correlationId": "simulated",
        "title": title,
        "type": f"https://api.weather.gov/problems/{kind}",
        "status": status,
        "detail": detail,
        "instance": "https://api.weather.gov/requests/simulated",
    }
    return Reply(status, body, headers or {}, _PROBLEM)


def _no_station() -> Reply:
    return problem(404, "NotFound", "Not Found", "There is no such station")


def _refused(question: Question, known: Iterable[str]) -> Reply | None:
    if not question.headers.get("User-Agent"):
        return problem(403, "Forbidden", "Forbidden", "Name your program in the User-Agent")
    unknown = sorted(question.query.keys() - set(known))
    return problem(400, "BadRequest", "Bad Request", f"Unknown parameter {unknown[0]}") if unknown else None


def _newest(now: datetime) -> datetime:
    hour = now.astimezone(UTC).replace(minute=_MINUTE, second=0, microsecond=0)
    return hour if hour <= now else hour - timedelta(hours=1)


def _observed(question: Question, time: datetime, pace: Pace) -> dict[str, Any]:
    name = question.path["station"]
    lat, lon = _site(name)
    return _feature(lat, lon, observation(f"{question.base}/stations/{name}", lat, lon, time, pace))


def _site(name: str) -> tuple[float, float]:
    match = _ID.fullmatch(name)
    x, y = (int(number) for number in match.groups()) if match else (0, 0)
    return max(-90.0, min(90.0, y / _GRID - 90)), math.remainder(x / _GRID - 180, 360)


def _feature(lat: float, lon: float, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": properties}
