"""A thread for calls that may block, which can be left behind when one never returns."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class WorkerThread:
    """Runs calls one after another in a thread of its own.

    Unlike the threads of asyncio's executor it is a daemon: the process may end while a call is stuck.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return what *call* returns or raise what it raises. A cancelled call runs to its end only if it has begun."""
        future: Future[_T] = Future()
        self._calls.put((future, call))
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: ASYNC103, BLE001 - it is raised in the caller
                future.set_exception(error)
