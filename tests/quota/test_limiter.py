"""The rate limiter: requests stay within plan and concurrency and in order, however many there are."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter

import pytest
from structlog.testing import capture_logs

from tests.quota.fake_service import PAUSED, RATE_LIMITED, RESUMED, FakeService, logged_events, max_calls_within
from tests.support import virtual_time
from tests.support.fakes import new_limiter
from weatherd.errors import Failure, ProviderError
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import PLANS, UNLIMITED, Plan
from weatherd.quota.usage import UsageMeter
from weatherd.quota.windows import CLOCK_TOLERANCE


async def test_the_concurrency_is_limited() -> None:
    """No more requests are in flight than the concurrency allows, and all are sent in the order of their arrival."""
    service = FakeService(new_limiter(concurrency=3))
    service.response_time = 1.0
    assert await service.errors(10) == [None] * 10
    assert (service.max_concurrent, service.times) == (3, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3])


async def test_a_light_request_does_not_overtake_a_heavy_one() -> None:
    """A light request waits behind a heavy one, although the bucket already has tokens for it."""
    service = FakeService(new_limiter(plan=Plan(rate=1.0, burst=10)))
    await service.send(10)
    heavy = asyncio.create_task(service.send(10))
    await asyncio.sleep(5)
    await service.send(1)
    await heavy
    assert service.sent == [(0, 10), (10, 10), (11, 1)]


async def test_a_request_is_counted_when_it_is_sent() -> None:
    """A request that waits for its turn until the next minute is counted in that one."""
    service = FakeService(new_limiter(plan=Plan({"minute": 100}, rate=1 / 60, burst=1)))
    await asyncio.sleep(30)
    await service.send()
    await service.send()
    assert service.times == [30, 90]
    assert service.limiter.usage() == {"minute": (1, 100)}


async def test_an_unlimited_provider_never_waits() -> None:
    """A limiter without a plan delays no request."""
    service = FakeService(new_limiter(concurrency=1))
    for _ in range(1000):
        await service.send(100)
    assert asyncio.get_running_loop().time() == 0
    assert service.limiter.batch_limit(100) == 100


@pytest.mark.parametrize(("plan", "saves"), [(UNLIMITED, 0), (Plan({"day": 100}), 3), (Plan(rate=10.0, burst=5), 3)])
async def test_requests_are_saved_only_if_the_plan_counts_them(plan: Plan, saves: int) -> None:
    """An unlimited plan causes no writes, because no restart has to know its requests."""
    scheduled: list[bool] = []
    meter = UsageMeter("fake", plan)
    service = FakeService(
        RateLimiter(meter, 10, virtual_time.now, lambda: scheduled.append(meter.has_unsaved), virtual_time.boot)
    )
    await service.errors(3)
    assert scheduled == [True] * saves
    assert (meter.take_unsaved() is None) == (not saves)


async def test_an_exhausted_window_is_a_pause_until_its_end() -> None:
    """No more requests are sent in that window; the log says once why, and when requests are sent again."""
    service = FakeService(new_limiter(plan=Plan({"hour": 5})))
    await asyncio.sleep(30)
    with capture_logs() as logs:
        errors = await service.errors(8)
        assert [error and error.failure for error in errors] == [None] * 5 + [Failure.PAUSED] * 3
        assert [error.retry_after for error in errors if error] == [3575.0, 3576.0, 3577.0]
        assert str(errors[5]) == "the 5 calls an hour of its plan are used up"
        await asyncio.sleep(3570 + CLOCK_TOLERANCE)
        assert await service.error() is None
    assert logged_events(logs) == [PAUSED, RESUMED]
    assert logs[0]["until"] == "2026-01-01T01:00:05Z"
    assert len(service.sent) == 6


async def test_the_batch_limit_is_what_the_plan_has_left() -> None:
    """A request may count as many calls as the tightest window has left: at least one, and one in a pause."""
    service = FakeService(new_limiter(plan=Plan({"minute": 100, "hour": 150})))
    await asyncio.sleep(30)
    assert (service.limiter.batch_limit(1000), service.limiter.batch_limit(70)) == (100, 70)
    await service.send(70)
    assert service.limiter.batch_limit(100) == 30
    await service.send(30)
    assert service.limiter.batch_limit(100) == 1
    assert isinstance(await service.error(), ProviderError)
    await asyncio.sleep(60 + CLOCK_TOLERANCE)
    await service.send()
    assert service.limiter.batch_limit(100) == 49


async def test_the_usage_is_shown_by_window() -> None:
    """The usage shows, for each window, the calls sent and the limit."""
    service = FakeService(new_limiter(plan=Plan({"minute": 100, "hour": 150})))
    await asyncio.sleep(30)
    await service.send(70)
    assert service.limiter.usage() == {"minute": (70, 100), "hour": (70, 150)}


@pytest.mark.parametrize("concurrency", [1, 10])
def test_the_rate_holds_after_a_slow_time(concurrency: int) -> None:
    """When a slow service becomes fast, the requests that had to wait are still sent at the rate."""
    virtual_time.run(_check_rate_after_slow_time(concurrency))


async def _check_rate_after_slow_time(concurrency: int) -> None:
    plan = Plan(rate=1.0, burst=10)
    service = FakeService(new_limiter(plan=plan, concurrency=concurrency))
    service.response_time = 15.0
    asyncio.get_running_loop().call_later(600, setattr, service, "response_time", 0.1)
    assert await service.errors(1000) == [None] * 1000
    for seconds in (1, 10, 60, 300):
        assert max_calls_within(seconds, service.sent) <= plan.burst + plan.rate * seconds + 1e-3


async def test_the_rate_holds_after_a_slow_probe() -> None:
    """The requests that waited 100 s for the probe are sent at the rate and not in a burst."""
    plan = Plan(rate=0.5, burst=1)
    service = FakeService(new_limiter(plan=plan, concurrency=50))
    service.failure = RATE_LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.failure, service.response_time = None, 100.0
    assert await service.errors(40) == [None] * 40
    assert max_calls_within(10.0, service.sent) <= 1 + 0.5 * 10 + 1e-3


async def test_there_is_no_burst_after_a_pause() -> None:
    """The bucket is emptied, although it would be full by then: the service may still be weak."""
    service = FakeService(new_limiter(plan=Plan(rate=1.0, burst=10)))
    service.failure = RATE_LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.failure = None
    assert await service.errors(20) == [None] * 20
    assert max_calls_within(5.0, service.sent) <= 1.0 * 5 + 1


@pytest.mark.parametrize("provider", ["open-meteo", "openweathermap"])
def test_no_window_of_a_day_is_exceeded(provider: str) -> None:
    """Constant requests of any weight, at a service that fails now and then, stay within every window of the plan."""
    virtual_time.run(_check_windows_of_hours(provider))


async def _check_windows_of_hours(provider: str) -> None:
    plan = PLANS[provider]["free"]
    service = FakeService(new_limiter(provider, plan))
    weight = int(plan.burst)

    async def keep_sending(number: int) -> None:
        while True:
            service.response_time = 0.05 * (len(service.sent) % 40)
            service.failure = RATE_LIMITED if len(service.sent) % 97 == number else None
            await service.retry_until_success(max(1, service.limiter.batch_limit(weight)))

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4 * 3600), asyncio.TaskGroup() as tasks:
            for number in range(12):
                tasks.create_task(keep_sending(number))
    for seconds, limit in ((60, plan.limits["minute"]), (3600, plan.limits.get("hour", math.inf))):
        windows: Counter[int] = Counter()
        for time, calls in service.sent:
            windows[int(time // seconds)] += calls
        assert max(windows.values()) <= limit
    assert max_calls_within(60, service.sent[-2000:]) <= plan.limits["minute"]


async def test_no_request_is_sent_while_the_node_may_not_send() -> None:
    """The permission is asked after the wait for the rate; a rejected request counts neither as sent nor as a fault."""
    allowed = True
    meter = UsageMeter("fake", Plan({"hour": 100}, rate=1 / 60, burst=1))
    limiter = RateLimiter(meter, 10, virtual_time.now, lambda: None, virtual_time.boot, may_send=lambda: allowed)
    service = FakeService(limiter)
    assert await service.error() is None
    waiting = asyncio.create_task(service.error())
    await asyncio.sleep(30)
    allowed = False
    rejected = await waiting
    assert rejected is not None
    assert (rejected.failure, service.times, limiter.usage(), limiter.pause) == (
        Failure.PAUSED, [0], {"hour": (1, 100)}, None
    )  # fmt: skip
    allowed = True
    await asyncio.sleep(60)
    assert await service.error() is None
