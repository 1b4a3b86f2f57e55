"""The writing side of the file: one connection, one thread, a transaction for whatever belongs together."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from weatherd.errors import StateError
from weatherd.journal.cursors import CursorTable
from weatherd.journal.database import Database
from weatherd.journal.key_value import KeyValueEntry
from weatherd.journal.latest_table import LatestTable
from weatherd.journal.rows import COLUMNS, IDENTITY, to_row
from weatherd.journal.schema import migrate
from weatherd.journal.usage_table import UsageTable
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from weatherd.observation import FetchedObservation, LastObservation
    from weatherd.quota.usage import ProviderUsage

JOURNAL_FILE = "weatherd.sqlite"

_SAID = [name for name in FIELDS if name not in (*IDENTITY, "fetched_at")]
# The same identity with the same values is a repeat and leaves all as it is; with others, a revision, which moves to
# the end, where every reader comes by again.
_ADD = f"""
INSERT INTO observation (seq, {COLUMNS}) VALUES ({", ".join("?" * (len(FIELDS) + 1))})
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in ("seq", "fetched_at", *_SAID))}
WHERE ({", ".join(_SAID)}) IS NOT ({", ".join(f"excluded.{name}" for name in _SAID)})
"""
_END = """
SELECT max(
  coalesce((SELECT max(seq) FROM observation), 0),
  coalesce((SELECT max(coalesce(in_doubt_last, delivered)) FROM cursor), 0),
  (SELECT seq FROM gathered)
)
"""
_CHECKED = 256 * 1024 * 1024  # bytes up to which the whole file is looked at when it is opened
_SLICE = 5000  # rows that are deleted at once


class SavedState(NamedTuple):
    """What an earlier run has left for this one."""

    latest: Sequence[LastObservation]
    usage: Sequence[ProviderUsage]
    entries: Sequence[KeyValueEntry]


class AddResult(NamedTuple):
    """What became of a batch: so many were new, the others repeats; and the end of the journal now."""

    stored: int
    end: int


class PruneResult(NamedTuple):
    """How far the journal was looked through, what was deleted, and how much of it each forwarder never got."""

    seq: int
    deleted: int
    missed: dict[str, int]
    is_done: bool


class Store:
    """The file. Every call may block, and belongs into one thread. Raises StateError when it cannot be done."""

    def __init__(self, file: Path) -> None:
        self._db = Database(file)
        with contextlib.ExitStack() as stack:
            stack.callback(self._db.close)
            self._db.configure()
            _check(self._db, file)
            migrate(self._db, file)
            stack.pop_all()
        self._lasts = LatestTable(self._db)
        self.cursors = CursorTable(self._db)
        self._usage = UsageTable(self._db)

    def load(self, now: float) -> SavedState:
        """Return what there is, and forget what nobody needs any more. *now* is a POSIX time."""
        db = self._db
        db.execute("DELETE FROM note WHERE until < ?", [now])
        return SavedState(
            self._lasts.load(now),
            self._usage.load(now),
            [KeyValueEntry(*row) for row in db.query("SELECT provider, key, text, until FROM note")],
        )

    def save(self, usages: Sequence[ProviderUsage], entries: Iterable[KeyValueEntry]) -> list[ProviderUsage]:
        """Save new calls and entries in one transaction; return the usage of the same providers as it is then."""
        with self._db.transaction():
            self._db.execute_many("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", entries)
            return self._usage.add(usages)

    def add(self, batch: Sequence[FetchedObservation]) -> AddResult:
        """Keep a batch of observations in one transaction; each is its city's last then."""
        with self._db.transaction():
            before = self.last_seq()
            rows = ([before + place, *to_row(arrival.observation)] for place, arrival in enumerate(batch, 1))
            stored, end = self._db.execute_many(_ADD, rows), self.last_seq()
            # Else one of them is there already, as it was fetched then, and not now
            are_new = stored == sum(not arrival.repeat for arrival in batch)
            self._lasts.note(batch, before, end, are_new=are_new)
        self._lasts.is_kept(batch)
        return AddResult(stored, end)

    def last_seq(self) -> int:
        """Return the number that none is above. Numbers of rows that are gone are not given again."""
        return int(self._db.query_value(_END))

    def record_skipped(self, forwarder: str, seqs: Iterable[int], reason: str) -> None:
        """Note what a forwarder's far side does not take."""
        rows = [(forwarder, seq, reason) for seq in seqs]
        with self._db.transaction():
            self._db.execute_many("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", rows)

    def prune(self, before: float, now: float, after: int, forwarders: Iterable[str]) -> PruneResult:
        """Delete the next observations after number *after* that were fetched before a POSIX time.

        One call looks at a few thousand rows, so that whoever waits to write need not wait long. Rows follow one
        another by the time of fetching, but for those of a wrong clock: they do not end the search.
        """
        if not after:
            self._lasts.gather()  # so that no number is given again, however much is deleted
        with self._db.transaction():
            slice_ = self._db.query(
                "SELECT seq, fetched_at FROM observation WHERE seq > ? ORDER BY seq LIMIT ?", [after, _SLICE]
            )
            old = [seq for seq, fetched_at in slice_ if fetched_at < before * 1e6]
            self._db.execute_many("DELETE FROM observation WHERE seq = ?", ([seq] for seq in old))
            self._db.execute_many("DELETE FROM skipped WHERE seq = ?", ([seq] for seq in old))
            missed = {name: self._missed(name, old) for name in forwarders}
        in_order = any(before * 1e6 <= fetched_at <= now * 1e6 for _, fetched_at in slice_)
        is_done = len(slice_) < _SLICE or (not old and in_order)
        return PruneResult(slice_[-1][0] if slice_ else after, len(old), missed, is_done)

    def release_space(self) -> bool:
        """Give some unused space back to the disk; return whether there is more."""
        self._db.query("PRAGMA incremental_vacuum(1000)")
        return bool(self._db.query_value("PRAGMA freelist_count"))

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(StateError):  # no room on the disk: the next start searches
            self._lasts.gather()
        self._db.close()

    def _missed(self, forwarder: str, old: Iterable[int]) -> int:
        delivered = self.cursors.load(forwarder).delivered
        return sum(seq > delivered for seq in old)


def _check(db: Database, file: Path) -> None:
    """Look for damage. A large file would take too long: there it shows when the damaged part is read."""
    if db.query_value("PRAGMA page_count") * db.query_value("PRAGMA page_size") > _CHECKED:
        return
    if (found := db.query_value("PRAGMA quick_check(1)")) != "ok":
        raise StateError(f"{file} is damaged: {found}; move it away to begin anew; sqlite3's .recover saves the rest")
