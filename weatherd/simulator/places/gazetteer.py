"""Finds places by name, by id, and by what lies near."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from weatherd.simulator.places.places import PLACES, GazetteerEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

_EARTH = 6371.0  # km
_EXACT_BELOW = 3  # letters: shorter names would match half the world
_ZONE_REACH = 1500.0  # km: farther from any place is the open sea


def normalize_name(name: str) -> str:
    """Return a name as names are compared: without case, accents, and space round it."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_NAMES = tuple((place, tuple(map(normalize_name, (place.name, *place.other_names)))) for place in PLACES)
_BY_ID = {place.id: place for place in PLACES}


def find_by_name(name: str) -> Sequence[GazetteerEntry]:
    """Return the places of a name: whole names before beginnings of names, larger places before smaller.

    Two letters match whole names only, and fewer match nothing.
    """
    wanted = normalize_name(name)
    if len(wanted) < 2:
        return ()
    whole = [place for place, names in _NAMES if wanted in names]
    begun = [place for place, names in _NAMES if any(name.startswith(wanted) for name in names)]
    rest = [place for place in begun if place not in whole] if len(wanted) >= _EXACT_BELOW else []
    return [*_largest_first(whole), *_largest_first(rest)]


def find_by_id(place_id: int | None) -> GazetteerEntry | None:
    """Return the place of an id, if there is one."""
    return None if place_id is None else _BY_ID.get(place_id)


def nearest_place(lat: float, lon: float) -> tuple[GazetteerEntry, float]:
    """Return the nearest place, and how far away it is in km."""
    place = min(PLACES, key=lambda place: _distance(lat, lon, place))
    return place, _distance(lat, lon, place)


def guess_timezone(lat: float, lon: float) -> ZoneInfo:
    """Guess the time zone of coordinates: that of the nearest place, or the nautical one at sea."""
    place, away = nearest_place(lat, lon)
    if away <= _ZONE_REACH:
        return ZoneInfo(place.timezone)
    hours = round(lon / 15)
    return ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT")  # POSIX signs: Etc/GMT-3 lies in the east


def _largest_first(places: Sequence[GazetteerEntry]) -> Sequence[GazetteerEntry]:
    return sorted(places, key=lambda place: -place.population)


def _distance(lat: float, lon: float, place: GazetteerEntry) -> float:
    """Measure along the great circle, in km."""
    north, south = math.radians(lat), math.radians(place.latitude)
    half = math.sin((north - south) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(lon - place.longitude) / 2) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, half)))
