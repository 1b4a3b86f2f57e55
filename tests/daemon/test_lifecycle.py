"""The daemon's lifecycle, with fakes at both ends and nothing but virtual time."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.pipeline.forwarders.destination import FakeDestination, open_virtual_journal
from tests.support.daemon import ROWS, DaemonRunner, make_configuration
from tests.support.fakes import BERLIN, KIEL, MUNICH, FakeProvider, FakeSink
from weatherd.config.sections.quality import QualitySection
from weatherd.errors import ConfigError, Problem
from weatherd.polling.schedule import city_phase

if TYPE_CHECKING:
    from pathlib import Path


def _events(logs: Any, *names: str) -> list[Any]:
    return [event for event in logs if event["event"] in names]


async def test_a_day_of_three_cities() -> None:
    """In a virtual day every city is polled at its fixed rate, and every observation reaches the sink, in order."""
    provider, sink = FakeProvider().responds(after=0.5), FakeSink()
    running = DaemonRunner(provider, {"sink": sink}, make_configuration(*ROWS))
    asyncio.get_running_loop().call_later(86400, running.stop.set)
    with capture_logs() as logs:
        assert await running.run()
    assert sink.observations == provider.returned
    for city in ROWS:
        gaps = [
            later - earlier for earlier, later in zip(provider.times(city)[1:], provider.times(city)[2:], strict=False)
        ]
        assert gaps == pytest.approx([600] * len(gaps), abs=1e-3)
        assert len(gaps) >= 141
    account = _events(logs, "daemon.stopped")[0]
    assert account["fetched"] == account["stored"] == len(provider.returned)
    assert account["queued"] == account["dropped"] == account["repeated"] == 0


async def test_producers_start_in_the_order_of_their_polls() -> None:
    """Cities that are polled together are neighbours in memory: the first polls are in the order of their phases."""
    cities = [replace(KIEL, id=f"city-{number}") for number in range(50)]
    provider = FakeProvider().responds()
    running = DaemonRunner(provider, {}, make_configuration(*cities))
    asyncio.get_running_loop().call_later(1, running.stop.set)
    await running.run()
    assert [city_id for _, city_id in provider.requests] == sorted((city.id for city in cities), key=city_phase)


async def test_a_reload_touches_only_what_changed() -> None:
    """With one city added and one changed, the third keeps its schedule, and the event reports the numbers."""
    alone, edited = FakeProvider().responds(after=0.5), FakeProvider().responds(after=0.5)
    loop = asyncio.get_running_loop()
    start = loop.time()
    quiet = DaemonRunner(alone, {}, make_configuration(KIEL))
    loop.call_later(7200, quiet.stop.set)
    await quiet.run()
    undisturbed = [time - start for time in alone.times(KIEL)]

    start = loop.time()
    running = DaemonRunner(edited, {}, make_configuration(KIEL, BERLIN))

    async def edit() -> None:
        await asyncio.sleep(3333)
        await running.edit(make_configuration(KIEL, replace(BERLIN, lat=52.6), MUNICH))

    loop.call_later(7200, running.stop.set)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            await running.run()
    assert [time - start for time in edited.times(KIEL)] == pytest.approx(undisturbed, abs=1e-3)
    assert edited.times(MUNICH)[0] - start == pytest.approx(3333, abs=0.1)
    reloaded = _events(logs, "cities.reloaded")[0]
    assert (reloaded["added"], reloaded["removed"], reloaded["changed"], reloaded["unchanged"]) == (
        ["munchen"],
        [],
        ["berlin"],
        1,
    )


async def test_a_broken_file_changes_nothing() -> None:
    """A configuration that cannot be loaded is reported, and polling continues on schedule."""
    provider = FakeProvider()
    running = DaemonRunner(provider, {}, make_configuration(KIEL))

    async def edit() -> None:
        await asyncio.sleep(1000)
        await running.edit(ConfigError(Problem("cities.yaml:3:7", "is not valid YAML")))

    asyncio.get_running_loop().call_later(3600, running.stop.set)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            assert await running.run()
    assert _events(logs, "cities.rejected")[0]["problems"] == ["cities.yaml:3:7: is not valid YAML"]
    assert len(provider.times(KIEL)) in (6, 7)


async def test_limits_of_values_are_reloaded() -> None:
    """New observations are judged by the edited limits, or not at all once the checks are off; nothing is restarted."""
    sink = FakeSink()
    running = DaemonRunner(FakeProvider(), {"sink": sink}, make_configuration(KIEL))
    cold = {"temperature": {"high": 5}}

    async def edit() -> None:
        for section in (cold, {**cold, "enabled": False}, {}):
            await asyncio.sleep(1800)
            await running.edit(make_configuration(KIEL, quality=QualitySection.model_validate(section)))
        await asyncio.sleep(1800)
        running.stop.set()

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            assert await running.run()
    qualities = [quality for quality, _ in itertools.groupby(found.quality for found in sink.observations)]
    assert qualities == ["ok", "suspect: temperature range", "ok"]
    assert running.parts.quality.suspects == 0
    assert not _events(logs, "settings.need_restart")


async def test_a_reload_reports_bad_rows_and_settings_that_need_a_restart() -> None:
    """A reload names each quarantined row, and the settings whose change takes effect at the next start."""
    running = DaemonRunner(FakeProvider(), {}, make_configuration(KIEL))
    bad = (Problem("cities.yaml:4:9", "'lat' should be at most 90, not 99"),)

    async def edit() -> None:
        await running.edit(replace(make_configuration(KIEL, queue_size=7, interval=60.0), quarantined=(bad,)))
        running.stop.set()

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            await running.run()
    assert _events(logs, "city.quarantined")[0]["problems"] == ["cities.yaml:4:9: 'lat' should be at most 90, not 99"]
    assert _events(logs, "cities.reloaded")[0]["quarantined"] == 1
    assert _events(logs, "settings.need_restart")[0]["settings"] == ["queue_size"]


async def test_a_hanging_sink_is_abandoned_when_the_grace_ends() -> None:
    """A stop takes no longer than the grace period; the summary then says that it was not clean."""
    provider, sink, good = FakeProvider(), FakeSink(takes=365 * 86400.0), FakeSink()
    running = DaemonRunner(provider, {"hanging": sink, "good": good}, make_configuration(*ROWS))
    loop = asyncio.get_running_loop()
    loop.call_later(10, running.stop.set)
    with capture_logs() as logs:
        assert not await running.run()
    assert loop.time() == pytest.approx(18, abs=0.01)
    stopped = _events(logs, "daemon.stopped")[0]
    assert (stopped["clean"], stopped["log_level"]) == (False, "error")
    assert stopped["fetched"] == stopped["stored"] == 3  # it is in the journal, though it was never shown
    assert _events(logs, "sink.down")[0]["sink"] == "hanging"
    assert len(good.received) == 3


async def test_a_hanging_sink_delays_neither_the_journal_nor_the_forwarders(tmp_path: Path) -> None:
    """Everything is stored within a second of its fetch, and at the stop it is stored and delivered at once."""
    provider, sink, destination = FakeProvider(), FakeSink(takes=365 * 86400.0), FakeDestination()
    cities = [replace(city, interval=2.0) for city in ROWS]
    with open_virtual_journal(tmp_path) as journal, capture_logs() as logs:
        running = DaemonRunner(
            provider, {"hanging": sink}, make_configuration(*cities), journal=journal, forwarders={"fake": destination}
        )
        task = asyncio.create_task(running.run())
        for _ in range(10):
            fetched = len(provider.returned)
            await asyncio.sleep(1)
            assert journal.last_seq >= fetched
        running.stop.set()
        assert not await task
    stopped = _events(logs, "daemon.stopped")[0]
    assert stopped["fetched"] == stopped["stored"] == len(provider.returned) == len(destination.accepted)
    assert stopped["missed"] == {"hanging": stopped["fetched"]}
    assert (stopped["queued"], stopped["clean"]) == (0, False)


async def test_a_slow_sink_still_gets_everything_at_a_stop() -> None:
    """The queue is drained within the grace period, however many batches that takes."""
    provider, sink = FakeProvider(), FakeSink(takes=3.0)
    cities = [replace(KIEL, id=f"city-{number}") for number in range(30)]
    running = DaemonRunner(provider, {"sink": sink}, make_configuration(*cities, queue_size=10))
    asyncio.get_running_loop().call_later(1, running.stop.set)
    assert await running.run()
    assert len(sink.received) == len(provider.returned) == 30


async def test_a_bug_in_the_pipeline_ends_the_daemon() -> None:
    """A bug in weatherd's own tasks is raised, not swallowed."""
    running = DaemonRunner(FakeProvider().fails(), {}, make_configuration(KIEL), random=Broken())
    with pytest.raises(BaseExceptionGroup):
        await running.run()


class Broken(random.Random):
    """A random generator that fails."""

    def random(self) -> float:
        """Fail."""
        raise ZeroDivisionError
