"""Connections to servers: aiohttp's connector, with timings of each request and a check before reuse.

Only documented APIs of aiohttp and asyncio are used.
"""

from __future__ import annotations

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from weatherd.errors import ProviderError
from weatherd.http.redirects import Reach, check_reach, find_reach

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from weatherd.http.trace import RequestTrace

KEEP_ALIVE = 15.0  # seconds until an idle connection is closed; many servers close theirs shortly after that


class ConnectionWatch(asyncio.Protocol):
    """Wrapper of aiohttp's protocol that records whether the server has sent data since the last response."""

    def __init__(self, protocol: Any, peer: Any) -> None:
        self.has_data = False
        self.host = str(peer[0]) if peer else ""  # the server's IP address, or the proxy's
        self._protocol = protocol

    def data_received(self, data: bytes) -> None:
        """Record that data arrived, and pass it on."""
        self.has_data = True
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on the end of the data."""
        return self._protocol.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on the loss of the connection."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the transport's buffer is full."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the transport's buffer has room again."""
        self._protocol.resume_writing()


@dataclass(slots=True)
class Attempt:
    """A request in progress: its trace, deadline and connection."""

    trace: RequestTrace
    deadline: float  # seconds
    proxy: str | None = None  # host and port of its proxy
    is_tunnelled: bool = False  # through a proxy that only relays bytes (HTTP CONNECT)
    connection: ConnectionWatch | None = None
    is_reused: bool = False  # earlier requests have used the connection
    peer: str = ""  # the IP address of its server, or its proxy's; empty while it is not connected
    limit: Reach = Reach.HOST  # of the addresses to which it may connect; less after a redirect from the Internet

    def find_reach(self, host: str) -> Reach:
        """Return the reach of the server that has responded. Behind a proxy, only that of an address is known."""
        return find_reach(host if self.proxy or not self.peer else self.peer)

    def restart(self, limit: Reach) -> None:
        """Reset the state after a redirect. The connection stays open; elapsed time still counts."""
        self.end()
        self.limit = limit
        self.trace.restart()
        self.connection = None
        self.peer = ""
        self.is_reused = False

    def end(self) -> None:
        """Record the end of the response, or of the connection. Data that arrives later is unsolicited."""
        if self.connection:
            self.connection.has_data = False


# A ContextVar, because aiohttp calls the connector, the resolver and the TLS context without any argument of weatherd.
# Its TraceConfig passes one, but calls eight coroutines per request: 14 us instead of 1.
current_attempt: ContextVar[Attempt] = ContextVar("current_attempt")


class CheckedConnector(aiohttp.TCPConnector):
    """A connector that reuses a connection only if the server has sent nothing on it since the last response.

    aiohttp 3.14 checks only whether the connection is still open (aiohttp issue 13656). If a proxy sends "408 Request
    Timeout" on an idle connection, aiohttp takes it for the response to the next request, because HTTP/1.1 matches
    responses to requests by order alone. ``force_close`` prevents that too, but needs a new connection per request:
    170 us of CPU on loopback, and a TLS handshake. This check takes 1 us.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """Return a new connection, or an idle one without unsolicited data.

        aiohttp calls this again if the connection of a GET request fails. If that was a reused connection without a
        byte of the response, the server may have closed it just as the request was sent, so the request is sent again
        on a new connection. Otherwise the server has read the request, and would count another one: a retry is
        prevented by raising ServerDisconnectedError. https://www.rfc-editor.org/rfc/rfc9112.html#section-9.3.1
        """
        attempt = current_attempt.get()
        is_retry = attempt.connection is not None
        if attempt.connection and (attempt.connection.has_data or not attempt.is_reused):
            raise aiohttp.ServerDisconnectedError
        while True:
            connection = await super().connect(req, traces, timeout)
            transport = connection.transport
            if transport is None:
                raise aiohttp.ServerDisconnectedError
            watch = transport.get_protocol()
            if not isinstance(watch, ConnectionWatch):
                watch = ConnectionWatch(watch, transport.get_extra_info("peername"))
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
            attempt.peer = watch.host
            if attempt.limit is not Reach.HOST and not attempt.proxy:
                self._check(connection, watch.host, attempt.limit)
            return connection

    @staticmethod
    def _check(connection: Connection, host: str, limit: Reach) -> None:
        """Close a connection to an address that the name in a redirect must not resolve to, before anything is sent."""
        try:
            check_reach(host, limit)
        except ProviderError:
            connection.close()
            raise


class TimedResolver(aiohttp.ThreadedResolver):
    """The system's resolver; records when a name has been resolved."""

    async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
        """Resolve a name with getaddrinfo() in a thread."""
        found = await super().resolve(*args, **kwargs)
        current_attempt.get().trace.reached("dns")
        return found


class ClientTls(ssl.SSLContext):
    """TLS context of a client; it verifies certificates and records when a handshake begins.

    The system's CA certificates are loaded at the first handshake, because loading them takes 22 ms and 1.5 MB, and
    setups with plain HTTP never need them.
    """

    _is_loaded = False

    def __new__(cls, ca_file: Path | None = None) -> Self:
        """Create a context that trusts the system's CAs and those in *ca_file*. Raises OSError if it cannot be read."""
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
