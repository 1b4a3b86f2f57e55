"""The bounded queue between producers and consumer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from tests.support.fakes import make_fetched
from weatherd.pipeline.queue import ObservationQueue

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation


async def _drain(queue: ObservationQueue) -> list[list[FetchedObservation]]:
    batches = []
    while batch := await queue.get_batch():
        batches.append(batch)
        queue.mark_done(len(batch))
    return batches


def _numbered(count: int) -> list[FetchedObservation]:
    return [make_fetched(temperature=float(number)) for number in range(count)]


async def test_queued_observations_come_in_batches_and_in_order() -> None:
    """A batch holds all queued observations, up to the limit, in order."""
    queue, fetched = ObservationQueue(100, batch_limit=10), _numbered(25)
    for item in fetched:
        await queue.put(item)
    queue.close()
    assert await _drain(queue) == [fetched[:10], fetched[10:20], fetched[20:]]


async def test_a_batch_does_not_wait_for_more() -> None:
    """A single observation is a batch: it does not wait for others."""
    queue = ObservationQueue(100)
    async with asyncio.timeout(1):
        await queue.put(make_fetched())
        assert await queue.get_batch() == [make_fetched()]


async def test_a_closed_queue_stays_closed() -> None:
    """Observations put before the close are returned once; every later call returns an empty batch."""
    queue = ObservationQueue(100)
    await queue.put(make_fetched())
    queue.close()
    async with asyncio.timeout(1):
        assert [len(await queue.get_batch()) for _ in range(3)] == [1, 0, 0]


async def test_a_full_queue_makes_the_producer_wait() -> None:
    """At most *size* observations fit; the next one fits when one is marked done."""
    queue = ObservationQueue(2, batch_limit=1)
    async with asyncio.TaskGroup() as tasks:
        puts = [tasks.create_task(queue.put(item)) for item in _numbered(3)]
        await asyncio.sleep(1)
        assert [put.done() for put in puts] == [True, True, False]
        await queue.get_batch()
        await asyncio.sleep(1)
        assert not puts[2].done()
        queue.mark_done(1)
        await asyncio.sleep(1)
        assert puts[2].done()


async def test_a_cancelled_put_loses_nothing() -> None:
    """The observation of a cancelled producer reaches the consumer."""
    queue, fetched = ObservationQueue(1), _numbered(3)
    async with asyncio.TaskGroup() as tasks:
        puts = [tasks.create_task(queue.put(item)) for item in fetched]
        await asyncio.sleep(1)
        for put in puts:
            put.cancel()
    queue.close()
    got = [item for batch in await _drain(queue) for item in batch]
    assert sorted(item.observation.temperature for item in got) == [0, 1, 2]
    assert queue.depth == 0


async def test_an_observation_is_put_without_waiting_while_there_is_room() -> None:
    """It fits or it does not; what does not fit is neither queued nor counted."""
    queue, fetched = ObservationQueue(2), _numbered(3)
    assert [queue.try_put(item) for item in fetched] == [True, True, False]
    assert (queue.counts.fetched, queue.depth) == (2, 2)
    assert await queue.get_batch() == fetched[:2]
    queue.mark_done(2)
    assert queue.try_put(fetched[2])


async def test_nobody_overtakes_a_producer_that_waits_for_room() -> None:
    """Room goes to the producers that wait for it, before any other can take it."""
    queue = ObservationQueue(1)
    queue.try_put(make_fetched())
    waiting = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(0)
    queue.mark_done(1)
    assert not queue.try_put(make_fetched())
    await waiting


async def test_a_response_exceeds_the_limit() -> None:
    """Its observations are queued although there is no room, and free none; while there is room, they take places."""
    queue, fetched = ObservationQueue(1), _numbered(3)
    wait = queue.put_response(fetched)
    assert (queue.counts.fetched, queue.depth) == (3, 3)
    assert await queue.get_batch() == fetched
    queue.mark_done(2)
    assert not queue.try_put(make_fetched())
    queue.mark_done(1)
    assert wait
    await wait
    assert queue.try_put(make_fetched())


async def test_depth_counts_observations_until_they_are_marked_done() -> None:
    """An observation counts while its producer waits for room, while it is queued, and until it is marked done."""
    queue = ObservationQueue(1)
    async with asyncio.TaskGroup() as tasks:
        for item in _numbered(2):
            tasks.create_task(queue.put(item))
        await asyncio.sleep(1)
        assert queue.depth == 2
        await queue.get_batch()
        assert queue.depth == 2
        queue.mark_done(1)
        assert queue.depth == 1


@given(
    size=st.integers(1, 5),
    batch_limit=st.integers(1, 4),
    ways=st.lists(st.sampled_from(["wait", "cancelled while it waits", "try", "above the limit"]), max_size=30),
    pause=st.floats(0, 2),
)
def test_every_observation_is_delivered_exactly_once(
    size: int, batch_limit: int, ways: list[str], pause: float
) -> None:
    """For any size, batch limit, pace and way to put, nothing is lost or doubled, and the counts add up."""

    async def scenario() -> list[float]:
        queue, fetched = ObservationQueue(size, batch_limit), _numbered(len(ways))
        got: list[float] = []
        done = 0

        async def consume() -> None:
            nonlocal done
            while batch := await queue.get_batch():
                await asyncio.sleep(pause)
                queue.mark_done(len(batch))
                done += len(batch)
                got.extend(item.observation.temperature for item in batch)

        async def put(item: FetchedObservation, way: str) -> None:
            if way == "above the limit":
                await (queue.put_response([item]) or asyncio.sleep(0))
            elif way != "try" or not queue.try_put(item):
                await queue.put(item)

        def assert_counts_add_up(fetched: int) -> None:
            waiting = sum(places for _, waiter, places in queue._waiting if not waiter.done())
            assert queue.depth == size - queue._room + queue._above + waiting
            assert fetched == queue.counts.fetched == queue.depth + done

        async with asyncio.TaskGroup() as consumers:
            consumers.create_task(consume())
            async with asyncio.TaskGroup() as producers:
                for number, (item, way) in enumerate(zip(fetched, ways, strict=True), 1):
                    task = producers.create_task(put(item, way))
                    await asyncio.sleep(0.3)
                    assert_counts_add_up(number)
                    if way == "cancelled while it waits":
                        task.cancel()
                        await asyncio.sleep(0)
                        assert_counts_add_up(number)
            queue.close()
        assert queue.depth == 0
        return got

    assert sorted(virtual_time.run(scenario())) == list(range(len(ways)))


async def test_the_next_request_waits_without_taking_room() -> None:
    """It waits in line until there is room, and leaves that to the next one."""
    queue = ObservationQueue(1)
    waits = [queue.put_response([item]) for item in _numbered(3)]
    waiting = [asyncio.ensure_future(wait) for wait in waits if wait]
    put = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(10)
    assert queue.longest_wait() == 10
    queue.mark_done(2)
    await asyncio.sleep(1)
    assert not any(task.done() for task in (*waiting, put))
    waiting[0].cancel()
    queue.mark_done(1)
    await asyncio.wait([*waiting, put])
    assert [task.cancelled() for task in waiting] == [True, False, False]
    assert queue.depth == 1
    assert not queue.try_put(make_fetched())
    queue.mark_done(1)
    assert queue.try_put(make_fetched())


async def test_a_queue_is_over_half_full_when_more_places_are_taken_than_free() -> None:
    """The queue is crowded when more places are taken than free; waiting producers count, too."""
    queue = ObservationQueue(4)
    for number, item in enumerate(_numbered(4), 1):
        await queue.put(item)
        assert queue.is_over_half_full == (number > 2)
    waiting = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(1)
    queue.mark_done(2)
    await waiting
    assert queue.is_over_half_full
    queue.mark_done(3)
    assert not queue.is_over_half_full


async def test_an_observation_above_the_limit_frees_no_room() -> None:
    """After a cancelled producer exceeded the limit, only as many producers get room as there is below the limit."""
    queue = ObservationQueue(2)
    for item in _numbered(2):
        await queue.put(item)
    cancelled = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    queue.mark_done(2)
    puts = [asyncio.create_task(queue.put(item)) for item in _numbered(2)]
    await asyncio.sleep(1)
    assert [put.done() for put in puts] == [True, False]
    queue.mark_done(1)
    await puts[1]


async def test_room_that_was_given_to_a_cancelled_put_is_not_lost() -> None:
    """A producer that is cancelled just after it was given room uses that room, which is freed like any other."""
    queue = ObservationQueue(1)
    await queue.put(make_fetched())
    waiting = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(0)
    queue.mark_done(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    queue.mark_done(1)
    async with asyncio.timeout(1):
        await queue.put(make_fetched())
    assert queue.depth == 1


async def test_the_longest_wait_for_room_is_known() -> None:
    """It is that of the first producer that still waits; a cancelled one does not count."""
    queue = ObservationQueue(1)
    await queue.put(make_fetched())
    assert queue.longest_wait() == 0
    first = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(10)
    second = asyncio.create_task(queue.put(make_fetched()))
    await asyncio.sleep(5)
    assert queue.longest_wait() == 15
    first.cancel()
    await asyncio.wait([first])
    assert queue.longest_wait() == 5
    queue.mark_done(2)
    await second
    assert queue.longest_wait() == 0
