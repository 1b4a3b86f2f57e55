"""Bright Sky's ``/alerts`` for a place, after https://brightsky.dev/docs/#/operations/getAlerts."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.simulator.bright_sky import read_degrees
from weatherd.simulator.query import RejectedRequestError, ServiceRequest, StatusAndBody
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.warning_script import ScriptedMessage, scripted_messages

if TYPE_CHECKING:
    from datetime import datetime

_AREA = ((47.2, 55.1), (5.8, 15.1))  # degrees of latitude and longitude: Germany
_FOG_NORTH_OF = 52.0  # degrees
_EVENTS = MappingProxyType({"storm": (52, "gale-force gusts", "STURMBÖEN"), "fog": (59, "fog", "NEBEL")})


def handle_alerts(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Return 200 with the warnings of a place, 404 outside Germany, 422 for invalid coordinates.

    Without coordinates, return the warnings of Germany with their communes. A cancelled warning is just gone.
    """
    messages = [message for message in scripted_messages(now, clock) if not message.is_cancelled]
    if "lat" not in request.query and "lon" not in request.query:
        alerts = [_alert(message, number) | _communes(message) for number, message in enumerate(messages, 1)]
        return 200, {"simulated": True, "alerts": alerts}
    try:
        lat, lon = read_degrees(request.query, "lat", 90), read_degrees(request.query, "lon", 180)
    except RejectedRequestError as error:
        return error.status, {"detail": [{"type": "value_error", "loc": ["query"], "msg": str(error)}]}
    if not all(low <= value <= high for (low, high), value in zip(_AREA, (lat, lon), strict=True)):
        return 404, {"detail": "Requested position is not covered by the DWD"}
    cell = _find_commune(round(lat * 10), round(lon * 10))
    return 200, {
        "simulated": True,
        "alerts": [
            _alert(message, number)
            for number, message in enumerate(messages, 1)
            if not message.is_local or round(lat * 10) > _FOG_NORTH_OF * 10
        ],
        "location": {
            "warn_cell_id": cell,
            "name": f"Stadt Simulated {cell}",
            "name_short": "Simulated",
            "district": "",
        },
    }


def _find_commune(lat: int, lon: int) -> int:
    """Return the commune at a place, in tenths of degrees."""
    return 800_000_000 + lat * 1000 + lon


def _communes(message: ScriptedMessage) -> dict[str, Any]:
    (south, north), (west, east) = _AREA
    begin = _FOG_NORTH_OF if message.is_local else south
    lats, lons = (
        range(round(begin * 10) + message.is_local, round(north * 10) + 1),
        range(round(west * 10), round(east * 10) + 1),
    )
    return {"warn_cell_ids": [_find_commune(lat, lon) for lat in lats for lon in lons]}


def _alert(message: ScriptedMessage, number: int) -> dict[str, Any]:
    """Return a warning. Its ``id`` is reused by others, as that of the real service is."""
    code, english, german = _EVENTS.get(message.event, (98, "test", "TEST"))
    return {
        "id": number,
        "alert_id": f"2.49.0.0.276.0.DWD.PVW.{int(message.sent.timestamp())}000.{message.message_id}",
        "effective": message.sent.isoformat(),
        "onset": message.onset.isoformat(),
        "expires": message.ends.isoformat(),
        "category": "met",
        "response_type": "prepare",
        "urgency": "immediate",
        "severity": message.severity,
        "certainty": "likely",
        "event_code": code,
        "event_en": english,
        "event_de": german,
        "headline_en": f"Official WARNING of {english.upper()}",
        "headline_de": f"Amtliche WARNUNG vor {german}",
        "description_en": f"There is a simulated risk of {english}.\nSeverity: {message.severity}",
        "description_de": f"Simuliert: {german}.",
        "instruction_en": None,
        "instruction_de": "ACHTUNG! Das ist simuliert.",
        "status": "test" if message.event == "test" else "actual",
    }
