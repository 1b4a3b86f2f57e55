"""Each city's last observation, for another run: where it was made, and when it was fetched last."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import StateError
from weatherd.journal.rows import IDENTITY, parse_row, to_micros
from weatherd.observation import FIELDS, LastObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.database import Database
    from weatherd.observation import FetchedObservation

_SAME = " AND ".join(f"o.{name} = l.{name}" for name in IDENTITY)
# A row of a city's last observation says where it was made, and when it was fetched last: a repeat is no row of its
# own. What followed it was at the same place, and is found among the rows of the journal that are not gathered yet.
_GATHER = """
INSERT OR REPLACE INTO last
SELECT l.city, l.lat, l.lon, o.provider, o.station, o.observed_at, o.fetched_at, o.seq
FROM (
  SELECT city, provider, station, observed_at, fetched_at, max(seq) AS seq FROM observation
  WHERE seq > (SELECT seq FROM gathered) GROUP BY city
) AS o CROSS JOIN last AS l ON l.city = o.city AND l.seq < o.seq
"""
_LASTS = f"""
SELECT l.lat, l.lon, l.fetched_at, {", ".join(f"o.{name}" for name in FIELDS)}
FROM last AS l CROSS JOIN observation AS o ON {_SAME} WHERE l.fetched_at >= ?
"""
_GONE = f"DELETE FROM last AS l WHERE NOT EXISTS (SELECT 1 FROM observation AS o WHERE {_SAME})"
_FORGET = 7 * 86400.0  # seconds after which the last observation of a city that left the list is not loaded any more
_FEW = 100  # observations that come between two times of noting the last ones, or one for each city


class LatestTable:
    """The table of them, in the journal's file.

    One is noted at once only where the journal does not tell it by itself: a first one, a revision, and one that is
    older than the one before. The others are gathered from the journal, and a crash loses none of them; but it may make
    forgotten when a repeat was fetched.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._repeats: dict[str, int] = {}  # when a city's last was fetched again, where that is not noted yet
        self._until_gathered = _FEW  # observations

    def load(self, now: float) -> list[LastObservation]:
        """Return those of the week before *now*, a POSIX time; forget those whose observations are deleted."""
        self.gather()
        self._db.execute(_GONE)
        return [last for row in self._db.query(_LASTS, [int((now - _FORGET) * 1e6)]) if (last := _last(row))]

    def note(self, batch: Sequence[FetchedObservation], before: int, end: int, *, are_new: bool) -> None:
        """Note what has to be noted at once, in the transaction that took the journal from number *before* to *end*.

        *are_new* says that all of the batch but its repeats were new to the journal: else one of them is there as it
        was fetched then, and not now.
        """
        lasts = (
            _cells(arrival, min(before + place, end))
            for place, arrival in enumerate(batch, 1)
            if not (are_new and (arrival.follows or arrival.repeat))
        )
        self._db.execute_many("INSERT OR REPLACE INTO last VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lasts)

    def is_kept(self, batch: Sequence[FetchedObservation]) -> None:
        """Say that this transaction is over; once for as many observations as there are cities, gather."""
        for arrival in batch:
            if arrival.repeat:
                self._repeats[arrival.city.id] = to_micros(arrival.observation.fetched_at)
            else:
                self._repeats.pop(arrival.city.id, None)
        self._until_gathered -= len(batch)
        if self._until_gathered < 0:
            with contextlib.suppress(StateError):  # the disk is full, which is told when the next batch is written
                self.gather()

    def gather(self) -> None:
        """Note those that are not noted yet, of all cities together, as each changes a page of the file."""
        with self._db.transaction():
            self._db.execute(_GATHER)
            self._db.execute_many("UPDATE last SET fetched_at = ?2 WHERE city = ?1", sorted(self._repeats.items()))
            self._db.execute("UPDATE gathered SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM observation))")
            cities = self._db.query_value("SELECT count(*) FROM last")
        self._repeats.clear()
        self._until_gathered = max(_FEW, cities)


def _cells(arrival: FetchedObservation, seq: int) -> tuple[Any, ...]:
    """Return the row of a city's last observation; what follows it has a number above *seq*."""
    city, said = arrival.city, arrival.observation
    identity = said.provider, said.station, to_micros(said.observed_at)
    return city.id, city.lat, city.lon, *identity, to_micros(said.fetched_at), seq


def _last(row: Sequence[Any]) -> LastObservation | None:
    """Read a row; None for one that somebody has changed by hand into what cannot be."""
    lat, lon, fetched_at, *columns = row
    columns[FIELDS.index("fetched_at")] = fetched_at
    try:
        last = parse_row(columns)
    except (TypeError, OverflowError):
        return None
    return LastObservation(lat, lon, last) if last.is_sound() else None
