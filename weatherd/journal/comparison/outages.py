"""Times in which a service that is asked regularly reported nothing. Pure functions."""

from __future__ import annotations

import bisect
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIN_LENGTH, _MISSED_STEPS = 3600.0, 3.0  # seconds; times between two observations


class ServiceOutage(NamedTuple):
    """The last observation before an outage and the first one after it, POSIX seconds."""

    begin: float
    end: float


def find_outages(times: Sequence[float], other_times: Sequence[float]) -> list[ServiceOutage]:
    """Return the outages of a service that reported at *times*, both in ascending order.

    An outage is longer than an hour and than three times the usual time between two observations, and another service
    reported meanwhile: otherwise weatherd itself did not run.
    """
    steps = [later - earlier for earlier, later in pairwise(times)]
    longest = max(_MIN_LENGTH, _MISSED_STEPS * median(steps)) if steps else 0.0
    return [
        ServiceOutage(begin, end)
        for begin, end in pairwise(times)
        if end - begin > longest and _has_time_within(other_times, begin, end)
    ]


def _has_time_within(times: Sequence[float], begin: float, end: float) -> bool:
    index = bisect.bisect_right(times, begin)
    return index < len(times) and times[index] < end
