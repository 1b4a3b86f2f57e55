"""Share one event-loop timer among all producers: 200,000 timers of the loop's own would take 160 MB more."""

from __future__ import annotations

import asyncio
import heapq
import math
from dataclasses import dataclass, field

_SLOT = 0.01  # seconds; waiters of the same slot are woken together, at the latest of their times
_TIMER_ERROR = 0.001  # seconds by which call_at() may fire early, because the selector counts milliseconds


@dataclass(slots=True)
class _Slot:
    due: float  # loop time
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class TickTimer:
    """Wakes waiters at their loop time, on time or up to 10 ms late, so that many are woken in one turn of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()  # cached, because get_running_loop() calls getpid() each time
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
