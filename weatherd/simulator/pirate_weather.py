"""Pirate Weather's forecast of a place, with its official warnings only, after https://docs.pirateweather.net."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.simulator.query import ServiceRequest, ServiceResponse
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.warning_script import ScriptedMessage, scripted_messages

if TYPE_CHECKING:
    from datetime import datetime

_HEADERS = MappingProxyType({"Cache-Control": "max-age=900, must-revalidate"})
_PLACE = re.compile(r"(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)", re.ASCII)
_TITLES = MappingProxyType({"storm": "Strong wind", "fog": "Fog"})


def handle_warnings(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Return 200 with the warnings, 400 for invalid coordinates. A cancelled warning is just gone.

    Each warning is there twice, as those of the real service sometimes are.
    """
    match = _PLACE.fullmatch(request.path["place"])
    if not match:
        return ServiceResponse(400, {"detail": "Invalid Location Specification"})
    messages = [message for message in scripted_messages(now, clock) if message.event in _TITLES]
    alerts = [_alert(message, copy) for message in messages if not message.is_cancelled for copy in "ab"]
    body = {"latitude": float(match[1]), "longitude": float(match[2]), "alerts": alerts, "flags": {"units": "us"}}
    return ServiceResponse(200, body | {"simulated": True}, _HEADERS)


def _alert(message: ScriptedMessage, copy: str) -> dict[str, Any]:
    title = _TITLES[message.event]
    return {
        "title": title,
        "regions": ["Simulated"],
        "severity": message.severity.title(),
        "time": int(message.onset.timestamp()),
        "expires": int(message.ends.timestamp()),
        "description": f"{title}, {message.severity}. Simulated.",
        "uri": f"https://severeweather.wmo.int/v2/cap-alerts/simulated/{message.message_id}/{copy}.xml",
    }
