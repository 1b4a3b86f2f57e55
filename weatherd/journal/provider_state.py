"""What the providers need after a restart: held in memory, and written to the journal a moment later."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError
from weatherd.journal.key_value import KeyValueStore
from weatherd.journal.store import SavedState
from weatherd.quota.usage import UsageMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from weatherd.journal.journal import Journal
    from weatherd.journal.key_value import KeyValueEntry
    from weatherd.quota.plans import Plan
    from weatherd.quota.usage import UsageRow

log = structlog.get_logger()

_DELAY = 0.05  # seconds between something new and its writing: what a power cut may cost
_AGAIN = 5.0  # seconds after which a writing that failed is tried again
_LAST_MOMENT = 2.0  # seconds that the last writing may take at the end
_NOTHING = SavedState((), (), ())


class ProviderState:
    """The meters and memories of the providers, and what an earlier run knew as the last observations.

    Everything is in memory. What is new is written a moment later by a thread, and nobody waits for that. Without a
    journal nothing is kept.
    """

    def __init__(self, kept: SavedState, journal: Journal | None, now: Callable[[], datetime]) -> None:
        self.latest = kept.latest
        self._kept = kept
        self._journal = journal
        self._now = now
        self._meters: dict[str, UsageMeter] = {}
        self._memories: dict[str, KeyValueStore] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._failed = False

    def usage_meter(self, provider: str, plan: Plan) -> UsageMeter:
        """Return a provider's meter, with what earlier runs have used."""
        meter = self._meters[provider] = UsageMeter(provider, plan)
        meter.merge_saved([row for row in self._kept.usage if row.provider == provider], self._now().timestamp())
        return meter

    def key_values(self, provider: str) -> KeyValueStore:
        """Return a provider's memory, with what earlier runs have noted."""
        memory = self._memories[provider] = KeyValueStore(provider, self.schedule_save)
        for note in self._kept.entries:
            if note.provider == provider:
                memory.restore(note)
        return memory

    def schedule_save(self) -> None:
        """Have what is new written soon."""
        if self._journal and not self._timer:
            self._timer = asyncio.get_running_loop().call_later(_DELAY, self._begin)

    async def aclose(self) -> None:
        """Write what is left."""
        self.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_MOMENT):
                if self._writing:
                    await self._writing
                await self._save()
        self.cancel()

    def cancel(self) -> None:
        """Write no more."""
        if self._timer:
            self._timer.cancel()

    def _begin(self) -> None:
        self._timer = None
        if self._writing and not self._writing.done():
            self.schedule_save()
        else:
            self._writing = asyncio.create_task(self._save(), name="save state")

    async def _save(self) -> None:
        if not self._journal:
            return
        rows = [row for meter in self._meters.values() for row in meter.take_unsaved()]
        notes = [note for memory in self._memories.values() for note in memory.take_unsaved()]
        try:
            ledger = await self._journal.call(lambda store: store.save(rows, notes))
        except StateError as error:
            self._tell_failure(error)
            self._put_back(rows, notes)
            self._timer = self._timer or asyncio.get_running_loop().call_later(_AGAIN, self._begin)
        else:
            self._tell_failure(None)
            self._learn(ledger)

    def _put_back(self, rows: Sequence[UsageRow], notes: Sequence[KeyValueEntry]) -> None:
        """Keep for the next writing what could not be written, unless there is something newer."""
        for meter in self._meters.values():
            meter.restore_unsaved([row for row in rows if row.provider == meter.provider])
        for memory in self._memories.values():
            memory.restore_unsaved([note for note in notes if note.provider == memory.provider])

    def _learn(self, ledger: Sequence[UsageRow]) -> None:
        for meter in self._meters.values():
            meter.merge_saved([row for row in ledger if row.provider == meter.provider], self._now().timestamp())

    def _tell_failure(self, error: StateError | None) -> None:
        if error and not self._failed:
            log.error("state.down", reason=str(error))
        if self._failed and not error:
            log.info("state.recovered")
        self._failed = error is not None


@contextlib.asynccontextmanager
async def open_provider_state(journal: Journal, now: Callable[[], datetime]) -> AsyncIterator[ProviderState]:
    """Take up the state where an earlier run left it. Raises StateError when it cannot be read."""
    kept = await journal.call(lambda store: store.load(now().timestamp()))
    async with contextlib.aclosing(ProviderState(kept, journal, now)) as state:
        yield state


def in_memory_state(now: Callable[[], datetime]) -> ProviderState:
    """Return a state that forgets everything at the end."""
    return ProviderState(_NOTHING, None, now)
