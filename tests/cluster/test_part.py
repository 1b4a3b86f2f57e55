"""This node's part of the list, with the real supervisor: what is polled here, after moves and edits of the list."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from weatherd.city import City
from weatherd.cluster.lease import shard_of
from weatherd.cluster.shards.part import Part
from weatherd.config.diff import diff
from weatherd.polling.poll_history import PollHistory
from weatherd.polling.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.polling.poll_history import CityPolls

CITIES = tuple(sorted((City(name=f"City {n}", lat=n, lon=0.0) for n in range(20)), key=lambda city: city.id))
SHARDS = 4


def always() -> bool:
    """Return that polling is permitted."""
    return True


def of_shards(cities: tuple[City, ...], *shards: int) -> list[City]:
    """Return the cities of shards."""
    return [city for city in cities if shard_of(city.id, SHARDS) in shards]


class Bed:
    """A part of a list, and the cities that have a producer."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.cities, self.history, self.polled = CITIES, PollHistory(), dict[str, City]()
        self.supervisor = Supervisor(tasks, self.history, self._produce)
        self.part = Part(lambda: self.cities)
        self.part.attach(self.supervisor, self.history)

    async def _produce(self, polls: CityPolls) -> None:
        self.polled[polls.city.id] = polls.city
        try:
            await asyncio.Event().wait()
        finally:
            if self.polled.get(polls.city.id) is polls.city:  # else the city was edited
                del self.polled[polls.city.id]

    def edit(self, *cities: City) -> None:
        """Edit the list."""
        change = diff(self.cities, cities)
        self.cities = tuple(change.cities)
        self.part.apply_diff(change)

    def polls(self, city: City) -> CityPolls:
        """Return the record of a city, which is polled here."""
        return self.history.get(city.id)


@contextlib.asynccontextmanager
async def open_bed(*held: int) -> AsyncIterator[Bed]:
    """Run a part that holds shards."""
    async with asyncio.TaskGroup() as tasks:
        bed = Bed(tasks)
        await bed.part.divide(SHARDS)
        await bed.part.start(held, always)
        await asyncio.sleep(0)
        yield bed
        bed.supervisor.stop()


async def test_only_the_cities_of_held_shards_are_polled() -> None:
    """They are those that the part lists, and that it owns."""
    async with open_bed(1, 3) as bed:
        expected = of_shards(CITIES, 1, 3)
        assert sorted(bed.polled) == [city.id for city in expected]
        assert list(bed.part.cities()) == expected
        assert [city for city in CITIES if bed.part.owns(city.id)] == expected
        assert bed.part.count_cities([1, 3]) == len(expected)


async def test_an_edit_of_the_list_changes_the_polls_of_held_shards_only() -> None:
    """Cities are added, changed and removed here and elsewhere; the digest depends on the list alone."""
    async with open_bed(1) as bed:
        here, there = of_shards(CITIES, 1), of_shards(CITIES, 0)
        before = bed.part.digest
        moved = (replace(here[0], lat=80.0), replace(there[0], lat=81.0))
        added = tuple(City(name=f"New {n}", lat=n, lon=1.0) for n in range(8))
        kept = [city for city in CITIES if city not in {here[0], here[1], there[0], there[1]}]
        bed.edit(*kept, *moved, *added)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert set(bed.polled.values()) == set(of_shards(bed.cities, 1))
        assert bed.part.digest != before
        await bed.part.start([0], always)
        await asyncio.sleep(0)
        assert set(bed.polled.values()) == set(of_shards(bed.cities, 0, 1))
        bed.edit(*CITIES)
        assert bed.part.digest == before


async def test_a_poll_in_progress_may_end_before_the_release() -> None:
    """Idle cities are stopped at once, a busy one when its poll ends, and at the latest after the patience."""
    async with open_bed(1) as bed:
        loop, (first, second, *_) = asyncio.get_running_loop(), of_shards(CITIES, 1)
        for city in (first, second):
            bed.polls(city).is_running, bed.polls(city).due = True, 0.0
        stopping = asyncio.create_task(bed.part.stop([1], 2.0, always))
        await asyncio.sleep(0.5)
        assert sorted(bed.polled) == [first.id, second.id]
        assert not bed.part.owns(first.id)
        bed.polls(first).plan(99.0, "")
        await asyncio.sleep(0.1)
        assert sorted(bed.polled) == [second.id]
        assert await stopping
        assert (bed.polled, round(loop.time())) == ({}, 2)


async def test_no_poll_outlives_the_permission() -> None:
    """Neither one that may end before a release, nor one that is about to start."""
    async with open_bed(1) as bed:
        bed.polls(of_shards(CITIES, 1)[0]).is_running = True
        assert await bed.part.stop([1], 2.0, lambda: False)
        assert asyncio.get_running_loop().time() < 0.1
        await bed.part.start([0, 1, 2, 3], lambda: False)
        await asyncio.sleep(0)
        assert (bed.polled, bed.part.held) == ({}, set())


async def test_all_polls_are_cancelled_at_once_when_the_lease_is_over() -> None:
    """Shards that this node does not hold are not touched."""
    async with open_bed(0, 1, 2) as bed:
        bed.part.stop_at_once({1, 2, 3})
        await asyncio.sleep(0)
        assert sorted(bed.polled) == [city.id for city in of_shards(CITIES, 0)]
