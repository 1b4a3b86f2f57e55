"""The buffer between the consumer and a task that writes observations."""

from __future__ import annotations

import asyncio

from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH, make_fetched
from weatherd.pipeline.batch_buffer import BatchBuffer

FIRST, SECOND, THIRD = map(make_fetched, (KIEL, BERLIN, MUNICH))


def test_batches_have_the_size_of_the_taker() -> None:
    """Observations are taken in the order of arrival, whatever batches they arrived in; after the close, to the end."""

    async def scenario() -> None:
        buffer = BatchBuffer()
        buffer.add([FIRST])
        buffer.add([SECOND, THIRD])
        buffer.close()
        assert [await buffer.take(2) for _ in range(3)] == [[FIRST, SECOND], [THIRD], []]

    virtual_time.run(scenario())


def test_an_empty_buffer_waits() -> None:
    """A task waits without polling for an addition, and for the close."""

    async def scenario() -> None:
        buffer = BatchBuffer()
        taken: list[int] = []

        async def take_all() -> None:
            while batch := await buffer.take(10):
                taken.append(len(batch))

        async with asyncio.TaskGroup() as tasks:
            taker = tasks.create_task(take_all())
            await asyncio.sleep(1)
            assert (taken, len(buffer)) == ([], 0)
            buffer.add([FIRST])
            await asyncio.sleep(1)
            assert (taken, taker.done()) == ([1], False)
            buffer.close()

    virtual_time.run(scenario())
