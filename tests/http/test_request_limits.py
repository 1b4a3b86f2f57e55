"""The limits of a request: its deadline, a cancellation, and the size of the response."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.http.keyed_requests import PARAMETERS, get_error, serving
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import MAX_BYTES

if TYPE_CHECKING:
    from tests.http.clients import Get
    from tests.http.keyed_requests import Handler


async def hang_before_headers(_: web.Request) -> web.StreamResponse:
    """Send nothing for a day."""
    await asyncio.sleep(86400)
    return web.Response()


async def hang_in_the_body(request: web.Request) -> web.StreamResponse:
    """Send a part of the body, then nothing for a day."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"main": {')
    await asyncio.sleep(86400)
    return response


async def drip(request: web.Request) -> web.StreamResponse:
    """Send a byte a second without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(1)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_the_deadline_limits_the_whole_request(get: Get, handler: Handler) -> None:
    """A request ends at its deadline to the second, however the server delays it."""
    loop = asyncio.get_running_loop()
    async with serving(handler) as (session, url):
        begun = loop.time()
        error = await get_error(get, session, url)
        assert loop.time() - begun == pytest.approx(30, abs=1.1)
    assert (str(error), error.failure) == ("no complete response within 30 s", Failure.BROKEN)


@pytest.mark.parametrize("handler", [hang_before_headers, hang_in_the_body, drip])
async def test_a_cancellation_is_passed_on(get: Get, handler: Handler) -> None:
    """A cancelled request ends at once with CancelledError."""
    async with serving(handler) as (session, url):
        task = asyncio.create_task(get(session, url, PARAMETERS))
        await asyncio.sleep(5.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() < 7


async def endless(request: web.Request) -> web.StreamResponse:
    """Send an endless body as fast as possible."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def bomb(_: web.Request) -> web.StreamResponse:
    """Send 64 KiB that decompress to 64 MiB."""
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(bytes(64 * MAX_BYTES)) + packer.flush()
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("handler", [endless, bomb])
async def test_the_size_of_a_response_is_limited(get: Get, handler: Handler) -> None:
    """An endless body and a decompression bomb are rejected at 1 MiB."""
    async with serving(handler) as (session, url):
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == ("the response is larger than 1 MiB", Failure.MALFORMED)


@pytest.mark.parametrize(("size", "right"), [(1_048_576, True), (1_048_577, False)])
async def test_the_size_limit_is_exact(get: Get, size: int, *, right: bool) -> None:
    """1 MiB is accepted, one more byte is not."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * size)

    async with serving(handler) as (session, url):
        with contextlib.nullcontext() if right else pytest.raises(ProviderError, match="larger than 1 MiB"):
            assert len((await get(session, url, PARAMETERS)).body) == size
