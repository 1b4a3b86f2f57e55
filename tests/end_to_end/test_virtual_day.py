"""A virtual day of the whole daemon against the simulator: real HTTP, every fault, reloads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_parts
from tests.support.fakes import FakeSink
from weatherd.city import City
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.wiring import open_providers
from weatherd.errors import ConfigError, Problem
from weatherd.polling.schedule import phase_offset
from weatherd.simulator.faults import FAULT_KINDS, Fault
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

DAY = 86400.0
FORECAST = "/v1/forecast"
RATE = 0.02  # of each fault: together they spoil a quarter of all responses
INTERVALS = (600.0, 300.0, 900.0)


def _cities(count: int, provider: str) -> list[City]:
    return [
        City(
            name=f"{provider} {number}",
            lat=-60.0 + 7 * number,
            lon=13.0 * number,
            interval=INTERVALS[number % 3],
            providers=(provider,),
        )
        for number in range(count)
    ]


CITIES = _cities(8, "open-meteo") + _cities(8, "openweathermap")


@dataclass
class Day:
    """The records of a day: at the server, in the sink, in the log."""

    asked: list[tuple[float, str, tuple[float, ...]]] = field(default_factory=list)  # at the server: when, what, where
    sink: FakeSink = field(default_factory=FakeSink)
    logs: list[Any] = field(default_factory=list)
    busiest: dict[str, int] = field(default_factory=dict)  # most requests at once, by path
    took: float = 0.0

    @property
    def summary(self) -> dict[str, Any]:
        """Return the summary that was logged at the stop."""
        return next(event for event in self.logs if event["event"] == "daemon.stopped")

    def events(self, name: str) -> list[Any]:
        """Return the events of that name."""
        return [event for event in self.logs if event["event"] == name]


def _watched(app: web.Application, day: Day) -> web.Application:
    """Record the requests at the server, and how many are in flight."""
    now: dict[str, int] = {}

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        latitudes = request.query.get("latitude") or request.query.get("lat", "0")  # none after a redirect
        places = tuple(float(latitude) for latitude in latitudes.split(","))
        day.asked.append((round(asyncio.get_running_loop().time(), 2), request.path, places))
        now[request.path] = now.get(request.path, 0) + 1
        day.busiest[request.path] = max(day.busiest.get(request.path, 0), now[request.path])
        try:
            return await handler(request)
        finally:
            now[request.path] -= 1

    app.middlewares.append(note)
    return app


async def _live(
    faults: Sequence[Fault], plan: Sequence[tuple[float, Configuration | ConfigError]], *, seconds: float = DAY
) -> Day:
    """Run the daemon for *seconds*; *plan* holds the times at which the configuration is replaced."""
    day, loop = Day(), asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    current: Configuration | ConfigError = plan[0][1]

    def load(_: Sequence[City] = ()) -> Configuration:
        if isinstance(current, ConfigError):
            raise current
        return current

    async def follow_plan() -> None:
        nonlocal current
        for moment, configuration in plan[1:]:
            await asyncio.sleep(moment - loop.time())
            current = configuration
            reload.set()
        await asyncio.sleep(seconds - loop.time())
        stop.set()

    app = _watched(create_app(now=virtual_time.now, faults=faults, seed=7), day)
    async with serve_app("127.0.0.1", 0, app) as url:
        settings = _settings(url)
        first = replace(load(), settings=settings)
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            with capture_logs(processors=[merge_contextvars]) as day.logs:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(follow_plan())
                    parts = make_parts(first, providers.usable, load=lambda _: load(), sinks={"sink": day.sink})
                    clean = await run_daemon(parts, stop=stop, reload=reload)
                day.took = loop.time()
    assert clean
    return day


def _settings(url: str) -> Settings:
    return Settings(
        open_meteo={"base_url": url},
        openweathermap={"base_url": url, "api_key": "key"},
    )


def _configured(cities: Sequence[City]) -> Configuration:
    return Configuration(Path("weatherd.yaml"), Settings(), tuple(cities), ())


def _phase(city: City) -> float:
    return (phase_offset(city.id, city.interval) - virtual_time.EPOCH.timestamp()) % city.interval


@pytest.mark.once
def test_a_healthy_day_is_exact() -> None:
    """Without faults every city is requested at its phase, to a hundredth of a second, all day long."""
    day = virtual_time.run(_live([], [(0, _configured(CITIES))]), settle=0)
    for city in CITIES[8:]:
        first, second, *rest = [when for when, path, places in day.asked if path != FORECAST and places == (city.lat,)]
        offset = _phase(city)
        begin = offset if offset >= city.interval / 2 else offset + city.interval
        expected = [begin + city.interval * n for n in range(round((DAY - begin) // city.interval) + 1)]
        assert first == 0
        assert [second, *rest] == pytest.approx(expected, abs=0.011)
    assert day.summary["fetched"] == len(day.sink.received)
    assert not day.events("city.down")


def test_a_day_of_every_fault_loses_nothing() -> None:
    """With all faults and three reloads, every fetched observation reaches the sink and every city recovers."""
    faults = [Fault(kind, RATE) for kind in FAULT_KINDS]
    moved = [replace(CITIES[0], lat=10.0), *CITIES[1:]]
    plan: list[tuple[float, Configuration | ConfigError]] = [
        (0, _configured(CITIES)),
        (20_000, _configured(moved[:-1])),
        (40_000, ConfigError(Problem("cities.yaml:1:1", "is not valid YAML"))),
        (60_000, _configured(moved)),
    ]
    day = virtual_time.run(_live(faults, plan), settle=0)
    account = day.summary
    assert account["fetched"] == len(day.sink.received) == account["stored"] + account["repeated"]
    assert account["dropped"] == account["queued"] == 0
    assert day.took - DAY < 8
    assert [event["unchanged"] for event in day.events("cities.reloaded")] == [14, 15]
    assert len(day.events("cities.rejected")) == 1
    down = {city.id: 0 for city in CITIES}
    for event in day.logs:
        if event["event"] in ("city.down", "city.recovered"):
            down[event["city"]] += 1 if event["event"] == "city.down" else -1
            assert down[event["city"]] in (0, 1)  # strictly in turns
        elif event["event"] == "cities.reloaded":
            down |= dict.fromkeys([*event["removed"], *event["changed"]], 0)  # a city that comes back begins anew
    assert sum(event["event"] == "city.down" for event in day.logs) > 50
    seen = {arrival.city.id for arrival in day.sink.received}
    assert seen == {city.id for city in CITIES}
    assert day.busiest[FORECAST] <= 2
    assert day.busiest["/data/2.5/weather"] <= 10


@pytest.mark.once
def test_the_same_faults_give_the_same_day() -> None:
    """A day with faults is reproducible: the same requests at the same times."""
    faults = [Fault(kind, RATE) for kind in FAULT_KINDS]
    days = [virtual_time.run(_live(faults, [(0, _configured(CITIES))], seconds=DAY / 6), settle=0) for _ in range(2)]
    assert days[0].asked == days[1].asked
