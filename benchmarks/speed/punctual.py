"""How punctual it is, and how large, at a rate that it can keep to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, names, subjects
from benchmarks.speed.machine import resident, scratch
from benchmarks.speed.places import made_up
from benchmarks.speed.plan import CALM, MANY
from benchmarks.speed.ticks import SLACK, Window, punctuality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.figures import Figures
    from benchmarks.speed.places import Place
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.ticks import Punctuality


def measure(url: str, thorough: Plan, figures: Figures) -> None:
    """Run both forms of weatherd, and Prometheus beside the larger one."""
    for provider, cities in ((daemon.UNBATCHED, thorough.few), (daemon.BATCHED, MANY)):
        _weatherd(url, provider, cities, thorough.interval, figures)
    if thorough.complete:
        with scratch() as folder, subjects.prometheus(folder, url, MANY, CALM) as running:
            figures.add(names.PROMETHEUS, names.memory(MANY), resident(running.process.pid))


def _weatherd(url: str, provider: str, cities: int, interval: float, figures: Figures) -> None:
    whose, rate = daemon.WAYS[provider], f"{cities:,} every {interval:g} s: "
    listed = made_up(cities)
    with scratch() as folder, daemon.weatherd(folder, url, provider, listed, interval) as running:
        regular(running, cities, interval)
        window = Window(time.time(), time.time() + interval, running.log.stat().st_size)
        cost = running.cost(interval)
        figures.add(whose, names.memory(cities), cost.resident)
        figures.add(whose, rate + names.LOAD, cost.load * 100)
        time.sleep(SLACK)
        tell(ticks(running, window, listed, interval), whose, figures, rate)
        daemon.account(running, whose, figures, rate + names.STOP)
        if provider == daemon.BATCHED:
            figures.add(whose, names.JOURNAL, daemon.bytes_a_row(folder))


def regular(running: Daemon, cities: int, interval: float) -> float:
    """Wait until every city keeps to its ticks; return the seconds from the start until each was observed once.

    They are all asked for at once at the start, and then again at the first tick that is half an interval away.
    """
    took = running.observed(cities)
    time.sleep(interval / 2)
    return took


def ticks(running: Daemon, window: Window, listed: Iterable[Place], interval: float) -> Punctuality:
    """Return what became of these cities' ticks in a window."""
    return punctuality(running.log, window, (place.id for place in listed), interval)


def tell(found: Punctuality, whose: str, figures: Figures, when: str = "") -> None:
    """Take what became of the ticks among the figures."""
    figures.add(whose, when + names.MISSED, found.missed)
    figures.add(whose, when + names.TWICE, found.twice)
    for what, value in ((names.P50, found.p50), (names.P99, found.p99), (names.WORST, found.worst)):
        figures.add(whose, when + what, value * 1000)
