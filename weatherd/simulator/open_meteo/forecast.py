"""Open-Meteo's forecast service: a query in, a status and a JSON body out."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from weatherd.simulator.open_meteo.geocoding import error_response
from weatherd.simulator.open_meteo.request import ForecastPoint, ForecastRequest, parse_forecast_request
from weatherd.simulator.open_meteo.sections import (
    ForecastContext,
    current_section,
    daily_section,
    legacy_current_section,
    time_series_section,
)
from weatherd.simulator.query import Query, RejectedRequestError, StatusAndBody
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock

if TYPE_CHECKING:
    from datetime import datetime

_GRID = 0.02  # degrees, as the finest of the real models


def handle_forecast(query: Query, now: datetime, pace: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Answer ``/v1/forecast``: an object for one place, a list for several, 400 for what is wrong."""
    try:
        request = parse_forecast_request(query)
    except RejectedRequestError as refusal:
        return error_response(refusal)
    bodies = [_body(request, point, now, pace, index) for index, point in enumerate(request.points)]
    return 200, bodies if len(bodies) > 1 else bodies[0]


def _body(
    request: ForecastRequest, point: ForecastPoint, now: datetime, pace: WeatherClock, index: int
) -> dict[str, Any]:
    view = _view(request, point, now, pace)
    return {
        "simulated": True,
        "latitude": _cell(point.lat, 90),
        "longitude": _cell(point.lon, 180),
        "generationtime_ms": 0.25,
        "utc_offset_seconds": view.offset,
        "timezone": point.zone.key,
        "timezone_abbreviation": _abbreviation(view.offset),
        **({} if math.isnan(point.elevation) else {"elevation": point.elevation}),
        **({"location_id": index} if index else {}),
        **_sections(request, view),
    }


def _sections(request: ForecastRequest, view: ForecastContext) -> dict[str, Any]:
    """Make the sections that were asked for, in the real service's order."""
    made: dict[str, Any] = {}
    if request.current_weather:
        made |= legacy_current_section(view)
    if names := request.sections["current"]:
        made |= current_section(view, names)
    if names := request.sections["minutely_15"]:
        made |= time_series_section(view, "minutely_15", names, 900)
    if names := request.sections["hourly"]:
        made |= time_series_section(view, "hourly", names, 3600)
    if names := request.sections["daily"]:
        made |= daily_section(view, names)
    return made


def _view(request: ForecastRequest, point: ForecastPoint, now: datetime, pace: WeatherClock) -> ForecastContext:
    offset = now.astimezone(point.zone).utcoffset()
    return ForecastContext(
        lat=point.lat,
        lon=point.lon,
        now=now.timestamp(),
        offset=int(offset.total_seconds()) if offset else 0,
        past_days=request.past_days,
        forecast_days=request.forecast_days,
        units=request.units,
        unixtime=request.unixtime,
        pace=pace,
    )


def _cell(degrees: float, edge: int) -> float:
    """Return the centre of the grid cell, with the noise of the service's single precision."""
    index = round((degrees + edge) / _GRID)
    return float(f"{_single(_single(index * _GRID) - edge):.8g}")


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _abbreviation(offset: int) -> str:
    """Write an offset from UTC as the service does: GMT, GMT+2, GMT-3:30."""
    if not offset:
        return "GMT"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"GMT{'-' if offset < 0 else '+'}{hours}{f':{minutes:02}' if minutes else ''}"
