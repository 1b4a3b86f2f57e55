"""The grace period: the time that an orderly stop may take, from the stop signal to its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from typing import TYPE_CHECKING, Self

from weatherd.daemon.gc_tuning import gc_paused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_OVERDUE = 0.2  # seconds after the deadline
_WATCHDOG_MARGIN = 0.5  # seconds after the deadline, because a stop by the deadline ends more cleanly


class GracePeriod:
    """A deadline that is set when the stop begins. Leaving the context ends the period.

    The garbage collector is paused meanwhile, because nothing that it frees is needed again.
    """

    def __init__(self, seconds: float) -> None:
        self.deadline = math.inf  # loop time; infinite until the period begins
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)
        self._until_end = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Return this period, which has not begun."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the period: the stop is complete, so that nothing is overdue any more."""
        self._until_end.close()

    def begin(self, on_overdue: Callable[[], None]) -> None:
        """Set the deadline, and call *on_overdue* if the period has not ended shortly after it.

        That is needed because a task can swallow its cancellation at the deadline: for example, a sink that catches
        BaseException in a loop. The stop then never completes, and the process ends 0.5 s after the deadline
        (``ShutdownWatchdog``), so this is the only chance to log the summary.
        """
        loop = asyncio.get_running_loop()
        self.deadline = loop.time() + self._seconds
        self._timeout.reschedule(self.deadline)
        self._until_end.enter_context(gc_paused())
        self._until_end.callback(loop.call_at(self.deadline + _OVERDUE, on_overdue).cancel)

    async def limit(self, work: Coroutine[None, None, None]) -> bool:
        """Await *work*, which calls :meth:`begin`. Return False if it was cancelled at the deadline."""
        try:
            async with self._timeout:
                await work
        except TimeoutError:
            return False
        return True


class ShutdownWatchdog:
    """A timer that ends the process if a stop takes longer than the grace period.

    It runs in a thread, because a plug-in may block the event loop, or block a thread that Python waits for at exit.
    """

    def __init__(self, grace: float, end_process: Callable[[], None], margin: float = _WATCHDOG_MARGIN) -> None:
        self.grace = grace  # seconds; may be changed until the watchdog is armed
        self._end_process = end_process
        self._margin = margin

    def arm(self) -> None:
        """Start the countdown. A signal handler may call this between any two bytecodes."""
        timer = threading.Timer(self.grace + self._margin, self._end_process)
        timer.daemon = True
        timer.start()
