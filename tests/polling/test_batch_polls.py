"""Cities that are polled together: one request, no waking of healthy producers, and no city is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.daemon import DaemonRunner, make_configuration, make_context, make_latest
from tests.support.fakes import KIEL, FakeProvider, FakeSink, observation, unavailable
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.errors import Failure, ProviderError
from weatherd.observation import LastObservation
from weatherd.pipeline.queue import ObservationQueue
from weatherd.polling.batch_polls import BatchPolls
from weatherd.polling.producer import produce
from weatherd.providers.batching import Coalescer, CoalescingProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from weatherd.http.trace import RequestTraces
    from weatherd.observation import Observation
    from weatherd.polling.poll_history import CityPolls
    from weatherd.polling.producer import PollingContext

CITIES = [replace(KIEL, id=f"city-{number}") for number in range(5)]
Outcome = Callable[[City], Any]  # an observation or an error of a city


def fresh(city: City) -> Observation:
    """Return an observation of this moment."""
    return observation(city, observed_at=now(), fetched_at=now())


class BatchService(CoalescingProvider):
    """A provider that polls many cities at once; each request gets the next of *outcomes*, the last one for ever."""

    def __init__(self, *outcomes: Outcome, seconds: float = 1.0) -> None:
        super().__init__(Coalescer(self._send, limit=lambda: 100, delay=0.05, concurrency=2))
        self.requests: list[tuple[float, list[str]]] = []  # loop time and city ids
        self.running = 0
        self._outcomes, self._seconds = list(outcomes), seconds

    async def _send(self, cities: Sequence[City]) -> list[Any]:
        self.requests.append((asyncio.get_running_loop().time(), [city.id for city in cities]))
        self.running += 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        results = [outcome(city) for city in cities]
        if broken := next((result for result in results if isinstance(result, RuntimeError)), None):
            raise broken
        return results


async def _run(service: BatchService, *, until: float, cities: Sequence[City] = CITIES, **parts: Any) -> PollingContext:
    """Run producers of these cities until this virtual time."""
    context = make_context({"fake": service, "other": FakeProvider().responds()}, **parts)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until), asyncio.TaskGroup() as tasks:
            for city in cities:
                tasks.create_task(produce(context.history.begin(city), context))
    await service.aclose()
    return context


def _enqueued(context: PollingContext) -> list[Any]:
    context.queue.close()
    batch: list[Any] = []
    while context.queue._queue.qsize():
        batch += context.queue._queue.get_nowait()
    return batch


async def test_due_cities_share_a_request_and_its_attempt() -> None:
    """The first polls of all cities are one request, and the attempt that ``explain`` shows is one object."""
    service = BatchService(fresh)
    context = await _run(service, until=10)
    assert [sorted(ids) for _, ids in service.requests] == [[city.id for city in CITIES]]
    polls = [context.history.last_poll(city.id) for city in CITIES]
    assert polls[0] is not None
    assert all(poll is polls[0] for poll in polls)
    (attempt,) = polls[0].attempts
    assert (attempt.provider, attempt.outcome) == ("fake", "fresh")
    assert attempt.seconds == pytest.approx(1.05, abs=0.02)
    assert context.history.outcomes == {("fake", "fresh"): len(CITIES)}
    assert context.history.durations["fake"].counts[5] == len(CITIES)  # within 2.5 seconds
    assert {fetched.city.id for fetched in _enqueued(context)} == {city.id for city in CITIES}


async def test_a_usual_poll_does_not_wake_its_producer() -> None:
    """While all goes well, each city is polled at its ticks, and its producer waits for the same future."""
    service = BatchService(fresh)
    context = make_context({"fake": service})
    producers = [asyncio.create_task(produce(context.history.begin(city), context)) for city in CITIES]
    await asyncio.sleep(1)
    waiters = [context.history.get(city.id).waiter for city in CITIES]
    await asyncio.sleep(4 * KIEL.interval)
    assert [context.history.get(city.id).waiter for city in CITIES] == waiters
    assert context.queue.counts.fetched >= 4 * len(CITIES)
    for producer in producers:
        producer.cancel()
    await asyncio.wait(producers)
    await service.aclose()


OUTCOMES: dict[str, Outcome] = {
    "an error": lambda _: unavailable(),
    "a rejection": lambda _: ProviderError("no such place", Failure.REJECTED),
    "a pause": lambda _: ProviderError("paused", Failure.PAUSED, retry_after=30.0),
    "a bug": lambda _: KeyError("main"),
    "a bug of all": lambda _: RuntimeError("boom"),
    "an overdue observation": lambda city: observation(city, observed_at=now() - timedelta(days=2), fetched_at=now()),
    "an observation from the future": lambda city: observation(
        city, observed_at=now() + timedelta(hours=1), fetched_at=now()
    ),
    "one of another city": lambda city: observation(replace(city, id="elsewhere"), observed_at=EPOCH - timedelta(9)),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_no_outcome_ends_the_polls_of_a_city(outcome: str) -> None:
    """Whatever a request returns, each of its cities is polled again, and recovers with the next good response."""
    service = BatchService(OUTCOMES[outcome], fresh)
    with capture_logs():
        context = await _run(service, until=3600)
    polled = [city_id for _, ids in service.requests[1:] for city_id in ids]
    assert set(polled) == {city.id for city in CITIES}
    for city in CITIES:
        assert context.history.running_poll(city.id) is None
        poll = context.history.last_poll(city.id)
        assert poll is not None
        assert poll.failures == 0
        assert poll.decision == "fake serves"
    assert {fetched.observation.city for fetched in _enqueued(context)} == {city.id for city in CITIES}


async def test_a_failing_city_uses_its_next_provider_within_the_same_poll() -> None:
    """An error of the preferred provider is not paid twice: the second is polled at once, and both are shown."""
    city = replace(KIEL, providers=("fake", "other"))
    service = BatchService(lambda _: unavailable("down for repairs"))
    context = await _run(service, until=10, cities=[city])
    assert len(service.requests) == 1
    poll = context.history.last_poll(city.id)
    assert poll is not None
    assert [(attempt.provider, attempt.outcome, attempt.reason) for attempt in poll.attempts] == [
        ("fake", "unavailable", "down for repairs"),
        ("other", "fresh", ""),
    ]
    assert poll.attempts[0].seconds == pytest.approx(1.05, abs=0.02)


async def test_an_error_of_one_city_concerns_no_other() -> None:
    """In a response with an error for one city, the others are served."""
    service = BatchService(lambda city: unavailable() if city.id == "city-2" else fresh(city))
    with capture_logs([structlog.contextvars.merge_contextvars]) as events:
        context = await _run(service, until=10)
    assert {fetched.city.id for fetched in _enqueued(context)} == {city.id for city in CITIES} - {"city-2"}
    assert [(event["event"], event["city"]) for event in events if event["log_level"] == "warning"] == [
        ("city.down", "city-2")
    ]


async def test_a_failover_is_logged_when_the_preferred_provider_returns() -> None:
    """A city whose latest observation is of another provider logs the change once, with its id."""
    city = replace(KIEL, providers=("fake", "other"))
    saved = LastObservation(city.lat, city.lon, observation(city, provider="other"))
    with capture_logs([structlog.contextvars.merge_contextvars]) as events:
        await _run(BatchService(fresh), until=3600, cities=[city], latest=make_latest([city], [saved]))
    found = [(event["before"], event["served_by"], event["city"]) for event in events if "served_by" in event]
    assert ("other", "fake", city.id) in found


class CancellingPolls(BatchPolls):
    """Batch polls that cancel *tasks* just after a delivery, before the producers have woken up."""

    tasks: Sequence[asyncio.Task[None]] = ()

    def deliver(self, results: Sequence[tuple[CityPolls, Any]], traces: RequestTraces) -> Awaitable[None] | None:
        """Deliver the results, and cancel the tasks."""
        wait = super().deliver(results, traces)
        for task in self.tasks:
            task.cancel()
        return wait


@pytest.mark.parametrize("size", [1, 1000])
async def test_a_cancelled_producer_hands_over_what_has_arrived(size: int) -> None:
    """An observation that arrives in the same moment as the cancellation is counted and enqueued, full queue or not."""
    service = BatchService(fresh)
    context = make_context({"fake": service}, queue=ObservationQueue(size))
    polls = context.batch_polls["fake"] = CancellingPolls("fake", service.coalescer, context)
    polls.tasks = [asyncio.create_task(produce(context.history.begin(city), context)) for city in CITIES]
    await asyncio.gather(*polls.tasks, return_exceptions=True)
    assert context.queue.counts.fetched == context.queue.depth == len(CITIES)
    assert len(_enqueued(context)) == len(CITIES)


async def test_no_request_is_sent_while_the_queue_is_full() -> None:
    """What has arrived is enqueued; nothing else is requested until there is room, then at most by all senders."""
    service = BatchService(fresh)
    context = make_context({"fake": service}, queue=ObservationQueue(1))
    producers = [asyncio.create_task(produce(context.history.begin(city), context)) for city in CITIES]
    await asyncio.sleep(3000)
    senders = 2
    before = len(service.requests)
    assert before <= senders
    assert context.queue.longest_wait() > 2000
    queued = context.queue.depth
    assert len(CITIES) <= queued <= senders * len(CITIES)
    context.queue.mark_done(len(await context.queue.get_batch()))
    await asyncio.sleep(10)
    assert before < len(service.requests) <= before + senders
    for producer in producers:
        producer.cancel()
    await asyncio.wait(producers)
    await service.aclose()


async def test_a_request_of_removed_cities_is_given_up() -> None:
    """When the list loses all cities of a request it is cancelled; with one left it goes on."""
    service = BatchService(fresh, seconds=1000)
    running = DaemonRunner(FakeProvider(), {}, make_configuration(*CITIES))
    running.parts = replace(running.parts, providers={"fake": service})
    daemon = asyncio.create_task(running.run())
    await asyncio.sleep(5)
    assert service.running == 1
    await running.edit(make_configuration(CITIES[0]))
    assert service.running == 1
    await running.edit(make_configuration())
    assert service.running == 0
    running.stop.set()
    await daemon


async def test_a_moved_city_is_polled_anew_while_its_request_is_in_flight() -> None:
    """The response for its former place is dropped; it is polled at the new one. The others of the request are served.

    It is the first of the request, so that the cities after it would notice an error.
    """
    service = BatchService(fresh, seconds=10)
    sink = FakeSink()
    moved, other = CITIES[:2]
    running = DaemonRunner(FakeProvider(), {"fake": sink}, make_configuration(moved, other))
    running.parts = replace(running.parts, providers={"fake": service})
    daemon = asyncio.create_task(running.run())
    await asyncio.sleep(5)
    await running.edit(make_configuration(replace(moved, lat=1.0), other))
    await asyncio.sleep(30)
    assert [ids for _, ids in service.requests] == [[moved.id, other.id], [moved.id]]
    running.stop.set()
    assert await daemon
    assert {(fetched.city.id, fetched.city.lat) for fetched in sink.received} == {
        (moved.id, 1.0),
        (other.id, other.lat),
    }
