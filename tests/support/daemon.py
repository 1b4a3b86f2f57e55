"""A daemon made of fakes, driven from outside by its events."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH, FakeJournal, new_key_values
from weatherd.clock import AnchoredClock
from weatherd.config.diff import diff
from weatherd.config.loader import Configuration
from weatherd.config.settings import Settings
from weatherd.daemon import lifecycle
from weatherd.daemon.monitor.list_sizes import ListSizes
from weatherd.daemon.parts import Parts
from weatherd.daemon.status import DaemonStatus, ReloadResult
from weatherd.errors import ConfigError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.pipeline.alerting.daemon_alerts import DaemonAlerts
from weatherd.pipeline.alerting.recorder import AlertRecorder
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl
from weatherd.pipeline.queue import ObservationQueue
from weatherd.polling.batch_polls import start_polls
from weatherd.polling.city_registry import CityRegistry
from weatherd.polling.poll_history import PollHistory
from weatherd.polling.producer import PollingContext
from weatherd.polling.rhythm.rhythms import Rhythms
from weatherd.polling.tick_timer import TickTimer
from weatherd.quota.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.support.fakes import FakeProvider
    from weatherd.city import City
    from weatherd.config.lists.known_rows import KnownRows
    from weatherd.observation import LastObservation
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider
    from weatherd.quota.plans import Plan

ROWS = (KIEL, BERLIN, MUNICH)
_SETTINGS = Settings()


def make_configuration(*cities: City, **settings: Any) -> Configuration:
    """Return a configuration of these cities and of the default settings, but for *settings*."""
    return Configuration(Path("weatherd.yaml"), _SETTINGS.model_copy(update=settings), cities, ())


def make_registry(cities: Iterable[City] = ()) -> CityRegistry:
    """Return a registry of these cities."""
    registry = CityRegistry()
    registry.apply(diff((), cities))
    return registry


def make_latest(cities: Iterable[City] = (), saved: Iterable[LastObservation] = ()) -> LatestObservations:
    """Return the latest observations after a start with these cities and what an earlier run has saved."""
    latest = LatestObservations(saved, BUILT_IN_BUDGETS)
    latest.apply(diff((), cities))
    return latest


def make_planner(plans: Mapping[str, Plan] | None = None) -> Planner:
    """Return a planner without rate limiters, by default for services without limits."""
    return Planner(plans or {}, lambda _provider, _rate: None)


def make_parts(configuration: Configuration, providers: Mapping[str, Provider], **parts: Any) -> Parts:
    """Return the parts of a daemon on virtual time, with a fake journal and without sinks, but for *parts*.

    A reload finds the same configuration again.
    """
    defaults: dict[str, Any] = {
        "load": lambda _: configuration,
        "snapshot": None,
        "registry": CityRegistry(),
        "latest": make_latest(),
        "quality": QualityControl(configuration.settings.quality),
        "planner": make_planner(),
        "sinks": {},
        "journal": FakeJournal(),
        "list_sizes": ListSizes(new_key_values()),
        "rhythms": Rhythms(parts.get("planner") or make_planner(), new_key_values()),
        "now": virtual_time.now,
        "boot": virtual_time.boot,
        "open_warnings": None,  # never called for a list that wants none
        "random": random.Random(0),
    }
    given = defaults | parts
    given.setdefault("daemon_alerts", DaemonAlerts((), AlertRecorder(given["journal"])))
    return Parts(configuration=configuration, providers=providers, **given)


def make_context(providers: Mapping[str, Provider], **parts: Any) -> PollingContext:
    """Return what producers need, without cities and on the running loop's clock, but for *parts*."""
    clock = parts.get("clock") or AnchoredClock(virtual_time.now, virtual_time.boot)
    history, latest = parts.get("history") or PollHistory(), parts.get("latest") or make_latest()
    defaults: dict[str, Any] = {
        "planner": make_planner(),
        "registry": CityRegistry(),
        "latest": latest,
        "queue": ObservationQueue(1000),
        "clock": clock,
        "timer": TickTimer(clock, start_polls),
        "random": random.Random(0),
        "history": history,
        "rhythms": Rhythms(parts.get("planner") or make_planner(), new_key_values()),
        "loop": asyncio.get_running_loop(),
    }
    return PollingContext(providers=providers, **(defaults | parts))


def make_status(cities: Iterable[City] = (), **parts: Any) -> DaemonStatus:
    """Return the status of a daemon that has just started, without a journal and forwarders, but for *parts*."""
    queue = ObservationQueue(1)
    defaults: dict[str, Any] = {
        "registry": make_registry(cities),
        "latest": make_latest(),
        "queue": queue,
        "writer": JournalWriter(FakeJournal().add, queue),
        "sinks": [],
        "planner": make_planner(),
        "limiters": {},
        "journal": None,
        "deliveries": None,
        "now": virtual_time.now,
        "clock": AnchoredClock(virtual_time.now, virtual_time.boot),
        "request_reload": lambda: None,
        "last_reload": ReloadResult(successful=True, at=0.0),
        "history": PollHistory(),
        "daemon_alerts": DaemonAlerts((), AlertRecorder(FakeJournal())),
        "list_sizes": ListSizes(new_key_values()),
    }
    return DaemonStatus(**(defaults | parts))


class DaemonRunner:
    """A daemon with one provider, and the events that drive it."""

    def __init__(
        self, provider: FakeProvider, sinks: Mapping[str, Sink], configuration: Configuration, **parts: Any
    ) -> None:
        self.stop, self.reload = asyncio.Event(), asyncio.Event()
        self.next: Configuration | ConfigError = configuration
        self.parts = make_parts(configuration, {"fake": provider}, load=self._load, sinks=sinks, **parts)

    async def run(self) -> bool:
        """Run until stopped."""
        return await lifecycle.run_daemon(self.parts, stop=self.stop, reload=self.reload)

    async def edit(self, configuration: Configuration | ConfigError) -> None:
        """Replace the configuration, or what is wrong with it, and reload."""
        self.next = configuration
        self.reload.set()
        await asyncio.sleep(1)

    def _load(self, _: KnownRows) -> Configuration:
        if isinstance(self.next, ConfigError):
            raise self.next
        return self.next
