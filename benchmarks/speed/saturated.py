"""Each does as much as it can on its core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, names, plan, subjects
from benchmarks.speed.machine import scratch
from benchmarks.speed.places import made_up
from benchmarks.speed.upstream import MOST_PLACES

if TYPE_CHECKING:
    from benchmarks.speed.figures import Figures
    from benchmarks.speed.plan import Plan

_SHORTEST = 1.0  # seconds, of intervals
_KEPT = 0.99  # the part of the scrapes that may not fall short


def measure(url: str, thorough: Plan, figures: Figures) -> None:
    """Let one after another run at full load."""
    for provider, cities in ((daemon.UNBATCHED, plan.FULL_UNBATCHED), (daemon.BATCHED, plan.FULL_BATCHED)):
        _weatherd(url, provider, cities, thorough, figures)
    for whose, way in ((names.SESSIONS, "sessions"), (names.SESSION, "session"), (names.SEQUENTIAL, "sequential")):
        with scratch() as folder, subjects.peer(folder, url, way) as running:
            _note(running, whose, thorough, figures)
    with scratch() as folder, subjects.prometheus(folder, url, plan.PROMETHEUS, _SHORTEST) as running:
        _note(running, names.PROMETHEUS, thorough, figures)
    for whose, places in ((names.WRK, 1), (names.WRK_BATCHED, MOST_PLACES)):
        with subjects.wrk(url, places) as running:
            _note(running, whose, thorough, figures)


def _weatherd(url: str, provider: str, cities: int, thorough: Plan, figures: Figures) -> None:
    whose = daemon.WAYS[provider]
    with scratch() as folder, daemon.weatherd(folder, url, provider, made_up(cities), _SHORTEST) as running:
        running.observed(cities)
        time.sleep(_SHORTEST)
        _note(running, whose, thorough, figures)
        daemon.account(running, whose, figures, names.STOP_FULL)


def _note(running: subjects.Running, whose: str, thorough: Plan, figures: Figures) -> None:
    cost = running.cost(thorough.seconds)
    figures.add(whose, names.CPU, cost.micros)
    figures.add(whose, names.RATE, cost.rate)
    figures.add(whose, names.LOAD_THEN, cost.load * 100)


def climb(url: str, thorough: Plan, figures: Figures) -> None:
    """Find out, once, how many targets Prometheus can scrape every second."""
    kept = plan.PROMETHEUS
    for targets in plan.PROMETHEUS_LADDER:
        with scratch() as folder, subjects.prometheus(folder, url, targets, _SHORTEST) as running:
            cost = running.cost(thorough.seconds)
        if cost.rate < targets * _KEPT:
            break
        kept = targets
    figures.add(names.PROMETHEUS, names.MOST, kept)
