"""Polling of one service's warnings: its cities in turn, at the service's pace, through its rate limiter."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.warnings.change_log import log_changes
from weatherd.warnings.request_load import first_spacing, is_requested, regular_spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.providers.warning_service import WarningAnswer, WarningService
    from weatherd.warnings.current import CityChange, CurrentWarnings
    from weatherd.warnings.polled_cities import PolledCities
    from weatherd.warnings.recorder import WarningRecorder

log = structlog.get_logger()

_LOGGED_PROBLEMS = 10
_BATCH = 100  # cities in a few milliseconds, before other tasks may run
_UNCOVERED_FOR = timedelta(days=1)  # until the service is asked again about a city that it does not cover


_GroupKey = tuple[str, float, float]


def _identify(group: Sequence[City]) -> _GroupKey:
    """Return id and coordinates of a group's first city, by which a request is known."""
    city = group[0]
    return city.id, city.lat, city.lon


@dataclass(slots=True)
class ServiceHealth:
    """Health of a service's warnings, for the status and the metrics."""

    last_success: datetime | None = None
    failure: str | None = None  # why the last request failed; None after a success
    covered: int = 0  # cities


@dataclass(slots=True, kw_only=True)
class WarningPoller:
    """Poller of one service."""

    name: str  # of the provider
    service: WarningService
    rate: float  # requests per second, at most; infinite without a limit
    registry: PolledCities
    current: CurrentWarnings
    recorder: WarningRecorder
    now: Callable[[], datetime]
    reserve: Callable[[str, float], None]  # called with the name and the calls per second after an edit of the list
    list_planned: Callable[[], Sequence[City]] | None = None  # for which calls are planned; None: the polled ones
    preferred: Sequence[WarningService] = ()  # with ``auto``, only for cities that none of these covers
    health: ServiceHealth = field(default_factory=ServiceHealth)
    _uncovered: dict[tuple[float, float], datetime] = field(default_factory=dict)  # until when, by coordinates
    _has_problems: bool = False  # of the last answer
    _polled: dict[_GroupKey, float] = field(default_factory=dict)  # loop times of the last requests
    _edited: asyncio.Event = field(default_factory=asyncio.Event)
    _planned: Sequence[City] = ()  # the list for which calls are planned now
    _listed: Sequence[City] = ()  # the list when it was searched for cities that the service may cover
    _candidates: list[City] = field(default_factory=list)  # those cities

    async def run(self) -> None:
        """Poll the covered cities of the list, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            self._edited.clear()
            groups = self.service.group(await self._find_covered())
            if not groups:
                await self._wait_for_edit(clock() + self.service.interval)
                continue
            group, began = min(groups, key=self._find_last_poll), clock()
            await self._poll(group)
            self._polled[_identify(group)] = clock()
            await self._prepare(group, began + self._find_spacing(groups))

    def _is_known(self, group: Sequence[City]) -> bool:
        return _identify(group) in self._polled or self.current.has_answer(group[0].id, self.name)

    def _find_last_poll(self, group: Sequence[City]) -> tuple[bool, float]:
        """Return by what groups are ordered: first those that nothing is known of, then the one polled longest ago."""
        return self._is_known(group), self._polled.get(_identify(group), 0.0)

    def notice_edit(self) -> None:
        """Notice that the list was edited."""
        self._edited.set()

    async def _wait_for_edit(self, until: float) -> bool:
        """Wait for an edit of the list until a loop time at most; return whether there was one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._edited.wait()
        return self._edited.is_set()

    async def _prepare(self, group: Sequence[City], until: float) -> None:
        """Wait until a loop time, or until a city is added; meanwhile look up what the next answers need."""
        clock = asyncio.get_running_loop().time
        if until > clock():
            try:
                await self.service.prepare(group, until - clock())
            except Exception as error:  # as in _poll()
                log.error("warnings.lookup_failed", provider=self.name, exc_info=error)
        while await self._wait_for_edit(until):
            self._edited.clear()
            if not all(map(self._is_known, self.service.group(await self._find_covered()))):
                return

    def save_again(self) -> None:
        """Have the warnings of all cities saved at the next save, because the journal's file was lost."""
        known = [
            city
            for city in self.registry.cities
            if self.current.has_answer(city.id, self.name) or self.current.known(city.id, self.name)
        ]
        self.recorder.add(self.name, known, [])

    async def _find_covered(self) -> list[City]:
        """Return the cities of the list that the service covers, as far as is known. Searches only a changed list."""
        listed = self.registry.cities
        if listed is not self._listed:
            self._listed, self._candidates = listed, await self._select_candidates(listed)
            found = {_identify([city]) for city in self._candidates}
            self._polled = {key: time for key, time in self._polled.items() if key in found}
        planned = self.list_planned() if self.list_planned else listed
        if planned is not self._planned:
            candidates = self._candidates if planned is listed else await self._select_candidates(planned)
            self._planned = planned
            self.reserve(self.name, self._find_regular_rate(len(self.service.group(candidates))))
        now = self.now()
        covered = [city for city in self._candidates if self._uncovered.get((city.lat, city.lon), now) <= now]
        self.health.covered = len(covered)
        if not covered:  # it is not requested any more, so that a failure would stay for ever
            self.health.last_success = self.health.failure = None
        return covered

    async def _select_candidates(self, cities: Sequence[City]) -> list[City]:
        candidates: list[City] = []
        for begin in range(0, len(cities), _BATCH):
            candidates += [city for city in cities[begin : begin + _BATCH] if self.is_candidate(city)]
            await asyncio.sleep(0)
        return candidates

    def is_candidate(self, city: City) -> bool:
        """Return whether the service is asked about a city; it may answer that it does not cover it."""
        return is_requested(city, self.name, self.service, self.preferred)

    def _find_spacing(self, groups: Sequence[Sequence[City]]) -> float:
        """Return the seconds between two requests: short while there are groups without an answer, then evenly spread.

        Nothing is requested more often than a share of the plan's rate allows, however many cities there are.
        """
        if not self.health.failure and not all(map(self._is_known, groups)):
            return first_spacing(self.name, self.rate)
        return regular_spacing(len(groups), self.service.interval, self.rate)

    def _find_regular_rate(self, groups: int) -> float:
        return 1 / regular_spacing(groups, self.service.interval, self.rate) if groups else 0.0

    async def _poll(self, cities: Sequence[City]) -> None:
        """Request the warnings of a group, take the answers, then log and store what has changed."""
        try:
            answers = await self.service.fetch(cities)
        except ProviderError as error:
            if error.failure is Failure.REJECTED and len(cities) == 1:
                self._uncovered[cities[0].lat, cities[0].lon] = self.now() + _UNCOVERED_FOR
            else:
                self._report_failure(str(error), is_logged=is_service_wide(error))
            answers = {}
        except Exception as error:  # noqa: BLE001 - a bug must not end the polls of the weather
            self._report_failure(describe(error), exc_info=error)
            answers = {}
        else:
            self._report_success(answers)
        changes: list[CityChange] = []
        for begin in range(0, len(cities), _BATCH):
            for city in cities[begin : begin + _BATCH]:
                changes += self._take(city, answers.get(city.id))
            await asyncio.sleep(0)
        log_changes(changes)
        await self.recorder.save()

    def _take(self, city: City, answer: WarningAnswer | None) -> list[CityChange]:
        """Take the answer about a city; without one, its warnings still end at their own ends."""
        listed = self.registry.get(city.id)
        if listed is None or (listed.lat, listed.lon, listed.warnings) != (city.lat, city.lon, city.warnings):
            return []  # removed or edited while the request was in progress
        had_answer = self.current.has_answer(city.id, self.name)
        if answer is None:
            changes = self.current.expire(city.id, self.name, self.now())
        else:
            changes = self.current.update(city.id, self.name, answer, self.now())
        if changes or had_answer != self.current.has_answer(city.id, self.name):
            self.recorder.add(self.name, [city], changes)
        return changes

    def _report_failure(self, reason: str, *, is_logged: bool = False, exc_info: Exception | None = None) -> None:
        """Log a failure unless the rate limiter has logged it, or another city had a good answer a moment ago."""
        since = self.health.last_success
        is_isolated = since is not None and self.now() - since < timedelta(seconds=2 * self.service.interval)
        if self.health.failure is None and not is_isolated:
            self.health.failure = reason
            write = log.debug if is_logged else log.error if exc_info else log.warning
            write("warnings.down", provider=self.name, reason=reason, exc_info=exc_info)

    def _report_success(self, answers: Mapping[str, WarningAnswer]) -> None:
        if self.health.failure is not None:
            log.info("warnings.recovered", provider=self.name)
        self.health.failure, self.health.last_success = None, self.now()
        problems = sorted({problem for answer in answers.values() for problem in answer.problems})
        if problems and not self._has_problems:
            log.warning("warnings.unreadable", provider=self.name, problems=problems[:_LOGGED_PROBLEMS])
        self._has_problems = bool(problems)
