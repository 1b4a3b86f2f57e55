"""The connections of the HTTP interface: their number and their time without a whole request or response are limited.

aiohttp limits only the time that a connection is idle. Everything here holds before a request is read, so also for
clients without a token.
"""

from __future__ import annotations

import asyncio
import math
import resource
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()

IDLE_TIMEOUT = 75.0  # seconds until aiohttp closes a connection without a new request
_HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request, or from connecting, to the end of its headers
_REQUEST_TIMEOUT = 60.0  # seconds from the headers of a request to the last byte of its response
_CHECK_PERIOD = 1.0  # seconds between two looks at the time limits
_MIN_CONNECTIONS, _MAX_CONNECTIONS = 4, 2000
_MIN_WAIT = 1.0  # seconds that a connection may wait before it is closed in favour of a new one
_ROOM_PERIOD = 0.05  # seconds between two looks for room
WARNING_PERIOD = 600.0  # seconds between two warnings about the same


def connection_limit() -> int:
    """Return the maximum number of connections: a quarter of the file descriptors, the rest is for polls and files."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_MIN_CONNECTIONS, min(descriptors // 4, _MAX_CONNECTIONS))


class CloseReason(StrEnum):
    """Why a connection was closed before the client closed it."""

    HEAD_TIMEOUT = "head_timeout"
    REQUEST_TIMEOUT = "request_timeout"
    LIMIT = "limit"  # in favour of a newer one


class _Phase(StrEnum):
    WAITING = "waiting"  # for a request
    HANDLING = "handling"
    SENDING = "sending"  # the rest of a response


class ClientConnection(asyncio.Protocol):
    """Wrapper of aiohttp's protocol that knows the phase of its connection and until when that may last."""

    def __init__(self, protocol: asyncio.Protocol, connections: ClientConnections) -> None:
        self.deadline = math.inf  # on the loop's clock
        self.waiting_since = math.inf
        self._phase = _Phase.WAITING
        self._protocol = protocol
        self._connections = connections
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.opened(self)
        self._wait(self._connections.now() + _HEAD_TIMEOUT)
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on. While no request is being handled, they are the head of the next one."""
        if self._phase is _Phase.WAITING and self.deadline == math.inf:
            self.deadline = self._connections.now() + _HEAD_TIMEOUT
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.closed(self)
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def begin_request(self) -> None:
        """Record that the headers of a request have been read."""
        self._phase = _Phase.HANDLING
        self._connections.begin_request(self)
        self.extend(_REQUEST_TIMEOUT)

    def extend(self, seconds: float) -> None:
        """Set the time limit of the current request anew; ``math.inf`` for none."""
        self.deadline = self._connections.now() + seconds

    def end_request(self) -> None:
        """Record that the response is complete, though not yet sent."""
        self._phase = _Phase.SENDING

    def check(self, now: float) -> None:
        """Wait for the next request if the response has been sent; close the connection if its time is over."""
        if self._phase is _Phase.SENDING and self._transport and not self._transport.get_write_buffer_size():
            self._wait(math.inf)
        if now >= self.deadline:
            is_waiting = self._phase is _Phase.WAITING
            self.abort(CloseReason.HEAD_TIMEOUT if is_waiting else CloseReason.REQUEST_TIMEOUT)

    def abort(self, reason: CloseReason) -> None:
        """Close the connection now, and count it."""
        self._connections.closed_early[reason] += 1
        self._connections.closed(self)
        if self._transport:
            self._transport.abort()

    def _wait(self, deadline: float) -> None:
        self._phase, self.deadline, self.waiting_since = _Phase.WAITING, deadline, self._connections.now()
        self._connections.begin_waiting(self)


class ClientConnections:
    """The open connections. If there are too many, those that have waited longest for a request make room."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.closed_early: Counter[CloseReason] = Counter()
        self.now: Callable[[], float] = asyncio.get_running_loop().time
        self._open: set[ClientConnection] = set()
        self._waiting: dict[ClientConnection, None] = {}  # without a request, the longest first
        self._next_warning = 0.0

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: ClientConnection) -> None:
        """Add a connection."""
        self._open.add(connection)

    def closed(self, connection: ClientConnection) -> None:
        """Remove a connection."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def begin_waiting(self, connection: ClientConnection) -> None:
        """Allow a connection to be closed in favour of a new one."""
        if connection in self._open:
            self._waiting[connection] = None

    def begin_request(self, connection: ClientConnection) -> None:
        """Protect a connection until its response has been sent."""
        self._waiting.pop(connection, None)

    async def enforce_timeouts(self) -> None:
        """Close connections whose time is over; run for ever."""
        while True:
            await asyncio.sleep(_CHECK_PERIOD)
            now = self.now()
            for connection in tuple(self._open):
                connection.check(now)

    async def wait_for_room(self) -> None:
        """Wait until there may be one more connection; if necessary, close the one that has waited longest."""
        while len(self._open) >= self.limit:
            self._warn()
            longest = next(iter(self._waiting), None)
            if longest and self.now() - longest.waiting_since >= _MIN_WAIT:
                longest.abort(CloseReason.LIMIT)
            else:
                await asyncio.sleep(_ROOM_PERIOD)

    def _warn(self) -> None:
        if self.now() >= self._next_warning:
            self._next_warning = self.now() + WARNING_PERIOD
            log.warning("http.connections_limited", limit=self.limit, action="idle connections are closed for new ones")
