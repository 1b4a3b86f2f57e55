"""weatherd as most people run it: a few cities, and next to nothing to do."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, names
from benchmarks.speed.machine import SUBJECT_CORE, pinned, resident, scratch
from benchmarks.speed.places import made_up

if TYPE_CHECKING:
    from benchmarks.speed.figures import Figures
    from benchmarks.speed.plan import Plan

_INTERVAL = 600.0  # seconds: the default
_REST = 2.0  # seconds, in which a start is over
_SOME = 1000  # cities


def measure(url: str, thorough: Plan, figures: Figures) -> None:
    """Look at three cities, at a thousand, and at what Python has to load."""
    with scratch() as folder, daemon.weatherd(folder, url, daemon.BATCHED, made_up(1), _INTERVAL) as running:
        running.observed(1)  # it compiles what has changed
    figures.add(names.SMALL, names.IMPORT, _imported())
    for whose, fast in ((names.SMALL, False), (names.SMALL_FAST, True)):
        with (
            scratch() as folder,
            daemon.weatherd(folder, url, daemon.BATCHED, made_up(3), _INTERVAL, fast=fast) as running,
        ):
            figures.add(whose, names.FIRST, running.observed(1))
            time.sleep(_REST)
            cost = running.cost(thorough.idle)
            figures.add(whose, names.LOAD, cost.load * 100)
            figures.add(whose, "MB", cost.resident)
            daemon.account(running, whose, figures)
    if thorough.complete:
        with scratch() as folder, daemon.weatherd(folder, url, daemon.BATCHED, made_up(_SOME), _INTERVAL) as running:
            running.observed(_SOME)
            time.sleep(_REST)
            figures.add(names.BATCHED, names.memory(_SOME), resident(running.process.pid))


def _imported() -> float:
    """Return how long it takes to load all that the daemon needs."""
    begin = time.monotonic()
    command = [sys.executable, "-c", "import weatherd.commands.run"]
    with pinned(SUBJECT_CORE, command) as process:
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - begin
