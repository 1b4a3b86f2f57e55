"""The move of the entries of versions 6 and 10: no reader notices it, and it can be interrupted at any step."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal.old_files import observation_row, write_old_file, write_version_10
from tests.pipeline.forwarders.destination import capture_warnings, open_virtual_journal
from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.virtual_time import EPOCH, now
from weatherd.config.configuration import RetentionPeriods
from weatherd.daemon.journal_care.retention import prune_journal
from weatherd.journal.reader import Reader
from weatherd.journal.rows import parse_row, to_micros
from weatherd.journal.store import JOURNAL_FILE, AddResult, Store
from weatherd.journal.tables.cursors import Idle
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City

Row = tuple[Any, ...]  # of the table observation in version 6
CITIES = {"kiel": KIEL, "berlin": BERLIN}
NOW = EPOCH.timestamp()
_COLUMN_COUNT = 18  # of version 6
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(4000, 1, 1, tzinfo=UTC)

micros = st.integers(0, 5).map(lambda minute: to_micros(EPOCH + timedelta(minutes=minute)))
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
rows = st.lists(
    st.tuples(
        *(
            st.integers(1, 3),
            st.sampled_from(["kiel", "berlin"]),
            st.sampled_from(["open-meteo", "nws"]),
            micros,
            micros,
        ),
        st.floats(-90, 60),
        st.text(min_size=1, max_size=5).filter(str.isprintable),
        *(st.none() | st.integers(0, 99), st.sampled_from(["", "K1"])),
        *[numbers] * 9,
    ),
    max_size=12,
    unique_by=lambda row: (row[1], row[2], row[3], row[8]),
)


def number_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with increasing numbers, whose steps are the first values."""
    seq, numbered = 0, []
    for step, *values in rows:
        seq += step
        numbered.append((seq, *values))
    return numbered


def write_version_6(file: Path, rows: Sequence[Row], gathered: int, cursor: Sequence[Row] = ()) -> None:
    """Write a file of version 6 whose table ``last`` is up to date up to number *gathered*."""
    last: dict[str, Row] = {}
    for seq, city, provider, observed_at, fetched_at, *values in rows:
        if seq <= gathered or city not in last:
            place = CITIES[city]
            last[city] = (city, place.lat, place.lon, provider, values[3], observed_at, fetched_at, seq)
    write_old_file(file, 6, observation=rows, last=last.values(), gathered=[[gathered]], cursor=cursor)


def export(file: Path) -> list[Row]:
    """Return what a user's own SQL reads; that nothing was added afterwards or is suspect goes without saying."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT * FROM observation ORDER BY seq").fetchall()
    assert {row[_COLUMN_COUNT:] for row in rows} <= {(), ("live", "ok")}
    return [row[:_COLUMN_COUNT] for row in rows]


def copy_as_a_kill_would_leave_it(file: Path) -> Path:
    """Return a copy of a file that is open."""
    copy = file.with_name(f"{file.stem}+.sqlite")
    shutil.copy(file, copy)
    with suppress(FileNotFoundError):
        shutil.copy(f"{file}-wal", f"{copy}-wal")
    return copy


def fetch(row: Row, **changed: Any) -> FetchedObservation:
    """Return a row's observation as it is fetched again."""
    return FetchedObservation(CITIES[row[1]], parse_row(row[1:])._replace(**changed))


steps = st.lists(st.tuples(st.sampled_from(["move", "kill", "repeat", "revise"]), st.integers(0, 99)), max_size=15)


@pytest.mark.once
@pytest.mark.parametrize("write", [write_version_6, write_version_10])
@given(rows, st.integers(0, 20), steps)
def test_the_move_is_not_noticed(
    write: Callable[[Path, Sequence[Row], int], None], rows: list[Row], gathered: int, steps: list[tuple[str, int]]
) -> None:
    """For any such file: after each step, kill, repeat and revision, a reader finds what it found before."""
    expected = number_rows(rows)
    end = max([gathered, *(row[0] for row in expected)])
    with TemporaryDirectory() as folder:
        write(file := Path(folder) / JOURNAL_FILE, expected, gathered)
        assert export(file) == expected
        store = Store(file)
        for what, number in steps:
            match what:
                case "move":
                    with store._db.transaction():
                        store._entries.old.move_next(1 + number % 3)
                case "kill":
                    file = copy_as_a_kill_would_leave_it(file)
                    store.close()
                    store = Store(file)
                case "repeat" if expected:
                    assert store.add([fetch(expected[number % len(expected)])]) == AddResult(0, max_seq(store, end))
                case "revise" if expected:
                    revised = expected.pop(number % len(expected))
                    assert store.add([fetch(revised, temperature=revised[5] + 1)]).stored == 1
                    expected.append((store.last_seq(), *revised[1:5], revised[5] + 1, *revised[6:]))
            assert export(file) == expected
            with closing(Reader(file)) as reader:
                kiel = sorted((row for row in expected if row[1] == "kiel"), key=lambda row: (row[3], row[0]))
                assert reader.read_city("kiel", FIRST, LAST) == [parse_row(row[1:]) for row in kiel]
                assert [seq for seq, _ in reader.read_span(["kiel"], FIRST, LAST)] == [row[0] for row in kiel]
        while store.move_old_entries():
            pass
        assert export(file) == expected
        store.close()
        Store(new := Path(folder) / "new.sqlite").close()
        assert schema(file) == schema(new)


def max_seq(store: Store, end: int) -> int:
    """Return the highest number that was given."""
    return max(store.last_seq(), end)


def schema(file: Path) -> list[Row]:
    """Return the tables and views."""
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [
            (kind, name, " ".join((sql or "").replace('"', "").split()))
            for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        ]


@pytest.mark.once
@pytest.mark.parametrize("write", [write_version_6, write_version_10])
@given(rows, st.integers(0, 20))
def test_the_latest_observations_survive_the_migration(
    write: Callable[[Path, Sequence[Row], int], None], rows: list[Row], gathered: int
) -> None:
    """Each city keeps its latest observation, at the first start and while its entries are moved."""
    numbered = number_rows(rows)
    newest = {row[1]: parse_row(row[1:]) for row in numbered}
    with TemporaryDirectory() as folder:
        write(file := Path(folder) / JOURNAL_FILE, numbered, gathered)
        with closing(Store(file)) as store:
            moved = 1
            while moved:
                assert {last.observation.city: last.observation for last in store.load(NOW).latest} == newest
                moved = store.move_old_entries()


def _old_rows(count: int, city: City = KIEL) -> list[Row]:
    return [
        tuple(observation_row(seq, city.id, to_micros(EPOCH + timedelta(minutes=seq)), to_micros(EPOCH), float(seq)))
        for seq in range(1, count + 1)
    ]


@pytest.mark.parametrize("write", [write_version_6, write_version_10])
@pytest.mark.parametrize("retention", [RetentionPeriods(None, None), RetentionPeriods(90 * 86400.0, 90 * 86400.0)])
async def test_a_daemon_moves_old_entries(
    tmp_path: Path, write: Callable[..., None], retention: RetentionPeriods
) -> None:
    """A minute after the start they are moved, whether or not there is a retention; forwarders keep their cursors."""
    rows = _old_rows(12_000)
    write(tmp_path / JOURNAL_FILE, rows, 12_000, cursor=[("webhook", 11_990, None, None)])
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        pruning = asyncio.create_task(prune_journal(journal, retention, [], now))
        await asyncio.sleep(50)
        assert journal.store._entries.old.find_tables()
        await asyncio.sleep(50)
        assert not journal.store._entries.old.find_tables()
        pruning.cancel()
        assert journal.store.cursors.load("webhook") == Idle(11_990)
        async with journal.open_reader() as reader:
            assert [entry.seq for entry in await reader.read_after(11_990, 99)] == [*range(11_991, 12_001)]
        assert await journal.add([make_fetched(observed_at=EPOCH + timedelta(minutes=5), temperature=5.0)]) == 0
    assert [(log["event"], log.get("observations")) for log in logs] == [
        ("journal.migrating", None),
        ("journal.migrated", 11_999),  # the latest one was moved at the start
    ]
    assert export(tmp_path / JOURNAL_FILE) == rows


async def test_a_full_disk_delays_the_move_by_minutes(tmp_path: Path) -> None:
    """It is tried again every minute, not with the hourly deletion."""
    write_version_6(tmp_path / JOURNAL_FILE, _old_rows(12_000), 12_000)
    with open_virtual_journal(tmp_path) as journal:
        journal.store._db.query(f"PRAGMA max_page_count = {journal.store._db.query_value('PRAGMA page_count')}")
        pruning = asyncio.create_task(prune_journal(journal, RetentionPeriods(None, None), [], now))
        await asyncio.sleep(90)
        assert journal.store._entries.old.find_tables()
        journal.store._db.query("PRAGMA max_page_count = 100000")
        await asyncio.sleep(60)
        assert not journal.store._entries.old.find_tables()
        await pruning


@pytest.mark.parametrize(("write", "part"), [(write_version_6, 0.5), (write_version_10, 0.65)])
def test_the_space_of_moved_entries_is_used_again(tmp_path: Path, write: Callable[..., None], part: float) -> None:
    """The file grows by no more than a step during the move, and is smaller after it."""
    with closing(Store(tmp_path / "empty.sqlite")) as store:
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    empty = (tmp_path / "empty.sqlite").stat().st_size
    numbers = 3.1, 87.0, 1012.3, 5.1, 240.0, 9.3, 0.4, 90.0, None
    rows = [(*row[:4], row[3] + 300_000_000, 6.2, *row[6:9], *numbers) for row in _old_rows(40_000)]
    write(file := tmp_path / JOURNAL_FILE, rows, 40_000)
    with closing(Store(file)) as store:
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
        before = file.stat().st_size
        while store.move_old_entries():
            store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
            assert file.stat().st_size < 1.1 * before
        calls = 1
        while store.release_space():
            calls += 1
        assert calls < 5  # a thousand pages at once
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
        assert file.stat().st_size - empty < part * (before - empty)


def test_the_entries_left_to_move_are_counted(tmp_path: Path) -> None:
    """The count decreases with each step, for the progress bar; gaps in the numbers may be included."""
    write_version_6(tmp_path / JOURNAL_FILE, _old_rows(12_000), 12_000)
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        left = [store.count_old_entries()]
        while store.move_old_entries():
            left.append(store.count_old_entries())
        assert left == [11_999, 6999, 1999, 0]
        assert store.count_old_entries() == 0


def test_a_new_observation_of_a_moving_journal_follows(tmp_path: Path) -> None:
    """New entries are numbered after the old ones, and read after them."""
    write_version_6(file := tmp_path / JOURNAL_FILE, _old_rows(10), 10)
    with closing(Store(file)) as store, closing(Reader(file)) as reader:
        new = observation(observed_at=EPOCH + timedelta(days=1))
        assert store.add([FetchedObservation(KIEL, new, follows=True)]) == AddResult(1, 11)
        assert [entry.seq for entry in reader.read_after(0, 99)] == [*range(1, 12)]
        assert [last.observation for last in store.load(NOW).latest] == [new]


@pytest.mark.parametrize("write", [write_version_6, write_version_10])
def test_days_are_complete_during_the_move(tmp_path: Path, write: Callable[..., None]) -> None:
    """A reader finds the same days before, during and after it, and none is stored from a part of the entries."""

    def read_days() -> list[Any]:
        with closing(Reader(file)) as reader:
            return [
                reader.read_days(city, ZoneInfo("Europe/Berlin"), FIRST.date(), LAST.date())
                for city in ("kiel", "berlin")
            ]

    rows = _old_rows(6000) + [(6000 + row[0], *row[1:]) for row in _old_rows(3000, BERLIN)]
    write(file := tmp_path / JOURNAL_FILE, rows, 9000)
    with closing(Store(file)) as store:
        found = [read_days()]
        while store.move_old_entries():
            store.days.register({}, "Europe/Berlin")
            with closing(Reader(file)) as reader:
                assert reader.find_open_days(to_micros(LAST)) is None or not store._entries.old.find_tables()
            found.append(read_days())
        found.append(read_days())
    assert [sum(day.observations for day in days) for days in found[0]] == [6000, 3000]
    assert found == [found[0]] * 4
