"""An observation as a row of the journal, and back. Times are whole microseconds since 1970, in UTC."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.observation import FIELDS, Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ", ".join(FIELDS)
IDENTITY = ("city", "provider", "station", "observed_at")  # what is said again under these is a repeat, or a revision
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = FIELDS.index("observed_at"), FIELDS.index("fetched_at")
_MICROSECOND = timedelta(microseconds=1)


class JournalEntry(NamedTuple):
    """An observation in the journal. A revision has a higher number than what it takes the place of."""

    seq: int
    observation: Observation


@functools.lru_cache(maxsize=256)  # the observations of an answer share their moments
def to_micros(moment: datetime) -> int:
    """Return a moment as the journal keeps it."""
    return (moment - _EPOCH) // _MICROSECOND


def to_row(observation: Observation) -> list[Any]:
    """Return the values of a row, in the order of ``COLUMNS``."""
    values = list(observation)
    for index in _TIMES:
        values[index] = to_micros(values[index])
    return values


def parse_row(row: Sequence[Any]) -> Observation:
    """Return the observation of a row."""
    values = dict(zip(FIELDS, row, strict=True))
    for name in ("observed_at", "fetched_at"):
        values[name] = _EPOCH + timedelta(microseconds=values[name])
    return Observation(**values)


def parse_entry(row: Sequence[Any]) -> JournalEntry:
    """Return the entry of a row that begins with its number."""
    return JournalEntry(row[0], parse_row(row[1:]))
