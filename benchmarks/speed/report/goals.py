"""Performance goals and their verdicts. Ratios are computed within a run, so the speed of the machine cancels out."""

from __future__ import annotations

import operator
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.speed.plan import ALERT_CITIES, COMPARED_CITIES, PAGE_CITIES, PROMETHEUS_TARGETS, interval_for
from benchmarks.speed.report import names
from benchmarks.speed.report.names import BATCHED, GEONAMES, PROMETHEUS, SESSIONS, SMALL, UNBATCHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.report.figures import Figures

_IS = {"<": operator.lt, "≤": operator.le, "≥": operator.ge, "=": operator.eq}


@dataclass(frozen=True, slots=True)
class Goal:
    """Figure, or its ratio to another figure, and its bound.

    The median of the runs counts. With *always*, each run counts, because an average would be meaningless.
    """

    title: str
    figure: tuple[str, str]  # subject and quantity
    sign: str
    bound: float
    per: tuple[str, str] | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Values measured for a goal, and whether it is met."""

    goal: Goal
    values: Sequence[float]
    before: Sequence[float] = ()  # the previous build's

    @property
    def is_met(self) -> bool | None:
        """Return whether the goal is met, or None if it was not measured."""
        if not self.values:
            return None
        judged = self.values if self.goal.always else [statistics.median(self.values)]
        return all(_IS[self.goal.sign](value, self.goal.bound) for value in judged)


def _of_this(form: str, quantity: str) -> tuple[str, str]:
    return names.build_subject(names.THIS, form), quantity


def _ratio_to_previous(form: str, quantity: str, title: str, sign: str, bound: float) -> Goal:
    """Return a goal for the ratio of this build to the previous one, at full load."""
    previous = names.build_subject(names.PREVIOUS, form), quantity
    return Goal(f"{form}, full load, {title} / previous build's", _of_this(form, quantity), sign, bound, previous)


_EVERY = f"{interval_for(COMPARED_CITIES):g} s"
_GROWN = names.growth_figure(names.CPU, COMPARED_CITIES)
_GROWN_MEMORY = names.growth_figure(names.MEMORY, COMPARED_CITIES)
_AT_RATE = names.rate_figure(PROMETHEUS_TARGETS, 1.0, names.CPU)
_SCRAPE = (PROMETHEUS, names.CPU)
_FEW_CITIES = PAGE_CITIES[1]

GOALS = (
    _ratio_to_previous(BATCHED, names.CPU, "CPU", "≤", 0.42),
    # 40,000 observations/s where the previous build reaches 16,800
    _ratio_to_previous(BATCHED, names.RATE, "observations/s", "≥", 2.38),
    _ratio_to_previous(UNBATCHED, names.CPU, "CPU", "≤", 0.5),
    Goal(f"{UNBATCHED}, full load, CPU / Prometheus' a scrape", _of_this(UNBATCHED, names.CPU), "≤", 0.7, _SCRAPE),
    Goal(f"{UNBATCHED}, 4,000/s, CPU / Prometheus' a scrape", _of_this(UNBATCHED, _AT_RATE), "≤", 0.7, _SCRAPE),
    Goal(f"{BATCHED}, full load, CPU / Prometheus' a scrape", _of_this(BATCHED, names.CPU), "≤", 0.25, _SCRAPE),
    Goal(
        f"{COMPARED_CITIES:,} targets every {_EVERY}, {UNBATCHED}, CPU / Prometheus'",
        _of_this(UNBATCHED, _GROWN),
        "≤",
        1,
        (PROMETHEUS, _GROWN),
    ),
    Goal(
        f"{COMPARED_CITIES:,} targets every {_EVERY}, {BATCHED}, CPU / Prometheus'",
        _of_this(BATCHED, _GROWN),
        "≤",
        0.4,
        (PROMETHEUS, _GROWN),
    ),
    Goal(
        f"one session a request, CPU / weatherd's, {UNBATCHED}",
        (SESSIONS, names.CPU),
        "≥",
        4,
        _of_this(UNBATCHED, names.CPU),
    ),
    Goal(f"{GEONAMES}, load of the core, %", _of_this(GEONAMES, names.LOAD), "≤", 20),
    Goal(f"{GEONAMES}, MB", _of_this(GEONAMES, names.MEMORY), "≤", 460),
    Goal("GeoNames, start to ready, s", _of_this(GEONAMES, names.READY), "≤", 2),
    Goal("GeoNames, 1,000 edits to reloaded, s", _of_this(GEONAMES, names.RELOAD), "≤", 3),
    Goal("GeoNames, cities touched by the reload", _of_this(GEONAMES, names.TOUCHED), "=", 1000, always=True),
    Goal("GeoNames, SIGTERM to exit, s", _of_this(GEONAMES, names.STOP), "≤", 2),
    Goal(f"{GEONAMES}, ticks missed", _of_this(GEONAMES, names.MISSED), "=", 0, always=True),
    Goal(f"{GEONAMES}, tick to response, p99, ms", _of_this(GEONAMES, names.P99), "≤", 200),
    Goal(
        f"{GEONAMES}, tick to response during a reload, p99, ms",
        _of_this(GEONAMES, names.RELOADING + names.P99),
        "≤",
        200,
    ),
    Goal(names.LOST, (names.EVERY_DAEMON, names.LOST), "=", 0, always=True),
    Goal(names.JOURNAL, _of_this(BATCHED, names.JOURNAL), "≤", 95),
    Goal(
        f"{ALERT_CITIES:,} cities, values checked and days stored, CPU / without checks and days",
        _of_this(BATCHED, names.RECORDED),
        "≤",
        1.1,
        _of_this(BATCHED, names.UNCHECKED),
    ),
    Goal(names.HISTORY, (names.THIS, names.HISTORY), "<", 100),
    Goal(names.MIGRATION, (names.THIS, names.MIGRATION), "≤", 30),
    Goal("memory a city, bytes", _of_this(BATCHED, names.CITY_MEMORY), "≤", 1700),
    Goal("1,000,000 cities in one process, MB", _of_this(names.MILLION, names.MEMORY), "<", 1800),
    Goal(
        f"{COMPARED_CITIES:,} cities, MB / Prometheus'",
        _of_this(BATCHED, _GROWN_MEMORY),
        "≤",
        1 / 8,
        (PROMETHEUS, _GROWN_MEMORY),
    ),
    Goal(f"{UNBATCHED}, {names.CALLS}", _of_this(UNBATCHED, names.CALLS), "≤", 120),
    Goal(f"{UNBATCHED}, {names.FILES}", _of_this(UNBATCHED, names.FILES), "≤", 18),
    Goal(
        f"{ALERT_CITIES:,} cities, 10 alert rules, CPU / without rules",
        _of_this(BATCHED, names.rules_figure(10, names.CPU)),
        "≤",
        1.15,
        _of_this(BATCHED, names.rules_figure(0, names.CPU)),
    ),
    Goal(
        f"{ALERT_CITIES:,} cities, 10 alert rules with windows of 24 h, {names.RULES_MEMORY}",
        _of_this(BATCHED, names.rules_figure(10, names.RULES_MEMORY)),
        "<",
        40,
    ),
    Goal("3 cities, MB", _of_this(SMALL, names.MEMORY), "≤", 45),
    Goal("3 cities, import, s", _of_this(SMALL, names.IMPORT), "≤", 0.25),
    Goal("3 cities, start to first observation, s", _of_this(SMALL, names.FIRST), "≤", 0.35),
    Goal("3 cities, load of the core, %", _of_this(SMALL, names.LOAD), "<", 0.5),
    Goal(
        f"page, {PAGE_CITIES[-1]:,} cities, {names.LIVE} / with {_FEW_CITIES}",
        _of_this(names.page_form(PAGE_CITIES[-1]), names.LIVE),
        "≤",
        2,
        _of_this(names.page_form(_FEW_CITIES), names.LIVE),
    ),
    Goal(f"{names.READERS}, {names.READERS_MEMORY}", _of_this(names.READERS, names.READERS_MEMORY), "≤", 60),
)


def judge_goals(figures: Figures) -> list[Verdict]:
    """Return the verdict on each goal."""
    return [
        Verdict(goal, _find_values(goal, figures, names.THIS), _find_values(goal, figures, names.PREVIOUS))
        for goal in GOALS
    ]


def _find_values(goal: Goal, figures: Figures, build: str) -> list[float]:
    """Return the values of a build, in place of this build's."""
    figure = _with_build(goal.figure, build)
    if goal.per is None:
        return figures.values_of(*figure)
    return figures.ratios_of(figure, _with_build(goal.per, build))


def _with_build(figure: tuple[str, str], build: str) -> tuple[str, str]:
    subject, quantity = figure
    form = subject.removeprefix(f"{names.THIS}, ")
    return (subject if form == subject else names.build_subject(build, form)), quantity
