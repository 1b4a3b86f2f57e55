"""Who is measured. Every subject runs on one core, and polls as fast as it can unless an interval is said."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from benchmarks.speed.machine import cpu, lines, pinned, resident, waited
from benchmarks.speed.upstream import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CORE = 0
_WARM_UP = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class Cost:
    """What a subject did in a window of time."""

    rate: float  # observations a second
    micros: float  # of CPU time for each, by the kernel
    load: float  # share of the core
    resident: float  # MB at the end


@dataclass(frozen=True, slots=True)
class Running:
    """A subject at work."""

    process: subprocess.Popen[bytes]
    done: Callable[[], int]  # observations since the start
    folder: Path

    def cost(self, seconds: float) -> Cost:
        """Look at it for so long."""
        began, used, count = time.monotonic(), cpu(self.process.pid), self.done()
        time.sleep(seconds)
        used, count = cpu(self.process.pid) - used, self.done() - count
        taken = time.monotonic() - began
        return Cost(count / taken, used / max(count, 1) * 1e6, used / taken, resident(self.process.pid))


@contextlib.contextmanager
def weatherd(
    folder: Path, url: str, provider: str, cities: int, interval: float, *, warm_up: float = _WARM_UP
) -> Iterator[Running]:
    """Run the daemon with a list of so many cities; standard output and the log go to files."""
    folder.mkdir()
    places = [_place(number) for number in range(cities)]
    (folder / "cities.yaml").write_text("cities:\n" + "".join(f"- {json.dumps(place)}\n" for place in places))
    settings = {
        "interval": interval,
        "providers": [provider],
        "cities": "cities.yaml",
        "state": "state",
        "http": {"port": 0},
        "open_meteo": {"base_url": url, "plan": "unlimited"},
        "openweathermap": {"base_url": url, "plan": "unlimited", "api_key": "not-a-real-key"},
    }
    (folder / "weatherd.yaml").write_text(json.dumps(settings))
    out, log = folder / "out", folder / "log"
    command = [sys.executable, "-m", "weatherd", "run", "--config", str(folder / "weatherd.yaml")]
    with out.open("w") as stdout, log.open("w") as stderr, _started(command, stdout, stderr) as process:
        waited(process, lambda: lines(out) > 0)
        time.sleep(warm_up)
        yield Running(process, lambda: lines(out), folder)


def _place(number: int) -> dict[str, Any]:
    return {"name": f"City {number}", "id": f"c{number}", "lat": -60 + number % 1200 / 10, "lon": -170 + number / 700}


@contextlib.contextmanager
def peer(folder: Path, url: str, way: str) -> Iterator[Running]:
    """Run one of the other ways."""
    folder.mkdir()
    out = folder / "out"
    command = [sys.executable, "-u", "-m", "benchmarks.speed.peers", way, f"{url}/data/2.5/weather"]
    with out.open("w") as stdout, _started(command, stdout, subprocess.DEVNULL) as process:
        waited(process, lambda: lines(out) > 0)
        time.sleep(_WARM_UP)
        yield Running(process, lambda: lines(out), folder)


@contextlib.contextmanager
def prometheus(folder: Path, url: str, targets: int, interval: float) -> Iterator[Running]:
    """Run Prometheus, which scrapes so many targets with ten samples each."""
    folder.mkdir()
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
    with _started(command, subprocess.DEVNULL, subprocess.DEVNULL, env=environment) as process:
        before = served(url) or 0
        waited(process, lambda: (served(url) or 0) > before + 10)
        time.sleep(interval + _WARM_UP)  # it spreads the first scrapes over an interval
        yield Running(process, lambda: served(url) or 0, folder)


@contextlib.contextmanager
def wrk(folder: Path, url: str) -> Iterator[Running]:
    """Run wrk, which does nothing with the answers: the limit of the upstream for one client."""
    command = ["wrk", "--threads", "1", "--connections", "10", "--duration", "600", f"{url}/data/2.5/weather"]
    with _started(command, subprocess.DEVNULL, subprocess.DEVNULL) as process:
        time.sleep(1)
        yield Running(process, lambda: served(url) or 0, folder)


def _started(
    command: list[str], stdout: IO[Any] | int, stderr: IO[Any] | int, **options: Any
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return pinned(CORE, command, stdout=stdout, stderr=stderr, **options)
