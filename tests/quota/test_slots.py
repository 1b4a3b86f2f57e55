"""The slots of a provider: never more are taken than there are, and none is lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support import virtual_time
from weatherd.quota.slots import Slots


async def test_a_released_slot_goes_to_the_first_who_waits() -> None:
    """A caller that asks just after the release, before the waiting one runs, comes after it."""
    slots = Slots(lambda: 1)
    await slots.acquire()
    first = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    slots.release()
    late = asyncio.create_task(slots.acquire())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (first.done(), late.done()) == (True, False)
    slots.release()
    await late
    assert slots.taken == 1


async def test_slots_that_become_free_with_the_limit_go_to_those_who_wait() -> None:
    """A lower limit holds callers back until enough slots were given back; a higher one lets all of them in, in order.

    A caller that comes after the limit has risen does not overtake those who wait.
    """
    limit = 2
    slots = Slots(lambda: limit)
    assert (slots.try_acquire(), slots.try_acquire()) == (True, True)
    limit = 1
    waiting = [asyncio.create_task(slots.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.sleep(0)
    assert (slots.taken, [task.done() for task in waiting]) == (1, [False, False, False])
    limit = 3
    assert not slots.try_acquire()
    slots.release()
    await asyncio.sleep(0)
    assert (slots.taken, [task.done() for task in waiting]) == (3, [True, True, True])


@pytest.mark.parametrize("seed", range(200))
def test_no_slot_is_lost(seed: int) -> None:
    """A caller that is cancelled at any moment, also just after it was given a slot, neither keeps nor adds one."""
    virtual_time.run(_cancel_some(random.Random(seed)))


async def _cancel_some(draw: random.Random) -> None:
    slots, taken, peak = Slots(lambda: 2), 0, 0

    async def use() -> None:
        nonlocal taken, peak
        await slots.acquire()
        taken += 1
        peak = max(peak, taken)
        try:
            await asyncio.sleep(draw.choice([0, 0, 1]))
        finally:
            taken -= 1
            slots.release()

    tasks = [asyncio.create_task(use()) for _ in range(10)]
    for _ in range(20):
        await asyncio.sleep(draw.choice([0, 0, 0.5]))
        draw.choice(tasks).cancel()
    await asyncio.wait(tasks)
    assert (slots.taken, taken, peak) == (0, 0, 2)
