"""Pauses of an earlier run or of another process, and pauses while the clock is set back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from tests.quota.fake_service import (
    PAUSED,
    RATE_LIMITED,
    RESUMED,
    FakeService,
    logged_events,
)
from tests.support.virtual_time import EPOCH, boot, now
from weatherd.errors import Failure, ProviderError
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import UNLIMITED
from weatherd.quota.usage import ProviderUsage, UsageMeter

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def limiter_of(meter: UsageMeter, clock: Callable[[], datetime] = now) -> RateLimiter:
    """Return the rate limiter of a meter."""
    return RateLimiter(meter, 10, clock, lambda: None, boot)


def closed_meter(seconds: float) -> UsageMeter:
    """Return a meter that an earlier run has closed for the first *seconds* of the test."""
    meter = UsageMeter("fake", UNLIMITED)
    meter.closed_until = EPOCH.timestamp() + seconds
    return meter


async def test_a_restart_does_not_end_a_pause() -> None:
    """A rate limit of an earlier run holds for this one; then one probe is sent."""
    service = FakeService(limiter_of(closed_meter(1000)))
    with capture_logs() as logs:
        error = await service.error()
        assert error
        assert (error.failure, error.retry_after) == (Failure.PAUSED, 1000.0)
        await service.errors(20)
        assert service.sent == []
        await asyncio.sleep(1000)
        service.response_time = 1.0
        assert await service.errors(3) == [None] * 3
    assert logged_events(logs) == [PAUSED, RESUMED]
    assert service.times == [1000, 1001, 1001]


async def test_a_rate_limit_of_another_process_holds_for_this_one() -> None:
    """A rate limit that another process received is adopted when the usage is saved."""
    meter = UsageMeter("fake", UNLIMITED)
    service = FakeService(limiter_of(meter))
    await service.send()
    meter.merge_saved(ProviderUsage("fake", closed_until=EPOCH.timestamp() + 500), EPOCH.timestamp())
    error = await service.error()
    assert error
    assert (error.failure, error.retry_after) == (Failure.PAUSED, 500.0)
    await asyncio.sleep(500)
    meter.merge_saved(ProviderUsage("fake", closed_until=EPOCH.timestamp() + 500), EPOCH.timestamp() + 500)
    assert await service.error() is None


async def test_a_rate_limit_is_saved() -> None:
    """Its end is in the meter, and the state is notified that there is something to save."""
    meter, saved = UsageMeter("fake", UNLIMITED), []
    service = FakeService(RateLimiter(meter, 10, now, lambda: saved.append(meter.closed_until), boot))
    service.failure = ProviderError("429", Failure.RATE_LIMITED, retry_after=5000.0)
    await service.error()
    assert meter.closed_until == saved[-1] == EPOCH.timestamp() + 5000


async def test_a_clock_that_is_set_back_neither_extends_nor_repeats_a_pause() -> None:
    """A pause is measured by the event loop's clock."""
    set_back = 0.0
    service = FakeService(limiter_of(UsageMeter("fake", UNLIMITED), lambda: now() - timedelta(seconds=set_back)))
    service.failure = RATE_LIMITED
    with capture_logs() as logs:
        await service.error()
        set_back, service.failure = 1800.0, None
        await asyncio.sleep(60)
        assert await service.errors(3) == [None] * 3
        assert await service.error() is None
    assert logged_events(logs) == [PAUSED, RESUMED]


async def test_a_clock_that_is_set_back_does_not_repeat_the_pause_of_an_earlier_run() -> None:
    """The saved time lies in the future again, but the service has served since."""
    set_back = 0.0
    service = FakeService(limiter_of(closed_meter(100), lambda: now() - timedelta(seconds=set_back)))
    await service.error()
    await asyncio.sleep(100)
    assert await service.error() is None
    set_back = 90.0
    assert await service.error() is None
