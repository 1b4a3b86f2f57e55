"""The journal writer: stores batches in order, and retries while the journal cannot be written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError, describe
from weatherd.pipeline.batch_buffer import BatchBuffer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from weatherd.observation import FetchedObservation
    from weatherd.pipeline.queue import ObservationQueue

log = structlog.get_logger()

_SLOW_WRITE = 30.0  # seconds after which an unfinished write is logged
_MAX_RETRY_DELAY = 5.0  # seconds: free space on a full disk is only noticed by trying
_TRANSACTION_LIMIT = 5000  # observations


class JournalWriter:
    """Writer that stores batches in order, and retries a batch until it is stored.

    *add* stores a batch and returns the number of new observations. *prepare* is called once with each batch, before it
    is stored. Unstored observations keep their places in the queue, so that in a long outage the producers wait instead
    of the memory growing.
    """

    def __init__(
        self,
        add: Callable[[Sequence[FetchedObservation]], Awaitable[int]],
        queue: ObservationQueue,
        prepare: Callable[[Sequence[FetchedObservation]], None] | None = None,
    ) -> None:
        self._add = add
        self._prepare = prepare
        self._queue = queue
        self._buffer = BatchBuffer()
        self.failure = ""  # why the journal cannot be written

    @property
    def is_down(self) -> bool:
        """Whether observations wait, because the journal cannot be written."""
        return bool(self.failure)

    def submit(self, batch: Sequence[FetchedObservation]) -> None:
        """Submit a batch for storage; never waits."""
        self._buffer.add(batch)

    def close(self) -> None:
        """End :meth:`run` once all submitted batches are stored."""
        self._buffer.close()

    async def run(self) -> None:
        """Store submitted observations until the close, up to a few thousand in a transaction."""
        while batch := await self._buffer.take(_TRANSACTION_LIMIT):
            if self._prepare:
                self._prepare(batch)
            await self._store(batch)

    async def _store(self, batch: Sequence[FetchedObservation]) -> None:
        delay = 0.5
        while True:
            slow = asyncio.get_running_loop().call_later(
                _SLOW_WRITE, self._report_down, f"no response within {_SLOW_WRITE:g} s"
            )
            try:
                stored = await self._add(batch)
            except StateError as error:
                self._report_down(str(error))
            except Exception as error:  # noqa: BLE001 - one observation must not cost the others
                await self._store_singly(batch, error)
                return
            else:
                self._queue.counts.stored += stored
                self._queue.counts.repeated += len(batch) - stored
                if self.is_down:
                    self._report_recovery()
                self._queue.mark_done(len(batch))
                return
            finally:
                slow.cancel()
            delay = min(_MAX_RETRY_DELAY, 2 * delay)
            await asyncio.sleep(delay)

    async def _store_singly(self, batch: Sequence[FetchedObservation], error: Exception) -> None:
        """Store each observation alone, to drop only those that the journal cannot represent."""
        if len(batch) > 1:
            for fetched in batch:
                await self._store([fetched])
            return
        log.error("observation.dropped", city=batch[0].city.id, reason=describe(error), exc_info=error)
        self._queue.counts.dropped += 1
        self._queue.mark_done(1)

    def _report_down(self, reason: str) -> None:
        if not self.is_down:
            log.error("sink.down", sink="journal", reason=reason, waiting=self._queue.depth)
        self.failure = reason or "unknown reason"

    def _report_recovery(self) -> None:
        log.info("sink.recovered", sink="journal", waiting=self._queue.depth)
        self.failure = ""
