"""Compare the CPU time an observation of two checkouts: ``python -m benchmarks.compare OTHER [WINDOWS [INTERVAL]]``.

OTHER is a checkout with a virtual environment (``make .venv-3.11/installed`` there; ``pip install uvloop`` in both or
in none). Each build runs on the same core, in short windows that alternate, because the speed of a shared machine
drifts. Every city is polled every INTERVAL seconds; the default of 1 s is more than a core can do, 5 s is 2,000
observations a second with one city a request. The output is the minimum and the median of the windows, in
microseconds, and their ratios this / other. Take at least five WINDOWS (the default): with one, two checkouts of the
same commit differed by 9 %.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.speed import daemon, plan
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.processes import UPSTREAM_CORE, leave_subject_core, temporary_folder
from benchmarks.speed.upstream import run_upstream

_THIS = Path(__file__).resolve().parents[1]
_MIN_WARM_UP = 1.0  # seconds
_WARM_UP_INTERVALS = 1.5  # because a city's second poll comes 0.5 to 1.5 intervals after its first
_WINDOW = 3.0  # seconds


def main(other_checkout: Path, windows: int, interval: float) -> None:
    """Measure both builds, with one city a request and with 100."""
    leave_subject_core()
    with temporary_folder() as folder, run_upstream(folder / "upstream", UPSTREAM_CORE) as url:
        for provider, count in ((daemon.UNBATCHED, plan.FULL_LOAD_UNBATCHED), (daemon.BATCHED, plan.FULL_LOAD_BATCHED)):
            costs: dict[Path, list[float]] = {_THIS: [], other_checkout: []}
            for window in range(windows):
                for checkout in (_THIS, other_checkout) if window % 2 else (other_checkout, _THIS):
                    costs[checkout].append(measure_cost(checkout, url, provider, count, interval))
            for name, choose in (("minimum", min), ("median", median)):
                this, that = choose(costs[_THIS]), choose(costs[other_checkout])
                ratio = f"{this:.1f} us, other {that:.1f} us, ratio {this / that:.3f}"
                print(f"{daemon.FIGURE_OWNERS[provider]}, {name}: {ratio}", flush=True)


def measure_cost(checkout: Path, url: str, provider: str, count: int, interval: float) -> float:
    """Return the microseconds of CPU time that a build takes for an observation of *count* cities."""
    python = str(checkout / f".venv-{sys.version_info.major}.{sys.version_info.minor}" / "bin" / "python")
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(
            folder, url, provider, grid_cities(count), interval, python=python, checkout=checkout
        ) as running,
    ):
        running.observed(count)
        time.sleep(max(_MIN_WARM_UP, _WARM_UP_INTERVALS * interval))
        micros = running.cost(_WINDOW).micros
        running.stop()
        return micros


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4) or not (Path(sys.argv[1]) / "weatherd").is_dir():
        sys.exit("usage: python -m benchmarks.compare OTHER_CHECKOUT [WINDOWS [INTERVAL]]")
    _windows, _interval = (*sys.argv[2:], *("5", "1")[len(sys.argv) - 2 :])
    main(Path(sys.argv[1]).resolve(), int(_windows), float(_interval))
