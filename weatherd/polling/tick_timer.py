"""One event-loop timer for all producers, because 200,000 separate timers would take 160 MB more."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.clock import AnchoredClock

_SLOT = 0.01  # seconds; waiters in the same slot are woken together, at the latest of their times
_TIMER_ERROR = 0.001  # seconds by which call_later() may fire early, because selectors have a resolution of 1 ms
_CHECK_PERIOD = 10.0  # seconds; the loop's timers are late by the length of a suspend, so none is set for longer


@dataclass(slots=True)
class _Slot:
    due: float  # boot time
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class TickTimer:
    """A timer that wakes waiters up to 10 ms late, so that one iteration of the event loop wakes many of them.

    It checks the clock before it wakes them, so that a poll begins with the right time.
    """

    def __init__(self, clock: AnchoredClock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()  # cached, because each get_running_loop() calls getpid()
        self._slots: dict[float, _Slot] = {}  # by slot number: the time divided by _SLOT
        self._order: list[float] = []  # a heap of the slot numbers
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf
        self._context = contextvars.Context()  # an empty one, because what the timer logs concerns no city

    def wait_until(self, when: float) -> asyncio.Future[None]:
        """Return a future that completes at the boot time *when*; cancel it to give up."""
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
        delay = min(when - self._clock.boot(), _CHECK_PERIOD)
        self._timer, self._timer_due = self._loop.call_later(delay, self._wake_due, context=self._context), when

    def _wake_due(self) -> None:
        self._timer, self._timer_due = None, math.inf
        self._clock.check()
        now = self._clock.boot() + _TIMER_ERROR
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
