"""The engine of every forwarder: reads a feed of the journal from a cursor, delivers in batches, and retries."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import DeliveryError, RejectedError, StateError, WeatherdError, describe
from weatherd.journal.tables.cursors import Idle, InDoubt
from weatherd.pipeline.forwarders.isolation import Batch, Isolation
from weatherd.pipeline.forwarders.outage import DELIVERY_TIMEOUT, Outage, SkipLog, describe_failure
from weatherd.plugins import contain

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from weatherd.journal.tables.cursors import Cursor
    from weatherd.pipeline.forwarders import Connection, Forwarder
    from weatherd.pipeline.forwarders.feeds import Feed, FeedReader, NumberedEntry
    from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection, ChangeForwarder

log = structlog.get_logger()

BATCH_DELAY = 0.5  # seconds for which a new observation waits, so that others join its batch
MAX_RATE = 10_000.0  # observations a second, so that catching up leaves CPU time for the pipeline
_BISECTION_LIMIT = 64  # deliveries of a rejected batch's parts, if all are rejected; then the rest is skipped


@dataclass(slots=True)
class Progress:
    """A forwarder's progress since the start."""

    delivered: int = 0  # observations, or changes of warnings or alerts
    skipped: int = 0  # those that the destination permanently rejects or never accepts
    is_down: bool = False


class Delivery:
    """The delivery of a feed to one destination: at least once and in order."""

    held = 0  # alerts that wait; nothing else ever does

    def __init__(self, name: str, forwarder: Forwarder | ChangeForwarder, feed: Feed, random: random.Random) -> None:
        self.name = name
        self.progress = Progress()
        self.cursor: Cursor = Idle()
        self._forwarder = forwarder
        self._feed = feed
        self._journal = feed.journal
        self._draining = asyncio.Event()
        self._outage = Outage(name, random)
        self._skips = SkipLog(name)
        self._isolation = Isolation(forwarder.batch_size)

    @property
    def behind(self) -> int:
        """The number of entries left to deliver; an upper bound, because revisions leave gaps in the numbers."""
        return max(0, self._feed.last_seq - self.cursor.delivered)

    def drain(self) -> None:
        """Make :meth:`run` return when everything is delivered, or at the next failure."""
        self._draining.set()

    async def run(self) -> None:
        """Deliver new entries until cancelled, or until :meth:`drain` was called and nothing is left."""
        async with self._feed.open() as reader:
            self.cursor = await self._feed.load_cursor(self.name)
            while True:
                delivered = self.progress.delivered
                try:
                    with contain():
                        await self._deliver_all(reader)
                except Exception as error:  # noqa: BLE001 - a forwarder may be a plug-in
                    if self.progress.delivered > delivered and not self._outage.failures:
                        # A working connection breaks now and then: log an outage only if the next one fails, too
                        log.debug("forwarder.reconnecting", forwarder=self.name, reason=describe(error))
                        self._outage.failures = 1
                        continue
                    self._skips.write(is_backlog=False)
                    if self._isolation.has_skipped and _may_be_batch(error):
                        self._outage.count_failure(error)  # probably of the next entry to skip, not of the destination
                    else:
                        self._outage.report_failure(error, self.behind)
                        self.progress.is_down = True
                if self._draining.is_set():
                    return
                await self._wait_to_retry()

    async def _deliver_all(self, reader: FeedReader) -> None:
        async with asyncio.timeout(DELIVERY_TIMEOUT) as connecting, self._forwarder.connect() as connection:
            connecting.reschedule(None)
            while batch := await self._next_batch(reader):
                start = asyncio.get_running_loop().time()
                part = self._isolation.take_part(batch)
                is_last_try = self._isolation.is_first_suspected and await self._has_witness(connection, batch, reader)
                if not await self._deliver_part(connection, batch, part, is_last_try=is_last_try):
                    return  # because what was skipped may have broken the connection
                pause = len(part.entries) / MAX_RATE - (asyncio.get_running_loop().time() - start)
                if pause > 0:
                    await asyncio.sleep(pause)

    async def _next_batch(self, reader: FeedReader) -> Batch | None:
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
                last = self._feed.last_seq
                if entries := await reader.read_after(delivered, self._forwarder.batch_size):
                    batch = self._isolation.cut(Batch(entries, secrets.token_hex(16)))
                    await self._save_cursor(InDoubt(delivered + 1, batch.entries[-1].seq, batch.key))
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
        added = asyncio.ensure_future(self._feed.wait_for_entries(self.cursor.delivered))
        try:
            await asyncio.wait([draining, added], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([draining], timeout=BATCH_DELAY)
        finally:
            draining.cancel()
            added.cancel()
        return self.behind > 0

    async def _deliver_part(
        self, connection: Connection | ChangeConnection, batch: Batch, part: Batch, *, is_last_try: bool
    ) -> bool:
        """Deliver the first part of a batch and move the cursor after it; return whether it was not skipped."""
        try:
            await self._deliver(connection, part)
        except Exception as error:
            if not _may_be_batch(error):
                raise
            if not is_last_try:
                self._isolation.record_failure()
                raise
            await self._skip(part.entries, error)
            self._isolation.record_skip()
            await self._pass(batch, part.entries[-1].seq)
            return False
        self._isolation.record_success()
        await self._pass(batch, part.entries[-1].seq)
        return True

    async def _pass(self, batch: Batch, seq: int) -> None:
        """Move the cursor after entry *seq* of a batch; the batch's rest stays in doubt."""
        self._skips.write(is_backlog=seq < self._feed.last_seq)
        if seq < batch.entries[-1].seq:
            await self._save_cursor(InDoubt(seq + 1, batch.entries[-1].seq, batch.key))
            return
        await self._save_cursor(Idle(seq))
        self._report_success()

    async def _has_witness(self, connection: Connection | ChangeConnection, batch: Batch, reader: FeedReader) -> bool:
        """Return whether the destination accepts an entry after the first one of a batch; False if there is none."""
        witness = self._isolation.witness
        if not witness:
            later = await reader.read_after(batch.entries[0].seq, self._isolation.witness_distance)
            if not later:  # nothing waits for the first
                return False
            witness = batch.take(later[-1:])
        try:
            with contextlib.suppress(RejectedError):  # a rejection is a response, too
                await self._send(connection, witness)
        except Exception:
            self._isolation.record_failed_witness()
            raise
        self._isolation.witness = witness
        return True

    async def _deliver(self, connection: Connection | ChangeConnection, batch: Batch) -> None:
        """Deliver a batch; bisect it if it is rejected, and skip the observations that are rejected alone."""
        parts, tries, delivered = [batch], 0, self.progress.delivered
        while parts:
            part, tries = parts.pop(), tries + 1
            try:
                await self._send(connection, part)
            except RejectedError as error:
                if len(part.entries) > 1 and (tries < _BISECTION_LIMIT or self.progress.delivered > delivered):
                    middle = len(part.entries) // 2
                    parts += [batch.take(part.entries[middle:]), batch.take(part.entries[:middle])]
                else:
                    await self._skip(part.entries, error)
            else:
                self.progress.delivered += len(part.entries)
                self._report_part()

    async def _send(self, connection: Connection | ChangeConnection, batch: Batch) -> None:
        async with asyncio.timeout(DELIVERY_TIMEOUT):
            await connection.deliver(self._feed.select_values(batch.entries), batch.key)

    async def _skip(self, entries: Sequence[NumberedEntry], error: Exception) -> None:
        reason = describe_failure(error)
        self._skips.add(len(entries), self._feed.describe(entries[0]), reason)
        await self._journal.record_skipped(self.name, [entry.seq for entry in entries], reason)
        self.progress.skipped += len(entries)
        self._report_part()

    async def _save_cursor(self, cursor: Cursor) -> None:
        """Move the cursor. On a full disk it moves only in memory, so that a crash repeats more deliveries."""
        self.cursor = cursor
        with contextlib.suppress(StateError):
            await self._journal.save_cursor(self.name, cursor)

    async def _wait_to_retry(self) -> None:
        """Wait for the next attempt; a drain ends the wait for a last one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._outage.retry_delay()):
                await self._draining.wait()

    def _report_part(self) -> None:
        """End the outage, unless batches are delivered in parts: then it lasts until the whole batch is delivered."""
        if self._isolation.is_active:
            self._outage.reset_delay()
        else:
            self._report_success()

    def _report_success(self) -> None:
        self._outage.report_success(self.behind)
        self.progress.is_down = False


def _may_be_batch(error: Exception) -> bool:
    """Return whether the batch may have caused an error. A timeout and a bug of a plug-in may depend on it."""
    if isinstance(error, DeliveryError):
        return error.batch_suspected
    return isinstance(error, TimeoutError) or not isinstance(error, WeatherdError | OSError)
