"""Observations that wait for the task which writes them, in the order of arrival."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import FetchedObservation


class BatchBuffer:
    """A buffer that is filled by batches of any size, and emptied by one task in batches of its own size."""

    def __init__(self) -> None:
        self._waiting: list[FetchedObservation] = []
        self._changed = asyncio.Event()
        self.is_closed = False

    def __len__(self) -> int:
        """Return the number of waiting observations."""
        return len(self._waiting)

    def add(self, batch: Sequence[FetchedObservation]) -> None:
        """Add a batch; never waits."""
        self._waiting += batch
        self._changed.set()

    def close(self) -> None:
        """End the task's waiting once the buffer is empty."""
        self.is_closed = True
        self._changed.set()

    async def take(self, limit: int) -> list[FetchedObservation]:
        """Wait for observations and return up to *limit* of them; [] if the buffer is empty and closed."""
        while not (self._waiting or self.is_closed):
            self._changed.clear()
            await self._changed.wait()
        batch, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return batch
