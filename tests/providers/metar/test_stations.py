"""The airports near places."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import new_key_values
from tests.support.virtual_time import EPOCH
from tests.support.virtual_time import run as run_virtual
from weatherd.city import City
from weatherd.errors import Failure, ProviderError
from weatherd.providers.metar.stations import Airport, AirportDirectory, parse_airports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.key_value import KeyValueStore


class Directory:
    """A directory of some airports; it records the boxes that were requested."""

    def __init__(self, airports: Sequence[Airport], key_values: KeyValueStore | None = None) -> None:
        self.airports, self.boxes, self.time = airports, list[str](), EPOCH
        self.error: ProviderError | None = None
        self.key_values = key_values or new_key_values("metar")
        self.directory = AirportDirectory(self.request, self.key_values, lambda: self.time)

    async def request(self, box: str) -> Sequence[Airport]:
        """Return the airports in a box."""
        self.boxes.append(box)
        if self.error:
            raise self.error
        south, west, north, east = map(float, box.split(","))
        return [place for place in self.airports if south <= place.lat <= north and west <= place.lon <= east]

    async def find(self, *places: tuple[float, float]) -> list[list[str] | ProviderError]:
        """Return the stations of places."""
        return await self.directory.find([City(name="x", lat=lat, lon=lon) for lat, lon in places])


NEAR = [
    Airport("EDDH", 53.63, 9.99),
    Airport("EDHK", 54.38, 10.15),
    Airport("EDHL", 53.8, 10.7),
    Airport("EDDW", 53.05, 8.79),
]


async def test_the_three_nearest_are_kept_in_order() -> None:
    """Two places of a square share a request, and a restart needs none."""
    tested = Directory(NEAR)
    found = await tested.find((54.3, 10.1), (54.0, 10.9))
    assert found == [["EDHK", "EDHL", "EDDH"], ["EDHL", "EDHK", "EDDH"]]
    assert len(tested.boxes) == 1
    restarted = Directory([], tested.key_values)
    assert await restarted.find((54.3, 10.1)) == found[:1]
    assert restarted.boxes == []


async def test_stations_are_renewed_after_a_month() -> None:
    """Those of a place are used until they are sorted anew; if the request fails, the old ones remain."""
    tested = Directory(NEAR)
    city = City(name="x", lat=54.3, lon=10.1)
    await tested.directory.find([city])
    tested.time += timedelta(days=31)
    tested.directory.forget(city)
    tested.error = ProviderError("no", Failure.UNAVAILABLE)
    assert await tested.directory.find([city]) == [["EDHK", "EDHL", "EDDH"]]
    tested.error, tested.airports = None, NEAR[:1]
    tested.directory.forget(city)
    assert await tested.directory.find([city]) == [["EDDH"]]
    assert len(tested.boxes) == 3


async def test_many_new_places_are_looked_up_in_steps() -> None:
    """A hundred squares at once; the other places fail until the next poll."""
    tested = Directory([Airport(f"{n:04}", n % 60 + 0.5, n // 60 * 2 + 10.5) for n in range(0, 240, 2)])
    places = [(airport.lat, airport.lon) for airport in tested.airports]
    found = await tested.find(*places)
    assert all(isinstance(ids, list) and ids[0] == f"{2 * n:04}" for n, ids in enumerate(found[:100]))
    errors = [error for error in found[100:] if isinstance(error, ProviderError)]
    assert [error.failure for error in errors] == [Failure.EMPTY] * 20
    assert all(isinstance(ids, list) for ids in await tested.find(*places))
    assert len(tested.boxes) == 120


async def test_a_place_without_airports_is_not_looked_up_again() -> None:
    """Not within a month, also after a restart."""
    tested = Directory([])
    for _ in range(2):
        (error,) = await tested.find((0.5, -30.5))
        assert isinstance(error, ProviderError)
        assert error.failure is Failure.REJECTED
    await Directory([], tested.key_values).find((0.5, -30.5))
    assert len(tested.boxes) == 1


async def test_lookups_are_paced() -> None:
    """Twenty at once, then one a second; places of the list that name a station wait for none."""
    tested = Directory([Airport(f"{n:04}", n + 0.5, 10.5) for n in range(0, 60, 2)])
    began = asyncio.get_running_loop().time()
    await tested.find(*[(airport.lat, airport.lon) for airport in tested.airports])
    assert asyncio.get_running_loop().time() - began == pytest.approx(10, abs=0.1)


async def test_a_failed_lookup_is_an_error_of_all_unknown_places() -> None:
    """It is not repeated for the next square, because the service may be down."""
    tested = Directory(NEAR)
    tested.error = ProviderError("no", Failure.UNAVAILABLE)
    found = await tested.find((54.3, 10.1), (54.4, 10.1), (20.5, 10.1))
    assert [str(error) for error in found] == ["no", "no", "no"]
    assert len(tested.boxes) == 1


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 6.2), st.floats(0, 99))
def test_a_box_has_every_airport_within_100_km(lat: float, lon: float, bearing: float, distance: float) -> None:
    """Also at high latitudes, except across the date line and beyond 87 degrees."""
    import math  # noqa: PLC0415

    other = lat + distance / 111.2 * math.cos(bearing)
    if abs(lat) > 86 or abs(other) > 87:
        return
    east = lon + distance / 111.2 * math.sin(bearing) / math.cos(math.radians(max(abs(lat), abs(other))))
    if not -180 <= east <= 180:
        return
    tested = Directory([Airport("AAAA", other, east)])
    assert run_virtual(tested.find((lat, lon))) == [["AAAA"]]


def test_only_valid_stations_that_report() -> None:
    """An id that could change a URL, a buoy, and a station without coordinates are left out."""
    sites = [
        {"icaoId": "EDHK", "lat": 54.4, "lon": 10, "siteType": ["METAR"]},
        {"icaoId": "EDHK&x", "lat": 54.4, "lon": 10, "siteType": ["METAR"]},
        {"icaoId": None, "lat": 54.4, "lon": 10, "siteType": ["METAR"]},
        {"icaoId": "EDHL", "lat": None, "lon": 10, "siteType": ["METAR"]},
        {"icaoId": "EDHM", "lat": 54.4, "lon": 10, "siteType": []},
        {"icaoId": "EDHN", "lat": 54.4, "lon": 10},
        5,
    ]
    assert parse_airports(json.dumps(sites).encode()) == [Airport("EDHK", 54.4, 10.0)]


async def test_a_damaged_entry_is_requested_anew() -> None:
    """Whatever is stored."""
    for text in (
        "",
        "{}",
        "[1]",
        '{"found": "x"}',
        '{"found": 9e99, "stations": []}',
        "null",
        "[[[[",
        '{"found": 1e9, "stations": 5}',
    ):
        tested = Directory(NEAR)
        tested.key_values.put("54,10", text, EPOCH)
        assert (await tested.find((54.3, 10.1)))[0] == ["EDHK", "EDHL", "EDDH"]
