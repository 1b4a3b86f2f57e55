"""Requests to the National Weather Service: point, stations, observation. A server on loopback."""

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
    """Return the paths of the observations of *stations*."""
    return [f"/stations/{station}/observations/latest" for station in stations]


class Service:
    """Has six stations near Topeka, the nearest first; the temperature of each is its number, unless set otherwise."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.headers: list[tuple[str, str]] = []
        # By path: a response, the age of an observation, or its values
        self.responses: dict[str, web.Response | timedelta | dict[str, Any]] = {}
        self.seconds = 0.0  # until it responds
        self.address = f"https://api.weather.gov{NEAR}"

    def new_requests(self) -> list[str]:
        """Return the requests since the last call."""
        requests, self.requests = self.requests, []
        return requests

    async def handle(self, request: web.Request) -> web.Response:
        """Handle any request."""
        self.requests.append(request.path_qs)
        self.headers.append((request.headers["User-Agent"], request.headers["Accept"]))
        await asyncio.sleep(self.seconds)
        response = self.responses.get(request.path)
        if isinstance(response, web.Response):
            return web.Response(status=response.status, body=response.body, headers=response.headers)
        if request.path == POINT:
            return web.json_response({"properties": {"observationStations": self.address}})
        if request.path == NEAR:
            features = [{"properties": {"stationIdentifier": station}} for station in STATIONS]
            return web.json_response({"type": "FeatureCollection", "features": features})
        station = request.path.split("/")[2]
        time = now() - (response if isinstance(response, timedelta) else timedelta(minutes=20))
        properties = {
            "station": f"x/{station}",
            "timestamp": time.isoformat(),
            "temperature": celsius(int(station[1:])),
        }
        return web.json_response({"properties": properties | (response if isinstance(response, dict) else {})})


def celsius(value: float | None) -> dict[str, Any]:
    """Return a temperature as the service sends it."""
    return {"unitCode": "wmoUnit:degC", "value": value, "qualityControl": "V"}


@contextlib.asynccontextmanager
async def run_service(
    service: Service, key_values: KeyValueStore | None = None, contact: str | None = None
) -> AsyncIterator[NwsProvider]:
    """Run the service, and open a provider for it."""
    application = web.Application()
    application.router.add_get("/{tail:.*}", service.handle)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(application))
        session = await stack.enter_async_context(open_session("weatherd/test"))
        settings = Settings(nws={"base_url": str(server.make_url("")), "contact": contact})
        yield await stack.enter_async_context(nws.open_provider(settings, resources(session, memory=key_values)))


async def test_the_stations_are_requested_once() -> None:
    """Coordinates have four decimals without trailing zeros; of the service's URL only the path is used."""
    service = Service()
    async with run_service(service) as provider:
        found = [await provider.fetch(TOPEKA) for _ in range(2)]
    assert service.requests == [*SEARCH, *path("K1", "K1")]
    assert [(it.city, it.station, it.temperature) for it in found] == [(TOPEKA.id, "K1", 1)] * 2


@pytest.mark.parametrize(
    ("contact", "agent"),
    [("ops@example.org", f"weatherd/{__version__} (ops@example.org)"), (None, "weatherd/test")],
)
async def test_every_request_has_the_contact(contact: str | None, agent: str) -> None:
    """The headers name the program and the contact, and request GeoJSON."""
    service = Service()
    async with run_service(service, contact=contact) as provider:
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


@pytest.mark.parametrize("response", NOTHING_FRESH)
async def test_the_next_station_is_used(response: Any) -> None:
    """A nearest station without a fresh observation is tried once an hour."""
    service = Service()
    service.responses[path("K1")[0]] = response
    async with run_service(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new_requests() == [*SEARCH, *path("K1", "K2")]
        await asyncio.sleep(3500)
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new_requests() == path("K2")
        await asyncio.sleep(200)
        assert (await provider.fetch(TOPEKA)).station == "K2"
        assert service.new_requests() == path("K1", "K2")
        service.responses.clear()
        await asyncio.sleep(3700)
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.new_requests() == path("K1")


async def test_two_and_a_half_hours_are_fresh() -> None:
    """A station that reports every hour may miss one report."""
    service = Service()
    service.responses[path("K1")[0]] = timedelta(hours=2, minutes=29)
    async with run_service(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K1"
    assert service.requests == [*SEARCH, *path("K1")]


async def test_the_preferred_station_fails() -> None:
    """When the preferred station fails, the others are requested, the nearest first."""
    service = Service()
    service.responses[path("K1")[0]] = timedelta(hours=5)
    async with run_service(service) as provider:
        await provider.fetch(TOPEKA)
        service.responses |= {path("K2")[0]: timedelta(hours=3), path("K1")[0]: timedelta(hours=4)}
        service.new_requests()
        assert (await provider.fetch(TOPEKA)).station == "K3"
    assert service.requests == path("K2", "K1", "K3")


async def test_the_newest_stale_observation() -> None:
    """At most three stations are requested; a stale observation is returned, and judged elsewhere."""
    service = Service()
    service.responses[path("K1")[0]] = web.json_response({}, status=404)
    service.responses |= dict(zip(path("K2", "K3"), [timedelta(hours=9), timedelta(hours=4)], strict=True))
    async with run_service(service) as provider:
        assert (await provider.fetch(TOPEKA)).station == "K3"
    assert service.requests == [*SEARCH, *path("K1", "K2", "K3")]


@pytest.mark.parametrize(
    ("status", "failure"),
    [(500, Failure.BROKEN), (503, Failure.UNAVAILABLE), (429, Failure.RATE_LIMITED), (403, Failure.DENIED)],
)
@pytest.mark.parametrize("at", [POINT, NEAR, *path("K1", "K2")])
async def test_a_failure_of_the_service_is_raised_at_once(status: int, failure: Failure, at: str) -> None:
    """No other station is requested when the service itself is unavailable or denies access."""
    service = Service()
    service.responses = {path("K1")[0]: timedelta(hours=9), at: web.json_response({"detail": "x"}, status=status)}
    async with run_service(service) as provider:
        with pytest.raises(ProviderError, match=f"^{status}: x") as caught:
            await provider.fetch(TOPEKA)
    assert caught.value.failure is failure
    assert service.requests[-1] == at


NOT_FOUND = web.json_response({"detail": "Not Found"}, status=404)


def past_of(celsius_value: float | None = None) -> web.Response:
    """Return the response for the past of a station with at most one observation."""
    values = {"stationId": "KPAST", "timestamp": now().isoformat(), "temperature": celsius(celsius_value)}
    return web.json_response({"features": [] if celsius_value is None else [{"properties": values}]})


async def fetch_past(*responses: web.Response) -> tuple[list[float], int]:
    """Return the temperatures of the past if the nearest stations send these responses, and the number of requests."""
    service = Service()
    for station, response in zip(STATIONS, responses, strict=False):
        service.responses[f"/stations/{station}/observations"] = response
    async with run_service(service) as provider:
        try:
            found = await provider.fetch_past(TOPEKA, now() - timedelta(days=1), now())
        finally:
            sent = len(service.requests) - len(SEARCH)
    return [row.temperature for row in found], sent


async def test_the_past_is_that_of_the_nearest_station_that_has_one() -> None:
    """The next one is asked after one without observations, one that has ceased to exist, and a malformed response."""
    assert await fetch_past(past_of(1.0), past_of(2.0)) == ([1.0], 1)
    assert await fetch_past(past_of(), NOT_FOUND, past_of(3.0)) == ([3.0], 3)
    assert await fetch_past(web.json_response({}), past_of(2.0)) == ([2.0], 2)
    assert await fetch_past(past_of(), NOT_FOUND, past_of(), past_of(4.0)) == ([], 3)


async def test_the_past_of_no_station_is_an_error() -> None:
    """If all stations fail, the time was not asked about; if the service fails, no other station is asked."""
    with pytest.raises(ProviderError) as caught:
        await fetch_past(NOT_FOUND, NOT_FOUND, NOT_FOUND)
    assert caught.value.failure is Failure.REJECTED
    with pytest.raises(ProviderError) as caught:
        await fetch_past(web.json_response({}, status=503), past_of(2.0))
    assert caught.value.failure is Failure.UNAVAILABLE
