"""Days in the journal: any history of additions gives what a plain computation gives."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, observation
from weatherd.journal.days.calendar import SECOND_MICROS, list_days
from weatherd.journal.days.selection import DayRow, select_readings
from weatherd.journal.days.summary import summarize_days
from weatherd.journal.reader import Reader
from weatherd.journal.rows import to_micros
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from weatherd.journal.days.summary import Day
    from weatherd.observation import Observation

BEGIN = datetime(2026, 10, 23, 20, tzinfo=UTC)  # two hours before the midnight that begins a Saturday in Berlin
ZONES = {KIEL.id: "Europe/Berlin", BERLIN.id: "Australia/Lord_Howe"}  # a change of the clock in the time of the tests
LONG_AFTER = BEGIN + timedelta(days=30)
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 10)
CITIES = [KIEL, BERLIN]
QUALITIES = ["ok", "ok", "suspect: temperature step", "suspect: wind_gust range, precipitation consistency"]


@st.composite
def make_observations(draw: st.DrawFn) -> list[Observation]:
    """Return some observations of a few days, with few different times, so that identities come again."""
    count = draw(st.integers(1, 12))
    start = draw(st.integers(0, 200))
    found = []
    for number in range(count):
        minutes = 30 * (start + number * draw(st.integers(0, 3)))
        at = BEGIN + timedelta(minutes=minutes)
        found.append(
            observation(
                draw(st.sampled_from(CITIES)),
                provider=draw(st.sampled_from(["a", "b"])),
                observed_at=at,
                fetched_at=at + timedelta(minutes=draw(st.integers(0, 5))),
                temperature=draw(st.integers(-9, 9)) / 2,
                precipitation=draw(st.sampled_from([None, 0.0, 0.1, 2.5])),
                wind_gust=draw(st.sampled_from([None, 3.0, 12.5])),
                quality=draw(st.sampled_from(QUALITIES)),
            )
        )
    return found


STEPS = st.one_of(
    st.tuples(st.just("live"), make_observations()),
    st.tuples(st.sampled_from(["backfill", "import"]), make_observations()),
    st.tuples(st.just("late while stored"), make_observations()),
    st.tuples(st.just("store"), st.integers(0, 140)),  # hours after the begin
    st.tuples(st.sampled_from(["kill", "rebuild", "killed batch", "killed store"]), st.none()),
)


def compute_plainly(reader: Reader, city: str, zone: str) -> list[Day]:
    """Compute the days of a city from all its observations."""
    found = reader.read_city(city, datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    series = {index: (seen.provider, seen.station) for index, seen in enumerate(found)}
    rows = [
        DayRow(
            next(number for number, names in series.items() if names == (seen.provider, seen.station)),
            to_micros(seen.observed_at),
            seen.temperature,
            seen.precipitation,
            seen.wind_gust,
            None if seen.origin == "live" else seen.origin,
            None if seen.quality == "ok" else seen.quality,
        )
        for seen in found
    ]
    if not rows:
        return []
    since, until = (int(at.timestamp()) * SECOND_MICROS for at in (BEGIN - timedelta(days=2), LONG_AFTER))
    return summarize_days(select_readings(rows, series), list_days(since, until, ZoneInfo(zone)))


def store_days(store: Store, file: Path, now: datetime, *, steps: int | None = None) -> None:
    """Store all days that are over at a time, or those of a number of steps."""
    store.days.register(ZONES, "UTC")
    with closing(Reader(file)) as reader:
        while (group := reader.find_open_days(to_micros(now))) and steps != 0:
            assert store.days.put(reader.compute_days(group))
            steps = None if steps is None else steps - 1


def dump_days(file: Path) -> list[Any]:
    """Return the rows of the table of days."""
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT city, day.* FROM day JOIN day_city ON id = city_id ORDER BY date, city_id").fetchall()


class Lives:
    """A journal that is used, killed and opened again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.store = Store(file)

    def kill(self) -> None:
        """End without a close."""
        self.store._db.close()
        self.store = Store(self.file)

    def take(self, step: str, value: Any) -> None:
        """Take one step."""
        cities = {city.id: city for city in CITIES}
        match step:
            case "live":
                self.store.add([FetchedObservation(cities[seen.city], seen) for seen in value])
            case "backfill" | "import":
                self.store.add_past([seen._replace(origin=step) for seen in value])
            case "store":
                store_days(self.store, self.file, BEGIN + timedelta(hours=value))
            case "rebuild":
                self.store.days.reopen_all()
            case "kill":
                self.kill()
            case "killed store":
                store_days(self.store, self.file, LONG_AFTER, steps=1)
                self.kill()
            case "killed batch":
                with self.store._db.transaction():
                    self.store._entries.add_past([observation(KIEL, observed_at=BEGIN)], self.store.last_seq())
                    self.store._db.execute("ROLLBACK")
                    self.store._db.execute("BEGIN")
                self.kill()
            case "late while stored":
                self.store_while_adding(value)

    def store_while_adding(self, batch: list[Observation]) -> None:
        """Add a batch between the computation of days and their storage."""
        self.store.days.register(ZONES, "UTC")
        with closing(Reader(self.file)) as reader:
            if group := reader.find_open_days(to_micros(LONG_AFTER)):
                computed = reader.compute_days(group)
                self.take("import", batch)
                self.store.days.put(computed)

    def check(self) -> None:
        """Compare what readers see with a plain computation."""
        with closing(Reader(self.file)) as reader:
            for city, zone in ZONES.items():
                assert reader.read_days(city, ZoneInfo(zone), FIRST, LAST) == compute_plainly(reader, city, zone)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(steps=st.lists(STEPS, max_size=14))
def test_any_order_gives_the_same_days(steps: list[tuple[str, Any]], tmp_path_factory: Any) -> None:
    """Live rows, revisions, repeats, backfills, imports, days that are stored in between, and kills.

    After each step a reader sees the days of a plain computation; in the end the table has them, and a rebuild changes
    no byte.
    """
    file = tmp_path_factory.mktemp("days") / "weatherd.sqlite"
    lives = Lives(file)
    for step, value in steps:
        lives.take(step, value)
        lives.check()
    store_days(lives.store, file, LONG_AFTER)
    lives.check()
    with closing(Reader(file)) as reader:
        assert reader.find_open_days(to_micros(LONG_AFTER)) is None
        plain = {city: compute_plainly(reader, city, zone) for city, zone in ZONES.items()}
    rows = dump_days(file)
    assert {(row[0], row[1]) for row in rows} == {
        (city, (day.date - date(1970, 1, 1)).days) for city, days in plain.items() for day in days
    }
    lives.store.days.reopen_all()
    store_days(lives.store, file, LONG_AFTER)
    assert dump_days(file) == rows
    lives.store.close()


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Yield a new journal, and close it."""
    lives = Lives(tmp_path / "weatherd.sqlite")
    yield lives
    lives.store.close()


MIDNIGHT = BEGIN + timedelta(hours=2)


def past(at: datetime, **values: Any) -> Observation:
    """Return an imported observation."""
    return observation(KIEL, observed_at=at, fetched_at=at, origin="import", **values)


def read_kiel(lives: Lives) -> list[Day]:
    """Return the days of Kiel."""
    with closing(Reader(lives.file)) as reader:
        return reader.read_days(KIEL.id, ZoneInfo(ZONES[KIEL.id]), FIRST, LAST)


def test_rain_after_midnight_changes_the_stored_day_before(lives: Lives) -> None:
    """An observation at half past twelve tells of the rain in the last half an hour of the day before."""
    lives.store.add_past([past(MIDNIGHT - timedelta(hours=1), precipitation=0.0)])
    store_days(lives.store, lives.file, LONG_AFTER)
    assert [day.rain for day in read_kiel(lives)] == [0.0]
    lives.store.add_past([past(MIDNIGHT + timedelta(minutes=30), precipitation=2.0)])
    assert [day.rain for day in read_kiel(lives)] == [1.0, 1.0]
    store_days(lives.store, lives.file, LONG_AFTER)
    assert [day.rain for day in read_kiel(lives)] == [1.0, 1.0]


def test_a_day_is_not_computed_from_what_deletion_left(lives: Lives) -> None:
    """Its extremes still grow, and a complete import replaces it; mean, rain and counts are never those of a part."""
    rows = [past(MIDNIGHT + number * timedelta(hours=1), temperature=float(number)) for number in range(24)]
    lives.store.add_past(rows)
    store_days(lives.store, lives.file, LONG_AFTER)
    (before,) = read_kiel(lives)
    noon = (MIDNIGHT + timedelta(hours=12)).timestamp()
    lives.store.prune(noon, LONG_AFTER.timestamp(), None, [])
    lives.store.add_past([past(MIDNIGHT + timedelta(minutes=20), temperature=-5.0)])
    assert read_kiel(lives) == [before._replace(low=-5.0, low_at=to_micros(MIDNIGHT + timedelta(minutes=20)))]
    lives.store.days.reopen_all()
    store_days(lives.store, lives.file, LONG_AFTER)
    assert read_kiel(lives) == [before._replace(low=-5.0, low_at=to_micros(MIDNIGHT + timedelta(minutes=20)))]
    lives.store.add_past(rows)
    store_days(lives.store, lives.file, LONG_AFTER)
    assert [(day.observations, day.low) for day in read_kiel(lives)] == [(25, -5.0)]
    lives.store.prune(LONG_AFTER.timestamp(), LONG_AFTER.timestamp(), None, [])
    assert [(day.observations, day.low) for day in read_kiel(lives)] == [(25, -5.0)]


def test_observations_of_days_that_are_not_stored_are_kept(lives: Lives) -> None:
    """However short the retention, or however old an import: nothing is deleted before its day is stored."""
    lives.store.add_past([past(MIDNIGHT)])
    store_days(lives.store, lives.file, LONG_AFTER)
    lives.store.add_past([past(MIDNIGHT - timedelta(days=1)), past(LONG_AFTER)])
    assert lives.store.prune(LONG_AFTER.timestamp(), LONG_AFTER.timestamp(), None, []).deleted == 0
    store_days(lives.store, lives.file, LONG_AFTER)
    assert lives.store.prune(LONG_AFTER.timestamp(), LONG_AFTER.timestamp(), None, []).deleted == 2
    assert len(read_kiel(lives)) == 2


def test_a_new_zone_has_other_days(lives: Lives) -> None:
    """If the time zone of a city is corrected, readers see its days at once, and they are stored again."""
    lives.store.add_past([past(MIDNIGHT - timedelta(minutes=1)), past(MIDNIGHT + timedelta(hours=23))])
    store_days(lives.store, lives.file, LONG_AFTER)
    assert [day.date.day for day in read_kiel(lives)] == [23, 24]
    with closing(Reader(lives.file)) as reader:
        utc = reader.read_days(KIEL.id, ZoneInfo("UTC"), FIRST, LAST)
        assert [day.date.day for day in utc] == [23, 24]
        assert utc[1].first_at == to_micros(MIDNIGHT + timedelta(hours=23))
        tokyo = reader.read_days(KIEL.id, ZoneInfo("Asia/Tokyo"), FIRST, LAST)
        lives.store.days.register({KIEL.id: "Asia/Tokyo"}, "UTC")
        assert reader.read_days(KIEL.id, ZoneInfo("Asia/Tokyo"), FIRST, LAST) == tokyo
        while group := reader.find_open_days(to_micros(LONG_AFTER)):
            assert lives.store.days.put(reader.compute_days(group))
        assert reader.read_days(KIEL.id, ZoneInfo("Asia/Tokyo"), FIRST, LAST) == tokyo


def test_many_cities_are_stored_in_few_steps(lives: Lives) -> None:
    """Each step searches a whole day, so there is one for each zone that has a tenth of the cities.

    They are neighbours in the tables, in which their rows change together.
    """
    zones = {f"city-{number}": f"Etc/GMT+{1 + number % 10}" for number in range(2500)}
    rows = [past(MIDNIGHT)._replace(city=city) for city in zones]
    lives.store.add_past(rows)
    lives.store.days.register(zones, "UTC")
    until, steps = to_micros(MIDNIGHT + timedelta(hours=20)), 0
    with closing(Reader(lives.file)) as reader:
        while group := reader.find_open_days(until):
            assert lives.store.days.put(reader.compute_days(group))
            steps += 1
        assert reader.count_days().days == 2500
    assert steps == 10
    stored = lives.store._db.query("SELECT zone FROM day_city ORDER BY id")
    assert stored == sorted(stored)


def test_the_live_record_counts(lives: Lives) -> None:
    """Where it is silent, rows of other services that were added later count, but not of the same hours."""
    live = observation(KIEL, observed_at=MIDNIGHT, fetched_at=MIDNIGHT, provider="a", temperature=10.0)
    lives.store.add([FetchedObservation(KIEL, live)])
    for minutes, temperature in ((0, -1.0), (30, -2.0), (70, 20.0)):
        at = MIDNIGHT + timedelta(minutes=minutes)
        lives.store.add_past([past(at, provider="b", temperature=temperature)])
    lives.store.add_past([past(MIDNIGHT + timedelta(minutes=40), provider="a", temperature=11.0)])
    (day,) = read_kiel(lives)
    assert (day.low, day.high, day.observations, day.providers) == (10.0, 20.0, 3, "a,b")


def test_new_observations_are_not_late(tmp_path: Path) -> None:
    """In a new journal, too, an observation after the first one has no day computed again, not even in the first hour.

    Otherwise each would cost another statement for an hour.
    """
    with closing(Store(tmp_path / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=BEGIN))])
        store.days.register(ZONES, "UTC")
        before = store.days.find_stored_until()
        store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=BEGIN + timedelta(seconds=1)))])
        assert store.days.find_stored_until() == before
        store.add([FetchedObservation(KIEL, observation(KIEL, observed_at=BEGIN - timedelta(seconds=2)))])
        assert store.days.find_stored_until() < before
