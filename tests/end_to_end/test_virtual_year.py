"""A year of 100 cities with faults, full disks, outages of the destinations, reloads, restarts and kills.

The whole year takes minutes: ``make soak``. The test suite runs the first days only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.forwarders.destination import capture_warnings
from tests.support import virtual_time
from tests.support.daemon import make_latest, make_parts
from tests.support.fakes import VirtualJournal, observation, unavailable
from weatherd.city import City
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.lifecycle import run_daemon
from weatherd.errors import DeliveryError, StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from weatherd.observation import Observation

pytestmark = pytest.mark.once

DAY = 86400.0
DAYS = int(os.environ.get("WEATHERD_VIRTUAL_YEAR", "3"))
CITIES = [City(name=f"City {n}", lat=n / 2, lon=10.0, interval=3600.0, providers=("fake",)) for n in range(110)]
STEP = 5400  # seconds between two observations of the service: some polls find a repeat
SETTINGS = Settings(retention="30d")


class Weather:
    """A provider that updates its observations every 90 minutes, revises some, and fails sometimes."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws
        self.failed = 0

    async def fetch(self, city: City) -> Observation:
        """Return an observation, or fail."""
        draw, now = self._draws.random(), virtual_time.now()
        if draw < 0.02:
            self.failed += 1
            raise unavailable()
        await asyncio.sleep(0.2 if draw < 0.999 else 20)
        moment = int(now.timestamp()) // STEP * STEP
        return observation(
            city,
            observed_at=datetime.fromtimestamp(moment, UTC),
            fetched_at=now,
            temperature=float(moment // STEP % 40 + (draw > 0.99)),
        )


class Counting:
    """A destination that counts observations and is unavailable for some hours of every third day."""

    batch_size = 500

    def __init__(self, away: float) -> None:
        self._away = away
        self.got = 0

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Counting]:
        """Accept a connection, unless unavailable."""
        self._look()
        yield self

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - it counts
        """Accept a batch, unless unavailable."""
        self._look()
        self.got += len(batch)

    def _look(self) -> None:
        if asyncio.get_running_loop().time() % (3 * DAY) < self._away:
            raise DeliveryError("away")


class Year:
    """All runs of the daemon in a year."""

    def __init__(self, file: Path) -> None:
        self.draws = random.Random(3)
        self.weather = Weather(self.draws)
        self.destinations = {"near": Counting(0.0), "far": Counting(30 * 3600.0)}
        self.events: Counter[str] = Counter()
        self.summaries: list[Any] = []
        self.lives = 0
        self._file = file

    async def pass_by(self) -> None:
        """Run and restart the daemon until the year is over."""
        loop = asyncio.get_running_loop()
        month = 0.0
        while (left := DAYS * DAY - loop.time()) > 0:
            await self._live(min(left, self.draws.choice([600.0, DAY, 9 * DAY])), killed=self.draws.random() < 0.4)
            if loop.time() - month > 30 * DAY:
                month = loop.time()
                sys.stdout.write(
                    f"day {month / DAY:.0f}: {_memory():.1f} MB, {self._file.stat().st_size / 1e6:.1f} MB\n"
                )

    async def _live(self, seconds: float, *, killed: bool) -> None:
        stop, reload, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        with contextlib.closing(VirtualJournal(self._file)) as journal, capture_warnings() as logs:
            kept, first = journal.store.load(virtual_time.now().timestamp()), self._configuration()
            parts = make_parts(
                first,
                {"fake": self.weather},
                load=lambda _: self._configuration(),
                journal=journal,
                forwarders=self.destinations,
                latest=make_latest(saved=kept.latest),
                random=self.draws,
            )
            running = run_daemon(parts, stop=stop, reload=reload)
            task, end = loop.create_task(running), loop.time() + seconds
            while (left := end - loop.time()) > 0:
                await asyncio.sleep(min(left, DAY))
                reload.set()
                journal.fails(StateError("database or disk is full"), self.draws.choice([0, 0, 100, 1000]))
            journal.recovers()
            await asyncio.sleep(30)
            stop.set()
            if killed:
                task.cancel()
            await asyncio.wait([task])
        self.lives += 1
        self.events.update(event["event"] for event in logs)
        self.summaries += [event for event in logs if event["event"] == "daemon.stopped"]

    def _configuration(self, _: object = ()) -> Configuration:
        cities = tuple(replace(city, lat=self.draws.choice([1.0, city.lat])) for city in self.draws.sample(CITIES, 100))
        return Configuration(Path("weatherd.yaml"), SETTINGS, cities, ())


def _memory() -> float:
    """Return the resident memory of the process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if sys.platform == "linux" else 0
    return pages * resource.getpagesize() / 1e6


@pytest.mark.timeout(3600)
def test_the_summaries_add_up(tmp_path: Path) -> None:
    """After each orderly stop, fetched = stored + repeated and nothing is queued; no destination misses anything."""
    year = Year(tmp_path / "weatherd.sqlite")
    virtual_time.run(year.pass_by())
    sums = {
        name: sum(summary[name] for summary in year.summaries) for name in ("fetched", "stored", "repeated", "dropped")
    }
    got = {name: destination.got for name, destination in year.destinations.items()}
    ends = year.summaries[-1]["forwarders"] if year.summaries else {}
    sys.stdout.write(f"{DAYS} days, {year.lives} lives, {year.weather.failed} failed polls, {sums}\n{got} {ends}\n")
    sys.stdout.write(f"{dict(year.events)}\n")
    for summary in year.summaries:
        assert summary["fetched"] == summary["stored"] + summary["repeated"] + summary["dropped"] + summary["queued"]
        assert (summary["dropped"], summary["queued"], summary["clean"]) == (0, 0, True)
        assert not summary["forwarders"]["near"]["behind"]
    assert sums["stored"] > 100 * DAYS
    assert got["near"] >= sums["stored"]
    assert not year.events["forwarder.missed"]
