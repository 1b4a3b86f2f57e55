"""Questions asked within a short moment travel together; one that spoils the request is found and left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from weatherd.errors import Failure, ProviderError
from weatherd.http.trace import RequestTraces, add_traces, start_tracing, stop_tracing

_Item = TypeVar("_Item", bound=Hashable)
_Result = TypeVar("_Result")
Send = Callable[[Sequence[_Item]], Awaitable[Sequence[_Result | ProviderError]]]

_SPOILING = (Failure.REJECTED, Failure.MALFORMED, Failure.BROKEN)  # what one question may do to the others
_MOST_REQUESTS = 40  # that the search for the spoilers of one batch may cost


class Batcher(Generic[_Item, _Result]):
    """Collects questions for a moment and sends them together, so many as ``most()`` allows at that moment.

    ``send`` answers as many questions as it is given, in their order, and may have an error for one of them. It is
    called *concurrency* times at once, at the most; what is asked while it is busy joins the next batch. A batcher
    keeps its own tasks, which never fail: a TaskGroup would wrap whatever its user raises.
    """

    def __init__(self, send: Send[_Item, _Result], *, most: Callable[[], int], linger: float, concurrency: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._most = most
        self._linger = linger
        self._gate = asyncio.Semaphore(concurrency)
        self._asked: list[tuple[_Item, asyncio.Future[_Result], list[RequestTraces]]] = []
        self._under_way: dict[asyncio.Task[None], Sequence[asyncio.Future[_Result]]] = {}  # and who waits for each
        self._waiting = False  # a task is about to take the next batch
        self._spoilers: set[_Item] = set()  # they travel alone until they are answered

    async def ask(self, question: _Item) -> _Result:
        """Return the answer, or raise what became of the question."""
        exchanges: list[RequestTraces] = []
        try:
            # _Result name for the future would tie it to its own error in a circle
            return await self._enqueue(question, exchanges)
        except asyncio.CancelledError:
            self._give_up_unwanted()
            raise
        finally:
            for each in exchanges:
                add_traces(each)

    def cancel(self) -> None:
        """Give up all that is under way; whoever still asks is cancelled."""
        for task in self._under_way:
            task.cancel()
        for _, future, _ in self._asked:
            future.cancel()
        self._asked.clear()
        self._waiting = False

    async def aclose(self) -> None:
        """Give up all that is under way, and return when it has ended."""
        self.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _enqueue(self, question: _Item, exchanges: list[RequestTraces]) -> asyncio.Future[_Result]:
        future: asyncio.Future[_Result] = self._loop.create_future()
        self._asked.append((question, future, exchanges))
        self._dispatch_if_needed()
        return future

    def _dispatch_if_needed(self) -> None:
        """Have one task at least that will take the next batch."""
        if self._asked and not self._waiting:
            self._waiting = True
            task = asyncio.create_task(self._dispatch(), name="batch")
            self._under_way[task] = ()
            task.add_done_callback(self._under_way.pop)

    def _give_up_unwanted(self) -> None:
        """Give up a request when everybody who asked has gone, so that it does not overlap with the next."""
        for task, futures in self._under_way.items():
            if futures and all(future.cancelled() for future in futures):
                task.cancel()

    async def _dispatch(self) -> None:
        await asyncio.sleep(self._linger if len(self._asked) < self._most() else 0)
        async with self._gate:
            self._waiting = False
            most = self._most()
            batch = [each for each in self._asked[:most] if not each[1].done()]
            del self._asked[:most]
            self._dispatch_if_needed()
            futures = [future for _, future, _ in batch]
            if task := asyncio.current_task():
                self._under_way[task] = futures
            trail = start_tracing()
            try:
                answers = await self._send_or_split([question for question, _, _ in batch])
            except asyncio.CancelledError:
                for future in futures:
                    future.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - whoever asked deals with it
                answers = [error] * len(batch)
        last = stop_tracing(trail)[-1:]
        for (_, future, exchanges), answer in zip(batch, answers, strict=True):
            exchanges.append(last)
            _settle(future, answer)

    async def _send_or_split(self, questions: Sequence[_Item]) -> list[_Result | Exception]:
        """Send all but the known spoilers together; where that fails as a whole, search for new ones."""
        search = _Search(self._send, questions)
        spoilers = self._spoilers
        alone = [index for index, question in enumerate(questions) if question in spoilers] if spoilers else []
        together = [index for index in range(len(questions)) if index not in alone]
        for part in (together, *([index] for index in alone)):
            if part:
                await search.ask(part)
        for index in {*alone, *search.alone}:
            self._remember(questions[index], search.answers[index])
        return [search.answers[index] for index in range(len(questions))]

    def _remember(self, question: _Item, answer: _Result | Exception) -> None:
        spoils = isinstance(answer, ProviderError) and answer.failure in _SPOILING
        (self._spoilers.add if spoils else self._spoilers.discard)(question)


class _Search(Generic[_Item, _Result]):
    """Asks parts of a batch, each half as long as the one before, until those that spoil it are alone."""

    def __init__(self, send: Send[_Item, _Result], questions: Sequence[_Item]) -> None:
        self.answers: dict[int, _Result | Exception] = {}
        self.alone: set[int] = set()  # those that were asked by themselves
        self._send = send
        self._questions = questions
        self._requests = 0

    async def ask(self, part: list[int]) -> None:
        """Find an answer or an error for each question of *part*."""
        if error := await self._try(part):
            await self._split(part, error)

    async def _split(self, part: list[int], error: ProviderError) -> None:
        """Go on with the halves of a part that failed as a whole."""
        halves = (part[: len(part) // 2], part[len(part) // 2 :])
        can_split = error.failure in _SPOILING and len(part) > 1 and self._requests + 2 <= _MOST_REQUESTS
        errors = [await self._try(half) for half in halves] if can_split else []
        if not can_split or (error.failure is Failure.BROKEN and None not in errors):  # it fails whatever it is asked
            told = next(
                (each for each in errors if each and each.retry_spacing is not None), error
            )  # the gate's, if it shut
            self.answers.update((index, told.copy_for(place)) for place, index in enumerate(part))
            return
        for half, failed in zip(halves, errors, strict=True):
            if failed:
                await self._split(half, failed)

    async def _try(self, part: list[int]) -> ProviderError | None:
        self._requests += 1
        if len(part) == 1:
            self.alone.update(part)
        try:
            answers = await self._send([self._questions[index] for index in part])
        except ProviderError as error:
            return error.copy_for()  # without the traceback, which would tie the frames above into a circle
        self.answers.update(zip(part, answers, strict=True))
        return None


def _settle(future: asyncio.Future[_Result], answer: _Result | Exception) -> None:
    if future.done():  # its city was removed in the meantime
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
