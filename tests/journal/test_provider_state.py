"""The provider state: what the next run restores, and what is shared."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.journal.opened_state import (
    LATER,
    NOON,
    PLAN,
    add_observations,
    calls_left_of,
    charge,
    noon,
    open_state,
    save_now,
)
from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.processes import read_line, run_script
from weatherd.errors import StateError
from weatherd.journal.provider_state import in_memory_state
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import LastObservation

if TYPE_CHECKING:
    from pathlib import Path
pytestmark = pytest.mark.real_time


def _is_a_file(path: Path) -> None:
    path.write_text("")


def _is_no_database(path: Path) -> None:
    path.mkdir()
    (path / JOURNAL_FILE).write_bytes(b"no database at all" * 100)


def _is_newer(path: Path) -> None:
    path.mkdir()
    with closing(sqlite3.connect(path / JOURNAL_FILE)) as other:
        other.execute("PRAGMA user_version = 99")


def _is_a_folder(path: Path) -> None:
    (path / JOURNAL_FILE).mkdir(parents=True)


def _lacks_a_table(path: Path) -> None:
    path.mkdir()
    Store(path / JOURNAL_FILE).close()
    with closing(sqlite3.connect(path / JOURNAL_FILE)) as other:
        other.execute("DROP TABLE note")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_is_a_file, "the state folder {} cannot be used: File exists; set 'state' to a writable folder"),
        (_is_no_database, "{}/weatherd.sqlite: file is not a database; move it away to start with an empty one"),
        (_is_newer, "{}/weatherd.sqlite was written by a newer weatherd: use that, or another 'state' folder"),
        (_is_a_folder, "{}/weatherd.sqlite: unable to open database file"),
        (_lacks_a_table, "{}/weatherd.sqlite: no such table: note"),
    ],
)
async def test_a_state_that_cannot_be_opened_is_explained(tmp_path: Path, spoil: Any, reason: str) -> None:
    """The error is one sentence that names the folder or the file."""
    path = tmp_path / "state"
    spoil(path)
    with pytest.raises(StateError) as caught:
        async with open_state(path):
            pass
    assert str(caught.value) == reason.format(path)


# --- what the next run restores


async def test_the_next_run_restores_the_state(tmp_path: Path) -> None:
    """The latest observations, calls, token buckets, pauses and key-value entries are the same after a restart."""
    path = tmp_path / "new"
    async with open_state(path) as state:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert list(state.latest) == []
        meter = state.usage_meter("fake", PLAN)
        meter.charge(30, noon().timestamp())
        meter.bucket.take(10, noon().timestamp())
        meter.closed_until = noon().timestamp() + 600
        state.key_values("fake").put("key", "text", NOON + timedelta(days=1))
        await add_observations(state, [make_fetched(KIEL), make_fetched(BERLIN), make_fetched(KIEL, temperature=9.0)])
    async with open_state(path) as state:
        after = state.usage_meter("fake", PLAN)
        assert after.calls_left(noon().timestamp()) == 70
        assert after.bucket.delay(10, noon().timestamp()) == 10.0
        assert after.closed_until == noon().timestamp() + 600
        assert state.key_values("fake").get("key") == "text"
        assert state.key_values("other").get("key") is None
        assert state.usage_meter("other", PLAN).calls_left(noon().timestamp()) == 100
        assert (
            sorted(state.latest)
            == [
                LastObservation(BERLIN.lat, BERLIN.lon, observation(BERLIN)),
                LastObservation(KIEL.lat, KIEL.lon, observation(KIEL, temperature=9.0)),
            ][:: 1 if BERLIN.lat < KIEL.lat else -1]
        )


async def test_two_processes_with_one_folder_add_up_their_calls(tmp_path: Path) -> None:
    """The daemon and a command know all calls after their next save, in whatever order they start, save or end."""
    async with open_state(tmp_path) as daemon:
        daemon.usage_meter("fake", PLAN)
        charge(daemon, 10)
        await save_now(daemon)
        async with open_state(tmp_path) as once:
            once.usage_meter("fake", PLAN)
            assert calls_left_of(once) == 90
            charge(once, 5)
            charge(daemon, 3)
            await save_now(once)
            assert calls_left_of(once) == 85
            await save_now(daemon)
            assert calls_left_of(daemon) == 82
            charge(once, 1)
        charge(daemon, 1)
        await save_now(daemon)
        assert calls_left_of(daemon) == 80
    async with open_state(tmp_path) as again:
        again.usage_meter("fake", PLAN)
        assert calls_left_of(again) == 80


async def test_a_change_is_saved_within_a_second(tmp_path: Path) -> None:
    """Changes within a second are saved together, so that a power cut loses no more than that."""
    async with open_state(tmp_path) as state:
        store = state.key_values("fake")
        assert state._timer is None
        begin = asyncio.get_running_loop().time()
        for number in range(100):
            store.put("key", f"{number}", NOON)
        assert state._timer
        assert state._timer.when() <= begin + 1.0
        timer: Any = state._timer
        await save_now(state)
        assert timer.cancelled()
        assert state._timer is None


WRITER = """
import asyncio, sys
from pathlib import Path
import structlog
from tests.support.fakes import KIEL, make_fetched
from tests.journal.opened_state import PLAN, NOON, noon, open_state, add_observations

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))

async def main():
    loop = asyncio.get_running_loop()
    async with open_state(Path(sys.argv[1])) as state:
        meter = state.usage_meter("fake", PLAN)
        for number in range(3):
            meter.charge(1, noon().timestamp())
            state.key_values("fake").put("key", f"text {number}", NOON.replace(year=2027))
            await add_observations(state, [make_fetched(KIEL, temperature=float(number))])
            begun = asyncio.Event()
            loop.call_at(state._timer.when() + 0.001, begun.set)
            await begun.wait()
            await state._saving
            print("saved", flush=True)
        meter.charge(50, noon().timestamp())
        state.schedule_save("fake")
        print("dying", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.processes
async def test_saved_state_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 the next run restores what had been saved, and the file is not damaged."""
    async with run_script(WRITER, str(tmp_path)) as process:
        assert [await read_line(process) for _ in range(4)] == ["saved"] * 3 + ["dying"]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with open_state(tmp_path) as state:
        state.usage_meter("fake", PLAN)
        assert calls_left_of(state) == 97
        assert state.key_values("fake").get("key") == "text 2"
        assert [last.observation.temperature for last in state.latest] == [2.0]
    with closing(sqlite3.connect(tmp_path / JOURNAL_FILE)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_state_in_memory_is_never_saved() -> None:
    """Without a journal, meters and stores work, and nothing is saved."""
    state = in_memory_state(noon)
    store, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
    store.put("key", "text", LATER)
    charge(state, 10)
    assert (store.get("key"), calls_left_of(state), state._timer) == ("text", 90, None)
    await state.aclose()
