"""How long a connection is open: reuse, idle time, and the memory that it takes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from tests.http.fixed_service import Service, running
from tests.http.raw_server import RESPONSE
from tests.support.servers import free_port
from weatherd.errors import ProviderError
from weatherd.http.links.link import Link
from weatherd.http.polling import PendingResponse, PollingClient
from weatherd.http.response import Response

if TYPE_CHECKING:
    from tests.http.clients import Get


async def test_a_connection_that_switches_protocols_is_closed(get: Get) -> None:
    """What follows is not HTTP."""
    service = Service(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).status == 101
    assert service.opened == 2


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: Close, X\r\n",
    ],
)
@pytest.mark.parametrize("length", [b"Content-Length: 2\r\n", b""])
async def test_a_connection_that_the_server_closes_is_not_used_again(get: Get, head: bytes, length: bytes) -> None:
    """With a length, the response does not wait for the end of the connection."""
    service = Service(head + length + b"\r\n{}", closes=not length)
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).body == b"{}"
    assert service.opened == 2


async def test_an_old_server_that_keeps_connections(get: Get) -> None:
    """HTTP/1.0 with ``Connection: keep-alive``."""
    service = Service(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}")
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).body == b"{}"
    assert service.opened == 1


async def test_an_idle_connection_is_closed_after_fifteen_seconds() -> None:
    """It does not occupy the server or a file descriptor for long, and no timer remains."""
    loop = asyncio.get_running_loop()
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for pause, closed in ((14, 0), (14, 0), (17, 1)):
            await polls.get()
            await asyncio.sleep(pause)
            assert (service.opened, service.closed) == (1, closed)
        before = loop.time()
        await polls.get()
        assert (service.opened, loop.time()) == (2, before)


async def test_a_connection_is_not_used_after_fifteen_idle_seconds() -> None:
    """Also not in the second until all connections are checked: the server may close it at that moment."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for pause in (0.5, 15.2, 0):
            await polls.get()
            await asyncio.sleep(pause)
    assert service.opened == 2


_city: ContextVar[object] = ContextVar("city")


async def test_a_connection_does_not_keep_the_context_of_its_first_request() -> None:
    """It is open for much longer than the request, and a city that is removed is freed."""

    class City:
        pass

    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)

        async def request() -> weakref.ref[City]:
            city = City()
            _city.set(city)
            await polls.get()
            return weakref.ref(city)

        reference = await asyncio.create_task(request())
        await asyncio.sleep(2)
        gc.collect()
        assert reference() is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("complete", Response),
        ("closed", Response),
        ("failing", ProviderError),
        ("cancelled", asyncio.CancelledError),
        ("redirected", ProviderError),
        ("refused", ProviderError),
    ],
)
async def test_requests_and_connections_are_freed(kind: str, expected: type[object]) -> None:
    """Without the collector, which runs rarely."""
    responses = {
        "closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        "failing": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "redirected": b"HTTP/1.1 302 OK\r\nLocation: /data?x=1\r\nContent-Length: 2\r\n\r\n{",
        "cancelled": b"",
    }
    service = Service(responses.get(kind, RESPONSE))
    async with running(service) as session:
        url = f"http://127.0.0.1:{free_port()}/" if kind == "refused" else service.url
        polls = PollingClient(session, url)
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                request = polls.get()
                if kind == "cancelled":
                    await asyncio.sleep(1)
                    request.cancel()
                [outcome] = await asyncio.gather(request, return_exceptions=True)
                assert isinstance(outcome, expected)
                del request, outcome
            await asyncio.sleep(20)
            assert not [item for item in gc.get_objects() if isinstance(item, Link | PendingResponse)]
        finally:
            gc.enable()
