"""Requests that are less urgent than polls: they wait for them, and leave them the calls that they need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from weatherd.quota.limiter import RateLimiter

_MAX_WAIT = 60  # seconds


async def wait_for_room(limiter: RateLimiter) -> None:
    """Wait while polls wait. Raises ProviderError if the service's plan leaves no calls, or its polls no time."""
    for _ in range(_MAX_WAIT):
        if limiter.pause is None and limiter.spare_calls() < 1:
            raise ProviderError("its plan leaves no calls beside the polls", Failure.PAUSED)
        if limiter.pause or limiter.has_room:  # while it is paused, the request is rejected with the reason
            return
        await asyncio.sleep(1)
    raise ProviderError("the polls leave no time for it", Failure.PAUSED)
