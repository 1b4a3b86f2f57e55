"""Redirects that are followed, and those that are not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from yarl import URL

from tests.http.keyed_requests import KEY, PARAMETERS, get_error, serving
from tests.support.servers import free_port
from weatherd.errors import Failure, ProviderError
from weatherd.http.client import stream_lines
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from tests.http.clients import Get


async def test_a_redirect_is_followed(get: Get) -> None:
    """The response is that of the new location."""

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/data/":
            raise web.HTTPMovedPermanently("/new/")
        return web.Response(text=request.path)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).body == b"/new/"


async def test_secrets_are_not_sent_to_another_server(get: Get) -> None:
    """A redirect to the same server keeps the password and the headers; one to another server does not."""
    asked: list[tuple[str, str | None, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("Authorization"), request.headers.get("X-Key")))
        assert request.headers.getall("User-Agent") == ["me/1"]
        if location := moves.get(request.path):
            return web.Response(status=307, headers={"Location": location})
        return web.Response(text=request.path)

    async with serving(handler) as (session, here), serving(handler) as (_, there):
        moves = {
            "/data/": "second?x=1",
            "/data/second": f"{here}third#part",
            "/data/third": f"//{URL(there).authority}/",
        }
        address = str(URL(here).with_user("me").with_password("secret"))
        response = await get(session, address, {}, {"X-Key": KEY, "user-agent": "me/1"})
    assert response.body == b"/"
    mine = "Basic bWU6c2VjcmV0"
    assert asked == [
        ("/data/", mine, KEY),
        ("/data/second?x=1", mine, KEY),
        ("/data/third", mine, KEY),
        ("/", None, None),
    ]


@pytest.mark.parametrize("location", [{}, {"Location": ""}])
async def test_a_redirect_without_a_location_is_returned(get: Get, location: dict[str, str]) -> None:
    """It is returned like any other response."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers=location)

    async with serving(handler) as (session, url):
        assert (await get(session, url, PARAMETERS)).status == 302


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/data/", "the service redirects in a loop"),
        ("ftp://example.invalid/", "the service redirects to an invalid URL"),
        ("http://[half/", "the service redirects to an invalid URL"),
        ("http:///", "the service redirects to an invalid URL"),
        (f"http://{'x' * 64}.invalid/?appid={KEY}", "the address of the service is not a web address"),
    ],
)
async def test_invalid_redirects(get: Get, location: str, reason: str) -> None:
    """A redirect loop and an invalid Location have different errors."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as (session, url):
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == (reason, Failure.UNAVAILABLE)


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_redirect_loop_is_not_followed_twice(get: Get, steps: int) -> None:
    """A service counts every request, so each address is requested once."""
    requests: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        requests.append(request.path_qs)
        step = int(request.query.get("step", "0"))
        target = request.url.update_query(step=(step + 1) % steps)
        return web.Response(status=307, headers={"Location": str(target)})

    async with serving(handler) as (session, url):
        with pytest.raises(ProviderError, match="redirects in a loop"):
            await get(session, url, {"step": "0"})
    assert len(requests) == len(set(requests)) == steps


async def test_the_body_of_a_redirect_is_not_awaited(get: Get) -> None:
    """A redirect is followed at once, whatever its body and however slowly it arrives."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/new":
            return web.Response(body=b"{}")
        response = web.StreamResponse(status=302, headers={"Location": "/new"})
        await response.prepare(request)
        await asyncio.sleep(86400)
        return response

    async with serving(handler) as (session, url):
        begun = asyncio.get_running_loop().time()
        assert (await get(session, url, PARAMETERS)).body == b"{}"
        assert asyncio.get_running_loop().time() == begun


async def test_the_trace_of_a_redirect_is_that_of_the_last_request(get: Get) -> None:
    """If the target of a redirect does not respond, the trace has no status."""
    nobody = f"http://127.0.0.1:{free_port()}/data/"

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": nobody})

    async with serving(handler) as (session, url):
        token = start_tracing()
        assert "Connection refused" in str(await get_error(get, session, url))
        (trace,) = stop_tracing(token)
    assert (trace.status, list(trace.phases)) == (None, ["done"])


async def test_a_stream_follows_redirects() -> None:
    """Lines are yielded as they arrive; a minute without a line is an error."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/data/":
            return web.Response(status=301, headers={"Location": "/new"})
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"data: 1\r\n")
            await asyncio.sleep(50)
        await asyncio.sleep(86400)
        return response

    async with serving(handler) as (session, url):
        lines = stream_lines(session, url, {})
        assert [await anext(lines) for _ in range(3)] == ["data: 1"] * 3
        with pytest.raises(ProviderError, match="no complete response within 60 s"):
            await anext(lines)
