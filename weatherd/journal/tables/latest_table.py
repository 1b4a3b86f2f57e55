"""Each city's latest observation for the next run, with its coordinates and the time of its last fetch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import StateError
from weatherd.journal.rows import parse_row, to_micros
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS, ENTRY_VALUES, WAS_POLLED, WITH_DESCRIPTION, match_time
from weatherd.journal.tables.plausible_rows import add_plausible
from weatherd.observation import FIELDS, LastObservation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from weatherd.journal.database import Database
    from weatherd.journal.tables.entry_table import Added
    from weatherd.observation import FetchedObservation

# The table ``last`` lags behind the journal, because a write for each observation would cost half as much again as the
# journal itself. Invariant: a city's latest observation is the entry with the highest number above last.seq; if there
# is none, the row of ``last``. It holds because only a new entry that follows the previous observation at the same
# place is not written to ``last``. Example for one city:
#
#   fetched                                               entry  row of last     latest, by the invariant
#   12:00, the first observation                          1      12:00, seq 1    12:00
#   12:10, newer: not written                             2      12:00, seq 1    12:10, because of entry 2
#   12:00 from another provider, older: written           3      12:00, seq 3    12:00 (no entry above 3)
#   12:20, newer: not written                             4      12:00, seq 3    12:20, because of entry 4
#   update(): writes the latest by the invariant                  12:20, seq 4    12:20
#
# Entries of the past, which were added afterwards, do not count. A repeat adds no entry. Its fetch time is held in
# memory until the next update, and lost in a crash.
#
# The update searches the entries that were added since the one before, the newest first, so that the table ``newest``
# has one row for each series: it takes 0.7 us an entry, without Python's lock, and 35 bytes a city. To group the
# entries with max(seq) takes twice the time, and memory for each entry: 75 MB with 235,000 cities. OR FAIL saves
# copies of all changed pages, which SQLite needs to undo a single statement; an error undoes the transaction anyway.
_NEWEST_OF_CITY = "FROM series AS s CROSS JOIN scratch.newest AS n ON n.series_id = s.id WHERE s.city = last.city"
_UPDATE = (
    """
CREATE TABLE scratch.newest (
  series_id INTEGER PRIMARY KEY, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL, seq INTEGER NOT NULL
)
""",
    f"""
INSERT OR IGNORE INTO scratch.newest
SELECT series_id, {ENTRY_COLUMNS["observed_at"]}, {ENTRY_COLUMNS["fetched_at"]}, seq FROM entry
WHERE seq > (SELECT seq FROM gathered) AND {WAS_POLLED} ORDER BY seq DESC
""",
    f"""
UPDATE OR FAIL last SET (series_id, observed_at, fetched_at, seq) = (
  SELECT n.series_id, n.observed_at, n.fetched_at, max(n.seq) {_NEWEST_OF_CITY}
)
WHERE seq < (SELECT max(n.seq) {_NEWEST_OF_CITY})
""",
    "UPDATE gathered SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM entry))",
)
_SELECT = f"""
SELECT lat, lon, last_fetch, {ENTRY_VALUES}
FROM (SELECT lat, lon, series_id AS number, observed_at AS at, fetched_at AS last_fetch FROM last)
CROSS JOIN series ON series.id = number
CROSS JOIN entry ON {match_time("at")} AND series_id = number {WITH_DESCRIPTION}
WHERE last_fetch >= ?
"""
_DELETE_ORPHANS = f"""
DELETE FROM last WHERE NOT EXISTS (
  SELECT 1 FROM entry WHERE {match_time("last.observed_at")} AND entry.series_id = last.series_id
)
"""
# The values are those of a row of ``entry`` from series_id to fetched_after, between the place and the number
_REPLACE = "INSERT OR REPLACE INTO last VALUES (?1, ?2, ?3, ?4, ?5 * 1000000 + ?6, ?5 * 1000000 + ?6 + ?7, ?8)"
# Must come before the row of ``last`` is replaced
_RECORD_MOVE = "INSERT OR REPLACE INTO moved SELECT city, ?8 FROM last WHERE city = ?1 AND (lat, lon) IS NOT (?2, ?3)"
_MAX_AGE = 7 * 86400.0  # seconds since the fetch; older observations are not loaded
_MIN_UPDATE_INTERVAL = 100  # observations between updates; with more cities, _UPDATE_INTERVAL for each city
_UPDATE_INTERVAL = 5
_REPEAT_WEIGHT = 5  # a repeat counts as five, so that a crash loses the fetch times of a few


class LatestTable:
    """The table ``last`` in the journal file."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._repeats: dict[str, int] = {}  # fetch times of repeats since the update, by city id
        self._until_update = _MIN_UPDATE_INTERVAL  # observations

    def load(self, now: float) -> list[LastObservation]:
        """Return the observations fetched in the week before *now* (POSIX); delete rows of pruned observations.

        A suspect one comes with the last plausible one.
        """
        self.update()
        self.delete_orphans()
        shared: dict[Any, Any] = {}
        rows = self._db.query(_SELECT, [int((now - _MAX_AGE) * 1e6)])
        latest = [last for row in rows if (last := _parse(row, shared))]
        add_plausible(self._db, latest)
        return latest

    def delete_orphans(self) -> None:
        """Delete the rows whose observations were pruned."""
        self._db.execute(_DELETE_ORPHANS)

    def record(self, batch: Sequence[FetchedObservation], added: Added) -> None:
        """Write the rows that the invariant requires, in the transaction that adds the batch to the journal."""
        seqs, end = added.seqs, added.last_seq
        rows = [
            (fetched.city.id, fetched.city.lat, fetched.city.lon, *row[1:5], min(row[0], end))
            for fetched, row in zip(batch, added.rows, strict=True)
            if not (fetched.follows if row[0] in seqs else fetched.repeat)
        ]
        self._db.execute_many(_RECORD_MOVE, rows)
        self._db.execute_many(_REPLACE, rows)

    def committed(self, batch: Sequence[FetchedObservation]) -> None:
        """Record a batch whose transaction was committed; update the table if that is due."""
        repeats = 0
        for fetched in batch:
            if fetched.repeat:
                self._repeats[fetched.city.id] = to_micros(fetched.observation.fetched_at)
                repeats += 1
            elif self._repeats:
                self._repeats.pop(fetched.city.id, None)
        self._until_update -= len(batch) + (_REPEAT_WEIGHT - 1) * repeats
        if self._until_update < 0:
            with contextlib.suppress(StateError):  # a full disk is reported when the next batch is written
                self.update()

    def skip_numbers(self, last_seq: int) -> None:
        """Continue after number *last_seq*, in a file that replaces a lost one: readers have seen these numbers."""
        self.update()
        self._db.execute("UPDATE gathered SET seq = max(seq, ?)", [last_seq])

    def update(self) -> None:
        """Write the latest observations of all cities at once, because each row changes a page of the file."""
        with self._db.attach_scratch(), self._db.transaction():
            for statement in _UPDATE:
                self._db.execute(statement)
            self._db.execute_many("UPDATE last SET fetched_at = ?2 WHERE city = ?1", sorted(self._repeats.items()))
            cities = self._db.query_value("SELECT count(*) FROM last")
        self._repeats.clear()
        self._until_update = max(_MIN_UPDATE_INTERVAL, _UPDATE_INTERVAL * cities)


def _parse(row: Sequence[Any], shared: dict[Any, Any]) -> LastObservation | None:
    """Parse a row; return None for one that was edited by hand and is invalid.

    Rows with an equal text or fraction get one object of *shared*, because their own would take 600 bytes a city. An
    integer, such as a time, stays as it is: it may equal a fraction.
    """
    lat, lon, fetched_at, *values = row
    columns = [value if type(value) is int else shared.setdefault(value, value) for value in values]
    columns[FIELDS.index("fetched_at")] = fetched_at
    try:
        observation = parse_row(columns)
    except (TypeError, OverflowError):
        return None
    return LastObservation(lat, lon, observation) if observation.find_problem() is None else None
