"""Punctuality, memory and the journal at a rate that the subject can sustain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import JOURNAL_CITIES, JOURNAL_OBSERVATIONS, MEMORY_CITIES, MEMORY_MANY, MEMORY_RATE
from benchmarks.speed.processes import resident_memory, temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.ticks import ANSWER_SLACK, Window, compute_punctuality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.speed.builds import Build
    from benchmarks.speed.city_lists import ListedCity
    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures
    from benchmarks.speed.ticks import Punctuality

_SETTLE_TIME = 2.0  # seconds after the first observation of the last city, in which the last rows are stored


def measure(url: str, plan: Plan, build: Build, figures: Figures) -> None:
    """Measure a build unbatched and batched, the memory that a city takes, and the size of the journal."""
    _measure_build(url, build, daemon.UNBATCHED, plan, figures)
    resident = _measure_build(url, build, daemon.BATCHED, plan, figures)
    if plan.complete:
        _measure_city_memory(url, build, resident, figures)
        _measure_journal(url, build, figures)


def _measure_build(url: str, build: Build, provider: str, plan: Plan, figures: Figures) -> float:
    """Measure a build, and return its resident memory in MB."""
    subject, interval = names.build_subject(build.title, daemon.FORMS[provider]), plan.interval
    cities = MEMORY_CITIES if provider == daemon.BATCHED else plan.few
    listed = grid_cities(cities)
    with daemon.run_on_schedule(url, provider, listed, interval, build=build) as running:
        window = Window(time.time(), time.time() + interval, running.log.stat().st_size)
        cost = running.cost(interval)
        figures.add(subject, names.memory_figure(cities), cost.resident)
        figures.add(subject, names.rate_figure(cities, interval, names.LOAD), cost.load * 100)
        time.sleep(ANSWER_SLACK)
        rate = names.rate_figure(cities, interval, "")
        add_punctuality(measure_ticks(running, window, listed, interval), subject, figures, rate)
        daemon.stop_and_verify(running, subject, figures, rate + names.STOP)
        if provider == daemon.BATCHED:
            figures.add(subject, names.JOURNAL_BEGIN, daemon.bytes_per_row(running.folder))
    return cost.resident


def _measure_city_memory(url: str, build: Build, resident: float, figures: Figures) -> None:
    """Compute the memory a city from two lengths of the list, polled at the same rate."""
    subject, interval = names.build_subject(build.title, names.BATCHED), MEMORY_MANY / MEMORY_RATE
    listed = grid_cities(MEMORY_MANY)
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, daemon.BATCHED, listed, interval, build=build) as running,
    ):
        running.observed(MEMORY_MANY)
        time.sleep(_SETTLE_TIME)
        many = resident_memory(running.process.pid)
    figures.add(subject, names.memory_figure(MEMORY_MANY), many)
    figures.add(subject, names.CITY_MEMORY, (many - resident) * 1e6 / (MEMORY_MANY - MEMORY_CITIES))


def _measure_journal(url: str, build: Build, figures: Figures) -> None:
    """Measure the size of the journal with many observations of each city."""
    subject, listed = names.build_subject(build.title, names.BATCHED), grid_cities(JOURNAL_CITIES)
    with daemon.run_on_schedule(url, daemon.BATCHED, listed, 1.0, build=build) as running:
        running.observed(JOURNAL_OBSERVATIONS)
        running.stop()
        figures.add(subject, names.JOURNAL, daemon.bytes_per_row(running.folder))


def measure_ticks(running: Daemon, window: Window, listed: Iterable[ListedCity], interval: float) -> Punctuality:
    """Return the punctuality of these cities in a window."""
    return compute_punctuality(running.log, window, (place.id for place in listed), interval)


def add_punctuality(found: Punctuality, subject: str, figures: Figures, when: str = "") -> None:
    """Add the punctuality to the figures."""
    figures.add(subject, when + names.MISSED, found.missed)
    figures.add(subject, when + names.ANSWERED_TWICE, found.twice)
    for quantity, value in ((names.P50, found.p50), (names.P99, found.p99), (names.WORST, found.worst)):
        figures.add(subject, when + quantity, value * 1000)
