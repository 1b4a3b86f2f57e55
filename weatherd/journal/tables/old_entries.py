"""The move of the entries that version 6 wrote to the compact table ``entry``, while the daemon works.

The script ``0007_compact_entries.sql`` leaves them in the table ``observation_6``, which the view ``observation``
includes. A step moves a few thousand in one transaction, so that an interrupted move continues where it ended, and the
new entries use the space of the moved ones. Frozen like the scripts: files of version 7 with that table exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.journal.rows import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.database import Database
    from weatherd.observation import Observation

_STEP = 5000  # entries in one transaction
_IDENTITY = " AND ".join(f"observation_6.{name} = ?" for name in ("observed_at", "city", "provider", "station"))
# Statements of a move; all take the values of the condition that follows WHERE
_MOVE = (
    "INSERT OR IGNORE INTO series (city, provider, station) SELECT city, provider, station FROM observation_6 WHERE {}",
    "INSERT OR IGNORE INTO description (description) SELECT description FROM observation_6 WHERE {}",
    """
INSERT INTO entry (
  seq, series_id, observed_at, fetched_at, temperature, description_id, code,
  apparent_temperature, relative_humidity, pressure_msl, wind_speed, wind_direction, wind_gust,
  precipitation, cloud_cover, visibility
)
SELECT seq, series.id, observed_at, fetched_at, temperature, description.id, code,
  apparent_temperature, relative_humidity, pressure_msl, wind_speed, wind_direction, wind_gust,
  precipitation, cloud_cover, visibility
FROM observation_6
CROSS JOIN series ON (series.city, series.provider, series.station)
  = (observation_6.city, observation_6.provider, observation_6.station)
CROSS JOIN description ON description.description = observation_6.description
WHERE {} ORDER BY observation_6.seq
""",
    "DELETE FROM observation_6 WHERE {}",
)


class OldEntries:
    """The entries in ``observation_6``, while that table exists. The methods work in the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def exist(self) -> bool:
        """Whether the table exists."""
        return bool(self._db.query("SELECT 1 FROM sqlite_master WHERE name = 'observation_6'"))

    def move_same(self, observations: Sequence[Observation]) -> None:
        """Move the entries of which one of *observations* may be a repeat or revision."""
        if self.exist:
            rows = [
                (to_micros(observation.observed_at), observation.city, observation.provider, observation.station)
                for observation in observations
            ]
            for statement in _MOVE:
                self._db.execute_many(statement.format(_IDENTITY), rows)

    def move_next(self, limit: int = _STEP) -> int:
        """Move the oldest entries, or drop the table if it is empty; return the number of moved ones."""
        if not self.exist:
            return 0
        oldest = "SELECT count(*), max(seq) FROM (SELECT seq FROM observation_6 ORDER BY seq LIMIT ?)"
        [(count, last)] = self._db.query(oldest, [limit])
        for statement in _MOVE if count else ():
            self._db.execute(statement.format("observation_6.seq <= ?"), [last])
        if not count:
            self._drop()
        return int(count)

    def count(self) -> int:
        """Return the number of sequence numbers from the oldest entry to the newest, which is found without a scan."""
        if not self.exist:
            return 0
        return int(self._db.query_value("SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM observation_6"))

    def drop_if_empty(self) -> None:
        """Drop the table if it has no entry, as in a new file."""
        if not self._db.query("SELECT 1 FROM observation_6 LIMIT 1"):
            self._drop()

    def _drop(self) -> None:
        self._db.execute("DROP VIEW observation")
        self._db.execute("DROP TABLE observation_6")
        self._db.execute("CREATE VIEW observation AS SELECT * FROM compact")
