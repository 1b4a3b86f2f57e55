"""The slots of a provider: how many requests may be in flight at once."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """A counting semaphore, first come, first served.

    asyncio.Semaphore does the same, but on Python 3.11 asks the system for the running loop whenever a caller has to
    wait, which at full load is every request: 3 us more for each.
    """

    # Invariant: a slot is only free while nobody waits, because release() passes a slot on to the first who waits.

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.free = count  # slots that nobody has taken
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait for a slot and take it."""
        if self.free:
            self.free -= 1
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
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1
