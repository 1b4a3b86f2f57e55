"""Detection of a database file that is deleted, replaced or cut short while a connection is open.

SQLite does not notice: it goes on writing into the deleted file. https://www.sqlite.org/howtocorrupt.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CUT_SHORT, DELETED, REPLACED = "was cut short", "was deleted", "was replaced"


class FileIdentity:
    """The file that was at a path when a connection was opened."""

    def __init__(self, path: Path) -> None:
        status = path.stat()
        self._path = path
        self._inode = status.st_dev, status.st_ino
        self.size = status.st_size  # bytes, at the last check

    def is_replaced(self) -> bool:
        """Return whether another file is at the path now."""
        return self.find_problem() == REPLACED

    def find_problem(self) -> str | None:
        """Return what has happened to the file, or None. A file that is smaller than before may still be complete."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return DELETED
        except OSError as error:
            return f"is out of reach: {error.strerror}"
        if (status.st_dev, status.st_ino) != self._inode:
            return REPLACED
        before, self.size = self.size, status.st_size
        return CUT_SHORT if self.size < before else None
