"""Write the last results of ``make bench`` into ``docs/performance.md``: ``python -m benchmarks.document``.

It replaces the tables of goals, figures and growth with those of ``build/speed-full.json``, together with
``build/speed-page.json`` and ``build/speed-million.json`` if they exist. The sentences around them are written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.speed.plan import PLANS
from benchmarks.speed.report.figures import Figures
from benchmarks.speed.report.goals import judge_goals
from benchmarks.speed.report.tables import format_figures, format_goals, format_growth, replace_tables
from benchmarks.speed.run import RESULTS

_DOCUMENT = Path("docs/performance.md")


def main() -> None:
    """Replace the tables."""
    figures = Figures()
    for mode in ("full", "page", "million"):
        file = RESULTS / f"speed-{mode}.json"
        if mode == "full" or file.exists():
            for name, values in json.loads(file.read_text(encoding="utf-8"))["figures"].items():
                figures.values.setdefault(name, []).extend(values)
    tables = format_goals(judge_goals(figures)), format_figures(figures), format_growth(figures, PLANS["full"].growth)
    text = _DOCUMENT.read_text(encoding="utf-8")
    _DOCUMENT.write_text(replace_tables(text, tables), encoding="utf-8")


if __name__ == "__main__":
    main()
