"""The grace period of a stop, and the end of a daemon that does not stop."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from weatherd.daemon.grace_period import GracePeriod, ShutdownWatchdog


async def _work(grace: GracePeriod, overdue: list[float], seconds: float, *, after_cancellation: float = 0.0) -> None:
    """Begin the period after 100 s, then work; a faulty plug-in goes on after its cancellation."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(100)
    grace.begin(lambda: overdue.append(clock()))
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(after_cancellation)


async def test_work_that_ends_in_time_is_not_overdue() -> None:
    """The deadline counts from the stop, not from the start; once the period has ended, nothing is called."""
    start, overdue = asyncio.get_running_loop().time(), list[float]()
    with GracePeriod(8.0) as grace:
        assert await grace.limit(_work(grace, overdue, 7.9))
        assert grace.deadline == start + 108
        assert not gc.isenabled()
    assert gc.isenabled()
    await asyncio.sleep(60)
    assert not overdue


async def test_work_is_cancelled_at_the_deadline() -> None:
    """The result is false then, unlike for work that ends in time; after the end of the period, nothing is called."""
    start, overdue = asyncio.get_running_loop().time(), list[float]()
    with GracePeriod(8.0) as grace:
        assert not await grace.limit(_work(grace, overdue, 1000.0))
        assert asyncio.get_running_loop().time() == start + 108
    await asyncio.sleep(60)
    assert not overdue


async def test_work_that_goes_on_after_its_cancellation_is_overdue() -> None:
    """The callback is called 0.2 s after the deadline, while the work still runs, and once."""
    start, overdue = asyncio.get_running_loop().time(), list[float]()
    with GracePeriod(8.0) as grace:
        assert not await grace.limit(_work(grace, overdue, 1000.0, after_cancellation=1000.0))
    assert overdue == [start + 108.2]


@pytest.mark.real_time
def test_the_watchdog_ends_the_process_after_the_grace_period() -> None:
    """An armed watchdog calls the given function once the grace period and the margin are over."""
    ended = threading.Event()
    watchdog = ShutdownWatchdog(3600.0, ended.set, margin=0.0)
    watchdog.grace = 0.0
    assert not ended.is_set()
    watchdog.arm()
    assert ended.wait(10)


@pytest.mark.real_time
def test_the_watchdog_does_not_keep_the_process_alive() -> None:
    """Its thread is a daemon thread, so a daemon that stops in time exits immediately."""
    before = set(threading.enumerate())
    ShutdownWatchdog(3600.0, lambda: None).arm()
    (timer,) = set(threading.enumerate()) - before
    assert isinstance(timer, threading.Timer)
    timer.cancel()
    assert timer.daemon
