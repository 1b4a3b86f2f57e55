"""The observations that days are computed from, read from the journal."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from weatherd.journal.days.calendar import SECOND
from weatherd.journal.days.selection import select_readings
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.journal.days.summary import Readings

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

_FEW = 10  # cities for which it is faster to skip through the index than to read all of it in a span of time
_SERIES = "SELECT id, city, provider, station FROM series WHERE city IN (SELECT value FROM json_each(?))"
_VALUES = ("observed_at", "temperature", "precipitation", "wind_gust")
_COLUMNS = f"""
series_id, {", ".join(ENTRY_COLUMNS[name] for name in _VALUES)},
nullif({ENTRY_COLUMNS["origin"]}, 'live'), nullif({ENTRY_COLUMNS["quality"]}, 'ok')
"""
_OF_MANY = f"""
SELECT {_COLUMNS} FROM entry WHERE entry.observed_at >= ?1 AND entry.observed_at < ?2
AND series_id IN (SELECT value FROM json_each(?3)) ORDER BY entry.observed_at, series_id, observed_micros
"""
_OF_FEW = f"""
WITH RECURSIVE times(at) AS (
  SELECT min(observed_at) FROM entry WHERE observed_at >= ?1
  UNION ALL SELECT (SELECT min(observed_at) FROM entry WHERE observed_at > at) FROM times WHERE at < ?2
)
SELECT {_COLUMNS} FROM times CROSS JOIN entry ON entry.observed_at = at AND entry.observed_at < ?2
AND series_id IN (SELECT value FROM json_each(?3)) ORDER BY entry.observed_at, series_id, observed_micros
"""


def read_readings(query: Query, cities: Sequence[str], since: int, until: int) -> dict[str, Readings]:
    """Return the readings of cities in ``[since, until)``, in POSIX microseconds, by city."""
    series = {number: (city, (provider, station)) for number, city, provider, station in query(_SERIES, (json.dumps(list(cities)),))}
    ...
