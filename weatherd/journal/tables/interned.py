"""The tables ``series``, ``description`` and ``quality``: texts that many entries share by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.database import Database

_TABLES = {
    "series": "series_id",
    "description": "description_id",
    "quality": "mark >> 2",
}  # with the number in ``entry``
_MAX_TEXTS = 10_000  # in memory, because a service may write another text each time
_STEP = 50_000  # entries searched in one transaction


class InternedIds:
    """The numbers of series and texts. A missing one is looked up or added, in the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self.of_series = _SeriesIds(db)
        self.of_descriptions = _TextIds(db, "description", "description")
        self.of_qualities = _TextIds(db, "quality", "text")

    def forget(self) -> None:
        """Forget all numbers, because rows were deleted or rolled back."""
        self.of_series.clear()
        self.of_descriptions.clear()
        self.of_qualities.clear()


class _SeriesIds(dict[tuple[str, str], "dict[str, int]"]):
    """The numbers by provider and station, then by city, because a key for each city would take twice the memory."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    def __missing__(self, key: tuple[str, str]) -> dict[str, int]:
        found = self[key] = _CityIds(self._db, *key)
        return found


class _CityIds(dict[str, int]):
    def __init__(self, db: Database, provider: str, station: str) -> None:
        super().__init__()
        self._db, self._provider, self._station = db, provider, station

    def __missing__(self, city: str) -> int:
        values = city, self._provider, self._station
        found = self[city] = _find_or_add(self._db, "series", ("city", "provider", "station"), values)
        return found


class _TextIds(dict[str, int]):
    def __init__(self, db: Database, table: str, column: str) -> None:
        super().__init__()
        self._db, self._table, self._column = db, table, column

    def __missing__(self, text: str) -> int:
        if len(self) >= _MAX_TEXTS:
            self.clear()
        found = self[text] = _find_or_add(self._db, self._table, (self._column,), (text,))
        return found


def _find_or_add(db: Database, table: str, columns: Sequence[str], values: Sequence[str]) -> int:
    select = f"SELECT id FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in columns)}"
    rows = db.query(select, values)
    if not rows:
        db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
        rows = db.query(select, values)
    return int(rows[0][0])


class UnusedSearch:
    """A search for the series and texts that no entry has, in steps between which entries may be added.

    Temporary tables hold the numbers that were not seen yet. An entry that is added or revised meanwhile gets a higher
    number than those that were searched, so a later step sees it.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seq = 0  # the number up to which entries were searched
        for name in _TABLES:
            db.execute(f"DROP TABLE IF EXISTS temp.unused_{name}")
            db.execute(f"CREATE TEMP TABLE unused_{name} (id INTEGER PRIMARY KEY)")
            db.execute(f"INSERT INTO unused_{name} SELECT id FROM {name}")

    def search_next(self, limit: int = _STEP) -> bool:
        """Search some entries, in the caller's transaction; at the end delete what is unused and return True."""
        newest = "SELECT max(seq) FROM (SELECT seq FROM entry WHERE seq > ? ORDER BY seq LIMIT ?)"
        [(seq,)] = self._db.query(newest, [self._seq, limit])
        for name, number in _TABLES.items():
            if seq is None:
                self._db.execute(f"DELETE FROM {name} WHERE id IN (SELECT id FROM unused_{name})")
            else:
                seen = f"SELECT {number} FROM entry WHERE seq > ? AND seq <= ?"
                self._db.execute(f"DELETE FROM unused_{name} WHERE id IN ({seen})", [self._seq, seq])
        self._seq = seq or self._seq
        return seq is None or not any(self._db.query(f"SELECT 1 FROM unused_{name} LIMIT 1") for name in _TABLES)
