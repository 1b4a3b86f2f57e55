"""The move of the entries that older versions wrote to the table ``entry``, while the daemon works.

The migration leaves them in the table ``entry_10``, or ``observation_6`` in a file of version 6, which the view
``observation`` includes. A step moves a few thousand in one transaction, so that an interrupted move continues where it
ended, and the new entries use the space of the moved ones. Frozen like the scripts: files with those tables exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.journal.rows import to_micros
from weatherd.journal.tables.entry_columns import floor_seconds, pack_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.journal.database import Database
    from weatherd.observation import Observation

FIND_OLD_TABLES = "SELECT name FROM sqlite_master WHERE name IN ('observation_6', 'entry_10') ORDER BY name DESC"
_STEP = 5000  # entries in one transaction
_NUMBERS = (
    *("apparent_temperature", "relative_humidity", "pressure_msl", "wind_speed", "wind_direction", "wind_gust"),
    *("precipitation", "cloud_cover", "visibility"),
)
_SECONDS = floor_seconds("old.observed_at")
# Statements of a move; all take the values of the condition that follows WHERE
_INSERT = f"""
INSERT INTO entry (
  seq, series_id, observed_at, observed_micros, fetched_after, temperature, description_id, code, {", ".join(_NUMBERS)}
)
SELECT old.seq, {{series}}, {_SECONDS}, old.observed_at - 1000000 * {_SECONDS}, old.fetched_at - old.observed_at,
  {pack_value("temperature", "old.temperature")}, {{description}}, old.code,
  {", ".join(pack_value(name, f"old.{name}") for name in _NUMBERS)}
FROM {{table}} AS old {{joins}} WHERE {{condition}} ORDER BY old.seq
"""
_JOINS = """
CROSS JOIN series ON (series.city, series.provider, series.station) = (old.city, old.provider, old.station)
CROSS JOIN description ON description.description = old.description
"""
_INTERN = (
    """
INSERT OR IGNORE INTO series (city, provider, station) SELECT city, provider, station FROM {table} AS old
WHERE {condition}
""",
    "INSERT OR IGNORE INTO description (description) SELECT description FROM {table} AS old WHERE {condition}",
)
_DELETE = "DELETE FROM {table} AS old WHERE {condition}"
_MOVE = {
    "observation_6": (
        *_INTERN,
        _INSERT.replace("{series}", "series.id").replace("{description}", "description.id").replace("{joins}", _JOINS),
        _DELETE,
    ),
    "entry_10": (
        _INSERT.replace("{series}", "series_id").replace("{description}", "description_id").replace("{joins}", ""),
        _DELETE,
    ),
}
_SAME = {  # the condition of an identity
    "observation_6": "old.observed_at = ? AND old.city = ? AND old.provider = ? AND old.station = ?",
    "entry_10": """
old.observed_at = ? AND old.series_id = (SELECT id FROM series WHERE city = ? AND provider = ? AND station = ?)
""",
}
_LATEST = (
    "old.seq > (SELECT seq FROM gathered)",
    """
old.seq IN (
  SELECT e.seq FROM last CROSS JOIN entry_10 AS e ON e.observed_at = last.observed_at AND e.series_id = last.series_id
)
""",
)
_VIEWS = {
    "observation_6": "SELECT *, 'live', 'ok' FROM observation_6",
    "entry_10": f"""
SELECT seq, city, provider, observed_at, fetched_at, temperature, description, code, station, {", ".join(_NUMBERS)},
  'live', 'ok'
FROM entry_10 CROSS JOIN series ON series.id = series_id CROSS JOIN description ON description.id = description_id""",
}


class OldEntries:
    """The entries in tables of older versions, while these exist. The methods work in the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find_tables(self) -> list[str]:
        """Return the names of the tables that exist."""
        return [name for (name,) in self._db.query(FIND_OLD_TABLES)]

    def move_latest(self) -> None:
        """Move those that may be a city's latest, and drop the tables that are empty, when the file is migrated."""
        for condition in _LATEST:
            self._move("entry_10", condition)
        self._drop([name for name in self.find_tables() if not self._db.query(f"SELECT 1 FROM {name} LIMIT 1")])

    def move_same(self, observations: Sequence[Observation]) -> None:
        """Move the entries of which one of *observations* may be a repeat or revision."""
        for table in self.find_tables():
            rows = [
                (to_micros(observation.observed_at), observation.city, observation.provider, observation.station)
                for observation in observations
            ]
            for statement in _MOVE[table]:
                self._db.execute_many(statement.format(table=table, condition=_SAME[table]), rows)

    def move_next(self, limit: int = _STEP) -> int:
        """Move the oldest entries of a table, or drop it if it is empty; return the number of moved ones.

        Returns 0 if no table is left.
        """
        for table in self.find_tables():
            oldest = f"SELECT count(*), max(seq) FROM (SELECT seq FROM {table} ORDER BY seq LIMIT ?)"
            [(count, last)] = self._db.query(oldest, [limit])
            if count:
                self._move(table, "old.seq <= ?", [last])
                return int(count)
            self._drop([table])
        return 0

    def count(self) -> int:
        """Return the number of sequence numbers from the oldest entry to the newest, which is found without a scan."""
        spans = (f"SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM {table}" for table in self.find_tables())
        return sum(int(self._db.query_value(span)) for span in spans)

    def _move(self, table: str, condition: str, values: Sequence[int] = ()) -> None:
        for statement in _MOVE[table]:
            self._db.execute(statement.format(table=table, condition=condition), values)

    def _drop(self, tables: Iterable[str]) -> None:
        """Drop tables, and make the view of the others."""
        self._db.execute("DROP VIEW IF EXISTS observation")
        for table in tables:
            self._db.execute(f"DROP TABLE {table}")
        old = "".join(f" UNION ALL {_VIEWS[table]}" for table in self.find_tables())
        self._db.execute(f"CREATE VIEW observation AS SELECT * FROM compact{old}")
