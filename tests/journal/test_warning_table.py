"""Warnings in the journal: what the next run loads, and the changes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.journal.tables.warning_table import SavedChange, SavedPlace, SavedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = SavedWarning(storm(), EPOCH)


def place(*warnings: SavedWarning, city: str = "kiel", lat: float = 54.3) -> SavedPlace:
    """Return a place that was looked up."""
    return SavedPlace(city, "fake", lat, 10.1, list(warnings))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty journal."""
    with contextlib.closing(Store(tmp_path / JOURNAL_FILE)) as store:
        yield store


def rows(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement selects."""
    return store._db.query(statement)


def test_the_next_run_loads_what_was_saved(tmp_path: Path) -> None:
    """Places without a warning too, because they were looked up; two places share one message."""
    saved = [place(KNOWN), place(KNOWN, city="berlin"), place(city="oslo")]
    with contextlib.closing(Store(tmp_path / JOURNAL_FILE)) as store:
        store.warnings.save(saved, [], [])
        assert rows(store, "SELECT count(*) FROM warning") == [(1,)]
    with contextlib.closing(Store(tmp_path / JOURNAL_FILE)) as store:
        loaded = store.warnings.load()
    assert sorted(loaded) == sorted(saved)
    assert loaded[0].warnings[0].warning is loaded[1].warnings[0].warning


def test_a_place_is_replaced(store: Store) -> None:
    """A save has all warnings of a place; another message about the event replaces the first one."""
    later = SavedWarning(storm(message_id="2"), EPOCH)
    store.warnings.save([place(KNOWN)], [], [])
    store.warnings.save([place(later, lat=54.4)], [], [])
    assert store.warnings.load() == [place(later, lat=54.4)]
    store.warnings.save([place()], [], [])
    assert store.warnings.load() == [place()]


def test_a_message_with_other_texts_replaces_them(store: Store) -> None:
    """After a change of the language, the same message has other texts."""
    german = SavedWarning(storm(headline="Sturm"), EPOCH)
    store.warnings.save([place(KNOWN)], [], [])
    store.warnings.save([place(german)], [], [])
    assert store.warnings.load() == [place(german)]


def test_forgotten_places_are_deleted(store: Store) -> None:
    """A city that was removed or has moved is looked up as a new one."""
    store.warnings.save([place(KNOWN), place(KNOWN, city="oslo")], [], [])
    store.warnings.save([], [("kiel", "fake")], [])
    assert store.warnings.load() == [place(KNOWN, city="oslo")]


def test_changes_have_numbers_that_are_never_used_again(store: Store) -> None:
    """Old changes are deleted, and messages that nothing refers to; the next number is still higher."""
    changes = [SavedChange(EPOCH + timedelta(days=day), "kiel", "new", "", storm(str(day))) for day in range(4)]
    store.warnings.save([place(SavedWarning(storm("0"), EPOCH))], [], changes)
    store.warnings.prune(EPOCH + timedelta(days=30))
    assert rows(store, "SELECT event_key FROM warning") == [("0",)]
    store.warnings.save([], [], changes[:1])
    assert rows(store, "SELECT seq, city, kind FROM warning_change") == [(5, "kiel", "new")]


def test_state_and_changes_are_saved_together(store: Store) -> None:
    """If a part cannot be saved, nothing is."""
    damaged = replace(storm("2"), headline=object())  # type: ignore[arg-type]
    with pytest.raises(Exception, match="object"):
        store.warnings.save([place(KNOWN)], [], [SavedChange(EPOCH, "kiel", "new", "", damaged)])
    assert store.warnings.load() == []


def test_damaged_rows_are_no_warnings(store: Store) -> None:
    """A row that was edited by hand is omitted; the place stays looked up."""
    store.warnings.save([place(KNOWN)], [], [])
    for column in ("severity", "urgency", "certainty", "ends"):
        value = rows(store, f"SELECT {column} FROM warning")[0][0]  # noqa: S608 - a constant
        store._db.execute(f"UPDATE warning SET {column} = 'x'")  # noqa: S608 - as a user would with sqlite3
        assert store.warnings.load() == [place()]
        store._db.execute(f"UPDATE warning SET {column} = ?", [value])  # noqa: S608
    assert store.warnings.load() == [place(KNOWN)]


CITY_AND_KEYS = st.tuples(st.sampled_from(["kiel", "oslo"]), st.lists(st.sampled_from("abc"), unique=True))


@settings(max_examples=10)
@given(st.lists(CITY_AND_KEYS, max_size=6))
def test_the_last_save_of_each_place_counts(saves: list[tuple[str, list[str]]]) -> None:
    """Whatever the order of saves, each place has the warnings of its last one."""
    expected: dict[str, set[str]] = {}
    with TemporaryDirectory() as folder, contextlib.closing(Store(Path(folder) / JOURNAL_FILE)) as store:
        for city, keys in saves:
            store.warnings.save([place(*(SavedWarning(storm(key), EPOCH) for key in keys), city=city)], [], [])
            expected[city] = set(keys)
        loaded = {each.city: {saved.warning.event_key for saved in each.warnings} for each in store.warnings.load()}
    assert loaded == expected
