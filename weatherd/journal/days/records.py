"""Records: since when a day was not exceeded. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from weatherd.journal.days.summary import Day

_MIN_DAYS = 30  # without such a value before it is worth a line
_KINDS = {"lowest": ("low", -1.0), "highest": ("high", 1.0), "wettest": ("rain", 1.0), "windiest": ("gust", 1.0)}


class Record(NamedTuple):
    """A value of a day that no day reached since another one."""

    kind: str  # lowest, highest, wettest, windiest
    value: float  # °C, mm or m/s
    day: date
    since: date | None  # the last day that reached it; None: no day since *first*, the beginning of the record
    first: date


def find_records(days: Sequence[Day]) -> list[Record]:
    """Return the records of the last of *days*, which are in order: those that no day of the 30 before it reached."""
    return [record for kind in _KINDS if (record := _find_record(days, kind))]


def _find_record(days: Sequence[Day], kind: str) -> Record | None:
    field, sign = _KINDS[kind]
    if not days or not (value := getattr(days[-1], field)) and field in {"rain", "gust"} or value is None:
        return None
    last, first = days[-1].date, days[0].date
    reached = (day.date for day in reversed(days[:-1]) if (found := getattr(day, field)) is not None and sign * found >= sign * value)
    since = next(reached, None)
    if (last - (since or first)).days < _MIN_DAYS:
        return None
    return Record(kind, value, last, since, first)
