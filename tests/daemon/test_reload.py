"""A reload: what is equal stays the very same, and the loop comes before the loading."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import KIEL
from weatherd.config.city_list import parse_cities
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.reload import Reloader
from weatherd.daemon.status import DaemonStatus, ReloadResult
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import ObservationCounts, ObservationQueue
from weatherd.polling.supervisor import Supervisor
from weatherd.quota.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City

MANY = [f"- {{name: Place {number}, lat: {number % 90}.5, lon: 1.5}}\n" for number in range(5_000)]
EDITED = ("place-7", "place-2500", "place-4999")


def configured(*cities: City) -> Configuration:
    """Return a configuration of these cities."""
    return Configuration(Path("weatherd.yaml"), Settings(), cities, ())


def listed(rows: list[str], reuse: Sequence[City] = ()) -> Configuration:
    """Return the configuration that has these rows, read as from a file."""
    return configured(*parse_cities([("f.yaml", "cities:\n" + "".join(rows))], ["open-meteo"], reuse=reuse).cities)


class Reloading:
    """A reloader at work among producers that do nothing, and a record of those that began and ended."""

    def __init__(
        self, tasks: asyncio.TaskGroup, first: Configuration, load: Callable[[Sequence[City]], Configuration]
    ) -> None:
        self.begun: list[City] = []
        self.ended: list[City] = []
        self._asked, self._ready = asyncio.Event(), asyncio.Event()
        nothing: Any = None
        reload = ReloadResult(successful=True, at=0.0)
        board, planner = LatestObservations(first.cities), Planner()
        view = DaemonStatus(
            board,
            ObservationCounts(),
            ObservationQueue(1),
            planner,
            {},
            nothing,
            nothing,
            virtual_time.now,
            self._asked.set,
            reload,
        )
        self._supervisor = Supervisor(tasks, self._produce)
        self.reloader = Reloader(first, load, self._supervisor, view, self._told)
        self._following = tasks.create_task(self.reloader.follow(self._asked))

    async def again(self) -> None:
        """ReloadResult, and wait until that is done."""
        await asyncio.sleep(0)
        self._ready.clear()
        self._asked.set()
        await self._ready.wait()
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Leave nothing running."""
        self._following.cancel()
        self._supervisor.stop()

    def _told(self, state: str) -> None:
        if state == "READY=1":
            self._ready.set()

    async def _produce(self, city: City) -> None:
        self.begun.append(city)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(city)


async def test_a_reload_of_a_long_list_touches_the_edited_cities_only() -> None:
    """Three of 5,000 rows are edited: three producers begin anew, and the other cities stay the very same objects."""
    first, edited = listed(MANY), MANY.copy()
    for city in EDITED:
        number = int(city.removeprefix("place-"))
        edited[number] = MANY[number].replace("lon: 1.5", "lon: 2.5")
    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, first, lambda cities: listed(edited, cities))
        with capture_logs() as logs:
            await reloading.again()
        (line,) = [log for log in logs if log["event"] == "cities.reloaded"]
        current = reloading.reloader.current.cities
        touched = [(old.id, new.id) for old, new in zip(first.cities, current, strict=True) if old is not new]
        assert (line["added"], line["removed"], line["changed"]) == ([], [], sorted(EDITED))
        assert line["unchanged"] == len(MANY) - len(EDITED)
        assert touched == [(city, city) for city in EDITED]
        assert [city.id for city in reloading.ended] == list(EDITED)
        assert [(city.id, city.lon) for city in reloading.begun[len(MANY) :]] == [(city, 2.5) for city in EDITED]
        reloading.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a nice value is the whole process's")
async def test_loading_gives_way_to_the_loop() -> None:
    """The thread that loads is nicer than the one that polls, which stays as it was."""
    nice: list[int] = []

    def load(_: Sequence[City]) -> Configuration:
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return configured(KIEL)

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, configured(KIEL), load)
        await reloading.again()
        reloading.stop()
    assert nice == [max(before, 10)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
