"""Requests for the past: each waits for polls, and rests afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias, cast

from weatherd.errors import Failure, ProviderError
from weatherd.plugins import contain
from weatherd.quota.spare import find_pace, wait_for_room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.providers import BatchPastProvider, PastProvider, Provider
    from weatherd.quota.limiter import RateLimiter

PastOutcome: TypeAlias = "Sequence[Observation] | Exception"


async def request_past(
    provider: Provider, limiter: RateLimiter, cities: Sequence[City], since: datetime, until: datetime
) -> Sequence[PastOutcome]:
    """Return the observations of each of *cities* from *since* to *until*, or the error."""
    if not cities:
        return ()
    outcomes: Sequence[PastOutcome]
    try:
        with contain():
            await wait_for_room(limiter, len(cities))
            outcomes = await _fetch(provider, cities, since, until)
    except Exception as error:  # noqa: BLE001 - it is each city's outcome
        outcomes = [error] * len(cities)
    if not all(isinstance(error, ProviderError) and error.failure is Failure.PAUSED for error in outcomes):
        await asyncio.sleep(find_pace(limiter.rate, len(cities)).rest)
    return outcomes


async def _fetch(provider: Provider, cities: Sequence[City], since: datetime, until: datetime) -> Sequence[PastOutcome]:
    if len(cities) == 1:
        return [await cast("PastProvider", provider).fetch_past(cities[0], since, until)]
    outcomes = await cast("BatchPastProvider", provider).fetch_past_batch(cities, since, until)
    if len(outcomes) != len(cities):
        raise TypeError(f"fetch_past_batch() must return one result per city: {len(cities)}, not {len(outcomes)}")
    return outcomes
