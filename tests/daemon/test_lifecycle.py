"""The daemon's lifecycle, with fakes at both ends and nothing but virtual time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH, FakeJournal, FakeProvider, FakeSink
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon import lifecycle
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.sinks import Sink

SETTINGS = Settings()
ROWS = (KIEL, BERLIN, MUNICH)


def configured(*cities: City, **settings: Any) -> Configuration:
    """Return a configuration of these cities."""
    return Configuration(Path("weatherd.yaml"), SETTINGS.model_copy(update=settings), cities, ())


async def nobody_edits(*_: object) -> None:
    """Stand in for the watch of the files."""


class Daemon:
    """A daemon in a task, with the events that drive it from outside."""

    def __init__(self, provider: FakeProvider, sinks: Mapping[str, Sink], first: Configuration) -> None:
        self.stop, self.reload = asyncio.Event(), asyncio.Event()
        self.next: Configuration | ConfigError = first
        self._provider = provider
        self.journal: Journal = FakeJournal()
        self._sinks = sinks
        self.random = random.Random(0)
        self._first = first

    def load(self, _: Sequence[City]) -> Configuration:
        """Return the next configuration, or raise what is wrong with it."""
        if isinstance(self.next, ConfigError):
            raise self.next
        return self.next

    async def run(self) -> bool:
        """Run until stopped."""
        return await lifecycle.run_daemon(
            self._first,
            self.load,
            {"fake": self._provider},
            self._sinks,
            self.journal,
            watch=nobody_edits,
            stop=self.stop,
            reload=self.reload,
            now=virtual_time.now,
            random=self.random,
        )

    async def edits(self, configuration: Configuration | ConfigError) -> None:
        """Put another configuration in place and let the daemon read it."""
        self.next = configuration
        self.reload.set()
        await asyncio.sleep(1)


def _events(logs: Any, *names: str) -> list[Any]:
    return [event for event in logs if event["event"] in names]


async def test_a_day_of_three_cities() -> None:
    """In a virtual day every city is polled at its fixed rate, and every observation reaches the sink, in order."""
    provider, sink = FakeProvider().answers(after=0.5), FakeSink()
    running = Daemon(provider, {"sink": sink}, configured(*ROWS))
    asyncio.get_running_loop().call_later(86400, running.stop.set)
    with capture_logs() as logs:
        assert await running.run()
    assert sink.observations == provider.given
    for city in ROWS:
        gaps = [
            later - earlier for earlier, later in zip(provider.times(city)[1:], provider.times(city)[2:], strict=False)
        ]
        assert gaps == pytest.approx([600] * len(gaps), abs=1e-3)
        assert len(gaps) >= 141
    account = _events(logs, "daemon.stopped")[0]
    assert account["fetched"] == account["stored"] == len(provider.given)
    assert account["queued"] == account["dropped"] == account["repeated"] == 0


async def test_a_reload_touches_only_what_changed() -> None:
    """One city added and one changed: the third does not even miss a tick, and the event says so."""
    alone, edited = FakeProvider().answers(after=0.5), FakeProvider().answers(after=0.5)
    loop = asyncio.get_running_loop()
    start = loop.time()
    quiet = Daemon(alone, {}, configured(KIEL))
    loop.call_later(7200, quiet.stop.set)
    await quiet.run()
    undisturbed = [time - start for time in alone.times(KIEL)]

    start = loop.time()
    running = Daemon(edited, {}, configured(KIEL, BERLIN))

    async def edit() -> None:
        await asyncio.sleep(3333)
        await running.edits(configured(KIEL, replace(BERLIN, lat=52.6), MUNICH))

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
    """A configuration that cannot be loaded is explained, and the old one goes on without missing a tick."""
    provider = FakeProvider()
    running = Daemon(provider, {}, configured(KIEL))

    async def edit() -> None:
        await asyncio.sleep(1000)
        await running.edits(ConfigError(Problem("cities.yaml:3:7", "is not valid YAML")))

    asyncio.get_running_loop().call_later(3600, running.stop.set)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            assert await running.run()
    assert _events(logs, "cities.rejected")[0]["problems"] == ["cities.yaml:3:7: is not valid YAML"]
    assert len(provider.times(KIEL)) in (6, 7)


async def test_bad_rows_and_settings_that_need_a_restart_are_told() -> None:
    """A reload names each quarantined row, and the settings whose change takes effect at the next start."""
    running = Daemon(FakeProvider(), {}, configured(KIEL))
    bad = (Problem("cities.yaml:4:9", "'lat' should be at most 90, not 99"),)

    async def edit() -> None:
        await running.edits(replace(configured(KIEL, queue_size=7, interval=60.0), quarantined=(bad,)))
        running.stop.set()

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            await running.run()
    assert _events(logs, "city.quarantined")[0]["problems"] == ["cities.yaml:4:9: 'lat' should be at most 90, not 99"]
    assert _events(logs, "cities.reloaded")[0]["quarantined"] == 1
    assert _events(logs, "settings.need_restart")[0]["settings"] == ["queue_size"]


async def test_a_hanging_sink_is_abandoned_when_the_grace_ends() -> None:
    """A stop takes the grace at the most; then the daemon says what was left, and that it was not clean."""
    provider, sink, good = FakeProvider(), FakeSink(takes=365 * 86400.0), FakeSink()
    running = Daemon(provider, {"hanging": sink, "good": good}, configured(*ROWS))
    loop = asyncio.get_running_loop()
    loop.call_later(10, running.stop.set)
    with capture_logs() as logs:
        assert not await running.run()
    assert loop.time() == pytest.approx(18, abs=0.01)
    stopped = _events(logs, "daemon.stopped")[0]
    assert (stopped["clean"], stopped["log_level"]) == (False, "error")
    assert stopped["fetched"] == stopped["stored"] == 3  # it is in the journal, though it was never shown
    assert _events(logs, "sink.down")[0]["sink"] == "hanging"
    assert len(good.got) == 3


async def test_a_slow_sink_still_gets_everything_at_a_stop() -> None:
    """What waits at a stop is drained within the grace, however many batches it takes."""
    provider, sink = FakeProvider(), FakeSink(takes=3.0)
    cities = [replace(KIEL, id=f"city-{number}") for number in range(30)]
    running = Daemon(provider, {"sink": sink}, configured(*cities, queue_size=10))
    asyncio.get_running_loop().call_later(1, running.stop.set)
    assert await running.run()
    assert len(sink.got) == len(provider.given) == 30


async def test_a_bug_in_the_road_itself_ends_the_daemon() -> None:
    """Without a consumer there is no daemon: the error comes out instead of silence."""
    running = Daemon(FakeProvider().fails(), {}, configured(KIEL))
    running.random = Broken()
    with pytest.raises(BaseExceptionGroup):
        await running.run()


class Broken(random.Random):
    """Cannot draw."""

    def random(self) -> float:
        """Fail."""
        raise ZeroDivisionError
