"""Who is measured beside weatherd, and what is looked at. Every subject runs on one core."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.speed.machine import SUBJECT_CORE, cpu, pinned, resident, waited
from benchmarks.speed.upstream import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WARM_UP = 1.0  # seconds
_GLANCE = 2.0  # seconds
_MOST_GLANCES = 20
_BEGUN = 10  # requests by which a subject shows that it works


@dataclass(frozen=True)
class Cost:
    """What a subject did in a window of time."""

    rate: float  # observations a second
    micros: float  # of CPU time for each, by the kernel
    load: float  # share of the core
    resident: float  # MB at the end


@dataclass(frozen=True)
class Running:
    """A subject at work."""

    process: subprocess.Popen[bytes]
    done: Callable[[], int]  # observations since the start

    def cost(self, seconds: float) -> Cost:
        """Look at it for so long."""
        count, used, began = self._look()
        time.sleep(seconds)
        count_then, used_then, ended = self._look()
        count, used, taken = count_then - count, used_then - used, ended - began
        return Cost(count / taken, used / max(count, 1) * 1e6, used / taken, resident(self.process.pid))

    def _look(self) -> tuple[int, float, float]:
        return self.done(), cpu(self.process.pid), time.monotonic()  # to count takes longest, so it is first


@contextlib.contextmanager
def peer(folder: Path, url: str, way: str, cities: int = 100) -> Iterator[Running]:
    """Run one of the other ways; its observations are counted where they are served."""
    command = [sys.executable, "-m", "benchmarks.speed.peers", way, f"{url}/data/2.5/weather", str(cities)]
    with (folder / "out").open("w") as stdout, pinned(SUBJECT_CORE, command, stdout=stdout) as process:
        _at_work(process, url, _BEGUN)
        time.sleep(_WARM_UP)
        yield Running(process, lambda: served(url) or 0)


@contextlib.contextmanager
def prometheus(folder: Path, url: str, targets: int, interval: float) -> Iterator[Running]:
    """Run Prometheus, which scrapes so many targets with ten samples each."""
    host = url.removeprefix("http://")
    groups = [
        {"targets": [host], "labels": {"__metrics_path__": f"/metrics/{n}", "city": f"c{n}"}} for n in range(targets)
    ]
    (folder / "targets.json").write_text(json.dumps(groups))
    jobs = [{"job_name": "weather", "file_sd_configs": [{"files": ["targets.json"]}]}]
    every = f"{interval:g}s"
    settings = {"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += ["--web.listen-address=127.0.0.1:0", "--log.level=error"]
    environment = os.environ | {"GOMAXPROCS": "1"}
    with pinned(SUBJECT_CORE, command, stdout=subprocess.DEVNULL, env=environment) as process:
        _at_work(process, url, targets)  # it begins after seconds, and spreads the first scrapes over an interval
        running = Running(process, lambda: served(url) or 0)
        _settle(running, targets / interval)
        yield running


@contextlib.contextmanager
def wrk(url: str, places: int = 1) -> Iterator[Running]:
    """Run wrk, which does nothing with the answers: the limit of the upstream, with so many places in a request."""
    asked = f"{url}/data/2.5/weather" if places == 1 else f"{url}/v1/forecast?latitude={','.join(['54.31'] * places)}"
    command = ["wrk", "--threads", "1", "--connections", "10", "--duration", "600", asked]
    with pinned(SUBJECT_CORE, command, stdout=subprocess.DEVNULL) as process:
        time.sleep(1)
        yield Running(process, lambda: (served(url) or 0) * places)


def _settle(running: Running, rate: float) -> None:
    """Wait until a subject has caught up after its start and keeps to its rate; not for ever, if it never does."""
    kept = 0
    for _ in range(_MOST_GLANCES):
        is_kept = abs(running.cost(_GLANCE).rate - rate) <= max(2.0, rate / 20)
        kept = kept + 1 if is_kept else 0
        if kept > 1:
            return


def _at_work(process: subprocess.Popen[bytes], url: str, requests: int) -> None:
    """Wait until a subject has asked so often. Our own questions are requests, too."""
    before, own = served(url) or 0, itertools.count(1)
    waited(process, lambda: (served(url) or 0) - before - next(own) >= requests)
