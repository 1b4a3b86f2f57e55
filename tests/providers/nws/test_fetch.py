"""The way to an observation of the National Weather Service: point, stations, observation. A server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.fakes import resources
from tests.support.virtual_time import now
from weatherd import __version__
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import Failure, ProviderError
from weatherd.http.session import open_session
from weatherd.providers.nws import client as nws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.journal.key_value import KeyValueStore
    from weatherd.providers.nws.client import NwsProvider

TOPEKA = City(name="Topeka", lat=39.0500049, lon=-95.67, interval=600.0, providers=("nws",))
POINT, NEAR = "/points/39.05,-95.67", "/gridpoints/TOP/45,52/stations"
SEARCH = [POINT, NEAR]
STATIONS = ["K1", "K2", "K3", "K4", "K5", "K6"]


def path(*stations: str) -> list[str]:
    """Return the paths at which stations are asked."""
    return [f"/stations/{station}/observations/latest" for station in stations]


class Service:
    """Has six stations near Topeka, the nearest first; each says its number in °C, or what it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[tuple[str, str]] = []
        self.says: dict[str, web.Response | timedelta | dict[str, Any]] = {}  # by path: an answer, an age or values
        self.takes = 0.0
        self.address = f"https://api.weather.gov{NEAR}"

    def new(self) -> list[str]:
        """Return what was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked

    async def handle(self, request: web.Request) -> web.Response:
        """Answer whatever is asked."""
        self.asked.append(request.path_qs)
        self.headers.append((request.headers["User-Agent"], request.headers["Accept"]))
        await asyncio.sleep(self.takes)
        said = self.says.get(request.path)
        if isinstance(said, web.Response):
            return web.Response(status=said.status, body=said.body, headers=said.headers)
        if request.path == POINT:
            return web.json_response({"properties": {"observationStations": self.address}})
        if request.path == NEAR:
            features = [{"properties": {"stationIdentifier": station}} for station in STATIONS]
            return web.json_response({"type": "FeatureCollection", "features": features})
        station = request.path.split("/")[2]
        time = now() - (said if isinstance(said, timedelta) else timedelta(minutes=20))
        properties = {
            "station": f"x/{station}",
            "timestamp": time.isoformat(),
            "temperature": celsius(int(station[1:])),
        }
        return web.json_response({"properties": properties | (said if isinstance(said, dict) else {})})


def celsius(value: float | None) -> dict[str, Any]:
    """Return a temperature as the service writes it."""
    return {"unitCode": "wmoUnit:degC", "value": value, "qualityControl": "V"}


@contextlib.asynccontextmanager
async def serving(
    service: Service, memory: KeyValueStore | None = None, contact: str | None = None
) -> AsyncIterator[NwsProvider]:
    """Run the service, and open a provider that asks it."""
    application = web.Application()
    application.router.add_get("/{tail:.*}", service.handle)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(application))
        session = await stack.enter_async_context(open_session("weatherd/test"))
        settings = Settings(nws={"base_url": str(server.make_url("")), "contact": contact})
        yield await stack.enter_async_context(nws.open_provider(settings, resources(session, memory=memory)))


async def test_asks_for_the_stations_once_and_then_for_the_nearest() -> None:
    """Four decimals without zeros at their end; only the path of the service's own address is used."""
    service = Service()
    async with serving(service) as provider:
        found = [await provider.fetch(TOPEKA) for _ in range(2)]
    assert service.asked == [*SEARCH, *path("K1", "K1")]
    assert [(it.city, it.station, it.temperature) for it in found] == [(TOPEKA.id, "K1", 1)] * 2


@pytest.mark.parametrize(
    ("contact", "agent"),
    [("ops@example.org", f"weatherd/{__version__} (ops@example.org)"), (None, "weatherd/test")],
)
async def test_says_who_asks(contact: str | None, agent: str) -> None:
    """Every request names the program and the contact, and asks for GeoJSON."""
    service = Service()
    async with serving(service, contact=contact) as provider:
        await provider.fetch(TOPEKA)
    assert service.headers == [(agent, "application/geo+json")] * 3


NOTHING_FRESH: list[Any] = [
    web.json_response({"detail": "Not Found"}, status=404),
    web.Response(text="<html>", content_type="text/html"),
    {"temperature": celsius(None)},
    {"temperature": celsius(5) | {"qualityControl": "X"}},
    {"timestamp": None},
    timedelta(hours=2, minutes=31),
]


@pytest.mark.parametrize("said", NOTHING_FRESH)
async def test_the_next_station_serves(said: Any) -> None:
    """A nearest one with nothing fresh costs a call once an hour, and then has another chance."""
    service = Service()
    service.says[path("K1")[0]] = said
    async with serving(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new() == [*SEARCH, *path("K1", "K2")]
        await asyncio.sleep(3500)
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new() == path("K2")
        await asyncio.sleep(200)
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new() == path("K1", "K2")
        service.says.clear()
        await asyncio.sleep(3700)
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.new() == path("K1")


async def test_two_and_a_half_hours_are_fresh() -> None:
    """A station that reports each hour may miss one report."""
    service = Service()
    service.says[path("K1")[0]] = timedelta(hours=2, minutes=29)
    async with serving(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.asked == [*SEARCH, *path("K1")]


async def test_the_one_that_served_fails_in_its_turn() -> None:
    """Then the nearest are asked in their order."""
    service = Service()
    service.says[path("K1")[0]] = timedelta(hours=5)
    async with serving(service) as provider:
        await provider.fetch(TOPEKA)
        service.says |= {path("K2")[0]: timedelta(hours=3), path("K1")[0]: timedelta(hours=4)}
        service.new()
        assert (await provider.fetch(TOPEKA)).station == "K3"
    assert service.asked == path("K2", "K1", "K3")


async def test_the_newest_of_the_old_when_none_is_fresh() -> None:
    """Three stations at most are asked; what is too old is for the road to say."""
    service = Service()
    service.says[path("K1")[0]] = web.json_response({}, status=404)
    service.says |= dict(zip(path("K2", "K3"), [timedelta(hours=9), timedelta(hours=4)], strict=True))
    async with serving(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K3"
    assert service.asked == [*SEARCH, *path("K1", "K2", "K3")]


@pytest.mark.parametrize(
    ("status", "failure"),
    [(500, Failure.BROKEN), (503, Failure.UNAVAILABLE), (429, Failure.RATE_LIMITED), (403, Failure.DENIED)],
)
@pytest.mark.parametrize("at", [POINT, NEAR, *path("K1", "K2")])
async def test_what_concerns_the_service_is_told_at_once(status: int, failure: Failure, at: str) -> None:
    """No other station is asked when the service itself is ill or refuses."""
    service = Service()
    service.says = {path("K1")[0]: timedelta(hours=9), at: web.json_response({"detail": "x"}, status=status)}
    async with serving(service) as provider:
        with pytest.raises(ProviderError, match=f"^{status}: x") as caught:
            await provider.fetch(TOPEKA)
    assert caught.value.failure is failure
    assert service.asked[-1] == at
