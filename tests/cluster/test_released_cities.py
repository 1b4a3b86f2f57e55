"""What a node keeps of cities that another node polls now."""

from __future__ import annotations

from datetime import timedelta

from tests.cluster.world import CITIES, World
from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.observation import LastObservation


def test_the_observations_of_released_cities_are_forgotten() -> None:
    """Half of the cities move to a second node; the first one knows its own half only."""
    world = World(has_http=False)
    try:
        first = world.add()
        world.passes(5)
        latest = first.member._moves.latest
        for city in CITIES:
            found = observation(city, fetched_at=EPOCH - timedelta(seconds=60))
            latest.adopt(LastObservation(city.lat, city.lon, found))
        world.add()
        world.passes(20)
        known = {city.id for city in CITIES if latest.get(city.id)}
        assert known == first.polled.ids
        assert 0 < len(known) < len(CITIES)
    finally:
        world.ends()
