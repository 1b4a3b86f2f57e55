"""The figures of ``make bench``: a table, ``build/speed.json``, and the plot of how the cost grows."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed import subjects
from benchmarks.speed.upstream import upstream
from weatherd.schedule import phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Make = Callable[[Path], AbstractContextManager[subjects.Running]]

_UPSTREAM_CORE = 1
_FILE = Path("build/speed.json")
_PLOT = Path("docs/speed.png")
_EARLY = 0.01  # seconds by which a timer may ring before its time
_GROWTH = (10, 100, 1000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly it is measured."""

    runs: int
    seconds: float  # of a window
    many: int  # cities that are more than one core can serve in a second
    interval: float  # seconds, of what is measured at a rate that it can keep to: 500 and 2,000 observations a second
    growth: tuple[int, ...]


QUICK = Plan(runs=1, seconds=3.0, many=10_000, interval=5.0, growth=())
FULL = Plan(runs=5, seconds=10.0, many=50_000, interval=10.0, growth=_GROWTH)


@dataclass(slots=True)
class Figures:
    """Every measured value by its name; a median of several runs hides none of them."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Take a value; it is told at once."""
        self.values.setdefault(name, []).append(value)
        print(f"  {name}: {_short(value)}", file=sys.stderr, flush=True)

    def table(self) -> str:
        """Return the median and the spread of each, as Markdown."""
        rows = ["| figure | median | lowest | highest |", "|---|--:|--:|--:|"]
        for name, values in self.values.items():
            rows.append(
                f"| {name} | " + " | ".join(map(_short, (statistics.median(values), min(values), max(values)))) + " |"
            )
        return "\n".join(rows)


def measure(plan: Plan) -> Figures:
    """Measure everything, one after another."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="weatherd-bench-") as name:
        folder = Path(name)
        with upstream(folder / "upstream", _UPSTREAM_CORE) as url:
            for run in range(plan.runs):
                here = folder / str(run)
                here.mkdir()
                _saturated(here, url, plan, figures)
                _at_a_rate(here, url, plan, figures)
                _small(here, url, plan, figures)
            for cities in plan.growth:
                _grown(folder, url, cities, plan, figures)
    return figures


def _saturated(folder: Path, url: str, plan: Plan, figures: Figures) -> None:
    """Let each do as much as it can on its core."""
    ways: dict[str, Make] = {
        "weatherd, a request a city": lambda here: subjects.weatherd(here, url, "openweathermap", 5000, 1),
        "weatherd, 100 a request": lambda here: subjects.weatherd(here, url, "open-meteo", plan.many, 1),
        "aiohttp, a session a request": lambda here: subjects.peer(here, url, "sessions"),
        "aiohttp, one session": lambda here: subjects.peer(here, url, "session"),
        "requests, one after another": lambda here: subjects.peer(here, url, "sequential"),
        "Prometheus, 2,000 targets a second": lambda here: subjects.prometheus(here, url, 2000, 1),
        "wrk": lambda here: subjects.wrk(here, url),
    }
    for number, (way, make) in enumerate(ways.items()):
        with make(folder / str(number)) as running:
            cost = running.cost(plan.seconds)
        figures.add(f"{way}: CPU µs an observation", cost.micros)
        figures.add(f"{way}: observations/s", cost.rate)


def _at_a_rate(folder: Path, url: str, plan: Plan, figures: Figures) -> None:
    """Look at how punctual it is, and how large, at a rate that it can keep to."""
    interval = plan.interval
    few, many = round(500 * interval), round(2000 * interval)
    for name, cities, provider in (
        ("a request a city", few, "openweathermap"),
        ("100 a request", many, "open-meteo"),
    ):
        with subjects.weatherd(
            folder / f"rate {provider}", url, provider, cities, interval, warm_up=2 * interval
        ) as running:
            cost = running.cost(max(plan.seconds, interval))
            delays = late(running.folder / "log", interval)
            took = _stop(running)
        figures.add(f"{name}, {cities:,} every {interval:g} s: load of the core, %", cost.load * 100)
        figures.add(f"{name}, {cities:,} cities: MB", cost.resident)
        for label, value in zip(("p50", "p99", "max"), delays, strict=True):
            figures.add(f"{name}, {cities:,} every {interval:g} s: tick to answer, {label}, ms", value * 1000)
        figures.add(f"{name}, {cities:,} every {interval:g} s: SIGTERM to exit, s", took)
        if provider == "open-meteo":
            figures.add("journal: bytes an observation", _bytes(folder / f"rate {provider}"))
    with subjects.prometheus(folder / "rate prometheus", url, many, interval) as running:
        cost = running.cost(max(plan.seconds, interval))
    figures.add(f"Prometheus, {many:,} targets: MB", cost.resident)


def _small(folder: Path, url: str, plan: Plan, figures: Figures) -> None:
    """Look at the one with three cities."""
    begin = time.monotonic()
    with subjects.weatherd(folder / "small", url, "open-meteo", 3, 600, warm_up=0) as running:
        figures.add("3 cities: start to first observation, s", time.monotonic() - begin)
        time.sleep(3)
        cost = running.cost(plan.seconds * 2)
        figures.add("3 cities: load of the core, %", cost.load * 100)
        figures.add("3 cities: MB", cost.resident)
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "import weatherd.commands.run"], check=True)
    figures.add("import, s (with Python's own start)", time.monotonic() - begin)


def _grown(folder: Path, url: str, cities: int, plan: Plan, figures: Figures) -> None:
    """Look at what an observation costs when a list grows; every city every 10 s, or less often if that is too much."""
    ways: dict[str, Callable[[Path, float], AbstractContextManager[subjects.Running]]] = {
        "weatherd, a request a city": lambda here, every: subjects.weatherd(here, url, "openweathermap", cities, every),
        "weatherd, 100 a request": lambda here, every: subjects.weatherd(here, url, "open-meteo", cities, every),
        "Prometheus": lambda here, every: subjects.prometheus(here, url, cities, every),
    }
    for number, (way, make) in enumerate(ways.items()):
        every = max(1.0, cities / 1000)
        if every > 60:  # noqa: PLR2004 - a minute is long enough to wait for each to be asked
            every = 60.0
        with make(folder / f"growth {cities} {number}", every) as running:
            time.sleep(every)
            cost = running.cost(max(plan.seconds, every))
        figures.add(f"growth: {way}, {cities:,}: CPU µs an observation", cost.micros)
        figures.add(f"growth: {way}, {cities:,}: MB", cost.resident)


def late(log: Path, interval: float) -> tuple[float, float, float]:
    """Return p50, p99 and the highest of the seconds from a city's tick to the end of its answer.

    The first two observations of a city are left out: the first is asked for at once, out of turn.
    """
    seen: dict[str, int] = {}
    delays = []
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] != "observation":
                continue
            city = event["city"]
            seen[city] = seen.get(city, 0) + 1
            if seen[city] > 1:
                at = datetime.fromisoformat(event["fetched_at"]).timestamp()
                delays.append((at - phase(city, interval) + _EARLY) % interval - _EARLY)
    delays.sort()
    return statistics.median(delays), delays[int(len(delays) * 0.99)], delays[-1]


def _stop(running: subjects.Running) -> float:
    running.process.send_signal(signal.SIGTERM)
    return waited_for_end(running.process)


def waited_for_end(process: subprocess.Popen[bytes]) -> float:
    """Return how long a process takes to end."""
    begin = time.monotonic()
    process.wait(60)
    return time.monotonic() - begin


def _bytes(folder: Path) -> float:
    file = folder / "state" / "weatherd.sqlite"
    with sqlite3.connect(file) as db:
        count = db.execute("SELECT count(*) FROM observation").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size / max(1, int(count))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def plot(figures: Figures) -> None:
    """Draw how the cost of an observation, and the memory, grow with the list."""
    import matplotlib as mpl  # noqa: PLC0415 - only for this

    mpl.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    picture, axes = plt.subplots(1, 2, figsize=(11, 4.5))
    for axis, what in zip(axes, ("CPU µs an observation", "MB"), strict=True):
        for way in ("weatherd, a request a city", "weatherd, 100 a request", "Prometheus"):
            points = [(n, statistics.median(figures.values[f"growth: {way}, {n:,}: {what}"])) for n in _GROWTH]
            axis.plot(*zip(*points, strict=True), marker="o", label=way)
        axis.set(xscale="log", yscale="log", xlabel="cities", ylabel=what)
        axis.grid(visible=True, which="both", alpha=0.3)
    axes[0].legend()
    picture.tight_layout()
    picture.savefig(_PLOT, dpi=100)


def main(*, quick: bool) -> None:
    """Measure, print the table, and write the file."""
    if (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        sys.exit("this needs two cores: one for the upstream, one for the subject")
    plan = QUICK if quick else FULL
    figures = measure(plan)
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_text(json.dumps({"plan": asdict(plan), "figures": figures.values}, indent=1), encoding="utf-8")
    if plan.growth:
        plot(figures)
    print(figures.table())
