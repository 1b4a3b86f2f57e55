"""The filling of gaps: what is asked of whom, in which order, and what is added."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import new_limiter, observation, unavailable
from tests.support.virtual_time import EPOCH, boot, now
from weatherd.city import City
from weatherd.errors import Failure, ProviderError
from weatherd.observation import BACKFILL, Observation
from weatherd.polling.backfill.gap_filler import NO_PAST, NOTHING_MORE, GapFiller
from weatherd.polling.backfill.gaps import Gap
from weatherd.polling.backfill.wanted_times import WantedTime
from weatherd.providers.past import PastTraits
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import Plan
from weatherd.quota.usage import UsageMeter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.quota.limiter import RateLimiter as Limiter

HOUR, DAY = 3600.0, 86400.0
START = EPOCH.timestamp() - DAY  # a day before the clock's
TRAITS = PastTraits(reach=30 * DAY, step=HOUR, span=DAY)
CITY = City(name="Kiel", lat=54.3, lon=10.1, interval=600.0, providers=("first", "second"))


@dataclass
class PastService:
    """A provider that has the hours *hours* after the start, and may fail."""

    hours: Iterable[float]
    failure: Exception | None = None
    asked: list[Gap] = field(default_factory=list)  # in hours
    others: list[object] = field(default_factory=list)  # what a plug-in may return, too

    async def fetch(self, city: City) -> Observation:
        """Return an observation of now."""
        return observation(city)

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return all observations, those outside of the time too, the latest first."""
        self.asked.append(Gap(*(round((time.timestamp() - START) / HOUR, 1) for time in (since, until))))
        if self.failure:
            raise self.failure
        rows = [make_row(hour, city) for hour in sorted(self.hours, reverse=True)]
        return [*rows, *self.others]  # type: ignore[list-item]


@dataclass
class Memory:
    """A journal in memory."""

    rows: list[Observation]

    async def read_times(self, cities: Sequence[str], since: datetime, until: datetime) -> dict[str, list[float]]:
        """Return the times of each city's observations."""
        found: dict[str, list[float]] = {city: [] for city in cities}
        for row in self.rows:
            if row.city in found and since <= row.observed_at < until:
                found[row.city].append(row.observed_at.timestamp())
        return {city: sorted(times) for city, times in found.items()}

    async def add(self, rows: Sequence[Observation]) -> int:
        """Add observations, which come in the order of time."""
        assert [row.observed_at for row in rows] == sorted(row.observed_at for row in rows)
        self.rows += rows
        return len(rows)

    def hours(self, origin: str = BACKFILL) -> list[float]:
        """Return the times of the rows of an origin, in hours after the start."""
        return [(row.observed_at.timestamp() - START) / HOUR for row in self.rows if row.origin == origin]


def make_row(hour: float, city: City = CITY) -> Observation:
    """Return an observation *hour* hours after the start."""
    return observation(city, observed_at=datetime.fromtimestamp(START + hour * HOUR, UTC), provider="first")


def make_filler(memory: Memory, limiter: Limiter | None = None, **services: PastService) -> GapFiller:
    """Return a filler; all services are without limits."""
    return GapFiller(
        providers=dict(services),
        pasts=dict.fromkeys(services, TRAITS),
        limiters={name: limiter or new_limiter(name) for name in services},
        add=memory.add,
        now=now,
        find_interval=lambda city: city.interval,
    )


async def fill(filler: GapFiller, memory: Memory, hours: float = 24.0) -> tuple[dict[str, int], dict[str, str]]:
    """Fill the gaps of the first hours; return what was added, and why something is left."""
    (report,) = await filler.fill([WantedTime(CITY, START, START + hours * HOUR)], memory)
    return dict(report.added), dict(report.reasons)


async def test_a_hole_is_filled_with_what_the_service_has() -> None:
    """Only what is missing is added, with its origin and in order; what is there is not asked for again."""
    memory, service = Memory([make_row(hour) for hour in (*range(6), *range(18, 24))]), PastService(range(25))
    filler = make_filler(memory, first=service)
    assert await fill(filler, memory) == ({"first": 12}, {})
    assert memory.hours() == list(range(6, 18))
    assert await fill(filler, memory) == ({}, {})
    assert service.asked == [Gap(5.0, 18.0)]


async def test_the_begin_is_part_of_the_time_and_the_end_is_not() -> None:
    """A time that begins at midnight has the observation of midnight."""
    memory = Memory([])
    await fill(make_filler(memory, first=PastService(range(25))), memory)
    assert memory.hours() == list(range(24))


async def test_the_next_service_fills_what_is_left() -> None:
    """A service that has no past, or nothing of that time, leaves the gap to the city's next one."""
    memory, first, second = Memory([]), PastService(range(4)), PastService(range(24))
    assert await fill(make_filler(memory, first=first, second=second), memory) == (
        {"first": 4, "second": 20},
        {"first": NOTHING_MORE},
    )
    assert second.asked == [Gap(3.0, 24.0)]
    memory = Memory([])
    assert await fill(make_filler(memory, second=second), memory) == ({"second": 24}, {"first": NO_PAST})


async def test_a_service_is_not_asked_twice_for_what_it_does_not_have() -> None:
    """The search goes on for ever, but a hole that stays costs one request. One of the last two hours may be late."""
    memory, service = Memory([make_row(0.0), make_row(12.0)]), PastService([])
    filler = make_filler(memory, first=service)
    for _ in range(3):
        await fill(filler, memory, 12.0)
    assert len(service.asked) == 1
    for _ in range(3):
        await filler.fill([WantedTime(CITY, START + 12 * HOUR, START + 24 * HOUR)], memory)
    assert len(service.asked) == 4


async def test_only_what_is_left_is_remembered() -> None:
    """Once a city has no gap, nothing is kept of it: if its observations are lost, they are asked for again."""
    memory, service = Memory([]), PastService(range(24))
    filler = make_filler(memory, first=service)
    await fill(filler, memory, 12.0)
    memory.rows.clear()
    assert (await fill(filler, memory, 12.0))[0] == {"first": 12}


async def test_a_failure_keeps_what_was_added() -> None:
    """A service that fails is asked again at the next search; the reason is reported."""
    memory, service = Memory([]), PastService(range(24), failure=unavailable("out of order"))
    filler = make_filler(memory, first=service)
    assert await fill(filler, memory) == ({}, {"first": "out of order", "second": NO_PAST})
    service.failure = None
    assert (await fill(filler, memory))[0] == {"first": 24}


async def test_what_is_not_an_observation_of_the_city_is_not_added() -> None:
    """A plug-in's observations of another city, invalid ones and those of the future are ignored."""
    service = PastService([3.0, 30.0])
    service.others = [make_row(4.0, City(name="Ulm", lat=48.4, lon=10.0))]
    service.others += [make_row(5.0)._replace(temperature=float("nan"))]
    memory = Memory([])
    assert (await fill(make_filler(memory, first=service), memory))[0] == {"first": 1}
    service.others = ["fog"]
    added, reasons = await fill(make_filler(memory, first=service), memory)
    assert "fetch_past() must return Observations, not str" in reasons["first"]
    assert not added


async def test_requests_are_a_second_apart_and_as_long_as_allowed() -> None:
    """A week is asked for day by day, the oldest first."""
    memory, service = Memory([]), PastService(range(24 * 7))
    filler = make_filler(memory, first=service)
    (report,) = await filler.fill([WantedTime(CITY, START - 6 * DAY, START + DAY)], memory)
    assert not [gap for gap in report.left if gap.begin >= START]
    assert [round(gap.begin) for gap in service.asked] == [24 * day for day in range(-6, 1)]
    assert asyncio.get_running_loop().time() == 7  # seconds


async def test_requests_that_fail_are_a_second_apart() -> None:
    """A service that rejects the requests of all cities gets no burst of them. While it is paused, none is sent."""
    memory, service = Memory([]), PastService([], failure=unavailable())
    filler = make_filler(memory, first=service)
    for _ in range(3):
        await fill(filler, memory)
    assert asyncio.get_running_loop().time() == 3
    service.failure = ProviderError("paused", Failure.PAUSED)
    await fill(filler, memory)
    assert asyncio.get_running_loop().time() == 3


async def test_the_quota_is_left_to_the_polls() -> None:
    """With the planned polls of the rest of the day, the plan has no call to spare, so that none is made."""
    memory, service = Memory([]), PastService(range(24))
    limiter = new_limiter(plan=Plan({"day": 100}, rate=1.0, burst=1.0))
    limiter.set_planned_rate(99 / DAY)
    filler = make_filler(memory, limiter, first=service)
    await asyncio.sleep(10)  # the window of the day has begun
    assert await fill(filler, memory) == ({}, {"first": "its plan leaves no calls beside the polls", "second": NO_PAST})
    limiter.set_planned_rate(90 / DAY)
    assert (await fill(filler, memory))[0] == {"first": 24}


async def test_a_request_waits_for_polls() -> None:
    """While polls use all slots of a service, nothing is asked; a minute later the gap is left to the next search."""
    memory, service, ended = Memory([]), PastService(range(24)), asyncio.Event()
    limiter = new_limiter(concurrency=1)
    poll = asyncio.create_task(limiter.run(ended.wait))
    filler = make_filler(memory, limiter, first=service)
    filling = asyncio.create_task(fill(filler, memory))
    await asyncio.sleep(30)
    assert not service.asked
    ended.set()
    assert (await filling)[0] == {"first": 24}
    await poll
    memory.rows.clear()
    busy = asyncio.create_task(limiter.run(asyncio.Event().wait))
    await asyncio.sleep(0)
    (report,) = await make_filler(memory, limiter, first=service).fill([WantedTime(CITY, START, START + DAY)], memory)
    assert report.reasons["first"] == "the polls leave no time for it"
    busy.cancel()


@pytest.mark.parametrize(("used", "left"), [(0, 99.0), (50, 49.0), (100, -1.0)])
async def test_spare_calls_are_those_beside_the_planned_ones(used: int, left: float) -> None:
    """The shortest supply counts: the calls left in each window, less those that are planned until its end."""
    meter = UsageMeter("fake", Plan({"day": 100, "month": 100_000}))
    limiter = RateLimiter(meter, 1, now, lambda: None, boot)
    meter.charge(used, EPOCH.timestamp() + 6)
    assert meter.spare_calls(EPOCH.timestamp() + 6) == pytest.approx(left)
    meter.planned_rate = 10 / DAY
    assert meter.spare_calls(EPOCH.timestamp() + DAY / 2) == pytest.approx(left - 5)
    assert limiter.spare_calls() <= left


async def test_a_city_that_was_moved_is_asked_about_again() -> None:
    """What a service does not have of one place, it may have of another."""
    memory, service = Memory([]), PastService([])
    filler = make_filler(memory, first=service)
    await fill(filler, memory, 12.0)
    moved = City(name="Kiel", lat=55.0, lon=10.1, interval=600.0, providers=("first",))
    await filler.fill([WantedTime(moved, START, START + 12 * HOUR)], memory)
    assert len(service.asked) == 2


@dataclass
class BatchService(PastService):
    """A provider that has the past of several cities in one response."""

    batches: list[list[str]] = field(default_factory=list)
    errors: dict[str, ProviderError] = field(default_factory=dict)  # by city
    limiter: Limiter = field(default_factory=new_limiter)

    async def fetch_past_batch(
        self, cities: Sequence[City], since: datetime, until: datetime
    ) -> Sequence[Sequence[Observation] | ProviderError]:
        """Return what ``fetch_past`` has of each city."""
        self.batches.append([city.id for city in cities])
        await self.limiter.run(lambda: asyncio.sleep(0), len(cities))
        return [self.errors.get(city.id) or await self.fetch_past(city, since, until) for city in cities]


def make_batch_filler(memory: Memory, service: PastService, limiter: Limiter | None = None) -> GapFiller:
    """Return a filler whose service has requests of up to 100 cities."""
    filler = make_filler(memory, limiter, first=service, second=PastService(range(24)))
    filler.pasts = {"first": dataclasses.replace(TRAITS, cities=100), "second": TRAITS}
    return filler


CITIES = [City(name=f"City {n}", lat=n, lon=10.0, interval=600.0, providers=("first", "second")) for n in range(30)]
WANTED = [WantedTime(city, START, START + 24 * HOUR) for city in CITIES]


async def test_cities_with_the_same_gap_share_a_request() -> None:
    """Each city gets what it misses, in one request and a second; one without a gap is not asked about."""
    memory, service = Memory([make_row(hour, CITIES[3]) for hour in range(25)]), BatchService(range(24))
    reports = await make_batch_filler(memory, service).fill(WANTED, memory)
    assert service.batches == [[city.id for city in CITIES if city is not CITIES[3]]]
    assert [sum(report.added.values()) for report in reports] == [24] * 3 + [0] + [24] * 26
    assert {(row.city, row.observed_at) for row in memory.rows if row.origin == BACKFILL} == {
        (city.id, make_row(hour).observed_at) for city in CITIES if city is not CITIES[3] for hour in range(24)
    }
    assert asyncio.get_running_loop().time() == 1


async def test_an_error_of_one_city_is_its_own() -> None:
    """The others of the request are filled, and this one by its next service."""
    memory, service = Memory([]), BatchService(range(24), errors={"city-7": ProviderError("no data", Failure.REJECTED)})
    reports = await make_batch_filler(memory, service).fill(WANTED, memory)
    assert [dict(report.added) for report in reports] == [{"second" if n == 7 else "first": 24} for n in range(30)]
    assert reports[7].reasons == {"first": "no data"}


@dataclass
class BrokenBatchService(PastService):
    """A plug-in that returns the same for any cities."""

    returned: object = None

    async def fetch_past_batch(self, *_: object) -> object:
        """Return what breaks the rule of one result per city."""
        return self.returned


@pytest.mark.parametrize("returned", [None, [], [()], [()] * 3])
async def test_a_batch_with_another_number_of_results_is_an_error(returned: object) -> None:
    """No city gets the past of another one, and the next service fills the gaps."""
    memory, service = Memory([]), BrokenBatchService(range(24), returned=returned)
    reports = await make_batch_filler(memory, service).fill(WANTED[:2], memory)
    assert [dict(report.added) for report in reports] == [{"second": 24}] * 2
    assert all(report.reasons["first"] for report in reports)


async def test_a_request_takes_no_more_than_a_second_of_the_plan() -> None:
    """Polls could go on a second later, and keep nine tenths of the rate: 5 of 5 calls a second, then 5 seconds."""
    memory, service = Memory([]), BatchService(range(24))
    limiter = new_limiter(plan=Plan({"day": 1000}, rate=5.0, burst=50.0))
    await make_batch_filler(memory, service, limiter).fill(WANTED, memory)
    assert [len(batch) for batch in service.batches] == [5] * 6
    assert asyncio.get_running_loop().time() == 30


async def test_the_calls_that_are_left_are_used() -> None:
    """If the plan leaves three calls, a request has three cities."""
    memory, service = Memory([]), BatchService(range(24))
    limiter = service.limiter = new_limiter(plan=Plan({"day": 100}, rate=50.0, burst=100.0))
    await limiter.run(lambda: asyncio.sleep(0), 96)  # of 99 that may be used
    await asyncio.sleep(60)
    reports = await make_batch_filler(memory, service, limiter).fill(WANTED, memory)
    assert [len(batch) for batch in service.batches] == [3]
    assert [report.reasons.get("first") for report in reports] == [None] * 3 + [
        "its plan leaves no calls beside the polls"
    ] * 27
