"""The journal file: saved state, damage, full disks and concurrent processes."""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.errors import StateError
from weatherd.journal.database import check_version
from weatherd.journal.key_value import KeyValueEntry
from weatherd.journal.reader import Reader
from weatherd.journal.schema import VERSION
from weatherd.journal.store import JOURNAL_FILE, SavedState, Store
from weatherd.journal.tables.cursors import Idle
from weatherd.observation import FetchedObservation, LastObservation
from weatherd.quota.usage import ProviderUsage, WindowUsage

FILES = Path("/proc/self/fd")
NOW = EPOCH.timestamp()
WEEK = 7 * 86400.0
NOTE = KeyValueEntry("fake", "key", "text", NOW + 60)
OLDEST = KeyValueEntry("fake", "big", "x" * 500_000, NOW + 60)
CALL = ProviderUsage("fake", [WindowUsage("day", NOW, 1.0)])


def usage_of(number: int) -> list[ProviderUsage]:
    """Return the saved usage after *number* calls."""
    return [ProviderUsage("fake", [WindowUsage("day", NOW, float(number))])]


def last_observation(city: Any = KIEL, **values: object) -> LastObservation:
    """Return the latest observation of a city with its coordinates."""
    return LastObservation(city.lat, city.lon, observation(city, **values))


def make_batch(*lasts: LastObservation) -> list[FetchedObservation]:
    """Return fetched observations that are then saved as these latest ones."""
    named = {"kiel": KIEL, "berlin": BERLIN}
    return [
        FetchedObservation(replace(named[saved.observation.city], lat=saved.lat, lon=saved.lon), saved.observation)
        for saved in lasts
    ]


def load_state(file: Path, now: float = NOW) -> SavedState:
    """Return the state that another run loads."""
    with closing(Store(file)) as store:
        return store.load(now)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the journal file."""
    return tmp_path / JOURNAL_FILE


def test_saved_state_is_loaded_again(file: Path) -> None:
    """Another run loads each latest observation with its coordinates, the usage and the key-value entries."""
    full = last_observation(
        BERLIN,
        description="Nebel, 100 % – 雨",
        fetched_at=EPOCH + timedelta(milliseconds=1),
        code=None,
        station="K1",
        wind_gust=0.1 + 0.2,
        pressure_msl=1013,
        visibility=0.0,
    )
    with closing(Store(file)) as store:
        assert store.load(NOW) == SavedState([], [], [])
        assert store.save([CALL], [NOTE]) == [CALL]
        store.add(make_batch(last_observation(), full))
    found = load_state(file)
    assert sorted(found.latest) == sorted([last_observation(), full])
    assert found.usage == [CALL]
    assert found.entries == [NOTE]


def test_newer_values_replace_older_ones(file: Path) -> None:
    """Newer values replace older ones."""
    newer = last_observation(temperature=7.0)._replace(lat=1.0)
    with closing(Store(file)) as store:
        store.add(make_batch(last_observation(), newer))
        store.save([], [NOTE])
        store.save([], [NOTE._replace(text="new")])
    assert (load_state(file).latest, load_state(file).entries) == ([newer], [NOTE._replace(text="new")])


@pytest.mark.parametrize(("age", "is_kept"), [(WEEK - 1, True), (WEEK + 1, False)])
def test_a_city_that_left_is_forgotten_after_a_week(file: Path, age: float, is_kept: bool) -> None:  # noqa: FBT001
    """A latest observation that was fetched more than a week ago is not loaded."""
    with closing(Store(file)) as store:
        store.add(make_batch(last_observation(fetched_at=EPOCH)))
    assert bool(load_state(file, NOW + age).latest) == is_kept


@pytest.mark.parametrize(("until", "is_kept"), [(1.0, True), (-1.0, False)])
def test_an_expired_entry_is_deleted(file: Path, until: float, is_kept: bool) -> None:  # noqa: FBT001
    """A key-value entry is loaded until it expires."""
    with closing(Store(file)) as store:
        store.save([], [NOTE._replace(until=NOW + until)])
    assert bool(load_state(file).entries) == is_kept


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be none " * 100, b"short"])
def test_a_file_that_is_no_database_is_explained(file: Path, content: bytes) -> None:
    """The message names the file and says what to do; the file is not changed."""
    file.write_bytes(content)
    with pytest.raises(StateError, match="not a database; move it away to start with an empty one") as caught:
        Store(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert file.read_bytes() == content


def test_a_damaged_database_is_explained(file: Path) -> None:
    """Damage in the middle of the file is found before anything is changed."""
    with closing(Store(file)) as store:
        store.save([], [NOTE._replace(key=f"{number}", text="x" * 3000) for number in range(100)])
    content = bytearray(file.read_bytes())
    content[4096 * 5 :] = b"\xee" * (len(content) - 4096 * 5)
    file.write_bytes(content)
    with pytest.raises(StateError, match="move it away to start with an empty one") as caught:
        Store(file)
    assert str(caught.value).startswith(f"{file}")


def test_a_file_of_a_newer_weatherd_is_not_changed(file: Path) -> None:
    """The message names the newer version, and the file is closed unchanged."""
    with closing(Store(file)) as store:
        store.add(make_batch(last_observation()))
    with closing(sqlite3.connect(file)) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StateError, match="newer weatherd: use that, or another 'state' folder"):
        Store(file)
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT count(*) FROM observation").fetchone() == (1,)


@pytest.mark.skipif(not FILES.exists(), reason="only Linux tells which files are open")
@pytest.mark.parametrize("statement", ["PRAGMA user_version = 99", "CREATE TABLE last (text)", None])
def test_a_rejected_file_is_closed(file: Path, statement: str | None) -> None:
    """After a failed start the file is not open."""
    if statement:
        with closing(sqlite3.connect(file)) as other:
            other.execute(statement)
    else:
        file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError) as caught:
        Store(file)
    assert caught.value.args  # the error is still there, with its traceback and frames
    assert str(file) not in {os.path.realpath(path) for path in FILES.iterdir()}


@pytest.mark.parametrize("version", [(3, 32, 0), (3, 34, 1), sqlite3.sqlite_version_info])
def test_a_sqlite_that_is_new_enough_is_accepted(version: tuple[int, ...]) -> None:
    """Python 3.11 and newer run on systems with SQLite 3.34, such as RHEL 9."""
    check_version(version)


def test_a_sqlite_that_is_too_old_is_an_error() -> None:
    """The message names both versions and says what to do, before any statement fails with a syntax error."""
    with pytest.raises(StateError, match=r"^SQLite 3\.32 or newer is required; this Python uses 3\.26\.0: use another"):
        check_version((3, 26, 0))


def test_a_file_that_cannot_be_opened_is_explained(file: Path) -> None:
    """A folder in the place of the file is an error that names it."""
    file.mkdir()
    with pytest.raises(StateError, match="unable to open database file"):
        Store(file)


def test_a_full_disk_is_reported_and_loses_nothing(file: Path) -> None:
    """A save on a full disk is rolled back with a clear message; with room again it works as before."""
    with closing(Store(file)) as store:
        store.save([CALL], [])
        pages = store._db.query_value("PRAGMA page_count")
        store._db.query(f"PRAGMA max_page_count = {pages + 2}")
        for _ in range(3):
            with pytest.raises(StateError, match="is full"):
                store.save([CALL], [OLDEST])
        assert load_state(file) == SavedState([], [CALL], [])
        store._db.query("PRAGMA max_page_count = 100000")
        store.save([CALL], [OLDEST])
    found = load_state(file)
    assert (found.usage, found.entries) == (usage_of(2), [OLDEST])


def test_a_locked_file_is_reported(file: Path) -> None:
    """A locked file is an error after a wait; when it is free, the next save works."""
    with closing(Store(file)) as store, closing(sqlite3.connect(file, isolation_level=None)) as other:
        store._db.query("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="is locked"):
            store.save([CALL], [])
        other.execute("ROLLBACK")
        assert store.save([CALL], []) == [CALL]


def _in_threads(count: int, call: Any) -> list[Exception]:
    """Call *call* in *count* threads at once; return the exceptions."""
    together, errors = threading.Barrier(count), []

    def work() -> None:
        together.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is returned
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_several_processes_may_create_the_file_at_once(tmp_path: Path) -> None:
    """The daemon and a command that start together on a new folder both succeed."""
    for number in range(30):
        assert _in_threads(6, lambda file=tmp_path / f"{number}.sqlite": Store(file).close()) == []


def test_several_processes_may_write_at_once(file: Path) -> None:
    """No usage is lost while several processes open the file, write and close it."""
    Store(file).close()

    def work() -> None:
        for _ in range(30):
            with closing(Store(file)) as store:
                store.load(NOW)
                store.save([CALL], [NOTE])

    assert _in_threads(4, work) == []
    assert load_state(file).usage == usage_of(120)


def test_a_new_file_is_not_readable_by_all(tmp_path: Path) -> None:
    """The journal and its log can be read by the group; the mode of an existing file is kept."""
    file = tmp_path / "weatherd.sqlite"
    umask = os.umask(0o022)
    try:
        with closing(Store(file)) as store:
            store.add([FetchedObservation(KIEL, observation(KIEL))])
            assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
        file.chmod(0o600)
        with closing(Store(file)):
            assert file.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(umask)


@pytest.mark.real_time
def test_the_documented_backup_works_beside_a_writer(tmp_path: Path) -> None:
    """A copy made while a batch is stored every 20 ms is complete and sound; ``.backup`` would start anew each time."""
    command = re.search(r"VACUUM INTO 'copy.sqlite'", Path("docs/operations.md").read_text())
    assert command
    file, copy, stop = tmp_path / "weatherd.sqlite", tmp_path / "copy.sqlite", threading.Event()
    history = [
        FetchedObservation(KIEL, observation(KIEL, observed_at=EPOCH + timedelta(minutes=minute)))
        for minute in range(20_000)
    ]

    def write() -> None:
        with closing(Store(file)) as store:
            store.add(history)
            started.set()
            for number in itertools.count():
                at = EPOCH + timedelta(days=30, minutes=number)
                store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=at))])
                if stop.wait(0.02):
                    return

    started = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(60)
        with closing(sqlite3.connect(file)) as db:
            db.execute(command[0].replace("copy.sqlite", str(copy)))
    finally:
        stop.set()
        writer.join()
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM observation").fetchone()[0] >= len(history)
    with closing(Store(copy)):  # and weatherd opens it
        pass


def test_a_second_connection_keeps_the_lock_of_the_first(tmp_path: Path) -> None:
    """Another process that ends does not delete the log to which this one goes on writing."""
    Store(file := tmp_path / "weatherd.sqlite").close()
    count = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM entry').fetchone()[0])"
    )
    command = [sys.executable, "-c", count, str(file)]
    with closing(Reader(file)) as reader, closing(Store(file)) as store:
        assert reader.list_cities() == []
        counts = [subprocess.check_output(command)]  # noqa: S603 - our own code
        store.add([make_fetched()])
        counts.append(subprocess.check_output(command))  # noqa: S603
    assert counts == [b"0\n", b"1\n"]


def test_cursors_of_alerts_do_not_count_observations(file: Path) -> None:
    """A target of notifications that is at change 500 of the alerts leaves the numbers of observations alone."""
    with closing(Store(file)) as store:
        store.add([make_fetched(KIEL)])
        for name in ("notify phone", "mqtt alerts", "mqtt warnings"):
            store.cursors.save(name, Idle(500))
        assert store.last_seq() == 1
        store.cursors.save("mqtt", Idle(7))  # a file that replaces a lost one starts after what was delivered
        assert store.last_seq() == 7
