"""A connection that was kept, and that the server has given up in the meantime."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from weatherd.errors import Failure, ProviderError
from weatherd.http.client import get, post
from weatherd.http.connection_pool import KEPT
from weatherd.http.session import Session, open_session
from weatherd.http.trace import start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.asynccontextmanager
async def serving(answers: list[int]) -> AsyncIterator[tuple[Session, str, list[int]]]:
    """Serve connections of which the n-th gives so many answers and then hangs up on the next question.

    Gives a session, the address, and a list of the connections on which a question came, by their numbers.
    """
    questions: list[int] = []
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        left = answers[number] if number < len(answers) else 0
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                questions.append(number)
                if not left:
                    break
                left -= 1
                writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        yield session, url, questions


async def test_a_dropped_idle_connection_costs_one_retry_at_once() -> None:
    """When the kept connection turns out to be dead, the question goes out again on a new one, and nobody notices."""
    async with serving([1, 1]) as (session, url, questions):
        await get(session, url, {})
        before = asyncio.get_running_loop().time()
        assert (await get(session, url, {})).status == 200
        assert asyncio.get_running_loop().time() == before
    assert questions == [0, 0, 1]


async def test_the_connection_that_was_used_last_is_used_again() -> None:
    """Of several that are free, so that the others may go."""
    async with serving([9, 9, 9]) as (session, url, questions):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(3):
                tasks.create_task(get(session, url, {}))
        for _ in range(3):
            await get(session, url, {})
    assert len(set(questions)) == 3
    assert len(set(questions[3:])) == 1


async def test_a_connection_that_was_kept_for_too_long_is_not_used() -> None:
    """Who asks every 16 s has another one each time: many servers hang up about then, and a question would be lost."""
    async with serving([9, 9, 9]) as (session, url, questions):
        for pause in (KEPT - 1, KEPT + 1, 0):
            await get(session, url, {})
            await asyncio.sleep(pause)
        await get(session, url, {})
    assert questions == [0, 0, 1, 1]


async def test_a_connection_that_nobody_needs_is_closed() -> None:
    """It does not hold a place of the server, or a descriptor of ours, for longer than half a minute."""
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
        await asyncio.sleep(1)
        await get(session, url, {})
        assert not ended.is_set()
        async with asyncio.timeout(2 * KEPT + 1):
            await ended.wait()


async def test_what_a_server_says_unasked_is_no_answer() -> None:
    """It says something on a connection that is idle, as proxies do before they hang up: nobody takes it for his."""
    questions = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while question := await reader.readuntil(b"\r\n\r\n"):
                questions.append(question)
                writer.write(ANSWER)
                await asyncio.sleep(1)
                writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        for _ in range(3):
            assert (await get(session, url, {})).status == 200
            await asyncio.sleep(2)
    assert len(questions) == 3


async def test_servers_to_which_there_is_no_connection_are_forgotten() -> None:
    """A service that sends us on to ever another server does not fill the memory."""
    async with serving([1]) as (session, url, _):
        await get(session, url, {})
        assert len(session.links._idle) == 1
        await asyncio.sleep(2 * KEPT + 1)
        assert not session.links._idle


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


async def test_a_service_that_hangs_up_on_everybody_is_asked_twice() -> None:
    """A connection that is dropped before there is an answer gets one retry, also when it was new; then it failed."""
    async with serving([]) as (session, url, questions):
        with pytest.raises(ProviderError, match="hung up") as caught:
            await get(session, url, {})
    assert caught.value.failure is Failure.UNAVAILABLE
    assert questions == [0, 1]


async def test_there_is_one_retry_and_no_more() -> None:
    """Also the new connection is dead: that is a failure, after two questions."""
    async with serving([1, 0]) as (session, url, questions):
        await get(session, url, {})
        with pytest.raises(ProviderError, match="hung up"):
            await get(session, url, {})
    assert questions == [0, 0, 1]


async def test_a_post_is_sent_once() -> None:
    """Whether a server that hung up had taken it, nobody knows; so it is for the caller to send it again."""
    async with serving([1, 1]) as (session, url, questions):
        await get(session, url, {})
        with pytest.raises(ProviderError, match="hung up"):
            await post(session, url, b"", {})
    assert questions == [0, 0]


async def test_an_answer_that_nobody_waits_for_any_more_is_not_the_next_ones() -> None:
    """A question that was given up takes its connection along."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while question := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(5)
                path = question.split()[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, open_session("weatherd/test") as session:
        with pytest.raises(ProviderError, match="within 2 s"):
            await get(session, f"{url}/first", {}, deadline=2)
        assert (await get(session, f"{url}/second", {})).body == b"/second"


async def test_a_body_that_the_server_did_not_take_does_not_stand_before_the_next_question() -> None:
    """Who answers a POST after its head alone has not taken the rest; the next question has another connection."""
    questions: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            questions.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(ANSWER)
            await over.wait()

    over = asyncio.Event()
    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**16)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_session("weatherd/test") as session:
        assert (await post(session, url, bytes(50_000_000), {})).status == 200
        assert (await get(session, url, {})).status == 200
        over.set()
    assert [question[:4] for question in questions] == [b"POST", b"GET "]
