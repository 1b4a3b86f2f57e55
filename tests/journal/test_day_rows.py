"""The observations that days are computed from: the same of one city and of many, and few in memory at a time."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import observation
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.journal.days.day_rows import read_readings
from weatherd.journal.reader import Reader
from weatherd.journal.rows import to_micros
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import BACKFILL, FetchedObservation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from weatherd.observation import Observation

CITIES = [City(name=f"City {number}", lat=number, lon=0.0) for number in range(9)]
SINCE = to_micros(EPOCH)
UNTIL = to_micros(EPOCH + timedelta(hours=4))
NUMBERS = st.none() | st.integers(0, 300).map(lambda tenths: tenths / 10)


@st.composite
def make_observations(draw: st.DrawFn) -> Observation:
    """Make an observation of the hours around the span, perhaps of another service or suspect, at any second."""
    at = EPOCH + timedelta(seconds=draw(st.sampled_from([0, 3599, 3600]) | st.integers(-3600, 5 * 3600)))
    return observation(
        draw(st.sampled_from(CITIES)),
        observed_at=at,
        fetched_at=at + timedelta(seconds=1),
        provider=draw(st.sampled_from(["fake", "fake", "nws"])),
        temperature=draw(st.integers(-100, 300)) / 10,
        precipitation=draw(NUMBERS),
        wind_gust=draw(NUMBERS),
        quality=draw(st.sampled_from(["ok", "ok", "suspect: temperature step"])),
    )


@given(live=st.lists(make_observations(), max_size=20), past=st.lists(make_observations(), max_size=20))
def test_many_cities_have_the_readings_of_each(
    live: Sequence[Observation], past: Sequence[Observation], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Read together, hour by hour, or one by one, the readings are the same: columns of equal length, in order."""
    cities = {city.id: city for city in CITIES}
    with closing(Store(tmp_path_factory.mktemp("rows") / JOURNAL_FILE)) as store:
        store.add([FetchedObservation(cities[seen.city], seen) for seen in live])
        store.add_past([seen._replace(origin=BACKFILL) for seen in past])
        query = store._db.query
        together = dict(read_readings(query, [*cities], SINCE, UNTIL))
        alone = {city: found for name in cities for city, found in read_readings(query, [name], SINCE, UNTIL)}
    assert together == alone
    expected = {seen.city for seen in [*live, *past] if SINCE <= to_micros(seen.observed_at) < UNTIL}
    assert together.keys() == expected
    for readings in together.values():
        assert len({len(column) for column in readings}) == 1
        assert [*readings.at] == sorted({*readings.at})
        assert all(type(at) is int and SINCE <= at < UNTIL for at in readings.at)


def test_many_cities_are_read_hour_by_hour(tmp_path: Path) -> None:
    """So that not all rows of a day are in memory at once; a city alone is read with one query."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as store:
        for minutes in range(0, 240, 15):
            at = EPOCH + timedelta(minutes=minutes)
            seen = [observation(city, observed_at=at, fetched_at=at) for city in CITIES]
            store.add([FetchedObservation(city, found) for city, found in zip(CITIES, seen, strict=True)])
    sizes: list[int] = []

    with closing(Reader(tmp_path / JOURNAL_FILE)) as reader:

        def query(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            rows = reader._query(statement, values)
            sizes.append(len(rows))
            return rows

        found = dict(read_readings(query, [city.id for city in CITIES], SINCE, UNTIL))
        assert sum(len(readings.at) for readings in found.values()) == 16 * len(CITIES)
        assert max(sizes) == 4 * len(CITIES)
        sizes.clear()
        ((_, readings),) = read_readings(query, [CITIES[0].id], SINCE, UNTIL)
        assert len(readings.at) == max(sizes) == 16
