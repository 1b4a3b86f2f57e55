"""What a hostile server can do to a poll: it costs no memory, and no other poll gets its response."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc

import pytest

from tests.http.clients import Polls
from tests.http.fixed_service import CHUNKED, CUT_OFF, NO_HTTP, TOO_LARGE, Service, reason_of, running
from tests.http.raw_server import RESPONSE, serve_bytes
from weatherd.errors import ProviderError
from weatherd.http.polling import PollingClient
from weatherd.http.response import decode_body
from weatherd.http.session import open_session
from weatherd.http.trace import start_tracing, stop_tracing

HUGE = b"y" * 20_000


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(20_000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + HUGE,
        b"HTTP/1.1 200 OK\r\nX" + HUGE,
        b"HTTP/1.1 200 " + HUGE,
        b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\nX-2: " + HUGE + b"\r\n\r\n{}",
        b"HTTP/1.1 103 Early Hints\r\nLink: <%b>\r\n\r\n" % HUGE,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    ],
    ids=["many", "endless value", "endless name", "endless reason", "large, complete", "interim", "endless interim"],
)
async def test_the_size_of_the_headers_is_limited(response: bytes) -> None:
    """A server that does not end its headers gets neither memory nor time."""
    service = Service(response)
    async with running(service) as session:
        assert await reason_of(Polls().get, session, service.url) == NO_HTTP
        await asyncio.sleep(1)
        assert service.closed == 1


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + bytes(3_000_000), TOO_LARGE),
        (CHUNKED + b"100000;" + b"x" * 3_000_000, TOO_LARGE),
        (CHUNKED + b"2\r\n{}\r\n0\r\n" + b"".join(b"X-%d: y\r\n" % line for line in range(300_000)), TOO_LARGE),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX: " + bytes(3_000_000).replace(b"\0", b"y"), TOO_LARGE),
        (CHUNKED + b"1\r\n \r\n" * 500_000, TOO_LARGE),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", NO_HTTP),
        (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", NO_HTTP),
        (CHUNKED + b"fffffffffffffffffffff\r\n{}", NO_HTTP),
        (CHUNKED + b"2\r\n{}}}\r\n0\r\n\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}", NO_HTTP),
    ],
    ids=[
        "length", "chunk extension", "many trailers", "endless trailer", "tiny chunks",
        "chunk size", "negative size", "overflow", "longer than its size", "length and chunks", "lengths", "negative",
    ],
)  # fmt: skip
async def test_bodies_of_hostile_servers(response: bytes, reason: str) -> None:
    """No body takes more than a few MiB, and one whose end is not certain is not used."""
    service = Service(response)
    async with running(service) as session:
        assert await reason_of(Polls().get, session, service.url) == reason
        await asyncio.sleep(1)
        assert service.closed == 1


def test_a_bomb_takes_no_memory() -> None:
    """It is not decompressed beyond the limit."""
    bomb = gzip.compress(bytes(100_000_000), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ProviderError, match=TOO_LARGE):
            decode_body(bomb, b"gzip")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


async def test_a_compressed_body_that_ends_early() -> None:
    """It is not taken for complete, although it is as long as announced."""
    packed = gzip.compress(b'{"a": 1}' * 1000)[:-20]
    service = Service(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed), packed)
    async with running(service) as session:
        assert await reason_of(Polls().get, session, service.url) == CUT_OFF


@pytest.mark.parametrize("extra", [RESPONSE, RESPONSE[:30], b"HTTP/1.1 40", b"garbage"])
async def test_a_second_response_in_the_same_packet_is_discarded(extra: bytes) -> None:
    """It is not taken for the response to the next request, which uses another connection."""
    service = Service(RESPONSE[:-2] + b"[]" + extra)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for _ in range(3):
            assert (await polls.get()).body == b"[]"
    assert service.opened == 3


async def test_requests_that_follow_at_once_share_the_fate_of_no_connection() -> None:
    """A request that is sent before the loop has closed such a connection does not use it either."""
    service = Service(RESPONSE + RESPONSE[:-2] + b"[]")
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        token = start_tracing()
        responses = [await polls.get() for _ in range(5)]
        traces = stop_tracing(token)
    assert [response.body for response in responses] == [b"{}"] * 5
    assert [list(trace.phases) for trace in traces] == [["connected", "first_byte", "done"]] * 5


async def test_a_server_that_speaks_first() -> None:
    """Its response is used, because it is one to the only request of the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(RESPONSE)
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        polls = PollingClient(session, f"http://127.0.0.1:{port}/")
        assert (await polls.get()).body == b"{}"


async def test_a_response_before_the_request_is_sent() -> None:
    """If the server does not read the whole request, the connection is not used again."""
    opened = 0
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        await reader.readexactly(1000)
        writer.write(RESPONSE)
        await over.wait()

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        polls = PollingClient(session, f"http://127.0.0.1:{port}/")
        for _ in range(2):
            assert (await polls.get("q=" + "x" * 20_000_000)).body == b"{}"
        over.set()
    assert opened == 2
