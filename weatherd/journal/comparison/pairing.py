"""Pairs of observations that two services made at nearly the same time. Pure functions."""

from __future__ import annotations

import bisect
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAIR_TOLERANCE = 900.0  # seconds: stations report up to 10 minutes before the hour, models every 15 minutes or hourly


class TimedValue(NamedTuple):
    """A value of one service."""

    at: float  # POSIX seconds
    value: float


class ValuePair(NamedTuple):
    """A value of a service and what the reference says about the same time."""

    at: float  # POSIX seconds
    value: float
    reference: float

    @property
    def difference(self) -> float:
        """The value minus the reference: positive if the service reports too much."""
        return self.value - self.reference


def pair_with_median(
    values: Sequence[TimedValue], references: Iterable[Sequence[TimedValue]], tolerance: float = PAIR_TOLERANCE
) -> list[ValuePair]:
    """Return the pairs of a service's values with the median of what the *references* report at the time.

    All values are in the order of time, each time occurs once. A value for which no reference has a partner is left
    out. The service is not one of the references, because it would pull the median towards itself.
    """
    partners = defaultdict[int, list[float]](list)
    for reference in references:
        for index, partner in match_times(values, reference, tolerance):
            partners[index].append(reference[partner].value)
    return [ValuePair(*values[index], median(partners[index])) for index in sorted(partners)]


def match_times(
    values: Sequence[TimedValue], others: Sequence[TimedValue], tolerance: float = PAIR_TOLERANCE
) -> Iterator[tuple[int, int]]:
    """Yield the indexes of each value and its partner: each is the nearest to the other, within *tolerance* seconds.

    So none is used twice, and both services have the same pairs.
    """
    times, other_times = [at for at, _ in values], [at for at, _ in others]
    for index, at in enumerate(times if other_times else ()):
        partner = _find_nearest(other_times, at)
        is_mutual = _find_nearest(times, other_times[partner]) == index
        if is_mutual and abs(other_times[partner] - at) <= tolerance:
            yield index, partner


def _find_nearest(times: Sequence[float], at: float) -> int:
    """Return the index of the time that is nearest to *at*; the earlier one of two that are equally near."""
    after = bisect.bisect_left(times, at)
    nearby = range(max(after - 1, 0), min(after + 1, len(times)))
    return min(nearby, key=lambda index: abs(times[index] - at))
