"""Performance goals and their verdicts. Ratios are computed within a run, so the speed of the machine cancels out."""

from __future__ import annotations

import operator
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.speed.plan import COMPARED_CITIES, MEMORY_CITIES, interval_for
from benchmarks.speed.report import names
from benchmarks.speed.report.figures import format_short
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

    @property
    def is_met(self) -> bool | None:
        """Return whether the goal is met, or None if it was not measured."""
        if not self.values:
            return None
        judged = self.values if self.goal.always else [statistics.median(self.values)]
        return all(_IS[self.goal.sign](value, self.goal.bound) for value in judged)


_EVERY = f"{interval_for(COMPARED_CITIES):g} s"
_GROWN = names.growth_figure(names.CPU, COMPARED_CITIES)

GOALS = (
    Goal("a request a city, CPU / Prometheus' a scrape", (UNBATCHED, names.CPU), "≤", 1, (PROMETHEUS, names.CPU)),
    Goal(
        "a session a request, CPU / weatherd's, a request a city", (SESSIONS, names.CPU), "≥", 3, (UNBATCHED, names.CPU)
    ),
    Goal("100 a request, observations/s on one core", (BATCHED, names.RATE), "≥", 40_000),
    Goal("100 a request, CPU / Prometheus' a scrape", (BATCHED, names.CPU), "≤", 1 / 5, (PROMETHEUS, names.CPU)),
    Goal(
        f"{COMPARED_CITIES:,} of both every {_EVERY}, a request a city, CPU / Prometheus'",
        (UNBATCHED, _GROWN),
        "≤",
        1,
        (PROMETHEUS, _GROWN),
    ),
    Goal(
        f"{COMPARED_CITIES:,} of both every {_EVERY}, 100 a request, CPU / Prometheus'",
        (BATCHED, _GROWN),
        "≤",
        1 / 5,
        (PROMETHEUS, _GROWN),
    ),
    Goal("GeoNames every 60 s, ticks missed", (GEONAMES, names.MISSED), "=", 0, always=True),
    Goal("GeoNames every 60 s, tick to response, p99, ms", (GEONAMES, names.P99), "<", 500),
    Goal("GeoNames every 60 s, load of the core, %", (GEONAMES, names.LOAD), "<", 60),
    Goal("GeoNames every 60 s, MB", (GEONAMES, "MB"), "<", 900),
    Goal("GeoNames, start to ready, s", (GEONAMES, names.READY), "<", 10),
    Goal("GeoNames, 1,000 edits to reloaded, s", (GEONAMES, names.RELOAD), "<", 10),
    Goal("GeoNames, cities that the reload touched", (GEONAMES, names.TOUCHED), "=", 1000, always=True),
    Goal("GeoNames, SIGTERM to exit, s", (GEONAMES, names.STOP), "<", 10),
    Goal(
        f"{MEMORY_CITIES:,} cities, MB / Prometheus'",
        (BATCHED, names.memory_figure(MEMORY_CITIES)),
        "≤",
        1 / 8,
        (PROMETHEUS, names.memory_figure(MEMORY_CITIES)),
    ),
    Goal("3 cities, MB", (SMALL, "MB"), "<", 60),
    Goal("3 cities, start to first observation, s", (SMALL, names.FIRST), "<", 0.7),
    Goal("3 cities, load of the core, %", (SMALL, names.LOAD), "<", 0.5),
)


def judge_goals(figures: Figures) -> list[Verdict]:
    """Return the verdict on each goal."""
    return [Verdict(goal, _values(goal, figures)) for goal in GOALS]


def _values(goal: Goal, figures: Figures) -> list[float]:
    values = figures.values_of(*goal.figure)
    if goal.per is None:
        return values
    return [value / other for value, other in zip(values, figures.values_of(*goal.per), strict=False) if other]


def format_goals(found: Sequence[Verdict]) -> str:
    """Return a Markdown table of the goals and the measured values."""
    rows = ["| goal | wanted | median | lowest | highest | |", "|---|--:|--:|--:|--:|---|"]
    for verdict in found:
        goal, values = verdict.goal, verdict.values
        numbers = [format_short(statistic(values)) if values else "" for statistic in (statistics.median, min, max)]
        result = {True: "met", False: "**not met**", None: "not measured"}[verdict.is_met]
        rows.append(f"| {goal.title} | {goal.sign} {format_short(goal.bound)} | {' | '.join(numbers)} | {result} |")
    return "\n".join(rows)
