"""Small list: weatherd as most users run it, nearly idle with a few cities."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.processes import SUBJECT_CORE, resident_memory, run_pinned, temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 600.0  # seconds, the default
_START_TIME = 2.0  # seconds after which the start is complete
_MEDIUM = 1000  # cities
# All modules of the daemon, without rich and with the collector disabled, as in weatherd.__main__
IMPORTS = (
    "import gc, sys; gc.disable(); sys.modules['rich'] = None;"
    "import weatherd.config.loader, weatherd.daemon.lifecycle, weatherd.daemon.wiring"
)


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure three cities, a thousand cities, and the import."""
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, daemon.BATCHED, grid_cities(1), _INTERVAL) as running,
    ):
        running.observed(1)  # so that Python compiles changed modules now
    figures.add(names.SMALL, names.IMPORT, _measure_import())
    for subject, fast in ((names.SMALL, False), (names.SMALL_FAST, True)):
        with (
            temporary_folder() as folder,
            daemon.run_weatherd(folder, url, daemon.BATCHED, grid_cities(3), _INTERVAL, fast=fast) as running,
        ):
            figures.add(subject, names.FIRST, running.observed(1))
            time.sleep(_START_TIME)
            cost = running.cost(plan.idle)
            figures.add(subject, names.LOAD, cost.load * 100)
            figures.add(subject, "MB", cost.resident)
            daemon.stop_and_verify(running, subject, figures)
    if plan.complete:
        with (
            temporary_folder() as folder,
            daemon.run_weatherd(folder, url, daemon.BATCHED, grid_cities(_MEDIUM), _INTERVAL) as running,
        ):
            running.observed(_MEDIUM)
            time.sleep(_START_TIME)
            figures.add(names.BATCHED, names.memory_figure(_MEDIUM), resident_memory(running.process.pid))


def _measure_import() -> float:
    """Return the seconds to start Python and import all modules of the daemon."""
    begin = time.monotonic()
    command = [sys.executable, "-c", IMPORTS]
    with run_pinned(SUBJECT_CORE, command) as process:
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - begin
