"""The observations that days are computed from, read from the journal."""

from __future__ import annotations

import json
import operator
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from weatherd.journal.days.selection import select_readings
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS
from weatherd.journal.tables.old_entries import FIND_OLD_TABLES

if TYPE_CHECKING:
    from weatherd.journal.days.summary import Readings

QueryRows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

_FEW = 5  # series for which it is faster to skip through the index than to search all of it in a span of time
_TICK = 1_000_000  # microseconds of entry.observed_at
_SERIES = "SELECT id, city, provider, station FROM series WHERE city IN (SELECT value FROM json_each(?))"
_COLUMNS = ", ".join(
    [
        "series_id",
        *(ENTRY_COLUMNS[name] for name in ("observed_at", "temperature", "precipitation", "wind_gust")),
        # Without a mark, an observation is live and ok: to compute both texts for each would take a third of the time
        f"iif(mark, nullif({ENTRY_COLUMNS['origin']}, 'live'), NULL)",
        f"iif(mark, nullif({ENTRY_COLUMNS['quality']}, 'ok'), NULL)",
    ]
)
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
_AT = operator.itemgetter(1)


def read_readings(query: QueryRows, cities: Sequence[str], since: int, until: int) -> dict[str, Readings]:
    """Return the readings of cities in ``[since, until)``, in POSIX microseconds, by city."""
    if query(FIND_OLD_TABLES, ()):
        return _read_while_moving(query, cities, since, until)
    found = query(_SERIES, (json.dumps(list(cities)),))
    city_of = {number: city for number, city, *_ in found}
    names = {number: (provider, station) for number, _, provider, station in found}
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    statement = _OF_FEW if len(found) <= _FEW else _OF_MANY
    for row in query(statement, (since // _TICK, (until - 1) // _TICK, json.dumps(list(names)))):
        if since <= row[1] < until:
            rows[city_of[row[0]]].append(row)
    for of_city in rows.values():
        of_city.sort(key=_AT)
    return {city: select_readings(of_city, names) for city, of_city in rows.items()}


def _read_while_moving(query: QueryRows, cities: Sequence[str], since: int, until: int) -> dict[str, Readings]:
    """Return the same while entries of an older version are moved, which may have no series yet."""
    numbers: dict[tuple[str, str], int] = {}
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for city, provider, station, *values in query(_WHILE_MOVING, (since, until, json.dumps(list(cities)))):
        rows[city].append((numbers.setdefault((provider, station), len(numbers)), *values))
    names = {number: name for name, number in numbers.items()}
    return {city: select_readings(sorted(of_city, key=_AT), names) for city, of_city in rows.items()}
