"""MET Norway's MetAlerts: the warnings of Norway, with their polygons and caching headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any

from weatherd.simulator.met_norway.forecast import check_user_agent
from weatherd.simulator.query import RejectedRequestError, ServiceRequest, ServiceResponse, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.warning_script import ScriptedMessage, scripted_messages

_LIFETIME = timedelta(seconds=60)
_NORWAY = ((57.5, 71.5), (4.0, 31.5))  # degrees of latitude and longitude
_SOUTH = ((57.5, 61.0), (4.0, 13.0))
_COLORS = MappingProxyType(
    {"minor": "2; yellow; Moderate", "moderate": "2; yellow; Moderate", "severe": "3; orange; Severe"}
)
_EVENTS = MappingProxyType({"storm": ("wind", "Vind", "Wind"), "fog": ("icing", "Ising", "Icing")})


def handle_current(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``current.json``: all warnings, 304 if they have not changed. A cancelled one is just gone."""
    try:
        check_user_agent(request.headers)
    except RejectedRequestError as error:
        return ServiceResponse(error.status, f"{error}\n")
    messages = [message for message in scripted_messages(now, clock) if not message.is_cancelled]
    # A minute back for each message fewer, so that a message that ends changes the time too
    changed = max(message.sent for message in messages) - timedelta(minutes=len(messages))
    headers = {
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Expires": format_datetime((now + _LIFETIME).astimezone(UTC), usegmt=True),
        "Last-Modified": format_datetime(changed, usegmt=True),
    }
    if request.headers.get("If-Modified-Since") == headers["Last-Modified"]:
        return ServiceResponse(304, None, headers)
    language = last_value(request.query, "lang", "no")
    features = [_feature(message, language) for message in messages]
    body = {"type": "FeatureCollection", "lang": language, "lastChange": changed.isoformat(), "features": features}
    return ServiceResponse(200, body | {"simulated": True}, headers)


def _feature(message: ScriptedMessage, language: str) -> dict[str, Any]:
    event, norwegian, english = _EVENTS.get(message.event, ("rain", "Regn", "Rain"))
    name, (latitudes, longitudes) = (
        (english if language == "en" else norwegian),
        _SOUTH if message.is_local else _NORWAY,
    )
    area = "Simulert"
    times = [message.onset.isoformat(), message.ends.isoformat()]
    properties = {
        "id": f"2.49.0.1.578.0.{message.sent:%Y%m%d%H%M%S}.{message.message_id}",
        "type": "Alert" if message.action == "NEW" else "Update",
        "title": ", ".join([name, area, *times]),
        "area": area,
        "event": event,
        "eventAwarenessName": name,
        "awareness_level": _COLORS[message.severity],
        "awareness_type": "1; Wind",
        "severity": _COLORS[message.severity].rpartition(" ")[2],
        "certainty": "Likely",
        "riskMatrixColor": _COLORS[message.severity].split("; ")[1].title(),
        "status": "Test" if message.event == "test" else "Actual",
        "description": f"{name}, simulert.",
        "instruction": "Simulert.",
        "county": ["03"],
        "geographicDomain": "land",
        "eventEndingTime": times[1],
        "altitude_above_sea_level": 0,
        "ceiling_above_sea_level": 274,
        "contact": "https://www.met.no/kontakt-oss",
        "web": "https://www.met.no/",
        "resources": [],
    }
    return {
        "type": "Feature",
        "geometry": _box(latitudes, longitudes),
        "when": {"interval": times},
        "properties": properties,
    }


def _box(latitudes: tuple[float, float], longitudes: tuple[float, float]) -> dict[str, Any]:
    (south, north), (west, east) = latitudes, longitudes
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}
