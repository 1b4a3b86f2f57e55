"""The observations that days are computed from, read from the journal.

A day of many cities may have millions of them. They are read hour by hour, and kept as four numbers each, because a row
of Python objects takes ten times the memory.
"""

from __future__ import annotations

import json
import math
import operator
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from weatherd.journal.days.calendar import HOUR_MICROS
from weatherd.journal.days.selection import select_readings
from weatherd.journal.days.summary import Readings
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS
from weatherd.journal.tables.old_entries import FIND_OLD_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

QueryRows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

_FEW = 5  # series for which it is faster to skip through the index than to search all of it in a span of time
_TICK = 1_000_000  # microseconds of entry.observed_at
_MISSING = math.inf  # instead of None, which an array cannot hold; values of observations are finite
_FIELDS = ("temperature", "precipitation", "wind_gust")
_WIDTH = 1 + len(_FIELDS)  # the time and these, one after the other
_SERIES = "SELECT id, city, provider, station FROM series WHERE city IN (SELECT value FROM json_each(?))"
_COLUMNS = ", ".join(
    [
        *("series_id", "mark", ENTRY_COLUMNS["observed_at"]),
        *(f"coalesce({ENTRY_COLUMNS[name]}, 9e999)" for name in _FIELDS),
        # Without a mark, an observation is live and ok: to compute both texts for each would take a third of the time
        f"iif(mark, nullif({ENTRY_COLUMNS['origin']}, 'live'), NULL)",
        f"iif(mark, nullif({ENTRY_COLUMNS['quality']}, 'ok'), NULL)",
    ]
)
_AT = operator.itemgetter(1)
_OF_SERIES = "series_id IN (SELECT value FROM json_each(?3))"
_OF_MANY = f"SELECT {_COLUMNS} FROM entry WHERE entry.observed_at BETWEEN ?1 AND ?2 AND {_OF_SERIES}"
_OF_FEW = f"""
WITH RECURSIVE times(at) AS (
  SELECT min(observed_at) FROM entry WHERE observed_at >= ?1
  UNION ALL SELECT (SELECT min(observed_at) FROM entry WHERE observed_at > at) FROM times WHERE at < ?2
)
SELECT {_COLUMNS} FROM times CROSS JOIN entry ON entry.observed_at = at AND entry.observed_at <= ?2 AND {_OF_SERIES}
"""
_WHILE_MOVING = """
SELECT city, provider, station, observed_at, temperature, precipitation, wind_gust, nullif(origin, 'live'),
  nullif(quality, 'ok')
FROM observation WHERE observed_at >= ?1 AND observed_at < ?2 AND city IN (SELECT value FROM json_each(?3))
"""

ReadRow = tuple[Any, ...]  # the values of a DayRow


def read_readings(query: QueryRows, cities: Sequence[str], since: int, until: int) -> Iterator[tuple[str, Readings]]:
    """Yield each city that has readings in ``[since, until)``, POSIX microseconds of whole seconds, with these."""
    if query(FIND_OLD_TABLES, ()):
        yield from _read_while_moving(query, cities, since, until)
        return
    found = query(_SERIES, (json.dumps(list(cities)),))
    city_of = {number: city for number, city, *_ in found}
    names = {number: (provider, station) for number, _, provider, station in found}
    plain: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))  # by series
    marked: defaultdict[str, list[ReadRow]] = defaultdict(list)  # by city: of the past, or suspect
    for rows in _query_spans(query, [*names], since, until):
        for row in rows:
            if row[1] is None:
                plain[row[0]].extend(row[2:6])
            else:
                marked[city_of[row[0]]].append((row[0], row[2], *_restore(row[3:6]), *row[6:]))
    series: defaultdict[str, list[int]] = defaultdict(list)
    for number in plain:
        series[city_of[number]].append(number)
    for city in {**series, **marked}:
        if city not in marked and len(series[city]) == 1:
            (number,) = series[city]
            yield city, _make_readings(names[number][0], plain.pop(number))
        else:
            rows = [row for number in series[city] for row in _make_rows(number, plain.pop(number))]
            yield city, select_readings(sorted(rows + marked[city], key=_AT), names)


def _query_spans(query: QueryRows, series: Sequence[int], since: int, until: int) -> Iterator[list[ReadRow]]:
    """Yield rows in the order of time, of many series those of an hour at once."""
    statement, length = (_OF_FEW, until - since) if len(series) <= _FEW else (_OF_MANY, HOUR_MICROS)
    numbers = json.dumps(list(series))
    for begin in range(since, until, length):
        yield query(statement, (begin // _TICK, min(begin + length, until) // _TICK - 1, numbers))


def _make_readings(provider: str, numbers: array[float]) -> Readings:
    listed = numbers.tolist()
    at, *values = (listed[index::_WIDTH] for index in range(_WIDTH))
    return Readings([*map(int, at)], [provider] * len(at), *map(_restore, values))


def _make_rows(series: int, numbers: array[float]) -> Iterable[ReadRow]:
    readings = _make_readings("", numbers)
    for at, *values in zip(readings.at, *readings[2:], strict=True):
        yield series, at, *values, None, None


def _restore(values: Sequence[float]) -> Sequence[float | None]:
    """Return the values with None for the missing ones."""
    return [None if value == _MISSING else value for value in values] if _MISSING in values else values


def _read_while_moving(
    query: QueryRows, cities: Sequence[str], since: int, until: int
) -> Iterator[tuple[str, Readings]]:
    """Yield the same while entries of an older version are moved, which may have no series yet."""
    numbers: dict[tuple[str, str], int] = {}
    rows: dict[str, list[ReadRow]] = defaultdict(list)
    for city, provider, station, *values in query(_WHILE_MOVING, (since, until, json.dumps(list(cities)))):
        rows[city].append((numbers.setdefault((provider, station), len(numbers)), *values))
    names = {number: name for name, number in numbers.items()}
    for city, of_city in rows.items():
        yield city, select_readings(sorted(of_city, key=_AT), names)
