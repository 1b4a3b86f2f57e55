"""``make bench``: measure everything, print the tables, write ``build/speed.json``, draw the plot."""

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

from benchmarks.speed import geonames, goals, growth, plot, punctual, saturated, small
from benchmarks.speed.figures import Figures
from benchmarks.speed.machine import UPSTREAM_CORE, keep_off, scratch
from benchmarks.speed.plan import FULL, QUICK
from benchmarks.speed.upstream import upstream

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan

_FILE = Path("build/speed.json")
_PLOT = Path("docs/speed.png")
_ROOM = 5e9  # bytes of disk: the longest log has half a gigabyte, the largest data folder of Prometheus as much


def main(*, quick: bool) -> None:
    """Measure; what is known by then is told even when something fails."""
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        sys.exit("this needs two cores: one for the upstream, one for the subject")
    if shutil.disk_usage(tempfile.gettempdir()).free < _ROOM:
        sys.exit(f"this needs {_ROOM / 1e9:g} GB in {tempfile.gettempdir()}; TMPDIR says where else")
    thorough, figures, begin = QUICK if quick else FULL, Figures(), time.monotonic()
    keep_off()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a program that is installed is not compiled at each start
    try:
        _measure(thorough, figures)
    finally:
        _write(thorough, figures, time.monotonic() - begin)
        print(f"{figures.table()}\n\n{goals.table(goals.verdicts(figures))}")


def _measure(thorough: Plan, figures: Figures) -> None:
    with scratch() as folder, upstream(folder / "upstream", UPSTREAM_CORE) as url:
        for run in range(thorough.runs):
            print(f"run {run + 1} of {thorough.runs}", file=sys.stderr, flush=True)
            small.measure(url, thorough, figures)
            saturated.measure(url, thorough, figures)
            punctual.measure(url, thorough, figures)
            if thorough.complete:
                geonames.measure(url, figures)
        if thorough.growth:
            saturated.climb(url, thorough, figures)
            growth.measure(url, thorough, figures)
            plot.draw(figures, thorough.growth, _PLOT)


def _write(thorough: Plan, figures: Figures, took: float) -> None:
    document = {
        "plan": asdict(thorough),
        "seconds": round(took),
        "python": platform.python_version(),
        "processor": _processor(),
        "figures": figures.values,
        "goals": [
            asdict(verdict.goal) | {"values": verdict.values, "met": verdict.is_met}
            for verdict in goals.verdicts(figures)
        ],
    }
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
