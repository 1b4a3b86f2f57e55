"""The queue between producers and consumer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.observation import Arrival


class Channel:
    """An asyncio.Queue that hands over batches, and has room again only for what has been stored.

    So the bound holds for everything that is on its way, wherever it waits. What was fetched has cost a call: a
    producer that is cancelled while it waits for room leaves its arrival behind, above the bound.
    """

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Arrival | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(size)
        self._above = 0  # arrivals above the bound
        self._closed = False
        self.depth = 0  # arrivals put and not yet done with

    async def put(self, arrival: Arrival) -> None:
        """Hand over an arrival; waits while the channel is full."""
        self.depth += 1
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            self._above += 1
            raise
        finally:
            self._queue.put_nowait(arrival)

    def close(self) -> None:
        """Say that nothing follows; to be called once, when there is no producer any more."""
        self._queue.put_nowait(None)

    async def take(self, most: int) -> list[Arrival]:
        """Wait for an arrival and return it with those behind it, *most* at the most; none after the close."""
        batch: list[Arrival] = []
        while not self._closed and len(batch) < most and not (batch and self._queue.empty()):
            arrival = await self._queue.get()  # waits only while the batch is empty
            if arrival is None:
                self._closed = True
            else:
                batch.append(arrival)
        return batch

    def done(self, count: int) -> None:
        """Say that so many arrivals need no room any more."""
        self.depth -= count
        above = min(count, self._above)
        self._above -= above
        for _ in range(count - above):
            self._room.release()
