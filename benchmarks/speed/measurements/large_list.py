"""Large list: all places of GeoNames with more than 500 inhabitants, polled every minute by one process on one core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import city_lists, daemon
from benchmarks.speed.measurements.punctuality import add_punctuality, measure_ticks
from benchmarks.speed.plan import MILLION, MILLION_INTERVAL
from benchmarks.speed.processes import bytes_written, peak_memory, temporary_folder
from benchmarks.speed.report import names
from benchmarks.speed.ticks import ANSWER_SLACK, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.builds import Build
    from benchmarks.speed.city_lists import ListedCity
    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 60.0  # seconds
_WINDOW = 30.0  # seconds, with one tick of each second city
_EDITS = 1000


def measure(url: str, build: Build, figures: Figures, listed: Sequence[ListedCity] | None = None) -> None:
    """Start a build, measure half an interval and a reload, and stop it."""
    listed, subject = listed or city_lists.geonames_cities(), names.build_subject(build.title, names.GEONAMES)
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, daemon.BATCHED, listed, _INTERVAL, build=build) as running,
    ):
        figures.add(subject, names.READY, running.ready())
        figures.add(subject, names.ALL, running.on_schedule(len(listed), _INTERVAL))
        window = _measure_window(running, subject, figures)
        edited = city_lists.edit_cities(listed, _EDITS)
        reload = _measure_reload(running, edited, subject, figures)
        figures.add(subject, names.PEAK, peak_memory(running.process.pid))
        daemon.stop_and_verify(running, subject, figures)
        add_punctuality(measure_ticks(running, window, listed, _INTERVAL), subject, figures)
        untouched = [place for place, before in zip(edited, listed, strict=True) if place == before]
        add_punctuality(measure_ticks(running, reload, untouched, _INTERVAL), subject, figures, names.RELOADING)


def _measure_window(running: Daemon, subject: str, figures: Figures) -> Window:
    """Measure cost, memory and disk writes on schedule."""
    window = Window(time.time(), time.time() + _WINDOW, running.log.stat().st_size)
    done, bytes_ = running.done(), bytes_written(running.process.pid)
    cost = running.cost(_WINDOW)
    figures.add(subject, names.WRITTEN, (bytes_written(running.process.pid) - bytes_) / (running.done() - done))
    figures.add(subject, names.LOAD, cost.load * 100)
    figures.add(subject, names.CPU, cost.micros)
    figures.add(subject, names.MEMORY, cost.resident)
    time.sleep(ANSWER_SLACK)
    return window


def _measure_reload(running: Daemon, edited: Sequence[ListedCity], subject: str, figures: Figures) -> Window:
    """Measure a reload of the edited list, and how many cities it changes."""
    begin, at = time.time(), running.log.stat().st_size
    took, event = running.reload(edited)
    window = Window(begin, time.time(), at)
    figures.add(subject, names.RELOAD, took)
    figures.add(subject, names.TOUCHED, len(edited) - int(event["unchanged"]))
    time.sleep(ANSWER_SLACK)
    return window


def measure_million(url: str, figures: Figures) -> None:
    """Measure the memory of this build with a million cities, each of them observed."""
    subject = names.build_subject(names.THIS, names.MILLION)
    cities = city_lists.grid_cities(MILLION)
    with (
        temporary_folder() as folder,
        daemon.run_weatherd(folder, url, daemon.BATCHED, cities, MILLION_INTERVAL) as running,
    ):
        figures.add(subject, names.READY, running.ready())
        figures.add(subject, names.ALL, running.on_schedule(MILLION, MILLION_INTERVAL))
        cost = running.cost(_WINDOW)
        figures.add(subject, names.LOAD, cost.load * 100)
        figures.add(subject, names.MEMORY, cost.resident)
        figures.add(subject, names.PEAK, peak_memory(running.process.pid))
        daemon.stop_and_verify(running, subject, figures)
