"""Services that are polled for comparison only, in a daemon on virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.pipeline.forwarders.destination import open_virtual_journal
from tests.support.daemon import DaemonRunner, make_configuration
from tests.support.fakes import KIEL, FakeProvider, FakeSink, new_limiter, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.configuration import RetentionPeriods
from weatherd.config.sections.quality import QualitySection
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.journal.reader import Reader
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.city import City
    from weatherd.observation import Observation


class WarmProvider(FakeProvider):
    """Reports 30 °C."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    async def fetch(self, city: City) -> Observation:
        """Return an observation of this service."""
        return (await super().fetch(city))._replace(provider=self._name, temperature=30.0)


class HotProvider(FakeProvider):
    """Reports an impossible temperature."""

    async def fetch(self, city: City) -> Observation:
        """Return an observation of 99 °C."""
        return (await super().fetch(city))._replace(provider="hot", temperature=99.0)


async def test_compared_services_are_not_the_weather_of_the_city(tmp_path: Path) -> None:
    """Another service is asked each hour; what it reports is judged, and stays out of sinks, latest and journal.

    What is older than the retention is deleted.
    """
    city, sink, hot = replace(KIEL, compare=("hot",)), FakeSink(), HotProvider()
    with open_virtual_journal(tmp_path) as journal:
        journal.store.compared.add(observation(KIEL, observed_at=EPOCH - timedelta(days=9)))
        journal.store.compared.add(observation(KIEL, observed_at=EPOCH - timedelta(days=5)))
        settings = {"retention": RetentionPeriods(7 * 86400.0, 7 * 86400.0)}
        running = DaemonRunner(
            FakeProvider(),
            {"sink": sink},
            make_configuration(city, **settings),
            journal=journal,
            limiters={"fake": new_limiter(), "hot": new_limiter()},
        )
        running.parts = replace(running.parts, providers={**running.parts.providers, "hot": hot})
        asyncio.get_running_loop().call_later(5 * 3600, running.stop.set)
        assert await running.run()
        latest = running.parts.latest.get(city.id)
        reader = Reader(tmp_path / "weatherd.sqlite")
        begin, end = EPOCH - timedelta(days=30), EPOCH + timedelta(days=1)
        compared = reader.read_compared(city.id, "temperature", begin, end)
        recorded = {found.provider for found in reader.read_city(city.id, begin, end)}
        reader.close()
    assert [row[1:] for row in compared[1:]] == [("hot", 99.0, "suspect: temperature range")] * 5
    assert compared[0][0] == (EPOCH - timedelta(days=5)).timestamp()
    assert latest is not None
    assert {latest.provider} == recorded == {found.provider for found in sink.observations}
    assert "hot" not in recorded


async def test_compared_services_show_a_wrong_value(tmp_path: Path) -> None:
    """Once two others have been asked, the city's value that is far from both is suspect."""
    city, sink = replace(KIEL, compare=("nws", "met-norway")), FakeSink()
    names, quality = ("fake", *city.compare), QualityControl(QualitySection())
    with open_virtual_journal(tmp_path) as journal:
        running = DaemonRunner(
            FakeProvider(),
            {"sink": sink},
            make_configuration(city),
            journal=journal,
            limiters={name: new_limiter(name) for name in names},
            latest=LatestObservations((), BUILT_IN_BUDGETS, quality),
            quality=quality,
        )
        others = {name: WarmProvider(name) for name in city.compare}
        running.parts = replace(running.parts, providers={**running.parts.providers, **others})
        asyncio.get_running_loop().call_later(3600, running.stop.set)
        assert await running.run()
    qualities = [found.quality for found in sink.observations]
    assert qualities[:1] == ["ok"]
    assert {*qualities[1:]} == {"suspect: temperature services"}
