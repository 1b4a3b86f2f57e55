"""The compact table of entries: it holds what a dict of the observations would hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal.test_latest_table import arrivals
from tests.support.fakes import BERLIN, make_fetched
from tests.support.virtual_time import EPOCH
from weatherd.errors import StateError
from weatherd.journal.reader import Reader
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import FetchedObservation, LastObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.observation import Observation

NOW, DAY = EPOCH.timestamp(), 86400.0


class Model:
    """The journal as two dicts."""

    def __init__(self) -> None:
        self.entries: dict[tuple[object, ...], Observation] = {}  # by identity, in the order of their numbers
        self.latest: dict[str, LastObservation] = {}

    def flag(self, arrival: FetchedObservation) -> FetchedObservation:
        """Record an arrival as its city's latest; return it flagged as the consumer would."""
        city, seen = arrival.city, arrival.observation
        last = self.latest.get(city.id)
        self.latest[city.id] = LastObservation(city.lat, city.lon, seen)
        if last is None or (last.lat, last.lon) != (city.lat, city.lon):
            return arrival
        follows = seen.follows(last.observation)
        return arrival._replace(follows=follows, repeat=not follows and seen.repeats(last.observation))

    def add(self, batch: Sequence[FetchedObservation]) -> int:
        """Add a batch; return the number of new observations and revisions."""
        stored = 0
        for _, seen, *_ in batch:
            identity = seen.observed_at, seen.city, seen.provider, seen.station
            if identity not in self.entries or not seen.repeats(self.entries[identity]):
                self.entries.pop(identity, None)
                self.entries[identity] = seen
                stored += 1
        return stored


@given(st.lists(st.tuples(st.lists(arrivals, max_size=5), st.sampled_from(["", "update", "restart"])), max_size=8))
def test_the_journal_equals_a_dict(batches: list[tuple[list[FetchedObservation], str]]) -> None:
    """For any new, repeated, revised and older observations: the same export, counts and latest observations."""
    model = Model()
    with TemporaryDirectory() as folder:
        file = Path(folder) / JOURNAL_FILE
        store = Store(file)
        for batch, then in batches:
            flagged = [model.flag(arrival) for arrival in batch]
            assert store.add(flagged).stored == model.add(flagged)
            if then == "update":
                store._latest.update()
            if then == "restart":
                store.close()
                store = Store(file)
        with closing(Reader(file)) as reader:
            assert list(reader.iterate(None, None, [])) == list(model.entries.values())
        assert {last.observation.city: last for last in store.load(NOW).latest} == model.latest
        store.close()


def test_unused_texts_are_deleted(tmp_path: Path) -> None:
    """Series and descriptions without an entry are deleted, also if entries are added during the search."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        later = EPOCH + timedelta(days=10)
        store.add([make_fetched(description="hail"), make_fetched(BERLIN, station="K1")])
        store.add([make_fetched(observed_at=later, fetched_at=later)])
        store.prune(NOW + DAY, NOW + 10 * DAY, None, [])
        assert store.delete_unused()
        store.add([make_fetched(observed_at=later + timedelta(days=1), fetched_at=later, description="hail")])
        while store.delete_unused():
            pass
        assert store._db.query("SELECT city, station FROM series") == [("kiel", "")]
        assert store._db.query("SELECT description FROM description ORDER BY description") == [
            ("hail",),
            ("light rain",),
        ]
        store.add([make_fetched(BERLIN, station="K1", observed_at=later, fetched_at=later)])
        assert store._db.query("SELECT city, station FROM observation ORDER BY seq")[-1] == ("berlin", "K1")


def test_an_interrupted_search_begins_anew(tmp_path: Path) -> None:
    """A series that a rolled back step has seen is not taken for an unused one by the next step."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        store.add([make_fetched(station="K1"), make_fetched(station="K2")])
        assert store.delete_unused()
        for statement in (
            "PRAGMA foreign_keys = ON",
            "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TEMP TRIGGER fail AFTER DELETE ON unused_series BEGIN INSERT INTO child VALUES (1); END",
        ):
            store._db.execute(statement)
        with pytest.raises(sqlite3.IntegrityError):  # at the end of the transaction
            store.delete_unused()
        store._db.execute("DROP TRIGGER IF EXISTS fail")
        while store.delete_unused():
            pass
        assert store._db.query("SELECT station FROM observation ORDER BY seq") == [("K1",), ("K2",)]


def test_a_city_that_is_only_in_pruned_entries_is_not_listed(tmp_path: Path) -> None:
    """A removed city is no longer found once its last observation was pruned, without a restart."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        store.add([make_fetched(BERLIN), make_fetched(fetched_at=EPOCH + timedelta(days=9))])
        store.prune(NOW + DAY, NOW + 9 * DAY, None, [])
        while store.delete_unused():
            pass
        with closing(Reader(tmp_path / JOURNAL_FILE)) as reader:
            assert reader.list_cities() == ["kiel"]


def test_a_rolled_back_series_is_added_again(tmp_path: Path) -> None:
    """After a transaction that failed, a retry adds the series and descriptions that were rolled back with it."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        pages = store._db.query_value("PRAGMA page_count")
        store._db.query(f"PRAGMA max_page_count = {pages + 2}")
        batch = [make_fetched(description="x" * 100_000), make_fetched(BERLIN)]
        with pytest.raises(StateError, match="is full"):
            store.add(batch)
        store._db.query("PRAGMA max_page_count = 100000")
        store.add([make_fetched(BERLIN, observed_at=EPOCH - timedelta(hours=1), description="hail")])
        store.add(batch)
        with closing(Reader(tmp_path / JOURNAL_FILE)) as reader:
            assert [entry.observation for entry in reader.read_after(1, 9)] == [
                fetched.observation for fetched in batch
            ]


def test_many_descriptions_are_not_all_held_in_memory(tmp_path: Path) -> None:
    """A service that writes another text each time does not fill the memory; each text is still read as it was."""
    texts = [f"it is {number}" for number in range(10_500)]
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        store.add(
            [
                make_fetched(observed_at=EPOCH + timedelta(minutes=number), description=text)
                for number, text in enumerate([*texts, *texts])
            ]
        )
        assert len(store._entries.ids.of_descriptions) <= 10_000
        with closing(Reader(tmp_path / JOURNAL_FILE)) as reader:
            found = [seen.description for seen in reader.iterate(None, None, [])]
    assert found == [*texts, *texts]
