"""The cities on a map."""

from __future__ import annotations

import random

import pytest

from weatherd.city import City
from weatherd.daemon.status import CityState
from weatherd.web.page.city_index import ListSnapshot
from weatherd.web.page.map_points import make_map
from weatherd.web.query_models import MapQuery


def _snapshot(count: int) -> ListSnapshot:
    places = random.Random(1)
    cities = tuple(
        City(name=f"c{index:06}", lat=places.uniform(-60, 80), lon=places.uniform(-180, 180)) for index in range(count)
    )
    states = [CityState.DOWN if index == 7 else CityState.FRESH for index in range(count)]
    return ListSnapshot(cities, [city.name for city in cities], range(count), states, [None] * count)


@pytest.mark.parametrize("count", [3, 6000, 6001, 20_000])
def test_a_long_list_is_thinned_by_cells(count: int) -> None:
    """There are at most 6,000 points, which stand for all cities; a city that is down is never hidden by others."""
    found = make_map(_snapshot(count), MapQuery())
    assert len(found.id) <= 6000
    assert sum(found.count) == found.total == count
    assert (found.cell == 0) == (count <= 6000)
    assert count <= 7 or "c000007" in found.id


def test_a_part_of_the_earth_has_its_cities_alone() -> None:
    """The part may include the date line; a part with few cities has a point for each."""
    snapshot = _snapshot(20_000)
    found = make_map(snapshot, MapQuery(south=-20, north=0, west=170, east=-170))
    assert found.cell == 0
    assert sum(-20 <= city.lat <= 0 and abs(city.lon) >= 170 for city in snapshot.cities) == len(found.id) > 0
    assert all(-20 <= lat <= 0 and abs(lon) >= 170 for lat, lon in zip(found.lat, found.lon, strict=True))
