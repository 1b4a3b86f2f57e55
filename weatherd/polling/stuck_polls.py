"""Detection of polls that do not end, for example because the ``fetch()`` of a plug-in waits for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.polling.poll_history import NextPoll, PollHistory
    from weatherd.quota.planner import Planner

log = structlog.get_logger()

_CHECK_PERIOD = 60.0  # seconds
_MAX_DURATION = 300.0  # seconds; a poll may take that and the city's interval


def is_stuck(seconds: float, interval: float) -> bool:
    """Return whether a poll of a city with this interval has lasted too long; both are in seconds."""
    return seconds > interval + _MAX_DURATION


async def log_stuck_polls(history: PollHistory, registry: CityRegistry, planner: Planner) -> None:
    """Log ``city.stuck`` once for each poll that takes five minutes longer than the interval of its city, for ever.

    The interval is added because a poll may have to wait for the rate limiter. For example, 600 cities at one call per
    second take ten minutes if all are due at once; but then the planner has stretched their interval to ten minutes.
    Polls are only compared between two checks, because a timeout per poll would cost 5 µs of CPU time each.
    """
    clock = asyncio.get_running_loop().time
    seen: dict[tuple[str, NextPoll], float] = {}  # the loop time of the first check that found the poll running
    logged: set[tuple[str, NextPoll]] = set()
    while True:
        await asyncio.sleep(_CHECK_PERIOD)
        now = clock()
        seen = {poll: seen.get(poll, now) for poll in history.running_polls()}
        logged &= seen.keys()
        for poll, since in seen.items():
            city = registry.get(poll[0])
            if city and poll not in logged and is_stuck(now - since, planner.interval(city)):
                logged.add(poll)
                reason = "a poll does not end; a provider's fetch() probably waits without a timeout"
                log.error(
                    "city.stuck", city=city.id, providers=city.providers, seconds=round(now - since), reason=reason
                )
