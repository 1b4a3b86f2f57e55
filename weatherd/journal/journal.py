"""The journal as the daemon sees it: everything is done by a thread, and nobody blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from weatherd.journal.reader import Reader
from weatherd.journal.state_folder import translate_errors
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from weatherd.journal.cursors import Cursor
    from weatherd.journal.rows import JournalEntry
    from weatherd.journal.store import PruneResult
    from weatherd.observation import FetchedObservation

_T = TypeVar("_T")

log = structlog.get_logger()

_LAST_MOMENT = 2.0  # seconds that closing may take


class CallRunner(Protocol):
    """CallRunner calls one after another, such as a Worker."""

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return what *call* returns."""


class Journal:
    """The one writer; every method raises StateError when the file cannot be written now, and may be called again."""

    def __init__(self, file: Path, store: Store, worker: CallRunner) -> None:
        self.file = file
        self.last_seq = store.last_seq()  # the number of the last entry
        self._store = store
        self._worker = worker
        self._news = asyncio.Event()

    async def call(self, what: Callable[[Store], _T]) -> _T:
        """Return what *what* makes of the store, in the thread."""
        return await self._worker.run(lambda: what(self._store))

    def open_reader(self) -> AbstractAsyncContextManager[AsyncReader]:
        """Open the journal for reading, beside the writer. Raises StateError when it cannot be read."""
        return open_reader(self.file)

    async def add(self, batch: Sequence[FetchedObservation]) -> int:
        """Keep a batch, whole or not at all, and return how many of it were new. The others are repeats."""
        added = await self.call(lambda store: store.add(batch))
        log.debug("journal.stored", observations=len(batch), new=added.stored, end=added.end)
        if added.end > self.last_seq:
            self.last_seq = added.end
            self._news.set()
            self._news = asyncio.Event()
        return added.stored

    async def wait_for_entries(self, after: int) -> None:
        """Wait until there is an entry after number *after*."""
        while self.last_seq <= after:
            await self._news.wait()

    async def prune(self, before: float, now: float, forwarders: Sequence[str]) -> dict[str, int]:
        """Delete what was fetched before a POSIX time, and give its space back.

        Returns how many of the deleted each forwarder had not delivered. Whoever wants to write comes in between.
        """
        missed, seq, is_done = dict.fromkeys(forwarders, 0), 0, False
        while not is_done:
            pruned = await self.call(functools.partial(_prune, before, now, seq, forwarders))
            missed = {name: count + pruned.missed[name] for name, count in missed.items()}
            seq, is_done = pruned.seq, pruned.is_done
        while await self.call(lambda store: store.release_space()):
            pass
        return missed

    async def load_cursor(self, forwarder: str) -> Cursor:
        """Return how far a forwarder has delivered."""
        return await self.call(lambda store: store.cursors.load(forwarder))

    async def save_cursor(self, forwarder: str, cursor: Cursor) -> None:
        """Note how far a forwarder has delivered."""
        await self.call(lambda store: store.cursors.save(forwarder, cursor))

    async def record_skipped(self, forwarder: str, seqs: Sequence[int], reason: str) -> None:
        """Note what a forwarder's far side does not take."""
        await self.call(lambda store: store.record_skipped(forwarder, seqs, reason))


class AsyncReader:
    """Reads the journal in a thread of its own, so that readers wait neither for the writer nor for one another."""

    def __init__(self, reader: Reader, worker: CallRunner) -> None:
        self._reader = reader
        self._worker = worker

    async def read_after(self, seq: int, limit: int, until: int | None = None) -> list[JournalEntry]:
        """Return the entries that follow number *seq*."""
        return await self._worker.run(lambda: self._reader.read_after(seq, limit, until))

    async def read_page(
        self, after: int, limit: int, since: datetime | None, until: datetime | None, city: str | None
    ) -> list[JournalEntry]:
        """Return what was observed in ``[since, until)``, of one city or of all, after number *after*."""
        return await self._worker.run(lambda: self._reader.read_page(after, limit, since, until, city))


@contextlib.asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """Open the journal in a folder, which is made if it is not there. Raises StateError when it cannot be used."""
    with WorkerThread("journal") as worker:
        store = await worker.run(lambda: _open_store(folder))
        try:
            yield Journal(folder / JOURNAL_FILE, store, worker)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_MOMENT):
                    await worker.run(store.close)


@contextlib.asynccontextmanager
async def open_reader(file: Path) -> AsyncIterator[AsyncReader]:
    """Open the journal for reading. Raises StateError when it cannot be read."""
    with WorkerThread("reader") as worker:
        reader = await worker.run(lambda: Reader(file))
        try:
            yield AsyncReader(reader, worker)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_MOMENT):
                    await worker.run(reader.close)


def _prune(before: float, now: float, after: int, forwarders: Sequence[str], store: Store) -> PruneResult:
    return store.prune(before, now, after, forwarders)


def _open_store(folder: Path) -> Store:
    with translate_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(folder / JOURNAL_FILE)
