"""The rain of a span of time, from values that are each the rain of the hour before an observation. Pure functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from weatherd.journal.days.calendar import HOUR_MICROS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class RainPeriod(NamedTuple):
    """Rain in ``(begin, end]``; times are POSIX microseconds."""

    begin: int
    end: int
    amount: float  # mm

    def amount_in(self, begin: int, end: int) -> float:
        """Return the part of the rain that fell in ``(begin, end]``, as if it rained evenly."""
        common = min(self.end, end) - max(self.begin, begin)
        return self.amount * common / (self.end - self.begin) if common > 0 else 0.0


def find_rain_periods(times: Sequence[int], amounts: Sequence[float | None], origin: int) -> Iterator[RainPeriod]:
    """Yield periods of rain that do not overlap, from the amounts that fell in the hours before *times*.

    Times are POSIX microseconds, in order. The last amount in each hour counts, its end included; hours are those of
    the clock that begin at *origin*. So of values every 15 minutes, that of the full hour is the whole hour. Where the
    hours of two amounts overlap, the later one counts for its part of an hour.
    """
    last_values = {
        (at - origin - 1) // HOUR_MICROS: (at, amount)
        for at, amount in zip(times, amounts, strict=True)
        if amount is not None
    }
    covered: int | None = None
    for end, amount in last_values.values():
        begin = end - HOUR_MICROS if covered is None else max(end - HOUR_MICROS, covered)
        yield RainPeriod(begin, end, amount * (end - begin) / HOUR_MICROS)
        covered = end


def sum_rain(periods: Sequence[RainPeriod], begin: int, end: int) -> float | None:
    """Return the rain in ``(begin, end]`` in mm; None if no period touches it."""
    amounts = [period.amount_in(begin, end) for period in periods if period.begin < end and begin < period.end]
    return math.fsum(amounts) if amounts else None
