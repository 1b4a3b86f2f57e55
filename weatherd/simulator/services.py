"""The simulated endpoints: where each is, who answers, and how each service words its troubles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from weatherd.simulator import geocoding, open_meteo, openweathermap
from weatherd.simulator.weather_request import INVALID_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.simulator.pace import Pace
    from weatherd.simulator.query import Answer, Query

Troubles: TypeAlias = dict[str, tuple[int, Any]]  # what a service says for a fault; a string is plain text

_OPEN_METEO: Troubles = {
    "401": (401, {"error": True, "reason": "API key required. Please add &apikey= to the URL."}),
    "429": (
        429,
        {"error": True, "reason": "Minutely API request limit exceeded. Please try again in one minute."},
    ),
    "500": (500, {"error": True, "reason": "Something went wrong."}),
}
_BLOCKED = (
    "Your account is temporary blocked due to exceeding of requests limitation of your subscription type. "
    "Please choose the proper subscription http://openweathermap.org/price"
)
_OPENWEATHERMAP: Troubles = {
    "401": (401, {"cod": 401, "message": INVALID_KEY}),
    "429": (429, {"cod": 429, "message": _BLOCKED}),
    "500": (500, "500 Internal error: 500001"),
}


@dataclass(frozen=True, slots=True)
class Service:
    """An endpoint of a service."""

    path: str
    answer: Callable[[Query, datetime, Pace], Answer]
    troubles: Troubles
    nan: str  # how it misspells numbers that it does not have
    post: bool = False


def _search(query: Query, _now: datetime, _pace: Pace) -> Answer:
    return geocoding.search(query)


def _get(query: Query, _now: datetime, _pace: Pace) -> Answer:
    return geocoding.get(query)


SERVICES = (
    Service("/v1/forecast", open_meteo.forecast, _OPEN_METEO, "nan", post=True),
    Service("/v1/search", _search, _OPEN_METEO, "nan"),
    Service("/v1/get", _get, _OPEN_METEO, "nan"),
    Service("/data/2.5/weather", openweathermap.weather, _OPENWEATHERMAP, "NaN"),
)


def not_found(path: str) -> Answer:
    """Answer for a path that there is not, in the words of the service that it looks like."""
    if path.startswith("/data/"):
        return 404, {"cod": "404", "message": "not found"}
    return 404, {"error": True, "reason": "Not Found"}


def about() -> str:
    """Say in plain text what this is, and which endpoints there are."""
    paths = [f"  {'GET or POST' if service.post else 'GET'} {service.path}" for service in SERVICES]
    return "\n".join(
        [
            "weatherd's simulator: weather made up of place and time alone. Nothing here is measured.",
            *("", *paths, ""),
            "The first three speak Open-Meteo's protocol, the last OpenWeatherMap's, which takes any key.",
            "",
        ]
    )
