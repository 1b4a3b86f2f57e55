"""A connection to SQLite, and what it says in words for the person who has to act."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_PATIENCE = 5.0  # seconds for another process that is writing
_LOG = 16 * 1024 * 1024  # bytes that the write-ahead log keeps on the disk when it is empty
_ADVICE = {
    "malformed": "move it away to begin anew; sqlite3's .recover saves what can be read",
    "not a database": "move it away to begin anew",
    "full": "make room on the disk",
    "readonly": "set 'state' to a folder that may be written",
    "locked": "another program holds it; close that one",
}


class Database:
    """One connection. Every call may block, and belongs into one thread. Raises StateError when SQLite cannot go on."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self._file = file
        address = f"{file.absolute().as_uri()}?mode=ro" if read_only else str(file)
        with self._explained():
            self._db = sqlite3.connect(
                address, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=read_only
            )

    def configure(self) -> None:
        """Make it a file that a crash cannot spoil, that readers do not stop, and that can give back its space."""
        with self._explained():
            if (
                self.query_value("PRAGMA auto_vacuum") != _INCREMENTAL
            ):  # to be set before there are tables, or by a VACUUM
                self._db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
                if self.query_value("PRAGMA page_count"):
                    self._db.execute("VACUUM")
            with contextlib.suppress(sqlite3.OperationalError):  # this one does not wait for another who does the same
                self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA temp_store = MEMORY")  # there may be no folder for it, as in a container
            self._db.execute(f"PRAGMA journal_size_limit = {_LOG}")

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all that a statement finds."""
        with self._explained():
            return self._db.execute(statement, values).fetchall()

    def query_value(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Return the first value that a statement finds, or None."""
        found = self.query(statement, values)
        return found[0][0] if found else None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Return how many rows a statement has changed."""
        with self._explained():
            return self._db.execute(statement, values).rowcount

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Return how many rows a statement has changed, done for each of *rows*."""
        with self._explained():
            return self._db.executemany(statement, rows).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that is inside the ``with``, or nothing of it."""
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite has rolled back by itself when the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):  # one of ours: what we gave it
                raise
            advice = next((f"; {advice}" for word, advice in _ADVICE.items() if word in str(error)), "")
            raise StateError(f"{self._file}: {error}{advice}") from None


_INCREMENTAL = 2
