"""Responses that are cut off, invalid or unusual: each has its own message, or is understood."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.http.fixed_service import CUT_OFF, NO_HTTP
from tests.http.keyed_requests import KEY, PARAMETERS, get_error, listening
from weatherd.errors import Failure
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from tests.http.clients import Get

HUNG_UP = "the service closed the connection without a response"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"", HUNG_UP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", CUT_OFF),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", CUT_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", CUT_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-", HUNG_UP),
        (b"HTTP/1.1 abc\r\n\r\n", NO_HTTP),
        (b"SSH-2.0-OpenSSH_9.9 ?appid=" + KEY.encode() + b"\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000 + b"\r\n\r\n", NO_HTTP),
    ],
)
async def test_incomplete_and_invalid_responses(get: Get, response: bytes, reason: str) -> None:
    """A truncated body, a broken chunk, a wrong encoding, silence and another protocol have their own messages."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await get_error(get, session, url)
    assert (str(error), error.failure) == (reason, Failure.BROKEN if reason == CUT_OFF else Failure.UNAVAILABLE)


async def test_switching_protocols_is_a_response(get: Get) -> None:
    """Status 101 is returned, because nothing that can be read follows it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).status == 101


async def test_interim_responses_are_skipped(get: Get) -> None:
    """The final response is returned, not 100 Continue or 103 Early Hints."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        assert (await get(session, url, PARAMETERS)).body == b"{}"


async def test_a_response_without_a_length_ends_with_the_connection(get: Get) -> None:
    """Old servers and proxies do that; the next request uses a new connection."""
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for piece in (b'{"a"', b": 1", b"}"):
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(piece)

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(2):
            assert (await get(session, url, PARAMETERS)).body == b'{"a": 1}'
    assert requests == 2


async def test_a_reset_connection_is_an_outage(get: Get) -> None:
    """A connection that is reset instead of closed is an ordinary outage."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with listening(talk) as url, open_session("weatherd/test") as session:
        error = await get_error(get, session, url)
    assert str(error) in {HUNG_UP, "the request failed: Connection reset by peer"}


async def test_a_connection_that_closes_during_the_next_request(get: Get) -> None:
    """If the server closes an idle connection just when the next request is sent, that is sent again and succeeds."""
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request gets no response

    async with listening(talk) as url, open_session("weatherd/test") as session:
        for _ in range(3):
            assert (await get(session, url, PARAMETERS)).body == b"{}"
            await asyncio.sleep(1)
        assert connections == 3
