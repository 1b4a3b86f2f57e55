"""Links to servers: connections that are kept for a while between two questions.

aiohttp's connector makes them; if it kept them, too, an exchange would take an eighth longer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import aiohttp

from weatherd.phases import current

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import BaseConnector, Connection

    from weatherd.exchange import Exchange

KEPT = 15.0  # seconds without a question; many servers hang up not much later
_NO_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=None)  # whoever asks has a deadline for the whole


class Link:
    """A connection, for one question at a time."""

    __slots__ = ("_connection", "_idle", "idle_since", "is_used", "protocol")

    def __init__(self, connection: Connection, idle: _Idle) -> None:
        if connection.protocol is None:
            raise aiohttp.ServerDisconnectedError
        self.protocol: ResponseHandler = connection.protocol
        self.is_used = False  # something has been asked over it before
        self.idle_since = 0.0
        self._connection = connection
        self._idle = idle

    def let_go(self) -> None:
        """Keep it for the next question, or close it where this one or its answer is still under way."""
        transport = self.protocol.transport
        if transport is None or transport.get_write_buffer_size() or self.protocol.should_close:
            self.close()
        else:
            self.is_used = True
            self._idle.add(self)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class _Idle:
    """The links to one server that nothing is asked over at the moment."""

    def __init__(self) -> None:
        self._links: list[Link] = []
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.TimerHandle | None = None

    def take(self) -> Link | None:
        """Return the one that was used last, if it is still connected."""
        oldest = self._loop.time() - KEPT
        while self._links:
            link = self._links.pop()
            if link.idle_since > oldest and link.protocol.is_connected():
                return link
            link.close()
        return None

    def add(self, link: Link) -> None:
        """Keep one."""
        link.idle_since = self._loop.time()
        self._links.append(link)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEPT, self._sweep)

    def _sweep(self) -> None:
        """Close those that were not needed for so long: they stand first."""
        oldest = self._loop.time() - KEPT
        kept = [link for link in self._links if link.idle_since > oldest]
        for link in self._links[: len(self._links) - len(kept)]:
            link.close()
        self._links = kept
        self._sweeping = self._loop.call_later(KEPT, self._sweep) if kept else None

    def close(self) -> None:
        """Close them all."""
        if self._sweeping:
            self._sweeping.cancel()
        for link in self._links:
            link.close()
        self._links.clear()


class Links:
    """The links to all servers, each known by a request to it."""

    def __init__(self, connector: BaseConnector) -> None:
        self._connector = connector
        self._idle: defaultdict[aiohttp.ClientRequest, _Idle] = defaultdict(_Idle)

    async def to(self, server: aiohttp.ClientRequest, exchange: Exchange | None) -> Link:
        """Return a link that was kept, or a new one; raises what aiohttp does when there is no way to the server."""
        idle = self._idle[server]
        if link := idle.take():
            return link
        token = current.set(exchange)
        try:
            return Link(await self._connector.connect(server, [], _NO_LIMITS), idle)
        finally:
            current.reset(token)

    def close(self) -> None:
        """Close those that are kept."""
        for idle in self._idle.values():
            idle.close()
