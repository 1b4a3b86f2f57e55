"""A year of the daemon with downtimes, kills and outages: its record has no hole that the services could have filled.

``make soak`` runs the year, which takes some minutes. The test suite runs its first six days.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.support import virtual_time
from tests.support.lives import Lives, Outages
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.journal.reader import Reader
from weatherd.observation import BACKFILL, LIVE
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import STATS, create_app, serve_app
from weatherd.simulator.sky.weather import weather_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from weatherd.journal.days.summary import Day
    from weatherd.observation import Observation
    from weatherd.simulator.stats import RequestStats

pytestmark = pytest.mark.once

HOUR, DAY = 3600.0, 86400.0
DAYS = 365 if "WEATHERD_VIRTUAL_YEAR" in os.environ else 6
BACKFILL_DAYS, NWS_DAYS = 11, 7  # of the setting, and of the National Weather Service
PLACES = [
    {"name": "Kiel", "lat": 54.3, "lon": 10.1, "providers": ("bright-sky", "open-meteo"), "timezone": "Europe/Berlin"},
    {"name": "Sydney", "lat": -33.9, "lon": 151.2, "providers": ("open-meteo",), "timezone": "Australia/Sydney"},
    {"name": "Boston", "lat": 42.4, "lon": -71.1, "providers": ("nws",), "timezone": "America/New_York"},
    {"name": "Lima", "lat": -12.0, "lon": -77.0, "providers": ("met-norway", "open-meteo"), "timezone": "America/Lima"},
]
CITIES = {
    str(place["name"]).lower(): City(interval=HOUR, backfill=BACKFILL_DAYS * DAY, **place)  # type: ignore[arg-type]
    for place in PLACES
}
REACH = {"kiel": BACKFILL_DAYS, "sydney": BACKFILL_DAYS, "boston": NWS_DAYS, "lima": BACKFILL_DAYS}  # days
LONGEST = 1.5 * HOUR  # seconds between two observations, of cities that are polled once an hour
CHANCE = 4 * HOUR  # without a downtime or an outage; it takes minutes to fill gaps, and as long as polls are retried


class Record(NamedTuple):
    """What is left of the year. Times are POSIX seconds."""

    rows: Mapping[str, Sequence[Observation]]  # by city
    days: Mapping[str, Sequence[Day]]
    chances: Sequence[float]  # the ends of times in which gaps could be filled
    stats: Mapping[str, RequestStats]


def _find_chances(begin: float, end: float, outages: Sequence[tuple[float, float, str]]) -> Iterator[float]:
    """Yield the end of each long enough part of a life in which the services respond."""
    breaks = [(first, last) for first, last, _ in outages if first < end and last > begin]
    for (_, since), (until, _) in pairwise([(begin, begin), *breaks, (end, end)]):
        if until - since >= CHANCE:
            yield since + CHANCE


async def _year(file: Path) -> Record:
    """Run the daemon in lives that end in any way, and read what it has recorded."""
    draws, outages, chances = random.Random(4), Outages(), list[float]()
    epoch, loop = virtual_time.EPOCH.timestamp(), asyncio.get_running_loop()
    for day in range(0, DAYS, 3):
        begin = day * DAY + draws.uniform(0, 2 * DAY)
        outages.add(begin, begin + draws.choice([1800.0, 2 * HOUR, 9 * HOUR]))
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    app.middlewares.append(outages.middleware)
    async with serve_app("127.0.0.1", 0, app) as url:
        services = {name: {"base_url": url} for name in ("open_meteo", "bright_sky", "nws")}
        settings = Settings(retention=None, met_norway={"base_url": url, "contact": "year@example.org"}, **services)
        lives = Lives(settings, [*CITIES.values()], file, has_past=True)
        while loop.time() < DAYS * DAY:
            began = loop.time()
            await lives.live(draws.choice([300.0, 5 * HOUR, 30 * HOUR, 4 * DAY]), killed=draws.random() < 0.5)
            chances += [epoch + end for end in _find_chances(began, loop.time(), outages.spans)]
            # One in ten is longer than the National Weather Service remembers
            await asyncio.sleep(
                draws.choice([5.0, 40 * 60.0, *[3 * HOUR] * 4, 20 * HOUR, 30 * HOUR, 3 * DAY, 10 * DAY])
            )
        outages.spans.clear()
        await lives.live(CHANCE)
        chances.append(epoch + loop.time())
        stats = app[STATS]
    with contextlib.closing(Reader(file)) as reader:
        first, last = virtual_time.EPOCH, virtual_time.now()
        rows = {city: reader.read_city(city, first, last) for city in CITIES}
        days = {
            city: reader.read_days(city, ZoneInfo(str(place.timezone)), first.date() + timedelta(days=1), last.date())
            for city, place in CITIES.items()
        }
    return Record(rows, days, chances, stats)


def _find_holes(rows: Sequence[Observation]) -> list[tuple[float, float]]:
    times = sorted(row.observed_at.timestamp() for row in rows)
    return [(first, second) for first, second in pairwise(times) if second - first > LONGEST]


def _could_fill(hole: tuple[float, float], reach: float, chances: Sequence[float]) -> bool:
    """Return whether a service still had enough of a hole when it could be asked."""
    begin, end = hole
    return any(min(end, chance) - max(begin, chance - reach) > LONGEST for chance in chances if chance > begin)


@pytest.mark.timeout(3600)
def test_the_record_of_a_year_has_no_hole_that_a_service_could_have_filled(tmp_path: Path) -> None:
    """Downtimes of up to ten days, kills and outages leave holes only where no service remembers, or could be asked.

    Every local day of the cities with a past is complete, those with a change of the clock too. What was filled is what
    the service had at that time. No quota is exceeded.
    """
    record = virtual_time.run(_year(tmp_path / "year.sqlite"), settle=0)
    holes = {city: _find_holes(record.rows[city]) for city in CITIES}
    for city, days in REACH.items():
        assert [hole for hole in holes[city] if _could_fill(hole, days * DAY, record.chances)] == [], city
        assert {row.origin for row in record.rows[city]} == {LIVE, BACKFILL}
    assert holes["sydney"] == holes["lima"] == holes["kiel"] == []
    assert DAYS < 365 or len(holes["boston"]) > 3  # what its service had forgotten
    assert {name: counted.quota_429 for name, counted in record.stats.items() if counted.quota_429} == {}
    for row in record.rows["sydney"]:
        assert row.temperature == pytest.approx(
            weather_at(CITIES["sydney"].lat, CITIES["sydney"].lon, row.observed_at.timestamp()).temperature, abs=0.06
        )
    for city in ("kiel", "sydney", "lima"):
        dates = [day.date for day in record.days[city]]
        assert dates == [dates[0] + timedelta(days=index) for index in range(len(dates))]
        assert len(dates) >= DAYS - 2
        assert min(day.hours for day in record.days[city]) > 20
