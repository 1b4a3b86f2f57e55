"""Gaps in the times of a city's observations, and the requests that may fill them: pure. Times are POSIX seconds."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_TOLERANCE = 1.0  # seconds


class Gap(NamedTuple):
    """A time without an observation, between two that are there."""

    begin: float
    end: float


def longest_regular_distance(interval: float, step: float) -> float:
    """Return the longest time between two observations without a missing one.

    *interval* is the time between two polls, *step* that between two observations of the service. Example: polled every
    20 minutes, a service with new values every 15 minutes gives those of 12:00, 12:15, 12:30, 13:00. Stations report a
    little earlier or later than the hour.
    """
    return max(1.5 * interval, 1.25 * step)


def find_time_gaps(times: Iterable[float], longest: float, since: float, until: float) -> list[Gap]:
    """Return the gaps between *since* and *until* that are longer than *longest*, the oldest first.

    *times* are those of the observations, in ascending order.
    """
    bounds = [since, *(time for time in times if since < time < until), until]
    return [Gap(begin, end) for begin, end in pairwise(bounds) if end - begin > longest]


def plan_requests(gaps: Iterable[Gap], span: float) -> list[Gap]:
    """Return the times to request, each of at most *span* seconds, so that all *gaps* are covered, in their order.

    Gaps that are close together share a request. One second more needs no other request.
    """
    requests: list[Gap] = []
    for begin, end in gaps:
        if requests and end - requests[-1].begin <= span:
            begin = requests.pop().begin  # noqa: PLW2901
        while end - begin > span + _TOLERANCE:
            requests.append(Gap(begin, begin + span))
            begin += span  # noqa: PLW2901
        requests.append(Gap(begin, end))
    return requests


def is_in_gap(time: float, gaps: Sequence[Gap]) -> bool:
    """Return whether a time is in one of the gaps; their ends are not."""
    return any(begin < time < end for begin, end in gaps)


class AskedTimes:
    """The times about which a service was asked, so that it is not asked again for what it does not have."""

    def __init__(self) -> None:
        self._asked: list[Gap] = []

    def add(self, begin: float, end: float) -> None:
        """Add a time; times that touch become one."""
        apart = [gap for gap in self._asked if gap.end < begin or end < gap.begin]
        touching = [gap for gap in self._asked if gap not in apart]
        joined = Gap(min([begin, *(gap.begin for gap in touching)]), max([end, *(gap.end for gap in touching)]))
        self._asked = [*apart, joined]

    def cover(self, gap: Gap) -> bool:
        """Return whether the service was asked about the whole gap."""
        return any(asked.begin <= gap.begin and gap.end <= asked.end for asked in self._asked)
