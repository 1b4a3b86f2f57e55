"""Failover to the next provider while the first is unavailable, and a return without flapping."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.daemon import make_context
from tests.support.fakes import KIEL, observation
from tests.support.virtual_time import EPOCH, now
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import AGE_BUDGETS, AgeBudgets
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import ObservationQueue
from weatherd.polling.failover import Suspension, order_providers, suspend
from weatherd.polling.producer import produce

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.observation import Observation

BOTH = replace(KIEL, providers=("first", "second"))
DAY = 86400.0


class Service:
    """A provider that fails, or returns old observations, if *fault* returns something for the virtual time."""

    def __init__(self, name: str, fault: Callable[[float], Exception | timedelta | None] = lambda _: None) -> None:
        self.requests: list[float] = []
        self._name = name
        self._fault = fault

    async def fetch(self, city: City) -> Observation:
        """Raise the fault, or return an observation of that age."""
        time = asyncio.get_running_loop().time()
        self.requests.append(time)
        fault = self._fault(time)
        if isinstance(fault, Exception):
            raise fault
        return observation(city, provider=self._name, observed_at=now() - (fault or timedelta()), fetched_at=now())


class RecordingQueue(ObservationQueue):
    """A queue that records each observation and its time, also as the city's latest."""

    def __init__(self, latest: LatestObservations) -> None:
        super().__init__(10)
        self.taken: list[tuple[float, Any]] = []
        self._latest = latest

    async def put(self, arrival: Any) -> None:
        """Record an observation."""
        self.taken.append((asyncio.get_running_loop().time(), arrival))
        self._latest.record([arrival])

    @property
    def served_by(self) -> list[str]:
        """Return the providers that served, without repetition."""
        return [name for name, _ in itertools.groupby(arrival.observation.provider for _, arrival in self.taken)]


async def poll_city(first: Service, second: Service, seconds: float = DAY, city: City = BOTH) -> RecordingQueue:
    """Poll a city for the given seconds."""
    latest = LatestObservations((), AgeBudgets(AGE_BUDGETS, {city.id: city.interval}.__getitem__))
    queue = RecordingQueue(latest)
    context = make_context({"first": first, "second": second}, latest=latest, queue=queue)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await produce(context.history.begin(city), context)
    return queue


def make_failure(failure: Failure, **values: Any) -> ProviderError:
    """Return an error with this failure."""
    return ProviderError("no", failure, **values)


FAILURES: list[Any] = [
    make_failure(Failure.UNAVAILABLE),
    make_failure(Failure.REJECTED),  # outside its area
    make_failure(Failure.DENIED, retry_after=600.0, retry_spacing=1.0),
    make_failure(Failure.PAUSED, retry_after=60.0, retry_spacing=1.0),  # paused, or out of quota
    make_failure(Failure.EMPTY),
    timedelta(hours=11),  # 200 with old data
    KeyError("a bug"),
]


@pytest.mark.parametrize("fault", FAILURES, ids=repr)
async def test_the_next_provider_takes_over(fault: Any) -> None:
    """Whatever the failure of the first one, the second serves the city at its usual rate, and it is never down."""
    first, second = Service("first", lambda _: fault), Service("second")
    with capture_logs() as logs:
        queue = await poll_city(first, second)
    assert queue.served_by == ["second"]
    assert not any(arrival.stale for _, arrival in queue.taken)
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(queue.taken[1:])]
    assert gaps == pytest.approx([600] * len(gaps), abs=1e-3)
    assert len(first.requests) < 15  # and not at every poll
    assert not [event for event in logs if event["event"].startswith("city.") and event["event"] != "city.failover"]


async def test_the_first_provider_returns_after_recovery() -> None:
    """After an outage of two hours it is tried again within its last suspension, and serves from then on."""
    first = Service("first", lambda time: make_failure(Failure.UNAVAILABLE) if 3600 < time < 10800 else None)
    with capture_logs() as logs:
        queue = await poll_city(first, Service("second"))
    assert queue.served_by == ["first", "second", "first"]
    back = next(time for time, arrival in queue.taken if time > 10800 and arrival.observation.provider == "first")
    assert back < 10800 + 3 * 3600
    events = [(event["before"], event["served_by"]) for event in logs if event["event"] == "city.failover"]
    assert events == [("first", "second"), ("second", "first")]


async def test_an_unstable_service_does_not_cause_flapping() -> None:
    """With outages every other half-hour of a day, the city changes its provider a few times, not 48 times."""
    first = Service("first", lambda time: make_failure(Failure.UNAVAILABLE) if time // 1800 % 2 else None)
    queue = await poll_city(first, Service("second"))
    assert len(queue.served_by) <= 12
    assert len(queue.taken) >= 143


async def test_without_a_healthy_provider_the_city_is_down_and_all_are_tried() -> None:
    """A suspended provider is tried if the other fails too; the first to recover ends the outage."""
    first = Service("first", lambda time: make_failure(Failure.UNAVAILABLE) if time < 3000 else None)
    second = Service("second", lambda time: make_failure(Failure.REJECTED) if time < 40_000 else None)
    with capture_logs() as logs:
        queue = await poll_city(first, second, 7200)
    assert queue.served_by == ["first"]
    assert queue.taken[0][0] < 3000 + 900
    events = [event["event"] for event in logs if event["log_level"] in ("warning", "info")]
    assert events == ["city.down", "city.recovered"]


async def test_a_stale_observation_is_delivered_as_stale() -> None:
    """The city is down, and the newest of the old observations is delivered, marked as stale."""
    first = Service("first", lambda _: timedelta(hours=9))
    second = Service("second", lambda _: timedelta(hours=5))
    with capture_logs() as logs:
        queue = await poll_city(first, second, 7200)
    assert {(arrival.observation.provider, arrival.stale) for _, arrival in queue.taken} == {("second", True)}
    loud = [(event["event"], event.get("reason")) for event in logs if event["log_level"] == "warning"]
    assert loud == [("city.down", "the newest observation of first is 9h old")]
    assert all(later - earlier > 299 for earlier, later in itertools.pairwise(sorted(first.requests)))


@pytest.mark.parametrize(("has_failed", "served_by"), [(True, "first"), (False, "second")])
async def test_an_old_observation_is_fresh_enough_for_a_long_interval(has_failed: bool, served_by: str) -> None:  # noqa: FBT001 - parametrized
    """With an interval of 3 h, weather of 5 h ago leads to the next provider, but not to an outage if that fails."""
    first = Service("first", lambda _: timedelta(hours=5))
    second = Service("second", lambda _: make_failure(Failure.UNAVAILABLE) if has_failed else None)
    with capture_logs() as logs:
        queue = await poll_city(first, second, city=replace(BOTH, interval=10_800.0))
    assert {(arrival.observation.provider, arrival.stale) for _, arrival in queue.taken} == {(served_by, False)}
    assert [event["event"] for event in logs if event["log_level"] == "warning"] == []


async def test_an_observation_is_never_from_the_future() -> None:
    """A service whose clock is ahead never makes an age negative."""
    queue = await poll_city(Service("first", lambda _: timedelta(minutes=-7)), Service("second"), 3600)
    assert all(arrival.observation.observed_at <= EPOCH + timedelta(seconds=time) for time, arrival in queue.taken)
    assert len(queue.taken) > 5


def test_providers_are_ordered_by_preference() -> None:
    """Suspended providers come last, in the same order, until their suspension is over."""
    benches = {"a": Suspension(100.0, 50.0), "c": Suspension(10.0, 5.0)}
    assert order_providers(("a", "b", "c"), benches, 50.0) == ["b", "c", "a"]
    assert order_providers(("a", "b", "c"), benches, 100.0) == ["a", "b", "c"]
    assert order_providers(("a",), benches, 0.0) == ["a"]


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=30), st.floats(1, 1e5), st.floats(0, 1e5))
def test_suspensions_grow(gaps: list[float], interval: float, asked: float) -> None:
    """They last at least two intervals, ten minutes and the requested delay; at most twice the previous one."""
    now, last = 0.0, None
    for gap in gaps:
        now += gap
        new = suspend(last, now, interval, asked)
        least = max(600.0, 2 * interval)
        assert new.until >= now + max(least, asked)
        assert least <= new.length <= max(6 * 3600.0, least)
        if last and not last.is_forgiven(now):
            assert new.length >= last.length
        last = new
