"""CPU time per observation and memory as the list grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.speed import daemon, subjects
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import COMPARED_CITIES, interval_for
from benchmarks.speed.processes import temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_MIN_COMPLETE = 0.9  # fraction of the expected observations
_MIN_WINDOW, _MAX_WINDOW = 3.0, 10.0  # seconds
_MAX_LOOPS = 10_000  # because aiohttp's session has 100 connections, more loops would only wait
_MAX_TARGETS = 10_000  # because Prometheus takes 10 GB with 100,000


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure each subject with each length of the list, except for what each run measures."""
    for cities in plan.growth:
        if cities != COMPARED_CITIES:
            measure_length(url, cities, figures)
        if cities <= _MAX_LOOPS:
            with temporary_folder() as folder, subjects.run_peer(folder, url, "session", cities) as looping:
                _add_point(looping, names.SESSION, cities, figures)


def measure_length(url: str, cities: int, figures: Figures) -> None:
    """Measure weatherd and Prometheus with lists of this length at equal rates."""
    interval = interval_for(cities)
    for provider, form in daemon.FORMS.items():
        with daemon.run_on_schedule(url, provider, grid_cities(cities), interval) as running:
            _add_point(running, names.build_subject(names.THIS, form), cities, figures, interval)
    if cities <= _MAX_TARGETS:
        with temporary_folder() as folder, subjects.run_prometheus(folder, url, cities, interval) as scraping:
            _add_point(scraping, names.PROMETHEUS, cities, figures, interval)


def _add_point(running: subjects.Subject, subject: str, cities: int, figures: Figures, interval: float = 0.0) -> None:
    """Add a point of the plot. CPU time counts only if the subject kept its interval: else its load differs."""
    # A part of an interval is enough, because the ticks are spread evenly
    cost = running.cost(min(max(_MIN_WINDOW, interval / 2), _MAX_WINDOW))
    if not interval or cost.rate >= _MIN_COMPLETE * cities / interval:
        figures.add(subject, names.growth_figure(names.CPU, cities), cost.micros)
    figures.add(subject, names.growth_figure(names.MEMORY, cities), cost.resident)
