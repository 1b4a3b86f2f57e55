"""The bounded queue between the producers and the consumer, and the counters of the observations in the pipeline."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from weatherd.observation import FetchedObservation

BATCH_LIMIT = 1000  # observations


@dataclass(slots=True)
class ObservationCounts:
    """Counts since the start. At any moment fetched = stored + repeated + dropped + the queue's depth."""

    fetched: int = 0  # returned by a provider
    stored: int = 0  # written to the journal as new
    repeated: int = 0  # identical to the provider's previous observation, so not stored again
    dropped: int = 0  # lost, because the journal cannot represent them


class ObservationQueue:
    """An asyncio.Queue of batches, bounded by the number of observations in the pipeline.

    The limit covers observations in flight as well as queued ones: room is freed by :meth:`mark_done`, after storage.
    An observation has already cost an API call, so that those of a response, and that of a producer that is cancelled,
    are enqueued even if this exceeds the limit.
    *counts* are those of the whole pipeline: ``fetched`` is counted here, the others by the journal writer.

    The last batch in the queue grows until it is taken or full, because a queue item for each observation takes twice
    the time.
    """

    # Invariant: depth = fetched - done = size - room + above + producers waiting for room.
    # Example with size 2: three puts leave depth 3, room 0 and one producer waiting (3 = 2 - 0 + 0 + 1). Cancelling it
    # enqueues its observation above the limit: depth 3, above 1 (3 = 2 - 0 + 1 + 0). mark_done(2) first pays for the
    # one above the limit, so it frees one place, not two: depth 1, room 1, above 0 (1 = 2 - 1 + 0 + 0).

    def __init__(self, size: int, batch_limit: int = BATCH_LIMIT) -> None:
        self.counts = ObservationCounts()
        self._queue: asyncio.Queue[list[FetchedObservation]] = asyncio.Queue()
        self._last: list[FetchedObservation] = []  # the last batch in the queue while it may grow
        self._batch_limit = batch_limit
        self._room = size
        # Who waits for room: since when, and the number of places that it takes
        self._waiting: deque[tuple[float, asyncio.Future[None], int]] = deque()
        self._above = 0  # observations above the limit
        self._done = 0  # observations that left the pipeline

    @property
    def depth(self) -> int:
        """The number of observations that were put, or wait for room, and are not yet marked done."""
        return self.counts.fetched - self._done

    @property
    def is_over_half_full(self) -> bool:
        """Whether more places are taken than free."""
        return self.depth > self._room

    @property
    def has_batch(self) -> bool:
        """Whether :meth:`get_batch` returns at once."""
        return not self._queue.empty()

    async def put(self, fetched: FetchedObservation) -> None:
        """Enqueue an observation; wait while the queue is full. A cancelled call enqueues it above the limit."""
        if not self.try_put(fetched):
            self.counts.fetched += 1
            await self._wait_for_room(fetched)
            self._append(fetched)

    def try_put(self, fetched: FetchedObservation) -> bool:
        """Enqueue an observation and return True; return False if the queue is full."""
        if not self._room:
            return False
        self._room -= 1
        self.counts.fetched += 1
        self._append(fetched)
        return True

    def put_response(self, batch: Sequence[FetchedObservation]) -> Awaitable[None] | None:
        """Enqueue the observations of a response, even if the queue is full.

        Returns what to wait for before the next request: that there is room, if there is none.
        """
        below = min(len(batch), self._room)
        self._room -= below
        self._above += len(batch) - below
        self.counts.fetched += len(batch)
        self._append(*batch)
        return None if self._room else self._wait_in_line(0)

    def _wait_in_line(self, places: int) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append((loop.time(), waiter, places))
        return waiter

    def _append(self, *fetched: FetchedObservation) -> None:
        if 0 < len(self._last) < self._batch_limit:
            self._last += fetched
        else:
            self._last = [*fetched]
            self._queue.put_nowait(self._last)

    async def _wait_for_room(self, fetched: FetchedObservation) -> None:
        waiter = self._wait_in_line(1)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():  # otherwise mark_done() had just given it room
                self._above += 1
            self._append(fetched)
            raise

    def longest_wait(self) -> float:
        """Return for how many seconds a producer has been waiting for room; 0 if none is."""
        since = next((since for since, waiter, _ in self._waiting if not waiter.done()), None)
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    def close(self) -> None:
        """Mark the end of the queue. Call it when no producer is left."""
        self._queue.put_nowait([])

    async def get_batch(self) -> list[FetchedObservation]:
        """Wait for observations and return up to a batch of them; return an empty list after the close."""
        batch = await self._queue.get()
        if batch is self._last:
            self._last = []
        if not batch:
            self.close()  # so that the next call returns an empty list, too
        return batch

    def mark_done(self, count: int) -> None:
        """Free the places of *count* observations that left the pipeline, and wake producers that wait for room."""
        self._done += count
        above = min(count, self._above)
        self._above -= above
        self._room += count - above
        while self._room and self._waiting:
            _, waiter, places = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._room -= places
