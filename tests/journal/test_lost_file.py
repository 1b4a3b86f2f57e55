"""A journal file that is deleted, replaced or cut short while weatherd uses it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.destination import (
    FakeDestination,
    capture_warnings,
    make_observations,
    open_virtual_journal,
)
from tests.support.daemon import ROWS, DaemonRunner, make_configuration
from tests.support.fakes import FakeProvider
from tests.support.virtual_time import EPOCH, now
from weatherd.errors import StateError
from weatherd.journal.provider_state import open_provider_state
from weatherd.journal.store import Store
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def delete(file: Path) -> None:
    """Delete the file alone."""
    file.unlink()


def delete_folder(file: Path) -> None:
    """Delete everything."""
    shutil.rmtree(file.parent)


def replace_by_a_copy(file: Path) -> None:
    """Move a valid journal to the path."""
    with closing(Store(file.with_name("copy"))) as copy:
        copy.add(make_observations(0, 2))
    file.with_name("copy").replace(file)


def empty(file: Path) -> None:
    """Cut the file to nothing."""
    os.truncate(file, 0)


def cut(file: Path) -> None:
    """Cut the file in the middle of a page."""
    os.truncate(file, 20_000)


LOSSES = [delete, delete_folder, replace_by_a_copy, empty, cut]


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_lost_file_is_opened_anew(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    """What was not stored for certain is rejected once; then it and what is known is stored, under higher numbers."""
    (tmp_path / "state").mkdir()
    with open_virtual_journal(tmp_path / "state") as journal, capture_warnings() as logs:
        journal.known = lambda: make_observations(499, 500)
        await journal.add(make_observations(0, 499))
        with closing(sqlite3.connect(journal.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint")
        await journal.add(make_observations(499, 500))
        async with journal.open_reader() as reader:
            assert len(await reader.read_after(0, 1000)) == 500
            lose(journal.file)
            with pytest.raises(StateError, match="while weatherd was using it; it is opened anew"):
                await journal.add(make_observations(600, 610))
            assert await journal.add(make_observations(600, 610)) == 10
            found = await reader.read_after(500, 1000)
            assert [entry.observation.temperature for entry in found] == [*range(600, 610), 499]
        assert journal.last_seq == found[-1].seq
        assert await journal.add(make_observations(610, 611)) == 1
    assert [(log["event"], log["restored"]) for log in logs] == [("journal.reopened", 1)]
    with closing(Store(journal.file)) as store:
        assert store.last_seq() == found[-1].seq + 1
    assert (journal.file.with_name("weatherd.sqlite.damaged").exists()) == (lose in (empty, cut))


async def test_a_smaller_file_is_not_lost(tmp_path: Path) -> None:
    """Unused space is released after pruning, and by a VACUUM of another process."""
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        for begin in (0, 5000, 10_000):
            await journal.add(make_observations(begin, begin + 5000))
        with closing(sqlite3.connect(journal.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint")
            size = journal.file.stat().st_size
            await journal.add(make_observations(20_000, 20_001))
            await journal.prune(EPOCH.timestamp() + 86400, EPOCH.timestamp(), [])
            connection.execute("PRAGMA wal_checkpoint")
            assert journal.file.stat().st_size < size
            assert await journal.add(make_observations(30_000, 35_000)) == 5000
            await journal.add(make_observations(40_000, 40_001))
            connection.execute("PRAGMA wal_checkpoint")
            assert await journal.add(make_observations(50_000, 50_001)) == 1
            connection.execute("DELETE FROM entry WHERE seq <= 20001")
            connection.commit()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(60_000, 60_100):
            assert await journal.add(make_observations(number, number + 1)) == 1
    assert {log["event"] for log in logs} <= {"journal.pruned"}


async def test_usage_and_entries_are_saved_again(tmp_path: Path) -> None:
    """The new file has the calls that were used and the texts of providers, also those that were saved before."""
    plan = Plan({"day": 100}, rate=1.0, burst=10)
    with open_virtual_journal(tmp_path) as journal:
        async with open_provider_state(journal, now) as state:
            state.usage_meter("fake", plan).charge(7, EPOCH.timestamp())
            state.key_values("fake").put("station", "X1", EPOCH.replace(year=2040))
            state.schedule_save("fake")
            await asyncio.sleep(1)
            journal.file.unlink()
            with pytest.raises(StateError):
                await journal.add(make_observations(0, 1))
            await journal.add(make_observations(0, 1))
        async with open_provider_state(journal, now) as state:
            assert state.usage_meter("fake", plan).usage(EPOCH.timestamp())["day"][0] == 7
            assert state.key_values("fake").get("station") == "X1"


@pytest.mark.parametrize("lose", [delete, empty])
async def test_a_daemon_stores_and_forwards_after_a_loss(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    """One outage and its end are logged; forwarders go on; the next start finds each city's latest observation."""
    provider, destination = FakeProvider().responds(), FakeDestination()
    cities = [replace(city, interval=60.0) for city in ROWS]
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        running = DaemonRunner(
            provider, {}, make_configuration(*cities), journal=journal, forwarders={"fake": destination}
        )
        task = asyncio.create_task(running.run())
        await asyncio.sleep(3600)
        lose(journal.file)
        await asyncio.sleep(600)
        running.stop.set()
        assert await task
        assert {last.observation for last in journal.store.load(now().timestamp()).latest} >= set(
            provider.returned[-3:]
        )
    events = [log["event"] for log in logs if log["event"].startswith(("sink.", "journal.", "forwarder."))]
    assert events == ["sink.down", "journal.reopened", "sink.recovered"]
    assert logs[-1]["fetched"] == logs[-1]["stored"] == len(provider.returned)
    assert len(destination.accepted) >= len(provider.returned)


async def test_without_its_log_the_file_itself_is_complete(tmp_path: Path) -> None:
    """If the write-ahead log is deleted, a kill would lose what is only there: it is moved to the file at once."""
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 100))
        for suffix in ("-wal", "-shm"):
            journal.file.with_name(journal.file.name + suffix).unlink()
        for number in (100, 101):
            assert await journal.add(make_observations(number, number + 1)) == 1
            copy = shutil.copy(journal.file, tmp_path / "copy.sqlite")  # as a kill would leave it
            with closing(sqlite3.connect(copy)) as connection:
                assert connection.execute("SELECT count(*) FROM observation").fetchone() == (number + 1,)
        async with journal.open_reader() as reader:
            assert len(await reader.read_after(0, 1000)) == 102
    assert [entry["event"] for entry in logs] == ["journal.log_lost"]
    with closing(Store(journal.file)) as store:
        assert store.last_seq() == 102
