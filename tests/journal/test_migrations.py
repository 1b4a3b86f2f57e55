"""Files of every older version: nothing that they hold is lost or changed by a migration."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from tests.journal.old_files import TABLES, first_version_text, observation_row, write_old_file
from tests.pipeline.forwarders.destination import (
    FakeDestination,
    make_observations,
    open_virtual_journal,
    run_forwarders,
)
from tests.support.fakes import BERLIN, KIEL, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.journal.reader import Reader
from weatherd.journal.rows import JournalEntry, to_micros
from weatherd.journal.schema import VERSION, read_script
from weatherd.journal.store import AddResult, Store
from weatherd.journal.tables.cursors import Idle, InDoubt
from weatherd.quota.usage import ProviderUsage, WindowUsage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = EPOCH.timestamp()
FROZEN = {  # the beginning of each released script's SHA-256
    1: "59993f1d8775e0b5",
    2: "facbc5778c145186",
    3: "dc1fc85a9fc8e49a",
    4: "2f9e6d3021be41cf",
    5: "9fa58215fa98f1ef",
    6: "70e409a6f966ef9d",
    7: "69af239210f2cf05",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file will be."""
    return tmp_path / "weatherd.sqlite"


def _schema(file: Path) -> Iterator[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as db:
        for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall():
            yield kind, name, " ".join((sql or "").replace('"', "").split())


def test_a_released_script_is_never_edited() -> None:
    """Files made by it exist: a change of the tables is another script, with a higher version."""
    scripts = [script for script in resources.files("weatherd.journal.migrations").iterdir() if ".sql" in script.name]
    assert sorted(script.name[:4] for script in scripts) == [f"{number:04}" for number in range(1, VERSION + 1)]
    found = {number: hashlib.sha256(read_script(number).encode()).hexdigest()[:16] for number in FROZEN}
    assert found == FROZEN


@pytest.mark.parametrize("version", TABLES)
def test_every_old_file_gets_the_tables_of_a_new_one(file: Path, version: int) -> None:
    """After a migration the tables and indexes are those of a file that is made today, and the version is current."""
    write_old_file(file, version, **({"gathered": [[0]]} if version >= 3 else {}))
    Store(file).close()
    Store(file.with_name("new.sqlite")).close()
    assert list(_schema(file)) == list(_schema(file.with_name("new.sqlite")))
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_of_version_1(file: Path) -> None:
    """The latest observations become the first entries, usage rows are kept, and free space can be released."""
    last_seen = observation(
        observed_at=datetime(2026, 6, 1, 12, tzinfo=UTC),
        fetched_at=datetime(2026, 6, 1, 12, 0, 1, 2, tzinfo=UTC),
        temperature=6.5,
        wind_gust=12.5,
    )
    latest = [
        ("broken", 1.0, 2.0, 3.0, '{"city": "kiel"}'),
        ("kiel", 54.3, 10.1, NOW, first_version_text(field_of_a_plug_in="x")),
    ]
    write_old_file(file, 1, quota=[("fake", "day", 5.0, 3.0)], last=latest)
    with closing(Store(file)) as store:
        saved = store.load(last_seen.fetched_at.timestamp())
        assert [(last.lat, last.lon, last.observation) for last in saved.latest] == [(54.3, 10.1, last_seen)]
        assert saved.usage == [ProviderUsage("fake", [WindowUsage("day", 5.0, 3.0)])]
        assert store._db.query_value("PRAGMA auto_vacuum") == 2
        assert store.add(
            [make_fetched(observed_at=last_seen.observed_at, temperature=6.5, wind_gust=12.5)]
        ) == AddResult(0, 2)
        assert store.add([make_fetched(BERLIN)]) == AddResult(1, 3)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "[]",
        "{",
        "null",
        first_version_text(observed_at="2026-06-01T12:00:00"),
        first_version_text(observed_at=5),
        first_version_text(fetched_at="yesterday"),
        first_version_text(temperature=None),
        first_version_text(temperature="6"),
        first_version_text(temperature=float("nan")),
        first_version_text(visibility=float("inf")),
        first_version_text(description=""),
        first_version_text(description="a\nb"),
        first_version_text(station=None),
        first_version_text(city=None),
        first_version_text(code=[1]),
    ],
)
def test_a_damaged_observation_of_version_1_is_dropped_alone(file: Path, damaged: str) -> None:
    """A damaged observation is dropped; all others of the file are kept."""
    rows = [("a", 1.0, 2.0, 3.0, damaged), ("kiel", 54.3, 10.1, NOW, first_version_text())]
    write_old_file(file, 1, last=rows)
    with closing(Store(file)) as store, closing(Reader(file)) as reader:
        assert [(entry.seq, entry.observation.city) for entry in reader.read_after(0, 9)] == [(2, "kiel")]
        assert store.last_seq() == 2


def test_a_file_of_version_2(file: Path) -> None:
    """Observations keep their numbers, and each city keeps its latest one, although the index changes."""
    later = EPOCH + timedelta(minutes=10)
    noon, ten_past, fetched = to_micros(EPOCH), to_micros(later), to_micros(EPOCH + timedelta(seconds=1))
    write_old_file(
        file,
        2,
        observation=[
            observation_row(7, "kiel", noon, fetched, 6.0),
            observation_row(8, "berlin", noon, fetched, 6.0),
            observation_row(9, "kiel", ten_past, ten_past, 6.0),
        ],
        last=[
            ("kiel", KIEL.lat, KIEL.lon, "fake", "", noon, noon),
            ("berlin", BERLIN.lat, BERLIN.lon, "fake", "", noon, ten_past),
        ],
        cursor=[("webhook", 8, 8, "key")],
    )
    rows = [observation(), observation(BERLIN), observation(observed_at=later, fetched_at=later)]
    with closing(Store(file)) as store:
        found = {last.observation.city: last.observation for last in store.load(NOW).latest}
        assert found == {"berlin": observation(BERLIN, fetched_at=later), "kiel": rows[2]}
        assert store.cursors.load("webhook") == Idle(8)
        with closing(Reader(file)) as reader:
            assert reader.read_after(0, 9) == [JournalEntry(seq, row) for seq, row in enumerate(rows, 7)]
        assert store.add([make_fetched()]) == AddResult(0, 9)


@pytest.mark.parametrize(
    ("old", "cursor"),
    [
        ((0, 0, ""), Idle(0)),
        ((8, 8, ""), Idle(8)),
        ((8, 8, "0123456789abcdef"), Idle(8)),
        ((8, 0, "key"), Idle(8)),
        ((4, 9, "0123456789abcdef"), InDoubt(5, 9, "0123456789abcdef")),
        ((0, 3, "key"), InDoubt(1, 3, "key")),
    ],
)
def test_a_cursor_of_version_3_keeps_its_meaning(file: Path, old: tuple[int, int, str], cursor: Idle | InDoubt) -> None:
    """A cursor stays idle, or in doubt about the batch up to ``ahead`` with its key; skipped entries stay recorded."""
    write_old_file(file, 3, cursor=[("destination", *old)], aside=[("destination", 2, "too cold")], gathered=[[0]])
    with closing(Store(file)) as store:
        assert store.cursors.load("destination") == cursor
        assert store._db.query("SELECT * FROM skipped") == [("destination", 2, "too cold")]
        assert store.last_seq() == max(old[:2])  # numbers up to there are not used again


async def test_a_batch_in_doubt_of_version_3_is_delivered_again_with_its_key(tmp_path: Path) -> None:
    """At least once and in order: the same batch with the key that the destination may know, then the rest."""
    rows = [
        observation_row(seq, "kiel", to_micros(EPOCH + timedelta(minutes=seq)), to_micros(EPOCH), float(seq))
        for seq in range(1, 10)
    ]
    cursor = [("destination", 2, 6, "0123456789abcdef0123456789abcdef")]
    write_old_file(tmp_path / "weatherd.sqlite", 3, observation=rows, cursor=cursor, gathered=[[0]])
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal:
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(1)
            await journal.add(make_observations(20, 22))
            await asyncio.sleep(1)
    assert destination.batches == [[3, 4, 5, 6], [7, 8, 9], [20, 21]]
    assert destination.keys[0] == "0123456789abcdef0123456789abcdef"
    assert len(set(destination.keys)) == 3
