"""The limits of the HTTP interface: time, number of connections, and what visitors can write into the log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import struct
from typing import TYPE_CHECKING

import pytest
import structlog
from aiohttp import web

from tests.support.service import serving
from tests.support.weatherd_process import BERLIN, KIEL, configure, weatherd
from weatherd.config.http_section import HttpSection
from weatherd.web.access.duration_limit import limit_duration
from weatherd.web.bad_requests import BadRequests
from weatherd.web.connections import IDLE_TIMEOUT, ClientConnections, CloseReason
from weatherd.web.listener import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Site:
    """A small site behind the limits, and its clients."""

    def __init__(self, connections: ClientConnections, bad_requests: BadRequests) -> None:
        self.connections = connections
        self.bad_requests = bad_requests
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and send *data*."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1024)
        self._writers.append(writer)
        writer.write(data)
        return reader, writer

    async def disconnect(self) -> None:
        """Close the connections of all clients."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def serve_site(limit: int = 100) -> AsyncIterator[Site]:
    """Serve ``/`` at once and 30 MB at ``/large``."""

    async def small(_: web.Request) -> web.Response:
        return web.Response(text="small")

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(30_000_000))

    app = web.Application(middlewares=[limit_duration])
    app.router.add_get("/", small)
    app.router.add_get("/large", large)
    site = Site(ClientConnections(limit), BadRequests())
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=IDLE_TIMEOUT,
        logger=site.bad_requests.logger,
        shutdown_timeout=0.5,
    )
    await runner.setup()

    async def open_app() -> web.Server:
        assert runner.server
        return runner.server

    try:
        async with listen(HttpSection(port=0), site.connections, open_app) as url:
            site.port = int(url.rpartition(":")[2])
            yield site
    finally:
        await runner.cleanup()
        await site.disconnect()


async def seconds_until_closed(reader: asyncio.StreamReader) -> float:
    """Return the time until the server closes a connection."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(300):
            while await reader.read(1024):
                pass
    return loop.time() - began


@pytest.mark.parametrize("data", [b"", b"G", HEAD, HEAD + b"X-Long: "])
async def test_a_request_that_never_ends_is_closed(data: bytes) -> None:
    """A connection without a whole head is closed 10 s after it was opened."""
    async with serve_site() as site:
        reader, _ = await site.connect(data)
        assert 9 < await seconds_until_closed(reader) < 12
        assert site.connections.closed_early[CloseReason.HEAD_TIMEOUT] == 1


async def test_bytes_that_trickle_in_do_not_extend_the_limit() -> None:
    """One byte a second does not keep a connection open, neither the first request nor a later one."""
    async with serve_site() as site:
        for first in (b"", HEAD + b"\r\n"):
            reader, writer = await site.connect(first)
            await asyncio.sleep(30 if first else 0)
            closed = asyncio.create_task(seconds_until_closed(reader))
            for byte in HEAD:
                writer.write(bytes([byte]))
                await asyncio.sleep(1)
            assert 9 < await closed < 13


async def test_an_idle_connection_is_kept_for_a_while() -> None:
    """After a response a connection stays open for the next request, for 75 seconds."""
    async with serve_site() as site:
        reader, writer = await site.connect(HEAD + b"\r\n")
        await reader.readuntil(b"small")
        await asyncio.sleep(60)
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"small")
        assert 74 < await seconds_until_closed(reader) < 80
        assert not site.connections.closed_early


async def test_a_body_that_never_ends_is_closed() -> None:
    """A request whose body does not arrive gets its response, and is closed."""
    async with serve_site() as site:
        reader, _ = await site.connect(HEAD + b"Content-Length: 1000000\r\n\r\n")
        await reader.readuntil(b"small")
        assert await seconds_until_closed(reader) < 30


async def test_a_response_that_nobody_reads_is_dropped() -> None:
    """A client that does not read loses its connection, with the response in memory, after a minute."""
    async with serve_site() as site:
        await site.connect(HEAD.replace(b"/ ", b"/large ") + b"\r\n")
        await asyncio.sleep(55)
        assert len(site.connections) == 1
        await asyncio.sleep(10)
        assert len(site.connections) == 0
        assert site.connections.closed_early == {CloseReason.REQUEST_TIMEOUT: 1}


async def test_silent_connections_make_room() -> None:
    """With more silent connections than the limit, a request is still served, and the log has one line about it."""
    with structlog.testing.capture_logs() as logged:
        async with serve_site(limit=8) as site:
            for _ in range(40):
                await site.connect()
            reader, _ = await site.connect(HEAD + b"\r\n")
            async with asyncio.timeout(8):
                await reader.readuntil(b"small")
            assert len(site.connections) <= 8
    assert [line["event"] for line in logged] == ["http.connections_limited"]


async def test_visitors_cannot_write_into_the_log() -> None:
    """Malformed requests and clients that hang up are counted; the log mentions them at level debug only."""
    requests = [b"\x16\x03\x01\x02\x00", b"\r\n" * 9, b"GET / HTTP/9.9\r\n\r\n", HEAD + b"Content-Length: x\r\n\r\n"]
    with structlog.testing.capture_logs() as logged:
        async with serve_site() as site:
            for data in requests:
                reader, _ = await site.connect(data)
                await seconds_until_closed(reader)
            for data in (b"", HEAD, HEAD.replace(b"/ ", b"/large ") + b"\r\n"):
                with socket.create_connection(("127.0.0.1", site.port)) as client:
                    client.sendall(data)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await asyncio.sleep(1)
            assert site.bad_requests.count >= 3
    assert {(line["log_level"], line["event"]) for line in logged} <= {("debug", "http.bad_request")}


async def test_no_descriptors_are_one_line() -> None:
    """While no connection can be accepted, clients wait; the log has one line, not one for each attempt."""
    with structlog.testing.capture_logs() as logged:
        async with serve_site() as site:
            clients = [socket.socket() for _ in range(3)]
            free = os.dup(0)
            os.close(free)
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
            try:
                for client in clients:
                    client.connect(("127.0.0.1", site.port))
                    client.sendall(HEAD + b"\r\n")
                await asyncio.sleep(30)
                assert len(site.connections) == 0
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            await asyncio.sleep(2)
            for client in clients:
                assert client.recv(1024).endswith(b"small")
                client.close()
    assert [(line["event"], line["reason"]) for line in logged] == [("http.accept_failed", "Too many open files")]


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.once
async def test_few_descriptors_are_enough(tmp_path: Path) -> None:
    """With 64 descriptors and 80 silent connections the daemon polls on, responds, and logs one line about them."""
    async with (
        serving() as service,
        weatherd(
            "run", "-c", configure(tmp_path, service.url, KIEL, BERLIN), prefix=["prlimit", "--nofile=64:64"]
        ) as process,
        contextlib.AsyncExitStack() as stack,
    ):
        port = int((await process.logs("http.ready"))["url"].rpartition(":")[2])
        for _ in range(80):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
        await process.logs("http.connections_limited")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.callback(writer.close)
        writer.write(HEAD.replace(b"/ ", b"/-/healthy ") + b"\r\n")
        async with asyncio.timeout(20):
            assert b"200" in await reader.readline()
        await process.logs("observation", sum(line["event"] == "observation" for line in process.logged) + 6)
        events = [line["event"] for line in process.logged]
    assert events.count("http.connections_limited") == 1
    assert not {"library", "city.down", "uncaught", "unraisable"} & set(events)
