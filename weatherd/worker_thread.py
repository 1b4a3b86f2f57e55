"""A thread for blocking calls that does not keep the process alive."""

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
    """A thread that runs blocking calls in order.

    It is a daemon thread, unlike the threads of asyncio's executor, so that the process can end while a call hangs, for
    example on a network drive.
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
        """Run *call* in the thread and return its result. On cancellation, a call that has started still finishes."""
        future: Future[_T] = Future()
        self._calls.put((future, call))
        try:
            return await asyncio.wrap_future(future)
        finally:
            del future  # because it has the error, whose traceback has this frame: a cycle that outlives the call

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: ASYNC103, BLE001 - the future raises it in run()
                    future.set_exception(error)
            del item, future, call  # see run()
