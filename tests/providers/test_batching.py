"""Questions that travel together, and those that spoil it."""

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
from weatherd.providers.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Batches = Batcher[int, str]
Outcome = str | BaseException
MOMENT = 0.05
SPOILT = (Failure.REJECTED, Failure.MALFORMED, Failure.BROKEN)


class Service:
    """Answers *n* with ``"n"``; counts its requests and how many there are at once."""

    def __init__(
        self,
        *,
        takes: float = 1.0,
        bad: Collection[int] = (),
        failure: Failure = Failure.REJECTED,
        raises: Exception | None = None,
    ) -> None:
        self.requests: list[list[int]] = []
        self.at_once = self.most_at_once = 0
        self._takes, self._bad, self._failure, self._raises = takes, bad, failure, raises

    async def send(self, questions: Sequence[int]) -> list[str | ProviderError]:
        """Take some time, then fail as told if one of *questions* is bad."""
        self.requests.append(list(questions))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._takes)
        finally:
            self.at_once -= 1
        if self._raises:
            raise self._raises
        if spoilers := set(questions) & set(self._bad):
            raise ProviderError(f"no {min(spoilers)}", self._failure, retry_after=9)
        return [str(question) for question in questions]

    def batcher(self, *, most: int = 100, concurrency: int = 2) -> Batches:
        """Return a batcher that asks this service."""
        return Batcher(self.send, most=lambda: most, linger=MOMENT, concurrency=concurrency)


async def ask(batcher: Batches, questions: Sequence[int]) -> list[Outcome]:
    """Ask everything at once; return what became of each."""
    return await asyncio.gather(*map(batcher.ask, questions), return_exceptions=True)


async def test_questions_within_a_moment_travel_together() -> None:
    """What is asked within the moment is one request, in order; what comes after it is the next."""
    service = Service()
    async with contextlib.aclosing(service.batcher()) as batcher:
        early = [asyncio.create_task(batcher.ask(n)) for n in (3, 1, 2)]
        await asyncio.sleep(MOMENT * 0.9)
        late = asyncio.create_task(batcher.ask(0))
        await asyncio.sleep(MOMENT)
        later = asyncio.create_task(batcher.ask(7))
        assert await asyncio.gather(*early, late, later) == ["3", "1", "2", "0", "7"]
        assert asyncio.get_running_loop().time() == pytest.approx(0.9 * MOMENT + 2 * MOMENT + 1)
    assert service.requests == [[3, 1, 2, 0], [7]]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 95])
@pytest.mark.parametrize("concurrency", [1, 2, 10])
async def test_a_request_has_a_size_and_there_are_never_too_many(count: int, concurrency: int) -> None:
    """Questions are spread over as few requests as their size allows, never more of them at once than told."""
    service = Service()
    async with contextlib.aclosing(service.batcher(most=10, concurrency=concurrency)) as batcher:
        assert await ask(batcher, range(count)) == [str(n) for n in range(count)]
    assert [question for request in service.requests for question in request] == list(range(count))
    assert len(service.requests) == math.ceil(count / 10)
    assert max(map(len, service.requests), default=0) <= 10
    assert service.most_at_once == min(concurrency, len(service.requests))


async def test_what_is_asked_while_all_are_busy_joins_the_next_request() -> None:
    """Trickling questions do not become a queue of single requests."""
    service = Service(takes=10)
    async with contextlib.aclosing(service.batcher(concurrency=1)) as batcher, asyncio.TaskGroup() as askers:
        for n in range(20):
            askers.create_task(batcher.ask(n))
            await asyncio.sleep(0.4)
    assert service.requests == [[0], list(range(1, 20))]


@pytest.mark.parametrize("failure", SPOILT)
@pytest.mark.parametrize("bad", [0, 1, 49, 50, 98, 99])
async def test_one_spoiler_is_found_and_fails_alone(bad: int, failure: Failure) -> None:
    """Of a hundred, one that is refused or garbles the answer fails alone, and costs 15 requests at the most."""
    service = Service(bad=[bad], failure=failure)
    async with contextlib.aclosing(service.batcher()) as batcher:
        outcomes = await ask(batcher, range(100))
    error = outcomes.pop(bad)
    assert isinstance(error, ProviderError)
    assert (str(error), error.failure, error.retry_after) == (f"no {bad}", failure, 9)
    assert outcomes == [str(n) for n in range(100) if n != bad]
    assert len(service.requests) <= 15
    assert service.most_at_once == 1


@given(st.sets(st.integers(0, 99)), st.integers(1, 100))
def test_the_search_for_spoilers_is_bounded(bad: set[int], count: int) -> None:
    """However many are bad, every question is settled, no bad one is answered, and 40 requests are the end of it."""

    async def scenario() -> None:
        service = Service(bad=bad)
        async with contextlib.aclosing(service.batcher()) as batcher:
            outcomes = await ask(batcher, range(count))
        assert len(service.requests) <= 40
        assert all(isinstance(outcomes[n], ProviderError) for n in bad if n < count)
        assert all(outcome == str(n) or isinstance(outcome, ProviderError) for n, outcome in enumerate(outcomes))
        if len(bad) <= 2:
            assert sum(isinstance(outcome, ProviderError) for outcome in outcomes) == sum(n < count for n in bad)

    virtual_time.run(scenario())


async def test_the_search_for_spoilers_uses_what_it_may() -> None:
    """When all are bad it stops one short of 40 requests, for every further step would take two."""
    service = Service(bad=range(100))
    async with contextlib.aclosing(service.batcher()) as batcher:
        await ask(batcher, range(100))
    assert len(service.requests) == 39


async def test_a_known_spoiler_travels_alone() -> None:
    """What spoilt a request once costs one request of its own from then on, until it is answered."""
    service = Service(bad={7})
    batcher = service.batcher()
    await ask(batcher, range(20))
    service.requests.clear()
    await ask(batcher, range(20))
    assert sorted(service.requests) == [[*range(7), *range(8, 20)], [7]]
    service._bad = ()
    await ask(batcher, range(20))
    service.requests.clear()
    await ask(batcher, range(20))
    assert service.requests == [list(range(20))]


async def test_many_spoilers_are_found_in_time() -> None:
    """When there are more bad ones than one search can find, the next ones do, and all the others are served."""
    bad = {3, 22, 41, 60, 79, 98}
    batcher = Service(bad=bad).batcher()
    for _ in range(3):
        await ask(batcher, range(100))
    outcomes = await ask(batcher, range(100))
    assert {number for number, outcome in enumerate(outcomes) if not isinstance(outcome, str)} == bad


async def test_a_service_that_fails_whatever_it_is_asked_is_left_alone() -> None:
    """A failure that may be one question's, or the whole service's, costs three requests to tell."""
    service = Service(bad=range(100), failure=Failure.BROKEN)
    async with contextlib.aclosing(service.batcher()) as batcher:
        outcomes = await ask(batcher, range(100))
    assert len(service.requests) == 3
    assert all(isinstance(outcome, ProviderError) for outcome in outcomes)


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure not in SPOILT])
async def test_an_outage_is_not_split(failure: Failure) -> None:
    """What concerns the whole service costs one request, and everybody gets the error."""
    service = Service(bad=[50], failure=failure)
    async with contextlib.aclosing(service.batcher()) as batcher:
        outcomes = await ask(batcher, range(100))
    assert len(service.requests) == 1
    assert {str(outcome) for outcome in outcomes} == {"no 50"}
    assert {outcome.failure for outcome in outcomes if isinstance(outcome, ProviderError)} == {failure}
    assert len({id(outcome) for outcome in outcomes}) == 100, "each asker has an error of its own"


async def test_an_error_for_one_of_them_is_its_own() -> None:
    """An answer may hold an error for one question: it is not sent again."""

    async def send(questions: Sequence[int]) -> list[str | ProviderError]:
        return [ProviderError("no", Failure.MALFORMED) if n == 1 else str(n) for n in questions]

    async with contextlib.aclosing(Batches(send, most=lambda: 9, linger=MOMENT, concurrency=1)) as batcher:
        first, second, third = await ask(batcher, range(3))
    assert (first, third) == ("0", "2")
    assert isinstance(second, ProviderError)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("main"), OSError("disk")])
async def test_an_unexpected_error_reaches_every_asker(error: Exception) -> None:
    """A bug is told to all who asked, as it is; the next batch travels as if nothing had been."""
    service = Service(raises=error)
    async with contextlib.aclosing(service.batcher()) as batcher:
        assert await ask(batcher, range(3)) == [error] * 3
        service._raises = None
        assert await ask(batcher, range(3)) == ["0", "1", "2"]


async def test_a_wrong_number_of_answers_is_a_bug() -> None:
    """A send that answers too little fails everybody; it does not leave one waiting."""

    async def send(questions: Sequence[int]) -> list[str | ProviderError]:
        return [str(n) for n in questions[1:]]

    async with contextlib.aclosing(Batches(send, most=lambda: 9, linger=MOMENT, concurrency=1)) as batcher:
        assert [type(outcome) for outcome in await ask(batcher, range(3))] == [ValueError] * 3


async def test_cancelled_askers_are_not_asked_for() -> None:
    """Who gives up before the request goes is not in it; who gives up later disturbs nobody."""
    service = Service()
    async with contextlib.aclosing(service.batcher()) as batcher:
        askers = [asyncio.create_task(batcher.ask(n)) for n in range(4)]
        await asyncio.sleep(MOMENT / 2)
        askers[1].cancel()
        await asyncio.sleep(MOMENT)
        askers[2].cancel()
        outcomes = await asyncio.gather(*askers, return_exceptions=True)
    assert service.requests == [[0, 2, 3]]
    assert [outcomes[0], outcomes[3]] == ["0", "3"]
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[1:3])


async def test_a_request_that_nobody_waits_for_any_more_is_given_up() -> None:
    """When the last asker has gone the request ends, so the next one for the same place does not overlap with it."""
    service = Service(takes=100.0)
    async with contextlib.aclosing(service.batcher()) as batcher:
        asking = [asyncio.create_task(batcher.ask(number)) for number in range(2)]
        await asyncio.sleep(1)
        asking[0].cancel()
        await asyncio.sleep(1)
        assert service.at_once == 1
        asking[1].cancel()
        await asyncio.sleep(1)
        assert service.at_once == 0


async def test_nobody_asks_any_more() -> None:
    """When all askers have given up there is no request."""
    service = Service()
    async with contextlib.aclosing(service.batcher()) as batcher:
        askers = [asyncio.create_task(batcher.ask(n)) for n in range(4)]
        await asyncio.sleep(MOMENT / 2)
        for asker in askers:
            asker.cancel()
        await asyncio.sleep(10)
        assert service.requests == []
        assert await batcher.ask(5) == "5"


@pytest.mark.parametrize("moment", [0, MOMENT / 2, MOMENT * 2, 500])
async def test_closing_ends_all_at_once(moment: float) -> None:
    """At whatever point, closing takes no time, cancels who still asks and leaves no task; then it works anew."""
    service = Service(takes=1000)
    batcher = service.batcher(most=2, concurrency=1)
    askers = [asyncio.create_task(batcher.ask(n)) for n in range(5)]
    await asyncio.sleep(moment)
    begun = asyncio.get_running_loop().time()
    await batcher.aclose()
    outcomes = await asyncio.gather(*askers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert asyncio.get_running_loop().time() == begun
    assert service.at_once == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await ask(batcher, range(5)) == ["0", "1", "2", "3", "4"]


async def test_its_user_may_fail() -> None:
    """What is raised while a batcher is at work comes out as it is, not in a group."""

    async def user() -> None:
        async with contextlib.aclosing(Service(takes=1000).batcher()) as batcher, asyncio.timeout(1):
            await batcher.ask(1)

    with pytest.raises(TimeoutError):
        await user()


STEPS = st.tuples(st.sampled_from(["ask", "ask", "ask", "cancel", "wait"]), st.integers(0, 9))


@given(st.lists(STEPS, max_size=60), st.integers(1, 4), st.integers(1, 3), st.sets(st.integers(0, 60)))
def test_every_ask_is_settled(steps: list[tuple[str, int]], most: int, concurrency: int, bad: set[int]) -> None:
    """After any sequence of asking and giving up, each has its own answer, its own error or its cancellation."""

    async def scenario() -> None:
        service = Service(bad=bad, takes=0.1)
        askers: list[asyncio.Task[str]] = []
        async with contextlib.aclosing(service.batcher(most=most, concurrency=concurrency)) as batcher:
            for step, number in steps:
                if step == "ask":
                    askers.append(asyncio.create_task(batcher.ask(len(askers))))
                elif step == "wait":
                    await asyncio.sleep(number * 0.02)
                elif askers:
                    askers[number % len(askers)].cancel()
            async with asyncio.timeout(1000):
                outcomes = await asyncio.gather(*askers, return_exceptions=True)
            assert not batcher._asked or all(future.cancelled() for _, future, _ in batcher._asked)
        for n, outcome in enumerate(outcomes):
            expected = ProviderError if n in bad else str
            assert isinstance(outcome, asyncio.CancelledError | expected), (n, outcome)
            assert not isinstance(outcome, str) or outcome == str(n)
        assert service.most_at_once <= concurrency
        assert max(map(len, service.requests), default=0) <= most

    virtual_time.run(scenario())


async def test_an_error_leaves_no_circle_of_references() -> None:
    """A daemon that fails for years leaves nothing for the garbage collector to find."""
    service = Service(bad=[0])
    async with contextlib.aclosing(service.batcher()) as batcher:
        gc.collect()
        gc.disable()
        try:
            before = errors_alive()
            for _ in range(20):
                with contextlib.suppress(ProviderError):
                    await batcher.ask(0)
            assert errors_alive() - before <= 1
        finally:
            gc.enable()


def errors_alive() -> int:
    """Count the errors that still take memory."""
    return sum(isinstance(thing, ProviderError) for thing in gc.get_objects())
