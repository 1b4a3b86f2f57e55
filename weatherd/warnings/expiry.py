"""Ends of warnings at their own ends, also between the polls of their service, which may be an hour apart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.warnings.change_log import log_changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.warnings.current import CityChange, CurrentWarnings
    from weatherd.warnings.polled_cities import PolledCities
    from weatherd.warnings.recorder import WarningRecorder

_CHECK_PERIOD = timedelta(minutes=1)  # because polls bring new ends meanwhile, and the system time may be set


async def expire_on_time(
    registry: PolledCities, current: CurrentWarnings, recorder: WarningRecorder, now: Callable[[], datetime]
) -> None:
    """End each warning when its end has passed, for ever: then log and store that."""
    while True:
        time = now()
        ends = list(current.find_ends())
        changes: list[CityChange] = []
        for city_id, provider in dict.fromkeys((place.city, place.provider) for place in ends if place.ends <= time):
            if city := registry.get(city_id):
                ended = current.expire(city_id, provider, time)
                recorder.add(provider, [city], ended)
                changes += ended
        log_changes(changes)
        await recorder.save()
        wake_at = min([place.ends for place in ends if place.ends > time], default=time + _CHECK_PERIOD)
        await asyncio.sleep(min(wake_at - now(), _CHECK_PERIOD).total_seconds())
