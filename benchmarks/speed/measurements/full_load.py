"""Full load: each subject polls as fast as it can on its core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, subjects
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import FULL_LOAD_BATCHED, FULL_LOAD_UNBATCHED, PROMETHEUS_LADDER, PROMETHEUS_TARGETS
from benchmarks.speed.processes import temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.upstream import MAX_LOCATIONS

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 1.0  # seconds
_MIN_COMPLETE = 0.99  # fraction of the expected scrapes


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure one subject after the other at full load."""
    for provider, cities in ((daemon.UNBATCHED, FULL_LOAD_UNBATCHED), (daemon.BATCHED, FULL_LOAD_BATCHED)):
        _weatherd(url, provider, cities, plan, figures)
    for subject, way in ((names.SESSIONS, "sessions"), (names.SESSION, "session"), (names.SEQUENTIAL, "sequential")):
        with temporary_folder() as folder, subjects.run_peer(folder, url, way) as running:
            _add_cost(running, subject, plan, figures)
    with (
        temporary_folder() as folder,
        subjects.run_prometheus(folder, url, PROMETHEUS_TARGETS, _INTERVAL) as running,
    ):
        _add_cost(running, names.PROMETHEUS, plan, figures)
    for subject, places in ((names.WRK, 1), (names.WRK_BATCHED, MAX_LOCATIONS)):
        with subjects.run_wrk(url, places) as running:
            _add_cost(running, subject, plan, figures)


def _weatherd(url: str, provider: str, cities: int, plan: Plan, figures: Figures) -> None:
    subject = daemon.FIGURE_OWNERS[provider]
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, provider, grid_cities(cities), _INTERVAL) as running,
    ):
        running.observed(cities)
        time.sleep(_INTERVAL)
        _add_cost(running, subject, plan, figures)
        daemon.stop_and_verify(running, subject, figures, names.STOP_FULL)


def _add_cost(running: subjects.Subject, subject: str, plan: Plan, figures: Figures) -> None:
    cost = running.cost(plan.seconds)
    figures.add(subject, names.CPU, cost.micros)
    figures.add(subject, names.RATE, cost.rate)
    figures.add(subject, names.LOAD_THEN, cost.load * 100)


def find_prometheus_limit(url: str, plan: Plan, figures: Figures) -> None:
    """Find the number of targets that Prometheus can scrape every second."""
    sustained = PROMETHEUS_TARGETS
    for targets in PROMETHEUS_LADDER:
        with temporary_folder() as folder, subjects.run_prometheus(folder, url, targets, _INTERVAL) as running:
            cost = running.cost(plan.seconds)
        if cost.rate < targets * _MIN_COMPLETE:
            break
        sustained = targets
    figures.add(names.PROMETHEUS, names.MAX_TARGETS, sustained)
