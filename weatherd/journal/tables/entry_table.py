"""The table ``entry``: one row for each observation in the journal, numbered in the order of arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.journal.rows import split_times
from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS, ORIGIN_CODES, QUALITY_FACTOR, WAS_POLLED, pack_value
from weatherd.journal.tables.interned import InternedIds
from weatherd.journal.tables.old_entries import OldEntries
from weatherd.observation import FIELDS, LIVE, OK

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from weatherd.journal.database import Database
    from weatherd.observation import FetchedObservation, Observation

_REST, _END = FIELDS.index("station") + 1, FIELDS.index("origin")  # the numbers that follow the station
_VALUES = ("temperature", "description_id", "code", *FIELDS[_REST:_END])
_IDENTITY = ("observed_at", "series_id", "observed_micros")
_COLUMNS = ("seq", "series_id", "observed_at", "observed_micros", "fetched_after", *_VALUES, "mark")
# The same identity with the same values is a repeat, which changes nothing. With other values it is a revision: the row
# moves to the end under a new number, so that every reader and forwarder sees it.
_IS_REVISION = f"({', '.join(_VALUES)}) IS NOT ({', '.join(f'excluded.{name}' for name in _VALUES)})"
_ADD = f"""
INSERT INTO entry ({", ".join(_COLUMNS)})
VALUES ({", ".join(pack_value(name, f"?{number}") for number, name in enumerate(_COLUMNS, 1))})
ON CONFLICT ({", ".join(_IDENTITY)}) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _IDENTITY)}
WHERE """
# A live row takes the place of one of the past, and never the other way round
_ADD_LIVE = f"{_ADD} mark & 3 OR {_IS_REVISION}"
_ADD_PAST = f"{_ADD} mark & 3 IN (1, 2) AND (excluded.mark & 3 = {ORIGIN_CODES[LIVE]} OR {_IS_REVISION})"

Row = tuple[Any, ...]  # seq, series_id, observed_at, observed_micros, fetched_after, ...


class Added(NamedTuple):
    """A batch in the table: row i belongs to the observation at index i."""

    rows: Sequence[Row]
    stored: int  # new observations and revisions; the others were repeats
    seqs: Collection[int]  # the numbers of the stored rows
    last_seq: int  # the highest number in the table now


class EntryTable:
    """The table of entries in the journal file. The methods work in the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.ids = InternedIds(db)
        self.old = OldEntries(db)

    def add(self, batch: Sequence[FetchedObservation], before: int) -> Added:
        """Add live observations of a batch; they get the numbers after *before*, in order.

        They are numbered here and not by SQLite, because a revision moves to the end under a new number, which ON
        CONFLICT does not draw. Which of them were stored is read back, because execute_many() returns only their count.
        Example: after entry 10 comes a batch of a new observation, a repeat, and a revision of entry 7. They are
        numbered 11, 12 and 13; then the table holds 11 and 13, entry 7 is gone, and 12 remains unused.
        """
        observations = [fetched.observation for fetched in batch]
        return self._insert(_ADD_LIVE, observations, self._make_rows(observations, before + 1), before)

    def add_past(self, observations: Sequence[Observation], before: int) -> Added:
        """Add observations of the past; they get the numbers after *before*, in order.

        A live entry of the same identity stays, and the observation counts as a repeat.
        """
        rows = [
            (*row[:-1], (row[-1] or 0) + ORIGIN_CODES[observation.origin])
            for row, observation in zip(self._make_rows(observations, before + 1), observations, strict=True)
        ]
        return self._insert(_ADD_PAST, observations, rows, before)

    def _insert(self, statement: str, observations: Sequence[Observation], rows: Sequence[Row], before: int) -> Added:
        self.old.move_same(observations)
        stored = self._db.execute_many(statement, rows) if rows else 0
        seqs: Collection[int] = range(before + 1, before + 1 + stored)
        if stored < len(rows):
            seqs = {seq for (seq,) in self._db.query("SELECT seq FROM entry WHERE seq > ?", [before])}
        return Added(rows, stored, seqs, max(seqs, default=before))

    def _make_rows(self, observations: Sequence[Observation], first_seq: int) -> list[Row]:
        series, descriptions, qualities = self.ids.of_series, self.ids.of_descriptions, self.ids.of_qualities
        return [
            (
                seq,
                series[seen.provider, seen.station][seen.city],
                *split_times(seen.observed_at, seen.fetched_at),
                seen.temperature,
                descriptions[seen.description],
                seen.code,
                *seen[_REST:_END],
                None if seen.quality == OK else QUALITY_FACTOR * qualities[seen.quality],
            )
            for seq, seen in enumerate(observations, first_seq)
        ]

    def newest_times(self, limit: int) -> list[float]:
        """Return the times of the newest observations that were polled, as the services reported them (POSIX)."""
        newest = f"SELECT {ENTRY_COLUMNS['observed_at']} FROM entry WHERE {WAS_POLLED} ORDER BY seq DESC LIMIT ?"
        return [micros / 1e6 for (micros,) in self._db.query(newest, [limit]) if isinstance(micros, int)]

    def delete(self, seqs: Sequence[int]) -> None:
        """Delete entries, also from the forwarders' records of what they skipped."""
        for table in ("entry", "skipped"):
            self._db.execute_many(f"DELETE FROM {table} WHERE seq = ?", ([seq] for seq in seqs))
