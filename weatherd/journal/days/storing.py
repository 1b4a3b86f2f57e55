"""The move of days that are over to the table of days, in small steps beside the journal's writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.journal.days.calendar import SECOND_MICROS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from weatherd.journal.days.day_table import ComputedDays
    from weatherd.journal.journal import Journal


async def store_finished_days(
    journal: Journal, zones: Mapping[str, str], default_zone: str, now: float, report: Callable[[int], None]
) -> int:
    """Store the days that are over by *now*: see :meth:`Journal.store_days`."""
    end = int(await journal.witnessed_time(now) * SECOND_MICROS)  # because our clock may be wrong
    await journal.call(lambda store: store.days.register(zones, default_zone))
    count = 0
    async with journal.open_reader() as reader:
        while group := await reader.find_open_days(end):
            computed = await reader.compute_days(group)
            stored = await _put(journal, computed)
            if not stored:  # all of these cities have got observations meanwhile
                break
            count += sum(len(computed.days.get(city, ())) for city in stored)
            report(count)
    return count


async def _put(journal: Journal, computed: ComputedDays) -> Collection[str]:
    return await journal.call(lambda store: store.days.put(computed))
