"""The timer: one timer for all the ticks."""

from __future__ import annotations

import asyncio

from tests.support import virtual_time
from weatherd.polling.tick_timer import TickTimer


async def _rung(timer: TickTimer, moments: list[float]) -> list[float]:
    """Return when each of those was rung who asked for these moments, all at the same time."""
    loop = asyncio.get_running_loop()

    async def wait(moment: float) -> float:
        await timer.wait_until(moment)
        return loop.time()

    return await asyncio.gather(*(wait(moment) for moment in moments))


def test_one_is_rung_at_its_moment() -> None:
    """Whoever is alone is rung on time, also when a later one had asked before."""

    async def scenario() -> None:
        begin = asyncio.get_running_loop().time()
        rung = await _rung(TickTimer(), [begin + 60, begin + 5, begin + 5.5, begin - 3])
        assert [round(at - begin, 6) for at in rung] == [60, 5, 5.5, 0]

    virtual_time.run(scenario())


def test_those_that_lie_close_are_rung_together() -> None:
    """Nobody is rung early, nobody later than 10 ms, and all that fall due in between together."""

    async def scenario() -> None:
        begin = asyncio.get_running_loop().time() + 1
        moments = [begin + number / 1000 for number in range(100)]
        rung = await _rung(TickTimer(), moments)
        assert all(-0.0011 < at - moment < 0.0101 for at, moment in zip(rung, moments, strict=True))
        assert len(set(rung)) <= 11

    virtual_time.run(scenario())


def test_who_has_gone_is_not_rung() -> None:
    """A task that is cancelled while it waits does not trouble the others."""

    async def scenario() -> None:
        loop, timer = asyncio.get_running_loop(), TickTimer()
        gone = asyncio.create_task(_rung(timer, [loop.time() + 1]))
        stays = asyncio.create_task(_rung(timer, [loop.time() + 2]))
        await asyncio.sleep(0)
        gone.cancel()
        before = loop.time()
        assert await stays == [before + 2]
        assert gone.cancelled()

    virtual_time.run(scenario())
