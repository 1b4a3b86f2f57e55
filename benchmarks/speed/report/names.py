"""Names of the figures: subject and quantity. The goals and the plot find the figures by these names."""

from __future__ import annotations

UNBATCHED = "weatherd, a request a city"
BATCHED = "weatherd, 100 a request"
SESSIONS = "aiohttp, a session a request"
SESSION = "aiohttp, one session"
SEQUENTIAL = "requests, one after another"
PROMETHEUS = "Prometheus"
WRK = "wrk"
WRK_BATCHED = "wrk, 100 a request"
SMALL = "weatherd, 3 cities"
SMALL_FAST = "weatherd[speed], 3 cities"
GEONAMES = "weatherd, all of GeoNames every 60 s"

CPU = "CPU µs an observation"
RATE = "observations/s"
LOAD = "load of the core, %"
LOAD_THEN = "load of the core at that rate, %"
MAX_TARGETS = "most targets that it scrapes every second"
LATE = "tick to response, {}, ms"
P50, P99, WORST = (LATE.format(which) for which in ("p50", "p99", "max"))
MISSED = "ticks missed"
ANSWERED_TWICE = "ticks asked for twice"
STOP = "SIGTERM to exit, s"
STOP_FULL = "SIGTERM to exit at full load, s"
EXIT_CODE = "exit code"
LOST = "observations without line, log line or row"
FIRST = "start to first observation, s"
READY = "start to ready, s"
ALL = "start to all observed, s"
IMPORT = "import, s (with Python's own start)"
RELOAD = "edit of 1,000 rows to reloaded, s"
TOUCHED = "cities that the reload touched"
JOURNAL = "journal, bytes an observation"
WRITTEN = "written to the disk, bytes an observation"
PEAK = "MB at the most"


def figure_name(subject: str, quantity: str) -> str:
    """Return the name of a figure."""
    return f"{subject}: {quantity}"


def memory_figure(cities: int) -> str:
    """Return the name of the memory with this many cities."""
    return f"MB, {cities:,} cities"


def growth_figure(quantity: str, cities: int) -> str:
    """Return the quantity of a point of the plot."""
    return f"growth, {cities:,} cities: {quantity}"
