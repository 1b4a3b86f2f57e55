"""CPU time an observation: at full load, where each subject polls as fast as it can on its core, and at equal rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.speed import collectd, daemon, subjects
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import (
    COLLECTD_LADDER,
    COLLECTD_URLS,
    FULL_LOAD_BATCHED,
    FULL_LOAD_UNBATCHED,
    PROMETHEUS_LADDER,
    PROMETHEUS_TARGETS,
)
from benchmarks.speed.processes import temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.upstream import MAX_LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.speed.builds import Build
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

    RunTargets = Callable[[Path, str, int, float], AbstractContextManager[subjects.Subject]]

CITIES = {daemon.UNBATCHED: FULL_LOAD_UNBATCHED, daemon.BATCHED: FULL_LOAD_BATCHED}
INTERVAL = 1.0  # seconds, the shortest
_MIN_COMPLETE = 0.99  # fraction of the expected requests
_RUN_TARGETS: dict[str, RunTargets] = {
    names.PROMETHEUS: subjects.run_prometheus,
    names.COLLECTD: collectd.run_collectd,
}


def measure(url: str, plan: Plan, builds: Sequence[Build], figures: Figures) -> None:
    """Measure one subject after the other, each form of weatherd with one build after the other."""
    for provider in CITIES:
        for build in builds:
            _measure_build(url, build, provider, plan, figures)
    for subject, way in ((names.SESSIONS, "sessions"), (names.SESSION, "session"), (names.SEQUENTIAL, "sequential")):
        with temporary_folder() as folder, subjects.run_peer(folder, url, way) as running:
            _add_cost(running.cost(plan.seconds), subject, figures)
    _measure_targets(url, names.PROMETHEUS, PROMETHEUS_TARGETS, plan, figures)
    if plan.complete:
        for provider in CITIES:
            _measure_rate(url, provider, PROMETHEUS_TARGETS, plan, figures)
        _measure_targets(url, names.COLLECTD, COLLECTD_URLS, plan, figures)


def _measure_build(url: str, build: Build, provider: str, plan: Plan, figures: Figures) -> None:
    subject = names.build_subject(build.title, daemon.FORMS[provider])
    with daemon.run_on_schedule(url, provider, grid_cities(CITIES[provider]), INTERVAL, build=build) as running:
        _add_cost(running.cost(plan.seconds), subject, figures)
        daemon.stop_and_verify(running, subject, figures, names.STOP_FULL)


def _measure_rate(url: str, provider: str, cities: int, plan: Plan, figures: Figures) -> None:
    subject = names.build_subject(names.THIS, daemon.FORMS[provider])
    with daemon.run_on_schedule(url, provider, grid_cities(cities), INTERVAL) as running:
        figures.add(subject, names.rate_figure(cities, INTERVAL, names.CPU), running.cost(plan.seconds).micros)


def _measure_targets(url: str, subject: str, targets: int, plan: Plan, figures: Figures) -> None:
    cost = _poll_targets(url, subject, targets, plan.seconds)
    if cost.rate < targets * _MIN_COMPLETE:  # once more, because a subject that falls behind takes longer a target
        cost = _poll_targets(url, subject, targets, plan.seconds)
    _add_cost(cost, subject, figures)


def _poll_targets(url: str, subject: str, targets: int, seconds: float) -> subjects.Cost:
    with temporary_folder() as folder, _RUN_TARGETS[subject](folder, url, targets, INTERVAL) as running:
        return running.cost(seconds)


def _add_cost(cost: subjects.Cost, subject: str, figures: Figures) -> None:
    figures.add(subject, names.CPU, cost.micros)
    figures.add(subject, names.RATE, cost.rate)
    figures.add(subject, names.LOAD_THEN, cost.load * 100)


def find_limits(url: str, plan: Plan, figures: Figures) -> None:
    """Find how much the upstream server sends, and how many targets Prometheus and collectd can poll every second."""
    for subject, places in ((names.WRK, 1), (names.WRK_BATCHED, MAX_LOCATIONS)):
        with subjects.run_wrk(url, places) as running:
            _add_cost(running.cost(plan.seconds), subject, figures)
    for subject, sustained, ladder in (
        (names.PROMETHEUS, PROMETHEUS_TARGETS, PROMETHEUS_LADDER),
        (names.COLLECTD, COLLECTD_URLS, COLLECTD_LADDER),
    ):
        figures.add(subject, names.MAX_TARGETS, _find_limit(url, subject, sustained, ladder, plan.seconds))


def _find_limit(url: str, subject: str, sustained: int, ladder: Iterable[int], seconds: float) -> int:
    for targets in ladder:
        if _poll_targets(url, subject, targets, seconds).rate < targets * _MIN_COMPLETE:
            break
        sustained = targets
    return sustained
