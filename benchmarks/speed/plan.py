"""How thoroughly it is measured."""

from __future__ import annotations

from dataclasses import dataclass

_GROWTH_RATE = 2000.0  # observations a second at the most, which every subject can keep to
_SHORTEST = 1.0  # second, of intervals


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, how long, and with how many cities."""

    runs: int
    seconds: float  # of a window at full load
    idle: float  # seconds of a window in which next to nothing happens
    interval: float  # seconds, of what is measured at a rate that it can keep to
    few: int  # cities at that interval, a request for each
    complete: bool  # with all of GeoNames, and the memory of lists of all lengths
    growth: tuple[int, ...]


def every(cities: int) -> float:
    """Return the interval at which the cost of so many cities is measured for the plot."""
    return max(_SHORTEST, cities / _GROWTH_RATE)


# More cities at the shortest interval, a second, than a core can serve
FULL_UNBATCHED = 10_000
FULL_BATCHED = 60_000
# Prometheus cannot be given more than it can serve: scrapes then time out, and each costs three times as much. A scrape
# is the cheaper the more there are, so this is nearly what it keeps to; how far it goes is looked for once.
PROMETHEUS = 4000
PROMETHEUS_LADDER = range(5000, 15_000, 1000)
MANY = 20_000  # cities and targets whose memory is compared
CALM = 20.0  # seconds, the interval of those targets: the shorter it is, the more memory Prometheus takes to begin
COMPARED = 10_000  # cities and targets of the plot whose cost is compared, at the same interval

QUICK = Plan(runs=1, seconds=2.0, idle=4.0, interval=5.0, few=2500, complete=False, growth=())
FULL = Plan(
    runs=5, seconds=5.0, idle=6.0, interval=6.0, few=3000, complete=True, growth=(10, 100, 1000, COMPARED, 100_000)
)
