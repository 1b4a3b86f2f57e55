"""Small list: weatherd as most users run it, nearly idle with a few cities."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon
from benchmarks.speed.builds import THIS
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.processes import SUBJECT_CORE, run_pinned, temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.builds import Build
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 600.0  # seconds, the default
_START_TIME = 2.0  # seconds after which the start is complete
# All modules of the daemon, without rich and with the collector disabled, as in weatherd.__main__
IMPORTS = (
    "import gc, sys; gc.disable(); sys.modules['rich'] = None;"
    "import weatherd.cli.daemon_start, weatherd.daemon.lifecycle, weatherd.daemon.parts"
)


def measure(url: str, plan: Plan, builds: Sequence[Build], figures: Figures) -> None:
    """Measure the import, and three cities with each build."""
    for build in builds:  # so that Python compiles changed modules now
        with daemon.run_on_schedule(url, daemon.BATCHED, grid_cities(1), 1.0, build=build):
            pass
    figures.add(names.build_subject(names.THIS, names.SMALL), names.IMPORT, _measure_import())
    _measure_build(url, THIS, names.SMALL_FAST, plan, figures)
    for build in builds:
        _measure_build(url, build, names.SMALL, plan, figures)


def _measure_build(url: str, build: Build, form: str, plan: Plan, figures: Figures) -> None:
    subject, listed = names.build_subject(build.title, form), grid_cities(3)
    program = daemon.WITH_UVLOOP if form == names.SMALL_FAST else daemon.WITHOUT_UVLOOP
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, daemon.BATCHED, listed, _INTERVAL, program=program, build=build) as running,
    ):
        figures.add(subject, names.FIRST, running.observed(1))
        time.sleep(_START_TIME)
        cost = running.cost(plan.idle)
        figures.add(subject, names.LOAD, cost.load * 100)
        figures.add(subject, names.MEMORY, cost.resident)
        daemon.stop_and_verify(running, subject, figures)


def _measure_import() -> float:
    """Return the seconds to start Python and import all modules of the daemon."""
    begin = time.monotonic()
    command = [sys.executable, "-c", IMPORTS]
    with run_pinned(SUBJECT_CORE, command) as process:
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - begin
