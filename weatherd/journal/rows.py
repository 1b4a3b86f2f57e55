"""Conversion between observations and rows of the journal. Times are integers: POSIX microseconds."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.observation import FIELDS, Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ", ".join(FIELDS)
IDENTITY = (
    "city",
    "provider",
    "station",
    "observed_at",
)  # another row with these values would be a repeat or a revision
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = FIELDS.index("observed_at"), FIELDS.index("fetched_at")
_MICROSECOND = timedelta(microseconds=1)


class JournalEntry(NamedTuple):
    """An observation in the journal. A revision replaces an entry and has a higher number."""

    seq: int
    observation: Observation


@functools.lru_cache(maxsize=256)  # because the observations of one response share their times
def to_micros(time: datetime) -> int:
    """Return a time as POSIX microseconds."""
    return (time - _EPOCH) // _MICROSECOND


def to_row(observation: Observation) -> list[Any]:
    """Return the values of an observation's row, in the order of ``COLUMNS``."""
    values = list(observation)
    for index in _TIMES:
        values[index] = to_micros(values[index])
    return values


def parse_row(row: Sequence[Any]) -> Observation:
    """Return the observation of a row. Raises TypeError or OverflowError for an invalid time."""
    values = dict(zip(FIELDS, row, strict=True))
    for name in ("observed_at", "fetched_at"):
        values[name] = _EPOCH + timedelta(microseconds=values[name])
    return Observation(**values)


def parse_entry(row: Sequence[Any]) -> JournalEntry:
    """Return the entry of a row whose first value is its number."""
    return JournalEntry(row[0], parse_row(row[1:]))
