"""aiohttp's connector, with timings of each request and a check before a connection is reused.

Imported only where aiohttp is in use. Only documented APIs of aiohttp and asyncio are used.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from weatherd.errors import ProviderError
from weatherd.http.connections import current_attempt
from weatherd.http.redirects import Reach, check_reach

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


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
