"""One event-loop timer for all polls, because 200,000 separate timers would take 160 MB more."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.clock import AnchoredClock
    from weatherd.polling.poll_history import CityPolls

_SLOT = 0.01  # seconds; polls in the same slot are started together, at the latest of their times
_TIMER_ERROR = 0.001  # seconds by which call_later() may fire early, because selectors have a resolution of 1 ms
_CHECK_PERIOD = 10.0  # seconds; the loop's timers are late by the length of a suspend, so none is set for longer


@dataclass(slots=True)
class _Slot:
    due: float  # boot time
    polls: list[CityPolls] = field(default_factory=list)


class TickTimer:
    """A timer that starts polls up to 10 ms late, so that those of many cities are started together.

    It checks the clock before, so that a poll begins with the right time.
    """

    def __init__(self, clock: AnchoredClock, start: Callable[[Sequence[CityPolls]], None]) -> None:
        self._clock = clock
        self._start = start
        self._loop = asyncio.get_running_loop()  # cached, because each get_running_loop() calls getpid()
        self._slots: dict[float, _Slot] = {}  # by slot number: the time divided by _SLOT
        self._order: list[float] = []  # a heap of the slot numbers
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf
        self._context = contextvars.Context()  # an empty one, because what the timer logs concerns no city

    def add(self, polls: CityPolls) -> None:
        """Start a city's poll at the boot time ``polls.due``, or up to 10 ms later, which it is set to then.

        Example: polls due at 0.051, 0.052 and 0.053 s start at 0.06; a single one at 0.051 starts then.
        """
        due = polls.due
        number = due // _SLOT
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot(due)
            heapq.heappush(self._order, number)
        else:
            if due > slot.due:
                slot.due = max(due, (number + 1) * _SLOT)  # the end of the slot, so that those which follow share it
            polls.due = slot.due  # one object for many cities, because each takes 32 bytes
        slot.polls.append(polls)
        if due < self._timer_due:
            self._set_timer(due)

    def _set_timer(self, when: float) -> None:
        if self._timer:
            self._timer.cancel()
        delay = min(when - self._clock.boot(), _CHECK_PERIOD)
        self._timer, self._timer_due = self._loop.call_later(delay, self._start_due, context=self._context), when

    def _start_due(self) -> None:
        self._timer, self._timer_due = None, math.inf
        self._clock.check()
        now = self._clock.boot() + _TIMER_ERROR
        due: list[CityPolls] = []
        while self._order:
            number = self._order[0]
            slot = self._slots[number]
            if slot.due > now:
                self._set_timer(slot.due)
                break
            heapq.heappop(self._order)
            due += self._slots.pop(number).polls
        self._start(due)
