"""Filling of a city's gaps: its services are asked in turn, one request at a time, behind all live polls."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from weatherd.errors import Failure, ProviderError, StateError, describe
from weatherd.observation import BACKFILL
from weatherd.plugins import contain
from weatherd.polling.backfill.gaps import (
    AskedTimes,
    Gap,
    find_time_gaps,
    is_in_gap,
    longest_regular_distance,
    plan_requests,
)
from weatherd.polling.fetch import is_valid_observation
from weatherd.quota.spare import wait_for_room

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.providers import PastProvider, Provider
    from weatherd.providers.past import PastTraits
    from weatherd.quota.limiter import RateLimiter

log = structlog.get_logger()

_SPACING = 1.0  # seconds between two requests: at most 60 a minute, a tenth of what the free plans allow
_SETTLED = 2 * 3600.0  # seconds after which a service publishes nothing more about a time
_INSTANT = 1e-3  # seconds before a begin, so that an observation of that moment is in the gap
_USUAL_STEP = 3600.0  # seconds between two observations of a service whose step is not known
NO_PAST = "the service has no past"
NOTHING_MORE = "the service has no observations of that time"


class TimeReader(Protocol):
    """A reader of the journal."""

    async def read_times(self, city: str, since: datetime, until: datetime) -> list[float]:
        """Return the times of a city's observations in ``[since, until)``, POSIX, in ascending order."""


@dataclass(frozen=True, slots=True)
class FillReport:
    """What became of a city's gaps."""

    found: int  # gaps
    added: Mapping[str, int]  # observations by provider
    left: Sequence[Gap]
    reasons: Mapping[str, str]  # why a provider could not fill them


@dataclass(slots=True, kw_only=True)
class GapFiller:
    """A filler of gaps, one city at a time. *add* stores observations of the past, and returns how many were new."""

    providers: Mapping[str, Provider]
    pasts: Mapping[str, PastTraits]  # by provider
    limiters: Mapping[str, RateLimiter]
    add: Callable[[Sequence[Observation]], Awaitable[int]]
    now: Callable[[], datetime]
    find_interval: Callable[[City], float]
    search_seconds: float = field(default=0.0, init=False)  # that the journal took
    _asked: defaultdict[tuple[str, str, float, float], AskedTimes] = field(
        default_factory=lambda: defaultdict(AskedTimes)
    )

    def can_fill(self, city: City) -> bool:
        """Return whether one of the city's services has a past."""
        return not self.pasts.keys().isdisjoint(city.providers)

    async def fill(self, city: City, since: float, until: float, reader: TimeReader) -> FillReport:
        """Fill the gaps in ``[since, until)``, POSIX times, with the city's services in its order of preference.

        Raises StateError if the journal cannot be used.
        """
        since -= _INSTANT
        found = gaps = await self._find(city, since, until, reader)
        added = Counter[str]()
        reasons: dict[str, str] = {}
        for name in city.providers:
            if not gaps:
                break
            if name not in self.pasts:
                reasons[name] = NO_PAST
                continue
            try:
                with contain():
                    await self._fill_from(city, name, gaps, added)
            except StateError:
                raise
            except Exception as error:
                reasons[name] = describe(error)
                bug = None if isinstance(error, ProviderError) else error
                log.debug("backfill.failed", city=city.id, provider=name, reason=describe(error), exc_info=bug)
            gaps = await self._find(city, since, until, reader)
            if gaps:
                reasons.setdefault(name, NOTHING_MORE)
        if not gaps:
            for name in city.providers:  # only what is left has to be remembered, because a list may be long
                self._asked.pop((city.id, name, city.lat, city.lon), None)
        return FillReport(len(found), added, gaps, reasons)

    async def _find(self, city: City, since: float, until: float, reader: TimeReader) -> list[Gap]:
        """Return the gaps that are longer than it is usual for the city's preferred service."""
        traits = self.pasts.get(city.providers[0])
        longest = longest_regular_distance(self.find_interval(city), traits.step if traits else _USUAL_STEP)
        clock = asyncio.get_running_loop().time
        began = clock()
        times = await reader.read_times(city.id, _to_time(since), _to_time(until))
        self.search_seconds += clock() - began
        return find_time_gaps(times, longest, since, until)

    async def _fill_from(self, city: City, name: str, gaps: Sequence[Gap], added: Counter[str]) -> None:
        """Ask a service about the gaps that it may fill, and count in *added* what it adds.

        Raises ProviderError if it does not answer, or if it has no calls to spare.
        """
        traits, asked = self.pasts[name], self._asked[city.id, name, city.lat, city.lon]
        now = self.now().timestamp()
        reachable = [Gap(max(begin, now - traits.reach), end) for begin, end in gaps]
        open_gaps = [gap for gap in reachable if gap.end - gap.begin > traits.step and not asked.cover(gap)]
        for request in plan_requests(open_gaps, traits.span):
            found = await self._fetch(city, name, request)
            wanted = {time: row for time, row in found if request.begin <= time <= request.end}
            if rows := [wanted[time] for time in sorted(wanted) if is_in_gap(time, open_gaps)]:
                added[name] += await self.add(rows)
            if request.begin < now - _SETTLED:
                asked.add(request.begin, min(request.end, now - _SETTLED))

    async def _fetch(self, city: City, name: str, request: Gap) -> list[tuple[float, Observation]]:
        """Return the valid observations of a request, each with its POSIX time."""
        provider = cast("PastProvider", self.providers[name])
        await wait_for_room(self.limiters[name])
        try:
            found = await provider.fetch_past(city, _to_time(request.begin), _to_time(request.end))
        except Exception as error:
            if not (isinstance(error, ProviderError) and error.failure is Failure.PAUSED):
                await asyncio.sleep(_SPACING)
            raise
        await asyncio.sleep(_SPACING)
        now = self.now()
        valid = [row for row in found if is_valid_observation(row, city, now, "fetch_past() must return Observations")]
        return [(row.observed_at.timestamp(), row._replace(origin=BACKFILL)) for row in valid]


def _to_time(posix: float) -> datetime:
    return datetime.fromtimestamp(posix, UTC)
