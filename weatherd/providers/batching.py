"""Batching of the items that are submitted within a short time into one request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from weatherd.http.trace import RequestTraces, add_traces, start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


_Settled = tuple[_Result | Exception, RequestTraces]  # an outcome, and the last request that was made for the batch


class Coalescer(Generic[_Item, _Result]):
    """A collector that sends the items of *delay* seconds together.

    *send* gets from 1 to ``limit()`` items and returns a result or an error for each, in their order. At most
    *concurrency* calls of it run at once; items that are submitted meanwhile join the next batch. Batches run in tasks
    of the coalescer and not in a TaskGroup, because a group would wrap the exceptions that the user of the coalescer
    raises. Close it with :meth:`aclose`.
    """

    def __init__(
        self,
        send: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result | Exception]]],
        *,
        limit: Callable[[], int],
        delay: float,
        concurrency: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._limit = limit
        self._delay = delay
        self._slots = asyncio.Semaphore(concurrency)
        self._submitted: list[tuple[_Item, asyncio.Future[_Settled[_Result]]]] = []
        self._has_collector = False  # a task is about to take the next batch
        self._batches: dict[asyncio.Task[None], Sequence[asyncio.Future[_Settled[_Result]]]] = {}  # and their callers

    async def submit(self, item: _Item) -> _Result:
        """Return the result for *item*, or raise the error of the item or of its whole batch."""
        future: asyncio.Future[_Settled[_Result]] = self._loop.create_future()
        self._submitted.append((item, future))
        self._ensure_collector()
        try:
            outcome, traces = await future
        except asyncio.CancelledError:
            self._cancel_abandoned_batches()
            raise
        add_traces(traces)
        if isinstance(outcome, Exception):
            try:
                raise outcome
            finally:
                del future, outcome  # because a frame that refers to its own error is a reference cycle
        return outcome

    async def aclose(self) -> None:
        """Cancel all batches and the callers that wait for one; return when the tasks have ended."""
        for task in self._batches:
            task.cancel()
        for _, future in self._submitted:
            future.cancel()
        self._submitted.clear()
        self._has_collector = False
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _ensure_collector(self) -> None:
        if self._submitted and not self._has_collector:
            self._has_collector = True
            task = asyncio.create_task(self._collect_and_send(), name="batch")
            self._batches[task] = ()
            task.add_done_callback(self._batches.pop)

    def _cancel_abandoned_batches(self) -> None:
        """Cancel requests without a waiting caller, so that they do not overlap with later ones for their items."""
        for task, futures in self._batches.items():
            if futures and all(future.cancelled() for future in futures):
                task.cancel()

    async def _collect_and_send(self) -> None:
        await asyncio.sleep(self._delay if len(self._submitted) < self._limit() else 0)
        async with self._slots:
            self._has_collector = False
            limit = self._limit()
            batch = [(item, future) for item, future in self._submitted[:limit] if not future.done()]
            del self._submitted[:limit]
            self._ensure_collector()  # for the items above the limit
            if batch:
                await self._send_batch(batch)

    async def _send_batch(self, batch: Sequence[tuple[_Item, asyncio.Future[_Settled[_Result]]]]) -> None:
        futures = [future for _, future in batch]
        if task := asyncio.current_task():
            self._batches[task] = futures
        token = start_tracing()
        settled: Sequence[tuple[asyncio.Future[_Settled[_Result]], _Result | Exception]]
        try:
            settled = list(zip(futures, await self._send([item for item, _ in batch]), strict=True))
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - submit() raises it for each item
            settled = [(future, error) for future in futures]
        traces = stop_tracing(token)[-1:]
        for future, outcome in settled:
            if not future.done():  # it is cancelled when its city was removed meanwhile
                future.set_result((outcome, traces))
