"""Observations as server-sent events. Each stream reads the journal at its own pace: slow clients cost no memory."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from weatherd.web.middleware import ProblemError, parse_query
from weatherd.web.query_models import StreamQuery
from weatherd.web.serializers import serialize_entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.journal.rows import JournalEntry

MAX_STREAMS = 1000
_BATCH_SIZE = 100  # entries that a stream reads at a time and holds in memory
_KEEPALIVE_INTERVAL = 15.0  # seconds without an event after which a comment is sent
_MAX_SEQ_DIGITS = 18  # fits into SQLite's 64-bit integers
_WRITE_TIMEOUT = 60.0  # seconds that a client may take to receive a batch


class EventStreams:
    """The open event streams, which share one journal reader."""

    def __init__(self, status: DaemonStatus, reader: AsyncReader) -> None:
        self._status = status
        self._reader = reader
        self._closed = asyncio.Event()
        self.count = 0

    def close(self) -> None:
        """End all streams."""
        self._closed.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send each new observation. ``Last-Event-ID`` resumes an earlier stream after that event.

        404 for an unknown city. A city that was removed from the list is known while the journal has observations of
        it, because a client may resume the stream after the removal.
        """
        city, seq = parse_query(request, StreamQuery).city, self._first_seq(request)
        if city and not self._status.registry.get(city) and not await self._reader.has_city(city):
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no city in the list or the journal has the id {city!r}")
        if self.count >= MAX_STREAMS:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"too many open streams; the limit is {MAX_STREAMS}")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        self.count += 1
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            await response.write(b"retry: 5000\n\n")
            with contextlib.suppress(ConnectionError, TimeoutError):
                async for entries in self._entries(seq):
                    text = "".join(
                        map(_format_event, [entry for entry in entries if city in (None, entry.observation.city)])
                    )
                    async with asyncio.timeout(_WRITE_TIMEOUT):
                        await response.write(text.encode() or b": quiet\n\n")
        finally:
            self.count -= 1
        return response

    async def _entries(self, seq: int) -> AsyncIterator[list[JournalEntry]]:
        """Yield batches of new entries until the streams are closed; an empty batch after 15 s without new entries."""
        journal = self._status.journal
        while not self._closed.is_set():
            if await self._wait_for_entries(seq):
                end = journal.last_seq
                entries = await self._reader.read_after(seq, _BATCH_SIZE)
                seq = entries[-1].seq if entries else end
                yield entries
            else:
                yield []

    async def _wait_for_entries(self, seq: int) -> bool:
        if self._status.journal.last_seq > seq:
            return True
        waits = [
            asyncio.ensure_future(self._status.journal.wait_for_entries(seq)),
            asyncio.ensure_future(self._closed.wait()),
        ]
        try:
            await asyncio.wait(waits, timeout=_KEEPALIVE_INTERVAL, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._status.journal.last_seq > seq

    def _first_seq(self, request: web.Request) -> int:
        last_seq, text = self._status.journal.last_seq, request.headers.get("Last-Event-ID", "")
        is_valid = text.isascii() and text.isdigit() and len(text) <= _MAX_SEQ_DIGITS
        return min(int(text), last_seq) if is_valid else last_seq


def _format_event(entry: JournalEntry) -> str:
    return f"id: {entry.seq}\nevent: observation\ndata: {serialize_entry(entry).model_dump_json()}\n\n"
