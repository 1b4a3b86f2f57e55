"""The events of all streams: each observation is read from the journal and encoded once, not once for each reader."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.errors import StateError
from weatherd.observation import LIVE
from weatherd.web.serializers import serialize_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.journal.journal import AsyncReader, Journal
    from weatherd.journal.rows import JournalEntry
    from weatherd.polling.city_registry import CityRegistry

KEEPALIVE_INTERVAL = 15.0  # seconds without an event after which a comment is sent
_BATCH_SIZE = 100  # entries that are read at a time
_SHARED_BATCHES = 16  # the newest batches, which are kept for readers that are a little late
_WRITES_PER_SECOND = 2000  # to all readers together; more readers get fewer and larger batches
_MIN_ROUND = 0.05  # seconds between two batches
_REPLAY_PAUSE = 2.0  # pause after a read for a single reader, as a multiple of its duration


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Consecutive entries of the journal, encoded as server-sent events."""

    end: int  # sequence number of the last entry
    cities: tuple[str, ...]
    events: tuple[bytes, ...]  # in the order of *cities*
    data: bytes  # all events

    def select(self, cities: frozenset[str] | None) -> bytes:
        """Return the events of some cities, or all."""
        if cities is None:
            return self.data
        return b"".join(event for name, event in zip(self.cities, self.events, strict=True) if name in cities)


class EventFeed:
    """The newest entries of the journal as batches that all readers share.

    A reader that is further behind reads the journal itself, one reader at a time: it holds one batch in memory and
    takes at most a third of the time of a core, together with all others.
    """

    def __init__(
        self, journal: Journal, reader: AsyncReader, registry: CityRegistry, count_readers: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._registry = registry  # for the names and tags of cities
        self._reader = reader
        self._count_readers = count_readers
        self._batches: dict[int, EventBatch] = {}  # by the sequence number before the first entry
        self._head = journal.last_seq  # the last entry of the newest batch
        self._round = asyncio.Event()
        self._replay = asyncio.Lock()

    async def run(self) -> None:
        """Read new entries and announce them; run for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE_INTERVAL):
                    await self._journal.wait_for_entries(self._head)
            if self._count_readers():
                with contextlib.suppress(StateError):  # the readers try it themselves and end
                    await self._read_newest()
            else:
                self._batches.clear()
                self._head = self._journal.last_seq
            self.wake_readers()
            await asyncio.sleep(max(_MIN_ROUND, self._count_readers() / _WRITES_PER_SECOND))

    async def wait_for_round(self) -> None:
        """Wait until there may be new entries; at most a keep-alive interval."""
        await self._round.wait()

    def wake_readers(self) -> None:
        """End :meth:`wait_for_round` of all readers."""
        self._round.set()
        self._round = asyncio.Event()

    def has_events(self, seq: int) -> bool:
        """Return whether :meth:`read_after` has entries after *seq*."""
        return self._head > seq

    async def read_after(self, seq: int) -> EventBatch:
        """Return the entries after *seq*, at most those of one batch. Raises StateError if they cannot be read."""
        if batch := self._batches.get(seq):
            return batch
        async with self._replay:
            began = asyncio.get_running_loop().time()
            batch = await self._read(seq, self._head)
            await asyncio.sleep(_REPLAY_PAUSE * (asyncio.get_running_loop().time() - began))
            return batch

    async def _read_newest(self) -> None:
        until = self._journal.last_seq
        while self._head < until:
            batch = await self._read(self._head, until)
            self._batches[self._head] = batch
            self._head = batch.end
            while len(self._batches) > _SHARED_BATCHES:
                del self._batches[next(iter(self._batches))]

    async def _read(self, seq: int, until: int) -> EventBatch:
        entries = await self._reader.read_after(seq, _BATCH_SIZE, until)
        return _encode(entries, self._registry, end=entries[-1].seq if len(entries) == _BATCH_SIZE else until)


def _encode(entries: Sequence[JournalEntry], registry: CityRegistry, end: int) -> EventBatch:
    """Encode the entries that are news: not those of the past, of which thousands may be added at once."""
    live = [entry for entry in entries if entry.observation.origin == LIVE]
    events = tuple(
        f"id: {entry.seq}\nevent: observation\ndata: {serialize_entry(entry, registry).model_dump_json()}\n\n".encode()
        for entry in live
    )
    return EventBatch(end, tuple(entry.observation.city for entry in live), events, b"".join(events))
