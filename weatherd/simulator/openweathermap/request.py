"""OpenWeatherMap's parameters, understood and checked, with the real service's words of refusal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.simulator.places.gazetteer import by_id, by_name, nearest
from weatherd.simulator.query import Query, RefusedError, last, whole

if TYPE_CHECKING:
    from weatherd.simulator.places.places import Place

_TOWN = 30.0  # km: how far the name of a place reaches
INVALID_KEY = "Invalid API key. Please see http://openweathermap.org/faq#error401 for more info."


@dataclass(frozen=True, slots=True)
class Scales:
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
    place: Place | None  # that gives it its name
    scales: Scales


def understand_weather(query: Query) -> WeatherRequest:
    """Read a query, or raise RefusedError with its status.

    Any key will do, except one that begins with ``invalid``. Units unknown to the service mean Kelvin.
    """
    _check_key(query)
    if (form := last(query, "mode") or "json") != "json":
        raise RefusedError(f"mode {form} is not simulated, only json")
    known = {"metric": Scales(offset=0.0), "imperial": Scales(1.8, 32.0, 2.236936)}
    lat, lon, place = _where(query)
    return WeatherRequest(lat, lon, place, known.get(last(query, "units"), Scales()))


def _check_key(query: Query) -> None:
    key = last(query, "appid") or last(query, "APPID")
    if not key or key.startswith("invalid"):
        raise RefusedError(INVALID_KEY, 401)


def _where(query: Query) -> tuple[float, float, Place | None]:
    if last(query, "lat") or last(query, "lon"):
        lat, lon = _degrees(query, "lat", "latitude", 90), _degrees(query, "lon", "longitude", 180)
        place, away = nearest(lat, lon)
        return lat, lon, place if away <= _TOWN else None
    if last(query, "q") or last(query, "id"):
        found = _named(last(query, "q")) if last(query, "q") else by_id(whole(last(query, "id")))
        if found is None:
            raise RefusedError("city not found", 404)
        return found.latitude, found.longitude, found
    raise RefusedError("Nothing to geocode")


def _degrees(query: Query, name: str, word: str, limit: int) -> float:
    try:
        value = float(last(query, name))
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:
        raise RefusedError(f"wrong {word}")
    return value


def _named(name: str) -> Place | None:
    """Find a place by ``City``, ``City,CC`` or ``City,region,CC``."""
    city, *_, country = (part.strip() for part in (name if "," in name else name + ",").split(","))
    places = (place for place in by_name(city) if country.upper() in {"", place.country_code})
    return next(places, None)
