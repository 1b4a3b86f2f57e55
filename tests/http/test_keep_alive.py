"""A connection that was kept, and that the server has given up in the meantime."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from weatherd.errors import Failure, ProviderError
from weatherd.http.client import get, post
from weatherd.http.session import Session, open_session
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.asynccontextmanager
async def serving(answers: list[int]) -> AsyncIterator[tuple[Session, str, list[int]]]:
    """Serve connections of which the n-th gives so many answers and then hangs up on the next request.

    Gives a session, the address, and a list of the connections on which a request came, by their numbers.
    """
    requests: list[int] = []
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        left = answers[number] if number < len(answers) else 0
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                requests.append(number)
                if not left:
                    break
                left -= 1
                writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        yield session, url, requests


async def test_a_dropped_idle_connection_costs_one_retry_at_once() -> None:
    """When the reused connection turns out to be dead, the request is sent again on a new one, and nobody notices."""
    async with serving([1, 1]) as (session, url, requests):
        await get(session, url, {})
        before = asyncio.get_running_loop().time()
        assert (await get(session, url, {})).status == 200
        assert asyncio.get_running_loop().time() == before
    assert requests == [0, 0, 1]


async def test_the_retry_has_a_new_connection() -> None:
    """When one idle connection was dead, the others of that server are not tried: they have been idle for as long."""
    async with serving([1, 1, 1, 1]) as (session, url, requests):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(get(session, url, {}))
        assert (await get(session, url, {})).status == 200
    assert sorted(requests[:3]) == [0, 1, 2]
    assert requests[3] in {0, 1, 2}
    assert requests[4:] == [3]


async def test_a_free_connection_is_used_again() -> None:
    """Requests one after another have one connection; requests at once have one each."""
    async with serving([9] * 9) as (session, url, requests):
        for _ in range(3):
            await get(session, url, {})
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(get(session, url, {}))
    assert requests[:3] == [0, 0, 0]
    assert set(requests[3:]) == {0, 1, 2}


@pytest.mark.real_time
async def test_a_connection_that_was_idle_for_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many servers close theirs at about that time, and a request would be lost. aiohttp's clock is the real one."""
    monkeypatch.setattr("weatherd.http.session.KEEP_ALIVE", 1.0)
    async with serving([9, 9]) as (session, url, requests):
        await get(session, url, {})
        await get(session, url, {})
        await asyncio.sleep(1.2)
        await get(session, url, {})
    assert requests == [0, 0, 1]


@pytest.mark.real_time
async def test_a_connection_that_nobody_needs_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not hold a slot of the server, or a descriptor of ours, for long."""
    monkeypatch.setattr("weatherd.http.session.KEEP_ALIVE", 0.2)
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER)
        ended.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        await get(session, url, {})
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
async def test_an_unsolicited_response_is_not_taken_for_the_next_one(unsolicited: bytes, pause: float) -> None:
    """A server sends one on an idle connection, as proxies do before they close it: that connection is not reused.

    aiohttp 3.14 by itself takes it for the response to the next request.
    """
    requests = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                requests.append(request)
                writer.write(ANSWER)
                await asyncio.sleep(pause)
                writer.write(unsolicited)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        for _ in range(3):
            assert (await get(session, url, {})).body == b"{}"
            await asyncio.sleep(2)
        for _ in range(3):
            assert (await post(session, url, b"", {})).body == b"{}"
            await asyncio.sleep(2)
    assert len(requests) == 6


async def test_an_exchange_is_noted_until_it_is_over() -> None:
    """What the same task asks later, and nobody wants to know about, is not added to the exchange before it."""
    async with serving([2]) as (session, url, _):
        trail = start_tracing()
        await get(session, url, {})
        (exchange,) = stop_tracing(trail)
        before = dict(exchange.phases)
        await post(session, url, b"", {})
    assert "done" in before
    assert exchange.phases == before


async def test_a_request_is_not_retried_on_a_new_connection() -> None:
    """A server that hangs up on a new connection has read the request, and would hang up again."""
    async with serving([]) as (session, url, requests):
        with pytest.raises(ProviderError, match="hung up") as caught:
            await get(session, url, {})
    assert caught.value.failure is Failure.UNAVAILABLE
    assert requests == [0]


async def test_there_is_one_retry_and_no_more() -> None:
    """When the new connection is dead too, the request has failed, after two attempts."""
    async with serving([1, 0]) as (session, url, requests):
        await get(session, url, {})
        with pytest.raises(ProviderError, match="hung up"):
            await get(session, url, {})
    assert requests == [0, 0, 1]


async def test_a_post_is_sent_once() -> None:
    """Whether a server that hung up had taken it, nobody knows; so it is for the caller to send it again."""
    async with serving([1, 1]) as (session, url, requests):
        await get(session, url, {})
        with pytest.raises(ProviderError, match="hung up"):
            await post(session, url, b"", {})
    assert requests == [0, 0]


async def test_an_answer_that_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    """A request that was given up takes its connection along."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(5)
                path = request.split()[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, open_session("weatherd/test") as session:
        with pytest.raises(ProviderError, match="within 2 s"):
            await get(session, f"{url}/first", {}, deadline=2)
        assert (await get(session, f"{url}/second", {})).body == b"/second"


async def test_a_body_that_the_server_did_not_take_does_not_stand_before_the_next_request() -> None:
    """Who answers a POST after its head alone has not taken the rest; the next request has another connection."""
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(ANSWER)
            await over.wait()

    over = asyncio.Event()
    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**16)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        assert (await post(session, url, bytes(50_000_000), {})).status == 200
        assert (await get(session, url, {})).status == 200
        over.set()
    assert [request[:4] for request in requests] == [b"POST", b"GET "]
