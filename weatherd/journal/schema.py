"""The version of the journal file, and the migration of a file that an older weatherd wrote."""

from __future__ import annotations

import contextlib
from importlib import resources
from typing import TYPE_CHECKING

from weatherd.errors import StateError
from weatherd.journal.database import Database
from weatherd.journal.migrations import first_version
from weatherd.journal.tables.old_entries import OldEntries

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 15  # the number of scripts in the folder ``migrations``
_WITH_OBSERVATIONS = 2
_WITH_COMPACT_ROWS = 11


def migrate(db: Database, file: Path) -> None:
    """Migrate the tables to this version in one transaction. Raises StateError for a file of a newer version.

    The entries of an older version are moved later, because that may take minutes.

    The version is written even if it is current, because a full disk should show now and not later.
    """
    with db.transaction():
        version = db.query_value("PRAGMA user_version")
        _require_known_version(version, file)
        for number in range(version + 1, VERSION + 1):
            for statement in read_script(number).split(";"):
                db.execute(statement)
            if number == _WITH_OBSERVATIONS:
                first_version.import_observations(db)
        if version < _WITH_COMPACT_ROWS:
            OldEntries(db).move_latest()
        db.execute(f"PRAGMA user_version = {VERSION}")


def check_journal_version(file: Path) -> None:
    """Raise StateError if a file cannot be read, or is of a newer version. Nothing is changed; it may be missing."""
    if not file.exists():
        return
    db = Database(file, read_only=True)
    with contextlib.closing(db):
        _require_known_version(db.query_value("PRAGMA user_version"), file)


def require_same_version(db: Database, file: Path) -> None:
    """Raise StateError if the file is of another version, which only the daemon migrates."""
    version = db.query_value("PRAGMA user_version")
    if version != VERSION:
        age = "a newer" if version > VERSION else "an older"
        advice = "use that one" if version > VERSION else "start weatherd run, which migrates it"
        raise StateError(f"{file} was written by {age} weatherd: {advice}")


def _require_known_version(version: int, file: Path) -> None:
    if version > VERSION:
        raise StateError(f"{file} was written by a newer weatherd: use that, or another 'state' folder")


def read_script(number: int) -> str:
    """Return the SQL script that migrates a file from version *number* - 1 to version *number*."""
    scripts = resources.files("weatherd.journal.migrations").iterdir()
    return next(script.read_text() for script in scripts if script.name.startswith(f"{number:04}_"))
