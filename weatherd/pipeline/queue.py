"""The queue between producers and consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation

MOST = 1000  # arrivals in a batch


class ObservationQueue:
    """An asyncio.Queue of batches, which has room again only for what has been stored.

    So the bound holds for everything that is on its way, wherever it waits. What was fetched has cost a call: a
    producer that is cancelled while it waits for room leaves its arrival behind, above the bound.

    The last batch in the queue grows until it is taken or full: to queue each arrival takes twice as long.
    """

    def __init__(self, size: int, most: int = MOST) -> None:
        self._queue: asyncio.Queue[list[FetchedObservation]] = asyncio.Queue()
        self._last: list[FetchedObservation] = []  # of the queue, while it may grow
        self._most = most  # arrivals in a batch
        self._room = size
        self._waiting: deque[asyncio.Future[None]] = deque()  # for room
        self._above = 0  # arrivals above the bound
        self.depth = 0  # arrivals put and not yet done with

    @property
    def is_crowded(self) -> bool:
        """Tell whether more room is taken than is left."""
        return self.depth > self._room

    async def put(self, arrival: FetchedObservation) -> None:
        """Hand over an arrival; waits while the channel is full."""
        self.depth += 1
        if self._room:
            self._room -= 1
        else:
            await self._wait_for_room(arrival)
        self._add(arrival)

    def _add(self, arrival: FetchedObservation) -> None:
        if 0 < len(self._last) < self._most:
            self._last.append(arrival)
        else:
            self._last = [arrival]
            self._queue.put_nowait(self._last)

    async def _wait_for_room(self, arrival: FetchedObservation) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self._above += waiter.cancelled()  # else it had been given room just before
            self._add(arrival)
            raise

    def close(self) -> None:
        """Say that nothing follows; to be called when there is no producer any more."""
        self._queue.put_nowait([])

    async def take(self) -> list[FetchedObservation]:
        """Wait for an arrival and return it with those behind it, a batch at the most; none after the close."""
        batch = await self._queue.get()
        if batch is self._last:
            self._last = []
        if not batch:
            self.close()  # for whoever asks again
        return batch

    def done(self, count: int) -> None:
        """Say that so many arrivals need no room any more."""
        self.depth -= count
        above = min(count, self._above)
        self._above -= above
        self._room += count - above
        while self._room and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._room -= 1
