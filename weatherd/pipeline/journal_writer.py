"""The keeper: brings everything into the journal, and waits with it while the journal cannot take it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError, describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from weatherd.observation import FetchedObservation
    from weatherd.pipeline.account import Account
    from weatherd.pipeline.queue import ObservationQueue

log = structlog.get_logger()

_SLOW = 30.0  # seconds after which a writing that has not ended is told
_LONGEST_REST = 5.0  # seconds: room on a disk is found by trying
_MOST = 5000  # arrivals in a transaction
_BREATH = 0.05  # seconds after a transaction in which the next one gathers: it costs as much for one as for ten


class JournalWriter:
    """Stores batches in their order; a batch that cannot be stored now is tried again for as long as it takes.

    Its arrivals keep their room in the channel until then, so that the producers wait in the end, not the memory.
    """

    def __init__(
        self, add: Callable[[Sequence[FetchedObservation]], Awaitable[int]], channel: ObservationQueue, account: Account
    ) -> None:
        self._add = add
        self._channel = channel
        self._account = account
        self._waiting: list[FetchedObservation] = []
        self._news = asyncio.Event()
        self._closed = False
        self._is_down = False

    def put(self, batch: Sequence[FetchedObservation]) -> None:
        """Hand over a batch."""
        self._waiting += batch
        self._news.set()

    def close(self) -> None:
        """Say that nothing follows."""
        self._closed = True
        self._news.set()

    async def keep(self) -> None:
        """Store what is handed over, until the close; all that waits, up to a few thousand, in one transaction."""
        while self._waiting or not self._closed:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._store(batch)
                self._channel.done(len(batch))
                if not (self._closed or self._channel.is_crowded):
                    await asyncio.sleep(_BREATH)

    async def _store(self, batch: Sequence[FetchedObservation]) -> None:
        rest = 0.5
        while True:
            slow = asyncio.get_running_loop().call_later(_SLOW, self._tell_down, f"no answer within {_SLOW:g} s")
            try:
                stored = await self._add(batch)
            except StateError as error:
                self._tell_down(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the other observations are to be kept
                return await self._store_singly(batch, error)
            else:
                self._account.stored += stored
                self._account.repeated += len(batch) - stored
                return self._tell_up()
            finally:
                slow.cancel()
            rest = min(_LONGEST_REST, 2 * rest)
            await asyncio.sleep(rest)

    async def _store_singly(self, batch: Sequence[FetchedObservation], error: Exception) -> None:
        """Find the observation that the journal cannot hold, and keep the others."""
        if len(batch) > 1:
            for arrival in batch:
                await self._store([arrival])
            return
        log.error("observation.dropped", city=batch[0].city.id, reason=describe(error), exc_info=error)
        self._account.dropped += 1

    def _tell_down(self, reason: str) -> None:
        if not self._is_down:
            log.error("sink.down", sink="journal", reason=reason, waiting=self._channel.depth)
        self._is_down = True

    def _tell_up(self) -> None:
        if self._is_down:
            log.info("sink.recovered", sink="journal", waiting=self._channel.depth)
        self._is_down = False
