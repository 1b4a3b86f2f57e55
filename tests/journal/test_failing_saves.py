"""Saves of the provider state that fail or take long: nothing is lost, and nothing waits."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs

from tests.journal.opened_state import (
    LATER,
    PLAN,
    calls_left_of,
    charge,
    logged_events,
    open_state,
    save_now,
)
from tests.support.processes import read_line, run_script
from weatherd.journal.store import JOURNAL_FILE

if TYPE_CHECKING:
    from pathlib import Path


def rename_table(path: Path, before: str, after: str) -> None:
    """Rename a table, so that saves fail, or work again."""
    with closing(sqlite3.connect(path / JOURNAL_FILE)) as other:
        other.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def test_failing_saves_are_logged_once_and_lose_nothing(tmp_path: Path) -> None:
    """The state stays usable; the first successful save includes every change since the last one."""
    with capture_logs() as logs:
        async with open_state(tmp_path) as state:
            store, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
            store.put("old", "text", LATER + timedelta(days=1))
            await save_now(state)
            rename_table(tmp_path, "note", "away")
            for number in range(5):
                charge(state, 1)
                store.put(f"{number}", "text", LATER + timedelta(days=1))
                store.put("same", f"{number}", LATER + timedelta(days=1))
                await save_now(state)
            assert calls_left_of(state) == 95
            rename_table(tmp_path, "away", "note")
            charge(state, 1)
            await save_now(state)
            assert calls_left_of(state) == 94
    assert logged_events(logs) == [("state.down", "error"), ("state.recovered", "info")]
    assert logs[0]["reason"] == f"{tmp_path}/weatherd.sqlite: no such table: note"
    async with open_state(tmp_path) as state:
        store, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
        assert calls_left_of(state) == 94
        assert [store.get(key) for key in ("old", "0", "4", "same")] == ["text", "text", "text", "4"]


async def test_the_log_of_a_failing_save_names_no_city(tmp_path: Path) -> None:
    """The state is of all cities, though a save is scheduled by the task of one, which has bound ``city``."""
    merge = structlog.contextvars.merge_contextvars
    async with open_state(tmp_path) as state:
        store = state.key_values("fake")
        with capture_logs(processors=[merge]) as logs, structlog.contextvars.bound_contextvars(city="kiel"):
            rename_table(tmp_path, "note", "away")
            store.put("key", "text", LATER + timedelta(days=1))
            await asyncio.sleep(1)
            rename_table(tmp_path, "away", "note")
    assert [(event["event"], event.get("city")) for event in logs[:1]] == [("state.down", None)]


async def test_a_change_during_a_failing_save_is_not_overwritten(tmp_path: Path) -> None:
    """The next save has the newer text and not the one that could not be saved."""
    async with open_state(tmp_path) as state:
        store = state.key_values("fake")
        rename_table(tmp_path, "note", "away")
        store.put("key", "one", LATER + timedelta(days=1))
        state._start_saving()
        await asyncio.sleep(0)  # the save has begun
        store.put("key", "two", LATER + timedelta(days=1))
        with capture_logs() as logs:
            assert state._saving
            await state._saving
            rename_table(tmp_path, "away", "note")
            await save_now(state)
        assert len(logs) == 2
    async with open_state(tmp_path) as state:
        assert state.key_values("fake").get("key") == "two"


async def test_a_failed_save_is_retried(tmp_path: Path) -> None:
    """A failed save is retried without further changes, so that a later kill does not lose it."""
    async with open_state(tmp_path) as state:
        rename_table(tmp_path, "note", "away")
        state.key_values("fake").put("key", "text", LATER)
        with capture_logs() as logs:
            await save_now(state)
            rename_table(tmp_path, "away", "note")
            assert state._timer, "no retry is scheduled"
            await save_now(state)
        assert logged_events(logs) == [("state.down", "error"), ("state.recovered", "info")]
        assert state._timer is None


async def test_a_failing_last_save_does_not_raise(tmp_path: Path) -> None:
    """The failure is logged, and the shutdown goes on."""
    with capture_logs() as logs:
        async with open_state(tmp_path) as state:
            rename_table(tmp_path, "note", "away")
            state.key_values("fake").put("key", "text", LATER)
    assert logged_events(logs) == [("state.down", "error")]


async def test_a_slow_save_blocks_nothing(tmp_path: Path) -> None:
    """While another process has locked the file, the event loop runs, and changes meanwhile are saved afterwards."""
    with closing(sqlite3.connect(tmp_path / JOURNAL_FILE, isolation_level=None)) as other, capture_logs() as logs:
        async with open_state(tmp_path) as state:
            state.usage_meter("fake", PLAN)
            charge(state, 1)
            other.execute("BEGIN IMMEDIATE")
            state._start_saving()
            saving = state._saving
            assert saving
            for _ in range(500):
                charge(state, 0)
                await asyncio.sleep(0)
            assert not saving.done()
            charge(state, 1)
            state._start_saving()
            assert state._saving is saving  # never two at once
            other.execute("COMMIT")
            await saving
            assert calls_left_of(state) == 98
            await save_now(state)
    assert logged_events(logs) == []
    async with open_state(tmp_path) as state:
        state.usage_meter("fake", PLAN)
        assert calls_left_of(state) == 98


FILLER = """
import asyncio, resource, sys
from pathlib import Path
import structlog
from structlog.testing import capture_logs
from tests.journal.opened_state import PLAN, NOON, charge, calls_left_of, open_state, save_now

async def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs() as logs:
        async with open_state(Path(sys.argv[1])) as state:
            store, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
            charge(state, 1)
            await save_now(state)
            size = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            for number in range(5):
                charge(state, 1)
                store.put(f"{number}", "x" * 100_000, NOON.replace(year=2027))
                await save_now(state)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            charge(state, 1)
            await save_now(state)
    print([log["event"] for log in logs], flush=True)

asyncio.run(main())
"""


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_full_disk_is_logged_once_and_loses_nothing(tmp_path: Path) -> None:
    """As soon as there is space again, all changes since are saved."""
    async with run_script(FILLER, str(tmp_path)) as process:
        assert await read_line(process) == "['state.down', 'state.recovered']"
        assert await process.wait() == 0
    async with open_state(tmp_path) as state:
        store, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
        assert calls_left_of(state) == 93
        assert [len(store.get(f"{number}") or "") for number in range(5)] == [100_000] * 5
