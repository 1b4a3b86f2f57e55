"""What a wrong clock must not destroy: observations, key-value entries, quota usage."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.pipeline.forwarders.destination import make_observations
from tests.support.fakes import VirtualJournal, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.configuration import RetentionPeriods
from weatherd.daemon.journal_care.retention import prune_journal
from weatherd.journal.key_value import KeyValueEntry
from weatherd.journal.store import Store
from weatherd.quota.usage import ProviderUsage, WindowUsage
from weatherd.quota.windows import WindowCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

NOW, DAY = EPOCH.timestamp(), 86400.0
RETENTION = RetentionPeriods(90 * DAY, 90 * DAY)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[VirtualJournal]:
    """Return a journal with an observation an hour for the 100 days before EPOCH."""
    journal = VirtualJournal(tmp_path / "weatherd.sqlite")
    times = [EPOCH - timedelta(hours=hours) for hours in range(2400, 0, -1)]
    journal.store.add([make_fetched(observed_at=time, fetched_at=time) for time in times])
    yield journal
    journal.close()


def _count(journal: VirtualJournal) -> int:
    return len(journal.store._db.query("SELECT seq FROM observation"))


async def _prune_for_a_day(journal: VirtualJournal, now: Callable[[], datetime]) -> list[int]:
    with capture_logs() as logs, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DAY):
            await prune_journal(journal, RETENTION, [], now)
    return [log["observations"] for log in logs if log["event"] == "journal.pruned"]


async def test_a_clock_that_is_ahead_deletes_no_recent_observation(journal: VirtualJournal) -> None:
    """A clock 200 days ahead deletes what is old by the services' times, which a log line counts, and nothing else."""
    assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(days=200)) == [240 - 50]
    assert _count(journal) == 2160 + 50  # the median of the newest 100 times is 50 hours old


async def test_a_right_clock_deletes_what_is_old_once(journal: VirtualJournal) -> None:
    """The retention holds, and only a deletion is logged."""
    journal.store.add([make_fetched(observed_at=EPOCH + timedelta(seconds=n), fetched_at=EPOCH) for n in range(100)])
    assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(seconds=100)) == [241]


async def test_a_fetch_that_a_clock_ahead_stamped_does_not_count(journal: VirtualJournal) -> None:
    """What was fetched 200 days ahead is as old as the service says, and deleted with the others of its time."""
    ahead = EPOCH + timedelta(days=200)
    for days in (95, 1):
        journal.store.add([make_fetched(observed_at=EPOCH - timedelta(days=days, minutes=1), fetched_at=ahead)])
    journal.store.add([make_fetched(observed_at=EPOCH + timedelta(seconds=n), fetched_at=EPOCH) for n in range(100)])
    assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(seconds=100)) == [242]
    assert journal.store._db.query("SELECT count(*) FROM observation WHERE fetched_at > ?", [NOW * 1e6 + 1e9]) == [(1,)]


async def test_without_a_service_s_time_nothing_is_deleted(tmp_path: Path) -> None:
    """In a journal of imported observations only our own clock says what is old."""
    with contextlib.closing(VirtualJournal(tmp_path / "weatherd.sqlite")) as journal:
        await journal.add_past([observation(observed_at=EPOCH, fetched_at=EPOCH, origin="import")])
        assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(days=1000)) == []
        await journal.add([make_fetched(observed_at=EPOCH + timedelta(days=999))])
        assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(days=1000)) == [1]


async def test_a_large_journal_is_deleted_in_many_hours(tmp_path: Path) -> None:
    """At most a tenth is deleted in an hour, so that a mistake in the settings can be noticed; the rest follows."""
    with contextlib.closing(VirtualJournal(tmp_path / "weatherd.sqlite")) as journal:
        for begin in range(0, 30_000, 5000):
            journal.store.add(make_observations(begin, begin + 5000))
        now = EPOCH + timedelta(days=300)
        journal.store.add([make_fetched(observed_at=now, station=str(number)) for number in range(100)])
        deleted = await _prune_for_a_day(journal, lambda: now)
        assert 1000 < max(deleted) <= 3000
        assert len(deleted) == 24
        assert deleted == sorted(deleted, reverse=True)


async def test_an_imported_past_is_deleted_too(journal: VirtualJournal) -> None:
    """Although it was added last: age is what counts, not the order of arrival."""
    old = EPOCH - timedelta(days=200)
    await journal.add_past([observation(observed_at=old, fetched_at=old, origin="live", station="K1")])
    journal.store.add([make_fetched(observed_at=EPOCH + timedelta(seconds=n), fetched_at=EPOCH) for n in range(100)])
    assert await _prune_for_a_day(journal, lambda: EPOCH + timedelta(seconds=100)) == [242]


async def test_an_observation_that_a_late_clock_fetched_is_kept(journal: VirtualJournal) -> None:
    """It is as old as the service says, even if the clock was 200 days behind when it was fetched."""
    journal.store.add([make_fetched(observed_at=EPOCH, fetched_at=EPOCH - timedelta(days=200))])
    await _prune_for_a_day(journal, lambda: EPOCH)
    assert [at for (at,) in journal.store._db.query("SELECT max(observed_at) FROM observation")] == [NOW * 1e6]


def test_a_start_with_a_wrong_clock_deletes_no_state(journal: VirtualJournal) -> None:
    """Key-value entries and the usage of the month survive a start with a clock that is ahead, or years behind."""
    entry = KeyValueEntry("met-norway", "54,10", "a forecast", NOW + DAY)
    usage = ProviderUsage("openweathermap", [WindowUsage("month", NOW, 900_000.0)], NOW, NOW + 3600)
    journal.store.save([usage], [entry])
    for wrong in (NOW + 200 * DAY, NOW - 2000 * DAY):
        journal.store.load(wrong)
    saved = journal.store.load(NOW)
    assert saved.entries == [entry]
    assert list(saved.usage) == [usage]
    assert [last.observation.city for last in saved.latest] == ["kiel"]


def test_an_expired_entry_is_deleted(tmp_path: Path) -> None:
    """With a right clock, and also before the first observation."""
    store = Store(tmp_path / "weatherd.sqlite")
    store.save([], [KeyValueEntry("nws", "a", "old", NOW - 1), KeyValueEntry("nws", "b", "new", NOW + 1)])
    assert [entry.key for entry in store.load(NOW).entries] == ["b"]
    store.close()


@pytest.mark.parametrize("window", ["minute", "hour", "day", "month"])
def test_a_window_that_is_entered_again_keeps_its_calls(window: str) -> None:
    """A clock that is 200 days ahead for a minute clears no count, and what was counted there is not counted here."""
    count = WindowCount(window)
    for seconds, used in ((10, 1), (11, 2), (200 * DAY, 1), (200 * DAY + 60, 0), (13, 3), (-200 * DAY, 1), (14, 4)):
        count.begin_next(NOW + seconds)
        if used:
            count.charge(1, NOW + seconds)
            assert count.used == used
