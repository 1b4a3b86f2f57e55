"""One event-loop timer for all producers, because 200,000 separate timers would take 160 MB more."""

from __future__ import annotations

import asyncio
import heapq
import math
from dataclasses import dataclass, field

_SLOT = 0.01  # seconds; waiters in the same slot are woken together, at the latest of their times
_TIMER_ERROR = 0.001  # seconds by which call_at() may fire early, because selectors have a resolution of 1 ms


@dataclass(slots=True)
class _Slot:
    due: float  # loop time
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class TickTimer:
    """A timer that wakes waiters up to 10 ms late, so that one iteration of the event loop wakes many of them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()  # cached, because each get_running_loop() calls getpid()
        self._slots: dict[float, _Slot] = {}  # by slot number: the time divided by _SLOT
        self._order: list[float] = []  # a heap of the slot numbers
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf

    def wait_until(self, when: float) -> asyncio.Future[None]:
        """Return a future that completes at loop time *when*; cancel it to give up."""
        future = self._loop.create_future()
        number = when // _SLOT
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot(when)
            heapq.heappush(self._order, number)
        elif when > slot.due:
            slot.due = when
        slot.waiting.append(future)
        if when < self._timer_due:
            self._set_timer(when)
        return future

    def _set_timer(self, when: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._timer_due = self._loop.call_at(when, self._wake_due), when

    def _wake_due(self) -> None:
        self._timer, self._timer_due = None, math.inf
        now = self._loop.time() + _TIMER_ERROR
        while self._order:
            number = self._order[0]
            slot = self._slots[number]
            if slot.due > now:
                self._set_timer(slot.due)
                return
            heapq.heappop(self._order)
            del self._slots[number]
            for future in slot.waiting:
                if not future.done():
                    future.set_result(None)
