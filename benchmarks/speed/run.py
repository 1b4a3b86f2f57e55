"""Implementation of ``make bench``: measure, print the tables, write ``build/speed-MODE.json``, draw the plot."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.builds import THIS, prepare_build
from benchmarks.speed.measurements import (
    alert_rules,
    call_counts,
    full_load,
    journal_record,
    large_list,
    list_growth,
    punctuality,
    small_list,
    web_page,
)
from benchmarks.speed.plan import COMPARED_CITIES, PLANS
from benchmarks.speed.processes import UPSTREAM_CORE, leave_subject_core, temporary_folder
from benchmarks.speed.report import plot
from benchmarks.speed.report.figures import Figures
from benchmarks.speed.report.goals import judge_goals
from benchmarks.speed.report.tables import format_figures, format_goals, format_growth
from benchmarks.speed.upstream import run_upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.speed.builds import Build
    from benchmarks.speed.plan import Plan

RESULTS = Path("build")
_PLOT = Path("docs/speed.png")
_DISK_SPACE = 5e9  # bytes; the largest log and the largest data folder of Prometheus take 0.5 GB each


def main(mode: str, base: str) -> None:
    """Measure everything. The results so far are printed even if it is interrupted."""
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        sys.exit("the benchmark needs two cores: one for the upstream server, one for the subject")
    if shutil.disk_usage(tempfile.gettempdir()).free < _DISK_SPACE:
        needed, place = f"{_DISK_SPACE / 1e9:g} GB", tempfile.gettempdir()
        sys.exit(f"the benchmark needs {needed} in {place}; set TMPDIR to use another folder")
    previous, figures, begin = prepare_build(base), Figures(), time.monotonic()
    leave_subject_core()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # because installed programs use compiled modules
    plan = PLANS[mode]
    try:
        with temporary_folder() as folder, run_upstream(folder / "upstream", UPSTREAM_CORE) as url:
            _measure(url, plan, previous, figures)
    finally:
        _write(mode, plan, base, figures, time.monotonic() - begin)
        tables = format_goals(judge_goals(figures)), format_figures(figures), format_growth(figures, plan.growth)
        print("\n\n".join(filter(None, tables)))


def _measure(url: str, plan: Plan, previous: Build, figures: Figures) -> None:
    for run in range(plan.runs):
        print(f"run {run + 1} of {plan.runs}", file=sys.stderr, flush=True)
        figures.run = run
        for measure in _list_measurements(url, plan, previous, figures):
            _attempt(measure)
    figures.run = 0
    for measure in _list_single_measurements(url, plan, previous, figures):
        _attempt(measure)


def _list_measurements(url: str, plan: Plan, previous: Build, figures: Figures) -> list[Callable[[], None]]:
    """Return the measurements of a run. The builds take turns, because the first of two may be at an advantage."""
    builds = (previous, THIS) if figures.run % 2 else (THIS, previous)
    measurements: list[Callable[[], None]] = [
        partial(small_list.measure, url, plan, builds, figures),
        partial(full_load.measure, url, plan, builds, figures),
        partial(punctuality.measure, url, plan, THIS, figures),
        partial(alert_rules.measure, url, plan, figures),
        partial(journal_record.measure_checks, url, plan, figures),
    ]
    if plan.complete:
        measurements += [
            partial(list_growth.measure_length, url, COMPARED_CITIES, figures),
            partial(large_list.measure, url, THIS, figures),
        ]
    return measurements


def _list_single_measurements(url: str, plan: Plan, previous: Build, figures: Figures) -> list[Callable[[], None]]:
    """Return the measurements that are made once."""
    measurements: list[Callable[[], None]] = []
    if plan.page:
        measurements += [partial(web_page.measure_loads, url, figures), partial(web_page.measure_readers, url, figures)]
    if plan.million:
        measurements.append(partial(large_list.measure_million, url, figures))
    if not plan.complete:
        return measurements
    return [
        *measurements,
        partial(punctuality.measure, url, plan, previous, figures),
        partial(large_list.measure, url, previous, figures),
        partial(journal_record.measure_journal, figures),
        partial(full_load.find_limits, url, plan, figures),
        partial(call_counts.measure, url, (THIS, previous), figures),
        partial(list_growth.measure, url, plan, figures),
        partial(plot.draw_plot, figures, plan.growth, _PLOT),
    ]


def _attempt(measure: Callable[[], None]) -> None:
    """Measure, and continue with the next measurement if this one fails, because all of them take long."""
    try:
        measure()
    except (RuntimeError, OSError, subprocess.SubprocessError):
        traceback.print_exc()


def _write(mode: str, plan: Plan, base: str, figures: Figures, took: float) -> None:
    document = {
        "plan": asdict(plan),
        "base": base,
        "seconds": round(took),
        "python": platform.python_version(),
        "processor": _processor(),
        "figures": figures.values,
        "goals": [
            asdict(verdict.goal) | {"values": verdict.values, "met": verdict.is_met} for verdict in judge_goals(figures)
        ],
    }
    file = RESULTS / f"speed-{mode}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
