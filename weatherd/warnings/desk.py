"""The official warnings of the running daemon: their services, what is in force, and what is stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.providers.bright_sky.warning_client import BrightSkyWarnings
from weatherd.providers.met_norway.warning_client import MetNorwayWarnings
from weatherd.providers.nws.warning_client import NwsWarnings
from weatherd.quota.plans import find_plan
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.polling import WarningPoller
from weatherd.warnings.recorder import WarningRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from weatherd.config.diff import CityListDiff
    from weatherd.config.settings import Settings
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.warning_table import SavedPlace
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.providers import Resources
    from weatherd.providers.warning_service import WarningService

_OPENERS: dict[str, Callable[[Settings, Resources], WarningService]] = {
    "nws": NwsWarnings,
    "bright-sky": BrightSkyWarnings,
    "met-norway": MetNorwayWarnings,
}


class WarningDesk:
    """The warnings of all cities, and the pollers that keep them current."""

    def __init__(
        self, pollers: Sequence[WarningPoller], recorder: WarningRecorder, current: CurrentWarnings, settings: Settings
    ) -> None:
        self.current = current
        self.pollers = pollers
        self._recorder = recorder
        self._retention = settings.retention
        self._saved: Sequence[SavedPlace] = ()

    async def restore(self, journal: Journal) -> None:
        """Load the warnings of the last run, and save all again if the journal is lost. Raises StateError."""
        self._saved = await journal.call(lambda store: store.warnings.load())
        save_others = journal.on_reopened

        def save_again() -> None:
            save_others()
            for poller in self.pollers:
                poller.save_again()

        journal.on_reopened = save_again

    def find_severity(self, city: str, now: datetime) -> int | None:
        """Return the severity of a city's most severe warning; -1 without one, None before the first answer."""
        found = self.current.of_city(city, now)
        if found:
            return int(found[0].warning.severity)
        return -1 if any(self.current.has_answer(city, poller.name) for poller in self.pollers) else None

    def apply_diff(self, change: CityListDiff) -> None:
        """Forget the cities that were removed or have moved; after a start, those that are not in the list as saved."""
        if self._saved:
            coordinates = {city.id: (city.lat, city.lon) for city in change.cities}
            names = {poller.name for poller in self.pollers}
            usable = [
                place
                for place in self._saved
                if place.provider in names and coordinates.get(place.city) == (place.lat, place.lon)
            ]
            self._recorder.forget({place[:2] for place in self._saved} - {place[:2] for place in usable})
            self.current.restore(usable)
            self._saved = ()
        for city in change.removed | change.moved:
            self._recorder.forget(self.current.forget(city))

    async def run(self) -> None:
        """Poll all services, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for poller in self.pollers:
                tasks.create_task(poller.run(), name=f"poll warnings of {poller.name}")
            tasks.create_task(self._recorder.prune(self._retention), name="prune warnings")


async def open_warnings(
    settings: Settings,
    open_resources: Callable[[str], Resources],
    registry: CityRegistry,
    journal: Journal,
    now: Callable[[], datetime],
) -> WarningDesk:
    """Open the services that the settings name, and load the warnings of the last run.

    Raises ConfigError if a service lacks a setting, and StateError if the journal cannot be used.
    """
    current = CurrentWarnings()
    recorder = WarningRecorder(journal, current, now)
    pollers = [
        WarningPoller(
            name=name,
            service=_OPENERS[name](settings, open_resources(name)),
            rate=find_plan(name, getattr(settings, name.replace("-", "_")).plan).rate,
            registry=registry,
            current=current,
            recorder=recorder,
            now=now,
        )
        for name in settings.warning_services
    ]
    desk = WarningDesk(pollers, recorder, current, settings)
    await desk.restore(journal)
    return desk
