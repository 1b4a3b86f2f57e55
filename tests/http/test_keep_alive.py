"""Connections that are kept for reuse, and that the server may have closed in the meantime."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.http.raw_server import RESPONSE, respond, serve_bytes
from weatherd.errors import Failure, ProviderError
from weatherd.http import client
from weatherd.http.client import post
from weatherd.http.connections import KEEP_ALIVE
from weatherd.http.session import Session, open_session
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.http.clients import Get


@contextlib.asynccontextmanager
async def serving(
    responses: list[int], keep_alive: float = KEEP_ALIVE
) -> AsyncIterator[tuple[Session, str, list[int]]]:
    """Serve connections; connection n gives ``responses[n]`` responses and is closed at the next request.

    Yields a session, the URL, and a list with the number of the connection of each request.

    """
    requests: list[int] = []
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        left = responses[number] if number < len(responses) else 0
        while await reader.readuntil(b"\r\n\r\n"):
            requests.append(number)
            if not left:
                break
            left -= 1
            writer.write(RESPONSE)

    async with serve_bytes(talk) as port, open_session("weatherd/test", keep_alive=keep_alive) as session:
        yield session, f"http://127.0.0.1:{port}/", requests


async def test_a_closed_idle_connection_causes_one_retry(get: Get) -> None:
    """If a reused connection turns out to be closed, the request is sent again at once on a new one and succeeds."""
    async with serving([1, 1]) as (session, url, requests):
        await get(session, url, {})
        before = asyncio.get_running_loop().time()
        assert (await get(session, url, {})).status == 200
        assert asyncio.get_running_loop().time() == before
    assert requests == [0, 0, 1]


async def test_the_retry_uses_a_new_connection(get: Get) -> None:
    """Other idle connections to that server are not tried, because they have been idle for as long."""
    async with serving([1, 1, 1, 1]) as (session, url, requests):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(get(session, url, {}))
        assert (await get(session, url, {})).status == 200
    assert sorted(requests[:3]) == [0, 1, 2]
    assert requests[3] in {0, 1, 2}
    assert requests[4:] == [3]


async def test_a_free_connection_is_reused(get: Get) -> None:
    """Sequential requests share a connection; concurrent requests have one each."""
    async with serving([9] * 9) as (session, url, requests):
        for _ in range(3):
            await get(session, url, {})
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(get(session, url, {}))
    assert requests[:3] == [0, 0, 0]
    assert set(requests[3:]) == {0, 1, 2}


@pytest.mark.real_time
async def test_a_connection_that_was_idle_for_too_long_is_not_reused(get: Get) -> None:
    """Many servers close theirs at about that time, and a request would be lost. aiohttp's clock is the real one."""
    async with serving([9, 9], keep_alive=2.0) as (session, url, requests):
        await get(session, url, {})
        await get(session, url, {})
        await asyncio.sleep(2.2)
        await get(session, url, {})
    assert requests == [0, 0, 1]


@pytest.mark.real_time
async def test_an_unused_connection_is_closed(get: Get) -> None:
    """It does not occupy the server or a file descriptor for long."""
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond(reader, writer)
        finally:
            ended.set()

    async with serve_bytes(talk) as port, open_session("weatherd/test", keep_alive=0.2) as session:
        await get(session, f"http://127.0.0.1:{port}/", {})
        assert not ended.is_set()
        async with asyncio.timeout(10):
            await ended.wait()


@pytest.mark.parametrize("pause", [0, 1])
@pytest.mark.parametrize(
    "unsolicited",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"\r\n",
    ],
)
async def test_an_unsolicited_response_is_discarded(get: Get, unsolicited: bytes, pause: float) -> None:
    """A connection on which the server has sent data while idle, as proxies do before they close it, is not reused.

    aiohttp 3.14 by itself takes such data for the response to the next request.

    """
    requests = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            requests.append(request)
            writer.write(RESPONSE)
            await asyncio.sleep(pause)
            writer.write(unsolicited)

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(3):
            assert (await get(session, url, {})).body == b"{}"
            await asyncio.sleep(2)
        for _ in range(3):
            assert (await post(session, url, b"", {})).body == b"{}"
            await asyncio.sleep(2)
    assert len(requests) == 6


async def test_a_trace_ends_with_its_request(get: Get) -> None:
    """A later request of the same task, which is not traced, is not added to the earlier trace."""
    async with serving([2, 2]) as (session, url, _):
        token = start_tracing()
        await get(session, url, {})
        (trace,) = stop_tracing(token)
        before = dict(trace.phases)
        await post(session, url, b"", {})
    assert "done" in before
    assert trace.phases == before


async def test_a_request_is_not_retried_on_a_new_connection(get: Get) -> None:
    """A server that closes a new connection has read the request, and would close it again."""
    async with serving([]) as (session, url, requests):
        with pytest.raises(ProviderError, match="closed the connection without a response") as caught:
            await get(session, url, {})
    assert caught.value.failure is Failure.UNAVAILABLE
    assert requests == [0]


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_a_request_is_not_retried_once_the_response_has_begun(get: Get, begun: bytes) -> None:
    """The server has processed it, and would count a second one against the quota; also on a reused connection."""
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        for response in (RESPONSE, begun):
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            writer.write(response)
            await writer.drain()

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        url = f"http://127.0.0.1:{port}/"
        await get(session, url, {})
        with pytest.raises(ProviderError, match="closed the connection without a response"):
            await get(session, url, {})
    assert requests == 2


async def test_there_is_only_one_retry(get: Get) -> None:
    """If the new connection fails too, the request fails after two attempts."""
    async with serving([1, 0]) as (session, url, requests):
        await get(session, url, {})
        with pytest.raises(ProviderError, match="closed the connection without a response"):
            await get(session, url, {})
    assert requests == [0, 0, 1]


async def test_a_post_request_is_sent_once() -> None:
    """It is unknown whether the server has processed it, so the caller decides whether to send it again."""
    async with serving([1, 1]) as (session, url, requests):
        await client.get(session, url, {})
        with pytest.raises(ProviderError, match="closed the connection without a response"):
            await post(session, url, b"", {})
    assert requests == [0, 0]


async def test_a_late_response_is_not_taken_for_the_next_one(get: Get) -> None:
    """The connection of an abandoned request is closed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(5)
            path = request.split()[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        url = f"http://127.0.0.1:{port}"
        with pytest.raises(ProviderError, match="within 2 s"):
            await get(session, f"{url}/first", {}, deadline=2)
        assert (await get(session, f"{url}/second", {})).body == b"/second"


async def test_an_unread_request_body_is_not_taken_for_a_request(get: Get) -> None:
    """If the server responds without reading the body of a POST, the next request uses another connection."""
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(RESPONSE)
        await over.wait()

    over = asyncio.Event()
    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        url = f"http://127.0.0.1:{port}/"
        assert (await post(session, url, bytes(50_000_000), {})).status == 200
        assert (await get(session, url, {})).status == 200
        over.set()
    assert [request[:4] for request in requests] == [b"POST", b"GET "]
