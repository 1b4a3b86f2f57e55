"""A week of ``interval: auto`` against the simulator's real cadences: few polls bring nothing new, and news comes soon.

``WEATHERD_VIRTUAL_DAYS=7`` makes it a whole week, which takes minutes; the test suite runs two days.
"""

from __future__ import annotations

import asyncio
import bisect
import os
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.support import virtual_time
from tests.support.lives import Counting, Lives
from weatherd.config.lists.city_row import validate_city
from weatherd.config.settings import Settings
from weatherd.simulator.cadence import latest_dwd_report, latest_owm_update, nws_reports
from weatherd.simulator.quotas import free_plan_quotas
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.observation import FetchedObservation, Observation

pytestmark = pytest.mark.once

DAY = 86400.0
DAYS = float(os.environ.get("WEATHERD_VIRTUAL_DAYS", "2"))
LEARNT = min(1.0, DAYS / 2) * DAY  # seconds after which the rhythm of every service is known
PLACES: dict[str, list[tuple[float, float]]] = {
    "open-meteo": [(-50 + 10 * n, 30 * n - 170) for n in range(10)],
    "met-norway": [(60 + n, 10) for n in range(4)],
    "bright-sky": [(47.5 + n, 8 + n) for n in range(6)],
    "nws": [(33 + n, -100 + 2 * n) for n in range(6)],
    "openweathermap": [(10 * n, 20 * n) for n in range(4)],
}
CITIES = [
    validate_city({"name": f"{provider} {n}", "lat": lat, "lon": lon, "interval": "auto", "providers": (provider,)})
    for provider, places in PLACES.items()
    for n, (lat, lon) in enumerate(places)
]


class Polls(Counting):
    """A sink that counts repeats, and measures how late the first poll of each new observation was."""

    def __init__(self) -> None:
        super().__init__()
        self.total: Counter[str] = Counter()  # by provider, once all is learnt
        self.repeats: Counter[str] = Counter()
        self.all = self.all_repeats = 0
        self.lateness: defaultdict[str, list[float]] = defaultdict(list)  # seconds

    async def write(self, batch: Sequence[FetchedObservation]) -> None:
        """Count a batch."""
        await super().write(batch)
        is_learnt = asyncio.get_running_loop().time() > LEARNT
        for fetched in batch:
            provider = fetched.observation.provider
            self.all += 1
            self.all_repeats += fetched.repeat
            self.total[provider] += is_learnt
            self.repeats[provider] += is_learnt and fetched.repeat
            if is_learnt and fetched.follows:
                late = fetched.observation.fetched_at.timestamp() - published_at(fetched.city, fetched.observation)
                self.lateness[provider].append(late)


def published_at(city: City, observation: Observation) -> float:
    """Return when the simulated service had an observation."""
    latest: dict[str, Callable[[float], float]] = {
        "bright-sky": lambda now: latest_dwd_report(int(observation.station), now),
        "nws": lambda now: next(nws_reports(observation.station, now)),
        "openweathermap": lambda now: latest_owm_update(f"{city.lat:.4f},{city.lon:.4f}", now),
    }
    time = observation.observed_at.timestamp()
    if observation.provider not in latest:
        return time
    seconds = range(1500)
    return time + bisect.bisect_left(seconds, True, key=lambda late: latest[observation.provider](time + late) >= time)


async def _week(file: Path) -> Polls:
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    async with serve_app("127.0.0.1", 0, app) as url:
        settings = Settings(
            open_meteo={"base_url": url},
            met_norway={"base_url": url, "contact": "week@example.org"},
            bright_sky={"base_url": url},
            nws={"base_url": url, "contact": "week@example.org"},
            openweathermap={"base_url": url, "api_key": "0123456789abcdef0123456789abcdef"},
        )
        polls = Polls()
        lives = Lives(settings, CITIES, file, sink=polls)
        await lives.live(DAYS * DAY * 0.6, killed=True)
        await asyncio.sleep(30)
        await lives.live(DAYS * DAY * 0.4)
        for name, counted in app[STATS].items():
            sys.stdout.write(f"\n{name}: {counted.to_json()}")
    return polls


@pytest.mark.timeout(3600)
def test_polls_follow_the_services(tmp_path: Path) -> None:
    """Under 5 % of all polls bring nothing new, and 95 % of the news is there within a minute.

    That holds for each service, too. A restart after a kill learns nothing anew.
    """
    polls: Polls = virtual_time.run(_week(tmp_path / "state.sqlite"), settle=0)
    sys.stdout.write(f"\nall: {polls.all} polls, {polls.all_repeats / polls.all:.1%} repeats")
    assert polls.all_repeats < 0.05 * polls.all
    every: list[float] = []
    for provider, total in polls.total.items():
        late, share = sorted(polls.lateness[provider]), polls.repeats[provider] / total
        most = late[int(len(late) * 0.95)]
        sys.stdout.write(
            f"\n{provider}: {total} polls, {share:.1%} repeats; {len(late)} news, seconds late: "
            f"median {late[len(late) // 2]:.0f}, p95 {most:.0f}, most {late[-1]:.0f}"
        )
        assert share < 0.05
        assert most < 80
        every += late
    assert sorted(every)[int(len(every) * 0.95)] <= 60
    assert len(polls.lateness["open-meteo"]) >= 10 * ((DAYS * DAY - LEARNT) // 900 - 1)  # no value is left out
