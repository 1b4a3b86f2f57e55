"""Measured values by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from benchmarks.speed.report.names import figure_name


@dataclass(slots=True)
class Figures:
    """Values of all runs by the name of the figure."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, subject: str, quantity: str, value: float) -> None:
        """Add a value, and print it to standard error."""
        name = figure_name(subject, quantity)
        self.values.setdefault(name, []).append(value)
        print(f"  {name}: {format_short(value)}", file=sys.stderr, flush=True)

    def values_of(self, subject: str, quantity: str) -> list[float]:
        """Return the value of a figure in each run; an empty list if it was not measured."""
        return self.values.get(figure_name(subject, quantity), [])


def format_short(value: float) -> str:
    """Format a number with three significant digits, or as a whole number from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
