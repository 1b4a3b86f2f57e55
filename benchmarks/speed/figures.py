"""Every measured value by its name, and the table of them."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field

from benchmarks.speed.names import key


@dataclass(slots=True)
class Figures:
    """The values of all runs: a median hides none of them."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, whose: str, what: str, value: float) -> None:
        """Take a value; it is told at once."""
        name = key(whose, what)
        self.values.setdefault(name, []).append(value)
        print(f"  {name}: {short(value)}", file=sys.stderr, flush=True)

    def of(self, whose: str, what: str) -> list[float]:
        """Return a figure's value in each run; nothing if it was not measured."""
        return self.values.get(key(whose, what), [])

    def table(self) -> str:
        """Return the median and the spread of each, as Markdown."""
        rows = ["| figure | median | lowest | highest |", "|---|--:|--:|--:|"]
        for name, values in self.values.items():
            told = map(short, (statistics.median(values), min(values), max(values)))
            rows.append(f"| {name} | {' | '.join(told)} |")
        return "\n".join(rows)


def short(value: float) -> str:
    """Write a number with three digits, or as a whole one."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
