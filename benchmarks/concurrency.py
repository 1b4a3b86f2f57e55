"""Sequential against concurrent polling: how long weatherd's providers take to poll 20 cities.

The service is a server on loopback that takes 150 ms per response. The strategies run in turn, five times. Each row
shows the median, the range, and the speed relative to the first row.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer

from weatherd.city import City
from weatherd.config.sections import OpenMeteoSection, OpenWeatherMapSection
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weatherd.providers import Provider

    Strategy = Callable[[Provider], Awaitable[None]]

CITIES = [City(name=f"City {number}", lat=50.0, lon=10.0 + number / 10) for number in range(20)]
LATENCY = 0.150  # seconds
RUNS = 5


async def poll_sequentially(provider: Provider) -> None:
    """Poll each city after the response for the previous one."""
    for city in CITIES:
        await provider.fetch(city)


async def poll_concurrently(provider: Provider) -> None:
    """Poll all cities concurrently, as the producers do when the daemon starts."""
    async with asyncio.TaskGroup() as polls:
        for city in CITIES:
            polls.create_task(provider.fetch(city))


STRATEGIES: list[tuple[str, str, int, Strategy]] = [
    ("one after another", "openweathermap", 1, poll_sequentially),
    ("at once, 10 requests at a time (default)", "openweathermap", 10, poll_concurrently),
    ("at once, no limit", "openweathermap", len(CITIES), poll_concurrently),
    ("at once, in one request (open-meteo)", "open-meteo", 2, poll_concurrently),
]


async def _handle_weather(_: web.Request) -> web.Response:
    await asyncio.sleep(LATENCY)
    return web.json_response({"dt": int(time.time()), "main": {"temp": 6.2}, "weather": [{"id": 500}], "cod": 200})


async def _handle_forecast(request: web.Request) -> web.Response:
    await asyncio.sleep(LATENCY)
    current = {"time": int(time.time()), "temperature_2m": 6.2, "weather_code": 61}
    return web.json_response([{"current": current} for _ in request.query["latitude"].split(",")])


@contextlib.asynccontextmanager
async def _service() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/data/2.5/weather", _handle_weather)
    app.router.add_get("/v1/forecast", _handle_forecast)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def _measure(url: str, name: str, concurrency: int, strategy: Strategy) -> float:
    settings = Settings(
        open_meteo=OpenMeteoSection(base_url=url, plan="unlimited", concurrency=concurrency),
        openweathermap=OpenWeatherMapSection.model_validate(
            {"base_url": url, "api_key": "key", "plan": "unlimited", "concurrency": concurrency}
        ),
    )
    async with open_providers(settings) as providers:
        begin = time.perf_counter()
        await strategy(providers.usable[name])
        return time.perf_counter() - begin


async def measure_all() -> dict[str, list[float]]:
    """Return the seconds of each run, by strategy."""
    taken: dict[str, list[float]] = {}
    async with _service() as url:
        for _ in range(RUNS):
            for title, name, concurrency, strategy in STRATEGIES:
                taken.setdefault(title, []).append(await _measure(url, name, concurrency, strategy))
    return taken


def main() -> None:
    """Measure all strategies, and print the table."""
    taken = asyncio.run(measure_all())
    slowest = statistics.median(next(iter(taken.values())))
    print(f"{len(CITIES)} cities, {LATENCY * 1000:.0f} ms a response, {RUNS} runs")
    for title, seconds in taken.items():
        median = statistics.median(seconds)
        spread = f"{min(seconds):.3f} to {max(seconds):.3f}"
        print(f"{title:<42} {median:>6.3f} s  ({spread})  {slowest / median:>5.1f} times as fast")
