"""Observations as server-sent events, from the journal: who reads slowly holds up nobody, and costs no memory."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from weatherd.web.middleware import ProblemError, parse_query
from weatherd.web.schemas import StreamQuery
from weatherd.web.serializers import serialize_entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.journal.rows import JournalEntry

MAX_STREAMS = 1000
_BATCH = 100  # entries that a reader holds in memory
_QUIET = 15.0  # seconds after which a comment shows that the line is alive
_PATIENCE = 60.0  # seconds that a reader may take for a batch


class EventStreams:
    """The readers under way, and the one connection to the journal that they share."""

    def __init__(self, status: DaemonStatus, reading: AsyncReader) -> None:
        self._status = status
        self._reading = reading
        self._ended = asyncio.Event()
        self.count = 0

    def close(self) -> None:
        """Say good-bye to all."""
        self._ended.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send every new observation; ``Last-Event-ID`` goes on where an earlier stream of this reader ended."""
        city, seq = parse_query(request, StreamQuery).city, self._start(request)
        if self.count >= MAX_STREAMS:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_STREAMS} streams are open already")
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
                    text = "".join(map(_event, [each for each in entries if city in (None, each.observation.city)]))
                    async with asyncio.timeout(_PATIENCE):
                        await response.write(text.encode() or b": quiet\n\n")
        finally:
            self.count -= 1
        return response

    async def _entries(self, seq: int) -> AsyncIterator[list[JournalEntry]]:
        """Yield new entries as they come, none now and then, until the end."""
        journal = self._status.journal
        while not self._ended.is_set():
            if await self._is_news(seq):
                end = journal.last_seq
                entries = await self._reading.read_after(seq, _BATCH)
                seq = entries[-1].seq if entries else end
                yield entries
            else:
                yield []

    async def _is_news(self, seq: int) -> bool:
        if self._status.journal.last_seq > seq:
            return True
        waits = [
            asyncio.ensure_future(self._status.journal.wait_for_entries(seq)),
            asyncio.ensure_future(self._ended.wait()),
        ]
        try:
            await asyncio.wait(waits, timeout=_QUIET, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return self._status.journal.last_seq > seq

    def _start(self, request: web.Request) -> int:
        end, said = self._status.journal.last_seq, request.headers.get("Last-Event-ID", "")
        return min(int(said), end) if said.isascii() and said.isdigit() and len(said) < 19 else end  # noqa: PLR2004


def _event(entry: JournalEntry) -> str:
    return f"id: {entry.seq}\nevent: observation\ndata: {serialize_entry(entry).model_dump_json()}\n\n"
