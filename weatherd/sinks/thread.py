"""A thread for calls that may block, which can be left behind when one never returns."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Thread:
    """Runs calls one after another in a thread of its own.

    Unlike the threads of asyncio's executor it is a daemon: the process may end while a call is stuck.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.put(None)

    async def run(self, call: Callable[[], T]) -> T:
        """Return what *call* returns or raise what it raises. A cancelled call still runs to its end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            try:
                outcome: tuple[T | None, BaseException | None] = (call(), None)
            except BaseException as error:  # noqa: ASYNC103, BLE001 - it is raised in the caller
                outcome = (None, error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, *outcome)

        self._calls.put(work)
        return await future

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
