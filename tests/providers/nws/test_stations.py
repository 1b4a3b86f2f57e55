"""The stations near a place: requested once a day, stored over restarts, and validated."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.providers.nws.test_fetch import NEAR, POINT, SEARCH, TOPEKA, Service, path, run_service
from tests.support.fakes import new_key_values
from tests.support.virtual_time import now
from weatherd.city import City
from weatherd.errors import Failure, ProviderError


async def test_cities_at_one_place_share_the_stations() -> None:
    """Simultaneous polls request them once; each city has its own observation."""
    service = Service()
    service.seconds = 3.0
    cities = [TOPEKA, City(name="Downtown", lat=39.05, lon=-95.67), City(name="Elsewhere", lat=39.0501, lon=-95.67)]
    async with run_service(service) as provider:
        service.responses["/points/39.0501,-95.67"] = web.json_response({"properties": {"observationStations": NEAR}})
        found = await asyncio.gather(*map(provider.fetch, cities))
    assert [it.city for it in found] == [city.id for city in cities]
    assert sorted(service.requests) == sorted([*SEARCH, "/points/39.0501,-95.67", NEAR, *path("K1", "K1", "K1")])


async def test_stations_survive_a_restart_for_a_day() -> None:
    """Another provider with the same store does not request them until they are a day old."""
    service, memory = Service(), new_key_values("nws")
    async with run_service(service, memory) as provider:
        await provider.fetch(TOPEKA)
    async with run_service(service, memory) as provider:
        service.new_requests()
        await asyncio.sleep(86400 - now().timestamp() % 86400 - 1)
        await provider.fetch(TOPEKA)
        assert service.new_requests() == path("K1")
        await asyncio.sleep(2)
        await provider.fetch(TOPEKA)
        assert service.new_requests() == [*SEARCH, *path("K1")]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "null", "[]", "{}", "[" * 5000, '{"found": {}, "stations": ["K2"]}'),
        *(f'{{"found": {found}, "stations": ["K2"]}}' for found in ("0", "1e999", "-1e999", "NaN", "99999999999")),
        *(f'{{"found": 1767225600, "stations": {ids}}}' for ids in ("null", "[]", "{}", '[5, "../x", "a/b", ""]')),
    ],
)
async def test_a_damaged_entry_is_replaced(text: str) -> None:
    """An entry that is invalid, from the future, or has an invalid id is ignored."""
    service, memory = Service(), new_key_values("nws")
    memory.put("39.05,-95.67", text, now() + timedelta(days=1))
    async with run_service(service, memory) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.requests == [*SEARCH, *path("K1")]


async def test_no_station_has_an_observation() -> None:
    """The reason is that of the nearest; the stations are requested anew, at most once an hour."""
    service = Service()
    for station, reason in zip(path("K1", "K2", "K3"), ("one", "two", "three"), strict=True):
        service.responses[station] = web.json_response({"detail": reason}, status=404)
    async with run_service(service) as provider:
        for seconds, requested in ((0, SEARCH), (3000, []), (601, []), (1, SEARCH), (600, [])):
            await asyncio.sleep(seconds)
            with pytest.raises(ProviderError, match=r"^404: one$") as caught:
                await provider.fetch(TOPEKA)
            assert caught.value.failure is Failure.REJECTED
            assert service.new_requests() == [*requested, *path("K1", "K2", "K3")]


async def test_a_station_that_failed_is_not_preferred() -> None:
    """After a poll without any fresh observation the nearest station is first again."""
    service = Service()
    service.responses[path("K1")[0]] = timedelta(hours=5)
    async with run_service(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K2"
        service.responses |= dict.fromkeys(path("K2", "K3"), timedelta(hours=6))
        assert (await provider.fetch(TOPEKA)).station == "K1"
        service.responses.clear()
        service.new_requests()
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.requests == path("K1")


ADDRESSES: list[Any] = [None, 5, "", "https://api.weather.gov", "https://[x/y", "/a b", "/ä", "x/y", [], {}]
NO_STATIONS: list[Any] = [{}, [], {"features": []}, {"features": None}, {"features": [None, {"properties": 5}]}]
PROBLEM = {"type": "https://api.weather.gov/problems/InvalidPoint", "title": "Data Unavailable", "detail": "Unable"}
UNSAID = ("the response does not name the stations near the place", Failure.MALFORMED)


@pytest.mark.parametrize(
    ("at", "response", "expected"),
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
async def test_a_place_without_stations(at: str, response: tuple[int, Any], expected: tuple[str, Failure]) -> None:
    """The reason is raised and nothing is stored: the next poll requests them again."""
    service, memory = Service(), new_key_values("nws")
    service.responses[at] = web.json_response(response[1], status=response[0])
    async with run_service(service, memory) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(TOPEKA)
        assert (str(caught.value), caught.value.failure) == expected
        assert memory.take_unsaved() == []
        service.responses.clear()
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
async def test_the_format_of_coordinates(lat: float, lon: float, name: str) -> None:
    """More decimals or trailing zeros would cost a redirect."""
    service = Service()
    service.responses[f"/points/{name}"] = web.json_response({"properties": {"observationStations": NEAR}})
    async with run_service(service) as provider:
        await provider.fetch(City(name="x", lat=lat, lon=lon))
    assert service.requests == [f"/points/{name}", NEAR, *path("K1")]
