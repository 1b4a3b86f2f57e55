"""Names of the figures: subject and quantity. The goals and the plot find the figures by these names."""

from __future__ import annotations

from benchmarks.speed.plan import ALERT_CITIES, PAGE_READERS

THIS, PREVIOUS = "weatherd", "previous build"  # titles of the builds

# What a build does; with its title, the name of a subject
UNBATCHED = "one city a request"
BATCHED = "100 cities a request"
GEONAMES = "GeoNames every 60 s"
SMALL = "3 cities"
SMALL_FAST = "3 cities, with uvloop"
MILLION = "1,000,000 cities every 300 s"

EVERY_DAEMON = "every daemon that was stopped"
SESSIONS = "aiohttp, one session a request"
SESSION = "aiohttp, one session"
SEQUENTIAL = "requests, one after another"
PROMETHEUS = "Prometheus"
COLLECTD = "collectd"
WRK = "wrk"
WRK_BATCHED = "wrk, 100 cities a request"

CPU = "CPU µs an observation"
RATE = "observations/s"
LOAD = "load of the core, %"
LOAD_THEN = "load of the core at that rate, %"
MAX_TARGETS = "most targets polled every second"
LATE = "tick to response, {}, ms"
P50, P99, WORST = (LATE.format(which) for which in ("p50", "p99", "max"))
MISSED = "ticks missed"
ANSWERED_TWICE = "ticks polled twice"
RELOADING = "during a reload: "
STOP = "SIGTERM to exit, s"
STOP_FULL = "SIGTERM to exit at full load, s"
EXIT_CODE = "exit code"
LOST = "observations without line, log line or row"
FIRST = "start to first observation, s"
READY = "start to ready, s"
ALL = "start to all cities observed, s"
IMPORT = "import, s (with Python's own start)"
RELOAD = "edit of 1,000 rows until reloaded, s"
TOUCHED = "cities touched by the reload"
JOURNAL = "journal, bytes an observation"
JOURNAL_BEGIN = "journal, bytes an observation, with the first few of each city"
WRITTEN = "written to disk, bytes an observation"
MEMORY = "MB"
PEAK = "peak MB"
CITY_MEMORY = "bytes of memory a city"
CALLS = "calls of functions an observation"
MOVES = "moves between files an observation"
FILES = "files on the way of an observation"
GROWTH = "growth, "
READERS = f"page, {PAGE_READERS} readers of the stream"
FIRST_CARD = "request to first card, ms"
LIVE = "request to live, ms"
RECEIVED = "received, kB"
READERS_MEMORY = "MB above none"
PUSHED = "events pushed per second"
RULES_MEMORY = "MB above none"
UNCHECKED, CHECKED, RECORDED = (
    f"{ALERT_CITIES:,} every 1 s, {what}: {CPU}"
    for what in ("values not checked", "values checked", "values checked and days stored")
)
DAYS = "storage of days: CPU µs an observation"
HISTORY = "10 years of one of 1,000 cities by month, ms"
HISTORY_CPU = "10 years of one of 1,000 cities by month, CPU ms"
MIGRATION = "migration of 3,000,000 observations, s"
MIGRATION_CPU = "migration of 3,000,000 observations, CPU s"
PUSH_CPU = "CPU µs a pushed event"


def build_subject(build: str, form: str) -> str:
    """Return the name of a build as a subject: its title, and what it does."""
    return f"{build}, {form}"


def figure_name(subject: str, quantity: str) -> str:
    """Return the name of a figure."""
    return f"{subject}: {quantity}"


def memory_figure(cities: int) -> str:
    """Return the name of the memory with this many cities."""
    return f"{MEMORY}, {cities:,} cities"


def rate_figure(cities: int, interval: float, quantity: str) -> str:
    """Return the name of a quantity while this many cities are polled every *interval* seconds."""
    return f"{cities:,} every {interval:g} s: {quantity}"


def rules_figure(count: int, quantity: str) -> str:
    """Return the name of a quantity with this many alert rules."""
    return f"{ALERT_CITIES:,} every 1 s with {count} alert rules: {quantity}"


def page_form(cities: int) -> str:
    """Return what a build does while its page with this many cities is loaded."""
    return f"page, {cities:,} cities"


def growth_figure(quantity: str, cities: int) -> str:
    """Return the quantity of a point of the plot."""
    return f"{GROWTH}{cities:,} cities: {quantity}"
