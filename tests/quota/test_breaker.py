"""Pauses of a provider: nothing is sent in one, one probe ends it, and a service that recovers is not flooded."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from tests.quota.fake_service import (
    CROWDED,
    DENIED,
    PAUSED,
    RATE_LIMITED,
    REJECTED,
    RESUMED,
    FakeService,
    logged_events,
    max_calls_within,
)
from tests.support import virtual_time
from tests.support.fakes import new_limiter, unavailable
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.quota.breaker import Pause
from weatherd.quota.plans import PLANS, UNLIMITED, Plan

# --- during a pause


async def test_nothing_is_sent_in_a_pause() -> None:
    """After a 429 every request is rejected for a minute, and each error has a retry time."""
    service = FakeService()
    service.failure = RATE_LIMITED
    first = await service.error()
    assert first
    assert (first.failure, first.retry_after) == (Failure.RATE_LIMITED, 60.0)
    for second in range(59):
        await asyncio.sleep(1)
        error = await service.error()
        assert error
        assert (error.failure, str(error)) == (Failure.PAUSED, "fake is paused: 429: too many")
        assert (error.retry_after or 0) >= 59 - second
        assert service.limiter.batch_limit(100) == 1
        assert service.limiter.pause == Pause(EPOCH.timestamp() + 60, "429: too many")
    assert len(service.sent) == 1
    service.failure = None
    await asyncio.sleep(1)
    await service.send()
    assert service.limiter.pause is None


async def test_each_rejected_request_gets_another_time_to_retry() -> None:
    """Retry times of rejected requests are spread, so that the retries come at twice the planned rate."""
    service = FakeService()
    service.limiter.set_planned_rate(0.5)
    service.failure = RATE_LIMITED
    await service.error()
    errors = await service.errors(300)
    assert [error and error.retry_after for error in errors] == [60.0 + number for number in range(1, 301)]


async def test_a_rejected_batch_reserves_a_time_for_each_of_its_cities() -> None:
    """After a batch of 100 cities, the next request retries 100 spacings later."""
    service = FakeService()
    service.limiter.set_planned_rate(0.5)
    service.failure = RATE_LIMITED
    first, second, third = [await service.error(weight) for weight in (100, 50, 1)]
    assert [error and error.retry_after for error in (first, second, third)] == [60.0, 160.0, 210.0]
    assert [error and error.retry_spacing for error in (first, second, third)] == [1.0] * 3


async def test_an_error_without_a_pause_has_no_time_to_retry() -> None:
    """A failure of one city is logged, and retried, by that city alone."""
    service = FakeService()
    for error in (REJECTED, unavailable()):
        service.failure = error
        got = await service.error()
        assert got
        assert (got.failure, got.retry_after, got.retry_spacing) == (error.failure, None, None)


async def test_a_request_behind_a_waiting_one_is_rejected_at_once() -> None:
    """A request that waits 100 s for its turn does not delay the rejection of those behind it."""
    service = FakeService(new_limiter(plan=Plan(rate=0.01, burst=2)))
    service.response_time = 1.0
    first = asyncio.create_task(service.error())
    await asyncio.sleep(0)
    service.failure = RATE_LIMITED
    second = asyncio.create_task(service.error())
    third = asyncio.create_task(service.error())  # waits for its turn for 100 s
    await asyncio.wait([first, second])
    begin = asyncio.get_running_loop().time()
    error = await service.error()
    assert asyncio.get_running_loop().time() == begin
    assert error
    assert error.failure is Failure.PAUSED
    third.cancel()
    await asyncio.wait([third])


async def test_a_request_that_waited_when_the_pause_began_is_rejected() -> None:
    """No request is sent in a pause, not even one that was made before it."""
    service = FakeService(new_limiter(plan=Plan(rate=1.0, burst=1)))
    service.failure = RATE_LIMITED
    errors = await service.errors(30)
    assert len(service.sent) == 1
    assert [error and error.failure for error in errors] == [Failure.RATE_LIMITED] + [Failure.PAUSED] * 29


async def test_a_late_response_does_not_end_a_pause() -> None:
    """A slow request from before the pause says nothing about the service now."""
    service = FakeService()
    service.response_time = 30.0
    slow = asyncio.create_task(service.error())
    await asyncio.sleep(1)
    service.response_time, service.failure = 0.0, RATE_LIMITED
    with capture_logs() as logs:
        await service.error()
        assert await slow is None
        service.failure = None
        assert (await service.errors(1))[0] is not None
    assert logged_events(logs) == [PAUSED]


@pytest.mark.parametrize(
    "error", [RATE_LIMITED, DENIED, CROWDED, unavailable(), REJECTED], ids=lambda error: error.failure.name
)
async def test_a_late_failure_does_not_extend_a_pause(error: ProviderError) -> None:
    """A late failure of any kind extends neither the pause nor the next one."""
    service = FakeService()
    service.response_time, service.failure = 30.0, error
    slow = [asyncio.create_task(service.error()) for _ in range(6)]
    await asyncio.sleep(1)
    service.response_time, service.failure = 0.0, RATE_LIMITED
    with capture_logs() as logs:
        await service.error()
        late = [await task for task in slow]
        assert {got.failure for got in late if got} == {error.failure}
        assert min((got.retry_after or 0) for got in late if got) == 32.0
        assert logged_events(logs) == [PAUSED]
        await asyncio.sleep(31)
        after = await service.error()
    assert after
    assert (after.failure, after.retry_after) == (Failure.RATE_LIMITED, 120.0)


# --- the probe


async def test_one_probe_is_sent_after_a_pause() -> None:
    """The other requests wait for its result; when it succeeds, they are sent."""
    service = FakeService(new_limiter(concurrency=5))
    service.failure = RATE_LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.failure, service.response_time = None, 10.0
    assert await service.errors(7) == [None] * 7
    assert service.times[1:] == [60] + [70] * 5 + [80]


async def test_a_failed_probe_begins_a_longer_pause() -> None:
    """The requests that waited for it are rejected too; the log has no further line above debug."""
    service = FakeService()
    service.failure, service.response_time = RATE_LIMITED, 1.0
    with capture_logs() as logs:
        await service.error()
        await asyncio.sleep(60)
        errors = await service.errors(5)
        assert [error and error.failure for error in errors] == [Failure.RATE_LIMITED] + [Failure.PAUSED] * 4
        assert errors[0]
        assert errors[0].retry_after == 120.0
        assert all((error.retry_after or 0) >= 120 for error in errors if error)
        await asyncio.sleep(119)
        assert (await service.errors(1))[0] is not None
        service.failure = None
        await asyncio.sleep(1)
        assert await service.error() is None
    assert logged_events(logs, debug=True) == [PAUSED, ("provider.still_paused", "debug"), RESUMED]


async def test_a_probe_that_is_rejected_for_its_city_ends_the_pause() -> None:
    """A probe that is rejected for its city alone ends the pause, because the service works."""
    service = FakeService()
    service.failure = RATE_LIMITED
    with capture_logs() as logs:
        await service.error()
        await asyncio.sleep(60)
        service.failure = REJECTED
        error = await service.error()
        assert error
        assert (error.failure, error.retry_after) == (Failure.REJECTED, None)
        assert logged_events(logs) == [PAUSED, RESUMED]
        service.failure = None
        assert await service.error() is None
    assert logged_events(logs) == [PAUSED, RESUMED]


async def test_pauses_double_up_to_an_hour() -> None:
    """A service that rejects everything for a day is probed ever less often; after a success pauses are short again."""
    service = FakeService()
    service.failure = RATE_LIMITED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(86400):
            await service.retry_until_success()
    assert service.times[:7] == [0, 60, 180, 420, 900, 1860, 3780]
    assert {later - earlier for earlier, later in zip(service.times[6:], service.times[7:], strict=False)} == {3600}
    service.failure = None
    await asyncio.sleep(3600)
    await service.send()
    service.failure = RATE_LIMITED
    error = await service.error()
    assert error
    assert error.retry_after == 60


# --- outages, denied keys, crowded services


async def test_five_consecutive_failures_are_an_outage() -> None:
    """Five consecutive failures are an outage; four, or ten with a success among them, are not."""
    service = FakeService()
    for failure in (None, REJECTED):
        for _ in range(3):
            service.failure = unavailable()
            errors = await service.errors(4)
            assert [error and (error.failure, error.retry_after) for error in errors] == [
                (Failure.UNAVAILABLE, None)
            ] * 4
            service.failure = failure
            await service.error()
    service.failure = unavailable()
    with capture_logs() as logs:
        errors = await service.errors(5)
        assert errors[4]
        assert errors[4].retry_after == 15.0
        assert len(service.sent) == 35
        assert (await service.errors(1))[0] is not None
        assert len(service.sent) == 35
    assert logged_events(logs) == [PAUSED]


async def test_a_batch_that_nobody_answers_is_an_outage() -> None:
    """A service that is unavailable for 100 cities is so for all: no four further failures are needed."""
    service = FakeService()
    service.failure = unavailable()
    error = await service.error(100)
    assert error
    assert error.retry_after == 15.0
    assert (await service.error()) is not None
    assert len(service.sent) == 1


def test_an_outage_of_an_hour_costs_few_requests() -> None:
    """For 100 cities at most 22 requests are sent, and two events logged."""
    virtual_time.run(_check_an_outage_of_an_hour())


async def _check_an_outage_of_an_hour() -> None:
    service = FakeService(new_limiter(concurrency=5))
    service.limiter.set_planned_rate(100 / 600)
    service.failure = unavailable()
    loop = asyncio.get_running_loop()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            loop.call_later(3600, setattr, service, "failure", None)
            for _ in range(100):
                tasks.create_task(service.retry_until_success())
    assert len([time for time in service.times if time < 3600]) <= 5 + 12 + 5
    assert logged_events(logs) == [PAUSED, RESUMED]


@pytest.mark.parametrize("plan", [UNLIMITED, PLANS["open-meteo"]["free"], PLANS["openweathermap"]["free"]])
@pytest.mark.parametrize("error", [RATE_LIMITED, DENIED, unavailable()], ids=lambda error: error.failure.name)
def test_a_service_that_recovers_is_not_flooded(plan: Plan, error: ProviderError) -> None:
    """Of 300 cities that wait for it, no more than five come back in one second."""
    virtual_time.run(_check_a_recovery(plan, error))


async def _check_a_recovery(plan: Plan, error: ProviderError) -> None:
    service = FakeService(new_limiter(plan=plan))
    service.limiter.set_planned_rate(0.5)
    service.failure, service.response_time = error, 0.2
    async with asyncio.TaskGroup() as tasks:
        asyncio.get_running_loop().call_later(2000, setattr, service, "failure", None)
        for _ in range(300):
            tasks.create_task(service.retry_until_success())
    back = [(time, weight) for time, weight in service.sent if time >= 2000]
    assert len(back) == 300
    assert max_calls_within(1.0, back) <= 5
    assert back[-1][0] - back[0][0] <= 900


async def test_a_crowded_service_gets_one_request_at_a_time_for_an_hour() -> None:
    """The hour begins at the end of the pause for too many concurrent requests."""
    service = FakeService(new_limiter(concurrency=8))
    service.failure = CROWDED
    error = await service.error()
    assert error
    assert error.retry_after == 5
    await asyncio.sleep(5)
    service.failure, service.response_time, service.max_concurrent = None, 10.0, 0
    while asyncio.get_running_loop().time() < 3500:
        assert await service.errors(8) == [None] * 8
    assert service.max_concurrent == 1
    await asyncio.sleep(200)
    await service.errors(8)
    assert service.max_concurrent == 8
