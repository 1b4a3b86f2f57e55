"""What outlives a restart, in one SQLite file: the last observations, the ledger, and the providers' notes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import StateError
from weatherd.formats import plain
from weatherd.ledger import Row
from weatherd.memory import Note
from weatherd.observation import FIELDS, Observation
from weatherd.sinks.board import Last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

NAME = "weatherd.sqlite"
VERSION = 1
_SCHEMA = """
CREATE TABLE last (city TEXT PRIMARY KEY, lat REAL, lon REAL, fetched REAL, observation TEXT) WITHOUT ROWID;
CREATE TABLE quota (provider TEXT, window TEXT, started REAL, used REAL, PRIMARY KEY (provider, window)) WITHOUT ROWID;
CREATE TABLE note (provider TEXT, key TEXT, text TEXT, until REAL, PRIMARY KEY (provider, key)) WITHOUT ROWID;
"""
# Others may have counted in the meantime: what is new is added, unless it is of a window that is over.
_ADD = """
INSERT INTO quota VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  used = CASE WHEN excluded.started > started THEN excluded.used
              WHEN excluded.started = started THEN used + excluded.used ELSE used END,
  started = max(started, excluded.started)
"""
_FORGET = 7 * 86400.0  # seconds after which a city that left the list is forgotten
_WRONG = 2 * 86400.0  # seconds; nothing begins so far ahead: a clock was wrong
_PATIENCE = 5.0  # seconds for another process that is writing


class Kept(NamedTuple):
    """All that an earlier run has left."""

    lasts: Sequence[Last]
    rows: Sequence[Row]
    notes: Sequence[Note]


class Store:
    """The file. Every call may block, and belongs into one thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._explained(), contextlib.ExitStack() as stack:
            self._db = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            stack.callback(self._db.close)
            with contextlib.suppress(sqlite3.OperationalError):  # this one does not wait for another who does the same
                self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()
            stack.pop_all()

    def load(self, now: float) -> Kept:
        """Return what there is, and forget what nobody needs any more. *now* is a POSIX time."""
        with self._explained():
            self._db.execute("DELETE FROM last WHERE fetched < ?", [now - _FORGET])
            self._db.execute("DELETE FROM note WHERE until < ?", [now])
            self._db.execute("DELETE FROM quota WHERE started > ?", [now + _WRONG])  # text and blobs among them
            self._db.execute("DELETE FROM quota WHERE typeof(started) <> 'real' OR typeof(used) <> 'real'")
            lasts = [
                last for row in self._db.execute("SELECT lat, lon, observation FROM last") if (last := _last(*row))
            ]
            rows = [Row(*row) for row in self._db.execute("SELECT provider, window, started, used FROM quota")]
            notes = [Note(*row) for row in self._db.execute("SELECT provider, key, text, until FROM note")]
            return Kept(lasts, rows, notes)

    def save(self, lasts: Iterable[Last], rows: Iterable[Row], notes: Iterable[Note]) -> list[Row]:
        """Keep what is new, in one transaction, and return the ledger as it is then."""
        with self._explained(), self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO last VALUES (?, ?, ?, ?, ?)", map(_cells, lasts))
            self._db.executemany(_ADD, rows)
            self._db.executemany("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", notes)
            return [Row(*row) for row in self._db.execute("SELECT provider, window, started, used FROM quota")]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _migrate(self) -> None:
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StateError(f"{self._file} was written by a newer weatherd: use that, or another 'state' folder")
            if version < VERSION:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite has rolled back by itself when the disk is full
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            damaged = (
                "; move it away to begin anew" if "malformed" in str(error) or "not a database" in str(error) else ""
            )
            raise StateError(f"{self._file}: {error}{damaged}") from None


def _cells(last: Last) -> tuple[str, float, float, float, str]:
    text = json.dumps(plain(last.observation), ensure_ascii=False)
    return last.observation.city, last.lat, last.lon, last.observation.fetched_at.timestamp(), text


def _last(lat: float, lon: float, text: str) -> Last | None:
    """Read a row; None for one of another version, which is as if it were not there."""
    try:
        values = {name: value for name, value in json.loads(text).items() if name in FIELDS}
        times = {name: datetime.fromisoformat(values[name]) for name in ("observed_at", "fetched_at")}
        observation = Observation(**values | times)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Last(lat, lon, observation) if observation.is_sound() else None
