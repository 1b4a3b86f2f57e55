"""The task that stores the days that are over."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.support.daemon import make_registry
from tests.support.fakes import VirtualJournal, make_fetched, observation
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.daemon.journal_care.day_keeping import keep_days
from weatherd.journal.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

KIEL = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin", providers=("fake",))


async def test_days_are_stored_and_corrected(tmp_path: Path) -> None:
    """The first time half a minute after the start; a late observation changes its day within an hour."""
    file = tmp_path / "weatherd.sqlite"
    with contextlib.closing(VirtualJournal(file)) as journal:
        times = [EPOCH - timedelta(minutes=10 * number) for number in reversed(range(4 * 144))]
        await journal.add([make_fetched(KIEL, observed_at=at, fetched_at=at) for at in times])
        task = asyncio.create_task(keep_days(journal, make_registry([KIEL]), None, now))
        with contextlib.closing(Reader(file)) as reader:
            assert reader.count_days().days == 0
            await asyncio.sleep(31)
            stored = reader.count_days()
            assert (stored.cities, stored.last) == (1, date(2025, 12, 30))
            late = observation(
                KIEL, observed_at=EPOCH - timedelta(hours=47, minutes=5), temperature=-20.0, origin="import"
            )
            await journal.add_past([late])
            await asyncio.sleep(3600)
            assert reader.find_open_days(int((EPOCH - timedelta(hours=12)).timestamp() * 1e6)) is None
            (day,) = reader.read_days("kiel", ZoneInfo("Europe/Berlin"), date(2025, 12, 30), date(2025, 12, 31))
            assert (day.low, day.observations) == (-20.0, 145)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
