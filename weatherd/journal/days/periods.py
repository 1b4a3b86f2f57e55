"""Weeks, months and years as summaries of their days. Pure functions."""

from __future__ import annotations

import bisect
import math
import operator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from weatherd.journal.days.completeness import count_complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.journal.days.summary import Day

DayPart = Literal["day", "week", "month", "year"]
# How much of a history is shown by default; all of it by year
DEFAULT_LENGTHS: dict[DayPart, timedelta] = {
    "day": timedelta(days=30),
    "week": timedelta(weeks=12),
    "month": timedelta(days=365),
}
HEATING_BASE = 18.0  # °C: a day whose mean is not below needs no heating
_ONE_DAY = timedelta(days=1)
_DATE = operator.attrgetter("date")


class Period(NamedTuple):
    """The days of a part of the calendar; a value is None if no day has it. Times are POSIX microseconds."""

    begin: date
    end: date  # the day after the last one
    days: int  # with observations
    complete_days: int  # of which at least 18 hours were observed
    low: float | None  # °C
    low_at: int | None
    high: float | None
    high_at: int | None
    mean: float | None  # of the means of the days, weighted by their hours
    hours: float
    rain: float | None  # mm
    gust: float | None  # m/s, the strongest
    frost_days: int  # with a low below 0 °C
    degree_days: float | None  # heating degree days: the sum of 18 °C - mean over the days whose mean is below 18 °C
    observations: int
    first_at: int | None
    last_at: int | None
    providers: tuple[str, ...]


def find_calendar_part(day: date, part: DayPart) -> tuple[date, date]:
    """Return the first day of the part of the calendar that has a day, and that of the next part.

    Weeks begin on Monday (ISO 8601).
    """
    match part:
        case "day":
            return day, day + _ONE_DAY
        case "week":
            begin = day - timedelta(days=day.weekday())
            return begin, begin + timedelta(days=7)
        case "month":
            begin = day.replace(day=1)
            return begin, (begin + timedelta(days=31)).replace(day=1)
        case "year":
            return date(day.year, 1, 1), date(day.year + 1, 1, 1)


def split_days(days: Sequence[Day], part: DayPart, since: date, until: date) -> Iterator[Period]:
    """Yield the parts of the calendar in ``[since, until)``, of which the first and the last one may be cut.

    *days* are in order. A part without days has no values.
    """
    while since < until:
        end = min(until, find_calendar_part(since, part)[1])
        first, last = (bisect.bisect_left(days, bound, key=_DATE) for bound in (since, end))
        yield summarize_period(days[first:last], since, end)
        since = end


def summarize_period(days: Sequence[Day], begin: date, end: date) -> Period:
    """Return the summary of the days of ``[begin, end)``."""
    low, low_at = min(((day.low, day.low_at) for day in days if day.low is not None), default=(None, None))
    high, high_at = max(
        ((day.high, day.high_at) for day in days if day.high is not None),
        key=operator.itemgetter(0),
        default=(None, None),
    )
    means = [(day.mean, day.hours) for day in days if day.mean is not None]
    hours = math.fsum(length for _, length in means)
    rain = [day.rain for day in days if day.rain is not None]
    return Period(
        begin=begin,
        end=end,
        days=len(days),
        complete_days=count_complete(days),
        low=low,
        low_at=low_at,
        high=high,
        high_at=high_at,
        mean=math.fsum(mean * length for mean, length in means) / hours if hours else None,
        hours=hours,
        rain=math.fsum(rain) if rain else None,
        gust=max((day.gust for day in days if day.gust is not None), default=None),
        frost_days=sum(day.low is not None and day.low < 0 for day in days),
        degree_days=math.fsum(max(0.0, HEATING_BASE - mean) for mean, _ in means) if means else None,
        observations=sum(day.observations for day in days),
        first_at=days[0].first_at if days else None,
        last_at=days[-1].last_at if days else None,
        providers=tuple(
            sorted({name for providers in {day.providers for day in days} for name in providers.split(",")})
        ),
    )
