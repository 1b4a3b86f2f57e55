"""The journal: adding, repeats, revisions, pruning and reading."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.pipeline.forwarders.destination import make_observations, open_virtual_journal
from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.users import without_privileges
from tests.support.virtual_time import EPOCH
from weatherd.errors import StateError
from weatherd.journal.journal import open_journal
from weatherd.journal.reader import Reader
from weatherd.journal.rows import parse_entry
from weatherd.journal.store import JOURNAL_FILE, AddResult, Store
from weatherd.journal.tables.alert_table import AlertEntry, AlertRows
from weatherd.journal.tables.cursors import Idle, InDoubt
from weatherd.observation import FIELDS, FetchedObservation, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.city import City
    from weatherd.journal.tables.old_rows import IndexPosition

NOW = EPOCH.timestamp()
DAY = 86400.0
moments = st.datetimes(min_value=EPOCH.replace(tzinfo=None)).map(lambda moment: moment.replace(tzinfo=EPOCH.tzinfo))
any_number = (
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # SQLite has no -0.0
    | st.integers(-500, 15_000).map(lambda tenths: tenths / 10)
    | st.integers(0, 5000).map(lambda hundredths: hundredths / 100)
)
numbers = st.none() | any_number


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the journal file."""
    return tmp_path / "weatherd.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """Open a store."""
    with closing(Store(file)) as opened:
        yield opened


@given(moments, moments, any_number, st.text(min_size=1).filter(str.isprintable), st.lists(numbers, min_size=9))
@example(EPOCH, EPOCH, 0.1, "rain", [math.nextafter(0.3, 1), 0.29, 1e17, 2.0**53, 1e308, 5e-324, -0.07, 12.345, 1.1])
def test_an_observation_is_read_as_it_was_added(
    observed_at: Any, fetched_at: Any, temperature: float, description: str, values: list[float | None]
) -> None:
    """Every field comes back as it went in, to the microsecond and the last bit, also to the user's own SQL."""
    named: dict[str, Any] = dict(zip(FIELDS[8:17], values, strict=False))
    observed = observation(
        observed_at=observed_at,
        fetched_at=fetched_at,
        temperature=temperature,
        description=description,
        station="K1",
        code=None,
        **named,
    )
    with TemporaryDirectory() as folder, closing(Store(file := Path(folder) / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observed)])
        store.add_past([observed._replace(station="K2", origin="import")])
        rows = store._db.query("SELECT * FROM observation")
        with closing(Reader(file)) as reader:
            found = reader.read_city("kiel", observed_at, observed_at + timedelta(microseconds=1))
        assert [last.observation for last in store.load(fetched_at.timestamp()).latest] == [observed]
    assert found == [parse_entry(row).observation for row in rows]
    assert found == [observed, observed._replace(station="K2", origin="import")]
    assert [value for row in rows for value in row[6:]] == [value for seen in found for value in seen[5:]]


def test_an_observation_takes_few_bytes(file: Path) -> None:
    """Tenths and hundredths take 1 to 3 bytes each, as whole numbers do, and a time takes 4."""
    fields = ("relative_humidity", "wind_direction", "cloud_cover", "visibility")
    values: dict[str, Any] = {
        **dict.fromkeys(("apparent_temperature", "pressure_msl", "precipitation"), 12.3),
        **dict.fromkeys(("wind_speed", "wind_gust"), 4.57),
        **dict.fromkeys(fields, 90.0),
    }
    with closing(Store(file)) as store:
        for begin in range(0, 50_000, 5000):
            store.add(
                [
                    fetched._replace(observation=fetched.observation._replace(**values))
                    for fetched in make_observations(begin, begin + 5000)
                ]
            )
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    assert file.stat().st_size / 50_000 < 80


def test_a_repeat_is_counted_and_a_revision_moves_to_the_end(store: Store, file: Path) -> None:
    """A repeat changes nothing; a revision replaces the old values under a new number."""
    assert store.add([make_fetched(), make_fetched(BERLIN)]) == AddResult(2, 2)
    later: dict[str, Any] = {"fetched_at": EPOCH + timedelta(hours=1)}
    assert store.add([make_fetched(**later), make_fetched(**later)]) == AddResult(0, 2)
    assert store.add([make_fetched(temperature=7.0, **later)]).stored == 1
    assert store.add([make_fetched(temperature=7.0, station="K1")]).stored == 1
    with closing(Reader(file)) as reader:
        found = reader.read_after(0, 10)
        assert [entry.observation.temperature for entry in found] == [6.0, 7.0, 7.0]
        assert [entry.observation for entry in reader.read_after(found[0].seq, 10)] == [
            observation(temperature=7.0, **later),
            observation(temperature=7.0, station="K1"),
        ]


def test_a_batch_may_hold_its_own_repeats(store: Store) -> None:
    """A repeat within a batch is stored once; of a revision within a batch the last values are stored."""
    assert store.add([make_fetched(), make_fetched(), make_fetched(temperature=7.0)]).stored == 2
    assert store._db.query("SELECT temperature FROM observation") == [(7.0,)]


async def test_stored_observations_are_logged(tmp_path: Path) -> None:
    """With the number of those that are new; a batch that has only changes of alerts is not logged."""
    change = AlertEntry(0, NOW, "kiel", "frost", "inactive", "firing", "firing", NOW, "warning", "It freezes", ())
    with open_virtual_journal(tmp_path) as journal, capture_logs() as logs:
        await journal.add([make_fetched(), make_fetched(), make_fetched(BERLIN)])
        await journal.add((), AlertRows([change], {}, (), (), 0))
        await journal.add_past([observation(station="K1", origin="import")])
    stored = [(line["observations"], line["new"], line["end"]) for line in logs if line["event"] == "journal.stored"]
    assert stored == [(3, 2, 3), (1, 1, 4)]


def test_pruning_releases_disk_space(file: Path) -> None:
    """Old observations are deleted step by step, the file shrinks, and numbers are not used again.

    One that was fetched 4000 days ahead was stamped by a wrong clock: it is as old as it was observed.
    """
    with closing(Store(file)) as store:
        for begin in range(0, 30_000, 3000):
            store.add(make_observations(begin, begin + 3000))
        store._db.execute("UPDATE entry SET fetched_after = 0")
        store._db.execute("UPDATE entry SET fetched_after = ? WHERE seq = 5", [int(4000 * DAY * 1e6)])
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
        size, missed, done = file.stat().st_size, 0, False
        after: IndexPosition | None = None
        store.cursors.save("destination", Idle(1000))
        while not done:
            pruned = store.prune(NOW + 25_000 * 60, NOW + 30_000 * 60, after, ["destination"])
            after, done, missed = pruned.after, pruned.is_done, missed + pruned.missed["destination"]
        while store.release_space():
            pass
        store._db.query("PRAGMA wal_checkpoint(TRUNCATE)")
        assert store._db.query_value("SELECT count(*) FROM observation") == 5000
        assert missed == 25_000 - 1000
        assert file.stat().st_size < size / 3
        store.prune(NOW + 1e9, NOW + 1e9, None, [])
        while not store.prune(NOW + 1e9, NOW + 1e9, None, []).is_done:
            pass
        store.cursors.save("destination", InDoubt(39_001, 40_000, "key"))
        assert store.add([make_fetched()]).last_seq == 40_001


def test_a_damaged_file_is_an_error(file: Path) -> None:
    """Damage in the middle of the file is found at the start, with a message that says what to do."""
    with closing(Store(file)) as store:
        store.add(make_observations(0, 3000))
    content = bytearray(file.read_bytes())
    content[40_000:60_000] = b"\x5a" * 20_000
    file.write_bytes(content)
    with pytest.raises(StateError, match="move it away to start with an empty one"):
        Store(file)


@given(
    st.lists(st.tuples(st.sampled_from([KIEL, BERLIN]), st.integers(0, 5), st.integers(6, 7)), max_size=20),
    st.none() | st.integers(0, 6),
    st.none() | st.integers(0, 6),
    st.integers(0, 9),
    st.integers(1, 5),
)
def test_pages_and_history_of_a_city_equal_the_filtered_journal(
    observed: list[tuple[City, int, int]], since: int | None, until: int | None, after: int, limit: int
) -> None:
    """A page and the history of a city equal the journal filtered by city, time and number."""
    begin, end = (None if minute is None else EPOCH + timedelta(minutes=minute) for minute in (since, until))
    with TemporaryDirectory() as folder, closing(Store(file := Path(folder) / "weatherd.sqlite")) as store:
        for city, minute, value in observed:
            store.add([make_fetched(city, observed_at=EPOCH + timedelta(minutes=minute), temperature=float(value))])
        with closing(Reader(file)) as reader:
            kiel = [
                entry
                for entry in reader.read_after(0, 100)
                if entry.observation.city == "kiel"
                and (begin is None or begin <= entry.observation.observed_at)
                and (end is None or entry.observation.observed_at < end)
            ]
            assert (
                reader.read_page(after, limit, begin, end, ["kiel"])
                == [entry for entry in kiel if entry.seq > after][:limit]
            )
            if begin and end:
                by_time = sorted(kiel, key=lambda entry: entry.observation.observed_at)
                assert reader.read_city("kiel", begin, end) == [entry.observation for entry in by_time]
                assert reader.read_span(["kiel"], begin, end) == by_time
                assert [
                    entry for entry in reader.read_span([], begin, end) if entry.observation.city == "kiel"
                ] == by_time
                times = [entry.observation.observed_at.timestamp() for entry in by_time]
                assert reader.read_times(["kiel", "ulm"], begin, end) == {"kiel": times, "ulm": []}


def test_a_repeat_updates_the_time_of_the_fetch(store: Store) -> None:
    """A repeat updates the time of the fetch, which decides when the city is polled next."""
    later = EPOCH + timedelta(minutes=10)
    store.add([make_fetched()])
    store.add([make_fetched(fetched_at=later)])
    assert [last.observation for last in store.load(NOW).latest] == [observation(fetched_at=later)]


def test_the_history_of_a_city_is_ordered_by_time(store: Store, file: Path) -> None:
    """A city's observations come in the order of their times; the end of the period is excluded."""
    store.add([*make_observations(20, 30), *make_observations(0, 10), *make_observations(0, 50, BERLIN)])
    with closing(Reader(file)) as reader:
        found = reader.read_city("kiel", EPOCH + timedelta(minutes=5), EPOCH + timedelta(minutes=22))
        assert [observation.temperature for observation in found] == [5, 6, 7, 8, 9, 20, 21]
        assert reader.list_cities() == ["berlin", "kiel"]
        exported = list(reader.iterate(EPOCH + timedelta(minutes=8), None, ["kiel"]))
        assert [observation.temperature for observation in exported] == [*range(20, 30), 8, 9]


def test_a_city_without_observations_is_not_listed(store: Store, file: Path) -> None:
    """Only cities with an observation are listed, whether they are still on the list or not."""
    store.add([make_fetched(), make_fetched(BERLIN, fetched_at=EPOCH + timedelta(days=9))])
    store.prune(NOW + DAY, NOW + 9 * DAY, None, [])
    while store.delete_unused():
        pass
    with closing(Reader(file)) as reader:
        assert reader.list_cities() == ["berlin"]
        assert (reader.has_city("berlin"), reader.has_city("kiel")) == (True, False)


def test_an_export_sees_what_is_added_meanwhile(store: Store, file: Path) -> None:
    """An export reads in chunks, does not block the writer, and includes what is added meanwhile."""
    store.add(make_observations(0, 5000))
    with closing(Reader(file)) as reader:
        export = reader.iterate(None, None, [])
        first = next(export)
        assert store.add(make_observations(5000, 5100)).stored == 100
        assert [first.temperature, *(observation.temperature for observation in export)] == list(range(5100))


def test_an_export_reports_its_progress(store: Store, file: Path) -> None:
    """It reports numbers between those of the first and the last entry, in order, and the last one at its end."""
    with closing(Reader(file)) as reader:
        assert reader.read_bounds() == (0, 0)
    store.add(make_observations(0, 5000))
    reported: list[int] = []
    with closing(Reader(file)) as reader:
        low, high = reader.read_bounds()
        assert high - low + 1 == len(list(reader.iterate(None, None, [], reported.append)))
    assert reported == sorted(reported)
    assert low < reported[0] < reported[-1] == high


def test_a_reader_needs_a_journal(file: Path) -> None:
    """For a missing journal, or one of another version, the message says what to do."""
    with pytest.raises(StateError, match=r"there is no journal at .*: start weatherd run, which creates it"):
        Reader(file)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA user_version = 1")
    with pytest.raises(StateError, match="an older weatherd: start weatherd run, which migrates it"):
        Reader(file)


async def test_waiting_for_entries_ends_when_there_is_one(tmp_path: Path) -> None:
    """Waiting for entries after a number ends when there is one."""
    with open_virtual_journal(tmp_path) as journal:
        waiting = asyncio.create_task(journal.wait_for_entries(2))
        await journal.add(make_observations(0, 2))
        await asyncio.sleep(1)
        assert not waiting.done()
        await journal.add(make_observations(0, 3))
        await waiting


@pytest.mark.real_time
async def test_the_real_journal_is_read_beside_the_writer(tmp_path: Path) -> None:
    """With real threads: a reader sees added observations at once."""
    async with open_journal(tmp_path) as journal, journal.open_reader() as reading:
        for number in range(50):
            assert await journal.add(make_observations(number, number + 1)) == 1
            assert len(await reading.read_after(number, 10)) == 1
        assert isinstance((await reading.read_after(0, 1))[0].observation, Observation)


def test_a_user_who_may_not_write_the_folder() -> None:
    """The error has the system's reason and a remedy, whether or not the folder may be read and has a journal."""
    with TemporaryDirectory() as name:  # not below tmp_path, which only its owner may enter
        folder, file = Path(name), Path(name) / JOURNAL_FILE
        message = f"{file}: Permission denied; set 'state' to a writable folder"
        for exists in (False, True):
            if exists:
                Store(file).close()
            for mode in (0o700, 0o755):
                folder.chmod(mode)
                with without_privileges(), pytest.raises(StateError) as caught:
                    Store(file)
                assert str(caught.value) == message


def test_a_user_who_may_only_read_the_folder() -> None:
    """The journal can be read while a daemon writes it and while none does; nothing is created."""
    with TemporaryDirectory() as name:  # not below tmp_path, which only its owner may enter
        folder, file = Path(name), Path(name) / JOURNAL_FILE
        folder.chmod(0o755)
        with closing(Store(file)) as store:
            store.add([FetchedObservation(KIEL, observation(KIEL))])
            for path in folder.iterdir():
                path.chmod(0o644)
            with without_privileges(), closing(Reader(file)) as reader:
                assert len(reader.read_after(0, 10)) == 1
        with without_privileges(), closing(Reader(file)) as reader:
            assert len(reader.read_after(0, 10)) == 1
        assert [path.name for path in folder.iterdir()] == [JOURNAL_FILE]
