"""Plans of the measurements: how often, how long, and with how many cities."""

from __future__ import annotations

from dataclasses import dataclass

# The build that this one is compared with: the last commit before the code was reorganized for speed
PREVIOUS_COMMIT = "00df8c9f31aff4c1fb1c370c420da27726815e8b"

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
    complete: bool  # include collectd, the comparisons at equal rates, long lists and memory
    growth: tuple[int, ...]
    million: bool = False  # measure the memory of a million cities
    page: bool = False  # measure the web page and the readers of its stream


def interval_for(cities: int) -> float:
    """Return the poll interval in seconds for the point of the plot with this many cities."""
    return max(_MIN_INTERVAL, cities / _MAX_GROWTH_RATE)


# Polled every second, the shortest interval, these are more cities than a core can serve
FULL_LOAD_UNBATCHED = 30_000
FULL_LOAD_BATCHED = 90_000
# Prometheus must not be overloaded, because scrapes that time out cost three times as much. A scrape becomes cheaper
# with more targets, so this is close to what Prometheus can sustain; find_limits() finds the limits once.
PROMETHEUS_TARGETS = 4000
PROMETHEUS_LADDER = range(5000, 15_000, 1000)
COLLECTD_URLS = 2000  # which collectd sustains every second
COLLECTD_LADDER = range(3000, 10_000, 1000)
MEMORY_CITIES = 20_000  # cities of the comparisons of punctuality and memory
MEMORY_MANY = 120_000  # cities; the memory a city is the slope between the two
MEMORY_RATE = MEMORY_CITIES / 6.0  # observations per second with each number of cities
JOURNAL_CITIES = 1000
JOURNAL_OBSERVATIONS = 15_000  # so many that what is stored once for a city hardly counts
COMPARED_CITIES = 10_000  # cities and targets of the plot that are compared in each run
ALERT_CITIES = 20_000
ALERT_RULES = (10, 100)
PAGE_CITIES = (3, 20, 1000, 20_000)  # of the web page
PAGE_READERS = 500  # of its stream
MILLION = 1_000_000
MILLION_INTERVAL = 300.0  # seconds

PLANS = {
    "quick": Plan(runs=1, seconds=2.0, idle=4.0, interval=5.0, few=2500, complete=False, growth=()),
    "full": Plan(
        runs=5,
        seconds=4.0,
        idle=4.0,
        interval=6.0,
        few=3000,
        complete=True,
        growth=(10, 100, 1000, COMPARED_CITIES, 100_000),
        page=True,
    ),
    "million": Plan(runs=0, seconds=0.0, idle=0.0, interval=0.0, few=0, complete=False, growth=(), million=True),
    "page": Plan(runs=0, seconds=0.0, idle=0.0, interval=0.0, few=0, complete=False, growth=(), page=True),
}
