"""The queue between producers and consumer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.observation import Arrival


class Channel:
    """A bounded asyncio.Queue that hands over batches and loses nothing to a cancellation.

    What was fetched has cost a call, so a producer that is cancelled while it waits for room leaves its arrival
    behind, above the bound, and the consumer finds it there.
    """

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Arrival | None] = asyncio.Queue(size)
        self._left_behind: list[Arrival] = []
        self._in_hand = 0
        self._closed = False
        self.depth = 0  # arrivals put and not yet dealt with

    async def put(self, arrival: Arrival) -> None:
        """Hand over an arrival; waits while the channel is full."""
        self.depth += 1
        try:
            await self._queue.put(arrival)
        except asyncio.CancelledError:
            self._left_behind.append(arrival)
            raise

    async def close(self) -> None:
        """Say that nothing follows; to be called once, when there is no producer any more."""
        await self._queue.put(None)

    async def take(self, most: int) -> list[Arrival]:
        """Wait for an arrival and return it with those behind it, *most* at the most; none after the close.

        A batch counts as waiting until the next call says that it has been dealt with.
        """
        self.depth -= self._in_hand
        batch: list[Arrival] = []
        while not self._closed and len(batch) < most and not (batch and self._queue.empty()):
            arrival = await self._queue.get()  # waits only while the batch is empty
            if arrival is None:
                self._closed = True
            else:
                batch.append(arrival)
        batch += self._left_behind
        self._left_behind.clear()
        self._in_hand = len(batch)
        return batch
