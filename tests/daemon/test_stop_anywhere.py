"""A stop at any point of the pipeline: no fetched observation is lost, no task is left, the grace period holds."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import ROWS, DaemonRunner, make_configuration
from tests.support.fakes import KIEL, FakeProvider, FakeSink
from weatherd.worker_thread import WorkerThread

POINTS = 400
CROWD = [replace(KIEL, id=f"city-{number}", interval=5.0) for number in range(6)]


async def _pass_turns(count: int) -> None:
    """Wait for *count* iterations of the loop; virtual time passes in every third one."""
    for turn in range(count):
        await asyncio.sleep(0 if turn % 3 else 0.37)


async def _stopped_at(point: int, *, cancelled: bool = False) -> None:
    provider = FakeProvider().responds().responds(after=0.4).fails().responds(after=1.1)
    sink = FakeSink(takes=0.05)
    running = DaemonRunner(provider, {"sink": sink}, make_configuration(*CROWD, queue_size=2))
    loop = asyncio.get_running_loop()

    async def drive(task: asyncio.Task[bool]) -> None:
        await _pass_turns(point // 2)
        running.next = make_configuration(*CROWD[3:], *ROWS, queue_size=2)
        running.reload.set()
        await _pass_turns(point - point // 2)
        running.stop.set()
        begin = loop.time()
        if cancelled:
            task.cancel()
        await asyncio.wait([task])
        assert loop.time() - begin <= 8.0

    with capture_logs() as logs:
        task = loop.create_task(running.run())
        await drive(task)
    if cancelled:
        return
    assert task.result()
    stopped = logs[-1]
    assert sink.observations == provider.returned
    assert stopped["fetched"] == stopped["stored"] + stopped["repeated"] == len(provider.returned)
    assert stopped["queued"] == stopped["dropped"] == 0


@pytest.mark.parametrize("start", range(0, POINTS, 50))
def test_a_stop_at_any_point_loses_nothing(start: int) -> None:
    """Wherever the stop occurs, also during a reload, every fetched observation reaches the sink."""
    for point in range(start, start + 50):
        virtual_time.run(_stopped_at(point))


@pytest.mark.parametrize("start", range(0, POINTS, 100))
def test_a_hard_cancel_at_any_point_leaves_no_task(start: int) -> None:
    """A daemon whose task is cancelled ends immediately and leaves no task behind."""
    for point in range(start, start + 100):
        virtual_time.run(_stopped_at(point, cancelled=True))


@pytest.mark.real_time
async def test_a_stuck_thread_can_be_abandoned() -> None:
    """A call that never returns blocks neither the timeout of its caller nor the process."""
    never = threading.Event()
    with WorkerThread("stuck") as worker:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await worker.run(never.wait)
        never.set()
        assert await worker.run(lambda: "next") == "next"
