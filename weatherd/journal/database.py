"""An SQLite connection whose error messages include a remedy."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_LOCK_TIMEOUT = 5.0  # seconds to wait for another process that is writing
_LOG_SIZE_LIMIT = 16 * 1024 * 1024  # bytes: an empty write-ahead log is cut to this size
_OLDEST_SQLITE = (3, 32)  # the first with iif(), which a migration uses
_INCREMENTAL = 2
_MODE = 0o640  # of a new file: for the daemon's user, and for its group to read
DAMAGED_ADVICE = "move it away to start with an empty one; the .recover command of sqlite3 saves what can be read"
_ADVICE = {
    "malformed": DAMAGED_ADVICE,
    "not a database": "move it away to start with an empty one",
    "full": "free some disk space",
    "readonly": "set 'state' to a writable folder",
    "locked": "another program holds it: close that program",
}


class Database:
    """A connection for one thread. Calls block, and raise StateError if the file cannot be read or written."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        check_version(sqlite3.sqlite_version_info)
        self._file = file
        if not read_only:  # SQLite would create it readable by all users; its log has the same mode
            try:
                # An existing file must not be opened and closed: that releases the locks of this process's other
                # connections (POSIX), and another process would then delete the log that they write to.
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
            except FileExistsError:
                # Without this check SQLite would be "unable to open database file"
                if not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
                    raise StateError(f"{file}: {os.strerror(errno.EACCES)}; {_ADVICE['readonly']}") from None
            except PermissionError as error:
                raise StateError(f"{file}: {error.strerror}; {_ADVICE['readonly']}") from None
            except OSError:
                pass  # SQLite raises a clearer error
        address = f"{file.absolute().as_uri()}?{_read_only_mode(file)}" if read_only else str(file)
        try:
            self._db = sqlite3.connect(
                address, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False, uri=read_only
            )
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from None

    def configure(self) -> None:
        """Configure the file for crash safety, for reads during a write, and for the release of unused space."""
        if self.query_value("PRAGMA auto_vacuum") != _INCREMENTAL:  # takes effect in an empty file or after a VACUUM
            self.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
            if self.query_value("PRAGMA page_count"):
                self.execute("VACUUM")
        with contextlib.suppress(StateError):  # raised while another process does the same
            self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute("PRAGMA temp_store = MEMORY")  # a container may have no temporary folder
        self.execute(f"PRAGMA journal_size_limit = {_LOG_SIZE_LIMIT}")

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a statement selects."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from None

    def query_value(self, statement: str) -> Any:
        """Return the first value that a statement selects, or None."""
        rows = self.query(statement)
        return rows[0][0] if rows else None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement; return the number of rows that it changed."""
        try:
            return self._db.execute(statement, values).rowcount
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from None

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute a statement once for each of *rows*; return the number of rows that were changed."""
        try:
            return self._db.executemany(statement, rows).rowcount
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from None

    def release_pages(self, limit: int) -> None:
        """Release up to *limit* unused pages to the file system; execute() would end after the first one."""
        try:
            self._db.executescript(f"PRAGMA incremental_vacuum({limit})")
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the statements inside the ``with`` together; roll all of them back on an exception."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # on a full disk SQLite has rolled back already
                self.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def attach_scratch(self) -> Iterator[None]:
        """Provide an empty database ``scratch`` inside the ``with``, in memory.

        Its memory is freed at the end; the pages of a temporary table that was dropped stay in memory.
        """
        self.execute("ATTACH ':memory:' AS scratch")
        try:
            yield
        finally:
            self.execute("DETACH scratch")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _translate(self, error: sqlite3.DatabaseError) -> Exception:
        """Return a StateError with a remedy, or *error* itself if it concerns the values and not the file."""
        if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):  # its subclasses concern values
            return error
        advice = next((f"; {advice}" for word, advice in _ADVICE.items() if word in str(error)), "")
        return StateError(f"{self._file}: {error}{advice}")


def _read_only_mode(file: Path) -> str:
    """Return the parameters of a read-only address.

    Even a reader creates the files of the write-ahead log if no other process has the journal open. A user who may only
    read the folder cannot, so the address states that nobody writes: true as long as the log does not exist.
    """
    is_written = file.with_name(f"{file.name}-wal").exists()
    may_write = os.access(file.parent, os.W_OK, effective_ids=True)
    return "mode=ro" if is_written or may_write else "immutable=1"


def check_version(version: tuple[int, ...]) -> None:
    """Raise StateError if the SQLite library that Python uses is too old."""
    if version < _OLDEST_SQLITE:
        found, oldest = ".".join(map(str, version)), ".".join(map(str, _OLDEST_SQLITE))
        raise StateError(f"SQLite {oldest} or newer is required; this Python uses {found}: use another Python")
