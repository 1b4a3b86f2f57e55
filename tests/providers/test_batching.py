"""Items that are sent together, and the ones that make a batch fail."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from weatherd.errors import Failure, ProviderError
from weatherd.providers.batching import Coalescer
from weatherd.providers.bisection import IsolatingSender

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Batches = Coalescer[int, str]
Outcome = str | BaseException
DELAY = 0.05
ITEM_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.BROKEN)


class Service:
    """Responds to *n* with ``"n"``; records its requests and how many run at once."""

    def __init__(
        self,
        *,
        seconds: float = 1.0,
        bad: Collection[int] = (),
        failure: Failure = Failure.REJECTED,
        raises: Exception | None = None,
    ) -> None:
        self.requests: list[list[int]] = []
        self.running = self.max_running = 0
        self._seconds, self._bad, self._failure, self._raises = seconds, bad, failure, raises

    async def send(self, items: Sequence[int]) -> list[str | ProviderError]:
        """Take some time, then fail with the failure given if one of *items* is bad."""
        self.requests.append(list(items))
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        if self._raises:
            raise self._raises
        if culprits := set(items) & set(self._bad):
            raise ProviderError(f"no {min(culprits)}", self._failure, retry_after=9)
        return [str(item) for item in items]

    def coalescer(self, *, limit: int = 100, concurrency: int = 2) -> Batches:
        """Return a coalescer that sends to this service as Open-Meteo's provider does."""
        return Coalescer(IsolatingSender(self.send).send, limit=lambda: limit, delay=DELAY, concurrency=concurrency)


async def submit(coalescer: Batches, items: Sequence[int]) -> list[Outcome]:
    """Submit everything at once; return the outcome of each item."""
    return await asyncio.gather(*map(coalescer.submit, items), return_exceptions=True)


async def test_items_within_the_delay_share_a_request() -> None:
    """Items submitted within the delay are one request, in order; later ones are the next."""
    service = Service()
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        early = [asyncio.create_task(coalescer.submit(n)) for n in (3, 1, 2)]
        await asyncio.sleep(DELAY * 0.9)
        late = asyncio.create_task(coalescer.submit(0))
        await asyncio.sleep(DELAY)
        later = asyncio.create_task(coalescer.submit(7))
        assert await asyncio.gather(*early, late, later) == ["3", "1", "2", "0", "7"]
        assert asyncio.get_running_loop().time() == pytest.approx(0.9 * DELAY + 2 * DELAY + 1)
    assert service.requests == [[3, 1, 2, 0], [7]]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 95])
@pytest.mark.parametrize("concurrency", [1, 2, 10])
async def test_size_and_number_of_requests_are_limited(count: int, concurrency: int) -> None:
    """Items are spread over as few requests as the limit allows; no more than *concurrency* run at once."""
    service = Service()
    async with contextlib.aclosing(service.coalescer(limit=10, concurrency=concurrency)) as coalescer:
        assert await submit(coalescer, range(count)) == [str(n) for n in range(count)]
    assert [item for request in service.requests for item in request] == list(range(count))
    assert len(service.requests) == math.ceil(count / 10)
    assert max(map(len, service.requests), default=0) <= 10
    assert service.max_running == min(concurrency, len(service.requests))


async def test_items_above_the_limit_gather_for_another_delay() -> None:
    """At full load, what a request has no room for does not become a queue of small requests."""
    service = Service()
    async with contextlib.aclosing(service.coalescer(limit=10)) as coalescer, asyncio.TaskGroup() as submitters:
        for numbers in (range(5), range(5, 13), range(13, 15)):  # the first request is sent between the last two
            for number in numbers:
                submitters.create_task(coalescer.submit(number))
            await asyncio.sleep(0.6 * DELAY)
    assert service.requests == [[*range(10)], [*range(10, 15)]]


async def test_items_submitted_during_a_request_share_the_next() -> None:
    """Items that trickle in do not become a queue of single requests."""
    service = Service(seconds=10)
    async with contextlib.aclosing(service.coalescer(concurrency=1)) as coalescer, asyncio.TaskGroup() as submitters:
        for n in range(20):
            submitters.create_task(coalescer.submit(n))
            await asyncio.sleep(0.4)
    assert service.requests == [[0], list(range(1, 20))]


@pytest.mark.parametrize("failure", ITEM_FAILURES)
@pytest.mark.parametrize("bad", [0, 1, 49, 50, 98, 99])
async def test_one_culprit_is_found_and_fails_alone(bad: int, failure: Failure) -> None:
    """Of 100 items, one that is rejected or garbles the response fails alone, at a cost of 15 requests at most."""
    service = Service(bad=[bad], failure=failure)
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        outcomes = await submit(coalescer, range(100))
    error = outcomes.pop(bad)
    assert isinstance(error, ProviderError)
    assert (str(error), error.failure, error.retry_after) == (f"no {bad}", failure, 9)
    assert outcomes == [str(n) for n in range(100) if n != bad]
    assert len(service.requests) <= 15
    assert service.max_running == 1


@given(st.sets(st.integers(0, 99)), st.integers(1, 100))
def test_the_search_for_culprits_is_bounded(bad: set[int], count: int) -> None:
    """However many are bad, each item is settled, bad ones fail, and there are 40 requests at most."""

    async def scenario() -> None:
        service = Service(bad=bad)
        async with contextlib.aclosing(service.coalescer()) as coalescer:
            outcomes = await submit(coalescer, range(count))
        assert len(service.requests) <= 40
        assert all(isinstance(outcomes[n], ProviderError) for n in bad if n < count)
        assert all(outcome == str(n) or isinstance(outcome, ProviderError) for n, outcome in enumerate(outcomes))
        if len(bad) <= 2:
            assert sum(isinstance(outcome, ProviderError) for outcome in outcomes) == sum(n < count for n in bad)

    virtual_time.run(scenario())


async def test_the_search_for_culprits_uses_its_requests() -> None:
    """When all are bad it stops at 39 of 40 requests, because the next step would take two."""
    service = Service(bad=range(100))
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        await submit(coalescer, range(100))
    assert len(service.requests) == 39


async def test_a_known_culprit_is_sent_alone() -> None:
    """An item that made a request fail costs one request of its own from then on, until it succeeds."""
    service = Service(bad={7})
    coalescer = service.coalescer()
    await submit(coalescer, range(20))
    service.requests.clear()
    await submit(coalescer, range(20))
    assert sorted(service.requests) == [[*range(7), *range(8, 20)], [7]]
    service._bad = ()
    await submit(coalescer, range(20))
    service.requests.clear()
    await submit(coalescer, range(20))
    assert service.requests == [list(range(20))]


async def test_many_culprits_are_found_over_several_polls() -> None:
    """Culprits beyond those that one search can find are found by the next ones, and all other items succeed."""
    bad = {3, 22, 41, 60, 79, 98}
    coalescer = Service(bad=bad).coalescer()
    for _ in range(3):
        await submit(coalescer, range(100))
    outcomes = await submit(coalescer, range(100))
    assert {number for number, outcome in enumerate(outcomes) if not isinstance(outcome, str)} == bad


async def test_a_service_that_always_fails_gets_three_requests() -> None:
    """Three requests decide whether an item or the whole service is the cause of a failure."""
    service = Service(bad=range(100), failure=Failure.BROKEN)
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        outcomes = await submit(coalescer, range(100))
    assert len(service.requests) == 3
    assert all(isinstance(outcome, ProviderError) for outcome in outcomes)


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure not in ITEM_FAILURES])
async def test_an_outage_is_not_bisected(failure: Failure) -> None:
    """A failure of the whole service costs one request, and each item gets the error."""
    service = Service(bad=[50], failure=failure)
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        outcomes = await submit(coalescer, range(100))
    assert len(service.requests) == 1
    assert {str(outcome) for outcome in outcomes} == {"no 50"}
    assert {outcome.failure for outcome in outcomes if isinstance(outcome, ProviderError)} == {failure}
    assert len({id(outcome) for outcome in outcomes}) == 100, "each item has an error object of its own"


async def test_an_error_within_a_response_concerns_one_item() -> None:
    """A response may hold an error for one item: nothing is sent again."""

    async def send(items: Sequence[int]) -> list[str | ProviderError]:
        return [ProviderError("no", Failure.MALFORMED) if n == 1 else str(n) for n in items]

    async with contextlib.aclosing(Batches(send, limit=lambda: 9, delay=DELAY, concurrency=1)) as coalescer:
        first, second, third = await submit(coalescer, range(3))
    assert (first, third) == ("0", "2")
    assert isinstance(second, ProviderError)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("main"), OSError("disk")])
async def test_an_unexpected_error_is_raised_for_each_item(error: Exception) -> None:
    """A bug is raised unchanged for each item of its batch; the next batch is sent as usual."""
    service = Service(raises=error)
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        assert await submit(coalescer, range(3)) == [error] * 3
        service._raises = None
        assert await submit(coalescer, range(3)) == ["0", "1", "2"]


async def test_a_wrong_number_of_results_is_a_bug() -> None:
    """When *send* returns too few results each item fails; none waits for ever."""

    async def send(items: Sequence[int]) -> list[str | ProviderError]:
        return [str(n) for n in items[1:]]

    async with contextlib.aclosing(Batches(send, limit=lambda: 9, delay=DELAY, concurrency=1)) as coalescer:
        assert [type(outcome) for outcome in await submit(coalescer, range(3))] == [ValueError] * 3


async def test_cancelled_items_are_not_sent() -> None:
    """An item that is cancelled before the request is not part of it; one cancelled later does not affect others."""
    service = Service()
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        tasks = [asyncio.create_task(coalescer.submit(n)) for n in range(4)]
        await asyncio.sleep(DELAY / 2)
        tasks[1].cancel()
        await asyncio.sleep(DELAY)
        tasks[2].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert service.requests == [[0, 2, 3]]
    assert [outcomes[0], outcomes[3]] == ["0", "3"]
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[1:3])


async def test_cancelled_items_take_no_places() -> None:
    """A request has as many items as the limit allows, although some that came before them are cancelled."""
    service = Service(seconds=1.0)
    async with contextlib.aclosing(service.coalescer(limit=2, concurrency=1)) as coalescer:
        tasks = [asyncio.create_task(coalescer.submit(n)) for n in range(6)]
        await asyncio.sleep(DELAY)  # the first two are in flight
        tasks[2].cancel()
        tasks[4].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert service.requests == [[0, 1], [3, 5]]


async def test_a_request_without_waiting_items_is_cancelled() -> None:
    """When all its items are cancelled a request ends, so that it does not overlap with the next one for them."""
    service = Service(seconds=100.0)
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        tasks = [asyncio.create_task(coalescer.submit(number)) for number in range(2)]
        await asyncio.sleep(1)
        tasks[0].cancel()
        await asyncio.sleep(1)
        assert service.running == 1
        tasks[1].cancel()
        await asyncio.sleep(1)
        assert service.running == 0


async def test_items_that_wait_are_sent_after_a_request_is_cancelled() -> None:
    """They take its place at once, although nothing else is submitted."""
    service = Service(seconds=100.0)
    async with contextlib.aclosing(service.coalescer(limit=1, concurrency=1)) as coalescer:
        tasks = [asyncio.create_task(coalescer.submit(number)) for number in range(2)]
        await asyncio.sleep(1)
        tasks[0].cancel()
        await asyncio.sleep(1)
        assert service.requests == [[0], [1]]


async def test_an_empty_batch_is_not_sent() -> None:
    """When all items are cancelled before the request there is none."""
    service = Service()
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        tasks = [asyncio.create_task(coalescer.submit(n)) for n in range(4)]
        await asyncio.sleep(DELAY / 2)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(10)
        assert service.requests == []
        assert await coalescer.submit(5) == "5"


@pytest.mark.parametrize("moment", [0, DELAY / 2, DELAY * 2, 500])
async def test_closing_cancels_at_once(moment: float) -> None:
    """At any moment, closing takes no time, cancels what waits and leaves no task; afterwards it can be used again."""
    service = Service(seconds=1000)
    coalescer = service.coalescer(limit=2, concurrency=1)
    tasks = [asyncio.create_task(coalescer.submit(n)) for n in range(5)]
    await asyncio.sleep(moment)
    begun = asyncio.get_running_loop().time()
    await coalescer.aclose()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert asyncio.get_running_loop().time() == begun
    assert service.running == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await submit(coalescer, range(5)) == ["0", "1", "2", "3", "4"]


async def test_an_error_of_the_user_is_not_wrapped() -> None:
    """An exception raised while a coalescer is open is not wrapped in an exception group."""

    async def user() -> None:
        async with contextlib.aclosing(Service(seconds=1000).coalescer()) as coalescer, asyncio.timeout(1):
            await coalescer.submit(1)

    with pytest.raises(TimeoutError):
        await user()


STEPS = st.tuples(st.sampled_from(["submit", "submit", "submit", "cancel", "wait"]), st.integers(0, 9))


@given(st.lists(STEPS, max_size=60), st.integers(1, 4), st.integers(1, 3), st.sets(st.integers(0, 60)))
def test_every_item_is_settled(steps: list[tuple[str, int]], limit: int, concurrency: int, bad: set[int]) -> None:
    """After any sequence of submitting and cancelling, each item has its own result, error or cancellation."""

    async def scenario() -> None:
        service = Service(bad=bad, seconds=0.1)
        tasks: list[asyncio.Task[str]] = []
        async with contextlib.aclosing(service.coalescer(limit=limit, concurrency=concurrency)) as coalescer:
            for step, number in steps:
                if step == "submit":
                    tasks.append(asyncio.create_task(coalescer.submit(len(tasks))))
                elif step == "wait":
                    await asyncio.sleep(number * 0.02)
                elif tasks:
                    tasks[number % len(tasks)].cancel()
            async with asyncio.timeout(1000):
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(poll.waiter.cancelled() for poll in coalescer._waiting)
        for n, outcome in enumerate(outcomes):
            expected = ProviderError if n in bad else str
            assert isinstance(outcome, asyncio.CancelledError | expected), (n, outcome)
            assert not isinstance(outcome, str) or outcome == str(n)
        assert service.max_running <= concurrency
        assert max(map(len, service.requests), default=0) <= limit

    virtual_time.run(scenario())


async def test_an_error_leaves_no_reference_cycle() -> None:
    """Errors are freed without the garbage collector, which the daemon seldom runs."""
    service = Service(bad=[0])
    async with contextlib.aclosing(service.coalescer()) as coalescer:
        gc.collect()
        gc.disable()
        try:
            before = errors_alive()
            for _ in range(20):
                with contextlib.suppress(ProviderError):
                    await coalescer.submit(0)
            assert errors_alive() - before <= 1
        finally:
            gc.enable()


def errors_alive() -> int:
    """Return how many errors are in memory."""
    return sum(isinstance(found, ProviderError) for found in gc.get_objects())
