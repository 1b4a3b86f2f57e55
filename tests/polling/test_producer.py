"""The producer: its schedule, its retries and its recoveries."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_context, make_registry
from tests.support.fakes import BERLIN, KIEL, FakeProvider, observation, unavailable
from tests.support.virtual_time import EPOCH
from weatherd.clock import AnchoredClock
from weatherd.errors import Failure, ProviderError
from weatherd.pipeline.queue import ObservationQueue
from weatherd.polling.producer import PollingContext, produce
from weatherd.polling.schedule import city_phase, phase_offset

if TYPE_CHECKING:
    from weatherd.city import City

PHASE = (phase_offset("kiel", 600) - EPOCH.timestamp()) % 600  # of Kiel's ticks, in virtual seconds


class ZeroRandom(random.Random):
    """A random generator that returns zero, so that every back-off has its maximum."""

    def random(self) -> float:
        """Return zero."""
        return 0.0


async def _watch(provider: FakeProvider, *, until: float, city: City = KIEL, size: int = 1000) -> PollingContext:
    """Run one producer until this virtual time."""
    context = make_context({"fake": provider, "other": provider}, queue=ObservationQueue(size), random=ZeroRandom())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await produce(context.history.begin(city), context)
    return context


async def test_a_healthy_city_is_polled_at_once_and_then_at_its_phase() -> None:
    """The first poll is at zero, later ones at the phase of the city's id, at a fixed rate for a virtual day."""
    provider = FakeProvider().responds(after=0.7)
    await _watch(provider, until=86400)
    first, *others = provider.times(KIEL)
    second = PHASE if PHASE >= 300 else PHASE + 600
    assert first == 0
    assert others == pytest.approx([second + 600 * n for n in range(len(others))], abs=1e-3)
    assert len(others) in (143, 144)


async def test_the_first_polls_of_a_long_list_are_spread() -> None:
    """At a cold start a long list is polled at 10,000 cities a second, each city at its phase of that time."""
    provider = FakeProvider().responds()
    registry = make_registry(replace(KIEL, id=f"city-{number}") for number in range(11_000))
    context = make_context({"fake": provider}, registry=registry)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(5):
            await produce(context.history.begin(KIEL), context)
    assert provider.times(KIEL) == pytest.approx([city_phase("kiel")], abs=2e-3)


async def test_a_slow_response_skips_ticks() -> None:
    """A poll that takes longer than the interval ends before the next one starts; the schedule does not shift."""
    provider = FakeProvider().responds(after=700)
    await _watch(provider, until=7200)
    times = provider.times(KIEL)
    assert all(later - earlier >= 700 for earlier, later in itertools.pairwise(times))
    assert [time % 600 for time in times[1:]] == pytest.approx([PHASE % 600] * len(times[1:]), abs=1e-3)


async def test_a_response_within_the_interval_skips_no_tick() -> None:
    """Only the second poll keeps a minimum distance; later, every tick is used at which no poll is running."""
    provider = FakeProvider().responds(after=400)
    await _watch(provider, until=10_000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(provider.times(KIEL)[1:])]
    assert gaps == pytest.approx([600] * len(gaps), abs=1e-3)


TREMBLE = random.Random(0)


async def test_a_timer_that_fires_early_causes_no_second_poll() -> None:
    """With an inexact clock there is still one poll at each tick."""
    provider = FakeProvider().responds()
    clock = AnchoredClock(virtual_time.now, lambda: virtual_time.boot() + TREMBLE.uniform(-1e-6, 1e-6))
    context = make_context({"fake": provider}, clock=clock)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(86400):
            await produce(context.history.begin(KIEL), context)
    gaps = [later - earlier for earlier, later in itertools.pairwise(provider.times(KIEL)[1:])]
    assert gaps == pytest.approx([600] * len(gaps), abs=1e-3)


async def test_a_failing_city_is_down_once_and_recovers_once() -> None:
    """Failures in a row log one line at the beginning and one at the end."""
    provider = FakeProvider().fails(times=5).responds()
    with capture_logs() as events:
        context = await _watch(provider, until=7200)
    loud = [(event["event"], event["log_level"]) for event in events if event["log_level"] != "debug"]
    assert loud == [("city.down", "warning"), ("city.recovered", "info")]
    assert events[0]["reason"] == "out of order"
    assert events[-1]["failures"] == 5
    assert events[-1]["seconds"] == pytest.approx(150 + 300 + 600 + 900 + 900, abs=0.01)
    assert context.queue.counts.fetched == context.queue.depth > 0


async def test_retries_back_off() -> None:
    """The delay grows with each failure in a row; after the recovery the city returns to its phase."""
    provider = FakeProvider().fails(times=4).responds()
    await _watch(provider, until=3600)
    times = provider.times(KIEL)
    assert times[:5] == pytest.approx([0, 150, 450, 1050, 1950], abs=1e-3)
    assert times[5] % 600 == pytest.approx(PHASE, abs=1e-3)


@pytest.mark.parametrize("failure", [Failure.REJECTED, Failure.DENIED, Failure.RATE_LIMITED])
async def test_a_rejected_request_is_not_repeated_early(failure: Failure) -> None:
    """An error of the client's is not retried before the next tick."""
    provider = FakeProvider().fails(ProviderError("400: no such place", failure)).responds()
    await _watch(provider, until=1000)
    assert provider.times(KIEL)[1] == pytest.approx(600, abs=1e-3)


async def test_retry_after_is_honoured() -> None:
    """A Retry-After that is longer than the back-off determines the next poll."""
    provider = FakeProvider().fails(unavailable(retry_after=4000)).responds()
    await _watch(provider, until=5000)
    assert provider.times(KIEL)[:2] == pytest.approx([0, 4000], abs=1e-3)


async def test_a_bug_in_a_provider_is_contained_and_logged() -> None:
    """Whatever a plug-in raises, the city is down with a traceback and is polled again."""
    provider = FakeProvider().fails(ZeroDivisionError("oh")).responds()
    with capture_logs() as events:
        await _watch(provider, until=200)
    assert events[0]["event"] == "city.down"
    assert isinstance(events[0]["exc_info"], ZeroDivisionError)
    assert events[1]["event"] == "city.recovered"


class UnprintableError(Exception):
    """An exception whose message cannot be formatted."""

    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt(), BaseException("odd"), UnprintableError()],
    ids=repr,
)
async def test_a_plug_in_cannot_end_its_city_or_the_daemon(error: BaseException) -> None:
    """Neither a BaseException nor a stray cancellation affects more than the city's poll."""
    provider = FakeProvider().fails(error).responds()
    with capture_logs() as events:
        await _watch(provider, until=200)
    assert [event["event"] for event in events] == ["city.down", "city.recovered"]
    assert events[0]["exc_info"]


async def test_an_expected_failure_has_no_traceback() -> None:
    """An unavailable service is not a bug."""
    with capture_logs() as events:
        await _watch(FakeProvider().fails(), until=100)
    assert "exc_info" not in events[0]


@pytest.mark.parametrize("error", [unavailable(), KeyError("a bug")])
async def test_the_next_provider_takes_over(error: Exception) -> None:
    """Providers are tried in the city's order, whatever the first one raises; the city is not down."""
    first, second = FakeProvider().fails(error), FakeProvider().responds()
    context = make_context({"a": first, "b": second})
    with capture_logs() as events, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(100):
            await produce(context.history.begin(replace(KIEL, providers=("a", "b"))), context)
    assert (len(first.requests), len(second.requests), context.queue.counts.fetched) == (1, 1, 1)
    assert [(event["event"], event["log_level"]) for event in events] == [("provider.failed", "debug")]


class InvalidProvider(FakeProvider):
    """A provider that returns the given value."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self._response = response

    async def fetch(self, _: City) -> Any:
        """Return the value."""
        return self._response


@pytest.mark.parametrize(
    "response",
    [
        None,
        {"city": "kiel", "temperature": 6.0},
        observation(BERLIN),
        observation(temperature=math.nan),
        observation(temperature=None),
        observation(wind_speed=math.inf),
        observation(description=""),
        observation(description="two\nlines"),
        observation(observed_at=EPOCH.replace(tzinfo=None)),
    ],
)
async def test_an_invalid_observation_is_rejected(response: Any) -> None:
    """Anything but a valid observation of the city never enters the pipeline."""
    with capture_logs() as events:
        context = await _watch(InvalidProvider(response), until=100)
    assert context.queue.depth == 0
    assert isinstance(events[0]["exc_info"], TypeError)


async def test_a_full_queue_blocks_the_producer() -> None:
    """A producer that waits for the queue sends no requests, and then continues on its schedule."""
    provider = FakeProvider().responds()
    context: Any = None

    async def make_room() -> None:
        await asyncio.sleep(3000)
        context.queue.mark_done(len(await context.queue.get_batch()))

    context = make_context({"fake": provider}, queue=ObservationQueue(1))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4000), asyncio.TaskGroup() as tasks:
            tasks.create_task(make_room())
            tasks.create_task(produce(context.history.begin(KIEL), context))
    times = provider.times(KIEL)
    assert len([time for time in times if time < 3000]) == 2
    assert times[2] % 600 == pytest.approx(PHASE, abs=1e-3)
    assert context.queue.counts.fetched == context.queue.depth + 1 == 3
