"""The search for gaps in the background: when it searches, where, and what does not end it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.polling.backfill.test_gap_filler import CITY, Memory, PastService, make_filler, make_row
from tests.support.daemon import make_latest, make_registry
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.errors import Failure, ProviderError, StateError
from weatherd.observation import FetchedObservation
from weatherd.polling.backfill.background import search_gaps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import datetime

HOUR, DAY = 3600.0, 86400.0
ULM = City(name="Ulm", lat=48.4, lon=10.0, providers=("first",))


class SlowMemory(Memory):
    """A journal that is read in 10 ms each time."""

    reads = 0

    async def read_times(self, cities: Sequence[str], since: datetime, until: datetime) -> dict[str, list[float]]:
        """Return the times of each city's observations."""
        self.reads += 1
        await asyncio.sleep(0.01)
        return await super().read_times(cities, since, until)


@dataclass
class Search:
    """A search over the list *cities*, each of which was last observed 24 hours after the start."""

    cities: tuple[City, ...] = (CITY,)
    retention: float | None = None
    failing: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)  # ids of cities that another node polls
    begins: dict[str, float] = field(default_factory=dict)  # POSIX times before which nothing is missing, by city
    failures: int = 0  # of the journal
    filled: list[Collection[str]] = field(default_factory=list)
    service: PastService = field(default_factory=lambda: PastService(range(-50, 24)))
    memory: Memory = field(default_factory=lambda: Memory([]))

    async def run(self, seconds: float, edit: City | None = None) -> int:
        """Search for some time, after half of which a city is added; return the number of added observations."""
        registry, latest = make_registry(self.cities), make_latest(self.cities)
        registry.subscribe(latest.apply)
        for city in self.cities:
            latest.record([FetchedObservation(city, make_row(24, city))])
        filler = make_filler(self.memory, first=self.service)
        searching = asyncio.create_task(
            search_gaps(
                filler,
                registry,
                latest,
                self.open_reader,
                list_cities=lambda: [city for city in registry.cities if city.id not in self.elsewhere],
                find_begin=lambda city_id: self.begins.get(city_id, -math.inf),
                retention=self.retention,
                is_failing=self.failing.__contains__,
                on_filled=self.filled.append,
            )
        )
        await asyncio.sleep(seconds / 2)
        if edit:
            registry.apply(diff(self.cities, (*self.cities, edit)))
            latest.record([FetchedObservation(edit, make_row(24, edit))])
        await asyncio.sleep(seconds / 2)
        searching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await searching
        return len(self.memory.rows)

    @contextlib.asynccontextmanager
    async def open_reader(self) -> AsyncIterator[Memory]:
        """Open the journal, or fail."""
        self.failures -= 1
        if self.failures >= 0:
            raise StateError("the disk is full")
        yield self.memory


async def test_the_search_comes_after_the_first_polls() -> None:
    """Half a minute after the start the first city's past is asked for, and later only what is still missing."""
    assert await Search().run(29) == 0
    search = Search()
    assert await search.run(2000) == 23
    assert len(search.service.asked) == 1


async def test_a_city_that_is_added_gets_its_past_soon() -> None:
    """An edit of the list wakes the search, which is otherwise repeated every ten minutes."""
    search = Search()
    assert await search.run(200, ULM) == 46
    assert {row.city for row in search.memory.rows} == {"kiel", "ulm"}


async def test_a_city_without_backfill_or_whose_polls_fail_is_left_out() -> None:
    """What is not wanted is not asked for, and a service that fails is left to the polls."""
    unwanted = City(name="Ulm", lat=48.4, lon=10.0, providers=("first",), backfill=0.0)
    pastless = City(name="Bonn", lat=50.7, lon=7.1, providers=("third",))
    assert await Search((unwanted, pastless)).run(700) == 0
    assert await Search((CITY,), failing={"kiel"}).run(700) == 0


@pytest.mark.parametrize(("retention", "hours"), [(None, 47), (30 * HOUR, 29), (90 * DAY, 47)])
async def test_the_search_reaches_as_far_as_the_key_and_the_retention(retention: float | None, hours: int) -> None:
    """Observations that would be deleted at once are not asked for."""
    city = City(name="Kiel", lat=54.3, lon=10.1, providers=("first",), backfill=2 * DAY)
    assert await Search((city,), retention=retention).run(100) == hours


@pytest.mark.parametrize("hours", [range(0), range(-50, 30)])
async def test_the_search_takes_two_percent_of_the_time(hours: range) -> None:
    """After each group of 100 cities it rests, whether they have no gap, or one that cannot be filled now."""
    cities = tuple(City(name=f"City {n}", lat=n % 90, lon=10.0, providers=("first",)) for n in range(9000))
    memory = SlowMemory([make_row(hour, city) for city in cities for hour in hours])
    service = PastService([], failure=ProviderError("paused", Failure.PAUSED))
    await Search(cities, memory=memory, service=service).run(30 + 40)
    assert 40 < memory.reads <= 0.02 * 40 / 0.01 + 2


async def test_the_past_of_a_city_that_another_node_polled_is_not_asked_for_again() -> None:
    """A node searches the cities of its part, each since the end of the polls of its last owner."""
    assert await Search((CITY, ULM), elsewhere={"ulm"}).run(200) == 23
    begin = make_row(20, CITY).observed_at.timestamp()
    assert await Search((CITY,), begins={"kiel": begin}).run(200) == 4


async def test_a_full_disk_does_not_end_the_search() -> None:
    """The search is repeated."""
    assert await Search(failures=1).run(700) == 23
