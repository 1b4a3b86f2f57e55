"""A worker thread: results and errors reach the caller, and a cancelled call that waits is not made."""

from __future__ import annotations

import asyncio
import threading

import pytest

from weatherd.worker_thread import WorkerThread

pytestmark = pytest.mark.real_time


async def test_results_and_errors_are_those_of_the_call() -> None:
    """Calls run in order in one other thread; an error is raised in the caller, and ends neither thread nor loop."""
    with WorkerThread("test") as worker:
        found = await asyncio.gather(
            worker.run(lambda: 1 // 0), worker.run(threading.get_ident), return_exceptions=True
        )
        assert isinstance(found[0], ZeroDivisionError)
        assert found[1] not in {threading.get_ident(), 0}
        assert await worker.run(threading.get_ident) == found[1]


async def test_a_cancelled_call_finishes_if_it_has_begun() -> None:
    """A call in progress is not interrupted, one that still waits is not made, and later ones are."""
    made: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        may_end.wait()
        made.append("first")

    with WorkerThread("test") as worker:
        tasks = [asyncio.create_task(worker.run(call)) for call in (block, lambda: made.append("second"))]
        await asyncio.to_thread(begun.wait)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        may_end.set()
        await worker.run(lambda: made.append("third"))
    assert made == ["first", "third"]
