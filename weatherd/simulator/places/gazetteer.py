"""Lookup of places by name, by id and by position."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weatherd.simulator.places.places import PLACES, GazetteerEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

_EARTH_RADIUS = 6371.0  # km
_MIN_PREFIX = 3  # letters; a shorter prefix would match too many places
_TIMEZONE_REACH = 1500.0  # km; farther from any place is the open sea


def normalize_name(name: str) -> str:
    """Return a name without case, accents and surrounding spaces, for comparisons."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_NAMES = tuple((place, tuple(map(normalize_name, (place.name, *place.other_names)))) for place in PLACES)
_BY_ID = {place.id: place for place in PLACES}


def find_by_name(name: str) -> Sequence[GazetteerEntry]:
    """Return the places of a name: exact matches before prefix matches, larger places before smaller ones.

    As in Open-Meteo's geocoding, two letters match only exactly, and one letter matches nothing.
    """
    wanted = normalize_name(name)
    if len(wanted) < 2:
        return ()
    exact = [place for place, names in _NAMES if wanted in names]
    prefixed = [place for place, names in _NAMES if any(name.startswith(wanted) for name in names)]
    others = [place for place in prefixed if place not in exact] if len(wanted) >= _MIN_PREFIX else []
    return [*_by_population(exact), *_by_population(others)]


def find_by_id(place_id: int | None) -> GazetteerEntry | None:
    """Return the place with an id, or None."""
    return None if place_id is None else _BY_ID.get(place_id)


def nearest_place(lat: float, lon: float) -> tuple[GazetteerEntry, float]:
    """Return the nearest place, and its distance in km."""
    place = min(PLACES, key=lambda place: _distance(lat, lon, place))
    return place, _distance(lat, lon, place)


def guess_timezone(lat: float, lon: float) -> ZoneInfo:
    """Return the time zone of the nearest place, or the nautical time zone at sea."""
    place, distance = nearest_place(lat, lon)
    if distance <= _TIMEZONE_REACH:
        return ZoneInfo(place.timezone)
    hours = round(lon / 15)
    return ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT")  # POSIX signs: Etc/GMT-3 is east of Greenwich


def _by_population(places: Sequence[GazetteerEntry]) -> Sequence[GazetteerEntry]:
    return sorted(places, key=lambda place: -place.population)


def _distance(lat: float, lon: float, place: GazetteerEntry) -> float:
    """Return the great-circle distance in km by the haversine formula."""
    lat1, lat2 = math.radians(lat), math.radians(place.latitude)
    half = math.sin((lat1 - lat2) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(lon - place.longitude) / 2) ** 2
    return 2 * _EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))
