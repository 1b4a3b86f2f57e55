"""Which stations are near a place: searched for seldom, kept over restarts, and believed only if they can be."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.providers.nws.test_fetch import NEAR, POINT, SEARCH, TOPEKA, Service, path, serving
from tests.support.virtual_time import now
from weatherd.city import City
from weatherd.errors import Failure, ProviderError
from weatherd.journal.key_value import KeyValueStore


async def test_cities_of_one_place_search_once() -> None:
    """Also when they are asked for at the same moment; each has its own observation."""
    service = Service()
    service.takes = 3.0
    cities = [TOPEKA, City(name="Downtown", lat=39.05, lon=-95.67), City(name="Elsewhere", lat=39.0501, lon=-95.67)]
    async with serving(service) as provider:
        service.says["/points/39.0501,-95.67"] = web.json_response({"properties": {"observationStations": NEAR}})
        found = await asyncio.gather(*map(provider.fetch, cities))
    assert [it.city for it in found] == [city.id for city in cities]
    assert sorted(service.asked) == sorted([*SEARCH, "/points/39.0501,-95.67", NEAR, *path("K1", "K1", "K1")])


async def test_stations_outlive_a_restart_for_a_day() -> None:
    """Another provider with the same memory does not search, until the stations are a day old."""
    service, memory = Service(), KeyValueStore("nws")
    async with serving(service, memory) as provider:
        await provider.fetch(TOPEKA)
    async with serving(service, memory) as provider:
        service.new()
        await asyncio.sleep(86400 - now().timestamp() % 86400 - 1)
        await provider.fetch(TOPEKA)
        assert service.new() == path("K1")
        await asyncio.sleep(2)
        await provider.fetch(TOPEKA)
        assert service.new() == [*SEARCH, *path("K1")]


@pytest.mark.parametrize(
    "note",
    [
        *("", "x", "null", "[]", "{}", "[" * 5000, '{"found": {}, "stations": ["K2"]}'),
        *(f'{{"found": {found}, "stations": ["K2"]}}' for found in ("0", "1e999", "-1e999", "NaN", "99999999999")),
        *(f'{{"found": 1767225600, "stations": {ids}}}' for ids in ("null", "[]", "{}", '[5, "../x", "a/b", ""]')),
    ],
)
async def test_a_damaged_memory_is_made_anew(note: str) -> None:
    """What cannot be understood, is of the future, or is no id, counts as nothing."""
    service, memory = Service(), KeyValueStore("nws")
    memory.put("39.05,-95.67", note, now() + timedelta(days=1))
    async with serving(service, memory) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.asked == [*SEARCH, *path("K1")]


async def test_no_station_has_anything() -> None:
    """The nearest one's reason is told; the stations are looked for anew, once an hour at the most."""
    service = Service()
    for station, reason in zip(path("K1", "K2", "K3"), ("one", "two", "three"), strict=True):
        service.says[station] = web.json_response({"detail": reason}, status=404)
    async with serving(service) as provider:
        for wait, asked in ((0, SEARCH), (3000, []), (601, []), (1, SEARCH), (600, [])):
            await asyncio.sleep(wait)
            with pytest.raises(ProviderError, match=r"^404: one$") as caught:
                await provider.fetch(TOPEKA)
            assert caught.value.failure is Failure.REJECTED
            assert service.new() == [*asked, *path("K1", "K2", "K3")]


async def test_nothing_is_preferred_that_failed_with_all_others() -> None:
    """After a poll in which no station had anything fresh, the nearest is asked first again."""
    service = Service()
    service.says[path("K1")[0]] = timedelta(hours=5)
    async with serving(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K2"
        service.says |= dict.fromkeys(path("K2", "K3"), timedelta(hours=6))
        assert (await provider.fetch(TOPEKA)).station == "K1"
        service.says.clear()
        service.new()
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.asked == path("K1")


ADDRESSES: list[Any] = [None, 5, "", "https://api.weather.gov", "https://[x/y", "/a b", "/ä", "x/y", [], {}]
NO_STATIONS: list[Any] = [{}, [], {"features": []}, {"features": None}, {"features": [None, {"properties": 5}]}]
PROBLEM = {"type": "https://api.weather.gov/problems/InvalidPoint", "title": "Data Unavailable", "detail": "Unable"}
UNSAID = ("the response does not name the stations near the place", Failure.MALFORMED)


@pytest.mark.parametrize(
    ("at", "said", "expected"),
    [
        (POINT, (404, PROBLEM), ("the place is outside the area of the National Weather Service", Failure.REJECTED)),
        (POINT, (200, {}), UNSAID),
        *((POINT, (200, {"properties": {"observationStations": address}}), UNSAID) for address in ADDRESSES),
        (NEAR, (404, {"detail": "Not Found"}), ("404: Not Found", Failure.REJECTED)),
        *(
            (NEAR, (200, document), ("the service has no station near the place", Failure.REJECTED))
            for document in NO_STATIONS
        ),
        (
            NEAR,
            (200, {"features": [{"properties": {"stationIdentifier": it}} for it in (None, "", "a/b", "..", "é")]}),
            ("the service has no station near the place", Failure.REJECTED),
        ),
    ],
)
async def test_a_place_without_stations(at: str, said: tuple[int, Any], expected: tuple[str, Failure]) -> None:
    """The reason is told, and nothing of it is kept: the next poll asks again."""
    service, memory = Service(), KeyValueStore("nws")
    service.says[at] = web.json_response(said[1], status=said[0])
    async with serving(service, memory) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(TOPEKA)
        assert (str(caught.value), caught.value.failure) == expected
        assert memory.take_unsaved() == []
        service.says.clear()
        assert (await provider.fetch(TOPEKA)).station == "K1"


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (30.0, -85.0, "30,-85"),
        (44.97997, -93.26384, "44.98,-93.2638"),
        (-1e-6, -0.0, "0,0"),
        (21.3, -157.85, "21.3,-157.85"),
    ],
)
async def test_a_point_is_written_as_the_service_wants_it(lat: float, lon: float, name: str) -> None:
    """More decimals, or zeros at their end, would cost a redirect."""
    service = Service()
    service.says[f"/points/{name}"] = web.json_response({"properties": {"observationStations": NEAR}})
    async with serving(service) as provider:
        await provider.fetch(City(name="x", lat=lat, lon=lon))
    assert service.asked == [f"/points/{name}", NEAR, *path("K1")]
