"""The summary of a city's local day, computed from its observations. Pure functions."""

from __future__ import annotations

import bisect
import math
import operator
from typing import TYPE_CHECKING, NamedTuple

from weatherd.journal.days.calendar import HOUR_MICROS
from weatherd.journal.days.rain import find_rain_periods, sum_rain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from weatherd.journal.days.calendar import LocalDay


class Readings(NamedTuple):
    """What days need of a city's observations, as columns of equal length, in order of time, each at another time.

    A value is None if the service has none, or if it is suspect.
    """

    at: Sequence[int]  # time of the observation, POSIX microseconds
    provider: Sequence[str]
    temperature: Sequence[float | None]  # °C
    precipitation: Sequence[float | None]  # mm in the hour before
    wind_gust: Sequence[float | None]  # m/s


class Day(NamedTuple):
    """A city's local day. Times are POSIX microseconds; a value is None if no observation has it."""

    date: date
    low: float | None  # °C
    low_at: int | None
    high: float | None
    high_at: int | None
    mean: float | None  # °C, weighted by time: see find_mean()
    hours: float  # for which there is a temperature
    rain: float | None  # mm: see find_rain_periods()
    gust: float | None  # m/s, the strongest
    observations: int
    first_at: int
    last_at: int
    providers: str  # names in alphabetical order, separated by commas


def summarize_days(readings: Readings, days: Iterable[LocalDay]) -> list[Day]:
    """Return the summaries of those *days* that have a reading.

    Readings should include those of the hour after the last day: their rain fell in part before its end.
    """
    return [day for span in days if (day := summarize_day(readings, span))]


def summarize_day(readings: Readings, day: LocalDay) -> Day | None:
    """Return the summary of a day, or None without a reading in it; others may be among *readings*."""
    first, end, after = (bisect.bisect_left(readings.at, at) for at in (day.begin, day.end, day.end + HOUR_MICROS))
    if first == end:
        return None
    times, inside = readings.at[first:end], slice(first, end)
    low_at, low = find_extreme(times, readings.temperature[inside], min)
    high_at, high = find_extreme(times, readings.temperature[inside], max)
    mean, hours = find_mean(readings.at[first:after], readings.temperature[first:after], day)
    amounts = readings.precipitation[first:after]
    is_dry = (
        None not in amounts and not any(amounts) and times[-1] > day.begin
    )  # which is found in a fraction of the time
    periods = [] if is_dry else list(find_rain_periods(readings.at[first:after], amounts, day.begin))
    return Day(
        date=day.date,
        low=low,
        low_at=low_at,
        high=high,
        high_at=high_at,
        mean=mean,
        hours=hours,
        rain=0.0 if is_dry else sum_rain(periods, day.begin, day.end),
        gust=max(_drop_none(readings.wind_gust[inside]), default=None),
        observations=end - first,
        first_at=times[0],
        last_at=times[-1],
        providers=",".join(sorted(set(readings.provider[inside]))),
    )


def find_extreme(
    times: Sequence[int], values: Sequence[float | None], choose: Callable[[Iterable[float]], float]
) -> tuple[int, float] | tuple[None, None]:
    """Return the time and the value of the first lowest or highest value; None and None if there is none."""
    known = _drop_none(values)
    if not known:
        return None, None
    extreme = choose(known)
    return times[values.index(extreme)], extreme


def find_mean(times: Sequence[int], values: Sequence[float | None], day: LocalDay) -> tuple[float | None, float]:
    """Return the mean of a day's values weighted by time, and the hours that they cover.

    Each value holds until the next one, but for an hour at most: a longer gap leaves sum and count. Those after the end
    of the day only limit the time for which the last one holds.
    Example: 10 °C at 10:00, 20 °C at 10:30 and 30 °C at 15:00 have the mean 22, in two and a half hours.
    """
    if None in values:
        times = [at for at, value in zip(times, values, strict=True) if value is not None]
    known = _drop_none(values)
    lengths = [  # without min(), which takes twice the time
        length if length < HOUR_MICROS else HOUR_MICROS  # noqa: FURB136
        for length in map(operator.sub, times[1:], times)
    ]
    lengths.append(HOUR_MICROS)
    inside = bisect.bisect_left(times, day.end)
    total = sum(lengths[:inside])
    if not total:
        return None, 0.0
    weighted = math.fsum(map(operator.mul, known[:inside], lengths))
    return weighted / total, min(total, day.end - day.begin) / HOUR_MICROS


def _drop_none(values: Sequence[float | None]) -> Sequence[float]:
    return [value for value in values if value is not None]
