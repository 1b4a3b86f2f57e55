"""Polls of services for comparison only: when, which, and what does not end them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.fakes import new_limiter, observation, unavailable
from tests.support.virtual_time import now
from weatherd.city import City
from weatherd.errors import StateError
from weatherd.polling.compared_services import find_compared_loads, poll_compared_services
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.observation import Observation
    from weatherd.quota.limiter import RateLimiter

KIEL = City(name="Kiel", lat=54.3, lon=10.1, providers=("first", "second"), compare=("first", "second", "third"))
BONN = City(name="Bonn", lat=50.7, lon=7.1, providers=("first",))


@dataclass
class Service:
    """A provider that may fail, or return an observation of another time."""

    failure: Exception | None = None
    ahead: float = 0.0  # seconds
    cities: list[str] = field(default_factory=list)

    async def fetch(self, city: City) -> Observation:
        """Return an observation."""
        self.cities.append(city.id)
        if self.failure:
            raise self.failure
        at = now() + timedelta(seconds=self.ahead)
        return observation(city, observed_at=at, fetched_at=now())


@dataclass
class Comparison:
    """The polls of the list *cities*, and what they store."""

    services: Mapping[str, Service]
    cities: tuple[City, ...] = (BONN, KIEL)
    limiter: RateLimiter | None = None
    failures: int = 0  # of the journal
    added: list[str] = field(default_factory=list)
    deletions: int = 0

    async def run(self, seconds: float) -> None:
        """Poll for some time."""
        limiters = {name: self.limiter or new_limiter(name) for name in self.services}
        polls = poll_compared_services(lambda: self.cities, self.services, limiters, self.add, self.delete_old, now)
        task = asyncio.create_task(polls)
        await asyncio.sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def add(self, found: Observation) -> None:
        """Store an observation, or fail."""
        self.failures -= 1
        if self.failures >= 0:
            raise StateError("the disk is full")
        self.added.append(found.city)

    async def delete_old(self) -> None:
        """Count the call."""
        self.deletions += 1


async def test_each_service_is_asked_once_an_hour() -> None:
    """The first provider is left out, which is polled anyway, as are cities without the key."""
    services = {"first": Service(), "second": Service(), "third": Service()}
    comparison = Comparison(services)
    await comparison.run(59)
    assert comparison.added == []
    await comparison.run(3 * 3600)
    assert [service.cities for service in services.values()] == [[], ["kiel"] * 3, ["kiel"] * 3]
    assert comparison.added == ["kiel"] * 6
    assert comparison.deletions == 3


async def test_failures_do_not_end_the_polls() -> None:
    """A service that fails, a bug, an observation of the future and a full disk cost one value each."""
    services = {"second": Service(unavailable()), "third": Service()}
    comparison = Comparison(services, failures=1)
    await comparison.run(3 * 3600)
    assert len(services["second"].cities) == 3
    assert comparison.added == ["kiel"] * 2
    for broken in (Service(ValueError("bug")), Service(ahead=60.0)):
        comparison = Comparison({"second": broken, "third": Service()})
        await comparison.run(2 * 3600)
        assert comparison.added == ["kiel"] * 2


async def test_the_plan_belongs_to_the_polls() -> None:
    """A service whose plan the polls use up is not asked."""
    services = {"second": Service(), "third": Service()}
    limiter = new_limiter(plan=Plan({"day": 100}, rate=1.0, burst=1.0))
    limiter.set_planned_rate(200 / 86400)
    await Comparison(services, limiter=limiter).run(2 * 3600)
    assert services["second"].cities == services["third"].cities == []


async def test_the_load_is_that_of_the_polls() -> None:
    """Once an hour; a round of 4,000 requests, one a second, takes longer, with a minute until the next one."""
    assert find_compared_loads([BONN, KIEL]) == {"second": (1, 1 / 3600), "third": (1, 1 / 3600)}
    cities = tuple(replace(BONN, id=f"bonn-{number}", compare=("second",)) for number in range(4000))
    service, load = Service(), find_compared_loads(cities)["second"]
    assert load.calls_per("hour") == 4000 / 4060 * 3600
    await Comparison({"second": service}, cities).run(60 + 2 * 4060)
    assert len(service.cities) == round(2 * 4060 * load.rate)
