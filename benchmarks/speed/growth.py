"""What an observation costs, and how large a process is, when the list grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, names, subjects
from benchmarks.speed.machine import scratch
from benchmarks.speed.places import made_up
from benchmarks.speed.plan import every

if TYPE_CHECKING:
    from benchmarks.speed.figures import Figures
    from benchmarks.speed.plan import Plan

_KEPT = 0.9  # the part of the observations that may not fall short
_WINDOW = 3.0  # seconds at least
_MOST_LOOPS = 10_000  # more of them wait for the same hundred connections


def measure(url: str, thorough: Plan, figures: Figures) -> None:
    """Go from the shortest list to the longest."""
    for cities in thorough.growth:
        interval = every(cities)
        for provider in (daemon.UNBATCHED, daemon.BATCHED):
            with scratch() as folder, daemon.weatherd(folder, url, provider, made_up(cities), interval) as running:
                running.observed(cities)
                time.sleep(max(1.0, interval / 2))
                _note(running, daemon.WAYS[provider], cities, figures, interval)
        with scratch() as folder, subjects.prometheus(folder, url, cities, interval) as scraping:
            _note(scraping, names.PROMETHEUS, cities, figures, interval)
        if cities <= _MOST_LOOPS:
            with scratch() as folder, subjects.peer(folder, url, "session", cities) as looping:
                _note(looping, names.SESSION, cities, figures)


def _note(running: subjects.Running, whose: str, cities: int, figures: Figures, interval: float = 0.0) -> None:
    """Take a point of the plot, but no CPU time of a subject that did not keep to its interval: that is of another."""
    cost = running.cost(max(_WINDOW, interval / 2))  # half of the cities stand for all: their ticks are spread evenly
    if not interval or cost.rate >= _KEPT * cities / interval:
        figures.add(whose, names.grown(names.CPU, cities), cost.micros)
    figures.add(whose, names.grown("MB", cities), cost.resident)
