"""A month of 300 cities on Open-Meteo's free plan, polled by three nodes that crash and lose the database.

It is judged from outside: by what the service counted. The whole month takes half an hour; the test suite runs
two hours only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.cluster.fake_database import FakeDatabase, FakeLink
from tests.support import virtual_time
from tests.support.daemon import make_latest, make_parts
from tests.support.fakes import VirtualJournal
from tests.support.lives import Counting
from weatherd.city import City
from weatherd.cluster.member import ClusterMember
from weatherd.cluster.opening import share_quota
from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.registration import Registration
from weatherd.cluster.shards.part import Part
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.wiring import open_providers
from weatherd.journal.provider_state import ProviderState
from weatherd.polling.city_registry import CityRegistry
from weatherd.polling.rhythm.rhythms import Rhythms
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from weatherd.simulator.stats import RequestStats

pytestmark = pytest.mark.once

DAY = 86400.0
DAYS = float(os.environ.get("WEATHERD_VIRTUAL_DAYS", "0.1"))
LEASE = 60.0  # seconds; the shorter, the more beats have to be simulated
BRIDGE = 600.0
CITIES = [City(name=f"Place {n}", lat=-60 + 0.4 * n, lon=1.1 * n - 170, interval=600.0) for n in range(300)]


@dataclass
class NodeLives:
    """What all runs of one node share."""

    settings: Settings
    database: FakeDatabase
    folder: Path
    sink: Counting
    draws: random.Random
    ends: Counter[str] = field(default_factory=Counter)
    is_cut_off: bool = False

    async def live(self, seconds: float, *, killed: bool) -> None:
        """Run for some seconds. A killed node saves nothing, and tells nobody."""
        stop, link = asyncio.Event(), FakeLink(self.database)
        registry, allotment = CityRegistry(), Allotment(BRIDGE, virtual_time.now)
        member = ClusterMember(
            link,
            Part(lambda: registry.cities),
            Registration(self.folder.name, None, self.folder),
            None,  # type: ignore[arg-type] # other nodes are not asked
            allotment,
            lease=LEASE,
            boot=virtual_time.boot,
            spread=self.draws,
        )
        share_quota(member)
        async with contextlib.AsyncExitStack() as stack:
            journal = VirtualJournal(self.folder / "journal.sqlite")
            stack.callback(journal.store.close)
            state = ProviderState(journal.store.load(virtual_time.now().timestamp()), journal, virtual_time.now)
            stack.callback(state.cancel)
            providers = await stack.enter_async_context(
                open_providers(
                    self.settings,
                    virtual_time.now,
                    state,
                    boot=virtual_time.boot,
                    allotment=allotment,
                    may_send=member.holds,
                )
            )
            parts = make_parts(
                Configuration(Path("weatherd.yaml"), self.settings, tuple(CITIES), ()),
                providers.usable,
                registry=registry,
                sinks={"sink": self.sink},
                journal=journal,
                planner=providers.planner,
                rhythms=Rhythms(providers.planner, state.key_values("rhythms")),
                latest=make_latest(saved=state.latest),
                cluster=member,
            )
            running = asyncio.create_task(run_daemon(parts, stop=stop, reload=asyncio.Event()))
            await self._endure(link, seconds)
            if killed:
                link.is_cut = True
                running.cancel()
            stop.set()
            await asyncio.wait([running])
            if not killed:
                running.result()
                await state.aclose()
            self.ends["killed" if killed else "left"] += 1

    async def _endure(self, link: FakeLink, seconds: float) -> None:
        """Cut the node off from the database now and then, and delay statements beyond their time limit."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self.draws.expovariate(1 / 7200)))
            if self.draws.random() < 0.5:
                link.answers_late(*self.draws.choice([(0.0, 30.0), (30.0, 0.0), (5.0, 5.0)]))
                self.ends["late"] += 1
            else:
                link.is_cut = True
                await asyncio.sleep(min(max(0.0, end - loop.time()), self.draws.choice([10.0, 50.0, 100.0, 3000.0])))
                link.is_cut = False
                self.ends["cut off"] += 1

    async def run(self, days: float) -> None:
        """Live again and again."""
        loop = asyncio.get_running_loop()
        while (left := days * DAY - loop.time()) > 0:
            seconds = self.draws.choice([30.1, 3600.0, 20_000.0, 100_000.0])
            await self.live(min(seconds, left), killed=self.draws.random() < 0.6)
            await asyncio.sleep(self.draws.choice([0.5, 30.0, 300.0]))


async def _stop_now_and_then(database: FakeDatabase, draws: random.Random, days: float) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < days * DAY:
        await asyncio.sleep(draws.expovariate(1 / 20_000))
        database.is_away()
        await asyncio.sleep(draws.choice([5.0, 40.0, 600.0]))
        database.comes_back()


async def _month(folder: Path, days: float) -> tuple[RequestStats, FakeDatabase, list[NodeLives]]:
    app, database, sink = create_app(now=virtual_time.now, quotas=free_plan_quotas()), FakeDatabase(24, 3.0), Counting()
    async with serve_app("127.0.0.1", 0, app) as url, asyncio.TaskGroup() as tasks:
        settings = Settings(open_meteo={"base_url": url})
        nodes = []
        for number in range(3):
            (place := folder / f"n{number}").mkdir()
            nodes.append(NodeLives(settings, database, place, sink, random.Random(number)))
            tasks.create_task(nodes[-1].run(days))
        faults = tasks.create_task(_stop_now_and_then(database, random.Random(9), days))
        await asyncio.sleep(days * DAY + 1000)
        faults.cancel()
    return app[STATS]["open-meteo"], database, nodes


@pytest.mark.timeout(7200)
def test_nodes_that_crash_never_exceed_the_plan(tmp_path: Path) -> None:
    """No call is above the plan's minute, hour or day, and most calls of the plan are made."""
    with capture_logs() as logs:
        stats, database, nodes = virtual_time.run(_month(tmp_path, DAYS), settle=0)
    ends: Counter[str] = sum((node.ends for node in nodes), Counter())
    events = Counter(
        event["event"]
        for event in logs
        if event["event"].startswith(("cluster.", "provider.", "quota.", "city.", "poll."))
    )
    most: dict[str, float] = {}
    for (_, window, _), allotted in database.quota.allotted.items():
        most[window] = max(most.get(window, 0.0), allotted)
    sys.stdout.write(f"\n{DAYS:g} days: {stats.to_json()}\n{dict(ends)}\n{dict(events)}\nmost handed out: {most}\n")
    assert not stats.quota_429
    assert stats.peaks["calls_a_minute"].peak <= 600
    assert stats.peaks["calls_a_second"].peak <= 100 + 8  # the plan's burst and rate
    assert stats.peaks["calls_an_hour"].peak <= 5000
    assert stats.peaks["calls_a_day"].peak <= 10_000
    assert stats.calls > 8000 * DAYS
    assert all(allotted <= database.quota.limits[key] for key, allotted in database.quota.allotted.items())
    assert len(nodes[0].sink.gaps) == len(CITIES)
