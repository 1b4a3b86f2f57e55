"""Large list: all places of GeoNames with more than 500 inhabitants, polled every minute by one process on one core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import city_lists, daemon
from benchmarks.speed.measurements.punctuality import add_punctuality, measure_ticks, wait_for_regular_ticks
from benchmarks.speed.processes import bytes_written, peak_memory, temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.ticks import ANSWER_SLACK, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.city_lists import ListedCity
    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 60.0  # seconds
_EDITS = 1000


def measure(url: str, figures: Figures, listed: Sequence[ListedCity] | None = None) -> None:
    """Start the daemon, measure an interval and a reload, and stop it."""
    listed = listed or city_lists.geonames_cities()
    with temporary_folder() as folder, daemon.run_weatherd(folder, url, daemon.BATCHED, listed, _INTERVAL) as running:
        figures.add(names.GEONAMES, names.READY, running.ready())
        figures.add(names.GEONAMES, names.ALL, wait_for_regular_ticks(running, len(listed), _INTERVAL))
        window = _interval(running, figures)
        edited = city_lists.edit_cities(listed, _EDITS)
        reload = _reload(running, edited, figures)
        figures.add(names.GEONAMES, names.PEAK, peak_memory(running.process.pid))
        daemon.stop_and_verify(running, names.GEONAMES, figures)
        add_punctuality(measure_ticks(running, window, listed, _INTERVAL), names.GEONAMES, figures)
        untouched = [place for place, before in zip(edited, listed, strict=True) if place == before]
        add_punctuality(
            measure_ticks(running, reload, untouched, _INTERVAL), names.GEONAMES, figures, "while it reloads: "
        )


def _interval(running: Daemon, figures: Figures) -> Window:
    """Measure a whole interval, in which each city has one tick."""
    window = Window(time.time(), time.time() + _INTERVAL, running.log.stat().st_size)
    done, bytes_ = running.done(), bytes_written(running.process.pid)
    cost = running.cost(_INTERVAL)
    figures.add(names.GEONAMES, names.WRITTEN, (bytes_written(running.process.pid) - bytes_) / (running.done() - done))
    figures.add(names.GEONAMES, names.LOAD, cost.load * 100)
    figures.add(names.GEONAMES, names.CPU, cost.micros)
    figures.add(names.GEONAMES, "MB", cost.resident)
    time.sleep(ANSWER_SLACK)
    return window


def _reload(running: Daemon, edited: Sequence[ListedCity], figures: Figures) -> Window:
    """Measure a reload of the edited list, and how many cities it changes."""
    begin, at = time.time(), running.log.stat().st_size
    took, event = running.reload(edited)
    window = Window(begin, time.time(), at)
    figures.add(names.GEONAMES, names.RELOAD, took)
    figures.add(names.GEONAMES, names.TOUCHED, len(edited) - int(event["unchanged"]))
    time.sleep(ANSWER_SLACK)
    return window
