"""Whether enough of a day was observed for its values to be those of the whole day. Pure functions."""

from __future__ import annotations

import bisect
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from weatherd.journal.days.summary import Day

MIN_HOURS = 18.0  # with a temperature: three quarters of a usual day (ours)
_DATE = operator.attrgetter("date")


def is_complete(day: Day) -> bool:
    """Return whether at least 18 hours of a day were observed; else its low may have been lower, and so on."""
    return day.hours >= MIN_HOURS


def count_complete(days: Sequence[Day]) -> int:
    """Return how many of *days* are complete."""
    return sum(map(is_complete, days))


def count_incomplete_dates(days: Sequence[Day], first: date, end: date) -> int:
    """Return the number of dates in ``[first, end)`` that are not complete, or not in *days*, which are in order."""
    if first >= end:
        return 0
    begin, after = (bisect.bisect_left(days, bound, key=_DATE) for bound in (first, end))
    return (end - first).days - count_complete(days[begin:after])
