"""Implementation of ``make bench``: measure, print the tables, write ``build/speed.json``, draw the plot."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.measurements import full_load, large_list, list_growth, punctuality, small_list
from benchmarks.speed.plan import FULL, QUICK
from benchmarks.speed.processes import UPSTREAM_CORE, leave_subject_core, temporary_folder
from benchmarks.speed.report import goals, plot
from benchmarks.speed.report.figures import Figures
from benchmarks.speed.upstream import run_upstream

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan

_FILE = Path("build/speed.json")
_PLOT = Path("docs/speed.png")
_DISK_SPACE = 5e9  # bytes; the largest log and the largest data folder of Prometheus take 0.5 GB each


def main(*, quick: bool) -> None:
    """Measure everything. The results so far are printed even if a measurement fails."""
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        sys.exit("the benchmark needs two cores: one for the upstream server, one for the subject")
    if shutil.disk_usage(tempfile.gettempdir()).free < _DISK_SPACE:
        folder = tempfile.gettempdir()
        sys.exit(f"the benchmark needs {_DISK_SPACE / 1e9:g} GB in {folder}; set TMPDIR to use another folder")
    plan, figures, begin = QUICK if quick else FULL, Figures(), time.monotonic()
    leave_subject_core()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # because installed programs use compiled modules
    try:
        _measure(plan, figures)
    finally:
        _write(plan, figures, time.monotonic() - begin)
        print(f"{figures.table()}\n\n{goals.format_goals(goals.judge_goals(figures))}")


def _measure(plan: Plan, figures: Figures) -> None:
    with temporary_folder() as folder, run_upstream(folder / "upstream", UPSTREAM_CORE) as url:
        for run in range(plan.runs):
            print(f"run {run + 1} of {plan.runs}", file=sys.stderr, flush=True)
            small_list.measure(url, plan, figures)
            full_load.measure(url, plan, figures)
            punctuality.measure(url, plan, figures)
            if plan.complete:
                large_list.measure(url, figures)
        if plan.growth:
            full_load.find_prometheus_limit(url, plan, figures)
            list_growth.measure(url, plan, figures)
            plot.draw_plot(figures, plan.growth, _PLOT)


def _write(plan: Plan, figures: Figures, took: float) -> None:
    document = {
        "plan": asdict(plan),
        "seconds": round(took),
        "python": platform.python_version(),
        "processor": _processor(),
        "figures": figures.values,
        "goals": [
            asdict(verdict.goal) | {"values": verdict.values, "met": verdict.is_met}
            for verdict in goals.judge_goals(figures)
        ],
    }
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
