"""The asynchronous interface of the journal: one writer thread, and one thread for each reader."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from weatherd.journal.days.storing import store_finished_days
from weatherd.journal.pruning import prune_entries
from weatherd.journal.reader import Reader
from weatherd.journal.state_folder import translate_errors
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime, tzinfo
    from pathlib import Path

    from weatherd.journal.days.day_table import ComputedDays
    from weatherd.journal.days.reading import DayGroup
    from weatherd.journal.days.summary import Day
    from weatherd.journal.reader import RecordedPlace
    from weatherd.journal.rows import JournalEntry
    from weatherd.journal.store import AddResult
    from weatherd.journal.tables.alert_table import AlertRows
    from weatherd.journal.tables.cursors import Cursor
    from weatherd.observation import FetchedObservation, Observation

_T = TypeVar("_T")

log = structlog.get_logger()

_CLOSE_TIMEOUT = 2.0  # seconds
_SEARCH_PERIOD = 86400.0  # seconds between two searches for unused series and descriptions


class CallRunner(Protocol):
    """An executor that runs calls one after another, as WorkerThread does."""

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return the result of *call*."""


class Journal:
    """The journal's only writer. Every method raises StateError while the file cannot be written; retry it later."""

    def __init__(self, file: Path, store: Store, worker: CallRunner) -> None:
        self.file = file
        self.last_seq = store.last_seq()  # the number of the newest entry
        self.warning_seq = 0  # that of the newest change of a warning, once the warnings are loaded
        self.alert_seq = 0  # the number of the newest change of an alert, once the states are loaded
        self._store = store
        self._worker = worker
        self._added = asyncio.Event()
        self.unmigrated = 0  # observations, roughly, that move_old_entries() has not moved yet
        self._searched_at = 0.0  # POSIX time of the last search for unused series and descriptions
        self.known: Callable[[], Sequence[FetchedObservation]] = tuple  # to be written again if the file is lost
        self.on_reopened: Callable[[], None] = _ignore_reopening
        # What happened to the file before this one, in which known observations are missing
        self._lost: str | None = None

    async def call(self, function: Callable[[Store], _T]) -> _T:
        """Call *function* with the store in the writer's thread; return its result.

        If the file was deleted, replaced or cut short, it is opened anew first.
        """
        if lost := self._store.lost:
            await self._worker.run(lambda: self._store.reopen(self.last_seq))
            self._lost = lost
            self.on_reopened()
        return await self._worker.run(lambda: function(self._store))

    async def _restore(self) -> int:
        """Add the known observations to a file that replaces a lost one; return the highest number in it."""
        known = self.known()
        added = await self.call(lambda store: store.add(known))
        log.warning("journal.reopened", file=str(self.file), reason=f"it {self._lost}", restored=added.stored)
        self._lost = None
        return added.last_seq

    def open_reader(self) -> AbstractAsyncContextManager[AsyncReader]:
        """Open the journal for reading, independent of the writer. Raises StateError if it cannot be read."""
        return open_reader(self.file)

    async def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> int:
        """Add a batch, and changes of alerts, in one transaction; return the number of new observations.

        The others are repeats.
        """
        return (await self._add(lambda store: store.add(batch, alerts), len(batch))).stored

    async def add_past(self, observations: Sequence[Observation]) -> AddResult:
        """Add up to 5,000 observations of the past in one transaction.

        They do not become their cities' latest, and do not replace a live one of the same identity: that is a repeat.
        Forwarders send them in the given order, which should be that of their times.
        """
        return await self._add(lambda store: store.add_past(observations), len(observations))

    async def _add(self, add: Callable[[Store], AddResult], count: int) -> AddResult:
        added = await self.call(add)
        if count:  # a batch may have only changes of alerts
            log.debug("journal.stored", observations=count, new=added.stored, end=added.last_seq)
        self._advance(await self._restore() if self._lost else added.last_seq)
        return added

    async def notice_entries(self) -> None:
        """Notice the entries that another process has added, for those who wait for entries."""
        self._advance(await self.call(lambda store: store.last_seq()))

    def _advance(self, last_seq: int) -> None:
        if last_seq > self.last_seq:
            self.last_seq = last_seq
            self._added.set()
            self._added = asyncio.Event()

    async def wait_for_entries(self, after: int) -> None:
        """Wait for an entry with a number above *after*."""
        while self.last_seq <= after:
            await self._added.wait()

    async def witnessed_time(self, now: float) -> float:
        """Return the earlier of *now* and the services' time, both POSIX, because our clock may be wrong."""
        return await self.call(lambda store: store.witnessed_time(now))

    async def prune(
        self, before: float, now: float, forwarders: Sequence[str], thin_before: float = -math.inf
    ) -> Mapping[str, int]:
        """Delete observations observed and fetched before *before*, and release their disk space; times are POSIX.

        Of those observed before *thin_before*, one an hour is kept. At most a tenth of the journal is deleted; the next
        call, an hour later, continues. It works in small steps, between which new observations are stored. Returns the
        number of deleted observations that were not delivered yet, by forwarder.
        """
        pruned = await prune_entries(self, before, thin_before, now, forwarders)
        if pruned.observations:
            await self._delete_unused(now)
        await self._release_space()
        return pruned.missed

    async def store_days(
        self, zones: Mapping[str, str], default_zone: str, now: float, report: Callable[[int], None] | None = None
    ) -> int:
        """Store the days that are over by the POSIX time *now*; return how many days with observations were stored.

        *zones* has the time zones of the listed cities, others have *default_zone*. It works in small steps, after
        which *report* is called with the number so far; if it is interrupted, the next call continues.
        """
        return await store_finished_days(self, zones, default_zone, now, report or (lambda _: None))

    async def _delete_unused(self, now: float) -> None:
        """Delete series and descriptions that no observation has any more, once a day."""
        if abs(now - self._searched_at) < _SEARCH_PERIOD:
            return
        while await self._worker.run(self._store.delete_unused):
            pass
        self._searched_at = now

    async def _release_space(self) -> None:
        while await self._worker.run(self._store.release_space):
            pass

    async def move_old_entries(self) -> None:
        """Move the observations that an older weatherd wrote to today's table, in small steps.

        It has nothing to do but after an upgrade. If it is interrupted, the next call continues.
        """
        moved, begin = 0, asyncio.get_running_loop().time()
        while count := await self.call(lambda store: store.move_old_entries()):
            if not moved:
                log.info("journal.migrating", file=str(self.file))
            moved += count
            self.unmigrated = await self.call(lambda store: store.count_old_entries())
        if moved:
            await self._release_space()
            seconds = round(asyncio.get_running_loop().time() - begin, 1)
            log.info("journal.migrated", observations=moved, seconds=seconds)

    async def load_cursor(self, forwarder: str) -> Cursor:
        """Return the cursor of a forwarder."""
        return await self.call(lambda store: store.cursors.load(forwarder))

    async def save_cursor(self, forwarder: str, cursor: Cursor) -> None:
        """Save the cursor of a forwarder."""
        await self.call(lambda store: store.cursors.save(forwarder, cursor))

    async def record_skipped(self, forwarder: str, seqs: Sequence[int], reason: str) -> None:
        """Record observations that a forwarder skipped: its destination permanently rejects or never accepts them."""
        await self.call(lambda store: store.record_skipped(forwarder, seqs, reason))


class AsyncReader:
    """A reader with a thread of its own, so that it waits neither for the writer nor for other readers."""

    def __init__(self, reader: Reader, worker: CallRunner) -> None:
        self._reader = reader
        self._worker = worker

    async def read_after(self, seq: int, limit: int, until: int | None = None) -> list[JournalEntry]:
        """Return up to *limit* entries with numbers above *seq*, and up to *until* if given, in order."""
        return await self._worker.run(lambda: self._reader.read_after(seq, limit, until))

    async def read_page(
        self, after: int, limit: int, since: datetime | None, until: datetime | None, cities: Sequence[str]
    ) -> list[JournalEntry]:
        """Return up to *limit* entries of *cities* (all if empty) in ``[since, until)`` with numbers above *after*."""
        return await self._worker.run(lambda: self._reader.read_page(after, limit, since, until, cities))

    async def read_columns(
        self, cities: Sequence[str], columns: Sequence[str], since: datetime, until: datetime
    ) -> list[tuple[Any, ...]]:
        """Return rows of city, ``observed_at`` (POSIX seconds) and *columns* in ``[since, until)``, by time."""
        return await self._worker.run(lambda: self._reader.read_columns(cities, columns, since, until))

    async def read_compared(
        self, city: str, field: str, since: datetime, until: datetime
    ) -> list[tuple[float, str, float | None, str]]:
        """Return time, provider, value of *field* and quality of services polled for comparison only, by time."""
        return await self._worker.run(lambda: self._reader.read_compared(city, field, since, until))

    async def read_span(self, cities: Sequence[str], since: datetime, until: datetime) -> list[JournalEntry]:
        """Return the entries of *cities* (all if empty) in ``[since, until)``, in the order of ``observed_at``."""
        return await self._worker.run(lambda: self._reader.read_span(cities, since, until))

    async def read_times(self, cities: Sequence[str], since: datetime, until: datetime) -> dict[str, list[float]]:
        """Return the times of each city's observations in ``[since, until)``, POSIX seconds, in ascending order."""
        return await self._worker.run(lambda: self._reader.read_times(cities, since, until))

    async def read_places(self) -> dict[str, RecordedPlace]:
        """Return where each city with an observation was, and since which entry."""
        return await self._worker.run(self._reader.read_places)

    async def read_days(self, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
        """Return a city's days with observations, from the date *since* to the one before *until*."""
        return await self._worker.run(lambda: self._reader.read_days(city, zone, since, until))

    async def find_open_days(self, now: int) -> DayGroup | None:
        """Return the next days that are over at *now* (POSIX microseconds) and not stored; None if all are stored."""
        return await self._worker.run(lambda: self._reader.find_open_days(now))

    async def compute_days(self, group: DayGroup) -> ComputedDays:
        """Compute days from the observations that the journal has now."""
        return await self._worker.run(lambda: self._reader.compute_days(group))

    async def has_city(self, city: str) -> bool:
        """Return whether there is an observation of the city with this id, which may be removed from the list."""
        return await self._worker.run(lambda: self._reader.has_city(city))


def _ignore_reopening() -> None:
    """Ignore that the file was opened anew."""


@contextlib.asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """Open the journal in a folder, which is created if missing. Raises StateError if it cannot be used."""
    with WorkerThread("journal") as worker:
        store = await worker.run(lambda: _open_store(folder))
        try:
            yield Journal(folder / JOURNAL_FILE, store, worker)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await worker.run(store.close)


@contextlib.asynccontextmanager
async def open_reader(file: Path) -> AsyncIterator[AsyncReader]:
    """Open the journal for reading. Raises StateError if it cannot be read."""
    with WorkerThread("reader") as worker:
        reader = await worker.run(lambda: Reader(file))
        try:
            yield AsyncReader(reader, worker)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await worker.run(reader.close)


def _open_store(folder: Path) -> Store:
    with translate_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(folder / JOURNAL_FILE)
