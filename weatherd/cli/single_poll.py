"""A poll of every city, once, by a command. Its calls count towards the quotas that the daemon uses, too."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from weatherd.clock import AnchoredClock, boot_time
from weatherd.daemon.wiring import open_with_state, utc_now
from weatherd.observation import FetchedObservation
from weatherd.pipeline.quality.past_rows import judge_past
from weatherd.polling.fetch import fetch_city

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.config.loader import Configuration

    Outcome = tuple[FetchedObservation | None, Exception | None]


async def poll_once(
    configuration: Configuration, on_start: Callable[[Configuration], None], report: Callable[[int], None]
) -> dict[City, Outcome]:
    """Poll all cities concurrently and return the outcomes in list order. A stale observation counts as an error.

    Each observation has the quality that it has without any before it.

    *on_start* is called with the configuration whose cities can be polled, *report* with the number of polls done.
    """
    async with open_with_state(configuration) as providers:
        configuration = providers.require_usable(configuration)
        on_start(configuration)
        limits = configuration.settings.quality
        clock, done = AnchoredClock(utc_now, boot_time), itertools.count(1)

        async def poll(city: City) -> Outcome:
            outcome = await fetch_city(city, city.providers, providers.usable, providers.budgets, clock)
            report(next(done))
            if outcome.observation is None:
                return None, outcome.reason
            (observation,) = judge_past([outcome.observation], limits)
            fetched = FetchedObservation(city, observation, stale=outcome.is_stale)
            return fetched, outcome.reason if outcome.is_stale else None

        async with asyncio.TaskGroup() as polls:
            tasks = {city: polls.create_task(poll(city)) for city in configuration.cities}
        return {city: task.result() for city, task in tasks.items()}
