"""A month of 300 cities on free plans, with outages and restarts, judged from outside: by what the services counted.

The whole month takes minutes: ``make month``. The test suite runs the first hours only.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support import virtual_time
from tests.support.lives import Lives, Outages
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weatherd.simulator.stats import RequestStats

pytestmark = pytest.mark.once

DAY = 86400.0
DAYS = float(os.environ.get("WEATHERD_VIRTUAL_DAYS", "0.3"))
CITIES = [
    *(
        City(name=f"Place {n}", lat=-60 + 0.4 * n, lon=1.1 * n - 170, interval=600.0, providers=("open-meteo",))
        for n in range(300)
    ),
    *(City(name=f"Town {n}", lat=50 + n / 2, lon=10.0, interval=600.0, providers=("met-norway",)) for n in range(20)),
]


async def _live(lives: Lives, draws: random.Random, days: float) -> None:
    """Run the daemon for *days*, restarting it after seconds to days; half of the runs end with a kill.

    No kill comes during a request, because the expiry of a response that was never read is unknown.
    """
    loop = asyncio.get_running_loop()
    while (left := days * DAY - loop.time()) > 0:
        seconds = draws.choice([2.1, 30.1, 3600.0, 40_000.0, 100_000.0])
        await lives.live(min(seconds, left), killed=draws.random() < 0.5)
        await asyncio.sleep(draws.choice([0.5, 5.0, 300.0]))


def _print(lives: Lives, stats: Mapping[str, RequestStats], outages: Outages) -> None:
    """Print the figures, for ``pytest -s``."""
    counts = Counter(event["event"] for event in lives.logs)
    for name, counted in stats.items():
        sys.stdout.write(f"\n{name}: {counted.to_json()}")
    gaps = sorted(lives.sink.gaps.values())
    sys.stdout.write(
        f"\n{DAYS:g} days, {counts['daemon.ready']} lives, {outages.struck} requests struck by outages\n"
        f"fresh {lives.sink.fresh}, stale {lives.sink.stale}; longest gap of a city: "
        f"median {gaps[len(gaps) // 2]:.0f} s, most {gaps[-1]:.0f} s\n{dict(counts)}\n"
    )


async def _month(file: Path) -> None:
    draws, outages = random.Random(1), Outages()
    for day in range(math.ceil(DAYS)):
        begin = day * DAY + draws.uniform(0, min(80_000, DAYS * DAY / 2))
        outages.add(begin, begin + draws.choice([60, 600, 7200, 20_000]), draws.choice(["502", "hang"]))
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    app.middlewares.append(outages.middleware)
    async with serve_app("127.0.0.1", 0, app) as url:
        settings = Settings(open_meteo={"base_url": url}, met_norway={"base_url": url, "contact": "month@example.org"})
        lives = Lives(settings, CITIES, file)
        await _live(lives, draws, DAYS)
        stats = app[STATS]
    _print(lives, stats, outages)
    assert not any(counted.quota_429 for counted in stats.values())
    assert stats["met-norway"].early == 0
    assert stats["open-meteo"].peaks["calls_a_minute"].peak <= 600
    assert stats["open-meteo"].peaks["calls_a_day"].peak <= 10_000
    assert stats["open-meteo"].peaks["requests_a_second"].peak <= 4
    assert stats["met-norway"].peaks["requests_a_second"].peak <= 8
    assert stats["open-meteo"].calls > 8000 * DAYS  # nor is the quota left unused
    assert len(lives.sink.gaps) == len(CITIES)


@pytest.mark.timeout(3600)
def test_no_service_is_ever_overloaded(tmp_path: Path) -> None:
    """No quota is exceeded, no request to MET Norway comes before the response expires, and no second is crowded."""
    virtual_time.run(_month(tmp_path / "state.sqlite"), settle=0)
