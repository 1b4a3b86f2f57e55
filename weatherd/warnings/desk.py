"""The official warnings of the running daemon: their services, what is in force, and what is stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from weatherd.errors import ConfigError
from weatherd.providers.bright_sky.warning_client import BrightSkyWarnings
from weatherd.providers.met_norway.warning_client import MetNorwayWarnings
from weatherd.providers.nws.warning_client import NwsWarnings
from weatherd.providers.pirate_weather.warning_client import PirateWeatherWarnings
from weatherd.quota.plans import WARNING_PLANS
from weatherd.text.warning_services import wants_warnings
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.polling import WarningPoller
from weatherd.warnings.recorder import WarningRecorder
from weatherd.warnings.request_load import OpenService, find_request_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.config.settings import Settings
    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.warning_table import SavedPlace
    from weatherd.official_warning import OfficialWarning
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.providers import Resources
    from weatherd.providers.warning_service import WarningService
    from weatherd.text.warning_services import WarningsSetting

_OPENERS: dict[str, Callable[[Settings, Resources], WarningService]] = {
    "nws": NwsWarnings,
    "bright-sky": BrightSkyWarnings,
    "met-norway": MetNorwayWarnings,
    "pirate-weather": PirateWeatherWarnings,
}


class WarningDesk:
    """The warnings of all cities, and the pollers that keep them current."""

    def __init__(
        self,
        pollers: Sequence[WarningPoller],
        recorder: WarningRecorder,
        current: CurrentWarnings,
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self.current = current
        self._now = now
        self._pollers = {poller.name: poller for poller in pollers}
        self._choices: Counter[WarningsSetting] = Counter()  # cities by their choice of services
        self._recorder = recorder
        self._retention = settings.retention
        self._saved: Sequence[SavedPlace] = ()

    @property
    def pollers(self) -> list[WarningPoller]:
        """The pollers of the services that a city of the list has chosen."""
        return [
            poller
            for name, poller in self._pollers.items()
            if any(wants_warnings(choice, name) for choice in self._choices)
        ]

    async def restore(self, journal: Journal) -> None:
        """Load the warnings of the last run, and save all again if the journal is lost. Raises StateError."""
        self._saved, journal.warning_seq = await journal.call(
            lambda store: (store.warnings.load(), store.warnings.last_seq())
        )
        save_others = journal.on_reopened

        def save_again() -> None:
            save_others()
            for poller in self._pollers.values():
                poller.save_again()

        journal.on_reopened = save_again

    def find_severity(self, city: str, now: datetime) -> int | None:
        """Return the severity of a city's most severe warning; -1 without one, None before the first answer."""
        found = self._find_in_force(city, now)
        if found is None:
            return None
        return int(found[0].severity) if found else -1

    def covers(self, city: City) -> bool:
        """Return whether the warnings of a city are requested from a service that covers it."""
        return any(
            wants_warnings(city.warnings, name) and poller.service.covers(city)
            for name, poller in self._pollers.items()
        )

    def find_in_force(self, city_id: str) -> list[OfficialWarning] | None:
        """Return the warnings in force in a city, the most severe first; None before the first answer."""
        return self._find_in_force(city_id, self._now())

    def _find_in_force(self, city_id: str, now: datetime) -> list[OfficialWarning] | None:
        found = [found.warning for found in self.current.of_city(city_id, now)]
        is_known = found or any(self.current.has_answer(city_id, name) for name in self._pollers)
        return found if is_known else None

    def apply_diff(self, change: CityListDiff) -> None:
        """Forget the cities that were removed, have moved, or want other warnings.

        After a start, forget those that are not in the list as they were saved.
        """
        before, after = change.removed_or_changed, change.added_or_changed
        self._choices.subtract(city.warnings for city in before.values())
        self._choices.update(city.warnings for city in after.values())
        self._choices = +self._choices
        if self._saved:
            listed = {city.id: city for city in change.cities}
            usable = [place for place in self._saved if self._is_usable(place, listed.get(place.city))]
            self._recorder.forget({place[:2] for place in self._saved} - {place[:2] for place in usable})
            self.current.restore(usable)
            self._saved = ()
        for city in change.removed | change.moved:
            self._recorder.forget(self.current.forget(city))
        for city in change.changed:
            unwanted = [name for name in self._pollers if not wants_warnings(after[city].warnings, name)]
            self._recorder.forget(self.current.forget(city, unwanted))
        for poller in self._pollers.values():
            poller.notice_edit()

    def _is_usable(self, place: SavedPlace, city: City | None) -> bool:
        """Return whether the saved warnings are still those of a city of the list."""
        return (
            city is not None
            and (city.lat, city.lon) == (place.lat, place.lon)
            and place.provider in self._pollers
            and wants_warnings(city.warnings, place.provider)
        )

    async def run(self) -> None:
        """Poll all services, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for poller in self._pollers.values():
                tasks.create_task(poller.run(), name=f"poll warnings of {poller.name}")
            tasks.create_task(self._recorder.prune(self._retention), name="prune warnings")


def open_services(settings: Settings, open_resources: Callable[[str], Resources]) -> Iterator[OpenService]:
    """Yield the services that can be used. Those for a country are preferred to the one for the world."""
    opened: list[WarningService] = []
    for name, opener in _OPENERS.items():
        with contextlib.suppress(ConfigError):  # a row that names a service without its setting is quarantined
            service = opener(settings, open_resources(name))
            rate = find_request_rate(name, getattr(settings, name.replace("-", "_")).plan)
            yield OpenService(name, service, rate, opened[:] if name in WARNING_PLANS else ())
            opened.append(service)


async def open_warnings(
    settings: Settings,
    open_resources: Callable[[str], Resources],
    registry: CityRegistry,
    journal: Journal,
    now: Callable[[], datetime],
) -> WarningDesk:
    """Open the services that have the settings they require, and load the warnings of the last run.

    Raises StateError if the journal cannot be used.
    """
    current = CurrentWarnings()
    recorder = WarningRecorder(journal, current, now)
    pollers = [
        WarningPoller(**opened._asdict(), registry=registry, current=current, recorder=recorder, now=now)
        for opened in open_services(settings, open_resources)
    ]
    desk = WarningDesk(pollers, recorder, current, settings, now)
    await desk.restore(journal)
    return desk
