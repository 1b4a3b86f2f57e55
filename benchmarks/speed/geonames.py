"""All places of GeoNames with more than 500 inhabitants, every minute, by one process on one core."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.speed import daemon, names, places
from benchmarks.speed.machine import peak, scratch, written
from benchmarks.speed.punctual import regular, tell, ticks
from benchmarks.speed.ticks import SLACK, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.figures import Figures
    from benchmarks.speed.places import Place

_INTERVAL = 60.0  # seconds
_EDITS = 1000


def measure(url: str, figures: Figures, listed: Sequence[Place] | None = None) -> None:
    """Start with the list, watch it for an interval, edit the list, and stop, all in one life of the daemon."""
    listed = listed or places.geonames()
    with scratch() as folder, daemon.weatherd(folder, url, daemon.BATCHED, listed, _INTERVAL) as running:
        figures.add(names.GEONAMES, names.READY, running.ready())
        figures.add(names.GEONAMES, names.ALL, regular(running, len(listed), _INTERVAL))
        window = _interval(running, figures)
        edited = places.edited(listed, _EDITS)
        reload = _reload(running, edited, figures)
        figures.add(names.GEONAMES, names.PEAK, peak(running.process.pid))
        daemon.account(running, names.GEONAMES, figures)
        tell(ticks(running, window, listed, _INTERVAL), names.GEONAMES, figures)
        untouched = [place for place, before in zip(edited, listed, strict=True) if place == before]
        tell(ticks(running, reload, untouched, _INTERVAL), names.GEONAMES, figures, "while it reloads: ")


def _interval(running: Daemon, figures: Figures) -> Window:
    """Watch it for a whole interval, in which every city has one tick."""
    window = Window(time.time(), time.time() + _INTERVAL, running.log.stat().st_size)
    done, bytes_ = running.done(), written(running.process.pid)
    cost = running.cost(_INTERVAL)
    figures.add(names.GEONAMES, names.WRITTEN, (written(running.process.pid) - bytes_) / (running.done() - done))
    figures.add(names.GEONAMES, names.LOAD, cost.load * 100)
    figures.add(names.GEONAMES, names.CPU, cost.micros)
    figures.add(names.GEONAMES, "MB", cost.resident)
    time.sleep(SLACK)
    return window


def _reload(running: Daemon, edited: Sequence[Place], figures: Figures) -> Window:
    """Put the edited list in the place of the other while it works; only what was edited may be touched."""
    begin, at = time.time(), running.log.stat().st_size
    took, event = running.reload(edited)
    window = Window(begin, time.time(), at)
    figures.add(names.GEONAMES, names.RELOAD, took)
    figures.add(names.GEONAMES, names.TOUCHED, len(edited) - int(event["unchanged"]))
    time.sleep(SLACK)
    return window
