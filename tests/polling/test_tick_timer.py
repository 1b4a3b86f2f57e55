"""One event-loop timer for all ticks."""

from __future__ import annotations

import asyncio

import pytest

from tests.support import virtual_time
from tests.support.fakes import KIEL
from weatherd.clock import AnchoredClock
from weatherd.polling.batch_polls import start_polls
from weatherd.polling.poll_history import CityPolls
from weatherd.polling.tick_timer import TickTimer


def _new_timer() -> TickTimer:
    return TickTimer(AnchoredClock(virtual_time.now, virtual_time.boot), start_polls)


async def _wake_times(timer: TickTimer, times: list[float]) -> list[float]:
    """Wait for all these times at once, and return when each waiter was woken."""
    loop = asyncio.get_running_loop()

    async def wait(when: float) -> float:
        polls = CityPolls(KIEL)
        polls.plan(when, "on schedule")
        polls.waiter = loop.create_future()
        timer.add(polls)
        await polls.waiter
        return loop.time()

    return await asyncio.gather(*(wait(when) for when in times))


def test_a_single_waiter_is_woken_on_time() -> None:
    """A waiter without neighbours is woken on time, even if a later one was registered before."""

    async def scenario() -> None:
        begin = asyncio.get_running_loop().time()
        woken = await _wake_times(
            _new_timer(),
            [begin + 60, begin + 5, begin + 5.5, begin - 3],
        )
        assert [round(at - begin, 6) for at in woken] == [60, 5, 5.5, 0]

    virtual_time.run(scenario())


def test_close_waiters_are_woken_together() -> None:
    """No waiter is woken early or more than 10 ms late, and those of the same 10 ms are woken together."""

    async def scenario() -> None:
        begin = asyncio.get_running_loop().time() + 1
        times = [begin + number / 1000 for number in range(100)]
        woken = await _wake_times(_new_timer(), times)
        assert all(-0.0011 < at - when < 0.0101 for at, when in zip(woken, times, strict=True))
        assert len(set(woken)) <= 11

    virtual_time.run(scenario())


def test_a_cancelled_waiter_is_skipped() -> None:
    """Cancelling one waiter does not affect the others."""

    async def scenario() -> None:
        loop, timer = asyncio.get_running_loop(), _new_timer()
        gone = asyncio.create_task(_wake_times(timer, [loop.time() + 1]))
        stays = asyncio.create_task(_wake_times(timer, [loop.time() + 2]))
        await asyncio.sleep(0)
        gone.cancel()
        before = loop.time()
        assert await stays == [before + 2]
        assert gone.cancelled()

    virtual_time.run(scenario())


def test_a_waiter_is_woken_soon_after_a_suspend() -> None:
    """A suspend counts: a waiter that became due in it is woken within 10 s, the others are not late."""

    async def scenario() -> None:
        waiting = asyncio.create_task(_wake_times(_new_timer(), [600.0, 18_010.0, 18_060.0]))
        await asyncio.sleep(60)
        virtual_time.suspend(18_000 - 60 - 3)
        woken = await waiting  # by the loop's clock, which stood still meanwhile
        assert 60 <= woken[0] <= 70
        assert woken[1:] == pytest.approx([73, 123], abs=0.02)

    virtual_time.run(scenario())


@pytest.mark.parametrize("seconds", [[60.001, 60.002, 60.003, 60.009], [60.009, 60.003, 60.002, 60.001]])
async def test_polls_that_start_together_share_their_time(seconds: list[float]) -> None:
    """Polls that join others in the same 10 ms share one time in any order, so that most cities need no number."""
    timer, polls = _new_timer(), [CityPolls(KIEL) for _ in seconds]
    for poll, due in zip(polls, seconds, strict=True):
        poll.plan(due, "on schedule")
        timer.add(poll)
    _, *joined = polls
    assert len({id(poll.due) for poll in joined}) == 1
    assert max(seconds) <= joined[0].due <= 60.01  # at the end of the 10 ms at the latest
    assert polls[0].due == seconds[0]  # a poll does not wait for others that may come
