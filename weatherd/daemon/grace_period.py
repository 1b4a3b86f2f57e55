"""The grace period: the time that an orderly stop may take, from the stop signal to its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Self

from weatherd.daemon.gc_tuning import gc_paused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_OVERDUE = 0.2  # seconds after the deadline


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
