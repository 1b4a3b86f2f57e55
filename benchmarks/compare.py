"""Compare the CPU time an observation of two builds: ``python -m benchmarks.compare [BASE [WINDOWS [INTERVAL]]]``.

BASE is a checkout with a virtual environment (``make .venv-3.11/installed`` there, and ``pip install uvloop``) or a
commit; the default is the previous build of ``make bench``. Each build runs on the same core, in short windows that
alternate, because the speed of a shared machine drifts. Every city is polled every INTERVAL seconds; the default of 1 s
is more than a core can do, 5 s is 6,000 observations a second with one city a request. The output is the minimum and
the median of the windows, in microseconds, and their ratios this / other. Take at least five WINDOWS (the default):
with one, two checkouts of the same commit differed by 9 %.
"""

from __future__ import annotations

import argparse
from statistics import median

from benchmarks.speed import daemon
from benchmarks.speed.builds import THIS, prepare_build
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.measurements import full_load
from benchmarks.speed.plan import PREVIOUS_COMMIT
from benchmarks.speed.processes import UPSTREAM_CORE, leave_subject_core, temporary_folder
from benchmarks.speed.upstream import run_upstream

_WINDOW = 3.0  # seconds


def main(base: str, windows: int, interval: float) -> None:
    """Measure both builds, with one city a request and with 100."""
    other = prepare_build(base)
    leave_subject_core()
    with temporary_folder() as folder, run_upstream(folder / "upstream", UPSTREAM_CORE) as url:
        for provider, count in full_load.CITIES.items():
            costs: dict[str, list[float]] = {THIS.title: [], other.title: []}
            for window in range(windows):
                for build in (THIS, other) if window % 2 else (other, THIS):
                    cities = grid_cities(count)
                    with daemon.run_on_schedule(url, provider, cities, interval, build=build) as running:
                        costs[build.title].append(running.cost(_WINDOW).micros)
            for name, choose in (("minimum", min), ("median", median)):
                this, that = choose(costs[THIS.title]), choose(costs[other.title])
                ratio = f"{this:.1f} us, other {that:.1f} us, ratio {this / that:.3f}"
                print(f"{daemon.FORMS[provider]}, {name}: {ratio}", flush=True)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    _parser.add_argument("base", nargs="?", default=PREVIOUS_COMMIT, help="checkout or commit of the other build")
    _parser.add_argument("windows", nargs="?", type=int, default=5)
    _parser.add_argument("interval", nargs="?", type=float, default=full_load.INTERVAL)
    _arguments = _parser.parse_args()
    main(_arguments.base, _arguments.windows, _arguments.interval)
