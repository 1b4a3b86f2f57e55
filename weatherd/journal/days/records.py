"""Records: the extremes of a history, and since when no day has reached the values of the last one. Pure functions.

What was observed of a day bounds its values: a low of two hours is one that the day had, but perhaps not its lowest.
So a record of a day with few hours is true, and one compared with such days is not certain. A record has both. The
first and the last day of a history are usually incomplete, because it begins and ends in the middle of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from weatherd.journal.days.completeness import count_incomplete_dates, is_complete

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from weatherd.journal.days.summary import Day

RecordKind = Literal["lowest", "highest", "wettest", "windiest"]
_MIN_DAYS = 30  # for which no day has reached the value
_ONE_DAY = timedelta(days=1)
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
    since: date | None  # the last day before it that had such a value; None: none of the days since *first*
    first: date  # the first day of the history; of a value of the last day, the first one that has such a value
    hours: float  # observed of the day
    incomplete: int  # days it is compared with of which fewer than 18 hours were observed, or none; not the outermost


def find_records(days: Sequence[Day]) -> list[Record]:
    """Return the values of the last of *days* that no day in the 30 days before it has reached; *days* are in order."""
    return [record for kind in _KINDS if days and (record := _find_record(days, kind))]


def _find_record(days: Sequence[Day], kind: RecordKind) -> Record | None:
    field, sign = _KINDS[kind]
    last = days[-1]
    value = _get_notable(last, field)
    if value is None:
        return None
    days = [day for day in days if getattr(day, field) is not None]  # because years without gusts say nothing of them
    first = days[0].date
    since = next((day.date for day in reversed(days[:-1]) if _reaches(getattr(day, field), value, sign)), None)
    if (last.date - (since or first)).days <= _MIN_DAYS:
        return None
    incomplete = count_incomplete_dates(days, (since or first) + _ONE_DAY, last.date)
    return Record(kind, value, last.date, since, first, last.hours, incomplete)


def find_extremes(days: Sequence[Day]) -> list[Record]:
    """Return the lowest, the highest, the wettest and the windiest of *days*, which are in order.

    Of several days with the same value, the first one; a kind is left out if no day has a value, or no rain or wind.
    """
    return [record for kind in _KINDS if (record := _find_extreme(days, kind))]


def _find_extreme(days: Sequence[Day], kind: RecordKind) -> Record | None:
    field, sign = _KINDS[kind]
    known = [(sign * value, day) for day in days if (value := _get_notable(day, field)) is not None]
    if not known:
        return None
    rank, day = max(known, key=lambda found: found[0])
    first, last = days[0].date, days[-1].date
    incomplete = count_incomplete_dates(days, first + _ONE_DAY, last)
    is_between = first < day.date < last and not is_complete(day)
    return Record(kind, sign * rank, day.date, None, first, day.hours, incomplete - is_between)


def _get_notable(day: Day, field: str) -> float | None:
    """Return a value of a day that may be a record: not that it was dry, or calm."""
    value: float | None = getattr(day, field)
    return None if field in {"rain", "gust"} and not value else value


def _reaches(value: float | None, bound: float, sign: int) -> bool:
    return value is not None and sign * value >= sign * bound
