"""Requests that are less urgent than polls: they wait for them, and leave them the calls that they need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from weatherd.quota.limiter import RateLimiter

_MAX_WAIT = 60  # seconds
_SHARE = 0.1  # of a plan's rate, except for the first call of each second
_MIN_REST = 1.0  # seconds between two requests


def find_spare_batch(limiter: RateLimiter, limit: int) -> int:
    """Return how many calls one request may count as, from 1 to *limit*: at most as many as the polls leave."""
    return max(1, int(min(find_pace(limiter.rate, limiter.batch_limit(limit)).calls, limiter.spare_calls())))


class Pace(NamedTuple):
    """The size of requests, and the time between two of them."""

    calls: int
    rest: float  # seconds


def find_pace(rate: float, limit: int) -> Pace:
    """Return the pace with a plan of *rate* calls a second, for requests that count as *limit* calls at most.

    One request takes the calls of a second, so that polls can go on soon. All of them take a tenth of the rate, or one
    call a second if that is more.
    """
    calls = max(1, int(min(limit, rate)))
    return Pace(calls, max(_MIN_REST, calls / max(1.0, _SHARE * rate)))


async def wait_for_room(limiter: RateLimiter, weight: int = 1) -> None:
    """Wait while polls wait, before a request of *weight* calls.

    Raises ProviderError if the service's plan leaves no calls, or its polls no time.
    """
    for _ in range(_MAX_WAIT):
        if limiter.pause is None and limiter.spare_calls() < weight:
            raise ProviderError("its plan leaves no calls beside the polls", Failure.PAUSED)
        if limiter.pause or limiter.has_room(weight):  # while it is paused, the request is rejected with the reason
            return
        await asyncio.sleep(1)
    raise ProviderError("the polls leave no time for it", Failure.PAUSED)
