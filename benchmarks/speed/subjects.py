"""Subjects that are compared with weatherd, and their cost. Each subject runs on one core."""

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

from benchmarks.speed.processes import SUBJECT_CORE, cpu_seconds, resident_memory, run_pinned, wait_until
from benchmarks.speed.upstream import count_served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WARM_UP = 1.0  # seconds
_CHECK_TIME = 2.0  # seconds
_MAX_CHECKS = 20
_FIRST_REQUESTS = 10  # after which a subject counts as started


@dataclass(frozen=True)
class Cost:
    """Cost of a subject in a window of time."""

    rate: float  # observations per second
    micros: float  # µs of CPU time per observation
    load: float  # fraction of the core
    resident: float  # MB at the end


@dataclass(frozen=True)
class Subject:
    """Running subject."""

    process: subprocess.Popen[bytes]
    done: Callable[[], int]  # returns the observations since the start

    def cost(self, seconds: float) -> Cost:
        """Measure the cost during a window of *seconds*."""
        count, used, began = self._sample()
        time.sleep(seconds)
        last_count, last_used, ended = self._sample()
        count, used, taken = last_count - count, last_used - used, ended - began
        return Cost(count / taken, used / max(count, 1) * 1e6, used / taken, resident_memory(self.process.pid))

    def _sample(self) -> tuple[int, float, float]:
        return self.done(), cpu_seconds(self.process.pid), time.monotonic()  # counting takes longest, so it is first


@contextlib.contextmanager
def run_peer(folder: Path, url: str, poller: str, cities: int = 100) -> Iterator[Subject]:
    """Run a peer. Its observations are counted by the upstream server."""
    command = [sys.executable, "-m", "benchmarks.speed.peers", poller, f"{url}/data/2.5/weather", str(cities)]
    with (folder / "out").open("w") as stdout, run_pinned(SUBJECT_CORE, command, stdout=stdout) as process:
        wait_for_requests(process, url, _FIRST_REQUESTS)
        time.sleep(_WARM_UP)
        yield Subject(process, lambda: count_served(url) or 0)


@contextlib.contextmanager
def run_prometheus(folder: Path, url: str, targets: int, interval: float) -> Iterator[Subject]:
    """Run Prometheus with *targets* targets of ten samples each."""
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
    with run_pinned(SUBJECT_CORE, command, stdout=subprocess.DEVNULL, env=environment) as process:
        # Wait, because Prometheus starts scraping after seconds, and spreads the first scrapes over an interval.
        wait_for_requests(process, url, targets)
        running = Subject(process, lambda: count_served(url) or 0)
        wait_until_stable(running, targets / interval)
        yield running


@contextlib.contextmanager
def run_wrk(url: str, places: int = 1) -> Iterator[Subject]:
    """Run wrk, which discards the responses: the limit of the upstream server with this many places per request."""
    target = f"{url}/data/2.5/weather" if places == 1 else f"{url}/v1/forecast?latitude={','.join(['54.31'] * places)}"
    command = ["wrk", "--threads", "1", "--connections", "10", "--duration", "600", target]
    with run_pinned(SUBJECT_CORE, command, stdout=subprocess.DEVNULL) as process:
        time.sleep(1)
        yield Subject(process, lambda: (count_served(url) or 0) * places)


def wait_until_stable(running: Subject, rate: float) -> None:
    """Wait until a subject has caught up after its start and sustains its rate, for 40 s at most."""
    stable_checks = 0
    for _ in range(_MAX_CHECKS):
        is_stable = abs(running.cost(_CHECK_TIME).rate - rate) <= max(2.0, rate / 20)
        stable_checks = stable_checks + 1 if is_stable else 0
        if stable_checks > 1:
            return


def wait_for_requests(process: subprocess.Popen[bytes], url: str, requests: int) -> None:
    """Wait until a subject has sent this many requests. The checks count as requests, too, and are subtracted."""
    before, own = count_served(url) or 0, itertools.count(1)
    wait_until(process, lambda: (count_served(url) or 0) - before - next(own) >= requests)
