"""The status of the daemon: counts of cities by state."""

from __future__ import annotations

import asyncio

from tests.support.daemon import make_latest, make_status
from tests.support.fakes import make_fetched
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.daemon.status import CityState


async def test_counting_a_long_list_yields_to_the_event_loop() -> None:
    """Other tasks run while 5,500 cities are counted, and every city is counted once."""
    cities = [City(name=f"City {number}", lat=1.0, lon=1.0) for number in range(5500)]
    status = make_status(cities, latest=make_latest(cities))
    status.latest.record([make_fetched(cities[0])])
    counting = asyncio.create_task(status.count_states())
    turns = 0
    while not counting.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5
    assert await counting == {CityState.FRESH: 1, CityState.STALE: 0, CityState.DOWN: 0, CityState.WAITING: 5499}


async def test_a_list_that_is_replaced_meanwhile_is_counted_as_it_was() -> None:
    """The counts add up to the list that was current when the counting began."""
    cities = [City(name=f"City {number}", lat=1.0, lon=1.0) for number in range(3000)]
    status = make_status(cities)
    counting = asyncio.create_task(status.count_states())
    await asyncio.sleep(0)
    status.registry.apply(diff(cities, ()))
    assert sum((await counting).values()) == 3000
