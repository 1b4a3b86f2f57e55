"""Memory that a city takes while it waits for its next poll."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from dataclasses import replace

from tests.support import virtual_time
from tests.support.daemon import make_context
from tests.support.fakes import KIEL, FakeProvider
from weatherd.polling.producer import produce
from weatherd.polling.supervisor import Supervisor

_CITIES = [replace(KIEL, id=f"city-{number}") for number in range(5000)]


def test_a_waiting_city_takes_little_memory() -> None:
    """Task, coroutine, future and the record of its polls take at most 1,010 bytes; a number takes 32 more."""

    async def scenario() -> float:
        context = make_context({"fake": FakeProvider().responds()})
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(tasks, context.history, lambda polls: produce(polls, context))
            supervisor.start(_CITIES[:1])
            await asyncio.sleep(0)
            gc.collect()
            tracemalloc.start()
            supervisor.start(_CITIES[1:])
            await asyncio.sleep(0)
            taken = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            supervisor.stop()
        return taken / len(_CITIES)

    assert virtual_time.run(scenario()) < 1010
