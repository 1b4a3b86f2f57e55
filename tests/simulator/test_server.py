"""HTTP server of the simulator: it behaves like the real services, and marks its responses as simulated."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import aiohttp
import pytest

from weatherd.simulator.faults import Fault
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    Simulate = Callable[..., Awaitable[aiohttp.ClientSession]]

FORECAST = "/v1/forecast?latitude=54.32&longitude=10.13&current=temperature_2m"
WEATHER = "/data/2.5/weather?lat=54.32&lon=10.13&appid=key"
PATHS = [FORECAST, WEATHER, "/v1/search?name=Kiel", "/v1/get?id=2950159"]


@pytest.mark.parametrize("path", PATHS)
async def test_endpoints(path: str, simulate: Simulate) -> None:
    """Each endpoint returns JSON, with headers that mark it as simulated."""
    client = await simulate()
    async with client.get(path) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert isinstance(await response.json(), dict)
        assert response.headers["Server"] == "weatherd-simulator"
        assert response.headers["X-Simulated"] == "true"


async def test_index_page(simulate: Simulate) -> None:
    """``/`` describes the simulator and lists its endpoints in plain text, regardless of faults."""
    client = await simulate("500")
    async with client.get("/") as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        text = await response.text()
        assert "Nothing here is measured" in text
        assert all(path.partition("?")[0] in text for path in PATHS)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/nothing", {"error": True, "reason": "Not Found"}),
        ("/data/3.0/onecall", {"cod": "404", "message": "not found"}),
    ],
)
async def test_unknown_paths(path: str, body: object, simulate: Simulate) -> None:
    """An unknown path returns the 404 response of the service that it looks like."""
    client = await simulate()
    async with client.get(path) as response:
        assert (response.status, await response.json()) == (404, body)
        assert response.headers["X-Simulated"] == "true"


async def test_post(simulate: Simulate) -> None:
    """A form and a JSON object give the same response as a URL."""
    client = await simulate()
    url = "/v1/forecast"
    async with client.get(f"{url}?latitude=1,2&longitude=3,4&current=is_day&current_weather=true") as response:
        expected = await response.json()
    form = aiohttp.FormData([("latitude", "1,2"), ("longitude", "3"), ("longitude", "4")])
    form.add_fields(("current", "is_day"), ("current_weather", "true"))
    async with client.post(url, data=form) as response:
        assert await response.json() == expected
    body = {"latitude": [1, 2], "longitude": [3, 4], "current": "is_day", "current_weather": True}
    async with client.post(url, json=body) as response:
        assert await response.json() == expected


@pytest.mark.parametrize("body", ["[1]", "{", ""])
async def test_invalid_json(body: str, simulate: Simulate) -> None:
    """A body that is not a JSON object is rejected with a reason."""
    client = await simulate()
    headers = {"Content-Type": "application/json"}
    async with client.post("/v1/forecast", data=body, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["reason"] == "The body is not a JSON object"


async def test_long_lists(simulate: Simulate) -> None:
    """A thousand locations fit into a URL, as with the real service."""
    client = await simulate()
    coordinates = ",".join(["54.3215"] * 1000)
    async with client.get(f"/v1/forecast?latitude={coordinates}&longitude={coordinates}") as response:
        assert len(await response.json()) == 1000


async def test_clock_starts_at_real_time(simulate: Simulate) -> None:
    """An accelerated clock starts with the application: the first response equals that in real time."""
    async with (await simulate()).get(FORECAST) as response:
        expected = await response.json()
    async with (await simulate(day_seconds=600)).get(FORECAST) as response:
        assert await response.json() == expected


def test_too_many_faults(now: datetime) -> None:
    """Rates that add up to more than 1 raise ValueError."""
    with pytest.raises(ValueError, match="more than 1"):
        create_app(now=lambda: now, faults=[Fault("hang", 0.7), Fault("500", 0.7)])


async def test_free_port(now: datetime) -> None:
    """Port 0 picks a free port, which the base URL shows; it is free again afterwards."""
    async with serve_app("127.0.0.1", 0, create_app(now=lambda: now)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
    async with serve_app("127.0.0.1", int(port), create_app(now=lambda: now)) as again:
        assert again == url


async def test_ipv6(now: datetime) -> None:
    """The URL of an IPv6 address has brackets."""
    async with serve_app("::1", 0, create_app(now=lambda: now)) as url, aiohttp.ClientSession() as client:
        assert url.startswith("http://[::1]:")
        async with client.get(url) as response:
            assert response.status == 200


async def test_taken_port(now: datetime) -> None:
    """A port in use raises OSError."""
    async with serve_app("127.0.0.1", 0, create_app(now=lambda: now)) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError) as raised:  # noqa: PT011  # checked by errno below
            async with serve_app("127.0.0.1", port, create_app(now=lambda: now)):
                raise AssertionError
        assert raised.value.errno == errno.EADDRINUSE


@pytest.mark.real_time
@pytest.mark.parametrize("kind", ["hang", "slow"])
async def test_shutdown_is_quick(kind: str, now: datetime) -> None:
    """The server stops within 0.3 s although a client is still waiting."""
    clock = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as client:
        async with serve_app("127.0.0.1", 0, create_app(now=lambda: now, faults=[Fault(kind, 1)])) as url:
            waiting = asyncio.create_task(client.get(url + FORECAST))
            async with client.get(url) as response:  # by now the server handles the other request, too
                assert response.status == 200
            began = clock.time()
        assert clock.time() - began < 0.3
        with pytest.raises(aiohttp.ClientError):
            await waiting
