"""Alerts and observations of the past, which complete the windows of rules, and fire nothing by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.pipeline.alerting.alert_lives import AlertLives
from tests.support import virtual_time
from tests.support.fakes import KIEL, VirtualJournal, new_limiter, observation, unavailable
from weatherd.journal.reader import Reader
from weatherd.observation import IMPORT, LIVE
from weatherd.providers.past import PastTraits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.observation import Observation

HOUR, QUARTER = 3600.0, 900.0
RULES = """\
alerts:
  wet: {when: rain(24h) > 30}
  shower: {when: rain(2h) > 7}
  calm: {when: "max(wind_gust, 24h) < 20"}
"""


@dataclass
class RainProvider:
    """A service that reports each quarter of an hour: 4 mm an hour and gusts of 25 m/s, in the first 12 hours."""

    begin: float  # POSIX seconds

    def _observe(self, city: City, posix: float) -> Observation:
        is_wet, at = 3 * HOUR <= posix - self.begin < 12 * HOUR, datetime.fromtimestamp(posix, UTC)
        now = virtual_time.now()
        return observation(
            city, observed_at=at, fetched_at=now, precipitation=4.0 * is_wet, wind_gust=25.0 if is_wet else 8.0
        )

    async def fetch(self, city: City) -> Observation:
        """Return the newest observation."""
        return self._observe(city, virtual_time.now().timestamp() // QUARTER * QUARTER)

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return the observations of a time."""
        first, last = int(-(-since.timestamp() // QUARTER)), int(until.timestamp() // QUARTER)
        return [self._observe(city, number * QUARTER) for number in range(first, last + 1)]


def make_lives(folder: Path, rules: str = RULES) -> AlertLives:
    """Return lives whose service has a past."""
    lives = AlertLives(folder, rules, [KIEL], lambda _: 5.0)
    lives.provider = RainProvider(virtual_time.now().timestamp())
    lives.parts = {"pasts": {"fake": PastTraits(30 * 24 * HOUR, QUARTER)}, "limiters": {"fake": new_limiter()}}
    return lives


async def test_the_past_completes_the_windows(tmp_path: Path) -> None:
    """Rain of a downtime counts from the next observation on; what is over by then fires nothing.

    At the restart it rained 36 mm in the last 24 hours, and 6 mm in the last two; two hours before it were 8 mm.
    """
    lives = make_lives(tmp_path)
    await lives.live(2 * HOUR)
    assert lives.events() == [("kiel", "calm", "firing")]
    await asyncio.sleep(10.5 * HOUR)
    await lives.live(60)
    assert [line["observations"] for line in lives.logged("backfill.added")] == [95, 42]
    assert lives.events() == [("kiel", "calm", "firing")]  # nothing is evaluated because of the past
    await lives.live(HOUR)
    assert sorted(lives.events()) == [
        ("kiel", "calm", "firing"),
        ("kiel", "calm", "resolved"),
        ("kiel", "wet", "firing"),
    ]


async def test_an_alert_of_a_completed_window_comes_with_a_new_observation(tmp_path: Path) -> None:
    """It is evaluated when an observation arrives, and not when the past does. A restart changes nothing more."""
    lives = make_lives(tmp_path)
    await lives.live(2 * HOUR)
    await asyncio.sleep(10.5 * HOUR)
    await lives.live(HOUR)
    entries = [entry for entry in lives.entries() if entry.rule == "wet"]
    assert [entry.event for entry in entries] == ["firing"]
    with contextlib.closing(Reader(lives.file)) as reader:
        rows = reader.read_city("kiel", virtual_time.EPOCH - timedelta(days=1), virtual_time.now())
    assert entries[0].at in [row.fetched_at.timestamp() for row in rows if row.origin == LIVE]
    await lives.live(HOUR)
    assert [entry.rule for entry in lives.entries() if entry.event] == ["calm", *sorted({"wet", "calm"}, reverse=True)]


async def test_an_imported_observation_is_never_the_present_weather(tmp_path: Path) -> None:
    """One that is newer than the latest polled one fires nothing after a restart, also if polls fail."""
    lives = AlertLives(
        tmp_path, 'alerts: {frost: {when: "min(temperature, 1h) < 0 and age < 3h"}}', [KIEL], lambda _: 5.0
    )
    await lives.live(HOUR)
    at = virtual_time.now() + timedelta(minutes=1)
    await asyncio.sleep(120)
    journal = VirtualJournal(lives.file)
    await journal.add_past([observation(KIEL, observed_at=at, fetched_at=at, temperature=-9.0, origin=IMPORT)])
    journal.close()
    lives.provider = FailingProvider()
    await lives.live(HOUR)
    assert lives.entries() == []


class FailingProvider:
    """A provider whose service is out of order."""

    async def fetch(self, city: City) -> Observation:
        """Fail."""
        raise unavailable(city.id)
