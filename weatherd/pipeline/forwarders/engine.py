"""The engine of every forwarder: reads the journal from a cursor, delivers, and moves the cursor when that is done."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import RejectedError, StateError, WeatherdError, describe
from weatherd.journal.store import Cursor
from weatherd.plugins import contain

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Mapping, Sequence

    from weatherd.journal.journal import AsyncReader, Journal
    from weatherd.journal.rows import JournalEntry
    from weatherd.pipeline.forwarders import Connection, Forwarder

log = structlog.get_logger()

DELIVERY_TIMEOUT = 30.0  # seconds for the delivery of a batch, and for a connection
BATCH_DELAY = 0.5  # seconds in which what comes after an observation joins it
MAX_RATE = 10_000.0  # observations a second at the most, so that catching up leaves room for the road
_LONGEST_REST = 60.0
_MOST_PARTS = 64  # deliveries in which the bad ones of a refused batch are looked for


@dataclass(slots=True)
class Progress:
    """What a forwarder has done since the start."""

    delivered: int = 0
    skipped: int = 0
    is_down: bool = False


class Delivery:
    """Brings the journal to one far side."""

    def __init__(self, name: str, forwarder: Forwarder, journal: Journal, random: random.Random) -> None:
        self.name = name
        self.progress = Progress()
        self.cursor = Cursor()
        self._forwarder = forwarder
        self._journal = journal
        self._random = random
        self._draining = asyncio.Event()
        self._down_since = 0.0
        self._failures = 0
        self._asked = 0.0  # seconds that the far side asked to be left alone

    @property
    def behind(self) -> int:
        """Return how many numbers of the journal lie between the cursor and its end; revisions leave gaps in them."""
        return max(0, self._journal.last_seq - self.cursor.seq)

    def drain(self) -> None:
        """Have it end when everything is delivered, or at the next failure."""
        self._draining.set()

    async def run(self) -> None:
        """Deliver for ever, or until :meth:`drain` has been called and there is nothing more to be done."""
        async with self._journal.open_reader() as reading:
            self.cursor = await self._journal.load_cursor(self.name)
            while True:
                delivered = self.progress.delivered
                try:
                    with contain():
                        await self._deliver_all(reading)
                except Exception as error:  # noqa: BLE001 - a forwarder may be somebody else's code
                    if self.progress.delivered > delivered and not self._failures:
                        log.debug("forwarder.reconnects", forwarder=self.name, reason=describe(error))
                        self._failures = 1  # a link that did well breaks now and then: another one, before it is told
                        continue
                    self._down(error)
                if self._draining.is_set():
                    return
                await self._rest()

    async def _deliver_all(self, reading: AsyncReader) -> None:
        async with asyncio.timeout(DELIVERY_TIMEOUT) as connecting, self._forwarder.connect() as link:
            connecting.reschedule(None)
            while batch := await self._next(reading):
                start = asyncio.get_running_loop().time()
                await self._deliver(link, batch)
                await self._passed(batch)
                pause = len(batch) / MAX_RATE - (asyncio.get_running_loop().time() - start)
                if pause > 0:
                    await asyncio.sleep(pause)

    async def _next(self, reading: AsyncReader) -> list[JournalEntry]:
        """Wait for the next batch, and note how far it goes; none when there is no more and there will not be."""
        while True:
            if self.cursor.ahead <= self.cursor.seq and not await self._is_news():
                return []
            again = self.cursor.ahead if self.cursor.ahead > self.cursor.seq else None  # the batch that was tried last
            end = self._journal.last_seq
            if batch := await reading.read_after(self.cursor.seq, self._forwarder.size, again):
                if not again:
                    await self._move(Cursor(self.cursor.seq, batch[-1].seq, secrets.token_hex(16)))
                return batch
            await self._move(Cursor(again or end, again or end))  # revised or too old: they have gone from there

    async def _is_news(self) -> bool:
        """Wait for an entry behind the cursor, and a little for more; False when the drain finds none."""
        if self._draining.is_set():
            return self.behind > 0
        if self.behind >= self._forwarder.size:
            return True
        draining = asyncio.ensure_future(self._draining.wait())
        news = asyncio.ensure_future(self._journal.wait_for_entries(self.cursor.seq))
        try:
            await asyncio.wait([draining, news], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([draining], timeout=BATCH_DELAY)
        finally:
            draining.cancel()
            news.cancel()
        return self.behind > 0

    async def _deliver(self, link: Connection, batch: Sequence[JournalEntry]) -> None:
        """Deliver a batch; when it is refused, its parts, until those are found that are refused by themselves."""
        parts, tries = [batch], 0
        while parts:
            part, tries = parts.pop(), tries + 1
            try:
                async with asyncio.timeout(DELIVERY_TIMEOUT):
                    await link.deliver([entry.observation for entry in part], self._key(part, batch))
            except RejectedError as error:
                if len(part) > 1 and tries < _MOST_PARTS:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                else:
                    await self._set_aside(part, error)
            else:
                self.progress.delivered += len(part)
                self._up()

    def _key(self, part: Sequence[JournalEntry], batch: Sequence[JournalEntry]) -> str:
        """Return the key of a batch, or of a part of it."""
        return self.cursor.key if part is batch else f"{self.cursor.key}-{part[0].seq}-{part[-1].seq}"

    async def _set_aside(self, part: Sequence[JournalEntry], error: RejectedError) -> None:
        seqs = [entry.seq for entry in part]
        first = part[0].observation
        log.warning(
            "forwarder.skipped",
            forwarder=self.name,
            reason=str(error),
            count=len(part),
            city=first.city,
            observed_at=first.observed_at.isoformat(),
        )
        await self._journal.record_skipped(self.name, seqs, str(error))
        self.progress.skipped += len(part)
        self._up()

    async def _passed(self, batch: Sequence[JournalEntry]) -> None:
        await self._move(Cursor(batch[-1].seq, batch[-1].seq))

    async def _move(self, cursor: Cursor) -> None:
        """Move the cursor; when the disk is full, only here: after a crash more would be delivered again than usual."""
        self.cursor = cursor
        with contextlib.suppress(StateError):
            await self._journal.save_cursor(self.name, cursor)

    async def _rest(self) -> None:
        """Wait before the next try, the longer the more have failed; a drain ends the wait for a last one."""
        rest = min(_LONGEST_REST, 2.0 ** min(self._failures - 1, 10)) * (1 - self._random.random() / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(rest, self._asked)):
                await self._draining.wait()

    def _down(self, error: Exception) -> None:
        self._failures += 1
        self._asked = getattr(error, "retry_after", None) or 0.0
        if self.progress.is_down:
            return
        self.progress.is_down, self._down_since = True, asyncio.get_running_loop().time()
        is_bug = not isinstance(error, WeatherdError | OSError)
        reason = f"no answer within {DELIVERY_TIMEOUT:g} s" if isinstance(error, TimeoutError) else describe(error)
        log.error(
            "forwarder.down",
            forwarder=self.name,
            reason=reason,
            behind=self.behind,
            exc_info=error if is_bug else None,
        )

    def _up(self) -> None:
        self._failures, self._asked = 0, 0.0
        if self.progress.is_down:
            down = round(asyncio.get_running_loop().time() - self._down_since, 1)
            log.info("forwarder.recovered", forwarder=self.name, down=down, behind=self.behind)
        self.progress.is_down = False


class DeliveryGroup:
    """All forwarders that are switched on; each has a task of its own, and none waits for another."""

    def __init__(self, forwards: Sequence[Delivery]) -> None:
        self._forwards = forwards
        self._tasks: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        return len(self._forwards)

    def counters(self) -> dict[str, dict[str, int]]:
        """Return what each has delivered and set aside, and how far it is behind."""
        return {
            each.name: {
                "delivered": each.progress.delivered,
                "skipped": each.progress.skipped,
                "behind": each.behind,
            }
            for each in self._forwards
        }

    def is_down(self, name: str) -> bool:
        """Tell whether the far side of a forwarder takes nothing now."""
        return any(each.progress.is_down for each in self._forwards if each.name == name)

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(_shown(each), name=f"forward to {each.name}") for each in self._forwards]

    async def drain(self, until: float) -> None:
        """Let them deliver what is left, until a time of the loop at the most; the rest stays in the journal."""
        for each in self._forwards:
            each.drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, until - asyncio.get_running_loop().time()))

    async def stop(self) -> None:
        """End now."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _shown(forward: Delivery) -> None:
    """Run a forward; a bug in it is logged, and the road goes on without it."""
    try:
        await forward.run()
    except Exception as error:
        is_bug = not isinstance(error, WeatherdError)
        log.error("forwarder.ended", forwarder=forward.name, reason=describe(error), exc_info=error if is_bug else None)


@contextlib.asynccontextmanager
async def open_deliveries(
    forwarders: Mapping[str, Forwarder], journal: Journal, random: random.Random
) -> AsyncIterator[DeliveryGroup]:
    """Forward the journal inside the ``with``."""
    forwards = DeliveryGroup([Delivery(name, forwarder, journal, random) for name, forwarder in forwarders.items()])
    forwards.start()
    try:
        yield forwards
    finally:
        await forwards.stop()
