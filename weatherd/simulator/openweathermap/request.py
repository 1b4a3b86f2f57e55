"""OpenWeatherMap's parameters, understood and checked, with the real service's words of refusal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.simulator.places.gazetteer import find_by_id, find_by_name, nearest_place
from weatherd.simulator.query import Query, RejectedRequestError, last_value, parse_whole_number

if TYPE_CHECKING:
    from weatherd.simulator.places.places import GazetteerEntry

_TOWN = 30.0  # km: how far the name of a place reaches
INVALID_KEY = "Invalid API key. Please see http://openweathermap.org/faq#error401 for more info."


@dataclass(frozen=True, slots=True)
class UnitSystem:
    """The units of an answer: °C times ``factor`` plus ``offset``, and m/s times ``speed``."""

    factor: float = 1.0
    offset: float = 273.15
    speed: float = 1.0

    def temperature(self, celsius: float) -> float:
        """Write a temperature as the service does."""
        return round(celsius * self.factor + self.offset, 2)

    def wind(self, speed: float) -> float:
        """Write a wind speed as the service does."""
        return round(speed * self.speed, 2)


@dataclass(frozen=True, slots=True)
class WeatherRequest:
    """A request for current weather without anything wrong with it."""

    lat: float
    lon: float
    place: GazetteerEntry | None  # that gives it its name
    scales: UnitSystem


def parse_weather_request(query: Query) -> WeatherRequest:
    """Read a query, or raise RefusedError with its status.

    Any key will do, except one that begins with ``invalid``. Units unknown to the service mean Kelvin.
    """
    _check_key(query)
    if (form := last_value(query, "mode") or "json") != "json":
        raise RejectedRequestError(f"mode {form} is not simulated, only json")
    known = {"metric": UnitSystem(offset=0.0), "imperial": UnitSystem(1.8, 32.0, 2.236936)}
    lat, lon, place = _where(query)
    return WeatherRequest(lat, lon, place, known.get(last_value(query, "units"), UnitSystem()))


def _check_key(query: Query) -> None:
    key = last_value(query, "appid") or last_value(query, "APPID")
    if not key or key.startswith("invalid"):
        raise RejectedRequestError(INVALID_KEY, 401)


def _where(query: Query) -> tuple[float, float, GazetteerEntry | None]:
    if last_value(query, "lat") or last_value(query, "lon"):
        lat, lon = _degrees(query, "lat", "latitude", 90), _degrees(query, "lon", "longitude", 180)
        place, away = nearest_place(lat, lon)
        return lat, lon, place if away <= _TOWN else None
    if last_value(query, "q") or last_value(query, "id"):
        found = (
            _named(last_value(query, "q"))
            if last_value(query, "q")
            else find_by_id(parse_whole_number(last_value(query, "id")))
        )
        if found is None:
            raise RejectedRequestError("city not found", 404)
        return found.latitude, found.longitude, found
    raise RejectedRequestError("Nothing to geocode")


def _degrees(query: Query, name: str, word: str, limit: int) -> float:
    try:
        value = float(last_value(query, name))
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:
        raise RejectedRequestError(f"wrong {word}")
    return value


def _named(name: str) -> GazetteerEntry | None:
    """Find a place by ``City``, ``City,CC`` or ``City,region,CC``."""
    city, *_, country = (part.strip() for part in (name if "," in name else name + ",").split(","))
    places = (place for place in find_by_name(city) if country.upper() in {"", place.country_code})
    return next(places, None)
