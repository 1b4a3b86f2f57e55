"""One timer for all who wait for their tick: 200,000 of the event loop's own would take 160 MB more."""

from __future__ import annotations

import asyncio
import heapq
import math
from dataclasses import dataclass, field

_TOGETHER = 0.01  # seconds: those whose moments lie so close are rung together, with the last of them
_HAIR = 0.001  # seconds by which a timer may ring before its time: it counts in milliseconds


@dataclass(slots=True)
class _Ring:
    due: float
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


class TickTimer:
    """Rings at the moments that it is asked for: at once or up to 10 ms later, so that many are rung together."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()  # asked for each time, it would ask the kernel for the process
        self._rings: dict[float, _Ring] = {}  # by the number of their hundredth of a second
        self._order: list[float] = []  # a heap of these numbers
        self._timer: asyncio.TimerHandle | None = None
        self._set_to = math.inf

    def at(self, moment: float) -> asyncio.Future[None]:
        """Return what is done at a time of the loop's clock. Whoever does not want it any more cancels it."""
        future = self._loop.create_future()
        number = moment // _TOGETHER
        ring = self._rings.get(number)
        if ring is None:
            ring = self._rings[number] = _Ring(moment)
            heapq.heappush(self._order, number)
        elif moment > ring.due:
            ring.due = moment
        ring.waiting.append(future)
        if moment < self._set_to:
            self._set(moment)
        return future

    def _set(self, moment: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._set_to = self._loop.call_at(moment, self._ring), moment

    def _ring(self) -> None:
        self._timer, self._set_to = None, math.inf
        now = self._loop.time() + _HAIR
        while self._order:
            number = self._order[0]
            ring = self._rings[number]
            if ring.due > now:
                self._set(ring.due)
                return
            heapq.heappop(self._order)
            del self._rings[number]
            for future in ring.waiting:
                if not future.done():
                    future.set_result(None)
