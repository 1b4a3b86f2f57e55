"""Parsing of OpenWeatherMap's parameters, with the real service's error messages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.simulator.places.gazetteer import find_by_id, find_by_name, nearest_place
from weatherd.simulator.query import Query, RejectedRequestError, last_value, parse_whole_number

if TYPE_CHECKING:
    from weatherd.simulator.places.places import GazetteerEntry

_PLACE_RADIUS = 30.0  # km within which coordinates get the name of a place
INVALID_KEY = "Invalid API key. Please see http://openweathermap.org/faq#error401 for more info."


@dataclass(frozen=True, slots=True)
class UnitSystem:
    """Units of a response: °C times ``factor`` plus ``offset``, and m/s times ``speed_factor``."""

    factor: float = 1.0
    offset: float = 273.15
    speed_factor: float = 1.0

    def convert_temperature(self, celsius: float) -> float:
        """Convert and round a temperature like the service."""
        return round(celsius * self.factor + self.offset, 2)

    def convert_speed(self, speed: float) -> float:
        """Convert and round a wind speed in m/s like the service."""
        return round(speed * self.speed_factor, 2)


_UNIT_SYSTEMS = {"metric": UnitSystem(offset=0.0), "imperial": UnitSystem(1.8, 32.0, 2.236936)}


@dataclass(frozen=True, slots=True)
class WeatherRequest:
    """Valid request for current weather."""

    lat: float
    lon: float
    place: GazetteerEntry | None  # whose name the response has
    units: UnitSystem


def parse_weather_request(query: Query) -> WeatherRequest:
    """Parse a query, or raise RejectedRequestError with its status.

    Any key is accepted, except one that begins with ``invalid``. Unknown units mean kelvin.
    """
    _check_key(query)
    if (mode := last_value(query, "mode") or "json") != "json":
        raise RejectedRequestError(f"mode {mode} is not simulated, only json")
    lat, lon, place = _locate(query)
    return WeatherRequest(lat, lon, place, _UNIT_SYSTEMS.get(last_value(query, "units"), UnitSystem()))


def _check_key(query: Query) -> None:
    key = last_value(query, "appid") or last_value(query, "APPID")
    if not key or key.startswith("invalid"):
        raise RejectedRequestError(INVALID_KEY, 401)


def _locate(query: Query) -> tuple[float, float, GazetteerEntry | None]:
    if last_value(query, "lat") or last_value(query, "lon"):
        lat, lon = _degrees(query, "lat", "latitude", 90), _degrees(query, "lon", "longitude", 180)
        place, distance = nearest_place(lat, lon)
        return lat, lon, place if distance <= _PLACE_RADIUS else None
    name, place_id = last_value(query, "q"), last_value(query, "id")
    if not name and not place_id:
        raise RejectedRequestError("Nothing to geocode")
    found = _find_place(name) if name else find_by_id(parse_whole_number(place_id))
    if found is None:
        raise RejectedRequestError("city not found", 404)
    return found.latitude, found.longitude, found


def _degrees(query: Query, name: str, title: str, limit: int) -> float:
    try:
        value = float(last_value(query, name))
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:
        raise RejectedRequestError(f"wrong {title}")
    return value


def _find_place(name: str) -> GazetteerEntry | None:
    """Find a place by ``City``, ``City,CC`` or ``City,region,CC``, where CC is a country code."""
    city, *_, country = (part.strip() for part in (name if "," in name else name + ",").split(","))
    places = (place for place in find_by_name(city) if country.upper() in {"", place.country_code})
    return next(places, None)
