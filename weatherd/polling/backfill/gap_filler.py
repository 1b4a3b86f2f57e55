"""Filling of gaps: the services of each city are asked in turn, one request at a time, behind all live polls."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from weatherd.errors import ProviderError, describe
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
from weatherd.polling.backfill.past_requests import request_past
from weatherd.polling.backfill.shared_requests import share_requests
from weatherd.polling.backfill.wanted_times import FillReport
from weatherd.polling.fetch import is_valid_observation
from weatherd.quota.spare import find_spare_batch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.polling.backfill.past_requests import PastOutcome
    from weatherd.polling.backfill.wanted_times import WantedTime
    from weatherd.providers import Provider
    from weatherd.providers.past import PastTraits
    from weatherd.quota.limiter import RateLimiter

log = structlog.get_logger()

_SETTLED = 2 * 3600.0  # seconds after which a service publishes nothing more about a time
_INSTANT = 1e-3  # seconds before a begin, so that an observation of that moment is in the gap
_USUAL_STEP = 3600.0  # seconds between two observations of a service whose step is not known
NO_PAST = "the service has no past"
NOTHING_MORE = "the service has no observations of that time"


class TimeReader(Protocol):
    """A reader of the journal."""

    async def read_times(
        self, cities: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, Sequence[float]]:
        """Return the times of each city's observations in ``[since, until)``, POSIX, in ascending order."""


@dataclass(slots=True, eq=False)
class _Filling:
    """The gaps of a city while they are filled."""

    city: City
    since: float
    until: float
    gaps: list[Gap] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class GapFiller:
    """A filler of gaps. *add* stores observations of the past, and returns how many were new."""

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

    async def fill(self, wanted: Sequence[WantedTime], reader: TimeReader) -> list[FillReport]:
        """Fill the gaps of some cities with their services, in each city's order of preference.

        Cities that ask the same service about similar times share a request, if the service has such requests. Returns
        a report for each of *wanted*. Raises StateError if the journal cannot be used.
        """
        fillings = [_Filling(city, since - _INSTANT, until) for city, since, until in wanted]
        await self._find(fillings, reader)
        counts = [len(filling.gaps) for filling in fillings]
        for turn in range(max((len(filling.city.providers) for filling in fillings), default=0)):
            groups: defaultdict[str, list[_Filling]] = defaultdict(list)
            for filling in fillings:
                if filling.gaps and turn < len(filling.city.providers):
                    groups[filling.city.providers[turn]].append(filling)
            for name, group in groups.items():
                await self._fill_from(name, group, reader)
        for filling in fillings:
            if not filling.gaps:  # only what is left has to be remembered, because a list may be long
                for name in filling.city.providers:
                    self._asked.pop(_asked_key(filling.city, name), None)
        return [
            FillReport(count, filling.added, filling.gaps, filling.reasons)
            for count, filling in zip(counts, fillings, strict=True)
        ]

    async def _find(self, fillings: Sequence[_Filling], reader: TimeReader) -> None:
        """Find the gaps that are longer than it is usual for each city's preferred service."""
        if not fillings:
            return
        since, until = min(filling.since for filling in fillings), max(filling.until for filling in fillings)
        clock = asyncio.get_running_loop().time
        began = clock()
        times = await reader.read_times([filling.city.id for filling in fillings], _to_time(since), _to_time(until))
        self.search_seconds += clock() - began
        for filling in fillings:
            traits = self.pasts.get(filling.city.providers[0])
            step = traits.step if traits else _USUAL_STEP
            longest = longest_regular_distance(self.find_interval(filling.city), step)
            filling.gaps = find_time_gaps(times[filling.city.id], longest, filling.since, filling.until)

    async def _fill_from(self, name: str, group: Sequence[_Filling], reader: TimeReader) -> None:
        """Ask a service about the gaps of cities."""
        if name not in self.pasts:
            for filling in group:
                filling.reasons[name] = NO_PAST
            return
        traits = self.pasts[name]
        gaps = {filling: self._find_open_gaps(filling, name) for filling in group}
        planned = {filling: plan_requests(found, traits.span) for filling, found in gaps.items()}
        for request in share_requests(planned, traits, find_spare_batch(self.limiters[name], traits.cities)):
            parts = {filling: part for filling, part in request.parts.items() if name not in filling.reasons}
            cities = [filling.city for filling in parts]
            since, until = _to_time(request.begin), _to_time(request.end)
            outcomes = await request_past(self.providers[name], self.limiters[name], cities, since, until)
            for (filling, part), outcome in zip(parts.items(), outcomes, strict=True):
                await self._take(filling, name, part, gaps[filling], outcome)
        await self._find(group, reader)
        for filling in group:
            if filling.gaps:
                filling.reasons.setdefault(name, NOTHING_MORE)

    def _find_open_gaps(self, filling: _Filling, name: str) -> list[Gap]:
        """Return the gaps that a service may fill, and about which it was not asked."""
        traits, asked = self.pasts[name], self._asked[_asked_key(filling.city, name)]
        earliest = self.now().timestamp() - traits.reach
        reachable = [Gap(max(begin, earliest), end) for begin, end in filling.gaps]
        return [gap for gap in reachable if gap.end - gap.begin > traits.step and not asked.cover(gap)]

    async def _take(self, filling: _Filling, name: str, part: Gap, gaps: Sequence[Gap], outcome: PastOutcome) -> None:
        """Add those observations of a response that are in a gap, or note why there are none."""
        city, now = filling.city, self.now()
        try:
            with contain():
                rows = _select_valid(outcome, city, now)
        except Exception as error:
            filling.reasons[name] = describe(error)
            bug = None if isinstance(error, ProviderError) else error
            log.debug("backfill.failed", city=city.id, provider=name, reason=describe(error), exc_info=bug)
            return
        wanted = {time: row for time, row in rows if part.begin <= time <= part.end}
        if missing := [wanted[time] for time in sorted(wanted) if is_in_gap(time, gaps)]:
            filling.added[name] += await self.add(missing)
        settled = now.timestamp() - _SETTLED
        if part.begin < settled:
            self._asked[_asked_key(city, name)].add(part.begin, min(part.end, settled))


def _select_valid(outcome: PastOutcome, city: City, now: datetime) -> list[tuple[float, Observation]]:
    """Return the valid observations of a response, each with its POSIX time; raise the error if it is one."""
    if isinstance(outcome, Exception):
        raise outcome
    rule = "fetch_past() must return Observations"
    valid = [row for row in outcome if is_valid_observation(row, city, now, rule)]
    return [(row.observed_at.timestamp(), row._replace(origin=BACKFILL)) for row in valid]


def _asked_key(city: City, name: str) -> tuple[str, str, float, float]:
    return city.id, name, city.lat, city.lon


def _to_time(posix: float) -> datetime:
    return datetime.fromtimestamp(posix, UTC)
