"""Punctuality and memory at a rate that the subject can sustain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, subjects
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import CALM_INTERVAL, MEMORY_CITIES
from benchmarks.speed.processes import resident_memory, temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.ticks import ANSWER_SLACK, Window, compute_punctuality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.speed.city_lists import ListedCity
    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures
    from benchmarks.speed.ticks import Punctuality


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure weatherd, unbatched and batched, and the memory of Prometheus with as many targets."""
    for provider, cities in ((daemon.UNBATCHED, plan.few), (daemon.BATCHED, MEMORY_CITIES)):
        _weatherd(url, provider, cities, plan.interval, figures)
    if plan.complete:
        with (
            temporary_folder() as folder,
            subjects.run_prometheus(folder, url, MEMORY_CITIES, CALM_INTERVAL) as running,
        ):
            figures.add(names.PROMETHEUS, names.memory_figure(MEMORY_CITIES), resident_memory(running.process.pid))


def _weatherd(url: str, provider: str, cities: int, interval: float, figures: Figures) -> None:
    subject, rate = daemon.FIGURE_OWNERS[provider], f"{cities:,} every {interval:g} s: "
    listed = grid_cities(cities)
    with temporary_folder() as folder, daemon.run_weatherd(folder, url, provider, listed, interval) as running:
        wait_for_regular_ticks(running, cities, interval)
        window = Window(time.time(), time.time() + interval, running.log.stat().st_size)
        cost = running.cost(interval)
        figures.add(subject, names.memory_figure(cities), cost.resident)
        figures.add(subject, rate + names.LOAD, cost.load * 100)
        time.sleep(ANSWER_SLACK)
        add_punctuality(measure_ticks(running, window, listed, interval), subject, figures, rate)
        daemon.stop_and_verify(running, subject, figures, rate + names.STOP)
        if provider == daemon.BATCHED:
            figures.add(subject, names.JOURNAL, daemon.bytes_per_row(folder))


def wait_for_regular_ticks(running: Daemon, cities: int, interval: float) -> float:
    """Wait until each city is polled at its ticks. Return the seconds from the start until each was observed once.

    At the start all cities are polled at once; the next poll is at the first tick at least half an interval away.
    """
    took = running.observed(cities)
    time.sleep(interval / 2)
    return took


def measure_ticks(running: Daemon, window: Window, listed: Iterable[ListedCity], interval: float) -> Punctuality:
    """Return the punctuality of these cities in a window."""
    return compute_punctuality(running.log, window, (place.id for place in listed), interval)


def add_punctuality(found: Punctuality, subject: str, figures: Figures, when: str = "") -> None:
    """Add the punctuality to the figures."""
    figures.add(subject, when + names.MISSED, found.missed)
    figures.add(subject, when + names.ANSWERED_TWICE, found.twice)
    for quantity, value in ((names.P50, found.p50), (names.P99, found.p99), (names.WORST, found.worst)):
        figures.add(subject, when + quantity, value * 1000)
