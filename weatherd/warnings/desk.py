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
from weatherd.warnings.change_log import log_changes
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.expiry import expire_on_time
from weatherd.warnings.polling import WarningPoller
from weatherd.warnings.recorder import WarningRecorder, make_place
from weatherd.warnings.request_load import OpenService, find_request_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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
    from weatherd.warnings.current import CityChange
    from weatherd.warnings.polled_cities import PolledCities

_RETRY_AFTER = 60.0  # seconds
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
        *,
        registry: PolledCities,
        find_city: Callable[[str], City | None],
        now: Callable[[], datetime],
    ) -> None:
        self.current = current
        self._registry = registry
        self._find_city = find_city
        self._now = now
        self._pollers = {poller.name: poller for poller in pollers}
        self._choices: Counter[WarningsSetting] = Counter()  # cities by their choice of services
        self._recorder = recorder
        self._retention = settings.retention.raw
        self._saved: Sequence[SavedPlace] = ()
        self._has_forgotten = asyncio.Event()

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

    def find_severity(self, city: City, now: datetime) -> int | None:
        """Return the severity of a city's most severe warning.

        It is -1 without a warning, also where none are requested, and None before the first answer.
        """
        found = self._find_in_force(city.id, now)
        if found:
            return int(found[0].severity)
        return None if found is None and self.covers(city) else -1

    def covers(self, city: City) -> bool:
        """Return whether the warnings of a city are requested from a service that covers it."""
        return any(poller.is_candidate(city) for poller in self._pollers.values())

    def find_in_force(self, city_id: str) -> list[OfficialWarning] | None:
        """Return the warnings in force in a city, the most severe first; None before the first answer."""
        return self._find_in_force(city_id, self._now())

    def _find_in_force(self, city_id: str, now: datetime) -> list[OfficialWarning] | None:
        found = [found.warning for found in self.current.of_city(city_id, now)]
        is_known = found or any(self.current.has_answer(city_id, name) for name in self._pollers)
        return found if is_known else None

    def apply_diff(self, change: CityListDiff) -> None:
        """End the warnings of cities that were removed, have moved, or want other warnings.

        After a start, end those of cities that are not in the list as they were saved.
        """
        before, after = change.removed_or_changed, change.added_or_changed
        self._choices.subtract(city.warnings for city in before.values())
        self._choices.update(city.warnings for city in after.values())
        self._choices = +self._choices
        places: list[tuple[str, Sequence[str] | None]] = []  # city ids, and the services that are not asked any more
        if self._saved:
            listed = {city.id: city for city in change.cities}
            self.current.restore(self._saved)
            unusable = (place for place in self._saved if not self._is_usable(place, listed.get(place.city)))
            places += [(place.city, (place.provider,)) for place in unusable]
            self._saved = ()
        places += [(city, None) for city in sorted(change.removed | change.moved)]
        for city in sorted(change.changed):
            unwanted = [name for name, poller in self._pollers.items() if not poller.is_candidate(after[city])]
            places += [(city, unwanted)] if unwanted else []
        self._forget(places)
        self.notice_edit()

    def share(self, on_saved: Callable[[Iterable[tuple[str, str]], int], None]) -> None:
        """Share what is known with other nodes, which know better than the last run.

        *on_saved* is called with city and provider of what was saved, and the number of the last change.
        """
        self._recorder.on_saved, self._saved = on_saved, ()

    def list_known(self) -> set[str]:
        """Return the ids of the cities of which something is known."""
        return self.current.list_cities()

    def find_place(self, key: tuple[str, str]) -> SavedPlace | None:
        """Return what is known of a city from a provider; None if it is not listed, or nothing is known."""
        city = self._find_city(key[0])
        is_known = city is not None and (self.current.has_answer(*key) or self.current.known(*key))
        return make_place(key, city, self.current.known(*key)) if city and is_known else None

    def take(self, places: Sequence[SavedPlace]) -> None:
        """Take what is known of cities that another node polled until now."""
        self.current.restore(places)
        self._forget(
            (place.city, (place.provider,))
            for place in places
            if not self._is_usable(place, self._find_city(place.city))
        )

    def leave(self, city_ids: Collection[str]) -> None:
        """Leave cities to another node: their warnings do not end."""
        self._recorder.leave(city_ids)
        for city in city_ids:
            self.current.forget(city, self._now())

    def notice_edit(self) -> None:
        """Notice that the cities of this node have changed."""
        for poller in self._pollers.values():
            poller.notice_edit()

    def _forget(self, places: Iterable[tuple[str, Sequence[str] | None]]) -> None:
        """End the warnings of cities from some services, or from all, and have that stored."""
        now = self._now()
        ended: list[CityChange] = []
        for city, providers in places:
            forgotten, changes = self.current.forget(city, now, providers)
            self._recorder.forget(forgotten, changes)
            ended += changes
        log_changes(ended)
        self._has_forgotten.set()

    def _is_usable(self, place: SavedPlace, city: City | None) -> bool:
        """Return whether the saved warnings are still those of a city of the list."""
        return (
            city is not None
            and (city.lat, city.lon) == (place.lat, place.lon)
            and place.provider in self._pollers
            and self._pollers[place.provider].is_candidate(city)
        )

    async def run(self) -> None:
        """Poll all services, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for poller in self._pollers.values():
                tasks.create_task(poller.run(), name=f"poll warnings of {poller.name}")
            tasks.create_task(self._save_forgotten(), name="save ended warnings")
            expiry = expire_on_time(self._registry, self.current, self._recorder, self._now)
            tasks.create_task(expiry, name="expire warnings")
            tasks.create_task(self._recorder.prune(self._retention), name="prune warnings")

    async def _save_forgotten(self) -> None:
        """Save what was forgotten, because there may be no poll after which that is done."""
        while True:
            await self._has_forgotten.wait()
            self._has_forgotten.clear()
            while not await self._recorder.save():  # noqa: ASYNC110 - it tries again
                await asyncio.sleep(_RETRY_AFTER)


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
    *,
    reserve: Callable[[str, float], None],
    polled: PolledCities | None = None,
) -> WarningDesk:
    """Open the services that have the settings they require, and load the warnings of the last run.

    *reserve* is called with the name of a service and the calls per second that its warnings need. In a cluster,
    *polled* are the cities of this node; calls are planned for the whole list all the same, as on all nodes. Raises
    StateError if the journal cannot be used.
    """
    polled = polled or registry
    current = CurrentWarnings()
    recorder = WarningRecorder(journal, current, now)
    pollers = [
        WarningPoller(
            **opened._asdict(),
            registry=polled,
            list_planned=lambda: registry.cities,
            current=current,
            recorder=recorder,
            now=now,
            reserve=reserve,
        )
        for opened in open_services(settings, open_resources)
    ]
    desk = WarningDesk(pollers, recorder, current, settings, registry=polled, find_city=registry.get, now=now)
    await desk.restore(journal)
    return desk
