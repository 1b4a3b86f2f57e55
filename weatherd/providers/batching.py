"""Batching of the polls that are due within a short time into one request."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import operator
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from weatherd.http.trace import RequestTraces, add_traces, start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation

_city_of = operator.attrgetter("city")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class PollReceiver(Protocol):
    """The receiver of the responses to polls."""

    def deliver(self, results: Sequence[tuple[Any, Any]], traces: RequestTraces) -> Awaitable[None] | None:
        """Take those polls of a request that have this receiver, each with its result or error.

        Returns what to wait for before the next request, if anything.
        """


class PendingPoll(Protocol):
    """A poll that waits for its part of a response."""

    @property
    def city(self) -> Any:
        """What is requested."""

    @property
    def waiter(self) -> asyncio.Future[Any]:
        """Done if nobody waits any more."""

    @property
    def receiver(self) -> PollReceiver:
        """What takes the result."""


class _Submitters:
    """The callers of :meth:`Coalescer.submit`."""

    def deliver(self, results: Sequence[tuple[PendingPoll, Any]], traces: RequestTraces) -> None:
        for poll, outcome in results:
            if not poll.waiter.done():
                poll.waiter.set_result((outcome, traces))


class _SubmittedItem:
    """The poll behind :meth:`Coalescer.submit`."""

    __slots__ = ("city", "waiter")

    receiver = _Submitters()

    def __init__(self, item: Any, waiter: asyncio.Future[Any]) -> None:
        self.city = item
        self.waiter = waiter


class _Sender:
    """A task that sends batch after batch."""

    __slots__ = ("batch", "is_collecting", "task")

    def __init__(self) -> None:
        self.is_collecting = True  # about to take a batch
        self.batch: Sequence[PendingPoll] = ()  # the one in flight
        self.task: asyncio.Task[None]


class Coalescer(Generic[_Item, _Result]):
    """A collector that sends the polls of *delay* seconds together.

    *send* gets from 1 to ``limit()`` items and returns a result or an error for each, in their order. At most
    *concurrency* calls of it run at once; polls that are added meanwhile join the next batch. Batches are sent by tasks
    of the coalescer and not of a TaskGroup, because a group would wrap the exceptions that the user of the coalescer
    raises. A task sends batch after batch, and ends when nothing is left. Close it with :meth:`aclose`.
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
        self._concurrency = concurrency
        self._max_collectors = 1 if delay else concurrency  # during the delay, one gathers all polls
        self._waiting: deque[PendingPoll] = deque()
        self._send_at = 0.0  # loop time at which an incomplete batch is sent
        self._senders: set[_Sender] = set()
        self._collectors = 0  # the number of senders that are about to take a batch

    def add(self, polls: Iterable[PendingPoll]) -> None:
        """Add polls; each gets a result, unless its waiter is cancelled."""
        if not self._waiting:
            self._send_at = self._loop.time() + self._delay
        self._waiting.extend(polls)
        self._start_collectors()

    async def submit(self, item: _Item) -> _Result:
        """Return the result for *item*, or raise the error of the item or of its whole batch."""
        waiter: asyncio.Future[tuple[_Result | Exception, RequestTraces]] = self._loop.create_future()
        self.add((_SubmittedItem(item, waiter),))
        try:
            outcome, traces = await waiter
        except asyncio.CancelledError:
            self.cancel_abandoned()
            raise
        add_traces(traces)
        if isinstance(outcome, Exception):
            try:
                raise outcome
            finally:
                del waiter, outcome  # because a frame that refers to its own error is a reference cycle
        return outcome

    def cancel_abandoned(self) -> None:
        """Cancel requests for which nobody waits any more, so that they do not overlap with later ones."""
        for sender in self._senders:
            if sender.batch and all(poll.waiter.cancelled() for poll in sender.batch):
                sender.task.cancel()

    async def aclose(self) -> None:
        """Cancel all requests and the polls that wait for one; return when the tasks have ended."""
        for poll in self._waiting:
            poll.waiter.cancel()
        self._waiting.clear()
        tasks = [sender.task for sender in self._senders]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_collectors(self) -> None:
        needed = min(self._max_collectors, len(self._waiting))
        while self._collectors < needed and len(self._senders) < self._concurrency:
            self._collectors += 1
            sender = _Sender()
            # In an empty context, because what is logged concerns no single city
            context = contextvars.Context()
            sender.task = self._loop.create_task(self._send_batches(sender), name="batch", context=context)
            sender.task.add_done_callback(functools.partial(self._end_sender, sender))
            self._senders.add(sender)

    def _end_sender(self, sender: _Sender, _: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        self._collectors -= sender.is_collecting  # if it was cancelled
        if self._waiting:
            self._start_collectors()

    async def _send_batches(self, sender: _Sender) -> None:
        while True:
            waits: list[Awaitable[None]] = []
            if self._delay and len(self._waiting) < self._limit():
                await asyncio.sleep(self._send_at - self._loop.time())
            sender.batch, sender.is_collecting = self._take_batch(), False
            self._collectors -= 1
            if self._waiting:  # polls above the limit
                self._start_collectors()
            if sender.batch:
                waits = await self._send_batch(sender.batch)
                sender.batch = ()
            for wait in waits:
                await wait
            if self._collectors >= min(self._max_collectors, len(self._waiting)):
                return
            sender.is_collecting = True
            self._collectors += 1

    def _take_batch(self) -> list[PendingPoll]:
        batch: list[PendingPoll] = []
        limit = self._limit()
        while self._waiting and len(batch) < limit:
            poll = self._waiting.popleft()
            if not poll.waiter.done():
                batch.append(poll)
        self._send_at = self._loop.time() + self._delay
        return batch

    async def _send_batch(self, batch: Sequence[PendingPoll]) -> list[Awaitable[None]]:
        token = start_tracing()
        results: Sequence[tuple[PendingPoll, _Result | Exception]]
        try:
            results = list(zip(batch, await self._send([*map(_city_of, batch)]), strict=True))
        except asyncio.CancelledError:
            for poll in batch:
                poll.waiter.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is each poll's error
            results = [(poll, error) for poll in batch]
        traces = stop_tracing(token)[-1:]
        parts: defaultdict[PollReceiver, list[tuple[PendingPoll, _Result | Exception]]] = defaultdict(list)
        for result in results:
            parts[result[0].receiver].append(result)
        waits = []
        for receiver, part in parts.items():
            if wait := receiver.deliver(part, traces):
                waits.append(wait)
        return waits


class CoalescingProvider:
    """A provider whose polls go through a coalescer, to which those of many cities can be added at once.

    Only for the built-in ones: what they parse is valid, so fresh observations of many cities are not checked again.
    """

    def __init__(self, coalescer: Coalescer[City, Observation]) -> None:
        self.coalescer = coalescer

    def fetch(self, city: City) -> Coroutine[Any, Any, Observation]:
        """Return the provider's observation for *city*."""
        return self.coalescer.submit(city)

    async def aclose(self) -> None:
        """Cancel the requests in progress."""
        await self.coalescer.aclose()
