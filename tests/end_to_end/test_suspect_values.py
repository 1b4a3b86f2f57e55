"""The checks of values in the whole daemon, over real HTTP against the simulator: each wrong value is found."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import make_parts
from tests.support.fakes import FakeSink
from weatherd.city import City
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon.lifecycle import run_daemon
from weatherd.daemon.wiring import open_providers
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.observation import OK
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl
from weatherd.simulator.faults import Fault
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from weatherd.observation import Observation

DAY = 86400.0
CITIES = tuple(
    City(name=f"{provider} {lat}", lat=float(lat), lon=10.0, interval=900.0, providers=(provider,))
    for provider, lat in (("open-meteo", 54), ("open-meteo", -33), ("bright-sky", 50), ("openweathermap", 64))
)


async def _live(faults: list[Fault], seconds: float) -> tuple[list[Observation], list[Any]]:
    """Run the daemon for *seconds*; return the observations that the sink got, and the log."""
    app, sink, stop = create_app(now=virtual_time.now, faults=faults, seed=3), FakeSink(), asyncio.Event()
    async with serve_app("127.0.0.1", 0, app) as url:
        settings = Settings(
            open_meteo={"base_url": url},
            openweathermap={"base_url": url, "api_key": "key"},
            bright_sky={"base_url": url},
        )
        latest = LatestObservations((), BUILT_IN_BUDGETS, QualityControl(settings.quality))
        configuration = Configuration(Path("weatherd.yaml"), settings, CITIES, ())
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            parts = make_parts(configuration, providers.usable, latest=latest, sinks={"sink": sink})
            with capture_logs() as logs:
                asyncio.get_running_loop().call_later(seconds, stop.set)
                assert await run_daemon(parts, stop=stop, reload=asyncio.Event())
    return [fetched.observation for fetched in sink.received if not fetched.repeat], logs


@pytest.mark.once
def test_a_day_without_faults_has_no_suspect_value() -> None:
    """Nor does it log any."""
    observations, logs = virtual_time.run(_live([], DAY), settle=0)
    assert len(observations) > 90 * len(CITIES) / 2
    assert {observation.quality for observation in observations} == {OK}
    assert not [event for event in logs if event["event"].startswith("observation.")]


@pytest.mark.once
def test_each_spike_of_a_day_is_found() -> None:
    """All observations that are 25 degrees too warm are suspect, and no others."""
    right, _ = virtual_time.run(_live([], DAY), settle=0)
    temperatures = {(one.city, one.observed_at): one.temperature for one in right}
    observations, logs = virtual_time.run(_live([Fault("spike", 0.04)], DAY), settle=0)
    is_spike = [
        one.temperature > temperatures.get((one.city, one.observed_at), one.temperature) + 20 for one in observations
    ]
    assert sum(is_spike) > 3
    for one, spike in zip(observations, is_spike, strict=True):
        assert ("temperature step" in one.quality) is spike, one
        assert spike or one.quality == OK
    cities = {one.city for one, spike in zip(observations, is_spike, strict=True) if spike}
    assert {event["city"] for event in logs if event["event"] == "observation.suspect"} == cities


@pytest.mark.once
def test_a_frozen_sensor_is_found() -> None:
    """Its temperature is suspect after a day in each city, at most twelve hours late; the wind beside it is not."""
    observations, logs = virtual_time.run(_live([Fault("frozen", 1.0)], 1.55 * DAY), settle=0)
    ends = {one.city: one for one in observations}
    assert {one.quality for one in ends.values()} == {"suspect: temperature persistence"}
    qualities = Counter(one.quality for one in observations)
    assert qualities.keys() == {OK, "suspect: temperature persistence"}
    assert len([event for event in logs if event["event"] == "observation.suspect"]) == len(CITIES)


@pytest.mark.once
def test_a_gust_below_the_wind_is_found() -> None:
    """Whenever the wind is above the tolerance."""
    observations, _ = virtual_time.run(_live([Fault("gust", 1.0)], DAY / 2), settle=0)
    windy = [one for one in observations if one.wind_speed and one.wind_speed > 2]
    assert len(windy) > 50
    for one in observations:
        assert one.quality == ("suspect: wind_gust consistency" if one in windy else OK)
