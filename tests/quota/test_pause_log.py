"""The log of pauses: one line at the beginning, one at the end, without a city."""

from __future__ import annotations

import asyncio

import structlog
from structlog.testing import capture_logs

from tests.quota.fake_service import (
    DENIED,
    PAUSED,
    RATE_LIMITED,
    RESUMED,
    FakeService,
    logged_events,
)
from tests.support.fakes import new_limiter, unavailable
from weatherd.errors import Failure, ProviderError


async def test_a_pause_is_logged_once_and_its_end_once() -> None:
    """A pause is logged once, and its end once, however many requests fail or are rejected in it."""
    service = FakeService(new_limiter(concurrency=50))
    service.failure, service.response_time = RATE_LIMITED, 1.0
    with capture_logs() as logs:
        errors = await service.errors(50)
        assert {error.failure for error in errors if error} == {Failure.RATE_LIMITED}
        await service.errors(300)
        service.failure = None
        await asyncio.sleep(60)
        assert await service.errors(30) == [None] * 30
    assert logged_events(logs, debug=True) == [PAUSED, RESUMED]
    assert logs[0]["provider"] == logs[1]["provider"] == "fake"
    assert (logs[0]["reason"], logs[0]["seconds"]) == ("429: too many", 60.0)
    assert logs[0]["until"] == "2026-01-01T00:01:01Z"
    assert logs[1]["seconds"] == 61.0


async def test_another_kind_of_failure_is_logged_as_a_new_pause() -> None:
    """A 503 after a 500 is the same outage, a denied key is not."""
    service = FakeService()
    with capture_logs() as logs:
        for failure in (unavailable(retry_after=1), ProviderError("500", Failure.BROKEN, retry_after=1), DENIED):
            service.failure = failure
            error = await service.error()
            assert error
            await asyncio.sleep(error.retry_after or 0)
    denied = ("provider.paused", "error")
    assert logged_events(logs, debug=True) == [PAUSED, ("provider.still_paused", "debug"), denied]


async def test_a_denied_key_is_an_error() -> None:
    """A denied key is logged at level error with the action to take."""
    service = FakeService()
    service.failure = DENIED
    with capture_logs() as logs:
        error = await service.error()
    assert logged_events(logs) == [("provider.paused", "error")]
    assert "check key, plan and contact in the settings section fake" in logs[0]["action"]
    assert error
    assert (error.failure, error.retry_after) == (Failure.DENIED, 600.0)


async def test_pauses_are_logged_without_a_city() -> None:
    """Pauses concern every city, so their events have no ``city``; other events of the task keep it."""
    service = FakeService()
    service.failure = RATE_LIMITED
    merge = structlog.contextvars.merge_contextvars
    with structlog.contextvars.bound_contextvars(city="kiel"), capture_logs(processors=[merge]) as logs:
        await service.error()
        await asyncio.sleep(60)
        service.failure = None
        await service.send()
        structlog.get_logger().info("other")
    assert [(log["event"], log.get("city")) for log in logs] == [
        ("provider.paused", None),
        ("provider.resumed", None),
        ("other", "kiel"),
    ]
