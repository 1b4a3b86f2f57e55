"""The state that providers and forwarders need after a restart: held in memory, saved to the journal's file."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
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
    from weatherd.quota.usage import ProviderUsage

log = structlog.get_logger()

_SAVE_DELAY = 0.05  # seconds between a change and its save: a power cut loses the changes of that time
_RETRY_DELAY = 5.0  # seconds until a failed save is retried
_CLOSE_TIMEOUT = 2.0  # seconds for the last save
_NOTHING_SAVED = SavedState((), (), ())


class ProviderState:
    """The usage meters and key-value stores, and the latest observations that an earlier run has saved.

    Changes are saved in the background by the journal's thread. Without a journal nothing is saved.
    """

    def __init__(self, saved: SavedState, journal: Journal | None, now: Callable[[], datetime]) -> None:
        self.latest = saved.latest
        self._saved = saved._replace(latest=())  # the owner may drop them, because those of a long list take 100 MB
        self._journal = journal
        self._now = now
        self._meters: dict[str, UsageMeter] = {}
        self._stores: dict[str, KeyValueStore] = {}
        self._changed: set[str] = set()  # providers and namespaces with unsaved changes
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._is_down = False

    def usage_meter(
        self, provider: str, plan: Plan, create: Callable[[str, Plan], UsageMeter] = UsageMeter
    ) -> UsageMeter:
        """Return a new usage meter for *provider*, which includes the calls of earlier runs."""
        meter = self._meters[provider] = create(provider, plan)
        for usage in self._saved.usage:
            if usage.provider == provider:
                meter.merge_saved(usage, self._now().timestamp())
        return meter

    def key_values(self, namespace: str) -> KeyValueStore:
        """Return a new key-value store, which includes the entries that earlier runs put into the same *namespace*."""
        store = self._stores[namespace] = KeyValueStore(namespace, functools.partial(self.schedule_save, namespace))
        for entry in self._saved.entries:
            if entry.namespace == namespace:
                store.restore(entry)
        return store

    def schedule_save(self, name: str) -> None:
        """Schedule a save of the changes of a provider or namespace, including those that follow until then."""
        self._changed.add(name)
        if self._journal and not self._timer:
            self._start_timer(_SAVE_DELAY)

    def save_again(self) -> None:
        """Schedule a save of everything, because the file was lost."""
        for name, meter in self._meters.items():
            meter.mark_unsaved()
            self.schedule_save(name)
        for namespace, store in self._stores.items():
            store.mark_unsaved()
            self.schedule_save(namespace)

    async def aclose(self) -> None:
        """Save the remaining changes, within two seconds."""
        self.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                if self._saving:
                    await self._saving
                await self._save()
        self.cancel()

    def cancel(self) -> None:
        """Cancel the next save."""
        if self._timer:
            self._timer.cancel()

    def _start_timer(self, delay: float) -> None:
        # In an empty context, because the task that changed something has bound ``city``, and a save concerns no city
        context = contextvars.Context()
        self._timer = asyncio.get_running_loop().call_later(delay, self._start_saving, context=context)

    def _start_saving(self) -> None:
        self._timer = None
        if self._saving and not self._saving.done():
            self._start_timer(_SAVE_DELAY)
        else:
            self._saving = asyncio.create_task(self._save(), name="save state")

    async def _save(self) -> None:
        if not self._journal:
            return
        changed, self._changed = self._changed, set()
        meters = [self._meters[name] for name in changed if name in self._meters]
        usages = [usage for meter in meters if (usage := meter.take_unsaved())]
        entries = [entry for name in changed if name in self._stores for entry in self._stores[name].take_unsaved()]
        try:
            saved = await self._journal.call(lambda store: store.save(usages, entries))
        except StateError as error:
            self._log_outage(error)
            self._restore_unsaved(usages, entries)
            self._changed |= changed
            if not self._timer:
                self._start_timer(_RETRY_DELAY)
        else:
            self._log_outage(None)
            for usage in saved:
                self._meters[usage.provider].merge_saved(usage, self._now().timestamp())

    def _restore_unsaved(self, usages: Sequence[ProviderUsage], entries: Sequence[KeyValueEntry]) -> None:
        for usage in usages:
            self._meters[usage.provider].restore_unsaved(usage)
        for namespace, store in self._stores.items():
            store.restore_unsaved([entry for entry in entries if entry.namespace == namespace])

    def _log_outage(self, error: StateError | None) -> None:
        """Log the first of several failed saves, and the first success after them."""
        if error and not self._is_down:
            log.error("state.down", reason=str(error))
        if self._is_down and not error:
            log.info("state.recovered")
        self._is_down = error is not None


@contextlib.asynccontextmanager
async def open_provider_state(journal: Journal, now: Callable[[], datetime]) -> AsyncIterator[ProviderState]:
    """Load the state of earlier runs; save the changes, also at the end. Raises StateError if it cannot be loaded."""
    load = journal.call(lambda store: store.load(now().timestamp()))
    async with contextlib.aclosing(ProviderState(await load, journal, now)) as state:
        journal.on_reopened = state.save_again
        yield state


def in_memory_state(now: Callable[[], datetime]) -> ProviderState:
    """Return a state that is never saved."""
    return ProviderState(_NOTHING_SAVED, None, now)
