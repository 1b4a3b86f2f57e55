"""MET Norway: one request for a place until the response expires. A server on loopback, and virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import new_key_values, resources
from tests.support.virtual_time import EPOCH, now
from weatherd import __version__
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError, Failure, ProviderError
from weatherd.http.session import open_session
from weatherd.providers.met_norway import client as met_norway
from weatherd.providers.met_norway.client import FORECAST_PATH, MetNorwayProvider, build_met_norway_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from weatherd.journal.key_value import KeyValueStore

OSLO = City(name="Oslo", lat=59.91391, lon=10.75225, interval=600.0, providers=("met-norway",))
NEXT_DOOR = replace(OSLO, name="Next door", id="next-door", lat=59.91389)


def rain(amount: float) -> dict[str, Any]:
    """Return a period with *amount* mm of rain."""
    return {"summary": {"symbol_code": "lightrain"}, "details": {"precipitation_amount": round(amount, 1)}}


def step(hour: int, celsius: float = 6.0, **data: Any) -> dict[str, Any]:
    """Return the forecast step that begins *hour* hours after EPOCH."""
    instant = {"details": {"air_temperature": celsius, "wind_speed": 2.5, "air_pressure_at_sea_level": 1010.7}}
    time = f"{EPOCH + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
    return {"time": time, "data": {"instant": instant, "next_1_hours": rain(0.3), **data}}


@dataclass
class Service:
    """Responds with steps of which each is a degree warmer; records the requests."""

    steps: list[dict[str, Any]] = field(default_factory=lambda: [step(n, float(n)) for n in range(50)])
    lifetime: float = 1900.0
    clock: timedelta = timedelta()  # how far the service's clock is ahead
    modified: str = "Thu, 01 Jan 2026 00:00:00 GMT"
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    async def forecast(self, request: web.Request) -> web.Response:
        """Handle ``/complete``."""
        self.requests.append((asyncio.get_running_loop().time(), dict(request.headers)))
        self.queries.append(dict(request.query))
        await asyncio.sleep(1)
        date: datetime = now() + self.clock
        head = {
            "Date": format_datetime(date, usegmt=True),
            "Expires": format_datetime(date + timedelta(seconds=self.lifetime), usegmt=True),
            "Last-Modified": self.modified,
        } | self.headers
        if self.status not in (200, 203):
            return web.Response(status=self.status, text=self.body, headers=self.headers)
        if request.headers.get("If-Modified-Since") == self.modified:
            return web.Response(status=304, headers=head)
        return web.json_response({"properties": {"timeseries": self.steps}}, status=self.status, headers=head)

    @property
    def times(self) -> list[float]:
        """The times of the requests, in virtual seconds."""
        return [when for when, _ in self.requests]

    def header(self, name: str) -> list[str | None]:
        """Return a header of each request."""
        return [headers.get(name) for _, headers in self.requests]


@contextlib.asynccontextmanager
async def run_service(service: Service, key_values: KeyValueStore | None = None) -> AsyncIterator[MetNorwayProvider]:
    """Open the provider for a test server."""
    app = web.Application()
    app.router.add_get(FORECAST_PATH, service.forecast)
    async with TestServer(app) as server, open_session("weatherd/test") as session:
        settings = Settings(met_norway={"base_url": str(server.make_url("")), "contact": "me@example.org"})
        async with met_norway.open_provider(settings, resources(session, memory=key_values)) as provider:
            yield provider


async def sleep_until(seconds: float) -> None:
    """Wait until a virtual time."""
    await asyncio.sleep(seconds - asyncio.get_running_loop().time())


async def test_one_forecast_serves_until_it_expires() -> None:
    """With a poll every ten minutes for six hours, there is a request only when the response has expired."""
    service = Service()
    async with run_service(service) as provider:
        for n in range(36):
            await sleep_until(600.0 * n)
            found = await provider.fetch(OSLO)
            hour = int((600 * n + (1 if found.fetched_at > EPOCH + timedelta(seconds=600 * n) else 0)) // 3600)
            assert (found.temperature, found.observed_at) == (hour, EPOCH + timedelta(hours=hour))
    assert service.times == [2400.0 * n for n in range(9)]


async def test_gusts_are_requested() -> None:
    """The request is for ``complete``, because the service's ``compact`` never has gusts."""
    service = Service()
    service.steps[0]["data"]["instant"]["details"]["wind_speed_of_gust"] = 11.5
    async with run_service(service) as provider:
        assert (await provider.fetch(OSLO)).wind_gust == 11.5
    assert FORECAST_PATH == "/weatherapi/locationforecast/2.0/complete"


async def test_an_unchanged_forecast_is_not_sent_again() -> None:
    """``If-Modified-Since`` is the exact ``Last-Modified``, and a 304 renews the forecast until it expires."""
    service = Service(modified="Thu,  01 Jan 2026 00:00:00 +0000")
    async with run_service(service) as provider:
        for n in range(4):
            await sleep_until(2000.0 * n)
            await provider.fetch(OSLO)
        await sleep_until(8000)
        found = await provider.fetch(OSLO)
    assert service.header("If-Modified-Since") == [None, *[service.modified] * 4]
    assert found.temperature == 2
    assert found.fetched_at == EPOCH + timedelta(seconds=8001)


async def test_precipitation_has_fallen_before_the_observation() -> None:
    """It is None at the first poll, then that of the hour before, also when the responses begin with the current hour.

    This holds across a restart, too.
    """
    service, key_values = Service(), new_key_values("met-norway")
    amounts = []
    for hour in range(4):
        service.steps = [step(n, next_1_hours=rain(0.1 * (n + 1))) for n in range(hour, 50)]
        service.modified = f"Thu, 01 Jan 2026 0{hour}:00:00 GMT"
        async with run_service(service, key_values) as provider:
            for minutes in (5, 40):
                await sleep_until(3600.0 * hour + 60 * minutes)
                amounts.append((await provider.fetch(OSLO)).precipitation)
    assert amounts == [None, None, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3]


async def test_a_forecast_stored_by_an_older_version_is_requested_anew() -> None:
    """A stored forecast without gusts is not renewed by a 304."""
    old = {"time": EPOCH.timestamp(), "hours": 1, "temperature": 1, "symbol": "", "precipitation": 0.3, "details": {}}
    stored = {"steps": [old], "last_modified": "x", "fetched": EPOCH.timestamp(), "expires": EPOCH.timestamp() + 900}
    service, key_values = Service(), new_key_values("met-norway")
    for coordinates in ("59.9139,10.7522", "59.9139,10.7523"):
        key_values.put(coordinates, json.dumps(stored), EPOCH + timedelta(days=1))
    async with run_service(service, key_values) as provider:
        assert (await provider.fetch(OSLO)).temperature == 0
    assert service.header("If-Modified-Since") == [None]


async def test_a_forecast_survives_a_restart() -> None:
    """Another provider with the same store sends no request before the forecast expires."""
    service, key_values = Service(), new_key_values("met-norway")
    async with run_service(service, key_values) as provider:
        first = await provider.fetch(OSLO)
    async with run_service(service, key_values) as provider:
        assert await provider.fetch(OSLO) == first
        await sleep_until(1902)
        await provider.fetch(OSLO)
    assert service.times == [0, 1902]
    assert service.header("If-Modified-Since") == [None, service.modified]


@pytest.mark.parametrize(
    "kept", ["", "{}", "null", "[1]", '{"steps":[{}],"last_modified":"","fetched":0,"expires":9}', "["]
)
async def test_a_damaged_stored_forecast_is_ignored(kept: str) -> None:
    """Anything but a forecast in the store leads to a request."""
    service, key_values = Service(), new_key_values("met-norway")
    key_values.put("59.9139,10.7522", kept, EPOCH + timedelta(days=1))
    key_values.put("59.9139,10.7523", kept, EPOCH + timedelta(days=1))
    async with run_service(service, key_values) as provider:
        assert (await provider.fetch(OSLO)).temperature == 0
    assert service.times == [0]


async def test_cities_at_the_same_place_share_a_forecast() -> None:
    """Two simultaneous polls are one request, with four decimals; when one is cancelled the other still succeeds."""
    service = Service()
    async with run_service(service) as provider:
        leaving, staying = (asyncio.create_task(provider.fetch(city)) for city in (OSLO, NEXT_DOOR))
        await asyncio.sleep(0.5)
        leaving.cancel()
        assert (await staying).city == "next-door"
        assert (await provider.fetch(OSLO)).city == "oslo"
    assert service.queries[-1] == build_met_norway_query(OSLO) == build_met_norway_query(NEXT_DOOR)
    assert all(len(degrees.partition(".")[2]) == 4 for degrees in build_met_norway_query(OSLO).values())
    assert build_met_norway_query(OSLO).keys() == {"lat", "lon"}, "an altitude of weatherd's own would be a guess"
    assert len(service.requests) == 2  # the first one was cancelled


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(seconds=-30), timedelta(hours=5)])
async def test_the_lifetime_counts_and_not_the_time(ahead: timedelta) -> None:
    """A wrong clock of the service leads neither to early requests nor to none at all."""
    service = Service(clock=ahead)
    async with run_service(service) as provider:
        for n in range(5):
            await sleep_until(1000.0 * n)
            await provider.fetch(OSLO)
    assert service.times == [0, 2000, 4000]


@pytest.mark.parametrize(
    ("headers", "request_times"),
    [
        ({"Expires": "soon"}, [0, 1810, 3620]),  # half an hour is the default
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, [0, 610, 1220, 1830, 2440, 3050, 3660]),  # at least ten minutes
        ({"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, [0]),
        ({"Age": "900"}, [0, 1010, 2020, 3030]),  # a quarter of an hour in a cache
        ({"Age": "old"}, [0, 1910, 3820]),
    ],
)
async def test_unusual_lifetimes(headers: dict[str, str], request_times: list[float]) -> None:
    """There are at least ten minutes and at most a day between two requests."""
    service = Service(headers=headers)
    async with run_service(service) as provider:
        for n in range(390):
            await sleep_until(10.0 * n)
            await provider.fetch(OSLO)
    assert service.times == request_times


async def test_the_user_agent_has_the_contact() -> None:
    """The User-Agent has program, version and contact."""
    service = Service()
    async with run_service(service) as provider:
        await provider.fetch(OSLO)
    assert service.header("User-Agent") == [f"weatherd/{__version__} me@example.org"]


async def test_without_a_contact_it_is_not_opened() -> None:
    """The error names the setting and the reason."""
    async with open_session("weatherd/test") as session:
        with pytest.raises(ConfigError, match=r"met_norway.contact: met-norway needs your e-mail") as caught:
            met_norway.open_provider(Settings(), resources(session))
    assert caught.value.problems[0].where == "met_norway.contact"


async def test_a_deprecated_version_is_logged_once() -> None:
    """A 203 has weather, and the first one is logged as a warning, which concerns no single city."""
    service = Service(status=203, modified="")
    merge = structlog.contextvars.merge_contextvars
    async with run_service(service) as provider:
        with capture_logs(processors=[merge]) as logs, structlog.contextvars.bound_contextvars(city="oslo"):
            for n in range(4):
                await sleep_until(2000.0 * n)
                await provider.fetch(OSLO)
    assert [(event["event"], event.get("city")) for event in logs] == [("provider.deprecated", None)]
    assert len(service.requests) == 4


@pytest.mark.parametrize(
    ("status", "body", "failure", "text"),
    [
        (403, "", Failure.DENIED, "check met_norway.contact"),
        (403, "<html>banned</html>", Failure.DENIED, "status 403"),
        (400, "Mandatory parameters 'lat', 'lon' missing", Failure.REJECTED, "400: Mandatory parameters"),
        (404, "", Failure.REJECTED, "status 404"),
        (422, "outside the area", Failure.REJECTED, "422: outside the area"),
        (429, "slow down", Failure.RATE_LIMITED, "429: slow down"),
        (499, "", Failure.UNAVAILABLE, "status 499"),
        (500, "", Failure.BROKEN, "status 500"),
        (502, "<html>", Failure.UNAVAILABLE, "status 502"),
        (304, "", Failure.UNAVAILABLE, "status 304"),  # to a request without If-Modified-Since
    ],
)
async def test_errors(status: int, body: str, failure: Failure, text: str) -> None:
    """Each status is the right kind of failure, with one line of text; after a ban there is no request for a day."""
    async with run_service(Service(status=status, body=body)) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(OSLO)
    assert (caught.value.failure, text in str(caught.value)) == (failure, True)
    assert (caught.value.retry_after or 0) >= 86400 if failure is Failure.DENIED else True


async def test_a_failed_renewal_keeps_the_forecast() -> None:
    """An expired forecast is not used for weather, but still for ``If-Modified-Since`` when the service is back."""
    service = Service()
    async with run_service(service) as provider:
        await provider.fetch(OSLO)
        service.status = 503
        await sleep_until(2000)
        with pytest.raises(ProviderError):
            await provider.fetch(OSLO)
        service.status = 200
        await sleep_until(2600)
        assert (await provider.fetch(OSLO)).temperature == 0
    assert service.header("If-Modified-Since") == [None, service.modified, service.modified]


async def test_a_forecast_without_a_current_step_is_requested_anew() -> None:
    """The request has no ``If-Modified-Since``."""
    service = Service(steps=[step(0), step(1)])
    async with run_service(service) as provider:
        await provider.fetch(OSLO)
        service.steps = [step(n, 20.0) for n in range(5, 9)]
        await sleep_until(6 * 3600)
        assert (await provider.fetch(OSLO)).temperature == 20
    assert service.header("If-Modified-Since") == [None, None]


@pytest.mark.parametrize(
    "behind", [timedelta(hours=2), timedelta(minutes=45), timedelta(hours=-2), timedelta(days=-200)]
)
async def test_the_step_is_that_of_the_service_if_our_clock_is_wrong(behind: timedelta) -> None:
    """The forecast of another hour is never shown as the present weather, and it expires as with a right clock."""
    first = behind // timedelta(hours=1)
    service = Service(clock=behind, steps=[step(hour, 6.0) for hour in range(first, first + 50)])
    async with run_service(service) as provider:
        for n in range(3):
            await sleep_until(600.0 * n)
            found = await provider.fetch(OSLO)
            true_time = now() + behind
            assert found.observed_at <= true_time < found.observed_at + timedelta(hours=1)
            assert abs(found.fetched_at - true_time) <= timedelta(seconds=600 * n + 2)
    assert len(service.times) == 1


async def test_our_clock_selects_the_step_once_it_is_right() -> None:
    """The first response after the step of the system time has the same time as ours."""
    service = Service(clock=timedelta(hours=2), steps=[step(2 + n, float(n)) for n in range(50)])
    async with run_service(service) as provider:
        assert (await provider.fetch(OSLO)).observed_at == EPOCH + timedelta(hours=2)
        virtual_time.step(7200)
        service.clock = timedelta()
        found = await provider.fetch(OSLO)
        assert found.observed_at == EPOCH + timedelta(hours=2)
        assert abs(found.fetched_at - now()) < timedelta(seconds=2)
