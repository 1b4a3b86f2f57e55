"""Open-Meteo's forecast API, after https://open-meteo.com/en/docs."""

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

_GRID = 0.02  # degrees, the grid of the finest real model


def handle_forecast(query: Query, now: datetime, clock: WeatherClock = REAL_TIME) -> StatusAndBody:
    """Handle ``/v1/forecast``: an object for one location, a list for several, 400 for an invalid request."""
    try:
        request = parse_forecast_request(query)
    except RejectedRequestError as error:
        return error_response(error)
    bodies = [_body(request, point, now, clock, index) for index, point in enumerate(request.points)]
    return 200, bodies if len(bodies) > 1 else bodies[0]


def _body(
    request: ForecastRequest, point: ForecastPoint, now: datetime, clock: WeatherClock, index: int
) -> dict[str, Any]:
    context = _context(request, point, now, clock)
    return {
        "simulated": True,
        "latitude": _grid_coordinate(point.lat, 90),
        "longitude": _grid_coordinate(point.lon, 180),
        "generationtime_ms": 0.25,
        "utc_offset_seconds": context.utc_offset,
        "timezone": point.timezone.key,
        "timezone_abbreviation": _timezone_abbreviation(context.utc_offset),
        **({} if math.isnan(point.elevation) else {"elevation": point.elevation}),
        **({"location_id": index} if index else {}),
        **_sections(request, context),
    }


def _sections(request: ForecastRequest, context: ForecastContext) -> dict[str, Any]:
    """Return the requested sections in the order of the real service."""
    sections: dict[str, Any] = {}
    if request.current_weather:
        sections |= legacy_current_section(context)
    if names := request.sections["current"]:
        sections |= current_section(context, names)
    if names := request.sections["minutely_15"]:
        sections |= time_series_section(context, "minutely_15", names, 900, request.spans.get("minutely_15"))
    if names := request.sections["hourly"]:
        sections |= time_series_section(context, "hourly", names, 3600, request.spans.get("hourly"))
    if names := request.sections["daily"]:
        sections |= daily_section(context, names)
    return sections


def _context(request: ForecastRequest, point: ForecastPoint, now: datetime, clock: WeatherClock) -> ForecastContext:
    offset = now.astimezone(point.timezone).utcoffset()
    return ForecastContext(
        lat=point.lat,
        lon=point.lon,
        now=now.timestamp(),
        utc_offset=int(offset.total_seconds()) if offset else 0,
        past_days=request.past_days,
        forecast_days=request.forecast_days,
        units=request.units,
        unixtime=request.unixtime,
        clock=clock,
    )


def _grid_coordinate(degrees: float, limit: int) -> float:
    """Return the centre of the grid cell, with the rounding error of the service's single precision."""
    index = round((degrees + limit) / _GRID)
    return float(f"{_to_single(_to_single(index * _GRID) - limit):.8g}")


def _to_single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _timezone_abbreviation(offset: int) -> str:
    """Format an offset from UTC in seconds like the service: GMT, GMT+2, GMT-3:30."""
    if not offset:
        return "GMT"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"GMT{'-' if offset < 0 else '+'}{hours}{f':{minutes:02}' if minutes else ''}"
