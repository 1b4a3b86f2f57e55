"""The simulated endpoints: where each is, who answers, and how each service words its troubles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from weatherd.simulator import bright_sky
from weatherd.simulator.met_norway import compact as met_norway
from weatherd.simulator.nws import endpoints as nws
from weatherd.simulator.open_meteo import forecast as open_meteo
from weatherd.simulator.open_meteo import geocoding
from weatherd.simulator.openweathermap import current as openweathermap
from weatherd.simulator.openweathermap.request import INVALID_KEY
from weatherd.simulator.quotas import BLOCKED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.simulator.query import Answer, Query, Question, Reply
    from weatherd.simulator.sky.clock import Pace

Troubles: TypeAlias = dict[str, tuple[int, Any]]  # what a service says for a fault; a string is plain text

_OPEN_METEO: Troubles = {
    "401": (401, {"error": True, "reason": "API key required. Please add &apikey= to the URL."}),
    "429": (
        429,
        {"error": True, "reason": "Minutely API request limit exceeded. Please try again in one minute."},
    ),
    "500": (500, {"error": True, "reason": "Something went wrong."}),
}
_OPENWEATHERMAP: Troubles = {
    "401": (401, {"cod": 401, "message": INVALID_KEY}),
    "429": (429, {"cod": 429, "message": BLOCKED}),
    "500": (500, "500 Internal error: 500001"),
}


_MET_NORWAY: Troubles = {
    "401": (403, "403 Forbidden\n"),
    "429": (429, "429 Too Many Requests: slow down\n"),
    "500": (500, "500 Internal Server Error\n"),
}
_BRIGHT_SKY: Troubles = {
    "401": (403, "Forbidden"),
    "429": (429, "Too Many Requests"),
    "500": (500, "Internal Server Error"),
}
_NWS: Troubles = {
    "401": (403, {"title": "Forbidden", "type": "https://api.weather.gov/problems/Forbidden", "status": 403}),
    "429": (429, {"title": "Too Many Requests", "status": 429, "detail": "Rate limit exceeded; wait 5 seconds."}),
    "500": (500, {"title": "Unexpected Problem", "status": 500, "detail": "An unexpected problem has occurred."}),
}


@dataclass(frozen=True, slots=True)
class Service:
    """An endpoint of a service."""

    name: str  # of the whole service, as weatherd calls it
    path: str  # with placeholders, as aiohttp writes them
    answer: Callable[[Question, datetime, Pace], Answer | Reply]
    troubles: Troubles
    nan: str  # how it misspells numbers that it does not have
    post: bool = False


def _asked(answer: Callable[[Query, datetime, Pace], Answer]) -> Callable[[Question, datetime, Pace], Answer]:
    """Let an endpoint be that looks at the parameters alone."""
    return lambda question, now, pace: answer(question.query, now, pace)


def _search(question: Question, _now: datetime, _pace: Pace) -> Answer:
    return geocoding.search(question.query)


def _get(question: Question, _now: datetime, _pace: Pace) -> Answer:
    return geocoding.get(question.query)


_FORECAST = "/weatherapi/locationforecast/2.0"
_OBSERVATIONS = "/stations/{station}/observations"
SERVICES = (
    Service("open-meteo", "/v1/forecast", _asked(open_meteo.forecast), _OPEN_METEO, "nan", post=True),
    Service("geocoding", "/v1/search", _search, _OPEN_METEO, "nan"),
    Service("geocoding", "/v1/get", _get, _OPEN_METEO, "nan"),
    Service("openweathermap", "/data/2.5/weather", _asked(openweathermap.weather), _OPENWEATHERMAP, "NaN"),
    Service("met-norway", f"{_FORECAST}/compact", met_norway.compact, _MET_NORWAY, "NaN"),
    Service("met-norway", f"{_FORECAST}/complete", met_norway.compact, _MET_NORWAY, "NaN"),
    Service("bright-sky", "/current_weather", _asked(bright_sky.current_weather), _BRIGHT_SKY, "NaN"),
    Service("nws", "/points/{point}", nws.point, _NWS, "NaN"),
    Service("nws", "/gridpoints/SIM/{x},{y}/stations", nws.stations, _NWS, "NaN"),
    Service("nws", f"{_OBSERVATIONS}/latest", nws.latest, _NWS, "NaN"),
    Service("nws", _OBSERVATIONS, nws.observations, _NWS, "NaN"),
    Service("nws", f"{_OBSERVATIONS}/", nws.observations, _NWS, "NaN"),
)


def not_found(path: str) -> Answer | Reply:
    """Answer for a path that there is not, in the words of the service that it looks like."""
    if path.startswith("/data/"):
        return 404, {"cod": "404", "message": "not found"}
    if path.startswith("/weatherapi/"):
        return 404, "404 Not Found\n"
    if path.startswith(("/stations/", "/gridpoints/", "/points/")):
        return nws.problem(404, "NotFound", "Not Found", "There is nothing under this address")
    return 404, {"error": True, "reason": "Not Found"}


def about() -> str:
    """Say in plain text what this is, and which endpoints there are."""
    paths = [f"  {service.name:15} {'GET or POST' if service.post else 'GET'} {service.path}" for service in SERVICES]
    return "\n".join(
        [
            "weatherd's simulator: weather made up of place and time alone. Nothing here is measured.",
            *("", *paths, ""),
            "OpenWeatherMap takes any key. GET /_stats counts what was asked.",
            "",
        ]
    )
