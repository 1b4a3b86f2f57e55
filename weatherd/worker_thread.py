"""A thread for blocking calls that does not keep the process alive."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
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
        self._calls: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)

    async def run(self, call: Callable[[], _T]) -> _T:
        """Run *call* in the thread and return its result. On cancellation, a call that has started still finishes."""
        # Without a future of concurrent.futures, which adds locks and callbacks to each call
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._calls.put((future, call))
        try:
            return await future
        finally:
            del future  # because it has the error, whose traceback has this frame: a cycle that outlives the call

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.cancelled():
                result, error = _run(call)
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    future.get_loop().call_soon_threadsafe(_resolve, future, result, error)
                del result, error
            del item, future, call  # see run()


def _run(call: Callable[[], _T]) -> tuple[_T | None, BaseException | None]:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001, ASYNC103 - the future raises it in run()
        return None, error  # noqa: ASYNC104 - the same


def _resolve(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Resolve a future in its loop, unless it was cancelled."""
    if future.done():
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)
