"""The queue between producers and consumer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from tests.support.fakes import arrival
from weatherd.pipeline.queue import ObservationQueue

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation


async def _drain(channel: ObservationQueue) -> list[list[FetchedObservation]]:
    batches = []
    while batch := await channel.get_batch():
        batches.append(batch)
        channel.mark_done(len(batch))
    return batches


def _numbered(count: int) -> list[FetchedObservation]:
    return [arrival(temperature=float(number)) for number in range(count)]


async def test_what_waits_comes_in_one_batch_and_in_order() -> None:
    """A batch holds everything that waits, up to the limit, in the order of arrival."""
    channel, arrivals = ObservationQueue(100, batch_limit=10), _numbered(25)
    for item in arrivals:
        await channel.put(item)
    channel.close()
    assert await _drain(channel) == [arrivals[:10], arrivals[10:20], arrivals[20:]]


async def test_a_batch_does_not_wait_for_more() -> None:
    """One arrival is a batch: nothing is held back until it has company."""
    channel = ObservationQueue(100)
    async with asyncio.timeout(1):
        await channel.put(arrival())
        assert await channel.get_batch() == [arrival()]


async def test_a_closed_channel_stays_closed() -> None:
    """What was put before the close is given once; whoever asks after that is told each time that nothing follows."""
    channel = ObservationQueue(100)
    await channel.put(arrival())
    channel.close()
    async with asyncio.timeout(1):
        assert [len(await channel.get_batch()) for _ in range(3)] == [1, 0, 0]


async def test_a_full_channel_makes_the_producer_wait() -> None:
    """No more than the size goes in; the next one goes in when one has been done with."""
    channel = ObservationQueue(2, batch_limit=1)
    async with asyncio.TaskGroup() as tasks:
        puts = [tasks.create_task(channel.put(item)) for item in _numbered(3)]
        await asyncio.sleep(1)
        assert [put.done() for put in puts] == [True, True, False]
        await channel.get_batch()
        await asyncio.sleep(1)
        assert not puts[2].done()
        channel.mark_done(1)
        await asyncio.sleep(1)
        assert puts[2].done()


async def test_a_cancelled_put_loses_nothing() -> None:
    """What a cancelled producer had in its hand reaches the consumer all the same."""
    channel, arrivals = ObservationQueue(1), _numbered(3)
    async with asyncio.TaskGroup() as tasks:
        puts = [tasks.create_task(channel.put(item)) for item in arrivals]
        await asyncio.sleep(1)
        for put in puts:
            put.cancel()
    channel.close()
    got = [item for batch in await _drain(channel) for item in batch]
    assert sorted(item.observation.temperature for item in got) == [0, 1, 2]
    assert channel.depth == 0


async def test_depth_counts_what_is_in_hand_until_it_is_dealt_with() -> None:
    """Arrivals count as waiting while they wait for room, in the queue, and while a batch is written."""
    channel = ObservationQueue(1)
    async with asyncio.TaskGroup() as tasks:
        for item in _numbered(2):
            tasks.create_task(channel.put(item))
        await asyncio.sleep(1)
        assert channel.depth == 2
        await channel.get_batch()
        assert channel.depth == 2
        channel.mark_done(1)
        assert channel.depth == 1


@given(
    size=st.integers(1, 5),
    batch_limit=st.integers(1, 4),
    cancelled=st.lists(st.booleans(), max_size=30),
    pause=st.floats(0, 2),
)
def test_whatever_is_put_is_taken_exactly_once(
    size: int, batch_limit: int, cancelled: list[bool], pause: float
) -> None:
    """With any size, batch limit, consumer's pace and cancellations, nothing is lost and nothing comes twice."""

    async def scenario() -> list[float]:
        channel, arrivals = ObservationQueue(size, batch_limit), _numbered(len(cancelled))
        got: list[float] = []

        async def consume() -> None:
            while batch := await channel.get_batch():
                await asyncio.sleep(pause)
                channel.mark_done(len(batch))
                got.extend(item.observation.temperature for item in batch)

        async with asyncio.TaskGroup() as consumers:
            consumers.create_task(consume())
            async with asyncio.TaskGroup() as producers:
                for item, cancel in zip(arrivals, cancelled, strict=True):
                    task = producers.create_task(channel.put(item))
                    await asyncio.sleep(0.3)
                    if cancel:
                        task.cancel()
            channel.close()
        assert channel.depth == 0
        return got

    assert sorted(virtual_time.run(scenario())) == list(range(len(cancelled)))


async def test_a_channel_is_crowded_when_more_room_is_taken_than_left() -> None:
    """Whoever could wait for company looks at that first; arrivals that wait for room count, too."""
    channel = ObservationQueue(4)
    for number, item in enumerate(_numbered(4), 1):
        await channel.put(item)
        assert channel.is_crowded == (number > 2)
    waiting = asyncio.create_task(channel.put(arrival()))
    await asyncio.sleep(1)
    channel.mark_done(2)
    await waiting
    assert channel.is_crowded
    channel.mark_done(3)
    assert not channel.is_crowded


async def test_room_that_was_given_to_a_cancelled_put_is_not_lost() -> None:
    """Who is cancelled just when there is room for its arrival takes that room, and gives it back like any other."""
    channel = ObservationQueue(1)
    await channel.put(arrival())
    waiting = asyncio.create_task(channel.put(arrival()))
    await asyncio.sleep(0)
    channel.mark_done(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    channel.mark_done(1)
    async with asyncio.timeout(1):
        await channel.put(arrival())
    assert channel.depth == 1
