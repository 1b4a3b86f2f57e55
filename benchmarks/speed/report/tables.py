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
        numbers = [
            _format_median(verdict.before),
            *(format_short(statistic(values)) if values else "" for statistic in _STATISTICS),
        ]
        bound = f"{goal.sign} {format_short(goal.bound)}"
        rows.append(f"| {goal.title} | {bound} | {' | '.join(numbers)} | {_RESULTS[verdict.is_met]} |")
    return "\n".join(rows)


def format_figures(figures: Figures) -> str:
    """Return the median, lowest and highest value of each figure, except for the growth of the list.

    The figures of this build have the median of the previous build's beside them.
    """
    rows = ["| figure | median | lowest | highest | previous build |", "|---|--:|--:|--:|--:|"]
    for name, measured in figures.values.items():
        if names.GROWTH in name or name.startswith(names.PREVIOUS):
            continue
        form = name.removeprefix(f"{names.THIS}, ")
        before = figures.values.get(names.build_subject(names.PREVIOUS, form), []) if form != name else []
        values = [value for _, value in measured]
        numbers = [format_short(statistic(values)) for statistic in _STATISTICS]
        rows.append(f"| {form} | {' | '.join([*numbers, _format_median([value for _, value in before])])} |")
    return "\n".join(rows)


def format_growth(figures: Figures, sizes: Sequence[int]) -> str:
    """Return the median of CPU time and memory by the length of the list; an empty text without lengths."""
    if not sizes:
        return ""
    rows = [f"| figure | {' | '.join(f'{size:,}' for size in sizes)} |", f"|---|{'--:|' * len(sizes)}"]
    for subject in _GROWTH_SUBJECTS:
        for quantity in (names.CPU, names.MEMORY):
            found = [figures.values_of(subject, names.growth_figure(quantity, size)) for size in sizes]
            rows.append(f"| {names.figure_name(subject, quantity)} | {' | '.join(map(_format_median, found))} |")
    return "\n".join(rows)


def _format_median(values: Sequence[float]) -> str:
    return format_short(statistics.median(values)) if values else ""


def replace_tables(document: str, tables: Iterable[str]) -> str:
    """Replace the tables of a document whose first two columns have the same titles as those of *tables*.

    Raise ValueError if the document has no table with the same first two columns.
    """
    lines = document.splitlines()
    for table in tables:
        head = " | ".join(table.splitlines()[0].split(" | ")[:2])
        begin = next((index for index, line in enumerate(lines) if line.startswith(head)), None)
        if begin is None:
            raise ValueError(f"no table begins with {head!r}")
        end = next((index for index in range(begin, len(lines)) if not lines[index].startswith("|")), len(lines))
        lines[begin:end] = table.splitlines()
    return "\n".join(lines) + "\n"
