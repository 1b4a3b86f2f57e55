"""Search of the daemon for gaps, in the background: after its start, after an edit of the list, and now and then."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError
from weatherd.polling.backfill.wanted_times import WantedTime, group_by_providers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.polling.backfill.gap_filler import GapFiller, TimeReader
    from weatherd.polling.city_registry import CityRegistry

log = structlog.get_logger()

_DELAY = 30.0  # seconds after the start, and after an edit: the first polls come first
_PERIOD = 600.0  # seconds between two searches
_REST = 50.0  # for each second of a search in the journal: it takes at most 2 % of the time


async def search_gaps(
    filler: GapFiller,
    registry: CityRegistry,
    latest: LatestObservations,
    open_reader: Callable[[], AbstractAsyncContextManager[TimeReader]],
    *,
    list_cities: Callable[[], Iterable[City]],
    find_begin: Callable[[str], float],
    retention: float | None,
    is_failing: Callable[[str], bool],
    on_filled: Callable[[Collection[str]], None],
) -> None:
    """Fill the gaps of the cities that are polled here, by group, for ever; those whose polls fail have to wait.

    What is missing is found in the journal: nothing else has to survive a restart. *find_begin* returns the POSIX time
    before which another journal may have a city's observations, so that nothing is missing. A city whose ``backfill``
    is longer than *retention* (seconds; None: for ever) is searched within that. The end is the latest observation,
    because what comes after it is up to the polls. *on_filled* is called after each search with the ids of cities whose
    past has become more complete.
    """
    edited = asyncio.Event()

    def notice(change: CityListDiff) -> None:
        if change.added_or_changed:
            edited.set()

    def find_first(city: City) -> float:
        reach = min(city.backfill, retention or math.inf)
        return max(filler.now().timestamp() - reach, find_begin(city.id))

    registry.subscribe(notice)
    while True:
        await asyncio.sleep(_DELAY)
        edited.clear()
        filled: set[str] = set()
        try:
            async with open_reader() as reader:
                wanting = [city for city in list_cities() if city.backfill and filler.can_fill(city)]
                for group in group_by_providers(wanting):
                    healthy = [city for city in group if not is_failing(city.id)]
                    filled |= await _search_group(healthy, filler, latest, reader, find_first)
        except StateError as error:
            log.debug("backfill.not_possible", reason=str(error))  # the journal writer reports a full disk
        if filled:
            on_filled(filled)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PERIOD - _DELAY):
                await edited.wait()


async def _search_group(
    cities: Sequence[City],
    filler: GapFiller,
    latest: LatestObservations,
    reader: TimeReader,
    find_first: Callable[[City], float],
) -> set[str]:
    """Fill the gaps of cities, then rest, so that the search of a long list takes little of the machine's time.

    Returns the ids of those to which observations were added.
    """
    wanted = [
        WantedTime(city, first, last.observed_at.timestamp())
        for city in cities
        if (last := latest.get(city.id)) and (first := find_first(city)) < last.observed_at.timestamp()
    ]
    before, filled = filler.search_seconds, set[str]()
    for (city, _, _), report in zip(wanted, await filler.fill(wanted, reader), strict=True):
        if added := sum(report.added.values()):
            filled.add(city.id)
            log.info("backfill.added", city=city.id, observations=added, gaps=report.found, left=len(report.left))
    await asyncio.sleep(_REST * (filler.search_seconds - before))
    return filled
