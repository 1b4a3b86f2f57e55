"""Connections to servers: aiohttp's connector, with timings for each request and a check before reuse.

All of it is aiohttp's and asyncio's documented API.
"""

from __future__ import annotations

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from weatherd.http.trace import RequestTrace

KEEP_ALIVE = 15.0  # seconds that an idle connection is kept; many servers close theirs not much later


class ConnectionWatch(asyncio.Protocol):
    """aiohttp's protocol of a connection, and whether the server has sent anything since the last response."""

    def __init__(self, protocol: Any) -> None:
        self.has_data = False
        self._protocol = protocol

    def data_received(self, data: bytes) -> None:
        """Note and pass on what the server sends."""
        self.has_data = True
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()


@dataclass(slots=True)
class Attempt:
    """A request on its way: how far it is, and on which connection."""

    trace: RequestTrace
    deadline: float  # seconds
    proxy: str | None = None  # host and port of the proxy that it goes through
    is_tunnelled: bool = False  # through a proxy that only passes on what client and server say to each other
    connection: ConnectionWatch | None = None
    is_reused: bool = False  # other requests have used the connection before

    def restart(self) -> None:
        """Forget the response, which was a redirect: the connection stays open, the time counts."""
        self.end()
        self.trace.restart()
        self.connection = None
        self.is_reused = False

    def end(self) -> None:
        """Note that the response is complete, or its connection closed: whatever comes next is unsolicited."""
        if self.connection:
            self.connection.has_data = False


# A ContextVar, because aiohttp calls the connector, the resolver and the TLS context without an argument of ours. Its
# TraceConfig has one, but calls eight coroutines for each request: 14 us in the place of 1.
current_attempt: ContextVar[Attempt] = ContextVar("current_attempt")


class CheckedConnector(aiohttp.TCPConnector):
    """Reuses a connection only if the server has sent nothing on it since its last response.

    aiohttp 3.14 looks only whether it is still open (aiohttp issue 13656). A proxy that says "408 Request Timeout" on
    an idle connection would have that taken for the response to the next request, because HTTP/1.1 pairs responses
    with requests by their order alone. ``force_close`` prevents it too, but costs a connection a request: 170 us of
    CPU on loopback, and a TLS handshake. This costs 1 us.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """Return a new connection, or one that is clean.

        aiohttp calls this a second time for a GET whose connection has failed. On a reused one, the server may have
        hung up just when the request was on its way: it is sent again, on a new one. A new connection has failed
        because of the server or the request, which is not sent again: ServerDisconnectedError.
        """
        attempt = current_attempt.get()
        is_retry = attempt.connection is not None
        if is_retry and not attempt.is_reused:
            raise aiohttp.ServerDisconnectedError
        while True:
            connection = await super().connect(req, traces, timeout)
            transport = connection.transport
            if transport is None:
                raise aiohttp.ServerDisconnectedError
            watch = transport.get_protocol()
            if not isinstance(watch, ConnectionWatch):
                watch = ConnectionWatch(watch)
                transport.set_protocol(watch)
                attempt.is_reused = False
                attempt.trace.reached("connected")
            elif is_retry or watch.has_data:
                connection.close()
                continue
            else:
                attempt.is_reused = True
                attempt.trace.reached("reused")
            attempt.connection = watch
            return connection


class TimedResolver(aiohttp.ThreadedResolver):
    """The system's resolver, which records when a name has been resolved."""

    async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
        """Resolve a name in a thread, with getaddrinfo."""
        found = await super().resolve(*args, **kwargs)
        current_attempt.get().trace.reached("dns")
        return found


class ClientTls(ssl.SSLContext):
    """The TLS of a client: verifies certificates, and records when a handshake begins.

    The system's CA certificates are loaded for the first handshake, because they cost 22 ms and 1.5 MB, and a service
    in one's own network does not need them.
    """

    _is_loaded = False

    def __new__(cls, ca_file: Path | None = None) -> Self:
        """Make one that trusts the system's CAs, and those in *ca_file*. Raises OSError when that cannot be read."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        if ca_file:
            context.load_verify_locations(ca_file)
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a handshake."""
        if not self._is_loaded:
            self.load_default_certs()
            self._is_loaded = True
        current_attempt.get().trace.reached("tls_begun")
        return super().wrap_bio(*args, **kwargs)
