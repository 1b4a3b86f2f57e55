"""Days that are over are stored in the background."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import StateError
from weatherd.journal.days.calendar import name_zone
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.journal.journal import Journal
    from weatherd.polling.city_registry import CityRegistry

log = structlog.get_logger()

_DELAY = 30.0  # seconds after the start: before the first deletion of observations
_PERIOD = 3600.0  # seconds


async def keep_days(
    journal: Journal, registry: CityRegistry, default_zone: str | None, now: Callable[[], datetime]
) -> None:
    """Store the days that are over, every hour. *default_zone* is that of cities which are not listed any more."""
    delay = _DELAY
    while True:
        await asyncio.sleep(delay)
        delay = _PERIOD
        zones = {city.id: name_zone(load_zone(city.timezone)) for city in registry.cities}
        try:
            count = await journal.store_days(zones, name_zone(load_zone(default_zone)), now().timestamp())
        except StateError as error:
            log.debug("journal.days_not_stored", reason=str(error))  # the journal writer reports a full disk
        else:
            log.debug("journal.days_stored", days=count)
