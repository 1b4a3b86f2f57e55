"""Virtual days of the daemon with downtimes, kills and outages: what the services still had is in the journal.

``make soak`` simulates a year. The test suite runs three days: an outage of each length, and two kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.support import virtual_time
from tests.support.lives import Lives, Outages
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.journal.reader import Reader
from weatherd.observation import BACKFILL, LIVE
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from weatherd.observation import Observation
    from weatherd.simulator.stats import RequestStats

pytestmark = pytest.mark.once

HOUR, DAY = 3600.0, 86400.0
DAYS = min(14, int(os.environ.get("WEATHERD_VIRTUAL_YEAR", "3")))  # each takes 5 s
REACH = min(30, 4 * DAYS) * DAY  # seconds, more than one request of each service
KIEL = City(name="Kiel", lat=54.3, lon=10.1, providers=("bright-sky", "open-meteo"), backfill=REACH)
SYDNEY = City(name="Sydney", lat=-33.9, lon=151.2, providers=("open-meteo",), backfill=REACH)
BOSTON = City(name="Boston", lat=42.4, lon=-71.1, providers=("nws",), backfill=6 * DAY)
OSLO = City(name="Oslo", lat=59.9, lon=10.8, providers=("met-norway",), backfill=REACH)
BERGEN = City(name="Bergen", lat=60.4, lon=5.3, providers=("met-norway", "open-meteo"), backfill=REACH)
CITIES = (KIEL, SYDNEY, BOSTON, OSLO, BERGEN)
LONGEST = {"kiel": 75 * 60, "sydney": 15 * 60, "boston": 75 * 60, "bergen": 75 * 60}  # seconds without an observation


class Requests:
    """The live polls that the services got, by loop time."""

    def __init__(self) -> None:
        self.live: list[tuple[float, str]] = []
        self.past = 0
        self.past_calls = 0  # each city of a request counts

    @property
    def middleware(self) -> Any:
        """Return the middleware for the simulator."""

        @web.middleware
        async def note(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            is_past = request.path.endswith(("/weather", "/observations")) or "start_minutely_15" in request.query
            self.past += is_past
            self.past_calls += is_past * len(request.query.get("latitude", "").split(","))
            if not is_past:
                self.live.append((asyncio.get_running_loop().time(), request.path))
            return await handler(request)

        return note


async def _days(file: Path, *, is_backfilled: bool) -> tuple[Requests, dict[str, list[Observation]], Any]:
    """Run the daemon in lives that end in any way; return the requests, the journal and the statistics."""
    draws, requests, outages = random.Random(2), Requests(), Outages()
    for day in range(DAYS):
        begin = day * DAY + draws.uniform(0, DAY / 2)
        outages.add(begin, begin + draws.choice([1800.0, 2 * HOUR, 9 * HOUR]))
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    app.middlewares.extend([requests.middleware, outages.middleware])
    loop = asyncio.get_running_loop()
    async with serve_app("127.0.0.1", 0, app) as url:
        services = {name: {"base_url": url} for name in ("open_meteo", "bright_sky", "nws")}
        settings = Settings(met_norway={"base_url": url, "contact": "week@example.org"}, **services)
        lives = Lives(settings, CITIES, file, has_past=is_backfilled)
        while loop.time() < DAYS * DAY:
            await lives.live(draws.choice([40.0, 300.0, 5 * HOUR, 30 * HOUR]), killed=draws.random() < 0.5)
            await asyncio.sleep(draws.choice([5.0, 40 * 60.0, 3 * HOUR, 20 * HOUR]))
        outages.spans.clear()
        await lives.live(4 * HOUR)
        stats = app[STATS]
    with contextlib.closing(Reader(file)) as reader:
        end = virtual_time.now()
        journal = {city.id: reader.read_city(city.id, virtual_time.EPOCH, end) for city in CITIES}
    return requests, journal, stats


def _longest_distance(rows: Sequence[Observation]) -> float:
    times = sorted(row.observed_at.timestamp() for row in rows)
    return max(second - first for first, second in pairwise(times))


@pytest.mark.timeout(600 * DAYS)
def test_no_hole_is_left_that_a_service_could_have_filled(tmp_path: Path) -> None:
    """After downtimes, kills and outages, every city whose service has a past has a record without holes.

    No quota is exceeded, no live observation is replaced, and the live polls come when they would come anyway.
    """
    with_past, journal, stats = virtual_time.run(_days(tmp_path / "a.sqlite", is_backfilled=True), settle=0)
    without, bare, _ = virtual_time.run(_days(tmp_path / "b.sqlite", is_backfilled=False), settle=0)
    longest = {city: _longest_distance(journal[city]) for city in LONGEST}
    assert {city: seconds for city, seconds in longest.items() if seconds > LONGEST[city]} == {}
    assert min(map(_longest_distance, bare.values())) > 3 * HOUR
    assert {row.origin for row in journal["oslo"]} == {LIVE}  # its service has no past
    assert all({row.origin for row in journal[city]} == {LIVE, BACKFILL} for city in LONGEST)
    assert {name: counted.quota_429 for name, counted in stats.items() if counted.quota_429} == {}
    assert [path for _, path in with_past.live] == [path for _, path in without.live]
    assert [time for time, _ in with_past.live] == pytest.approx([time for time, _ in without.live], abs=0.2)
    assert 0 < with_past.past < 60 * DAYS


async def _crowd(file: Path) -> tuple[int, int, RequestStats]:
    """Run the daemon with a list that uses the whole plan, with a downtime of four hours.

    Return the calls for the past before and after it, and the statistics of the service.
    """
    requests, app = Requests(), create_app(now=virtual_time.now, quotas=free_plan_quotas())
    app.middlewares.append(requests.middleware)
    cities = [
        City(name=f"Place {n}", lat=3.0 * n, lon=9.0 * n, interval=60.0, providers=("open-meteo",), backfill=60 * DAY)
        for n in range(13)
    ]
    async with serve_app("127.0.0.1", 0, app) as url:
        lives = Lives(Settings(open_meteo={"base_url": url}), cities, file, has_past=True)
        await lives.live(2 * HOUR)
        before = requests.past_calls
        await asyncio.sleep(4 * HOUR)
        await lives.live(2 * HOUR)
        return before, requests.past_calls - before, app[STATS]["open-meteo"]


@pytest.mark.timeout(600)
def test_the_past_takes_only_what_the_polls_leave_of_the_quota(tmp_path: Path) -> None:
    """With a list that uses the whole plan, the past is asked for with the calls that a downtime has saved.

    Before it there is one call in a hundred at most; nothing is ever rejected. 13 cities need nine calls each.
    """
    before, after, stats = virtual_time.run(_crowd(tmp_path / "state.sqlite"), settle=0)
    assert before <= 100
    assert 117 <= before + after <= 130  # the weeks of a request begin elsewhere after the restart
    assert stats.quota_429 == 0
