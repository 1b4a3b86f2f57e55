"""What the engine delivers from the journal: observations, or the changes of official warnings or of alerts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from weatherd.journal.tables.cursors import Idle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.journal.journal import Journal
    from weatherd.journal.store import Store
    from weatherd.journal.tables.cursors import Cursor

_CHECK_PERIOD = 1.0  # seconds between two looks for changes, which are rare


class NumberedEntry(Protocol):
    """An entry of the journal."""

    @property
    def seq(self) -> int:
        """Its number."""


class FeedReader(Protocol):
    """A reader of entries."""

    async def read_after(self, seq: int, limit: int, until: int | None = None) -> Sequence[Any]:
        """Return up to *limit* entries with numbers above *seq*, and up to *until* if given, in order."""


class Feed(Protocol):
    """The entries of one kind. All methods raise StateError as the journal does."""

    journal: Journal  # where the cursors are

    @property
    def last_seq(self) -> int:
        """The number of the newest entry."""

    def open(self) -> AbstractAsyncContextManager[FeedReader]:
        """Open a reader."""

    async def load_cursor(self, name: str) -> Cursor:
        """Return the cursor of a forwarder."""

    async def wait_for_entries(self, after: int) -> None:
        """Wait for an entry with a number above *after*."""

    def select_values(self, entries: Sequence[Any]) -> list[Any]:
        """Return what a connection delivers of entries."""

    def describe(self, entry: Any) -> Mapping[str, str]:
        """Return the fields by which an entry is found, for the log."""


class ObservationFeed:
    """The observations."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    @property
    def last_seq(self) -> int:
        """The number of the newest observation."""
        return self.journal.last_seq

    def open(self) -> AbstractAsyncContextManager[FeedReader]:
        """Open a reader with a thread of its own."""
        return self.journal.open_reader()

    async def load_cursor(self, name: str) -> Cursor:
        """Return the cursor of a forwarder; a new one begins with the first observation."""
        return await self.journal.load_cursor(name)

    async def wait_for_entries(self, after: int) -> None:
        """Wait for an observation with a number above *after*."""
        await self.journal.wait_for_entries(after)

    def select_values(self, entries: Sequence[Any]) -> list[Any]:
        """Return the observations in entries."""
        return [entry.observation for entry in entries]

    def describe(self, entry: Any) -> Mapping[str, str]:
        """Return city and time of an observation."""
        return {"city": entry.observation.city, "observed_at": entry.observation.observed_at.isoformat()}


class ChangeFeed:
    """A table of changes, which is read in the journal's own thread.

    Unless *replays*, a new forwarder begins with the next change, because earlier ones are no news.
    """

    def __init__(self, journal: Journal, *, replays: bool) -> None:
        self.journal = journal
        self._replays = replays

    @property
    def last_seq(self) -> int:
        """The number of the newest change."""
        raise NotImplementedError

    def _read(self, store: Store, seq: int, limit: int) -> Sequence[Any]:
        raise NotImplementedError

    def open(self) -> AbstractAsyncContextManager[FeedReader]:
        """Return the feed itself."""
        return contextlib.nullcontext(self)

    async def read_after(self, seq: int, limit: int, until: int | None = None) -> Sequence[Any]:
        """Return up to *limit* changes with numbers above *seq*, and up to *until* if given, in order."""
        entries = await self.journal.call(lambda store: self._read(store, seq, limit))
        return [entry for entry in entries if until is None or entry.seq <= until]

    async def load_cursor(self, name: str) -> Cursor:
        """Return the cursor of a forwarder; that of a new one is saved, so that it misses nothing from now on."""

        def load(store: Store) -> Cursor:
            if not self._replays and not store.cursors.has(name):
                store.cursors.save(name, Idle(self.last_seq))
            return store.cursors.load(name)

        return await self.journal.call(load)

    async def wait_for_entries(self, after: int) -> None:
        """Wait for a change with a number above *after*."""
        while self.last_seq <= after:  # noqa: ASYNC110 - changes are rare, and written in several places
            await asyncio.sleep(_CHECK_PERIOD)

    def select_values(self, entries: Sequence[Any]) -> list[Any]:
        """Return the changes."""
        return list(entries)


class WarningFeed(ChangeFeed):
    """The changes of official warnings."""

    @property
    def last_seq(self) -> int:
        """The number of the newest change."""
        return self.journal.warning_seq

    def _read(self, store: Store, seq: int, limit: int) -> Sequence[Any]:
        return store.warnings.read_after(seq, limit)

    def describe(self, entry: Any) -> Mapping[str, str]:
        """Return city and key of a warning."""
        return {"city": entry.change.city, "key": entry.change.warning.event_key}
