"""Storage of warnings in the journal: their changes, and those in force for the next run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError
from weatherd.journal.tables.warning_table import SavedChange, SavedPlace, SavedWarning
from weatherd.warnings.difference import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from weatherd.city import City
    from weatherd.journal.journal import Journal
    from weatherd.warnings.current import CityChange, CurrentWarnings
    from weatherd.warnings.difference import KnownWarning

log = structlog.get_logger()

_PRUNE_PERIOD = 3600.0  # seconds


def _ignore_saving(_keys: Iterable[tuple[str, str]], _last_change: int) -> None:
    """Do nothing when places were saved, because no other node needs to know."""


def make_place(key: tuple[str, str], city: City, known: Mapping[str, KnownWarning]) -> SavedPlace:
    """Return what is known of a city, by city id and provider, as it is saved."""
    warnings = [SavedWarning(found.warning, found.since) for found in known.values()]
    return SavedPlace(*key, city.lat, city.lon, warnings)


class WarningRecorder:
    """Writer of changes and states, each with its changes in one transaction. While it cannot write, they wait."""

    def __init__(self, journal: Journal, current: CurrentWarnings, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._current = current
        self._now = now
        self._places: dict[tuple[str, str], City] = {}  # to be saved, by city id and provider
        self._forgotten: set[tuple[str, str]] = set()
        self._changes: list[SavedChange] = []
        self.on_saved: Callable[[Iterable[tuple[str, str]], int], None] = _ignore_saving
        self._is_down = False
        self._saving = asyncio.Lock()

    def add(self, provider: str, cities: Iterable[City], changes: Iterable[CityChange]) -> None:
        """Add changes, and the cities whose warnings are to be saved as they are now."""
        for city in cities:
            self._places[city.id, provider] = city
        self._add_changes(changes)

    def _add_changes(self, changes: Iterable[CityChange]) -> None:
        now = self._now()
        self._changes += [
            SavedChange(now, city, change.kind, change.reason or "", change.warning)
            for city, change in changes
            if change.kind is not ChangeKind.RENEWED
        ]

    def forget(self, places: Iterable[tuple[str, str]], changes: Iterable[CityChange]) -> None:
        """Delete cities at the next save, each with its provider, and add the changes that end their warnings."""
        for place in places:
            self._forgotten.add(place)
            self._places.pop(place, None)
        self._add_changes(changes)

    async def save(self) -> bool:
        """Save what was added; return whether nothing waits. While the journal cannot be written, all of it does."""
        async with self._saving:
            if not (self._places or self._forgotten or self._changes):
                return True
            places, forgotten, changes = self._places, self._forgotten, self._changes
            self._places, self._forgotten, self._changes = {}, set(), []
            saved, gone = [self._to_row(key, city) for key, city in places.items()], sorted(forgotten)
            last_seq = self._journal.warning_seq
            try:
                self._journal.warning_seq = await self._journal.call(
                    lambda store: store.warnings.save(saved, gone, changes, last_seq)
                )
            except StateError as error:
                self._report(error)
                self._places = places | self._places
                self._forgotten |= forgotten
                self._changes = changes + self._changes
                return False
            self._report(None)
            self.on_saved((*places, *gone), self._journal.warning_seq)
            return True

    def leave(self, city_ids: Collection[str]) -> None:
        """Drop what waits about cities that another node polls now."""
        self._places = {key: city for key, city in self._places.items() if key[0] not in city_ids}
        self._forgotten = {key for key in self._forgotten if key[0] not in city_ids}
        self._changes = [change for change in self._changes if change.city not in city_ids]

    def _to_row(self, key: tuple[str, str], city: City) -> SavedPlace:
        return make_place(key, city, self._current.known(*key))

    def _report(self, error: StateError | None) -> None:
        """Log the first of several failed saves, and the first success after them."""
        if error and not self._is_down:
            log.error("warnings.not_saved", reason=str(error), waiting=len(self._changes))
        if self._is_down and not error:
            log.info("warnings.saved_again")
        self._is_down = error is not None

    async def prune(self, retention: float | None) -> None:
        """Delete the changes of more than *retention* seconds ago, every hour, for ever; None keeps them."""
        while True:
            await asyncio.sleep(_PRUNE_PERIOD)
            if retention is None:
                continue
            try:
                time = await self._journal.witnessed_time(self._now().timestamp())
                await self._prune_before(datetime.fromtimestamp(time - retention, UTC))
            except StateError as error:
                log.debug("journal.not_pruned", reason=str(error))  # the journal writer reports a full disk

    async def _prune_before(self, before: datetime) -> None:
        await self._journal.call(lambda store: store.warnings.prune(before))
