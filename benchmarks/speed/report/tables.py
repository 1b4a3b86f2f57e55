"""Tables of the figures and goals in Markdown, as in ``docs/performance.md``."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.speed.report import names
from benchmarks.speed.report.figures import format_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.speed.report.figures import Figures
    from benchmarks.speed.report.goals import Verdict

_STATISTICS = (statistics.median, min, max)
_RESULTS = {True: "met", False: "**not met**", None: "not measured"}
_GROWTH_SUBJECTS = (
    names.build_subject(names.THIS, names.UNBATCHED),
    names.build_subject(names.THIS, names.BATCHED),
    names.PROMETHEUS,
    names.SESSION,
)


def format_goals(verdicts: Iterable[Verdict]) -> str:
    """Return the goals, the measured values, and the median of the previous build's."""
    rows = ["| goal | wanted | previous build | median | lowest | highest | |", "|---|--:|--:|--:|--:|--:|---|"]
    for verdict in verdicts:
        goal, values = verdict.goal, verdict.values
        before = format_short(statistics.median(verdict.before)) if verdict.before else ""
        numbers = [before, *(format_short(statistic(values)) if values else "" for statistic in _STATISTICS)]
        bound = f"{goal.sign} {format_short(goal.bound)}"
        rows.append(f"| {goal.title} | {bound} | {' | '.join(numbers)} | {_RESULTS[verdict.is_met]} |")
    return "\n".join(rows)


def format_figures(figures: Figures) -> str:
    """Return the median, lowest and highest value of each figure, except for the growth of the list."""
    rows = ["| figure | median | lowest | highest |", "|---|--:|--:|--:|"]
    for name, values in figures.values.items():
        if names.GROWTH not in name:
            numbers = [format_short(statistic(values)) for statistic in _STATISTICS]
            rows.append(f"| {name} | {' | '.join(numbers)} |")
    return "\n".join(rows)


def format_growth(figures: Figures, sizes: Sequence[int]) -> str:
    """Return the median of CPU time and memory by the length of the list; an empty text without lengths."""
    if not sizes:
        return ""
    rows = [f"| figure | {' | '.join(f'{size:,}' for size in sizes)} |", f"|---|{'--:|' * len(sizes)}"]
    for subject in _GROWTH_SUBJECTS:
        for quantity in (names.CPU, names.MEMORY):
            found = [figures.values_of(subject, names.growth_figure(quantity, size)) for size in sizes]
            numbers = [format_short(statistics.median(values)) if values else "" for values in found]
            rows.append(f"| {names.figure_name(subject, quantity)} | {' | '.join(numbers)} |")
    return "\n".join(rows)
