"""Deadlines that share their timers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from weatherd.http.deadlines import Deadlines


@given(began=st.floats(0, 5), seconds=st.floats(0.01, 30), takes=st.floats(0, 60))
def test_a_deadline_ends_the_body_within_a_second(began: float, seconds: float, takes: float) -> None:
    """A body that ends before its deadline is not affected; a longer one gets a TimeoutError at most a second late."""

    async def body() -> float:
        deadlines, clock = Deadlines(), asyncio.get_running_loop().time
        await asyncio.sleep(began)
        before = clock()
        try:
            with deadlines.after(seconds):
                await asyncio.sleep(takes)
        except TimeoutError:
            assert seconds - 0.001 <= clock() - before <= seconds + 1.001
            assert takes >= seconds - 0.001
        else:
            assert takes <= seconds + 1.001
        task = asyncio.current_task()
        assert task
        assert not task.cancelling()
        await asyncio.sleep(100)  # and nothing comes later
        return clock()

    virtual_time.run(body())


async def test_another_cancellation_is_passed_on() -> None:
    """A task that is cancelled before its deadline, or at the same time, ends with CancelledError."""
    deadlines = Deadlines()

    async def late() -> None:
        with deadlines.after(3):
            await asyncio.sleep(60)

    for after in (1.0, 3.0):
        task = asyncio.create_task(late())
        asyncio.get_running_loop().call_later(after, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_error_in_the_body_is_passed_on() -> None:
    """So is an error that the body raises when it is cancelled at the deadline."""
    deadlines = Deadlines()

    async def fails(takes: float) -> None:
        with deadlines.after(3):
            try:
                await asyncio.sleep(takes)
            finally:
                raise LookupError

    for takes in (0, 60):
        with pytest.raises(LookupError):
            await fails(takes)
    task = asyncio.current_task()
    assert task
    assert not task.cancelling()


async def test_concurrent_deadlines_are_independent() -> None:
    """Of many concurrent bodies, each ends at its own deadline."""
    deadlines, clock = Deadlines(), asyncio.get_running_loop().time
    begun = clock()

    async def ends(seconds: float) -> float:
        with pytest.raises(TimeoutError), deadlines.after(seconds):
            await asyncio.sleep(60)
        return clock() - begun

    ended = await asyncio.gather(*(ends(seconds) for seconds in (0.5, 5.0, 2.5, 5.0, 10.0)))
    assert ended == pytest.approx([0.5, 5.0, 2.5, 5.0, 10.0], abs=1.001)
