"""Connections for polls: what they send, when they are closed, and what a hostile server can do to them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import socket
import ssl
import struct
import sys
import tracemalloc
import weakref
import zlib
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.http.raw_server import RESPONSE, respond, serve_bytes
from tests.support import virtual_time
from tests.support.servers import free_port
from weatherd.errors import ProviderError
from weatherd.http import client
from weatherd.http.connections import ClientTls
from weatherd.http.connector import CheckedConnector
from weatherd.http.links.link import Link
from weatherd.http.links.link_connector import LinkConnector
from weatherd.http.polling import PendingResponse, PollingClient
from weatherd.http.response import decode_body
from weatherd.http.session import Session, open_session
from weatherd.http.trace import RequestTrace, start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.http.conftest import Get
    from weatherd.http.response import Response

NO_HTTP = "the service does not speak HTTP correctly"
CUT_OFF = "the response was cut off"
TOO_LARGE = "the response is larger than 1 MiB"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Service:
    """Sends the same bytes in response to every request, and records requests and connections."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, closes: bool = False) -> None:
        self.heads: list[bytes] = []
        self.opened = 0
        self.closed = 0
        self.url = ""
        self._pieces = pieces
        self._pause = pause
        self._closes = closes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.opened += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                for piece in self._pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(self._pause)
                if self._closes:
                    break
        finally:
            self.closed += 1


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[Session]:
    """Run a service on loopback."""
    async with serve_bytes(service.serve) as port, open_session("weatherd/test") as session:
        service.url = f"http://127.0.0.1:{port}/data"
        yield session


async def reason_of(get: Get, session: Session, url: str) -> str:
    """Return the text of the error of a request."""
    with pytest.raises(ProviderError) as caught:
        await get(session, url, "")
    return str(caught.value)


@pytest.mark.parametrize("path", ["/v1/forecast", "/a%20b", "", "/x?key=%C3%A9&units=metric"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("lat=1.50000&lon=-2.00000", {}),
        ({"latitude": "1.5,-2", "current": "a,b"}, {"X-Key": "0123"}),
        ({"q": "Kiel & Ümea=1", "x": "#%?/\r\n"}, {"user-agent": "me/1", "accept": "application/geo+json"}),
        ("q=a b", {}),
        ("", {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}),
    ],
)
async def test_a_poll_sends_what_the_other_client_sends(
    path: str, query: Mapping[str, str] | str, headers: Mapping[str, str]
) -> None:
    """Request line and headers are the same, so a service cannot distinguish the two."""
    service = Service(RESPONSE)
    async with running(service) as session:
        url = service.url.removesuffix("/data") + path
        await client.get(session, url, query, headers)
        await PollingClient(session, url, headers).get(query)
        await PollingClient(session, url, {"User-Agent": "other", **headers}).get(query, headers)
    expected, *others = (head.split(b"\r\n") for head in service.heads)
    assert [lines[0] for lines in others] == [expected[0]] * 2
    assert {line.lower() for line in others[0]} == {line.lower() for line in expected}


async def test_a_path_is_added_to_that_of_the_client() -> None:
    """The host is that of the client, whatever the path contains."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for path in ("/stations/KSFO/latest", "/a b?c#d", "/@example.org/", "/%zz"):
            assert (await polls.get(path=path)).status == 200
    assert [head.split(b" ", 2)[1] for head in service.heads] == [
        b"/data/stations/KSFO/latest",
        b"/data/a%20b?c",
        b"/data/@example.org/",
        b"/data/%25zz",
    ]
    assert service.opened == 1


PHASES = ["connected", "first_byte", "done"], ["reused", "first_byte", "done"]


async def test_the_phases_of_a_request(get: Get) -> None:
    """A new connection to an address, and a reused one."""
    service = Service(RESPONSE)
    async with running(service) as session:
        for phases in PHASES:
            token = start_tracing()
            await get(session, service.url, "")
            (trace,) = stop_tracing(token)
            assert (trace.status, sorted(trace.phases)) == (200, sorted(phases))
            assert trace.phases["first_byte"] <= trace.phases["done"]


async def test_the_phases_of_a_request_over_tls(get: Get, tmp_path: Path) -> None:
    """The name is resolved, and a handshake begins."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with serve_bytes(respond, context) as port, open_session("test", ca_file=tmp_path / "ca.pem") as session:
        token = start_tracing()
        await get(session, f"https://localhost:{port}/", "")
        (trace,) = stop_tracing(token)
    assert list(trace.phases) == ["dns", "tls_begun", "connected", "first_byte", "done"]
    assert trace.host == f"localhost:{port}"


async def test_a_poll_ends_while_aiohttp_is_imported_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is not complete yet changes neither errors nor deadlines, for this poll and for later ones."""
    monkeypatch.setitem(sys.modules, "aiohttp", ModuleType("aiohttp"))
    service = Service()
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for _ in range(2):
            with pytest.raises(ProviderError, match="no complete response within 1 s"):
                await polls.get(deadline=1)


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
        assert await reason_of(poll, session, service.url) == NO_HTTP
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
        assert await reason_of(poll, session, service.url) == reason
        await asyncio.sleep(1)
        assert service.closed == 1


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "identity", "utf-8"])
async def test_compressed_bodies(get: Get, encoding: str) -> None:
    """What is offered in ``Accept-Encoding`` is decompressed, and an encoding that is none is ignored."""
    body = b'{"a": 1}' * 1000
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(encoding.lower(), body)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n"
    service = Service(head.encode(), packed)
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).body == body
    assert service.opened == 1


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
        assert await reason_of(poll, session, service.url) == CUT_OFF


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"])
async def test_statuses_without_a_body(get: Get, status: int, length: bytes) -> None:
    """Nothing follows their headers, whatever those announce, and the connection is used again."""
    service = Service(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, length))
    async with running(service) as session:
        for _ in range(3):
            response = await get(session, service.url, "")
            assert (response.status, response.body) == (status, b"")
    assert service.opened == 1


RESPONSES = {
    "length": b"HTTP/1.1 200 OK\r\nX-A:\r\nX-B: 1 \r\nContent-Length: 2\r\n\r\n{}",
    "chunks": CHUNKED + b"1;x=y\r\n{\r\n1\r\n}\r\n0\r\nX-C: 2\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nX-A: 0\r\n\r\n" + RESPONSE,
    "lines without CR": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "folded header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("is_split", [False, True])
async def test_a_response_arrives_in_any_number_of_pieces(get: Get, name: str, *, is_split: bool) -> None:
    """In one packet or a byte at a time; the connection is used again."""
    whole = RESPONSES[name]
    service = Service(*([whole[place : place + 1] for place in range(len(whole))] if is_split else [whole]))
    async with running(service) as session:
        for _ in range(2):
            response = await get(session, service.url, "")
            assert (response.status, response.body, response.headers.get("x-c")) == (200, b"{}", None)
    assert service.opened == 1


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
    assert [list(trace.phases) for trace in traces] == [PHASES[0]] * 5


async def test_a_connection_that_switches_protocols_is_closed(get: Get) -> None:
    """What follows is not HTTP."""
    service = Service(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).status == 101
    assert service.opened == 2


async def test_a_body_without_a_length_whose_connection_is_reset() -> None:
    """It is not taken for complete, as aiohttp does."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        await asyncio.sleep(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        assert await reason_of(poll, session, f"http://127.0.0.1:{port}/") == CUT_OFF


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


@pytest.mark.parametrize(
    ("head", "reason"),
    [(b"Content-Length: 2\r\n", None), (b"Content-Length: 3\r\n", CUT_OFF), (b"", None)],
)
async def test_tls_that_ends_without_notice(get: Get, tmp_path: Path, head: bytes, reason: str | None) -> None:
    """Many servers do that; only what they announced decides whether the response is complete."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n{}")
        await writer.drain()
        writer.transport.abort()

    async with serve_bytes(talk, context) as port, open_session("test", ca_file=tmp_path / "ca.pem") as session:
        if reason:
            assert await reason_of(get, session, f"https://localhost:{port}/") == reason
        else:
            assert (await get(session, f"https://localhost:{port}/", "")).body == b"{}"


async def test_a_cancelled_request_closes_its_connection() -> None:
    """At once, so that the server stops; other connections stay open."""
    service = Service(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        requests = [polls.get() for _ in range(3)]
        await asyncio.sleep(2)
        for closed, request in enumerate(requests, 1):
            request.cancel()
            await asyncio.sleep(0.1)
            assert (service.opened, service.closed) == (3, closed)


async def test_a_request_is_cancelled_while_it_connects() -> None:
    """The server gets no request."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for turns in range(5):
            request = polls.get()
            for _ in range(turns):
                await asyncio.sleep(0)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            await asyncio.sleep(1)
            assert (service.opened, service.heads) == (service.closed, [])
        assert (await polls.get()).status == 200


async def test_requests_in_progress_end_with_the_session() -> None:
    """Those that connect, those that wait for a response, and idle connections."""
    service = Service(RESPONSE, pause=100)
    async with serve_bytes(service.serve) as port:
        async with open_session("weatherd/test") as session:
            polls = PollingClient(session, f"http://127.0.0.1:{port}/")
            await polls.get()
            waiting = [polls.get(), PollingClient(session, f"http://127.0.0.1:{port}/").get()]
            await asyncio.sleep(1)
            waiting.append(PollingClient(session, f"http://127.0.0.1:{port}/").get())
        assert all(request.cancelled() for request in waiting[2:])
        assert all(request.done() for request in waiting)
        await asyncio.sleep(200)
        assert service.opened == service.closed


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


class BrokenTrace(RequestTrace):
    """A trace with a bug."""

    def reached(self, phase: str) -> None:
        """Fail when the headers have arrived."""
        if phase == "first_byte":
            raise LookupError


async def test_a_bug_in_a_callback_is_the_error_of_the_request() -> None:
    """It is not taken for a fault of the server."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        await polls.get()
        pending = polls.get()
        assert isinstance(pending, PendingResponse)
        pending.trace = BrokenTrace("", session.clock)
        with pytest.raises(LookupError):
            await pending


ADDRESSES = {"IPv4": ("127.0.0.1",), "refused": ("127.0.0.2", "127.0.0.1"), "both": ("::1", "127.0.0.1")}


class Names(aiohttp.abc.AbstractResolver):
    """A resolver that returns the same addresses for every name, after a while."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.lookups = 0

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[aiohttp.abc.ResolveResult]:
        """Resolve a name."""
        self.lookups += 1
        await asyncio.sleep(1)
        if not self.addresses:
            raise OSError
        return [
            {"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": 0}
            for each in self.addresses
        ]

    async def close(self) -> None:
        """Close nothing."""


@contextlib.asynccontextmanager
async def resolving(resolver: Names, ca_file: Path | None = None) -> AsyncIterator[Session]:
    """Open a session with a resolver."""
    tls = ClientTls(ca_file)
    async with (
        aiohttp.ClientSession(connector=CheckedConnector(ssl=tls, resolver=resolver)) as general,
        contextlib.aclosing(Session(lambda: general, {}, LinkConnector(resolver, tls))) as session,
    ):
        yield session


@pytest.mark.parametrize("name", ADDRESSES)
async def test_all_addresses_of_a_name_are_tried(get: Get, name: str) -> None:
    """In both address families."""
    service = Service(RESPONSE)
    async with running(service), resolving(Names(*ADDRESSES[name])) as session:
        url = service.url.replace("127.0.0.1", "weather.invalid")
        assert (await get(session, url, "")).status == 200


async def test_a_name_without_a_usable_address(get: Get) -> None:
    """The error names the host and port, and the reason."""
    async with resolving(Names("127.0.0.2", "127.0.0.3")) as session:
        assert await reason_of(get, session, "http://weather.invalid:9/") == (
            "no connection to weather.invalid:9: Connection refused"
        )


async def test_an_address_without_tls_is_not_the_last_that_is_tried(get: Get, tmp_path: Path) -> None:
    """Another address of the name may work; a name may end with a dot, which no certificate has."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("weather.invalid").configure_cert(context)
    names = Names("127.0.0.2", "127.0.0.1")
    async with (
        serve_bytes(respond, context) as port,
        await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.2", port),
        resolving(names, tmp_path / "ca.pem") as session,
    ):
        assert (await get(session, f"https://weather.invalid.:{port}/", "")).status == 200


async def test_a_lookup_of_which_nobody_waits_is_not_reported() -> None:
    """Its failure is no bug, and it ends with the session."""
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    for pause in (5, 0):
        async with resolving(Names()) as session:
            request = PollingClient(session, "http://weather.invalid/").get()
            await asyncio.sleep(0.5)
            request.cancel()
            await asyncio.sleep(pause)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
    assert not errors


async def test_concurrent_requests_share_a_lookup() -> None:
    """Lookups take threads, of which there are few; a later connection looks the name up again."""
    service, names = Service(RESPONSE, pause=1), Names("127.0.0.1")
    async with running(service), resolving(names) as session:
        polls = PollingClient(session, service.url.replace("127.0.0.1", "weather.invalid"))
        requests = [polls.get() for _ in range(5)]
        await asyncio.sleep(0.5)
        requests[0].cancel()
        assert [response.status for response in await asyncio.gather(*requests[1:])] == [200] * 4
        assert (names.lookups, service.opened) == (1, 4)
        await asyncio.sleep(20)
        assert (await polls.get()).status == 200
        assert names.lookups == 2


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


@pytest.mark.parametrize("kind", ["complete", "closed", "failing", "cancelled", "redirected", "refused"])
async def test_requests_and_connections_are_freed(kind: str) -> None:
    """Without the collector, which runs rarely."""
    responses = {
        "closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        "failing": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "redirected": b"HTTP/1.1 302 OK\r\nLocation: /data?x=1\r\nContent-Length: 2\r\n\r\n{",
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
                    await asyncio.sleep(0.001)
                    request.cancel()
                with contextlib.suppress(ProviderError, asyncio.CancelledError):
                    await request
                del request
            await asyncio.sleep(20)
            assert not [item for item in gc.get_objects() if isinstance(item, Link | PendingResponse)]
        finally:
            gc.enable()


BROKEN = st.one_of(
    st.sampled_from(list(RESPONSES.values())),
    st.tuples(st.sampled_from(list(RESPONSES.values())), st.integers(0, 90), st.binary(max_size=3)).map(
        lambda mutation: mutation[0][: mutation[1]] + mutation[2] + mutation[0][mutation[1] + 1 :]
    ),
)


@given(response=BROKEN, split=st.integers(1, 80))
def test_what_aiohttp_accepts_is_accepted(response: bytes, split: int) -> None:
    """For any bytes that a server sends before it closes the connection, the response is the same, or there is none."""
    pieces = [response[place : place + split] for place in range(0, len(response), split)]
    expected, found = (
        virtual_time.run(_request(get, pieces), settle=virtual_time.SETTLE) for get in (client.get, poll)
    )
    assert expected in (None, found)


async def _request(get: Any, pieces: list[bytes]) -> Any:
    service = Service(*pieces, closes=True)
    async with running(service) as session:
        try:
            response = await get(session, service.url, "")
        except ProviderError:
            return None
        return response.status, response.body, response.headers.get("X-A")


async def poll(
    session: Session,
    url: str,
    params: Mapping[str, str] | str,
    headers: Mapping[str, str] | None = None,
    *,
    deadline: float = 15.0,
) -> Response:
    """Send one poll."""
    return await PollingClient(session, url, headers).get(params, deadline=deadline)
