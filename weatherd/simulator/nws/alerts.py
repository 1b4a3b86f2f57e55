"""The NWS' ``/alerts/active``: for the whole country, or for a point."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.simulator.nws.endpoints import find_point_problem, nws_problem, reject_parameters
from weatherd.simulator.query import ServiceRequest, ServiceResponse, last_value
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.warning_script import ScriptedMessage, scripted_messages

if TYPE_CHECKING:
    from datetime import datetime

_HEADERS = MappingProxyType({"Cache-Control": "public, max-age=30, s-maxage=30"})
_EVENTS = MappingProxyType({"storm": ("High Wind Warning", "HW.W"), "fog": ("Dense Fog Advisory", "FG.Y")})
_FOG_AREA = ((30.0, 45.0), (-100.0, -70.0))  # degrees of latitude and longitude
_POINT = re.compile(r"(-?\d{1,3}(?:\.\d{1,4})?),(-?\d{1,3}(?:\.\d{1,4})?)", re.ASCII)


def handle_active_alerts(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/alerts/active`` with the parameters ``point`` and ``status``."""
    if rejection := reject_parameters(request, ("point", "status")):
        return rejection
    messages = scripted_messages(now, clock)
    if status := last_value(request.query, "status"):
        messages = [message for message in messages if _status(message).lower() == status.lower()]
    if text := last_value(request.query, "point"):
        match = _POINT.fullmatch(text)
        if not match:
            return nws_problem(400, "BadRequest", "Bad Request", "The point is no pair of coordinates")
        lat, lon = map(float, match.groups())
        if problem := find_point_problem(lat, lon, text):
            return problem
        messages = [message for message in messages if not message.is_local or _has_fog(lat, lon)]
    body = {
        "@context": {"@version": "1.1"},
        "type": "FeatureCollection",
        "features": [_feature(request.origin, message) for message in messages],
        "title": "Current watches, warnings, and advisories",
        "updated": now.isoformat(timespec="seconds"),
        "simulated": True,
    }
    return ServiceResponse(200, body, _HEADERS, "application/geo+json")


def _status(message: ScriptedMessage) -> str:
    return "Test" if message.event == "test" else "Actual"


def _has_fog(lat: float, lon: float) -> bool:
    return all(low <= value <= high for (low, high), value in zip(_FOG_AREA, (lat, lon), strict=True))


def _feature(origin: str, message: ScriptedMessage) -> dict[str, Any]:
    event, code = _EVENTS.get(message.event, ("Test Message", ""))
    url = f"{origin}/alerts/urn:oid:2.49.0.1.840.0.{message.message_id}"
    headline = f"{event} issued {message.sent:%B %-d at %-I:%M%p} UTC until {message.ends:%B %-d at %-I:%M%p} UTC"
    properties = {
        "@id": url,
        "@type": "wx:Alert",
        "id": f"urn:oid:2.49.0.1.840.0.{message.message_id}",
        "areaDesc": "Simulated",
        "geocode": {"SAME": ["000001"], "UGC": ["SIZ001"]},
        "affectedZones": [f"{origin}/zones/forecast/SIZ001"],
        "references": [],
        "sent": message.sent.isoformat(),
        "effective": message.sent.isoformat(),
        "onset": max(message.onset, message.sent).isoformat(),
        "expires": (message.sent + (message.ends - message.sent) / 2).isoformat(),  # long before the end
        "ends": message.ends.isoformat(),
        "status": _status(message),
        "messageType": "Alert",  # also of cancelled ones in this list
        "category": "Met",
        "severity": message.severity.title(),
        "certainty": "Likely",
        "urgency": "Past" if message.is_cancelled else "Expected",
        "event": event,
        "sender": "w-nws.webmaster@noaa.gov",
        "senderName": "NWS Simulated",
        "headline": f"The {event} has been cancelled." if message.is_cancelled else headline,
        "description": f"* WHAT...Simulated {message.event}, {message.severity}.\n\n* WHERE...Simulated.",
        "instruction": None if message.is_cancelled else "This is simulated. There is\nnothing to do.",
        "response": "AllClear" if message.is_cancelled else "Prepare",
        "parameters": {"VTEC": [_vtec(message, code)]} if code else {},
        "language": "en-US",
        "web": "http://www.weather.gov",
    }
    return {
        "id": url,
        "type": "Feature",
        "geometry": _fog_polygon() if message.is_local else None,
        "properties": properties,
    }


def _vtec(message: ScriptedMessage, code: str) -> str:
    number = message.day % 9999 + 1
    begin = f"{message.onset:%y%m%dT%H%MZ}" if message.sent < message.onset else "000000T0000Z"
    return f"/O.{message.action}.KSIM.{code}.{number:04}.{begin}-{message.ends:%y%m%dT%H%MZ}/"


def _fog_polygon() -> dict[str, Any]:
    (south, north), (west, east) = _FOG_AREA
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}
