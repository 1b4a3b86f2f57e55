"""The state folder: whose it is, what is found there, and what becomes of a writing that fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.fakes import BERLIN, KIEL, arrival, observation
from tests.support.virtual_time import EPOCH
from weatherd.errors import StateError
from weatherd.journal.journal import open_journal
from weatherd.journal.provider_state import ProviderState, in_memory_state, open_provider_state
from weatherd.journal.state_folder import find_state_folder, lock_state_folder
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import LastObservation
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

pytestmark = pytest.mark.real_time

PLAN = Plan({"day": 100}, rate=1.0, burst=10)
LATER = EPOCH + timedelta(hours=6)
NOON = EPOCH + timedelta(hours=12)


def noon() -> datetime:
    """Return a time at which no window begins or ends; it stands still."""
    return NOON


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[ProviderState]:
    """Open the journal in a folder, and the state in it."""
    async with open_journal(path) as journal, open_provider_state(journal, noon) as state:
        yield state


async def add(state: ProviderState, arrivals: list[Any]) -> None:
    """Have the journal keep observations."""
    assert state._journal
    await state._journal.add(arrivals)


async def writes(state: ProviderState) -> None:
    """Let the state write at once what is to be written a moment later."""
    assert state._timer
    state._timer.cancel()
    state._start_saving()
    assert state._saving
    await state._saving


def left(state: ProviderState, provider: str = "fake") -> float:
    """Return how many calls a provider has left."""
    return state._meters[provider].calls_left(noon().timestamp())


def charge(state: ProviderState, calls: int, provider: str = "fake") -> None:
    """Count calls, as the gate does."""
    state._meters[provider].charge(calls, noon().timestamp())
    state.schedule_save()


def events(logs: list[Any]) -> list[tuple[str, str]]:
    """Return what was logged, and how loud."""
    return [(log["event"], log["log_level"]) for log in logs]


# --- whose it is


@pytest.mark.parametrize(
    ("setting", "environ", "expected"),
    [
        (Path("state"), {"STATE_DIRECTORY": "/var/lib/weatherd"}, "/etc/weatherd/state"),
        (Path("/srv/state"), {}, "/srv/state"),
        (None, {"STATE_DIRECTORY": "/var/lib/weatherd", "XDG_STATE_HOME": "/x"}, "/var/lib/weatherd"),
        (None, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/var/lib/one"),
        (None, {"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x"}, "/x/weatherd"),
        (None, {"XDG_STATE_HOME": ""}, "~/.local/state/weatherd"),
        (Path("~/here"), {}, "~/here"),
    ],
)
def test_the_folder_is_the_users_choice_or_that_of_the_system(
    setting: Path | None, environ: dict[str, str], expected: str
) -> None:
    """A setting goes before systemd's folder, and that before the one of the user; it is relative to the file."""
    found = find_state_folder(setting, Path("/etc/weatherd/weatherd.yaml"), environ)
    assert found == Path(expected).expanduser()


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Its parents are made too; nobody else may read it."""
    path = tmp_path / "a" / "b"
    with lock_state_folder(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert (path / "lock").read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE((path / "lock").stat().st_mode) == 0o600
    with lock_state_folder(path):
        assert (path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_is_given_back_also_after_an_error(tmp_path: Path) -> None:
    """It is somebody's inside the ``with``, and no longer."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock_state_folder(tmp_path):
            raise ZeroDivisionError


OWNER = """
import sys
from pathlib import Path
from weatherd.journal.state_folder import lock_state_folder
with lock_state_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextlib.asynccontextmanager
async def running(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a script in a process of its own, and read its first line."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *arguments), stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]
    )
    assert process.stdout
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """Return the next line that a process prints."""
    assert process.stdout
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()


@pytest.mark.processes
async def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    """A second daemon is told whose it is and what to do; when the first is killed, the folder is free at once."""
    async with running(OWNER, str(tmp_path)) as process:
        assert await line_of(process) == "locked"
        for _ in range(2):  # looking does not change it
            with pytest.raises(StateError) as caught, lock_state_folder(tmp_path):
                pass
            assert str(caught.value).startswith(f"{tmp_path} is in use by another weatherd (process {process.pid}): ")
            assert "'state'" in str(caught.value)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        with lock_state_folder(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def _is_a_file(path: Path) -> None:
    path.write_text("")


def _is_below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def _has_a_folder_for_lock(path: Path) -> None:
    (path / "lock").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [_is_a_file, _is_below_a_file, _has_a_folder_for_lock])
def test_a_folder_that_cannot_be_owned_is_explained(tmp_path: Path, spoil: Any) -> None:
    """The text names the folder and the setting."""
    path = tmp_path / "parent" / "state"
    path.parent.mkdir()
    spoil(path)
    with (
        pytest.raises(StateError, match="set 'state' to a writable folder") as caught,
        lock_state_folder(path),
    ):
        pass
    assert str(caught.value).startswith(f"the state folder {path} cannot be used: ")


def _is_no_database(path: Path) -> None:
    path.mkdir()
    (path / JOURNAL_FILE).write_bytes(b"no database at all" * 100)


def _is_newer(path: Path) -> None:
    path.mkdir()
    with closing(sqlite3.connect(path / JOURNAL_FILE)) as other:
        other.execute("PRAGMA user_version = 99")


def _is_a_folder(path: Path) -> None:
    (path / JOURNAL_FILE).mkdir(parents=True)


def _has_lost_a_table(path: Path) -> None:
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
        (_has_lost_a_table, "{}/weatherd.sqlite: no such table: note"),
    ],
)
async def test_a_state_that_cannot_be_opened_is_explained(tmp_path: Path, spoil: Any, reason: str) -> None:
    """The start is refused in one sentence, that names the folder or the file."""
    path = tmp_path / "state"
    spoil(path)
    with pytest.raises(StateError) as caught:
        async with opened(path):
            pass
    assert str(caught.value) == reason.format(path)


# --- what is found there


async def test_a_restart_finds_what_was_there(tmp_path: Path) -> None:
    """The last observations, the calls, the pace, a service's word, and the notes: all is there in the next run."""
    path = tmp_path / "new"
    async with opened(path) as state:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert list(state.latest) == []
        meter = state.usage_meter("fake", PLAN)
        meter.charge(30, noon().timestamp())
        meter.bucket.take(10, noon().timestamp())
        meter.closed_until = noon().timestamp() + 600
        state.key_values("fake").put("key", "text", NOON + timedelta(days=1))
        await add(state, [arrival(KIEL), arrival(BERLIN), arrival(KIEL, temperature=9.0)])
    async with opened(path) as state:
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


async def test_two_that_share_a_folder_add_up_their_calls(tmp_path: Path) -> None:
    """The daemon and a command beside it both know all calls, whoever window_start, wrote or ended first."""
    async with opened(tmp_path) as daemon:
        daemon.usage_meter("fake", PLAN)
        charge(daemon, 10)
        await writes(daemon)
        async with opened(tmp_path) as once:
            once.usage_meter("fake", PLAN)
            assert left(once) == 90
            charge(once, 5)
            charge(daemon, 3)
            await writes(once)
            assert left(once) == 85
            await writes(daemon)
            assert left(daemon) == 82
            charge(once, 1)
        charge(daemon, 1)
        await writes(daemon)
        assert left(daemon) == 80
    async with opened(tmp_path) as again:
        again.usage_meter("fake", PLAN)
        assert left(again) == 80


async def test_what_is_new_is_written_within_a_second(tmp_path: Path) -> None:
    """That is what a power cut may cost; and many changes in that moment are one writing."""
    async with opened(tmp_path) as state:
        memory = state.key_values("fake")
        assert state._timer is None
        begin = asyncio.get_running_loop().time()
        for number in range(100):
            memory.put("key", f"{number}", NOON)
        assert state._timer
        assert state._timer.when() <= begin + 1.0
        timer: Any = state._timer
        await writes(state)
        assert timer.cancelled()
        assert state._timer is None


WRITER = """
import asyncio, sys
from pathlib import Path
import structlog
from tests.support.fakes import KIEL, arrival
from tests.journal.test_provider_state import PLAN, NOON, noon, opened, add

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))

async def main():
    loop = asyncio.get_running_loop()
    async with opened(Path(sys.argv[1])) as state:
        meter = state.usage_meter("fake", PLAN)
        for number in range(3):
            meter.charge(1, noon().timestamp())
            state.key_values("fake").put("key", f"text {number}", NOON.replace(year=2027))
            await add(state, [arrival(KIEL, temperature=float(number))])
            begun = asyncio.Event()
            loop.call_at(state._timer.when() + 0.001, begun.set)
            await begun.wait()
            await state._saving
            print("written", flush=True)
        meter.charge(50, noon().timestamp())
        state.schedule_save()
        print("dying", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.processes
async def test_what_is_written_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 the next run finds what was written a moment after it was new, and the file is sound."""
    async with running(WRITER, str(tmp_path)) as process:
        assert [await line_of(process) for _ in range(4)] == ["written"] * 3 + ["dying"]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with opened(tmp_path) as state:
        state.usage_meter("fake", PLAN)
        assert left(state) == 97
        assert state.key_values("fake").get("key") == "text 2"
        assert [last.observation.temperature for last in state.latest] == [2.0]
    with closing(sqlite3.connect(tmp_path / JOURNAL_FILE)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_state_without_a_folder_forgets() -> None:
    """Where nothing is to be kept, all works the same and nothing is ever written."""
    state = in_memory_state(noon)
    memory, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
    memory.put("key", "text", LATER)
    charge(state, 10)
    assert (memory.get("key"), left(state), state._timer) == ("text", 90, None)
    await state.aclose()


# --- what becomes of a writing that fails


def rename(path: Path, before: str, after: str) -> None:
    """Take a table away from the state, or give it back."""
    with closing(sqlite3.connect(path / JOURNAL_FILE)) as other:
        other.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def test_a_failure_is_told_once_and_costs_nothing(tmp_path: Path) -> None:
    """While it cannot write it goes on and says so once; when it can again, all of the time between is there."""
    with capture_logs() as logs:
        async with opened(tmp_path) as state:
            memory, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
            memory.put("old", "text", LATER + timedelta(days=1))
            await writes(state)
            rename(tmp_path, "note", "away")
            for number in range(5):
                charge(state, 1)
                memory.put(f"{number}", "text", LATER + timedelta(days=1))
                memory.put("same", f"{number}", LATER + timedelta(days=1))
                await writes(state)
            assert left(state) == 95
            rename(tmp_path, "away", "note")
            charge(state, 1)
            await writes(state)
            assert left(state) == 94
    assert events(logs) == [("state.down", "error"), ("state.recovered", "info")]
    assert logs[0]["reason"] == f"{tmp_path}/weatherd.sqlite: no such table: note"
    async with opened(tmp_path) as state:
        memory, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
        assert left(state) == 94
        assert [memory.get(key) for key in ("old", "0", "4", "same")] == ["text", "text", "text", "4"]


async def test_what_came_during_a_writing_that_fails_is_the_newer(tmp_path: Path) -> None:
    """What could not be written does not take the place of what came after it."""
    async with opened(tmp_path) as state:
        memory = state.key_values("fake")
        rename(tmp_path, "note", "away")
        memory.put("key", "one", LATER + timedelta(days=1))
        state._start_saving()
        await asyncio.sleep(0)  # the writing has begun
        memory.put("key", "two", LATER + timedelta(days=1))
        with capture_logs() as logs:
            assert state._saving
            await state._saving
            rename(tmp_path, "away", "note")
            await writes(state)
        assert len(logs) == 2
    async with opened(tmp_path) as state:
        assert state.key_values("fake").get("key") == "two"


async def test_a_writing_that_failed_is_tried_again_by_itself(tmp_path: Path) -> None:
    """Also when nothing is new any more: a kill hours later would lose it."""
    async with opened(tmp_path) as state:
        rename(tmp_path, "note", "away")
        state.key_values("fake").put("key", "text", LATER)
        with capture_logs() as logs:
            await writes(state)
            rename(tmp_path, "away", "note")
            assert state._timer, "nothing will write it"
            await writes(state)
        assert events(logs) == [("state.down", "error"), ("state.recovered", "info")]
        assert state._timer is None


async def test_an_end_that_cannot_write_is_an_end(tmp_path: Path) -> None:
    """At the end a failure is told, and nothing is raised."""
    with capture_logs() as logs:
        async with opened(tmp_path) as state:
            rename(tmp_path, "note", "away")
            state.key_values("fake").put("key", "text", LATER)
    assert events(logs) == [("state.down", "error")]


async def test_nobody_waits_for_a_writing(tmp_path: Path) -> None:
    """While another process holds the file, the loop goes on, and what comes meanwhile is written afterwards."""
    with closing(sqlite3.connect(tmp_path / JOURNAL_FILE, isolation_level=None)) as other, capture_logs() as logs:
        async with opened(tmp_path) as state:
            state.usage_meter("fake", PLAN)
            charge(state, 1)
            other.execute("BEGIN IMMEDIATE")
            state._start_saving()
            writing = state._saving
            assert writing
            for _ in range(500):
                charge(state, 0)
                await asyncio.sleep(0)
            assert not writing.done()
            charge(state, 1)
            state._start_saving()
            assert state._saving is writing  # never two at once
            other.execute("COMMIT")
            await writing
            assert left(state) == 98
            await writes(state)
    assert events(logs) == []
    async with opened(tmp_path) as state:
        state.usage_meter("fake", PLAN)
        assert left(state) == 98


FILLER = """
import asyncio, resource, sys
from pathlib import Path
import structlog
from structlog.testing import capture_logs
from tests.journal.test_provider_state import PLAN, NOON, charge, left, opened, writes

async def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs() as logs:
        async with opened(Path(sys.argv[1])) as state:
            memory, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
            charge(state, 1)
            await writes(state)
            size = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            for number in range(5):
                charge(state, 1)
                memory.put(f"{number}", "x" * 100_000, NOON.replace(year=2027))
                await writes(state)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            charge(state, 1)
            await writes(state)
    print([log["event"] for log in logs], flush=True)

asyncio.run(main())
"""


@pytest.mark.processes
async def test_a_full_disk_is_told_once_and_costs_nothing(tmp_path: Path) -> None:
    """As soon as there is room again, all that came meanwhile is written."""
    async with running(FILLER, str(tmp_path)) as process:
        assert await line_of(process) == "['state.down', 'state.recovered']"
        assert await process.wait() == 0
    async with opened(tmp_path) as state:
        memory, _ = state.key_values("fake"), state.usage_meter("fake", PLAN)
        assert left(state) == 93
        assert [len(memory.get(f"{number}") or "") for number in range(5)] == [100_000] * 5
