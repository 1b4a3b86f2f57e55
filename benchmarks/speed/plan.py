"""Plans of the measurements: how often, how long, and with how many cities."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_GROWTH_RATE = 2000.0  # observations per second, which each subject can sustain
_MIN_INTERVAL = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a benchmark."""

    runs: int
    seconds: float  # seconds of a window at full load
    idle: float  # seconds of a window with an idle daemon
    interval: float  # poll interval in seconds for punctuality, which the subject can sustain
    few: int  # cities at that interval, unbatched
    complete: bool  # include the list of all GeoNames, and the memory of lists of each length
    growth: tuple[int, ...]


def interval_for(cities: int) -> float:
    """Return the poll interval in seconds for the point of the plot with this many cities."""
    return max(_MIN_INTERVAL, cities / _MAX_GROWTH_RATE)


# Polled every second, these are more cities than a core can serve
FULL_LOAD_UNBATCHED = 10_000
FULL_LOAD_BATCHED = 60_000
# Prometheus must not be overloaded, because scrapes that time out cost three times as much. A scrape becomes cheaper
# with more targets, so this is close to what Prometheus can sustain; find_prometheus_limit() finds the limit once.
PROMETHEUS_TARGETS = 4000
PROMETHEUS_LADDER = range(5000, 15_000, 1000)
MEMORY_CITIES = 20_000  # cities and targets in the comparison of memory
CALM_INTERVAL = 20.0  # seconds between scrapes; with a shorter one, Prometheus starts with more memory
COMPARED_CITIES = 10_000  # cities and targets of the plot in the comparison of CPU time

QUICK = Plan(runs=1, seconds=2.0, idle=4.0, interval=5.0, few=2500, complete=False, growth=())
FULL = Plan(
    runs=5,
    seconds=5.0,
    idle=6.0,
    interval=6.0,
    few=3000,
    complete=True,
    growth=(10, 100, 1000, COMPARED_CITIES, 100_000),
)
