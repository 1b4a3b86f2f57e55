"""Calls of functions and files on the way of one observation, counted in a running daemon."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.speed import call_counter, daemon
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.processes import temporary_folder, wait_until
from benchmarks.speed.report import names
from benchmarks.speed.upstream import count_served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.builds import Build
    from benchmarks.speed.report.figures import Figures

_CITIES = {daemon.UNBATCHED: 20, daemon.BATCHED: 2000}  # a second, so that a request has one city, and 100
_INTERVAL = 1.0  # seconds
_WINDOW = 8.0  # seconds
_MIN_CALLS = 0.5  # calls a request; functions with fewer are not on the way of an observation, but in the background


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls and moves for one observation."""

    by_file: dict[str, float]  # calls
    by_function: dict[tuple[str, str], float]
    moves: float

    @property
    def calls(self) -> float:
        """Return the calls in all files."""
        return sum(self.by_file.values())


def measure(url: str, builds: Sequence[Build], figures: Figures) -> None:
    """Count the calls for an observation of each build, with one city a request and with 100."""
    for build in builds:
        for provider, form in daemon.FORMS.items():
            counts, subject = count_calls(url, build, provider), names.build_subject(build.title, form)
            figures.add(subject, names.CALLS, counts.calls)
            figures.add(subject, names.MOVES, counts.moves)
            figures.add(subject, names.FILES, len(counts.by_file))


def count_calls(url: str, build: Build, provider: str) -> CallCounts:
    """Count in a window in which each city is polled at its ticks."""
    cities, program = _CITIES[provider], ["-c", Path(call_counter.__file__).read_text(encoding="utf-8")]
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(
            folder, url, provider, grid_cities(cities), _INTERVAL, program=program, build=build
        ) as running,
    ):
        running.on_schedule(cities, _INTERVAL)
        observations, requests = running.done(), count_served(url) or 0
        (folder / "begin").touch()
        time.sleep(_WINDOW)
        (folder / "end").touch()
        observations, requests = running.done() - observations, (count_served(url) or 0) - requests - 1
        file = folder / "calls.json"
        wait_until(running.process, file.exists)
        return compute_counts(file.read_bytes(), requests, observations)


def compute_counts(document: bytes, requests: int, observations: int) -> CallCounts:
    """Compute the counts for one observation from those of a window, without what runs in the background."""
    counted = msgspec.json.decode(document, type=dict[str, list[tuple[tuple[str, str], int]]])
    limit = requests * _MIN_CALLS
    by_function = {function: count / observations for function, count in counted["calls"] if count >= limit}
    by_file: Counter[str] = Counter()
    for (file, _), count in by_function.items():
        by_file[file] += count  # type: ignore[assignment] # a fraction
    moves = sum(count for _, count in counted["moves"] if count >= limit) / observations
    return CallCounts(dict(by_file), by_function, moves)
