"""Measured values by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from benchmarks.speed.report.names import figure_name


@dataclass(slots=True)
class Figures:
    """Values by the name of the figure, each with the number of its run."""

    values: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    run: int = 0

    def add(self, subject: str, quantity: str, value: float) -> None:
        """Add a value of the current run, and print it to standard error."""
        name = figure_name(subject, quantity)
        self.values.setdefault(name, []).append((self.run, value))
        print(f"  {name}: {format_short(value)}", file=sys.stderr, flush=True)

    def values_of(self, subject: str, quantity: str) -> list[float]:
        """Return the values of a figure; an empty list if it was not measured."""
        return [value for _, value in self._of(subject, quantity)]

    def ratios_of(self, figure: tuple[str, str], per: tuple[str, str]) -> list[float]:
        """Return the ratio of two figures in each run that has both."""
        divisors = dict(self._of(*per))
        return [value / divisors[run] for run, value in self._of(*figure) if divisors.get(run)]

    def _of(self, subject: str, quantity: str) -> list[tuple[int, float]]:
        return self.values.get(figure_name(subject, quantity), [])


def format_short(value: float) -> str:
    """Format a number with three significant digits, or as a whole number from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
