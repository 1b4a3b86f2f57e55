"""Days that are over are stored in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError
from weatherd.journal.days.calendar import name_zone
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from weatherd.journal.journal import Journal
    from weatherd.polling.city_registry import CityRegistry

log = structlog.get_logger()

_DELAY = 30.0  # seconds after the start: before the first deletion of observations
_PERIOD = 3600.0  # seconds


class ListedZones(Mapping[str, str]):
    """The time zones of the listed cities by id, looked up: a dictionary of a million would take 150 MB."""

    def __init__(self, registry: CityRegistry) -> None:
        self._registry = registry

    def __getitem__(self, city_id: str) -> str:
        if city := self._registry.get(city_id):
            return name_zone(load_zone(city.timezone))
        raise KeyError(city_id)

    def __iter__(self) -> Iterator[str]:
        return (city.id for city in self._registry.cities)

    def __len__(self) -> int:
        return len(self._registry.cities)


async def keep_days(
    journal: Journal, registry: CityRegistry, default_zone: str | None, now: Callable[[], datetime]
) -> None:
    """Store the days that are over, every hour. *default_zone* is that of cities which are not listed any more."""
    delay = _DELAY
    while True:
        await asyncio.sleep(delay)
        delay = _PERIOD
        try:
            count = await journal.store_days(
                ListedZones(registry), name_zone(load_zone(default_zone)), now().timestamp()
            )
        except StateError as error:
            log.debug("journal.days_not_stored", reason=str(error))  # the journal writer reports a full disk
        else:
            log.debug("journal.days_stored", days=count)
