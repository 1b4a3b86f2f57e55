"""One producer task per city."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.polling.poll_history import CityPolls, PollHistory
from weatherd.polling.supervisor import Supervisor

CITIES = [City(name=name, lat=float(lat), lon=10.0) for name in "ABCD" for lat in (1, 2)]


class Running:
    """Idle producers, and a record of those that run."""

    def __init__(self) -> None:
        self.now: list[City] = []
        self.started: list[City] = []

    async def produce(self, polls: CityPolls) -> None:
        """Run until cancelled."""
        city = polls.city
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
        supervisor = Supervisor(tasks, PollHistory(), running.produce)
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
        supervisor = Supervisor(tasks, PollHistory(), running.produce)
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
            supervisor = Supervisor(tasks, PollHistory(), running.produce)
            for before, cities in itertools.pairwise([[], *lists]):
                supervisor.apply_diff(diff(before, cities))
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sorted(running.now, key=str) == sorted(lists[-1] if lists else [], key=str)
            supervisor.stop()
        assert running.now == []

    virtual_time.run(scenario())


async def test_a_bug_in_a_producer_ends_the_group_with_its_error() -> None:
    """An exception of one task is raised by the group, after all other tasks have ended."""
    running = Running()

    async def produce(polls: CityPolls) -> None:
        if polls.city is BERLIN:
            await asyncio.sleep(1)
            raise ZeroDivisionError
        await running.produce(polls)

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as tasks:
            Supervisor(tasks, PollHistory(), produce).start([KIEL, BERLIN, MUNICH])
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]
    assert (len(running.started), running.now) == (2, [])


async def test_an_error_elsewhere_in_the_group_ends_all_tasks() -> None:
    """When another task of the group fails, the producers are cancelled and the group waits for them."""
    running = Running()

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            Supervisor(tasks, PollHistory(), running.produce).start([KIEL, BERLIN])
            tasks.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await run()
    assert (len(running.started), running.now) == (2, [])


async def test_the_group_waits_for_a_removed_city() -> None:
    """A producer whose end takes a while, because it still has an observation, ends before the group does."""
    ended = []

    async def produce(polls: CityPolls) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            ended.append(polls.city)

    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(tasks, PollHistory(), produce)
        supervisor.start([KIEL, BERLIN])
        await asyncio.sleep(0)
        supervisor.apply_diff(diff([KIEL, BERLIN], []))
        supervisor.stop()
    assert sorted(city.id for city in ended) == ["berlin", "kiel"]


async def test_producers_take_no_entry_in_the_set_of_all_tasks() -> None:
    """A long list does not grow the set of ``asyncio.all_tasks()``; all producers end with the supervisor anyway."""
    running, before = Running(), len(asyncio.all_tasks())
    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(tasks, PollHistory(), running.produce)
        supervisor.start([KIEL, BERLIN, MUNICH])
        await asyncio.sleep(0)
        assert running.now == [KIEL, BERLIN, MUNICH]
        assert len(asyncio.all_tasks()) == before + 1  # the task that represents them
        supervisor.stop()
    assert running.now == []
