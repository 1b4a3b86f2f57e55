"""The last plausible observations of cities whose latest one is suspect: the references of the next ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from weatherd.journal.rows import parse_row, to_micros
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS, ENTRY_VALUES, WAS_POLLED, WITH_DESCRIPTION
from weatherd.observation import OK

if TYPE_CHECKING:
    from weatherd.journal.database import Database
    from weatherd.observation import LastObservation, Observation

# Goes back from one time of observation to the one before, through the index, and stops at the first plausible entry,
# which is nearly always a poll or two back. At most an hour, because older values are not compared with. Only a value
# that has steps, and fails range, step or services, is not compared with; nor is one of a place that the city has left.
_SPOILED = " ".join(
    f"AND {ENTRY_COLUMNS['quality']} NOT LIKE '%{field} {test}%'"
    for field in ("temperature", "pressure_msl", "wind_speed")
    for test in ("range", "step", "services")
)
_SELECT = f"""
WITH RECURSIVE times(at) AS (
  SELECT max(observed_at) FROM entry WHERE observed_at <= ?4
  UNION ALL SELECT (SELECT max(observed_at) FROM entry WHERE observed_at < at) FROM times WHERE at >= ?4 - 3600
)
SELECT {ENTRY_VALUES} FROM times CROSS JOIN series ON (city, provider, station) = (?1, ?2, ?3)
CROSS JOIN entry ON observed_at = at AND series_id = series.id {WITH_DESCRIPTION}
WHERE at >= ?4 - 3600 AND {WAS_POLLED} AND seq >= coalesce((SELECT moved.seq FROM moved WHERE moved.city = ?1), 0)
{_SPOILED}
LIMIT 1
"""

# A search takes 1 ms, and 10 ms if it finds nothing, in a journal of 200,000 cities with an observation in each second.
# A service that is wrong for all of them must not delay the start by minutes.
_SEARCH_TIME = 1.0  # seconds for all cities


def add_plausible(db: Database, latest: list[LastObservation]) -> None:
    """Add the last plausible observations to the suspect ones of *latest*, in place, within a second."""
    deadline = time.monotonic() + _SEARCH_TIME
    for index, last in enumerate(latest):
        if last.observation.quality != OK and time.monotonic() < deadline:
            latest[index] = last._replace(plausible=_find_plausible(db, last.observation))


def _find_plausible(db: Database, latest: Observation) -> Observation | None:
    """Return the newest observation of the city and source of *latest* in the hour before whose steps were plausible.

    It is *latest* itself if that is suspect for another reason; None if there is none.
    """
    at = to_micros(latest.observed_at) // 1_000_000
    for row in db.query(_SELECT, [latest.city, latest.provider, latest.station, at]):
        return parse_row(row)
    return None
