"""Providers declare traits: plan, concurrency, age budget and past."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import KIEL, observation
from weatherd.clock import AnchoredClock
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers
from weatherd.freshness import DEFAULT_AGE_BUDGET
from weatherd.polling.fetch import fetch_city
from weatherd.providers import ProviderTraits, Resources
from weatherd.providers.past import PASTS, PastTraits
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.quota.limiter import RateLimiter


@dataclass(frozen=True)
class OldProvider:
    """A provider whose observations are four hours old."""

    resources: Resources

    async def fetch(self, city: City) -> Observation:
        """Return an observation that is four hours old."""
        now = self.resources.now()
        return observation(city, provider="yearly", observed_at=now - timedelta(hours=4), fetched_at=now)


@contextlib.asynccontextmanager
async def open_yearly(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider whose opening function declares traits."""
    yield OldProvider(resources)


@contextlib.asynccontextmanager
async def open_pastless(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider that declares a past, and has no method for it."""
    yield OldProvider(resources)


open_pastless.provider_traits = ProviderTraits(past=PastTraits(86400.0, 600.0))  # type: ignore[attr-defined]


class SingleProvider(OldProvider):
    """A provider that has the past of one city at a time."""

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:  # noqa: ARG002
        """Return nothing."""
        return ()


@contextlib.asynccontextmanager
async def open_single(_: Settings, resources: Resources) -> AsyncIterator[SingleProvider]:
    """Open a provider that declares a past of several cities in one request, and has no method for it."""
    yield SingleProvider(resources)


open_single.provider_traits = ProviderTraits(past=PastTraits(86400.0, 600.0, cities=2))  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def open_plain(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider that declares no traits of its own, only those of its module."""
    yield OldProvider(resources)


def provider_traits(settings: Settings) -> ProviderTraits:
    """Return the traits of this module's providers."""
    return ProviderTraits(concurrency=int(settings.shutdown_grace))


open_yearly.provider_traits = ProviderTraits(Plan({"day": 48}), 1, max_age=5 * 3600.0)  # type: ignore[attr-defined]


async def _measure_concurrency(limiter: RateLimiter, requests: int) -> int:
    """Return how many of the requests were in progress at the same time."""
    in_flight, peak = 0, 0

    async def send() -> None:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(1)
        in_flight -= 1

    await asyncio.gather(*(limiter.run(send) for _ in range(requests)))
    return peak


async def test_a_plug_in_declares_its_traits(install: Callable[..., None]) -> None:
    """The planner and limiter use its plan and concurrency; its age budget decides staleness. Each has a default."""
    install("providers", "yearly", "plain")
    city = replace(KIEL, providers=("yearly",), interval=600.0)
    async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
        providers.planner.update([city])
        assert providers.planner.interval(city) == pytest.approx(1800 * RETRY_RESERVE)
        assert providers.limiters["yearly"].usage() == {"day": (0, 48)}
        clock = AnchoredClock(virtual_time.now, virtual_time.boot)
        result = await fetch_city(city, ["yearly"], providers.usable, providers.budgets, clock)
        assert result.is_fresh
        assert providers.budgets.of_provider("plain") == DEFAULT_AGE_BUDGET
        assert await _measure_concurrency(providers.limiters["yearly"], 3) == 1
        assert await _measure_concurrency(providers.limiters["plain"], 20) == Settings().shutdown_grace


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("concurrency=0", "concurrency has to be an integer above 0, not 0"),
        ("concurrency=1.5", "concurrency has to be an integer above 0, not 1.5"),
        ("max_age=0", "max_age has to be a finite number of seconds above 0, not 0"),
        ("max_age=math.inf", "max_age has to be a finite number of seconds above 0, not inf"),
        ("past=PastTraits(60, 60, cities=0)", "cities has to be an integer above 0, not 0"),
        ("past=PastTraits(0, 60)", "reach has to be a finite number of seconds above 0, not 0"),
    ],
)
async def test_a_provider_with_traits_out_of_range_is_broken(
    install: Callable[..., None], values: str, text: str
) -> None:
    """They would make every poll wait or fail; the reason names the trait and the rule."""
    install("providers", "plain", wrong=f"provider_traits = lambda _: ProviderTraits({values})")
    with capture_logs() as logs:
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            assert providers.rejected["wrong"].message.endswith(f": ValueError: {text}")
            assert "plain" in providers.usable
    assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "wrong")]


async def test_a_provider_with_a_past_needs_the_method(install: Callable[..., None]) -> None:
    """One that declares a past without ``fetch_past`` is broken; the built-in ones have both.

    So is one that declares requests for several cities without ``fetch_past_batch``.
    """
    install("providers", "pastless", "single")
    with capture_logs():
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            assert providers.rejected["pastless"].message.endswith("which has no fetch_past()")
            assert providers.rejected["single"].message.endswith("which has no fetch_past_batch()")
            assert providers.pasts == PASTS
            assert all(hasattr(providers.usable[name], "fetch_past") for name in PASTS)
