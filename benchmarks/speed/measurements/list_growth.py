"""CPU time per observation and memory as the list grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, subjects
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import interval_for
from benchmarks.speed.processes import temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_MIN_COMPLETE = 0.9  # fraction of the expected observations
_MIN_WINDOW = 3.0  # seconds
_MAX_LOOPS = 10_000  # because aiohttp's session has 100 connections, more loops would only wait


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure each subject with each length of the list."""
    for cities in plan.growth:
        interval = interval_for(cities)
        for provider in (daemon.UNBATCHED, daemon.BATCHED):
            with (
                temporary_folder() as folder,
                daemon.run_weatherd(folder, url, provider, grid_cities(cities), interval) as running,
            ):
                running.observed(cities)
                time.sleep(max(1.0, interval / 2))
                _add_point(running, daemon.FIGURE_OWNERS[provider], cities, figures, interval)
        with temporary_folder() as folder, subjects.run_prometheus(folder, url, cities, interval) as scraping:
            _add_point(scraping, names.PROMETHEUS, cities, figures, interval)
        if cities <= _MAX_LOOPS:
            with temporary_folder() as folder, subjects.run_peer(folder, url, "session", cities) as looping:
                _add_point(looping, names.SESSION, cities, figures)


def _add_point(running: subjects.Subject, subject: str, cities: int, figures: Figures, interval: float = 0.0) -> None:
    """Add a point of the plot. CPU time counts only if the subject kept its interval: else its load differs."""
    # Half an interval is enough, because the ticks are spread evenly.
    cost = running.cost(max(_MIN_WINDOW, interval / 2))
    if not interval or cost.rate >= _MIN_COMPLETE * cities / interval:
        figures.add(subject, names.growth_figure(names.CPU, cities), cost.micros)
    figures.add(subject, names.growth_figure("MB", cities), cost.resident)
