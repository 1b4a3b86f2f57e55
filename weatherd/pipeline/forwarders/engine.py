"""The engine of every forwarder: reads the journal from a cursor, delivers in batches, and retries."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.errors import RejectedError, StateError, WeatherdError, describe
from weatherd.journal.cursors import Idle, InDoubt
from weatherd.plugins import contain

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from weatherd.journal.cursors import Cursor
    from weatherd.journal.journal import AsyncReader, Journal
    from weatherd.journal.rows import JournalEntry
    from weatherd.pipeline.forwarders import Connection, Forwarder

log = structlog.get_logger()

DELIVERY_TIMEOUT = 30.0  # seconds for the delivery of a batch, and for a connection
BATCH_DELAY = 0.5  # seconds for which a new observation waits, so that others join its batch
MAX_RATE = 10_000.0  # observations a second, so that catching up leaves CPU time for the pipeline
_MAX_RETRY_DELAY = 60.0  # seconds
_BISECTION_LIMIT = 64  # deliveries to find the bad observations of a rejected batch


@dataclass(slots=True)
class Progress:
    """A forwarder's progress since the start."""

    delivered: int = 0  # observations
    skipped: int = 0  # observations that the destination permanently rejected
    is_down: bool = False


class Batch(NamedTuple):
    """Entries that are delivered together, and their idempotency key."""

    entries: Sequence[JournalEntry]
    key: str


class Delivery:
    """The delivery of the journal to one destination: at least once and in order."""

    def __init__(self, name: str, forwarder: Forwarder, journal: Journal, random: random.Random) -> None:
        self.name = name
        self.progress = Progress()
        self.cursor: Cursor = Idle()
        self._forwarder = forwarder
        self._journal = journal
        self._random = random
        self._draining = asyncio.Event()
        self._down_since = 0.0
        self._failures = 0
        self._retry_after = 0.0  # seconds; the delay that the destination requested

    @property
    def behind(self) -> int:
        """The number of entries left to deliver; an upper bound, because revisions leave gaps in the numbers."""
        return max(0, self._journal.last_seq - self.cursor.delivered)

    def drain(self) -> None:
        """Make :meth:`run` return when everything is delivered, or at the next failure."""
        self._draining.set()

    async def run(self) -> None:
        """Deliver new entries until cancelled, or until :meth:`drain` was called and nothing is left."""
        async with self._journal.open_reader() as reader:
            self.cursor = await self._journal.load_cursor(self.name)
            while True:
                delivered = self.progress.delivered
                try:
                    with contain():
                        await self._deliver_all(reader)
                except Exception as error:  # noqa: BLE001 - a forwarder may be a plug-in
                    if self.progress.delivered > delivered and not self._failures:
                        # A working connection breaks now and then: log an outage only if the next one fails, too
                        log.debug("forwarder.reconnecting", forwarder=self.name, reason=describe(error))
                        self._failures = 1
                        continue
                    self._report_failure(error)
                if self._draining.is_set():
                    return
                await self._wait_to_retry()

    async def _deliver_all(self, reader: AsyncReader) -> None:
        async with asyncio.timeout(DELIVERY_TIMEOUT) as connecting, self._forwarder.connect() as connection:
            connecting.reschedule(None)
            while batch := await self._next_batch(reader):
                start = asyncio.get_running_loop().time()
                await self._deliver(connection, batch)
                await self._save_cursor(Idle(batch.entries[-1].seq))
                pause = len(batch.entries) / MAX_RATE - (asyncio.get_running_loop().time() - start)
                if pause > 0:
                    await asyncio.sleep(pause)

    async def _next_batch(self, reader: AsyncReader) -> Batch | None:
        """Wait for the next batch and mark it as in doubt; return None when a drain finds no more.

        A batch in doubt is returned again with its key, but without the entries that were revised or deleted since.
        """
        while True:
            delivered = self.cursor.delivered
            if isinstance(self.cursor, InDoubt):
                last = self.cursor.last
                if entries := await reader.read_after(delivered, self._forwarder.batch_size, last):
                    return Batch(entries, self.cursor.key)
            elif await self._wait_for_entries():
                last = self._journal.last_seq
                if entries := await reader.read_after(delivered, self._forwarder.batch_size):
                    batch = Batch(entries, secrets.token_hex(16))
                    await self._save_cursor(InDoubt(delivered + 1, entries[-1].seq, batch.key))
                    return batch
            else:
                return None
            await self._save_cursor(Idle(last))  # revised entries have higher numbers now, the others were deleted

    async def _wait_for_entries(self) -> bool:
        """Wait for an entry after the cursor, then for more to join its batch; return False if a drain finds none."""
        if self._draining.is_set():
            return self.behind > 0
        if self.behind >= self._forwarder.batch_size:
            return True
        draining = asyncio.ensure_future(self._draining.wait())
        added = asyncio.ensure_future(self._journal.wait_for_entries(self.cursor.delivered))
        try:
            await asyncio.wait([draining, added], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([draining], timeout=BATCH_DELAY)
        finally:
            draining.cancel()
            added.cancel()
        return self.behind > 0

    async def _deliver(self, connection: Connection, batch: Batch) -> None:
        """Deliver a batch; bisect it if it is rejected, and skip the observations that are rejected alone."""
        parts, tries = [batch], 0
        while parts:
            part, tries = parts.pop(), tries + 1
            try:
                async with asyncio.timeout(DELIVERY_TIMEOUT):
                    await connection.deliver([entry.observation for entry in part.entries], part.key)
            except RejectedError as error:
                if len(part.entries) > 1 and tries < _BISECTION_LIMIT:
                    middle = len(part.entries) // 2
                    parts += [_sub_batch(batch, part.entries[middle:]), _sub_batch(batch, part.entries[:middle])]
                else:
                    await self._skip(part.entries, error)
            else:
                self.progress.delivered += len(part.entries)
                self._report_success()

    async def _skip(self, entries: Sequence[JournalEntry], error: RejectedError) -> None:
        first = entries[0].observation
        log.warning(
            "forwarder.skipped",
            forwarder=self.name,
            reason=str(error),
            count=len(entries),
            city=first.city,
            observed_at=first.observed_at.isoformat(),
        )
        await self._journal.record_skipped(self.name, [entry.seq for entry in entries], str(error))
        self.progress.skipped += len(entries)
        self._report_success()

    async def _save_cursor(self, cursor: Cursor) -> None:
        """Move the cursor. On a full disk it moves only in memory, so that a crash repeats more deliveries."""
        self.cursor = cursor
        with contextlib.suppress(StateError):
            await self._journal.save_cursor(self.name, cursor)

    async def _wait_to_retry(self) -> None:
        """Wait with exponential back-off and jitter; a drain ends the wait for a last attempt."""
        backoff = min(_MAX_RETRY_DELAY, 2.0 ** min(self._failures - 1, 10)) * (1 - self._random.random() / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(backoff, self._retry_after)):
                await self._draining.wait()

    def _report_failure(self, error: Exception) -> None:
        self._failures += 1
        self._retry_after = getattr(error, "retry_after", None) or 0.0
        if self.progress.is_down:
            return
        self.progress.is_down, self._down_since = True, asyncio.get_running_loop().time()
        is_bug = not isinstance(error, WeatherdError | OSError)
        timed_out = isinstance(error, TimeoutError)
        log.error(
            "forwarder.down",
            forwarder=self.name,
            reason=f"no response within {DELIVERY_TIMEOUT:g} s" if timed_out else describe(error),
            behind=self.behind,
            exc_info=error if is_bug else None,
        )

    def _report_success(self) -> None:
        self._failures, self._retry_after = 0, 0.0
        if self.progress.is_down:
            down = round(asyncio.get_running_loop().time() - self._down_since, 1)
            log.info("forwarder.recovered", forwarder=self.name, down=down, behind=self.behind)
        self.progress.is_down = False


def _sub_batch(batch: Batch, entries: Sequence[JournalEntry]) -> Batch:
    """Return a part of a batch with a key of its own, which depends only on the batch and the part."""
    return Batch(entries, f"{batch.key}-{entries[0].seq}-{entries[-1].seq}")
