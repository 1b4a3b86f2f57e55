"""What a trustworthy record costs: the checks of values, the days, the history of years, and the migration."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from benchmarks.speed import daemon
from benchmarks.speed.builds import THIS
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import ALERT_CITIES
from benchmarks.speed.processes import SUBJECT_CORE, temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 1.0  # seconds
_TIMEOUT = 600.0  # seconds


def measure_checks(url: str, plan: Plan, figures: Figures) -> None:
    """Measure the daemon with and without checks of values, in turns, and what it takes to store days.

    Days cannot be turned off; they are stored once they are over, by a thread of the daemon, so that is added.
    """
    subject = names.build_subject(names.THIS, names.BATCHED)
    costs: dict[bool, float] = {}
    for is_enabled in (True, False) if figures.run % 2 else (False, True):
        settings = {"quality": {"enabled": is_enabled}}
        with (
            temporary_folder() as folder,
            daemon.run_weatherd(
                folder, url, daemon.BATCHED, grid_cities(ALERT_CITIES), _INTERVAL, build=THIS, more=settings
            ) as running,
        ):
            running.on_schedule(ALERT_CITIES, _INTERVAL)
            costs[is_enabled] = running.cost(plan.seconds).micros
    days = run_journal_costs("days")["days"]
    figures.add(subject, names.UNCHECKED, costs[False])
    figures.add(subject, names.CHECKED, costs[True])
    figures.add(subject, names.DAYS, days)
    figures.add(subject, names.RECORDED, costs[True] + days)


def measure_journal(figures: Figures) -> None:
    """Measure the history of ten years, and the migration of an old file."""
    history, migration = run_journal_costs("history"), run_journal_costs("migration")
    figures.add(names.THIS, names.HISTORY, history["history"])
    figures.add(names.THIS, names.HISTORY_CPU, history["history_cpu"])
    figures.add(names.THIS, names.MIGRATION, migration["migration"])
    figures.add(names.THIS, names.MIGRATION_CPU, migration["migration_cpu"])


def run_journal_costs(name: str) -> dict[str, float]:
    """Run one measure of :mod:`benchmarks.journal_costs` on the subject's core. Return its figures."""
    command = ["taskset", "-c", str(SUBJECT_CORE), THIS.python, "-m", "benchmarks.journal_costs", name]
    done = subprocess.run(command, cwd=THIS.checkout, stdout=subprocess.PIPE, check=True, timeout=_TIMEOUT)  # noqa: S603
    found: dict[str, float] = json.loads(done.stdout)
    return found
