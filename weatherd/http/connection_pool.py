"""Links to servers: connections that are kept for a while between two questions.

aiohttp's connector makes them. Its own pool would keep them, too, but costs more, and does not look at what a server
said in the meantime.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import aiohttp

from weatherd.http.instrumentation import current

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import BaseConnector, Connection

    from weatherd.http.trace import RequestTrace

KEPT = 15.0  # seconds without a question; many servers hang up not much later
_NO_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=None)  # whoever asks has a deadline for the whole


class Link:
    """A connection, for one question at a time."""

    __slots__ = ("_connection", "_links", "idle_since", "is_used", "protocol", "server")

    def __init__(self, links: Links, server: aiohttp.ClientRequest, connection: Connection) -> None:
        if connection.protocol is None:
            raise aiohttp.ServerDisconnectedError
        self.protocol: ResponseHandler = connection.protocol
        self.server = server
        self.is_used = False  # something has been asked over it before
        self.idle_since = 0.0
        self._links = links
        self._connection = connection

    @property
    def is_free(self) -> bool:
        """Tell whether another question can be asked, once there is the head of an answer to the one before."""
        transport = self.protocol.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        return not self.protocol.should_close

    def let_go(self) -> None:
        """Keep it for the next question, or close it where this one or its answer is still under way."""
        if self.is_free:
            self.is_used = True
            self._links.keep(self)
        else:
            self.close()

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class Links:
    """The links to all servers, each of them known by a request to it."""

    def __init__(self, connector: BaseConnector) -> None:
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._idle: defaultdict[aiohttp.ClientRequest, list[Link]] = defaultdict(list)  # idle for the longest first
        self._sweeping: asyncio.TimerHandle | None = None

    async def to(self, server: aiohttp.ClientRequest, exchange: RequestTrace | None) -> Link:
        """Return a link that was kept, or a new one; raises what aiohttp does when there is no way to the server."""
        if link := self._take(server):
            return link
        token = current.set(exchange)
        try:
            return Link(self, server, await self._connector.connect(server, [], _NO_LIMITS))
        finally:
            current.reset(token)

    def keep(self, link: Link) -> None:
        """Have a link for the next question."""
        link.idle_since = self._loop.time()
        self._idle[link.server].append(link)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEPT, self._sweep)

    def close(self) -> None:
        """Close those that are kept."""
        if self._sweeping:
            self._sweeping.cancel()
        for idle in self._idle.values():
            for link in idle:
                link.close()
        self._idle.clear()

    def _take(self, server: aiohttp.ClientRequest) -> Link | None:
        """Return the one that was used last, so that the others may go; a server may have said something meanwhile."""
        idle, oldest = self._idle.get(server), self._loop.time() - KEPT
        while idle:
            link = idle.pop()
            if link.idle_since > oldest and link.is_free:
                return link
            link.close()
        return None

    def _sweep(self) -> None:
        """Close those that nobody has needed for KEPT seconds, and forget servers to which there is none."""
        oldest = self._loop.time() - KEPT
        for server, idle in tuple(self._idle.items()):
            while idle and idle[0].idle_since <= oldest:
                idle.pop(0).close()
            if not idle:
                del self._idle[server]
        self._sweeping = self._loop.call_later(KEPT, self._sweep) if self._idle else None
