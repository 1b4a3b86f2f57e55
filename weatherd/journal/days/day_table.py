"""The tables of days in the journal file: what the writer does to them."""

from __future__ import annotations

import json
import math
import operator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.journal.days.calendar import HOUR_MICROS, SECOND_MICROS
from weatherd.journal.days.merging import complete_days
from weatherd.journal.days.summary import Day
from weatherd.journal.rows import to_micros
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS
from weatherd.journal.tables.old_entries import FIND_OLD_TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from weatherd.journal.database import Database
    from weatherd.journal.days.calendar import LocalDay
    from weatherd.journal.tables.entry_table import Added
    from weatherd.observation import Observation

_EPOCH = date(1970, 1, 1).toordinal()
_PUT = f"INSERT OR REPLACE INTO day VALUES ({', '.join('?' * (len(Day._fields) + 1))})"
_OBSERVED_AT = operator.itemgetter(2)  # of a row of the table entry, in whole seconds
_OF_DAY = "WHERE date = ? AND city_id = ?"
_STORED_UNTIL = "UPDATE day_state SET stored_until = max(stored_until, ?)"
_REOPEN = "UPDATE day_city SET stored_until = ?1 WHERE city = ?2 AND stored_until > ?1"
# Days are deleted whose observations are all still there
_CHANGE_ZONE = (
    """
DELETE FROM day WHERE city_id = (SELECT id FROM day_city WHERE city = ?1 AND zone <> ?2 AND ?3 IS NOT NULL)
AND first_at >= (SELECT raw_since FROM day_state)
""",
    "UPDATE day_city SET zone = ?2, stored_until = min(stored_until, ?3) WHERE city = ?1",
)
# In the order of the index of both tables, so that no list of all cities is made
_NEW_CITIES = """
SELECT DISTINCT city FROM series WHERE NOT EXISTS (SELECT 1 FROM day_city WHERE day_city.city = series.city)
"""
_CITIES_IN_STEP = 10_000
EARLIEST = f"SELECT {ENTRY_COLUMNS['observed_at']} FROM entry ORDER BY entry.observed_at LIMIT 1"
LATEST = f"SELECT {ENTRY_COLUMNS['observed_at']} FROM entry ORDER BY entry.observed_at DESC LIMIT 1"
_UNCHANGED = """
SELECT city, id FROM day_city WHERE zone = ?1 AND stored_until = ?2 AND city IN (SELECT value FROM json_each(?3))
AND city NOT IN (SELECT city FROM observation WHERE seq > ?4 AND observed_at < ?5)
"""


class ComputedDays(NamedTuple):
    """Days of some cities, computed from the observations up to number *seq*."""

    zone: str
    since: int  # POSIX microseconds: the time up to which the days of these cities are stored
    cities: Sequence[str]
    spans: Sequence[LocalDay]
    seq: int
    days: Mapping[str, Sequence[Day]]  # by city; a day without observations is missing


class DayTable:
    """The tables of days."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def reopen(self, added: Added, observations: Sequence[Observation]) -> None:
        """Have the days of late observations computed again, in the transaction that adds them.

        Row i of *added* is that of the observation at index i, whose rain fell in the hour before: perhaps on the day
        before.
        """
        stored_until = self._db.query_value("SELECT stored_until FROM day_state")
        earliest = min(map(_OBSERVED_AT, added.rows), default=None)
        if earliest is None or earliest * SECOND_MICROS - HOUR_MICROS >= stored_until:
            return
        times = ((to_micros(observation.observed_at) - HOUR_MICROS, observation.city) for observation in observations)
        late = [
            time for time, row in zip(times, added.rows, strict=True) if time[0] < stored_until and row[0] in added.seqs
        ]
        self._db.execute_many(_REOPEN, late)

    def register(self, zones: Mapping[str, str], default: str) -> None:
        """Add the cities of the journal, and change the zones of those in *zones*; others have the zone *default*.

        A new zone has other days: those whose observations are still there are computed again. Nothing is done while
        entries of an older version are moved.
        """
        with self._db.transaction():
            begin = self._find_begin()
            if begin is None or self._db.query(FIND_OLD_TABLES):
                return
            changed = [(city, zone, begin) for city, zone in self._find_changed(zones)]
            # By zone, because the days of a zone are stored together: then their rows are neighbours
            added = sorted((zones.get(city, default), city, begin) for (city,) in self._db.query(_NEW_CITIES))
            self._db.execute_many("INSERT INTO day_city (zone, city, stored_until) VALUES (?, ?, ?)", added)
            if added:
                self._db.execute(_STORED_UNTIL, [begin])
            for statement in _CHANGE_ZONE if changed else ():
                self._db.execute_many(statement, changed)

    def _find_changed(self, zones: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the cities whose zone is another one now, with this; few rows at a time, because there may be many."""
        select = "SELECT city, zone FROM day_city WHERE id > ? AND id <= ?"
        for last in range(0, self._db.query_value("SELECT max(id) FROM day_city") or 0, _CITIES_IN_STEP):
            for city, zone in self._db.query(select, [last, last + _CITIES_IN_STEP]):
                if (listed := zones.get(city, zone)) != zone:
                    yield city, listed

    def reopen_all(self) -> None:
        """Have all days computed again whose observations are still there."""
        with self._db.transaction():
            if (begin := self._find_begin()) is not None:
                self._db.execute("UPDATE day_city SET stored_until = min(stored_until, ?)", [begin])

    def _find_begin(self) -> int | None:
        """Return a time before the rain of the earliest observation, or None without any observation."""
        begin: int | None = self._db.query_value(EARLIEST)  # several may be of the same second
        return None if begin is None else begin - SECOND_MICROS - HOUR_MICROS

    def put(self, computed: ComputedDays) -> Collection[str]:
        """Store days; return their cities. Those that have got observations of these days meanwhile wait."""
        until = computed.spans[-1].end
        values = computed.zone, computed.since, json.dumps(list(computed.cities)), computed.seq, until + HOUR_MICROS
        with self._db.transaction():
            raw_since = self._db.query_value("SELECT raw_since FROM day_state")
            ids = dict(self._db.query(_UNCHANGED, values))
            for city, number in ids.items():
                self._put_city(number, computed.spans, computed.days.get(city, ()), raw_since)
            update = "UPDATE day_city SET stored_until = ? WHERE id = ?"
            self._db.execute_many(update, [(until, number) for number in ids.values()])
            self._db.execute(_STORED_UNTIL, [until])
        return ids.keys()

    def _put_city(self, number: int, spans: Sequence[LocalDay], computed: Sequence[Day], raw_since: int) -> None:
        """Replace the days of a city; those that may have lost observations are merged with what is stored."""
        keys = {span.date: (number_date(span.date), number) for span in spans}
        incomplete = [keys[span.date] for span in spans if span.begin < raw_since]
        stored = [parse_day(row) for key in incomplete for row in self._db.query(f"SELECT * FROM day {_OF_DAY}", key)]
        before, now = ({day.date: day for day in days} for days in (stored, computed))
        days = complete_days(before, now, spans, raw_since)
        self._db.execute_many(_PUT, [(*keys[day.date], *day[1:]) for day in days.values()])
        self._db.execute_many(f"DELETE FROM day {_OF_DAY}", [key for at, key in keys.items() if at not in days])

    def find_stored_until(self) -> float:
        """Return the POSIX time before which all days are stored, so that their observations may be deleted."""
        stored_until = self._db.query_value("SELECT min(stored_until) FROM day_city")
        return math.inf if stored_until is None else stored_until / SECOND_MICROS

    def record_deletion(self, before: float) -> None:
        """Record that observations before a POSIX time were deleted, in the transaction that deletes them.

        A day of which some are missing is not computed from the others.
        """
        self._db.execute("UPDATE day_state SET raw_since = max(raw_since, ?)", [math.ceil(before * SECOND_MICROS)])


def number_date(day: date) -> int:
    """Return the number of days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def parse_date(number: int) -> date:
    """Return the date that is a number of days after 1970-01-01."""
    return date.fromordinal(number + _EPOCH)


def parse_day(row: Sequence[Any]) -> Day:
    """Return the day of a row of the table ``day``."""
    return Day(parse_date(row[0]), *row[2:])
