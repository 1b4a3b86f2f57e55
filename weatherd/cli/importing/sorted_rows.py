"""Observations of a file by time, sorted on disk, because the file may have millions in any order."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from weatherd.journal.database import Database
from weatherd.journal.rows import COLUMNS, parse_row, to_micros
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from weatherd.observation import Observation

_PAGE = 5000  # rows in memory
_KEY = ("observed_at", "city", "provider", "station")
_IDENTITY = ", ".join(_KEY)
_CREATE = f"CREATE TABLE row ({COLUMNS}, PRIMARY KEY ({_IDENTITY})) WITHOUT ROWID"
_INSERT = f"INSERT OR REPLACE INTO row VALUES ({', '.join('?' * len(FIELDS))})"  # noqa: S608 - marks only
_SELECT = f"SELECT {COLUMNS} FROM row WHERE ({_IDENTITY}) > (?, ?, ?, ?) ORDER BY {_IDENTITY} LIMIT {_PAGE}"  # noqa: S608
_FIRST = (-(2**63), "", "", "")


class RowSorter:
    """Observations in the order of their times; of several with the same identity only the last that was added."""

    def __init__(self, file: Path) -> None:
        self._db = Database(file)
        self._db.execute("PRAGMA journal_mode = OFF")  # it is deleted at the end, whatever happens
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_CREATE)
        self.added = 0

    def add(self, observations: Iterable[Observation]) -> None:
        """Add observations in any order."""
        rows = [
            (row.city, row.provider, to_micros(row.observed_at), to_micros(row.fetched_at), *row[4:])
            for row in observations
        ]
        with self._db.transaction():
            self._db.execute_many(_INSERT, rows)
        self.added += len(rows)

    def count(self) -> int:
        """Return the number of observations."""
        return int(self._db.query_value("SELECT count(*) FROM row"))

    def read(self) -> Iterator[Observation]:
        """Yield the observations by time."""
        after: tuple[Any, ...] = _FIRST
        while rows := self._db.query(_SELECT, after):
            yield from map(parse_row, rows)
            after = tuple(rows[-1][FIELDS.index(name)] for name in _KEY)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


@contextlib.contextmanager
def open_row_sorter() -> Iterator[RowSorter]:
    """Open a sorter in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="weatherd-") as folder,
        contextlib.closing(RowSorter(Path(folder) / "rows.sqlite")) as sorter,
    ):
        yield sorter
