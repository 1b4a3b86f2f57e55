"""Requests for the past of several cities at once: pure. Times are POSIX seconds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.polling.backfill.gaps import Gap
    from weatherd.providers.past import PastTraits

_City = TypeVar("_City", bound=Hashable)

_MAX_ROWS = 5000  # observations in one response: 350 kB of JSON, of the 1 MiB that a response may have
_MAX_STRETCH = 2.0  # times the shortest of the joined times
_TOLERANCE = 1.0  # seconds


@dataclass(slots=True)
class SharedRequest(Generic[_City]):
    """A time to request for several cities at once."""

    begin: float
    end: float
    shortest: float  # seconds of the shortest part
    parts: dict[_City, Gap] = field(default_factory=dict)  # the time that each city needs


def share_requests(
    planned: Mapping[_City, Sequence[Gap]], traits: PastTraits, limit: int
) -> list[SharedRequest[_City]]:
    """Return requests for at most *limit* cities each that cover the *planned* ones, in order of time for each city.

    Times are joined if the whole is at most twice as long as each of them: after a downtime they differ by minutes,
    because each city was polled at its own time.
    """
    shared: list[SharedRequest[_City]] = []
    latest: dict[_City, int] = {}  # the index of the last request of each city
    parts = [(city, gap) for city, gaps in planned.items() for gap in gaps]
    for city, gap in sorted(parts, key=lambda part: part[1].begin):
        candidates = range(latest.get(city, -1) + 1, len(shared)) if limit > 1 else ()
        index = next((index for index in candidates if _fits(shared[index], gap, traits, limit)), len(shared))
        if index == len(shared):
            shared.append(SharedRequest(gap.begin, gap.end, gap.end - gap.begin))
        request = shared[index]
        request.end, request.shortest = max(request.end, gap.end), min(request.shortest, gap.end - gap.begin)
        request.parts[city] = gap
        latest[city] = index
    return shared


def _fits(request: SharedRequest[_City], gap: Gap, traits: PastTraits, limit: int) -> bool:
    """Return whether a request can have one part more, which does not begin before it."""
    length, count = max(request.end, gap.end) - request.begin, len(request.parts) + 1
    longest = min(traits.span + _TOLERANCE, _MAX_STRETCH * min(request.shortest, gap.end - gap.begin))
    return length <= longest and count <= min(limit, find_city_limit(length, traits))


def find_city_limit(length: float, traits: PastTraits) -> int:
    """Return how many cities a request for *length* seconds may have."""
    return max(1, min(traits.cities, int(_MAX_ROWS / (length / traits.step + 1))))
