"""Silences of alerts in the journal file. Another process may add and end them while the daemon runs."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from weatherd.alerts.silences import Silence
from weatherd.errors import StateError
from weatherd.journal.database import Database
from weatherd.journal.schema import require_same_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_COLUMNS = "rule, city, tags, begins, ends, comment"
_MICROS = 1e6  # in a second


class SilenceTable:
    """The table of silences. Raises StateError as Database does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, silence: Silence) -> int:
        """Add a silence; return its number."""
        times = round(silence.begins * _MICROS), round(silence.ends * _MICROS)
        values = [silence.rule, silence.city, json.dumps(silence.tags), *times, silence.comment]
        with self._db.transaction():
            self._db.execute(f"INSERT INTO silence ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)
            return int(self._db.query_value("SELECT last_insert_rowid()"))

    def load(self) -> list[Silence]:
        """Return all silences, also those that have ended since the last call of :meth:`delete`."""
        rows = self._db.query(f"SELECT id, {_COLUMNS} FROM silence ORDER BY id")
        return [silence for row in rows if (silence := _parse(row))]

    def end(self, number: int, now: float) -> bool:
        """End a silence at *now*, a POSIX time; return whether it was in force."""
        moment = round(now * _MICROS)
        with self._db.transaction():
            return bool(self._db.execute("UPDATE silence SET ends = ?1 WHERE id = ?2 AND ends > ?1", [moment, number]))

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete silences, in the caller's transaction."""
        self._db.execute_many("DELETE FROM silence WHERE id = ?", [[number] for number in numbers])


@contextlib.contextmanager
def open_silences(file: Path) -> Iterator[SilenceTable]:
    """Open the silences in a journal file, which a running daemon may have open, too. Raises StateError."""
    if not file.exists():
        raise StateError(f"there is no journal at {file}: start weatherd run, which creates it")
    with contextlib.closing(Database(file)) as db:
        require_same_version(db, file)
        yield SilenceTable(db)


def _parse(row: Sequence[Any]) -> Silence | None:
    """Return the silence in a row; None for one that was edited by hand and is invalid."""
    number, rule, city, tags, begins, ends, comment = row
    try:
        pairs = tuple((str(key), str(text)) for key, text in json.loads(tags))
        return Silence(number, rule, city, pairs, begins / _MICROS, ends / _MICROS, str(comment))
    except (ValueError, TypeError):
        return None
