"""A reload keeps unchanged cities as the same objects, and loads at a lower priority than the event loop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.daemon import make_configuration, make_parts, make_status
from tests.support.fakes import KIEL
from weatherd import log
from weatherd.config.city_list import parse_cities
from weatherd.config.diff import diff
from weatherd.config.lists.known_rows import NO_ROWS
from weatherd.config.settings import LogSection
from weatherd.daemon.reload import Reloader
from weatherd.errors import Problem
from weatherd.polling.city_registry import CityRegistry
from weatherd.polling.poll_history import CityPolls, PollHistory
from weatherd.polling.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.config.lists.known_rows import KnownRows
    from weatherd.config.loader import Configuration

MANY = [f"- {{name: Place {number}, lat: {number % 90}.5, lon: 1.5}}\n" for number in range(5_000)]
EDITED = ("place-7", "place-2500", "place-4999")


def listed(rows: list[str], reuse: KnownRows = NO_ROWS) -> Configuration:
    """Return the configuration with these rows, parsed as from a file."""
    found = parse_cities([("f.yaml", "cities:\n" + "".join(rows))], ["open-meteo"], reuse=reuse)
    return replace(make_configuration(*found.cities), rows=found.rows)


class Reloading:
    """A reloader with idle producers, and a record of those that started and ended."""

    def __init__(
        self, tasks: asyncio.TaskGroup, first: Configuration, load: Callable[[KnownRows], Configuration]
    ) -> None:
        self.started: list[City] = []
        self.ended: list[City] = []
        self._asked, self._ready = asyncio.Event(), asyncio.Event()
        parts = make_parts(first, {}, load=load, notify=self._notify)
        self.registry = parts.registry
        self._supervisor = Supervisor(tasks, PollHistory(), self._produce)
        self.registry.subscribe(self._supervisor.apply_diff)
        self.registry.apply(diff((), first.cities))
        self.reloader = Reloader(parts, make_status(registry=self.registry))
        self._following = tasks.create_task(self.reloader.follow(self._asked))

    async def reload(self) -> None:
        """Reload, and wait until that is done."""
        await asyncio.sleep(0)
        self._ready.clear()
        self._asked.set()
        await self._ready.wait()
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Cancel all tasks."""
        self._following.cancel()
        self._supervisor.stop()

    def _notify(self, state: str) -> None:
        if state == "READY=1":
            self._ready.set()

    async def _produce(self, polls: CityPolls) -> None:
        self.started.append(polls.city)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(polls.city)


async def test_a_reload_of_a_long_list_touches_the_edited_cities_only() -> None:
    """Three of 5,000 rows are edited: three producers are replaced, and the other cities stay the same objects."""
    first, edited = listed(MANY), MANY.copy()
    for city in EDITED:
        number = int(city.removeprefix("place-"))
        edited[number] = MANY[number].replace("lon: 1.5", "lon: 2.5")
    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, first, lambda known: listed(edited, known))
        with capture_logs() as logs:
            await reloading.reload()
        (line,) = [line for line in logs if line["event"] == "cities.reloaded"]
        before = sorted(first.cities, key=lambda city: city.id)
        touched = [old.id for old, new in zip(before, reloading.registry.cities, strict=True) if old is not new]
        assert (line["added"], line["removed"], line["changed"]) == ([], [], sorted(EDITED))
        assert line["unchanged"] == len(MANY) - len(EDITED)
        assert touched == sorted(EDITED)
        assert [city.id for city in reloading.ended] == sorted(EDITED)
        assert [(city.id, city.lon) for city in reloading.started[len(MANY) :]] == [(city, 2.5) for city in EDITED]
        reloading.stop()


async def test_a_long_list_is_logged_in_short_lines() -> None:
    """The summary has the numbers and the first ten ids; all others are logged at level debug, in lines of 100."""
    first, many = make_configuration(KIEL), listed(MANY)
    lines: list[str] = []
    log.configure("debug", "json", write=lines.append)
    settings = first.settings.model_copy(update={"log": LogSection(level="debug")})
    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, first, lambda _: replace(many, settings=settings))
        await reloading.reload()
        reloading.stop()
    events = [json.loads(line) for line in lines]
    (summary,) = [event for event in events if event["event"] == "cities.reloaded"]
    ids = sorted(city.id for city in many.cities)
    assert (summary["added"], summary["added_count"]) == (ids[:10], len(MANY))
    assert (summary["removed"], summary["removed_count"], summary["changed_count"]) == (["kiel"], 1, 0)
    more = [event for event in events if event["event"] == "cities.reloaded_more"]
    assert [city for event in more for city in event["ids"]] == ids[10:]
    assert {event["kind"] for event in more} == {"added"}
    assert max(map(len, lines)) < 8192


async def test_the_log_level_takes_effect_without_a_restart() -> None:
    """An edited ``log.level`` holds from the reload on; an edited ``log.format`` needs a restart."""
    first = make_configuration(KIEL)
    sections = [LogSection(level="error"), LogSection(level="debug"), LogSection(level="info", format="json")]
    lines: list[str] = []
    log.configure("info", "json", write=lines.append)

    def load(_: KnownRows) -> Configuration:
        return replace(first, settings=first.settings.model_copy(update={"log": sections.pop(0)}))

    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, first, load)
        seen: list[list[str]] = []
        for _ in range(3):
            await reloading.reload()
            structlog.get_logger().debug("detail")
            seen.append([json.loads(line)["event"] for line in lines])
            lines.clear()
        reloading.stop()
    assert seen == [[], ["cities.reloaded", "detail"], ["cities.reloaded", "settings.need_restart"]]


async def test_many_quarantined_rows_are_few_lines() -> None:
    """The log has the first ten quarantined rows, and the number of the others."""
    problems = [(Problem("cities.yaml", f"row {number}"),) for number in range(5000)]
    registry = CityRegistry()
    with capture_logs() as logs:
        registry.apply(diff((), [KIEL]), problems)
    assert [line["problems"] for line in logs[:2]] == [["cities.yaml: row 0"], ["cities.yaml: row 1"]]
    assert len(logs) == 11
    assert logs[-1]["more"] == 4990


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a nice value is the whole process's")
async def test_loading_has_a_lower_priority_than_polling() -> None:
    """The loading thread has a higher nice value; the polling thread's is unchanged."""
    nice: list[int] = []

    def load(_: KnownRows) -> Configuration:
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return make_configuration(KIEL)

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    async with asyncio.TaskGroup() as tasks:
        reloading = Reloading(tasks, make_configuration(KIEL), load)
        await reloading.reload()
        reloading.stop()
    assert nice == [max(before, 10)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
