"""Polls of services for comparison only: about once an hour, one request at a time, behind all live polls."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.errors import ProviderError, StateError, describe
from weatherd.plugins import contain
from weatherd.polling.fetch import is_valid_observation
from weatherd.quota.plans import WINDOW_SECONDS
from weatherd.quota.spare import wait_for_room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.providers import Provider
    from weatherd.quota.limiter import RateLimiter

log = structlog.get_logger()

_DELAY = 60.0  # seconds after the start: the first polls come first
_PERIOD = 3600.0  # seconds between two polls of a service, at least
_SPACING = 1.0  # seconds between two requests


class ComparedLoad(NamedTuple):
    """The requests to one service for comparison only, at most: they take what the polls leave of its plan."""

    cities: int
    rate: float  # calls per second

    def calls_per(self, window: str) -> float:
        """Return the calls in a window such as "day"; a month has 31 days."""
        return self.rate * WINDOW_SECONDS[window]


def find_compared_loads(cities: Iterable[City]) -> dict[str, ComparedLoad]:
    """Return the load on each service by the comparisons of a list. The more there are, the longer a round takes."""
    counts = Counter(name for city in cities for name in _list_compared(city))
    period = max(_PERIOD, _SPACING * counts.total() + _DELAY)
    return {name: ComparedLoad(count, count / period) for name, count in counts.items()}


def _list_compared(city: City) -> list[str]:
    """Return the services that are polled for comparison; the first provider is polled anyway."""
    return [name for name in city.compare if name != city.providers[0]]


async def poll_compared_services(  # noqa: PLR0917
    list_cities: Callable[[], Iterable[City]],
    providers: Mapping[str, Provider],
    limiters: Mapping[str, RateLimiter],
    add: Callable[[Observation], Awaitable[None]],
    delete_old: Callable[[], Awaitable[None]],
    now: Callable[[], datetime],
) -> None:
    """Poll the services in the key ``compare`` of each city, one after another, for ever.

    *add* stores an observation, *delete_old* those that are too old; both may raise StateError. A service that fails or
    has no calls to spare is asked an hour later.
    """
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(_DELAY)
    while True:
        began = clock()
        try:
            await delete_old()
            for city in list_cities():
                for name in _list_compared(city):
                    if name in providers:
                        await _poll_service(city, providers[name], limiters[name], add, now)
        except StateError as error:
            log.debug("compare.not_stored", reason=str(error))  # the journal writer reports a full disk
        await asyncio.sleep(max(_DELAY, _PERIOD - (clock() - began)))


async def _poll_service(
    city: City,
    provider: Provider,
    limiter: RateLimiter,
    add: Callable[[Observation], Awaitable[None]],
    now: Callable[[], datetime],
) -> None:
    """Poll a service for a city once, and rest. Raises StateError if the observation cannot be stored."""
    try:
        with contain():
            await wait_for_room(limiter)
            found = await provider.fetch(city)
            if is_valid_observation(found, city, now(), "fetch() must return an Observation"):
                await add(found)
    except StateError:
        raise
    except Exception as error:
        bug = None if isinstance(error, ProviderError) else error
        log.debug("compare.failed", city=city.id, reason=describe(error), exc_info=bug)
    await asyncio.sleep(_SPACING)
