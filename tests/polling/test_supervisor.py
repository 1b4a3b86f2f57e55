"""One producer task per city."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.polling.supervisor import Supervisor

CITIES = [City(name=name, lat=float(lat), lon=10.0) for name in "ABCD" for lat in (1, 2)]


class Running:
    """Idle producers, and a record of those that run."""

    def __init__(self) -> None:
        self.now: list[City] = []
        self.started: list[City] = []

    async def produce(self, city: City) -> None:
        """Run until cancelled."""
        self.now.append(city)
        self.started.append(city)
        try:
            await asyncio.Event().wait()
        finally:
            self.now.remove(city)


async def test_a_change_touches_only_what_it_changes() -> None:
    """Cities that are equal in every value keep their task; a changed one gets another."""
    running = Running()
    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(tasks, running.produce)
        supervisor.apply_diff(diff((), [KIEL, BERLIN]))
        await asyncio.sleep(0)
        moved = replace(BERLIN, lat=52.6)
        supervisor.apply_diff(diff([KIEL, BERLIN], [KIEL, moved, MUNICH]))
        await asyncio.sleep(0)
        assert running.started == [KIEL, BERLIN, moved, MUNICH]
        supervisor.stop()


async def test_applying_an_equal_list_changes_nothing() -> None:
    """An equal list changes no task, even if its cities are other objects."""
    running = Running()
    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(tasks, running.produce)
        supervisor.apply_diff(diff((), [KIEL]))
        for same in (KIEL, replace(KIEL)):
            supervisor.apply_diff(diff([KIEL], [same]))
        await asyncio.sleep(0)
        assert running.started == [KIEL]
        supervisor.stop()


@given(st.lists(st.lists(st.sampled_from(CITIES), unique_by=lambda city: city.id), max_size=6))
def test_any_sequence_of_lists_ends_with_the_last(lists: list[list[City]]) -> None:
    """Whatever lists came before, exactly the cities of the last one have a task, one each."""

    async def scenario() -> None:
        running = Running()
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(tasks, running.produce)
            for before, cities in itertools.pairwise([[], *lists]):
                supervisor.apply_diff(diff(before, cities))
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sorted(running.now, key=str) == sorted(lists[-1] if lists else [], key=str)
            supervisor.stop()
        assert running.now == []

    virtual_time.run(scenario())
