"""Conversion between observations and rows of the journal. Times are integers: POSIX microseconds."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.observation import FIELDS, Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ", ".join(FIELDS)  # of the view ``observation``
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class JournalEntry(NamedTuple):
    """An observation in the journal. A revision replaces an entry and has a higher number."""

    seq: int
    observation: Observation


@functools.lru_cache(maxsize=256)  # because the observations of one response share their times
def to_micros(time: datetime) -> int:
    """Return a time as POSIX microseconds."""
    return (time - _EPOCH) // _MICROSECOND


@functools.lru_cache(maxsize=256)
def split_times(observed_at: datetime, fetched_at: datetime) -> tuple[int, int, int]:
    """Return ``observed_at``, ``observed_micros`` and ``fetched_after`` of an entry: see entry_columns.py."""
    observed = to_micros(observed_at)
    return *divmod(observed, 1_000_000), to_micros(fetched_at) - observed


@functools.lru_cache(maxsize=256)
def _from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def parse_row(row: Sequence[Any]) -> Observation:
    """Return the observation of a row. Raises TypeError or OverflowError for an invalid time."""
    city, provider, observed_at, fetched_at, *values = row
    return Observation(city, provider, _from_micros(observed_at), _from_micros(fetched_at), *values)


def parse_entry(row: Sequence[Any]) -> JournalEntry:
    """Return the entry of a row whose first value is its number."""
    return JournalEntry(row[0], parse_row(row[1:]))
