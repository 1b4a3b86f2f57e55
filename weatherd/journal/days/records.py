"""Records: since when no day has reached the values of the last one. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from weatherd.journal.days.summary import Day

RecordKind = Literal["lowest", "highest", "wettest", "windiest"]
_MIN_DAYS = 30  # for which no day has reached the value
_KINDS: dict[RecordKind, tuple[str, int]] = {
    "lowest": ("low", -1),
    "highest": ("high", 1),
    "wettest": ("rain", 1),
    "windiest": ("gust", 1),
}


class Record(NamedTuple):
    """A value of a day that no day reached since another one."""

    kind: RecordKind
    value: float  # °C, mm or m/s
    day: date
    since: date | None  # the last day that had such a value; None: none of the days since *first*
    first: date  # the first day of the history


def find_records(days: Sequence[Day]) -> list[Record]:
    """Return the values of the last of *days* that no day in the 30 days before it has reached; *days* are in order."""
    return [record for kind in _KINDS if days and (record := _find_record(days, kind))]


def _find_record(days: Sequence[Day], kind: RecordKind) -> Record | None:
    field, sign = _KINDS[kind]
    value = getattr(days[-1], field)
    if value is None or (field in {"rain", "gust"} and not value):
        return None
    last, first = days[-1].date, days[0].date
    since = next((day.date for day in reversed(days[:-1]) if _reaches(getattr(day, field), value, sign)), None)
    if (last - (since or first)).days <= _MIN_DAYS:
        return None
    return Record(kind, value, last, since, first)


def _reaches(value: float | None, bound: float, sign: int) -> bool:
    return value is not None and sign * value >= sign * bound
