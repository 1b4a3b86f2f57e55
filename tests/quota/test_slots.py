"""The slots of a provider: never more are taken than there are, and none is lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support import virtual_time
from weatherd.quota.slots import Slots


async def test_a_released_slot_goes_to_the_first_who_waits() -> None:
    """A caller that asks just after the release, before the waiting one runs, comes after it."""
    slots = Slots(1)
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
    assert slots.free == 0


@pytest.mark.parametrize("seed", range(200))
def test_no_slot_is_lost(seed: int) -> None:
    """A caller that is cancelled at any moment, also just after it was given a slot, neither keeps nor adds one."""
    virtual_time.run(_cancel_some(random.Random(seed)))


async def _cancel_some(draw: random.Random) -> None:
    slots, taken, peak = Slots(2), 0, 0

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
    assert (slots.free, taken, peak) == (2, 0, 2)
