"""Each city's latest observation for the next run, with its coordinates and the time of its last fetch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import StateError
from weatherd.journal.rows import IDENTITY, parse_row, to_micros
from weatherd.observation import FIELDS, LastObservation

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from weatherd.journal.database import Database
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
# A repeat adds no entry. Its fetch time is held in memory until the next update, and lost in a crash.
_UPDATE = """
INSERT OR REPLACE INTO last
SELECT l.city, l.lat, l.lon, o.provider, o.station, o.observed_at, o.fetched_at, o.seq
FROM (
  SELECT city, provider, station, observed_at, fetched_at, max(seq) AS seq FROM observation
  WHERE seq > (SELECT seq FROM gathered) GROUP BY city
) AS o CROSS JOIN last AS l ON l.city = o.city AND l.seq < o.seq
"""
_SELECT = f"""
SELECT l.lat, l.lon, l.fetched_at, {", ".join(f"o.{name}" for name in FIELDS)}
FROM last AS l CROSS JOIN observation AS o ON {" AND ".join(f"o.{name} = l.{name}" for name in IDENTITY)}
WHERE l.fetched_at >= ?
"""
_DELETE_ORPHANS = f"""
DELETE FROM last WHERE NOT EXISTS (
  SELECT 1 FROM observation AS o WHERE {" AND ".join(f"o.{name} = last.{name}" for name in IDENTITY)}
)
"""
_MAX_AGE = 7 * 86400.0  # seconds since the fetch; older observations are not loaded
_MIN_UPDATE_INTERVAL = 100  # observations between updates; with more cities, one for each city


class LatestTable:
    """The table ``last`` in the journal file."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._repeats: dict[str, int] = {}  # fetch times of repeats since the update, by city id
        self._until_update = _MIN_UPDATE_INTERVAL  # observations

    def load(self, now: float) -> list[LastObservation]:
        """Return the observations fetched in the week before *now* (POSIX); delete rows of pruned observations."""
        self.update()
        self._db.execute(_DELETE_ORPHANS)
        return [last for row in self._db.query(_SELECT, [int((now - _MAX_AGE) * 1e6)]) if (last := _parse(row))]

    def record(self, batch: Sequence[FetchedObservation], before: int, added: Container[int]) -> None:
        """Write the rows that the invariant requires, in the transaction that adds the batch to the journal.

        *before* is the last number before the transaction. The observation at index i was given the number before + 1 +
        i; it is in *added* unless the journal already had that observation.
        """
        rows, last_seq = [], before
        for seq, fetched in enumerate(batch, before + 1):
            is_added = seq in added
            if is_added:
                last_seq = seq
            if not (fetched.follows if is_added else fetched.repeat):
                rows.append(_to_row(fetched, last_seq))
        self._db.execute_many("INSERT OR REPLACE INTO last VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def committed(self, batch: Sequence[FetchedObservation]) -> None:
        """Record a batch whose transaction was committed; update the table if that is due."""
        for fetched in batch:
            if fetched.repeat:
                self._repeats[fetched.city.id] = to_micros(fetched.observation.fetched_at)
            else:
                self._repeats.pop(fetched.city.id, None)
        self._until_update -= len(batch)
        if self._until_update < 0:
            with contextlib.suppress(StateError):  # a full disk is reported when the next batch is written
                self.update()

    def skip_numbers(self, last_seq: int) -> None:
        """Continue after number *last_seq*, in a file that replaces a lost one: readers have seen these numbers."""
        self.update()
        self._db.execute("UPDATE gathered SET seq = max(seq, ?)", [last_seq])

    def update(self) -> None:
        """Write the latest observations of all cities at once, because each row changes a page of the file."""
        with self._db.transaction():
            self._db.execute(_UPDATE)
            self._db.execute_many("UPDATE last SET fetched_at = ?2 WHERE city = ?1", sorted(self._repeats.items()))
            self._db.execute("UPDATE gathered SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM observation))")
            cities = self._db.query_value("SELECT count(*) FROM last")
        self._repeats.clear()
        self._until_update = max(_MIN_UPDATE_INTERVAL, cities)


def _to_row(fetched: FetchedObservation, seq: int) -> tuple[Any, ...]:
    city, observation = fetched.city, fetched.observation
    identity = observation.provider, observation.station, to_micros(observation.observed_at)
    return city.id, city.lat, city.lon, *identity, to_micros(observation.fetched_at), seq


def _parse(row: Sequence[Any]) -> LastObservation | None:
    """Parse a row; return None for one that was edited by hand and is invalid."""
    lat, lon, fetched_at, *columns = row
    columns[FIELDS.index("fetched_at")] = fetched_at
    try:
        observation = parse_row(columns)
    except (TypeError, OverflowError):
        return None
    return LastObservation(lat, lon, observation) if observation.find_problem() is None else None
