"""Evaluation of rules without a new observation: after a start or an edit, and each minute."""

from __future__ import annotations

import asyncio
import contextlib
import math
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.replay import find_longest_span
from weatherd.errors import DeliveryError, StateError
from weatherd.observation import LIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from weatherd.alerts.city_alerts import CityAlerts
    from weatherd.journal.journal import AsyncReader, Journal
    from weatherd.observation import Observation
    from weatherd.pipeline.alerting.desk import AlertDesk, OpenPast
    from weatherd.pipeline.forwarders.postgresql.past_reader import PastReader

log = structlog.get_logger()

_TICK = 60.0  # seconds
_SILENCE_CHECK = 5.0  # seconds between two looks for silences that commands have added or ended
_PART = timedelta(minutes=15)  # whose observations are read together
_AHEAD = timedelta(days=1)  # by which the clock of a service may be ahead of ours
_PAGE = 1000  # observations that are added before others run, in a few milliseconds
_SHARED_CITIES = 50  # whose past is read at once from the database of a cluster
_BATCH = 200  # cities that are evaluated before others run


class Evaluator:
    """Evaluates the alerts of a desk in the background."""

    def __init__(self, desk: AlertDesk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    async def run(self) -> None:
        """Read the past of cities that need it, and evaluate each minute what depends on the time; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._warm_up(), name="read the past of alerts")
            tasks.create_task(self._tick(), name="evaluate alerts")
            tasks.create_task(self._follow_silences(), name="follow silences")

    async def _tick(self) -> None:
        desk = self._desk
        while True:
            await asyncio.sleep(_TICK)
            for number, (city_id, alerts) in enumerate(list(desk.alerts.items())):
                if number % _BATCH == _BATCH - 1:
                    await asyncio.sleep(0)
                if desk.alerts.get(city_id) is alerts and city_id not in desk.cold and alerts.is_moving:
                    desk.evaluate(alerts, city_id, desk.now().timestamp())
            await desk.recorder.save()

    async def _follow_silences(self) -> None:
        while True:
            with contextlib.suppress(StateError):  # the journal writer reports it
                await self._desk.follow_silences()
            await asyncio.sleep(_SILENCE_CHECK)

    async def _warm_up(self) -> None:
        """Take the past of the cold cities from the journal, then evaluate what has arrived meanwhile."""
        desk = self._desk
        while True:
            await desk.has_cold.wait()
            desk.has_cold.clear()
            self._forget_windows()
            cold = {city_id: desk.alerts[city_id] for city_id in desk.cold}
            if with_windows := {city_id: alerts for city_id, alerts in cold.items() if alerts.has_windows}:
                await self._read_past(with_windows)
            for number, (city_id, alerts) in enumerate(cold.items()):
                if number % _BATCH == _BATCH - 1:
                    await asyncio.sleep(0)
                if desk.alerts.get(city_id) is alerts and city_id in desk.cold:  # not edited meanwhile
                    self._begin(city_id, alerts)
            await desk.recorder.save()

    def _forget_windows(self) -> None:
        """Make the cities cold whose past has become more complete. Their rules wait for the next observation."""
        desk = self._desk
        for city_id in desk.completed:
            alerts, latest = desk.alerts.get(city_id), desk.latest.get(city_id)
            if alerts and alerts.has_windows and latest and city_id not in desk.cold:
                alerts.forget_windows()
                desk.cold[city_id] = [(latest, None)]
        desk.completed.clear()

    async def _read_past(self, cold: Mapping[str, CityAlerts]) -> None:
        """Add the observations in the journal to the windows. Without them, the windows fill from now on."""
        try:
            async with self._journal.open_reader() as reader:
                if self._desk.open_shared_past:
                    await self._add_shared_past(reader, cold, self._desk.open_shared_past)
                else:
                    await self._add_past(reader, cold)
        except StateError as error:
            log.warning("alerts.no_past", reason=str(error))

    async def _add_past(self, reader: AsyncReader, cold: Mapping[str, CityAlerts]) -> None:
        """Add the observations at the place where each city is now, in the order of time.

        Those that were polled later, or imported, complete the windows up to the city's latest observation, which none
        of them can be: an alert is about present weather.
        """
        desk = self._desk
        ids = list(cold) if len(cold) < len(desk.cities) else []
        places = await reader.read_places()
        first = {city: place.first_seq for city, place in places.items() if city in cold and desk.is_at(city, place)}
        for since, until in _split(desk.now(), find_longest_span(desk.rules)):
            for number, (seq, observation) in enumerate(await reader.read_span(ids, since, until)):
                if number % _PAGE == _PAGE - 1:
                    await asyncio.sleep(0)
                city = observation.city
                if city in first and seq >= first[city] and (observation.origin == LIVE or self._is_past(observation)):
                    cold[city].add(observation)

    async def _add_shared_past(self, reader: AsyncReader, cold: Mapping[str, CityAlerts], open_past: OpenPast) -> None:
        """Add what all nodes of a cluster have polled, and what this one has not sent to the database yet.

        Nothing is added of a city that is at another place than in this journal: the database has no places.
        """
        desk, places = self._desk, await reader.read_places()
        here = [city for city in cold if city not in places or desk.is_at(city, places[city])]
        first = {city: places[city].first_seq if city in places else 0 for city in here}
        begin, end = desk.now() - timedelta(seconds=find_longest_span(desk.rules)), desk.now() + _AHEAD
        async with contextlib.AsyncExitStack() as stack:
            past: PastReader | None = None
            try:
                past = await stack.enter_async_context(open_past())
            except (DeliveryError, OSError) as error:
                log.warning("alerts.no_past", reason=str(error))
            for start in range(0, len(here), _SHARED_CITIES):
                chosen = here[start : start + _SHARED_CITIES]
                shared: Sequence[Observation] = ()
                try:
                    shared = await past.read(chosen, begin) if past is not None else ()
                except DeliveryError as error:
                    log.warning("alerts.no_past", reason=str(error))
                    past = None
                found = {_identify(observation): observation for observation in shared}
                rows = await reader.read_span(chosen, begin, end)
                own = (observation for seq, observation in rows if seq >= first[observation.city])
                found |= {_identify(observation): observation for observation in own}
                for observation in sorted(found.values(), key=lambda observation: observation.observed_at):
                    if observation.origin == LIVE or self._is_past(observation):
                        cold[observation.city].add(observation)

    def _is_past(self, observation: Observation) -> bool:
        """Return whether a city has a newer observation, or one of the same time, that was polled."""
        latest = self._desk.latest.get(observation.city)
        return latest is not None and observation.observed_at <= latest.observed_at

    def _begin(self, city_id: str, alerts: CityAlerts) -> None:
        """Evaluate a city on its latest observation, if that is fresh, and on those that have arrived meanwhile.

        The latest one may be from before a kill that came between its transaction and the one of its changes. What
        changes with it changes at the time of the start or the edit, and not when the observation arrived.
        """
        desk = self._desk
        for observation, time in desk.cold.pop(city_id):
            if alerts.newest and observation.observed_at < alerts.newest.observed_at:
                continue  # the windows have it
            alerts.add(observation)
            if time is None:  # it was evaluated when it arrived
                continue
            is_new = time == observation.fetched_at.timestamp()
            if is_new or not desk.latest.budgets.is_stale(observation, time):
                desk.evaluate(alerts, city_id, time)
            else:
                desk.drop_pending(alerts, city_id)


def _identify(observation: Observation) -> tuple[str, str, str, datetime]:
    return observation.city, observation.provider, observation.station, observation.observed_at


def _split(end: datetime, length: float) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of the *length* seconds before *end*, and of the time after it, in their order.

    Services publish each quarter of an hour: a part has the observations of all cities of one time.
    """
    count = math.ceil(length / _PART.total_seconds())
    bounds = [*(end - number * _PART for number in range(count, -1, -1)), end + _AHEAD]
    yield from pairwise(bounds)
