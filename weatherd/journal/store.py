"""Write access to the journal file: one connection, one thread, and one transaction for each batch or save."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.errors import StateError
from weatherd.journal.database import DAMAGED_ADVICE, Database
from weatherd.journal.days.day_table import DayTable
from weatherd.journal.file_identity import CUT_SHORT, DELETED, REPLACED, FileIdentity
from weatherd.journal.key_value import KeyValueEntry
from weatherd.journal.schema import VERSION, migrate
from weatherd.journal.state_folder import translate_errors
from weatherd.journal.tables.cursors import CursorTable
from weatherd.journal.tables.entry_table import EntryTable
from weatherd.journal.tables.interned import UnusedSearch
from weatherd.journal.tables.latest_table import LatestTable
from weatherd.journal.tables.old_rows import reopen_hours, select_old_rows, select_surplus
from weatherd.journal.tables.usage_table import UsageTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from weatherd.journal.tables.alert_table import AlertRows, AlertTable
    from weatherd.journal.tables.compared_table import ComparedTable
    from weatherd.journal.tables.old_rows import IndexPosition, OldRows
    from weatherd.journal.tables.silence_table import SilenceTable
    from weatherd.journal.tables.warning_table import WarningTable
    from weatherd.observation import FetchedObservation, LastObservation, Observation
    from weatherd.quota.usage import ProviderUsage

log = structlog.get_logger()

JOURNAL_FILE = "weatherd.sqlite"

# A cursor whose name has a space, such as "notify phone" or "mqtt alerts", counts changes of alerts or warnings
_LAST_SEQ = """
SELECT max(
  coalesce((SELECT max(seq) FROM entry), 0),
  coalesce((SELECT max(coalesce(in_doubt_last, delivered)) FROM cursor WHERE instr(forwarder, ' ') = 0), 0),
  (SELECT seq FROM gathered)
)
"""
_CHECK_LIMIT = 256 * 1024 * 1024  # bytes: a larger file is not checked for damage when it is opened
_PRUNABLE_SHARE = 0.1  # of the entries, in one hour: a mistake must not cost the whole journal at once
_MIN_PRUNABLE = 1000  # entries, so that this holds for a large journal only
_MAX_ENTRY_SIZE = 130  # bytes, with its part of the index
_RELEASE_LIMIT = 1000  # pages in one transaction
_WITNESSES = 100  # of the newest observations; their median is the services' time, even if a service's clock is wrong


class SavedState(NamedTuple):
    """The state that an earlier run saved."""

    latest: Sequence[LastObservation]
    usage: Sequence[ProviderUsage]
    entries: Sequence[KeyValueEntry]


class AddResult(NamedTuple):
    """The result of adding a batch."""

    stored: int  # new observations and revisions; the others were repeats
    last_seq: int  # the highest number in the journal now


class PruneResult(NamedTuple):
    """The result of one step of pruning."""

    after: IndexPosition | None  # up to where the journal was searched
    deleted: int  # observations
    first: float  # when the first and the last of them were observed, in POSIX microseconds
    last: float
    missed: Mapping[str, int]  # the number of those that were not delivered yet, by forwarder
    is_done: bool


class Store:
    """The journal file, for one thread. Calls block, and raise StateError while the file cannot be used."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open()
        self.lost: str | None = None  # what has happened to the file, until it is reopened

    def _open(self) -> None:
        self._db = Database(self._file)
        with contextlib.ExitStack() as stack:
            stack.callback(self._db.close)
            self._db.configure()
            _check_for_damage(self._db, self._file)
            migrate(self._db, self._file)
            self._identity = FileIdentity(self._file)
            self._log: FileIdentity | None = None  # the write-ahead log, once it is known
            self._is_log_lost = False
            stack.pop_all()
        self._entries = EntryTable(self._db)
        self._data_version = self._db.query_value("PRAGMA data_version")
        self._search: UnusedSearch | None = None
        self._latest = LatestTable(self._db)
        self.cursors = CursorTable(self._db)
        self._usage = UsageTable(self._db)
        self.days = DayTable(self._db)

    @property
    def warnings(self) -> WarningTable:
        """The tables of official warnings."""
        from weatherd.journal.tables.warning_table import WarningTable  # noqa: PLC0415 - only if warnings are on

        return WarningTable(self._db)

    @property
    def alerts(self) -> AlertTable:
        """The tables of alerts."""
        from weatherd.journal.tables.alert_table import AlertTable  # noqa: PLC0415 - only if there are rules

        return AlertTable(self._db)

    @property
    def silences(self) -> SilenceTable:
        """The table of silences."""
        from weatherd.journal.tables.silence_table import SilenceTable  # noqa: PLC0415 - see above

        return SilenceTable(self._db)

    @property
    def compared(self) -> ComparedTable:
        """The table of observations for comparison only."""
        from weatherd.journal.tables.compared_table import ComparedTable  # noqa: PLC0415 - see above

        return ComparedTable(self._db)

    def reopen(self, last_seq: int) -> None:
        """Open the file at the path, or a new one, after a loss. New entries get numbers above *last_seq*.

        A file that was cut short is renamed to ``….damaged``.
        """
        if not self.lost:
            return
        self._db.close()
        with translate_errors(self._file.parent):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.lost == CUT_SHORT:
                self._file.replace(f"{self._file}.damaged")
                self.lost = "was renamed"
            for suffix in ("-wal", "-shm"):  # they belong to the lost file, and would damage another one
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._open()
        self._latest.skip_numbers(last_seq)
        self.lost = None

    def load(self, now: float) -> SavedState:
        """Return the saved state, and delete expired key-value entries. *now* is a POSIX time.

        The clock may be wrong: an entry is expired, and a time too far ahead, only if the services' time agrees.
        """
        db = self._db
        db.execute("DELETE FROM note WHERE until < ?", [self.witnessed_time(now)])
        return SavedState(
            self._latest.load(now),
            self._usage.load(max([now, *self._entries.newest_times(_WITNESSES)])),
            [KeyValueEntry(*row) for row in db.query("SELECT provider, key, text, until FROM note")],
        )

    def save(self, usages: Sequence[ProviderUsage], entries: Iterable[KeyValueEntry]) -> list[ProviderUsage]:
        """Save new calls and entries in one transaction; return the resulting usage of the same providers."""
        with self._db.transaction():
            self._db.execute_many("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", entries)
            saved = self._usage.add(usages)
        self._require_file()
        return saved

    def add(self, batch: Sequence[FetchedObservation], alerts: AlertRows | None = None) -> AddResult:
        """Add a batch of observations and the changes of alerts in one transaction; each becomes its city's latest."""
        try:
            with self._db.transaction():
                added = self._entries.add(batch, self.last_seq())
                self._latest.record(batch, added)
                self.days.reopen(added, [fetched.observation for fetched in batch])
                if alerts:
                    self.alerts.add(alerts)
        except BaseException:
            self._entries.ids.forget()
            raise
        self._require_file()
        self._latest.committed(batch)
        return AddResult(added.stored, added.last_seq)

    def add_past(self, observations: Sequence[Observation]) -> AddResult:
        """Add observations of the past, which do not become their cities' latest, in one transaction.

        At most some 5,000, because live ones wait for it. One with the identity of a live one is counted as a repeat.
        They keep their order, which is that in which forwarders send them, and their origin, which may be live for
        those of another journal.
        """
        version = self._db.query_value("PRAGMA data_version")
        if version != self._data_version:  # another process has written, and may have deleted unused series
            self._entries.ids.forget()
            self._data_version = version
        try:
            with self._db.transaction():
                added = self._entries.add_past(observations, self.last_seq())
                self.days.reopen(added, observations)
                if observations:
                    reopen_hours(self._db, min(observation.observed_at for observation in observations).timestamp())
        except BaseException:
            self._entries.ids.forget()
            raise
        self._require_file()
        return AddResult(added.stored, added.last_seq)

    def last_seq(self) -> int:
        """Return the highest number ever given to an entry; numbers of deleted entries are not used again."""
        return int(self._db.query_value(_LAST_SEQ))

    def record_skipped(self, forwarder: str, seqs: Iterable[int], reason: str) -> None:
        """Record observations that a forwarder skipped: its destination permanently rejects or never accepts them."""
        rows = [(forwarder, seq, reason) for seq in seqs]
        with self._db.transaction():
            self._db.execute_many("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", rows)

    def witnessed_time(self, now: float) -> float:
        """Return the earlier of *now* and the services' time, both POSIX: nothing is deleted on our clock alone."""
        times = sorted(self._entries.newest_times(_WITNESSES))
        return min(now, times[len(times) // 2]) if times else now

    def count_prunable(self) -> int:
        """Return the number of observations that may be deleted in an hour: a tenth, estimated by the size of the file.

        It is 0 in a journal without one that was polled, because then only our own clock says what is old.
        """
        if not self._entries.newest_times(1):
            return 0
        pages = self._db.query_value("PRAGMA page_count") - self._db.query_value("PRAGMA freelist_count")
        entries = pages * self._db.query_value("PRAGMA page_size") / _MAX_ENTRY_SIZE
        return max(_MIN_PRUNABLE, int(entries * _PRUNABLE_SHARE))

    def prune(
        self,
        before: float,
        now: float,
        after: IndexPosition | None,
        forwarders: Iterable[str],
        limit: int | None = None,
    ) -> PruneResult:
        """Delete up to *limit* of the next observations that were observed and fetched before *before*.

        Both times are POSIX. One call searches a few thousand rows, so that a writer need not wait long. Observations
        of days that are not stored yet are kept.
        """
        before = min(before, self.days.find_stored_until())
        if after is None:
            self._latest.update()  # saves the highest number, which must not be used again if all rows are deleted
        with self._db.transaction():
            if after is None:
                self.alerts.prune(before)
            return self._delete(select_old_rows(self._db, before, now, after), before, forwarders, limit)

    def thin(
        self,
        before: float,
        forwarders: Iterable[str],
        after: IndexPosition | None = None,
        limit: int | None = None,
    ) -> PruneResult:
        """Delete all but one an hour, of each series, of the next observations that were observed before *before*.

        One call searches a few thousand rows, or an hour, and deletes up to *limit*; without *after*, where the call
        before ended, at least those of an hour. The file records how far it got. Observations of days that are not
        stored yet are kept.
        """
        before = min(before, self.days.find_stored_until())
        with self._db.transaction():
            return self._delete(select_surplus(self._db, before, after, limit), before, forwarders)

    def _delete(self, old: OldRows, before: float, forwarders: Iterable[str], limit: int | None = None) -> PruneResult:
        seqs, times = old.seqs[:limit], old.times[:limit]
        if seqs:
            self._entries.delete(seqs)
            self.days.record_deletion(before)
        missed = {name: self._missed(name, seqs) for name in forwarders}
        first, last = min(times, default=math.inf), max(times, default=-math.inf)
        return PruneResult(old.after, len(seqs), first, last, missed, old.is_done)

    def move_old_entries(self) -> int:
        """Move some entries of an older version to today's table; return their number, which is 0 at the end."""
        with self._db.transaction():
            return self._entries.old.move_next()

    def count_old_entries(self) -> int:
        """Return the number of entries of an older version, or somewhat more, because it is that of their numbers."""
        return self._entries.old.count()

    def delete_unused(self) -> bool:
        """Search some entries for unused series and descriptions, which the last step deletes.

        Returns whether there is more to search.
        """
        if self._entries.old.find_tables():  # their entries use series and descriptions, too
            return False
        search, self._search = self._search, None  # an error ends the search, because its steps must not have gaps
        with self._db.transaction():
            if search is None:
                self._latest.delete_orphans()
                search = UnusedSearch(self._db)
            elif search.search_next():
                search = None
                self._entries.ids.forget()
        self._search = search
        return search is not None

    def release_space(self) -> bool:
        """Release some unused space to the file system; return whether there is more."""
        self._db.release_pages(_RELEASE_LIMIT)
        return bool(self._db.query_value("PRAGMA freelist_count"))

    def close(self) -> None:
        """Close the file."""
        if not self.lost:
            with contextlib.suppress(StateError):  # on a full disk the next start saves them
                self._latest.update()
        self._db.close()

    def _require_file(self) -> None:
        """Raise StateError if the file is lost, so that what was written has to be written again.

        If only its write-ahead log was deleted, SQLite still has that open: each transaction is then moved to the file.
        """
        problem = self._identity.find_problem()
        if problem and not (problem == CUT_SHORT and self._is_complete()):
            self.lost = problem
            raise StateError(f"{self._file} {problem} while weatherd was using it; it is opened anew")
        if self._log is None:
            with contextlib.suppress(FileNotFoundError):  # not every file system has one
                self._log = FileIdentity(self._file.with_name(f"{self._file.name}-wal"))
        elif self._log.find_problem() in (DELETED, REPLACED):
            self._db.query("PRAGMA wal_checkpoint")
            if not self._is_log_lost:
                log.warning("journal.log_lost", file=f"{self._file}-wal", action="do not delete it; restart weatherd")
            self._is_log_lost = True

    def _is_complete(self) -> bool:
        """Return whether the file is smaller because SQLite has released unused space, in this or another process."""
        size = self._db.query_value("PRAGMA page_count") * self._db.query_value("PRAGMA page_size")
        if size <= self._identity.size:
            return True
        try:
            with contextlib.closing(Database(self._file, read_only=True)) as fresh:  # which has nothing in its cache
                version, check = fresh.query_value("PRAGMA user_version"), fresh.query_value("PRAGMA quick_check(1)")
        except StateError:
            return False
        return (version, check) == (VERSION, "ok")

    def _missed(self, forwarder: str, old: Iterable[int]) -> int:
        delivered = self.cursors.load(forwarder).delivered
        return sum(seq > delivered for seq in old)


def _check_for_damage(db: Database, file: Path) -> None:
    """Raise StateError if the file is damaged. A large file is skipped, because the check would take too long."""
    if db.query_value("PRAGMA page_count") * db.query_value("PRAGMA page_size") > _CHECK_LIMIT:
        return
    if (found := db.query_value("PRAGMA quick_check(1)")) != "ok":
        raise StateError(f"{file} is damaged: {found}; {DAMAGED_ADVICE}")
