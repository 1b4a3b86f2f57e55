"""Table of the simulated endpoints: their paths, their handlers, and each service's error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from weatherd.simulator import bright_sky, bright_sky_alerts, bright_sky_hours, pirate_weather
from weatherd.simulator.met_norway import alerts as met_alerts
from weatherd.simulator.met_norway import forecast as met_norway
from weatherd.simulator.metar import endpoints as metar
from weatherd.simulator.nws import alerts as nws_alerts
from weatherd.simulator.nws import endpoints as nws
from weatherd.simulator.open_meteo import forecast as open_meteo
from weatherd.simulator.open_meteo import geocoding
from weatherd.simulator.openweathermap import current as openweathermap
from weatherd.simulator.openweathermap.request import INVALID_KEY
from weatherd.simulator.quotas import ACCOUNT_BLOCKED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.simulator.query import Query, ServiceRequest, ServiceResponse, StatusAndBody
    from weatherd.simulator.sky.clock import WeatherClock

    Handler: TypeAlias = Callable[[ServiceRequest, datetime, WeatherClock], StatusAndBody | ServiceResponse]

ErrorResponses: TypeAlias = dict[str, tuple[int, Any]]  # kind of fault: status and body; a string is plain text

_OPEN_METEO: ErrorResponses = {
    "401": (401, {"error": True, "reason": "API key required. Please add &apikey= to the URL."}),
    "429": (
        429,
        {"error": True, "reason": "Minutely API request limit exceeded. Please try again in one minute."},
    ),
    "500": (500, {"error": True, "reason": "Something went wrong."}),
}
_OPENWEATHERMAP: ErrorResponses = {
    "401": (401, {"cod": 401, "message": INVALID_KEY}),
    "429": (429, {"cod": 429, "message": ACCOUNT_BLOCKED}),
    "500": (500, "500 Internal error: 500001"),
}
_MET_NORWAY: ErrorResponses = {
    "401": (403, "403 Forbidden\n"),
    "429": (429, "429 Too Many Requests: slow down\n"),
    "500": (500, "500 Internal Server Error\n"),
}
_BRIGHT_SKY: ErrorResponses = {
    "401": (403, "Forbidden"),
    "429": (429, "Too Many Requests"),
    "500": (500, "Internal Server Error"),
}
_NWS: ErrorResponses = {
    "401": (403, {"title": "Forbidden", "type": "https://api.weather.gov/problems/Forbidden", "status": 403}),
    "429": (429, {"title": "Too Many Requests", "status": 429, "detail": "Rate limit exceeded; wait 5 seconds."}),
    "500": (500, {"title": "Unexpected Problem", "status": 500, "detail": "An unexpected problem has occurred."}),
}
_METAR: ErrorResponses = {
    "401": (403, "Forbidden"),
    "429": (429, {"status": "error", "error": "Too many requests"}),
    "500": (500, {"status": "error", "error": "Internal server error"}),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint of a simulated service."""

    service: str  # weatherd's name of the provider
    path: str  # with placeholders in aiohttp's syntax
    handle: Handler
    error_responses: ErrorResponses
    nan_literal: str  # how the service spells NaN in its JSON
    accepts_post: bool = False


def _with_query_only(handle: Callable[[Query, datetime, WeatherClock], StatusAndBody]) -> Handler:
    """Adapt a handler that needs only the query parameters."""
    return lambda request, now, clock: handle(request.query, now, clock)


def _without_time(handle: Callable[[Query], StatusAndBody]) -> Handler:
    """Adapt a handler whose response does not depend on the time."""
    return lambda request, _now, _clock: handle(request.query)


_FORECAST = _with_query_only(open_meteo.handle_forecast)
_WEATHER = _with_query_only(openweathermap.handle_weather)
_STATION_REPORT = _with_query_only(bright_sky.handle_current_weather)
_STATION_HOURS = _with_query_only(bright_sky_hours.handle_hours)
_LOCATIONFORECAST = "/weatherapi/locationforecast/2.0"
_OBSERVATIONS = "/stations/{station}/observations"
ENDPOINTS = (
    Endpoint("open-meteo", "/v1/forecast", _FORECAST, _OPEN_METEO, "nan", accepts_post=True),
    Endpoint("geocoding", "/v1/search", _without_time(geocoding.handle_search), _OPEN_METEO, "nan"),
    Endpoint("geocoding", "/v1/get", _without_time(geocoding.handle_get), _OPEN_METEO, "nan"),
    Endpoint("openweathermap", "/data/2.5/weather", _WEATHER, _OPENWEATHERMAP, "NaN"),
    Endpoint("met-norway", f"{_LOCATIONFORECAST}/compact", met_norway.handle_compact, _MET_NORWAY, "NaN"),
    Endpoint("met-norway", f"{_LOCATIONFORECAST}/complete", met_norway.handle_complete, _MET_NORWAY, "NaN"),
    Endpoint("bright-sky", "/current_weather", _STATION_REPORT, _BRIGHT_SKY, "NaN"),
    Endpoint("bright-sky", "/weather", _STATION_HOURS, _BRIGHT_SKY, "NaN"),
    Endpoint("met-norway", "/weatherapi/metalerts/2.0/current.json", met_alerts.handle_current, _MET_NORWAY, "NaN"),
    Endpoint("bright-sky", "/alerts", bright_sky_alerts.handle_alerts, _BRIGHT_SKY, "NaN"),
    Endpoint("pirate-weather", "/forecast/{key}/{place}", pirate_weather.handle_warnings, _BRIGHT_SKY, "NaN"),
    Endpoint("metar", "/api/data/metar", metar.handle_metar, _METAR, "NaN"),
    Endpoint("metar", "/api/data/stationinfo", metar.handle_stationinfo, _METAR, "NaN"),
    Endpoint("nws", "/alerts/active", nws_alerts.handle_active_alerts, _NWS, "NaN"),
    Endpoint("nws", "/points/{point}", nws.handle_point, _NWS, "NaN"),
    Endpoint("nws", "/gridpoints/SIM/{x},{y}/stations", nws.handle_stations, _NWS, "NaN"),
    Endpoint("nws", f"{_OBSERVATIONS}/latest", nws.handle_latest_observation, _NWS, "NaN"),
    Endpoint("nws", _OBSERVATIONS, nws.handle_observations, _NWS, "NaN"),
    Endpoint("nws", f"{_OBSERVATIONS}/", nws.handle_observations, _NWS, "NaN"),
)


def not_found_response(path: str) -> StatusAndBody | ServiceResponse:
    """Return the 404 response of the service whose paths resemble *path*."""
    if path.startswith("/data/"):
        return 404, {"cod": "404", "message": "not found"}
    if path.startswith("/weatherapi/"):
        return 404, "404 Not Found\n"
    if path.startswith(("/alerts/", "/stations/", "/gridpoints/", "/points/")):
        return nws.nws_problem(404, "NotFound", "Not Found", "There is nothing under this address")
    return 404, {"error": True, "reason": "Not Found"}


def describe_endpoints() -> str:
    """Return a plain text that describes the simulator and lists its endpoints."""
    paths = [
        f"  {endpoint.service:15} {'GET or POST' if endpoint.accepts_post else 'GET'} {endpoint.path}"
        for endpoint in ENDPOINTS
    ]
    return "\n".join(
        [
            "weatherd's simulator: weather made up of place and time alone. Nothing here is measured.",
            *("", *paths, ""),
            "OpenWeatherMap takes any key. GET /_stats counts what was asked.",
            "",
        ]
    )
