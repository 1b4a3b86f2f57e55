"""The table ``compared``: observations of the services that are polled for comparison only.

They have a table of their own, so that nothing else takes them for the weather of their city: not days, alerts,
forwarders, exports or the search for gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.journal.database import Database
    from weatherd.observation import Observation

COMPARED_FIELDS = (
    *("temperature", "relative_humidity", "pressure_msl", "wind_speed", "wind_gust", "precipitation", "cloud_cover"),
)
_COLUMNS = ("observed_at", "city", "provider", *COMPARED_FIELDS, "quality")
_ADD = f"INSERT OR REPLACE INTO compared ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
# Of a city in [?, ?), in the order of time
SELECT_COMPARED = """
SELECT observed_at, provider, {field}, quality FROM compared
WHERE observed_at >= ? AND observed_at < ? AND city = ? ORDER BY observed_at, provider
"""


class ComparedTable:
    """The table of compared observations. Raises StateError as Database does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, observation: Observation) -> None:
        """Add an observation; it replaces the one of the same service and second, which may be a repeat."""
        values = [getattr(observation, name) for name in _COLUMNS[1:]]
        with self._db.transaction():
            self._db.execute(_ADD, [int(observation.observed_at.timestamp()), *values])

    def delete(self, before: float) -> int:
        """Delete the observations from before a POSIX time; return their number."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM compared WHERE observed_at < ?", [before])
