"""Deadlines for thousands of concurrent requests; those that end in the same second share a timer.

asyncio.timeout() sets a timer per request: 6.5 us instead of 1, a tenth of the cost of a whole request.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any


class Deadline:
    """A context manager that cancels its body at a deadline and then raises TimeoutError."""

    __slots__ = ("_before", "_group", "_is_over", "_loop", "_task")

    def __init__(self, group: set[Deadline], loop: asyncio.AbstractEventLoop) -> None:
        self._group = group
        self._loop = loop  # cached, because looking it up takes a system call in Python 3.11: 2.5 us
        self._is_over = False

    def __enter__(self) -> None:
        """Start the deadline for the current task."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task: asyncio.Task[Any] = task
        self._before = task.cancelling()
        self._group.add(self)

    def expire(self) -> None:
        """Cancel the body."""
        self._is_over = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Convert our own cancellation, and no other, into TimeoutError; distinguished as in asyncio.timeout()."""
        self._group.discard(self)
        if self._is_over and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error


class Deadlines:
    """The deadlines of one event loop. They expire up to a second late."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._groups: dict[int, set[Deadline]] = {}  # by the second of the loop's clock at which they expire

    def after(self, seconds: float) -> Deadline:
        """Return a deadline *seconds* from now."""
        second = math.ceil(self._loop.time() + seconds)
        group = self._groups.get(second)
        if group is None:
            group = self._groups[second] = set()
            self._loop.call_at(second, self._expire, second)
        return Deadline(group, self._loop)

    def _expire(self, second: int) -> None:
        for deadline in tuple(self._groups.pop(second)):
            deadline.expire()
