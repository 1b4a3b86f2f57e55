"""Evaluation of rules without a new observation: after a start or an edit, and each minute."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from weatherd.alerts.replay import find_longest_span
from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.alerts.city_alerts import CityAlerts
    from weatherd.journal.journal import AsyncReader, Journal
    from weatherd.pipeline.alerting.desk import AlertDesk

log = structlog.get_logger()

_TICK = 60.0  # seconds
_SILENCE_CHECK = 5.0  # seconds between two looks for silences that commands have added or ended
_PAGE = 1000  # observations that are added before others run, in a few milliseconds
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
            cold = {city_id: desk.alerts[city_id] for city_id in desk.cold}
            if with_windows := {city_id: alerts for city_id, alerts in cold.items() if alerts.has_windows}:
                await self._read_past(with_windows)
            for number, (city_id, alerts) in enumerate(cold.items()):
                if number % _BATCH == _BATCH - 1:
                    await asyncio.sleep(0)
                if desk.alerts.get(city_id) is alerts and city_id in desk.cold:  # not edited meanwhile
                    self._begin(city_id, alerts)
            await desk.recorder.save()

    async def _read_past(self, cold: Mapping[str, CityAlerts]) -> None:
        """Add the observations in the journal to the windows. Without them, the windows fill from now on."""
        try:
            async with self._journal.open_reader() as reader:
                await self._add_past(reader, cold)
        except StateError as error:
            log.warning("alerts.no_past", reason=str(error))

    async def _add_past(self, reader: AsyncReader, cold: Mapping[str, CityAlerts]) -> None:
        """Add the observations at the place where each city is now."""
        desk = self._desk
        since = desk.now() - timedelta(seconds=find_longest_span(desk.rules))
        ids = list(cold) if len(cold) < len(desk.cities) else []
        places = await reader.read_places()
        first = {city: place.first_seq for city, place in places.items() if city in cold and desk.is_at(city, place)}
        seq = 0
        while entries := await reader.read_page(seq, _PAGE, since, None, ids):
            for seq, observation in entries:
                city = observation.city
                if city in first and seq >= first[city]:
                    cold[city].add(observation)

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
            is_new = time == observation.fetched_at.timestamp()
            if is_new or not desk.latest.budgets.is_stale(observation, time):
                desk.evaluate(alerts, city_id, time)
            else:
                desk.drop_pending(alerts, city_id)
