"""Observations as server-sent events. Each stream has its own pace: slow clients cost no memory.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from weatherd.errors import StateError
from weatherd.web.access.duration_limit import find_connection
from weatherd.web.event_feed import KEEPALIVE_INTERVAL, EventFeed
from weatherd.web.middleware import ProblemError, parse_query
from weatherd.web.query_models import StreamQuery, split_tags
from weatherd.web.schemas import STREAM_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader

_MAX_STREAMS = 1000
_MAX_SEQ_DIGITS = 18  # fits into SQLite's 64-bit integers
_WRITE_TIMEOUT = 60.0  # seconds that a client may take to receive a batch
_WRITE_BUFFER = 16 * 1024  # bytes per stream that wait for a slow client, beside the batch that is being sent
_RETRY = "retry: 5000\n"  # milliseconds until the client connects again
_DIGEST_INTERVAL = 10.0  # seconds
_RETRY_LATER = "retry: 60000\n"


class EventStreams:
    """The open event streams, at most half of all connections."""

    def __init__(
        self,
        status: DaemonStatus,
        reader: AsyncReader,
        max_connections: int,
        make_digest: Callable[[frozenset[str], dict[str, str]], Awaitable[bytes]],
    ) -> None:
        self._status = status
        self._make_digest = make_digest  # of all cities, and the states of some, with a memory for each stream
        self._reader = reader
        self._is_closed = False
        self._feed = EventFeed(status.journal, reader, status.registry, lambda: self.count)
        self.limit = min(_MAX_STREAMS, max_connections // 2)
        self.count = 0

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Feed the streams while the application runs."""
        task = asyncio.create_task(self._feed.run(), name="feed event streams")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(self, _: web.Application) -> None:
        """End all streams."""
        self._is_closed = True
        self._feed.wake_readers()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send each new observation. ``Last-Event-ID`` resumes an earlier stream after that event, as does ``after``.

        404 for an unknown city, unless it is one of several. A city that was removed from the list is known while the
        journal has observations of it, because a client may resume the stream after the removal. Otherwise the status
        is 200, also if there are too many streams or the journal cannot be read: a client gives up for good after any
        other.
        """
        query = parse_query(request, StreamQuery)
        problem = await self._find_problem(query.city)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        if problem or request.method == "HEAD":
            await response.prepare(request)
            if request.method != "HEAD":
                event = f"event: unavailable\ndata: {problem}\n\n" if query.digest != "false" else ""
                await response.write(f"{_RETRY_LATER}{STREAM_UNAVAILABLE}{problem}\n\n{event}".encode())
            return response
        self.count += 1
        try:
            with contextlib.suppress(ConnectionError, StateError):
                await response.prepare(request)
                await response.write(f"{_RETRY}\n".encode())
                await self._send_events(request, response, query)
        finally:
            self.count -= 1
        return response

    async def _find_problem(self, city: str | None) -> str:
        """Return why there cannot be a stream now, or "". Raises ProblemError (404) if *city* is unknown."""
        try:
            is_known = (
                city is None
                or "," in city
                or bool(self._status.registry.get(city))
                or await self._reader.has_city(city)
            )
        except StateError as error:
            return str(error)
        if not is_known:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no city in the list or the journal has the id {city!r}")
        return f"too many open streams; the limit is {self.limit}" if self.count >= self.limit else ""

    async def _send_events(self, request: web.Request, response: web.StreamResponse, query: StreamQuery) -> None:
        """Send the wanted events, and a comment after 15 s without one, until the streams are closed."""
        connection, clock = find_connection(request), asyncio.get_running_loop().time
        seq, cities = self._first_seq(request, query), self._find_cities(query)
        next_digest, sent = math.inf if query.digest == "false" else clock(), dict[str, str]()
        if request.transport:
            request.transport.set_write_buffer_limits(_WRITE_BUFFER)
        written = clock()
        while not self._is_closed:
            data = b""
            if self._feed.has_events(seq):
                batch = await self._feed.read_after(seq)
                seq, data = batch.end, batch.select(cities)
            elif clock() < next_digest:
                await self._feed.wait_for_round()
            if clock() >= next_digest:
                data += await self._make_digest(cities or frozenset(), sent)
                next_digest = clock() + _DIGEST_INTERVAL
            if data or clock() - written >= KEEPALIVE_INTERVAL:
                if connection:
                    connection.extend(_WRITE_TIMEOUT)
                await response.write(data or b": quiet\n\n")
                written = clock()
                if connection:
                    connection.extend(math.inf)

    def _find_cities(self, query: StreamQuery) -> frozenset[str] | None:
        """Return the ids of the cities of a stream, or None for all; those with a tag are those listed now."""
        if query.tag is None:
            return query.cities
        tagged = frozenset(city.id for city in self._status.registry.find_tagged(split_tags(query.tag)))
        return tagged if query.cities is None else tagged & query.cities

    def _first_seq(self, request: web.Request, query: StreamQuery) -> int:
        last_seq, text = self._status.journal.last_seq, request.headers.get("Last-Event-ID", "")
        is_valid = text.isascii() and text.isdigit() and len(text) <= _MAX_SEQ_DIGITS
        if is_valid:
            return min(int(text), last_seq)
        return last_seq if query.after is None else min(query.after, last_seq)
