"""Each fault as a client sees it, over a real connection."""

from __future__ import annotations

import asyncio
import functools
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    Simulate = Callable[..., Awaitable[aiohttp.ClientSession]]

FORECAST = "/v1/forecast?latitude=54.32&longitude=10.13&current=temperature_2m&timeformat=unixtime"
WEATHER = "/data/2.5/weather?lat=54.32&lon=10.13&appid=key"
BOTH = pytest.mark.parametrize("path", [FORECAST, WEATHER])


async def fetch(client: aiohttp.ClientSession, path: str) -> tuple[int, str, str]:
    """Return status, content type and text of a response."""
    async with client.get(path) as response:
        return response.status, response.content_type, await response.text()


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("401", FORECAST, "API key required"),
        ("401", WEATHER, "Invalid API key"),
        ("429", FORECAST, "Minutely API request limit exceeded"),
        ("429", WEATHER, "Your account is temporary blocked"),
        ("500", FORECAST, "Something went wrong."),
        ("500", WEATHER, "500 Internal error"),
    ],
)
async def test_error_statuses(kind: str, path: str, expected: str, simulate: Simulate) -> None:
    """A rejected key, a rate limit and a server error have the status and the message of the service."""
    status, _, text = await fetch(await simulate(kind), path)
    assert status == int(kind)
    assert expected in text


async def test_error_bodies(simulate: Simulate) -> None:
    """Open-Meteo sends ``error``; OpenWeatherMap sends ``cod`` as a number, and plain text for a server error."""
    _, _, text = await fetch(await simulate("429"), FORECAST)
    assert json.loads(text)["error"] is True
    _, _, text = await fetch(await simulate("429"), WEATHER)
    assert json.loads(text)["cod"] == 429
    assert (await fetch(await simulate("500"), WEATHER))[1] == "text/plain"


@BOTH
@pytest.mark.parametrize(("kind", "status"), [("502-html", 502), ("html-200", 200)])
async def test_pages(kind: str, status: int, path: str, simulate: Simulate) -> None:
    """A gateway and a captive portal return HTML, the portal with status 200."""
    response = await fetch(await simulate(kind), path)
    assert response[:2] == (status, "text/html")
    assert "<html>" in response[2]


@BOTH
async def test_empty(path: str, simulate: Simulate) -> None:
    """An empty body has status 200 and the content type of JSON."""
    assert await fetch(await simulate("empty"), path) == (200, "application/json", "")


@BOTH
async def test_hang(path: str, simulate: Simulate) -> None:
    """Not even the headers are sent."""
    client = await simulate("hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await fetch(client, path)


async def test_hanging_handler_ends_with_the_client(simulate: Simulate) -> None:
    """A client that disconnects leaves no handler behind."""
    client = await simulate("hang")
    before = len(asyncio.all_tasks())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await fetch(client, FORECAST)
    await fetch(client, "/")  # by now the server has noticed the closed connection
    assert len(asyncio.all_tasks()) <= before + 1  # the connection of this request


@BOTH
async def test_slow(path: str, simulate: Simulate) -> None:
    """The correct response is three seconds late."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    response = await fetch(await simulate("slow"), path)
    assert clock.time() - began >= 3
    assert response == await fetch(await simulate(), path)


@BOTH
async def test_cut(path: str, simulate: Simulate) -> None:
    """The connection is closed before the announced end of the body."""
    client = await simulate("cut")
    async with client.get(path) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@BOTH
async def test_reset(path: str, simulate: Simulate) -> None:
    """The connection is reset, not closed, in the middle of the body."""
    client = await simulate("reset")
    url = client._base_url
    assert url is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read(-1)
    writer.transport.abort()
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)):
        await fetch(client, path)


async def test_nan_of_open_meteo(simulate: Simulate) -> None:
    """Open-Meteo sends ``nan``, which JSON parsers reject."""
    status, content_type, text = await fetch(await simulate("nan"), FORECAST)
    assert (status, content_type) == (200, "application/json")
    assert '"latitude": nan' in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


async def test_nan_of_openweathermap(simulate: Simulate) -> None:
    """OpenWeatherMap sends ``NaN``, which is invalid JSON, too, but Python's parser accepts it."""
    status, _, text = await fetch(await simulate("nan"), WEATHER)
    assert status == 200
    body = json.loads(text)
    assert math.isnan(body["main"]["temp"])
    assert body["cod"] == 200


async def test_stale(now: datetime, simulate: Simulate) -> None:
    """The response is six hours old."""
    client = await simulate("stale")
    forecast = json.loads((await fetch(client, FORECAST))[2])
    weather = json.loads((await fetch(client, WEATHER))[2])
    for at, step in ((forecast["current"]["time"], 900), (weather["dt"], 600)):
        assert 6 * 3600 <= now.timestamp() - at < 6 * 3600 + step


@BOTH
async def test_redirect(path: str, simulate: Simulate) -> None:
    """The redirect leads to itself."""
    client = await simulate("redirect")
    with pytest.raises(aiohttp.TooManyRedirects):
        await fetch(client, path)


@pytest.mark.parametrize("kind", ["cut", "nan", "hang", "redirect"])
async def test_faults_are_marked_as_simulated(kind: str, simulate: Simulate) -> None:
    """Faulty responses are marked as simulated, too; the index page never gets a fault."""
    client = await simulate(kind)
    if kind != "hang":
        async with client.get(WEATHER, allow_redirects=False) as response:
            assert response.headers["X-Simulated"] == "true"
    assert (await fetch(client, "/"))[0] == 200


async def fetch_statuses(client: aiohttp.ClientSession, count: int) -> list[int]:
    """Return the statuses of *count* requests."""
    return [(await fetch(client, WEATHER))[0] for _ in range(count)]


async def test_faults_are_reproducible(simulate: Simulate) -> None:
    """Each fault gets its share of the requests: the same requests for the same seed, others for another."""
    mixture = ("429:0.3", "500:0.2")
    first = await fetch_statuses(await simulate(*mixture), 100)
    assert await fetch_statuses(await simulate(*mixture), 100) == first
    assert await fetch_statuses(await simulate(*mixture, seed=1), 100) != first
    shares: Counter[Any] = Counter(first)
    assert 15 < shares[429] < 45
    assert 8 < shares[500] < 35
    assert shares[200] > 30


async def test_faults_are_logged(simulate: Simulate) -> None:
    """A fault is logged at level debug; a correct response is not."""
    with capture_logs() as events:
        await fetch(await simulate("429"), WEATHER)
        await fetch(await simulate(), WEATHER)
    assert events == [{"event": "simulator.fault", "log_level": "debug", "kind": "429", "path": "/data/2.5/weather"}]


CURRENT = "current=temperature_2m,wind_speed_10m,wind_gusts_10m&timeformat=unixtime"
SERVICES: dict[str, tuple[list[str], list[str]]] = {  # path: where the temperature is, and the gust
    f"/v1/forecast?latitude=54.32&longitude=10.13&{CURRENT}": (
        ["current", "temperature_2m"],
        ["current", "wind_gusts_10m"],
    ),
    "/data/2.5/weather?lat=54.32&lon=10.13&appid=key&units=metric": (["main", "temp"], ["wind", "gust"]),
    "/current_weather?lat=54.32&lon=10.13": (["weather", "temperature"], ["weather", "wind_gust_speed_10"]),
    "/stations/S0680578/observations/latest": (
        ["properties", "temperature", "value"],
        ["properties", "windGust", "value"],
    ),
}


@pytest.mark.parametrize("path", SERVICES)
async def test_wrong_values(path: str, simulate: Simulate) -> None:
    """Three faults change one value only, and no status: a spike, a frozen sensor, and no gust."""

    async def fetch_values(*faults: str) -> list[float]:
        status, _, text = await fetch(await simulate(*faults), path)
        assert status == 200
        return [functools.reduce(lambda body, key: body[key], keys, json.loads(text)) for keys in SERVICES[path]]

    temperature, gust = await fetch_values()
    assert temperature != 11.1
    assert gust > 0
    assert await fetch_values("spike") == [pytest.approx(temperature + 25), gust]
    assert await fetch_values("frozen") == [11.1, gust]
    assert await fetch_values("gust") == [temperature, 0]
