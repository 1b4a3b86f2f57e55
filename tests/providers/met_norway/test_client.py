"""MET Norway: asked once for a place and not before the answer expires. A server on loopback, and virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from tests.support.fakes import resources
from tests.support.virtual_time import EPOCH, now
from weatherd import __version__
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError, Failure, ProviderError
from weatherd.http.session import open_session
from weatherd.journal.key_value import KeyValueStore
from weatherd.providers.met_norway import client as met_norway
from weatherd.providers.met_norway.client import FORECAST_PATH, MetNorwayProvider, build_met_norway_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

OSLO = City(name="Oslo", lat=59.91391, lon=10.75225, interval=600.0, providers=("met-norway",))
NEXT_DOOR = replace(OSLO, name="Next door", id="next-door", lat=59.91389)


def step(hour: int, celsius: float = 6.0, **data: Any) -> dict[str, Any]:
    """Return the step of an hour after EPOCH."""
    rain = {"summary": {"symbol_code": "lightrain"}, "details": {"precipitation_amount": 0.3}}
    instant = {"details": {"air_temperature": celsius, "wind_speed": 2.5, "air_pressure_at_sea_level": 1010.7}}
    time = f"{EPOCH + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
    return {"time": time, "data": {"instant": instant, "next_1_hours": rain, **data}}


@dataclass
class Service:
    """Answers with steps of which each is a degree warmer; notes what it was asked, and when."""

    steps: list[dict[str, Any]] = field(default_factory=lambda: [step(n, float(n)) for n in range(50)])
    good_for: float = 1900.0
    clock: timedelta = timedelta()  # how far the service's clock is ahead
    modified: str = "Thu, 01 Jan 2026 00:00:00 GMT"
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    questions: list[dict[str, str]] = field(default_factory=list)

    async def forecast(self, request: web.Request) -> web.Response:
        """Answer ``/compact``."""
        self.asked.append((asyncio.get_running_loop().time(), dict(request.headers)))
        self.questions.append(dict(request.query))
        await asyncio.sleep(1)
        date: datetime = now() + self.clock
        head = {
            "Date": format_datetime(date, usegmt=True),
            "Expires": format_datetime(date + timedelta(seconds=self.good_for), usegmt=True),
            "Last-Modified": self.modified,
        } | self.headers
        if self.status not in (200, 203):
            return web.Response(status=self.status, text=self.body, headers=self.headers)
        if request.headers.get("If-Modified-Since") == self.modified:
            return web.Response(status=304, headers=head)
        return web.json_response({"properties": {"timeseries": self.steps}}, status=self.status, headers=head)

    @property
    def times(self) -> list[float]:
        """When it was asked, in virtual seconds."""
        return [when for when, _ in self.asked]

    def header(self, name: str) -> list[str | None]:
        """Return what was sent in a header, for each question."""
        return [headers.get(name) for _, headers in self.asked]


@contextlib.asynccontextmanager
async def serving(service: Service, memory: KeyValueStore | None = None) -> AsyncIterator[MetNorwayProvider]:
    """Open the provider on a service."""
    app = web.Application()
    app.router.add_get(FORECAST_PATH, service.forecast)
    async with TestServer(app) as server, open_session("weatherd/test") as session:
        settings = Settings(met_norway={"base_url": str(server.make_url("")), "contact": "me@example.org"})
        async with met_norway.open_provider(settings, resources(session, memory=memory)) as provider:
            yield provider


async def until(seconds: float) -> None:
    """Let virtual time pass until then."""
    await asyncio.sleep(seconds - asyncio.get_running_loop().time())


async def test_one_forecast_serves_until_it_expires() -> None:
    """Asked every ten minutes for six hours, the service hears of it only when its answer has expired."""
    service = Service()
    async with serving(service) as provider:
        for n in range(36):
            await until(600.0 * n)
            found = await provider.fetch(OSLO)
            hour = int((600 * n + (1 if found.fetched_at > EPOCH + timedelta(seconds=600 * n) else 0)) // 3600)
            assert (found.temperature, found.observed_at) == (hour, EPOCH + timedelta(hours=hour))
    assert service.times == [2400.0 * n for n in range(9)]


async def test_what_has_not_changed_is_not_sent_again() -> None:
    """The service's ``Last-Modified`` comes back to the letter, and a 304 is good for as long as it says."""
    service = Service(modified="Thu,  01 Jan 2026 00:00:00 +0000")
    async with serving(service) as provider:
        for n in range(4):
            await until(2000.0 * n)
            await provider.fetch(OSLO)
        await until(8000)
        found = await provider.fetch(OSLO)
    assert service.header("If-Modified-Since") == [None, *[service.modified] * 4]
    assert found.temperature == 2
    assert found.fetched_at == EPOCH + timedelta(seconds=8001)


async def test_a_restart_does_not_ask_before_the_answer_expires() -> None:
    """The forecast and its time outlive the provider; what was said before is not asked for again."""
    service, memory = Service(), KeyValueStore("met-norway")
    async with serving(service, memory) as provider:
        first = await provider.fetch(OSLO)
    async with serving(service, memory) as provider:
        assert await provider.fetch(OSLO) == first
        await until(1902)
        await provider.fetch(OSLO)
    assert service.times == [0, 1902]
    assert service.header("If-Modified-Since") == [None, service.modified]


@pytest.mark.parametrize(
    "kept", ["", "{}", "null", "[1]", '{"steps":[{}],"last_modified":"","fetched":0,"expires":9}', "["]
)
async def test_a_damaged_note_is_as_if_it_were_not_there(kept: str) -> None:
    """Whatever stands in the memory, the service is asked and the weather comes."""
    service, memory = Service(), KeyValueStore("met-norway")
    memory.put("59.9139,10.7522", kept, EPOCH + timedelta(days=1))
    memory.put("59.9139,10.7523", kept, EPOCH + timedelta(days=1))
    async with serving(service, memory) as provider:
        assert (await provider.fetch(OSLO)).temperature == 0
    assert service.times == [0]


async def test_cities_that_round_alike_share_a_forecast() -> None:
    """Two that ask at once make one request, with four decimals; one that gives up does not hurt the other."""
    service = Service()
    async with serving(service) as provider:
        leaving, staying = (asyncio.create_task(provider.fetch(city)) for city in (OSLO, NEXT_DOOR))
        await asyncio.sleep(0.5)
        leaving.cancel()
        assert (await staying).city == "next-door"
        assert (await provider.fetch(OSLO)).city == "oslo"
    assert service.questions[-1] == build_met_norway_query(OSLO) == build_met_norway_query(NEXT_DOOR)
    assert all(len(degrees.partition(".")[2]) == 4 for degrees in build_met_norway_query(OSLO).values())
    assert len(service.asked) == 2  # the first one was given up


@pytest.mark.parametrize("ahead", [timedelta(days=-400), timedelta(seconds=-30), timedelta(hours=5)])
async def test_what_counts_is_how_long_an_answer_is_good_for(ahead: timedelta) -> None:
    """A clock of the service that is wrong makes it neither be asked too early nor never again."""
    service = Service(clock=ahead)
    async with serving(service) as provider:
        for n in range(5):
            await until(1000.0 * n)
            await provider.fetch(OSLO)
    assert service.times == [0, 2000, 4000]


@pytest.mark.parametrize(
    ("headers", "asked_at"),
    [
        ({"Expires": "soon"}, [0, 1810, 3620]),  # half an hour is usual
        ({"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, [0, 610, 1220, 1830, 2440, 3050, 3660]),  # ten minutes at least
        ({"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, [0]),
        ({"Age": "900"}, [0, 1010, 2020, 3030]),  # it was in a cache for a quarter of an hour
        ({"Age": "old"}, [0, 1910, 3820]),
    ],
)
async def test_odd_times_of_expiry(headers: dict[str, str], asked_at: list[float]) -> None:
    """It is never asked within ten minutes, and a day at the longest is waited."""
    service = Service(headers=headers)
    async with serving(service) as provider:
        for n in range(390):
            await until(10.0 * n)
            await provider.fetch(OSLO)
    assert service.times == asked_at


async def test_the_service_is_told_who_asks() -> None:
    """Program, version and contact are in the User-Agent."""
    service = Service()
    async with serving(service) as provider:
        await provider.fetch(OSLO)
    assert service.header("User-Agent") == [f"weatherd/{__version__} me@example.org"]


async def test_without_a_contact_it_is_not_opened() -> None:
    """The person is told what to set, and why."""
    async with open_session("weatherd/test") as session:
        with pytest.raises(ConfigError, match=r"met_norway.contact: met-norway needs your e-mail") as caught:
            met_norway.open_provider(Settings(), resources(session))
    assert caught.value.problems[0].where == "met_norway.contact"


async def test_a_deprecated_version_is_told_once() -> None:
    """203 works, and is a warning for the first time."""
    service = Service(status=203, modified="")
    async with serving(service) as provider:
        with capture_logs() as logs:
            for n in range(4):
                await until(2000.0 * n)
                await provider.fetch(OSLO)
    assert [event["event"] for event in logs] == ["provider.deprecated"]
    assert len(service.asked) == 4


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
        (304, "", Failure.UNAVAILABLE, "status 304"),  # nobody had asked what changed
    ],
)
async def test_refusals(status: int, body: str, failure: Failure, text: str) -> None:
    """Each status is a failure of its kind, told in a line; a ban is left alone for a day."""
    async with serving(Service(status=status, body=body)) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(OSLO)
    assert (caught.value.failure, text in str(caught.value)) == (failure, True)
    assert (caught.value.retry_after or 0) >= 86400 if failure is Failure.DENIED else True


async def test_a_failed_renewal_keeps_what_is_known_for_the_next() -> None:
    """An expired forecast is not passed off as news, but what changed is asked when the service is back."""
    service = Service()
    async with serving(service) as provider:
        await provider.fetch(OSLO)
        service.status = 503
        await until(2000)
        with pytest.raises(ProviderError):
            await provider.fetch(OSLO)
        service.status = 200
        await until(2600)
        assert (await provider.fetch(OSLO)).temperature == 0
    assert service.header("If-Modified-Since") == [None, service.modified, service.modified]


async def test_steps_that_have_run_out_are_asked_for_whole() -> None:
    """What has no step for now is asked for without ``If-Modified-Since``."""
    service = Service(steps=[step(0), step(1)])
    async with serving(service) as provider:
        await provider.fetch(OSLO)
        service.steps = [step(n, 20.0) for n in range(5, 9)]
        await until(6 * 3600)
        assert (await provider.fetch(OSLO)).temperature == 20
    assert service.header("If-Modified-Since") == [None, None]
