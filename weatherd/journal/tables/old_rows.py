"""The old entries in the table ``entry``: those to delete, and those of which one an hour is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.journal.tables.entry_columns import ENTRY_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.database import Database

IndexPosition = tuple[int, int, int]  # observed_at, series_id and observed_micros of an entry: the order of the index

_FIRST: IndexPosition = (-(2**63), 0, 0)
_STEP = 5000  # rows in one transaction, roughly
# A fetch so much later than now was stamped by a wrong clock. A day, because services' times are some hours old.
_TOLERANCE = 86400.0
_OBSERVED, _FETCHED = ENTRY_COLUMNS["observed_at"], ENTRY_COLUMNS["fetched_at"]
_SELECT_BEFORE = f"""
SELECT observed_at, series_id, observed_micros, seq, {_OBSERVED}, {_FETCHED} FROM entry
WHERE (observed_at, series_id, observed_micros) > (?, ?, ?) AND observed_at < ?
ORDER BY observed_at, series_id, observed_micros LIMIT ?
"""
_BEGIN = "SELECT min(observed_at) FROM entry WHERE observed_at >= (SELECT until FROM thinned)"
_STEP_END = "SELECT observed_at FROM entry WHERE observed_at >= ? ORDER BY observed_at LIMIT 1 OFFSET ?"
# An entry belongs to the full hour (UTC) that it is nearest to. Of those of an hour, the nearest one is kept, but one
# that is not suspect rather than a suspect one, and the later one of two.
_SELECT_SURPLUS = f"""
SELECT seq, micros FROM (
  SELECT seq, {_OBSERVED} AS micros, row_number() OVER (
    PARTITION BY series_id, (observed_at + 1800) / 3600
    ORDER BY coalesce(mark > 3, 0), abs((observed_at + 1800) % 3600 - 1800), observed_at DESC, seq DESC
  ) AS place
  FROM entry WHERE observed_at >= ? AND observed_at < ?
)
WHERE place > 1 ORDER BY micros
"""


class OldRows(NamedTuple):
    """Entries to delete, and where the search for more of them continues."""

    seqs: Sequence[int]
    times: Sequence[int]  # when they were observed, in POSIX microseconds
    after: IndexPosition | None
    is_done: bool


def select_old_rows(db: Database, before: float, now: float, after: IndexPosition | None) -> OldRows:
    """Return the next entries after a position that were observed and fetched before *before*; times are POSIX.

    An entry that was fetched after *now*, the earlier of our time and the services', was stamped by a wrong clock: then
    only the time of the observation counts.
    """
    rows = db.query(_SELECT_BEFORE, [*(after or _FIRST), before, _STEP])
    latest = (now + _TOLERANCE) * 1e6
    old = [
        (seq, observed)
        for *_, seq, observed, fetched in rows
        if max(observed, fetched if fetched <= latest else observed) < before * 1e6
    ]
    position = rows[-1][:3] if rows else after
    return OldRows([seq for seq, _ in old], [time for _, time in old], position, is_done=len(rows) < _STEP)


def select_surplus(
    db: Database, before: float, after: IndexPosition | None = None, limit: int | None = None
) -> OldRows:
    """Return what is too much of the next hours that end before *before* (POSIX), and record that they are thinned.

    It ends before the hour that would make it more than *limit*; but the first hour of all (*after* is None) is always
    included, because otherwise an hour of many cities would never be thinned.
    """
    begin, end = db.query_value(_BEGIN), _begin_of_hour(int(before))
    if begin is None or begin >= end:
        return OldRows([], [], None, is_done=True)
    rows, is_cut = db.query(_STEP_END, [begin, _STEP]), False
    until = min(end, max(_begin_of_hour(rows[0][0]), _begin_of_hour(begin + 3600))) if rows else end
    surplus = db.query(_SELECT_SURPLUS, [begin, until])
    if limit is not None and len(surplus) > limit:
        first, cut = (_begin_of_hour(surplus[n][1] // 1_000_000) for n in (0, limit))
        until, is_cut = first + 3600 if cut == first and after is None else cut, True
        surplus = [(seq, time) for seq, time in surplus if time < until * 1_000_000]
    db.execute("UPDATE thinned SET until = ?", [until])
    return OldRows(
        [seq for seq, _ in surplus], [time for _, time in surplus], (until, 0, 0), is_done=is_cut or until == end
    )


def reopen_hours(db: Database, observed_at: float) -> None:
    """Have the hours since *observed_at* (POSIX) thinned again, because entries are added there."""
    db.execute("UPDATE thinned SET until = ?1 WHERE until > ?1", [_begin_of_hour(int(observed_at))])


def _begin_of_hour(time: int) -> int:
    """Return the first second that is nearest to the same full hour as *time*: 12:30 for 12:40 and 13:10."""
    return (time + 1800) // 3600 * 3600 - 1800
