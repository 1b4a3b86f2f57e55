"""The slots of a provider: how many requests may be in flight at once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Slots:
    """A counting semaphore, first come, first served, of which *limit* returns the size at the moment.

    asyncio.Semaphore does the same for a fixed size, but on Python 3.11 asks the system for the running loop whenever a
    caller has to wait, which at full load is every request: 3 us more for each.
    """

    # Invariant: while callers wait, a slot is taken, because release() passes slots on to the first who wait.

    def __init__(self, limit: Callable[[], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_free(self) -> bool:
        """Whether a slot is free, and nobody waits for it."""
        return not self._waiting and self.taken < self._limit()

    def try_acquire(self) -> bool:
        """Take a slot and return True; return False if none is free, or others wait for one."""
        if not self.is_free:
            return False
        self.taken += 1
        return True

    async def acquire(self) -> None:
        """Wait for a slot and take it."""
        if self.try_acquire():
            return
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # it had just been given a slot
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.taken -= 1
        while self._waiting and self.taken < self._limit():
            waiter = self._waiting.popleft()
            if not waiter.done():
                self.taken += 1
                waiter.set_result(None)
