"""The server speaks HTTP as the real services do, and says that it is none of them."""

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
ALL = [FORECAST, WEATHER, "/v1/search?name=Kiel", "/v1/get?id=2950159"]


@pytest.mark.parametrize("path", ALL)
async def test_endpoints(path: str, simulate: Simulate) -> None:
    """Every endpoint answers JSON, and says in its head that it is simulated."""
    client = await simulate()
    async with client.get(path) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert isinstance(await response.json(), dict)
        assert response.headers["Server"] == "weatherd-simulator"
        assert response.headers["X-Simulated"] == "true"


async def test_the_front_door(simulate: Simulate) -> None:
    """``/`` tells what this is and where the endpoints are, in plain text, whatever the faults."""
    client = await simulate("500")
    async with client.get("/") as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        text = await response.text()
        assert "Nothing here is measured" in text
        assert all(path.partition("?")[0] in text for path in ALL)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/nothing", {"error": True, "reason": "Not Found"}),
        ("/data/3.0/onecall", {"cod": "404", "message": "not found"}),
    ],
)
async def test_wrong_paths(path: str, body: object, simulate: Simulate) -> None:
    """A wrong path is not found, in the form of the service that it looks like."""
    client = await simulate()
    async with client.get(path) as response:
        assert (response.status, await response.json()) == (404, body)
        assert response.headers["X-Simulated"] == "true"


async def test_post(simulate: Simulate) -> None:
    """A form and a JSON object ask the same as a URL does."""
    client = await simulate()
    url = "/v1/forecast"
    async with client.get(f"{url}?latitude=1,2&longitude=3,4&current=is_day&current_weather=true") as response:
        expected = await response.json()
    form = aiohttp.FormData([("latitude", "1,2"), ("longitude", "3"), ("longitude", "4")])
    form.add_fields(("current", "is_day"), ("current_weather", "true"))
    async with client.post(url, data=form) as response:
        assert await response.json() == expected
    asked = {"latitude": [1, 2], "longitude": [3, 4], "current": "is_day", "current_weather": True}
    async with client.post(url, json=asked) as response:
        assert await response.json() == expected


@pytest.mark.parametrize("body", ["[1]", "{", ""])
async def test_bad_json(body: str, simulate: Simulate) -> None:
    """A body that is no JSON object is refused in words."""
    client = await simulate()
    headers = {"Content-Type": "application/json"}
    async with client.post("/v1/forecast", data=body, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["reason"] == "The body is not a JSON object"


async def test_long_lists(simulate: Simulate) -> None:
    """A thousand places go into a URL, as they do with the real service."""
    client = await simulate()
    coordinates = ",".join(["54.3215"] * 1000)
    async with client.get(f"/v1/forecast?latitude={coordinates}&longitude={coordinates}") as response:
        assert len(await response.json()) == 1000


async def test_pace_begins_now(simulate: Simulate) -> None:
    """At a pace, weather time begins with the application: the first answer is that of real time."""
    async with (await simulate()).get(FORECAST) as response:
        expected = await response.json()
    async with (await simulate(day_seconds=600)).get(FORECAST) as response:
        assert await response.json() == expected


def test_too_many_faults(now: datetime) -> None:
    """Faults that add up to more than all requests are refused at once."""
    with pytest.raises(ValueError, match="more than 1"):
        create_app(now=lambda: now, faults=[Fault("hang", 0.7), Fault("500", 0.7)])


async def test_free_port(now: datetime) -> None:
    """Port 0 takes a free port, which the base URL names; it is free again afterwards."""
    async with serve_app("127.0.0.1", 0, create_app(now=lambda: now)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
    async with serve_app("127.0.0.1", int(port), create_app(now=lambda: now)) as again:
        assert again == url


async def test_ip_6(now: datetime) -> None:
    """The URL of an address of version 6 has its brackets."""
    async with serve_app("::1", 0, create_app(now=lambda: now)) as url, aiohttp.ClientSession() as client:
        assert url.startswith("http://[::1]:")
        async with client.get(url) as response:
            assert response.status == 200


async def test_taken_port(now: datetime) -> None:
    """A taken port raises OSError, and leaves nothing behind."""
    async with serve_app("127.0.0.1", 0, create_app(now=lambda: now)) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError) as raised:  # noqa: PT011  # the number says it best
            async with serve_app("127.0.0.1", port, create_app(now=lambda: now)):
                raise AssertionError
        assert raised.value.errno == errno.EADDRINUSE


@pytest.mark.real_time
@pytest.mark.parametrize("kind", ["hang", "slow"])
async def test_the_end_is_quick(kind: str, now: datetime) -> None:
    """The server ends within a tenth of a second or so, though clients still wait."""
    clock = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as client:
        async with serve_app("127.0.0.1", 0, create_app(now=lambda: now, faults=[Fault(kind, 1)])) as url:
            waiting = asyncio.create_task(client.get(url + FORECAST))
            async with client.get(url) as response:  # by now the other request has been taken up too
                assert response.status == 200
            began = clock.time()
        assert clock.time() - began < 0.3
        with pytest.raises(aiohttp.ClientError):
            await waiting
