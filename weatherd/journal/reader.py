"""Read access to the journal file, which never blocks the writer."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import StateError
from weatherd.journal.database import Database
from weatherd.journal.days.reading import compute_days, count_stored_days, find_next_group, read_city_days
from weatherd.journal.file_identity import FileIdentity
from weatherd.journal.rows import COLUMNS, JournalEntry, parse_entry, parse_row, to_micros
from weatherd.journal.schema import require_same_version
from weatherd.journal.state_folder import translate_errors
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS, ORIGIN_HERE, WITH_DESCRIPTION
from weatherd.journal.tables.old_entries import FIND_OLD_TABLES
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date, datetime, tzinfo
    from pathlib import Path

    from weatherd.journal.days.day_table import ComputedDays
    from weatherd.journal.days.reading import DayGroup, StoredDays
    from weatherd.journal.days.summary import Day
    from weatherd.observation import Observation

_CHUNK_SIZE = 2000  # rows in memory
_EARLIEST, _LATEST = -(2**63), 2**63 - 1
_POSIX = "posix"  # the time of observation in seconds
_BY_TIME = "ORDER BY {observed_at}, seq"
_COLUMNS_OF_ENTRY = ENTRY_COLUMNS | {"seq": "seq", _POSIX: f"{ENTRY_COLUMNS['observed_at']} / 1e6"}
_COLUMNS_HERE = ", ".join(ORIGIN_HERE if name == "origin" else name for name in FIELDS)
_COLUMNS_OF_VIEW = {name: name for name in ("seq", *FIELDS)} | {_POSIX: "observed_at / 1e6"}
# Skips through the index from one time of observation to the next, because all cities share a few of these times.
_OF_CITIES = f"""
WITH RECURSIVE times(at) AS (
  SELECT min(observed_at) FROM entry WHERE observed_at >= ?1 / 1000000 - 1
  UNION ALL SELECT (SELECT min(observed_at) FROM entry WHERE observed_at > at) FROM times WHERE at <= ?2 / 1000000
)
SELECT {{columns}} FROM times CROSS JOIN series ON city IN ({{cities}})
CROSS JOIN entry ON observed_at = at AND series_id = series.id {WITH_DESCRIPTION}
WHERE {ENTRY_COLUMNS["observed_at"]} >= ?1 AND {ENTRY_COLUMNS["observed_at"]} < ?2
"""
# While entries of an older version are moved, they are in another table, with another index.
_OF_CITIES_WHILE_MOVING = """
SELECT {columns} FROM observation WHERE observed_at >= ?1 AND observed_at < ?2 AND city IN ({cities})
"""
_OF_SPAN = f"""
SELECT {{columns}} FROM entry CROSS JOIN series ON series.id = series_id {WITH_DESCRIPTION}
WHERE entry.observed_at BETWEEN ?1 / 1000000 - 1 AND ?2 / 1000000
AND {ENTRY_COLUMNS["observed_at"]} >= ?1 AND {ENTRY_COLUMNS["observed_at"]} < ?2
"""
_OF_SPAN_WHILE_MOVING = "SELECT {columns} FROM observation WHERE observed_at >= ?1 AND observed_at < ?2"


# A city whose observations were imported is not in ``last``; one whose observations were pruned has its days
_CITIES = """
SELECT city FROM last UNION SELECT city FROM day_city
UNION SELECT city FROM series WHERE city NOT IN (SELECT city FROM last)
AND EXISTS (SELECT 1 FROM entry WHERE series_id = series.id)
"""


class RecordedPlace(NamedTuple):
    """The place of a city's latest observation, in degrees; entries below number *first_seq* are of other places."""

    lat: float
    lon: float
    first_seq: int


class Reader:
    """A read-only connection for one thread. Calls block.

    Each call reads in a transaction of its own, so that the writer can always truncate its log. After a
    replacement of the file, the next call reads the new one. Raises StateError if there is no journal or it cannot be
    read.
    """

    def __init__(self, file: Path) -> None:
        with translate_errors(file.parent):
            exists = file.exists()
        if not exists:
            raise StateError(f"there is no journal at {file}: start weatherd run, which creates it")
        self._file = file
        self._open()

    def _open(self) -> None:
        identity, db = FileIdentity(self._file), Database(self._file, read_only=True)
        with contextlib.ExitStack() as stack:
            stack.callback(db.close)
            require_same_version(db, self._file)
            stack.pop_all()
        self._identity, self._db = identity, db

    def _query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a statement selects, in the file that is at the path now."""
        if self._identity.is_replaced():
            before = self._db
            with contextlib.suppress(StateError):  # the writer has not prepared the new file yet
                self._open()
                before.close()
        return self._db.query(statement, values)

    def read_after(self, seq: int, limit: int, until: int | None = None) -> list[JournalEntry]:
        """Return up to *limit* entries with numbers above *seq*, and up to *until* if given, in order.

        The origin of an imported observation is never ``live``, because that would be news for destinations.
        """
        bound, values = ("", [seq]) if until is None else (" AND seq <= ?", [seq, until])
        where = f"WHERE seq > ?{bound} ORDER BY seq LIMIT ?"
        return [
            parse_entry(row)
            for row in self._query(f"SELECT seq, {_COLUMNS_HERE} FROM observation {where}", [*values, limit])
        ]

    def read_city(self, city: str, since: datetime, until: datetime) -> list[Observation]:
        """Return a city's observations in ``[since, until)``, in the order of ``observed_at``."""
        span = to_micros(since), to_micros(until)
        return [parse_row(row) for row in self._query_cities(FIELDS, [city], span, _BY_TIME)]

    def read_span(self, cities: Sequence[str], since: datetime, until: datetime) -> list[JournalEntry]:
        """Return the entries of *cities* (all if empty) in ``[since, until)``, in the order of ``observed_at``.

        For many cities and a short time, because the index is by time: :meth:`read_city` is for one and a long time.
        """
        known, statement = _COLUMNS_OF_ENTRY, _OF_SPAN
        if self._query(FIND_OLD_TABLES):
            known, statement = _COLUMNS_OF_VIEW, _OF_SPAN_WHILE_MOVING
        columns = ", ".join(known[name] for name in ("seq", *FIELDS))
        condition = f"AND city IN ({', '.join('?' * len(cities))})" if cities else ""
        order = _BY_TIME.format(observed_at=known["observed_at"])
        values = [to_micros(since), to_micros(until), *cities]
        return [
            parse_entry(row) for row in self._query(f"{statement.format(columns=columns)} {condition} {order}", values)
        ]

    def read_times(self, cities: Iterable[str], since: datetime, until: datetime) -> dict[str, list[float]]:
        """Return the times of each city's observations in ``[since, until)``, POSIX seconds, in ascending order.

        City by city, because one statement for all of them takes ten times as long: it does not use the index by time.
        """
        span = to_micros(since), to_micros(until)
        return {city: [time for (time,) in self._query_cities([_POSIX], [city], span, _BY_TIME)] for city in cities}

    def read_columns(
        self, cities: Sequence[str], columns: Sequence[str], since: datetime, until: datetime
    ) -> list[tuple[Any, ...]]:
        """Return rows of city, ``observed_at`` in POSIX seconds and *columns* in ``[since, until)``, in order of time.

        Much faster than :meth:`read_city` for long times or many cities. Raises KeyError for an unknown column.
        """
        span = to_micros(since), to_micros(until)
        return self._query_cities(["city", _POSIX, *columns], cities, span, _BY_TIME)

    def read_compared(
        self, city: str, field: str, since: datetime, until: datetime
    ) -> list[tuple[float, str, float | None, str]]:
        """Return what services polled for comparison only reported in ``[since, until)``, in the order of time.

        The rows are ``observed_at`` in POSIX seconds, provider, value of *field* and quality.
        """
        from weatherd.journal.tables.compared_table import COMPARED_FIELDS, SELECT_COMPARED  # noqa: PLC0415 - rare

        (column,) = (name for name in COMPARED_FIELDS if name == field)
        return self._query(SELECT_COMPARED.format(field=column), [since.timestamp(), until.timestamp(), city])

    def read_days(self, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
        """Return a city's days with observations, from the date *since* to the one before *until*."""
        return read_city_days(self._query, city, zone, since, until)

    def count_days(self) -> StoredDays:
        """Count the days that are stored."""
        return count_stored_days(self._query)

    def find_open_days(self, now: int) -> DayGroup | None:
        """Return the next days that are over at *now* (POSIX microseconds) and not stored; None if all are stored."""
        return find_next_group(self._query, now)

    def compute_days(self, group: DayGroup) -> ComputedDays:
        """Compute days from the observations that the journal has now."""
        return compute_days(self._query, group)

    def read_bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest number of an entry; 0 and 0 for an empty journal."""
        ((low, high),) = self._query("SELECT (SELECT min(seq) FROM observation), (SELECT max(seq) FROM observation)")
        return low or 0, high or 0

    def iterate(
        self,
        since: datetime | None,
        until: datetime | None,
        cities: Sequence[str],
        report: Callable[[int], None] | None = None,
    ) -> Iterator[Observation]:
        """Yield the observations in ``[since, until)`` of *cities* (all if empty), in the order of arrival."""
        return (observation for _, observation in self.iterate_entries(since, until, cities, report))

    def iterate_entries(
        self,
        since: datetime | None,
        until: datetime | None,
        cities: Sequence[str],
        report: Callable[[int], None] | None = None,
    ) -> Iterator[JournalEntry]:
        """Yield the entries in ``[since, until)`` of *cities* (all if empty), in the order of arrival.

        It needs constant memory. Observations that are added meanwhile are yielded, too. If an observation that was
        yielded is revised meanwhile, the revision is also yielded. *report* is called with the highest number read so
        far, every 2000 observations.
        """
        conditions, values = _conditions(since, until, cities)
        where = f"WHERE seq > ?{conditions} ORDER BY seq LIMIT {_CHUNK_SIZE}"
        seq = 0
        while rows := self._query(f"SELECT seq, {COLUMNS} FROM observation {where}", [seq, *values]):
            seq = rows[-1][0]
            if report:
                report(seq)
            yield from map(parse_entry, rows)

    def read_page(
        self, after: int, limit: int, since: datetime | None, until: datetime | None, cities: Sequence[str]
    ) -> list[JournalEntry]:
        """Return up to *limit* entries in ``[since, until)`` of *cities* (all if empty) with numbers above *after*."""
        if len(cities) == 1:
            begin, end = to_micros(since) if since else _EARLIEST, to_micros(until) if until else _LATEST
            condition = "AND seq > ? ORDER BY seq LIMIT ?"
            rows = self._query_cities(["seq", *FIELDS], cities, (begin, end), condition, after, limit)
        else:
            conditions, values = _conditions(since, until, cities)
            where = f"WHERE seq > ?{conditions} ORDER BY seq LIMIT ?"
            rows = self._query(f"SELECT seq, {COLUMNS} FROM observation {where}", [after, *values, limit])
        return [parse_entry(row) for row in rows]

    def _query_cities(
        self, names: Sequence[str], cities: Sequence[str], span: tuple[int, int], condition: str, *values: int
    ) -> list[tuple[Any, ...]]:
        is_moving = self._query(FIND_OLD_TABLES)
        template = _OF_CITIES_WHILE_MOVING if is_moving else _OF_CITIES
        known = _COLUMNS_OF_VIEW if is_moving else _COLUMNS_OF_ENTRY
        columns = ", ".join(known[name] for name in names)
        statement = template.format(columns=columns, cities=", ".join("?" * len(cities)))
        condition = condition.format(observed_at=known["observed_at"])
        return self._query(f"{statement} {condition}", [*span, *cities, *values])

    def list_cities(self) -> list[str]:
        """Return the ids of all cities with an observation or a day, including those removed from the list."""
        return [city for (city,) in self._query(f"{_CITIES} ORDER BY city")]

    def has_city(self, city: str) -> bool:
        """Return whether there is an observation or a day of the city with this id, which may be off the list."""
        return bool(self._query(f"SELECT 1 FROM ({_CITIES}) WHERE city = ?", [city]))

    def read_places(self) -> dict[str, RecordedPlace]:
        """Return where each city with an observation was, and since which entry."""
        statement = "SELECT city, lat, lon, coalesce(moved.seq, 0) FROM last LEFT JOIN moved USING (city)"
        return {city: RecordedPlace(*place) for city, *place in self._query(statement)}

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _conditions(since: datetime | None, until: datetime | None, cities: Sequence[str]) -> tuple[str, list[Any]]:
    text, values = "", list[Any]()
    for condition, time in ((" AND observed_at >= ?", since), (" AND observed_at < ?", until)):
        if time:
            text += condition
            values.append(to_micros(time))
    if cities:
        text += " AND city IN (SELECT value FROM json_each(?))"  # one parameter, because their number is limited
        values.append(json.dumps(list(cities)))
    return text, values
